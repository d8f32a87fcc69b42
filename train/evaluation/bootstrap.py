"""How much better one system is than another on the same records, and how sure that is: the paired bootstrap.

Records are drawn with repetition, the same draw for both systems, and the score is made anew from each draw (Koehn
2004, "Statistical Significance Tests for Machine Translation Evaluation"; percentile interval, Efron 1979). A score is
a function of sums over records, BLEU as much as perplexity, so a thousand draws are one product of matrices and no text
is looked at twice. Rejected: sacrebleu's own paired test (a p-value without an interval, and for its metrics only),
and a t-test on sentence scores (corpus BLEU and perplexity are no means).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipeline.store import digest

Floats: TypeAlias = NDArray[np.float64]
Better: TypeAlias = Literal["higher", "lower", "neither"]

LEAST = 20
"""Records below which a score is not told: an interval over fewer is wider than any difference worth having."""
_CELLS = 1 << 22
"""Numbers of the matrix of draws that exist at a time: 32 MB."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A score that is made from sums over records.

    Attributes:
        name: of the score.
        score: from the sums, float64 [..., k], to the scores, float64 [...]; NaN where there is none.
        better: which way is better; `neither` where that is for a person to say.
        unit: of the score, "" for none.
        signature: how the number can be made again.
    """

    name: str
    score: Callable[[Floats], Floats]
    better: Better = "higher"
    unit: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A score of base and tuned on the same records.

    Attributes:
        metric, unit, better, signature: as the metric has them.
        records: on how many it rests.
        base, tuned: the scores; None where not measured.
        difference: tuned − base.
        low, high: its 95% interval.
        draws: of the bootstrap; 0 where none was made.
        won: share of the draws in which tuned is better; None where no way is the better one.
        why: why it is not measured; "" where it is.
    """

    metric: str
    records: int
    base: float | None = None
    tuned: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    draws: int = 0
    won: float | None = None
    unit: str = ""
    better: Better = "higher"
    signature: str = ""
    why: str = ""

    @property
    def verdict(self) -> Literal["better", "worse", "differs", "open", "not measured"]:
        """What the interval says: `open` where it holds 0."""
        if self.difference is None or self.low is None or self.high is None:
            return "not measured"
        if self.low <= 0 <= self.high:
            return "open"
        if self.better == "neither":
            return "differs"
        return "better" if (self.low > 0) == (self.better == "higher") else "worse"


def not_measured(metric: Metric, records: int, why: str) -> Comparison:
    """Return a comparison without numbers that says why."""
    return Comparison(
        metric.name, records, unit=metric.unit, better=metric.better, signature=metric.signature, why=why
    )


def compare(
    metric: Metric, base: Floats, tuned: Floats, draws: int, seed: int, least: int = LEAST
) -> Comparison:
    """Return both scores, their difference and its 95% percentile interval.

    Args:
        metric: the score.
        base, tuned: statistics by record, float64 [n, k], in the same order.
        draws: of the bootstrap.
        seed: equal seeds give equal draws; they do not depend on the metric, so that scores move together.
        least: records below which nothing is told.

    Raises:
        ValueError: the two are not equally large.
    """
    if base.shape != tuned.shape or base.ndim != 2:
        raise ValueError(f"statistics of shapes {base.shape} and {tuned.shape}")
    records = len(base)
    if records < least:
        return not_measured(metric, records, few(records, least))
    ours, theirs = float(metric.score(tuned.sum(axis=0))), float(metric.score(base.sum(axis=0)))
    if np.isnan(ours) or np.isnan(theirs):
        side = "the tuned model's" if np.isnan(ours) else "the base model's"
        return not_measured(metric, records, f"no record lets {side} be told")
    both = np.concatenate([base, tuned], axis=1)
    drawn = _drawn(both, draws, seed)
    differences = metric.score(drawn[:, base.shape[1] :]) - metric.score(drawn[:, : base.shape[1]])
    differences = differences[~np.isnan(differences)]
    low, high = np.quantile(differences, [0.025, 0.975]).tolist()
    sign = {"higher": 1, "lower": -1, "neither": 0}[metric.better]
    won = float(np.mean(differences * sign > 0)) if sign else None
    return Comparison(
        metric.name, records, theirs, ours, ours - theirs, low, high, len(differences), won,
        metric.unit, metric.better, metric.signature,
    )  # fmt: skip


def few(count: int, least: int = LEAST, what: str = "records") -> str:
    """Return why nothing is told of a few records, or of another thing."""
    return f"too few to tell: {count} {what}, and a score asks for {least}"


def ratio(factor: float = 1.0) -> Callable[[Floats], Floats]:
    """Return the score of statistics (numerator, denominator): their ratio, times a factor; NaN over 0."""

    def score(sums: Floats) -> Floats:
        over = sums[..., 1]
        found: Floats = np.full(over.shape, np.nan)
        np.divide(factor * sums[..., 0], over, out=found, where=over > 0)
        return found

    return score


def _drawn(statistics: Floats, draws: int, seed: int) -> Floats:
    """Return the sums of each draw, float64 [draws, k]."""
    count = len(statistics)
    generator = np.random.Generator(
        np.random.PCG64(int(digest(str(seed), "evaluate.bootstrap", str(count))[:15], 16))
    )
    height = max(1, _CELLS // count)
    found = np.empty((draws, statistics.shape[1]))
    for start in range(0, draws, height):
        rows = min(height, draws - start)
        picked = generator.integers(0, count, (rows, count))
        picked += np.arange(rows)[:, None] * count
        times = np.bincount(picked.ravel(), minlength=rows * count).reshape(rows, count)
        found[start : start + rows] = times @ statistics
    return found
