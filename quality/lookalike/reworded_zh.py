"""Are two Chinese requests one, told in other words? Short ones by their characters, cases by title and body.

A short request is reduced by phrases that say the same (怎么办, 如何治疗) and by characters that ask for nothing; the
characters that are left must be the same ones. A *case* is a question with a body, as forums have them: the bodies must
tell the same, and the titles must not ask for different things; a title may name what the other's body says. Rejected:
a segmenter and a thesaurus of words, whose synonyms (疾病, 病痛, 症候) are not those by which people ask.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from quality.lookalike.judge import compare_texts
from quality.lookalike.lexicon import DATA
from quality.lookalike.request import Request
from quality.lookalike.tokens import NUMBER, fold, tokenise

_SHORT = 60
_LEAST_CHARACTERS = 2
_SAME_BODY = 0.5
"""Least share of character pairs that two bodies have in common to tell the same case."""

_NEW_IN_BODY = 1
"""Most characters of a body of which the other record has none."""

_WORDING = frozenset(("", "words", "detail", "order", "question", "negation"))
"""What the guard may find between two bodies that tell the same; negations are counted besides."""

_SIGN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Table:
    equal: tuple[tuple[re.Pattern[str], str], ...]
    free: frozenset[str]
    asks: dict[str, str]
    asks_as_written: dict[str, re.Pattern[str]]
    no_negation: re.Pattern[str]
    negation: frozenset[str]
    points: re.Pattern[str]


@cache
def _table() -> _Table:
    data: dict[str, Any] = json.loads((DATA / "reworded.json").read_text("utf-8"))["zh"]
    return _Table(
        equal=tuple((re.compile(pattern), plain) for pattern, plain in data["equal"]),
        free=frozenset(data["free"]),
        asks=data["asks"],
        asks_as_written={name: re.compile(pattern) for name, pattern in data["asks_as_written"].items()},
        no_negation=re.compile(data["no_negation"]),
        negation=frozenset(data["negation"]),
        points=re.compile(data["points"]),
    )


def is_reworded_zh(left: Request, right: Request) -> bool:
    """Tell whether two Chinese requests ask for the same in other words; symmetric."""
    one, other = left.input.strip(), right.input.strip()
    if _numbers(f"{left.instruction}\n{one}") != _numbers(f"{right.instruction}\n{other}"):
        return False
    if not one and not other:
        if max(len(left.instruction), len(right.instruction)) > _SHORT:
            return False
        ours, theirs = bare(left.instruction), bare(right.instruction)
        return (
            ours.total() >= _LEAST_CHARACTERS
            and ours == theirs
            and asks(left.instruction) == asks(right.instruction)
        )
    return bool(one) and bool(other) and _same_case(left, right)


def _same_case(left: Request, right: Request) -> bool:
    ours, theirs = bare(f"{left.instruction}{left.input}"), bare(f"{right.instruction}{right.input}")
    wants, others = asks(left.instruction), asks(right.instruction)
    if wants - others and others - wants:
        return False
    if _table().points.search(left.instruction + right.instruction):
        return False
    if left.input.strip() != right.input.strip() and (wants != others or not _same_body(left, right)):
        return False
    if abs(_negations(left) - _negations(right)) > 1:
        return False
    titles = [_new(bare(left.instruction), theirs), _new(bare(right.instruction), ours)]
    return max(titles) <= 1 and min(titles) == 0


def _same_body(left: Request, right: Request) -> bool:
    """Tell whether two bodies tell the same case, of which their titles speak."""
    if _common(left.input, right.input) < _SAME_BODY or asks(left.input) != asks(right.input):
        return False
    if compare_texts(left.input, right.input).differs not in _WORDING:
        return False
    ours, theirs = bare(left.input), bare(right.input)
    if not all(_names(bare(one.instruction), body) for one, body in ((left, ours), (right, theirs))):
        return False
    new = (_new(ours, theirs), _new(theirs, ours))
    return max(new) <= _NEW_IN_BODY and min(new) == 0


def _names(title: Counter[str], body: Counter[str]) -> bool:
    """Tell whether a title speaks of what its body tells."""
    return 2 * _new(title, body) <= title.total()


@lru_cache(maxsize=16384)
def bare(text: str) -> Counter[str]:
    """Return the characters of a request that are left when phrases that say the same have become one."""
    table = _table()
    text = "".join(fold(text).lower().split())
    for pattern, plain in table.equal:
        text = pattern.sub(plain, text)
    return Counter(char for char in _SIGN.sub("", text) if char not in table.free)


@lru_cache(maxsize=16384)
def asks(text: str) -> frozenset[str]:
    """Return what a text asks: cause, treatment, place …; several, or none that is known."""
    table, left = _table(), bare(text)
    found = {name for name, char in table.asks.items() if char in left}
    return frozenset(
        found | {name for name, pattern in table.asks_as_written.items() if pattern.search(text)}
    )


def _new(ours: Counter[str], theirs: Counter[str]) -> int:
    """Return how many characters of a text the other does not have at all."""
    return sum(count for char, count in ours.items() if char not in theirs)


def _common(left: str, right: str) -> float:
    ours, theirs = (
        {text[at : at + 2] for at in range(len(text) - 1)}
        for text in (_SIGN.sub("", fold(one).lower()) for one in (left, right))
    )
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0


def _numbers(text: str) -> set[str]:
    tokens = tokenise(text)
    return {key for key, kind in zip(tokens.keys, tokens.kinds, strict=True) if kind == NUMBER and key != "1"}


def _negations(request: Request) -> int:
    table = _table()
    text = table.no_negation.sub("", f"{request.instruction}{request.input}")
    return sum(char in table.negation for char in text)
