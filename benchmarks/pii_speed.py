"""Documents a second of the recognisers of personal data, presidio's beside them, and whether cost grows with length.

One run, the same texts, no NER on either side; presidio has its pattern recognisers over a blank tokenizer. A document
is a record's texts together. Names and addresses, for which presidio has no recogniser without NER, are left out on our
side, and counted apart. The first ratios are of processor time on one core. The last column is of wall time on the
machine's cores as each side uses them: a build scrubs with a process a core, presidio's recognisers run in one process
(`n_process` of its batch engine speeds a spaCy pipeline alone).

    python benchmarks/pii_speed.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent / "truth"))

from corpora_pii import rows

from quality.pii import KINDS, find

FIELDS = frozenset(
    {"instruction", "input", "output", "value", "text", "question", "answer", "std_answer", "content"}
)
CORPORA = (
    ("en", "alpaca_orig/alpaca_data.json.gz"),
    ("en", "dolly_3k/dolly_3k.json.gz"),
    ("en", "oasst_sample/en_100_message.jsonl.gz"),
    ("en", "covid_faq/faq_covidbert.csv"),
    ("zh", "medicalgpt_zh/medical_sft_1K_format.jsonl"),
    ("zh", "medicalgpt_zh/sharegpt_zh_1K_format.jsonl.gz"),
    ("zh", "belle_seed/eval_set.json"),
    ("zh", "crosswoz_zh/val.json.zip"),
)
ROUNDS = 5
LEAST_TEXTS = 2000
"""Texts that several processes read, so that handing them over does not count."""
STRUCTURED = frozenset(KINDS) - {"name", "address"}


def strings(value: object, field: str = "") -> Iterator[str]:
    """Yield the texts of a record: the strings under the fields that hold them."""
    if isinstance(value, str):
        if field in FIELDS:
            yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, field)


def documents(data: Path, file: str, most: int) -> list[str]:
    """Return the first records of a corpus that differ, each as one text."""
    texts = ("\n".join(strings(record)) for record in rows(data / file))
    return list(islice(dict.fromkeys(text for text in texts if text), most))


def rate(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return texts a second."""
    start = time.process_time()
    for text in texts:
        work(text)
    return len(texts) / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of corpora")
    parser.add_argument(
        "--texts", type=int, default=10000, help="documents of the first corpus for our rates alone"
    )
    parser.add_argument("--cores", type=int, default=2, help="processes of the last column")
    parser.add_argument("--peer-texts", type=int, default=400, help="documents of each corpus for both")
    args = parser.parse_args()

    from pii_presidio import build

    peer = build()
    versions = {
        name: importlib.metadata.version(name) for name in ("presidio-analyzer", "spacy", "phonenumbers")
    }
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    print(
        "| language | corpus | documents | characters | presidio/s | structured/s | ratio | all kinds/s | ratio "
        f"| all kinds/s, {args.cores} cores | ratio |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with ProcessPoolExecutor(args.cores, get_context("spawn")) as pool:
        for lang, file in CORPORA:
            texts = documents(args.data, file, args.peer_texts)
            print(compared(lang, file, texts, peer, pool, args.cores), flush=True)
    texts = documents(args.data, CORPORA[0][1], args.texts)
    find("".join(texts[:50]))
    theirs = rate(lambda text: peer(text, CORPORA[0][0]), texts[: args.peer_texts])
    once = rate(find, texts)
    print(
        f"{CORPORA[0][1]}, each document read once: all kinds {once:,.0f}/s of {len(texts)}, presidio {theirs:,.0f}/s"
        f" of the first {args.peer_texts}, ratio {once / theirs:.1f}"
    )
    for size in (1, 2, 4):
        long = "\n".join(texts)[: size * 500_000]
        start = time.process_time()
        find(long)
        seconds = time.process_time() - start
        print(
            f"one text of {len(long):,} characters: {seconds:.2f} s, {1e6 * seconds / len(long):.2f} s per million"
        )


def found(texts: Sequence[str]) -> int:
    """Return how many spans some texts have: the work of one process."""
    return sum(len(find(text)) for text in texts)


def wall_rate(texts: Sequence[str], pool: ProcessPoolExecutor, cores: int) -> float:
    """Return texts a second of wall time, a process a core; each reads the texts in equal parts, again and again."""
    again = max(1, LEAST_TEXTS // len(texts))
    parts = [list(texts[at::cores]) * again for at in range(cores)]
    start = time.perf_counter()
    list(pool.map(found, parts))
    return again * len(texts) / (time.perf_counter() - start)


def compared(
    lang: str,
    file: str,
    texts: Sequence[str],
    peer: Callable[[str, str], object],
    pool: ProcessPoolExecutor,
    cores: int,
) -> str:
    """Return the row of a corpus: turn about, the best of the rounds, since a neighbour on the machine slows both."""
    theirs, structured, every, together, alone = [], [], [], [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        theirs.append(rate(lambda text: peer(text, lang), texts))
        alone.append(len(texts) / (time.perf_counter() - start))
        together.append(wall_rate(texts, pool, cores))
        structured.append(rate(lambda text: find(text, STRUCTURED), texts))
        every.append(rate(find, texts))
    best = max(theirs)
    return (
        f"| {lang} | {file} | {len(texts)} | {sum(map(len, texts)) / len(texts):.0f} | {best:,.0f} "
        f"| {max(structured):,.0f} | {max(structured) / best:.1f} | {max(every):,.0f} | {max(every) / best:.1f} "
        f"| {max(together):,.0f} | {max(together) / max(alone):.1f} |"
    )


if __name__ == "__main__":
    main()
