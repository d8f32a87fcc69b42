"""Finds the pairs of prompts of cosine >= .9 beside sentence-transformers, and counts which pairs each finds.

    python benchmarks/semantic.py alpaca_data.json.gz --texts 52002

Both encode every prompt with all-MiniLM-L6-v2 in fp32 and search all pairs: this project as the dedupe stage does
(tiles of a matrix product, double precision for what is near), sentence-transformers by `encode` with its default
batch and `paraphrase_mining`. The truth is the brute-force product of sentence-transformers' own vectors.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from encoder import processor, read_prompts
from numpy.typing import NDArray

from pipeline.judging import TILE_ROWS
from pipeline.models import ModelRef, Models
from pipeline.pairs import tiles
from pipeline.stages.dedupe import Dedupe, DedupeParams

Pairs = set[tuple[int, int]]


def ours(texts: list[str], threshold: float) -> Pairs:
    """Return the pairs that the dedupe stage proposes, from the threshold on."""
    vectors = Models().embedder(ModelRef()).encode(texts)
    stage, params = Dedupe(), DedupeParams()
    found: Pairs = set()
    for tile in tiles(len(texts), TILE_ROWS):
        table = stage.link("prompt_cosine", vectors, tile, params)
        close = table.filter(table.column("score").to_numpy() >= threshold)
        found |= set(zip(close.column("left").to_pylist(), close.column("right").to_pylist(), strict=True))
    return found


def theirs(texts: list[str], threshold: float) -> Pairs:
    """Return the pairs that sentence-transformers mines."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import paraphrase_mining

    from pipeline.models.reference import locate

    model = SentenceTransformer(str(locate(ModelRef())), device="cpu")
    mined = paraphrase_mining(model, texts, show_progress_bar=False, max_pairs=1_000_000)
    return {(min(a, b), max(a, b)) for score, a, b in mined if score >= threshold}


def truth(texts: list[str], threshold: float) -> Pairs:
    """Return the pairs by brute force over sentence-transformers' vectors, in double precision near the threshold."""
    from sentence_transformers import SentenceTransformer

    from pipeline.models.reference import locate

    model = SentenceTransformer(str(locate(ModelRef())), device="cpu")
    vectors: NDArray[np.float32] = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    found: Pairs = set()
    for start in range(0, len(texts), 1024):
        rows, columns = np.nonzero(vectors[start : start + 1024] @ vectors.T >= threshold - 1e-5)
        rows += start
        later = rows < columns
        rows, columns = rows[later], columns[later]
        exact = (vectors[rows].astype(np.float64) * vectors[columns].astype(np.float64)).sum(axis=1)
        found |= set(
            zip(rows[exact >= threshold].tolist(), columns[exact >= threshold].tolist(), strict=True)
        )
    return found


def f1(found: Pairs, true: Pairs) -> float:
    """Return the harmonic mean of precision and recall of pairs."""
    return 2 * len(found & true) / (len(found) + len(true)) if found or true else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="Alpaca data: .json, .jsonl, or either with .gz")
    parser.add_argument("--texts", type=int, default=52_002)
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    texts = sorted(set(read_prompts(args.path, args.texts, args.seed)))
    print(f"{processor()}; {len(texts)} distinct prompts, cosine >= {args.threshold}")
    Models().embedder(ModelRef()).encode(texts[:64])
    seconds = {}
    results = {}
    for name, run in (("this project", ours), ("sentence-transformers", theirs)):
        began = time.perf_counter()
        results[name] = run(texts, args.threshold)
        seconds[name] = time.perf_counter() - began
    true = truth(texts, args.threshold)
    for name, found in results.items():
        ratio = seconds["sentence-transformers"] / seconds[name]
        print(
            f"{name:24}{seconds[name]:8.1f} s {ratio:5.2f}x  {len(found):7} pairs  F1 {f1(found, true):.4f}"
        )
    print(f"{'brute force':24}{len(true):>33} pairs")


if __name__ == "__main__":
    main()
