"""From close vectors to pairs of records: which tiles to search, and whom a close pair of texts speaks of."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.stages.protocol import Tile


def tiles(rows: int, size: int) -> list[Tile]:
    """Return the tiles that cover every unordered pair of `rows` vectors once."""
    starts = range(0, rows, size)
    return [
        Tile(left, min(left + size, rows), right, min(right + size, rows))
        for left in starts
        for right in starts
        if left <= right
    ]


def expand(links: pa.Table, facts: pa.Table, candidates: NDArray[np.bool_], cap: int) -> tuple[pa.Table, int]:
    """Turn close pairs of distinct vectors into pairs of records.

    Records that share a vector are a pair too, of score 1. A record takes part in at most `cap` pairs,
    the closest first, ties in the order of ids.

    Args:
        links: `left`, `right` (vector rows) and `score`.
        facts: `id` and `vector_row` (null where there is no vector).
        candidates: bool [facts], which records may take part.
        cap: most pairs a record.

    Returns:
        `left`, `right` (rows of facts; the left id is the smaller) and `score`; and how many records
        met the cap.
    """
    ids = facts.column("id").to_pylist()
    members: dict[int, list[int]] = defaultdict(list)
    for row, vector in enumerate(facts.column("vector_row").to_pylist()):
        if vector is not None and candidates[row]:
            members[vector].append(row)
    for rows in members.values():
        rows.sort(key=lambda row: ids[row])
    proposed: list[tuple[float, str, str, int, int]] = []
    capped: set[int] = set()
    for rows in members.values():
        capped.update(rows[cap:])
        for number, left in enumerate(rows):
            proposed += [(-1.0, ids[left], ids[r], left, r) for r in rows[number + 1 : number + 1 + cap]]
    columns = (links.column(name).to_pylist() for name in ("left", "right", "score"))
    for a, b, score in zip(*columns, strict=True):
        for one, other in product(members.get(a, ())[:cap], members.get(b, ())[:cap]):
            left, right = sorted((one, other), key=lambda row: ids[row])
            proposed.append((-score, ids[left], ids[right], left, right))
    proposed.sort()
    taken: list[tuple[int, int, float]] = []
    count: dict[int, int] = defaultdict(int)
    for score, _, _, left, right in proposed:
        full = [row for row in (left, right) if count[row] >= cap]
        if full:
            capped.update(full)
            continue
        count[left] += 1
        count[right] += 1
        taken.append((left, right, -score))
    table = pa.table(
        {
            "left": pa.array([pair[0] for pair in taken], pa.int64()),
            "right": pa.array([pair[1] for pair in taken], pa.int64()),
            "score": pa.array([pair[2] for pair in taken], pa.float64()),
        }
    )
    return table, len(capped)
