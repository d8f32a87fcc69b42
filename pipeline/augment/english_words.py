"""English words as they change: plurals, tenses, comparatives, "a" before a vowel, capitals.

A word that takes another's place must take its form too. Endings follow the rules of spelling; where a rule leaves
two spellings ("stoped", "stopped"), the one that people write (counts of `quality/lookalike`) is taken. Rejected: a
library of inflection (one more dependency for a page of rules).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from quality.lookalike.words import known_words

DATA = Path(__file__).parent / "data"
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_LONG_U = re.compile(r"uni(?![mn])|use|usu|eu|ut[ei]|ur[aio]|ubiq|one\b|once|unan")
_SILENT_H = re.compile(r"hour|honest|hono|heir")
_PERFECT = frozenset("is are was were be been being am have has had get gets got getting".split())  # noqa: SIM905


class Word(NamedTuple):
    """A word of a text, in lower case, and where it stands; `joined` where only a blank parts it from the last.

    A tuple, since ten are made a prompt and a frozen dataclass takes thrice as long.
    """

    lower: str
    start: int
    stop: int
    joined: bool


@lru_cache(maxsize=4096)
def words_of(text: str, start: int, stop: int) -> tuple[Word, ...]:
    """Return the words of a stretch of text, in order."""
    found: list[Word] = []
    last = -1
    for match in _WORD.finditer(text, start, stop):
        at = match.start()
        lower = match.group().lower().replace("’", "'")
        found.append(Word(lower, at, match.end(), last >= 0 and text[last:at] == " "))
        last = match.end()
    return tuple(found)


@cache
def _irregular() -> dict[tuple[str, str], tuple[str, ...]]:
    lines = (DATA / "english_forms.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def _commonest(*spellings: str) -> str:
    known = known_words()
    return max(spellings, key=lambda word: known.get(word, -1))


def _doubled(word: str, ending: str) -> str:
    """Return a word with an ending that may double its last letter: stop, stopped."""
    if len(word) > 2 and word[-1] in "bdglmnprt" and word[-2] in "aeiou" and word[-3] not in "aeiou":
        return _commonest(word + ending, word + word[-1] + ending)
    return word + ending


def plural(noun: str) -> str:
    """Return the plural of a noun, of the last word of a phrase."""
    head, _, word = noun.rpartition(" ")
    before = f"{head} " if head else ""
    if ("noun", word) in _irregular():
        return before + _irregular()["noun", word][0]
    if word.endswith("y") and len(word) > 1 and word[-2] not in "aeiou":
        return f"{before}{word[:-1]}ies"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{before}{word}es"
    if word.endswith("o") and len(word) > 1 and word[-2] not in "aeiou":
        return before + _commonest(f"{word}s", f"{word}es")
    return f"{before}{word}s"


SLOTS = ("base", "s", "ing", "past", "participle")


def conjugated(verb: str) -> tuple[str, str, str, str, str]:
    """Return the forms of a verb, of the first word of a phrase, in the order of `SLOTS`."""
    word, blank, rest = verb.partition(" ")
    third = plural(word) if ("noun", word) not in _irregular() else f"{word}s"
    if word == "have":
        third = "has"
    if word == "be":
        return tuple(form + blank + rest for form in ("be", "is", "being", "was", "been"))  # type: ignore[return-value]
    if word.endswith("ie"):
        going = f"{word[:-2]}ying"
    elif word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        going = f"{word[:-1]}ing"
    else:
        going = _doubled(word, "ing")
    if ("verb", word) in _irregular():
        past, participle = _irregular()["verb", word]
    elif word.endswith("e"):
        past = participle = f"{word}d"
    elif word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u"):
        past = participle = f"{word[:-1]}ied"
    else:
        past = participle = _doubled(word, "ed")
    forms = (word, third, going, past, participle)
    return tuple(form + blank + rest for form in forms)  # type: ignore[return-value]


def compared(adjective: str) -> tuple[str, str, str]:
    """Return an adjective with its comparative and superlative, with "more" and "most" where people say so."""
    if ("adjective", adjective) in _irregular():
        return (adjective, *_irregular()["adjective", adjective])  # type: ignore[return-value]
    if " " not in adjective and "-" not in adjective and len(adjective) <= 8:
        known = known_words()
        stem = adjective[:-1] + "i" if adjective.endswith("y") else adjective
        pairs = [(f"{stem}{end}er", f"{stem}{end}est") for end in ("", stem[-1])]
        if adjective.endswith("e"):
            pairs = [(f"{adjective}r", f"{adjective}st")]
        best = max(pairs, key=lambda pair: known.get(pair[0], -1))
        if known.get(best[0], -1) >= 4 and known.get(best[1], -1) >= 4:
            return (adjective, *best)
    return (adjective, f"more {adjective}", f"most {adjective}")


def slot_of(forms: tuple[str, ...], surface: str, before: str, after: str) -> int:
    """Return which of a verb's forms a word is, -1 if none; past and participle are told apart by their neighbours."""
    slots = [slot for slot, form in enumerate(forms) if form == surface]
    if slots[1:] == [4] and slots[0] == 3:
        return 4 if before in _PERFECT or after == "by" else 3
    return slots[0] if len(slots) == 1 else -1


@lru_cache(maxsize=8192)
def article(word: str) -> str:
    """Return "a" or "an", as it stands before a word."""
    lower = word.lower()
    vowel = lower[:1] in tuple("aeiou") and not _LONG_U.match(lower)
    return "an" if vowel or _SILENT_H.match(lower) else "a"


def cased(word: str, like: str) -> str:
    """Return a word with a capital where another begins with one."""
    return word[:1].upper() + word[1:] if like[:1].isupper() and not word[:1].isupper() else word


_ARTICLE = re.compile(r"\b([Aa]n?) $")


def replaced(text: str, changes: list[tuple[int, int, str]]) -> str:
    """Return a text with stretches replaced, and "a" or "an" before them as the new words want it.

    Args:
        text: the text.
        changes: (start, stop, new), apart from one another.
    """
    out = text
    for start, stop, new in sorted(changes, reverse=True):
        head = out[:start]
        match = _ARTICLE.search(head)
        if match is not None:
            head = head[: match.start()] + cased(article(new), match[1]) + " "
        out = head + cased(new, text[start:stop]) + out[stop:]
    return out
