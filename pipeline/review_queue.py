"""The review queue: whom to ask about what, one record a line, each with why in words.

Three kinds of records are worth a person's time: those that a stage flagged, those nearest to a threshold on either
side (they show whether it cuts at the right place; what was dropped may be called back by accepting it), and a random
sample, from which alone the quality of the whole can be told. It is read off records.parquet, so it names the texts
as they leave the build, and a record that is wanted twice stands there once. Rejected: the most doubtful records only
(no share of anything can be computed from them).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.record import TEXT_COLUMNS, text_keys
from pipeline.stages.gates import Threshold
from quality.report.words import measure_words, reason_words
from quality.review import draw

_STRATA = ("source", "lang", "split")
_SHOWN = ("root", "id", "status", "split", "source", "file", "line", "lang", "flags", *TEXT_COLUMNS)

Why = dict[int, list[str]]
"""Sentences by the row of records.parquet."""


def write_queue(
    folder: Path,
    thresholds: Sequence[tuple[str, Threshold]],
    sample: int,
    nearest: int,
    seed: int,
) -> int:
    """Write review/queue.jsonl; return how many records it holds.

    Args:
        folder: a build folder with records.parquet.
        thresholds: the limits that records were held against, with the stage of each.
        sample: how many kept records to draw at random, stratified by source, language and split.
        nearest: how many records to show on either side of each threshold.
        seed: of the draw.
    """
    path = folder / "records.parquet"
    why, drawn = _flagged(path), _sampled(path, sample, seed)
    for number, stratum in drawn.items():
        text = "drawn at random, to learn how many records people accept as they are"
        why.setdefault(number, []).append(f"{text} ({stratum})")
    for number, sentence in _near(path, thresholds, nearest):
        why.setdefault(number, []).append(sentence)
    (folder / "review").mkdir()
    with (folder / "review" / "queue.jsonl").open("wb") as stream:
        for number, row, key in _texts(path, sorted(why)):
            item = {"text_key": key, "sample": number in drawn, "why": why[number], **row}
            stream.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))
    return len(why)


def _read(path: Path, names: Sequence[str]) -> pa.Table:
    return pq.read_table(path, columns=list(names), partitioning=None)


def _flagged(path: Path) -> Why:
    """Return the kept records that a stage flagged."""
    table = _read(path, ("status", "flags"))
    mask = pc.and_(pc.equal(table["status"], "kept"), pc.greater(pc.list_value_length(table["flags"]), 0))
    rows = np.flatnonzero(mask.to_numpy()).tolist()
    flags = table["flags"].filter(mask).to_pylist()
    return {
        number: [f"{reason}: {reason_words(reason).sentence}" for reason in dict.fromkeys(reasons)]
        for number, reasons in zip(rows, flags, strict=True)
    }


def _sampled(path: Path, size: int, seed: int) -> dict[int, str]:
    """Return the rows that are drawn, with their strata."""
    table = _read(path, ("root", "status", *_STRATA))
    kept = np.flatnonzero(pc.equal(table["status"], "kept").to_numpy())
    table = table.take(pa.array(kept))
    columns = [pc.fill_null(table[name], "").to_pylist() for name in _STRATA]
    strata = [" / ".join(part for part in parts if part) for parts in zip(*columns, strict=True)]
    return {int(kept[at]): strata[at] for at in draw(table["root"].to_pylist(), strata, size, seed)}


def _near(path: Path, thresholds: Sequence[tuple[str, Threshold]], most: int) -> Iterator[tuple[int, str]]:
    """Yield the records nearest to each limit: those that passed, and those that the stage dropped for it."""
    columns = set(pq.read_schema(path).names)
    for stage, limit in thresholds:
        if limit.measure not in columns:
            continue
        table = _read(path, (limit.measure, "status", "dropped_by", "lang"))
        values = table[limit.measure].cast(pa.float64()).to_numpy()
        there = np.isfinite(values)
        if limit.group:
            there &= pc.equal(table["lang"], limit.group).to_numpy()
        kept = there & pc.equal(table["status"], "kept").to_numpy()
        lost = there & pc.fill_null(pc.equal(table["dropped_by"], stage), False).to_numpy()
        for bound, side in ((limit.low, 1), (limit.high, -1)):
            if bound is not None:
                inside = (values - bound) * side >= 0
                yield from _told(values, kept & inside, limit, bound, most, "kept")
                yield from _told(values, lost & ~inside, limit, bound, most, "removed")


def _told(
    values: NDArray[np.float64], rows: NDArray[np.bool_], limit: Threshold, bound: float, most: int, fate: str
) -> Iterator[tuple[int, str]]:
    candidates = np.flatnonzero(rows)
    if len(candidates):  # a value that most have, such as 0, is nobody's doubt
        _, which, count = np.unique(values[candidates], return_inverse=True, return_counts=True)
        candidates = candidates[count[which] <= most]
    order = np.argsort(np.abs(values[candidates] - bound), kind="stable")[:most]
    title = measure_words(limit.measure).title
    for number in candidates[order].tolist():
        where = "at" if values[number] == bound else "above" if values[number] > bound else "below"
        told = f"{values[number]:.4g} is just {where} the threshold {bound:.4g}"
        asked = "is the record good?" if limit.action == "measure" else f"so it was {fate}; is that right?"
        yield number, f"{title} ({limit.measure}): {told}, {asked}"


def _texts(path: Path, rows: Sequence[int]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield the wanted rows with their text keys, reading one row group at a time."""
    wanted = np.asarray(rows, np.int64)
    start = 0
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            own = wanted[(wanted >= start) & (wanted < start + count)]
            if len(own):
                table = file.read_row_group(group, columns=list(_SHOWN)).take(pa.array(own - start))
                table = table.select(list(_SHOWN))
                yield from zip(own.tolist(), table.to_pylist(), text_keys(table), strict=True)
            start += count
