"""Draws children of `embedding_neighbours` to be read, and says how many prompts have one.

    python benchmarks/truth/augmentation_neighbours.py ../shared/data/dolly_3k/dolly_3k.json.gz --seed s2

Rows stand in the order of a hash of seed and row number. What people thought of the children drawn last stands in
`augmentation/embedding_neighbours_en.jsonl`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.augment import Ask, Child, Guard
from pipeline.augment.embedding_neighbours import EmbeddingNeighboursMethod, EmbeddingNeighboursParams
from pipeline.augment.protocol import seed_of
from pipeline.models import Models


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="a list of records as gzipped JSON")
    parser.add_argument("--seed", default="s2")
    parser.add_argument("--rows", type=int, default=None, help="of the draw; by default all")
    parser.add_argument("--show", type=int, default=100)
    given = parser.parse_args()
    rows = json.loads(gzip.decompress(given.corpus.read_bytes()))
    order = sorted(range(len(rows)), key=lambda n: hashlib.sha256(f"{given.seed}{n}".encode()).hexdigest())
    order = order[: given.rows]
    asks = []
    for number in order:
        texts = {"system": "", **{name: rows[number][name] for name in ("instruction", "input", "output")}}
        asks.append(Ask(texts, (), "en", seed_of(given.seed, number), 0))
    found = EmbeddingNeighboursMethod().children(asks, EmbeddingNeighboursParams(), Guard(), Models())
    children = [
        {"id": number, "parent": rows[number]["instruction"], "child": each.texts["instruction"]}
        for number, each in zip(order, found, strict=True)
        if isinstance(each, Child)
    ]
    for child in children[: given.show]:
        print(json.dumps(child, ensure_ascii=False))
    why = Counter("child" if isinstance(each, Child) else each.why for each in found)
    print(dict(why), f"of {len(found)} prompts", file=sys.stderr)


if __name__ == "__main__":
    main()
