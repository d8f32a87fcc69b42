"""Pairs a second of the fidelity score on one core: a sentence and its edit, both never read before.

    python benchmarks/fidelity.py --data FOLDER_OF_CORPORA [--pairs 1500]

CPU time of `fidelity.measure` on declared and hand-written edits; English by words alone, and with vectors that are
there already, for they are the embedder's time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent / "truth"))

import numpy as np
from meaning_pairs import declared, hand_written
from numpy.typing import NDArray

from quality import fidelity
from quality.fidelity.reading import read


def random_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    rows = np.random.default_rng(1).standard_normal((len(texts), 384), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of corpora")
    parser.add_argument("--pairs", type=int, default=1500)
    args = parser.parse_args()
    for language in ("en", "zh"):
        pairs = [*hand_written(args.data, language), *declared(args.data, language)][: args.pairs]
        left, right = [pair.original for pair in pairs], [pair.edited for pair in pairs]
        languages = [language] * len(pairs)
        fidelity.measure(left[:20], right[:20], languages[:20])  # lexicons are loaded
        for title, encode in (("by words", None), ("with vectors", random_vectors)):
            if encode and language == "zh":
                continue
            read.cache_clear()
            start = time.process_time()
            fidelity.measure(left, right, languages, encode)
            print(f"{language} {title:13s} {len(pairs) / (time.process_time() - start):6.0f} pairs/s")


if __name__ == "__main__":
    main()
