"""Rows of Arrow files, Arrow streams and Feather files, one batch after the other.

A batch is as large as its writer made it, so files are memory-mapped where they lie unpacked on the disk,
and rows become Python objects a slice at a time. Rejected: `read_all` and `feather.read_table`, which hold
the file.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.ingest.parquet import row_batches
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, first_bytes, open_bytes
from pipeline.ingest.tables import refuse_duplicates
from pipeline.ingest.units import FILE_BROKEN, FILE_TRUNCATED, Bad, Broken, Unit

FILE_MAGIC = b"ARROW1"
_FEATHER_V1 = b"FEA1"
_SLICE_ROWS = 256


def read_arrow(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the rows of an Arrow or Feather file; `line` is the number of the row, from 1.

    Raises:
        SourceError: it is no Arrow data, or two of its columns share a name.
        Broken: it breaks off; the batches before the damage have been yielded.
    """
    with open_bytes(path, spec) as stream:
        head = first_bytes(stream, len(FILE_MAGIC))
    if head.startswith(_FEATHER_V1):
        raise SourceError(
            f"{path} is a Feather file of version 1, which current libraries no longer write",
            "write it anew: pandas.read_feather(FILE).to_parquet(...)",
        )
    with tempfile.TemporaryFile() as unpacked:
        source = _source(path, spec, unpacked)
        try:
            if head == FILE_MAGIC:
                yield from _file_rows(source, path)
            else:
                yield from _stream_rows(source, path)
        finally:
            source.close()


def _source(path: Path, spec: SourceSpec, unpacked: IO[bytes]) -> pa.NativeFile:
    """Return the bytes with random access: mapped, or unpacked to a temporary file."""
    with open_bytes(path, spec) as stream:
        if stream.seekable():
            return pa.memory_map(str(path))
        shutil.copyfileobj(stream, unpacked, CHUNK)
        unpacked.seek(0)
    return pa.PythonFile(unpacked, mode="r")


def _file_rows(source: pa.NativeFile, path: Path) -> Iterator[Unit | Bad]:
    try:
        reader = pa.ipc.open_file(source)
        names = reader.schema.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} is not a whole Arrow file ({_first_line(error)})",
            "fetch or write it again: its index is at its end, so nothing of a damaged one can be kept",
        ) from error
    refuse_duplicates(names, path)
    row = 0
    for index in range(reader.num_record_batches):
        try:
            batch = _sound(reader.get_batch(index))
        except (pa.ArrowException, OSError) as error:
            raise Broken(FILE_BROKEN, f"has a damaged batch ({_first_line(error)})", row + 1) from None
        yield from row_batches(_slices(batch), row)
        row += batch.num_rows


def _stream_rows(source: pa.NativeFile, path: Path) -> Iterator[Unit | Bad]:
    try:
        reader = pa.ipc.open_stream(source)
        names = reader.schema.names
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} is neither an Arrow file nor an Arrow stream ({_first_line(error)})",
            "fetch or write it again, or say its `format:` in the recipe",
        ) from error
    refuse_duplicates(names, path)
    row = 0
    while True:
        try:
            batch = _sound(reader.read_next_batch())
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            raise Broken(FILE_TRUNCATED, f"breaks off ({_first_line(error)})", row + 1) from None
        yield from row_batches(_slices(batch), row)
        row += batch.num_rows


def _sound(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose inner offsets are all in order: reading through damaged ones would end the process.

    Whether texts are UTF-8 is seen row by row, so they are checked as bytes here.

    Raises:
        ArrowException: it is damaged.
    """
    batch.validate()
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            column.view(_as_bytes(column.type)).validate(full=True)
    return batch


def _as_bytes(type_: pa.DataType) -> pa.DataType:
    """Return a type with bytes in place of texts."""
    if pa.types.is_string(type_):
        return pa.binary()
    if pa.types.is_large_string(type_):
        return pa.large_binary()
    if pa.types.is_list(type_):
        return pa.list_(type_.value_field.with_type(_as_bytes(type_.value_type)))
    if pa.types.is_large_list(type_):
        return pa.large_list(type_.value_field.with_type(_as_bytes(type_.value_type)))
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_as_bytes(field.type)) for field in type_])
    return type_


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    for begin in range(0, batch.num_rows, _SLICE_ROWS):
        yield batch.slice(begin, _SLICE_ROWS)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]
