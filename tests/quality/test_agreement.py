"""Wilson's interval and Krippendorff's alpha, against published numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.agreement import Z_95, alpha, wilson

# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011): four observers, twelve units, nominal .743.
OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}


def units() -> list[dict[str, str]]:
    columns = zip(*(row.split() for row in OBSERVERS.values()), strict=True)
    return [{who: said for who, said in zip(OBSERVERS, unit, strict=True) if said != "."} for unit in columns]


def test_alpha_is_that_of_the_published_example() -> None:
    found = alpha(units())
    assert found is not None
    assert round(found, 3) == 0.743


def test_alpha_depends_on_no_order_and_on_no_lone_answer() -> None:
    lone = [{"A": "1"}, {"E": "9"}]
    assert alpha([*reversed(units()), *lone]) == pytest.approx(alpha(units()))


@pytest.mark.parametrize(
    "answers",
    [[], [{"A": "accept"}], [{"A": "accept", "B": "accept"}], [{"A": "accept"}, {"B": "reject"}]],
)
def test_alpha_is_not_measured_where_no_difference_could_show(answers: list[dict[str, str]]) -> None:
    assert alpha(answers) is None


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_wilson_is_that_of_newcombe_1998(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_solves_its_equation(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = wilson(successes, trials)
    share = successes / trials
    assert 0 <= low <= share <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            assert abs(share - bound) == pytest.approx(
                Z_95 * math.sqrt(bound * (1 - bound) / trials), abs=1e-9
            )


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 4)])
def test_a_share_of_nothing_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, trials)
