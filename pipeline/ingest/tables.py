"""Rows of CSV and TSV files, through the csv module and one physical line at a time.

The lines are handed to the csv module by an object that counts them: so each row knows the line
that it starts on, a line over the limit is skipped without being held, and a quote that is never
closed ends the file with an error instead of swallowing it. Rejected: pandas and pyarrow.csv, which
guess types ("007" becomes 7, "NA" becomes null) and report a bad row without its line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, head_of, open_bytes
from pipeline.ingest.units import (
    FILE_BROKEN,
    ROW_COLUMNS,
    Bad,
    Broken,
    Unit,
    too_large,
)

DELIMITERS = (",", "\t", ";", "|")
_SAMPLE_ROWS = 50
_LINE_END = 3  # characters to ask for beyond the limit: the line end, and one that tells
_FIELD_LIMIT = 2**31 - 1  # the largest that a C long holds everywhere; rows are bounded by their bytes


def read_csv(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of a table whose delimiter its first lines tell."""
    return _rows(path, spec, sniff_delimiter(head_of(path)))


def read_tsv(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of a tab-separated table."""
    return _rows(path, spec, "\t")


def sniff_delimiter(head: bytes) -> str:
    """Return the delimiter that cuts the first rows into the same number of fields, more than one.

    csv.Sniffer is not used: it takes any character for one, letters included.
    """
    text = head.decode("utf-8-sig", "replace")
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = _first_rows(text, delimiter)
        width = len(rows[0]) if rows else 0
        if width > 1:
            score = (round(sum(len(row) == width for row in rows) / len(rows), 1), width)
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    _raise_field_limit()
    rows: list[list[str]] = []
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        if row:
            rows.append(row)
        if len(rows) > _SAMPLE_ROWS:
            break
    # The last row may be cut off by the end of the sample.
    return rows[:-1] if len(rows) > 2 else rows


def _raise_field_limit() -> None:
    if csv.field_size_limit() < _FIELD_LIMIT:
        csv.field_size_limit(_FIELD_LIMIT)


class _LineTooLong(Exception):  # noqa: N818 - one row of the table, not a failure
    """A row is longer than the limit, and ends with the line just read."""


class _Lines:
    """Hands physical lines to the csv module and knows where the row in hand began."""

    def __init__(self, text: TextIO, limit: int, path: Path) -> None:
        self._text = text
        self._limit = limit
        self._path = path
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
        quotes = line.count('"')
        asked = self._limit + _LINE_END
        # A line feed may follow a carriage return that is the last character we asked for.
        while not (line.endswith("\n") or (line.endswith("\r") and len(line) < asked)):
            asked = CHUNK
            if not (line := self._text.readline(asked)):
                break
            quotes += line.count('"')
        if quotes % 2 or self.row_start != self.number:
            raise self._open_quote(f"is not closed within max_unit_bytes, {self._limit:,} bytes")
        raise _LineTooLong

    def _open_quote(self, what: str) -> Broken:
        place = f"the row that starts on line {self.row_start:,}"
        return Broken(FILE_BROKEN, f"has a quote in {place} that {what}", self.row_start)


def _byte_length(text: str, limit: int) -> int:
    """Return the length in UTF-8, or in characters where that alone answers."""
    if len(text) * 4 <= limit or len(text) > limit:
        return len(text)
    return len(text.encode("utf-8", "surrogateescape"))


def _rows(path: Path, spec: SourceSpec, delimiter: str) -> Iterator[Unit | Bad]:
    _raise_field_limit()
    with open_bytes(path) as stream:
        # Undecodable bytes become lone surrogates, which cost their row alone.
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        lines = _Lines(text, spec.max_unit_bytes, path)
        reader = csv.reader(lines, delimiter=delimiter)
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
            if header is None:
                header = _header(row, path) if row else None
            elif row:
                yield _unit(lines.row_start, header, row)


def _unit(line: int, header: list[str], row: list[str]) -> Unit | Bad:
    if len(row) != len(header):
        return Bad(line, ROW_COLUMNS, f"{len(row)} fields, the header has {len(header)}")
    return Unit(line, dict(zip(header, row, strict=True)))


def _header(row: list[str], path: Path) -> list[str]:
    """Return the names of the columns; one without a name is called by its place."""
    names = [name.strip() or f"column_{place}" for place, name in enumerate(row, 1)]
    if not all(name.isprintable() for name in names):
        try:
            "".join(names).encode()
        except UnicodeEncodeError:
            raise Broken(FILE_BROKEN, "has a header that is not UTF-8", 1) from None
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
