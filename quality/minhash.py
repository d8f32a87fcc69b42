"""Near-duplicate candidates among many texts: MinHash signatures, bands of them, and pairs that share a band.

Candidates are only proposed here; the true Jaccard similarity of two shingle sets decides (`jaccard`). A signature
holds the minima of `permutations` multiplicative hashes of a set, taken block by block over texts of equal
length, which numpy does at a fraction of a nanosecond a hash. Blocks of a band that are too large are thinned in
an order that comes from the signatures, so that no result depends on the order of the texts. Rejected: one-permutation
hashing (most instructions have fewer shingles than bins; filled bins are copies, and recall falls); native code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quality.shingles import CHARACTERS, WORDS, Shingles, jaccard, jaccard_of, present, shingles
from quality.tokens import I64, U64, constants, mix

__all__ = [
    "BANDS",
    "CHARACTERS",
    "PERMUTATIONS",
    "ROWS",
    "WORDS",
    "Shingles",
    "band_keys",
    "candidate_pairs",
    "jaccard",
    "jaccard_of",
    "present",
    "shingles",
    "signatures",
]

BANDS, ROWS = 48, 4
"""A pair of Jaccard similarity .5 is found with probability .955, of .6 with .9987, of .7 with 1 - 2e-6.

24 bands of three rows find as many and propose three times the pairs, most of them unlike.
"""
PERMUTATIONS = BANDS * ROWS
_BLOCK = 1 << 14
"""Shingles hashed at once; they and their products stay in the cache."""
_SEGMENT = 256
"""Shingles of a text hashed at once."""
_WAITING = 1 << 24
"""Pairs of bands after which equal ones are merged."""


def signatures(s: Shingles, permutations: int = PERMUTATIONS, seed: int = 1) -> NDArray[np.uint32]:
    """Return MinHash signatures, uint32 [n, permutations]; an empty set has the greatest number throughout.

    The share of positions in which two signatures agree estimates the Jaccard similarity of their sets
    (Broder 1997).
    """
    sizes = np.diff(s.offsets)
    values = (s.values >> np.uint64(32)).astype(np.uint32)
    multipliers = (constants(seed, permutations) >> np.uint64(31)).astype(np.uint32) | np.uint32(1)
    pieces = -(-sizes // _SEGMENT)
    text_of = np.repeat(np.arange(len(sizes)), pieces)
    number = np.arange(len(text_of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = s.offsets[text_of] + number * _SEGMENT
    lengths = np.minimum(s.offsets[text_of + 1] - starts, _SEGMENT)
    order = np.argsort(lengths, kind="stable")
    result = np.full((len(sizes), permutations), np.iinfo(np.uint32).max, dtype=np.uint32)
    begin = 0
    while begin < len(order):
        some = order[begin : begin + max(1, _BLOCK // int(lengths[order[begin]]))]
        inside = np.minimum(np.arange(int(lengths[some[-1]]))[:, None], lengths[some] - 1)
        block = values[starts[some] + inside]
        product = np.empty_like(block)
        minima = np.empty((permutations, len(some)), dtype=np.uint32)
        for position in range(permutations):
            np.multiply(block, multipliers[position], out=product)
            np.minimum.reduce(product, axis=0, out=minima[position])
        if pieces[text_of[some]].max() == 1:
            result[text_of[some]] = minima.T
        else:
            np.minimum.at(result, text_of[some], minima.T)
        begin += len(some)
    return result


def band_keys(signatures: NDArray[np.uint32], bands: int, rows: int) -> U64:
    """Return the keys of the bands of signatures, uint64 [n, bands]; band b reads `rows` positions from b * rows.

    Two texts of Jaccard similarity j share a key with probability 1 - (1 - j**rows)**bands. Raises ValueError where
    signatures are shorter than `bands * rows`.
    """
    if bands * rows > signatures.shape[1]:
        raise ValueError(
            f"{bands} bands of {rows} rows need {bands * rows} permutations, not {signatures.shape[1]}"
        )
    used = signatures[:, : bands * rows].reshape(len(signatures), bands, rows)
    multipliers = constants(11, rows)
    keys = np.broadcast_to(constants(13, bands), (len(signatures), bands)).copy()
    for row in range(rows):
        keys += used[:, :, row] * multipliers[row]
    return mix(keys)


def candidate_pairs(keys: U64, valid: NDArray[np.bool_], cap: int) -> tuple[I64, int]:
    """Return the pairs of texts that share a key in some band, and how many texts stood in too large a block.

    Args:
        keys: uint64 [n, bands], from `band_keys`.
        valid: bool [n]; False: in no pair.
        cap: texts that share one key beyond which not all pairs of them are made: each is paired with the
            `cap - 1` that follow it in the order of all its keys, so that texts with most keys in common stand
            together and the order of the texts does not matter.

    Returns:
        int64 [m, 2], left < right, sorted, unique; the count of texts in blocks over the cap.
    """
    rows = np.flatnonzero(valid).astype(np.int64)
    count = len(rows)
    bits = np.uint64(max(1, count.bit_length()))
    places = np.arange(count, dtype=np.uint64)
    crowded = np.zeros(count, dtype=np.bool_)
    rank: I64 | None = None
    found: list[I64] = [np.zeros(0, dtype=np.int64)]
    for band in range(keys.shape[1]):
        column = (keys[rows, band] >> bits << bits) | places  # sorting numbers is far faster than an argsort
        column.sort()
        order = (column & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
        column >>= bits
        first = np.flatnonzero(np.concatenate([column[:1] == column[:1], column[1:] != column[:-1]]))
        sizes = np.diff(np.append(first, count))
        hot = np.flatnonzero(sizes > cap)
        if len(hot):
            rank = _rank(keys[rows]) if rank is None else rank
            for start, size in zip(first[hot].tolist(), sizes[hot].tolist(), strict=True):
                block = order[start : start + size]
                crowded[block] = True
                block[:] = block[np.argsort(rank[block])]
        found.append(_codes(order, first[sizes > 1], sizes[sizes > 1], cap))
        if sum(map(len, found)) > max(_WAITING, 2 * len(found[0])):
            found = [_sorted_unique(found)]
    codes = _sorted_unique(found)
    return rows[np.stack(np.divmod(codes, max(count, 1)), axis=1)], int(crowded.sum())


def _codes(order: I64, first: I64, sizes: I64, cap: int) -> I64:
    """Return the pairs inside the blocks of one band as numbers: left * len(order) + right.

    Args:
        order: rows, block after block.
        first: the place in `order` of the first row of each block.
        sizes: rows of each block, two or more.
        cap: one more than the rows after it that a row is paired with.
    """
    at = np.repeat(first - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
    last = np.repeat(first + sizes, sizes)
    codes = [np.zeros(0, dtype=np.int64)]
    for step in range(1, cap):
        inside = at + step < last
        at, last = at[inside], last[inside]
        if not len(at):
            break
        one, other = order[at], order[at + step]
        codes.append(np.minimum(one, other) * len(order) + np.maximum(one, other))
    return np.concatenate(codes)


def _sorted_unique(parts: list[I64]) -> I64:
    """Return the distinct numbers of all parts, ascending."""
    together = np.concatenate(parts)
    together.sort()
    new = np.ones(len(together), dtype=np.bool_)
    new[1:] = together[1:] != together[:-1]
    return together[new]


def _rank(keys: U64) -> I64:
    """Return the place of each row in the order of all its keys; equal rows stand in the order given."""
    order = np.lexsort(keys.T[::-1])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank
