"""The columns of one unit: how they are compared, found, reached into and left.

A column is found by its plain name (lower case, _ for spaces and hyphens). A dotted path reaches into nested
values: `answers.0.text`; a column that has that very name wins over the path. Rejected: JSONPath, whose
wildcards give many values where a field holds one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

Value: TypeAlias = dict[str, object]
Names: TypeAlias = tuple[str, ...]

ABSENT = object()
"""What `reach` returns where there is nothing."""

_SHOWN = 20
_LONGEST_NAME = 40
_WORD = re.compile(r"[a-z][a-z_-]{0,19}|[0-9]{1,4}")


def plain_name(name: str) -> str:
    """Return a column's name as shapes compare it: lower case, with _ for spaces and hyphens."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def column_named(value: Value, names: Iterable[str]) -> str | None:
    """Return the column of a unit that goes by the first of these names that occurs, null ones left out."""
    for name in names:
        if value.get(name) is not None:
            return name
    plain = {plain_name(column): column for column, found in value.items() if found is not None}
    return next((plain[name] for name in names if name in plain), None)


def reach(value: Value, path: str) -> object:
    """Return what a column, or a dotted path into one, holds; `ABSENT` where it leads nowhere."""
    if path in value or "." not in path:
        return value.get(path, ABSENT)
    found: object = value
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step, ABSENT)
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return ABSENT
    return found


def without(value: Value, paths: Iterable[str]) -> Value:
    """Return a unit without these columns; of a dotted path only the end goes (in a list: becomes null)."""
    rest = dict(value)
    for path in paths:
        if path in rest or "." not in path:
            rest.pop(path, None)
            continue
        column, *steps = path.split(".")
        if column in rest:
            rest[column] = _pruned(rest[column], steps)
    return rest


def _pruned(found: object, steps: list[str]) -> object:
    step, deeper = steps[0], steps[1:]
    if isinstance(found, dict) and step in found:
        if not deeper:
            return {name: held for name, held in found.items() if name != step}
        return {name: _pruned(held, deeper) if name == step else held for name, held in found.items()}
    if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
        place = int(step)
        end = _pruned(found[place], deeper) if deeper else None
        return [*found[:place], end, *found[place + 1 :]]
    return found


def kind_of(value: object) -> str:
    """Return what a value is, in one word: text, number, list, object or bytes."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, (list, bytes)):
        return "list" if isinstance(value, list) else "bytes"
    return "object" if isinstance(value, dict) else "number"


def shown(names: Iterable[str]) -> str:
    """Return names of columns for a message, at most twenty."""
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return (", ".join(map(short, every[:_SHOWN])) + more) or "no columns"


def as_word(value: object) -> str:
    """Return a value for a message if it is a plain word (`narrator`, `image_url`); else how long it is.

    What a data file holds where a role or a type should stand may be a person's name.
    """
    text = str(value)
    return text if _WORD.fullmatch(text) else f"<{len(text)} characters>"


def short(name: str) -> str:
    """Return a column's name, unless it is so long that it must be text (no header)."""
    return name if len(name) <= _LONGEST_NAME else f"<{len(name)} characters>"
