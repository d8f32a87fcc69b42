"""Zip and tar archives: their members are files of the source, and nothing in them is believed."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from backports import zstd

from pipeline.errors import SourceError
from pipeline.ingest import SourceSpec, archives, find_files, ingest_file, input_digest, streams
from pipeline.ingest.files import InputFile

LINE = b'{"instruction": "q", "output": "a"}\n'
CSV = "问题,答案\n甲,乙\n".encode()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"instruction": ["p"], "output": ["r"]}), out)
    return out.getvalue()


FILES = {"d/a.jsonl": LINE, "b.csv.gz": gzip.compress(CSV), "d/深/c.parquet": parquet(), "notes.docx": b"no"}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], *more: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in more:
            archive.addfile(info)
    return out.getvalue()


def found(folder: Path, name: str, data: bytes, **options: object) -> tuple[SourceSpec, list[InputFile]]:
    (folder / name).write_bytes(data)
    spec = SourceSpec.model_validate({"name": "src", "path": name, **options})
    return spec, find_files(spec, folder)


def refused(folder: Path, name: str, data: bytes, says: str, **options: object) -> SourceError:
    with pytest.raises(SourceError, match=says) as caught:
        spec, files = found(folder, name, data, **options)
        for file in files:
            input_digest(file, spec)
    assert name in caught.value.message
    assert caught.value.hint
    assert str(tempfile.gettempdir()) not in caught.value.message.replace(str(folder), "")
    return caught.value


PACKED = {
    "a.zip": zipped(FILES),
    "a.tar": tarred(FILES),
    "a.tar.gz": gzip.compress(tarred(FILES)),
    "a.tgz": gzip.compress(tarred(FILES)),
    "a.tar.zst": zstd.compress(tarred(FILES)),
}


@pytest.mark.parametrize("name", PACKED)
def test_members_are_files_of_the_source(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    spec, files = found(tmp_path, name, PACKED[name])
    assert [file.name for file in files] == [
        f"{name}/b.csv.gz",
        f"{name}/d/a.jsonl",
        f"{name}/d/深/c.parquet",
    ]
    assert "notes.docx" in caplog.text
    rows = []
    for file in files:
        tables: list[pa.Table] = []
        report = ingest_file(file, spec, 10, tables.append)
        assert report.file == file.name
        rows += [row["instruction"] for table in tables for row in table.to_pylist()]
    assert rows == ["甲", "q", "p"]
    assert not list(Path(tempfile.gettempdir()).glob("pipeline-member-*"))


def test_a_folder_gives_its_archives_too_and_a_glob_can_name_them(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x.jsonl").write_bytes(LINE)
    (tmp_path / "d/y.tar.zst").write_bytes(PACKED["a.tar.zst"])
    spec = SourceSpec(name="src", path="d", format="jsonl")
    assert [file.name for file in find_files(spec, tmp_path)] == ["x.jsonl", "y.tar.zst/d/a.jsonl"]
    spec = SourceSpec(name="src", path="d/*.zst", format="jsonl")
    assert [file.name for file in find_files(spec, tmp_path)] == ["y.tar.zst/d/a.jsonl"]


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_member_that_alone_changed_is_the_only_one_with_a_new_digest(tmp_path: Path, name: str) -> None:
    pack = zipped if name == "a.zip" else lambda files: gzip.compress(tarred(files))
    spec, files = found(tmp_path, name, pack({"a.jsonl": LINE, "b.jsonl": LINE + LINE}))
    before = [input_digest(file, spec) for file in files]
    _, files = found(tmp_path, name, pack({"a.jsonl": LINE, "b.jsonl": LINE + LINE[:-3] + b" }\n"}))
    after = [input_digest(file, spec) for file in files]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


NAMES = ["../a.jsonl", "/etc/a.jsonl", "d/../../a.jsonl", "C:/a.jsonl", "C:\\a.jsonl", "..\\a.jsonl"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path, "a.zip", zipped({"ok.jsonl": LINE, name: LINE}), "leads outside")
    if "\\" not in name:
        refused(tmp_path, "a.tar", tarred({"ok.jsonl": LINE, name: LINE}), "leads outside")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("odd.jsonl")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(
        tmp_path, "a.tar.gz", gzip.compress(tarred({"ok.jsonl": LINE}, info)), "link or a device: 'odd.jsonl'"
    )


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("odd.jsonl")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path, "a.zip", out.getvalue(), "link or a device: 'odd.jsonl'")


def test_an_archive_in_an_archive_is_refused_by_name(tmp_path: Path) -> None:
    for inner in ("in.zip", "d/in.tar.gz", "in.tgz", "in.7z"):
        refused(
            tmp_path, "a.zip", zipped({"ok.jsonl": LINE, inner: zipped({})}), f"another archive, '{inner}'"
        )


def test_an_encrypted_zip_asks_to_be_unpacked(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.jsonl": LINE}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in refused(tmp_path, "a.zip", bytes(data), "encrypted").hint


@pytest.mark.parametrize("encoding", ["gbk", "big5", "utf-8"])
def test_names_of_a_zip_without_a_sign_of_their_encoding_are_decoded(tmp_path: Path, encoding: str) -> None:
    names = (
        ["医疗问答数据.jsonl", "心血管科病历/训练集.jsonl"] if encoding != "big5" else ["醫療問答資料.jsonl"]
    )
    plain = {"xy"[place] * len(name.encode(encoding)): name for place, name in enumerate(names)}
    data = zipped(dict.fromkeys(plain, LINE))
    for stand_in, name in plain.items():
        data = data.replace(stand_in.encode(), name.encode(encoding))
    _, files = found(tmp_path, "数据.zip", data)
    assert sorted(file.name for file in files) == sorted(f"数据.zip/{name}" for name in names)


def test_limits_name_the_key_that_raises_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = {"a.jsonl": LINE + b" " * 4_000_000}
    for name, data in (("a.zip", zipped(bomb)), ("a.tar.gz", gzip.compress(tarred(bomb)))):
        error = refused(tmp_path, name, data, "unpacks to", max_unpacked_bytes=1_000_000)
        assert "max_unpacked_bytes: 1000000" in error.hint
    for module in (archives, streams):
        monkeypatch.setattr(module, "RATIO_FREE", 1 << 20)
    for name, data in (("b.zip", zipped(bomb)), ("b.tar.gz", gzip.compress(tarred(bomb)))):
        assert "max_unpacked_ratio" in refused(tmp_path, name, data, "times its size").hint
    many = {f"{number}.jsonl": LINE for number in range(20)}
    for name, data in (("c.zip", zipped(many)), ("c.tar", tarred(many))):
        assert (
            "max_members"
            in refused(tmp_path, name, data, "more members than max_members, 9", max_members=9).hint
        )


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_truncated_or_damaged_archive_always_fails(tmp_path: Path, name: str) -> None:
    noise = {
        f"{n}.jsonl": json.dumps({"a": random.Random(n).randbytes(3000).hex()}).encode() for n in range(4)
    }
    data = {"a.zip": zipped, "a.tar": tarred, "a.tar.gz": lambda f: gzip.compress(tarred(f))}[name](noise)
    for cut in (len(data) // 2, len(data) - 600 if name != "a.tar" else 7168 + 512):
        refused(tmp_path, name, data[:cut], "not a whole|ends inside|breaks off", on_broken_file="keep")
    damaged = bytearray(data)
    if name == "a.zip":
        damaged[200] ^= 0xFF
        refused(tmp_path, name, bytes(damaged), "not a whole archive")


def test_two_tars_in_one_file_are_not_half_read(tmp_path: Path) -> None:
    refused(tmp_path, "a.tar", tarred({"a.jsonl": LINE}) + tarred({"b.jsonl": LINE}), "after its end mark")


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "a.tar", tarred({"a.jsonl": LINE, "./a.jsonl": LINE}), "two members named 'a.jsonl'")


def test_an_archive_with_nothing_to_read_says_what_it_holds(tmp_path: Path) -> None:
    refused(tmp_path, "a.zip", zipped({}), "holds no files")
    refused(tmp_path, "a.tar", tarred({}), "holds no files")
    junk = {"__MACOSX/._a.jsonl": b"x", ".DS_Store": b"x", "d/.hidden.jsonl": b"x"}
    refused(tmp_path, "a.zip", zipped(junk), "holds no files")
    refused(
        tmp_path,
        "a.zip",
        zipped({"x.docx": b"x", "y.pdf": b"x"}),
        r"no file that can be read: x\.docx, y\.pdf",
    )


def test_an_archive_is_known_by_its_bytes_and_not_by_its_ending(tmp_path: Path) -> None:
    _, files = found(tmp_path, "zip.jsonl", zipped({"a.jsonl": LINE}))
    assert [file.name for file in files] == ["zip.jsonl/a.jsonl"]
    spec, files = found(tmp_path, "gzip.zip", gzip.compress(LINE))
    assert [file.name for file in files] == ["gzip.zip"]
    assert ingest_file(files[0], spec, 10, lambda table: None).parsed == 1


def test_a_member_that_is_broken_inside_is_named_as_people_know_it(tmp_path: Path) -> None:
    spec, (file,) = found(tmp_path, "a.zip", zipped({"d/bad.parquet": b"PAR1 but no more"}))
    with pytest.raises(SourceError, match=r"a\.zip/d/bad\.parquet is not a whole Parquet file"):
        ingest_file(file, spec, 10, lambda table: None)
