"""A record as the scrub sees it: a flat list of texts, and how they go back into its columns.

Meta is part of it, because it reaches records.parquet and may reach exports: every text in it, every number long
enough to be a telephone's or a card's, and the keys. A value is shown to the detectors with its key before it
(`qq: 12345678`), as a person would read it. Rejected: meta as one text (a replaced quote or brace would break its
JSON).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from pipeline.record import TEXT_COLUMNS

META = "meta"
_LEAST_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: its column, how a person would name the place, and what a reader sees before it."""

    column: str
    shown: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """One record's texts with their places, system first, meta last; `meta` is the parsed JSON."""

    id: str
    texts: list[str]
    places: list[Place]
    turns: int
    meta: Any

    def column(self, name: str, texts: Sequence[str]) -> str | list[dict[str, str]]:
        """Return a column's value with other texts in it."""
        if name == META:
            return orjson.dumps(_with_texts(self.meta, iter(texts[4 + 2 * self.turns :]))).decode()
        if name == "history":
            said = texts[1 : 1 + 2 * self.turns]
            pairs = zip(said[::2], said[1::2], strict=True)
            return [{"user": user, "assistant": assistant} for user, assistant in pairs]
        place = {"system": 0, "instruction": 1, "input": 2, "output": 3}[name]
        return texts[place + 2 * self.turns if place else 0]


def drafts(batch: pa.Table) -> Iterator[Draft]:
    """Yield each record of a batch."""
    columns = [batch.column(name).to_pylist() for name in ("id", *TEXT_COLUMNS, META)]
    for id_, system, history, instruction, input_, output, meta in zip(*columns, strict=True):
        texts, places = [system], [Place("system", "system")]
        for number, turn in enumerate(history):
            for who in ("user", "assistant"):
                texts.append(turn[who])
                places.append(Place("history", f"history[{number}].{who}"))
        texts += [instruction, input_, output]
        places += [Place(name, name) for name in ("instruction", "input", "output")]
        parsed = orjson.loads(meta) if meta and meta != "{}" else {}
        for text, before in _texts_of(parsed, ""):
            texts.append(text)
            places.append(Place(META, META, before))
        yield Draft(id_, texts, places, len(history), parsed)


def _texts_of(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """Yield every text of a JSON value, with the key that it stands under."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, ""
            yield from _texts_of(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_of(inner, key)
    elif isinstance(value, str):
        yield value, f"{key.replace('_', ' ')}: " if key else ""
    elif _is_telling(value):
        yield _written(value), f"{key.replace('_', ' ')}: " if key else ""


def _with_texts(value: Any, texts: Iterator[str]) -> Any:
    """Return a JSON value with other texts in the places that `_texts_of` yields."""
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        for inner in value.values():
            name = next(texts)
            while name in made:
                name += "'"
            made[name] = _with_texts(inner, texts)
        return made
    if isinstance(value, list):
        return [_with_texts(inner, texts) for inner in value]
    if isinstance(value, str):
        return next(texts)
    if _is_telling(value):
        text = next(texts)
        return value if text == _written(value) else text
    return value


def _is_telling(value: object) -> bool:
    return type(value) in (int, float) and len(_written(value)) >= _LEAST_DIGITS


def _written(value: object) -> str:
    return orjson.dumps(value).decode()


def changed_columns(draft: Draft, before: Sequence[str], after: Sequence[str]) -> Mapping[str, Any]:
    """Return the new value of every column that differs."""
    moved = {place.column for place, old, new in zip(draft.places, before, after, strict=True) if old != new}
    return {name: draft.column(name, after) for name in (*TEXT_COLUMNS, META) if name in moved}
