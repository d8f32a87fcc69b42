from __future__ import annotations

import gzip
import json
import os
import pickle
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ingested import Read, ingest, rejects

from pipeline.errors import SourceError
from pipeline.ingest import FORMATS, SHAPES, SourceSpec, detect_format, file_digest, find_files, ingest_file

LINE = b'{"instruction": "q", "output": "a"}\n'


def write(base: Path, *names: str, data: bytes = LINE) -> None:
    for name in names:
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def names(base: Path, *path: str, **options: object) -> list[str]:
    spec = SourceSpec.model_validate({"name": "src", "path": path, **options})
    return [file.name for file in find_files(spec, base)]


def test_a_folder_gives_its_readable_files_by_name(tmp_path: Path) -> None:
    write(tmp_path, "d/b.jsonl", "d/a.csv.gz", "d/sub/c.JSON", "d/README.txt", "d/x.pdf")
    write(tmp_path, "d/.hidden.json", "d/.git/a.json", "d/__MACOSX/a.json")
    assert names(tmp_path, "d") == ["a.csv.gz", "b.jsonl", "sub/c.JSON"]
    assert names(tmp_path, str(tmp_path / "d")) == names(tmp_path, "d")
    assert names(tmp_path, "d", format="jsonl") == ["b.jsonl", "sub/c.JSON"]


def test_a_glob_names_files_below_its_fixed_part(tmp_path: Path) -> None:
    write(tmp_path, "d/en/x.jsonl", "d/zh/x.jsonl", "d/zh/notes.md", "d/t.txt")
    assert names(tmp_path, "d/*/x.jsonl") == ["en/x.jsonl", "zh/x.jsonl"]
    assert names(tmp_path, "d/**/*") == ["en/x.jsonl", "zh/x.jsonl"]
    assert names(tmp_path, "d/*.txt") == ["t.txt"]


def test_a_single_file_goes_by_its_name_even_if_it_looks_like_a_glob(tmp_path: Path) -> None:
    write(tmp_path, "d/data[1].jsonl")
    assert names(tmp_path, "d/data[1].jsonl") == ["data[1].jsonl"]


def test_the_size_is_told_and_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", "b.jsonl")
    assert names(tmp_path, "a.jsonl", "*.jsonl") == ["a.jsonl", "b.jsonl"]
    files = find_files(SourceSpec(name="s", path="*.jsonl"), tmp_path)
    assert [(file.size, file.source, file.alone) for file in files] == [(len(LINE), "s", False)] * 2


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "en/x.jsonl", "zh/x.jsonl")
    with pytest.raises(SourceError, match=r"would both be named x\.jsonl"):
        names(tmp_path, "en", "zh/x.jsonl")


def test_nothing_found_says_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    write(tmp_path, "d/a.pdf", "d/b.docx", "train.jsonl")
    (tmp_path / "empty").mkdir()
    for path, says in (
        ("d", r"2 files, none readable: a\.pdf, b\.docx; readable endings are \.json, "),
        ("empty", "holds no files"),
        ("trian.jsonl", r"did you mean train\.jsonl\?"),
        ("no/where.json", "nor does the folder"),
        ("d/*.csv", r"d/\*\.csv matches nothing"),
    ):
        with pytest.raises(SourceError, match=says) as caught:
            names(tmp_path, path)
        assert "source src" in caught.value.message
        assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "d/a.jsonl", "d/locked/b.jsonl")
    (tmp_path / "d/locked").chmod(0)
    try:
        with pytest.raises(SourceError, match="cannot be read: Permission denied"):
            names(tmp_path, "d")
    finally:
        (tmp_path / "d/locked").chmod(0o700)


def test_a_digest_is_blake2b_of_the_bytes_on_disk(tmp_path: Path) -> None:
    data = gzip.compress(LINE * 1000)
    write(tmp_path, "a.jsonl.gz", data=data)
    assert file_digest(tmp_path / "a.jsonl.gz") == blake2b(data, digest_size=16).hexdigest()
    with pytest.raises(SourceError, match="No such file"):
        file_digest(tmp_path / "b")


@pytest.mark.parametrize(
    ("data", "like"),
    [
        (b"PK\x03\x04rest", "an Office document"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x89PNG\r\n", "a PNG"),
        (b"\x00\x01\x02\x00" * 50, "binary data"),
        (gzip.compress(LINE, mtime=0), "gzip within another compression"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.bin"])
def test_what_is_not_text_is_told_by_its_first_bytes(read: Read, data: bytes, like: str, name: str) -> None:
    packed = gzip.compress(data) if data.startswith(b"\x1f") else data
    with pytest.raises(SourceError, match=f"is not text: it looks like {like}"):
        read(name, packed)


def test_garbage_that_is_text_is_rejected_line_by_line_until_it_is_hopeless(read: Read) -> None:
    report, _ = read("a.jsonl", b"nonsense\n" * 20 + LINE)
    assert (len(report.rejects), report.parsed) == (20, 1)
    with pytest.raises(SourceError, match=r"cannot be read as jsonl.*ingest\.json\.invalid: 500"):
        read("a.jsonl", b"nonsense\n" * 600 + LINE)
    report, _ = read("a.jsonl", b"nonsense\n" * 600, on_broken_file="keep")
    assert (report.units, report.rejects[-1].reason) == (501, "ingest.file.broken")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b""),
        ("a.jsonl", b"\n \n"),
        ("a.json", b"[ ]"),
        ("a.csv", b"question,answer\n"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0)),
    ],
)
def test_an_empty_file_is_an_error_alone_and_fine_among_others(
    tmp_path: Path, read: Read, name: str, data: bytes
) -> None:
    with pytest.raises(SourceError, match="holds no units"):
        read(name, data)
    write(tmp_path, f"d/{name}", data=data)
    write(tmp_path, "d/full.jsonl")
    spec = SourceSpec(name="src", path="d")
    empty = next(file for file in find_files(spec, tmp_path) if file.name == name)
    report = ingest_file(empty, spec, 10, lambda table: pytest.fail("no record to write"))
    assert (report.units, report.parsed, report.rejects, report.shape) == (0, 0, (), "")


def test_a_format_is_told_by_ending_and_overridden_by_proof(tmp_path: Path) -> None:
    for name, format_ in (
        ("a.csv", "csv"),
        ("a.TSV.gz", "tsv"),
        ("a.ndjson", "jsonl"),
        ("a.json", "json"),
        ("a.weird", "json"),
    ):
        write(tmp_path, name)
        assert detect_format(tmp_path / name) == format_
    assert detect_format(tmp_path / "a.weird", "csv") == "csv"
    write(tmp_path, "b.weird", data=b"some words\n")
    with pytest.raises(SourceError, match=r"ending is \.weird"):
        detect_format(tmp_path / "b.weird")


def test_the_registries_and_the_recipe_name_the_same_formats_and_shapes() -> None:
    fields = SourceSpec.model_fields
    assert set(get_args(fields["format"].annotation)) == {"auto", *FORMATS}
    assert set(get_args(fields["shape"].annotation)) == {"auto", "columns", *SHAPES}
    assert all(field.description for field in fields.values())


BOUNDED = """
import resource, sys
from pathlib import Path
from pipeline.ingest import SourceSpec, find_files, ingest_file
spec = SourceSpec(name="s", path=sys.argv[1], max_unit_bytes=1 << 20)
(file,) = find_files(spec, Path())
ingest_file(find_files(SourceSpec(name="s", path=sys.argv[2]), Path())[0], spec, 10, lambda t: None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = ingest_file(file, spec, 10, lambda table: None)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(after - before, report.units, [(r.line, r.reason) for r in report.rejects])
"""


@pytest.mark.parametrize(
    ("name", "before", "unit", "after"),
    [
        ("a.jsonl", LINE, b"x", b"\n" + LINE),
        ("a.json", b"[" + LINE + b',"', rb"\" {[", b'",' + LINE + b"]"),
        ("a.csv", b"question,answer\na,b\n", b"y", b",b\na,b\n"),
    ],
)
def test_a_unit_of_100_mb_is_rejected_in_bounded_memory(
    tmp_path: Path, name: str, before: bytes, unit: bytes, after: bytes
) -> None:
    with gzip.open(tmp_path / f"{name}.gz", "wb", compresslevel=1) as stream:
        stream.write(before)
        for _ in range(100):
            stream.write(unit * (1_000_000 // len(unit)))
        stream.write(after)
    write(tmp_path, "warm.jsonl")
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / f"{name}.gz"), str(tmp_path / "warm.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    grown_kib, units, rejected = done.stdout.split(" ", 2)
    assert int(grown_kib) < 40 * 1024
    line = 3 if name == "a.csv" else 2
    assert (int(units), rejected.strip()) == (3, f"[({line}, 'ingest.unit.too_large')]")


def test_a_parquet_file_of_one_row_group_is_read_in_bounded_memory(tmp_path: Path) -> None:
    rows = 20_000
    table = pa.table({"question": ["q" * 5000] * rows, "answer": [str(n) for n in range(rows)]})
    pq.write_table(
        table, tmp_path / "a.parquet", row_group_size=rows, use_dictionary=False, compression="none"
    )
    assert (tmp_path / "a.parquet").stat().st_size > 100_000_000
    write(tmp_path, "warm.jsonl")
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / "a.parquet"), str(tmp_path / "warm.jsonl")],
        capture_output=True,
        text=True,
        check=True,
    )
    grown_kib, units, _ = done.stdout.split(" ", 2)
    assert (int(units), int(grown_kib) < 60 * 1024) == (rows, True)


def test_a_shard_of_long_texts_ends_before_its_rows_do(tmp_path: Path) -> None:
    unit = json.dumps({"instruction": "q", "output": "a" * 4_000_000}).encode() + b"\n"
    write(tmp_path, "a.jsonl", data=unit * 20)
    sizes: list[int] = []
    spec = SourceSpec(name="src", path="a.jsonl")
    ingest_file(find_files(spec, tmp_path)[0], spec, 1000, lambda table: sizes.append(table.num_rows))
    assert sizes == [17, 3]


def test_rejects_name_their_source_and_file(tmp_path: Path) -> None:
    write(tmp_path, "d/sub/a.jsonl", data=LINE + b"{\n")
    report, _ = ingest(tmp_path, "d")
    assert rejects(report) == [(2, "ingest.json.invalid")]
    assert (report.rejects[0].source, report.rejects[0].file) == ("src", "sub/a.jsonl")


def test_a_million_rejects_end_the_file(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.ingest.accounts.MAX_REJECTS", 50)
    data = LINE + b"{\n" * 60
    with pytest.raises(SourceError, match="has 50 units that cannot be read"):
        read("a.jsonl", data)
    report, _ = read("a.jsonl", data, on_broken_file="keep")
    assert (report.parsed, len(report.rejects)) == (1, 51)


def test_a_number_too_large_for_64_bits_is_told_as_json_reads_it(read: Read) -> None:
    _, rows = read("a.jsonl", json.dumps({"instruction": "q", "output": 2**63}).encode())
    assert rows[0]["output"] == "9223372036854775808"
