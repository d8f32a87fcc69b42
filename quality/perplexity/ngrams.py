"""Scores every character (or word) of a text by an interpolated n-gram model of the rest of the corpus.

P(c | context) = (n(context c) + a P(c | shorter context)) / (n(context) + a): the hierarchical Dirichlet model of
MacKay and Peto 1995 ("A hierarchical Dirichlet language model"), which needs counts alone, so that the model without a
fold is a subtraction. The prompt is one more level of the same hierarchy: what it said is likelier to be said again
(the cache model of Kuhn and De Mori 1990). Rejected: Witten-Bell and Kneser-Ney, whose numbers of distinct followers
do not add up over folds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.counts import (
    BEHIND_ALL,
    ORDER,
    U64,
    WORD_ORDER,
    Counts,
    changes,
    find,
    gram_keys,
)
from quality.perplexity.symbols import SCRIPTS, Block, first_meeting, scripts

STRENGTHS = (0.0, 1600.0, 150.0, 100.0, 45.0, 20.0, 14.0)
"""Counts that the shorter context weighs, by n: of five lines tried on parts of Alpaca, Dolly and Chinese sets
the best; their costs differ by less than 3%."""
WORD_STRENGTHS = (0.0, 400.0, 30.0, 30.0)
_PROMPT_ORDER = {"spaced": 5, "unspaced": 3}
_PROMPT_STRENGTH = 4.0
_BUCKETS, _BUCKET_SHIFT = 1 << 16, np.uint64(48)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NEW_WORD = np.float32(1e-4)
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


def costs(block: Block, folds: I64, counts: Counts) -> tuple[F32, F32]:
    """Return two arrays float32 [m], nats: the cost of each symbol given those before it, and given nothing.

    Args:
        block: characters of texts.
        folds: int64 [m], the fold of each symbol's text: it is scored by what the other folds hold.
        counts: what was learnt.
    """
    return _costs(
        block, folds, counts, first_meeting()[block.symbols], counts.volumes, STRENGTHS[: ORDER + 1]
    )


def word_costs(block: Block, folds: I64, counts: Counts) -> tuple[F32, F32]:
    """Return the same of a block of words (`symbols.words`)."""
    unseen = np.full(len(folds), _NEW_WORD)
    return _costs(block, folds, counts, unseen, counts.word_volumes, WORD_STRENGTHS[: WORD_ORDER + 1])


def _costs(
    block: Block, folds: I64, counts: Counts, probability: F32, volumes: I64, strengths: Sequence[float]
) -> tuple[F32, F32]:
    context = volumes[folds].astype(np.float32)
    known = np.arange(len(folds))
    alone = probability
    for n, keys in enumerate(gram_keys(block, len(strengths) - 1), start=1):
        seen = np.zeros(len(folds), np.float32)
        seen[known] = counts.look_up(keys[known], folds[known])
        strength = np.float32(strengths[n])
        probability = (seen + strength * probability) / (context + strength)
        if n == 1:
            alone = probability
        context[1:] = seen[:-1]
        context[0] = 0
        known = np.flatnonzero((seen > 0) & (context > 0))
    return -np.log(probability), -np.log(alone)


def costs_given_prompt(block: Block, prompts: Block, cost: F32) -> F32:
    """Return float32 [m], nats: the cost of each symbol if the model has just read the prompt.

    Args:
        block: responses; prompts: the prompts of the same records.
        cost: from `costs`.
    """
    orders = np.array([_PROMPT_ORDER.get(name, 5) for name in SCRIPTS], np.uint8)[scripts()[block.symbols]]
    present = [order for order in sorted(set(_PROMPT_ORDER.values())) if (orders == order).any()]
    probability = np.exp(-cost)
    ours, theirs = block.owners().astype(np.uint64) * _MIX, prompts.owners().astype(np.uint64) * _MIX
    levels = dict(enumerate(gram_keys(block, max(present, default=0)), start=1))
    asked = _prompt_grams(prompts, theirs, {n for order in present for n in (order - 1, order)})
    for order in present:
        at = np.flatnonzero(orders == order)
        at = at[at > 0]
        seen_before = _occurrences(levels[order - 1][at - 1] ^ ours[at], asked[order - 1])
        met = np.flatnonzero(seen_before)
        at, seen_before = at[met], seen_before[met]
        seen = _occurrences(levels[order][at] ^ ours[at], asked[order])
        strength = np.float32(_PROMPT_STRENGTH)
        probability[at] = (seen + strength * probability[at]) / (seen_before + strength)
    return -np.log(probability)


def _prompt_grams(prompts: Block, owners: U64, wanted: set[int]) -> dict[int, U64]:
    """Return by n the sorted keys of the n-grams of prompts that something follows or that are whole."""
    place = np.arange(len(owners)) - prompts.starts[prompts.owners()]
    inside = np.ones(len(owners), np.bool_)
    inside[prompts.starts[1:] - 1] = False
    found: dict[int, U64] = {}
    for n, keys in enumerate(gram_keys(prompts, max(wanted, default=0)), start=1):
        if n in wanted:
            found[n] = np.sort((keys ^ owners)[inside & (place >= n)])
    return found


def _occurrences(keys: U64, among: U64) -> F32:
    """Return how often each key stands in a sorted array."""
    at = changes(among)
    values, counts = among[at], np.diff(np.append(at, len(among)))
    buckets = np.cumsum(np.bincount((values >> _BUCKET_SHIFT).astype(np.intp), minlength=_BUCKETS))
    starts = np.concatenate([[0], buckets[:-1]]).astype(np.uint32)
    place, hit = find(np.append(values, BEHIND_ALL), starts, _BUCKET_SHIFT, keys)
    counted = np.zeros(len(keys), np.float32)
    counted[hit] = counts[place[hit]]
    return counted
