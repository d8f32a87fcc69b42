"""Ten records for every reason, each beside its evidence, with the passage that the evidence names marked.

Ids are digests, so the ten smallest are a random draw that is the same in every build of the same records.
Offsets of the evidence speak of the text as it was when the stage saw it; where a later stage changed it, nothing
is marked and the page says why, because a mark in the wrong place is worse than none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quality.report.distributions import IDENTIFIED
from quality.report.inputs import Example, Passage, Reason, ShownRecord
from quality.report.words import FIELDS, evidence_label, measure_words

EXAMPLES = 10
_SHOWN = 1200
_BEFORE_MARK = 200
_OTHERS = {
    "kept": "the record that was kept instead",
    "exact_twin": "the record that it equals",
    "other": "the other record",
    "parent": "the record that it was made from",
}
"""Evidence that names another record by its id, and what that record is."""

_HIDDEN = ("field", "start", "stop", "at")
_TEXTS = ("system", "history", "instruction", "input", "output")
_RECORD = ("id", "source", "file", "line", "lang", "status", *_TEXTS)
_PLACE = re.compile(r"(?P<field>.+?) (?P<start>\d+)-(?P<stop>\d+)")

Key = tuple[str, str, str]
"""Stage, action, reason."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the ledger, chosen as an example."""

    id: str
    evidence: Mapping[str, Any]


@dataclass(slots=True)
class Draw:
    """The ledger rows chosen so far, by reason: those with the smallest ids."""

    chosen: dict[Key, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, batch: pa.Table) -> None:
        """Consider the rows of one part of the ledger."""
        for (stage, action, reason), rows in _by_reason(batch):
            nearest = rows.take(pc.select_k_unstable(rows, EXAMPLES, [("id", "ascending")]))
            pairs = zip(nearest["id"].to_pylist(), nearest["evidence"].to_pylist(), strict=True)
            key = (stage, action, reason)
            self.chosen[key] = nsmallest(EXAMPLES, [*self.chosen.get(key, ()), *pairs])

    def events(self) -> dict[Key, list[Event]]:
        """Return the chosen rows with their evidence read."""
        return {
            key: [Event(id_, json.loads(evidence)) for id_, evidence in rows]
            for key, rows in self.chosen.items()
        }


def _by_reason(batch: pa.Table) -> Iterator[tuple[Key, pa.Table]]:
    names = ["stage", "action", "reason"]
    for row in batch.select(names).group_by(names).aggregate([]).to_pylist():
        same = [pc.equal(batch[name], row[name]) for name in names]
        yield (
            (row["stage"], row["action"], row["reason"]),
            batch.filter(pc.and_(pc.and_(same[0], same[1]), same[2])),
        )


def with_examples(
    counts: Mapping[Key, int], events: Mapping[Key, Sequence[Event]], folder: Path, order: Sequence[str]
) -> tuple[Reason, ...]:
    """Return the reasons with their examples.

    Args:
        counts: how many changes each reason made.
        events: the chosen rows of the ledger.
        folder: the build, whose records.parquet holds the texts.
        order: the names of the stages in the order they ran.
    """
    wanted = {event.id for listed in events.values() for event in listed}
    wanted |= {other for listed in events.values() for event in listed for other, _ in _named(event)}
    records = read_records(folder / "records.parquet", wanted)
    edited = _last_edits(folder / "ledger.parquet", wanted, order)
    place = {name: number for number, name in enumerate(order)}
    return tuple(
        Reason(
            *key,
            count,
            tuple(
                _example(event, records, edited.get(event.id, -1) > place[key[0]])
                for event in events.get(key, ())
            ),
        )
        for key, count in counts.items()
    )


def _named(event: Event) -> list[tuple[str, str]]:
    """Return the other records that an event names, as (id, key of the evidence)."""
    return [(str(event.evidence[key]), key) for key in _OTHERS if key in event.evidence]


def _measure_first(item: tuple[str, object]) -> tuple[int, str]:
    order = ("measure", "value", "threshold")
    return (order.index(item[0]) if item[0] in order else len(order), item[0])


def read_records(path: Path, wanted: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the wanted records of records.parquet by id, as far as `shown_record` needs them."""
    values = pa.array(sorted(wanted), pa.string())
    found: dict[str, dict[str, Any]] = {}
    with pq.ParquetFile(path) as file:
        names = [*_RECORD, *(name for name in (IDENTIFIED,) if name in file.schema_arrow.names)]
        for number in range(file.num_row_groups):
            ids = file.read_row_group(number, columns=["id"])["id"]
            mask = pc.is_in(ids, value_set=values)
            if pc.any(mask).as_py():
                rows = file.read_row_group(number, columns=names).filter(mask)
                found |= {row["id"]: row for row in rows.to_pylist()}
    return found


def _last_edits(path: Path, wanted: Iterable[str], order: Sequence[str]) -> dict[str, int]:
    """Return the number of the last stage that changed the texts of each wanted record."""
    values = pa.array(sorted(wanted), pa.string())
    place = {name: number for number, name in enumerate(order)}
    last: dict[str, int] = {}
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number, columns=["id", "stage", "action", "before_key", "after_key"])
            mask = pc.and_(pc.equal(rows["action"], "edit"), pc.is_in(rows["id"], value_set=values))
            mask = pc.and_(mask, pc.not_equal(rows["before_key"], rows["after_key"]))
            rows = rows.filter(pc.fill_null(mask, False))
            for id_, stage in zip(rows["id"].to_pylist(), rows["stage"].to_pylist(), strict=True):
                last[id_] = max(last.get(id_, -1), place[stage])
    return last


def _example(event: Event, records: Mapping[str, dict[str, Any]], changed: bool) -> Example:
    spans = _spans(event.evidence)
    others = _named(event)
    evidence = [
        (evidence_label(key), measure_words(str(value)).title if key == "measure" else _shown(value))
        for key, value in sorted(event.evidence.items(), key=_measure_first)
        if key not in _HIDDEN and key not in _OTHERS
    ]
    evidence += [(evidence_label(key), id_) for id_, key in others[1:]]
    return Example(
        record=shown_record(records[event.id], {} if changed else spans),
        evidence=tuple(evidence),
        other=shown_record(records[others[0][0]], {}) if others and others[0][0] in records else None,
        other_is=_OTHERS[others[0][1]] if others else "",
        remark="A later stage changed the text, so the passage cannot be marked."
        if spans and changed
        else "",
    )


def _spans(evidence: Mapping[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """Return the stretches that the evidence names, by field: `field, start, stop`, or a list `at`."""
    found: dict[str, list[tuple[int, int]]] = {}
    if {"field", "start", "stop"} <= evidence.keys():
        start, stop = int(evidence["start"]), int(evidence["stop"])
        found.setdefault(str(evidence["field"]), []).append((start, stop))
    for where in evidence.get("at", ()):
        match = _PLACE.fullmatch(str(where))
        if match:
            found.setdefault(match["field"], []).append((int(match["start"]), int(match["stop"])))
    return found


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def shown_record(row: Mapping[str, Any], spans: Mapping[str, Sequence[tuple[int, int]]]) -> ShownRecord:
    """Return a record as the page shows it, with stretches of its fields marked."""
    fields = []
    for name in _TEXTS:
        if name == "history":
            for number, turn in enumerate(row["history"]):
                for who in ("user", "assistant"):
                    said = f"history[{number}].{who}"
                    fields.append((FIELDS[who], passage(turn[who], spans.get(said, ()))))
        elif row[name] or name == "output":
            fields.append((FIELDS[name], passage(row[name], spans.get(name, ()))))
    return ShownRecord(
        id=row["id"],
        source=row["source"],
        place=f"{row['file']}:{row['line']}",
        lang=next((lang for lang in (row["lang"], row.get(IDENTIFIED)) if lang and lang != "und"), ""),
        status=row["status"],
        fields=tuple(fields),
    )


def passage(text: str, spans: Sequence[tuple[int, int]] = ()) -> Passage:
    """Return the part of a text that is shown: its beginning, or the surroundings of the first mark.

    Args:
        text: the whole text.
        spans: [start, stop) in code points; those outside of the text are left out.
    """
    marks: list[tuple[int, int]] = []
    for first, stop in sorted(spans):
        start = max(first, marks[-1][1] if marks else 0)
        if start < stop <= len(text):
            marks.append((start, stop))
    begin = 0
    if len(text) > _SHOWN and marks and marks[0][1] > _SHOWN:
        begin = max(0, marks[0][0] - _BEFORE_MARK)
    end = min(len(text), begin + _SHOWN)
    inside = ((max(start, begin) - begin, min(stop, end) - begin) for start, stop in marks)
    return Passage(
        text=text[begin:end],
        marks=tuple((start, stop) for start, stop in inside if start < stop),
        cut_before=begin,
        cut_after=len(text) - end,
    )
