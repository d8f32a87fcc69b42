"""Rows of CSV and TSV files, through the csv module and one physical line at a time.

How a table is written is for `dialects` to tell. The lines are handed to the csv module by an object
that counts them: so each row knows the line that it starts on, a line over the limit is skipped without
being held, and a quote that is never closed ends the file with an error instead of swallowing it.
Rejected: pandas and pyarrow.csv, which guess types ("007" becomes 7, "NA" becomes null) and report a
bad row without its line.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pipeline.errors import SourceError
from pipeline.ingest.dialects import Dialect, dialect_of
from pipeline.ingest.encodings import open_text, text_head
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK
from pipeline.ingest.units import (
    FILE_BROKEN,
    ROW_COLUMNS,
    Bad,
    Broken,
    Unit,
    too_large,
)

_LINE_END = 3  # characters to ask for beyond the limit: the line end, and one that tells


def read_csv(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of a table whose first rows tell how it is written."""
    return _rows(path, spec, dialect_of(text_head(path, spec), spec))


def read_tsv(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of a tab-separated table; one without tabs is a csv file by another name."""
    head = text_head(path, spec)
    return _rows(path, spec, dialect_of(head, spec, "\t" if b"\t" in head else ""))


class _LineTooLong(Exception):  # noqa: N818 - one row of the table, not a failure
    """A row is longer than the limit, and ends with the line just read."""


class _Lines:
    """Hands physical lines to the csv module and knows where the row in hand began."""

    def __init__(self, text: TextIO, limit: int, quotechar: str) -> None:
        self._text = text
        self._limit = limit
        self._quotechar = quotechar
        self.number = 0
        self.row_start = 0  # line that the row in hand starts on; 0: no row is in hand
        self._row_bytes = 0

    def next_row(self) -> None:
        """Forget the row in hand."""
        self.row_start = 0
        self._row_bytes = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._limit + _LINE_END)
        if not line:
            if self.row_start:
                raise self._open_quote("is never closed")
            raise StopIteration
        self.number += 1
        self.row_start = self.row_start or self.number
        size = _byte_length(line.rstrip("\r\n"), self._limit)
        if size > self._limit:
            self._skip_long_line(line)
        self._row_bytes += size
        if self._row_bytes > self._limit:
            raise self._open_quote(f"is not closed within max_unit_bytes, {self._limit:,} bytes")
        return line

    def _skip_long_line(self, line: str) -> None:
        """Skip the rest of a line over the limit; it ends its row if its quotes are paired."""
        quotes = self._quotes(line)
        asked = self._limit + _LINE_END
        # A line feed may follow a carriage return that is the last character we asked for.
        while not (line.endswith("\n") or (line.endswith("\r") and len(line) < asked)):
            asked = CHUNK
            if not (line := self._text.readline(asked)):
                break
            quotes += self._quotes(line)
        if quotes % 2 or self.row_start != self.number:
            raise self._open_quote(f"is not closed within max_unit_bytes, {self._limit:,} bytes")
        raise _LineTooLong

    def _quotes(self, line: str) -> int:
        return line.count(self._quotechar) if self._quotechar else 0

    def _open_quote(self, what: str) -> Broken:
        place = f"the row that starts on line {self.row_start:,}"
        hint = "close it, or say `quotechar: none` for its source in the recipe if its quotes are text"
        return Broken(FILE_BROKEN, f"has a quote in {place} that {what}", self.row_start, hint)


def _byte_length(text: str, limit: int) -> int:
    """Return the length in UTF-8, or in characters where that alone answers."""
    if len(text) * 4 <= limit or len(text) > limit:
        return len(text)
    return len(text.encode("utf-8", "surrogateescape"))


def _rows(path: Path, spec: SourceSpec, dialect: Dialect) -> Iterator[Unit | Bad]:
    with open_text(path, spec) as stream:
        # Undecodable bytes become lone surrogates, which cost their row alone.
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        lines = _Lines(text, spec.max_unit_bytes, dialect.quotechar)
        reader = dialect.reader(lines)
        header: list[str] | None = None
        while True:
            lines.next_row()
            try:
                row = next(reader)
            except StopIteration:
                return
            except _LineTooLong:
                if header is None:
                    raise Broken(FILE_BROKEN, "has a header longer than max_unit_bytes", 1) from None
                yield too_large(lines.row_start, spec.max_unit_bytes)
                continue
            if header is None and row:
                names = row if dialect.header else [""] * len(row)
                header = _header(names, path)
                if dialect.header:
                    continue
            if header is not None and row:
                yield _unit(lines.row_start, header, row, dialect.delimiter)


def _unit(line: int, header: list[str], row: list[str], delimiter: str) -> Unit | Bad:
    if len(row) > len(header):
        row = _rejoined(row, delimiter, len(header))
    if len(row) != len(header):
        return Bad(line, ROW_COLUMNS, f"{len(row)} fields, the header has {len(header)}")
    return Unit(line, dict(zip(header, row, strict=True)))


def _rejoined(row: list[str], delimiter: str, width: int) -> list[str]:
    r"""Return a row that is too wide with its escaped delimiters (`\,`) as text, if that makes it fit.

    The first rows tell the dialect, and an escape may first stand far below them.
    """
    joined: list[str] = []
    for cell in row:
        if joined and joined[-1].endswith("\\"):
            joined[-1] = joined[-1][:-1] + delimiter + cell
        else:
            joined.append(cell)
    return joined if len(joined) == width else row


def _header(row: list[str], path: Path) -> list[str]:
    """Return the names of the columns; one without a name is called by its place."""
    names = [name.strip() or f"column_{place}" for place, name in enumerate(row, 1)]
    if not all(name.isprintable() for name in names):
        try:
            "".join(names).encode()
        except UnicodeEncodeError:
            raise Broken(FILE_BROKEN, "has a header that is not valid in its encoding", 1) from None
    refuse_duplicates(names, path)
    return names


def refuse_duplicates(names: list[str], path: Path) -> None:
    """Refuse a table in which two columns share a name.

    Raises:
        SourceError: naming them.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"{path} has more than one column named {', '.join(map(repr, twice[:10]))}",
            "rename them in the file's header, so that each column has a name of its own",
        )
