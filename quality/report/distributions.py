"""Histograms of a measure, one series a language, with room for the thresholds.

Bins span every threshold and the values, of many values the middle 99 %, so that one outlier of a million
characters neither flattens the chart nor goes uncounted: what lies outside is told as a number. Long-tailed positive
measures (lengths, perplexity) get bins that are equal in the logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quality.report.inputs import Distribution, Series, Threshold

BINS = 40
MOST_GROUPS = 4
OTHER = "other"
IDENTIFIED = "language_response"
"""The column that says in which language a response was found to be."""

_TAIL = 0.005
_MANY = 1000
_LONG_TAIL = 12.0


def distribution(
    measure: str,
    values: NDArray[np.float64],
    groups: pa.DictionaryArray,
    thresholds: Sequence[Threshold] = (),
) -> Distribution | None:
    """Return the histogram of one measure, or None where no record has a value.

    Args:
        measure: its name.
        values: float64 [records]; NaN where a record has none.
        groups: dictionary of strings [records], the language of each.
        thresholds: those of this measure.
    """
    there = np.isfinite(values)
    finite = values[there]
    if not len(finite):
        return None
    edges, log = _edges(finite, thresholds)
    names, codes = _largest(groups)
    place = np.searchsorted(edges, finite, side="right") - 1
    place[finite == edges[-1]] = len(edges) - 2
    inside = (place >= 0) & (place < len(edges) - 1)
    series = []
    codes = codes[there]
    for number, name in enumerate(names):
        own = codes == number
        if own.any():
            counts = np.bincount(place[own & inside], minlength=len(edges) - 1)
            median = float(np.median(finite[own]))
            series.append(Series(name, tuple(counts.tolist()), int(own.sum()), median))
    return Distribution(
        measure=measure,
        edges=tuple(float(f"{edge:.6g}") for edge in edges),
        series=tuple(series),
        below=int((place < 0).sum()),
        above=int((place >= len(edges) - 1).sum()),
        missing=int((~there).sum()),
        log=log,
        thresholds=tuple(thresholds),
    )


def _edges(values: NDArray[np.float64], thresholds: Sequence[Threshold]) -> tuple[NDArray[np.float64], bool]:
    """Return the edges of the bins, and whether they are equal in the logarithm."""
    tail = _TAIL if len(values) >= _MANY else 0.0
    low, middle, high = (float(each) for each in np.quantile(values, [tail, 0.5, 1 - tail]))
    bounds = [bound for each in thresholds for bound in (each.low, each.high) if bound is not None]
    bounds = [bound for bound in bounds if math.isfinite(bound)]
    low, high = min([low, *bounds]), max([high, *bounds])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    log = low >= 0 and middle > 0 and high / middle > _LONG_TAIL
    if log:
        positive = values[values > 0]
        start = max(low, float(positive.min()))
        return np.geomspace(start, max(high, start * 1.01), BINS + 1), True
    whole = bool(np.all(values == np.round(values))) and high - low <= BINS
    if whole:
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + 1.5), False
    return np.linspace(low, high, BINS + 1), False


def _largest(groups: pa.DictionaryArray) -> tuple[list[str], NDArray[np.int64]]:
    """Return the most frequent groups, the others as one, and the number of each record's group."""
    names = groups.dictionary.to_pylist()
    codes = groups.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(codes, minlength=len(names))
    ordered = sorted(range(len(names)), key=lambda code: (-int(counts[code]), names[code]))
    ordered = [code for code in ordered if counts[code]]
    shown = ordered if len(ordered) <= MOST_GROUPS + 1 else ordered[:MOST_GROUPS]
    rank = np.full(len(names), len(shown), np.int64)
    rank[shown] = np.arange(len(shown))
    titles = [names[code] for code in shown] + ([OTHER] if len(shown) < len(ordered) else [])
    return titles, rank[codes]


def languages_of(table: pa.Table) -> pa.DictionaryArray:
    """Return each record's language as a dictionary: declared, else as identified, else unknown."""
    lang = table.column("lang")
    if IDENTIFIED in table.column_names:
        lang = pc.if_else(pc.equal(lang, ""), pc.fill_null(table.column(IDENTIFIED), ""), lang)
    lang = pc.if_else(pc.is_in(lang, pa.array(["", "und"])), "unknown", lang)
    return lang.combine_chunks().dictionary_encode()
