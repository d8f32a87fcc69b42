"""Changes are carried out to the letter, what they do not name is untouched, and the books balance."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from fakes import records
from hypothesis import given
from hypothesis import strategies as st

from pipeline.apply import LEDGER_SCHEMA, apply, count_reasons
from pipeline.change import CHANGE_SCHEMA, Changes
from pipeline.errors import LineageError
from pipeline.record import RECORD_SCHEMA, TEXT_COLUMNS, record_key

TEXTS = ("system", "instruction", "input", "output")
PLANS = st.lists(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("edit"), st.dictionaries(st.sampled_from(TEXTS), st.text(max_size=5), min_size=1)
            ),
            st.tuples(st.just("flag"), st.sampled_from(["a.b", "c.d"])),
            st.tuples(st.just("add"), st.text(max_size=5)),
            st.tuples(st.just("drop"), st.sampled_from(["x.y", "x.z"])),
        ),
        max_size=4,
    ),
    max_size=8,
)


def shard_of(size: int) -> pa.Table:
    rows = [{"id": f"r{n}", "instruction": f"q{n}", "output": f"a{n}"} for n in range(size)]
    return records(*rows)


def changes_of(plans: list[list[tuple[str, Any]]]) -> tuple[Changes, int]:
    """Return the planned changes, each record's up to its drop, and how many children are added."""
    changes, children = Changes(), 0
    for number, plan in enumerate(plans):
        for action, value in plan:
            id_ = f"r{number}"
            if action == "edit":
                changes.edit(id_, "s.edit", {"n": number}, value)
            elif action == "flag":
                changes.flag(id_, value, {})
            elif action == "add":
                changes.add(f"c{children}", id_, "s.add", {}, {"output": value})
                children += 1
            else:
                changes.drop(id_, value, {})
                break
    return changes, children


@given(PLANS)
def test_rows_in_and_added_are_kept_or_dropped(plans: list[list[tuple[str, Any]]]) -> None:
    shard = shard_of(len(plans) + 2)
    changes, children = changes_of(plans)
    applied = apply(shard, changes.table(), "stage")
    kept, dropped = applied.kept["id"].to_pylist(), applied.dropped["id"].to_pylist()
    assert applied.added == children
    assert sorted([*kept, *dropped]) == sorted(
        [*shard["id"].to_pylist(), *(f"c{n}" for n in range(children))]
    )
    assert set(dropped) == {f"r{n}" for n, plan in enumerate(plans) if any(a == "drop" for a, _ in plan)}
    assert applied.ledger.num_rows == len(changes)
    assert applied.ledger.schema == LEDGER_SCHEMA


@given(PLANS)
def test_each_ledger_row_begins_where_the_one_before_it_ended(plans: list[list[tuple[str, Any]]]) -> None:
    shard = shard_of(len(plans) + 1)
    applied = apply(shard, changes_of(plans)[0].table(), "stage")
    last = {row["id"]: record_key(row) for row in shard.to_pylist()}
    for row in applied.ledger.to_pylist():
        assert row["before_key"] == (None if row["action"] == "add" else last[row["id"]])
        assert (row["after_key"] is None) == (row["action"] == "drop")
        last[row["id"]] = row["after_key"]
    for row in applied.kept.to_pylist():
        assert record_key(row) == last[row["id"]]


@given(PLANS)
def test_rows_that_no_change_names_are_equal_arrow_data(plans: list[list[tuple[str, Any]]]) -> None:
    shard = shard_of(len(plans) + 2)
    changes, _ = changes_of(plans)
    applied = apply(shard, changes.table(), "stage")
    named = set(changes.table()["id"].to_pylist())
    rest = pa.array([id_ not in named for id_ in shard["id"].to_pylist()])
    kept = pa.array([id_ not in named for id_ in applied.kept["id"].to_pylist()])
    assert applied.kept.filter(kept).combine_chunks().equals(shard.filter(rest).combine_chunks())


def test_columns_that_no_change_touches_are_the_same_memory() -> None:
    shard = shard_of(3)
    changes = Changes()
    changes.edit("r1", "s.edit", {}, {"output": "new"})
    kept = apply(shard, changes.table(), "stage").kept
    for name in shard.column_names:
        places = [
            [buffer.address for buffer in table.column(name).chunk(0).buffers() if buffer is not None]
            for table in (kept, shard)
        ]
        assert (places[0] == places[1]) is (name != "output"), name


def test_no_changes_return_the_very_shard() -> None:
    shard = shard_of(2)
    applied = apply(shard, Changes().table(), "stage")
    assert applied.kept is shard
    assert (applied.dropped.num_rows, applied.ledger.num_rows, applied.added) == (0, 0, 0)


def test_a_later_edit_works_on_what_the_earlier_one_left() -> None:
    changes = Changes()
    changes.edit("r0", "s.one", {}, {"output": "first", "input": "kept"})
    changes.edit("r0", "s.two", {}, {"output": "second"})
    (row,) = apply(shard_of(1), changes.table(), "stage").kept.to_pylist()
    assert (row["output"], row["input"], row["instruction"]) == ("second", "kept", "q0")


def test_an_edit_of_history_replaces_its_turns() -> None:
    turns = [{"user": "Hello", "assistant": "你好"}]
    changes = Changes()
    changes.edit("r0", "s.turns", {}, {"history": turns})
    assert apply(shard_of(1), changes.table(), "stage").kept["history"].to_pylist() == [turns]


def test_an_edit_to_nothing_is_not_an_edit_of_nothing() -> None:
    changes = Changes()
    changes.edit("r0", "s.cleared", {}, {"output": ""})
    assert apply(shard_of(1), changes.table(), "stage").kept["output"].to_pylist() == [""]


def test_flags_gather_in_order_and_a_dropped_record_says_by_whom_and_why() -> None:
    changes = Changes()
    changes.flag("r0", "s.one", {})
    changes.flag("r0", "s.two", {})
    changes.drop("r1", "s.bad", {})
    applied = apply(shard_of(2), changes.table(), "check")
    assert applied.kept["flags"].to_pylist() == [["s.one", "s.two"]]
    (dropped,) = applied.dropped.to_pylist()
    assert (dropped["id"], dropped["dropped_by"], dropped["drop_reason"]) == ("r1", "check", "s.bad")


def test_a_child_has_its_roots_fields_but_for_those_it_is_given() -> None:
    shard = records({"id": "r0", "instruction": "q", "output": "a", "lang": "zh", "tags": ["t"]})
    changes = Changes()
    changes.edit("r0", "s.edit", {}, {"instruction": "q2"})
    changes.add("c0", "r0", "s.child", {}, {"output": "b"})
    child = apply(shard, changes.table(), "stage").kept.to_pylist()[1]
    assert child == {**shard.to_pylist()[0], "id": "c0", "root": "r0", "instruction": "q2", "output": "b"}


def drop(id_: str) -> Changes:
    changes = Changes()
    changes.drop(id_, "s.bad", {})
    return changes


def test_a_change_of_an_unknown_record_names_stage_and_record() -> None:
    with pytest.raises(LineageError, match=r"stage 'check' changes 1 records .* first nobody"):
        apply(shard_of(2), drop("nobody").table(), "check")


def test_a_child_of_an_unknown_root_is_refused() -> None:
    changes = Changes()
    changes.add("c0", "nobody", "s.child", {}, {})
    with pytest.raises(LineageError, match="nobody"):
        apply(shard_of(2), changes.table(), "check")


@pytest.mark.parametrize("after", ["drop", "edit", "flag", "add"])
def test_nothing_may_follow_a_drop(after: str) -> None:
    changes = drop("r0")
    if after == "drop":
        changes.drop("r0", "s.again", {})
    elif after == "edit":
        changes.edit("r0", "s.again", {}, {"output": "x"})
    elif after == "flag":
        changes.flag("r0", "s.again", {})
    else:
        changes.add("c0", "r0", "s.again", {}, {})
    with pytest.raises(LineageError, match=rf"{after} 's.again' comes after the drop of record r0"):
        apply(shard_of(1), changes.table(), "check")


def test_an_unknown_action_is_refused() -> None:
    row = dict.fromkeys(CHANGE_SCHEMA.names) | {"id": "r0", "action": "wipe", "reason": "s.x"}
    table = pa.Table.from_pylist([{**row, "evidence": "{}"}], schema=CHANGE_SCHEMA)
    with pytest.raises(LineageError, match="unknown action 'wipe'"):
        apply(shard_of(1), table, "check")


@pytest.mark.parametrize(
    ("fields", "named"), [({}, "nothing"), ({"id": "x"}, "id"), ({"lang": "en"}, "lang")]
)
def test_an_edit_of_no_text_is_refused(fields: dict[str, str], named: str) -> None:
    with pytest.raises(LineageError, match=f"changes {named}"):
        Changes().edit("r0", "s.edit", {}, fields)


def test_evidence_is_json_with_sorted_keys_and_readable_chinese() -> None:
    changes = Changes()
    changes.flag("r0", "s.x", {"b": 1.5, "a": "词", "c": [1, 2]})
    (row,) = changes.table().to_pylist()
    assert row["evidence"] == '{"a": "词", "b": 1.5, "c": [1, 2]}'
    assert json.loads(row["evidence"])["c"] == [1, 2]


def test_decided_columns_are_attached_by_id_and_replaced_by_a_later_stage() -> None:
    first = apply(shard_of(3), Changes().table(), "a", pa.table({"id": ["r2", "r0"], "weight": [2.0, 0.5]}))
    assert first.kept["weight"].to_pylist() == [0.5, None, 2.0]
    columns = pa.table({"id": ["r0", "r1", "r2"], "weight": [1.0, 1.0, 1.0], "split": ["a", "b", "c"]})
    second = apply(first.kept, drop("r1").table(), "b", columns)
    assert second.kept["weight"].to_pylist() == [1.0, 1.0]
    assert second.kept["split"].to_pylist() == ["a", "c"]
    assert second.dropped["split"].to_pylist() == ["b"]
    assert second.kept.column_names == [*RECORD_SCHEMA.names, "weight", "split"]


@pytest.mark.parametrize("name", ["root", "source", "file", "line", *TEXT_COLUMNS])
def test_a_stage_cannot_decide_a_column_that_a_record_is_made_of(name: str) -> None:
    with pytest.raises(LineageError, match=f"decided the column '{name}'"):
        apply(shard_of(1), Changes().table(), "a", pa.table({"id": ["r0"], name: ["x"]}))


@given(PLANS)
def test_reasons_are_counted_by_action(plans: list[list[tuple[str, Any]]]) -> None:
    ledger = apply(shard_of(len(plans) + 1), changes_of(plans)[0].table(), "stage").ledger
    counts = count_reasons(ledger)
    flat = {(action, reason): n for action, by in counts.items() for reason, n in by.items()}
    assert flat == Counter(zip(ledger["action"].to_pylist(), ledger["reason"].to_pylist(), strict=True))
    assert list(counts) == sorted(counts)


def test_a_child_has_the_columns_that_its_stage_decides_and_its_parents_others() -> None:
    shard = shard_of(2).append_column("split", pa.array(["train", "test"]))
    changes = Changes()
    changes.add("c", "r0", "s.add", {"n": 1}, {"instruction": "new"}, {"method": "swap", "rank": 0.5})
    unset = pa.schema([("id", pa.string()), ("method", pa.string()), ("rank", pa.float64())]).empty_table()
    kept = apply(shard, changes.table(), "grow", unset).kept.to_pylist()
    assert [(row["id"], row["root"], row["split"], row["method"], row["rank"]) for row in kept] == [
        ("r0", "r0", "train", None, None),
        ("r1", "r1", "test", None, None),
        ("c", "r0", "train", "swap", 0.5),
    ]
    assert kept[2]["instruction"] == "new"
    assert kept[2]["output"] == kept[0]["output"]
