"""The books of one file: every unit that was read became records or a reject, and they are balanced.

The records are counted where they are handed on, the units where they come in: two counts that can
only agree if nothing was lost between. A unit may become several records, so both are counted twice.
Rejected: one count, which always balances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.errors import LineageError, SourceError
from pipeline.ingest.fields import UnitReader
from pipeline.ingest.files import InputFile
from pipeline.ingest.parts import Parts
from pipeline.ingest.shards import ShardWriter
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.turns import Unfit
from pipeline.ingest.units import FILE_BROKEN, TOO_LARGE, Bad, Broken, Read
from pipeline.record import MOST_PARTS

MAX_REJECTS = 1_000_000
"""A file with more unreadable units than this counts as broken: rejects take memory, too."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A unit that did not become a record.

    Args:
        source: name of the source.
        file: name of the file within it.
        line: 1-based line of the unit (element or row number where the format has no lines).
        reason: one of `REASONS`.
        detail: what was wrong, without the text itself.
    """

    source: str
    file: str
    line: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file: `units == parsed + len(rejects)`, always.

    `parsed` counts units, `records` what they became: at least one each. `shape` is the main one, `shapes` says
    how many parsed units went to each, `notes` what was left out or moved within them (turns, fields, messages).
    `shape` is "" where no unit could be read, `encoding` is "" for what is no text. A break in the file
    is one unit and one reject.
    """

    source: str
    file: str
    format: str
    shape: str
    units: int
    parsed: int
    rejects: tuple[Reject, ...]
    records: int = 0
    shapes: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    encoding: str = ""
    encoding_confidence: float = 1.0


class Tally:
    """Takes the units of one file one by one, and keeps the books."""

    def __init__(
        self,
        file: InputFile,
        spec: SourceSpec,
        format_: str,
        writer: ShardWriter,
        reader: UnitReader | None,
    ) -> None:
        self._file = file
        self._spec = spec
        self._format = format_
        self._writer = writer
        self._reader = reader
        self._rejects: list[Reject] = []
        self._shapes: Counter[str] = Counter()
        self._notes: Counter[str] = Counter()
        self._records = 0
        self._units = 0
        self._last_line = 0

    def take(self, item: Read | Bad) -> None:
        """Make records or a reject of one unit."""
        if len(self._rejects) >= MAX_REJECTS:
            what = f"has {MAX_REJECTS:,} units that cannot be read"
            raise Broken(FILE_BROKEN, what, item.line)
        self._units += 1
        self._last_line = item.line
        if isinstance(item, Bad):
            self._reject(item.line, item.reason, item.detail)
            return
        assert self._reader is not None  # a file without a single readable unit ends before
        shape, parts = self._reader.read(item.value)
        if isinstance(parts, Parts) and len(parts.fields) >= MOST_PARTS:
            parts = Unfit(TOO_LARGE, f"it would become {len(parts.fields):,} records")
        if isinstance(parts, Unfit):
            self._reject(item.line, parts.reason, parts.detail)
            return
        self._shapes[shape] += 1
        self._records += len(parts.fields)
        if parts.notes:
            self._notes.update(parts.notes)
        self._writer.add(item.line, item.raw, parts.fields)

    def _reject(self, line: int, reason: str, detail: str) -> None:
        self._rejects.append(Reject(self._spec.name, self._file.name, line, reason, detail))

    def break_off(self, broken: Broken) -> None:
        """End the file here: an error, or one last reject if the recipe says `keep`."""
        line = broken.line or self._last_line + 1
        if self._spec.on_broken_file == "fail":
            raise SourceError(
                f"source {self._spec.name}: {self._file.shown} {broken.detail}, at"
                f" {_place(self._format)} {line:,}, after {self._units:,} units",
                _remedy(broken, self._spec.name, self._units - len(self._rejects)),
            ) from broken
        self._units += 1
        name = self._spec.name
        self._rejects.append(Reject(name, self._file.name, line, broken.reason, broken.detail))

    def report(self, shape: str) -> FileReport:
        """Hand on the last records and return the balance.

        Raises:
            LineageError: units went missing.
        """
        self._writer.flush()
        parsed, records, rejects = self._writer.units, self._writer.written, tuple(self._rejects)
        balanced = self._units == parsed + len(rejects) and parsed == self._shapes.total()
        if not balanced or records != self._records or records < parsed:
            raise LineageError(
                f"source {self._spec.name}: {self._file.name} has {self._units:,} units, but"
                f" {parsed:,} parsed ones with {records:,} of {self._records:,} records and"
                f" {len(rejects):,} rejects came of them",
                "this is a defect of the reader: please report it",
            )
        return FileReport(
            self._spec.name,
            self._file.name,
            self._format,
            shape,
            self._units,
            parsed,
            rejects,
            records,
            dict(self._shapes.most_common()),
            dict(sorted(self._notes.items())),
        )


def _remedy(broken: Broken, source: str, readable: int) -> str:
    """Return what to do about damage; units before it can be kept only where there are any."""
    remedy = broken.hint or "repair the file or fetch it again"
    if not readable:
        return remedy
    return f"{remedy}, or keep the units before the damage with `on_broken_file: keep` for source {source}"


def _place(format_: str) -> str:
    if format_ in ("json", "parquet", "arrow"):
        return "unit"
    return "row" if format_ == "excel" else "line"
