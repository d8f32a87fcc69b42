"""The store: content-addressed files in `.build/` that make every build resumable.

A file's name is the digest of everything it was made from, and it appears under that name only when it is
whole (temporary name, fsync, rename). So a file that exists is complete, a kill at any moment costs the work
in flight and nothing else, and "is this step done?" is a question to the file system. Rejected: a database
of finished steps, which can disagree with the files it speaks of.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StoreError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_TEMPORARY = ".tmp-"
_ELSEWHERE = "choose another folder with --out or --store"


def digest(*parts: object) -> str:
    """Return 32 hexadecimal digits that stand for these JSON-like values, in this order."""
    data = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return blake2b(data.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    from hashlib import file_digest

    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success fsync it and rename it into place.

    Raises:
        StoreError: the folder cannot be written, or the disk is full.
    """
    temporary = path.parent / f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def storage_error(path: Path, error: OSError) -> StoreError:
    """Return the error a user can act on for a failed write to `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"no space left on the disk that holds {path.parent}",
            "free some space, or choose another disk with --out or --store, and run the same command again: "
            "what is done is kept",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreError(
            f"{path.parent} cannot be written: {error.strerror}",
            f"{_ELSEWHERE}, or change its permissions",
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return StoreError(f"{path} cannot be written: a file stands where a folder should be", _ELSEWHERE)
    return StoreError(f"{path} cannot be written: {error.strerror or error}", _ELSEWHERE)


class Store:
    """A folder of complete files, each named by a digest.

    Args:
        root: the folder, usually `.build` beside `builds`; it is created when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, key: str, suffix: str) -> Path:
        """Return where the file of this kind and key stands, whether it exists or not."""
        return self.root / kind / key[:2] / f"{key}{suffix}"

    def table_path(self, kind: str, key: str) -> Path:
        """Return the path of a table: Parquet for shards, Arrow IPC for what is memory-mapped."""
        return self.path(kind, key, ".parquet" if kind == "shards" else ".arrow")

    def has_table(self, kind: str, key: str) -> bool:
        """Tell whether this table is there, which means it is complete."""
        return self.table_path(kind, key).exists()

    def write_table(self, kind: str, key: str, table: pa.Table) -> None:
        """Write a table under its key; an existing one is left alone."""
        target = self.table_path(kind, key)
        if target.exists():
            return
        with replacing(target) as temporary:
            if target.suffix == ".parquet":
                pq.write_table(table, temporary, compression="zstd", compression_level=1)
            else:
                with (
                    pa.OSFile(str(temporary), "wb") as sink,
                    pa.ipc.new_file(sink, table.schema) as out,
                ):
                    out.write_table(table)

    def read_table(self, kind: str, key: str, columns: list[str] | None = None) -> pa.Table:
        """Read a table, or some of its columns.

        Raises:
            StoreError: the table is missing or damaged.
        """
        target = self.table_path(kind, key)
        with self.reading(target):
            if target.suffix == ".parquet":
                return pq.read_table(target, columns=columns, partitioning=None)
            with pa.memory_map(str(target)) as source:
                table = pa.ipc.open_file(source).read_all()
            return table if columns is None else table.select(columns)

    def metadata(self, kind: str, key: str) -> pq.FileMetaData:
        """Return the number of rows and the schema of a table that is kept as Parquet.

        Raises:
            StoreError: the table is missing or damaged.
        """
        target = self.table_path(kind, key)
        with self.reading(target):
            return pq.read_metadata(target)

    @contextlib.contextmanager
    def reading(self, target: Path) -> Iterator[None]:
        """Turn what goes wrong while a stored file is read into the error a user can act on."""
        try:
            yield
        except (OSError, EOFError, ValueError) as error:  # Arrow's and NumPy's own are among them
            raise StoreError(
                f"{target} is missing or damaged",
                f"delete {self.root} and build again: everything in it can be made anew",
            ) from error

    def write_json(self, kind: str, key: str, value: Json) -> None:
        """Write a JSON value under its key, replacing an earlier one."""
        target = self.path(kind, key, ".json")
        with replacing(target) as temporary, temporary.open("w", encoding="utf-8") as stream:
            dump_json(value, stream)

    def read_json(self, kind: str, key: str) -> Json:
        """Return the JSON value under this key, or None if there is none.

        Raises:
            StoreError: the file is there and damaged.
        """
        target = self.path(kind, key, ".json")
        try:
            return json.loads(target.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{target} is damaged", f"delete it and build again: {error}") from error

    @contextlib.contextmanager
    def lock(self, exclusive: bool) -> Iterator[None]:
        """Hold the store: builds share it, `gc` has it alone.

        The first build in an idle store also sweeps away what a killed one left half-written.

        Raises:
            StoreError: the store is in use by another process, or cannot be written.
        """
        path = self.root / "lock"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            stream = path.open("a+")
        except OSError as error:
            raise storage_error(path, error) from error
        with stream:
            alone = _try_lock(stream, fcntl.LOCK_EX)
            if exclusive and not alone:
                raise StoreError(f"{self.root} is in use by a build", "wait until it has ended")
            if alone:
                self._sweep()
            if not exclusive:
                fcntl.flock(stream, fcntl.LOCK_SH)
            yield

    def files(self) -> Iterator[Path]:
        """Yield every stored file but the lock."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path.name != "lock":
                yield path

    def _sweep(self) -> None:
        for path in self.root.rglob(f"{_TEMPORARY}*"):
            path.unlink(missing_ok=True)


def dump_json(value: Json, stream: IO[str]) -> None:
    """Write JSON for people and for diffs: indented, in the order given, one final newline."""
    json.dump(value, stream, ensure_ascii=False, indent=2)
    stream.write("\n")


def write_text(path: Path, write: Callable[[IO[str]], None]) -> None:
    """Write a text file whole or not at all, UTF-8 with \\n line ends."""
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        write(stream)


def _try_lock(stream: IO[str], mode: int) -> bool:
    try:
        fcntl.flock(stream, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
