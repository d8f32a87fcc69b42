"""A cursor over one JSON value in a stream: its members, their elements, each cut out without the rest.

It reads on from the array scanner's ways of cutting a value. Rejected: a general parser with events; only
two levels are ever walked, and everything below is orjson's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from pipeline.ingest.json_scanner import ArrayScanner
from pipeline.ingest.streams import CHUNK, chunks
from pipeline.ingest.units import FILE_TRUNCATED, Broken


class JsonCursor(ArrayScanner):
    """Walks the members of an object or the elements of an array, one level at a time.

    Whoever walks takes or skips each value before going on to the next.
    """

    def __init__(self, stream: BinaryIO, limit: int) -> None:
        super().__init__(limit)
        self._stream = stream
        self._most = limit

    def peek(self) -> bytes:
        """Return the next byte that is no space; empty at the end of the file."""
        while True:
            self._skip_space()
            if self._pos < len(self._chunk):
                return self._chunk[self._pos : self._pos + 1]
            if not self._load():
                return b""

    def value(self) -> bytes | None:
        """Return the bytes of the value at the cursor; None if they are more than the limit.

        Raises:
            Broken: there is none, or the file ends inside it.
        """
        if self.peek() in (b"", b",", b"]", b"}", b":"):
            raise self._misplaced("a value")
        while True:
            begin = self._pos
            ended = self._inside()
            self._keep(self._chunk, begin)
            if ended:
                return self._take()
            if not self._load():
                if self._in_scalar:
                    self._in_scalar = False
                    return self._take()
                raise self.broken("ends inside a JSON value", FILE_TRUNCATED)

    def skip(self) -> None:
        """Go past the value at the cursor."""
        self._limit = -1
        self.value()
        self._limit = self._most

    def members(self) -> Iterator[str]:
        """Yield the key of each member of the object at the cursor, which then stands at its value."""
        self._expect(b"{")
        if self.peek() == b"}":
            self._pos += 1
            return
        while True:
            if self.peek() != b'"':
                raise self._misplaced("a key")
            key = self.value()
            self._expect(b":")
            try:
                yield str(orjson.loads(key)) if key is not None else ""
            except orjson.JSONDecodeError:
                raise self.broken("has a key that is not valid JSON") from None
            if self.peek() != b",":
                self._expect(b"}")
                return
            self._pos += 1

    def elements(self) -> Iterator[None]:
        """Step from element to element of the array at the cursor."""
        self._expect(b"[")
        if self.peek() == b"]":
            self._pos += 1
            return
        while True:
            yield None
            if self.peek() != b",":
                self._expect(b"]")
                return
            self._pos += 1

    def end(self) -> None:
        """Check that nothing follows."""
        if self.peek():
            raise self.broken("has text after the end of its JSON object")

    def _expect(self, char: bytes) -> None:
        if self.peek() != char:
            raise self._misplaced(char.decode())
        self._pos += 1

    def _misplaced(self, wanted: str) -> Broken:
        if not self.peek():
            return self.broken("ends inside its JSON object", FILE_TRUNCATED)
        return self.broken(f"has a syntax error: {wanted} is missing")

    def _load(self) -> bool:
        chunk = chunks(self._stream).read1(CHUNK)
        if chunk:
            self._advance_to(chunk)
        return bool(chunk)
