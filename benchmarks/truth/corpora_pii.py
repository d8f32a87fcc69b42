"""Reads the texts of the public corpora that personal data was labelled in, each by file, row and field.

One reader for the labeller and the scorer, so that an offset means the same in both: texts are taken as they
stand in the file, nothing is normalised. Rejected: `pipeline.ingest`, whose repairs would move the offsets.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
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
    """Return the records of a file: of a JSON array or object, JSON lines, a table, or lines of text."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing; name the folder of corpora with --data")
    raw, name = path.read_bytes(), path.name
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            name = archive.namelist()[0]
            raw = archive.read(name)
    if name.endswith(".gz"):
        raw, name = gzip.decompress(raw), name.removesuffix(".gz")
    text = raw.decode("gb18030" if "toyhom" in str(path) else "utf-8-sig")
    if name.endswith((".csv", ".tsv")):
        delimiter = "\t" if name.endswith(".tsv") else ","
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    if name.endswith(".txt"):
        return text.split("\n")
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    return list(whole.values()) if isinstance(whole, dict) else list(whole)
