"""Closed classes of words, English and Chinese, read once from `data/lexicon.json`.

Only classes that a grammar can close are here: requests, courtesies, function words, units, negations,
opposites. They name what a difference is about or say that it is none; that one content word stands in the
place of another is seen from the structure, whatever the words. Rejected: a thesaurus (WordNet calls "list"
and "name" and "tilt" synonyms) and lists of entities, which end where their author's imagination did.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The closed classes; phrases are in lower case, English words of a phrase separated by one space."""

    verbs: dict[str, frozenset[int]]
    synonyms: dict[str, frozenset[int]]
    fillers: frozenset[str]
    filler_starts: frozenset[str]
    light: frozenset[str]
    classed: frozenset[str]
    neutral: frozenset[str]
    particles: frozenset[str]
    negation_words: frozenset[str]
    soft: frozenset[str]
    person: dict[str, str]
    strict: frozenset[str]
    prepositions: frozenset[str]
    wh: frozenset[str]
    quantifiers: frozenset[str]
    negations: frozenset[str]
    units: dict[str, str]
    short_units: frozenset[str]
    languages: frozenset[str]
    formats: frozenset[str]
    opposites: frozenset[tuple[str, str]]
    false_inflections: frozenset[str]


def _classes(groups: list[list[str]]) -> dict[str, frozenset[int]]:
    members: dict[str, set[int]] = {}
    for number, group in enumerate(groups):
        for phrase in group:
            members.setdefault(phrase, set()).add(number)
    return {phrase: frozenset(numbers) for phrase, numbers in members.items()}


def _both(entry: dict[str, str]) -> frozenset[str]:
    """Return English words and Chinese characters of an entry as one set."""
    return frozenset(entry["en"].split()) | frozenset(entry["zh"].replace(" ", ""))


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = json.loads((DATA / "lexicon.json").read_text("utf-8"))
    return tables


def words_of(name: str) -> list[str]:
    """Return a list of words of the data file that is a class by itself."""
    words: str = _tables()[name]
    return words.replace(",", "").split()


def lines_of(name: str) -> list[list[str]]:
    """Return a table of the data file: lines of words."""
    lines: str = _tables()[name]
    return [line.split() for line in lines.split(", ")]


@cache
def lexicon() -> Lexicon:
    """Return the closed classes."""
    data = _tables()
    pairs = {
        (a, b)
        for line in data["opposites"]
        for pair in line.split(", ")
        for a, b in (pair.split(), pair.split()[::-1])
    }
    verbs, synonyms = _classes(data["request_verbs"]), _classes(data["synonyms"])
    units = {name: unit for unit, names in data["units"].items() for name in names.split()}
    return Lexicon(
        verbs=verbs,
        synonyms=synonyms,
        classed=frozenset(verbs) | frozenset(synonyms) | frozenset(units),
        fillers=frozenset(data["fillers"]),
        filler_starts=frozenset(
            filler.split()[0] if filler.isascii() else filler[0] for filler in data["fillers"]
        ),
        light=_both(data["neutral"]) | _both(data["soft"]),
        neutral=_both(data["neutral"]),
        particles=_both(data["particles"]),
        negation_words=frozenset(data["negation_words"].split()),
        soft=_both(data["soft"]),
        person={word: name for name, words in data["persons"].items() for word in words.split()},
        strict=frozenset(data["strict"].split()),
        prepositions=_both(data["prepositions"]),
        wh=_both(data["wh"]),
        quantifiers=frozenset(data["quantifiers"].split()),
        negations=_both(data["negations"]),
        units=units,
        short_units=frozenset(data["short_units"].split()),
        languages=frozenset(data["languages"].split()),
        formats=frozenset(data["formats"].split()),
        opposites=frozenset(pairs),
        false_inflections=frozenset(data["false_inflections"].split()),
    )
