"""Counts n-grams of characters in folds, so that a text can be scored by a model that never saw it.

The model of a fold is the count of everything less the count of that fold: one table serves all folds. An n-gram that
only one fold holds is dropped without any loss, for the texts of that fold may not use it and no other text of the
corpus has it. Counts are exact: keys are 60-bit hashes, sorted. Rejected: k models (k times the work and the size),
and counters in hashed buckets, whose collisions make gibberish look known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quality.perplexity.symbols import Block, blocks, words

ORDER = 6
"""Longest n-gram: five characters of context. With 5 the fit is half as large and English costs 4 to 8% more."""
WORD_ORDER = 3
"""The same in words (`symbols.words`)."""
FOLDS = 5
MAX_FOLDS = 16
MAX_SYMBOLS = 1 << 20
"""Symbols of a shard that are counted."""
MAX_GRAMS = 1 << 21
"""N-grams that a fit holds, those of most counts: 28 bytes each."""

U64 = NDArray[np.uint64]
_FOLD_BITS = np.uint64(MAX_FOLDS - 1)
_KEY_BITS = ~_FOLD_BITS
_MULTIPLIERS = np.random.default_rng(20_230_823).integers(0, 1 << 63, 16, dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)
_SALTS = np.random.default_rng(20_230_824).integers(0, 1 << 63, 16, dtype=np.uint64) * np.uint64(2)
_BASE = _MULTIPLIERS[1]
VOLUME, WORD_VOLUME = np.uint64(0), np.uint64(MAX_FOLDS)
"""The keys of the rows that hold how many characters, and how many words, were counted."""
BEHIND_ALL = ~np.uint64(0)
_RANGES = 16


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


def long_keys(symbols: NDArray[np.uint32], size: int) -> U64:
    """Return uint64 [m]: the key of the `size` symbols that end at each symbol, by doubling (Karp and Rabin 1987).

    One that would begin before its text, or the first symbol, means nothing.
    """
    part: U64 = symbols.astype(np.uint64) * _MULTIPLIERS[0]
    length = 1
    keys, done = np.zeros_like(part), 0
    while True:
        if size & length:
            keys = _joined(part, keys, done)
            done += length
        if done == size:
            return keys
        part = _joined(part, part, length)
        length *= 2


def _joined(left: U64, right: U64, size: int) -> U64:
    """Return the keys of what `right` holds of each place, `size` symbols, and `left` of the place before them."""
    keys = right.copy()
    keys[size:] += left[: len(left) - size] * _BASE**size
    return keys


def summarise(texts: Sequence[str], fold: Sequence[int], most: int = MAX_SYMBOLS) -> pa.Table:
    """Return what texts teach: columns key (uint64; an n-gram and in its last bits a fold), count (uint32).

    N-grams of characters and of words (`symbols.words`). Of more than about `most` symbols those texts are counted
    whose CRC-32 is lowest, whatever their order.
    """
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    if sizes.sum() > most:
        drawn = np.argsort(
            [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts], kind="stable"
        )
        drawn = np.sort(drawn[: int(np.searchsorted(np.cumsum(sizes[drawn]), most)) + 1])
        texts, fold = [texts[n] for n in drawn], [fold[n] for n in drawn]
    fold_of = np.asarray(fold, np.uint64)
    found: list[list[U64]] = [[] for _ in range(ORDER + WORD_ORDER)]
    volumes = np.zeros((2, MAX_FOLDS), np.int64)
    for block in blocks(texts):
        for stream, (symbols, order) in enumerate(((block, ORDER), (words(block), WORD_ORDER))):
            owners = symbols.owners()
            folds = fold_of[block.first + owners]
            place = np.arange(len(owners)) - symbols.starts[owners]
            volumes[stream] += np.bincount(folds.astype(np.int64), minlength=MAX_FOLDS)
            for n, keys in enumerate(gram_keys(symbols, order), start=1):
                whole = place >= n - 1
                found[stream * ORDER + n - 1].append(keys[whole] | folds[whole])
    every_fold = np.arange(MAX_FOLDS, dtype=np.uint64)
    listed_keys, listed_counts = [every_fold | VOLUME, every_fold | WORD_VOLUME], list(volumes)
    for listed in found:
        if listed:
            several = np.sort(np.concatenate(listed))
            listed.clear()
            at = changes(several)
            listed_keys.append(several[at])
            listed_counts.append(np.diff(np.append(at, len(several))))
    every, number = np.concatenate(listed_keys), np.concatenate(listed_counts).astype(np.uint32)
    ordered = np.argsort(every, kind="stable")
    return pa.table({"key": every[ordered], "count": number[ordered]})


def changes(values: U64) -> NDArray[np.int64]:
    """Return where a new value begins in a sorted array."""
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    return np.flatnonzero(new)


def fit(
    partials: Sequence[pa.Table], folds: int = FOLDS, limit: int = MAX_GRAMS, threads: int = 1
) -> pa.Table:
    """Return the table of counts: key (uint64, sorted), without (list of uint32 [folds]: count outside each fold).

    Summaries merge by addition, in any order. N-grams of one fold alone are left out; of more than `limit`, those of
    fewest counts. The first two rows count all symbols, of characters and of words.

    Args:
        partials: from `summarise`; a fold of `folds` or more (`background`) is inside no fold and always counts.
        folds: how many folds there are.
        limit: n-grams held.
        threads: ranges of keys merged at a time; it alters nothing.
    """
    partials = [summarise([], []), *partials]
    columns = [(table.column("key").to_numpy(), table.column("count").to_numpy()) for table in partials]
    bounds = (np.arange(_RANGES, dtype=np.uint64) << np.uint64(60)).astype(np.uint64)
    cuts = [np.append(np.searchsorted(keys, bounds), len(keys)) for keys, _ in columns]

    def merged(number: int) -> tuple[U64, NDArray[np.uint32], NDArray[np.int64]]:
        parts = [slice(cut[number], cut[number + 1]) for cut in cuts]
        keys = np.concatenate([column[0][part] for column, part in zip(columns, parts, strict=True)])
        counts = np.concatenate([column[1][part] for column, part in zip(columns, parts, strict=True)])
        return _merged(keys, counts, folds)

    with ThreadPoolExecutor(threads) as pool:
        grams, withouts, totals = zip(*pool.map(merged, range(_RANGES)), strict=True)
    gram, without, total = np.concatenate(grams), np.concatenate(withouts), np.concatenate(totals)
    if len(gram) > limit:
        least = np.partition(total, len(gram) - limit - 1)[len(gram) - limit - 1]
        kept = (total > least) | (gram <= WORD_VOLUME)
        gram, without = gram[kept], without[kept]
    values = pa.FixedSizeListArray.from_arrays(pa.array(without.ravel()), folds)
    return pa.table({"key": gram, "without": values})


def _merged(
    keys: U64, counts: NDArray[np.uint32], folds: int
) -> tuple[U64, NDArray[np.uint32], NDArray[np.int64]]:
    """Return the n-grams of more than one fold, their counts outside each fold, and their counts."""
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order].astype(np.int64)
    grams, fold = keys & _KEY_BITS, (keys & _FOLD_BITS).astype(np.int64)
    at = changes(grams)
    if not len(at):
        return keys, np.empty((0, folds), np.uint32), counts.astype(np.int64)
    new = np.zeros(len(grams), np.bool_)
    new[at] = True
    row = np.cumsum(new) - 1
    several = np.zeros(len(at), np.bool_)
    several[row[fold != fold[at][row]]] = True
    several |= grams[at] <= WORD_VOLUME
    total = np.add.reduceat(counts, at)
    inside = np.zeros((len(at), folds), np.int64)
    mine = several[row] & (fold < folds)
    np.add.at(inside, (row[mine], fold[mine]), counts[mine])
    without = (total[several, None] - inside[several]).astype(np.uint32)
    return grams[at][several], without, total[several]


def find(
    held: U64, buckets: NDArray[np.uint32], shift: np.uint64, keys: U64
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where keys stand in a sorted array (intp [m]), and the places in `keys` of those that do.

    Args:
        held: uint64, sorted, with `BEHIND_ALL` as the last.
        buckets: where in `held` the keys of each value of the bits above `shift` begin.
        keys: uint64 [m], sought; none is `BEHIND_ALL`.
    """
    at = buckets.take((keys >> shift).astype(np.intp)).astype(np.intp)
    met = held.take(at)
    behind = np.flatnonzero(met < keys)
    while len(behind):
        at[behind] += 1
        following = held.take(at[behind])
        met[behind] = following
        behind = behind[following < keys[behind]]
    return at, np.flatnonzero(met == keys)


@dataclass(frozen=True, slots=True)
class Counts:
    """A fit, ready to be looked up.

    Attributes:
        keys: uint64 [n + 1], sorted, the last one greater than any key; without: uint32 [n * folds], counts outside
            each fold.
        buckets: uint32 [2^bits], where the keys of each value of the first bits begin, about one or none each.
        volumes, word_volumes: int64 [folds], characters and words outside each fold.
    """

    keys: U64
    without: NDArray[np.uint32]
    buckets: NDArray[np.uint32]
    shift: np.uint64
    volumes: NDArray[np.int64]
    word_volumes: NDArray[np.int64]

    @property
    def folds(self) -> int:
        """In how many folds the corpus was counted."""
        return len(self.volumes)

    def look_up(self, keys: U64, folds: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return float32 [m]: how often each n-gram was seen outside a fold; 0 for one that is not held."""
        at, hit = find(self.keys, self.buckets, self.shift, keys)
        seen = np.zeros(len(keys), np.float32)
        seen[hit] = self.without.take(at[hit] * self.folds + folds[hit])
        return seen


def load(fitted: pa.Table) -> Counts:
    """Return a fit ready to be looked up."""
    keys = fitted.column("key").to_numpy()
    lists = fitted.column("without").combine_chunks()
    folds = lists.type.list_size
    without = lists.flatten().to_numpy()
    bits = max(8, len(keys).bit_length() + 1)
    shift = np.uint64(64 - bits)
    bounds = (np.arange(1 << bits, dtype=np.uint64)) << shift
    buckets = np.searchsorted(keys, bounds).astype(np.uint32)
    volumes = without[: 2 * folds].astype(np.int64)
    return Counts(np.append(keys, BEHIND_ALL), without, buckets, shift, volumes[:folds], volumes[folds:])
