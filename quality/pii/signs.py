"""What every recogniser looks at before it looks closer: the text in half-width form, and which signs it holds.

Full-width characters, odd hyphens and odd spaces are folded one for one, so that a pattern is written once and an
offset means the same in both. The last text's signs are kept, since twenty recognisers ask for the same one. Rejected:
folding in each pattern (every class three times as long), and NFKC, which changes lengths and so moves offsets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_SPACES: Final = (0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_HYPHENS: Final = (*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63)
_FOLD: Final = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(_SPACES, 0x20)
    | dict.fromkeys(_HYPHENS, 0x2D)
)
# Full-width punctuation alone (，。：) is in every Chinese text and changes no pattern's mind: it triggers nothing.
_ODD: Final = re.compile(
    "[\uff03\uff08\uff09\uff0b\uff0d-\uff0f\uff10-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a\u00a0\u2000-\u200a\u2010-\u2015\u202f\u2212]"
)
_DIGIT: Final = re.compile("[0-9]")
_RUN: Final = re.compile(r"[0-9](?:[ ()./-]{0,3}[0-9]){4}")
HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff"
"""The ideographs, to be put into a character class."""


@dataclass(frozen=True, slots=True)
class Signs:
    """A text and what it holds.

    Attributes:
        text: the text, with full-width characters, hyphens and spaces folded; every offset is that of the original.
        lower: the text in lower case, to look for words in; offsets may differ.
        digits: it holds a digit.
        run: it holds five digits with at most some separators between them.
        at: it holds an @.
        colon: it holds a colon, or an equals sign.
    """

    text: str
    lower: str
    digits: bool
    run: bool
    at: bool
    colon: bool


@lru_cache(maxsize=2)
def read(text: str) -> Signs:
    """Return the signs of a text."""
    if not text.isascii() and _ODD.search(text):
        text = text.translate(_FOLD)
    digits = _DIGIT.search(text) is not None
    run = digits and _RUN.search(text) is not None
    return Signs(text, text.lower(), digits, run, "@" in text, ":" in text or "=" in text or "：" in text)


def listed(words: str) -> tuple[str, ...]:
    """Return the words of a list that is written with | between them."""
    return tuple(words.split("|"))


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
