"""Finding the files of a source and naming them in a way that outlives the machine.

A file's name is its path below what the recipe names: a folder, or the part of a glob without
wildcards. It is part of every record's id, so it depends on neither the working folder nor the
machine nor on what else the recipe names. Rejected: absolute paths, and numbering files (a new file
would rename all others).
"""

from __future__ import annotations

import glob
import logging
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.ingest.formats import ending_of, endings
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, unreadable

log = logging.getLogger(__name__)

_DIGEST_BYTES = 16
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of a source.

    Args:
        source: name of the source.
        path: where the file is now.
        name: POSIX path of the file within the source; for a single file its file name.
        size: bytes on disk.
        alone: it is the only file of its source, so it must hold something.
    """

    source: str
    path: Path
    name: str
    size: int
    alone: bool = True


def find_files(spec: SourceSpec, base: Path) -> list[InputFile]:
    """Return the files of a source, sorted by name.

    A folder gives the files whose endings can be read, its sub-folders included; hidden files and
    folders are left out. A glob gives the same, or every match where none has such an ending.

    Args:
        spec: the source.
        base: folder that relative paths start from.

    Raises:
        SourceError: nothing is found, something cannot be opened, or two files get one name.
    """
    found: dict[str, Path] = {}
    for written in spec.paths:
        for relative, path in _files_of(spec, base, written):
            name = _portable(relative, path)
            if name in found and found[name].resolve() != path.resolve():
                raise SourceError(
                    f"source {spec.name}: {found[name]} and {path} would both be named {name}",
                    "make them two sources, or name the folder above them as the source's path",
                )
            found.setdefault(name, path)
    return [
        InputFile(spec.name, path, name, path.stat().st_size, alone=len(found) == 1)
        for name, path in sorted(found.items())
    ]


def file_digest(path: Path) -> str:
    """Return the BLAKE2b digest of a file's bytes as they lie on disk: 32 hexadecimal digits."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    try:
        with path.open("rb", buffering=0) as stream:
            while part := stream.read(CHUNK):
                digest.update(part)
    except OSError as error:
        raise unreadable(path, error) from error
    return digest.hexdigest()


def _files_of(spec: SourceSpec, base: Path, written: str) -> list[tuple[str, Path]]:
    path = base / Path(written).expanduser()
    if path.is_dir():
        every = sorted(_walk(path))
        files = _readable(every, spec.format)
        if not files:
            raise _nothing(spec, f"folder {path} holds {_listed(every, path)}")
        _log_left_out(spec, every, files)
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
        _log_left_out(spec, every, files)
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


def _readable(files: list[Path], format_: str) -> list[Path]:
    known = endings(format_)
    return [file for file in files if ending_of(file.name) in known]


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


def _log_left_out(spec: SourceSpec, every: list[Path], taken: list[Path]) -> None:
    if len(every) > len(taken):
        left_out = len(every) - len(taken)
        log.info("source %s: %d files read, %d others left out", spec.name, len(taken), left_out)


def _nothing(spec: SourceSpec, what: str) -> SourceError:
    known = ", ".join(endings(spec.format))
    return SourceError(
        f"source {spec.name}: {what}; readable endings are {known}, each also with .gz",
        f"correct `path:` of source {spec.name} in the recipe",
    )


def _listed(files: list[Path], folder: Path) -> str:
    if not files:
        return "no files"
    names = ", ".join(file.relative_to(folder).as_posix() for file in files[:_SHOWN])
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"{len(files)} file{'s' if len(files) > 1 else ''}, none readable: {names}{more}"


def _similar(path: Path) -> str:
    """Say which existing names are close to one that does not exist."""
    folder = path.parent
    if not folder.is_dir():
        return f" (nor does the folder {folder})"
    close = get_close_matches(path.name, [entry.name for entry in folder.iterdir()], n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(sorted(close))}?)" if close else ""
