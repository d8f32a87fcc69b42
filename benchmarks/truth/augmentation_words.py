"""Draws children of `synonyms` and `noise` to be read, as rows without a judgement.

Parents are drawn by a hash of seed and text; the first that have a child are shown. Rows that were read, with `kept`
filled in, stand in `augmentation/<method>_<lang>.jsonl`; `--count` says what they come to.

    python benchmarks/truth/augmentation_words.py synonyms en --data ../shared/data --seed fresh-1 > rows.jsonl
    python benchmarks/truth/augmentation_words.py --count
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from pathlib import Path

from pipeline.augment.noise import Noise, NoiseParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, seed_of
from pipeline.augment.synonyms import Synonyms, SynonymsParams
from pipeline.models import Models

FOLDER = Path(__file__).parent / "augmentation"


def prompts(data: Path, lang: str) -> list[str]:
    """Return the different prompts of dolly_3k (English) or belle_seed (Chinese), in order."""
    if lang == "en":
        with gzip.open(data / "dolly_3k/dolly_3k.json.gz", "rt", encoding="utf-8") as stream:
            text = stream.read()
        rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        return list(dict.fromkeys(row["instruction"] for row in rows))
    seeds = (data / "belle_seed/zh_seed_tasks.json").read_text("utf-8").split("\n")
    evals = (data / "belle_seed/eval_set.json").read_text("utf-8").split("\n")
    texts = [json.loads(line)["instruction"] for line in seeds if line.strip()]
    texts += [json.loads(line)["question"] for line in evals if line.strip()]
    return list(dict.fromkeys(texts))


def drawn(texts: list[str], seed: str) -> list[str]:
    """Return texts in the order of a hash of seed and text."""
    return sorted(texts, key=lambda text: hashlib.blake2b(f"{seed}|{text}".encode()).hexdigest())


def children(method: str, lang: str, texts: list[str], seed: str, sense: bool) -> list[Answer]:
    """Return one answer a text."""
    asks = [
        Ask(
            {"system": "", "instruction": text, "input": "", "output": ""},
            (),
            lang,
            seed_of(seed, text, method, 0),
            0,
        )
        for text in texts
    ]
    if method == "synonyms":
        return Synonyms().children(asks, SynonymsParams(sense=sense), Guard(), Models())
    return Noise().children(asks, NoiseParams(), Guard(), Models())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", nargs="?", choices=["synonyms", "noise"])
    parser.add_argument("lang", nargs="?", choices=["en", "zh"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seed", default="fresh-1")
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--no-sense", action="store_true")
    parser.add_argument("--count", action="store_true")
    args = parser.parse_args()
    if args.count:
        for path in sorted(FOLDER.glob("*.jsonl")):
            rows = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
            print(path.name, f"{sum(row['kept'] for row in rows)} of {len(rows)} kept")
        return
    texts = drawn(prompts(args.data, args.lang), args.seed)
    shown = 0
    for text, answer in zip(
        texts, children(args.method, args.lang, texts, args.seed, not args.no_sense), strict=True
    ):
        if isinstance(answer, Child) and shown < args.rows:
            shown += 1
            name = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
            row = {"id": name, "parent": text, "child": answer.texts["instruction"], "kept": None, "note": ""}
            print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
