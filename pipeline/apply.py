"""Carries out changes on a shard, and keeps the books.

This is the one place where records are edited, dropped, flagged or added. It works on Arrow columns: a column
that no change names is passed on as it is, and Python objects exist for changed rows only. After every call
`rows in + added = kept + dropped` has been checked, so a stage cannot lose a record even by mistake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.change import ADD, DROP, EDIT, FLAG
from pipeline.errors import LineageError
from pipeline.record import EDITABLE, TEXT_COLUMNS, record_key, text_keys

LEDGER_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("root", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("before_key", pa.string()),
        pa.field("after_key", pa.string()),
    ]
)
"""One row a change: the text key of the record before and after it (null before an add, after a drop)."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one shard: `kept` and `dropped` records and the `ledger` rows that say why."""

    kept: pa.Table
    dropped: pa.Table
    ledger: pa.Table
    added: int


def apply(shard: pa.Table, changes: pa.Table, stage: str, columns: pa.Table | None = None) -> Applied:
    """Carry out one stage's changes, and attach the columns it decided, on one shard.

    Args:
        shard: records, with any columns that earlier stages decided.
        changes: `CHANGE_SCHEMA`; every `id` (for an add: `root`) stands in the shard.
        stage: the instance name for the ledger.
        columns: `id` and one column a decision; an id of the shard that is not listed gets null.

    Raises:
        LineageError: a change names a record that is not here, comes after its drop, or the books
            do not balance.
    """
    if columns is not None:
        shard = _attach(shard, columns)
    if changes.num_rows == 0:
        return Applied(shard, shard.slice(0, 0), LEDGER_SCHEMA.empty_table(), 0)
    rows = _ChangedRows(shard, changes, stage)
    edited = _replace_rows(shard, rows)
    dropped_mask = np.zeros(shard.num_rows, dtype=bool)
    dropped_mask[list(rows.drops)] = True
    dropped = _with_reason(edited.filter(pa.array(dropped_mask)), rows, stage, dropped_mask)
    kept = edited.filter(pa.array(~dropped_mask)) if rows.drops else edited
    if rows.children:
        children = pa.Table.from_pylist(rows.children, schema=kept.schema)
        kept = pa.concat_tables([kept, children])
    if shard.num_rows + len(rows.children) != kept.num_rows + dropped.num_rows:
        raise LineageError(
            f"stage {stage!r}: {shard.num_rows} records in, {len(rows.children)} added, "
            f"{kept.num_rows} kept, {dropped.num_rows} dropped",
            "this is a defect of the stage: please report it with the recipe",
        )
    ledger = pa.Table.from_pylist(rows.ledger, schema=LEDGER_SCHEMA)
    return Applied(kept, dropped, ledger, len(rows.children))


class _ChangedRows:
    """Walks the changes of a shard in row order and remembers what each changed row becomes."""

    def __init__(self, shard: pa.Table, changes: pa.Table, stage: str) -> None:
        self.stage = stage
        self.drops: dict[int, str] = {}
        self.children: list[dict[str, object]] = []
        self.ledger: list[dict[str, object]] = []
        positions = _positions(shard, changes, stage)
        order = np.argsort(positions, kind="stable")
        touched, index = np.unique(positions, return_inverse=True)
        self.positions = touched
        subset = shard.take(pa.array(touched))
        self.records = subset.to_pylist()
        self._keys = text_keys(subset, TEXT_COLUMNS)
        listed = changes.to_pylist()
        for number in order:
            self._change(listed[number], int(index[number]), int(positions[number]))

    def _change(self, change: dict[str, object], slot: int, position: int) -> None:
        record = self.records[slot]
        action = change["action"]
        if position in self.drops:
            raise LineageError(
                f"stage {self.stage!r}: {action} {change['reason']!r} comes after the drop of record "
                f"{record['id']}",
                "a record is dropped once, and last",
            )
        before: str | None = self._keys[slot]
        after = before
        if action == EDIT:
            record.update({n: change[n] for n in EDITABLE if change[n] is not None})
            after = self._keys[slot] = record_key(record)
        elif action == FLAG:
            record["flags"] = [*record["flags"], change["reason"]]
        elif action == DROP:
            self.drops[position] = str(change["reason"])
            after = None
        elif action == ADD:
            child = {**record, **{n: change[n] for n in EDITABLE if change[n] is not None}}
            child["id"] = change["id"]
            child |= json.loads(str(change["columns"] or "{}"))
            self.children.append(child)
            before, after = None, record_key(child)
        else:
            raise LineageError(f"stage {self.stage!r} asks for an unknown action {action!r}")
        self.ledger.append(
            {
                "id": change["id"],
                "root": record["root"],
                "stage": self.stage,
                "action": action,
                "reason": change["reason"],
                "evidence": change["evidence"],
                "before_key": before,
                "after_key": after,
            }
        )


def _positions(shard: pa.Table, changes: pa.Table, stage: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the row of the shard that each change speaks of (for an add, its root's)."""
    is_add = pc.equal(changes.column("action"), ADD)
    targets = pc.if_else(is_add, changes.column("root"), changes.column("id"))
    found = pc.index_in(targets, value_set=shard.column("id"))
    if found.null_count:
        missing = targets.filter(pc.is_null(found)).to_pylist()
        raise LineageError(
            f"stage {stage!r} changes {len(missing)} records that are not in the shard, first {missing[0]}",
            "this is a defect of the stage: please report it with the recipe",
        )
    positions: np.ndarray[tuple[int], np.dtype[np.int64]] = found.to_numpy().astype(np.int64)
    return positions


def _replace_rows(shard: pa.Table, rows: _ChangedRows) -> pa.Table:
    """Put the changed rows into the columns that a change may alter; leave the others as they are."""
    indices = np.arange(shard.num_rows, dtype=np.int64)
    indices[rows.positions] = shard.num_rows + np.arange(len(rows.positions))
    take = pa.array(indices)
    for name in (*EDITABLE, "flags"):
        number = shard.schema.get_field_index(name)
        field = shard.schema.field(number)
        new = pa.chunked_array([pa.array([record[name] for record in rows.records], type=field.type)])
        old = shard.column(number)
        if new.equals(pa.chunked_array(old.take(pa.array(rows.positions)))):
            continue
        joined = pa.chunked_array([*old.chunks, *new.chunks], type=field.type)
        shard = shard.set_column(number, field, joined.take(take))
    return shard


def _with_reason(
    dropped: pa.Table,
    rows: _ChangedRows,
    stage: str,
    mask: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> pa.Table:
    reasons = [rows.drops[int(position)] for position in np.flatnonzero(mask)]
    dropped = dropped.append_column("dropped_by", pa.array([stage] * len(reasons), pa.string()))
    return dropped.append_column("drop_reason", pa.array(reasons, pa.string()))


def _attach(shard: pa.Table, columns: pa.Table) -> pa.Table:
    found = pc.index_in(shard.column("id"), value_set=columns.column("id"))
    for field in columns.schema:
        if field.name == "id":
            continue
        if field.name in EDITABLE or field.name in ("root", "source", "file", "line"):
            raise LineageError(f"a stage decided the column {field.name!r}, which no stage may set")
        values = columns.column(field.name).take(found)
        if field.name in shard.column_names:
            shard = shard.set_column(shard.column_names.index(field.name), field.name, values)
        else:
            shard = shard.append_column(field.name, values)
    return shard


def count_reasons(ledger: pa.Table) -> dict[str, dict[str, int]]:
    """Return how many ledger rows there are by action and reason, both sorted."""
    counts: dict[str, dict[str, int]] = {}
    pairs = zip(ledger.column("action").to_pylist(), ledger.column("reason").to_pylist(), strict=True)
    for action, reason in sorted(pairs):
        by_reason = counts.setdefault(action, {})
        by_reason[reason] = by_reason.get(reason, 0) + 1
    return counts
