"""The columns of a shard as a measure reads them: those that are there, those that no stage decided, a parent's."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.store import Store

PARENT = "parent."
"""Before the name of a string column, in what a measure reads: the value of the record that this one is a child of."""


def columns_of(store: Store, shard: str, reads: Sequence[str]) -> pa.Table:
    """Return the columns that a measure reads; one that no earlier stage decided is empty.

    A parent's column is empty where the record is no child, and where its parent is not there any more.
    """
    own = [name for name in reads if not name.startswith(PARENT)]
    if len(own) == len(reads):
        return _own(store, shard, reads)
    wanted = [name.removeprefix(PARENT) for name in reads if name.startswith(PARENT)]
    table = _own(store, shard, list(dict.fromkeys(["id", "root", *own, *wanted])))
    at = pc.index_in(table.column("root"), value_set=table.column("id").combine_chunks())
    at = pc.if_else(pc.equal(table.column("root"), table.column("id")), pa.scalar(None, at.type), at)
    columns = [
        pc.fill_null(table.column(name.removeprefix(PARENT)).take(at), "")
        if name.startswith(PARENT)
        else table.column(name)
        for name in reads
    ]
    return pa.Table.from_arrays(columns, names=list(reads))


def _own(store: Store, shard: str, reads: Sequence[str]) -> pa.Table:
    present = store.metadata("shards", shard).schema.to_arrow_schema().names
    table = store.read_table("shards", shard, columns=[name for name in reads if name in present])
    columns = [
        pc.fill_null(table.column(name), "")
        if name in present and pa.types.is_string(table.schema.field(name).type)
        else table.column(name)
        if name in present
        else pa.array([""] * table.num_rows, pa.string())
        for name in reads
    ]
    return pa.Table.from_arrays(columns, names=list(reads))
