"""What is looked for: the test items' texts, cut into pieces that are found or not, each by itself.

A question and its answer are pieces apart, for a question that leaks is contamination already, and an answer that is
"yes" is none. A text of more than `LONGEST` tokens is cut, so that a paragraph out of it is found. Equal pieces (one
passage under five questions) are one. A piece of fewer than `SHORT` words is short: it counts only whole, and only
a question does. Rejected: one text for question and answer, in which a long answer hides the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from quality.decontamination.grams import grams, single, sizes
from quality.tokens import CHARACTER, I64, U64, tokenise

SHORT = 13
"""Words below which an item is short; a Chinese character is two thirds of a word."""
LONGEST = 300
PIECE = 200
"""Tokens of a piece of a text that is longer than LONGEST."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of a test item.

    Args:
        set: name of the test set.
        item: number of the item in the set, from 1.
        side: `prompt`, `response`, or `text` for a document.
        text: what it says.
    """

    set: str
    item: int
    side: str
    text: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of passages, in the order of the passages.

    Attributes:
        sets: names of the test sets; set_of, item, side: int64 [n] and list [n]; whose piece it is.
        tokens: int64 [n]; tokens of the piece. words: float64 [n]; its length in words.
        short: bool [n]; it counts only whole.
        offsets: int64 [n + 1]; piece i owns `values[offsets[i]:offsets[i + 1]]`.
        values: uint64; hashes of its runs, in order; places: int64; the number of the first token of each in the piece.
        singles: uint64, of short pieces: hashes of their single tokens; single_offsets: int64 [n + 1].
        characters: bool, of each single token: it is an unspaced character.
        left_out: passages that are too short to be looked for.
    """

    sets: tuple[str, ...]
    set_of: I64
    item: I64
    side: list[str]
    tokens: I64
    words: np.ndarray[tuple[int], np.dtype[np.float64]]
    short: np.ndarray[tuple[int], np.dtype[np.bool_]]
    offsets: I64
    values: U64
    places: I64
    single_offsets: I64
    singles: U64
    characters: np.ndarray[tuple[int], np.dtype[np.bool_]]
    left_out: int = 0


@dataclass(slots=True)
class _Cutter:
    """Collects pieces, each distinct row of runs once."""

    set_of: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    side: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    short: list[bool] = field(default_factory=list)
    values: list[U64] = field(default_factory=list)
    places: list[I64] = field(default_factory=list)
    singles: list[U64] = field(default_factory=list)
    characters: list[np.ndarray[tuple[int], np.dtype[np.bool_]]] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)
    left_out: int = 0


_OPTIONS = re.compile(r"(?:^|[\s(（])A[.)、．:：）](?=\s*\S).{1,400}?[\s(（]B[.)、．:：）]", re.DOTALL)


def stem(text: str) -> str:
    """Return the question of a multiple choice item without its options; "" if it has none.

    Where the question leaks, its options are often left out, or in another order.
    """
    found = _OPTIONS.search(text)
    return text[: found.start()].strip() if found else ""


def is_short(text: str) -> bool:
    """Tell whether a text is so short that it is looked for as a whole only."""
    kinds = np.concatenate([tokens.kinds for tokens in tokenise([text])] or [np.zeros(0, np.uint8)])
    return _words(kinds) < SHORT


def _words(kinds: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> float:
    return float(np.where(kinds == CHARACTER, 2 / 3, 1.0).sum())


def cut(passages: Sequence[Passage]) -> Pieces:
    """Return the pieces of passages.

    Args:
        passages: in the order of their sets and items; blank ones have no piece.
    """
    names = tuple(dict.fromkeys(passage.set for passage in passages))
    numbers = {name: number for number, name in enumerate(names)}
    made = _Cutter()
    row = 0
    for chunk in grams([passage.text for passage in passages]):
        size = sizes(chunk.tokens)
        for local in range(len(chunk.tokens.whole)):
            first, last = (int(n) for n in chunk.tokens.offsets[local : local + 2])
            passage = passages[row]
            row += 1
            at = chunk.at - chunk.before
            low, high = np.searchsorted(at, (first, last))
            kinds = chunk.tokens.kinds[first:last]
            _take(made, passage, numbers[passage.set], chunk.values[low:high], at[low:high] - first, kinds,
                  single(chunk.tokens.values[first:last]), size[first:last])  # fmt: skip
    return _whole(made, names)


def _take(
    made: _Cutter,
    passage: Passage,
    number: int,
    values: U64,
    at: I64,
    kinds: np.ndarray[tuple[int], np.dtype[np.uint8]],
    singles: U64,
    size: I64,
) -> None:
    """Add the pieces of one passage, whose runs begin at the tokens `at`."""
    total = len(kinds)
    characters = kinds == CHARACTER
    short = _words(kinds) < SHORT
    if not total:
        return
    if not len(values) or (short and passage.side != "prompt"):
        made.left_out += 1
        return
    count = 1 if total <= LONGEST else round(total / PIECE)
    bounds = np.linspace(0, total, count + 1).astype(np.int64)
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        inside = (at >= first) & (at + size[at] <= last)
        own = values[inside]
        key = own.tobytes() + (b"s" if short else b"")
        if key in made.seen or not len(own):
            continue
        made.seen.add(key)
        made.set_of.append(number)
        made.item.append(passage.item)
        made.side.append(passage.side)
        made.tokens.append(last - first)
        made.words.append(_words(kinds[first:last]))
        made.short.append(short)
        made.values.append(own)
        made.places.append(at[inside] - first)
        made.singles.append(singles if short else singles[:0])
        made.characters.append(characters if short else characters[:0])


def _whole(made: _Cutter, names: tuple[str, ...]) -> Pieces:
    none = np.zeros(0, np.uint64)
    return Pieces(
        names,
        np.array(made.set_of, np.int64),
        np.array(made.item, np.int64),
        made.side,
        np.array(made.tokens, np.int64),
        np.array(made.words, np.float64),
        np.array(made.short, np.bool_),
        _offsets(made.values),
        np.concatenate([none, *made.values]),
        np.concatenate([np.zeros(0, np.int64), *made.places]),
        _offsets(made.singles),
        np.concatenate([none, *made.singles]),
        np.concatenate([np.zeros(0, np.bool_), *made.characters]),
        made.left_out,
    )


def _offsets(parts: Sequence[U64]) -> I64:
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
