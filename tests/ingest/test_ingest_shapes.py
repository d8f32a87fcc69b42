from __future__ import annotations

import json
from typing import Any

import pytest
from ingested import Read, rejects
from pydantic import ValidationError

from pipeline.errors import SourceError
from pipeline.ingest import Peek, SourceSpec, find_files, peek


def lines(*units: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(unit, ensure_ascii=False).encode() for unit in units)


@pytest.mark.parametrize(
    ("columns", "shape", "expected"),
    [
        ("instruction input output", "alpaca", "1|2|3|"),
        ("Instruction Output system", "alpaca", "1||2|3"),
        ("指令 输入 输出", "alpaca", "1|2|3|"),
        ("instruction context response category", "dolly", "1|2|3|"),
        ("instruction input response", "dolly", "1|2|3|"),
        ("prompt completion", "prompt_completion", "1||2|"),
        ("prompt response system", "prompt_completion", "1||2|3"),
        ("question answer", "question_answer", "1||2|"),
        ("id question context answer", "question_answer", "2|3|4|"),
        ("Q A", "question_answer", "1||2|"),
        ("问题 回答", "question_answer", "1||2|"),
        ("问题 答案", "question_answer", "1||2|"),
        ("问 答", "question_answer", "1||2|"),
        ("department title ask answer", "question_answer", "3||4|"),
        ("title answer", "question_answer", "1||2|"),
        ("question std_answer class", "question_answer", "1||2|"),
        ("query response", "question_answer", "1||2|"),
    ],
)
def test_a_shape_is_known_by_its_columns(read: Read, columns: str, shape: str, expected: str) -> None:
    unit = {name: str(place) for place, name in enumerate(columns.split(), 1)}
    report, rows = read("a.jsonl", lines(unit))
    row = rows[0]
    assert report.shape == shape
    found = "|".join(row[name] for name in ("instruction", "input", "output", "system"))
    assert found == expected
    taken = {row[name] for name in ("instruction", "input", "output", "system")}
    assert set(json.loads(row["meta"]).values()) == set(unit.values()) - taken


@pytest.mark.parametrize("columns", ["text", "text category", "conversations", "prompt chosen"])
def test_a_file_that_fits_no_shape_is_an_error_that_shows_what_to_write(read: Read, columns: str) -> None:
    unit = {name: ["x"] if name == "conversations" else "x y z" for name in columns.split()}
    with pytest.raises(SourceError) as caught:
        read("a.jsonl", lines(unit))
    for name in columns.split():
        assert f"{name} (" in caught.value.message
    assert "alpaca: instruction + output" in caught.value.message
    hint = caught.value.hint
    assert ("columns: {" in hint) == ("conversations" not in columns)


def test_the_example_in_the_error_is_a_map_that_works(read: Read) -> None:
    data = lines({"id": "7", "prompt": "ask me", "label_text": "the longest text by far", "k": 1})
    with pytest.raises(SourceError, match="no known shape") as caught:
        read("a.jsonl", data)
    assert "columns: {instruction: prompt, output: label_text}" in caught.value.hint
    _, rows = read("a.jsonl", data, columns={"instruction": "prompt", "output": "label_text"})
    assert rows[0]["output"] == "the longest text by far"


def test_a_table_without_a_header_does_not_leak_its_text(read: Read) -> None:
    secret = "my name is nobody and I live nowhere at all, ok"
    with pytest.raises(SourceError) as caught:
        read("a.tsv", f"{secret}\t{secret}!\nx\ty\n".encode())
    assert "nobody" not in str(caught.value)
    assert "name its columns" in caught.value.hint


def test_a_shape_must_fit_half_of_the_units(read: Read) -> None:
    good, bad = {"question": "q", "answer": "a"}, {"text": "t"}
    report, rows = read("a.jsonl", lines(good, bad))
    assert (len(rows), rejects(report)) == (1, [(2, "ingest.field.missing")])
    with pytest.raises(SourceError, match="no known shape"):
        read("a.jsonl", lines(good, bad, bad))
    report, _ = read("a.jsonl", lines(good, bad, bad), shape="question_answer")
    assert (report.parsed, len(report.rejects)) == (1, 2)


def test_a_declared_shape_that_does_not_fit_is_an_error(read: Read) -> None:
    with pytest.raises(SourceError, match="shape alpaca does not fit"):
        read("a.jsonl", lines({"question": "q", "answer": "a"}), shape="alpaca")


def test_a_declared_map_wins_and_unknown_fields_rename_in_meta(read: Read) -> None:
    unit = {"Text": "t", "label": "l", "lg": "de", "rest": 1}
    columns = {"output": "text", "category": "label", "lang": "lg"}
    report, rows = read("a.jsonl", lines(unit, {"Text": "u"}), columns=columns, lang="en")
    assert report.shape == "columns"
    assert [(row["instruction"], row["output"], row["lang"], row["meta"]) for row in rows] == [
        ("", "t", "de", '{"rest":1,"category":"l"}'),
        ("", "u", "en", "{}"),
    ]


def test_a_mapped_column_that_is_not_there_is_an_error_with_a_suggestion(read: Read) -> None:
    with pytest.raises(SourceError, match=r"'anwser'.*they have question, answer") as caught:
        read(
            "a.jsonl",
            lines({"question": "q", "answer": "a"}),
            columns={"instruction": "question", "output": "anwser"},
        )
    assert "did you mean 'answer'" in caught.value.hint


def test_a_language_column_is_taken_unless_the_source_declares_one(read: Read) -> None:
    data = lines({"question": "q", "answer": "a", "lang": "it"})
    assert read("a.jsonl", data)[1][0]["lang"] == "it"
    row = read("a.jsonl", data, lang="en")[1][0]
    assert (row["lang"], row["meta"]) == ("en", '{"lang":"it"}')


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shape": "columns"}, "needs `columns:`"),
        ({"shape": "alpaca", "columns": {"output": "a"}}, "exclude each other"),
        ({"columns": {"output": "a", "id": "b"}}, "cannot fill id"),
        ({"columns": {"lang": "a"}}, "at least one of"),
        ({"colums": {}}, "Extra inputs"),
        ({"name": "a b"}, "pattern"),
        ({"max_unit_bytes": 0}, "greater than or equal"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SourceSpec.model_validate({"name": "s", "path": "x", **options})


def look(read: Read, tmp_path: Any, data: bytes, rows: int = 50, **options: Any) -> Peek:
    (tmp_path / "p.jsonl").write_bytes(data)
    spec = SourceSpec(name="s", path="p.jsonl", **options)
    return peek(find_files(spec, tmp_path)[0], spec, rows)


def test_peek_tells_shape_confidence_and_map(read: Read, tmp_path: Any) -> None:
    good, other = {"q": "x", "a": "y", "n": 1}, {"q": "x", "m": 2}
    found = look(read, tmp_path, lines(good, good, good, other, *[good] * 99), rows=4)
    assert (found.format, found.shape, found.confidence, found.units) == (
        "jsonl",
        "question_answer",
        0.75,
        4,
    )
    assert found.columns == ("q", "a", "n", "m")
    assert found.proposed == {"instruction": "q", "output": "a"}
    assert found.reason == "3 of the first 4 units have q and a; to meta: n, m"


def test_peek_halves_its_confidence_where_another_shape_fits(read: Read, tmp_path: Any) -> None:
    unit = {"instruction": "i", "output": "o", "prompt": "p", "completion": "c"}
    found = look(read, tmp_path, lines(unit))
    assert (found.shape, found.confidence) == ("alpaca", 0.5)
    assert "prompt_completion would fit as well" in found.reason


def test_peek_says_what_it_saw_where_nothing_fits(read: Read, tmp_path: Any) -> None:
    found = look(read, tmp_path, lines({"text": "x", "n": 1}))
    assert (found.shape, found.confidence, found.proposed) == ("", 0.0, {"output": "text"})
    assert "text (text), n (number)" in found.reason
    found = look(read, tmp_path, b"{\n{\n")
    assert (found.units, found.reason) == (2, "no unit could be read: ingest.json.invalid: 2")
    found = look(read, tmp_path, lines({"text": "x"}), columns={"output": "text"})
    assert (found.shape, found.confidence) == ("columns", 1.0)
