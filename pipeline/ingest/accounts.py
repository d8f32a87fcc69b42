"""The books of one file: every unit that was read is a record or a reject, and they are balanced.

The records are counted where they are handed on, the units where they come in: two counts that can
only agree if nothing was lost between. Rejected: one count, which always balances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.errors import LineageError, SourceError
from pipeline.ingest.fields import FieldReader, Unfit
from pipeline.ingest.files import InputFile
from pipeline.ingest.shards import ShardWriter
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.units import FILE_BROKEN, Bad, Broken

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

    `shape` is "" where no unit could be read. A break in the file is one unit and one reject.
    """

    source: str
    file: str
    format: str
    shape: str
    units: int
    parsed: int
    rejects: tuple[Reject, ...]


class Read(NamedTuple):
    """One unit with its canonical bytes."""

    line: int
    value: dict[str, object]
    raw: bytes


class Tally:
    """Takes the units of one file one by one, and keeps the books."""

    def __init__(
        self,
        file: InputFile,
        spec: SourceSpec,
        format_: str,
        writer: ShardWriter,
        fields: FieldReader | None,
    ) -> None:
        self._file = file
        self._spec = spec
        self._format = format_
        self._writer = writer
        self._fields = fields
        self._rejects: list[Reject] = []
        self._units = 0
        self._last_line = 0

    def take(self, item: Read | Bad) -> None:
        """Make a record or a reject of one unit."""
        if len(self._rejects) >= MAX_REJECTS:
            what = f"has {MAX_REJECTS:,} units that cannot be read"
            raise Broken(FILE_BROKEN, what, item.line)
        self._units += 1
        self._last_line = item.line
        if isinstance(item, Bad):
            self._reject(item.line, item.reason, item.detail)
            return
        assert self._fields is not None  # a file without a single readable unit ends before
        fields = self._fields.read(item.value)
        if isinstance(fields, Unfit):
            self._reject(item.line, fields.reason, fields.detail)
        else:
            self._writer.add(item.line, item.raw, fields)

    def _reject(self, line: int, reason: str, detail: str) -> None:
        self._rejects.append(Reject(self._spec.name, self._file.name, line, reason, detail))

    def break_off(self, broken: Broken) -> None:
        """End the file here: an error, or one last reject if the recipe says `keep`."""
        line = broken.line or self._last_line + 1
        if self._spec.on_broken_file == "fail":
            raise SourceError(
                f"source {self._spec.name}: {self._file.path} {broken.detail}, at"
                f" {_place(self._format)} {line:,}, after {self._units:,} units",
                f"{broken.hint or 'repair the file'}, or keep the units before the damage with"
                f" `on_broken_file: keep` for source {self._spec.name}",
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
        parsed, rejects = self._writer.written, tuple(self._rejects)
        if self._units != parsed + len(rejects):
            raise LineageError(
                f"source {self._spec.name}: {self._file.name} has {self._units:,} units, but"
                f" {parsed:,} records and {len(rejects):,} rejects came of them",
                "this is a defect of the reader: please report it",
            )
        return FileReport(self._spec.name, self._file.name, self._format, shape, self._units, parsed, rejects)


def _place(format_: str) -> str:
    return "line" if format_ in ("jsonl", "csv", "tsv") else "unit"
