"""Intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.statistics import bootstrap, wilson


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    [
        (0, 0, (0, 1)),
        (0, 10, (0, 0.2775)),
        (10, 10, (0.7225, 1)),
        (81, 263, (0.2553, 0.3662)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_gives_the_published_intervals(
    successes: int, trials: int, expected: tuple[float, float]
) -> None:
    """The last two are those of Newcombe (1998), table I."""
    assert wilson(successes, trials) == pytest.approx(expected, abs=5e-5)


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.5, 0.99))
def test_the_share_lies_in_its_interval(successes: int, trials: int, confidence: float) -> None:
    successes = min(successes, trials)
    low, high = wilson(successes, trials, confidence)
    assert 0 <= low <= successes / trials <= high <= 1


@pytest.mark.parametrize(("successes", "trials"), [(2, 1), (-1, 3)])
def test_impossible_counts_are_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="at confidence"):
        wilson(successes, trials)


def test_the_bootstrap_holds_the_mean_as_often_as_it_says() -> None:
    generator = np.random.Generator(np.random.PCG64(5))
    held = 0
    for round_ in range(200):
        data = generator.normal(3, 1, 60)
        low, high = bootstrap(lambda rows, data=data: float(data[rows].mean()), 60, round_, 200)  # type: ignore[misc]
        held += low <= 3 <= high
    assert 178 <= held <= 199


def test_equal_seeds_give_equal_intervals() -> None:
    data = np.arange(30.0)
    assert bootstrap(lambda rows: float(data[rows].mean()), 30, 3) == bootstrap(
        lambda rows: float(data[rows].mean()), 30, 3
    )
    with pytest.raises(ValueError, match="no rows"):
        bootstrap(lambda rows: 0.0, 0)
    with pytest.raises(ValueError, match="no resample"):
        bootstrap(lambda rows: float("nan"), 3)
