"""How many of each group stay, or what each weighs, so that groups have the shares that somebody wants.

Down-sampling keeps as much as the targets allow: the group that is scarcest against its target fixes the size of all.
As one tiny group would so empty the set, no more than a stated part may go; groups that are still too small are named.
Weights reach the same shares without a loss, within bounds, because a record that counts fifty times is learnt by
heart. Rejected: repeating records (what looks like more data is the same data, and a split must not tear copies).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Quotas:
    """What becomes of groups.

    Args:
        kept: by group, how many of its records stay.
        short: groups that cannot reach their target, in order of their names.
    """

    kept: dict[str, int]
    short: tuple[str, ...]


def quotas(sizes: Mapping[str, int], targets: Mapping[str, float], least_kept: float) -> Quotas:
    """Return how many records of each group stay.

    Args:
        sizes: records of each group.
        targets: wanted share of groups, 0..1, at most 1 together; groups that are not named share what is left in the
            proportions that they have, and stay whole where that is more than they are.
        least_kept: share of all records that stays at least, 0..1.

    Raises:
        ValueError: targets are no shares, or name a group without records.
    """
    wanted = _shares(sizes, targets)
    total = sum(sizes.values())
    low = min((sizes[group] / share for group, share in wanted.items() if share > 0), default=0.0)
    if sum(_kept(sizes, wanted, low).values()) < math.floor(least_kept * total):
        high = max(sizes[group] / share for group, share in wanted.items() if share > 0)
        while high - low > 0.5:  # the size of which, with small groups whole, as much stays as must
            middle = (low + high) / 2
            enough = sum(_kept(sizes, wanted, middle).values()) >= math.floor(least_kept * total)
            low, high = (low, middle) if enough else (middle, high)
        low = high
    kept = _kept(sizes, wanted, low)
    whole = max(1, sum(kept.values()))
    short = [group for group, share in wanted.items() if kept[group] / whole < share - 0.005 - 1 / whole]
    return Quotas(kept, tuple(sorted(short)))


def _kept(sizes: Mapping[str, int], wanted: Mapping[str, float], size: float) -> dict[str, int]:
    return {group: min(sizes[group], math.floor(share * size + 1e-9)) for group, share in wanted.items()}


def ratio(positive: int, negative: int, least: float, most: float) -> tuple[int, int]:
    """Return how many positive and negative records stay, so that `least` <= negative / positive <= `most`.

    What lies within is left alone; what lies outside is moved to the nearest bound, by taking from the larger side.

    Raises:
        ValueError: one side is empty, or the bounds are none.
    """
    if not 0 < least <= most:
        raise ValueError(f"a ratio between {least} and {most}")
    if not positive or not negative:
        raise ValueError(f"{positive} positive and {negative} negative records have no ratio")
    if negative > most * positive:
        return positive, math.floor(most * positive)
    if negative < least * positive:
        return max(1, math.floor(negative / least)), negative
    return positive, negative


def group_weights(
    sizes: Mapping[str, int], targets: Mapping[str, float], most: float
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the weight of each group's records, and the groups whose weight a bound cut.

    Args:
        sizes, targets: see `quotas`.
        most: greatest weight; its inverse is the least.

    Raises:
        ValueError: targets are no shares, or name a group without records.
    """
    wanted = _shares(sizes, targets)
    total = sum(sizes.values())
    exact = {group: share * total / sizes[group] for group, share in wanted.items()}
    weights = {group: min(most, max(1 / most, weight)) for group, weight in exact.items()}
    return weights, tuple(sorted(group for group in exact if not math.isclose(exact[group], weights[group])))


def _shares(sizes: Mapping[str, int], targets: Mapping[str, float]) -> dict[str, float]:
    """Return the wanted share of every group, those that no target names included."""
    given = sum(targets.values())
    if any(not 0 <= share <= 1 for share in targets.values()) or given > 1 + 1e-9:
        raise ValueError(f"targets are shares, at most 1 together, not {given:g}")
    missing = sorted(group for group, share in targets.items() if share > 0 and not sizes.get(group))
    if missing:
        raise ValueError(f"no records of {', '.join(missing)}")
    others = {group: size for group, size in sizes.items() if group not in targets}
    rest, left = sum(others.values()), max(0.0, 1 - given)
    if not rest and targets and left > 1e-6:
        raise ValueError(f"targets of all groups must add up to 1, not {given:g}")
    told = {group: share for group, share in targets.items() if sizes.get(group)}
    return {group: told[group] if group in told else left * sizes[group] / rest for group in sizes}


def rank_factors(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return factors from `low` for the least to `high` for the greatest value, by rank; 1 where it is NaN.

    Equal values have equal factors, whatever their order.
    """
    factors = np.ones(len(values))
    known = ~np.isnan(values)
    own = values[known]
    if len(own) > 1:
        ordered = np.sort(own)
        rank = (np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right") - 1) / 2
        factors[known] = low + (high - low) * rank / (len(own) - 1)
    return factors
