"""Evidence of meaning: cosines of an embedder's vectors, held against those of strangers.

A cosine of .4 is much for an odd prompt and little for a common one, so besides the cosine itself it counts how far
it stands above those of the same prompt with other records' responses, and of the same response with other prompts
(cross-domain similarity local scaling, Conneau et al. 2018). The strangers are a sample that the fit carries,
rounded to whole numbers: their products are exact, so that no score depends on the size of a batch. Rejected: a
second model that reads both texts (a cross-encoder), which costs more than all the rest of a build.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.relevance.draw import FOLDS, Vectors
from quality.relevance.words import F64
from quality.tokens import I64

NAMES = ("cosine_request", "cosine_whole", "above_responses", "above_prompts", "nearest_response")
MOST_STRANGERS = 1024
_SCALE = 127.0
_NEAREST = 5


@dataclass(frozen=True, slots=True)
class Strangers:
    """A sample of other records: whole numbers as float32 [m, d], and their folds int64 [m]."""

    requests: NDArray[np.float32]
    responses: NDArray[np.float32]
    folds: I64


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return unit vectors as whole numbers up to 127, whose products float32 adds without error."""
    scaled: NDArray[np.float32] = np.rint(vectors * np.float32(_SCALE))
    return scaled


def sample_strangers(vectors: Vectors, folds: I64) -> Strangers:
    """Return the first records as strangers."""
    some = slice(0, MOST_STRANGERS)
    return Strangers(rounded(vectors.request[some]), rounded(vectors.response[some]), folds[some])


def meaning_features(strangers: Strangers, left: Vectors, i: I64, right: Vectors, j: I64, folds: I64) -> F64:
    """Return float64 [pairs, NAMES] of the pairs (i, j), with strangers of other folds than `folds[pair]`."""
    asked, whole, given = left.request[i], left.whole[i], right.response[j]
    cosines = [_cosine(one, given) for one in (asked, whole)]
    best = np.maximum(*cosines)
    prompt_side = _nearest(rounded(asked), strangers.responses, strangers.folds, folds)
    response_side = _nearest(rounded(given), strangers.requests, strangers.folds, folds)
    return np.column_stack(
        [*cosines, best - prompt_side[:, 0], best - response_side[:, 0], best - prompt_side[:, 1]]
    )


def _cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> F64:
    products: F64 = (left.astype(np.float64) * right.astype(np.float64)).sum(axis=1)
    return products


def _nearest(rows: NDArray[np.float32], others: NDArray[np.float32], theirs: I64, folds: I64) -> F64:
    """Return float64 [rows, 2]: the mean cosine with the nearest strangers of other folds, and the greatest."""
    found = np.zeros((len(rows), 2))
    for fold in range(FOLDS):
        own = np.flatnonzero(folds == fold)
        pool = others[theirs != fold]
        if not len(own) or len(pool) < _NEAREST:
            continue
        products = rows[own] @ pool.T
        top = np.partition(products, -_NEAREST, axis=1)[:, -_NEAREST:].astype(np.float64) / _SCALE**2
        found[own, 0], found[own, 1] = np.sort(top, axis=1).mean(axis=1), top.max(axis=1)
    return found
