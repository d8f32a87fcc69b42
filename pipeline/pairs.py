"""From links between alike texts to pairs of records: which tiles to search, and whom a link speaks of.

Vectors are searched tile by tile, band keys are joined by the stage; both speak of distinct texts. `expand` turns
these links into pairs of records, one row a pair with one score a measure, and bounds how many pairs a
record may take part in. Records of one and the same text are all paired with the best of them, so that a
prompt asked a thousand times meets no bound. Rejected: all pairs within such a group (a million for a thousand
records) and one score for all measures (a cosine and a Jaccard cannot be compared).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.stages.protocol import Tile

NO_PLACE = -1
"""Priority of a record that takes part in no pair."""


def tiles(rows: int, size: int) -> list[Tile]:
    """Return the tiles that cover every unordered pair of `rows` vectors once."""
    starts = range(0, rows, size)
    return [
        Tile(left, min(left + size, rows), right, min(right + size, rows))
        for left in starts
        for right in starts
        if left <= right
    ]


def expand(
    links: Mapping[str, pa.Table], facts: pa.Table, priority: NDArray[np.int64], cap: int
) -> tuple[pa.Table, int]:
    """Turn links between distinct texts into pairs of records.

    A record takes part in at most `cap` pairs, the closest first, ties in the order of priority; pairs with
    the best record of its own text do not count.

    Args:
        links: by measure, `left`, `right` (rows among its distinct texts) and `score`.
        facts: `<measure>_row` for each measure: a record's row among the texts, or null.
        priority: int64 [facts], distinct, the best record lowest; `NO_PLACE` takes no part.
        cap: most pairs a record.

    Returns:
        `left`, `right` (rows of facts, the better one left) and one column a measure with its score, null
        where it did not propose the pair; and how many records met the cap.
    """
    scores: dict[tuple[int, int], dict[str, float]] = defaultdict(dict)
    hubs: set[tuple[int, int]] = set()
    for measure, table in links.items():
        members = _members(facts.column(f"{measure}_row").to_pylist(), priority)
        for rows in members.values():
            for number, left in enumerate(rows):
                near = rows[number + 1 :] if number == 0 else rows[number + 1 : number + 1 + cap]
                for right in near:
                    scores[left, right][measure] = 1.0
                    if number == 0:
                        hubs.add((left, right))
        columns = (table.column(name).to_pylist() for name in ("left", "right", "score"))
        for a, b, score in zip(*columns, strict=True):
            for one, other in _across(members.get(a, []), members.get(b, []), cap):
                pair = (one, other) if priority[one] < priority[other] else (other, one)
                scores[pair][measure] = score
    order = sorted(scores, key=lambda p: (-max(scores[p].values()), priority[p[0]], priority[p[1]]))
    taken, capped = _within(order, hubs, cap)
    table = {
        "left": pa.array([pair[0] for pair in taken], pa.int64()),
        "right": pa.array([pair[1] for pair in taken], pa.int64()),
    }
    for measure in links:
        table[measure] = pa.array([scores[pair].get(measure) for pair in taken], pa.float64())
    return pa.table(table), capped


def _members(rows: list[int | None], priority: NDArray[np.int64]) -> dict[int, list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for row, text in enumerate(rows):
        if text is not None and priority[row] != NO_PLACE:
            members[text].append(row)
    for found in members.values():
        found.sort(key=lambda row: priority[row])
    return members


def _across(left: list[int], right: list[int], cap: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs between the records of two texts; of many, only those with the best of either text."""
    if len(left) * len(right) <= cap:
        yield from product(left, right)
    elif left and right:
        yield from ((left[0], other) for other in right[:cap])
        yield from ((one, right[0]) for one in left[1:cap])


def _within(
    order: list[tuple[int, int]], hubs: set[tuple[int, int]], cap: int
) -> tuple[list[tuple[int, int]], int]:
    """Return the pairs that the cap leaves, and how many records met it."""
    taken: list[tuple[int, int]] = []
    capped: set[int] = set()
    count: dict[int, int] = defaultdict(int)
    for pair in order:
        if pair not in hubs:
            full = [row for row in pair if count[row] >= cap]
            if full:
                capped.update(full)
                continue
            count[pair[0]] += 1
            count[pair[1]] += 1
        taken.append(pair)
    return taken, len(capped)
