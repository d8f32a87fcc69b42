"""The formats that can be read, and how a file's name and first bytes tell which one it is.

`FORMATS` is the registry: a format is one reader (a generator of units over one file), the endings
that name it, and one line here. What the first bytes say overrides the ending where they are
certain: an array named `.jsonl`, lines named `.json`, Parquet under any name. Rejected: trusting
the ending (half of the `.json` files in the wild are JSONL) and trying one reader after another
(the errors name the wrong thing).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipeline.errors import SourceError
from pipeline.ingest.json_units import json_layout, read_json, read_lines
from pipeline.ingest.parquet import read_parquet
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import head_of
from pipeline.ingest.tables import read_csv, read_tsv
from pipeline.ingest.units import Bad, Unit

Reader: TypeAlias = Callable[[Path, SourceSpec], Iterator[Unit | Bad]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the endings that name it, its reader, and the first bytes that prove it, if any."""

    endings: tuple[str, ...]
    read: Reader
    magic: bytes = b""


FORMATS: dict[str, Format] = {
    "json": Format((".json",), read_json),
    "jsonl": Format((".jsonl", ".ndjson"), read_lines),
    "csv": Format((".csv",), read_csv),
    "tsv": Format((".tsv", ".tab"), read_tsv),
    "parquet": Format((".parquet", ".pq"), read_parquet, magic=b"PAR1"),
}
"""Every format, by the name that a recipe gives it."""

_JSON = ("json", "jsonl")

_NOT_TEXT = {
    b"PK\x03\x04": "a ZIP archive (or an Office document)",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a zstandard archive",
    b"\x1f\x8b": "gzip within gzip",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"PAR1": "Parquet",
    b"ARROW1": "an Arrow file",
    b"\x80\x04\x95": "a Python pickle",
}
"""First bytes of what people name .jsonl by mistake."""


def endings(format_: str = "auto") -> tuple[str, ...]:
    """Return the endings (without `.gz`) that a format goes by; both JSON formats share theirs."""
    names = FORMATS if format_ == "auto" else (_JSON if format_ in _JSON else (format_,))
    return tuple(ending for name in names for ending in FORMATS[name].endings)


def ending_of(name: str) -> str:
    """Return the ending of a file's name in lower case, leaving out `.gz`."""
    lower = name.lower()
    return Path(lower.removesuffix(".gz")).suffix


def detect_format(path: Path, format_: str = "auto") -> str:
    """Return the format of a file: what its first bytes prove, else what it is declared or named.

    Args:
        path: the file.
        format_: the format that the recipe declares, or `auto`.

    Raises:
        SourceError: it is not text, not what it is declared to be, or its ending says nothing.
    """
    head = head_of(path)
    proven = [name for name, known in FORMATS.items() if known.magic and head.startswith(known.magic)]
    if format_ == "auto" and proven:
        return proven[0]
    named = format_ if format_ != "auto" else _named(path, head)
    if FORMATS[named].magic:
        return named  # its reader says what is wrong with it
    _refuse_binary(path, head)
    if named in _JSON:
        return "jsonl" if json_layout(head) == "lines" else "json"
    return named


def _named(path: Path, head: bytes) -> str:
    ending = ending_of(path.name)
    for name, known in FORMATS.items():
        if ending in known.endings:
            return name
    _refuse_binary(path, head)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return "json"
    raise SourceError(
        f"{path} is in no format that can be told: its ending is {ending or 'missing'}, and it does"
        " not start like JSON",
        f"say `format:` in the recipe ({', '.join(FORMATS)}), or rename it: {', '.join(endings())}",
    )


def _refuse_binary(path: Path, head: bytes) -> None:
    like = next((what for magic, what in _NOT_TEXT.items() if head.startswith(magic)), "")
    if not like and head.count(b"\0") * 20 > len(head):
        like = "binary data"
    if like:
        raise SourceError(
            f"{path} is not text: it looks like {like}",
            f"convert it to a format that can be read: {', '.join(FORMATS)}, each plain or gzip",
        )
