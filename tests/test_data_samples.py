"""The sample data is what its tables of expectations say it is.

Read with csv, gzip and json alone: an engine that misreads a file must not be able to hide it here.
What a build does with the samples is tested where the engine is.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "data_samples"
RAW = SAMPLES / "raw"
PROMPT_AND_REPLY = {
    "tickets_en.jsonl": ("customer_message", "agent_reply"),
    "tickets_zh.jsonl.gz": ("customer_message", "agent_reply"),
    "faq_en.csv": ("question", "answer"),
    "faq_zh.tsv": ("问题", "回答"),
    "chats_mixed.json": ("prompt", "completion"),
    "tasks_mixed.json": ("instruction", "output"),
    "qa_table.csv": ("question", "answer"),
}
DELIMITERS = {"faq_en.csv": ",", "faq_zh.tsv": "\t", "qa_table.csv": ";"}
ACTIONS = {"reject", "edit", "drop", "flag", "keep"}
HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True)
class Unit:
    """One unit: where it stands, its texts, and the code with which its reading fails, or ""."""

    file: str
    line: int
    prompt: str
    input: str
    reply: str
    reject: str
    raw: str

    @property
    def key(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def lang(self) -> str:
        if self.reject:
            return "zh" if HAN.search(self.raw) else "en"
        texts = (self.prompt, self.input, self.reply)
        told = next((text for text in texts if any(map(str.isalpha, text))), "")
        return "zh" if HAN.search(told) else "en"


def _text(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")


def _unit(file: str, line: int, value: object, raw: str) -> Unit:
    prompt, reply = PROMPT_AND_REPLY[file]
    reject = ""
    if not isinstance(value, dict):
        reject, value = "ingest.json.not_object", {}
    elif reply not in value:
        reject = "ingest.field.missing"
    elif not isinstance(value[reply], str):
        reject = "ingest.field.type"
    if reject:
        return Unit(file, line, "", "", "", reject, raw)
    return Unit(file, line, value[prompt], value.get("input", ""), value[reply], "", raw)


def _json_lines(file: str) -> list[Unit]:
    units = []
    for line, raw in enumerate(_text(RAW / file).removesuffix("\n").split("\n"), start=1):
        try:
            units.append(_unit(file, line, json.loads(raw), raw))
        except json.JSONDecodeError:
            units.append(Unit(file, line, "", "", "", "ingest.json.invalid", raw))
    return units


def _rows(file: str) -> list[Unit]:
    reader = csv.reader(io.StringIO(_text(RAW / file), newline=""), delimiter=DELIMITERS[file])
    header = next(reader)
    units, line = [], reader.line_num + 1
    for row in reader:
        raw = " ".join(row)
        if len(row) == len(header):
            units.append(_unit(file, line, dict(zip(header, row, strict=True)), raw))
        else:
            units.append(Unit(file, line, "", "", "", "ingest.row.columns", raw))
        line = reader.line_num + 1
    return units


@cache
def _units_of(file: str) -> tuple[Unit, ...]:
    if file in DELIMITERS:
        return tuple(_rows(file))
    if file.endswith(".json"):
        values = json.loads(_text(RAW / file))
        return tuple(_unit(file, n, value, "") for n, value in enumerate(values, start=1))
    return tuple(_json_lines(file))


def _units() -> dict[str, Unit]:
    return {unit.key: unit for file in PROMPT_AND_REPLY for unit in _units_of(file)}


def _table(name: str) -> list[dict[str, str]]:
    with (SAMPLES / "expected" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _faults(**wanted: str) -> list[dict[str, str]]:
    rows = _table("faults.csv")
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _at(row: dict[str, str]) -> str:
    return f"{row['file']}:{row['line']}"


def _folded(unit: Unit) -> str:
    """Return a record's text as an exact comparison sees it: no case, width or runs of blanks."""
    text = "\x1f".join((unit.prompt, unit.input, unit.reply))
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def test_every_raw_file_is_described_and_counted() -> None:
    assert {path.name for path in RAW.iterdir()} == set(PROMPT_AND_REPLY)
    assert [row["file"] for row in _table("units.csv")] == list(PROMPT_AND_REPLY)
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"`raw/{file}`" in readme for file in PROMPT_AND_REPLY)


@pytest.mark.parametrize("file", PROMPT_AND_REPLY)
def test_units_and_rejects_are_as_counted(file: str) -> None:
    units = _units_of(file)
    row = next(row for row in _table("units.csv") if row["file"] == file)
    assert int(row["units"]) == len(units)
    assert int(row["rejects"]) == sum(bool(unit.reject) for unit in units)


def test_rejects_are_the_listed_ones_and_few() -> None:
    found = {(unit.key, unit.reject) for unit in _units().values() if unit.reject}
    assert found == {(_at(row), row["reason"]) for row in _faults(action="reject")}
    assert 5 <= len(found) <= 8
    for file in PROMPT_AND_REPLY:
        assert sum(bool(unit.reject) for unit in _units_of(file)) <= 0.05 * len(_units_of(file))


def test_the_corpus_is_large_and_half_chinese() -> None:
    units = [unit for unit in _units().values() if not unit.reject]
    share = sum(unit.lang == "zh" for unit in units) / len(units)
    assert len(units) >= 300
    assert 0.4 <= share <= 0.6


def test_every_expected_row_points_at_a_unit() -> None:
    units = _units()
    held_out = (SAMPLES / "held_out" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    known = set(units) | {f"held_out/questions.jsonl:{n + 1}" for n in range(len(held_out))}
    for row in _faults():
        assert _at(row) in units, row
        assert not row["with"] or (row["with"] in known and row["with"] != _at(row)), row
        assert row["action"] in ACTIONS and row["since"] in ("now", "later"), row
        assert re.fullmatch(r"[a-z]+(\.[a-z_]+)+", row["reason"]), row
        assert bool(row["with"]) or row["stage"] != "dedupe", row


def test_no_expected_row_is_written_twice() -> None:
    seen = Counter((_at(row), row["reason"], row["action"], row["with"]) for row in _faults())
    assert [key for key, count in seen.items() if count > 1] == []


def test_no_record_is_both_a_fault_and_its_own_trap() -> None:
    faults = {(_at(row), row["reason"]) for row in _faults() if row["action"] != "keep"}
    traps = {(_at(row), row["reason"]) for row in _faults(action="keep") if not row["with"]}
    assert faults & traps == set()


def test_reasons_are_planted_in_each_language_as_often_as_said() -> None:
    units = _units()
    found = Counter(
        (*(row[name] for name in ("reason", "stage", "action", "since")), units[_at(row)].lang)
        for row in _faults()
    )
    said: Counter[tuple[str, ...]] = Counter()
    for row in _table("reasons.csv"):
        for lang in ("en", "zh"):
            key = (row["reason"], row["stage"], row["action"], row["since"], lang)
            said[key] += int(row[lang])
    assert found == +said


def test_every_fault_of_todays_row_stages_is_planted_in_both_languages() -> None:
    rows = [row for row in _table("reasons.csv") if row["since"] == "now"]
    faults = [row for row in rows if row["stage"] in ("normalise", "heuristics")]
    faults = [row for row in faults if row["action"] != "keep"]
    assert len(faults) >= 18
    assert [row["reason"] for row in faults if int(row["en"]) < 2 or int(row["zh"]) < 2] == []


def test_exact_duplicates_are_the_listed_pairs() -> None:
    groups: dict[str, list[str]] = {}
    for unit in _units().values():
        if not unit.reject:
            groups.setdefault(_folded(unit), []).append(unit.key)
    found = {frozenset(keys) for keys in groups.values() if len(keys) > 1}
    rows = [row for row in _faults(reason="dedupe.exact") if row["fault"] != "scrub_twin"]
    listed = {frozenset((_at(row), row["with"])) for row in rows}
    assert found == listed
    across = [pair for pair in listed if len({key.rpartition(":")[0] for key in pair}) == 2]
    assert across


def test_a_prompt_is_repeated_only_where_that_is_listed() -> None:
    groups: dict[str, set[str]] = {}
    for unit in _units().values():
        if not unit.reject and unit.prompt.strip():
            groups.setdefault(f"{unit.prompt}\n{unit.input}", set()).add(unit.key)
    found = {frozenset(keys) for keys in groups.values() if len(keys) > 1}
    listed = {frozenset((_at(row), row["with"])) for row in _faults() if row["with"]}
    assert found <= listed


def _listed(*reasons: str) -> set[str]:
    return {_at(row) for row in _faults() if row["reason"] in reasons}


SIGNS = {
    "normalise.control": re.compile(
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad]"
    ),
    "normalise.unicode": re.compile(
        r"[\u00a0\u2000-\u200a\u202f\u3000\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
    ),
    "normalise.html": re.compile(r"</?(?:p|b|br|div|span)\s?/?>|&(?:nbsp|amp|lt|gt);"),
    "normalise.mojibake": re.compile(r"[ÃÂâåæçèéäïã][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œžŸ]"),
    "normalise.whitespace": re.compile(r"\S {2,}\S(?![^`]*```)|[ \t]+$|^[ \t]+\Z|\n{3,}|[ \t]+\n"),
}


@pytest.mark.parametrize("reason", SIGNS)
def test_damage_of_the_text_stands_only_where_it_is_listed(reason: str) -> None:
    found = {
        unit.key
        for unit in _units().values()
        if not unit.reject
        and any(SIGNS[reason].search(text) for text in (unit.prompt, unit.input, unit.reply))
    }
    assert found <= _listed(reason)
    planted = {_at(row) for row in _faults(reason=reason, action="edit")}
    entities = _listed("normalise.html") if reason == "normalise.unicode" else set()
    decomposed = {
        key
        for key in planted
        if not unicodedata.is_normalized("NFC", _units()[key].prompt + _units()[key].reply)
    }
    assert planted - entities - decomposed <= found


def test_empty_texts_stand_only_where_they_are_listed() -> None:
    read = [unit for unit in _units().values() if not unit.reject]
    assert {unit.key for unit in read if not unit.reply.strip()} == _listed("heuristics.response.empty")
    assert {unit.key for unit in read if not unit.prompt.strip()} == _listed("heuristics.instruction.empty")


EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
LONG_NUMBER = re.compile(r"(?<![\w.])\+?[0-9](?:[ -]?[0-9]){8,}[Xx]?(?![\w.])")


def test_personal_data_stands_only_where_it_is_listed_and_only_in_reserved_forms() -> None:
    scrubbed = {_at(row) for row in _faults(stage="scrub")}
    for unit in _units().values():
        text = " ".join((unit.prompt, unit.input, unit.reply, unit.raw if unit.reject else ""))
        hosts = EMAIL.findall(text)
        assert all(re.fullmatch(r"example\.(com|org|net)", host) for host in hosts), unit.key
        if hosts or LONG_NUMBER.search(text):
            assert unit.key in scrubbed, unit.key


def test_the_gzip_file_names_no_time() -> None:
    header = (RAW / "tickets_zh.jsonl.gz").read_bytes()[:10]
    assert header[:4] == b"\x1f\x8b\x08\x00"  # no name, comment or extra field
    assert header[4:8] == b"\x00\x00\x00\x00"  # no time
