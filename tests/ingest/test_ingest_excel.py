"""Excel workbooks: sheets, headers, values as they were meant."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import openpyxl
import pytest
from ingested import Read, rejects

from pipeline.errors import SourceError


def book(**sheets: list[list[Any]]) -> bytes:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


HEADER = ["question", "answer", "note"]


def test_rows_keep_their_numbers_and_values(read: Read) -> None:
    day, moment = datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4)
    data = book(
        Sheet=[
            HEADER,
            ["一？", "答", 3.0],
            [],
            ["Two?", "two", day],
            ["三？", "三", moment],
            ["4?", "4", True],
        ]
    )
    report, rows = read("a.xlsx", data)
    assert (report.format, report.units) == ("excel", 4)
    assert [(row["line"], row["meta"]) for row in rows] == [
        (2, '{"note":3}'), (4, '{"note":"2024-01-02"}'), (5, '{"note":"2024-01-02T03:04:00"}'), (6, '{"note":true}'),
    ]  # fmt: skip


def test_titles_above_the_header_are_skipped_and_told(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _, rows = read("a.xlsx", book(Sheet=[["问答表"], [], HEADER, ["Why?", "So.", "x"]]))
    assert [(row["line"], row["output"]) for row in rows] == [(4, "So.")]
    assert "1 rows above the header are left out" in caplog.text


def test_several_sheets_are_told_apart_and_hidden_or_empty_ones_left_out(read: Read) -> None:
    made = openpyxl.load_workbook(
        io.BytesIO(book(茶=[HEADER, ["a", "b"]], coffee=[HEADER, ["c", "d"]], none=[], h=[["x"]]))
    )
    made["h"].sheet_state = "hidden"
    out = io.BytesIO()
    made.save(out)
    _, rows = read("a.xlsx", out.getvalue())
    assert [(row["output"], row["meta"]) for row in rows] == [
        ("b", '{"note":null,"sheet":"茶"}'), ("d", '{"note":null,"sheet":"coffee"}'),
    ]  # fmt: skip


def test_errors_and_formulas_without_a_value_cost_their_row(read: Read) -> None:
    data = book(Sheet=[HEADER, ["a?", "#N/A", 1], ["b?", "=1+1", 1], ["c?", "yes", 1]])
    report, rows = read("a.xlsx", data)
    assert [row["instruction"] for row in rows] == ["c?"]
    assert rejects(report) == [(2, "ingest.cell.error"), (3, "ingest.cell.error")]
    assert "never calculated" in report.rejects[1].detail


def test_a_formula_is_read_by_the_value_saved_with_it(read: Read) -> None:
    source, out = zipfile.ZipFile(io.BytesIO(book(Sheet=[HEADER, ["a?", "=1+1", 1]]))), io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name.endswith("sheet1.xml"):
                data = data.replace(b"<v />", b"<v>2</v>").replace(b"<v></v>", b"<v>2</v>")
            target.writestr(name, data)
    _, rows = read("a.xlsx", out.getvalue())
    assert rows[0]["output"] == "2"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (book(Sheet=[HEADER, ["a", "b"]])[:-40], "not a whole"),
        (b"question,answer\na,b\n", "is no workbook"),
        (
            b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
            "encrypted with a password",
        ),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "not a whole workbook"),
    ],
)
def test_what_is_no_readable_workbook_says_so(read: Read, data: bytes, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        read("a.xlsx", data)


def test_two_columns_of_one_name_are_refused_and_a_long_row_rejected(read: Read) -> None:
    with pytest.raises(SourceError, match="more than one column"):
        read("a.xlsx", book(Sheet=[["question", "question"], ["a", "b"]]))
    report, rows = read("a.xlsx", book(Sheet=[HEADER, ["a", "b" * 5000], ["c", "d"]]), max_unit_bytes=1000)
    assert (len(rows), rejects(report)) == (1, [(2, "ingest.unit.too_large")])


def test_a_workbook_that_unpacks_to_too_much_is_refused(read: Read) -> None:
    with pytest.raises(SourceError, match="unpacks to over"):
        read("a.xlsx", book(Sheet=[HEADER, ["a", "b"]]), max_unpacked_bytes=1000)
