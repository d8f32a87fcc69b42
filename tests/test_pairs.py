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


def facts_of(vectors: list[int | None], **more: list[int | None]) -> pa.Table:
    columns = {"v_row": vectors, **more}
    return pa.table({name: pa.array(rows, pa.int64()) for name, rows in columns.items()})


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
    pairs, capped = expand({"v": links_of(scores)}, facts_of(vectors), np.arange(len(vectors)), 1000)
    expected = {}
    for left, right in combinations(range(len(vectors)), 2):
        a, b = vectors[left], vectors[right]
        if a is not None and b is not None:
            score = 1.0 if a == b else scores.get((min(a, b), max(a, b)))
            if score is not None:
                expected[left, right] = score
    rows = pairs.to_pylist()
    assert {(row["left"], row["right"]): row["v"] for row in rows} == expected
    assert (len(rows), capped) == (len(expected), 0)


@given(CORPORA, st.integers(1, 3), st.randoms(use_true_random=False))
def test_a_cap_holds_and_the_order_of_rows_changes_nothing(
    corpus: tuple[list[int | None], dict[tuple[int, int], float]], cap: int, chance: object
) -> None:
    vectors, scores = corpus
    order = list(range(len(vectors)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    found = []
    for rows in (list(range(len(vectors))), order):
        facts = facts_of([vectors[n] for n in rows])
        pairs, capped = expand({"v": links_of(scores)}, facts, np.array(rows), cap)
        named = [(rows[p["left"]], rows[p["right"]], p["v"]) for p in pairs.to_pylist()]
        first = {text: row for row, text in reversed(list(enumerate(vectors)))}
        counted = [pair for pair in named if not (pair[2] == 1.0 and first[vectors[pair[0]]] == pair[0])]
        degree = Counter(row for left, right, _ in counted for row in (left, right))
        assert all(count <= cap for count in degree.values())
        found.append((named, capped))
    assert found[0] == found[1]


def test_a_cap_keeps_the_closest_pairs_and_counts_who_met_it() -> None:
    links = links_of({(0, 1): 0.9, (0, 2): 0.95, (1, 2): 0.86})
    pairs, capped = expand({"v": links}, facts_of([0, 1, 2]), np.arange(3), 1)
    assert pairs.to_pylist() == [{"left": 0, "right": 2, "v": 0.95}]
    assert capped == 2


def test_every_record_of_a_text_is_paired_with_the_best_of_them_whatever_the_cap() -> None:
    priority = np.array([3, 1, 0, 2])
    pairs, _ = expand({"v": NO_LINKS}, facts_of([0, 0, 0, 0]), priority, 1)
    assert {(row["left"], row["right"]) for row in pairs.to_pylist()} >= {(2, 0), (2, 1), (2, 3)}


def test_two_texts_of_many_records_are_linked_through_the_best_of_each() -> None:
    facts = facts_of([0] * 20 + [1] * 20)
    pairs, _ = expand({"v": links_of({(0, 1): 0.9})}, facts, np.arange(40), 30)
    across = {(row["left"], row["right"]) for row in pairs.to_pylist() if row["v"] == 0.9}
    assert across == {(0, other) for other in range(20, 40)} | {(one, 20) for one in range(1, 20)}


def test_a_pair_that_two_measures_propose_is_one_pair_with_both_scores() -> None:
    facts = facts_of([0, 1, 2], w=[None, None, None])
    facts = facts.append_column("w_row", pa.array([5, 6, 7]))
    links = {"v": links_of({(0, 1): 0.9}), "w": links_of({(5, 6): 0.4, (6, 7): 0.3})}
    pairs, _ = expand(links, facts, np.arange(3), 9)
    assert pairs.to_pylist() == [
        {"left": 0, "right": 1, "v": 0.9, "w": 0.4},
        {"left": 1, "right": 2, "v": None, "w": 0.3},
    ]


def test_only_records_with_a_priority_take_part() -> None:
    pairs, _ = expand({"v": NO_LINKS}, facts_of([0, 0, 0]), np.array([0, -1, 1]), 10)
    assert pairs.to_pylist() == [{"left": 0, "right": 2, "v": 1.0}]
