"""Features of many texts side by side, and which of them two texts share.

A feature is the hash of a word, of two neighbouring words or of up to three Chinese characters in a row
(`quality.lexical`), so that nothing here knows a language. Texts lie one after the other in one array; a pair of
texts is a pair of row numbers. Rejected: Python sets a text, forty times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.lexical import distinct_features
from quality.tokens import I64, U64, mix

F64 = NDArray[np.float64]

_PAIR = np.uint64(0x9E3779B97F4A7C15)
_SALT = np.uint64(0x51)


@dataclass(frozen=True, slots=True)
class Words:
    """Distinct features of texts, text after text, by hash within a text.

    Attributes:
        values: uint64 [features].
        offsets: int64 [texts + 1]; text i owns `values[offsets[i]:offsets[i + 1]]`.
    """

    values: U64
    offsets: I64

    @property
    def sizes(self) -> I64:
        """How many features each text has."""
        return np.diff(self.offsets)

    @property
    def text_of(self) -> I64:
        """The text of each feature."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.sizes)

    def of(self, rows: I64) -> tuple[I64, I64]:
        """Return the places of the features of some texts, and for each the position in `rows` of its text."""
        sizes = self.sizes[rows]
        position = np.repeat(np.arange(len(rows)), sizes)
        first = self.offsets[rows] - (np.cumsum(sizes) - sizes)
        return np.repeat(first, sizes) + np.arange(int(sizes.sum())), position


def words_of(texts: Sequence[str]) -> Words:
    """Return the features of texts."""
    values: list[U64] = [np.zeros(0, np.uint64)]
    owners: list[I64] = [np.zeros(0, np.int64)]
    start = 0
    for found, texts_in in distinct_features(texts):
        values.append(found.values)
        owners.append(found.text_of + start)
        start += texts_in
    value, owner = np.concatenate(values), np.concatenate(owners)
    order = np.lexsort((value, owner))
    return Words(value[order], np.searchsorted(owner[order], np.arange(len(texts) + 1)).astype(np.int64))


def both(left: U64, right: U64) -> U64:
    """Return one hash of two."""
    return mix(left * _PAIR + mix(right ^ _SALT))


def shared(left: Words, i: I64, right: Words, j: I64) -> tuple[I64, I64, NDArray[np.bool_]]:
    """Return of pairs (i, j) the places of the left texts' features, the pair of each, and whether the right has
    it."""
    at, pair = left.of(i)
    other, other_pair = right.of(j)
    known = both(right.values[other], other_pair.astype(np.uint64))
    known.sort()
    asked = both(left.values[at], pair.astype(np.uint64))
    found = np.minimum(np.searchsorted(known, asked), max(len(known) - 1, 0))
    hit = known[found] == asked if len(known) else np.zeros(len(asked), bool)
    return at, pair, hit


def lookup(values: U64, vocabulary: U64) -> tuple[I64, NDArray[np.bool_]]:
    """Return each value's place in a sorted vocabulary, and whether it is there (else the place means nothing)."""
    if not len(vocabulary):
        return np.zeros(len(values), np.int64), np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(vocabulary, values), len(vocabulary) - 1)
    return at, vocabulary[at] == values


def topmost(words: Words, weights: F64, most: int) -> Words:
    """Return of each text the at most `most` features of greatest positive weight."""
    text_of = words.text_of
    order = np.lexsort((words.values, -weights, text_of))
    rank = np.arange(len(order)) - words.offsets[text_of[order]]
    kept = np.sort(order[(rank < most) & (weights[order] > 0)])
    offsets = np.searchsorted(text_of[kept], np.arange(len(words.offsets)))
    return Words(words.values[kept], offsets.astype(np.int64))
