"""Which sense of a word a sentence means, and whether a synonym leaves the sentence where it was, by an embedder.

The gloss nearest to the sentence wins, if by a clear lead; then the sentence with the synonym in place must stay near
the sentence. Both are cosines of the same encoder, each text encoded once. Rejected: the second test alone, which
cannot tell "bank" from "bench" in a short question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.augment.english_places import Place
from pipeline.models.embedder import Embedder
from pipeline.models.wordnet import Synset

CLOSE = 0.95
"""Least cosine of a sentence and the same with a synonym in place."""

CLEAR = 0.03
"""Least lead of the chosen sense's cosine to the sentence over the next sense's."""

PRIOR = 0.1
"""What the share of a sense among a word's uses adds to its cosine: the commoner sense wins where the two are near."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place, and by synset what may stand there."""

    place: Place
    senses: tuple[tuple[Synset, float, tuple[str, ...]], ...]


def chosen(waiting: Sequence[tuple[int, str, Candidate]], embedder: Embedder) -> list[tuple[int, Place]]:
    """Return the places whose sense is clear, with the synonyms that fit.

    Args:
        waiting: (number of the text, text, candidate).
        embedder: compares sentences and glosses.
    """
    vectors = _Vectors(embedder)
    rows = [(number, one, _sentence(text, one.place)) for number, text, one in waiting]
    vectors.read([sentence for _, _, (sentence, _, _) in rows])
    vectors.read([_told(synset) for _, one, _ in rows for synset, _, _ in one.senses if len(one.senses) > 1])
    kept = [
        (number, one.place, sentence, _fitting(one, vectors, sentence[0])) for number, one, sentence in rows
    ]
    vectors.read([_in_place(sentence, option) for _, _, sentence, options in kept for option in options])
    found = []
    for number, place, sentence, options in kept:
        close = tuple(
            option for option in options if vectors.cosine(sentence[0], _in_place(sentence, option)) >= CLOSE
        )
        if close:
            found.append((number, Place(place.start, place.stop, close)))
    return found


class _Vectors:
    """Vectors of texts, each encoded once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}

    def read(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.encode(new), strict=True))

    def cosine(self, left: str, right: str) -> float:
        return float(np.dot(self._known[left].astype(np.float64), self._known[right].astype(np.float64)))


def _fitting(candidate: Candidate, vectors: _Vectors, sentence: str) -> tuple[str, ...]:
    """Return the synonyms of the sense that the sentence means; none where that is in doubt."""
    if len(candidate.senses) == 1:
        return candidate.senses[0][2]
    scored = sorted(
        (
            (vectors.cosine(sentence, _told(synset)) + PRIOR * part, options)
            for synset, part, options in candidate.senses
        ),
        key=lambda pair: -pair[0],
    )
    (best, options), (second, _) = scored[0], scored[1]
    return options if best - second >= CLEAR else ()


def _told(synset: Synset) -> str:
    return f"{', '.join(synset.words)}: {synset.gloss}"


def _sentence(text: str, place: Place) -> tuple[str, int, int]:
    """Return the line that a place stands in, and the place within it."""
    start = text.rfind("\n", 0, place.start) + 1
    stop = text.find("\n", place.stop)
    return text[start : stop if stop >= 0 else len(text)], place.start - start, place.stop - start


def _in_place(sentence: tuple[str, int, int], option: str) -> str:
    text, start, stop = sentence
    return text[:start] + option + text[stop:]
