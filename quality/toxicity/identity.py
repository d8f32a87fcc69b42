"""Whom a text speaks of, and how: identity terms by group, each with the praise or blame of its sentence.

Counts for a person to read, not a verdict: a corpus that mentions one group mostly with words of blame teaches that.
A sentence is blaming if it holds more words of blame (or a toxic span) than of praise, praising in the opposite
case, else neutral.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from quality.toxicity.fold import plain
from quality.toxicity.lexicon import read

GROUPS = ("gender", "religion", "ethnicity", "nationality", "disability", "orientation")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_MOST_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Mention:
    """One identity term in a text: its group, the term, and -1, 0 or 1 for blame, neither or praise."""

    group: str
    term: str
    sentiment: int


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    data = read("identity.json")
    listed = data["groups"][kind] if kind in data["groups"] else data[kind]
    english = "|".join(re.escape(word) for word in sorted(listed["en"], key=len, reverse=True))
    chinese = "|".join(re.escape(word) for word in sorted(listed["zh"], key=len, reverse=True))
    return re.compile(rf"(?<![a-z])(?:{english})(?![a-z])|(?:{chinese})")


@cache
def _any_identity() -> re.Pattern[str]:
    return re.compile("|".join(_pattern(group).pattern for group in GROUPS))


def mentions(text: str, toxic: Sequence[tuple[int, int]] = ()) -> list[Mention]:
    """Return the identity terms of a text, in order of sentence and group.

    Args:
        text: any text; its first 20,000 characters are looked at.
        toxic: character ranges that count as blame.
    """
    folded = plain(text[:_MOST_CHARACTERS])
    found = []
    for sentence in _SENTENCE.finditer(folded):
        words = sentence.group()
        if not _any_identity().search(words):
            continue
        praise = len(_pattern("praise").findall(words))
        blame = len(_pattern("blame").findall(words))
        blame += sum(start < sentence.end() and stop > sentence.start() for start, stop in toxic)
        sentiment = (praise > blame) - (praise < blame)
        found += [
            Mention(group, term, sentiment)
            for group in GROUPS
            for term in dict.fromkeys(_pattern(group).findall(words))
        ]
    return found
