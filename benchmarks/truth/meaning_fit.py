"""Fits the weights of `quality/fidelity` on the open half of the edits and writes them.

    python benchmarks/truth/meaning_fit.py --data FOLDER_OF_CORPORA

A logistic regression with an intercept; every weight of evidence is at least 0. Hand-written pairs count six times,
for there are fewer of them and they are what an editor does; both labels weigh the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from meaning_pairs import Pair, declared, hand_written, reworded_by_rule
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.models import ModelRef, Models
from quality.fidelity import relations
from quality.fidelity.judge import Encode, compared, encoded, features

OUT = Path(__file__).resolve().parents[2] / "quality/fidelity/data/weights.json"
HAND = 6.0
L2 = 0.002


def table(pairs: list[Pair], encode: Encode | None) -> tuple[list[str], NDArray[np.float64]]:
    """Return the names of the features and their values, float64 [pairs, features]."""
    vectors = encoded([(pair.original, pair.edited) for pair in pairs], encode)
    rows = [features(compared(pair.original, pair.edited, vectors)) for pair in pairs]
    names = list(rows[0])
    return names, np.array([[row[name] for name in names] for row in rows])


def fit(
    values: NDArray[np.float64], kept: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return intercept and weights, float64 [1 + features], that lose least."""
    sign = np.where(kept, 1.0, -1.0)

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (theta[0] - values @ theta[1:])
        slope = -sign * weights / (1 + np.exp(margin))
        gradient = np.concatenate([[slope.sum()], -(values.T @ slope)])
        gradient[1:] += L2 * theta[1:]
        return float((weights * np.logaddexp(0, -margin)).sum() + L2 / 2 * (theta[1:] ** 2).sum()), gradient

    bounds = [(None, None)] + [(0.0, None)] * values.shape[1]
    start = np.ones(values.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def fitted(pairs: list[Pair], encode: Encode | None) -> dict[str, float]:
    names, values = table(pairs, encode)
    kept = np.array([pair.kept for pair in pairs])
    weights = np.array([HAND if pair.by_hand else 1.0 for pair in pairs])
    for label in (True, False):
        weights[kept == label] /= weights[kept == label].sum()
    theta = fit(values, kept, weights * 2)
    return {"intercept": round(float(theta[0]), 3)} | {
        name: round(float(weight), 3) for name, weight in zip(names, theta[1:], strict=True) if weight > 1e-3
    }


def without_list(fit_now: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return what is fitted while the list of Chinese rewordings is empty.

    It was written after the errors of the open half had been read: with it a word that has no match would seem to tell
    more than it does on other texts.
    """
    relations.are_synonyms.cache_clear()
    with mock.patch.object(relations, "_rewordings", dict):
        found = fit_now()
    relations.are_synonyms.cache_clear()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of corpora")
    args = parser.parse_args()
    pairs = {}
    for language in ("en", "zh"):
        by_hand = hand_written(args.data, language)
        every = [*by_hand, *declared(args.data, language), *reworded_by_rule(by_hand)]
        pairs[language] = [pair for pair in every if not pair.frozen]
    encode = Models().embedder(ModelRef()).encode
    found = {
        "en": fitted(pairs["en"], encode),
        "en_words": fitted(pairs["en"], None),
        "zh": without_list(lambda: fitted(pairs["zh"], None)),
    }
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
