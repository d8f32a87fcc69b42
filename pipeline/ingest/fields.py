"""From a unit to its records, by the shape that fits it, or the reason why there are none.

A text that is absent or null is "". A number or boolean is written as JSON writes it. A list or an
object is refused: no way of joining it into a text is right for every file. What no field takes
goes to meta, as it was. Rejected: `str(value)`, which writes True, None and 1e+16.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pipeline.ingest.columns import ABSENT, Value, kind_of, reach, shown, without
from pipeline.ingest.detection import ColumnMap, fit_columns, fits_unit
from pipeline.ingest.parts import Fields, Parts, whole
from pipeline.ingest.shapes import SHAPES
from pipeline.ingest.spec import TEXT_FIELDS, SourceSpec
from pipeline.ingest.turns import Unfit
from pipeline.ingest.units import EMPTY, FIELD_MISSING, FIELD_TYPE, canonical

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
            found = value.get(column, ABSENT)
            if found is ABSENT and "." in column:
                found = reach(value, column)
            if type(found) is str and field in _TAKEN:
                texts[field] = found
            elif found is ABSENT:
                if required:
                    return self._missing(value, column)
            elif field not in _TAKEN:
                renamed[field] = found
            elif isinstance(found, (list, dict, bytes)):
                return Unfit(FIELD_TYPE, f"column {column} holds {kind_of(found)}, not text")
            else:
                texts[field] = _scalar_text(found)
        get = texts.get
        meta = "{}"
        if renamed or not value.keys() <= self._columns:
            meta = canonical(without(value, self._columns) | renamed).decode()
        lang = get("lang", "") or self._lang
        system, instruction = get("system", ""), get("instruction", "")
        return whole(Fields(system, instruction, get("input", ""), get("output", ""), lang, meta))

    def _missing(self, value: Value, column: str) -> Unfit:
        if all(found is None or found == "" for found in value.values()):
            return Unfit(EMPTY, "no column holds anything")
        return Unfit(FIELD_MISSING, f"no column {column}; it has {shown(value)}")


class UnitReader:
    """Reads the units of one file: each by the shape that fits it best.

    Args:
        columns: the file's main shape and the others that its first units have.
        spec: the source; where it declares a shape, no other is tried.
    """

    def __init__(self, columns: ColumnMap, spec: SourceSpec) -> None:
        self._spec = spec
        self._main = columns
        self._auto = spec.shape == "auto" and spec.columns is None
        seen = (columns, *columns.others)
        self._flat = [(each, FieldReader(each, spec.lang)) for each in seen if each.fields]
        self._seen = frozenset(each.shape for each in seen)

    def read(self, value: Value) -> tuple[str, Parts | Unfit]:
        """Return the shape of a unit and its records, or why it has none."""
        if not self._auto:
            return self._main.shape, self._declared(value)
        nested = any(isinstance(held, (list, dict)) for held in value.values())
        for name, outcome in self._structured(value, None if nested else self._seen):
            return name, outcome
        for columns, reader in self._flat:
            if fits_unit(columns, value) and not _is_blank(columns, value):
                return columns.shape, _one(reader.read(value))
        return self._late(value)

    def _declared(self, value: Value) -> Parts | Unfit:
        if self._flat:
            return _one(self._flat[0][1].read(value))
        read = SHAPES[self._main.shape].read
        assert read is not None
        outcome = read(value, self._spec)
        return outcome if outcome is not None else self._not_this(value)

    def _structured(self, value: Value, only: frozenset[str] | None) -> Iterator[tuple[str, Parts | Unfit]]:
        for name, shape in SHAPES.items():
            held_back = name not in self._seen and (only is not None or name == "transcript")
            if shape.read is None or held_back:
                continue
            outcome = shape.read(value, self._spec)
            if outcome is not None:
                yield name, outcome

    def _late(self, value: Value) -> tuple[str, Parts | Unfit]:
        """Read a unit that fits none of the shapes that the first units had."""
        for name, outcome in self._structured(value, None):
            return name, outcome
        partly = any(m.required and m.column in value for columns, _ in self._flat for m in columns.fields)
        for name, shape in SHAPES.items():
            if shape.read is None and not (partly and shape.alone is not None):
                columns = fit_columns(name, [value], self._spec.lang)
                if columns is not None and not _is_blank(columns, value):
                    return name, _one(FieldReader(columns, self._spec.lang).read(value))
        for columns, reader in self._flat:
            if fits_unit(columns, value):  # what it requires is null
                return columns.shape, _one(reader.read(value))
        if self._main.fields:
            fields = self._flat[0][1].read(value)
            if isinstance(fields, Unfit):
                return self._main.shape, fields
        return self._main.shape, self._not_this(value)

    def _not_this(self, value: Value) -> Unfit:
        if all(found is None or found == "" or found == [] for found in value.values()):
            return Unfit(EMPTY, "no column holds anything")
        wanted = SHAPES[self._main.shape].shown
        return Unfit(FIELD_MISSING, f"it is not {wanted}; its columns are {shown(value)}")


def _one(outcome: Fields | Unfit) -> Parts | Unfit:
    return outcome if isinstance(outcome, Unfit) else Parts((outcome,))


def _is_blank(columns: ColumnMap, value: Value) -> bool:
    """Return whether a column that the shape requires is null: another shape may fit better."""
    return any(m.required and value.get(m.column) is None for m in columns.fields)


def _scalar_text(value: object) -> str:
    """Return a number or boolean as JSON writes it, a date or decimal as text, null as ""."""
    text = orjson.dumps(value, default=str).decode()
    return "" if text == "null" else text.strip('"')  # NaN is how tables write nothing
