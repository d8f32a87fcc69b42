"""Slips of Chinese typing: characters of one sound or one shape, 的 for 地, lost and half-width marks.

An input method offers words, so a slip seldom leaves a lone strange character in a rare word: it happens in general
words (a table of them, with what is typed), and elsewhere only where the wrong character is a common one, of the same
sound or taken for it by many speakers, and leaves no other word behind.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from pipeline.augment.asking import Spans
from pipeline.augment.chinese_words import is_traditional, simplified, stands_alone, traditional
from pipeline.augment.synonym_lexicon import chinese
from quality.lookalike.chinese import chinese_words
from quality.lookalike.lexicon import DATA as PINYIN

if TYPE_CHECKING:
    from pipeline.augment.protocol import Passage

DATA = Path(__file__).parent / "data"
_COMMON_CHARACTERS = 1200
"""Characters that a slip may bring in: the commonest by the words that hold them."""

_SAME_SOUND = 3
"""Of the characters of one sound, how many an input method offers first."""


@dataclass(frozen=True, slots=True)
class Table:
    """The data file; see its `about`."""

    slips: dict[str, tuple[str, ...]]
    shapes: dict[str, str]
    never: frozenset[str]
    adverbs: tuple[str, ...]
    near: tuple[tuple[str, str], ...]
    halves: dict[str, str]
    starts: frozenset[str]


@cache
def _table() -> Table:
    raw: dict[str, Any] = json.loads((DATA / "noise_zh.json").read_text("utf-8"))
    shapes: dict[str, str] = {}
    for group in raw["shapes"]:
        for char in group:
            shapes[char] = shapes.get(char, "") + group.replace(char, "")
    slips = {word: tuple(typed) for word, typed in raw["slips"].items()}
    for entries in chinese().values():
        slips.update({word: () for word, _, _ in entries if len(word) == 2 and word not in slips})
    return Table(
        slips,
        shapes,
        frozenset(raw["never"]),
        tuple(raw["adverbs"]),
        tuple((left, right) for left, right in raw["near"]),
        raw["halves"],
        frozenset(word[0] for word in slips),
    )


@cache
def _readings() -> dict[str, str]:
    lines = (PINYIN / "pinyin.txt").read_text("utf-8").splitlines()
    rows = [line.partition(" ") for line in lines]
    return {char: syllable for syllable, _, chars in rows for char in chars}


@cache
def _common() -> dict[str, int]:
    """Return the commonest characters, by rank."""
    counts: dict[str, int] = {}
    for word, size in chinese_words().items():
        for char in word:
            counts[char] = counts.get(char, 0) + 2**size
    best = sorted(counts, key=lambda char: (-counts[char], char))[:_COMMON_CHARACTERS]
    return {char: rank for rank, char in enumerate(best)}


@cache
def _by_sound() -> dict[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for char in _common():
        if char in _readings() and char not in _table().never:
            table.setdefault(_readings()[char], []).append(char)
    return {syllable: tuple(chars[:_SAME_SOUND]) for syllable, chars in table.items()}


@lru_cache(maxsize=4096)
def _taken_for(char: str) -> tuple[str, ...]:
    """Return characters that are typed for another: of its sound, of nearly its sound, or of its shape."""
    syllable = _readings().get(char, "")
    found = list(_by_sound().get(syllable, ()))
    for left, right in _table().near:
        for old, new in ((left, right), (right, left)):
            if len(left) == 1 or left in ("zh", "ch", "sh"):
                fits = syllable.startswith(old) and not (old in "zcs" and syllable[1:2] == "h")
                other = new + syllable[len(old) :]
            else:
                fits = syllable.endswith(old)
                other = syllable[: len(syllable) - len(old)] + new
            if fits:
                found += _by_sound().get(other, ())[:1]
    found += _table().shapes.get(char, "")
    return tuple(one for one in dict.fromkeys(found) if one != char and one not in _table().never)


@lru_cache(maxsize=16384)
def _typed(word: str) -> tuple[str, ...]:
    """Return what may be typed for a general word: never another word."""
    table, known = _table(), chinese_words()
    found = list(table.slips[word])
    if not found:
        for at, char in enumerate(word):
            if char not in table.never:
                found += [word[:at] + other + word[at + 1 :] for other in _taken_for(char)]
        found = [typed for typed in found if typed not in known]
    return tuple(found)


def chinese_slips(
    passage: Passage, spans: Spans, kind: str, wanted: int, random: Random
) -> list[tuple[int, int, str]]:
    """Return up to `wanted` slips of one kind in a text, as (start, stop, typed)."""
    if kind == "letters":
        return _characters(passage, spans, wanted, random)
    return _marks(passage, spans, random) if kind == "marks" else []


def _characters(passage: Passage, spans: Spans, wanted: int, random: Random) -> list[tuple[int, int, str]]:
    text = passage.text
    table = _table()
    old = is_traditional(text)
    plain = simplified(text) if old else text
    places = []
    for start, stop in spans:
        for at in range(start, stop - 1):
            if plain[at] in table.starts and (word := plain[at : min(at + 2, stop)]) in table.slips:
                places.append((at, at + 2, word))
            elif plain[at] == "地" and at - 2 >= start and plain[at - 2 : at] in table.adverbs:
                places.append((at, at + 1, "地"))
    random.shuffle(places)
    found: list[tuple[int, int, str]] = []
    for start, stop, word in places:
        if len(found) == wanted:
            break
        if passage.protected.holds(start, stop) or not (word == "地" or stands_alone(plain, start, stop)):
            continue
        options = ("的",) if word == "地" else _typed(word)
        if old:
            options = tuple(own for one in options if (own := _as_traditional(word, one)) is not None)
        if options:
            found.append((start, stop, random.choice(options)))
    return found


def _as_traditional(word: str, typed: str) -> str | None:
    return None if typed == word else traditional(typed)


def _marks(passage: Passage, spans: Spans, random: Random) -> list[tuple[int, int, str]]:
    """Return one mark lost or typed in half width: a comma within, the mark at the end."""
    text = passage.text
    halves = _table().halves
    found: list[tuple[int, int, str]] = []
    for start, stop in spans:
        for at in range(max(start, 1), min(stop + 1, len(text))):
            if text[at] in halves and not passage.protected.holds(at, at + 1):
                found.append((at, at + 1, halves[text[at]]))
                if text[at] == "，":
                    found.append((at, at + 1, " "))
    end = len(text.rstrip())
    if end > 1 and text[end - 1] in "。？?." and not passage.protected.holds(end - 1, end):
        found.append((end - 1, end, ""))
    return [random.choice(found)] if found else []
