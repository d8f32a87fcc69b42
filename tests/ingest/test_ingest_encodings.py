"""Text in other encodings than UTF-8 is read as what it is; what it cannot hold costs its own unit."""

from __future__ import annotations

import codecs
import json

import pytest
from ingested import Read, rejects

from pipeline.errors import SourceError
from pipeline.ingest import SourceSpec, encodings, find_files, peek
from pipeline.ingest.encodings import decide

ZH = ["糖尿病患者应该注意饮食，多运动。", "请问感冒了应该吃什么药？", "这个周末我们一起去爬山好不好"]
TW = ["請問感冒了應該吃什麼藥？", "這個週末我們一起去爬山好不好", "糖尿病患者應該注意飲食，多運動。"]
JA = [
    "今週末は一緒に山へ行きませんか。",
    "風邪をひいたら、どの薬を飲めばいいですか",
    "これは日本語の文章です",
]
KO = ["이번 주말에 같이 산에 갈까요?", "감기에 걸리면 무슨 약을 먹어야 하나요", "이것은 한국어 문장입니다"]
DE = ["Größe und Gewicht prüfen", "Über die Brücke führt eine Straße", "C’est déjà l’été à Genève"]

WAYS = [
    (ZH, "gb18030", "gb18030"),
    (ZH, "gbk", "gb18030"),
    (TW, "big5", "cp950"),
    (JA, "shift_jis", "cp932"),
    (JA, "euc_jp", "euc_jp"),
    (KO, "euc_kr", "cp949"),
    (DE, "cp1252", "cp1252"),
    (ZH, "utf-16", "utf-16-le"),
    (ZH, "utf-16-le", "utf-16-le"),
    (DE, "utf-16-be", "utf-16-be"),
    (ZH, "utf-8-sig", "utf-8"),
    (ZH, "utf-32", "utf-32-le"),
]


def jsonl(texts: list[str]) -> str:
    return "".join(json.dumps({"instruction": t, "output": t}, ensure_ascii=False) + "\n" for t in texts)


def table(texts: list[str], delimiter: str) -> str:
    return "".join(f"{a}{delimiter}{b}\n" for a, b in [("question", "answer"), *((t, "ok") for t in texts)])


@pytest.mark.parametrize(("texts", "written", "decided"), WAYS)
def test_every_text_format_is_read_in_its_encoding(
    read: Read, texts: list[str], written: str, decided: str
) -> None:
    array = json.dumps([{"instruction": t, "output": "ok"} for t in texts], ensure_ascii=False, indent=1)
    for name, text in {
        "a.jsonl": jsonl(texts),
        "a.json": array,
        "a.csv": table(texts, ";"),
        "a.tsv": table(texts, "\t"),
    }.items():
        report, rows = read(name, text.encode(written))
        assert [row["instruction"] for row in rows] == texts
        assert (report.encoding, report.rejects) == (decided, ())
        assert 0.5 < report.encoding_confidence <= 1


def test_the_encoding_and_how_sure_it_is_are_told_before_a_build(read: Read, tmp_path: str) -> None:
    read("a.csv", table(ZH, ",").encode("gbk"))
    spec = SourceSpec(name="s", path=f"{tmp_path}/a.csv")
    seen = peek(find_files(spec, tmp_path)[0], spec)  # type: ignore[arg-type]
    assert (seen.encoding, seen.columns) == ("gb18030", ("question", "answer"))
    assert 0.5 < seen.encoding_confidence <= 1


def test_a_recipe_overrules_what_the_bytes_say(read: Read) -> None:
    data = "question,answer\nпривет,мир\n".encode("cp866")
    assert read("a.csv", data, encoding="cp866")[1][0]["instruction"] == "привет"
    with pytest.raises(ValueError, match="there is no text encoding 'klingon'"):
        read("a.csv", data, encoding="klingon")
    with pytest.raises(ValueError, match="no text encoding 'base64'"):
        read("a.csv", data, encoding="base64")


@pytest.mark.parametrize(("texts", "written", "decided"), [way for way in WAYS if way[1] != "cp1252"])
def test_bytes_that_the_encoding_does_not_have_cost_their_line_alone(
    read: Read, texts: list[str], written: str, decided: str
) -> None:
    lines = [line.encode(written.replace("-sig", "")) for line in jsonl(texts * 8).splitlines(keepends=True)]
    broken = {"16": b"\x00\xd8", "32": b"\xff\xff\xff\xff"}.get(decided[4:6], b"\xff")
    if decided.endswith("be"):
        broken = broken[::-1]
    if written in ("utf-16", "utf-32"):
        lines = [line.encode(decided) for line in jsonl(texts * 8).splitlines(keepends=True)]
        lines[0] = codecs.lookup(decided).name.encode()[:0] + "\ufeff".encode(decided) + lines[0]
    unit = 4 if "32" in decided else 2 if "16" in decided else 1
    place = len('{"instruction": "') * unit
    lines[5] = lines[5][:place] + broken + lines[5][place:]
    report, rows = read("a.jsonl", b"".join(lines))
    assert report.encoding == decided
    assert rejects(report) == [(6, "ingest.encoding.invalid")]
    assert len(rows) == 23


def test_a_file_of_utf8_with_bad_lines_stays_utf8(read: Read) -> None:
    good, bad = jsonl(ZH).encode(), b'{"instruction": "caf\xe9", "output": "x"}\n'
    report, rows = read("a.jsonl", good + bad + good)
    assert (report.encoding, len(rows)) == ("utf-8", 6)
    assert report.encoding_confidence == pytest.approx(6 / 7, abs=0.001)


def test_one_damaged_byte_in_ascii_is_no_encoding() -> None:
    assert decide(b'{"instruction": "q\xff", "output": "a"}\n' * 3).name == "utf-8"
    assert decide(b"plain\n").confidence == 1
    assert decide(b"").name == "utf-8"
    assert decide("Caf\xe9 au lait, d\xe9j\xe0 vu".encode("latin-1")).name == "cp1252"


def test_what_is_not_ascii_is_looked_for_far_into_the_file(read: Read) -> None:
    plain = jsonl(["plain"]) * 20_000
    report, rows = read("a.jsonl", plain.encode() + jsonl(ZH).encode("gbk"))
    assert (report.encoding, rows[-1]["instruction"]) == ("gb18030", ZH[-1])


def test_the_decision_is_the_same_for_any_place_where_chunks_end(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = jsonl(ZH * 40).encode("gb18030")
    expected = [row["id"] for row in read("a.jsonl", data)[1]]
    for size in (1, 2, 3, 7, 1000):
        monkeypatch.setattr(encodings, "CHUNK", size)
        assert [row["id"] for row in read("a.jsonl", data)[1]] == expected


def test_ids_do_not_depend_on_the_encoding(read: Read) -> None:
    ids = {
        written: [row["id"] for row in read("a.jsonl", jsonl(ZH).encode(written))[1]]
        for written in ("utf-8", "gbk")
    }
    assert ids["utf-8"] == ids["gbk"]


def test_binary_data_is_no_utf16(read: Read) -> None:
    with pytest.raises(SourceError, match="binary data"):
        read("a.jsonl", b"\x00\x01\x02\x00\x80\x00\x07\xfe" * 50)


SEPARATORS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]


@pytest.mark.parametrize("char", SEPARATORS)
def test_a_line_separator_inside_a_text_splits_no_record(read: Read, char: str) -> None:
    text = f"一{char}二"
    raw = json.dumps({"instruction": text, "output": "ok"}, ensure_ascii=False)
    if char < " ":
        raw = json.dumps({"instruction": text, "output": "ok"})
    files = {
        "a.jsonl": raw + "\n",
        "a.csv": f"question,answer\n{text},ok\n",
        "a.tsv": f"question\tanswer\n{text}\tok\n",
    }
    for name, data in files.items():
        report, rows = read(name, data.encode())
        assert ([row["instruction"] for row in rows], report.units) == ([text], 1)
