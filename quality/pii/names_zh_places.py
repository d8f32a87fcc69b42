"""The places of a text where a Chinese name may begin: a surname's character, with neighbours that let it be one.

In a short text every surname's character is such a place. In a longer one tables give each character's share, as what
it is (what stands before, the surname, the next three), and the shares of neighbours are added for all places at once:
where the sum stays below what a name needs whatever the words say, nobody looks closer. Rejected: the tables for every
text, since a dozen calls of NumPy cost what two hundred characters do.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from quality.pii.lexicon_zh import context, given, surnames
from quality.pii.names_zh_beside import is_dull, most_after, told_apart
from quality.pii.names_zh_outlook import BEFORE, IMPOSSIBLE, MOST_KNOWN, NEARLY, UNSEEN, title_starts

_LONG: Final = 256
"""Characters from which the tables are faster."""

_SIZE: Final = 0x10001
"""Rows of a table: the characters of the basic plane, and one for all beyond it, of which none is a surname's."""

_LANE: Final = 9
"""Bits of the sum for a given name of one character, and of that for two, in halves: all of them lie within 256."""

_HALF: Final = 1 << (_LANE - 1)
"""The bit of such a sum that is set when it is large enough."""

_NO_SURNAME: Final = 64
"""What a character adds where no name begins: a sum that is neither below nought nor large enough."""

_PAIRS: Final = 2 * _LANE
"""The first of the bits that tell pairs of characters: two for each class, which hold 1 + 1 when both fit."""

_ENOUGH: Final = np.array(
    [_HALF | _HALF << _LANE | sum(2 << (_PAIRS + 2 * pair) for pair in range(5))], np.int32
)
"""The bits of a sum of which one must be set."""


def surname_places(text: str) -> list[int]:
    """Return the places where a name may begin by a surname's character, in order; all such places in a short text."""
    if len(text) < _LONG:
        return list(map(re.Match.start, _surname().finditer(text)))
    # Halves of surrogate pairs, which JSON may hold alone, are characters like others.
    codes = np.frombuffer(f"\0{text}\0\0\0".encode("utf-32-le", "surrogatepass"), np.uint32)
    shares = _shares().take(codes, axis=0, mode="clip")
    total = shares[:-4, 0] + shares[1:-3, 1]
    total += shares[2:-2, 2]
    total += shares[3:-1, 3]
    total += shares[4:, 4]
    total &= _ENOUGH
    places: list[int] = total.nonzero()[0].tolist()
    return places


@cache
def _surname() -> re.Pattern[str]:
    return re.compile(f"[{''.join(sorted(_firsts()))}]")


def _firsts() -> set[str]:
    """Return the characters that surnames and names such as 小李 begin with."""
    return {name[0] for name in surnames()} | set("小老阿")


@cache
def _shares() -> NDArray[np.int32]:
    """Return what each character adds, int32 [65537, 5]: before a place, at it, and one, two and three behind it.

    What the words of `names_zh_outlook` are worth stands there in halves, in two lanes that no sum overflows.
    """
    han, table, never = range(0x4E00, 0xA000), given(), -IMPOSSIBLE

    def both(one: float, two: float) -> int:
        return round(2 * one) + (round(2 * two) << _LANE)

    def row(char: str, *, is_han: bool) -> tuple[int, ...]:
        worth = table.get(char, UNSEEN)
        return (
            0 if is_dull(char) else both(BEFORE[-1], BEFORE[-1]),
            both(_NO_SURNAME, _NO_SURNAME),
            both(worth[2] - 1.0, worth[0]) if is_han else both(never, never),
            both(most_after(char), worth[1] if char in table or is_han else never),
            both(0.0, most_after(char)),
        )

    shares = np.empty((_SIZE, 5), np.int32)
    shares[:] = row("\0", is_han=False)
    shares[han.start : han.stop] = row("\u9fff", is_han=True)
    # The text's ends, and what lies beyond the basic plane.
    shares[[0, -1]] = row("", is_han=False)
    for char in told_apart() | table.keys():
        shares[ord(char)] = row(char, is_han=ord(char) in han)
    least = _HALF - round(2 * (NEARLY - MOST_KNOWN))
    for name in _firsts():
        prior = surnames().get(name, never)
        shares[ord(name), 1] = both(least / 2 + prior, least / 2 + prior)
    for number, (begins, goes_on) in enumerate(_pairs()):
        for chars, side in ((begins, 1), (goes_on, 2)):
            shares[[ord(char) for char in chars], side] += 1 << (_PAIRS + 2 * number)
    return shares


def _pairs() -> list[tuple[set[str], set[str]]]:
    """Return what may begin and what may follow: surnames of two, placeholders, titles, 小李, 老张."""
    words = context()
    double = [name for name in surnames() if len(name) == 2]
    called = {char for char, worth in given().items() if worth[2] >= 2} | set(surnames())
    return [
        ({name[0] for name in double}, {name[1] for name in double}),
        ({name[0] for name in words.placeholders}, {name[1] for name in words.placeholders}),
        ({name for name, worth in surnames().items() if len(name) == 1 and worth >= 0}, set(title_starts())),
        (set("小阿"), {name for name in called | set(words.nick) if len(name) == 1}),
        (set("老"), {name for name in words.nick_old if len(name) == 1}),
    ]
