"""The members of zip and tar archives, each read like a file of its own.

A member that a reader needs is unpacked into a temporary folder, for Parquet and Excel have to seek,
and removed afterwards; it is never written under the name that the archive gives it, so no name can
lead outside. A compressed tar is unpacked once in each process, because reaching its last member
means passing all others. Rejected: `shutil.unpack_archive` (the whole archive on the disk, and only
newer Pythons refuse `../`) and reading archives within archives (the classic bomb).
"""

from __future__ import annotations

import contextlib
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from pipeline.errors import SourceError
from pipeline.ingest.encodings import UTF8, decide
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import (
    CHUNK,
    RATIO_FREE,
    chunks,
    compression_of,
    head_of,
    open_bytes,
    too_much,
    without_compression,
)
from pipeline.ingest.units import Broken

ENDINGS = (".zip", ".tar", ".tgz", ".tbz2", ".tbz", ".txz", ".tzst")
_NESTED = (*ENDINGS, ".7z", ".rar")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OFFICE = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")
_BLOCK = 512
_ABOUT_NEXT = (*tarfile.GNU_TYPES[:2], tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_MOST_ABOUT_NEXT = 1 << 20
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_AGAIN = "fetch or write it again: nothing of a damaged archive can be kept"


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive.

    Args:
        name: its path in the archive, decoded, with `/`.
        place: where it is: the number of its entry.
        size: bytes it unpacks to, as the archive says.
    """

    name: str
    place: int
    size: int


def is_archive(path: Path) -> bool:
    """Tell by its first bytes whether a file is a zip or tar archive; an Office document is none."""
    head = head_of(path, _BLOCK)
    if head.startswith(_ZIP):
        return not _is_office(path)
    return head[257:262] == b"ustar" or (len(head) == _BLOCK and _is_old_tar(path, head))


def _is_old_tar(path: Path, head: bytes) -> bool:
    """Tell whether a file named as a tar is one: a tar of before 1988 is told by its checksum alone."""
    if not without_compression(path.name).endswith(ENDINGS[1:]):
        return False
    if not head.strip(b"\0"):
        return True  # an empty one is its end mark
    try:
        tarfile.TarInfo.frombuf(head, UTF8, "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _is_office(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name in archive.NameToInfo for name in _OFFICE)
    except (zipfile.BadZipFile, OSError):
        return not path.name.lower().endswith(".zip")  # whoever reads it says what is wrong


def members_of(path: Path, spec: SourceSpec) -> list[Member]:
    """Return the files in an archive, in its order, hidden ones left out.

    Raises:
        SourceError: it is damaged or encrypted, has too many members or too much in them, or a member
            is a link, a device, an archive, or has a name that leads elsewhere.
    """
    with _explained(path):
        found = _zip_members(path) if _is_zip(path) else _tar_members(path, spec)
    if len(found) > spec.max_members:
        raise SourceError(
            f"{path} has more members than max_members, {spec.max_members:,}",
            "if that is right, raise `max_members:` of its source in the recipe",
        )
    names: set[str] = set()
    for member in found:
        _check_name(path, member.name)
        if member.name in names:
            raise SourceError(f"{path} has two members named {member.name!r}", "unpack it, and choose one")
        names.add(member.name)
    kept = [member for member in found if not _is_hidden(member.name)]
    _check_size(path, spec, sum(member.size for member in kept))
    return kept


@contextlib.contextmanager
def open_member(path: Path, place: int, spec: SourceSpec) -> Iterator[BinaryIO]:
    """Open the bytes of one member, as they are in the archive's file: a .gz in it stays one.

    Raises:
        SourceError: the archive is damaged.
    """
    with _explained(path):
        if _is_zip(path):
            with zipfile.ZipFile(path) as archive, archive.open(archive.infolist()[place]) as stream:
                yield cast(BinaryIO, stream)
        else:
            with _tar(path, spec) as opened:
                for number, info in enumerate(opened):
                    if number == place:
                        inner = opened.extractfile(info)
                        assert inner is not None  # members_of takes files alone
                        yield cast(BinaryIO, inner)
                        return


@contextlib.contextmanager
def unpacked_member(path: Path, name: str, place: int, spec: SourceSpec) -> Iterator[Path]:
    """Unpack one member into a temporary folder, for as long as it is needed.

    Raises:
        SourceError: the archive is damaged, or the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="pipeline-member-") as folder:
        target = Path(folder, "member" + "".join(PurePosixPath(name).suffixes[-2:])[-40:])
        try:
            with open_member(path, place, spec) as stream, target.open("wb") as out:
                while part := stream.read(CHUNK):
                    out.write(part)
        except OSError as error:
            raise SourceError(
                f"{path}/{name} cannot be unpacked into {tempfile.gettempdir()}: {error.strerror or error}",
                "free some space there, or set TMPDIR to a folder on another disk",
            ) from error
        yield target


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in _ZIP


def _zip_members(path: Path) -> list[Member]:
    found = []
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = _zip_names(entries)
    for place, (info, name) in enumerate(zip(entries, names, strict=True)):
        if name.endswith("/"):
            _check_name(path, name.rstrip("/"))
            continue
        if info.flag_bits & _ENCRYPTED:
            raise SourceError(
                f"{path} is encrypted: {name!r} needs a password",
                "unpack it with its password, and name the folder",
            )
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _no_file(path, name)
        found.append(Member(name, place, info.file_size))
    return found


def _zip_names(entries: list[zipfile.ZipInfo]) -> list[str]:
    """Return the names of a zip's entries, in the encoding that all those without a sign of one share.

    A name is in UTF-8 where its flag says so. Else it is in whatever the system that wrote it used,
    which zipfile takes for the code page of the first PCs.
    """
    raw = [
        None if info.flag_bits & _UTF8_NAME else info.orig_filename.encode("cp437", "replace")
        for info in entries
    ]
    unsaid = [name for name in raw if name is not None and not name.isascii()]
    encoding = decide(b"\n".join(unsaid)).name if unsaid else "ascii"
    names = []
    for info, name in zip(entries, raw, strict=True):
        text = info.filename
        if name is not None and not name.isascii():
            with contextlib.suppress(UnicodeDecodeError):
                text = name.decode(encoding)
        names.append(text.replace("\\", "/"))
    return names


def _tar_members(path: Path, spec: SourceSpec) -> list[Member]:
    found = []
    with _tar(path, spec) as archive:
        for place, info in enumerate(archive):
            if info.isdir():
                _check_name(path, info.name)
            elif info.isreg():
                found.append(Member(_tar_name(info.name), place, info.size))
            else:
                raise _no_file(path, info.name)
            if len(found) > spec.max_members:
                return found  # too many, and there may be no end to them
        _check_end(path, archive)
    return found


def _tar_name(name: str) -> str:
    """Return a tar's name as text: without a leading `./`, and decoded where it is no UTF-8."""
    raw = name.removeprefix("./").encode(UTF8, "surrogateescape")
    return raw.decode(decide(raw).name, "replace")


def _check_end(path: Path, archive: tarfile.TarFile) -> None:
    """See that a tar ends with its mark and holds nothing after it: tarfile takes any fault for the end."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    block = archive.fileobj.read(_BLOCK)
    rest = archive.fileobj.read(CHUNK)
    if not block.strip(b"\0") and len(block) == _BLOCK:
        while rest and not rest.strip(b"\0"):
            rest = archive.fileobj.read(CHUNK)
        if not rest:
            return
        raise SourceError(
            f"{path} has data after its end mark: two archives in one file?", "unpack it yourself"
        )
    raise SourceError(f"{path} is not a whole tar archive: it breaks off", _AGAIN)


@contextlib.contextmanager
def _tar(path: Path, spec: SourceSpec) -> Iterator[tarfile.TarFile]:
    info = path.stat()
    with contextlib.ExitStack() as held:
        plain: IO[bytes] = held.enter_context(path.open("rb"))
        if compression_of(plain.read(16)):
            plain = _plain_tar(path, info.st_mtime_ns, info.st_size, spec)
        plain.seek(0)
        with tarfile.open(
            fileobj=plain, mode="r:", encoding=UTF8, errors="surrogateescape", tarinfo=_Header
        ) as archive:
            yield archive


class _Header(tarfile.TarInfo):
    """The header of a tar's member. One that says a negative size would be read for ever, and names are held."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Read a header.

        Raises:
            tarfile.ReadError: it says what no sound archive does.
        """
        header = super().frombuf(buf, encoding, errors)
        if header.size < 0:
            raise tarfile.ReadError(f"a member of {header.size:,} bytes")
        if header.type in _ABOUT_NEXT and header.size > _MOST_ABOUT_NEXT:
            raise tarfile.ReadError(f"a name or its like of {header.size:,} bytes")
        return header


_PLAIN: dict[tuple[str, int, int], IO[bytes]] = {}
"""The compressed tar that this process unpacked last, by path, time and size: its members follow each other."""


def _plain_tar(path: Path, changed: int, size: int, spec: SourceSpec) -> IO[bytes]:
    """Return a compressed tar, unpacked into a file without a name, which the system removes for us."""
    key = (str(path), changed, size)
    if key in _PLAIN:
        return _PLAIN[key]
    while _PLAIN:
        _PLAIN.popitem()[1].close()
    with contextlib.ExitStack() as on_failure:
        whole = on_failure.enter_context(tempfile.TemporaryFile(prefix="pipeline-tar-"))
        with open_bytes(path, spec) as stream:
            while part := chunks(stream).read1(CHUNK):
                whole.write(part)
        on_failure.pop_all()
    _PLAIN[key] = whole
    return whole


def _check_name(path: Path, name: str) -> None:
    """Refuse a name that leads out of the archive, and an archive within the archive."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or (len(name) > 1 and name[1] == ":") or "\0" in name:
        raise SourceError(
            f"{path} has a member whose name leads outside of it: {name!r}",
            "do not unpack it either: get the archive from somebody you trust, or have it made again",
        )
    if without_compression(name).endswith(_NESTED):
        raise SourceError(
            f"{path} holds another archive, {name!r}, and archives within archives are not read",
            "unpack the outer one, and name its folder as the path of the source",
        )


def _no_file(path: Path, name: str) -> SourceError:
    return SourceError(
        f"{path} has a member that is no file but a link or a device: {name!r}",
        "pack the files themselves (`tar --dereference`), or unpack it and name the folder",
    )


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part in _JUNK for part in name.split("/"))


def _check_size(path: Path, spec: SourceSpec, total: int) -> None:
    if total > spec.max_unpacked_bytes:
        raise too_much(str(path), f"{total:,} bytes", "max_unpacked_bytes", spec.max_unpacked_bytes)
    if total > RATIO_FREE and total > spec.max_unpacked_ratio * path.stat().st_size:
        times = f"{total // max(path.stat().st_size, 1):,} times its size"
        raise too_much(str(path), times, "max_unpacked_ratio", spec.max_unpacked_ratio)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Tell the faults of an archive as errors that name it."""
    try:
        yield
    except Broken as broken:
        raise SourceError(f"{path} {broken.detail}", _AGAIN) from broken
    except (NotImplementedError, RuntimeError) as error:
        raise SourceError(
            f"{path} cannot be unpacked: {error}", "unpack it yourself, and name the folder"
        ) from error
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise SourceError(f"{path} is not a whole archive ({error})", _AGAIN) from error
