"""Splits are disjoint by group and by root, stand still when the corpus changes, and are near their shares."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import RecipeError
from pipeline.record import part_id, record_id
from pipeline.stages.protocol import Decision
from pipeline.stages.split import SPLITS, Split, SplitParams

STAGE = Split()
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
EVERY = {"min_stratum": 200, "reported_stratum": 200}
UNBALANCED = SplitParams(**SHARES, max_deviation=1)

Row = dict[str, Any]
ROWS = st.lists(
    st.fixed_dictionaries({
        "root": st.integers(0, 9), "cluster": st.one_of(st.none(), st.integers(0, 5)),
        "topic": st.one_of(st.none(), st.integers(0, 4)), "source": st.sampled_from(["a", "b"]),
    }),
    min_size=1, max_size=20,
)  # fmt: skip


def facts_of(rows: list[Row]) -> pa.Table:
    clusters = [None if row.get("cluster") is None else f"c{row['cluster']}" for row in rows]
    return pa.table({
        "id": [f"i{row.get('id', number):05}" for number, row in enumerate(rows)],
        "root": [f"r{row.get('root', number):05}" for number, row in enumerate(rows)],
        "cluster": pa.array(clusters, pa.string()),
        "source": [row.get("source", "a") for row in rows],
        "lang": [row.get("lang", "en") for row in rows],
        "meta": [json.dumps({"topic": row["topic"]} if row.get("topic") is not None else {}) for row in rows],
    })  # fmt: skip


def split(rows: list[Row], params: SplitParams = UNBALANCED, **extra: Any) -> Decision:
    return STAGE.decide(facts_of(rows), None, params, **extra)


def splits_of(decision: Decision) -> list[str]:
    assert decision.columns is not None
    return list(decision.columns["split"].to_pylist())


@given(ROWS, st.booleans(), st.integers(0, 5))
def test_no_root_cluster_or_topic_stands_in_two_splits(rows: list[Row], balanced: bool, seed: int) -> None:
    extra = {"min_stratum": 2, "max_deviation": 0.05} if balanced else {"max_deviation": 1}
    rows = [*rows, {"root": 99, "cluster": None, "topic": 99}]
    params = SplitParams(**SHARES, group_by=("meta.topic",), **extra)
    found = splits_of(split(rows, params, seed=seed))
    for name in ("root", "cluster", "topic"):
        seen: dict[int, set[str]] = {}
        for row, where in zip(rows, found, strict=True):
            if row[name] is not None:
                seen.setdefault(row[name], set()).add(where)
        assert all(len(where) == 1 for where in seen.values()), name
    assert set(found) <= set(SPLITS)


@given(ROWS, st.booleans(), st.data())
def test_the_order_of_rows_changes_nothing(rows: list[Row], balanced: bool, data: st.DataObject) -> None:
    numbered = [{**row, "id": number} for number, row in enumerate(rows)]
    order = data.draw(st.permutations(numbered))
    params = SplitParams(**SHARES, min_stratum=2, max_deviation=0.05) if balanced else UNBALANCED
    one, other = split(numbered, params), split(order, params)
    assert one.notes == other.notes
    by_id = {row["id"]: where for row, where in zip(order, splits_of(other), strict=True)}
    assert [by_id[row["id"]] for row in numbered] == splits_of(one)


def group_of(rows: list[Row], number: int) -> set[int]:
    """Return the rows that are bound to one, over any number of steps."""
    group = {number}
    while True:
        grown = {
            other
            for other, row in enumerate(rows)
            for member in group
            if row["root"] == rows[member]["root"]
            or (row["cluster"] is not None and row["cluster"] == rows[member]["cluster"])
        } | group
        if grown == group:
            return group
        group = grown


@given(ROWS, st.data())
def test_deleting_a_record_moves_nothing_outside_its_group(rows: list[Row], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(rows) - 1))
    before = splits_of(split(rows))
    left = [number for number in range(len(rows)) if number != gone]
    if left:
        after = dict(zip(left, splits_of(split([rows[number] for number in left])), strict=True))
        outside = set(left) - group_of(rows, gone)
        assert {number: after[number] for number in outside} == {number: before[number] for number in outside}


def test_shares_are_near_their_targets() -> None:
    decision = split([{"root": number} for number in range(20_000)])
    counts = Counter(splits_of(decision))
    for name, share in SHARES.items():
        assert counts[name] / 20_000 == pytest.approx(share, abs=0.012)
        assert decision.notes[name] == counts[name]
    assert (decision.notes["groups"], decision.notes["groups_moved_for_balance"]) == (20_000, 0)


def test_another_seed_is_another_draw() -> None:
    rows: list[Row] = [{"root": number} for number in range(500)]
    assert splits_of(split(rows, seed=1)) == splits_of(split(rows, seed=1))
    same = sum(
        a == b for a, b in zip(splits_of(split(rows, seed=1)), splits_of(split(rows, seed=2)), strict=True)
    )
    assert 180 < same < 260


def test_a_share_of_nothing_gets_nothing() -> None:
    rows: list[Row] = [{"root": number} for number in range(300)]
    assert set(splits_of(split(rows, SplitParams(train=1, validation=0, test=0)))) == {"train"}


@settings(max_examples=25)
@given(
    st.integers(0, 1000),
    st.integers(200, 500),
    st.sampled_from([0.01, 0.02, 0.03, 0.1]),
    st.sampled_from([(0.9, 0.05, 0.05), (0.8, 0.1, 0.1), (0.6, 0.2, 0.2), (0.95, 0.05, 0.0)]),
)
def test_no_large_stratum_of_single_records_is_off_by_more_than_the_bound(
    seed: int, size: int, bound: float, shares: tuple[float, float, float]
) -> None:
    train, validation, test = shares
    params = SplitParams(train=train, validation=validation, test=test, max_deviation=bound, **EVERY)
    rows: list[Row] = [
        {"root": n, "source": "ab"[n % 2], "lang": ["en", "zh"][n % 3 > 0]} for n in range(4 * size)
    ]
    decision = split(rows, params, seed=seed)
    targets = dict(zip(SPLITS, shares, strict=True))
    strata: dict[str, Counter[str]] = {}
    for row, where in zip(rows, splits_of(decision), strict=True):
        strata.setdefault(f"{row['source']} / {row['lang']}", Counter())[where] += 1
    off = {
        abs(counts[name] / counts.total() - target)
        for counts in strata.values()
        if counts.total() >= params.min_stratum
        for name, target in targets.items()
    }
    assert max(off) <= bound + 1e-9
    assert decision.notes["worst_deviation"] == pytest.approx(max(off), abs=1e-4)
    assert (
        decision.notes["worst_stratum"] == ""
        or str(decision.notes["worst_stratum"]).rpartition(":")[0] in strata
    )


def test_small_strata_are_left_as_the_hash_drew_them() -> None:
    rows: list[Row] = [{"root": number} for number in range(150)]
    params = SplitParams(**SHARES, max_deviation=0.001, **EVERY)
    assert splits_of(split(rows, params)) == splits_of(split(rows))
    assert split(rows, params).notes["worst_stratum"] == ""


def test_adding_records_to_a_small_set_moves_none_of_the_others() -> None:
    rows: list[Row] = [{"root": number} for number in range(400)]
    params = SplitParams(**SHARES)
    before = splits_of(split(rows[:300], params))
    assert all(splits_of(split(rows[:stop], params))[:300] == before for stop in range(300, 400, 7))


def test_a_group_too_large_to_balance_is_reported_with_its_stratum() -> None:
    rows: list[Row] = [{"root": number, "cluster": 0} for number in range(300)]
    notes = split(rows, SplitParams(**SHARES)).notes
    assert notes["groups"] == 1
    assert notes["worst_deviation"] in (0.4, 0.6, 0.8)
    assert str(notes["worst_stratum"]).startswith("a / en: ")


def test_strata_may_be_keys_of_meta() -> None:
    rows: list[Row] = [{"root": number, "topic": number % 2} for number in range(800)]
    params = SplitParams(**SHARES, strata=("meta.topic",), max_deviation=0.005, **EVERY)
    found = Counter(
        (row["topic"], where) for row, where in zip(rows, splits_of(split(rows, params)), strict=True)
    )
    for topic in (0, 1):
        for name, share in SHARES.items():
            assert found[topic, name] / 400 == pytest.approx(share, abs=0.005)


def test_strata_without_names_are_one_stratum() -> None:
    rows: list[Row] = [{"root": number, "source": "ab"[number % 2]} for number in range(500)]
    params = SplitParams(**SHARES, strata=(), max_deviation=0.004, **EVERY)
    counts = Counter(splits_of(split(rows, params)))
    assert all(abs(counts[name] / 500 - share) <= 0.004 for name, share in SHARES.items())


def test_records_without_the_grouping_value_are_not_grouped() -> None:
    rows: list[Row] = [{"root": number} for number in range(200)]
    rows[7]["topic"] = 1
    params = SplitParams(**SHARES, max_deviation=1, group_by=("meta.topic",))
    assert split(rows, params).notes["groups"] == 200
    assert splits_of(split(rows, params)) == splits_of(split(rows))


@pytest.mark.parametrize("name", ["topc", "meta.author"])
def test_a_grouping_that_no_record_has_is_an_error_that_names_it(name: str) -> None:
    params = SplitParams(**SHARES, group_by=(name,))
    with pytest.raises(RecipeError, match=name.rpartition(".")[2]):
        split([{"root": number, "topic": 1} for number in range(9)], params)


def test_grouping_by_a_column_keeps_its_values_whole() -> None:
    rows: list[Row] = [{"root": number, "source": f"s{number % 7}"} for number in range(200)]
    found = splits_of(split(rows, SplitParams(**SHARES, max_deviation=1, group_by=("source",))))
    seen = {(row["source"], where) for row, where in zip(rows, found, strict=True)}
    assert len(seen) == 7


def prior_of(assigned: dict[int, str]) -> pa.Table:
    return pa.table({"root": [f"r{root:05}" for root in assigned], "split": list(assigned.values())})


@given(ROWS, st.dictionaries(st.integers(0, 9), st.sampled_from(SPLITS), min_size=2), st.booleans())
def test_assignments_of_a_prior_build_are_fixed_and_nothing_bridges_them(
    rows: list[Row], assigned: dict[int, str], balanced: bool
) -> None:
    params = SplitParams(**SHARES, min_stratum=2, max_deviation=0.05) if balanced else UNBALANCED
    decision = split(rows, params, prior=prior_of(assigned))
    found = splits_of(decision)
    dropped = {row["id"]: row for row in decision.changes.table().to_pylist()}
    for number, row in enumerate(rows):
        group = group_of(rows, number)
        known = sorted(
            {assigned[rows[member]["root"]] for member in group if rows[member]["root"] in assigned}
        )
        change = dropped.get(f"i{number:05}")
        if row["root"] in assigned:
            assert found[number] == assigned[row["root"]]
            assert change is None
        elif len(known) > 1:
            assert change is not None
            assert (change["action"], change["reason"]) == ("drop", "split.bridge")
            smallest = min(rows[member]["root"] for member in group)
            assert json.loads(change["evidence"]) == {"group": f"r{smallest:05}", "splits": known}
        else:
            assert change is None
            if known:
                assert [found[number]] == known


def test_a_new_record_that_would_join_two_splits_of_a_prior_build_is_dropped() -> None:
    rows: list[Row] = [{"root": number, "cluster": 0} for number in range(3)]
    decision = split(rows, prior=prior_of({0: "train", 1: "test"}))
    (change,) = decision.changes.table().to_pylist()
    assert (change["id"], change["reason"]) == ("i00002", "split.bridge")
    assert json.loads(change["evidence"]) == {"group": "r00000", "splits": ["test", "train"]}
    assert splits_of(decision)[:2] == ["train", "test"]


def test_balancing_moves_no_record_of_a_prior_build_and_none_bound_to_one() -> None:
    rows: list[Row] = [{"root": number, "cluster": number // 2} for number in range(600)]
    prior = prior_of(dict.fromkeys(range(0, 400, 2), "test"))
    found = splits_of(split(rows, SplitParams(**SHARES, max_deviation=0.01, **EVERY), prior=prior))
    assert set(found[:400]) == {"test"}
    assert (
        split(rows, SplitParams(**SHARES, max_deviation=0.01, **EVERY), prior=prior).notes[
            "groups_moved_for_balance"
        ]
        != 0
    )


def test_a_prior_record_without_a_split_fixes_nothing() -> None:
    rows: list[Row] = [{"root": number} for number in range(50)]
    prior = pa.table({"root": [f"r{n:05}" for n in range(50)], "split": pa.array([None] * 50, pa.string())})
    assert splits_of(split(rows, prior=prior)) == splits_of(split(rows))


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.1), (0.9, 0.1, 0.1), (0.333, 0.333, 0.333)])
def test_shares_that_do_not_add_up_are_refused(shares: tuple[float, float, float]) -> None:
    train, validation, test = shares
    with pytest.raises(ValueError, match="must add up to 1, not"):
        SplitParams(train=train, validation=validation, test=test)
    assert SplitParams(train=0.7, validation=0.2, test=0.1).test == 0.1


def test_the_columns_that_a_split_reads_are_asked_for_once() -> None:
    params = SplitParams(strata=("source", "meta.topic"), group_by=("meta.author", "source"))
    assert STAGE.context(params) == ("root", "cluster", "source", "meta")
    assert STAGE.measures(params) == ()
    assert STAGE.needs(params) == ()
    assert STAGE.prior(SplitParams(prior="builds/old")) == "builds/old"


def test_the_records_of_one_unit_are_never_divided() -> None:
    units = [record_id("a", "f", str(number).encode(), 0) for number in range(70)]
    roots = [*units, *(part_id(unit, part) for unit in units[:2] for part in range(1, 30))]
    facts = pa.table({"id": roots, "root": roots, "source": ["a"] * len(roots), "lang": ["zh"] * len(roots)})
    decision = STAGE.decide(facts, None, UNBALANCED)
    found = splits_of(decision)
    for number in (0, 1):
        assert set(found[70 + 29 * number : 99 + 29 * number]) == {found[number]}
    assert decision.notes["groups"] == 70
    assert len(set(found[:70])) == 3
