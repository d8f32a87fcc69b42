"""Finds passages of the test side in training texts: a look-up of every run, then a reading of each pair that remains.

The look-up is a few numpy passes over a batch. A pair of record and piece that shares enough is read: the runs must
stand within one stretch of the record, for a long record holds the words of any question somewhere. A short item must
stand whole in a prompt, up to the end of a sentence. What two records of one story share is told from a leak by the
share alone. Rejected: a suffix array of both sides (memory grows with the training side), embeddings (they tell
topics; a test question's sister with other numbers is as close as its paraphrase).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from quality.decontamination.grams import Grams, grams, single, sizes
from quality.decontamination.index import Index, bloom, passing
from quality.tokens import I64, U64, token_spans

FLOOR = 0.2
"""Least score that is reported; no threshold may be lower."""
SLACK = 2.0
"""A stretch may have so many times the tokens of its piece, and `ROOM` more."""
ROOM = 8
BOUND = 5.0
"""Words of a short item from which its beginning need not be that of a sentence."""
UNBOUND = 8.0
"""Words of a short item from which its end need not be that of a sentence either."""

_STARTS = re.compile(r"(^|[\n.?!;:,．。？！；：，、(（\[\"“”＂'‘’＇「『《>*#-])\s*$")
_STOPS = re.compile(r"[\"”＂'’＇]*\s*($|[\n.?!;:．。？！；：…)）\]」』》])")
_NEAR = 16
"""Characters beside a short item that are looked at."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a batch of records, flat.

    Args:
        texts: all texts, those of one record next to each other.
        record_of: int64 [texts]; ascending numbers of their records.
        prompt: bool [texts]; it is a prompt, beside which a short item may be held.
    """

    texts: Sequence[str]
    record_of: I64
    prompt: np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Match:
    """The best match of one record.

    Args:
        piece: number of the piece in the index.
        score: share of the piece's weight that the stretch holds, 0..1; 1 for a short item.
        run: tokens of the longest common run.
        text: number of the text in the batch that holds most of the stretch.
        start, stop: where the stretch begins and ends in that text, in characters.
    """

    piece: int
    score: float
    run: int
    text: int
    start: int
    stop: int


def count(wanted: U64, batch: Texts) -> tuple[U64, I64]:
    """Return which of the wanted features stand in a batch, and in how many of its records.

    Args:
        wanted: uint64, sorted and distinct.
        batch: the texts.
    """
    table = bloom(wanted)
    found: list[U64] = [np.zeros(0, np.uint64)]
    for chunk, text_of in _with_texts(batch):
        record_of = batch.record_of[text_of]
        for values, at in ((chunk.values, chunk.at - chunk.before), (single(chunk.tokens.values), None)):
            places = passing(table, values)
            rows = np.searchsorted(wanted, values[places])
            rows[rows == len(wanted)] = 0
            exact = wanted[rows] == values[places] if len(wanted) else np.zeros(0, np.bool_)
            owners = record_of[places if at is None else at[places]][exact]
            found.append(owners.astype(np.uint64) << np.uint64(32) | rows[exact].astype(np.uint64))
    # The texts of a record may lie in two chunks, so distinct pairs are taken over all of them.
    pairs = np.sort(np.concatenate(found))
    distinct = pairs[1:][pairs[1:] != pairs[:-1]]
    numbers = (np.concatenate([pairs[:1], distinct]) & np.uint64(0xFFFFFFFF)).astype(np.int64)
    documents = np.bincount(numbers, minlength=len(wanted))
    present = np.flatnonzero(documents)
    return wanted[present], documents[present]


def search(index: Index, batch: Texts, records: int) -> list[Match | None]:
    """Return the best match of each record, None where no piece scores `FLOOR`.

    Args:
        index: the test side.
        batch: texts of records 0 to `records` - 1.
        records: how many.
    """
    hits = _hits(index, batch)
    best: list[_Found | None] = [None] * records
    for pair in _pairs(index, hits):
        record = int(pair[RECORD][0])
        match = _read(index, batch, pair, hits.first)
        known = best[record]
        if match is not None and (known is None or match.score > known.score):
            best[record] = match
    return [None if match is None else _placed(index, batch, match, hits.first) for match in best]


@dataclass(frozen=True, slots=True)
class _Found:
    """A match by numbers of tokens: `first` is that of the stretch, `stop` the one after it."""

    piece: int
    score: float
    text: int
    first: int
    stop: int


def _placed(index: Index, batch: Texts, found: _Found, first: I64) -> Match:
    """Return a match with its place in characters and its longest run."""
    text = batch.texts[found.text]
    starts, stops = token_spans(text)
    low, high = found.first - int(first[found.text]), found.stop - int(first[found.text])
    run = _longest(index, found.piece, text, low, high)
    return Match(found.piece, found.score, run, found.text, int(starts[low]), int(stops[high - 1]))


def _longest(index: Index, piece: int, text: str, low: int, high: int) -> int:
    """Return the tokens of the longest run that a piece and the tokens from `low` to `high` of a text share."""
    own = slice(int(index.offsets[piece]), int(index.offsets[piece + 1]))
    places: dict[int, list[int]] = {}
    for value, place in zip(index.values[own].tolist(), index.places[own].tolist(), strict=True):
        places.setdefault(value, []).append(place)
    rows = []
    for chunk in grams([text]):
        stops = chunk.at + sizes(chunk.tokens)[chunk.at]
        inside = (chunk.at >= low) & (stops <= high)
        columns = (chunk.values[inside].tolist(), chunk.at[inside].tolist(), stops[inside].tolist())
        for value, at, stop in zip(*columns, strict=True):
            rows += [(at - place, at, stop) for place in places.get(value, ())]
    longest, began, before = 0, 0, (0, -2)
    for shift, at, stop in sorted(rows):
        if before != (shift, at - 1):
            began = at
        before = (shift, at)
        longest = max(longest, stop - began)
    return longest


def _with_texts(batch: Texts) -> Iterator[tuple[Grams, I64]]:
    """Yield the runs of each chunk, and the number of the text that each token of it is in."""
    start = 0
    for chunk in grams(batch.texts):
        sizes = np.diff(chunk.tokens.offsets)
        yield chunk, np.repeat(np.arange(start, start + len(sizes)), sizes)
        start += len(sizes)


@dataclass(frozen=True, slots=True)
class _Hits:
    """Runs of a batch that stand in the index, and where its texts begin.

    Attributes:
        table: int64 [6, hits]; rows RECORD to STOP, see there.
        first: int64 [texts + 1]; the number of each text's first token.
    """

    table: I64
    first: I64


RECORD, PIECE, ENTRY, TEXT, AT, STOP = range(6)
"""Of a hit: record, piece, place among all runs of the index, text, first token, and the token after the run."""


def _hits(index: Index, batch: Texts) -> _Hits:
    parts = [np.zeros((6, 0), np.int64)]
    counts = [np.zeros(1, np.int64)]
    for chunk, text_of in _with_texts(batch):
        counts.append(np.diff(chunk.tokens.offsets))
        near = passing(index.filter, chunk.values)
        rows = np.minimum(np.searchsorted(index.runs, chunk.values[near]), max(0, len(index.runs) - 1))
        exact = index.runs[rows] == chunk.values[near] if len(index.runs) else np.zeros(0, np.bool_)
        rows, near = rows[exact], near[exact]
        held = index.entry_offsets[rows + 1] - index.entry_offsets[rows]
        shift = index.entry_offsets[rows] - (np.cumsum(held) - held)
        entries = index.entries[np.arange(held.sum()) + np.repeat(shift, held)]
        at = np.repeat(chunk.at[near], held)
        text = text_of[at - chunk.before]
        stop = at + sizes(chunk.tokens)[at - chunk.before]
        parts.append(np.stack([batch.record_of[text], index.piece_of(entries), entries, text, at, stop]))
    return _Hits(np.concatenate(parts, axis=1), np.cumsum(np.concatenate(counts)))


def _pairs(index: Index, hits: _Hits) -> Iterator[I64]:
    """Yield the hits of each pair of record and piece that may score `FLOOR`."""
    table = hits.table
    if not table.shape[1]:
        return
    key = table[RECORD] * len(index.tokens) + table[PIECE]
    order = np.lexsort((table[ENTRY], key))
    key, entry = key[order], table[ENTRY][order]
    changed = key[1:] != key[:-1]
    begin = np.flatnonzero(np.concatenate([[True], changed]))
    fresh = np.concatenate([[True], changed | (entry[1:] != entry[:-1])])
    shared = np.add.reduceat(np.where(fresh, index.weights[entry], 0.0), begin)
    distinct = np.add.reduceat(fresh.astype(np.int64), begin)
    piece = table[PIECE][order[begin]]
    whole = distinct == np.diff(index.offsets)[piece]
    enough = np.where(index.short[piece], whole, shared >= FLOOR * index.total[piece])
    ends = np.concatenate([begin[1:], [len(key)]])
    for number in np.flatnonzero(enough).tolist():
        rows = order[begin[number] : ends[number]]
        yield table[:, rows[np.argsort(table[AT][rows], kind="stable")]]


def _read(index: Index, batch: Texts, pair: I64, first: I64) -> _Found | None:
    """Return the match of one pair, None where no stretch holds enough."""
    piece = int(pair[PIECE][0])
    places = index.places[pair[ENTRY]]
    if index.short[piece]:
        return _read_short(index, batch, piece, places, pair, first)
    width = SLACK * float(index.tokens[piece]) + ROOM
    weights = index.weights[pair[ENTRY]]
    shared, low, high = _densest(pair[ENTRY].tolist(), pair[AT].tolist(), weights.tolist(), width)
    score = shared / float(index.total[piece])
    if score < FLOOR:
        return None
    inside = pair[:, low:high]
    texts = inside[TEXT]
    text = int(np.bincount(texts - texts[0]).argmax() + texts[0])
    own = inside[:, texts == text]
    return _Found(piece, min(1.0, score), text, int(own[AT].min()), int(own[STOP].max()))


def _densest(entries: list[int], at: list[int], weights: list[float], width: float) -> tuple[float, int, int]:
    """Return the weight of the stretch of at most `width` tokens that holds most, its first hit and the one after."""
    held: dict[int, int] = {}
    best, low, high, total, first = 0.0, 0, 0, 0.0, 0
    for last, entry in enumerate(entries):
        if not held.get(entry):
            total += weights[last]
        held[entry] = held.get(entry, 0) + 1
        while at[last] - at[first] > width:
            gone = entries[first]
            held[gone] -= 1
            if not held[gone]:
                total -= weights[first]
            first += 1
        if total > best + 1e-9:
            best, low, high = total, first, last + 1
    return best, low, high


def _read_short(index: Index, batch: Texts, piece: int, places: I64, pair: I64, first: I64) -> _Found | None:
    """Return the match of a short item: whole, in one prompt; a very short one as a sentence of its own."""
    held = int(index.offsets[piece + 1] - index.offsets[piece])
    tokens = int(index.tokens[piece])
    shifts = pair[AT] - places
    order = np.argsort(shifts, kind="stable")
    found, begin, counts = np.unique(shifts[order], return_index=True, return_counts=True)
    spans: dict[int, tuple[I64, I64]] = {}
    for number in np.flatnonzero(counts == held).tolist():  # a run stands once in a piece, at each shift
        text = int(pair[TEXT][order[begin[number]]])
        if not batch.prompt[text]:
            continue
        if text not in spans:
            spans[text] = token_spans(batch.texts[text])
        starts, stops = spans[text]
        at = int(found[number]) - int(first[text])
        if index.alone[piece] and len(starts) > tokens:
            continue
        start, stop, whole = int(starts[at]), int(stops[at + tokens - 1]), batch.texts[text]
        begins = _STARTS.search(whole[max(0, start - _NEAR) : start]) or index.words[piece] >= BOUND
        ends = _STOPS.match(whole[stop : stop + _NEAR]) or index.words[piece] >= UNBOUND
        if begins and ends:
            shift = int(found[number])
            return _Found(piece, 1.0, text, shift, shift + tokens)
    return None
