"""The bytes of a file, unpacked as they are read, with damage told as `Broken`.

Whether a file is compressed is read from its first bytes, not from its name: both lie, but only one
of them decides what a reader meets. One loop serves all four methods, because their decompressors
share one protocol. Rejected: unpacking to a temporary file (slow, and a small archive can hold more
than the disk) and the file classes of gzip, bz2 and lzma, which take damage after the first of
several streams for the end of the file.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.units import FILE_BROKEN, FILE_TRUNCATED, Broken

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK = 1 << 18
HEAD = 1 << 16
RATIO_FREE = 128 * 1024 * 1024
"""Bytes that any compressed file may unpack to before its ratio is looked at."""


class _Decompressor(Protocol):
    """What bz2, lzma and zstd agree on: it keeps input that it has not used."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return at most so many bytes."""
        ...


class _Gzip:
    """zlib's decompressor of one gzip member, in that protocol."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self._full = False

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._full

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Return at most so many bytes; the input that is left is kept."""
        found = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(found) == max_length and not self._inner.eof
        return found


def _zstd() -> _Decompressor:
    from backports.zstd import ZstdDecompressor

    return ZstdDecompressor()


@dataclass(frozen=True, slots=True)
class Compression:
    """A way to compress: the endings that name it, the first bytes that prove it, its decompressor."""

    endings: tuple[str, ...]
    magic: tuple[bytes, ...]
    start: Callable[[], _Decompressor]


COMPRESSIONS: dict[str, Compression] = {
    "gzip": Compression((".gz", ".gzip"), (b"\x1f\x8b",), _Gzip),
    "zstd": Compression(
        (".zst", ".zstd"),
        (b"\x28\xb5\x2f\xfd", *(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))),
        _zstd,
    ),
    "bzip2": Compression(
        (".bz2",),
        tuple(b"BZh%d%s" % (n, block) for n in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90")),
        bz2.BZ2Decompressor,
    ),
    "xz": Compression((".xz",), (b"\xfd7zXZ\x00",), lzma.LZMADecompressor),
}
"""Every compression that is read; .lzma, which nothing proves, is not."""

_LONGEST_MAGIC = 10


def compression_of(head: bytes) -> str:
    """Return the name of the compression that these first bytes prove, or ""."""
    return next((name for name, known in COMPRESSIONS.items() if head.startswith(known.magic)), "")


def without_compression(name: str) -> str:
    """Return a file's name in lower case without the ending of a compression."""
    lower = name.lower()
    for known in COMPRESSIONS.values():
        for ending in known.endings:
            if lower.endswith(ending):
                return lower.removesuffix(ending)
    return lower


class _Unpacked(io.RawIOBase):
    """The content of a compressed file: all its streams, one after the other, up to the damage."""

    def __init__(self, file: io.BufferedReader, name: str, path: Path, spec: SourceSpec | None) -> None:
        self._file = file
        self._name = name
        self._kind = COMPRESSIONS[name]
        self._inner = self._kind.start()
        self._path = path
        self._most = spec.max_unpacked_bytes if spec else None
        self._ratio = spec.max_unpacked_ratio if spec else None
        self._pending = b""  # input that was read beyond the end of the stream before
        self._careful_from: int | None = None  # place in the file from where on to go byte by byte
        self._taken = 0
        self._given = 0
        self._handed = 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer with some of what comes next; 0 at the end."""
        view = memoryview(buffer).cast("B")
        while True:
            try:
                found = self._next(len(view))
            except Broken:
                if self._careful_from is not None:
                    raise
                self._go_back()
                continue
            if found is None:
                return 0
            self._given += len(found)
            self._check_size()
            found = (
                found[max(0, len(found) - (self._given - self._handed)) :]
                if self._given > self._handed
                else b""
            )
            if found:
                self._handed += len(found)
                view[: len(found)] = found
                return len(found)

    def _next(self, most: int) -> bytes | None:
        """Return what one step unpacks, which may be nothing; None at the end."""
        if self._inner.eof and not self._begin_next():
            return None
        data = b""
        if self._inner.needs_input:
            data = self._pending or self._more()
            self._pending = b""
            if not data:
                raise Broken(FILE_TRUNCATED, f"ends inside its {self._name} stream")
        try:
            return self._inner.decompress(data, most)
        except EOFError:
            raise Broken(FILE_TRUNCATED, f"ends inside its {self._name} stream") from None
        except Exception as error:  # each library has an error of its own, and zstd's is imported late
            raise Broken(FILE_BROKEN, f"has a damaged {self._name} stream ({error})") from None

    def _go_back(self) -> None:
        """Begin again, to take the bytes before the damage one by one.

        A decompressor that meets damage gives nothing of what it had unpacked in the same step.
        """
        self._careful_from = max(0, self._taken - 2 * CHUNK)
        self._file.seek(0)
        self._inner, self._pending = self._kind.start(), b""
        self._taken = self._given = 0

    def _more(self) -> bytes:
        size = CHUNK
        if self._careful_from is not None:
            size = min(CHUNK, self._careful_from - self._taken) if self._taken < self._careful_from else 1
        data = self._file.read1(size)
        self._taken += len(data)
        return data

    def _begin_next(self) -> bool:
        """Go on to the next stream of the file; False if there is none. Zeros may fill a file up."""
        left = self._inner.unused_data.lstrip(b"\0")
        while len(left) < _LONGEST_MAGIC and (data := self._more()):
            left = (left + data).lstrip(b"\0")
        if left and not left.startswith(self._kind.magic):
            raise Broken(FILE_BROKEN, f"has bytes after its {self._name} stream that belong to none")
        if left:
            self._inner, self._pending = self._kind.start(), left
        return bool(left)

    def _check_size(self) -> None:
        if self._most is not None and self._given > self._most:
            raise too_much(str(self._path), f"over {self._most:,} bytes", "max_unpacked_bytes", self._most)
        ratio = self._ratio
        if ratio is not None and self._given > RATIO_FREE and self._given > ratio * self._taken:
            raise too_much(str(self._path), f"over {ratio:,} times its size", "max_unpacked_ratio", ratio)

    def close(self) -> None:
        """Close the file below, too."""
        self._file.close()
        super().close()


def too_much(path: str, what: str, key: str, limit: int) -> SourceError:
    """Return the error for a file that unpacks to more than the recipe allows."""
    return SourceError(
        f"{path} unpacks to {what}, the limit that guards against archives made to fill a disk",
        f"if the file is what it should be, raise `{key}: {limit}` of its source in the recipe",
    )


def open_bytes(path: Path, spec: SourceSpec | None = None) -> BinaryIO:
    """Open a file for reading its bytes, unpacked if it is compressed.

    Args:
        path: the file.
        spec: its source, whose limits on unpacking hold; None for no limits.

    Raises:
        SourceError: the file cannot be opened.
    """
    try:
        file = cast(io.BufferedReader, path.open("rb", buffering=CHUNK))
        name = compression_of(file.peek(_LONGEST_MAGIC))
    except OSError as error:
        raise unreadable(path, error) from error
    if not name:
        return file
    return cast(BinaryIO, io.BufferedReader(_Unpacked(file, name, path, spec), CHUNK))


def head_of(path: Path, size: int = HEAD) -> bytes:
    """Return up to 64 KiB from the start of a file, unpacked; less where it breaks before."""
    with open_bytes(path) as stream:
        return first_bytes(stream, size)


def first_bytes(stream: BinaryIO, size: int) -> bytes:
    """Return up to so many bytes of a stream; less where it breaks before."""
    parts: list[bytes] = []
    try:
        while size > 0 and (part := chunks(stream).read1(size)):
            parts.append(part)
            size -= len(part)
    except Broken:
        pass  # the reader meets the same damage, and counts what stands before it
    return b"".join(parts)


def chunks(stream: BinaryIO) -> io.BufferedReader:
    """Return the stream as the buffered reader that it is."""
    return cast(io.BufferedReader, stream)


def unreadable(path: Path, error: OSError) -> SourceError:
    """Return the error for a file or folder that the system will not let us read."""
    what = error.strerror or type(error).__name__
    return SourceError(f"{path} cannot be read: {what}", "check that it exists and its permissions")
