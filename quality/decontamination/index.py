"""The index of the test side: every run of its pieces, what each weighs, and where to look it up.

A run weighs 1 unless it is common. What stands in more than five training texts, or five pieces of the test sets,
weighs less the more there are (the square of its share of the largest idf); what is known boilerplate
(`boilerplate.json`: prompt templates, phrases of exams, licences) or stands in more than `CROWDED` pieces, nothing. A
score is a share, so a leak that was copied into one record of twenty still scores 1: all its runs are equally common.
Only what a larger part of the corpus holds is taken for its template. Rejected: a cut at a frequency, for which a leak
that was copied a few dozen times is invisible.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from quality.decontamination.grams import grams, single
from quality.decontamination.passages import Pieces
from quality.tokens import I64, U64, tokenise

RARE = 5
"""Texts that may share a run before it counts as common."""
CROWDED = 64
"""Pieces that may share a run; one that more share is the template of a test set."""
LEAST_WEIGHT = 4.0
"""Least weight of a piece's runs together: with less it has nothing of its own."""
LEAST_CONTENT = 2.0
"""Content of a short item, in words that are neither small nor common (a character is two thirds), to be sought."""
LONE_CONTENT = 1.0
"""Content of a short item that must be a prompt as a whole to count: `What is Kubernetes?`."""
COMMON_TOKEN = 0.02
"""Share of the training texts from which a word counts as common, given `ENOUGH_TEXTS` of them."""
ENOUGH_TEXTS = 200

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Index:
    """What the training side is held against.

    Attributes:
        sets: names of the test sets.
        set_of, item, tokens: int64 [n]; words: float64 [n]; side: list [n]; short: bool [n]: see `Pieces`.
        offsets: int64 [n + 1]; values: uint64, weights: float64: the runs of each piece, in order;
            places: int64; the number of the first token of each in the piece.
        sought: bool [n]; it has enough of its own to be looked for. alone: bool [n]; only as a whole prompt.
        runs: uint64 [r], sorted and distinct: all runs of the pieces that are sought.
        entry_offsets: int64 [r + 1]; entries: int64: places in `values` of each run, those without weight left out.
        filter: bool [2 ** k]; what a run's first k bits must hit.
    """

    sets: tuple[str, ...]
    set_of: I64
    item: I64
    side: list[str]
    tokens: I64
    words: F64
    short: Flags
    offsets: I64
    values: U64
    places: I64
    weights: F64
    sought: Flags
    alone: Flags
    runs: U64
    entry_offsets: I64
    entries: I64
    filter: Flags

    @property
    def total(self) -> F64:
        """Weight of all runs of each piece, float64 [n]."""
        return _sums(self.weights, self.offsets)

    def piece_of(self, places: I64) -> I64:
        """Return the pieces that places in `values` belong to."""
        return np.searchsorted(self.offsets, places, side="right") - 1


def features(pieces: Pieces) -> U64:
    """Return what is counted in the training texts, uint64, sorted and distinct: runs, and words of short items."""
    return np.unique(np.concatenate([pieces.values, pieces.singles]))


def build(pieces: Pieces) -> Index:
    """Return the index of pieces before anything is known of the training side."""
    return weigh(pieces, np.zeros(0, np.uint64), np.zeros(0, np.int64), 0)


def weigh(pieces: Pieces, counted: U64, documents: I64, texts: int) -> Index:
    """Return the index of pieces.

    Args:
        pieces: from `cut`.
        counted: uint64, sorted and distinct; features that stand in training texts.
        documents: int64; how many texts hold each of them.
        texts: how many training texts there are.
    """
    weights = _weights(pieces, counted, documents, texts)
    total = _sums(weights, pieces.offsets)
    content = _content(pieces, counted, documents, texts)
    heaviest = np.zeros(len(pieces.tokens))
    np.maximum.at(heaviest, np.repeat(np.arange(len(pieces.tokens)), np.diff(pieces.offsets)), weights)
    # A weight of .5 is that of a run in some 20 of 1,000 texts, or 80 of 100,000.
    told = (content >= LONE_CONTENT) & (heaviest >= 0.5)
    sought = np.where(pieces.short, told, total >= LEAST_WEIGHT)
    none = np.zeros(0, np.int64)
    return _indexed(
        Index(
            pieces.sets,
            pieces.set_of,
            pieces.item,
            pieces.side,
            pieces.tokens,
            pieces.words,
            pieces.short,
            pieces.offsets,
            pieces.values,
            pieces.places,
            weights,
            sought,
            pieces.short & (content < LEAST_CONTENT),
            pieces.values[:0],
            none,
            none,
            sought[:0],
        )
    )


def _weights(pieces: Pieces, counted: U64, documents: I64, texts: int) -> F64:
    """Return float64 [runs]: what each run of the pieces weighs."""
    runs, of = np.unique(pieces.values, return_inverse=True)
    count = len(pieces.tokens)
    piece_of = np.repeat(np.arange(count), np.diff(pieces.offsets))
    holding = np.bincount(np.unique(of * max(1, count) + piece_of) // max(1, count), minlength=len(runs))
    weight = np.minimum(rarity(_looked_up(runs, counted, documents), texts), rarity(holding, count))
    weight[(holding > CROWDED) | np.isin(runs, _known().runs)] = 0
    result: F64 = weight[of]
    return result


def rarity(documents: I64, texts: int) -> F64:
    """Return 1 for what up to `RARE` texts hold, falling to 0 for what all of them do, float64 [n]."""
    if texts <= RARE:
        return np.ones(len(documents))
    share = np.log(texts / np.clip(documents, RARE, texts)) / np.log(texts / RARE)
    result: F64 = share**2
    return result


def _content(pieces: Pieces, counted: U64, documents: I64, texts: int) -> F64:
    """Return float64 [n]: how much each short piece says, in words."""
    common = _looked_up(pieces.singles, counted, documents) > COMMON_TOKEN * texts
    common &= ~pieces.characters & (texts >= ENOUGH_TEXTS)
    small = np.isin(pieces.singles, _known().small) | common
    return _sums(np.where(small, 0.0, np.where(pieces.characters, 2 / 3, 1.0)), pieces.single_offsets)


@dataclass(frozen=True, slots=True)
class _Known:
    """Hashes of the runs of boilerplate, and of small words and characters."""

    runs: U64
    small: U64


@functools.cache
def _known() -> _Known:
    held = json.loads(Path(__file__).with_name("boilerplate.json").read_text(encoding="utf-8"))
    runs = [chunk.values for chunk in grams(held["templates"])]
    texts = [held["small_words"], held["small_characters"]]
    small = [single(tokens.values) for tokens in tokenise(texts)]
    return _Known(np.unique(np.concatenate(runs)), np.unique(np.concatenate(small)))


def _looked_up(wanted: U64, counted: U64, documents: I64) -> I64:
    if not len(counted):
        return np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(counted, wanted), len(counted) - 1)
    return np.where(counted[at] == wanted, documents[at], 0)


def _sums(values: F64, offsets: I64) -> F64:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    result: F64 = sums[offsets[1:]] - sums[offsets[:-1]]
    return result


def _indexed(index: Index) -> Index:
    """Return an index with its look-up made."""
    piece_of = np.repeat(np.arange(len(index.tokens)), np.diff(index.offsets))
    used = np.flatnonzero(index.sought[piece_of] & ((index.weights > 0) | index.short[piece_of]))
    order = used[np.argsort(index.values[used], kind="stable")]
    runs, first = np.unique(index.values[order], return_index=True)
    entry_offsets = np.concatenate([first, [len(order)]]).astype(np.int64)
    table = bloom(runs)
    return replace(index, runs=runs, entry_offsets=entry_offsets, entries=order, filter=table)


def bloom(values: U64) -> Flags:
    """Return bool [2 ** k], sixteen or more a value: true where the first k bits of one point."""
    bits = max(10, int(len(values) * 16).bit_length())
    table = np.zeros(1 << bits, np.bool_)
    table[values >> np.uint64(64 - bits)] = True
    return table


def passing(table: Flags, values: U64) -> I64:
    """Return the places of the values that may be among those that the table was made of."""
    bits = len(table).bit_length() - 1
    return np.flatnonzero(table[values >> np.uint64(64 - bits)])


def to_table(index: Index) -> pa.Table:
    """Return an index as a table, one row a piece, from which `from_table` makes it again."""
    offsets = pa.array(index.offsets, pa.int32())
    return pa.table({
        "set": pa.array([index.sets[number] for number in index.set_of.tolist()], pa.string()),
        "item": index.item, "side": pa.array(index.side, pa.string()), "tokens": index.tokens,
        "words": index.words,
        "short": index.short, "sought": index.sought,
        "alone": index.alone,
        "places": pa.ListArray.from_arrays(offsets, pa.array(index.places.astype(np.int32))),
        "runs": pa.ListArray.from_arrays(offsets, pa.array(index.values)),
        "weights": pa.ListArray.from_arrays(offsets, pa.array(index.weights.astype(np.float32))),
    })  # fmt: skip


def from_table(table: pa.Table) -> Index:
    """Return the index that `to_table` made a table of."""
    table = table.combine_chunks()
    names: Sequence[str] = table.column("set").to_pylist()
    sets = tuple(dict.fromkeys(names))
    numbers = {name: number for number, name in enumerate(sets)}
    lists = [table.column(name).combine_chunks() for name in ("runs", "places", "weights")]
    runs, places, weights = (each.flatten() if len(each) else each for each in lists)
    sizes = pc.list_value_length(table.column("runs")).to_numpy()
    values = runs.to_numpy(zero_copy_only=False).astype(np.uint64)
    return _indexed(
        Index(
            sets,
            np.array([numbers[name] for name in names], np.int64),
            table.column("item").to_numpy().astype(np.int64),
            table.column("side").to_pylist(),
            table.column("tokens").to_numpy().astype(np.int64),
            table.column("words").to_numpy(),
            np.array(table.column("short").to_pylist(), np.bool_),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            values,
            places.to_numpy(zero_copy_only=False).astype(np.int64),
            weights.to_numpy(zero_copy_only=False).astype(np.float64),
            np.array(table.column("sought").to_pylist(), np.bool_),
            np.array(table.column("alone").to_pylist(), np.bool_),
            values[:0],
            np.zeros(0, np.int64),
            np.zeros(0, np.int64),
            np.zeros(0, np.bool_),
        )
    )
