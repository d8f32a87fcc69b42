"""Arrow and Feather files: rows in order, damage told."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from ingested import Read, rejects
from pyarrow import feather

from pipeline.errors import SourceError

TABLE = pa.table({"question": ["How long?", "多久？"], "answer": ["Ten", "十分钟"], "rank": [1, 2]})


def as_bytes(kind: str, table: pa.Table = TABLE, compression: str | None = None, rows: int = 1) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("name", ["a.arrow", "a.feather"])
def test_rows_of_files_and_streams_are_read(
    read: Read, kind: str, compression: str | None, name: str
) -> None:
    report, rows = read(name, as_bytes(kind, compression=compression))
    assert report.format == "arrow"
    assert [(row["line"], row["instruction"], row["output"]) for row in rows] == [
        (1, "How long?", "Ten"), (2, "多久？", "十分钟"),
    ]  # fmt: skip
    assert rows[1]["meta"] == '{"rank":2}'


def test_feather_is_read_and_known_by_its_first_bytes(read: Read, tmp_path: Path) -> None:
    feather.write_feather(TABLE, str(tmp_path / "t"), compression="lz4")
    report, rows = read("a.bin", (tmp_path / "t").read_bytes())
    assert (report.format, len(rows)) == ("arrow", 2)


def test_a_cut_file_fails_and_a_cut_stream_keeps_its_batches(read: Read) -> None:
    with pytest.raises(SourceError, match="not a whole Arrow file"):
        read("a.arrow", as_bytes("file")[:-20])
    report, rows = read("a.arrow", as_bytes("stream")[:-150], on_broken_file="keep")
    assert [row["output"] for row in rows] == ["Ten"]
    assert rejects(report) == [(2, "ingest.file.truncated")]


@pytest.mark.parametrize("data", [b"FEA1 old", b"\xff\xff\xff\xffgarbage", b"\x00\x01binary garbage"])
def test_what_is_no_arrow_data_says_so(read: Read, data: bytes) -> None:
    with pytest.raises(SourceError, match=r"Feather file of version 1|neither an Arrow file|not a whole"):
        read("a.feather", data)


def test_a_row_with_broken_text_or_too_much_of_it_is_rejected_alone(read: Read) -> None:
    broken = pa.array([b"\xff\xfe", b"ok", b"x" * 5000]).view(pa.utf8())
    table = pa.table({"question": ["a", "b", "c"], "answer": broken})
    report, rows = read("a.arrow", as_bytes("file", table, rows=3), max_unit_bytes=1000)
    assert [row["output"] for row in rows] == ["ok"]
    assert rejects(report) == [(1, "ingest.encoding.invalid"), (3, "ingest.unit.too_large")]


def test_columns_of_one_name_are_refused(read: Read) -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["question", "question"])
    with pytest.raises(SourceError, match="more than one column"):
        read("a.arrow", as_bytes("file", table))
