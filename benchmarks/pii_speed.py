"""Documents a second of the recognisers of personal data, presidio's beside them, and whether cost grows with length.

One run, one process, processor time, the same texts, no NER on either side; presidio has its pattern recognisers over
a blank tokenizer. Names and addresses are left out on our side, since presidio has no recogniser for them without
NER, and counted apart.

    python benchmarks/pii_speed.py --data ../shared/data
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent / "truth"))

from corpora_pii import rows

from quality.pii import KINDS, find

ALPACA = "alpaca_orig/alpaca_data.json.gz"


def rate(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return texts a second."""
    start = time.process_time()
    for text in texts:
        work(text)
    return len(texts) / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of corpora")
    parser.add_argument("--texts", type=int, default=10000)
    parser.add_argument(
        "--peer-texts", type=int, default=1000, help="presidio takes the first of the same texts"
    )
    args = parser.parse_args()
    records = rows(args.data / ALPACA)[: args.texts]
    texts = ["\n".join(record[key] for key in ("instruction", "input", "output")) for record in records]
    structured = frozenset(KINDS) - {"name", "address"}
    clean = [text for text in texts if not find(text, structured)]

    from pii_presidio import build

    peer = build()
    for text in texts[:20]:
        find(text)
        peer(text, "en")
    versions = {
        name: importlib.metadata.version(name) for name in ("presidio-analyzer", "spacy", "phonenumbers")
    }
    print(f"{platform.machine()}, Python {platform.python_version()}, {versions}")
    print(f"Alpaca: {len(texts)} texts, {sum(map(len, texts)) / len(texts):.0f} characters each")
    few = texts[: args.peer_texts]
    # Turn about, the best of three: a neighbour on the machine slows both.
    ours, theirs = [], []
    for _ in range(3):
        ours.append(rate(lambda text: find(text, structured), few))
        theirs.append(rate(lambda text: peer(text, "en"), few))
    ratio = max(ours) / max(theirs)
    print(f"the first {len(few)}: ours {max(ours):,.0f}/s, presidio {max(theirs):,.0f}/s, ratio {ratio:.1f}")
    print(f"all: ours {rate(lambda text: find(text, structured), texts):,.0f}/s")
    print(
        f"without personal data: ours {rate(lambda text: find(text, structured), clean):,.0f}/s of {len(clean)}"
    )
    every = max(rate(find, few) for _ in range(3))
    print(f"names and addresses too: ours {every:,.0f}/s, ratio {every / max(theirs):.1f}")
    for size in (1, 2, 4):
        long = "\n".join(texts)[: size * 500_000]
        start = time.process_time()
        find(long, structured)
        seconds = time.process_time() - start
        print(
            f"one text of {len(long):,} characters: {seconds:.2f} s, {1e6 * seconds / len(long):.2f} s per million"
        )


if __name__ == "__main__":
    main()
