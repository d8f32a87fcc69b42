"""JSON files that are one object: columns, rows by key, wrapped lists, one record."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest
from ingested import Read, rejects

from pipeline.errors import SourceError
from pipeline.ingest import FORMATS, SourceSpec

ROWS = [("How long?", "Ten."), ("多久？", "十分钟。")]


def pairs(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["instruction"], row["output"]) for row in rows]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "value",
    [
        {"question": [q for q, _ in ROWS], "answer": [a for _, a in ROWS]},
        {
            "question": {str(i): q for i, (q, _) in enumerate(ROWS)},
            "answer": {str(i): a for i, (_, a) in enumerate(ROWS)},
        },
        {"version": 1, "data": [{"question": q, "answer": a} for q, a in ROWS]},
        {"dialogs": [{"question": q, "answer": a} for q, a in ROWS], "about": {"by": "us"}},
        {f"id{i}": {"question": q, "answer": a} for i, (q, a) in enumerate(ROWS)},
        {
            "train": [{"question": ROWS[0][0], "answer": ROWS[0][1]}],
            "test": [{"question": ROWS[1][0], "answer": ROWS[1][1]}],
        },
    ],
)
def test_each_layout_gives_its_rows(read: Read, value: dict[str, Any], indent: int | None) -> None:
    report, rows = read("a.json", json.dumps(value, ensure_ascii=False, indent=indent).encode())
    assert report.format == "json"
    assert pairs(rows) == ROWS
    assert [row["line"] for row in rows] == [1, 2]


def test_the_key_of_a_row_is_kept(read: Read) -> None:
    _, rows = read(
        "a.json", b'{"k1": {"question": "q", "answer": "a"}, "k2": {"question": "r", "answer": "b"}}'
    )
    assert [row["meta"] for row in rows] == ['{"key":"k1"}', '{"key":"k2"}']


def test_a_record_with_a_list_of_turns_stays_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for value in (
        {"id": 1, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"question": "q", "answers": [{"text": "a"}, {"text": "b"}]},
        {"messages": [{"from": "human", "value": "a"}]},
    ):
        path.write_text(json.dumps(value))
        (unit,) = FORMATS["json"].read(path, SourceSpec(name="s", path="a.json"))
        assert unit == (1, value)


def test_columns_of_different_lengths_are_an_error_that_names_them(read: Read) -> None:
    with pytest.raises(SourceError, match="answer has 1") as caught:
        read("a.json", b'{"question": ["a", "b"], "answer": ["c"], "n": [1, 2]}')
    assert "2" in caught.value.message


def test_rows_whose_keys_differ_and_values_that_are_no_json_are_rejected(read: Read) -> None:
    data = b'{"question": {"0": "a", "1": "b"}, "answer": {"0": "c", "1": NaN}}'
    report, rows = read("a.json", data)
    assert (pairs(rows), rejects(report)) == ([("a", "c")], [(2, "ingest.json.invalid")])


def test_a_value_that_is_too_large_costs_its_row(read: Read) -> None:
    value = {"question": ["a", "b"], "answer": ["x" * 5000, "c"]}
    report, rows = read("a.json", json.dumps(value).encode(), max_unit_bytes=1000)
    assert (pairs(rows), rejects(report)) == ([("b", "c")], [(1, "ingest.unit.too_large")])


def test_numbers_keep_every_digit_that_json_can_hold(read: Read) -> None:
    _, rows = read("a.json", b'{"question": ["a"], "answer": ["b"], "id": [1234567890123456789]}')
    assert rows[0]["meta"] == '{"id":1234567890123456789}'


@pytest.mark.parametrize("cut", [5, 30, 60, 80])
def test_an_object_that_breaks_off_says_so(read: Read, cut: int) -> None:
    data = json.dumps({"question": ["a" * 20, "b" * 20], "answer": ["c" * 20, "d" * 20]}, indent=1).encode()
    with pytest.raises(SourceError, match="ends inside"):
        read("a.json", data[:cut])


def test_lines_stay_lines_even_where_the_first_is_long(read: Read) -> None:
    line = json.dumps({"question": "q", "answer": "a" * 100_000})
    report, rows = read("a.json", f"{line}\n{line}\n".encode())
    assert (report.format, len(rows)) == ("jsonl", 2)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        for name in (b'{"question": [', b'], "answer": ['):
            file.write(name + b",".join([b'"%s"' % (b"text " * 200)] * 60_000))
        file.write(b"]}")
    spec = SourceSpec(name="src", path=str(path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in FORMATS["json"].read(path, spec)) == 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB, for 120 MB
