"""Texts to symbols, one a character: what an n-gram model over characters counts and scores.

Characters, not bytes: a Chinese character is one step of context, as a letter is. Case, full-width forms and the
value of a digit are folded away, for none of them makes a text good or bad, and a number is no surprise that counts.
Positions stay those of the text, so that a stretch of symbols is a stretch of characters. Rejected: bytes (three
steps of context a Chinese character, half of them empty), and words, which a small corpus shows once.
"""

from __future__ import annotations

import functools
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

START, END = 0, 1
"""The symbols before and after every text; no character is folded to them."""
BLOCK_SYMBOLS = 1 << 16
"""Symbols worked on at once: their arrays fit a processor's cache."""
_POINTS = 0x110000
_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32400))
UNSPACED = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x3040, 0x3100), (0x31F0, 0x3200), *_HAN)
"""Scripts that write no spaces: Thai, Lao, Burmese, Khmer, kana, Han."""
_CLASSES: tuple[tuple[float, int, tuple[tuple[int, int], ...]], ...] = (
    (0.25, 70, ((0x20, 0x7F), (0x0A, 0x0B))),
    (0.10, 600, ((0xA0, 0x370), (0x1E00, 0x2100))),
    (0.10, 1500, ((0x370, 0x1E00),)),
    (0.25, 20000, _HAN),
    (0.10, 400, ((0x3000, 0x3100), (0x31F0, 0x3200), (0xFF00, 0xFFF0))),
    (0.05, 11200, ((0xAC00, 0xD7B0),)),
    (0.05, 4000, ((0x2100, 0x2E80), (0x1F000, 0x1FB00))),
)
"""Share of a first meeting, and how many characters share it: what a character costs that the model never saw."""


@dataclass(frozen=True, slots=True)
class Block:
    """Symbols of a run of texts, each between START and END.

    Attributes:
        symbols: uint32 [m].
        starts: int64 [texts + 1]; text i owns `symbols[starts[i]:starts[i + 1]]`.
        first: number of the first text.
        points: uint32 [m], the code points that were folded.
    """

    symbols: NDArray[np.uint32]
    starts: NDArray[np.int64]
    first: int
    points: NDArray[np.uint32]

    def owners(self) -> NDArray[np.int64]:
        """Return int64 [m]: the text of each symbol, from 0."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


def blocks(texts: Sequence[str]) -> Iterator[Block]:
    """Yield the texts as blocks of about `BLOCK_SYMBOLS` symbols; a text is never divided."""
    return (block_of(texts[first:stop], first) for first, stop in _ranges(texts))


def each_block(texts: Sequence[str], run: Callable[[Block], None], threads: int) -> None:
    """Call `run` with every block of the texts, so many at a time."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda ends: run(block_of(texts[ends[0] : ends[1]], ends[0])), _ranges(texts)):
            pass


def _ranges(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first, size = 0, 0
    for number, text in enumerate(texts, start=1):
        size += len(text) + 2
        if size >= BLOCK_SYMBOLS or number == len(texts):
            yield first, number
            first, size = number, 0


def block_of(texts: Sequence[str], first: int) -> Block:
    """Return texts as one block; `first` is the number of the first."""
    joined = "\0\0".join(texts)
    points = np.frombuffer(f"\0{joined}\0".encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 2
    starts = np.concatenate([[0], np.cumsum(lengths)])
    symbols = folding()[points]
    symbols[starts[:-1]] = START
    symbols[starts[1:] - 1] = END
    return Block(symbols, starts, first, points)


def fold_of(cluster: str, folds: int) -> int:
    """Return the fold of a record, from 0, by what must not be divided: its duplicate cluster, else its root."""
    return zlib.crc32(cluster.encode("utf-8", "surrogatepass")) % folds


@functools.cache
def folding() -> NDArray[np.uint32]:
    """Return uint32 [0x110000]: the symbol of every code point."""
    table = np.arange(_POINTS, dtype=np.uint32)
    for point in range(0x20000):
        folded = _folded(chr(point))
        if len(folded) == 1:
            table[point] = ord(folded)
    table[: ord(" ")] = ord(" ")
    table[ord("\n")] = ord("\n")
    return table


def _folded(character: str) -> str:
    if unicodedata.category(character) == "Nd":
        return "0"
    if character.isspace():
        return "\n" if character in "\n\u2028\u2029" else " "
    if 0xFF01 <= ord(character) <= 0xFF5E:
        character = chr(ord(character) - 0xFEE0)
    return character.lower()


SCRIPTS = ("none", "spaced", "unspaced")
"""Scripts as far as costs differ: a Chinese character holds as much as a short word."""


@functools.cache
def scripts() -> NDArray[np.uint8]:
    """Return uint8 [0x110000]: the place of each symbol's script in `SCRIPTS`."""
    table = np.where(_word_kinds() == _LETTER, np.uint8(1), np.uint8(0))
    for low, high in UNSPACED:
        table[low:high] = 2
    return table


@functools.cache
def first_meeting() -> NDArray[np.float32]:
    """Return float32 [0x110000]: the probability of each symbol before anything was learnt."""
    table = np.full(_POINTS, 0.05 / _POINTS, np.float32)
    for share, size, ranges in _CLASSES:
        for low, high in ranges:
            table[low:high] = share / size
    table[[START, END]] = 0.05
    return table


_SPACE, _LETTER, _DIGIT, _MARK = range(4)
_WORD_SYMBOLS, _WORD_VALUES = 0x40000, np.uint64(0x90000)
"""Words stand in planes 4 to 12 of Unicode, which hold no character: one table of counts serves both streams."""
_WHOLE_WORD, _SUFFIX = 4, 2
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)


def words(block: Block) -> Block:
    """Return the words of a block's texts as one symbol each: short words themselves, longer ones by their ending.

    What is left is the grammar of a script with spaces, in any language, in so few symbols that a small corpus shows
    their order: shuffled words have it no longer, though each of them is spelled well. A mark is a word of its own, a
    run of Chinese is one word, and so is a number.
    """
    kinds = _word_kinds()[block.symbols]
    last = np.ones(len(kinds), np.bool_)
    last[:-1] = (kinds[1:] != kinds[:-1]) | (kinds[:-1] == _MARK)
    first = np.roll(last, 1)
    ends = np.flatnonzero(last & (kinds != _SPACE))
    begins = np.flatnonzero(first & (kinds != _SPACE))
    lengths = ends - begins + 1
    points = unspaced_as_one()[block.symbols].astype(np.uint64)
    values = lengths.clip(max=_WHOLE_WORD + 1).astype(np.uint64)
    for back in range(_WHOLE_WORD):
        seen = (lengths > back) & ((back < _SUFFIX) | (lengths <= _WHOLE_WORD))
        values += np.where(seen, points[np.maximum(ends - back, 0)] * _FACTORS[back], np.uint64(0))
    symbols = (_WORD_SYMBOLS + (values >> np.uint64(32)) % _WORD_VALUES).astype(np.uint32)
    whole = block.symbols[ends]
    symbols = np.where(whole <= END, whole, symbols)
    starts = np.searchsorted(ends, block.starts)
    return Block(symbols, starts, block.first, symbols)


@functools.cache
def _word_kinds() -> NDArray[np.uint8]:
    table = np.full(_POINTS, _MARK, np.uint8)
    for point in range(0x20000):
        character = chr(point)
        category = unicodedata.category(character)
        if category[0] in "LM":
            table[point] = _LETTER
        elif category[0] == "N":
            table[point] = _DIGIT
        elif category[0] == "Z":
            table[point] = _SPACE
    for low, high in UNSPACED:
        table[low:high] = _LETTER
    return table


@functools.cache
def unspaced_as_one() -> NDArray[np.uint32]:
    """Return uint32 [0x110000]: each code point, but one and the same for all of scripts without spaces."""
    table = np.arange(_POINTS, dtype=np.uint32)
    for low, high in UNSPACED:
        table[low:high] = UNSPACED[0][0]
    return table
