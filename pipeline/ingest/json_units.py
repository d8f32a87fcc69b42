"""JSON units: the elements of an array, the lines of a JSONL file, or one object.

An array is cut into elements by a scanner that knows strings and brackets, and orjson parses each
element. So the file is never in memory, an element over the limit is skipped without being held,
and bad UTF-8 in one element costs that element. Rejected: ijson, about as fast, because it holds a
string of any length whole and cannot go on after one bad byte; `str.splitlines`, which splits at
U+2028 inside a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, chunks, head_of, open_bytes
from pipeline.ingest.units import (
    FILE_BROKEN,
    FILE_TRUNCATED,
    NOT_OBJECT,
    Bad,
    Broken,
    Unit,
    diagnose,
    too_large,
)

BOM = b"\xef\xbb\xbf"

# Linear: each alternative starts with a byte that no other can take.
_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb'[^ \t\r\n,"\[\]{}]*')
_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_PLAIN = re.compile(rb'[^"\[\]{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"\[\]{}]*)*', re.DOTALL)


def json_layout(head: bytes) -> Literal["array", "object", "lines"]:
    """Tell from the first bytes of a JSON file what it is made of.

    One object written over several lines differs from JSONL with a damaged first line in that its
    second line opens no object.
    """
    lines = [line for line in head.removeprefix(BOM).split(b"\n") if line.strip(b" \t\r")]
    if not lines:
        return "lines"
    first = lines[0].strip(b" \t\r")
    if first.startswith(b"["):
        return "array"
    if not first.startswith(b"{") or len(lines) == 1 or lines[1].lstrip(b" \t").startswith(b"{"):
        return "lines"
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        return "object"
    return "lines"


def read_json(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the elements of the JSON array that a file holds, or its one object."""
    if json_layout(head_of(path)) == "object":
        return read_object(path, spec)
    return read_array(path, spec)


def read_lines(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the lines of a JSONL file; blank lines are no units, and only a line feed ends one."""
    limit = spec.max_unit_bytes
    with open_bytes(path) as stream:
        number = 0
        while line := stream.readline(limit + 3):
            number += 1
            if number == 1 and line.startswith(BOM):
                line = line[len(BOM) :]
            whole = line.endswith(b"\n")
            body = line.strip(b" \t\r\n")
            if len(body) > limit or (not whole and len(line) > limit):
                _skip_line(stream, whole)
                yield too_large(number, limit)
            elif body:
                yield parse_unit(number, body)


def _skip_line(stream: BinaryIO, whole: bool) -> None:
    while not whole and (part := stream.readline(CHUNK)):
        whole = part.endswith(b"\n")


def parse_unit(line: int, raw: bytes) -> Unit | Bad:
    """Parse one JSON value that should be an object."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        fault = diagnose(raw)
        return Bad(line, fault.reason, fault.detail)
    if isinstance(value, dict):
        return Unit(line, value)
    return _not_object(line, value)


def _not_object(line: int, value: object) -> Bad:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return Bad(line, NOT_OBJECT, f"{names.get(type(value), 'a number')}, not an object")


def read_object(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the one object that a file holds over several lines, if it is a record.

    Raises:
        SourceError: the object is too large to be one record.
        Broken: the file holds no whole JSON value.
    """
    limit = spec.max_unit_bytes
    with open_bytes(path) as stream:
        parts: list[bytes] = []
        size = 0
        while part := chunks(stream).read1(CHUNK):
            parts.append(part)
            size += len(part)
            if size > limit:
                raise SourceError(
                    f"{path} holds one JSON object of over {limit:,} bytes, not a list of records",
                    "write it as an array of objects, or as one object a line (JSONL)",
                )
    raw = b"".join(parts).removeprefix(BOM)
    unit = parse_unit(1, raw)
    if isinstance(unit, Bad) and not diagnose(raw).whole:
        raise Broken(FILE_BROKEN, f"is not valid JSON: {unit.detail}", 1)
    yield unit


def read_array(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the elements of a JSON array; `line` is the number of the element, from 1.

    Raises:
        Broken: the array is cut off, or its syntax is wrong so that later elements cannot be found.
    """
    limit = spec.max_unit_bytes
    scanner = _ArrayScanner(limit)
    number = 0
    with open_bytes(path) as stream:
        while part := chunks(stream).read1(CHUNK):
            for raw in scanner.feed(part):
                number += 1
                yield (_element(number, raw, scanner) if raw is not None else too_large(number, limit))
    scanner.finish()


def _element(number: int, raw: bytes, scanner: _ArrayScanner) -> Unit | Bad:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        fault = diagnose(raw)
        if not fault.whole:
            raise scanner.broken(f"has a syntax error in element {number}: {fault.detail}") from None
        return Bad(number, fault.reason, fault.detail)
    return Unit(number, value) if isinstance(value, dict) else _not_object(number, value)


class _ArrayScanner:
    """Cuts the bytes of an array into those of its elements, in any division into chunks.

    Holds at most one element: one that grows over `limit` bytes is dropped and told as None.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] | None = []  # of the element so far; None: it is too large
        self._size = 0
        self._state = "start"  # start, first, value, comma, end; element: inside one
        self._depth = 0
        self._in_string = False
        self._in_scalar = False
        self._escape = False  # the last byte of the chunk before was a backslash
        self._lines = 1
        self._chunk = b""
        self._pos = 0
        self._head = True

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Yield each element that ends in this chunk; None for one over the limit."""
        self._lines += self._chunk.count(b"\n")
        if self._head:
            chunk = chunk.removeprefix(BOM)
            self._head = False
        self._chunk, self._pos = chunk, 0
        while self._pos < len(chunk):
            if self._state == "element" or self._opens_element():
                begin = self._pos
                ended = self._inside()
                self._keep(chunk, begin)
                if ended:
                    yield self._take()

    def finish(self) -> None:
        """Say that no more chunks come.

        Raises:
            Broken: the array is not closed.
        """
        if self._state != "end":
            self._pos = len(self._chunk)
            raise self.broken("ends inside its JSON array", FILE_TRUNCATED)

    def broken(self, detail: str, reason: str = FILE_BROKEN) -> Broken:
        """Return the break at this place; its line is the line of the file."""
        line = self._lines + self._chunk.count(b"\n", 0, self._pos)
        return Broken(reason, f"{detail} (line {line:,} of the file)")

    def _opens_element(self) -> bool:
        """Read the punctuation between elements; True if an element starts at the position."""
        space = _SPACE.match(self._chunk, self._pos)
        assert space is not None
        self._pos = space.end()
        char = self._chunk[self._pos : self._pos + 1]
        if not char:
            return False
        if self._state == "start" and char == b"[":
            self._state = "first"
        elif self._state == "comma" and char == b",":
            self._state = "value"
        elif self._state in ("first", "comma") and char == b"]":
            self._state = "end"
        elif self._state in ("first", "value") and char not in b",]}":
            self._state = "element"
            return True
        elif self._state == "end":
            raise self.broken("has text after the end of its JSON array")
        else:
            raise self.broken("has a syntax error between the elements of its JSON array")
        self._pos += 1
        return False

    def _inside(self) -> bool:
        """Advance within an element; True if it ends in this chunk."""
        chunk = self._chunk
        if not self._in_string and self._depth == 0 and not self._in_scalar:
            self._in_string = chunk[self._pos] == 0x22
            self._in_scalar = not self._in_string and chunk[self._pos] not in b"[{"
            if self._in_string:
                self._pos += 1
        while self._pos < len(chunk):
            if self._in_string:
                if self._leaves_string() and self._depth == 0:
                    return True
            elif self._in_scalar:
                scalar = _SCALAR.match(chunk, self._pos)
                assert scalar is not None
                self._pos = scalar.end()
                self._in_scalar = self._pos == len(chunk)
                return not self._in_scalar
            elif self._closes():
                return True
        return False

    def _leaves_string(self) -> bool:
        begin = self._pos + 1 if self._escape else self._pos
        self._escape = False
        text = _STRING.match(self._chunk, begin)
        assert text is not None
        end = text.end()
        self._pos = min(end + 1, len(self._chunk))
        if end >= len(self._chunk):
            return False
        self._escape = self._chunk[end] == 0x5C
        self._in_string = self._escape
        return not self._escape

    def _closes(self) -> bool:
        """Read up to the next bracket or open string; True if the bracket closes the element."""
        plain = _PLAIN.match(self._chunk, self._pos)
        assert plain is not None
        end = plain.end()
        self._pos = min(end + 1, len(self._chunk))
        if end == len(self._chunk):
            return False
        char = self._chunk[end]
        if char == 0x22:
            self._in_string = True
        else:
            self._depth += 1 if char in b"[{" else -1
        return self._depth == 0 and not self._in_string

    def _keep(self, chunk: bytes, begin: int) -> None:
        self._size += self._pos - begin
        if self._size > self._limit:
            self._parts = None
        elif self._parts is not None:
            self._parts.append(chunk[begin : self._pos])

    def _take(self) -> bytes | None:
        raw = None if self._parts is None else b"".join(self._parts)
        self._parts, self._size, self._state = [], 0, "comma"
        return raw
