"""Groups of records that stay together, none larger than the bound."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stages.clusters import BoundedUnion, clusters_of

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.sampled_from([0.85, 0.9, 0.95, 0.99])))


def cluster(
    ids: list[str],
    edges: list[tuple[int, int, float]],
    bound: int,
    twins: dict[int, int] | None = None,
    known: list[str | None] | None = None,
    threshold: float = 0.9,
) -> tuple[dict[str, str], int]:
    twin_of = np.arange(len(ids))
    for row, twin in (twins or {}).items():
        twin_of[row] = twin
    facts = {"id": ids} | ({"cluster": known} if known else {})
    close = [(score, left, right) for left, right, score in edges if score >= threshold]
    found, refused = clusters_of(pa.table(facts), twin_of, close, bound)
    return dict(zip(ids, found.to_pylist(), strict=True)), refused


IDS = [f"id{n:02}" for n in range(12)]


@given(EDGES, st.integers(2, 12))
def test_no_group_outgrows_the_bound(edges: list[tuple[int, int, float]], bound: int) -> None:
    groups, _ = cluster(IDS, edges, bound)
    assert max(Counter(groups.values()).values()) <= bound


@given(EDGES)
def test_groups_are_the_connected_parts_where_nothing_is_bounded(edges: list[tuple[int, int, float]]) -> None:
    groups, refused = cluster(IDS, edges, 12)
    label = dict(enumerate(IDS))
    for _ in IDS:
        for left, right, score in edges:
            if score >= 0.9:
                label[left] = label[right] = min(label[left], label[right])
    assert groups == {IDS[row]: label[row] for row in label}
    assert refused == 0


@given(EDGES, st.integers(2, 6), st.permutations(range(12)))
def test_groups_do_not_depend_on_the_order_of_rows(
    edges: list[tuple[int, int, float]], bound: int, order: list[int]
) -> None:
    distinct = list(
        {(min(a, b), max(a, b)): (min(a, b), max(a, b), s) for a, b, s in edges if a != b}.values()
    )
    place = {row: number for number, row in enumerate(order)}
    moved = [(place[a], place[b], score) for a, b, score in distinct]
    # Like `expand`, name the smaller id first.
    shuffled = [IDS[row] for row in order]
    assert cluster(IDS, distinct, bound) == cluster(shuffled, moved, bound)


def test_the_strongest_edges_come_first_and_refusals_are_counted() -> None:
    groups, refused = cluster(IDS[:3], [(0, 1, 0.9), (1, 2, 0.99)], 2)
    assert groups == {"id00": "id00", "id01": "id01", "id02": "id01"}
    assert refused == 1


def test_exact_twins_stay_together_whatever_the_bound() -> None:
    groups, _ = cluster(IDS[:5], [], 2, twins={1: 0, 2: 0, 3: 0})
    assert list(groups.values()) == ["id00", "id00", "id00", "id00", "id04"]


def test_groups_of_an_earlier_stage_are_kept() -> None:
    groups, _ = cluster(IDS[:4], [(0, 1, 0.95)], 500, known=["old", None, "old", None])
    assert list(groups.values()) == ["id00", "id00", "id00", "id03"]


def test_an_edge_below_the_threshold_binds_nothing() -> None:
    assert cluster(IDS[:2], [(0, 1, 0.89)], 500)[0] == {"id00": "id00", "id01": "id01"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_joined_elements_have_one_representative(pairs: list[tuple[int, int]]) -> None:
    union = BoundedUnion(10, 10)
    for left, right in pairs:
        union.join(left, right)
    assert all(union.find(left) == union.find(right) for left, right in pairs)
    assert union.refused == 0
