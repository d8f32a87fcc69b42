"""A stratified random sample that depends on nothing but its members: same seed and roots, same draw.

Every stratum gives its share of the sample, the largest remainders rounding up, and at least one record while the
size allows; within a stratum the records with the smallest keyed digest are drawn, so adding other records moves few.
Rejected: a running generator (the draw would depend on the order of the records).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from hashlib import blake2b
from heapq import nsmallest


def draw(roots: Sequence[str], strata: Sequence[Hashable], size: int, seed: int) -> list[int]:
    """Return the positions that are drawn, in order; of several records with one root only the first takes part.

    Args:
        roots: of the records.
        strata: the stratum of each.
        size: how many to draw; all if there are fewer.
        seed: of the draw.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for position, (root, stratum) in enumerate(zip(roots, strata, strict=True)):
        if root not in seen:
            seen.add(root)
            members[stratum].append(position)
    shares = allocate({stratum: len(own) for stratum, own in members.items()}, size)
    drawn: list[int] = []
    for stratum, count in shares.items():
        drawn += nsmallest(
            count, members[stratum], key=lambda position: (_rank(seed, roots[position]), position)
        )
    return sorted(drawn)


def _rank(seed: int, root: str) -> bytes:
    return blake2b(f"{seed}:{root}:review.sample".encode(), digest_size=8).digest()


def allocate(sizes: dict[Hashable, int], total: int) -> dict[Hashable, int]:
    """Return how many of each stratum to draw: in proportion, none empty while `total` allows, `total` in all."""
    everything = sum(sizes.values())
    total = min(total, everything)
    ordered = sorted(sizes, key=lambda stratum: (-sizes[stratum], str(stratum)))
    given = {stratum: int(number < total) for number, stratum in enumerate(ordered)}
    exact = {stratum: total * sizes[stratum] / everything for stratum in ordered} if everything else {}
    left = total - sum(given.values())
    while left > 0:
        # The one that is furthest below its share gets the next; a stratum never gives more than it has.
        stratum = max(
            (each for each in ordered if given[each] < sizes[each]),
            key=lambda each: (exact[each] - given[each], sizes[each]),
        )
        given[stratum] += 1
        left -= 1
    return given
