"""Rows of Parquet files, a bounded batch at a time.

Parquet keeps its index at its end, so a damaged file holds nothing that can be kept: it always
fails. Rejected: `pq.read_table`, which holds the file, and a fixed batch of rows, which holds
whatever a row does.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, open_bytes
from pipeline.ingest.tables import refuse_duplicates
from pipeline.ingest.units import ENCODING, FIELD_TYPE, Bad, Broken, Unit

_BATCH_BYTES = 8 * 1024 * 1024
_MAX_BATCH = 4096


def read_parquet(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of a Parquet file; `line` is the number of the row, from 1.

    Raises:
        SourceError: the file is damaged, or two of its columns share a name.
    """
    with tempfile.TemporaryFile() as unpacked, open_bytes(path, spec) as stream:
        # Parquet is read from its end: a gzip stream has to be unpacked first.
        seekable = stream.seekable()
        try:
            if not seekable:
                shutil.copyfileobj(stream, unpacked, CHUNK)
                unpacked.seek(0)
            # Pre-buffering would hold whole row groups, and a file may be one row group.
            table = pq.ParquetFile(stream if seekable else unpacked, buffer_size=CHUNK, pre_buffer=False)
            refuse_duplicates(table.schema_arrow.names, path)
            yield from _rows(table)
        except (pa.ArrowException, OSError, Broken) as error:
            raise SourceError(
                f"{path} is not a whole Parquet file ({_first_line(error)})",
                "fetch or write it again: nothing of a damaged Parquet file can be kept",
            ) from error


def _first_line(error: Exception) -> str:
    if isinstance(error, Broken):
        return f"it {error.detail}"
    return str(error).split("\n", 1)[0][:200]


def _rows(table: pq.ParquetFile) -> Iterator[Unit | Bad]:
    return row_batches(table.iter_batches(batch_size=_batch_size(table.metadata)))


def row_batches(batches: Iterable[pa.RecordBatch], number: int = 0) -> Iterator[Unit | Bad]:
    """Yield the rows of batches, counted on from `number`; a value that Python cannot hold costs its row alone."""
    for batch in batches:
        try:
            rows: Iterable[dict[str, object]] = batch.to_pylist()
        except (ValueError, OverflowError):
            for index in range(batch.num_rows):
                yield _row(batch.slice(index, 1), number + index + 1)
        else:
            for place, row in enumerate(rows, number + 1):
                yield Unit(place, row)
        number += batch.num_rows


def _row(batch: pa.RecordBatch, number: int) -> Unit | Bad:
    try:
        return Unit(number, batch.to_pylist()[0])
    except UnicodeDecodeError:
        return Bad(number, ENCODING, "a text of the row is not UTF-8")
    except (ValueError, OverflowError) as error:  # a date beyond the year 9999, ...
        return Bad(number, FIELD_TYPE, f"a value of the row cannot be read ({_first_line(error)})")


def _batch_size(metadata: pq.FileMetaData) -> int:
    """Return how many rows of the widest row group fit into 8 MiB, on average."""
    widest = 1
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        widest = max(widest, group.total_byte_size // max(group.num_rows, 1))
    return max(1, min(_MAX_BATCH, _BATCH_BYTES // widest))
