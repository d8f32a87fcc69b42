"""The tags that stand where personal data stood, and what a text already holds of them.

`<EMAIL>`: capitals in angle brackets survive every repair of `normalise`, are one thing to a reader and never a
word of either language. A pseudonym of a kind that a recipe made up has a keyed number in its tag
(`<STAFF_NO:1f0a9c3e>`), because nobody but the recipe knows which of its values harm no one. Rejected: `[EMAIL]`
(a link in Markdown, a list in code).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

_NUMBER = r"(?::[0-9a-f]{8})?"

Stretch = tuple[int, int]
"""First character of a part of a text, and one past the last."""


def tag(kind: str) -> str:
    """Return the tag of a kind."""
    return f"<{kind.upper()}>"


def numbered_tag(kind: str, digest: bytes) -> str:
    """Return the tag of one entity of a kind."""
    return f"<{kind.upper()}:{digest[:4].hex()}>"


@lru_cache(maxsize=64)
def _pattern(kinds: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(sorted((re.escape(kind.upper()) for kind in kinds), key=len, reverse=True))
    return re.compile(f"<(?:{names}){_NUMBER}>")


def tags_in(text: str, kinds: Collection[str]) -> list[Stretch]:
    """Return where the tags of these kinds stand."""
    if "<" not in text or not kinds:
        return []
    return [match.span() for match in _pattern(frozenset(kinds)).finditer(text)]


def masked(text: str) -> str:
    """Return a text with a star for every letter and digit; blanks, signs and the length stay."""
    return "".join("*" if character.isalnum() else character for character in text)
