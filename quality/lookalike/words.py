"""English words: which are known, which are spellings, inflections or slips of one another.

A slip of the keyboard makes a word that nobody knows out of one that everybody knows; "form" and "from" are
both known and stay two words. Rejected: any pair at an edit distance of one ("cat", "car"), a stemmer ("new"
and "news" share a stem), and WordNet's lemmas (100 MB for a question that endings answer).
"""

from __future__ import annotations

import gzip
import re
from functools import cache, lru_cache

from quality.lookalike.lexicon import DATA, lexicon, lines_of

COMMON = 6
"""Least decimal logarithm of a word's count in Google Books for it to count as common."""

_VOWEL = re.compile("[aeiouy]")

RARE = 4
"""Greatest such logarithm of a word that may be a slip of a common one."""


@cache
def known_words() -> dict[str, int]:
    """Return the known words with the decimal logarithm of their counts (0: known, not counted)."""
    lines = gzip.decompress((DATA / "english.txt.gz").read_bytes()).decode().splitlines()
    return {word: int(size) for word, _, size in (line.partition(" ") for line in lines)}


@lru_cache(maxsize=65536)
def is_one_word(left: str, right: str) -> bool:
    """Tell whether two words are one: spellings, inflections, or one a slip of the other."""
    return (
        left == right or american(left) == american(right) or same_lemma(left, right) or is_slip(left, right)
    )


@lru_cache(maxsize=65536)
def american(word: str) -> str:
    """Return the American spelling of a word, by its endings."""
    if len(word) < 5:
        return "gray" if word == "grey" else word
    changed = word
    for pattern, new in _BRITISH:
        changed = pattern.sub(new, changed)
    return changed if changed in known_words() else word


_BRITISH = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"(?<=[a-z]{3})is(?=(?:e|ed|es|er|ers|ing|ation|ations)$)", "iz"),
        (r"(?<=[a-z]{3})ys(?=(?:e|ed|es|er|ers|ing)$)", "yz"),
        (r"(?<=[a-z]{2})ogue(?=s?$)", "og"),
        (r"(?<=[a-z]{2})([tb])re(?=s?$)", r"\1er"),
        (r"([aeiou][a-z]*)our", r"\1or"),
        (r"([aeiou][a-z]*[aeiou])ll(?=(?:ed|ing|er|ers)$)", r"\1l"),
        (r"ae(?=[mds])|^oe|(?<=f)oe(?=t)|(?<=rh)oe", "e"),
        (r"(?<=gr)amme(?=s?$)", "am"),
        (r"(?<=[a-z]{3})ence(?=s?$)", "ense"),
    )
)


def same_lemma(left: str, right: str) -> bool:
    """Tell whether two words differ in number or tense only; comparatives and agents are other words."""
    short, long = sorted((left, right), key=lambda word: (len(word), word))
    if len(short) < 2 or short[0] != long[0]:
        return False
    if frozenset((short, long)) in _irregular():
        return True
    if short in lexicon().false_inflections or len(short) < 3:
        return False
    return bool(_bases(short) & _bases(long))


@cache
def _irregular() -> frozenset[frozenset[str]]:
    return frozenset(
        frozenset((base, other))
        for line in lines_of("irregular")
        for base in line
        for other in line
        if base != other
    )


@cache
def _irregular_bases() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for base, *others in lines_of("irregular"):
        for other in others:
            found.setdefault(other, []).append(base)
    return found


def irregular_bases(word: str) -> list[str]:
    """Return what a word is an irregular form of: "wrote" of "write"."""
    return _irregular_bases().get(word, [])


def _bases(word: str) -> set[str]:
    """Return what a word may be an inflection of, itself included."""
    bases = {word}
    if word.endswith("ies") and len(word) > 4:
        bases.add(word[:-3] + "y")
    if word.endswith("ied") and len(word) > 4:
        bases.add(word[:-3] + "y")
    if word.endswith("es") and len(word) > 4 and word[:-2].endswith(("s", "x", "z", "ch", "sh", "o")):
        bases.add(word[:-2])
    if word.endswith("s") and not word.endswith(("ss", "us", "is", "ics")) and len(word) > 3:
        bases.add(word[:-1])
    for ending in ("ed", "ing"):
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) > 2 and _VOWEL.search(stem):
            stems = {stem, stem + "e"}
            if stem[-1] == stem[-2]:
                stems.add(stem[:-1])
            bases |= {base for base in stems if known_words().get(base, 0) > RARE}
    return bases


def is_slip(left: str, right: str) -> bool:
    """Tell whether one of two words is a slip of the other: one edit away, and known to nobody."""
    if min(len(left), len(right)) < 3 or not (left.isalpha() and right.isalpha()):
        return False
    if not one_edit_apart(left, right):
        return False
    known = known_words()
    ours, theirs = known.get(left, -1), known.get(right, -1)
    rare, common = min(ours, theirs), max(ours, theirs)
    shorter = min(len(left), len(right))
    if rare < 0:
        if common < 0:
            return shorter >= 6
        if shorter >= 4:
            return True
        return common >= 8 and sorted(left) == sorted(right)
    if shorter == 4:
        return rare == 0 and common >= 8
    return shorter >= 5 and rare <= RARE and common >= COMMON and common - rare >= 3


def one_edit_apart(left: str, right: str) -> bool:
    """Tell whether one insertion, deletion, replacement or swap of neighbours turns one word into the other."""
    if abs(len(left) - len(right)) > 1 or left == right:
        return False
    start = 0
    stop = min(len(left), len(right))
    while start < stop and left[start] == right[start]:
        start += 1
    if len(left) == len(right):
        if left[start + 1 :] == right[start + 1 :]:
            return True
        return (
            left[start : start + 2] == right[start : start + 2][::-1]
            and left[start + 2 :] == right[start + 2 :]
        )
    short, long = (left, right) if len(left) < len(right) else (right, left)
    return short[start:] == long[start + 1 :]
