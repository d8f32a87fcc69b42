"""Identity: ids depend on a record's own raw text and place of origin, keys on its texts alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import records, write_jsonl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest import SourceSpec, find_files, ingest_file
from pipeline.record import (
    RECORD_SCHEMA,
    TEXT_COLUMNS,
    part_id,
    prompt_of,
    record_id,
    record_key,
    text_key,
    text_keys,
    unit_of,
)

TURNS = st.lists(st.fixed_dictionaries({"user": st.text(), "assistant": st.text()}), max_size=2)
ROWS = st.lists(
    st.fixed_dictionaries({
        "system": st.text(), "history": TURNS, "instruction": st.text(), "input": st.text(), "output": st.text(),
    }),
    min_size=1, max_size=5,
)  # fmt: skip


def ids_of(folder: Path, rows: list[object], source: str = "src", name: str = "a.jsonl") -> list[str]:
    write_jsonl(folder / name, rows)
    spec = SourceSpec(name=source, path=name)
    (file,) = find_files(spec, folder)
    found: list[str] = []
    ingest_file(file, spec, 3, lambda table: found.extend(table["id"].to_pylist()))
    return found


def unit(number: int) -> dict[str, str]:
    return {"instruction": f"Question {number}?", "output": f"Answer {number}."}


def test_equal_raw_texts_in_one_file_get_two_ids(tmp_path: Path) -> None:
    ids = ids_of(tmp_path, [unit(1), unit(2), unit(1), unit(1)])
    assert len(set(ids)) == 4


@settings(max_examples=15)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_an_id_does_not_change_when_other_lines_go(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    gone = data.draw(st.integers(0, 5))
    all_ids = ids_of(folder, [unit(n) for n in numbers])
    left = [n for n in numbers if n != gone]
    if left:
        expected = [id_ for id_, n in zip(all_ids, numbers, strict=True) if n != gone]
        assert ids_of(folder, [unit(n) for n in left]) == expected


def test_an_id_names_source_file_text_and_occurrence() -> None:
    one = record_id("s", "f", b"raw", 0)
    others = [record_id("t", "f", b"raw", 0), record_id("s", "g", b"raw", 0), record_id("s", "f", b"row", 0)]
    others += [record_id("s", "f", b"raw", 1), record_id("sf", "", b"raw", 0)]
    assert len({one, *others}) == 6
    assert len(one) == 24
    assert int(one, 16) >= 0


def test_the_same_origin_has_the_same_id_in_every_release() -> None:
    assert record_id("faq", "a/b.csv", "问题".encode(), 2) == "efec5d02296764a77d16c34f"


@given(ROWS)
def test_text_keys_equal_record_key_row_by_row(rows: list[dict[str, object]]) -> None:
    table = records(*rows)
    assert text_keys(table) == [record_key(row) for row in rows]


@given(ROWS)
def test_a_text_key_depends_on_the_row_alone(rows: list[dict[str, object]]) -> None:
    alone = [text_keys(records(row))[0] for row in rows]
    assert text_keys(records(*rows)) == alone


def test_a_text_key_tells_where_one_text_ends_and_the_next_begins() -> None:
    assert text_key(["ab", "c"]) != text_key(["a", "bc"])
    assert text_key(["a"]) != text_key(["a", ""])


def test_a_text_key_over_some_columns_ignores_the_others() -> None:
    left, right = {"instruction": "x", "output": "1"}, {"instruction": "x", "output": "2"}
    table = records(left, right)
    assert len(set(text_keys(table, ("instruction",)))) == 1
    assert len(set(text_keys(table, ("instruction", "output")))) == 2


def test_half_a_surrogate_pair_has_a_key_too() -> None:
    assert text_key(["\ud83d"]) != text_key(["\ud83e"])


def test_a_prompt_is_the_instruction_and_below_it_the_input() -> None:
    assert prompt_of("Translate.", "你好") == "Translate.\n你好"
    assert prompt_of("Translate.", "") == "Translate."


def test_text_columns_are_columns_of_a_record() -> None:
    assert set(TEXT_COLUMNS) < set(RECORD_SCHEMA.names)


def test_the_records_of_one_unit_share_the_beginning_of_their_ids() -> None:
    unit = record_id("s", "f", b"raw", 0)
    ids = [part_id(unit, part) for part in range(3000)]
    assert ids[0] == unit
    assert len(set(ids)) == 3000
    assert {unit_of(each) for each in ids} == {unit_of(unit)}
    assert {len(each) for each in ids} == {24}
    assert unit_of(record_id("s", "f", b"raw", 1)) != unit_of(unit)
