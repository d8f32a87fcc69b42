"""Evidence of words that go together: `symptoms` in the prompt and `fever` in the response, whatever their spelling.

For pairs of a rare word of the prompt and a rare word of the response it is counted in how many records they meet,
against how many they would meet in by chance: the one-step translation model of Berger & Lafferty (SIGIR 1999), with
smoothed counts in place of EM. The record's own fold is taken out of the counts. Pairs that met less than `least`
times outside the fold count as never met, for true pairs and strangers alike, or a record would be known by its own
traces in the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quality.relevance.draw import FOLDS
from quality.relevance.words import F64, Words, both, lookup, topmost
from quality.tokens import I64, U64

NAMES = ("associated", "best_associated")
MOST_PAIRS = 1 << 20
_OF_PROMPT = 16
_OF_RESPONSE = 32
_SMOOTHING = 1.0
_FLOOR = 0.1
_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class Associated:
    """What was learnt of pairs of words.

    Attributes:
        prompt_features, prompts: sorted, and in how many prompts each is among the rarest, by fold [FOLDS, features].
        response_features, responses: the same of responses.
        pairs, met: hashes of pairs, sorted, and in how many records they meet, by fold.
        records: how many records there were, by fold.
        least: pairs that meet in fewer records outside a fold count as never met.
        prompt_weights, response_weights: how rare a feature is, in the order of the features; only these are looked
        at.
    """

    prompt_features: U64
    prompts: F64
    response_features: U64
    responses: F64
    pairs: U64
    met: F64
    records: F64
    least: float
    prompt_weights: F64
    response_weights: F64


def learn_associated(prompts: Words, responses: Words, folds: I64) -> Associated:
    """Learn from prompts and responses, row by row."""
    rows = np.arange(len(folds))
    asked, asked_weights = _rare(prompts, len(rows))
    given, given_weights = _rare(responses, len(rows))
    left, right = _chosen(prompts, asked, asked_weights, _OF_PROMPT), _chosen(
        responses, given, given_weights, _OF_RESPONSE
    )  # fmt: skip
    found = [
        (pairs, folds[rows[start : start + _AT_ONCE]][owner])
        for start in range(0, len(rows), _AT_ONCE)
        for pairs, owner in [
            _crossed(left, rows[start : start + _AT_ONCE], right, rows[start : start + _AT_ONCE])[:2]
        ]
    ]
    pairs = np.concatenate([np.zeros(0, np.uint64), *(one for one, _ in found)])
    fold = np.concatenate([np.zeros(0, np.int64), *(one for _, one in found)])
    order = np.argsort(pairs, kind="stable")
    pairs, fold = pairs[order], fold[order]
    first = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]])[: len(pairs)])
    totals = np.diff(np.append(first, len(pairs)))
    least = 1
    while np.count_nonzero(totals >= least) > MOST_PAIRS:
        least += 1
    number = np.repeat(np.arange(len(first)), totals)
    kept = totals >= least
    place = np.cumsum(kept) - 1
    met = np.zeros((FOLDS, int(kept.sum())))
    for each in range(FOLDS):
        own = (fold == each) & kept[number]
        met[each] = np.bincount(place[number[own]], minlength=met.shape[1])
    return Associated(
        asked, _by_fold(left, asked, folds), given, _by_fold(right, given, folds), pairs[first[kept]], met,
        np.bincount(folds, minlength=FOLDS).astype(np.float64), float(least), asked_weights, given_weights,
    )  # fmt: skip


def _rare(words: Words, texts: int) -> tuple[U64, F64]:
    """Return the features that more than one text holds, sorted, and their weights."""
    features, documents = np.unique(words.values, return_counts=True)
    several = documents > 1
    return features[several], np.log((texts + 1) / documents[several])


def _chosen(words: Words, features: U64, weights: F64, most: int) -> Words:
    place, known = lookup(words.values, features)
    found = np.where(known, weights[place], 0.0) if len(weights) else np.zeros(len(words.values))
    return topmost(words, found, most)


def _by_fold(words: Words, features: U64, folds: I64) -> F64:
    place, _ = lookup(words.values, features)
    fold = folds[words.text_of]
    return np.stack(
        [np.bincount(place[fold == each], minlength=len(features)) for each in range(FOLDS)]
    ).astype(np.float64)


def _crossed(left: Words, i: I64, right: Words, j: I64) -> tuple[U64, I64, I64, I64, I64]:
    """Return all pairs of a word of `i` and a word of `j`: hash, pair (i, j), places of both words, and a number
    for each word of `j` of each pair."""
    of_right, owner = right.of(j)
    repeat = left.sizes[i][owner]
    right_at, pair = np.repeat(of_right, repeat), np.repeat(owner, repeat)
    slot = np.repeat(np.arange(len(of_right)), repeat)
    within = np.arange(len(right_at)) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    left_at = left.offsets[i][pair] + within
    return both(left.values[left_at], right.values[right_at]), pair, left_at, right_at, slot


def associated_features(
    learnt: Associated, prompts: Words, i: I64, responses: Words, j: I64, folds: I64
) -> F64:
    """Return float64 [pairs, NAMES] of the pairs (i, j), judged without fold `folds[pair]`.

    For each rare word of the response the mean (and the greatest) ratio of meetings to chance meetings over the rare
    words of the prompt; of these the mean logarithm.
    """
    left = _chosen(prompts, learnt.prompt_features, learnt.prompt_weights, _OF_PROMPT)
    right = _chosen(responses, learnt.response_features, learnt.response_weights, _OF_RESPONSE)
    blocks = [
        _ratios(learnt, left, i[start : start + _AT_ONCE], right, j[start : start + _AT_ONCE], folds[start:])
        for start in range(0, len(i), _AT_ONCE)
    ]
    return np.concatenate([np.zeros((0, len(NAMES))), *blocks])


def _ratios(learnt: Associated, left: Words, i: I64, right: Words, j: I64, folds: I64) -> F64:
    hashes, pair, left_at, right_at, slot = _crossed(left, i, right, j)
    place, known = lookup(hashes, learnt.pairs)
    fold = folds[pair]
    met = _without(learnt.met, place, fold) if len(learnt.pairs) else np.zeros(len(place))
    met = np.where(known & (met >= learnt.least), met, 0.0)
    asked, _ = lookup(left.values[left_at], learnt.prompt_features)
    given, _ = lookup(right.values[right_at], learnt.response_features)
    records = learnt.records.sum() - learnt.records[fold]
    chance = (
        _without(learnt.prompts, asked, fold)
        * _without(learnt.responses, given, fold)
        / np.maximum(records, 1)
    )
    ratio = (met + _SMOOTHING) / (chance + _SMOOTHING)
    of_word = np.bincount(slot, minlength=1)
    mean = np.bincount(slot, ratio, minlength=1) / np.maximum(of_word, 1)
    best = np.zeros(len(of_word))
    np.maximum.at(best, slot, ratio)
    owner = np.zeros(len(of_word), np.int64)
    owner[slot] = pair
    used = of_word > 0
    words = np.maximum(np.bincount(owner[used], minlength=len(i)), 1)
    return np.column_stack([
        np.bincount(owner[used], np.log(np.maximum(values[used], _FLOOR)), minlength=len(i)) / words
        for values in (mean, best)
    ])  # fmt: skip


def _without(counts: F64, place: I64, fold: I64) -> F64:
    rest: F64 = counts.sum(axis=0)[place] - counts[fold, place]
    return rest
