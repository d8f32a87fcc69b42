"""One walk over a build's ledger: ten examples a reason, and the numbers that stand in the evidence.

Evidence is JSON, and of millions of rows only a few numbers are wanted; they are cut out by Arrow's own regular
expressions, column by column. Rejected: parsing each row in Python (a minute for a million changes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from quality.report.distributions import distribution
from quality.report.examples import Draw
from quality.report.inputs import Distribution, Threshold
from quality.report.words import SIMILARITIES


@dataclass(slots=True)
class Events:
    """What one walk over the ledger gathers.

    Args:
        draw: the examples.
        values: how many values each `pii.` reason replaced.
        similar: the similarities of dropped duplicates, in parts.
        bounds: the thresholds that evidence names, in the order of the ledger.
    """

    draw: Draw = field(default_factory=Draw)
    values: dict[str, int] = field(default_factory=dict)
    similar: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    bounds: dict[Threshold, None] = field(default_factory=dict)


def read_events(path: Path) -> Events:
    """Walk over a ledger, one row group at a time."""
    seen = Events()
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            rows = file.read_row_group(number, columns=["id", "stage", "action", "reason", "evidence"])
            seen.draw.add(rows)
            _count_values(rows, seen)
            _note_similarities(rows, seen)
            _note_bounds(rows, seen)
    return seen


def similarities(seen: Events) -> tuple[Distribution, ...]:
    """Return how alike dropped duplicates and what was kept instead of them are."""
    made = []
    for name in SIMILARITIES:
        if name in seen.similar:
            values = np.concatenate(seen.similar[name])
            groups = pa.array(["all duplicates"] * len(values)).dictionary_encode()
            own = [each for each in seen.bounds if each.measure == name]
            made.append(distribution(name, values, groups, own))
    return tuple(each for each in made if each is not None)


def _number(evidence: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """Return a number of the evidence, NaN where it is not there."""
    found = pc.extract_regex(evidence, rf'"{name}": (?P<number>-?[0-9][0-9.eE+-]*)')
    numbers: NDArray[np.float64] = pc.struct_field(found, "number").cast(pa.float64()).to_numpy()
    return numbers


def _count_values(rows: pa.Table, seen: Events) -> None:
    rows = rows.filter(pc.and_(pc.equal(rows["action"], "edit"), pc.starts_with(rows["reason"], "pii.")))
    if not rows.num_rows:
        return
    counted = pa.table(
        {"reason": rows["reason"], "values": np.nan_to_num(_number(rows["evidence"], "count"))}
    )
    for row in counted.group_by("reason").aggregate([("values", "sum")]).to_pylist():
        seen.values[row["reason"]] = seen.values.get(row["reason"], 0) + int(row["values_sum"] or 0)


def _note_similarities(rows: pa.Table, seen: Events) -> None:
    rows = rows.filter(
        pc.and_(pc.equal(rows["action"], "drop"), pc.match_substring(rows["evidence"], '"kept":'))
    )
    if not rows.num_rows:
        return
    bound = _number(rows["evidence"], "threshold")
    numbers = {name: _number(rows["evidence"], name) for name in SIMILARITIES}
    near = pc.ends_with(rows["reason"], ".near").to_numpy()
    lexical = np.isfinite(numbers["lexical_cosine"]) & ~near
    belongs = {"jaccard": near, "lexical_cosine": lexical, "cosine": ~near & ~lexical}
    for name, values in numbers.items():
        if np.isfinite(values).any():
            seen.similar.setdefault(name, []).append(values[np.isfinite(values)])
            for low in np.unique(bound[belongs[name] & np.isfinite(bound) & np.isfinite(values)]).tolist():
                stage = rows["stage"][0].as_py()
                seen.bounds[Threshold(name, low, None, "drop", "", "least for a duplicate", stage)] = None


def _note_bounds(rows: pa.Table, seen: Events) -> None:
    """Note what a measure was compared with: the evidence of a gate names measure, value and threshold."""
    rows = rows.filter(pc.is_in(rows["action"], value_set=pa.array(["drop", "flag"])))
    named = pc.struct_field(pc.extract_regex(rows["evidence"], r'"measure": "(?P<name>[a-z_0-9]+)"'), "name")
    value, bound = _number(rows["evidence"], "value"), _number(rows["evidence"], "threshold")
    table = pa.table(
        {
            "stage": rows["stage"],
            "action": rows["action"],
            "measure": named,
            "bound": bound,
            "above": value > bound,
        }
    ).filter(pc.and_(pc.is_valid(named), pa.array(np.isfinite(bound) & np.isfinite(value))))
    names = ["stage", "action", "measure", "bound", "above"]
    for row in (
        table.group_by(names, use_threads=False)
        .aggregate([])
        .sort_by([(n, "ascending") for n in names])
        .to_pylist()
    ):
        low, high = (None, row["bound"]) if row["above"] else (row["bound"], None)
        seen.bounds[Threshold(row["measure"], low, high, row["action"], "", "", row["stage"])] = None
