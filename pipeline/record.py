"""What a record is: its columns, its identity and its text keys.

Records live in Arrow tables from end to end and become Python objects only where one changes, so this
module defines a schema and hashes, not a class with methods. An id depends on where a record's raw text
came from and on nothing else: not on its position, the recipe, the worker or the time. Rejected: a running
number (deleting a line renames all that follow) and a hash of the cleaned text (cleaning would rename it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import xxhash

TURN = pa.struct([("user", pa.string()), ("assistant", pa.string())])

RECORD_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("root", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("system", pa.string(), nullable=False),
        pa.field("history", pa.list_(TURN), nullable=False),
        pa.field("instruction", pa.string(), nullable=False),
        pa.field("input", pa.string(), nullable=False),
        pa.field("output", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("meta", pa.string(), nullable=False),
    ]
)
"""The columns of a record. `file` is the path within the source and `line` the 1-based line (element or
row where the format has no lines) that it was read from; an absent text is "", never null; `flags` holds
the reasons of the gates that flagged it; `meta` is a JSON object of the columns that no field took."""

TEXT_COLUMNS = ("system", "history", "instruction", "input", "output")
"""The columns that hold what a model would read, and that the text key covers."""

EDITABLE = (*TEXT_COLUMNS, "meta")
"""The columns that a change may edit; `meta` counts in no text key, for no model reads it."""

_ID_BYTES = 12
_UNIT_DIGITS = 20
MOST_PARTS = 16**4
"""A unit becomes fewer records than this: their ids differ in four digits."""


def record_id(source: str, file: str, raw: bytes, occurrence: int) -> str:
    """Return a record's id: 24 hexadecimal digits of BLAKE2b.

    Args:
        source: name of the source in the recipe.
        file: POSIX path of the file within the source.
        raw: the unit as it was read.
        occurrence: how many equal units stand before it in the file, from 0.
    """
    digest = blake2b(digest_size=_ID_BYTES)
    for part in (source.encode(), file.encode(), str(occurrence).encode(), raw):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def part_id(unit_id: str, part: int) -> str:
    """Return the id of one of the records that a unit became: that of the first is the unit's own.

    They share the first 20 digits, so that they are known to be of one unit wherever an id is: lines do not tell,
    for a file may hold all its units in one.

    Args:
        unit_id: `record_id` of the unit.
        part: number of the record among those of its unit, from 0, below `MOST_PARTS`.
    """
    last = (int(unit_id[_UNIT_DIGITS:], 16) + part) % MOST_PARTS
    return f"{unit_id[:_UNIT_DIGITS]}{last:04x}"


def unit_of(id_: str) -> str:
    """Return what the ids of all records of one unit begin with."""
    return id_[:_UNIT_DIGITS]


def text_key(values: Iterable[str]) -> str:
    """Return the key under which a measure of these texts is cached: 32 hexadecimal digits of XXH3-128."""
    digest = xxhash.xxh3_128()
    for value in values:
        data = value.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


def text_keys(table: pa.Table, columns: Sequence[str] = TEXT_COLUMNS) -> list[str]:
    """Return one text key a row over the named columns, in row order.

    The key of a row depends on its texts alone: equal texts in other shards, files or builds share it.
    """
    rows: list[list[str]] = []
    for name in columns:
        values = table.column(name).to_pylist()
        rows.append([_flatten_history(turns) for turns in values] if name == "history" else values)
    return [text_key(row) for row in zip(*rows, strict=True)]


def record_key(record: Mapping[str, Any]) -> str:
    """Return the text key of one record over all text columns, equal to its row in `text_keys`."""
    return text_key(
        _flatten_history(record[name]) if name == "history" else record[name] for name in TEXT_COLUMNS
    )


def _flatten_history(turns: list[dict[str, str]]) -> str:
    return "\x1e".join(f"{turn['user']}\x1f{turn['assistant']}" for turn in turns)


def prompt_of(instruction: str, input_: str) -> str:
    """Return the prompt as one text: the instruction, and below it the input if there is one."""
    return f"{instruction}\n{input_}" if input_ else instruction
