"""The bytes of a file, unpacked as they are read, with damage told as `Broken`.

Whether a file is compressed is read from its first bytes, not from its name: both lie, but only one
of them decides what a reader meets. Rejected: unpacking to a temporary file (slow, and a small
archive can hold more than the disk).
"""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from pipeline.errors import SourceError
from pipeline.ingest.units import FILE_BROKEN, FILE_TRUNCATED, Broken

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"
CHUNK = 1 << 18
HEAD = 1 << 16


class _Guarded(io.RawIOBase):
    """A gzip stream whose damage surfaces as `Broken`, after all bytes before it came out."""

    def __init__(self, inner: gzip.GzipFile) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        try:
            data = self._inner.read1(len(view))  # one step at a time: `read` would lose what it had
        except EOFError:
            raise Broken(FILE_TRUNCATED, "ends inside its gzip stream") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise Broken(FILE_BROKEN, f"has a damaged gzip stream ({error})") from None
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._inner.close()
        super().close()


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading its bytes, unpacked if it is gzip.

    Raises:
        SourceError: the file cannot be opened.
    """
    try:
        file = cast(io.BufferedReader, path.open("rb", buffering=CHUNK))
        magic = file.peek(2)[:2]
    except OSError as error:
        raise unreadable(path, error) from error
    if magic != GZIP_MAGIC:
        return file
    guarded = _Guarded(gzip.GzipFile(fileobj=file, mode="rb"))
    return cast(BinaryIO, io.BufferedReader(guarded, CHUNK))


def head_of(path: Path) -> bytes:
    """Return up to 64 KiB from the start of a file, unpacked; less where it breaks before."""
    parts: list[bytes] = []
    size = 0
    with open_bytes(path) as stream:
        try:
            while size < HEAD and (part := _read_some(stream, HEAD - size)):
                parts.append(part)
                size += len(part)
        except Broken:
            pass  # the reader meets the same damage, and counts what stands before it
    return b"".join(parts)


def chunks(stream: BinaryIO) -> io.BufferedReader:
    """Return the stream as the buffered reader that it is."""
    return cast(io.BufferedReader, stream)


def _read_some(stream: BinaryIO, size: int) -> bytes:
    return chunks(stream).read1(size)


def unreadable(path: Path, error: OSError) -> SourceError:
    """Return the error for a file or folder that the system will not let us read."""
    what = error.strerror or type(error).__name__
    return SourceError(f"{path} cannot be read: {what}", "check that it exists and its permissions")
