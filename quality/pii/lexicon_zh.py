"""Chinese surnames, what given names are made of, and the words that only look like names.

A given name is scored by its characters (how much likelier each is in a given name than in running text), because
most given names stand in no list. A word that begins with a surname's character (高血压, 马上, 任何) is told from a
name by the project's own word list. Rejected: a segmenter with a name model (19 MB, and it cuts a text that it does not
know), and a list of persons.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from typing import Final

from quality.lookalike.chinese import chinese_words
from quality.lookalike.lexicon import DATA as LOOKALIKE
from quality.pii.lexicon_en import DATA

Weights = tuple[int, int, int]
"""Binary logarithms: first of two characters of a given name, second of two, only one."""

PRIOR: Final = {"4": 1.0, "3": 0.0, "2": -2.0, "c": 3.5, "j": 2.0}
"""What a surname is worth by its class: common, less common, rare, of two characters, Japanese."""


@dataclass(frozen=True, slots=True)
class Context:
    """Classes of Chinese words that stand beside names."""

    before_sure: frozenset[str]
    before_fair: frozenset[str]
    titles: frozenset[str]
    titles_short: frozenset[str]
    after_name: frozenset[str]
    gestures: frozenset[str]
    speech: frozenset[str]
    honorifics: frozenset[str]
    ranks: frozenset[str]
    thing_after: frozenset[str]
    drugs: frozenset[str]
    brands: frozenset[str]
    not_before_title: frozenset[str]
    placeholders: frozenset[str]
    nick: frozenset[str]
    nick_old: frozenset[str]
    transliterated: frozenset[str]
    translit_chars: frozenset[str]


@cache
def context() -> Context:
    """Return the classes of words that stand in the data file."""
    lists = json.loads((DATA / "chinese_context.json").read_text("utf-8"))
    split = {name: words.split() for name, words in lists.items() if name != "translit_chars"}
    return Context(
        **{k: frozenset(v) for k, v in split.items()}, translit_chars=frozenset(lists["translit_chars"])
    )


def _packed(name: str) -> frozenset[str]:
    return frozenset(gzip.decompress((DATA / name).read_bytes()).decode().split())


@cache
def surnames() -> dict[str, float]:
    """Return the surnames of one and of two characters, each with what it is worth."""
    found: dict[str, float] = {}
    for line in (DATA / "chinese_surnames.txt").read_text("utf-8").splitlines():
        kind, _, names = line.partition(" ")
        found |= dict.fromkeys(names.split() if kind in "cj" else names, PRIOR[kind])
    return found


@cache
def given() -> dict[str, Weights]:
    """Return the characters of given names with their weights, traditional forms too."""
    found: dict[str, Weights] = {}
    for line in (DATA / "chinese_given.txt").read_text("utf-8").splitlines():
        char, first, second, only = line.split()
        found[char] = int(first), int(second), int(only)
    traditional, simple = (LOOKALIKE / "simplified.txt").read_text("utf-8").splitlines()[:2]
    for old, new in zip(traditional, simple, strict=True):
        if new in found:
            found.setdefault(old, found[new])
    return found


@cache
def words() -> dict[str, int]:
    """Return the known words that are no names of persons, with the binary logarithm of their counts."""
    names = persons() | context().transliterated | _packed("chinese_transliterated.txt.gz")
    return {word: size for word, size in chinese_words().items() if word not in names}


@cache
def persons() -> frozenset[str]:
    """Return the words of the word list that are names of persons, or made like one."""
    return _packed("chinese_persons.txt.gz") | context().placeholders


_KIN: Final = "哥姐叔爷嫂娘伯婶姨公太宗帝"


@cache
def given_twice() -> frozenset[str]:
    """Return the given names of two characters that two persons of the word list bear: 建国 is a word as well."""
    table, seen, twice = given(), set[str](), set[str]()
    for name in persons():
        if len(name) == 3 and surnames().get(name[0], -1) >= 0 and name[2] not in _KIN:
            first, second = table.get(name[1]), table.get(name[2])
            if first and second and first[0] + second[1] >= 2:
                (twice if name[1:] in seen else seen).add(name[1:])
    return frozenset(twice)


@cache
def foreign_places() -> frozenset[str]:
    """Return places that are written with the characters of transliterated names."""
    return _packed("chinese_places.txt.gz")


@cache
def transliterated() -> frozenset[str]:
    """Return given names and surnames from other scripts as Chinese writes them."""
    return (context().transliterated | _packed("chinese_transliterated.txt.gz")) - context().brands
