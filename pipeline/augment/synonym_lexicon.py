"""This project's own words that say the same, read from `data/synonyms_en.txt` and `data/synonyms_zh.txt`.

Written by hand for prompts: a thesaurus knows that "list" and "heel" share a sense (of ships), and not that "tell me
if" and "tell me whether" share one. Each group says where it holds, since "the main reason" is "the primary reason"
and "the main course" is not. Inflected forms are made once, on reading, so that a look-up is one dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.augment.english_words import compared, conjugated, plural

DATA = Path(__file__).parent / "data"
_I = re.compile(r"\bi\b")
CONDITIONS = ("next", "-next", "prev", "-prev")


@dataclass(frozen=True, slots=True)
class Group:
    """Words that stand for one another, and where.

    Args:
        kind: n, v, a, r or h as the data file tells; "" for Chinese.
        strict: the words around must say which part of speech it is.
        left: what may be replaced.
        right: by what.
        conditions: by name, the phrases that must or must not stand beside it.
    """

    kind: str
    strict: bool
    left: tuple[str, ...]
    right: tuple[str, ...]
    conditions: dict[str, tuple[str, ...]]


def read_groups(path: Path, with_kind: bool) -> Iterator[Group]:
    """Return the groups of a data file.

    Raises:
        ValueError: a line is not of the form that the file's head tells; names the line.
    """
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        head, *options = (part.strip() for part in line.split("|"))
        kind, _, words = head.partition(" ") if with_kind else ("", "", head)
        sides = [tuple(word.strip() for word in side.split(",")) for side in words.split(">")]
        named = [option.split(":", 1) for option in options]
        conditions = {name: tuple(v.strip() for v in values.split(",")) for name, values in named}
        left, right = sides[0], sides[-1]
        alone = [word for word in left if not set(right) - {word}]
        unknown = set(conditions) - set(CONDITIONS)
        if kind.lower() not in ("", *"nvarh") or len(sides) > 2 or alone or unknown or "" in left + right:
            raise ValueError(f"{path.name}:{number} is no group of synonyms: {line}")
        yield Group(kind.lower(), kind.isupper(), left, right, conditions)


@dataclass(frozen=True, slots=True)
class Entry:
    """One English word or phrase as written, what may stand in its place, and where.

    Args:
        words: of the phrase, in lower case.
        forms: of a verb, to be told apart by the text (see `slot_of`); empty for others.
        options: the replacements; of a verb, each in all its forms.
        group: where it comes from.
        closed: conditions as sets of phrases, by name.
        wild: for which conditions any word in "ing" is meant too.
    """

    words: tuple[str, ...]
    forms: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]
    group: Group
    closed: dict[str, frozenset[str]]
    wild: frozenset[str]


@cache
def english() -> dict[str, tuple[Entry, ...]]:
    """Return the English entries by the first word, those of several words by the first two, longer ones first."""
    table: dict[str, list[Entry]] = {}
    for group in read_groups(DATA / "synonyms_en.txt", with_kind=True):
        for entry in _entries(group):
            table.setdefault(" ".join(entry.words[:2]), []).append(entry)
    return {word: tuple(sorted(found, key=lambda one: -len(one.words))) for word, found in table.items()}


def _entries(group: Group) -> Iterator[Entry]:
    closed = {name: frozenset(values) - {"*ing"} for name, values in group.conditions.items()}
    wild = frozenset(name for name, values in group.conditions.items() if "*ing" in values)
    for word in group.left:
        others = [_I.sub("I", other) for other in group.right if other != word]
        if group.kind == "v":
            forms = conjugated(word)
            verbs: tuple[tuple[str, ...], ...] = tuple(conjugated(other) for other in others)
            for surface in dict.fromkeys(forms):
                yield Entry(tuple(surface.split()), forms, verbs, group, closed, wild)
            continue
        rows = [_row(group.kind, word)]
        others_rows = [_row(group.kind, other) for other in others]
        for slot, surface in enumerate(rows[0]):
            if surface in rows[0][:slot] or surface.startswith(("more ", "most ")):
                continue
            plain = tuple((row[slot],) for row in others_rows if row[slot] != surface)
            if plain:
                yield Entry(tuple(surface.split()), (), plain, group, closed, wild)


def _row(kind: str, word: str) -> tuple[str, ...]:
    """Return the forms of a word that go with the same forms of another."""
    if kind == "n":
        return (word, plural(word))
    return compared(word) if kind == "a" else (word,)


@cache
def chinese() -> dict[str, tuple[tuple[str, tuple[str, ...], Group], ...]]:
    """Return (word, replacements, group) by the first character, longer words first."""
    table: dict[str, list[tuple[str, tuple[str, ...], Group]]] = {}
    for group in read_groups(DATA / "synonyms_zh.txt", with_kind=False):
        for word in group.left:
            others = tuple(other for other in group.right if other != word)
            table.setdefault(word[0], []).append((word, others, group))
    return {char: tuple(sorted(found, key=lambda one: -len(one[0]))) for char, found in table.items()}
