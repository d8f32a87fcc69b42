"""JSON files that are one object: columns, rows by key, lists in a wrapper, or one record.

A first reading looks at the kinds of the members; a second one cuts the units out, one at a time. Columns
lie one after the other in the file, so they are set aside in temporary files and joined row by row: the
price is the file's size on disk. Rejected: `json.load` (ten times the file in memory), and pandas, which
turns an id of twenty digits into a rounded number.
"""

from __future__ import annotations

import logging
import struct
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import orjson

from pipeline.errors import SourceError
from pipeline.ingest.encodings import open_text, text_head
from pipeline.ingest.json_cursor import JsonCursor
from pipeline.ingest.json_units import json_layout, not_object, read_array
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, open_bytes
from pipeline.ingest.units import ROW_COLUMNS, Bad, Broken, Unit, diagnose, too_large

log = logging.getLogger(__name__)

Layout = Literal["columns", "indexed columns", "rows by key", "wrapped", "lists", "record"]

_LOOKED_AT = 1000  # members
_ELEMENTS = 20  # of each member
_MAX_COLUMNS = 500
_LENGTH = struct.Struct(">q")
_TURN = frozenset({"role", "from", "speaker", "sender", "user"})
_SAID = frozenset({"content", "value", "text", "utterance", "message"})
# fmt: off
_OF_RECORDS = frozenset({
    "instruction", "input", "output", "prompt", "completion", "response", "question", "answer", "query",
    "text", "content", "问题", "答案", "回答", "指令",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the object: its key, its kind, and the kinds of what it holds (the first ones)."""

    key: str
    kind: str  # object, array or scalar
    inner: tuple[str, ...]
    keys: tuple[str, ...]  # of an object's members, or of the first object in an array


def read_json(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the elements of the JSON array that a file holds, or the units of its one object."""
    if json_layout(text_head(path, spec)) == "array":
        return read_array(path, spec)
    return read_one_object(path, spec)


def read_one_object(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the units of a file that is one JSON object; `line` is the number of the unit, from 1.

    Raises:
        SourceError: it is one record of more than `max_unit_bytes`, or has more columns than a table has.
        Broken: the file breaks off, or its syntax is wrong.
    """
    members, broken = outline(path, spec)
    layout = layout_of(members) if members else "record"
    if (
        broken is not None
        and layout in ("columns", "indexed columns")
        and any(each.inner for each in members)
    ):
        raise SourceError(
            f"{path} {broken.detail}, and its units are spread over columns, so none of them is whole",
            "fetch or write it again",
        ) from broken
    if layout != "record":
        log.info("%s: one JSON object, read as %s", path.name, layout)
    if layout == "record":
        yield from _record(path, spec)
    elif layout in ("columns", "indexed columns"):
        yield from _columns(path, spec, indexed=layout == "indexed columns")
    elif layout == "rows by key":
        yield from _rows_by_key(path, spec)
    else:
        yield from _listed(path, spec, members, named=layout == "lists")


def outline(path: Path, spec: SourceSpec) -> tuple[list[Member], Broken | None]:
    """Return the first members of the object, without what they hold, and the damage that was met if any."""
    found: list[Member] = []
    with open_text(path, spec) as stream:
        cursor = JsonCursor(stream, 1 << 16)
        try:
            for key in cursor.members():
                kind, inner, keys = _kind(cursor.peek()), list[str](), list[str]()
                try:
                    _look_into(cursor, kind, inner, keys)
                finally:
                    found.append(Member(key, kind, tuple(inner), tuple(keys)))
                if len(found) == _LOOKED_AT:
                    break
        except Broken as broken:
            return found, broken
    return found, None


def _look_into(cursor: JsonCursor, kind: str, inner: list[str], keys: list[str]) -> None:
    """Read one member, and note the kinds of what it holds and the keys that are told of it."""
    if kind == "array":
        for _ in cursor.elements():
            if len(inner) < _ELEMENTS:
                inner.append(_kind(cursor.peek()))
                found = _keys(cursor.value())
                keys += [] if keys else found
            else:
                cursor.skip()
    elif kind == "object":
        for key in cursor.members():
            if len(inner) < _ELEMENTS:
                inner.append(_kind(cursor.peek()))
                keys.append(key)
            cursor.skip()
    else:
        cursor.skip()


def _kind(opened: bytes) -> str:
    return {b"[": "array", b"{": "object"}.get(opened, "scalar")


def _keys(raw: bytes | None) -> tuple[str, ...]:
    try:
        value = orjson.loads(raw or b"null")
    except orjson.JSONDecodeError:
        return ()
    return tuple(value) if isinstance(value, dict) else ()


def layout_of(members: list[Member]) -> Layout:
    """Tell what the members are, from their kinds.

    A record that holds a list of objects (messages, answers) differs from a wrapper in that the objects are
    turns of a conversation, or that a text of a record stands beside them.
    """
    kinds = {member.kind for member in members}
    if kinds == {"array"}:
        if all(map(_holds_objects, members)):
            turns = any(_are_turns(member) for member in members)
            return "record" if turns else ("wrapped" if len(members) == 1 else "lists")
        return "columns"
    if kinds == {"object"}:
        first = members[0].keys
        if first and all(key.isdecimal() for key in first) and all(m.keys == first for m in members):
            return "indexed columns"
        return "rows by key"
    lists = [member for member in members if member.kind == "array" and _holds_objects(member)]
    arrays = sum(member.kind == "array" for member in members)
    of_record = any(member.key.casefold() in _OF_RECORDS for member in members if member.kind == "scalar")
    if len(lists) == arrays == 1 and not of_record and not _are_turns(lists[0]):
        return "wrapped"
    return "record"


def _holds_objects(member: Member) -> bool:
    return 2 * member.inner.count("object") > len(member.inner)


def _are_turns(member: Member) -> bool:
    return bool(_TURN.intersection(member.keys)) and bool(_SAID.intersection(member.keys))


def _record(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    with open_text(path, spec) as stream:
        cursor = JsonCursor(stream, spec.max_unit_bytes)
        cursor.peek()
        raw = cursor.value()
        cursor.end()
    if raw is None:
        raise SourceError(
            f"{path} holds one JSON object of over {spec.max_unit_bytes:,} bytes, which is neither a list of"
            " records nor a table of columns",
            "write it as an array of objects, or as one object a line (JSONL)",
        )
    yield _unit(1, raw)


def _unit(number: int, raw: bytes | None, key: tuple[str, str] | None = None, limit: int = 0) -> Unit | Bad:
    if raw is None:
        return too_large(number, limit)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        fault = diagnose(raw)
        return Bad(number, fault.reason, fault.detail)
    if not isinstance(value, dict):
        return not_object(number, value)
    if key is None:
        return Unit(number, value)
    name, text = key
    return Unit(number, {(name if name not in value else f"_{name}"): text, **value})


def _rows_by_key(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    with open_text(path, spec) as stream:
        cursor = JsonCursor(stream, spec.max_unit_bytes)
        for number, key in enumerate(cursor.members(), 1):
            cursor.peek()
            yield _unit(number, cursor.value(), ("key", key), spec.max_unit_bytes)


def _listed(path: Path, spec: SourceSpec, members: list[Member], named: bool) -> Iterator[Unit | Bad]:
    """Yield the objects of the lists; what stands beside them is named in the log."""
    beside = [member.key for member in members if member.kind != "array"]
    if beside:
        log.info("%s: beside the list, not read: %s", path.name, ", ".join(beside[:20]))
    number = 0
    with open_text(path, spec) as stream:
        cursor = JsonCursor(stream, spec.max_unit_bytes)
        for key in cursor.members():
            if cursor.peek() != b"[":
                cursor.skip()
                continue
            for _ in cursor.elements():
                number += 1
                named_by = ("key", key) if named else None
                yield _unit(number, cursor.value(), named_by, spec.max_unit_bytes)


def _columns(path: Path, spec: SourceSpec, indexed: bool) -> Iterator[Unit | Bad]:
    names: list[str] = []
    counts: list[int] = []
    with ExitStack() as stack:
        columns: list[IO[bytes]] = []
        with open_text(path, spec) as stream:
            cursor = JsonCursor(stream, spec.max_unit_bytes)
            for name in cursor.members():
                if len(names) == _MAX_COLUMNS:
                    raise SourceError(
                        f"{path} has more than {_MAX_COLUMNS} columns",
                        "write it as one object a line (JSONL)",
                    )
                names.append(name)
                columns.append(stack.enter_context(tempfile.TemporaryFile()))
                counts.append(_set_aside(cursor, columns[-1], indexed))
        _refuse_uneven(path, names, counts)
        for column in columns:
            column.seek(0)
        for number in range(1, max(counts, default=0) + 1):
            yield _row(number, names, columns, indexed, spec.max_unit_bytes)


def _set_aside(cursor: JsonCursor, column: IO[bytes], indexed: bool) -> int:
    count = 0
    for key in cursor.members() if indexed else cursor.elements():
        if indexed:
            _write(column, (key or "").encode("utf-8", "surrogatepass"))
        cursor.peek()
        _write(column, cursor.value())
        count += 1
    return count


def _write(column: IO[bytes], value: bytes | None) -> None:
    column.write(_LENGTH.pack(-1 if value is None else len(value)))
    column.write(value or b"")


def _read(column: IO[bytes]) -> bytes | None:
    (length,) = _LENGTH.unpack(column.read(_LENGTH.size))
    return None if length < 0 else column.read(length)


def _row(number: int, names: list[str], columns: list[IO[bytes]], indexed: bool, limit: int) -> Unit | Bad:
    value: dict[str, object] = {}
    keys: set[bytes | None] = set()
    bad: Bad | None = None
    for name, column in zip(names, columns, strict=True):
        if indexed:
            keys.add(_read(column))
        raw = _read(column)
        if raw is None:
            bad = bad or too_large(number, limit)
            continue
        try:
            value[name] = orjson.loads(raw)
        except orjson.JSONDecodeError:
            fault = diagnose(raw)
            bad = bad or Bad(number, fault.reason, f"column {name}: {fault.detail}")
    if len(keys) > 1:
        bad = Bad(number, ROW_COLUMNS, "its columns do not have the same keys in the same order")
    return bad or Unit(number, value)


def _refuse_uneven(path: Path, names: list[str], counts: list[int]) -> None:
    if len(set(counts)) > 1:
        usual = max(set(counts), key=counts.count)
        odd = [f"{name} has {count:,}" for name, count in zip(names, counts, strict=True) if count != usual]
        raise SourceError(
            f"{path} is an object of columns of different lengths: {', '.join(odd[:10])}, others have {usual:,}",
            "write it again: which value belongs to which row cannot be told",
        )


def is_one_value(path: Path) -> bool:
    """Tell whether nothing but blanks follows the first line of a file that is no blank itself."""
    ended = False
    with open_bytes(path) as stream:
        try:
            while part := stream.readline(CHUNK):
                if ended and part.strip():
                    return False
                ended = ended or (part.endswith(b"\n") and bool(part.strip()))
        except Broken:
            return True  # its reader tells what is wrong
    return True
