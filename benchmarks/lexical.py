"""Measures the lexical embedder: speed, and the error of its cosine against the exact one without hashing.

    python benchmarks/lexical.py llama_data.json.gz --fields instruction

Texts are compared with copies of themselves in which one or two characters (one word, where words are written
apart) are exchanged for others of the corpus: such pairs lie where a decision about duplicates falls.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import pyarrow as pa
from near import read_texts
from numpy.typing import NDArray

from quality import lexical

BINS = (0.5, 0.7, 0.8, 0.9, 1.01)


def changed(text: str, others: list[str], draw: random.Random) -> str:
    """Return a text with one word, or one or two characters, of other texts."""
    words, other = text.split(), draw.choice(others)
    if 8 * len(words) > len(text) + 8:
        words[draw.randrange(len(words))] = draw.choice(other.split())
        return " ".join(words)
    for _ in range(draw.choice((1, 2))):
        at = draw.randrange(len(text))
        text = text[:at] + draw.choice(other) + text[at + 1 :]
    return text


def exact_cosines(left: list[str], right: list[str], fitted: pa.Table) -> NDArray[np.float64]:
    """Return the cosines of the same weighted features, none hashed to a place."""
    table = fitted.to_pydict()
    weights = dict(zip(table["feature"], table["weight"], strict=True))
    rows: list[dict[int, float]] = [{} for _ in range(len(left) + len(right))]
    start = 0
    for found, texts_in in lexical.distinct_features([*left, *right]):
        for feature, row, count in zip(
            found.values.tolist(), (found.text_of + start).tolist(), found.counts.tolist(), strict=True
        ):
            rows[row][feature] = (1 + np.log(count)) * weights.get(feature, weights[0])
        start += texts_in
    length = np.sqrt([sum(value * value for value in row.values()) for row in rows])
    products = [
        sum(value * other.get(feature, 0.0) for feature, value in row.items())
        for row, other in zip(rows[: len(left)], rows[len(left) :], strict=True)
    ]
    return np.array(products) / length[: len(left)] / length[len(left) :]


def main() -> None:
    """Print speeds and the distribution of the error for several dimensions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path)
    parser.add_argument("--fields", nargs="+", default=["instruction"])
    parser.add_argument("--pairs", type=int, default=10_000)
    given = parser.parse_args()
    texts = sorted({text for text in read_texts(given.path, given.fields) if len(text.strip()) >= 6})
    start = time.process_time()
    fitted = lexical.fit([lexical.summarise(texts)])
    learnt = time.process_time()
    lexical.embed(texts, fitted)
    done = time.process_time()
    print(
        f"{len(texts)} texts, {sum(map(len, texts)) / len(texts):.0f} characters each, {fitted.num_rows} features"
    )
    print(
        f"texts a CPU second: learn {len(texts) / (learnt - start):.0f}, embed {len(texts) / (done - learnt):.0f}"
    )
    draw = random.Random(1)
    left = [draw.choice(texts) for _ in range(given.pairs)]
    right = [changed(text, texts, draw) for text in left]
    exact = exact_cosines(left, right, fitted)
    for dimension in (512, lexical.DIMENSION, 1024):
        ours, theirs = lexical.embed(left, fitted, dimension), lexical.embed(right, fitted, dimension)
        errors = np.abs(np.einsum("ij,ij->i", ours, theirs, dtype=np.float64) - exact)
        for low, high in (*itertools.pairwise(BINS), (0.8, 1.01)):
            inside = errors[(exact >= low) & (exact < high)]
            if len(inside):
                print(
                    f"dimension {dimension}, exact cosine {low}–{min(high, 1):.1f}: {len(inside)} pairs, mean "
                    f"{inside.mean():.4f}, 99th percentile {np.quantile(inside, 0.99):.4f}, most {inside.max():.4f}"
                )


if __name__ == "__main__":
    main()
