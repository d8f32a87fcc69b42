from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingested import Read, ingest, rejects

from pipeline.errors import SourceError
from pipeline.ingest import SourceSpec
from pipeline.ingest.dialects import dialect_of

ROWS = [
    {"question": "苹果，梨", "answer": 'say "hi"', "kind": "a,b"},
    {"question": "two\nlines\r\nhere", "answer": "tab\there", "kind": ""},
    {"question": "sep\u2028arator\x0b\x85", "answer": "007", "kind": "NA"},
    {"question": '"', "answer": "", "kind": "null"},
]


def table(rows: list[dict[str, str]], delimiter: str = ",", **options: Any) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, **options)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows: list[dict[str, Any]] | pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows) if isinstance(rows, list) else rows, out)
    return out.getvalue()


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    apart = ("id", "root", "file", "line")
    return [{key: value for key, value in row.items() if key not in apart} for row in rows]


def test_every_format_plain_or_gzip_gives_equal_records(read: Read) -> None:
    files = {
        "a.json": json.dumps(ROWS, indent=1).encode(),
        "a.jsonl": b"\n".join(json.dumps(row).encode() for row in ROWS),
        "a.csv": table(ROWS),
        "a.tsv": table(ROWS, "\t"),
        "a.parquet": parquet(ROWS),
    }
    expected = comparable(read("a.json", files["a.json"])[1])
    assert [row["instruction"] for row in expected] == [row["question"] for row in ROWS]
    assert expected[2]["meta"] == '{"kind":"NA"}'
    for name, data in files.items():
        for file, raw in ((name, data), (f"{name}.gz", gzip.compress(data))):
            report, rows = read(file, raw, shard_rows=3)
            assert (report.format, report.shape) == (name.split(".")[1], "question_answer")
            assert comparable(rows) == expected


def test_ids_do_not_depend_on_the_format_but_on_the_name_of_the_file(read: Read) -> None:
    _, lines = read("same", b"\n".join(json.dumps(row).encode() for row in ROWS))
    _, rows = read("same", table(ROWS), format="csv")
    _, batch = read("same", parquet(ROWS))
    assert [row["id"] for row in lines] == [row["id"] for row in rows]
    assert [row["id"] for row in lines] == [row["id"] for row in batch]
    _, other = read("other", parquet(ROWS))
    assert not {row["id"] for row in other} & {row["id"] for row in lines}


def test_a_row_is_placed_at_the_first_line_that_it_stands_on(read: Read) -> None:
    data = b'question,answer\n"a\nb\nc",1\n\nd,2\r\n"e\r\nf",3\ng,4,5\nh\ni,6\n'
    report, rows = read("a.csv", data)
    assert [(row["line"], row["output"]) for row in rows] == [(2, "1"), (6, "2"), (7, "3"), (11, "6")]
    assert rejects(report) == [(9, "ingest.row.columns"), (10, "ingest.row.columns")]
    assert report.rejects[0].detail == "3 fields, the header has 2"
    assert rows[2]["instruction"] == "e\r\nf"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_is_read(read: Read, end: str) -> None:
    data = end.join(["question,answer", "a,b", '"c,d",e', ""]).encode()
    _, rows = read("a.csv", data)
    assert [(row["line"], row["instruction"]) for row in rows] == [(2, "a"), (3, "c,d")]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_the_one_that_cuts_rows_evenly(read: Read, delimiter: str) -> None:
    rows = [{"question": "a, b; c|d\te", "answer": "x, y"}] * 3 + [{"question": "a", "answer": ";"}]
    _, found = read("a.csv", table(rows, delimiter))
    assert [row["output"] for row in found] == ["x, y", "x, y", "x, y", ";"]


def test_the_delimiter_of_a_single_column_is_harmless() -> None:
    spec = SourceSpec(name="s", path="x")
    assert dialect_of(b"text\nhello world\n", spec).delimiter == ","
    assert dialect_of(b"", spec).delimiter == ","
    assert dialect_of(b"id;the, question;answer\n1;a;b\n2;c, d;e\n3;f;g\n", spec).delimiter == ";"


def test_a_row_that_is_not_utf8_costs_that_row_alone(read: Read) -> None:
    report, rows = read("a.csv", "question,answer\nä,1\n".encode() + b"\xe4,2\n" + "ö,3".encode())
    assert [row["output"] for row in rows] == ["1", "3"]
    assert rejects(report) == [(3, "ingest.encoding.invalid")]


def test_a_file_in_no_encoding_at_all_says_so(read: Read) -> None:
    data = b"question,answer\n" + b"\xff\xfe\xff,\x81\xff\n" * 600
    with pytest.raises(SourceError, match="is in no encoding that can be told") as caught:
        read("a.csv", data)
    assert "`encoding:`" in caught.value.hint
    with pytest.raises(SourceError, match="header that is not valid in its encoding"):
        read("a.csv", b"\xff\xff\xff,\x81\xff\n")


def test_an_empty_row_and_a_nul_are_accounted_for(read: Read) -> None:
    report, rows = read("a.csv", b"question,answer\n,\na\x00b,this is a long answer to it\n")
    assert rejects(report) == [(2, "ingest.unit.empty")]
    assert rows[0]["instruction"] == "a\x00b"


def test_a_quote_that_is_never_closed_names_its_line(read: Read) -> None:
    data = b'question,answer\na,1\nb,"2\nc,3\nd,4\n'
    with pytest.raises(SourceError, match="row that starts on line 3 that is never closed"):
        read("a.csv", data)
    report, rows = read("a.csv", data, on_broken_file="keep")
    assert [row["line"] for row in rows] == [2]
    assert rejects(report) == [(3, "ingest.file.broken")]


def test_a_quote_that_would_swallow_the_file_stops_at_the_limit(read: Read) -> None:
    data = b'question,answer\na,"1\n' + b"b,2\n" * 5000
    with pytest.raises(SourceError, match="line 2 that is not closed within max_unit_bytes"):
        read("a.csv", data, max_unit_bytes=1000)


def test_a_long_row_is_rejected_and_the_next_one_is_read(read: Read) -> None:
    long = b'x,"' + b"y, " * 1000 + b'"\r\n'
    report, rows = read("a.csv", b"question,answer\r\n" + long + b"b,2\r\n", max_unit_bytes=500)
    assert rejects(report) == [(2, "ingest.unit.too_large")]
    assert [(row["line"], row["output"]) for row in rows] == [(3, "2")]


@pytest.mark.parametrize("over", range(5))
def test_a_row_just_over_the_limit_does_not_shift_line_numbers(read: Read, over: int) -> None:
    row = b"q," + b"a" * (98 + over)
    report, rows = read("a.csv", b"q,a\r\n" + row + b"\r\nb,2\r\n", max_unit_bytes=100)
    assert rows[-1]["line"] == 3
    assert report.units == 2


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_that_share_a_name_are_refused(read: Read, kind: str) -> None:
    data = b"answer,question, answer\n1,2,3\n"
    if kind == "parquet":
        data = parquet(pa.table([["1"], ["2"], ["3"]], names=["answer", "question", "answer"]))
    with pytest.raises(SourceError, match="more than one column named 'answer'"):
        read(f"a.{kind}", data, on_broken_file="keep")


def test_a_column_without_a_name_is_called_by_its_place(read: Read) -> None:
    _, rows = read("a.csv", b",question,answer\n0,a,b\n")
    assert rows[0]["meta"] == '{"column_1":"0"}'


def test_parquet_columns_that_are_not_text_go_to_meta(read: Read) -> None:
    rows = [
        {
            "question": "q",
            "answer": 4.5,
            "day": datetime.date(2020, 1, 2),
            "turns": [{"role": "user", "n": 1}],
            "price": decimal.Decimal("1.10"),
            "raw": b"\xff",
        },
        {"question": None, "answer": None, "day": None, "turns": [], "price": None, "raw": None},
    ]
    report, found = read("a.parquet", parquet(rows))
    assert found[0]["output"] == "4.5"
    assert json.loads(found[0]["meta"]) == {
        "day": "2020-01-02",
        "turns": [{"role": "user", "n": 1}],
        "price": "1.10",
        "raw": "ff",
    }
    assert rejects(report) == [(2, "ingest.unit.empty")]


def test_a_parquet_row_that_is_not_utf8_or_too_large_costs_that_row_alone(read: Read) -> None:
    answers = pa.array([b"a", b"\xff", b"b" * 900, b"c"]).cast(pa.string(), safe=False)
    data = parquet(pa.table({"question": ["q"] * 4, "answer": answers}))
    report, rows = read("a.parquet", data, max_unit_bytes=500)
    assert rejects(report) == [(2, "ingest.encoding.invalid"), (3, "ingest.unit.too_large")]
    assert [row["line"] for row in rows] == [1, 4]


def test_a_broken_parquet_always_fails(read: Read) -> None:
    data = parquet(ROWS)
    for broken in (data[:-5], data[: len(data) // 2], b"PAR1 but nothing else", b"no Parquet"):
        with pytest.raises(SourceError, match="is not a whole Parquet file"):
            read("a.parquet", broken, on_broken_file="keep")
    with pytest.raises(SourceError, match="it ends inside its gzip stream"):
        read("a.parquet.gz", gzip.compress(data)[:-200], on_broken_file="keep")


def test_a_header_over_the_limit_is_a_broken_file(read: Read) -> None:
    with pytest.raises(SourceError, match="has a header longer than max_unit_bytes"):
        read("a.csv", b"question," + b"answer" * 100 + b"\na,b\n", max_unit_bytes=100)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab",\r\n\0\u2028é'), max_size=40), st.sampled_from("kf"))
def test_no_table_makes_the_reader_fail_otherwise_than_by_its_rules(
    tmp_path_factory: pytest.TempPathFactory, text: str, mode: str
) -> None:
    base = tmp_path_factory.mktemp("odd")
    (base / "a.csv").write_text(f"question,answer\nx,{'long ' * 200}\n{text}", newline="")
    keep = "keep" if mode == "k" else "fail"
    try:
        report, _ = ingest(base, "a.csv", 3, on_broken_file=keep)
    except SourceError as error:
        assert "never closed" in error.message
        assert keep == "fail"
    else:
        assert report.parsed >= 1


CELLS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\r\n", "\n"]),
)
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[str, str]],
    quoting: int,
    end: str,
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # csv writes a lone carriage return without quotes
        cells = [(q.replace("\r", " "), a.replace("\r", " ")) for q, a in cells]
    rows = [{"question": f"q{q}", "answer": a} for q, a in cells]
    base = tmp_path_factory.mktemp("csv")
    (base / "a.tsv").write_bytes(table(rows, "\t", quoting=quoting, lineterminator=end))
    report, found = ingest(base, "a.tsv", 3)
    assert report.rejects == ()
    assert [(row["instruction"], row["output"]) for row in found] == [
        (row["question"], row["answer"]) for row in rows
    ]
