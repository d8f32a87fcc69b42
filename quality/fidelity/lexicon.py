"""What words mean beside one another: one sense, opposite senses, and the small words that steer a sentence.

Synonyms and antonyms are looked up in WordNet (English) and Cilin (Chinese), cut to the senses people use and kept
as tables beside this file; classes that a grammar closes (negation, modality, quantity) are patterns written for it.
Rejected: an embedding for opposites ("increase" and "decrease" are its nearest neighbours), and all senses of a
thesaurus, in which every two common words are synonyms.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from quality.lookalike.lexicon import lexicon as closed_classes
from quality.lookalike.reworded import stem
from quality.lookalike.tokens import fold
from quality.lookalike.words import american, is_one_word, known_words

DATA = Path(__file__).parent / "data"
_NEGATING = ("un", "in", "im", "il", "ir", "non", "dis", "a", "mis")
_SHORTEST_STEM = 4
_SHORTEST_NAME = 5
_LONGEST_ENDING = 4


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
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((DATA / "lexicon.json").read_text("utf-8"))
    return table


@cache
def steering(language: str) -> Steering:
    """Return the patterns of `en` or `zh`."""
    entry = _table()[language]
    names = tuple(name for name, _ in entry["classes"])
    bound = r"\b" if language == "en" else ""
    parts = [f"(?P<c{n}>{bound}(?:{pattern}){bound})" for n, (_, pattern) in enumerate(entry["classes"])]
    return Steering(
        re.compile("|".join(parts)),
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
    return frozenset(frozenset(pair) for pair in _table()["conflicts"])


@cache
def _aliases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), plain) for pattern, plain in _table()["aliases"])


def without_aliases(text: str) -> str:
    """Return a text in which things that have several names bear one: US, U.S., United States."""
    wide, *others = _aliases()  # a wide comma in a number is gone once the text is folded
    text = fold(wide[0].sub(wide[1], text))
    for pattern, plain in others:
        text = pattern.sub(plain, text)
    return text


@cache
def function_words() -> frozenset[str]:
    """Return the words that carry no content of their own."""
    words = closed_classes()
    return (words.light | words.strict) - frozenset(_table()["content"].split())


@cache
def _senses() -> dict[str, frozenset[str]]:
    return {word: frozenset(rest.split()) for word, _, rest in _lines("english_senses.txt.gz")}


@cache
def _near() -> dict[str, frozenset[str]]:
    return {word: frozenset(rest.split()) for word, _, rest in _lines("english_near.txt.gz")}


@cache
def _opposites() -> tuple[frozenset[tuple[str, str]], dict[str, frozenset[str]]]:
    """Return pairs of opposite words, and opposite senses by sense."""
    words: set[tuple[str, str]] = set(closed_classes().opposites)
    senses: dict[str, set[str]] = {}
    for one, _, other in _lines("english_opposites.txt.gz"):
        if one.isupper() or one.isdigit() or not one.islower():
            senses.setdefault(one, set()).add(other)
            senses.setdefault(other, set()).add(one)
        else:
            words |= {(one, other), (other, one)}
    for pair in _table()["en"]["opposites"].split(", "):
        one, other = pair.split()
        words |= {(one, other), (other, one)}
    for pair in _table()["zh"]["opposite_words"].split(", "):
        half = len(pair) // 2
        words |= {(pair[:half], pair[half:]), (pair[half:], pair[:half])}
    for pair in _table()["zh"]["opposite_characters"].split():
        words |= {(pair[0], pair[1]), (pair[1], pair[0])}
    return frozenset(words), {sense: frozenset(others) for sense, others in senses.items()}


@cache
def _cilin() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    text = gzip.decompress((DATA / "chinese_synonyms.txt.gz").read_bytes()).decode()
    for number, line in enumerate(text.splitlines()):
        for word in line.split():
            found.setdefault(word, set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def _lines(name: str) -> list[tuple[str, str, str]]:
    text = gzip.decompress((DATA / name).read_bytes()).decode()
    return [line.partition(" ") for line in text.splitlines()]


def is_han(word: str) -> bool:
    """Tell whether a word begins with a Han character."""
    return "\u3400" <= word[:1] <= "\u9fff"


@lru_cache(maxsize=65536)
def lemmas(word: str) -> tuple[str, ...]:
    """Return a word and what it may be an inflection of."""
    base = stem(american(word))
    return tuple(dict.fromkeys((word, base, american(word))))


@lru_cache(maxsize=65536)
def senses(word: str) -> frozenset[str]:
    """Return the senses of an English word in any of its forms; a phrase has underscores."""
    table = _senses()
    found = table.get(word, frozenset())
    return found or frozenset().union(*(table.get(lemma, frozenset()) for lemma in lemmas(word)))


@lru_cache(maxsize=131072)
def are_synonyms(left: str, right: str) -> bool:
    """Tell whether two words share a sense, or a phrase class of the request lexicon."""
    if is_han(left) or is_han(right):
        table = _cilin()
        if not table.get(left, frozenset()).isdisjoint(table.get(right, frozenset())):
            return True
    elif not senses(left).isdisjoint(senses(right)):
        return True
    words = closed_classes()
    for classes in (words.synonyms, words.verbs):
        if not classes.get(left, frozenset()).isdisjoint(classes.get(right, frozenset())):
            return True
    return False


def are_opposite_words(left: str, right: str) -> bool:
    """Tell whether two words stand as a pair in the tables of opposites, whatever else they mean."""
    return (left, right) in _opposites()[0]


@lru_cache(maxsize=131072)
def are_opposites(left: str, right: str) -> bool:
    """Tell whether two words are opposites: in a table, by a prefix that negates, or character by character."""
    pairs, opposite = _opposites()
    if (left, right) in pairs:
        return True
    if is_han(left) or is_han(right):
        return _are_opposite_han(left, right, pairs)
    ours, theirs = lemmas(left), lemmas(right)
    if any((a, b) in pairs for a in ours for b in theirs):
        return True
    if any(_negates(a, b) or _negates(b, a) for a in ours for b in theirs):
        return True
    for one in senses(left):
        heads = {one} | _near().get(one, frozenset())
        against = frozenset().union(*(opposite.get(head, frozenset()) for head in heads))
        if against and any(
            not against.isdisjoint({two} | _near().get(two, frozenset())) for two in senses(right)
        ):
            return senses(left).isdisjoint(senses(right))
    return False


def _negates(long: str, short: str) -> bool:
    """Tell whether a word is another with a prefix or an ending that negates."""
    if len(short) >= _SHORTEST_STEM and long.endswith(short) and long[: -len(short)] in _NEGATING:
        return known_words().get(short, 0) >= _SHORTEST_STEM and long[: -len(short)] != "a"
    return (
        long.endswith("less")
        and short.endswith("ful")
        and long[:-4] == short[:-3]
        and len(long) > _SHORTEST_STEM
    )


def _are_opposite_han(left: str, right: str, pairs: frozenset[tuple[str, str]]) -> bool:
    if len(left) == len(right):
        opposed = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
        return len(left) <= 3 and len(opposed) > 0 and all(pair in pairs for pair in opposed)
    long, short = (left, right) if len(left) > len(right) else (right, left)
    return len(short) >= 2 and long[:1] in "不无非未" and long[1:] == short


@lru_cache(maxsize=131072)
def are_one(left: str, right: str) -> bool:
    """Tell whether two English words are spellings, inflections, slips or near derivations of one."""
    if left == right or is_one_word(left, right):
        return True
    short, long = sorted((left, right), key=len)
    return short.isascii() and len(short) >= 5 and _derived(short, long)


def are_one_name(left: str, right: str) -> bool:
    """Tell whether two names are of one place: China and Chinese, Italy and Italian."""
    short, long = sorted((left, right), key=len)
    return (
        len(short) >= _SHORTEST_NAME and len(long) - len(short) <= _LONGEST_ENDING and short[:4] == long[:4]
    )


def _derived(short: str, long: str) -> bool:
    """Tell whether two words share all of a stem but an ending: rapid and rapidly, treat and treatment."""
    common = 0
    while common < len(short) and short[common] == long[common]:
        common += 1
    return common >= 5 and common >= len(short) - 3 and len(long) - common <= 5 and common >= 0.6 * len(long)
