"""Names in a text without a single capital: sure given names, a surname after them, and what follows a title.

Chats and search queries are written so. Only names that are no words count, since no capital tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from quality.pii.lexicon_en import GIVEN, PROPER, SURNAME, UNKNOWN, WORD, context
from quality.pii.names_en_context import Surroundings
from quality.pii.names_en_tokens import LOWER_CASED, role_as_written, tokens_of

_SHORTEST = 3
_CHAT = frozenset(
    {"btw", "lol", "lmao", "omg", "idk", "imo", "imho", "pls", "plz", "thx", "thnx", "tho", "tbh", "brb"}
    | {"ttyl", "asap", "ikr", "smh", "ofc", "haha", "hahaha", "hehe", "gonna", "wanna", "gotta", "dunno"}
    | {"kinda", "im", "ive", "ill", "ur", "wbu", "hbu", "rn", "atm", "afaik", "fyi", "nvm", "ily"}
)
"""Words of chats that no dictionary has."""


@lru_cache(maxsize=1 << 16)
def _leads(word: str) -> bool:
    """Tell whether a word is a sure given name or a title, without which nothing is found."""
    return role_as_written(word) & GIVEN == 3 or word in context().titles


def lower_case_names(text: str) -> Iterator[tuple[int, int]]:
    """Find names in a text without a capital: a sure given name, the surname after it, and what follows a title."""
    matches = list(LOWER_CASED.finditer(text))
    if not any(_leads(match[0]) for match in matches):
        return
    around, words = Surroundings(text), context()
    tokens = tokens_of(text, matches)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        titled = at > 1 and tokens[at - 2].joined and tokens[at - 2].text in words.titles - words.titles_weak
        if (
            (token.role & GIVEN != 3 and not titled)
            or len(token.text) < _SHORTEST
            or around.has_article(token.start)
        ):
            continue
        after = tokens[at] if token.joined else None
        named = after and not after.role & (WORD | PROPER) and after.role & (SURNAME | UNKNOWN)
        if after and named and after.role & UNKNOWN and after.text in _CHAT:
            named = 0
        if after and named and after.text not in words.functions | words.verbs:
            at += 1
            yield token.start, after.end
            continue
        if not around.makes_thing(token.start, token.end) and not around.in_place(token.start):
            yield token.start, token.end
