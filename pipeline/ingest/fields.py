"""From a unit to the fields of its record, or the reason why it has none.

A text that is absent or null is "". A number or boolean is written as JSON writes it. A list or an
object is refused: no way of joining it into a text is right for every file. What no field takes
goes to meta, as it was. Rejected: `str(value)`, which writes True, None and 1e+16.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from pipeline.ingest.shapes import ColumnMap, Value, kind_of
from pipeline.ingest.spec import TEXT_FIELDS
from pipeline.ingest.units import EMPTY, FIELD_MISSING, FIELD_TYPE, canonical


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one record that its unit fills."""

    system: str
    instruction: str
    input: str
    output: str
    lang: str
    meta: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a unit does not become a record."""

    reason: str
    detail: str


_ABSENT = object()
_TAKEN = frozenset((*TEXT_FIELDS, "lang"))


class FieldReader:
    """Reads the fields of units that share one column map."""

    def __init__(self, columns: ColumnMap, lang: str = "") -> None:
        self._fields = tuple((m.field, m.column, m.required) for m in columns.fields)
        self._columns = frozenset(m.column for m in columns.fields)
        self._lang = lang

    def read(self, value: Value) -> Fields | Unfit:
        """Return the fields of one unit, or why it has none."""
        texts: dict[str, str] = {}
        renamed: dict[str, object] = {}
        for field, column, required in self._fields:
            found = value.get(column, _ABSENT)
            if type(found) is str and field in _TAKEN:
                texts[field] = found
            elif found is _ABSENT:
                if required:
                    return self._missing(value, column)
            elif field not in _TAKEN:
                renamed[field] = found
            elif isinstance(found, (list, dict, bytes)):
                return Unfit(FIELD_TYPE, f"column {column} holds {kind_of(found)}, not text")
            else:
                texts[field] = _scalar_text(found)
        return self._whole(value, texts, renamed)

    def _whole(self, value: Value, texts: dict[str, str], renamed: dict[str, object]) -> Fields | Unfit:
        get = texts.get
        system, instruction = get("system", ""), get("instruction", "")
        input_, output = get("input", ""), get("output", "")
        if not (output or instruction or input_ or system) or not (
            output.strip() or instruction.strip() or input_.strip() or system.strip()
        ):
            return Unfit(EMPTY, "every field is empty")
        meta = "{}"
        if renamed or not value.keys() <= self._columns:
            rest = {name: v for name, v in value.items() if name not in self._columns}
            meta = canonical(rest | renamed).decode()
        return Fields(system, instruction, input_, output, get("lang", "") or self._lang, meta)

    def _missing(self, value: Value, column: str) -> Unfit:
        if all(found is None or found == "" for found in value.values()):
            return Unfit(EMPTY, "no column holds anything")
        return Unfit(FIELD_MISSING, f"no column {column}")


def _scalar_text(value: object) -> str:
    """Return a number or boolean as JSON writes it, a date or decimal as text, null as ""."""
    text = orjson.dumps(value, default=str).decode()
    return "" if text == "null" else text.strip('"')  # NaN is how tables write nothing
