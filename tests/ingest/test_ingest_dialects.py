"""Tables in any dialect: delimiter, quotes, escapes and header are told by the first rows."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from ingested import Read, rejects

from pipeline.ingest.dialects import DELIMITERS, dialect_of
from pipeline.ingest.spec import SourceSpec

ROWS = [
    ["question", "answer"],
    ["What's up, doc?", 'He said "nothing"; really'],
    ["第一行\n第二行", "一，二；三|四"],
    ["a\tb", "it's ~ so ^ odd : this"],
    ["", "empty before"],
]
SPEC = SourceSpec(name="s", path="x")


def written(rows: list[list[str]], **options: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, **options).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("quotechar", ['"', "'"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_every_dialect_is_read_back(read: Read, delimiter: str, quotechar: str, quoting: int) -> None:
    data = written(ROWS * 1 + ROWS[1:] * 3, delimiter=delimiter, quotechar=quotechar, quoting=quoting)
    report, rows = read("a.csv", data.encode())
    assert [[row["instruction"], row["output"]] for row in rows[:3]] == ROWS[1:4]
    assert (report.units, report.rejects) == (16, ())


@pytest.mark.parametrize("quotechar", ['"', "'"])
def test_quotes_that_are_escaped_with_backslashes(read: Read, quotechar: str) -> None:
    options = {"quotechar": quotechar, "quoting": csv.QUOTE_ALL, "doublequote": False, "escapechar": "\\"}
    data = written([ROWS[0], *ROWS[1:4] * 4], **options)
    _, rows = read("a.csv", data.encode())
    assert [[row["instruction"], row["output"]] for row in rows[:3]] == ROWS[1:4]


def test_backslashes_that_escape_nothing_stay(read: Read) -> None:
    _, rows = read("a.csv", b'question,answer\nWhere?,C:\\new\\table\nHow?,"a \\d+, regex"\nb,c\n')
    assert [row["output"] for row in rows] == ["C:\\new\\table", "a \\d+, regex", "c"]


def test_a_delimiter_that_is_escaped_far_below_the_first_rows_is_text(read: Read) -> None:
    plain = b"Where?,C:\\new\\\n" * 60
    report, rows = read("a.csv", b"question,answer\n" + plain + "Tea\\, 水?,一\\,二\nx,y,z\n".encode())
    assert [rows[59]["output"], rows[60]["instruction"], rows[60]["output"]] == [
        "C:\\new\\",
        "Tea, 水?",
        "一,二",
    ]
    assert rejects(report) == [(63, "ingest.row.columns")]


def test_quotes_within_texts_are_no_quoting(read: Read) -> None:
    data = 'question\tanswer\n5" pipe\tthe 5" one\n"so" he said\tok\n\'tis\tit\'s\n'
    report, rows = read("a.tsv", data.encode())
    assert [row["instruction"] for row in rows] == ['5" pipe', '"so" he said', "'tis"]
    assert report.rejects == ()


def test_a_table_without_a_header_loses_no_row(read: Read) -> None:
    data = "1,怎样预防感冒？,勤洗手。\n2,什么是糖尿病？,一种慢性病。\n3,头痛怎么办？,多休息。\n"
    assert dialect_of(data.encode(), SPEC).header is False
    _, rows = read("a.csv", data.encode(), columns={"instruction": "column_2", "output": "column_3"})
    assert [row["line"] for row in rows] == [1, 2, 3]
    assert rows[0]["output"] == "勤洗手。"


@pytest.mark.parametrize(
    "data",
    [
        "question,answer\na,b\nc,d\ne,f\n",
        "id,price\n1,2\n3,4\n5,6\n",
        "Question?,Answer\na,b\nc,d\ne,f\n",
        "问题,答案\n一,二\n三,四\n五,六\n",
        "a,b\n1,2\n",
        "2020,text\nx,y\nz,w\nu,v\n",
    ],
)
def test_a_header_is_taken_for_one_unless_it_cannot_be(data: str) -> None:
    assert dialect_of(data.encode(), SPEC).header is True


def test_a_recipe_overrules_what_the_rows_say(read: Read) -> None:
    data = b"question;answer\na,b;c\n"
    assert read("a.csv", data, delimiter=";")[1][0]["instruction"] == "a,b"
    data = b"question,answer\n$a, b$,c\n"
    assert read("a.csv", data, quotechar="$")[1][0]["instruction"] == "a, b"
    data = b'question,answer\nx,y\n"so,"\nz,w\n'
    assert [row["instruction"] for row in read("a.csv", data, quotechar="none")[1]] == ["x", '"so', "z"]
    data = b"question,answer\n$a, b$,c\n"
    options = {"columns": {"instruction": "column_1", "output": "column_2"}}
    assert [row["instruction"] for row in read("a.csv", data[:20], header="no", **options)[1]] == [
        "question",
        "$a",
    ]


def test_ragged_rows_are_rejects(read: Read) -> None:
    report, rows = read("a.csv", b"question|answer\na|b\nc\nd|e|f\ng|h\n")
    assert rejects(report) == [(3, "ingest.row.columns"), (4, "ingest.row.columns")]
    assert [row["line"] for row in rows] == [2, 5]


def test_a_field_of_megabytes_is_one_field(read: Read) -> None:
    text = "长文 " * 1_000_000
    _, rows = read("a.csv", f'question,answer\n"{text}",b\nc,d\n'.encode())
    assert (len(rows[0]["instruction"]), rows[1]["output"]) == (3_000_000, "d")


def test_a_csv_named_tsv_is_read_by_its_rows(read: Read) -> None:
    _, rows = read("a.tsv", b"question,answer\na,b\nc,d\n")
    assert [row["output"] for row in rows] == ["b", "d"]
