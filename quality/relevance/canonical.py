"""Evidence of aspects: who asks for a treatment is told of drugs, who asks for symptoms of signs, whatever the
disease.

Which common words of the prompt foretell which common words of the response, all together: the log-density ratio of a
regularised canonical correlation (Hotelling 1936; Bach & Jordan 2005) of the words' presence. Words that always come
together are counted once, which no sum over pairs of words does; so responses of the right topic to another question
are told apart. Weights are rounded to whole numbers, whose sums are exact: no score depends on the size of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.relevance.draw import FOLDS
from quality.relevance.words import F64, Words, lookup
from quality.tokens import I64, U64

NAMES = ("canonical", "canonical_by_size")
MOST_ASKED = 600
MOST_GIVEN = 1_200
RIDGE = 1.0
_LEAST, _MOST_SHARE = 5, 0.7
_RARE = 0.02
_WHOLE = 30_000.0
_AT_ONCE = 1_024


@dataclass(frozen=True, slots=True)
class Canonical:
    """What was learnt of common words.

    Attributes:
        asked, given: common features of prompts [p] and of responses [r], sorted.
        weights: whole numbers, float64 [FOLDS, p, r], learnt without each fold.
        unit: what one of them stands for, by fold [FOLDS].
        usual_asked, usual_given: how often each feature stands in a prompt, a response, by fold [FOLDS, p], [FOLDS,
        r].
    """

    asked: U64
    given: U64
    weights: F64
    unit: F64
    usual_asked: F64
    usual_given: F64


def learn_canonical(prompts: Words, responses: Words, folds: I64) -> Canonical:
    """Learn from prompts and responses, row by row."""
    texts = len(folds)
    asked, given = _common(prompts, texts, MOST_ASKED), _common(responses, texts, MOST_GIVEN)
    counts = [
        _counts(prompts, responses, asked, given, np.flatnonzero(folds == fold)) for fold in range(FOLDS)
    ]
    total = tuple(np.sum([one[part] for one in counts], axis=0) for part in range(5))
    weights = np.zeros((FOLDS, len(asked), len(given)))
    unit, usual = np.ones(FOLDS), (np.zeros((FOLDS, len(asked))), np.zeros((FOLDS, len(given))))
    for fold in range(FOLDS):
        records = texts - int(np.count_nonzero(folds == fold))
        if not records or not len(asked) or not len(given):
            continue
        rest = [whole - own for whole, own in zip(total, counts[fold], strict=True)]
        usual[0][fold], usual[1][fold] = np.round(rest[0] / records, 6), np.round(rest[1] / records, 6)
        found = _weights(rest, records)
        unit[fold] = max(float(np.abs(found).max()), 1e-12) / _WHOLE
        weights[fold] = np.rint(found / unit[fold])
    return Canonical(asked, given, weights, np.round(unit, 12), *usual)


def _common(words: Words, texts: int, most: int) -> U64:
    """Return the commonest features, but for those of nearly all texts, sorted."""
    values, documents = np.unique(words.values, return_counts=True)
    order = np.lexsort((values, -documents))
    kept = (documents[order] >= _LEAST) & (documents[order] <= _MOST_SHARE * texts)
    return np.sort(values[order[kept][:most]])


def _presence(words: Words, features: U64, rows: I64) -> NDArray[np.float32]:
    """Return float32 [rows, features]: 1 where a text holds a feature."""
    found = np.zeros((len(rows), len(features)), np.float32)
    at, position = words.of(rows)
    place, known = lookup(words.values[at], features)
    found[position[known], place[known]] = 1
    return found


def _counts(prompts: Words, responses: Words, asked: U64, given: U64, rows: I64) -> tuple[F64, ...]:
    """Return the counts of a fold: of prompt features, response features, and pairs of each with each."""
    sums: list[F64] = [
        np.zeros(len(asked)), np.zeros(len(given)), np.zeros((len(asked), len(asked))),
        np.zeros((len(given), len(given))), np.zeros((len(asked), len(given))),
    ]  # fmt: skip
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        left, right = _presence(prompts, asked, some), _presence(responses, given, some)
        parts = (left.sum(0), right.sum(0), left.T @ left, right.T @ right, left.T @ right)
        sums = [total + part for total, part in zip(sums, parts, strict=True)]  # below 2**24: exact
    return tuple(sums)


def _weights(counts: list[F64], records: int) -> F64:
    """Return the weights of presence, float64 [p, r], from counts over records."""
    means = [counts[0] / records, counts[1] / records]
    spread = [np.sqrt(mean * (1 - mean) + _RARE) for mean in means]

    def correlation(both: F64, one: int, other: int) -> F64:
        found: F64 = (both / records - np.outer(means[one], means[other])) / np.outer(
            spread[one], spread[other]
        )
        return found

    asked = correlation(counts[2], 0, 0) + RIDGE * np.eye(len(means[0]))
    given = correlation(counts[3], 1, 1) + RIDGE * np.eye(len(means[1]))
    half = np.linalg.solve(asked, correlation(counts[4], 0, 1))
    whole: F64 = np.linalg.solve(given, half.T).T
    scaled: F64 = whole / np.outer(spread[0], spread[1])
    return scaled


def canonical_features(
    learnt: Canonical, prompts: Words, i: I64, responses: Words, j: I64, folds: I64
) -> F64:
    """Return float64 [pairs, NAMES] of the pairs (i, j), by weights learnt without fold `folds[pair]`."""
    found = np.zeros(len(i))
    for fold in range(FOLDS):
        own = np.flatnonzero(folds == fold)
        weights = learnt.weights[fold]
        usual_asked, usual_given = learnt.usual_asked[fold], learnt.usual_given[fold]
        of_asked = np.einsum("pr,r->p", weights, usual_given)
        of_given = np.einsum("pr,p->r", weights, usual_asked)
        constant = float(np.einsum("p,p->", of_asked, usual_asked))
        table = weights.astype(np.float32)
        for start in range(0, len(own), _AT_ONCE):
            some = own[start : start + _AT_ONCE]
            foretold = _presence(prompts, learnt.asked, i[some])
            at, pair = responses.of(j[some])
            place, known = lookup(responses.values[at], learnt.given)
            place, pair = place[known], pair[known]
            asked_at, asked_pair = prompts.of(i[some])
            asked_place, asked_known = lookup(prompts.values[asked_at], learnt.asked)
            told = (foretold @ table)[pair, place] - of_given[place]
            score = np.bincount(pair, told, minlength=len(some)) + constant
            score -= np.bincount(
                asked_pair[asked_known], of_asked[asked_place[asked_known]], minlength=len(some)
            )
            found[some] = score * learnt.unit[fold]
    return np.column_stack([found, found / np.sqrt(np.maximum(responses.sizes[j], 1))])
