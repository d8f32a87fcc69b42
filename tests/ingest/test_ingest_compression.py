"""Compressed files: every kind reads as the plain file does, and damage costs what follows it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd
from ingested import Read, rejects

from pipeline.errors import SourceError
from pipeline.ingest import streams

LINE = b'{"instruction": "q %d", "output": "\xe7\xad\x94\xe6\xa1\x88 %d"}\n'
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": zstd.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def lines(count: int) -> bytes:
    return b"".join(LINE % (number, number * 7919 % 104729) for number in range(count))


@pytest.mark.parametrize("ending", PACK)
def test_a_compressed_file_is_read_under_any_name(read: Read, ending: str) -> None:
    packed = PACK[ending](lines(50))
    for name in (f"a.jsonl.{ending}", "a.jsonl", "a.JSONL.zip"):
        report, rows = read(name, packed, format="jsonl")
        assert (report.parsed, rows[49]["output"]) == (50, "答案 73844")


@pytest.mark.parametrize("ending", PACK)
def test_several_streams_in_one_file_are_one_text(read: Read, ending: str) -> None:
    pack = PACK[ending]
    packed = pack(lines(3)) + pack(b"") + pack(lines(4)) + bytes(512)
    report, _ = read(f"a.jsonl.{ending}", packed)
    assert (report.parsed, report.rejects) == (7, ())


@pytest.mark.parametrize("ending", PACK)
def test_a_truncated_file_gives_what_stands_before_the_cut(read: Read, ending: str) -> None:
    packed = PACK[ending](lines(60_000))
    cut = packed[: len(packed) * 3 // 4]
    with pytest.raises(SourceError, match=r"ends inside its \w+ stream.* after [\d,]+ units"):
        read(f"a.jsonl.{ending}", cut)
    report, _ = read(f"a.jsonl.{ending}", cut, on_broken_file="keep")
    assert 20_000 < report.parsed < 60_000
    assert {reject.reason for reject in report.rejects[-1:]} == {"ingest.file.truncated"}


@pytest.mark.parametrize("ending", PACK)
def test_a_wrong_checksum_costs_no_unit(read: Read, ending: str) -> None:
    packed = zstd.compress(lines(9), options={zstd.CompressionParameter.checksum_flag: 1})
    packed = bytearray(packed if ending == "zst" else PACK[ending](lines(9)))
    place = {"gz": -6, "zst": -2, "bz2": -3, "xz": -30}[ending]
    packed[place] ^= 0x55
    with pytest.raises(SourceError, match="damaged"):
        read(f"a.jsonl.{ending}", bytes(packed))
    report, rows = read(f"a.jsonl.{ending}", bytes(packed), on_broken_file="keep")
    assert len(rows) == 9
    assert rejects(report) == [(10, "ingest.file.broken")]


@pytest.mark.parametrize("ending", PACK)
def test_bytes_after_the_end_are_not_lost_in_silence(read: Read, ending: str) -> None:
    with pytest.raises(SourceError, match="bytes after its"):
        read(f"a.jsonl.{ending}", PACK[ending](lines(3)) + b"garbage that belongs to nothing")


@pytest.mark.parametrize("ending", PACK)
def test_a_bomb_is_stopped_by_its_ratio_and_by_its_size(
    read: Read, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RATIO_FREE", 1 << 20)
    packed = PACK[ending](lines(2) + b" " * 8_000_000)
    with pytest.raises(SourceError, match="over 250 times its size") as caught:
        read(f"a.jsonl.{ending}", packed)
    assert "max_unpacked_ratio: 250" in caught.value.hint
    with pytest.raises(SourceError, match="over 2,000,000 bytes") as caught:
        read(f"a.jsonl.{ending}", packed, max_unpacked_bytes=2_000_000, max_unpacked_ratio=10**6)
    assert "max_unpacked_bytes: 2000000" in caught.value.hint
    assert read(f"a.jsonl.{ending}", packed, max_unpacked_ratio=10**6)[0].parsed == 2


def test_a_skippable_frame_opens_a_zstd_file(read: Read) -> None:
    packed = b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zstd.compress(lines(2))
    assert read("a.jsonl.zst", packed)[0].parsed == 2


def test_two_compressions_in_one_another_are_named(read: Read, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="zstd within another compression"):
        read("a.jsonl.gz", gzip.compress(zstd.compress(lines(2))))
