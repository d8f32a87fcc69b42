"""Bad input in every format and wrapper, as a person meets it: what, where, why, what to do, and no harm done."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl
import pyarrow as pa
import pytest
import workbench as bench
from backports import zstd

STAGES = "stages:\n  - {stage: dedupe, semantic: false, near: false}\n"
ROWS = bench.records(200, duplicates=False)
GARBAGE = random.Random(1).randbytes(50_000)
PROSE = "这不是它说的那种东西\nneither is this\n".encode() * 300


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder for temporary files of its own, which must be empty at the end."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert [path.name for path in folder.rglob("*")] == []


# How a good file looks in each format


def jsonl(rows: list[dict[str, str]] = ROWS) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def columns() -> bytes:
    return json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}, ensure_ascii=False).encode()


def by_key() -> bytes:
    return json.dumps({f"第{n}条": row for n, row in enumerate(ROWS)}, ensure_ascii=False).encode()


def wrapped() -> bytes:
    return json.dumps({"version": 1, "data": ROWS}, ensure_ascii=False).encode()


def arrow(new: Callable[..., Any]) -> bytes:
    out, table = io.BytesIO(), pa.Table.from_pylist(ROWS)
    with new(out, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=50):
            writer.write_batch(batch)
    return out.getvalue()


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.active.append(list(ROWS[0]))
    for row in ROWS:
        book.active.append(list(row.values()))
    book.save(out)
    return out.getvalue()


def pairs() -> list[tuple[str, str]]:
    return [(row["instruction"], row["output"]) for row in ROWS]


def xml() -> bytes:
    made = (f"<qa><question>{escape(q)}</question><answer>{escape(a)}</answer></qa>\n" for q, a in pairs())
    return f'<?xml version="1.0"?>\n<faq>\n{"".join(made)}</faq>\n'.encode()


def posts() -> bytes:
    made = "".join(
        f'<row Id="{n}" PostTypeId="1" AcceptedAnswerId="{n + 1}" Title={quoteattr(q)} Body="" />\n'
        f'<row Id="{n + 1}" PostTypeId="2" ParentId="{n}" Body={quoteattr(a)} />\n'
        for n, (q, a) in zip(range(1, 1000, 2), pairs(), strict=False)
    )
    return f'<?xml version="1.0"?>\n<posts>\n{made}</posts>\n'.encode()


def page() -> bytes:
    made = "".join(f"<details><summary>{q}</summary><p>{a}</p></details>\n" for q, a in pairs())
    return f"<!doctype html><html><head><title>帮助</title></head><body>\n{made}</body></html>\n".encode()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


# A block of a compression holds more than the usual corpus: random keys keep some of it before the damage.
_BULKY = jsonl([{**row, "input": random.Random(n).randbytes(2000).hex()} for n, row in enumerate(ROWS)])
WHOLE: dict[str, bytes] = {
    "列.json": columns(),
    "keys.json": by_key(),
    "wrapped.json": wrapped(),
    "a.arrow": arrow(pa.ipc.new_file),
    "a.arrows": arrow(pa.ipc.new_stream),
    "表格.xlsx": workbook(),
    "a.xml": xml(),
    "Posts.xml": posts(),
    "手册.md": "".join(f"## {q}\n\n{a}\n\n" for q, a in pairs()).encode(),
    "a.html": page(),
    "问答.txt": "".join(f"问：{q}\n答：{a}\n\n" for q, a in pairs()).encode(),
    "a.zip": zipped({"数据/a.jsonl": jsonl()}),
    "a.tar": tarred({"数据/a.jsonl": jsonl()}, "w"),
    "a.tar.gz": tarred({"a.jsonl": jsonl()}),
    "a.jsonl.zst": zstd.compress(_BULKY),
    "a.jsonl.bz2": bz2.compress(_BULKY, 1),
    "a.jsonl.xz": lzma.compress(_BULKY, preset=0),
}
AGAIN = "fetch or write it again"
KEEP = "on_broken_file: keep"


# What each test does


def recipe(folder: Path, name: str, data: bytes | None, options: str = "", extra: str = "") -> None:
    """Write a file and a recipe whose only source it is, with more keys of the source and the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    if data is not None:
        (folder / name).write_bytes(data)
    written = bench.write_recipe(folder, STAGES, name, extra=extra)
    written.write_text(written.read_text().replace('"}\n', f'"{options}}}\n'))


def refused(folder: Path, *words: str, code: int = 1, command: str = "build") -> str:
    """Run the command, expect it to fail, and return its message; nothing else may have been written."""
    before = sorted(path for path in folder.parent.rglob("*") if ".build" not in path.parts)
    target = {"build": folder / "recipe.yaml", "init": folder / "in"}[command]
    args = [command, target, "--out", folder / ("out" if command == "build" else "made.yaml")]
    result = bench.invoke(*args, *(("--store", folder / ".build") if command == "build" else ()))
    message = result.stderr
    assert result.code == code, message or result.stdout
    assert message.startswith("error: "), message
    assert "Traceback" not in message
    assert "\n  → " in message, f"no word on what to do: {message}"
    for word in words:
        assert word in message, message
    assert sorted(path for path in folder.parent.rglob("*") if ".build" not in path.parts) == before
    assert not bench.leftovers(folder)
    return message


def read(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Build; return the counts and the rows of rejects.jsonl."""
    bench.build(folder / "recipe.yaml", folder / "out", folder / ".build")
    rejects = (folder / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    counts: dict[str, Any] = bench.manifest(folder / "out")["counts"]
    return counts, [json.loads(line) for line in rejects]


# Every format


@pytest.mark.parametrize("name", WHOLE)
def test_a_good_file_is_read_whole(tmp_path: Path, name: str) -> None:
    """Without this, a refusal below would prove nothing."""
    recipe(tmp_path, name, WHOLE[name])
    counts, rejects = read(tmp_path)
    assert (counts["units"], counts["records"], rejects) == (len(ROWS), len(ROWS), [])


@pytest.mark.parametrize("name", WHOLE)
def test_an_empty_file_says_so(tmp_path: Path, name: str) -> None:
    recipe(tmp_path, name, b"")
    is_archive = name.startswith(("a.zip", "a.tar"))
    refused(tmp_path, name, "it is empty" if is_archive else "holds no units")


_GARBAGE = "ingest.encoding.invalid"
_NO_ARCHIVE = "named as an archive, but it does not begin like one"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("列.json", _GARBAGE), ("a.arrow", "neither an Arrow file nor an Arrow stream"), ("a.xml", "is no XML"),
        ("表格.xlsx", "is no workbook"), ("手册.md", _GARBAGE), ("a.html", _GARBAGE), ("问答.txt", _GARBAGE),
        ("a.zip", _NO_ARCHIVE), ("a.tar.gz", _NO_ARCHIVE), ("a.jsonl.xz", _GARBAGE), ("a.ods", "is no workbook"),
    ],
)  # fmt: skip
def test_random_bytes_are_refused(tmp_path: Path, name: str, says: str) -> None:
    recipe(tmp_path, name, GARBAGE)
    refused(tmp_path, name, says)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("列.json", "its first 500 units are all rejected (ingest.json.invalid: 500)"),
        ("a.arrow", "neither an Arrow file nor an Arrow stream"), ("表格.xlsx", "is no workbook"),
        ("a.xml", "is no XML"), ("a.zip", _NO_ARCHIVE), ("a.tar", _NO_ARCHIVE),
    ],
)  # fmt: skip
def test_prose_under_another_name_is_refused(tmp_path: Path, name: str, says: str) -> None:
    recipe(tmp_path, name, PROSE)
    assert KEEP not in refused(tmp_path, name, says), "nothing stands before the damage"


KEPT = ["keys.json", "wrapped.json", "a.arrows", "a.xml", "a.jsonl.zst", "a.jsonl.bz2", "a.jsonl.xz"]


@pytest.mark.parametrize("name", KEPT)
def test_a_file_cut_in_half_tells_how_far_it_goes_and_can_be_kept_up_to_there(
    tmp_path: Path, name: str
) -> None:
    half = WHOLE[name][: len(WHOLE[name]) // 2]
    recipe(tmp_path / "fails", name, half)
    message = refused(tmp_path / "fails", "source things", name, KEEP)
    units = int(message.split(" after ")[1].split(" units")[0])
    assert 50 <= units <= 120
    assert f"at {'line' if name.endswith(('xml', 'zst', 'bz2', 'xz')) else 'unit'} " in message
    recipe(tmp_path / "keeps", name, half, ", on_broken_file: keep", "max_reject_rate: 0.05")
    counts, (reject,) = read(tmp_path / "keeps")
    assert (counts["records"], reject["reason"]) == (units, "ingest.file.truncated")
    assert f" {reject['line']}, after" in message, "both name the same place"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("列.json", "its units are spread over columns"), ("a.arrow", "is not a whole Arrow file"),
        ("表格.xlsx", "is not a whole workbook"), ("a.zip", "is not a whole archive"),
        ("a.tar", "is not a whole archive"), ("a.tar.gz", "ends inside its gzip stream"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", ["", ", on_broken_file: keep"])
def test_what_cannot_be_kept_in_part_fails_and_is_never_said_to_be(
    tmp_path: Path, name: str, says: str, options: str
) -> None:
    recipe(tmp_path, name, WHOLE[name][: len(WHOLE[name]) // 2], options)
    assert KEEP not in refused(tmp_path, name, says, "again")


@pytest.mark.parametrize("name", ["a.xml", "Posts.xml", "a.arrow", "a.arrows", "表格.xlsx", "a.tar.gz"])
def test_damage_in_the_middle_is_refused(tmp_path: Path, name: str) -> None:
    data = bytearray(WHOLE[name])
    data[len(data) // 2 : len(data) // 2 + 400] = GARBAGE[:400]
    recipe(tmp_path, name, bytes(data))
    refused(tmp_path, name)


def test_units_before_the_damage_in_xml_are_counted_and_kept(tmp_path: Path) -> None:
    whole = WHOLE["a.xml"].split(b"\n")
    data = b"\n".join([*whole[:102], whole[102].replace(b"</answer>", b"</answr>"), *whole[103:]])
    recipe(tmp_path, "a.xml", data, ", on_broken_file: keep", "max_reject_rate: 0.05")
    counts, (reject,) = read(tmp_path)
    assert counts["records"] == 100
    assert (reject["line"], reject["reason"]) == (103, "ingest.file.broken")
    assert "mismatched tag" in reject["detail"]


@pytest.mark.parametrize("keep", [False, True])
def test_a_damaged_file_beside_good_ones_fails_or_costs_itself_alone(tmp_path: Path, keep: bool) -> None:
    for name in ("wrapped.json", "问答.txt", "a.jsonl.zst"):
        (tmp_path / "料").mkdir(exist_ok=True)
        (tmp_path / "料" / name).write_bytes(WHOLE[name])
    (tmp_path / "料" / "坏.xml").write_bytes(WHOLE["a.xml"][:-300])
    recipe(tmp_path, "料/*", None, ", on_broken_file: keep" if keep else "")
    if not keep:
        refused(tmp_path, "坏.xml", "ends before its XML does", KEEP)
        return
    counts, (reject,) = read(tmp_path)
    assert (reject["file"], reject["reason"]) == ("坏.xml", "ingest.file.truncated")
    assert counts["units"] == 3 * len(ROWS) + (counts["records"] - 3 * len(ROWS)) + 1


# Names that lie


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", WHOLE["表格.xlsx"], ("looks like an Office document", "`format: excel`")),
        ("a.json", WHOLE["表格.xlsx"], ("looks like an Office document", "`format: excel`")),
        ("a.zip", WHOLE["表格.xlsx"], ("looks like an Office document", "`format: excel`")),
        (
            "a.jsonl",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
            ("old Office document", "`format: excel`"),
        ),
        ("a.xlsx", b"question,answer\nq,a\n", ("is no workbook", "`format:`")),
        ("a.xls", WHOLE["a.html"], ("is no workbook", "HTML")),
        ("数据.csv", WHOLE["a.html"], ("begins like a web page", "failed download", "`format: html`")),
        ("a.jsonl", WHOLE["a.html"], ("begins like a web page", "failed download", "`format: html`")),
        ("a.xml", WHOLE["a.html"], ("is no XML", "`format:`")),
        ("a.md", b"%PDF-1.7\n", ("looks like a PDF document", "convert it")),
        ("a.html", b"\x89PNG\r\n\x1a\n", ("looks like a PNG image", "convert it")),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99), ("is a 7z archive", "unpack it")),
        ("a.jsonl", b"Rar!\x1a\x07\x01\x00" + bytes(99), ("is a RAR archive", "unpack it")),
        ("a.arrow", jsonl(), ("neither an Arrow file nor an Arrow stream", "`format:`")),
        ("a.jsonl.gz", gzip.compress(zstd.compress(jsonl())), ("zstd within another compression",)),
    ],
)
def test_a_file_under_a_wrong_name_is_told_what_it_looks_like(
    tmp_path: Path, name: str, data: bytes, words: tuple[str, ...]
) -> None:
    recipe(tmp_path, name, data)
    refused(tmp_path, name, *words)


@pytest.mark.parametrize("name", ["a.xml", "a.html", "a.md", "a.txt", "a.json", "a.zip", "a.parquet.zst"])
def test_json_lines_under_a_wrong_name_are_read_or_refused_and_never_taken_for_prose(
    tmp_path: Path, name: str
) -> None:
    recipe(tmp_path, name, jsonl())
    if name == "a.parquet.zst":
        refused(tmp_path, name, "is not a whole Parquet file")
    else:
        counts, rejects = read(tmp_path)
        assert (counts["records"], rejects) == (len(ROWS), [])


@pytest.mark.parametrize(
    ("name", "format_"), [("a.txt", "a.zip"), ("a.jsonl", "a.arrow"), ("b", "a.jsonl.zst")]
)
def test_what_the_first_bytes_prove_is_read_under_any_name(tmp_path: Path, name: str, format_: str) -> None:
    recipe(tmp_path, name, WHOLE[format_])
    assert read(tmp_path)[0]["records"] == len(ROWS)


@pytest.mark.parametrize(
    ("format_", "says"),
    [("excel", "is no workbook"), ("xml", "is no XML"), ("arrow", "neither an Arrow file")],
)
def test_a_format_that_is_declared_and_wrong_is_refused(tmp_path: Path, format_: str, says: str) -> None:
    recipe(tmp_path, "a.jsonl", jsonl(), f", format: {format_}")
    refused(tmp_path, "a.jsonl", says, "`format:`")


# Archives


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../出去.jsonl", "a/../../b.jsonl", "/etc/x.jsonl", "C:/x.jsonl"])
def test_a_member_that_leads_outside_is_refused_and_never_written(
    tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    recipe(tmp_path / "here", "包.zip", pack({"good.jsonl": jsonl(), name: jsonl()}))
    refused(tmp_path / "here", "包.zip", "leads outside of it", repr(name), "do not unpack it")
    assert [path.name for path in tmp_path.rglob("*.jsonl")] == []
    assert not Path("/etc/x.jsonl").exists()


@pytest.mark.parametrize("inner", ["内.zip", "d/b.tar.gz", "c.7z", "d.tar.zst"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_in_an_archive_is_refused_by_name(
    tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes], inner: str
) -> None:
    recipe(tmp_path, "a.archive.zip", pack({"x.jsonl": jsonl(), inner: b"PK"}))
    refused(tmp_path, "holds another archive", repr(inner), "unpack the outer one")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_a_device_in_a_tar_is_refused(tmp_path: Path, kind: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("密码.txt")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    recipe(tmp_path, "a.tar", out.getvalue())
    refused(tmp_path, "a link or a device", "密码.txt", "unpack it")


_MUCH = 160_000_000
BOMBS: dict[str, Callable[[], bytes]] = {
    "a.zip": lambda: zipped({"a.jsonl": bytes(_MUCH)}),
    "a.tar.xz": lambda: lzma.compress(bytes(_MUCH), preset=0),
    "a.jsonl.gz": lambda: gzip.compress(b" " * _MUCH),
    "a.jsonl.zst": lambda: zstd.compress(b" " * _MUCH),
    "a.jsonl.bz2": lambda: bz2.compress(b" " * _MUCH),
    "a.jsonl.xz": lambda: lzma.compress(b" " * _MUCH, preset=0),
    "a.parquet": lambda: zstd.compress(b"PAR1" + b" " * _MUCH),
    "a.arrow": lambda: zstd.compress(b"ARROW1\0\0" + b" " * _MUCH),
    "a.md": lambda: zstd.compress(b"a " * (_MUCH // 2)),
    "a.xlsx": lambda: zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b" " * _MUCH}),
    "a.ods": lambda: zipped({"mimetype": b"", "content.xml": b" " * _MUCH}),
}  # fmt: skip


_QUICK = ("a.zip", "a.jsonl.zst", "a.parquet", "a.md", "a.xlsx")


@pytest.mark.parametrize(
    "name", [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BOMBS]
)
def test_a_bomb_is_stopped_and_names_the_key_that_would_let_it_pass(tmp_path: Path, name: str) -> None:
    recipe(tmp_path, name, BOMBS[name]())
    refused(tmp_path, name, "times its size", "made to fill a disk", "raise `max_unpacked_ratio: 250`")


def test_a_tar_with_a_name_of_many_megabytes_or_a_negative_size_is_refused(tmp_path: Path) -> None:
    for number, kind in enumerate((tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME)):
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, 5_000_000
        recipe(tmp_path / str(number), "a.tar.zst", zstd.compress(info.tobuf() + b"a" * info.size))
        refused(tmp_path / str(number), "a.tar.zst is not a whole archive", "5,000,000 bytes", AGAIN)
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfe\x00"
    header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:]))
    recipe(tmp_path / "negative", "a.tar", bytes(header) + bytes(10_240))
    refused(tmp_path / "negative", "a.tar is not a whole archive", AGAIN)


def test_an_encrypted_zip_and_an_encrypted_workbook_say_so(tmp_path: Path) -> None:
    data = bytearray(zipped({"秘密.jsonl": jsonl()}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    recipe(tmp_path / "zip", "a.zip", bytes(data))
    refused(tmp_path / "zip", "a.zip is encrypted", "password", "unpack it")
    ole = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(99)
    )
    recipe(tmp_path / "xlsx", "a.xlsx", ole)
    refused(tmp_path / "xlsx", "a.xlsx is encrypted", "without a password")


def test_a_broken_member_is_named_with_its_archive_and_can_be_kept(tmp_path: Path) -> None:
    packed = zipped({"好/a.jsonl": jsonl(), "坏/b.xml": WHOLE["a.xml"][:-300]})
    recipe(tmp_path / "fails", "包.zip", packed)
    refused(tmp_path / "fails", "包.zip/坏/b.xml", "ends before its XML does", KEEP)
    recipe(tmp_path / "keeps", "包.zip", packed, ", on_broken_file: keep")
    counts, (reject,) = read(tmp_path / "keeps")
    assert reject["file"] == "包.zip/坏/b.xml"
    assert len(ROWS) < counts["records"] < 2 * len(ROWS)


def test_an_archive_with_nothing_to_read_lists_what_it_holds(tmp_path: Path) -> None:
    recipe(tmp_path, "a.zip", zipped({"照片.png": b"x", "x.docx": b"y"}))
    refused(tmp_path, "a.zip holds no file that can be read", "照片.png", "x.docx")


# XML, Excel, JSON


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY a SYSTEM "file:///etc/passwd">',
        '<!ENTITY % a SYSTEM "http://127.0.0.1:9/x.dtd"> %a;',
    ],
)
@pytest.mark.parametrize("name", ["a.xml", "a.zip"])
def test_entities_are_never_expanded(tmp_path: Path, declared: str, name: str) -> None:
    text = f'<?xml version="1.0"?>\n<!DOCTYPE r [{declared}]>\n<r><q>&a;</q><q>&b;</q></r>'.encode()
    recipe(tmp_path, name, text if name == "a.xml" else zipped({"x.xml": text}))
    message = refused(tmp_path, "a.xml" if name == "a.xml" else "a.zip/x.xml", "declares entities (line 2)")
    assert "root:" not in message


def test_entities_in_a_workbook_are_stopped(tmp_path: Path) -> None:
    declared = '<!ENTITY x0 "ha">' + "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename.startswith("xl/worksheets/"):
                data = f"<!DOCTYPE r [{declared}]>".encode() + data.replace(b"<t>", b"<t>&x9;", 1)
            new.writestr(part.filename, data)
    recipe(tmp_path, "a.xlsx", out.getvalue())
    refused(tmp_path, "a.xlsx is not a whole workbook", "amplification")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        ("a.xml", b"<a>" * 100_000 + b"</a>" * 100_000, "nested more than 100 deep"),
        ("a.html", b"<!doctype html><body>" + b"<div>" * 100_000, "holds no text"),
    ],
)
def test_a_file_of_nothing_but_depth_is_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    recipe(tmp_path, name, data)
    refused(tmp_path, name, says)


def test_columns_of_different_lengths_are_named(tmp_path: Path) -> None:
    recipe(
        tmp_path,
        "a.json",
        json.dumps({"问题": ["一", "二", "三"], "答案": ["甲", "乙"], "id": [1, 2]}).encode(),
    )
    refused(tmp_path, "a.json", "columns of different lengths", "问题 has 3, others have 2")


def test_two_columns_of_one_name_in_a_workbook_are_named(tmp_path: Path) -> None:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (["问题", "答案", "答案"], ["一", "二", "三"]):
        book.active.append(row)
    book.save(out)
    recipe(tmp_path, "表.xlsx", out.getvalue())
    refused(tmp_path, "表.xlsx", "more than one column named '答案'", "rename them")


def test_a_record_that_does_not_occur_is_answered_with_those_that_do(tmp_path: Path) -> None:
    recipe(tmp_path, "a.xml", WHOLE["a.xml"], ", record: faq/item")
    refused(tmp_path, "no element faq/item", "faq/qa", "correct `record:`")


def test_a_date_that_python_cannot_hold_costs_its_row_alone(tmp_path: Path) -> None:
    out = io.BytesIO()
    days = pa.array([1, 2**31 - 1, 3], pa.int32()).cast(pa.date32())
    table = pa.table({"instruction": ["问", "q", "r"], "output": ["答", "a", "b"], "day": days})
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    recipe(tmp_path, "a.arrow", out.getvalue(), extra="max_reject_rate: 0.5")
    _, (reject,) = read(tmp_path)
    assert (reject["line"], reject["reason"]) == (2, "ingest.field.type")


# Encodings


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("gb18030", "第{}个问题是什么？"), ("big5", "第{}個問題是什麼？"), ("utf-16", "第{}问 why？")],
)
def test_bytes_that_an_encoding_does_not_have_cost_their_line_alone(
    tmp_path: Path, encoding: str, text: str
) -> None:
    lines = [
        json.dumps({"instruction": text.format(n), "output": "a"}, ensure_ascii=False) for n in range(200)
    ]
    wide = encoding == "utf-16"
    bad = b"\x00\xd8" if wide else b"\xff\xff"  # half of a surrogate pair, and what neither has
    data = "\n".join(lines).encode(encoding)
    mark = "第150".encode("utf-16-le" if wide else encoding)
    recipe(tmp_path, "a.jsonl", data.replace(mark, bad + mark, 1))
    counts, (reject,) = read(tmp_path)
    assert counts["records"] == 199
    assert (reject["line"], reject["reason"]) == (151, "ingest.encoding.invalid")
    assert f"({'cp950' if encoding == 'big5' else encoding}" in reject["detail"]


def test_a_wrong_encoding_in_the_recipe_is_named_with_the_lines_it_fails_at(tmp_path: Path) -> None:
    recipe(
        tmp_path / "wrong",
        "a.txt",
        "你好，世界。\n再见，世界。\n".encode("gb18030") * 50,
        ", encoding: utf-8",
    )
    refused(tmp_path / "wrong", "a.txt", "line 1", "ingest.encoding.invalid", "(utf-8)")
    recipe(tmp_path / "unknown", "a.txt", b"x", ", encoding: utf-61")
    refused(tmp_path / "unknown", "recipe.yaml:", "no text encoding 'utf-61'", code=2)


# What is not there


def test_an_address_that_answers_nothing_and_a_data_set_that_is_not_there_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    recipe(tmp_path / "web", "http://someone:secret@127.0.0.1:9/数据.jsonl", None)
    message = refused(tmp_path / "web", "source things", "127.0.0.1:9", "check the network")
    assert "secret" not in message
    recipe(tmp_path / "kind", "gopher9://x/a.jsonl", None)
    refused(tmp_path / "kind", "gopher9://", "unknown kind")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.zip", "leads outside"),
        ("a.xml", "declares entities"),
        ("a.7z", "a.7z"),
        ("a.xlsx", "is no workbook"),
    ],
)
def test_init_refuses_what_build_refuses(tmp_path: Path, name: str, says: str) -> None:
    bad = {
        "a.zip": zipped({"../x.jsonl": jsonl()}),
        "a.xml": b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        "a.7z": b"7z\xbc\xaf\x27\x1c",
        "a.xlsx": PROSE,
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(bad[name])
    refused(tmp_path, says, command="init")
