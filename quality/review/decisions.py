"""Reads what people decided: files of JSON Lines or CSV, checked row by row.

A row names a text by the record's root and the text key that the review queue gives, who says it, and what they say.
A line of the queue with `annotator` and `decision` added to it is such a row: other keys are ignored. A broken row is
listed with its line and why, and never stops the others; a file that is not text in UTF-8 is refused whole, because
a guess at its encoding could write garbled words into the dataset. What is said of a broken row repeats nothing of it,
for it may stand in a manifest. Rejected: taking GB18030 for granted where UTF-8 fails (Latin-1 would pass as Chinese).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Verdict: TypeAlias = Literal["accept", "reject", "edit"]

VERDICTS: Final[dict[str, Verdict]] = {
    "accept": "accept", "reject": "reject", "edit": "edit",
    "接受": "accept", "通过": "accept", "拒绝": "reject", "修改": "edit",
}  # fmt: skip
"""What a row may say, in English and Chinese."""

FIELDS: Final = ("system", "instruction", "input", "output")
"""The texts that an edit may replace."""

REQUIRED: Final = ("root", "text_key", "annotator", "decision")
_ID = re.compile(r"[0-9a-f]{8,64}")
_TRUE = frozenset({"true", "1", "yes", "是"})


class DecisionsError(ValueError):
    """A whole file that cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person said of one text.

    Args:
        root: of the record.
        text_key: of the text that was shown.
        annotator: who says it.
        verdict: what they say.
        reason: why, in their words; may be "".
        fields: for an edit, the new texts by field.
        sample: the record was drawn at random for label consistency, as the queue says.
        where: file and line.
    """

    root: str
    text_key: str
    annotator: str
    verdict: Verdict
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    sample: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that could not be understood: where it stands, and why."""

    where: str
    why: str


def parse(name: str, data: bytes) -> tuple[list[Decision], list[Broken]]:
    """Read one file of decisions.

    Args:
        name: of the file; `.csv` and `.tsv` are tables with a heading, all else is JSON Lines.
        data: its bytes; UTF-8, with or without a byte order mark.

    Raises:
        DecisionsError: it is not UTF-8, or the heading of a table is broken, names a column twice, or lacks one that
            every row needs.
    """
    text = _decoded(name, data)
    rows = _table(name, text) if name.lower().endswith((".csv", ".tsv")) else _lines(text)
    decisions: list[Decision] = []
    broken: list[Broken] = []
    for line, row in rows:
        where = f"{name}:{line}"
        if isinstance(row, str):
            broken.append(Broken(where, row))
            continue
        try:
            decisions.append(_decision(row, where))
        except ValueError as error:
            broken.append(Broken(where, str(error)))
    return decisions, broken


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8"
        for encoding, marks in (("UTF-16", (b"\xff\xfe", b"\xfe\xff")), ("GB18030", ())):
            if data.startswith(marks) if marks else _is(data, encoding):
                hint = f"if it is {encoding}: iconv -f {encoding} -t UTF-8 {name} > NEW"
                break
        raise DecisionsError(f"{name} is not UTF-8 (byte {error.start}); {hint}") from None


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


Row: TypeAlias = Mapping[str, object] | str
"""A row's fields, or why it is none."""


def _lines(text: str) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            yield number, f"not valid JSON: {error}"
            continue
        except RecursionError:
            yield number, "JSON that is nested too deeply"
            continue
        yield number, value if isinstance(value, dict) else "not a JSON object"


def _table(name: str, text: str) -> Iterator[tuple[int, Row]]:
    if not text.strip():
        return
    blank = len(text) - len(text.lstrip("\r\n"))
    before = len(text[:blank].splitlines())
    text = text[blank:]
    delimiter = max(",;\t", key=text.splitlines()[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [column.strip() for column in next(reader)]
    except csv.Error as error:
        raise DecisionsError(f"the heading of {name} is not a row of a table: {error}") from None
    twice = sorted({column for column in names if column and names.count(column) > 1})
    if twice:
        raise DecisionsError(f"{name} has two columns {', '.join(twice)}")
    missing = [column for column in REQUIRED if column not in names]
    if missing:
        raise DecisionsError(f"{name} has no column {', '.join(missing)}; its columns are {', '.join(names)}")
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, f"not a row of the table: {error}"
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            yield line, f"{len(cells)} cells where the heading has {len(names)}"
            continue
        yield line, {column: cell for column, cell in zip(names, cells, strict=True) if cell}


def _decision(row: Mapping[str, object], where: str) -> Decision:
    """Return a row as a decision.

    Raises:
        ValueError: with what is wrong in it.
    """
    values = {name: _text(row, name).strip() for name in REQUIRED}
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise ValueError(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    odd = [name for name in ("root", "text_key") if not _ID.fullmatch(values[name])]
    if odd:
        raise ValueError(f"{' and '.join(odd)}: not the hexadecimal digits that the queue gives")
    verdict = VERDICTS.get(values["decision"].lower())
    if verdict is None:
        raise ValueError(f"the decision is none of {', '.join(VERDICTS)}")
    fields = _new_texts(row)
    if verdict == "edit" and not fields:
        raise ValueError(f"an edit without a new text; give new_text, or new with one of {', '.join(FIELDS)}")
    if verdict == "edit" and not dict(fields).get("output", "some").strip():
        raise ValueError("an edit that leaves no response; if it is meant, the decision is reject")
    if verdict != "edit" and fields:
        raise ValueError(f"a new text beside the decision {verdict!r}; if it is meant, the decision is edit")
    return Decision(
        root=values["root"],
        text_key=values["text_key"],
        annotator=values["annotator"],
        verdict=verdict,
        reason=_text(row, "reason").strip(),
        fields=fields,
        sample=str(row.get("sample", "")).strip().lower() in _TRUE,
        where=where,
    )


def _new_texts(row: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the new texts of a row: `new` with fields, `new_<field>`, or `new_text` for the response."""
    given = row.get("new") or {}
    if not isinstance(given, dict):
        raise ValueError("new is no object of fields")
    if set(given) - set(FIELDS):
        raise ValueError(f"new names what no edit may touch; it may name {', '.join(FIELDS)}")
    found = {name: _text(given, name) for name in FIELDS if given.get(name) is not None}
    for name in FIELDS:
        if f"new_{name}" in row:
            found[name] = _text(row, f"new_{name}")
    if "new_text" in row:
        if "output" in found and found["output"] != _text(row, "new_text"):
            raise ValueError("new_text and another new response differ")
        found["output"] = _text(row, "new_text")
    return tuple((name, found[name]) for name in FIELDS if name in found)


def _text(row: Mapping[str, object], name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} is not valid Unicode (half of a surrogate pair)") from None
    return value
