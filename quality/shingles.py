"""What a text is compared by: the set of its runs of n tokens, and the Jaccard similarity of two such sets.

A set depends on its text alone. Words take runs of WORDS, unspaced characters runs of CHARACTERS, a mixed text
each where it stands; a text of fewer tokens is one shingle as a whole, and one of signs only (`?!`) likewise, so that
short texts equal only themselves. Sets are 64-bit hashes in CSR, sorted within each text. Rejected: shingles of
bytes or of characters for every script (five times the numbers for English, no better on one changed word).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.tokens import CHARACTER, I64, U64, Tokens, constants, mix, tokenise

WORDS = 2
CHARACTERS = 3
_PAIR_ELEMENTS = 1 << 17
_PAIR_BITS = np.uint64(12)
"""Pairs are compared by sorting hashes that end in the number of their pair; this many bits hold it."""


@dataclass(frozen=True, slots=True)
class Shingles:
    """Sets of shingles of n texts.

    Attributes:
        values: uint64, sorted and unique within each text.
        offsets: int64 [n + 1]; text i owns `values[offsets[i]:offsets[i + 1]]`.
    """

    values: U64
    offsets: I64


def _windows(tokens: Tokens, words: int, characters: int) -> tuple[U64, I64]:
    """Return the hashes of all runs of tokens and the text of each.

    A run has the length that its first token asks for; a text too short for any is a run as a whole.
    """
    counts = np.diff(tokens.offsets)
    text_of = np.repeat(np.arange(len(counts)), counts)
    multipliers = constants(7, max(words, characters))
    size = np.where(tokens.kinds == CHARACTER, characters, words)
    complete = np.flatnonzero(np.arange(len(size)) + size <= tokens.offsets[1:][text_of])
    size = size[complete]
    values = tokens.values[complete] * multipliers[0]
    for step in range(1, max(words, characters)):
        if step < min(words, characters):
            values += tokens.values[complete + step] * multipliers[step]
        else:
            more = np.flatnonzero(size > step)
            values[more] += tokens.values[complete[more] + step] * multipliers[step]
    owners = text_of[complete]
    short = np.flatnonzero((np.bincount(owners, minlength=len(counts)) == 0) & (counts > 0))
    whole = np.zeros(len(short), dtype=np.uint64)
    first, held = tokens.offsets[:-1][short], counts[short]
    for step in range(int(held.max(initial=0))):
        more = np.flatnonzero(held > step)
        whole[more] += tokens.values[first[more] + step] * multipliers[step]
    signs = np.flatnonzero(tokens.whole)
    values = np.concatenate([mix(values), mix(whole), tokens.whole[signs]])
    return values, np.concatenate([owners, short, signs])


def shingles(texts: Sequence[str], words: int = WORDS, characters: int = CHARACTERS) -> Shingles:
    """Return the sets of shingles of texts.

    Args:
        texts: any texts; a blank one has an empty set.
        words: tokens of a shingle where a script writes spaces.
        characters: characters of a shingle where it does not (Chinese, Japanese, Thai, Lao, Khmer, Burmese).
    """
    parts: list[U64] = []
    sizes: list[I64] = []
    for tokens in tokenise(texts):
        values, text_of = _windows(tokens, words, characters)
        order = np.argsort(values)
        order = order[np.argsort(text_of[order].astype(np.uint16), kind="stable")]
        values, text_of = values[order], text_of[order]
        new = np.ones(len(values), dtype=np.bool_)
        new[1:] = (values[1:] != values[:-1]) | (text_of[1:] != text_of[:-1])
        parts.append(values[new])
        sizes.append(np.bincount(text_of[new], minlength=len(tokens.whole)))
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    if not parts:
        return Shingles(np.zeros(0, dtype=np.uint64), offsets)
    np.cumsum(np.concatenate(sizes), out=offsets[1:])
    return Shingles(np.concatenate(parts), offsets)


def present(s: Shingles) -> NDArray[np.bool_]:
    """Return bool [n]: False for an empty set, which has no signature and is in no pair."""
    return np.diff(s.offsets) > 0


def _gather(s: Shingles, rows: I64) -> U64:
    """Return the values of rows, one after the other, each with its place in `rows` in place of its last bits."""
    sizes = s.offsets[rows + 1] - s.offsets[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    shift = s.offsets[rows] - (np.cumsum(sizes) - sizes)
    values: U64 = s.values[np.arange(len(owner)) + shift[owner]] >> _PAIR_BITS << _PAIR_BITS
    values |= owner.astype(np.uint64)
    return values


def jaccard(s: Shingles, left: I64, right: I64) -> NDArray[np.float64]:
    """Return float64 [m]: |intersection| / |union| of the sets of rows `left[k]` and `right[k]`.

    Shingles are equal here if 52 bits of their hashes are. Two empty sets have nothing in common: 0.
    """
    sizes = np.diff(s.offsets)
    both = sizes[left] + sizes[right]
    bounds = np.cumsum(both)
    result = np.zeros(len(left), dtype=np.float64)
    start = 0
    while start < len(left):
        before = bounds[start - 1] if start else 0
        stop = int(np.searchsorted(bounds, before + _PAIR_ELEMENTS, side="right"))
        stop = min(max(start + 1, stop), start + (1 << int(_PAIR_BITS)))
        values = np.concatenate([_gather(s, left[start:stop]), _gather(s, right[start:stop])])
        values.sort()
        twice = values[1:][values[1:] == values[:-1]] & ((np.uint64(1) << _PAIR_BITS) - np.uint64(1))
        shared = np.bincount(twice.astype(np.int64), minlength=stop - start)
        union = both[start:stop] - shared
        np.divide(shared, union, out=result[start:stop], where=union > 0)
        start = stop
    return result


def jaccard_of(
    left: Sequence[str], right: Sequence[str], words: int = WORDS, characters: int = CHARACTERS
) -> NDArray[np.float64]:
    """Return float64 [m]: the Jaccard similarity of texts `left[k]` and `right[k]`, by the same shingles."""
    if len(left) != len(right):
        raise ValueError(f"{len(left)} left texts, {len(right)} right texts: pairs need as many of each")
    row: dict[str, int] = {}  # a text stands in many pairs
    first, second = (
        np.array([row.setdefault(text, len(row)) for text in side], np.int64) for side in (left, right)
    )
    return jaccard(shingles(list(row), words, characters), first, second)
