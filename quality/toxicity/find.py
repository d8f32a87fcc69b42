"""Finds abusive words: every entry of the lists in a text, as spans of the original, before any context is weighed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quality.toxicity.fold import Token, chinese_text, english_tokens, has_han, plain, spaced_words
from quality.toxicity.lexicon import Companions, Entry, chinese, english, patterns

_NEAR = 12
_BAD_SEVERITY = 0.45
_LETTER = re.compile(r"[a-z0-9]")
_SHORTEST_MASKED = 4


@dataclass(frozen=True, slots=True)
class Found:
    """One entry in a text: characters [start, stop) of the original, and in which language it was looked up."""

    start: int
    stop: int
    entry: Entry
    language: str
    disguised: bool


def find(text: str) -> list[Found]:
    """Return all entries in a text, in order, the longest where several begin at one place."""
    folded = plain(text)
    found = _english(folded)
    if has_han(folded):
        found += _chinese(folded)
    return _disjoint(found)


def _disjoint(found: Sequence[Found]) -> list[Found]:
    """Return found entries without those that lie within a longer or severer one."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda each: (each.start, -each.stop, -each.entry.severity)):
        if kept and one.start < kept[-1].stop:
            if one.entry.severity > kept[-1].entry.severity:
                kept[-1] = one
            continue
        kept.append(one)
    return kept


def _english(folded: str) -> list[Found]:
    tokens = list(english_tokens(folded))
    lists = english()
    words = [token.forms[0] for token in tokens]
    found = []
    for number, token in enumerate(tokens):
        hit = _phrase(tokens, number) or _masked(token)
        if hit is None:
            continue
        entry, count = hit
        if not _harmless(lists.benign.get(entry.phrase), words, number, count):
            last = tokens[number + count - 1]
            disguised = any(each.disguised for each in tokens[number : number + count])
            found.append(Found(token.start, last.stop, entry, "en", disguised))
    for pattern, entry in patterns("en"):
        found += [Found(each.start(), each.end(), entry, "en", False) for each in pattern.finditer(folded)]
    for token in spaced_words(folded):
        for words_, entry in lists.by_first.get(token.forms[0], ()):
            if len(words_) == 1 and entry.severity >= _BAD_SEVERITY:
                found.append(Found(token.start, token.stop, entry, "en", True))
    return found


def _phrase(tokens: Sequence[Token], number: int) -> tuple[Entry, int] | None:
    """Return the longest phrase that begins at a token, and how many words it has."""
    lists = english()
    for form in tokens[number].forms:
        for words, entry in lists.by_first.get(form, ()):
            rest = tokens[number + 1 : number + len(words)]
            if len(rest) == len(words) - 1 and all(
                word in token.forms for word, token in zip(words[1:], rest, strict=True)
            ):
                return entry, len(words)
    return None


def _masked(token: Token) -> tuple[Entry, int] | None:
    """Return the word that a masked one (`f**k`, `b#tch`) stands for, the mildest of several."""
    raw = token.forms[0]
    signs = sum(one in "*#$@!" for one in raw)
    if not signs or not raw[0].isalpha() or (signs == len(raw) - 1 and len(raw) < _SHORTEST_MASKED):
        return None
    fitting = [
        entry
        for entry in english().masked.get((raw[0], len(raw)), ())
        if all(one == other or one in "*#$@!" for one, other in zip(raw, entry.phrase, strict=True))
    ]
    return (min(fitting, key=lambda entry: (entry.severity, entry.phrase)), 1) if fitting else None


def _harmless(shown: Companions | None, words: list[str], number: int, count: int) -> bool:
    if shown is None:
        return False
    before = words[number - 1] if number else ""
    after = words[number + count] if number + count < len(words) else ""
    around = words[max(0, number - _NEAR) : number] + words[number + count : number + count + _NEAR]
    return before in shown.before or after in shown.after or not shown.near.isdisjoint(around)


def _chinese(folded: str) -> list[Found]:
    text, places = chinese_text(folded)
    lists = chinese()
    found = [
        Found(places[each.start()], places[each.end() - 1] + 1, entry, "zh", False)
        for pattern, entry in patterns("zh")
        for each in pattern.finditer(text)
    ]
    at = 0
    while at < len(text):
        entry = next(
            (one for one in lists.by_first.get(text[at], ()) if text.startswith(one.phrase, at)), None
        )
        if entry is None or not _bounded(text, at, entry.phrase):
            at += 1
            continue
        stop = at + len(entry.phrase)
        if not _inside(text, at, stop, lists.benign.get(entry.phrase, ())):
            disguised = places[stop - 1] - places[at] >= len(entry.phrase)
            found.append(Found(places[at], places[stop - 1] + 1, entry, "zh", disguised))
        at = stop
    return found


def _bounded(text: str, at: int, phrase: str) -> bool:
    """Return whether Latin letters at the ends of an entry (`sb`, `cnm`) are not part of a longer word."""
    stop = at + len(phrase)
    before = at and _LETTER.match(phrase[0]) and _LETTER.match(text[at - 1])
    after = stop < len(text) and _LETTER.match(phrase[-1]) and _LETTER.match(text[stop])
    return not (before or after)


def _inside(text: str, start: int, stop: int, longer: Sequence[str]) -> bool:
    """Return whether an entry stands within one of the longer, harmless strings."""
    for whole in longer:
        first = text.find(whole, max(0, start - len(whole) + 1), stop + len(whole) - 1)
        if first >= 0 and first <= start and first + len(whole) >= stop:
            return True
    return False
