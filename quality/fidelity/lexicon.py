"""The small words that steer a sentence, and what has several spellings.

Classes that a grammar closes (negation, modality, quantity) are patterns written for this project. Rejected: finding
them by a tagger, whose models are large and of one language each.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from quality.lookalike.lexicon import lexicon as closed_classes
from quality.lookalike.numbers import read_han
from quality.lookalike.reworded import stem
from quality.lookalike.tokens import fold

DATA = Path(__file__).parent / "data"
_WIDE_COMMA = re.compile(r"(?<=[０-９])，(?=[０-９]{3})")  # it is gone once the text is folded
_ROMAN_NAMES = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_ROMAN = {0x2160 + n: f" {name} " for n, name in enumerate(_ROMAN_NAMES)}  # one character each in Unicode
_FRACTION_ZH = re.compile(r"([二三四五六七八九十]+)分之([一二两三四五六七八九十]+)")


@dataclass(frozen=True, slots=True)
class Steering:
    """The patterns of one language; see `data/lexicon.json`."""

    classes: re.Pattern[str]
    names: tuple[str, ...]
    negation: re.Pattern[str]
    implicit: re.Pattern[str]
    passive: re.Pattern[str]
    pivots: tuple[re.Pattern[str], ...]
    relations: tuple[re.Pattern[str], ...]


@cache
def table() -> dict[str, Any]:
    """Return the patterns and lists of `data/lexicon.json`."""
    read: dict[str, Any] = json.loads((DATA / "lexicon.json").read_text("utf-8"))
    return read


@cache
def steering(language: str) -> Steering:
    """Return the patterns of `en` or `zh`."""
    entry = table()[language]
    names = tuple(name for name, _ in entry["classes"])
    bound = r"\b" if language == "en" else ""
    parts = [f"(?P<c{n}>{pattern})" for n, (_, pattern) in enumerate(entry["classes"])]
    return Steering(
        re.compile(f"{bound}(?:{'|'.join(parts)}){bound}"),
        names,
        re.compile(f"{bound}(?:{entry['negation']}){bound}"),
        re.compile(f"{bound}(?:{entry['implicit']}){bound}"),
        re.compile(entry["passive"]),
        tuple(re.compile(f"{bound}(?:{pattern}){bound}") for pattern in entry["pivots"]),
        tuple(re.compile(f"{bound}(?:{pattern}){bound}") for pattern in entry["relations"]),
    )


@cache
def conflicts() -> frozenset[frozenset[str]]:
    """Return the pairs of classes that cannot both be true."""
    return frozenset(frozenset(pair) for pair in table()["conflicts"])


@cache
def _aliases() -> tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]:
    return tuple(
        (tuple(marks.split()), re.compile(pattern), plain) for marks, pattern, plain in table()["aliases"]
    )


def without_aliases(text: str) -> str:
    """Return a text in which things that have several names bear one: US, U.S., United States."""
    text = fold(_WIDE_COMMA.sub(",", text)).translate(_ROMAN)
    for marks, pattern, plain in _aliases():
        if any(mark in text for mark in marks):
            text = pattern.sub(plain, text)
    if "分之" not in text:
        return text
    return _FRACTION_ZH.sub(lambda match: f"{read_han(match[2])}/{read_han(match[1])}", text)


@cache
def function_words() -> frozenset[str]:
    """Return the words that carry no content of their own."""
    words = closed_classes()
    return (words.light | words.strict) - frozenset(table()["content"].split())


@cache
def shell_nouns() -> frozenset[str]:
    """Return nouns that name no thing of their own (reason, way, 问题), which a rewording drops and adds."""
    words = table()["shell_nouns"].split()
    return frozenset(words) | {stem(word) for word in words if word.isascii()}


def is_han(word: str) -> bool:
    """Tell whether a word begins with a Han character."""
    return "\u3400" <= word[:1] <= "\u9fff"
