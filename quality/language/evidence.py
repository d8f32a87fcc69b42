"""Says whether a text in Latin letters is really prose of a language: whether it holds its small words.

Letter statistics call any row of Latin words something: brand names Italian, a list of chemicals Spanish.
Sentences hold the small words of their language (`the`, `von`, `dans`), lists and names do not; capitalised
ones are not counted (`Columbia`, `The Who`). So nothing is condemned for a language of which no small words
are seen. The lists are the stop words of stopwordsiso (MIT), in `words.json`. Rejected: a higher confidence
(the statistics are sure of names, too).
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[^\W\d_]+")
_LEAST_WORDS = 2
_LEAST_SHARE = 0.15
_LEAST_LEAD = 1.5
_LEAST_LOWER_SHARE = 0.6
_LEAST_LETTERS_UNLISTED = 80


def holds_small_words(text: str, code: str, rival: str = "") -> bool:
    """Return whether a text reads as sentences of a language.

    Args:
        text: prose (see `strip`); in letters that several languages share.
        code: the language it is said to be in.
        rival: a language that must have clearly fewer of its small words there, if any; English always must.
    """
    tokens = _WORD.findall(text)
    if not tokens:
        return False
    if text.isupper():
        tokens = [token.lower() for token in tokens]
    words = small_words(code)
    if not words:
        lower = sum(1 for token in tokens if token[0].islower())
        return sum(map(len, tokens)) >= _LEAST_LETTERS_UNLISTED and lower >= _LEAST_LOWER_SHARE * len(tokens)
    hits = sum(1 for token in tokens if token in words)
    if hits < _LEAST_WORDS or hits < _LEAST_SHARE * len(tokens):
        return False
    lowered = [token.lower() for token in tokens]
    theirs = [small_words(other) for other in {rival, "en"} - {code, ""}]
    return all(hits > _LEAST_LEAD * sum(1 for token in lowered if token in listed) for listed in theirs)


def holds_any_small_words(text: str) -> bool:
    """Return whether a text holds small words of any languages, as sentences do and rows of terms do not."""
    tokens = _WORD.findall(text.lower())
    hits = sum(1 for token in tokens if token in _all_small_words())
    return hits >= _LEAST_WORDS and hits >= _LEAST_SHARE * sum(1 for token in tokens if token.isascii())


@cache
def _all_small_words() -> frozenset[str]:
    return frozenset().union(*_lists().values())


def small_words(code: str) -> frozenset[str]:
    """Return the small words of a language; empty where no list is known."""
    return _lists().get(code, frozenset())


@cache
def _lists() -> dict[str, frozenset[str]]:
    content = json.loads((files(__package__) / "words.json").read_text(encoding="utf-8"))
    return {code: frozenset(words.split()) for code, words in content.items()}
