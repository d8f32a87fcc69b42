"""Counts n-grams of characters in folds, so that a text can be scored by a model that never saw it.

The model of a fold is the count of everything less the count of that fold: one table serves all folds. An n-gram that
only one fold holds is dropped without any loss, for the texts of that fold may not use it and no other text of the
corpus has it. Counts are exact: keys are 60-bit hashes, sorted. Rejected: k models (k times the work and the size),
and counters in hashed buckets, whose collisions make gibberish look known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quality.perplexity.symbols import START, Block, blocks

ORDER = 5
"""Longest n-gram: four characters of context. With 6 the fit is twice as large and the cost 1% lower."""
FOLDS = 5
MAX_FOLDS = 16
MAX_SYMBOLS = 1 << 22
"""Symbols of a shard that are counted."""
MAX_GRAMS = 1 << 21
"""N-grams that a fit holds, those of most counts: 28 bytes each."""

U64 = NDArray[np.uint64]
_FOLD_BITS = np.uint64(MAX_FOLDS - 1)
_KEY_BITS = ~_FOLD_BITS
_MULTIPLIERS = np.random.default_rng(20_230_823).integers(0, 1 << 63, 16, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_SALTS = np.random.default_rng(20_230_824).integers(0, 1 << 63, 16, dtype=np.uint64) * np.uint64(2)
VOLUME = np.uint64(0)
"""The key of the row that holds how many symbols were counted."""


def gram_keys(block: Block, order: int) -> Iterable[U64]:
    """Yield uint64 [m] for n = 1 to `order`: the key of the n symbols that end at each symbol.

    An n-gram that would begin before its text holds the END of another one inside, which no counted one does; the
    first n - 1 places of a block are 0.
    """
    points = block.symbols.astype(np.uint64) + np.uint64(1)
    sums = points * _MULTIPLIERS[0]
    for n in range(1, order + 1):
        if n > 1:
            sums[n - 1 :] += points[: len(points) - n + 1] * _MULTIPLIERS[n - 1]
        keys = (sums + _SALTS[n]) & _KEY_BITS
        keys[: n - 1] = VOLUME
        yield keys


def summarise(texts: Sequence[str], fold: Sequence[int], order: int = ORDER) -> pa.Table:
    """Return what texts teach: columns key (uint64; an n-gram and in its last bits a fold), count (uint32).

    Of more than `MAX_SYMBOLS` symbols the texts are counted that come first.
    """
    found: list[list[U64]] = [[] for _ in range(order)]
    fold_of = np.asarray(fold, np.uint64)
    volumes = np.zeros(MAX_FOLDS, np.int64)
    for block in blocks(texts):
        owners = block.owners()
        folds = fold_of[block.first + owners]
        place = np.arange(len(owners)) - block.starts[owners]
        volumes += np.bincount(folds.astype(np.int64), minlength=MAX_FOLDS)
        for n, keys in enumerate(gram_keys(block, order), start=1):
            whole = place >= n - 1
            found[n - 1].append(keys[whole] | folds[whole])
        if volumes.sum() > MAX_SYMBOLS:
            break
    held = np.flatnonzero(volumes)
    keys, counts = [held.astype(np.uint64) | VOLUME], [volumes[held]]
    for listed in found:
        if listed:
            several = np.sort(np.concatenate(listed))
            listed.clear()
            at = _changes(several)
            keys.append(several[at])
            counts.append(np.diff(np.append(at, len(several))))
    return pa.table({"key": np.concatenate(keys), "count": np.concatenate(counts).astype(np.uint32)})


def _changes(values: U64) -> NDArray[np.int64]:
    """Return where a new value begins in a sorted array."""
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    return np.flatnonzero(new)


def fit(partials: Sequence[pa.Table], folds: int = FOLDS, limit: int = MAX_GRAMS) -> pa.Table:
    """Return the table of counts: key (uint64, sorted), without (list of uint32 [folds]: count outside each fold).

    Summaries merge by addition, in any order. N-grams of one fold alone are left out; of more than `limit`, those of
    fewest counts. The row of key 0 counts all symbols.
    """
    listed = [table.column("key").to_numpy() for table in partials]
    keys = np.concatenate(listed) if listed else np.empty(0, np.uint64)
    counts = np.concatenate([table.column("count").to_numpy() for table in partials]) if listed else np.empty(0, np.uint32)
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order].astype(np.int64)
    at = _changes(keys)
    keys, counts = keys[at], (np.add.reduceat(counts, at) if len(at) else counts)
    grams, fold = keys & _KEY_BITS, (keys & _FOLD_BITS).astype(np.int64)
    at = _changes(grams)
    folds_of = np.diff(np.append(at, len(grams)))
    kept = np.flatnonzero((folds_of > 1) | (grams[at] == VOLUME))
    rows = np.repeat(np.arange(len(at)), folds_of)
    totals = np.add.reduceat(counts, at) if len(at) else counts
    if len(kept) > limit:
        least = np.partition(totals[kept], len(kept) - limit)[len(kept) - limit]
        kept = kept[totals[kept] > least] if least == totals[kept].min() else kept[totals[kept] >= least]
    number = np.full(len(at), -1, np.int64)
    number[kept] = np.arange(len(kept))
    inside = np.zeros((len(kept), folds), np.int64)
    mine = number[rows] >= 0
    inside[number[rows[mine]], fold[mine]] = counts[mine]
    without = (totals[kept][:, None] - inside).astype(np.uint32)
    values = pa.FixedSizeListArray.from_arrays(pa.array(without.ravel()), folds)
    return pa.table({"key": grams[at][kept], "without": values})


@dataclass(frozen=True, slots=True)
class Counts:
    """A fit, ready to be looked up.

    Attributes:
        keys: uint64 [n], sorted; without: uint32 [n * folds], counts outside each fold.
        buckets: uint32 [2^bits + 1], where the keys of each value of the first bits begin.
        volumes: int64 [folds], symbols outside each fold.
    """

    keys: U64
    without: NDArray[np.uint32]
    buckets: NDArray[np.uint32]
    shift: np.uint64
    volumes: NDArray[np.int64]
    most: int

    @property
    def folds(self) -> int:
        """In how many folds the corpus was counted."""
        return len(self.volumes)

    def look_up(self, keys: U64, folds: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return uint32 [m]: how often each n-gram was seen outside a fold; 0 for one that is not held."""
        bucket = (keys >> self.shift).astype(np.int64)
        at = self.buckets[bucket].astype(np.int64)
        last = len(self.keys) - 1
        found = self.keys[np.minimum(at, last)] == keys
        for step in range(1, self.most):
            open_ = np.flatnonzero(~found)
            open_ = open_[at[open_] + 1 < self.buckets[bucket[open_] + 1]]
            if not len(open_):
                break
            at[open_] += 1
            found[open_] = self.keys[at[open_]] == keys[open_]
        seen = np.zeros(len(keys), np.uint32)
        hit = np.flatnonzero(found)
        seen[hit] = self.without[at[hit] * self.folds + folds[hit]]
        return seen


def load(fitted: pa.Table) -> Counts:
    """Return a fit ready to be looked up."""
    keys = fitted.column("key").to_numpy()
    lists = fitted.column("without").combine_chunks()
    folds = lists.type.list_size
    without = lists.flatten().to_numpy()
    bits = max(8, int(len(keys)).bit_length())
    shift = np.uint64(64 - bits)
    bounds = (np.arange(1 << bits, dtype=np.uint64)) << shift
    buckets = np.append(np.searchsorted(keys, bounds), len(keys)).astype(np.uint32)
    volumes = without[:folds].astype(np.int64) if len(keys) and keys[0] == VOLUME else np.zeros(folds, np.int64)
    return Counts(keys, without, buckets, shift, volumes, int(np.diff(buckets).max()))


__all__ = ["FOLDS", "ORDER", "START", "Counts", "fit", "gram_keys", "load", "summarise"]
