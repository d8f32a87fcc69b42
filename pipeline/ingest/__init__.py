"""The ingest room: files of many formats become records, and every unit is accounted for.

Each unit of a file (a line, an array element, a row) becomes one record or one reject. Files are
read as streams, so memory is bounded by the shard and not by the file. To add a format, write one
reader and one line in `formats.FORMATS`; to add a shape, one line in `shapes.SHAPES`. Rejected:
loading through the `datasets` library, which infers one type a column for a whole file and fails
the file over a single row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.ingest.accounts import FileReport, Reject, Tally
from pipeline.ingest.declared import encoding_in
from pipeline.ingest.detection import columns_seen, detect, no_shape, propose, resolve
from pipeline.ingest.encodings import Decided
from pipeline.ingest.fields import UnitReader
from pipeline.ingest.files import InputFile, file_digest, find_files, input_digest, on_disk
from pipeline.ingest.formats import FORMATS, detect_format
from pipeline.ingest.shapes import SHAPES
from pipeline.ingest.shards import ShardWriter
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.trees import group_rows
from pipeline.ingest.turns import Unfit
from pipeline.ingest.units import (
    ENCODING,
    FILE_BROKEN,
    REASONS,
    SOUND,
    Bad,
    Broken,
    Read,
    Unit,
    canonical,
    too_large,
)

__all__ = [
    "FORMATS",
    "REASONS",
    "SHAPES",
    "SOUND",
    "FileReport",
    "InputFile",
    "Peek",
    "Reject",
    "SourceSpec",
    "detect_format",
    "file_digest",
    "find_files",
    "ingest_file",
    "input_digest",
    "peek",
]

SAMPLE_UNITS = 500
_SAMPLE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Peek:
    """What the start of a file looks like.

    Args:
        format: name of the format.
        shape: name of the shape that was detected; "" for none.
        confidence: 0..1 of the shape.
        columns: names of the columns, in order of appearance.
        proposed: field: column, as `columns:` in a recipe would write it.
        reason: why this shape, in words.
        units: number of units that were sampled.
        encoding: the encoding of a text file; "" for other formats.
        encoding_confidence: 0..1 of the encoding.
        shapes: shape: number of sampled units that become records by it.
        rejected: reason: number of sampled units that are rejected for it.
    """

    format: str
    shape: str
    confidence: float
    columns: tuple[str, ...]
    proposed: Mapping[str, str]
    reason: str
    units: int
    encoding: str = ""
    encoding_confidence: float = 1.0
    shapes: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Start:
    """The first units of a file, what broke them off if anything did, and the rest, unread."""

    items: list[Read | Bad]
    broken: Broken | None
    rest: Iterator[Read | Bad]

    @property
    def values(self) -> list[dict[str, object]]:
        return [item.value for item in self.items if isinstance(item, Read)]

    @property
    def bad(self) -> Counter[str]:
        return Counter(item.reason for item in self.items if isinstance(item, Bad))


def ingest_file(
    file: InputFile, spec: SourceSpec, shard_rows: int, write: Callable[[pa.Table], None]
) -> FileReport:
    """Read one file into tables of `RECORD_SCHEMA`, in file order, and account for its units.

    Args:
        file: one of `find_files(spec, base)`.
        spec: its source.
        shard_rows: the most rows that a table may have.
        write: takes each table as soon as it is full.

    Raises:
        SourceError: the file is not what it should be, breaks off (unless `on_broken_file` is
            `keep`), fits no shape, or is the only file of its source and holds no units.
        LineageError: the counts do not balance.
    """
    with on_disk(file, spec) as path:
        return _ingest(path, file, spec, shard_rows, write)


def _ingest(
    path: Path, file: InputFile, spec: SourceSpec, shard_rows: int, write: Callable[[pa.Table], None]
) -> FileReport:
    format_, spec, encoding = _understood(path, spec)
    start = _begin(path, file, spec, format_, SAMPLE_UNITS)
    if not start.items and not start.broken and file.alone:
        raise SourceError(f"source {spec.name}: {file.shown} holds no units", "name another file")
    shape = ""
    reader = None
    if start.values:
        columns = resolve(spec, start.values, f"source {spec.name}: {file.shown}")
        shape, reader = columns.shape, UnitReader(columns, spec)
    writer = ShardWriter(spec.name, file.name, spec.tags, shard_rows, write)
    tally = Tally(file, spec, format_, writer, reader)
    try:
        for item in start.items:
            tally.take(item)
        if start.broken is not None:
            raise start.broken
        if reader is None and len(start.items) >= SAMPLE_UNITS:
            raise _unreadable_units(start, format_)
        for item in start.rest:
            tally.take(item)
    except Broken as broken:
        tally.break_off(broken)
    report = tally.report(shape)
    return replace(report, encoding=encoding.name, encoding_confidence=encoding.confidence)


def peek(file: InputFile, spec: SourceSpec, rows: int = 50) -> Peek:
    """Tell what a file holds from its first units, without reading on.

    Args:
        file: one of `find_files(spec, base)`.
        spec: its source; a declared shape or `columns` is checked against the file.
        rows: the most units to sample.

    Raises:
        SourceError: the file cannot be opened or is not text, or what is declared does not fit it.
    """
    with on_disk(file, spec) as path:
        format_, spec, encoding = _understood(path, spec)
        seen = _peek(path, file, spec, format_, rows)
        return replace(seen, encoding=encoding.name, encoding_confidence=encoding.confidence)


def _peek(path: Path, file: InputFile, spec: SourceSpec, format_: str, rows: int) -> Peek:
    start = _begin(path, file, spec, format_, rows)
    values = start.values
    columns = columns_seen(values)
    if not values:
        why = _counted(start.bad) or (start.broken.detail if start.broken else "it is empty")
        return Peek(format_, "", 0.0, (), {}, f"no unit could be read: {why}", len(start.items))
    declared = spec.shape != "auto" or spec.columns is not None
    where = f"source {spec.name}: {file.shown}"
    found = resolve(spec, values, where) if declared else detect(values, spec)
    if found is None:
        reason = no_shape(spec, values, where).message
        return Peek(format_, "", 0.0, columns, propose(values), reason, len(values))
    outcomes = [UnitReader(found, spec).read(value) for value in values]
    whole = Counter(name for name, parts in outcomes if not isinstance(parts, Unfit))
    bad = start.bad + Counter(parts.reason for _, parts in outcomes if isinstance(parts, Unfit))
    return Peek(
        format_,
        found.shape,
        found.confidence,
        columns,
        found.as_columns(),
        found.reason,
        len(values),
        shapes={**{name: 0 for name, _ in found.counts}, **whole},
        rejected=dict(bad.most_common()),
    )


def _understood(path: Path, spec: SourceSpec) -> tuple[str, SourceSpec, Decided]:
    """Return the format and the encoding of a file, and its source with the encoding decided for its readers."""
    format_ = detect_format(path, spec.format, spec.encoding)
    if FORMATS[format_].binary:
        return format_, spec, Decided("", 1.0, "")
    encoding = encoding_in(path, spec, format_)
    return format_, spec.model_copy(update={"encoding": encoding.name}), encoding


def _begin(path: Path, file: InputFile, spec: SourceSpec, format_: str, units: int) -> _Start:
    """Read the first units, at most so many and at most 16 MiB of them."""
    every = FORMATS[format_].read(path, spec) if file.size else iter(())
    rest = _reads(every, spec)
    if spec.columns is None and spec.shape in ("auto", "oasst_tree"):
        rest = group_rows(rest, spec.max_unit_bytes)
    items: list[Read | Bad] = []
    size = 0
    try:
        for item in rest:
            items.append(item)
            size += len(item.raw) if isinstance(item, Read) else 0
            if len(items) >= units or size >= _SAMPLE_BYTES:
                break
    except Broken as broken:
        return _Start(items, broken, iter(()))
    return _Start(items, None, rest)


def _reads(units: Iterator[Unit | Bad], spec: SourceSpec) -> Iterator[Read | Bad]:
    """Give each unit its canonical bytes; one that has none, or too many, is rejected."""
    limit = spec.max_unit_bytes
    for unit in units:
        if isinstance(unit, Bad):
            named = unit.reason == ENCODING and spec.encoding != "auto"
            yield unit._replace(detail=f"{unit.detail} ({spec.encoding})") if named else unit
            continue
        try:
            raw = canonical(unit.value)
        except TypeError:
            encoding = "UTF-8" if spec.encoding == "auto" else spec.encoding
            yield Bad(
                unit.line, ENCODING, f"a text of the unit is not valid in the file's encoding ({encoding})"
            )
            continue
        yield (Read(unit.line, unit.value, raw) if len(raw) <= limit else too_large(unit.line, limit))


def _unreadable_units(start: _Start, format_: str) -> Broken:
    what, hint = f"cannot be read as {format_}", "see what it is, and say its `format:` in the recipe"
    if start.bad.keys() == {ENCODING}:
        what, hint = (
            "is in no encoding that can be told",
            "say its `encoding:` in the recipe, such as gb18030",
        )
    detail = f"{what}: its first {len(start.items)} units are all rejected ({_counted(start.bad)})"
    return Broken(FILE_BROKEN, detail, hint=hint)


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason}: {count:,}" for reason, count in reasons.most_common())
