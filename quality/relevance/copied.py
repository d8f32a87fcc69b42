"""Evidence of repeated words: does the response take up what the prompt names, more than a stranger's would?

For every word of the prompt two numbers are held against each other: how often responses repeat it when it stands in
their prompt (learnt, smoothed by words of like rarity, without the record's own fold), and how often any response of
this length holds it. `disease` repeated in a medical corpus says little, `cataract` much; a short answer is expected
to repeat little. Rejected: the share of common words, which condemns every short answer and trusts every long one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quality.relevance.draw import FOLDS
from quality.relevance.words import F64, Words, lookup, shared
from quality.tokens import I64, U64

NAMES = (
    "likelihood", "likelihood_sum", "surprise", "surprise_sum", "coverage", "expected_coverage", "rarest", "cosine",
)  # fmt: skip
_PRIOR = 5.0
_BANDS = 12


@dataclass(frozen=True, slots=True)
class Copied:
    """What was learnt of repetition.

    Attributes:
        features, prompts: the prompts' features, sorted, and in how many prompts each stands, by fold [FOLDS,
        features]. repeated: in how many of those the response repeats it, by fold.
        response_features, responses: the responses' features, sorted, and in how many responses each stands.
        slots: distinct features of all responses together.
        lengths: [bands] how many of the expected repetitions come true in responses of a length of 2**band features.
        texts: how many prompts there were.
    """

    features: U64
    prompts: F64
    repeated: F64
    response_features: U64
    responses: F64
    slots: float
    lengths: F64
    texts: float


def learn_copied(prompts: Words, responses: Words, folds: I64) -> Copied:
    """Learn from prompts and responses, row by row."""
    rows = np.arange(len(folds))
    features, place = np.unique(prompts.values, return_inverse=True)
    known, documents = np.unique(responses.values, return_counts=True)
    _, pair, hit = shared(prompts, rows, responses, rows)
    counts = np.zeros((2, FOLDS, len(features)))
    for fold in range(FOLDS):
        own = folds[pair] == fold
        counts[0, fold] = np.bincount(place[own], minlength=len(features))
        counts[1, fold] = np.bincount(place[own & hit], minlength=len(features))
    draft = Copied(
        features, counts[0], counts[1], known, documents.astype(np.float64), float(len(responses.values)),
        np.ones(_BANDS), float(len(folds)),
    )  # fmt: skip
    chance = _chances(draft, place, folds[pair], np.zeros(len(pair), np.int64))
    band = _band(responses.sizes)[pair]
    happened = np.bincount(band, hit, minlength=_BANDS) + 1
    expected = np.bincount(band, chance, minlength=_BANDS) + 1
    return Copied(
        features, counts[0], counts[1], known, draft.responses, draft.slots, happened / expected, draft.texts
    )


def _band(sizes: I64) -> I64:
    return np.minimum(np.log2(np.maximum(sizes, 1)).astype(np.int64), _BANDS - 1)


def _chances(learnt: Copied, place: I64, fold: I64, band: I64) -> F64:
    """Return how often a response repeats each feature, learnt from the other folds and from features as rare."""
    prompts, repeated = learnt.prompts.sum(axis=0), learnt.repeated.sum(axis=0)
    rarity = np.minimum(np.log2(np.maximum(prompts, 1)).astype(np.int64), 9)
    usual = np.bincount(rarity, repeated, minlength=10) / np.maximum(
        np.bincount(rarity, prompts, minlength=10), 1
    )
    others = prompts[place] - learnt.prompts[fold, place]
    of_them = repeated[place] - learnt.repeated[fold, place]
    chances: F64 = (of_them + _PRIOR * usual[rarity[place]]) / (others + _PRIOR) * learnt.lengths[band]
    return chances


def copied_features(learnt: Copied, prompts: Words, i: I64, responses: Words, j: I64, folds: I64) -> F64:
    """Return float64 [pairs, NAMES] of the pairs (i, j), judged without fold `folds[pair]`.

    `likelihood` is the log-likelihood ratio of all repetitions and omissions, and `surprise` that of a chance
    repetition; each also divided by the root of the number of words. `rarest` is the greatest surprise of one word.
    """
    at, pair, hit = shared(prompts, i, responses, j)
    place, seen = lookup(prompts.values[at], learnt.features)
    in_responses, heard = lookup(prompts.values[at], learnt.response_features)
    band = _band(responses.sizes)[j][pair]
    usual = learnt.repeated.sum() / max(learnt.prompts.sum(), 1)
    chance = np.where(seen, _chances(learnt, place, folds[pair], band), usual * learnt.lengths[band])
    documents = np.where(heard, learnt.responses[in_responses], 0.5)
    random = np.clip(1 - np.exp(-documents / learnt.slots * responses.sizes[j][pair]), 1e-6, 0.999)
    chance = np.maximum(np.clip(chance, 1e-4, 0.999), random)
    counted = np.where(seen, learnt.prompts.sum(axis=0)[place], 1.0)
    rarity = np.log((learnt.texts + 1) / np.maximum(counted, 1))
    ratio = np.where(hit, np.log(chance / random), np.log((1 - chance) / (1 - random)))
    surprise = np.where(hit, -np.log(random), 0.0)

    def total(values: F64) -> F64:
        return np.bincount(pair, values, minlength=len(i)).astype(np.float64)

    root = np.sqrt(np.maximum(total(np.ones(len(pair))), 1))
    rarest = np.zeros(len(i))
    np.maximum.at(rarest, pair, surprise)
    norm = np.sqrt(np.maximum(total(rarity * rarity), 1e-9) * np.maximum(responses.sizes[j], 1))
    return np.column_stack([
        total(ratio) / root, total(ratio), total(surprise) / root, total(surprise),
        total(rarity * hit) / np.maximum(total(rarity), 1e-9),
        total(chance * rarity * hit) / np.maximum(total(chance * rarity), 1e-9),
        rarest, total(rarity * hit) / norm,
    ])  # fmt: skip
