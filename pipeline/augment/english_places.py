"""Where an English request may take another word, by this project's lexicon: the phrase, its form, its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.augment.asking import Spans
from pipeline.augment.english_words import Word, slot_of, words_of
from pipeline.augment.protect import Protected
from pipeline.augment.synonym_lexicon import Entry, english

_LONGEST = 4
"""Words of the longest phrase that a condition names."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


VERB_BEFORE = _set(
    "to i you we they people who that which he she it someone somebody everyone can could should would "
    "will may might must do does did please not let's and kids children one dogs cats"
)
NOUN_BEFORE = _set(
    "a an the my your his her its our their this that these those some any each every no of for in "
    "about best good great most many few several two three common popular famous different new old main "
    "first other"
)
_OPENERS = _set("please can could would will you kindly also then and now so first finally hi hello")
CHOICE = _set("or versus vs either neither nor")
_ARTICLES = _set("a an the my your his her its our their")
_BEFORE_ING_NOUN = NOUN_BEFORE - {"of", "for", "in", "about"}
_BESIDE = frozenset("-/_'’&+@#*=")


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of text that may be replaced, and by what."""

    start: int
    stop: int
    options: tuple[str, ...]


def english_places(text: str, spans: Spans, protected: Protected) -> list[Place]:
    """Return the places of a text that have a synonym here, in order, apart from one another.

    Args:
        text: the text.
        spans: the stretches of it that may change.
        protected: what must stay.
    """
    table = english()
    found: list[Place] = []
    lower = ""
    for start, stop in spans:
        words = words_of(text, start, stop)
        at = 0
        while at < len(words):
            place = _place(text, words, at, table, protected)
            if place is None:
                at += 1
                continue
            size, options = place
            lower = lower or text.lower()
            fresh = tuple(one for one in options if one.lower() not in lower)
            if fresh:
                found.append(Place(words[at].start, words[at + size - 1].stop, fresh))
            at += size if fresh else 1
    return found


def _place(
    text: str, words: tuple[Word, ...], at: int, table: dict[str, tuple[Entry, ...]], protected: Protected
) -> tuple[int, list[str]] | None:
    """Return how many words of a text have a synonym here, and which; the longest phrase goes first."""
    word = words[at].lower
    keys = [word]
    if at + 1 < len(words) and words[at + 1].joined:
        keys.insert(0, f"{word} {words[at + 1].lower}")
    for key in keys:
        for entry in table.get(key, ()):
            if not _fits(entry, words, at):
                continue
            size = len(entry.words)
            first, end = words[at].start, words[at + size - 1].stop
            if is_apart(text, first, end) or protected.holds(first, end):
                continue
            options = _options(entry, words, at)
            if options:
                return size, options
    return None


def is_apart(text: str, start: int, stop: int) -> bool:
    """Tell whether a word is joined to something by more than a blank, or is an item of a list."""
    before, after = text[start - 1 : start], text[stop : stop + 1]
    if (before in _BESIDE and before) or (after in _BESIDE and after):
        return True
    return after == "," and text[:start].rstrip().endswith(",")


def _options(entry: Entry, words: tuple[Word, ...], at: int) -> list[str]:
    if not entry.forms:
        return [option[0] for option in entry.options]
    last = at + len(entry.words)
    before = words[at - 1].lower if words[at].joined and at else ""
    after = words[last].lower if last < len(words) and words[last].joined else ""
    surface = " ".join(entry.words)
    slot = slot_of(entry.forms, surface, before, after)
    if slot < 0:
        slots = [number for number, form in enumerate(entry.forms) if form == surface]
        return [o[slots[0]] for o in entry.options if len({o[number] for number in slots}) == 1]
    return [option[slot] for option in entry.options]


def _fits(entry: Entry, words: tuple[Word, ...], at: int) -> bool:
    size = len(entry.words)
    last = at + size
    if last > len(words):
        return False
    for n in range(2, size):
        if words[at + n].lower != entry.words[n] or not words[at + n].joined:
            return False
    kind = entry.group.kind
    if kind == "h" and any(word.lower not in _OPENERS for word in words[:at]):
        return False
    before = words[at - 1].lower if at and words[at].joined else ""
    after = words[last].lower if last < len(words) and words[last].joined else ""
    if kind in "nav" and (before in CHOICE or after in CHOICE):
        return False
    if kind == "v" and (
        before in _ARTICLES or (entry.words[0].endswith("ing") and before in _BEFORE_ING_NOUN)
    ):
        return False
    if entry.group.strict and not _cued(entry, before, at):
        return False
    return not entry.closed or _conditions(entry, words, at, last)


def _cued(entry: Entry, before: str, at: int) -> bool:
    """Tell whether the word before says that this is the part of speech that the entry is."""
    if entry.group.kind == "n":
        return before in NOUN_BEFORE
    if entry.words[0] in (entry.forms[0].split()[0], entry.forms[1].split()[0]):
        return before in VERB_BEFORE or at == 0
    return True


def _conditions(entry: Entry, words: tuple[Word, ...], at: int, last: int) -> bool:
    closed, wild = entry.closed, entry.wild
    if "next" in closed or "-next" in closed:
        following = _phrases(words, last, 1)
        ing = bool(following) and following[0].endswith("ing")
        if "next" in closed and closed["next"].isdisjoint(following) and not (ing and "next" in wild):
            return False
        if "-next" in closed and not closed["-next"].isdisjoint(following):
            return False
    if "prev" in closed or "-prev" in closed:
        preceding = _phrases(words, at, -1)
        if "prev" in closed and closed["prev"].isdisjoint(preceding):
            return False
        if "-prev" in closed and not closed["-prev"].isdisjoint(preceding):
            return False
    return True


def _phrases(words: tuple[Word, ...], at: int, step: int) -> list[str]:
    """Return the one to four words that follow `at` (or precede it), as phrases."""
    found: list[str] = []
    phrase = ""
    for distance in range(_LONGEST):
        if step > 0:
            place = at + distance
            if place >= len(words) or not words[place].joined:
                break
            phrase = f"{phrase} {words[place].lower}" if phrase else words[place].lower
        else:
            place = at - 1 - distance
            if place < 0 or not words[place + 1].joined:
                break
            phrase = f"{words[place].lower} {phrase}" if phrase else words[place].lower
        found.append(phrase)
    return found
