"""How plausible the wording of a text is: what is told of responses and prompts alike.

Costs count where there is wording (`wording.py`); a stretch is bad where strange words stand one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.keyboard import keyboard_steps
from quality.perplexity.ngrams import F32
from quality.perplexity.symbols import END, SCRIPTS, Block, scripts
from quality.perplexity.wording import wording

WINDOW = 24
"""Characters of a window: five English words, a Chinese clause."""
BATCH = 8
"""Characters that count as one observation: what stands nearer together is not independent (batch means)."""
MISFIT = 0.3
"""Nats that context must add to the cost of a character for it to count as out of place."""
_PRIOR_BATCHES = 4
_PRIOR_SPREAD = 0.5
_NEUTRAL = 1.0
"""Nats that context gains, as is usual, where there is nothing strange to judge."""
_PARTS = 1 << 24
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plausibility:
    """Numbers of n texts, each float64 [n]; nan where there is nothing to measure.

    Attributes:
        chars: characters; wording: those that are letters of plain words.
        strange: share of the wording in words that no list has.
        nats: mean cost of a character; error: standard error of that mean.
        worded, alone: mean cost of a character of the wording, and without context.
        misfit: share of the wording in strange words that context makes less likely.
        window: least mean gain by context (nats a character) of a stretch of `WINDOW` characters.
        window_start, window_stop: where that stretch stands in the text.
        keyboard: share of steps to a neighbouring key; key_steps: how many steps there are.
        script: place in `SCRIPTS` of the script that most letters are of.
    """

    chars: F64
    wording: F64
    strange: F64
    nats: F64
    error: F64
    worded: F64
    alone: F64
    misfit: F64
    window: F64
    window_start: F64
    window_stop: F64
    keyboard: F64
    key_steps: F64
    script: F64


def plausibility(block: Block, owners: NDArray[np.int64], cost: F32, alone: F32) -> list[F64]:
    """Return the fields of `Plausibility` in their order.

    Args:
        block: texts; owners: the text of each symbol.
        cost, alone: of each symbol, nats (`ngrams.costs`).
    """
    begins, inner = block.starts[:-1], block.symbols > END
    chars = (np.diff(block.starts) - 2).astype(np.float64)
    whole = np.where(inner, cost, 0).astype(np.float64)
    nats = np.add.reduceat(whole, begins) / chars
    plain, strange = wording(block)
    letters = np.add.reduceat(plain, begins).astype(np.float64)
    worded = [np.add.reduceat(np.where(plain, each, 0).astype(np.float64), begins) for each in (cost, alone)]
    unlisted = np.add.reduceat(strange, begins) / letters
    misfit = np.add.reduceat(strange & (cost - alone > MISFIT), begins) / letters
    window = _worst(block, owners, np.where(strange, alone - cost, _NEUTRAL), inner)
    kinds = scripts()[block.symbols]
    tallies = [np.add.reduceat(kinds == place, begins) for place in range(len(SCRIPTS))]
    script = np.where(tallies[1] + tallies[2] > 0, np.where(tallies[2] * 2 >= tallies[1], 2, 1), 0)
    keys = keyboard_steps(block, strange | (plain & (kinds == SCRIPTS.index("unspaced"))))
    return [
        chars, letters, unlisted, nats, _error(block, owners, whole, nats), worded[0] / letters,
        worded[1] / letters, misfit, *window, *keys, script.astype(np.float64),
    ]  # fmt: skip


def _error(block: Block, owners: NDArray[np.int64], cost: F64, mean: F64) -> F64:
    """Return the standard error of each mean by batch means (Conway 1963), drawn towards a usual spread."""
    chars = np.diff(block.starts) - 2
    batches = chars // BATCH
    first = np.concatenate([[0], np.cumsum(batches)])
    place = np.arange(len(owners)) - block.starts[owners] - 1
    whole = (place >= 0) & (place < batches[owners] * BATCH)
    means = (
        np.bincount(first[owners[whole]] + place[whole] // BATCH, cost[whole], minlength=first[-1]) / BATCH
    )
    text = np.repeat(np.arange(len(chars)), batches)
    squares = np.bincount(text, (means - mean[text]) ** 2, minlength=len(chars))
    variance = (squares + _PRIOR_BATCHES * (_PRIOR_SPREAD * mean) ** 2) / (batches + _PRIOR_BATCHES)
    error: F64 = np.sqrt(variance / (chars / BATCH))
    return error


def _worst(
    block: Block, owners: NDArray[np.int64], gain: F64, inner: NDArray[np.bool_]
) -> tuple[F64, F64, F64]:
    """Return the least mean gain of a window in each text, and where that window starts and stops."""
    begins, chars = block.starts[:-1], np.diff(block.starts) - 2
    width = np.minimum(WINDOW, np.maximum(chars, 1))
    # In whole parts of a nat sums are exact, so that no text's window depends on the texts before it.
    sums = np.concatenate([[0], np.cumsum(np.rint(gain.astype(np.float64) * _PARTS).astype(np.int64))])
    at = np.arange(len(owners))
    wide = width[owners]
    fits = inner & (at + wide <= block.starts[1:][owners] - 1)
    means = np.where(fits, (sums[np.minimum(at + wide, len(gain))] - sums[at]) / (wide * _PARTS), np.inf)
    least = np.minimum.reduceat(means, begins)
    hits = np.flatnonzero(means == least[owners])
    text, first = np.unique(owners[hits], return_index=True)
    start = np.full(len(chars), np.nan)
    start[text] = hits[first] - begins[text] - 1
    least[chars == 0] = start[chars == 0] = np.nan
    return least, start, start + width
