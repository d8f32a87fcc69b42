"""Are two requests one, told in other words? English: the same topics, and answers of the same number.

A request is read as a bag: verbs of request and words that ask for nothing go, words that say the same where they
stand in a request become one, and what is left is its topics. Two requests are one told otherwise if their topics are
equal and one asks for no other number of answers: "Name five tips to reduce stress" / "What are some ways of
reducing stress?". A count of three or more answers an open one, not "all" and not "one". The guard of `judge` has
spoken before: what disagrees (negation, names, operators …) never comes here. Rejected: a weight for each word that
differs (learnt from labelled pairs it found less at the same precision), a thesaurus ("list" and "tilt" share a sense).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from quality.lookalike.lexicon import DATA
from quality.lookalike.request import Request
from quality.lookalike.reworded_zh import is_reworded_zh
from quality.lookalike.tokens import BRACKET, NUMBER, OPERATOR, Tokens, fold, tokenise
from quality.lookalike.words import american, known_words

REWORDABLE = frozenset(
    (
        "",
        "words",
        "detail",
        "question",
        "format",
        "numbers",
        "quantity",
        "names",
        "instruction",
        "input",
    )
)
"""What a guard that looks at each word in its place may have found in a request told otherwise."""

_MOST_CHARACTERS = 600
_MANY = 3
"""Least count that answers a request for some."""

_HAN = re.compile("[㐀-鿿]")
_DEFINITE = re.compile(r"\bthe (\w+) (?:that|which|who)\b")
_UPPER_US = re.compile(r"(?<![A-Za-z])US(?![A-Za-z])")
_ENDINGS = (("ies", "y"), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("es", ""), ("s", ""))
_LABELS = frozenset(("topic", "the", "a", "an", "input", "text", "sentence"))
"""Words before an input that only say that it is one."""

_VALUES = frozenset((NUMBER, OPERATOR))
_COMMON = 4
"""Decimal logarithm of a count above which a stem is a word."""


_RARER = 2
"""The same, by how much the longer of two stems may be the rarer."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a request is about and how many answers it wants.

    Attributes:
        topics: stems of the words that are left, and names of groups of words.
        values: numbers and operators that count no items, in order.
        count: how many items are asked for; None: the request does not say.
        closed: all of them are asked for, or one account of them, which no count answers.
        singles: groups of items of which one is asked for ("a way").
        plurals: groups of items of which several are asked for ("ways").
    """

    topics: frozenset[str]
    values: tuple[str, ...]
    count: int | None
    closed: bool
    singles: frozenset[str]
    plurals: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Table:
    equal: tuple[tuple[re.Pattern[str], str], ...]
    free: frozenset[str]
    groups: dict[str, str]
    answers: frozenset[str]
    closed: frozenset[str]


@cache
def _table() -> _Table:
    data: dict[str, Any] = json.loads((DATA / "reworded.json").read_text("utf-8"))["en"]
    groups = {word: f"={line.split()[0]}" for line in data["groups"] for word in line.split()}
    return _Table(
        equal=tuple((re.compile(pattern), plain) for pattern, plain in data["equal"]),
        free=frozenset(data["free"].split()) - groups.keys(),
        groups=groups,
        answers=frozenset(data["answers"].split()),
        closed=frozenset(data["closed"].split()),
    )


def has_same_topics(left: Request, right: Request) -> bool:
    """Tell whether two requests are about the same and want as many answers, in whatever words; symmetric.

    What the guard found must be one of `REWORDABLE` besides: this reading is blind to order, negation and names.
    """
    if left.context != right.context:
        return False
    one, other = f"{left.instruction}\n{left.input}".strip(), f"{right.instruction}\n{right.input}".strip()
    if _is_chinese(one) and _is_chinese(other):
        return is_reworded_zh(left, right)
    if max(len(one), len(other)) > _MOST_CHARACTERS:
        return False
    ours, theirs = read(one), read(other)
    if not ours.topics or (ours.topics, ours.values) != (theirs.topics, theirs.values):
        return False
    return _as_many(ours, theirs) and _same_input(left.input, right.input)


def is_narrowed(left: Request, right: Request) -> bool:
    """Tell whether one of two short English requests holds all topics of the other and adds to them; symmetric."""
    one, other = f"{left.instruction}\n{left.input}".strip(), f"{right.instruction}\n{right.input}".strip()
    if max(len(one), len(other)) > _MOST_CHARACTERS or _is_chinese(one) or _is_chinese(other):
        return False
    ours, theirs = read(one).topics, read(other).topics
    return ours < theirs or theirs < ours


def _same_input(left: str, right: str) -> bool:
    """Tell whether two inputs hold the same words in the same order, or one stands within its instruction."""
    ours, theirs = (read_words(text) for text in (left, right))
    return not ours or not theirs or ours == theirs


def _is_chinese(text: str) -> bool:
    return 2 * len(_HAN.findall(text)) > len(text)


def _as_many(left: Reading, right: Reading) -> bool:
    """Tell whether an answer to one has as many items as the other asks for."""
    if (left.singles & right.plurals) - right.singles or (right.singles & left.plurals) - left.singles:
        return False
    if left.count == right.count:
        return True
    if left.count is None or right.count is None:
        count, closed = (right.count, left.closed) if left.count is None else (left.count, right.closed)
        return count is not None and count >= _MANY and not closed
    return False


@lru_cache(maxsize=16384)
def read(text: str) -> Reading:
    """Return the reading of an English request."""
    table = _table()
    text = _UPPER_US.sub("usa", fold(text)).lower()
    for pattern, plain in table.equal:
        text = pattern.sub(plain, text)
    tokens = tokenise(text)
    words = [tokens.word(place) for place in range(len(tokens.keys))]
    items = [place for place, word in enumerate(words) if word in table.answers]
    counted = {
        place: int(key)
        for place, (key, kind) in enumerate(zip(tokens.keys, tokens.kinds, strict=True))
        if kind == NUMBER and key.isdigit() and any(place < item <= place + 4 for item in items)
    }
    singles, plurals = _numbers_of(tokens, words, items)
    return Reading(
        topics=_topics(tokens, words),
        values=tuple(
            key
            for place, (key, kind) in enumerate(zip(tokens.keys, tokens.kinds, strict=True))
            if kind in _VALUES and place not in counted and not _is_article(key, kind, words[place])
        ),
        count=next(reversed(counted.values()), None),
        closed=not table.closed.isdisjoint(words) or any(m in table.answers for m in _DEFINITE.findall(text)),
        singles=singles,
        plurals=plurals,
    )


def _numbers_of(tokens: Tokens, words: list[str], items: list[int]) -> tuple[frozenset[str], frozenset[str]]:
    """Return of which groups one item is asked for, and of which several."""
    groups = _table().groups
    singles, plurals = set(), set()
    for place in items:
        word = words[place]
        group = groups.get(word) or stem(word)
        if word.endswith("s"):
            plurals.add(group)
        elif not {"a", "an", "1", "best", "most"}.isdisjoint(tokens.keys[max(0, place - 3) : place]):
            singles.add(group)
    return frozenset(singles), frozenset(plurals)


def read_words(text: str) -> tuple[str, ...]:
    """Return the words and values of an input, in order; none where it says that there is no input."""
    for pattern, plain in _table().equal:
        text = pattern.sub(plain, text.lower())
    tokens = tokenise(text)
    pairs = zip(tokens.keys, tokens.kinds, strict=True)
    return tuple(stem(american(key)) for key, kind in pairs if kind != BRACKET and key not in _LABELS)


def _is_article(key: str, kind: str, word: str) -> bool:
    return kind == NUMBER and key == "1" and not word.isdigit()


def _topics(tokens: Tokens, words: list[str]) -> frozenset[str]:
    table = _table()
    topics = set()
    for key, kind, word in zip(tokens.keys, tokens.kinds, words, strict=True):
        plain = key.removeprefix("u:")
        if kind in _VALUES or kind == BRACKET:
            continue
        if kind not in "wu":
            topics.add(key)
        elif word not in table.free and plain not in table.free:
            root = stem(american(word))
            if root not in table.free:
                topics.add(table.groups.get(word) or table.groups.get(root) or root)
    return frozenset(topics)


@lru_cache(maxsize=32768)
def stem(word: str) -> str:
    """Return the word that a word is most likely an inflection of: the longest of those that are common."""
    known = known_words()
    if known.get(word, 0) >= 2 * _COMMON and not word.endswith(("s", "ing", "ed")):
        return word
    bases = [base for base in _bases(word) if known.get(base, 0) > _COMMON]
    most = max((known[base] for base in bases), default=0)
    return max((base for base in bases if known[base] + _RARER >= most), key=len, default=word)


def _bases(word: str) -> Iterator[str]:
    known = known_words()
    for ending, instead in _ENDINGS:
        if not word.endswith(ending) or len(word) - len(ending) <= 2:
            continue
        if ending == "s" and word.endswith(("ss", "us", "is")):
            continue
        base = word[: -len(ending)] + instead
        doubled = not instead and ending in ("ing", "ed") and len(base) > 3 and base[-1] == base[-2]
        yield base[:-1] if doubled and known.get(base[:-1], 0) > _COMMON else base
