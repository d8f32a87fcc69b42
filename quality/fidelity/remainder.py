"""What is left over when the words of two sentences have been matched, and how much that tells.

A thorough rewording loses verbs of request, links and light words, and keeps the things that it is about; so a word
counts by how rare it is and by how much of its use is as a noun. Two things of one kind left over on either side
(beer, wine) are no rewording however much else differs. Rejected: a share of all words, for which one lost condition
of a long prompt is next to nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quality.fidelity.lexicon import is_han, shell_nouns
from quality.fidelity.matching import Matching, Vectors
from quality.fidelity.reading import Reading, Word
from quality.fidelity.relations import are_siblings, are_synonyms, noun_share, noun_share_zh

Whole = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Unit vectors of both texts."""
_HEAVY = 1.5
"""What a rare noun tells."""
_SURE = 0.85
_MOST = 400
"""Most pairs of words that are looked at."""
_GAIN, _BOTH = 1.5, 2.0
_SHELL = 0.25
"""What a noun that names no thing of its own tells, as a share of its weight."""


def telling(word: Word) -> float:
    """Return how much a word says that must not be lost; values are compared elsewhere."""
    if word.kind in "nux":
        return 0.0
    if word.is_name:
        return word.weight
    if word.key in shell_nouns():
        return _SHELL * word.weight
    share = noun_share_zh(word.key) if is_han(word.key) else noun_share(word.key)
    return word.weight * (0.25 + 0.75 * share)


def left_over(left: Reading, right: Reading, found: Matching) -> tuple[list[float], list[float]]:
    """Return what each word of both readings says that the other text does not, in order."""
    best: tuple[dict[int, float], dict[int, float]] = ({}, {})
    for place, other, score in found.pairs:
        best[0][place], best[1][other] = score, score
    return _rest(left, right, best[0]), _rest(right, left, best[1])


def _rest(reading: Reading, other: Reading, best: dict[int, float]) -> list[float]:
    rest = []
    for place, word in enumerate(reading.words):
        score = best.get(place, 0.0)
        if score < 0.9 and (tell := telling(word)):
            rest.append(tell * (1 - max(score, _told_elsewhere(word, other))))
        else:
            rest.append(0.0)
    return rest


def _told_elsewhere(word: Word, other: Reading) -> float:
    """Return how surely another text holds what a word says, whatever else its words are matched with.

    Chinese: by its characters, for the same characters are cut into other words there.
    """
    if is_han(word.key):
        found = sum(char in other.text for char in word.key) / len(word.key)
        if found == 1.0 or any(are_synonyms(word.key, one.key) for one in other.words if one.kind == "h"):
            return 0.9
        return 0.6 * found
    if any(one.key == word.key for one in other.words):
        return 0.8
    return 0.0


def siblings(left: Reading, right: Reading, found: Matching) -> float:
    """Return how surely two things of one kind stand against each other, one in each text only, 0 to 1."""
    loose = [(a, b) for a, b, score in found.pairs if score < _SURE] + [
        (a, b) for a in found.left for b in found.right
    ]
    told = [
        min(telling(left.words[a]), telling(right.words[b]))
        for a, b in loose[:_MOST]
        if _of_one_kind(left.words[a], right.words[b])
    ]
    return min(1.0, max(told, default=0.0) / _HEAVY)


def _of_one_kind(one: Word, other: Word) -> bool:
    if one.key == other.key or one.is_name or other.is_name:
        return False
    if one.kind == other.kind == "h":
        same = one.key[-1] == other.key[-1] or one.key[0] == other.key[0]
        return len(one.key) == len(other.key) > 1 and same
    return one.kind == other.kind == "w" and are_siblings(one.key, other.key)


def unexplained(rest: tuple[list[float], list[float]]) -> float:
    """Return how much each text says at least, in one word, that the other does not, 0 to 1."""
    return min(1.0, *(max(side, default=0.0) for side in rest))


def foreign(
    left: Reading, right: Reading, rest: tuple[list[float], list[float]], vectors: Vectors, whole: Whole
) -> float:
    """Return how much nearer a word that only one text has is to its own text than to the other, 0 to 1.

    A word of a rewording is about as near to the text that lacks it; "camera" in a question about a crossword is not.
    """
    most = []
    for reading, side, turn in ((left, rest[0], whole[0] - whole[1]), (right, rest[1], whole[1] - whole[0])):
        gains = [
            share * float(vectors[word.surface] @ turn)
            for word, share in zip(reading.words, side, strict=True)
            if share > 0 and word.surface in vectors
        ]
        most.append(max(gains, default=0.0))
    return min(1.0, _GAIN * max(0.0, max(most) + _BOTH * min(most)))


def dropped(rest: tuple[list[float], list[float]], found: Matching) -> float:
    """Return how much one text says in places where the other has nothing, 0 to 1."""
    lost = (sum(side[place] for place in places) for side, places in zip(rest, found.alone, strict=True))
    return min(1.0, max(lost) / (2 * _HEAVY))
