"""What the tests of ingest share: reading a file to the end, with the checks that always hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.ingest import FileReport, SourceSpec, find_files, ingest_file
from pipeline.record import RECORD_SCHEMA

Ingested = tuple[FileReport, list[dict[str, Any]]]
Read = Callable[..., Ingested]


def ingest(base: Path, path: str, shard_rows: int = 1000, **options: Any) -> Ingested:
    spec = SourceSpec(name="src", path=path, **options)
    (file,) = find_files(spec, base)
    tables: list[pa.Table] = []
    report = ingest_file(file, spec, shard_rows, tables.append)
    for table in tables:
        assert table.schema == RECORD_SCHEMA
        assert 0 < table.num_rows <= shard_rows
    rows = [row for table in tables for row in table.to_pylist()]
    assert report.units == report.parsed + len(report.rejects)
    assert report.records == len(rows) >= report.parsed == sum(report.shapes.values())
    return report, rows


def rejects(report: FileReport) -> list[tuple[int, str]]:
    return [(reject.line, reject.reason) for reject in report.rejects]
