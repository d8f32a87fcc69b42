"""Groups of records that must not be divided between splits, each of bounded size.

A union-find over edges taken from the strongest to the weakest; an edge that would make a group larger than
the bound is refused and counted, so that a chain of weak edges cannot swallow the corpus. The order of edges
is fixed by score and ids, so the groups depend on no order of shards or workers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class BoundedUnion:
    """Union-find over `n` elements whose groups never outgrow `bound`."""

    def __init__(self, n: int, bound: int) -> None:
        self._parent = list(range(n))
        self._size = [1] * n
        self._bound = bound
        self.refused = 0

    def find(self, element: int) -> int:
        """Return the representative of the element's group."""
        parent = self._parent
        while parent[element] != element:
            parent[element] = parent[parent[element]]
            element = parent[element]
        return element

    def join(self, left: int, right: int, bounded: bool = True) -> None:
        """Make one group of two, unless a bounded one would outgrow the bound."""
        a, b = self.find(left), self.find(right)
        if a == b:
            return
        if bounded and self._size[a] + self._size[b] > self._bound:
            self.refused += 1
            return
        if self._size[a] < self._size[b]:
            a, b = b, a
        self._parent[b] = a
        self._size[a] += self._size[b]


def clusters_of(
    facts: pa.Table, twin_of: NDArray[np.int64], edges: Sequence[tuple[float, int, int]], max_cluster: int
) -> tuple[pa.Array, int]:
    """Return the cluster of every record (its smallest id) and how many edges the bound refused.

    Edges (closeness, left row, right row) are all pairs too alike to stand in two splits, those that only a
    guard kept apart among them; records with the same prompt are bound as well.
    """
    ids = facts.column("id").to_pylist()
    union = BoundedUnion(len(ids), max_cluster)
    _join_equal(union, facts.column("cluster").to_pylist() if "cluster" in facts.column_names else [])
    for row, twin in enumerate(twin_of):
        if twin != row:
            union.join(row, int(twin), bounded=False)
    if "same_prompt" in facts.column_names:
        _join_equal(union, facts.column("same_prompt").to_pylist(), bounded=True)
    for _, _, _, left, right in sorted((-score, *sorted((ids[a], ids[b])), a, b) for score, a, b in edges):
        union.join(left, right)
    smallest: dict[int, str] = {}
    for row, id_ in enumerate(ids):
        top = union.find(row)
        smallest[top] = min(id_, smallest.get(top, id_))
    return pa.array([smallest[union.find(row)] for row in range(len(ids))], pa.string()), union.refused


def _join_equal(union: BoundedUnion, labels: list[str | None], bounded: bool = False) -> None:
    first: dict[str, int] = {}
    for row, label in enumerate(labels):
        if label is not None:
            union.join(first.setdefault(label, row), row, bounded)
