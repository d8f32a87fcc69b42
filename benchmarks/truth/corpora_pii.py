"""Reads the texts of the public corpora that personal data was labelled in, each by file, row and field.

One reader for the labeller and the scorer, so that an offset means the same in both: texts are taken as they
stand in the file, nothing is normalised. Rejected: `pipeline.ingest`, whose repairs would move the offsets.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import html
import io
import json
import re
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any


def text_at(data: Path, file: str, row: int, field: str) -> str:
    """Return one text: `field` is a dotted path of keys and positions, "" for a row that is a text itself.

    Raises:
        SystemExit: the file is not there.
        LookupError: it has no such row or field.
    """
    value: Any = rows(data / file)[row]
    for key in field.split(".") if field else ():
        value = value[int(key)] if isinstance(value, list) else value[key]
    return str(value)


def digest(text: str) -> str:
    """Return 16 hexadecimal digits that change when the text does."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def half(text: str) -> str:
    """Return the half that a text belongs to: `tune` or `frozen`."""
    return "frozen" if int(digest(text), 16) % 2 else "tune"


@cache
def rows(path: Path) -> list[Any]:
    """Return the records of a file: JSON array or object, JSON lines, table, translation memory, lines of text."""
    archived = next((p for p in path.parents if p.suffix == ".zip"), None)
    if not (archived or path).is_file():
        raise SystemExit(f"{archived or path} is missing; name the folder of corpora with --data")
    raw, name = (archived or path).read_bytes(), path.name
    if archived:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(path.relative_to(archived).as_posix())
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            name = archive.namelist()[0]
            raw = archive.read(name)
    if name.endswith(".tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
            member = next(m for m in archive.getmembers() if m.name.endswith(".tsv"))
            content = archive.extractfile(member)
            assert content is not None
            # A quotation mark in these tables is a character of the sentence.
            lines = io.StringIO(content.read().decode("utf-8"), newline="")
            return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    if name.endswith(".gz"):
        raw, name = gzip.decompress(raw), name.removesuffix(".gz")
    text = raw.decode("gb18030" if "toyhom" in str(path) else "utf-8-sig")
    if name.endswith((".csv", ".tsv")):
        delimiter = "\t" if name.endswith(".tsv") else ","
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    if name.endswith(".tmx"):
        return [
            {"zh": html.unescape(seg)}
            for seg in re.findall(r'<tuv xml:lang="zh">\s*<seg>(.*?)</seg>', text, re.S)
        ]
    if name.endswith(".txt"):
        return text.split("\n")
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return list(whole.values()) if isinstance(whole, dict) else list(whole)
