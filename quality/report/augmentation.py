"""What became of the children that augmentation made: by method, and twenty that stay beside their parents.

Read from the columns of records.parquet alone. The twenty are those with the smallest ids, which are digests: a random
draw that is the same in every build of the same records.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from heapq import nsmallest
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from quality.report.examples import read_records, shown_record
from quality.report.inputs import Augmentation, MadeBy, ShownChild

SHOWN = 20
_METHOD = "augment_method"
_NUMBERS = ("meaning", "similarity", "bertscore", "copy", "perplexity_factor")


def read_augmentation(path: Path) -> Augmentation | None:
    """Return what records.parquet says of children; None where no stage made any.

    Args:
        path: of records.parquet.
    """
    schema = pq.read_schema(path)
    if _METHOD not in schema.names:
        return None
    numbers = [name for name in (f"augment_{short}" for short in _NUMBERS) if name in schema.names]
    columns = ["id", "root", "status", "drop_reason", _METHOD, *numbers]
    table = pq.read_table(path, columns=columns, partitioning=None)
    children = table.filter(pc.is_valid(table[_METHOD])).to_pylist()
    made: dict[str, Counter[str]] = defaultdict(Counter)
    for row in children:
        made[row[_METHOD]][row["drop_reason"] if row["status"] == "dropped" else ""] += 1
    chosen = nsmallest(SHOWN, (row for row in children if row["status"] == "kept"), key=lambda row: row["id"])
    records = read_records(path, {name for row in chosen for name in (row["id"], row["root"])})
    return Augmentation(
        methods=tuple(_made_by(name, counts) for name, counts in sorted(made.items())),
        children=tuple(_child(row, records, numbers) for row in chosen),
    )


def _made_by(method: str, counts: Counter[str]) -> MadeBy:
    lost = sorted(
        ((n, reason) for reason, n in counts.items() if reason), key=lambda pair: (-pair[0], pair[1])
    )
    return MadeBy(method, counts.total(), counts[""], tuple((reason, n) for n, reason in lost))


def _child(row: Mapping[str, Any], records: Mapping[str, Any], numbers: list[str]) -> ShownChild:
    told = tuple((name, row[name]) for name in numbers if row[name] is not None)
    return ShownChild(
        method=row[_METHOD],
        child=shown_record(records[row["id"]], {}),
        parent=shown_record(records[row["root"]], {}),
        numbers=told,
    )
