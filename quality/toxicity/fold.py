"""Texts as they are meant: disguises taken off, with the place of every character in the original.

Width, accents, look-alike letters of other alphabets and traditional characters are undone for every text; signs that
stand for letters (`sh1t`, `@ss`), masks (`f**k`), spaced letters (`f u c k`) and stretched ones (`fuuuck`) only
within an English word, because in Chinese and in prose the same signs mean themselves. Signs between Chinese
characters (`傻*逼`) are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_LOOKALIKE = {
    ord(one): other
    for one, other in (
        "аa",
        "еe",
        "іi",
        "оo",
        "рp",
        "сc",
        "уy",
        "хx",
        "һh",
        "јj",
        "ѕs",
        "αa",
        "οo",
        "εe",
        "ιi",
        "κk",
        "νv",
        "ρp",
        "τt",
        "υu",
    )
}
"""Cyrillic and Greek letters that look like Latin ones."""
_LEET = str.maketrans("@4310$57!|+", "aaelosstiit")
_LEET_I = str.maketrans("@4310$57!|+", "aaeiosstlit")
_WORD = re.compile(r"[^\W_](?:[\w@$!*+|#'’-]{0,200}[\w$+*])?|[@$][\w@$!*+|#'’-]{0,20}\w")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_*]{1,2}){2,24}[^\W\d_](?![^\W_])")
_RUN = re.compile(r"(.)\1{2,}")
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_BETWEEN = re.compile(rf"(?<=[{_HAN}])[*._·\-~|/^&%#@+=\u200b-\u200f\ufeff]{{1,3}}(?=[{_HAN}a-zA-Z])")
_SPACES = re.compile(rf"(?<![{_HAN}])(?:[{_HAN}][ \u3000])+[{_HAN}](?![{_HAN}])")
_ANY_HAN = re.compile(rf"[{_HAN}]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is meant (`forms`, the likeliest first) and its place; `disguised` if it was not written so."""

    forms: tuple[str, ...]
    start: int
    stop: int
    disguised: bool


@cache
def _simplified() -> dict[int, str]:
    """Return the table from traditional characters to simplified ones that `lookalike` comes with."""
    old, new = (files("quality.lookalike") / "data" / "simplified.txt").read_text("utf-8").split("\n")[:2]
    return {ord(one): other for one, other in zip(old, new, strict=True)}


def plain(text: str) -> str:
    """Return a text of equal length in lower case, half width, without accents, in Latin letters that look so."""
    if text.isascii():
        return text.lower()
    return "".join(map(_plain, text)).translate(_LOOKALIKE)


@cache
def _plain(character: str) -> str:
    if character.isascii():
        return character.lower()
    folded = unicodedata.normalize("NFKD", character)
    letter = next((one for one in folded if not unicodedata.combining(one)), character).lower()
    return letter if len(letter) == 1 and len(folded.rstrip()) < 4 else character


def has_han(text: str) -> bool:
    """Return whether a text holds any Chinese character."""
    return _ANY_HAN.search(text) is not None


def english_tokens(text: str) -> Iterator[Token]:
    """Yield the words of a folded text, in order."""
    for found in _WORD.finditer(text):
        raw = found.group().replace("’", "'")
        forms, disguised = _forms(raw)
        yield Token(forms, found.start(), found.end(), disguised)


@cache
def _forms(raw: str) -> tuple[tuple[str, ...], bool]:
    """Return what a written word may stand for, and whether it is a disguise."""
    if raw.isalpha():
        once = _RUN.sub(r"\1", raw)
        return (
            ((raw,), False)
            if once == raw
            else (tuple(dict.fromkeys((raw, once, _RUN.sub(r"\1\1", raw)))), True)
        )
    forms = [raw.strip("'")]
    if any(one.isalpha() for one in raw) and len(raw) <= 24:
        forms += [raw.translate(table).replace("-", "") for table in (_LEET, _LEET_I)]
        forms += [_RUN.sub(r"\1", form) for form in forms[1:]]
    return tuple(dict.fromkeys(form for form in forms if form)), not raw.replace("'", "").replace(
        "-", ""
    ).isalpha()


def spaced_words(text: str) -> Iterator[Token]:
    """Yield runs of single letters as the words they spell: the whole run, and what is left without its first
    letter."""
    for found in _SPACED.finditer(text):
        places = [found.start() + n for n, one in enumerate(found.group()) if one.isalpha()]
        letters = "".join(text[place] for place in places)
        for first in range(min(3, len(letters) - 3)):
            for last in range(len(letters), max(first + 3, len(letters) - 3), -1):
                yield Token((letters[first:last],), places[first], places[last - 1] + 1, True)


def chinese_text(text: str) -> tuple[str, list[int]]:
    """Return a folded text in simplified characters without the signs between them, and the place of each
    character."""
    simple = text.translate(_simplified())
    dropped = [False] * len(simple)
    for found in _BETWEEN.finditer(simple):
        dropped[found.start() : found.end()] = [True] * len(found.group())
    for found in _SPACES.finditer(simple):
        for place in range(found.start(), found.end()):
            dropped[place] = dropped[place] or simple[place] in " \u3000"
    places = [place for place in range(len(simple)) if not dropped[place]]
    return "".join(simple[place] for place in places), places
