"""JSON units: the elements of an array, or the lines of a JSONL file.

An array is cut into elements by a scanner that knows strings and brackets, and orjson parses each
element. So the file is never in memory, an element over the limit is skipped without being held,
and bad UTF-8 in one element costs that element. Rejected: `str.splitlines`, which splits at U+2028
inside a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import orjson

from pipeline.ingest.encodings import open_text
from pipeline.ingest.json_scanner import BOM, ArrayScanner
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, chunks
from pipeline.ingest.units import (
    NOT_OBJECT,
    Bad,
    Unit,
    diagnose,
    too_large,
)


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


def read_lines(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the lines of a JSONL file; blank lines are no units, and only a line feed ends one."""
    limit = spec.max_unit_bytes
    with open_text(path, spec) as stream:
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
    return not_object(line, value)


def not_object(line: int, value: object) -> Bad:
    """Return the reject of a JSON value that is no object."""
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return Bad(line, NOT_OBJECT, f"{names.get(type(value), 'a number')}, not an object")


def read_array(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the elements of a JSON array; `line` is the number of the element, from 1.

    Raises:
        Broken: the array is cut off, or its syntax is wrong so that later elements cannot be found.
    """
    limit = spec.max_unit_bytes
    scanner = ArrayScanner(limit)
    number = 0
    with open_text(path, spec) as stream:
        while part := chunks(stream).read1(CHUNK):
            for raw in scanner.feed(part):
                number += 1
                yield (_element(number, raw, scanner) if raw is not None else too_large(number, limit))
    scanner.finish()


def _element(number: int, raw: bytes, scanner: ArrayScanner) -> Unit | Bad:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        fault = diagnose(raw)
        if not fault.whole:
            raise scanner.broken(f"has a syntax error in element {number}: {fault.detail}") from None
        return Bad(number, fault.reason, fault.detail)
    return Unit(number, value) if isinstance(value, dict) else not_object(number, value)
