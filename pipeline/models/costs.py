"""What a language model says of responses: the numbers that every source of perplexity gives.

Costs are per character, whatever a model's tokens are, so that two models and two languages can be set side by side;
the character's share of a token is the token's cost over its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 24
"""Characters of a stretch, as in `quality.perplexity.scores`."""
_PRIOR_UNITS = 8
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Costs:
    """Numbers of n responses, each float64 [n]; nan where a response is empty.

    Attributes:
        nats: mean cost of a character; error: its standard error.
        given_prompt: mean cost of a character after the prompt.
        window: greatest mean cost of a stretch of `WINDOW` characters; window_start, window_stop: where it stands.
        units: tokens or words that were scored.
    """

    nats: F64
    error: F64
    given_prompt: F64
    window: F64
    window_start: F64
    window_stop: F64
    units: F64


@dataclass(frozen=True, slots=True)
class Unit:
    """One scored piece of a response: characters [start, stop) and its cost in nats."""

    start: int
    stop: int
    cost: float


def joined(texts: Sequence[str], alone: Sequence[Sequence[Unit]], given: Sequence[float]) -> Costs:
    """Return the numbers of responses from the costs of their units.

    Args:
        texts: the responses.
        alone: the units of each, scored without the prompt.
        given: the summed cost of each after its prompt, nats.
    """
    rows = [_row(text, units, total) for text, units, total in zip(texts, alone, given, strict=True)]
    columns = np.array(rows, np.float64).reshape(len(rows), 7).T
    return Costs(*(np.ascontiguousarray(column) for column in columns))


def _row(text: str, units: Sequence[Unit], given: float) -> tuple[float, ...]:
    chars = len(text)
    if not chars or not units:
        return (np.nan,) * 6 + (0.0,)
    costs = np.array([unit.cost for unit in units])
    nats = float(costs.sum()) / chars
    lengths = np.array([unit.stop - unit.start for unit in units])
    spread = costs - nats * lengths
    typical = float(costs.mean()) ** 2
    variance = (float((spread**2).sum()) + _PRIOR_UNITS * typical) / (len(units) + _PRIOR_UNITS)
    error = (variance * len(units)) ** 0.5 / chars
    each = np.zeros(chars + 1)
    for unit in units:
        width = max(1, unit.stop - unit.start)
        each[unit.start : unit.start + width] += unit.cost / width
    sums = np.concatenate([[0.0], np.cumsum(each[:chars])])
    wide = min(WINDOW, chars)
    means = (sums[wide:] - sums[:-wide]) / wide
    start = int(means.argmax())
    return nats, error, given / chars, float(means[start]), start, start + wide, len(units)
