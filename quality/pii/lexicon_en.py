"""What a capitalised English word may be: given name, surname, word, place; and the words that decide between them.

A word is looked up once and gets a role, two small numbers and some flags in one integer, so that the recogniser reads
no strings in its loop. Rejected: lists of full names (no encyclopedia is wanted), regexes of alternatives (slow: each
name would be tried at each place), and sets per origin (a name of one country is a name in all).
"""

from __future__ import annotations

import gzip
import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from quality.lookalike.words import known_words

DATA: Final = Path(__file__).parent / "data"

GIVEN: Final = 3
"""Mask: how surely a word is a given name: 3 sure, 2 fair (a word or place too), 1 rather a word, 0 not known."""

SURNAME: Final = 12
"""Mask: how surely it is a surname, in steps of 4."""

WORD: Final = 16
"""Flag: above all an ordinary word."""

PROPER: Final = 32
"""Flag: a known proper noun that is no person: month, nation, firm, city."""

UNKNOWN: Final = 64
"""Flag: no list has it; with a capital it may be a name from anywhere."""

TITLE: Final = 128
"""Flag: a title that goes before a name: Mr, Captain."""

ROYAL: Final = 256
"""Flag: a rank that goes before a given name or an office: King, President."""

FUNCTION: Final = 512
"""Flag: a word of grammar or one that often begins a sentence."""

_ORDINARY = 5
"""Least decimal logarithm of a word's count to be ordinary; rarer ones are often names of something."""

_ARTICLES = frozenset({"el", "la", "le", "los", "las", "les", "il", "uno"})
"""Articles of other languages, which begin titles and places far more often than they are a name."""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
)


@dataclass(frozen=True, slots=True)
class Context:
    """Classes of English words that decide whether a capitalised word beside them is a person, each in lower case."""

    titles: frozenset[str]
    titles_weak: frozenset[str]
    royal: frozenset[str]
    company: frozenset[str]
    thing_after: frozenset[str]
    thing_before: frozenset[str]
    functions: frozenset[str]
    greetings: frozenset[str]
    closings: frozenset[str]
    name_labels: frozenset[str]
    not_person_names: frozenset[str]
    name_before: frozenset[str]
    say: frozenset[str]
    verbs: frozenset[str]
    particles: frozenset[str]
    proper: frozenset[str]
    firms: frozenset[str]


@cache
def context() -> Context:
    """Return the classes of words that stand in the data file."""
    lists = json.loads((DATA / "english_context.json").read_text("utf-8"))
    return Context(**{name: frozenset(words.lower().split()) for name, words in lists.items()})


@cache
def places() -> frozenset[str]:
    """Return towns, countries and firms of two words and more that look like names, in lower case without accents."""
    firms = frozenset(firm.replace("_", " ") for firm in context().firms)
    return firms | frozenset(
        gzip.decompress((DATA / "english_places.txt.gz").read_bytes()).decode().splitlines()
    )


@cache
def roles() -> dict[str, int]:
    """Return the role of each known word, by its lower-case form without accents."""
    proper = context().proper
    ordinary = {word: WORD if size >= _ORDINARY else 0 for word, size in known_words().items()}
    lines = gzip.decompress((DATA / "english_names.txt.gz").read_bytes()).decode().splitlines()
    codes = {code: _role(code) for code in {line[-4:] for line in lines}}
    named = {line[:-5]: codes[line[-4:]] for line in lines}
    for line in lines:
        if line[:-5] in proper:
            named[line[:-5]] = _role(line[-4:], proper=True)
    found = ordinary | named | {word: PROPER for word in proper if word not in named}
    for words, flag in ((context().titles, TITLE), (context().royal, ROYAL), (context().functions, FUNCTION)):
        for word in words:
            known = WORD if word in _ARTICLES else found.get(word, WORD)
            found[word] = known | flag
    return found


def _role(code: str, *, proper: bool = False) -> int:
    """Return the role of a word from the four digits of the data file; `SOURCES.md` tells what they count."""
    given, surname, word, place = map(int, code)
    first = last = 0
    if given >= 4 and not (word or proper) and place <= (given >= 5):
        first = 3
    elif given >= 3 and word <= 1 and not proper:
        first = 2
    elif given >= 4 or (given >= 2 and word <= 1):
        first = 1
    if surname >= 5 and not (word or proper or place > 1):
        last = 3
    elif (surname >= 3 and word <= 1 and not proper and place < 2) or (surname >= 5 and word <= 1):
        last = 2
    elif surname >= 5:
        last = 1
    flags = (WORD if word >= 2 else 0) | (PROPER if proper or place == 2 else 0)
    return first | last << 2 | flags


def plain(word: str) -> str:
    """Return a word in lower case without accents."""
    lower = word.lower()
    if lower.isascii():
        return lower
    split = unicodedata.normalize("NFD", lower.translate(_LETTERS))
    return "".join(char for char in split if not unicodedata.combining(char))


def role_of(word: str) -> int:
    """Return the role of a word as it is written; a compound with a hyphen is what its weakest part is."""
    known = roles()
    lower = word.lower()
    role = known.get(lower)
    if role is not None:
        return role
    if not lower.isascii():
        lower = plain(lower)
        role = known.get(lower)
        if role is not None:
            return role & ~WORD
    if "-" in lower:
        parts = [known.get(part, UNKNOWN) for part in lower.split("-")]
        if any(part & UNKNOWN for part in parts) and not any(part & (WORD | PROPER) for part in parts):
            return UNKNOWN
        first = min(part & GIVEN for part in parts)
        last = max(part & SURNAME for part in parts) if not any(part & WORD for part in parts) else 0
        return first | last | (0 if first or last else WORD)
    if lower.endswith("s") and known.get(lower[:-1], 0) & WORD:
        return WORD
    return UNKNOWN
