from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingested import Read, ingest, rejects

from pipeline.errors import SourceError
from pipeline.ingest.json_scanner import ArrayScanner
from pipeline.ingest.units import Broken

GOOD = {"instruction": "说说天气", "input": "", "output": "晴"}


def line(**fields: Any) -> bytes:
    return json.dumps(fields or GOOD, ensure_ascii=False).encode()


def lines(*raws: bytes) -> bytes:
    return b"\n".join((line(instruction="q", output="a"), *raws)) + b"\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"instruction": "q", "output": ', "ingest.json.invalid"),
        (b'{"instruction": "q", "output": NaN}', "ingest.json.invalid"),
        (b'{"instruction": "q", "output": "a\tb"}', "ingest.json.invalid"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "ingest.json.invalid"),
        (b'["q", "a"]', "ingest.json.not_object"),
        (b'"q"', "ingest.json.not_object"),
        (b"12", "ingest.json.not_object"),
        (b"null", "ingest.json.not_object"),
        (b'{"instruction": "q\xff", "output": "a"}', "ingest.encoding.invalid"),
        (rb'{"instruction": "q", "output": "\ud83d"}', "ingest.encoding.invalid"),
        (line(instruction="q", output="a" * 300), "ingest.unit.too_large"),
        (line(instruction="q", output=["a"]), "ingest.field.type"),
        (line(instruction={"de": "q"}, output="a"), "ingest.field.type"),
        (line(instruction="q"), "ingest.field.missing"),
        (line(output="a"), "ingest.field.missing"),
        (line(instruction="", output=" "), "ingest.unit.empty"),
        (line(instruction=None, output=None), "ingest.unit.empty"),
        (b"{}", "ingest.unit.empty"),
    ],
)
def test_a_bad_line_costs_that_line_alone(read: Read, raw: bytes, reason: str) -> None:
    limit = 20_000 if raw.startswith(b'{"a":') else 200
    report, rows = read("a.jsonl", lines(raw, line()), max_unit_bytes=limit)
    assert rejects(report) == [(2, reason)]
    assert [row["line"] for row in rows] == [1, 3]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"instruction": "q", "output": NaN}', "ingest.json.invalid"),
        (b'["q", {"x": "]"}]', "ingest.json.not_object"),
        (b'"a string, with } and ]"', "ingest.json.not_object"),
        (b"-1.5e3", "ingest.json.not_object"),
        (b"true", "ingest.json.not_object"),
        (b'{"instruction": "q\xff", "output": "a"}', "ingest.encoding.invalid"),
        (rb'{"instruction": "q", "output": "\udc00"}', "ingest.encoding.invalid"),
        (line(instruction="q", output='"' * 300), "ingest.unit.too_large"),
    ],
)
def test_a_bad_element_costs_that_element_alone(read: Read, raw: bytes, reason: str) -> None:
    data = b"[\n" + b" ,\n".join((line(), raw, line(instruction="q", output="a"))) + b"]\n"
    report, rows = read("a.json", data, max_unit_bytes=200)
    assert report.format == "json"
    assert rejects(report) == [(2, reason)]
    assert [row["line"] for row in rows] == [1, 3]


def test_details_never_hold_the_text(read: Read) -> None:
    report, _ = read("a.jsonl", lines(b'{"instruction": "secret', line(instruction="secret")))
    assert len(report.rejects) == 2
    assert not any("secret" in reject.detail for reject in report.rejects)


def test_blank_lines_are_no_units_and_do_not_shift_line_numbers(read: Read) -> None:
    report, rows = read("a.jsonl", b"\n" + line() + b"\r\n  \r\n\n" + line() + b"\n{\n")
    assert [row["line"] for row in rows] == [2, 5]
    assert rejects(report) == [(6, "ingest.json.invalid")]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_only_a_line_feed_ends_a_line(read: Read, separator: str) -> None:
    text = f"one{separator}two"
    raw = json.dumps({"instruction": text, "output": "a"}, ensure_ascii=False).encode()
    report, rows = read("a.jsonl", raw + b"\n" + line())
    assert report.rejects == ()
    assert rows[0]["instruction"] == text


def test_a_byte_order_mark_is_fine(read: Read) -> None:
    for name, data in (("a.jsonl", line() + b"\n"), ("a.json", b"[" + line() + b"]")):
        report, rows = read(name, b"\xef\xbb\xbf" + data)
        assert (report.parsed, rows[0]["output"]) == (1, "晴")


def test_scalars_become_their_json_text_and_null_becomes_empty(read: Read) -> None:
    values = [42, 3.5, True, None]
    data = b"\n".join(line(instruction="q", output=value) for value in values)
    _, rows = read("a.jsonl", data)
    assert [row["output"] for row in rows] == ["42", "3.5", "true", ""]


def test_an_empty_output_is_a_record_and_not_a_reject(read: Read) -> None:
    report, rows = read("a.jsonl", lines(line(instruction="q", output="")))
    assert report.rejects == ()
    assert rows[1]["output"] == ""


def test_what_no_field_takes_goes_to_meta_in_the_order_of_the_file(read: Read) -> None:
    raw = line(z="", instruction="q", output="a", links=[["h", "r"]], n=None)
    _, rows = read("a.jsonl", raw)
    assert rows[0]["meta"] == '{"z":"","links":[["h","r"]],"n":null}'


def test_equal_units_are_told_apart_by_their_occurrence(read: Read) -> None:
    _, rows = read("a.jsonl", (line() + b"\n") * 7, shard_rows=2)
    assert len({row["id"] for row in rows}) == 7
    _, fewer = read("a.jsonl", (line() + b"\n") * 6, shard_rows=4)
    assert [row["id"] for row in fewer] == [row["id"] for row in rows[:6]]


def test_a_root_is_its_own_id_and_constants_are_filled_in(read: Read) -> None:
    _, rows = read("sub/a.jsonl", line(), lang="zh", tags=("x", "y"))
    row = rows[0]
    assert row["root"] == row["id"]
    assert (row["source"], row["file"], row["lang"]) == ("src", "a.jsonl", "zh")
    assert (row["tags"], row["flags"], row["history"], row["system"]) == (["x", "y"], [], [], "")


def test_shards_have_at_most_the_wanted_rows_in_file_order(read: Read) -> None:
    data = b"\n".join(line(instruction=str(n), output="a") for n in range(1203))
    report, rows = read("a.jsonl", data, shard_rows=100)
    assert report.parsed == 1203
    assert [row["instruction"] for row in rows] == [str(n) for n in range(1203)]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt", "noending"])
def test_content_decides_between_an_array_and_lines(read: Read, name: str) -> None:
    as_lines, rows = read(name, line() + b"\n" + line(), format="auto")
    as_array, elements = read(name, b" \n[" + line() + b"," + line() + b"]")
    assert (as_lines.format, as_array.format) == ("jsonl", "json")
    assert [row["id"] for row in rows] == [row["id"] for row in elements]


def test_one_object_over_several_lines_is_one_unit(read: Read) -> None:
    report, rows = read("a.json", json.dumps(GOOD, indent=2).encode())
    assert (report.units, rows[0]["instruction"]) == (1, "说说天气")


def test_one_object_that_is_no_record_says_what_it_holds(read: Read) -> None:
    data = json.dumps({"version": 1, "data": [1, 2]}, indent=2).encode()
    with pytest.raises(SourceError, match=r"version \(number\), data \(list\)"):
        read("a.json", data)


def test_one_object_that_is_too_large_or_cut_off_is_an_error(read: Read) -> None:
    data = json.dumps(GOOD, indent=2).encode()
    with pytest.raises(SourceError, match="one JSON object of over 20 bytes"):
        read("a.json", data, max_unit_bytes=20)
    with pytest.raises(SourceError, match="ends inside a JSON value"):
        read("a.json", data[:-4])


def test_a_damaged_first_line_is_not_taken_for_an_object(read: Read) -> None:
    report, rows = read("a.json", b'{"instruction": "q", "outp\n' + line() + b"\n")
    assert rejects(report) == [(1, "ingest.json.invalid")]
    assert len(rows) == 1


ARRAY = b"[" + line() + b",\n" + line() + b",\n" + line() + b"]"


@pytest.mark.parametrize(
    ("data", "reason", "kept", "says"),
    [
        (ARRAY[:-20], "ingest.file.truncated", 2, "ends inside its JSON array"),
        (ARRAY[:-1], "ingest.file.truncated", 3, "ends inside its JSON array"),
        (ARRAY.replace(b"\n", b"}\n", 1), "ingest.file.broken", 1, "line 1 of the file"),
        (ARRAY.replace(b",\n", b"\n", 1), "ingest.file.broken", 1, "line 2 of the file"),
        (ARRAY[:-1] + b",]", "ingest.file.broken", 3, "syntax error between"),
        (ARRAY[:-1] + b', {"a" 1}, {}]', "ingest.file.broken", 3, "syntax error in element 4"),
        (ARRAY + b"[]", "ingest.file.broken", 3, "text after the end"),
    ],
)
def test_a_broken_array_fails_or_keeps_what_stands_before(
    read: Read, data: bytes, reason: str, kept: int, says: str
) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        read("a.json", data)
    assert f"after {kept} units" in caught.value.message
    assert "on_broken_file: keep" in caught.value.hint
    report, rows = read("a.json", data, on_broken_file="keep")
    assert (len(rows), report.units) == (kept, kept + 1)
    assert rejects(report) == [(kept + 1, reason)]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json.gz"])
def test_a_truncated_gzip_fails_or_keeps_what_stands_before(read: Read, name: str, tmp_path: Path) -> None:
    raws = [line(instruction=f"{n * 7919}", output=f"{n * n}") for n in range(3000)]
    plain = b"\n".join(raws) if "jsonl" in name else b"[" + b",\n".join(raws) + b"]"
    packed = gzip.compress(plain)
    with pytest.raises(SourceError, match="ends inside its gzip stream"):
        read(name, packed[: len(packed) // 2])
    report, rows = read(name, packed[: len(packed) // 2], on_broken_file="keep")
    assert 500 < len(rows) < 2900
    assert [row["instruction"] for row in rows] == [f"{n * 7919}" for n in range(len(rows))]
    assert rejects(report) == [(len(rows) + 1, "ingest.file.truncated")]


def test_a_wrong_gzip_checksum_fails_or_keeps_all_units(read: Read) -> None:
    packed = bytearray(gzip.compress(line() + b"\n" + line() + b"\n"))
    packed[-6] ^= 0xFF
    with pytest.raises(SourceError, match="damaged gzip stream"):
        read("a.jsonl.gz", bytes(packed))
    report, rows = read("a.jsonl.gz", bytes(packed), on_broken_file="keep")
    assert len(rows) == 2
    assert rejects(report) == [(3, "ingest.file.broken")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(JSON, max_size=6), st.booleans(), st.integers(1, 7), st.sampled_from([None, 1]))
def test_the_scanner_finds_every_element_whatever_the_chunks(
    values: list[object], ascii_: bool, step: int, indent: int | None
) -> None:
    data = json.dumps(values, ensure_ascii=ascii_, indent=indent).encode("utf-8", "surrogatepass")
    scanner = ArrayScanner(10_000)
    found = [raw for start in range(0, len(data), step) for raw in scanner.feed(data[start : start + step])]
    scanner.finish()
    assert [json.loads(raw.decode("utf-8", "surrogatepass")) for raw in found if raw] == values


@settings(max_examples=80, deadline=None)
@given(st.lists(JSON, min_size=1, max_size=4), st.data())
def test_the_scanner_never_takes_a_cut_array_for_a_whole_one(
    values: list[object], data: st.DataObject
) -> None:
    raw = json.dumps(values).encode()
    cut = data.draw(st.integers(1, len(raw) - 1))
    scanner = ArrayScanner(10_000)
    found = list(scanner.feed(raw[:cut]))
    with pytest.raises(Broken):
        scanner.finish()
    assert [json.loads(part) for part in found if part] == values[: len(found)]


BAD_LINES = st.sampled_from(
    [
        b"{",
        b"[]",
        b'"x"',
        b'{"instruction": "q"}',
        b"{}",
        b'{"a":"\xff"}',
        b"nonsense, and a \x00 in a long line of it",
    ]
)
GOOD_LINES = st.builds(
    lambda q, a: json.dumps({"instruction": f"q{q}", "output": a}).encode(),
    st.integers(0, 3),
    st.sampled_from(["", "a", "答案"]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), GOOD_LINES, BAD_LINES), min_size=1, max_size=12),
    st.integers(1, 5),
    st.data(),
)
def test_units_are_conserved_and_ids_survive_the_deletion_of_a_line(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[bool, bytes, bytes]],
    shard_rows: int,
    data: st.DataObject,
) -> None:
    raws = [good if is_good else bad for is_good, good, bad in drawn]
    base = tmp_path_factory.mktemp("lines")

    def ids(kept: list[bytes]) -> list[str]:
        (base / "a.jsonl").write_bytes(line(instruction="first", output="x") + b"\n")
        with (base / "a.jsonl").open("ab") as stream:
            stream.writelines(raw + b"\n" for raw in kept)
        report, rows = ingest(base, "a.jsonl", shard_rows, shape="alpaca")
        assert report.units == len(kept) + 1
        assert len({row["id"] for row in rows}) == len(rows)
        return [row["id"] for row in rows]

    before = ids(raws)
    index = data.draw(st.integers(0, len(raws) - 1))
    after = ids(raws[:index] + raws[index + 1 :])
    # Among equal lines the last number goes: as a set, exactly one id or none is gone.
    assert set(after) <= set(before)
    assert len(before) - len(after) == int(drawn[index][0])
