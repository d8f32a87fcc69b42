"""Finding the files of a source and naming them in a way that outlives the machine.

A file's name is its path below what the recipe names: a folder, or the part of a glob without
wildcards. It is part of every record's id, so it depends on neither the working folder nor the
machine nor on what else the recipe names. A member of an archive is a file whose name goes on after
that of the archive. Rejected: absolute paths, and numbering files (a new file would rename all others).
"""

from __future__ import annotations

import glob
import logging
import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import IO

from pipeline.errors import SourceError
from pipeline.ingest import addresses, archives, hub
from pipeline.ingest.credentials import is_address
from pipeline.ingest.formats import ending_of, endings, worth_reading
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, COMPRESSIONS, unreadable

log = logging.getLogger(__name__)

_DIGEST_BYTES = 16
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of a source.

    Args:
        source: name of the source.
        path: where the file, or the archive that holds it, is now.
        name: POSIX path of the file within the source; for a single file its file name.
        size: bytes on disk; of a member, bytes that it unpacks to.
        alone: it is the only file of its source, so it must hold something.
        member: name of the member of the archive; "" for a file that lies on the disk.
        place: number of the member's entry in the archive.
        address: where it was fetched from, without passwords; "" for a file of this machine.
    """

    source: str
    path: Path
    name: str
    size: int
    alone: bool = True
    member: str = ""
    place: int = 0
    address: str = ""

    @property
    def shown(self) -> str:
        """What messages call the file: where a person finds it."""
        return (self.address or str(self.path)) + (f"/{self.member}" if self.member else "")


@dataclass(frozen=True, slots=True)
class _Found:
    """A file on the disk and what it is to be called."""

    name: str
    path: Path
    address: str = ""


def find_files(spec: SourceSpec, base: Path, cache: Path | None = None) -> list[InputFile]:
    """Return the files of a source, sorted by name; what is not on this machine is fetched.

    A folder gives the files whose endings can be read, its sub-folders included; hidden files and
    folders are left out. A glob gives the same, or every match where none has such an ending. An
    archive gives those of its members that a folder would give.

    Args:
        spec: the source.
        base: folder that relative paths start from.
        cache: folder for what is fetched, by default `.build/downloads` below the working folder.

    Raises:
        SourceError: nothing is found, something cannot be opened, or two files get one name.
    """
    cache = cache or Path(".build", "downloads")
    every: list[_Found] = []
    if spec.dataset is not None:
        every = [_Found(name, path) for name, path in hub.dataset_files(spec, base, cache)]
    for written in spec.paths:
        every += _files_of(spec, base, written, cache)
    found: dict[str, InputFile] = {}
    for file in (file for each in every for file in _with_members(each, spec)):
        known = found.setdefault(file.name, file)
        if (known.path.resolve(), known.member) != (file.path.resolve(), file.member):
            raise SourceError(
                f"source {spec.name}: {known.shown} and {file.shown} would both be named {file.name}",
                "make them two sources, or name the folder above them as the source's path",
            )
    alone = len(found) == 1
    return [replace(file, alone=alone) for _, file in sorted(found.items())]


def _with_members(found: _Found, spec: SourceSpec) -> list[InputFile]:
    """Return a file, or the members of an archive that can be read."""
    name = _portable(found.name, found.path)
    try:
        size = found.path.stat().st_size
        if not archives.is_archive(found.path):
            return [InputFile(spec.name, found.path, name, size, address=found.address)]
    except OSError as error:
        raise unreadable(found.path, error) from error
    shown = found.address or str(found.path)
    with _called(found.path, shown):
        members = archives.members_of(found.path, spec)
    known = endings(spec.format)
    chosen = set(_worth_reading([member.name for member in members], spec.format))
    taken = [member for member in members if member.name in chosen and ending_of(member.name) in known]
    if not taken:
        names = _few([member.name for member in members])
        raise _nothing(
            spec, f"archive {shown} holds {f'no file that can be read: {names}' if names else 'no files'}"
        )
    _log_left_out(spec, [member.name for member in members if member not in taken], len(taken))
    return [
        InputFile(
            source=spec.name,
            path=found.path,
            name=f"{name}/{_portable(member.name, found.path)}",
            size=member.size,
            member=member.name,
            place=member.place,
            address=found.address,
        )
        for member in taken
    ]


def file_digest(path: Path) -> str:
    """Return the BLAKE2b digest of a file's bytes as they lie on disk: 32 hexadecimal digits."""
    try:
        with path.open("rb", buffering=0) as stream:
            return _digest(stream)
    except OSError as error:
        raise unreadable(path, error) from error


def input_digest(file: InputFile, spec: SourceSpec) -> str:
    """Return the digest of what a reader will meet: of the file, or of one member of an archive.

    Raises:
        SourceError: it cannot be read.
    """
    if not file.member:
        return file_digest(file.path)
    with (
        _called(file.path, file.address or str(file.path)),
        archives.open_member(file.path, file.place, spec) as stream,
    ):
        return _digest(stream)


def _digest(stream: IO[bytes]) -> str:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    while part := stream.read(CHUNK):
        digest.update(part)
    return digest.hexdigest()


@contextmanager
def on_disk(file: InputFile, spec: SourceSpec) -> Iterator[Path]:
    """Give the path that a reader can open; errors that name it are told with the name that people know.

    Raises:
        SourceError: a member cannot be unpacked.
    """
    if not file.member:
        with _called(file.path, file.shown):
            yield file.path
        return
    with (
        archives.unpacked_member(file.path, file.member, file.place, spec) as path,
        _called(path, file.shown),
    ):
        yield path


@contextmanager
def _called(path: Path, shown: str) -> Iterator[None]:
    """Let errors speak of a file by another name than that of the copy that is read."""
    try:
        yield
    except SourceError as error:
        if str(path) == shown or str(path) not in error.message:
            raise
        raise SourceError(error.message.replace(str(path), shown), error.hint) from error


def _files_of(spec: SourceSpec, base: Path, written: str, cache: Path) -> list[_Found]:
    written = addresses.local_path(written)
    if is_address(written):
        fetched = addresses.fetch(written, spec, cache, lambda names: _chosen(spec, names))
        return [_Found(each.name, each.path, each.address) for each in fetched]
    return [_Found(name, path) for name, path in _local_files(spec, base, written)]


def _chosen(spec: SourceSpec, names: list[str]) -> list[str]:
    """Return the names below an address that can be read, hidden ones left out."""
    seen = [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]
    taken = _worth_reading(seen, spec.format)
    _log_left_out(spec, [name for name in seen if name not in taken], len(taken))
    return taken


def _local_files(spec: SourceSpec, base: Path, written: str) -> list[tuple[str, Path]]:
    path = base / Path(written).expanduser()
    if path.is_dir():
        every = sorted(_walk(path))
        files = _readable(every, spec.format)
        if not files:
            raise _nothing(spec, f"folder {path} holds {_listed(every, path)}")
        _log_left_out(spec, _names(set(every) - set(files), path), len(files))
        return [(file.relative_to(path).as_posix(), file) for file in files]
    if path.exists():
        return [(path.name, path)]
    if glob.has_magic(written):
        root = _fixed_part(path)
        matches = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob shows hidden files
        every = sorted(match for match in map(Path, matches) if match.is_file())
        files = _readable(every, spec.format) or every
        if not files:
            raise _nothing(spec, f"{written} matches nothing below {root}")
        _log_left_out(spec, _names(set(every) - set(files), root), len(files))
        return [(file.relative_to(root).as_posix(), file) for file in files]
    raise _nothing(spec, f"{path} does not exist{_similar(path)}")


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise unreadable(Path(error.filename or folder), error) from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        for name in names:
            path = Path(here, name)
            if not name.startswith(".") and path.is_file():
                yield path


def readable(names: Sequence[str]) -> list[str]:
    """Return those names of a folder's files that a source which names the folder reads."""
    return _worth_reading(list(names), "auto")


def _known(format_: str) -> tuple[str, ...]:
    return (*endings(format_), *archives.ENDINGS)


def _readable(files: list[Path], format_: str) -> list[Path]:
    taken = set(_worth_reading([str(file) for file in files], format_))
    return [file for file in files if str(file) in taken]


def _worth_reading(names: list[str], format_: str) -> list[str]:
    known = _known(format_)
    readable = [name for name in names if ending_of(name) in known]
    return worth_reading(readable) if format_ == "auto" else readable


def _names(files: set[Path], root: Path) -> list[str]:
    return sorted(file.relative_to(root).as_posix() for file in files)


def _fixed_part(pattern: Path) -> Path:
    """Return the folder above the first part of a glob that has a wildcard."""
    fixed = pattern
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    return fixed


def _portable(name: str, path: Path) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SourceError(f"the name of {str(path)!r} is not UTF-8", "rename the file") from None
    return unicodedata.normalize("NFC", name)


def _log_left_out(spec: SourceSpec, left_out: list[str], taken: int) -> None:
    if left_out:
        text = "source %s: %d files read, %d others left out (unknown endings, or documents beside data): %s"
        log.warning(text, spec.name, taken, len(left_out), _few(left_out))


def _nothing(spec: SourceSpec, what: str) -> SourceError:
    known = ", ".join(_known(spec.format))
    packed = ", ".join(known.endings[0] for known in COMPRESSIONS.values())
    return SourceError(
        f"source {spec.name}: {what}; readable endings are {known}, each also with {packed}",
        f"correct `path:`{'' if spec.format == 'auto' else ' or `format:`'} of source {spec.name} in the recipe",
    )


def _listed(files: list[Path], folder: Path) -> str:
    if not files:
        return "no files"
    return (
        f"{len(files)} file{'s' if len(files) > 1 else ''}, none readable: {_few(_names(set(files), folder))}"
    )


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _similar(path: Path) -> str:
    """Say which existing names are close to one that does not exist."""
    folder = path.parent
    if not folder.is_dir():
        return f" (nor does the folder {folder})"
    close = get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(sorted(close))}?)" if close else ""
