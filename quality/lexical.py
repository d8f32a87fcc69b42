"""A lexical embedder fitted on the corpus: TF-IDF of words and characters, hashed to a short dense unit vector.

For languages that a neural embedder does not cover, Chinese above all: there a text is its characters, pairs and
runs of three of them; where words are written apart, words and pairs of them. What is common in the corpus counts
little, what it has never shown counts most. A vector is a pure function of a text and the fit. Feature hashing
(Weinberger et al. 2009) errs by less than .03 in 99 of 100 Chinese pairs of cosine .8 or more (benchmarks/lexical.py).
Rejected: a projection learnt by SVD, which moves with every record; sparse vectors, which no search over tiles takes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quality.tokens import CHARACTER, I64, U64, Tokens, constants, mix, tokenise

DIMENSION = 768
"""Numbers of a vector; with 512 one pair in a hundred errs by more than .03."""
MAX_FEATURES = 1 << 20
"""Features that a fit holds: 12 MB."""
_PLACES = 4
"""Places of a feature in a vector: what 64 bits of hash give."""
_ROWS = 256
"""Texts projected at once."""
_WAITING = 1 << 22
"""Features of chunks after which equal ones are merged."""
_TOTAL = np.uint64(0)
"""The feature of the row that holds the number of documents in a summary, and the weight of the unseen in a fit."""


@dataclass(frozen=True, slots=True)
class Features:
    """Distinct features of a chunk of texts: hash, text and count of each, ordered by hash."""

    values: U64
    text_of: I64
    counts: I64


def _grams(tokens: Tokens) -> tuple[U64, I64]:
    """Return the hashes of all features, with repetitions, and the text of each.

    A token, two neighbours, and three unspaced characters in a row; a text of signs only is one feature.
    """
    text_of = np.repeat(np.arange(len(tokens.whole)), np.diff(tokens.offsets))
    multipliers = constants(17, 3)
    values = [mix(tokens.values * multipliers[0])]
    owners = [text_of]
    two = np.flatnonzero(text_of[1:] == text_of[:-1])
    values.append(mix(tokens.values[two] * multipliers[0] + tokens.values[two + 1] * multipliers[1]))
    owners.append(text_of[two])
    unspaced = tokens.kinds == CHARACTER
    three = two[:-1][text_of[two[:-1]] == text_of[two[:-1] + 2]] if len(two) else two
    three = three[unspaced[three] & unspaced[three + 1] & unspaced[three + 2]]
    runs = [tokens.values[three + step] * multipliers[step] for step in range(3)]
    values.append(mix(runs[0] + runs[1] + runs[2]))
    owners.append(text_of[three])
    signs = np.flatnonzero(tokens.whole)
    values.append(tokens.whole[signs])
    owners.append(signs)
    return np.maximum(np.concatenate(values), np.uint64(1)), np.concatenate(owners)


def distinct_features(texts: Sequence[str]) -> Iterator[tuple[Features, int]]:
    """Yield the distinct features of each chunk of texts, ordered by hash, and the number of texts in it."""
    for tokens in tokenise(texts):
        values, text_of = _grams(tokens)
        order = np.argsort(text_of.astype(np.uint16), kind="stable")
        order = order[np.argsort(values[order], kind="stable")]
        values, text_of = values[order], text_of[order]
        new = np.ones(len(values), dtype=np.bool_)
        new[1:] = (values[1:] != values[:-1]) | (text_of[1:] != text_of[:-1])
        at = np.flatnonzero(new)
        yield Features(values[at], text_of[at], np.diff(np.append(at, len(values)))), len(tokens.whole)


def _merged(features: Sequence[U64], documents: Sequence[I64]) -> tuple[U64, I64]:
    """Return distinct features, sorted, and the sums of their documents."""
    values, counts = np.concatenate(features), np.concatenate(documents)
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    new = np.ones(len(values), dtype=np.bool_)
    new[1:] = values[1:] != values[:-1]
    at = np.flatnonzero(new)
    return values[at], (np.add.reduceat(counts, at) if len(at) else counts)


def summarise(texts: Sequence[str]) -> pa.Table:
    """Return what texts teach: columns feature (uint64, sorted) and documents (int64, texts that hold it).

    Feature 0 counts the texts that hold any. Summaries of shards merge by addition, in any order.
    """
    features: list[U64] = [np.zeros(1, dtype=np.uint64)]
    documents: list[I64] = [np.zeros(1, dtype=np.int64)]
    waiting = 0
    for found, texts_in in distinct_features(texts):
        documents[0][0] += np.count_nonzero(np.bincount(found.text_of, minlength=texts_in))
        features.append(found.values)
        documents.append(np.ones(len(found.values), dtype=np.int64))
        waiting += len(found.values)
        if waiting > _WAITING:
            values, counts = _merged(features, documents)
            features, documents, waiting = [values], [counts], 0
    values, counts = _merged(features, documents)
    return pa.table({"feature": values, "documents": counts})


def fit(partials: Sequence[pa.Table], limit: int = MAX_FEATURES) -> pa.Table:
    """Return the weights of features, sorted: columns feature (uint64) and weight (float32).

    A weight is ln(1 + (texts + 1) / documents). At most `limit` features are held, those of most texts, and none
    of one text alone; feature 0 holds the weight of all others: that of the most frequent one left out, or of one
    text.
    """
    features = [np.zeros(1, dtype=np.uint64), *(table.column("feature").to_numpy() for table in partials)]
    documents = [np.zeros(1, dtype=np.int64), *(table.column("documents").to_numpy() for table in partials)]
    values, counts = _merged(features, documents)
    texts, values, counts = int(counts[0]), values[1:], counts[1:]
    least = 2
    if np.count_nonzero(counts >= least) > limit:
        least = int(np.partition(counts, len(counts) - limit - 1)[len(counts) - limit - 1]) + 1
    held = counts >= least
    values = np.concatenate([[_TOTAL], values[held]])
    shown = np.concatenate([[least - 1], counts[held]])
    weights = np.log1p((texts + 1) / shown).astype(np.float32)
    return pa.table({"feature": values, "weight": weights})


def embed(texts: Sequence[str], fitted: pa.Table, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Return the vectors of texts, float32 [n, dimension], unit length; zeros for a blank text.

    Args:
        texts: any texts.
        fitted: from `fit`.
        dimension: numbers of a vector; the error of a cosine falls with its square root.
    """
    known = fitted.column("feature").to_numpy()
    weights = fitted.column("weight").to_numpy().astype(np.float64)
    result = np.zeros((len(texts), dimension), dtype=np.float32)
    start = 0
    for found, texts_in in distinct_features(texts):
        at = np.minimum(np.searchsorted(known, found.values), len(known) - 1)
        value = np.where(known[at] == found.values, weights[at], weights[0])
        value *= 1 + np.log(found.counts)
        order = np.argsort(found.text_of.astype(np.uint16), kind="stable")
        _project(found.values[order], found.text_of[order], value[order], result[start : start + texts_in])
        start += texts_in
    return result


def _project(features: U64, text_of: I64, weights: NDArray[np.float64], out: NDArray[np.float32]) -> None:
    """Add weights up in the places that hashes give, and scale rows to unit length, into `out`.

    Each feature takes _PLACES signed places: with one, two heavy features that meet spoil a short text.
    """
    dimension = out.shape[1]
    bounds = np.searchsorted(text_of, np.arange(0, len(out) + _ROWS, _ROWS))
    for block, (first, last) in enumerate(itertools.pairwise(bounds.tolist())):
        rows = out[block * _ROWS : (block + 1) * _ROWS]
        parts = features[first:last].astype("<u8").view("<u2").reshape(-1, _PLACES).astype(np.int64)
        place = ((parts & 0x7FFF) * dimension) >> 15
        place += ((text_of[first:last] - block * _ROWS) * dimension)[:, None]
        signed = np.where(parts > 0x7FFF, weights[first:last, None], -weights[first:last, None])
        flat = np.bincount(place.ravel(), signed.ravel(), minlength=rows.size)
        sums = flat.astype(np.float64, copy=False).reshape(rows.shape)  # of nothing, bincount makes integers
        length = np.sqrt((sums * sums).sum(axis=1, keepdims=True))
        np.divide(sums, length, out=sums, where=length > 0)
        rows[:] = sums
