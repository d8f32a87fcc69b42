"""The formats that can be read, and how a file's name and first bytes tell which one it is.

`FORMATS` is the registry: a format is one reader (a generator of units over one file), the endings
that name it, and one line here. What the first bytes say overrides the ending where they are
certain: an array named `.jsonl`, lines named `.json`, Parquet or Arrow under any name. Rejected: trusting
the ending (half of the `.json` files in the wild are JSONL) and trying one reader after another
(the errors name the wrong thing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TypeAlias

from pipeline.errors import SourceError
from pipeline.ingest.archives import ENDINGS as ARCHIVE_ENDINGS
from pipeline.ingest.arrow import FILE_MAGIC, read_arrow
from pipeline.ingest.encodings import as_utf8, decide
from pipeline.ingest.excel import read_excel
from pipeline.ingest.html_units import read_html
from pipeline.ingest.json_objects import is_one_value, read_json
from pipeline.ingest.json_units import json_layout, read_lines
from pipeline.ingest.markdown import read_markdown
from pipeline.ingest.parquet import read_parquet
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import head_of, without_compression
from pipeline.ingest.tables import read_csv, read_tsv
from pipeline.ingest.text import read_text
from pipeline.ingest.units import Bad, Unit
from pipeline.ingest.xml_units import read_xml

Reader: TypeAlias = Callable[[Path, SourceSpec], Iterator[Unit | Bad]]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the endings that name it, its reader, and the first bytes that prove it, if any.

    `rank` orders what a folder may hold beside each other: data (0), documents (1), plain text (2).
    """

    endings: tuple[str, ...]
    read: Reader
    magic: bytes = b""
    binary: bool = False
    rank: int = 0


FORMATS: dict[str, Format] = {
    "json": Format((".json",), read_json),
    "jsonl": Format((".jsonl", ".ndjson"), read_lines),
    "csv": Format((".csv",), read_csv),
    "tsv": Format((".tsv", ".tab"), read_tsv),
    "parquet": Format((".parquet", ".pq"), read_parquet, magic=b"PAR1", binary=True),
    "arrow": Format((".arrow", ".feather", ".arrows", ".ipc"), read_arrow, magic=FILE_MAGIC, binary=True),
    "excel": Format((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), read_excel, binary=True),
    "xml": Format((".xml", ".tmx", ".rss", ".atom"), read_xml),
    "markdown": Format((".md", ".markdown"), read_markdown, rank=1),
    "html": Format((".html", ".htm", ".xhtml"), read_html, rank=1),
    "text": Format((".txt", ".text"), read_text, rank=2),
}
"""Every format, by the name that a recipe gives it."""

_JSON = ("json", "jsonl")

_STARTS = {"json": (b"{", b"["), "html": (b"<!doctype html", b"<html"), "xml": (b"<?xml",)}
"""How a text begins whose ending says nothing."""

_LIKE_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*"[^"\n]*"\s*:')

_ABOUT = re.compile(
    r"(readme|(data[_-]?)?licen[sc]e|data[_-]?(sheet|card)|(dataset|model)[_-]?(card|sheet|description|info)|copying|notice"
    r"|sources?|changelog|changes|authors|contributing|contributors|citations?|requirements|code_of_conduct|security"
    r"|manifest|terms|disclaimer|说明|许可)([._ -].*)?$",
    re.IGNORECASE,
)
"""Names of documents that speak about the files beside them."""

_NOT_TEXT = {
    b"PK\x03\x04": "an Office document",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"BZh": "bzip2 within another compression",
    b"\xfd7zXZ\x00": "xz within another compression",
    b"\x28\xb5\x2f\xfd": "zstd within another compression",
    b"\x1f\x8b": "gzip within another compression",
    b"SQLite format 3": "an SQLite database",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"PAR1": "Parquet",
    b"ARROW1": "an Arrow file",
    b"\x80\x04\x95": "a Python pickle",
}
"""First bytes of what people name .jsonl by mistake."""


_RANKS = {ending: known.rank for known in FORMATS.values() for ending in known.endings}


def endings(format_: str = "auto") -> tuple[str, ...]:
    """Return the endings (without those of compressions) that a format goes by; both JSON formats share theirs."""
    names = FORMATS if format_ == "auto" else (_JSON if format_ in _JSON else (format_,))
    return tuple(ending for name in names for ending in FORMATS[name].endings)


def worth_reading(names: Sequence[str]) -> list[str]:
    """Return those of a folder's readable files that are its data.

    Documents and texts are read only where there is no data file, plain texts only where there is nothing
    else, and what speaks about the files (README, LICENSE, SOURCE, ...) only where it is all there is:
    then a README goes before the rest. A file that a recipe names is not asked about here.
    """

    def rank(name: str) -> int:
        if not speaks_about_files(name):
            return _RANKS.get(ending_of(name), 0)
        return 3 if PurePath(name).stem.lower().startswith("readme") else 4

    best = min(map(rank, names), default=0)
    return [name for name in names if rank(name) == best]


def speaks_about_files(name: str) -> bool:
    """Return whether a file is a document (README, LICENSE, datasheet, ...) about the files beside it, by its name."""
    return _RANKS.get(ending_of(name), 0) > 0 and _ABOUT.match(PurePath(name).stem) is not None


def ending_of(name: str) -> str:
    """Return the ending of a file's name in lower case, leaving out that of a compression."""
    return Path(without_compression(name)).suffix


def detect_format(path: Path, format_: str = "auto", encoding: str = "auto") -> str:
    """Return the format of a file: what its first bytes prove, else what it is declared or named.

    Args:
        path: the file.
        format_: the format that the recipe declares, or `auto`.
        encoding: the encoding that the recipe declares, or `auto`.

    Raises:
        SourceError: it is not text, not what it is declared to be, or its ending says nothing.
    """
    head = head_of(path)
    proven = [name for name, known in FORMATS.items() if known.magic and head.startswith(known.magic)]
    if format_ == "auto" and proven:
        return proven[0]
    named = format_ if format_ != "auto" else _named(path, head, encoding)
    if FORMATS[named].binary:
        return named  # its reader says what is wrong with it
    head = _as_text(path, head, encoding)
    if named not in _JSON:
        return named
    layout = json_layout(head)
    if layout == "lines" and named == "json" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        layout = "object" if is_one_value(path) else layout
    return "jsonl" if layout == "lines" else "json"


def _named(path: Path, head: bytes, encoding: str) -> str:
    ending = ending_of(path.name)
    by_ending = next((name for name, known in FORMATS.items() if ending in known.endings), "")
    if by_ending and FORMATS[by_ending].binary:
        return by_ending
    if without_compression(path.name).endswith(ARCHIVE_ENDINGS):
        _refuse_no_archive(path, head)
    head = _as_text(path, head, encoding)
    if by_ending in (*_JSON, "csv", "tsv"):
        _refuse_page(path, head)
        return by_ending
    if by_ending:
        return "json" if _LIKE_JSON.match(head) else by_ending
    if begun_as := _begun_as(head):
        return begun_as
    raise SourceError(
        f"{path} is in no format that can be told: its ending is {ending or 'missing'}, and it does"
        " not start like JSON, HTML or XML",
        f"say `format:` in the recipe ({', '.join(FORMATS)}), or rename it: {', '.join(endings())}",
    )


def _begun_as(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:100].lower()
    return next((name for name, marks in _STARTS.items() if start.startswith(marks)), "")


def _refuse_page(path: Path, head: bytes) -> None:
    """Refuse a page under the name of data: what a server says of a failed download is often kept as one."""
    if _begun_as(head) == "html":
        raise SourceError(
            f"{path} begins like a web page, whatever its name says",
            "fetch it again if it is the page of a failed download; else say `format: html` in the recipe",
        )


def _refuse_no_archive(path: Path, head: bytes) -> None:
    """Refuse what is named as an archive, is none, and is no text that can be told either."""
    if head.startswith(b"PK"):
        _refuse_binary(path, head)
    if not _begun_as(head):
        is_what = "it is empty" if not head else "it does not begin like one"
        raise SourceError(
            f"{path} is named as an archive, but {is_what}",
            "fetch or pack it again, or give it its true ending",
        )


def _as_text(path: Path, head: bytes, encoding: str) -> bytes:
    """Return the start of a text file as UTF-8.

    Raises:
        SourceError: it is not text.
    """
    decided = decide(head).name if encoding == "auto" else encoding
    if not decided.startswith(("utf-16", "utf-32")):  # whose ASCII is half zeros
        _refuse_binary(path, head)
    return as_utf8(head, decided)


def _refuse_binary(path: Path, head: bytes) -> None:
    like = next((what for magic, what in _NOT_TEXT.items() if head.startswith(magic)), "")
    if not like and head.count(b"\0") * 20 > len(head):
        like = "binary data"
    if like.endswith("Office document"):
        raise SourceError(
            f"{path} is not text: it looks like {like}",
            "if it is a workbook, say `format: excel` in the recipe, or give it its true ending; else convert it",
        )
    if like.endswith("archive"):
        raise SourceError(
            f"{path} is {like}, which cannot be read",
            "unpack it, and name the folder as the path of its source",
        )
    if like:
        raise SourceError(
            f"{path} is not text: it looks like {like}",
            f"convert it to a format that can be read: {', '.join(FORMATS)}, each plain or compressed",
        )
