"""What every recogniser looks at before it looks closer: the text in half-width form, and which signs it holds.

Full-width characters, odd hyphens and odd spaces are folded one for one, so that a pattern is written once and an
offset means the same in both. A recogniser declares the signs that it waits for beside its patterns; automata of RE2
look for all of them at once, in time linear in the text: one in every text, one where a digit stands, one where an
ideograph does. The last text's signs are kept, since a dozen recognisers ask for the same one. Rejected: a search for
each sign (three hundred, most of the time that a text took), one automaton for all (it has to make a state for each
pair of what two patterns have seen), folding in each pattern (every class three times as long), and NFKC, which
changes lengths and so moves offsets.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import re2

_SPACES: Final = (0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_HYPHENS: Final = (*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63)
_FOLD: Final = {
    chr(code): chr(plain)
    for code, plain in (
        {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
        | dict.fromkeys(_SPACES, 0x20)
        | dict.fromkeys(_HYPHENS, 0x2D)
    ).items()
}
# Not str.translate, which takes an exception's time for each character that is not in the table.
_FOLDED: Final = re.compile(
    "[\uff01-\uff5e\u00a0\u2000-\u200a\u202f\u205f\u3000\u2010-\u2015\u2212\ufe58\ufe63]"
)
# Full-width punctuation alone (，。：) is in every Chinese text and changes no pattern's mind: it triggers nothing.
_ODD: Final = re.compile(
    "[\uff03\uff08\uff09\uff0b\uff0d-\uff0f\uff10-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a\u00a0\u2000-\u200a\u2010-\u2015\u202f\u2212]"
)
HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff"
"""The ideographs, to be put into a character class."""

_MEMORY: Final = 64 << 20
"""Bytes that the automaton may take; it needs a few megabytes and is emptied when it reaches this."""


class Signs(NamedTuple):
    """A text and what it holds.

    Attributes:
        text: the text, with full-width characters, hyphens and spaces folded; every offset is that of the original.
        lower: the text in lower case, to look for words in; offsets may differ.
        held: the bits of the signs that stand in `lower`.
    """

    text: str
    lower: str
    held: int


_PATTERNS: Final[list[tuple[int, str]]] = []


def sign(*patterns: str, beside: int = 0) -> int:
    """Declare what a recogniser waits for, when its module is loaded.

    Args:
        patterns: RE2's syntax, looked for in the folded text in lower case.
        beside: `DIGIT` or `IDEOGRAPH`, if the recogniser finds nothing in a text without one.

    Returns:
        The bit of `Signs.held` that is set when one of the patterns matches somewhere.
    """
    _PATTERNS.append((beside, "|".join(patterns)))
    return 1 << (len(_PATTERNS) - 1)


def listed(words: str) -> tuple[str, ...]:
    """Return the words of a list that is written with | between them."""
    return tuple(words.split("|"))


def words(listing: str) -> str:
    """Return the pattern of the words of a list that is written with | between them."""
    return "|".join(map(re2.escape, listing.lower().split("|")))


_ASSERTION: Final = re.compile(r"\(\?<?[=!](?:[^()]|\([^()]*\))*\)")


def loosened(pattern: str) -> str:
    """Return a pattern without its look-arounds, which RE2 lacks: it matches wherever the pattern does, and more."""
    return _ASSERTION.sub("", pattern)


START: Final = sign(r"\A")
"""The beginning, which every text holds: RE2 finds nothing at all, and says so nowhere, when it has no memory left."""

DIGIT: Final = sign("[0-9]")
"""A digit."""

IDEOGRAPH: Final = sign("[\u4e00-\u9fff]")
"""A common Chinese character."""

RUN: Final = sign(r"[0-9](?:[ ()./-]{0,3}[0-9]){4}", beside=DIGIT)
"""Five digits with at most some separators between them."""

SERIES: Final = sign("[0-9](?:[ -]?[0-9]){5}", beside=DIGIT)
"""Six digits with at most a space or a hyphen between them."""

AT: Final = sign("@")
"""An @."""


@lru_cache(maxsize=1)
def _automata(size: int) -> tuple[tuple[int, re2.Set, tuple[int, ...]], ...]:
    """Return the automata of the first signs: what each is used beside, itself, and the bits of its patterns.

    `size` is the number of signs, since modules are loaded one by one. One automaton for all of them would have a state
    for each pair of what two patterns have seen so far, and most of a text's time would go to new states.
    """
    made = []
    for beside in dict.fromkeys(beside for beside, _ in _PATTERNS[:size]):
        options = re2.Options()
        options.max_mem = _MEMORY
        automaton, bits = re2.Set.SearchSet(options), []
        automaton.Add(r"\A")
        bits.append(START)
        for index, (wanted, pattern) in enumerate(_PATTERNS[:size]):
            if wanted == beside and index:
                automaton.Add(pattern)
                bits.append(1 << index)
        automaton.Compile()
        made.append((beside, automaton, tuple(bits)))
    return tuple(made)


@lru_cache(maxsize=2)
def read(text: str) -> Signs:
    """Return the signs of a text.

    Raises:
        MemoryError: the automaton does not fit into `_MEMORY`.
    """
    if not text.isascii() and _ODD.search(text):
        text = _FOLDED.sub(lambda match: _FOLD[match[0]], text)
    lower = looked = text.lower()
    if not text.isascii():
        # Letters that a pattern without case takes for i and s.
        looked = looked.replace("i\u0307", "i").replace("ı", "i").replace("ſ", "s")
    # Half of a surrogate pair, which JSON may hold alone, is no sign of anything.
    encoded, held = looked.encode("utf-8", "replace"), 0
    for beside, automaton, bits in _automata(len(_PATTERNS)):
        if beside and not held & beside:
            continue
        found = automaton.Match(encoded)
        if not found:
            raise MemoryError(f"RE2 ran out of {_MEMORY} bytes over a text of {len(text)} characters")
        held |= sum(map(bits.__getitem__, found))
    return Signs(text, lower, held)


def holds(lower: str, words: tuple[str, ...]) -> bool:
    """Tell whether a text in lower case holds one of the words: far faster than a pattern that ignores case."""
    for word in words:  # noqa: SIM110 - a generator costs more than the search
        if word in lower:
            return True
    return False


def before(text: str, start: int, reach: int) -> str:
    """Return up to `reach` characters before a place, on the same line or the one above it."""
    return text[max(0, start - reach) : start]


def after(text: str, end: int, reach: int) -> str:
    """Return up to `reach` characters after a place."""
    return text[end : end + reach]
