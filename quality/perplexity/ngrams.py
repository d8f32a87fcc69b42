"""Scores every character of a text by an interpolated n-gram model of the rest of the corpus.

P(c | context) = (n(context c) + a P(c | shorter context)) / (n(context) + a): the hierarchical Dirichlet model of
MacKay and Peto 1995 ("A hierarchical Dirichlet language model"), which needs counts alone, so that the model without a
fold is a subtraction. Rejected: Witten-Bell and Kneser-Ney, whose numbers of distinct followers are not additive over folds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.counts import ORDER, Counts, gram_keys
from quality.perplexity.symbols import Block, first_meeting

STRENGTHS = (0.0, 400.0, 30.0, 12.0, 6.0, 4.0, 4.0)
"""Counts that the shorter context weighs, by n; the best of a grid on Alpaca and BELLE, where 2x costs below .5%."""
F32 = NDArray[np.float32]


def costs(block: Block, folds: NDArray[np.int64], counts: Counts, order: int = ORDER, strengths: Sequence[float] = STRENGTHS) -> F32:
    """Return float32 [m], nats: the cost of each symbol of a block given those before it.

    Args:
        block: symbols of texts.
        folds: int64 [m], the fold of each symbol's text: it is scored by what the other folds hold.
        counts: what was learnt.
        order: longest n-gram.
        strengths: weight of the shorter context for each n, from 0.
    """
    probability = first_meeting()[block.symbols]
    context = counts.volumes[folds].astype(np.float32)
    known = np.arange(len(folds))
    for n, keys in enumerate(gram_keys(block, order), start=1):
        seen = np.zeros(len(folds), np.float32)
        seen[known] = counts.look_up(keys[known], folds[known])
        strength = np.float32(strengths[n])
        probability = (seen + strength * probability) / (context + strength)
        context[1:] = seen[:-1]
        context[0] = 0
        known = np.flatnonzero((seen > 0) & (context > 0))
    return -np.log(probability)
