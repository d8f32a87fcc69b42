"""Which words of a sentence say what a word of the other says, and which are left over.

Words are matched whatever their place, for a paraphrase moves them: equal words first, then forms of one word, words
that share a sense, Chinese words that share characters, and last words whose vectors are close. Rejected: matching in
order (an alignment loses every phrase that moved) and vectors alone, which hold a teacher for a student.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.fidelity.lexicon import is_han
from quality.fidelity.reading import Reading, Word
from quality.fidelity.relations import (
    are_derived,
    are_one,
    are_one_name,
    are_opposites,
    are_synonyms,
    is_broader,
    senses,
)
from quality.lookalike.align import Block, blocks

Vectors = Mapping[str, NDArray[np.float32]]
"""Unit vectors of words, for the languages that a model covers."""

_LEAST, _STRONG = 0.25, 0.85
_LOW, _HIGH = 0.3, 0.85
"""Cosines of two words that count for nothing and for the same word."""
_LONGEST_BLOCK = 3
"""Most words that may have been replaced as one."""
_MOST = 80
"""Most words left on a side that are compared with all of the other."""


@dataclass(frozen=True, slots=True)
class Matching:
    """What a matching leaves.

    Attributes:
        pairs: places of matched words, left and right, and how alike they are, above 0 to 1.
        left, right: places of words without a match.
        opposed: pairs of places, one of each text, that hold opposites.
        frame: share of content that stands alike and in order in both.
        replaced: pairs of places that stand in each other's place in an equal frame, with the share of the
            difference that they make out, 0 to 1.
        alone: places of words without a match, left and right, in whose place the other text has nothing.
    """

    pairs: tuple[tuple[int, int, float], ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    opposed: tuple[tuple[int, int], ...]
    frame: float
    replaced: tuple[tuple[int, int, float], ...]
    alone: tuple[tuple[int, ...], tuple[int, ...]]


def match(left: Reading, right: Reading, vectors: Vectors) -> Matching:
    """Return which words of two readings say the same."""
    ours, theirs = list(range(len(left.words))), list(range(len(right.words)))
    pairs: list[tuple[int, int, float]] = []
    keys = tuple(word.key for word in left.words), tuple(word.key for word in right.words)
    found = blocks(*keys)
    _pair_in_place(found, ours, theirs, pairs)
    _pair_equal(left, right, ours, theirs, pairs)
    opposed: list[tuple[int, int]] = []
    if len(ours) <= _MOST and len(theirs) <= _MOST:
        opposed = _pair_alike(left, right, ours, theirs, pairs, vectors)
    changed = max(sum(b - a for a, b, _, _ in found), sum(d - c for _, _, c, d in found))
    frame = 1 - changed / max(len(keys[0]), len(keys[1]), 1)
    gaps = set(ours), set(theirs)
    turned = [(c, d, a, b) for a, b, c, d in found]
    return Matching(
        tuple(pairs),
        tuple(ours),
        tuple(theirs),
        tuple(opposed),
        frame,
        _replaced(left, right, found, pairs, gaps, vectors),
        (_alone(found, *gaps), _alone(turned, gaps[1], gaps[0])),
    )


def _replaced(
    left: Reading,
    right: Reading,
    found: list[Block],
    pairs: list[tuple[int, int, float]],
    gaps: tuple[set[int], set[int]],
    vectors: Vectors,
) -> tuple[tuple[int, int, float], ...]:
    """Return words that stand in each other's place in a short block, and how much they differ."""
    alike = {(a, b): score for a, b, score in pairs}
    replaced = []
    for a, b, c, d in found:
        if b - a > _LONGEST_BLOCK or d - c > _LONGEST_BLOCK:
            continue
        for place in range(a, b):
            for other in range(c, d):
                if place in gaps[0] and other in gaps[1]:
                    score = similarity(left.words[place], right.words[other], vectors)
                    replaced.append((place, other, 1 - score))
                elif (place, other) in alike:
                    replaced.append((place, other, 1 - alike[place, other]))
    return tuple(replaced)


def _alone(found: list[Block], mine: set[int], yours: set[int]) -> tuple[int, ...]:
    """Return places of one text in blocks where the other has nothing that is left over."""
    return tuple(
        place
        for a, b, c, d in found
        if not yours.intersection(range(c, d))
        for place in range(a, b)
        if place in mine
    )


def similarity(left: Word, right: Word, vectors: Vectors) -> float:
    """Return how alike two words are, 0 to 1."""
    if left.key == right.key:
        return 1.0
    if left.kind != right.kind and not (left.kind in "wi" and right.kind in "wi"):
        return 0.9 if {left.kind, right.kind} == {"w", "u"} and are_one(left.surface, right.surface) else 0.0
    if left.kind in "nux":
        return 0.0
    if are_opposites(left.surface, right.surface) or are_opposites(left.key, right.key):
        return 0.0
    if is_han(left.key) or is_han(right.key):
        return _han(left.key, right.key)
    if are_one(left.surface, right.surface) or are_one(left.key, right.key):
        return 0.95
    if _abbreviates(left, right) or _abbreviates(right, left):
        return 0.9
    if are_synonyms(left.key, right.key) or are_synonyms(left.surface, right.surface):
        return 0.9
    if are_derived(left.key, right.key):
        return 0.85
    if left.is_name and right.is_name:
        return 0.8 if are_one_name(left.surface, right.surface) else 0.0
    kind = 0.6 if is_broader(left.key, right.key) or is_broader(right.key, left.key) else 0.0
    if left.surface in vectors and right.surface in vectors:
        cosine = float(vectors[left.surface] @ vectors[right.surface])
        return max(kind, 0.8 * min(1.0, max(0.0, (cosine - _LOW) / (_HIGH - _LOW))))
    return kind


def _han(left: str, right: str) -> float:
    if are_synonyms(left, right):
        return 0.95
    short, long = sorted((left, right), key=len)
    shared = len(set(left) & set(right))
    if not shared:
        return 0.0
    if short in long:
        return 0.3 + 0.6 * len(short) / len(long)
    return 0.7 * shared / len(set(long))


def _abbreviates(short: Word, long: Word) -> bool:
    one, other = short.surface, long.surface
    return 2 <= len(one) < len(other) and one == other[: len(one)] and short.is_name and long.is_name


def _pair_equal(
    left: Reading, right: Reading, ours: list[int], theirs: list[int], pairs: list[tuple[int, int, float]]
) -> None:
    places: dict[tuple[str, str], list[int]] = {}
    for other in reversed(theirs):
        places.setdefault(_identity(right.words[other]), []).append(other)
    gone: tuple[set[int], set[int]] = (set(), set())
    for place in ours:
        waiting = places.get(_identity(left.words[place]))
        if waiting:
            other = waiting.pop()
            pairs.append((place, other, 1.0))
            gone[0].add(place)
            gone[1].add(other)
    ours[:] = [place for place in ours if place not in gone[0]]
    theirs[:] = [place for place in theirs if place not in gone[1]]


def _pair_in_place(
    found: list[Block], ours: list[int], theirs: list[int], pairs: list[tuple[int, int, float]]
) -> None:
    """Pair what the alignment brought together."""
    a = c = 0
    for begin, end, other, stop in [*found, (len(ours), len(ours), len(theirs), len(theirs))]:
        pairs += [(place, c + place - a, 1.0) for place in range(a, begin)]
        a, c = end, stop
        del other
    gone = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    ours[:] = [place for place in ours if place not in gone[0]]
    theirs[:] = [place for place in theirs if place not in gone[1]]


def _identity(word: Word) -> tuple[str, str]:
    return ("w" if word.kind in "wi" else word.kind, word.key)


def _pair_alike(
    left: Reading,
    right: Reading,
    ours: list[int],
    theirs: list[int],
    pairs: list[tuple[int, int, float]],
    vectors: Vectors,
) -> list[tuple[int, int]]:
    """Pair what is left, the most alike first, and return what is left of opposites.

    A phrase of two or three words may say what one word says. A word stands against its opposite only where nothing
    else of the other text says the same.
    """
    _pair_phrases(left, right, ours, theirs, pairs, False)
    _pair_phrases(right, left, theirs, ours, pairs, True)
    options, against = [], []
    for place in ours:
        for other in theirs:
            one, two = left.words[place], right.words[other]
            score = similarity(one, two, vectors)
            if score >= _LEAST:
                options.append((-score, place, other))
            elif not score and are_opposed(one, two):
                against.append((place, other))
    options.sort()
    strong = sum(-score >= _STRONG for score, _, _ in options)
    _take(options[:strong], ours, theirs, pairs)
    opposed: list[tuple[int, int]] = []
    for place, other in against:
        if place in ours and other in theirs and all(other != used for _, used in opposed):
            opposed.append((place, other))
    _take(options[strong:], ours, theirs, pairs)
    return opposed


def _take(
    options: list[tuple[float, int, int]],
    ours: list[int],
    theirs: list[int],
    pairs: list[tuple[int, int, float]],
) -> None:
    for score, place, other in options:
        if place in ours and other in theirs:
            pairs.append((place, other, -score))
            ours.remove(place)
            theirs.remove(other)


def are_opposed(one: Word, two: Word) -> bool:
    """Tell whether two words are opposites in any of their forms."""
    if one.kind not in "whn" or two.kind not in "whn":
        return False
    return are_opposites(one.surface, two.surface) or are_opposites(one.key, two.key)


def _pair_phrases(
    left: Reading,
    right: Reading,
    ours: list[int],
    theirs: list[int],
    pairs: list[tuple[int, int, float]],
    turned: bool,
) -> None:
    """Pair a word with a phrase of the other text that shares a sense: "start" and "set in motion"."""
    for place in list(ours):
        word = left.words[place]
        if word.kind != "w":
            continue
        for other in list(theirs):
            two = right.words[other]
            if two.kind != "w":
                continue
            tail = right.text[two.end : two.end + 24].split()
            for size in (1, 2):
                phrase = "_".join((two.key, *tail[:size]))
                if len(tail) >= size and not senses(word.key).isdisjoint(senses(phrase)):
                    pairs.append((other, place, 0.9) if turned else (place, other, 0.9))
                    ours.remove(place)
                    theirs.remove(other)
                    break
            else:
                continue
            break
