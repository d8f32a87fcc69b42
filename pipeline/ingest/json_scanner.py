"""Cutting the bytes of a JSON array into its elements, without parsing them and in any division into chunks.

It knows strings and brackets alone. Rejected: ijson, about as fast, because it holds a string of any length
whole and cannot go on after one bad byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.ingest.units import FILE_BROKEN, FILE_TRUNCATED, Broken

BOM = b"\xef\xbb\xbf"

# Linear: each alternative starts with a byte that no other can take.
_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb'[^ \t\r\n,"\[\]{}]*')
_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_PLAIN = re.compile(rb'[^"\[\]{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"\[\]{}]*)*', re.DOTALL)


class ArrayScanner:
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
        self._advance_to(chunk)
        chunk = self._chunk
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

    def _advance_to(self, chunk: bytes) -> None:
        """Make this the chunk in hand; all of the one before has been read."""
        self._lines += self._chunk.count(b"\n")
        if self._head:
            chunk = chunk.removeprefix(BOM)
            self._head = False
        self._chunk, self._pos = chunk, 0

    def _skip_space(self) -> None:
        space = _SPACE.match(self._chunk, self._pos)
        assert space is not None
        self._pos = space.end()

    def _opens_element(self) -> bool:
        """Read the punctuation between elements; True if an element starts at the position."""
        self._skip_space()
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
