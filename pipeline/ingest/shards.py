"""From fields to Arrow tables: ids, occurrence numbers, and shards of bounded size.

A shard ends at the wanted number of rows or at 64 MiB of units, whichever comes first, so that a
file of huge records is as bounded as one of small ones. The first record of a unit has the unit's id,
a further one that of the unit and its number; they stand in one shard unless they are more than fit.
Equal units are counted by 64-bit hashes in
sorted arrays: 8 bytes a unit, where a dict would take a hundred. A collision (about 1 in 10^5 over
15 million units) costs an occurrence number, never an id that two records share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from pipeline.ingest.parts import Fields
from pipeline.record import RECORD_SCHEMA, part_id, record_id

_SHARD_BYTES = 64 * 1024 * 1024


class Occurrences:
    """Counts how often each hash was seen, over batches.

    Keeps runs of sorted unique hashes with their counts, merged when a newer run has grown as long
    as the one before it: so there are at most log2(n) runs, and adding n hashes takes O(n log n) in
    all.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[NDArray[np.uint64], NDArray[np.uint32]]] = []

    def add(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return for each hash (uint64 [n]) how many equal ones came before it, in all batches."""
        unique, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        before = np.zeros(len(unique), dtype=np.int64)
        for keys, seen in self._runs:
            place = np.minimum(np.searchsorted(keys, unique), len(keys) - 1)
            before += np.where(keys[place] == unique, seen[place], 0)
        order = np.argsort(inverse, kind="stable")
        starts = np.cumsum(counts) - counts
        within = np.empty(len(hashes), dtype=np.int64)
        within[order] = np.arange(len(hashes)) - np.repeat(starts, counts)
        self._push(unique, counts.astype(np.uint32))
        return before[inverse] + within

    def _push(self, keys: NDArray[np.uint64], counts: NDArray[np.uint32]) -> None:
        while self._runs and len(self._runs[-1][0]) <= len(keys):
            old_keys, old_counts = self._runs.pop()
            both = np.concatenate((old_keys, keys))
            weights = np.concatenate((old_counts, counts))
            order = np.argsort(both, kind="stable")
            both, weights = both[order], weights[order]
            first = np.flatnonzero(np.r_[True, both[1:] != both[:-1]])
            keys, counts = both[first], np.add.reduceat(weights, first).astype(np.uint32)
        self._runs.append((keys, counts))


class ShardWriter:
    """Collects the records of one file and hands them on as tables of `RECORD_SCHEMA`.

    Args:
        source: name of the source.
        file: name of the file within it.
        tags: tags of every record.
        rows: the most rows that a table may have.
        write: takes each table, in file order.
    """

    def __init__(
        self,
        source: str,
        file: str,
        tags: tuple[str, ...],
        rows: int,
        write: Callable[[pa.Table], None],
    ) -> None:
        self._source = source
        self._file = file
        self._tags = list(tags)
        self._rows = rows
        self._write = write
        self._occurrences = Occurrences()
        self._raws: list[bytes] = []
        self._lines: list[int] = []
        self._parts: list[Sequence[Fields]] = []
        self._held = 0
        self._bytes = 0
        self.units = 0
        self.written = 0

    def add(self, line: int, raw: bytes, parts: Sequence[Fields]) -> None:
        """Add the records of one unit: where it stands, its canonical bytes, and their fields."""
        if self._held and self._held + len(parts) > self._rows:
            self.flush()
        self._raws.append(raw)
        self._lines.append(line)
        self._parts.append(parts)
        self._held += len(parts)
        self._bytes += len(raw)
        if self._held >= self._rows or self._bytes >= _SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand on what was added since the last table, if anything."""
        if not self._raws:
            return
        table = self._table()
        self.units += len(self._raws)
        self._raws, self._lines, self._parts, self._held, self._bytes = [], [], [], 0, 0
        for start in range(0, table.num_rows, self._rows):
            piece = table.slice(start, self._rows)
            self._write(piece)
            self.written += piece.num_rows

    def _table(self) -> pa.Table:
        hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, self._raws), np.uint64, len(self._raws))
        numbers = self._occurrences.add(hashes).tolist()
        units = [
            record_id(self._source, self._file, raw, number)
            for raw, number in zip(self._raws, numbers, strict=True)
        ]
        ids = [
            part_id(unit, part) if part else unit
            for unit, parts in zip(units, self._parts, strict=True)
            for part in range(len(parts))
        ]
        n, rows = len(ids), [fields for parts in self._parts for fields in parts]
        lines = [line for line, parts in zip(self._lines, self._parts, strict=True) for _ in parts]
        columns: dict[str, list[object]] = {
            "id": [*ids],
            "root": [*ids],
            "source": [self._source] * n,
            "file": [self._file] * n,
            "line": [*lines],
            "system": [row.system for row in rows],
            "history": [[{"user": user, "assistant": said} for user, said in row.history] for row in rows],
            "instruction": [row.instruction for row in rows],
            "input": [row.input for row in rows],
            "output": [row.output for row in rows],
            "lang": [row.lang for row in rows],
            "tags": [self._tags] * n,
            "flags": [[]] * n,
            "meta": [row.meta for row in rows],
        }
        arrays = [pa.array(columns[field.name], type=field.type) for field in RECORD_SCHEMA]
        return pa.Table.from_arrays(arrays, schema=RECORD_SCHEMA)
