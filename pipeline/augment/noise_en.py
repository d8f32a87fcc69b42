"""Slips of English typing: neighbours on the keyboard, letters lost, doubled or swapped, case and marks.

A typo is taken only where the word is common, the typo is no word, and no other common word is as near to it: "hwo"
may be "how" or "who", so neither is ever typed so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from pipeline.augment.asking import Spans
from pipeline.augment.english_places import CHOICE, is_apart
from pipeline.augment.english_words import Word, cased, words_of
from quality.lookalike.words import known_words, one_edit_apart

if TYPE_CHECKING:
    from pipeline.augment.protocol import Passage

DATA = Path(__file__).parent / "data"
_COMMON = 7
"""Least decimal logarithm of the count of a word that may take a typo, as readers know it at sight."""

_SHORTEST = 5
_TRIES = 6
_NEGATING = ("un", "in", "im", "il", "ir", "dis", "non", "mis")
_ENDS = ".?!"
_WAYS = ("near", "drop", "double", "swap", "swap")


@dataclass(frozen=True, slots=True)
class Table:
    """The data file; see its `about`."""

    near: dict[str, str]
    misspelt: dict[str, str]
    apostrophes: frozenset[str]
    never: frozenset[str]


@cache
def _table() -> Table:
    raw: dict[str, Any] = json.loads((DATA / "noise_en.json").read_text("utf-8"))
    rows = raw["keyboard"]
    near = {}
    for y, row in enumerate(rows):
        for x, key in enumerate(row):
            beside = [(y, x - 1), (y, x + 1), (y - 1, x), (y - 1, x + 1), (y + 1, x - 1), (y + 1, x)]
            near[key] = "".join(rows[j][i] for j, i in beside if 0 <= j < len(rows) and 0 <= i < len(rows[j]))
    return Table(near, raw["misspelt"], frozenset(raw["apostrophes"]), frozenset(raw["never"].split()))


def english_slips(
    passage: Passage, spans: Spans, kind: str, wanted: int, random: Random
) -> list[tuple[int, int, str]]:
    """Return up to `wanted` slips of one kind in a text, as (start, stop, typed)."""
    if kind == "letters":
        return _letters(passage, spans, wanted, random)
    if kind == "case":
        return _case(passage)
    return _marks(passage, spans, random)


def _letters(passage: Passage, spans: Spans, wanted: int, random: Random) -> list[tuple[int, int, str]]:
    words = [
        word for start, stop in spans for word in _eligible(passage, words_of(passage.text, start, stop))
    ]
    random.shuffle(words)
    found: list[tuple[int, int, str]] = []
    for word in words:
        if len(found) == wanted:
            break
        written = passage.text[word.start : word.stop]
        typo = _typo(word.lower, random)
        if typo is not None:
            found.append((word.start, word.stop, cased(typo, written)))
    return found


def _eligible(passage: Passage, words: tuple[Word, ...]) -> list[Word]:
    known, never = known_words(), _table().never
    found = []
    for at, word in enumerate(words):
        lower = word.lower
        if len(lower) < _SHORTEST or not lower.isalpha() or lower in never or known.get(lower, 0) < _COMMON:
            continue
        beside = [words[n].lower for n in (at - 1, at + 1) if 0 <= n < len(words)]
        if not CHOICE.isdisjoint(beside) or is_apart(passage.text, word.start, word.stop):
            continue
        if passage.protected.holds(word.start, word.stop) or passage.text[word.start + 1].isupper():
            continue
        found.append(word)
    return found


def _typo(word: str, random: Random) -> str | None:
    """Return a word with one slip in it that readers see through; None if none was found in a few tries."""
    misspelt = _table().misspelt.get(word)
    if misspelt is not None and random.random() < 0.5:
        return misspelt
    first = 3 if word.startswith(_NEGATING) else 1
    for _ in range(_TRIES):
        way = _WAYS[int(random.random() * len(_WAYS))]
        at = first + int(random.random() * (len(word) - first))
        typo = _slipped(word, way, at, random)
        if typo is not None and _is_clear(word, typo):
            return typo
    return None


def _slipped(word: str, way: str, at: int, random: Random) -> str | None:
    if way == "near":
        near = _table().near[word[at]]
        return word[:at] + near[int(random.random() * len(near))] + word[at + 1 :]
    if at >= len(word) - 1:
        return None
    if way == "drop":
        return word[:at] + word[at + 1 :]
    if way == "double":
        return None if word[at] in (word[at - 1], word[at + 1]) else word[:at] + word[at] + word[at:]
    return None if word[at] == word[at + 1] else word[:at] + word[at + 1] + word[at] + word[at + 2 :]


@cache
def _shorter() -> dict[str, tuple[str, ...]]:
    """Return the common words by each of their spellings with one letter less."""
    table: dict[str, list[str]] = {}
    for word, size in known_words().items():
        if size >= _COMMON - 1 and len(word) >= _SHORTEST - 2:
            for key in {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}:
                table.setdefault(key, []).append(word)
    return {key: tuple(words) for key, words in table.items()}


@lru_cache(maxsize=65536)
def _is_clear(word: str, typo: str) -> bool:
    """Tell whether a typo is no word and one edit away from no common word but the one that was meant."""
    if typo in known_words() or typo == word:
        return False
    table = _shorter()
    keys = [typo, *(typo[:at] + typo[at + 1 :] for at in range(len(typo)))]
    near = {other for key in keys for other in table.get(key, ())}
    return not any(other != word and one_edit_apart(other, typo) for other in near)


def _case(passage: Passage) -> list[tuple[int, int, str]]:
    """Return the first letter of the text as a small one, if it is a capital that only the sentence asks for."""
    text = passage.text
    start = len(text) - len(text.lstrip())
    word = text[start:].split(maxsplit=1)[0]
    plain = word.rstrip("?!.,:;'’s")
    if not word[0].isupper() or not word[1:].islower() or passage.protected.holds(start, start + len(word)):
        return []
    if known_words().get(plain.lower(), 0) < _COMMON:
        return []
    return [(start, start + 1, text[start].lower())]


def _marks(passage: Passage, spans: Spans, random: Random) -> list[tuple[int, int, str]]:
    """Return one lost mark: the apostrophe of a contraction, or the mark at the end of the text."""
    text = passage.text
    found: list[tuple[int, int, str]] = []
    if "'" in text or "’" in text:
        for start, stop in spans:
            for word in words_of(text, start, stop):
                if word.lower in _table().apostrophes and not passage.protected.holds(word.start, word.stop):
                    written = text[word.start : word.stop]
                    found.append((word.start, word.stop, written.replace("'", "").replace("’", "")))
    end = len(text.rstrip())
    if (
        end > 1
        and text[end - 1] in _ENDS
        and text[end - 2].isalnum()
        and not passage.protected.holds(end - 1, end)
    ):
        found.append((end - 1, end, ""))
    return [random.choice(found)] if found else []
