"""The word lists, read once: phrases by their first word (English) or first character (Chinese).

A text is walked once and only phrases that can begin where it stands are compared, so the time is linear in the text
and hardly depends on the size of the lists. Rejected: one alternation of a thousand words, which a regular
expression tries one by one at every character.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_ENDINGS = ("s", "es", "ed", "er", "ers", "ing", "in", "y")


@dataclass(frozen=True, slots=True)
class Entry:
    """One word or phrase: what kind it is and how severe, 0 to 1."""

    phrase: str
    category: str
    severity: float


def read(name: str) -> dict[str, Any]:
    """Return one of the data files."""
    loaded: dict[str, Any] = json.loads((files(__package__) / "data" / name).read_text("utf-8"))
    return loaded


@dataclass(frozen=True, slots=True)
class Companions:
    """What shows that an English word is not meant so: words before it, after it, or within some words of it."""

    before: frozenset[str]
    after: frozenset[str]
    near: frozenset[str]


@dataclass(frozen=True, slots=True)
class English:
    """English entries: phrases (tuples of words) by first word, longest first; and single words by first letter and
    length."""

    by_first: dict[str, tuple[tuple[tuple[str, ...], Entry], ...]]
    masked: dict[tuple[str, int], tuple[Entry, ...]]
    benign: dict[str, Companions]


@dataclass(frozen=True, slots=True)
class Chinese:
    """Chinese entries by first character, longest first; and the longer strings in which an entry is harmless."""

    by_first: dict[str, tuple[Entry, ...]]
    benign: dict[str, tuple[str, ...]]


@cache
def english() -> English:
    """Return the English lists."""
    data = read("english.json")
    by_first: dict[str, list[tuple[tuple[str, ...], Entry]]] = {}
    masked: dict[tuple[str, int], list[Entry]] = {}
    for group in data["groups"]:
        for listed in group["words"]:
            stem = listed.removeprefix("~")
            forms = [stem, *(stem + ending for ending in _ENDINGS)] if listed != stem else [stem]
            for form in forms:
                entry = Entry(form, group["category"], group["severity"])
                words = tuple(form.split(" "))
                by_first.setdefault(words[0], []).append((words, entry))
                if len(words) == 1 and len(form) > 3 and entry.severity >= 0.3 and form.isalpha():
                    masked.setdefault((form[0], len(form)), []).append(entry)
    ordered = {
        first: tuple(sorted(found, key=lambda one: (-len(one[0]), -one[1].severity, one[0])))
        for first, found in by_first.items()
    }
    benign = {
        word: Companions(*(frozenset(shown.get(where, ())) for where in ("before", "after", "near")))
        for word, shown in data["benign"].items()
        if word != "note"
    }
    return English(ordered, {key: tuple(found) for key, found in masked.items()}, benign)


@cache
def chinese() -> Chinese:
    """Return the Chinese lists."""
    data = read("chinese.json")
    by_first: dict[str, list[Entry]] = {}
    for group in data["groups"]:
        for phrase in group["words"]:
            by_first.setdefault(phrase[0], []).append(Entry(phrase, group["category"], group["severity"]))
    ordered = {
        first: tuple(sorted(found, key=lambda one: (-len(one.phrase), -one.severity, one.phrase)))
        for first, found in by_first.items()
    }
    benign = {word: tuple(shown) for word, shown in data["benign"].items() if word != "note"}
    return Chinese(ordered, benign)


@cache
def patterns(language: str) -> tuple[tuple[re.Pattern[str], Entry], ...]:
    """Return what shows abuse by its structure: patterns on folded text, each with what it stands for."""
    data = read("patterns.json")
    groups = read("identity.json")["groups"].values()
    people = {*data["people"][language], *(word for group in groups for word in group[language])}
    named = (
        "(?:" + "|".join(re.escape(word) for word in sorted(people, key=lambda one: (-len(one), one))) + ")"
    )
    return tuple(
        (
            re.compile(each["pattern"].replace("{people}", named)),
            Entry("", each["category"], each["severity"]),
        )
        for each in data["patterns"]
        if each["language"] == language
    )


@cache
def context(kind: str, language: str) -> tuple[str, ...]:
    """Return the words that show a kind of context: discusses, teaches, negates, refuses or directs."""
    return tuple(read("context.json")[kind][language])
