"""The words between readers and the rest: a unit, a bad unit, and the point where a file breaks.

A reader is a generator over one file. It yields a `Unit` or a `Bad` for every unit that it meets,
in file order, and raises `Broken` where it cannot find the next one. So one bad line costs one
line, a damaged file costs what follows the damage, and nothing is skipped. Rejected: readers that
raise for a bad unit (a generator that has raised is finished) and readers that log and go on
(nothing can be counted).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

import orjson

JSON_INVALID = "ingest.json.invalid"
NOT_OBJECT = "ingest.json.not_object"
ENCODING = "ingest.encoding.invalid"
TOO_LARGE = "ingest.unit.too_large"
TOO_DEEP = "ingest.unit.too_deep"
EMPTY = "ingest.unit.empty"
UNANSWERED = "ingest.question.unanswered"
NO_QUESTION = "ingest.answer.no_question"
OTHER_POST = "ingest.post.other"
NO_PAIR = "ingest.section.no_question"
CELL_ERROR = "ingest.cell.error"
ROW_COLUMNS = "ingest.row.columns"
FIELD_TYPE = "ingest.field.type"
FIELD_MISSING = "ingest.field.missing"
FIELD_TEMPLATE = "ingest.field.template"
CONVERSATION_EMPTY = "ingest.conversation.empty"
CONVERSATION_ROLE = "ingest.conversation.role"
CONVERSATION_CONTENT = "ingest.conversation.content"
CONVERSATION_MEDIA = "ingest.conversation.media"
TREE_ORPHAN = "ingest.tree.orphan"
FILE_TRUNCATED = "ingest.file.truncated"
FILE_BROKEN = "ingest.file.broken"

REASONS = (
    JSON_INVALID,
    NOT_OBJECT,
    ENCODING,
    TOO_LARGE,
    TOO_DEEP,
    EMPTY,
    UNANSWERED,
    NO_QUESTION,
    OTHER_POST,
    NO_PAIR,
    CELL_ERROR,
    ROW_COLUMNS,
    FIELD_TYPE,
    FIELD_MISSING,
    FIELD_TEMPLATE,
    CONVERSATION_EMPTY,
    CONVERSATION_ROLE,
    CONVERSATION_CONTENT,
    CONVERSATION_MEDIA,
    TREE_ORPHAN,
    FILE_TRUNCATED,
    FILE_BROKEN,
)
"""Every reason that a reject can have."""

SOUND = frozenset({UNANSWERED, NO_QUESTION, OTHER_POST, NO_PAIR})
"""Reasons of units that were read and hold no pair: nothing is wrong with the file, however many they are."""


class Unit(NamedTuple):
    """One unit as it was read: `line` is 1-based, an element or row number in JSON and Parquet."""

    line: int
    value: dict[str, object]


class Read(NamedTuple):
    """One unit with its canonical bytes."""

    line: int
    value: dict[str, object]
    raw: bytes


class Bad(NamedTuple):
    """One unit that cannot be read: why, in words that hold none of its text."""

    line: int
    reason: str
    detail: str


class Broken(Exception):  # noqa: N818 - a place in a file, not an error that a user sees
    """The file cannot be read past this place.

    Args:
        reason: `ingest.file.truncated` or `ingest.file.broken`.
        detail: what is wrong, to complete "the file ...".
        line: where, 1-based; 0 where the reader cannot tell.
        hint: how to repair it, where that can be told.
    """

    def __init__(self, reason: str, detail: str, line: int = 0, hint: str = "") -> None:
        super().__init__(reason, detail, line, hint)
        self.hint = hint
        self.reason = reason
        self.detail = detail
        self.line = line


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the bytes of one JSON value; `whole`: they are one value all the same."""

    reason: str
    detail: str
    whole: bool


def too_large(line: int, limit: int) -> Bad:
    """Return the reject of a unit of more than `limit` bytes."""
    return Bad(line, TOO_LARGE, f"longer than max_unit_bytes, {limit:,} bytes")


def canonical(value: object) -> bytes:
    """Return the bytes that a unit's identity rests on: compact JSON, keys in the file's order.

    Raises:
        TypeError: a text is not valid Unicode.
    """
    return orjson.dumps(value, default=_as_text)


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def diagnose(raw: bytes) -> Fault:
    """Say why these bytes, which orjson refused, are not a JSON value that can be used."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} of the unit belongs to no character of the file's encoding"
        return Fault(ENCODING, what, whole=True)
    try:
        value = json.loads(text, strict=False)
    except RecursionError:
        return Fault(JSON_INVALID, "nested too deeply", whole=True)
    except json.JSONDecodeError as error:
        return Fault(
            JSON_INVALID,
            f"{error.msg} at line {error.lineno}, character {error.colno} of the unit",
            whole=False,
        )
    except ValueError:
        return Fault(JSON_INVALID, "a number has too many digits", whole=True)
    try:
        canonical(value)
    except TypeError:
        if _SURROGATE.search(text):
            return Fault(ENCODING, "half of a surrogate pair stands alone", whole=True)
    detail = "NaN, Infinity, an overlong number or a raw control character is not JSON"
    return Fault(JSON_INVALID, detail, whole=True)
