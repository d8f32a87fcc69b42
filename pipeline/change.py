"""Changes: the only thing a stage may answer with.

A stage never returns records. It returns one row a change, each with a reason and its evidence, and
`apply` carries them out; what no row names is untouched. The same rows, joined to the text keys before and
after, are the ledger, so lineage costs nothing extra and cannot drift from what was done.

Rejected: returning records (whatever a stage forgets is lost in silence) and free-text reasons (nothing
can be counted, filtered or explained by them).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa

from pipeline.errors import LineageError
from pipeline.record import EDITABLE, TURN

EDIT, DROP, FLAG, ADD = "edit", "drop", "flag", "add"
ACTIONS = (EDIT, DROP, FLAG, ADD)

Scalar: TypeAlias = str | int | float | bool
Evidence: TypeAlias = Mapping[str, Scalar | Sequence[Scalar]]
Text: TypeAlias = str | list[dict[str, str]]
"""The value of a text column: a string, or the turns of `history`."""

CHANGE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("evidence", pa.string(), nullable=False),
        pa.field("root", pa.string()),
        pa.field("system", pa.string()),
        pa.field("history", pa.list_(TURN)),
        pa.field("instruction", pa.string()),
        pa.field("input", pa.string()),
        pa.field("output", pa.string()),
        pa.field("meta", pa.string()),
        pa.field("columns", pa.string()),
    ]
)
"""One row a change. `reason` is `stage.what` or `stage.what.kind`; `evidence` is a JSON object of numbers,
ids and names of rules, never record text. The text columns and `meta` are null unless an edit (or an added child)
gives them a new value; `root` and `columns` (a JSON object) are null unless a child is added."""


class Changes:
    """Collects the changes of one stage over one batch, in order, column by column.

    A record may be edited and flagged several times and dropped once; a later edit sees, and is given, the
    fields that an earlier one left.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """What no row tells and the manifest should (asks that were not answered); summed over all batches."""
        self._columns: dict[str, list[object]] = {name: [] for name in CHANGE_SCHEMA.names}

    def __len__(self) -> int:
        return len(self._columns["id"])

    def edit(self, id_: str, reason: str, evidence: Evidence, fields: Mapping[str, Text]) -> None:
        """Give a record new texts.

        Raises:
            LineageError: `fields` is empty or names a column that no edit may touch.
        """
        unknown = sorted(set(fields) - set(EDITABLE))
        if unknown or not fields:
            named = ", ".join(unknown) or "nothing"
            raise LineageError(
                f"the edit {reason!r} of record {id_} changes {named}",
                f"an edit changes at least one of {', '.join(EDITABLE)}",
            )
        self._row(id_, EDIT, reason, evidence, fields)

    def drop(self, id_: str, reason: str, evidence: Evidence) -> None:
        """Take a record out of the dataset."""
        self._row(id_, DROP, reason, evidence, {})

    def flag(self, id_: str, reason: str, evidence: Evidence) -> None:
        """Keep a record and mark it for the review queue."""
        self._row(id_, FLAG, reason, evidence, {})

    def add(
        self,
        id_: str,
        root: str,
        reason: str,
        evidence: Evidence,
        fields: Mapping[str, Text],
        columns: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Add a child of `root`, which takes all that `fields` and `columns` do not name from its root.

        Args:
            id_: of the child.
            root: id of the record that it is made from, whose root is itself.
            reason: as of any change.
            evidence: as of any change.
            fields: its own texts.
            columns: what the stage decides of it, of the columns that the stage declares.
        """
        told = json.dumps(columns or {}, ensure_ascii=False, sort_keys=True)
        self._row(id_, ADD, reason, evidence, {"root": root, "columns": told, **fields})

    def _row(
        self, id_: str, action: str, reason: str, evidence: Evidence, fields: Mapping[str, Text]
    ) -> None:
        columns = self._columns
        columns["id"].append(id_)
        columns["action"].append(action)
        columns["reason"].append(reason)
        columns["evidence"].append(json.dumps(evidence, ensure_ascii=False, sort_keys=True))
        for name in ("root", "columns", *EDITABLE):
            columns[name].append(fields.get(name))

    def without(self, ids: Collection[str]) -> Changes:
        """Return these changes less those of the named records."""
        left, gone = Changes(), frozenset(ids)
        left.counts = self.counts
        keep = [n for n, id_ in enumerate(self._columns["id"]) if id_ not in gone]
        left._columns = {name: [values[n] for n in keep] for name, values in self._columns.items()}
        return left

    def table(self) -> pa.Table:
        """Return the changes as a table of `CHANGE_SCHEMA`, in the order they were made."""
        arrays = [pa.array(self._columns[field.name], type=field.type) for field in CHANGE_SCHEMA]
        return pa.Table.from_arrays(arrays, schema=CHANGE_SCHEMA)
