"""Quotas and weights reach the shares that are wanted, or say which groups they cannot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.balance import group_weights, quotas, rank_factors, ratio

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 500), min_size=1)


def test_the_scarcest_group_fixes_the_size_of_all() -> None:
    found = quotas({"a": 900, "b": 300, "c": 100}, {"a": 0.5, "b": 0.25, "c": 0.25}, 0)
    assert found.kept == {"a": 200, "b": 100, "c": 100}
    assert found.short == ()


def test_a_tiny_group_does_not_empty_the_set_and_is_named() -> None:
    found = quotas({"a": 980, "b": 20}, {"a": 0.5, "b": 0.5}, 0.5)
    assert found.kept == {"a": 480, "b": 20}
    assert found.short == ("b",)


def test_groups_without_a_target_share_the_rest_as_they_are() -> None:
    found = quotas({"a": 500, "b": 300, "c": 100}, {"a": 0.2}, 0)
    assert found.kept == {"a": 100, "b": 300, "c": 100}


@given(SIZES, st.floats(0, 1), st.data())
def test_quotas_keep_enough_and_invent_nothing(
    sizes: dict[str, int], least: float, data: st.DataObject
) -> None:
    raw = {group: data.draw(st.integers(1, 9)) for group in sizes}
    targets = {group: part / sum(raw.values()) for group, part in raw.items()}
    found = quotas(sizes, targets, least)
    assert all(0 <= found.kept[group] <= size for group, size in sizes.items())
    assert sum(found.kept.values()) >= np.floor(least * sum(sizes.values()))
    whole = sum(found.kept.values())
    for group in set(sizes) - set(found.short):
        assert found.kept[group] / max(1, whole) >= targets[group] - 0.0051 - 1 / max(1, whole)


@pytest.mark.parametrize(
    ("given_", "left"),
    [((100, 400), (100, 400)), ((100, 300), (100, 300)), ((100, 500), (100, 500)), ((100, 900), (100, 500)),
     ((100, 100), (33, 100)), ((300, 30), (10, 30)), ((1, 1), (1, 1))],
)  # fmt: skip
def test_a_ratio_is_moved_to_the_nearest_bound_only_if_it_is_outside(
    given_: tuple[int, int], left: tuple[int, int]
) -> None:
    assert ratio(*given_, 3, 5) == left


def test_what_cannot_be_reached_is_refused() -> None:
    with pytest.raises(ValueError, match="no ratio"):
        ratio(0, 5, 3, 5)
    with pytest.raises(ValueError, match="between 5 and 3"):
        ratio(1, 5, 5, 3)
    with pytest.raises(ValueError, match="no records of z"):
        quotas({"a": 5}, {"z": 0.5}, 0)
    with pytest.raises(ValueError, match="at most 1"):
        quotas({"a": 5, "b": 5}, {"a": 0.8, "b": 0.8}, 0)
    with pytest.raises(ValueError, match="must add up to 1"):
        quotas({"a": 5}, {"a": 0.5}, 0)


def test_weights_reach_the_shares_within_their_bound() -> None:
    weights, bound = group_weights({"a": 800, "b": 200}, {"a": 0.5, "b": 0.5}, 4)
    assert weights == pytest.approx({"a": 0.625, "b": 2.5}) and bound == ()
    weights, bound = group_weights({"a": 990, "b": 10}, {"a": 0.5, "b": 0.5}, 4)
    assert weights["b"] == 4 and bound == ("b",)


def test_difficulty_counts_by_rank_and_nothing_is_one() -> None:
    factors = rank_factors(np.array([5.0, np.nan, 1.0, 1.0, 900.0]), 0.5, 1.5)
    assert factors.tolist() == pytest.approx([0.5 + 2 / 3, 1.0, 0.5 + 0.5 / 3, 0.5 + 0.5 / 3, 1.5])
    assert rank_factors(np.array([3.0]), 0.5, 1.5).tolist() == [1.0]
