"""From close vectors to pairs of records: every pair once, and no record in more pairs than the cap."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pairs import expand, tiles

NO_LINKS = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("score", pa.float64())]).empty_table()


@given(st.integers(1, 40), st.integers(1, 12))
def test_tiles_cover_every_pair_of_vectors_once(rows: int, size: int) -> None:
    seen = Counter(
        (left, right)
        for tile in tiles(rows, size)
        for left in range(tile.left_start, tile.left_stop)
        for right in range(tile.right_start, tile.right_stop)
        if left < right
    )
    assert set(seen) == set(combinations(range(rows), 2))
    assert set(seen.values()) <= {1}


def facts_of(vectors: list[int | None], ids: list[str]) -> pa.Table:
    return pa.table({"id": ids, "vector_row": pa.array(vectors, pa.int64())})


def links_of(scores: dict[tuple[int, int], float]) -> pa.Table:
    return pa.table({
        "left": [left for left, _ in scores], "right": [right for _, right in scores], "score": list(scores.values())
    }) if scores else NO_LINKS  # fmt: skip


CORPORA = st.tuples(
    st.lists(st.one_of(st.none(), st.integers(0, 4)), min_size=2, max_size=10),
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda pair: pair[0] < pair[1]),
        st.sampled_from([0.86, 0.9, 0.95]),
    ),
)


@given(CORPORA)
def test_without_a_cap_every_close_pair_of_records_is_there_once(
    corpus: tuple[list[int | None], dict[tuple[int, int], float]],
) -> None:
    vectors, scores = corpus
    facts = facts_of(vectors, [f"id{n}" for n in range(len(vectors))])
    pairs, capped = expand(links_of(scores), facts, np.ones(len(vectors), bool), 1000)
    expected = {}
    for left, right in combinations(range(len(vectors)), 2):
        a, b = vectors[left], vectors[right]
        if a is not None and b is not None:
            score = 1.0 if a == b else scores.get((min(a, b), max(a, b)))
            if score is not None:
                expected[left, right] = score
    rows = pairs.to_pylist()
    assert {(row["left"], row["right"]): row["score"] for row in rows} == expected
    assert (len(rows), capped) == (len(expected), 0)


@given(CORPORA, st.integers(1, 3), st.randoms(use_true_random=False))
def test_a_cap_holds_and_the_order_of_rows_changes_nothing(
    corpus: tuple[list[int | None], dict[tuple[int, int], float]], cap: int, chance: object
) -> None:
    vectors, scores = corpus
    ids = [f"id{n}" for n in range(len(vectors))]
    order = list(range(len(ids)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    found = []
    for rows in (list(range(len(ids))), order):
        facts = facts_of([vectors[n] for n in rows], [ids[n] for n in rows])
        pairs, capped = expand(links_of(scores), facts, np.ones(len(ids), bool), cap)
        named = [(ids[rows[p["left"]]], ids[rows[p["right"]]], p["score"]) for p in pairs.to_pylist()]
        degree = Counter(id_ for left, right, _ in named for id_ in (left, right))
        assert all(count <= cap for count in degree.values())
        found.append((named, capped))
    assert found[0] == found[1]


def test_a_cap_keeps_the_closest_pairs_and_counts_who_met_it() -> None:
    facts = facts_of([0, 1, 2], ["a", "b", "c"])
    links = links_of({(0, 1): 0.9, (0, 2): 0.95, (1, 2): 0.86})
    pairs, capped = expand(links, facts, np.ones(3, bool), 1)
    assert pairs.to_pylist() == [{"left": 0, "right": 2, "score": 0.95}]
    assert capped == 2


def test_only_candidates_take_part() -> None:
    facts = facts_of([0, 0, 0], ["a", "b", "c"])
    pairs, _ = expand(NO_LINKS, facts, np.array([True, False, True]), 10)
    assert pairs.to_pylist() == [{"left": 0, "right": 2, "score": 1.0}]
