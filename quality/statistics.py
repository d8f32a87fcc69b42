"""Intervals for measured shares and means: Wilson's for a share, the percentile bootstrap for any statistic.

A figure without its interval says more than was measured. Rejected: the normal approximation, which gives a share of
1 out of 20 an interval of no width, and scipy for two formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share (Wilson 1927), (0, 1) where nothing was tried.

    Args:
        successes: how many of the trials.
        trials: how many; 0 is allowed.
        confidence: 0..1, exclusive.

    Raises:
        ValueError: there are fewer trials than successes, or a number is out of its range.
    """
    if not 0 <= successes <= trials or not 0 < confidence < 1:
        raise ValueError(f"{successes} of {trials} at confidence {confidence}")
    if not trials:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    whole = 1 + z * z / trials
    low = 0.0 if not successes else (centre - spread) / whole
    return low, 1.0 if successes == trials else (centre + spread) / whole


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float],
    size: int,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile interval of a statistic (Efron 1979) over resampled rows.

    Args:
        statistic: from int64 [size] row numbers, drawn with repetition, to the figure; NaN is left out.
        size: rows of the data.
        seed: equal seeds give equal intervals.
        resamples: how many.
        confidence: 0..1, exclusive.

    Raises:
        ValueError: there are no rows, or no resample has the statistic.
    """
    if size < 1:
        raise ValueError("no rows to draw from")
    generator = np.random.Generator(np.random.PCG64(seed))
    figures = np.array([statistic(generator.integers(0, size, size)) for _ in range(resamples)], np.float64)
    figures = figures[~np.isnan(figures)]
    if not len(figures):
        raise ValueError("no resample has the statistic")
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
