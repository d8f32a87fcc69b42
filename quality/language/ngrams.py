"""Scores texts of one script in every language written in it, by letters and their neighbours.

A letter is judged by the two before it: the cost of a text in a language is the sum of -log P(letter | two
before) within its words. All texts of a batch are one row of numbers, so the work is three table look-ups
a letter and one sum. The tables lie in `tables.npz`, made by `benchmarks/language_tables.py` from lingua's
counts. Rejected: word lists alone (short texts hold no frequent word) and five letters (twenty times the
file for a tenth of a percent).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALE = 16
"""Costs are kept in sixteenths of a nat."""


@dataclass(frozen=True, slots=True)
class Ngrams:
    """The tables of one script.

    Args:
        languages: ISO 639-1 codes, one a column of `costs`.
        letters: code point -> number of the letter, 0 for what separates words: uint8 [65536].
        width: how many numbers there are.
        rows: number of three letters, as digits to the base `width`, -> row of `costs`; row 0 costs nothing.
        costs: float32 [rows, languages], nats.
    """

    languages: tuple[str, ...]
    letters: NDArray[np.uint8]
    width: int
    rows: NDArray[np.uint16]
    costs: NDArray[np.float32]

    def score(
        self, points: NDArray[np.uint32], starts: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the cost of each text in each language, and of how many letters it is the sum.

        Args:
            points: lower-cased code points of all texts, a 0 after each.
            starts: where each text begins.
        """
        numbers = np.zeros(len(points) + 2, np.int32)
        numbers[1:-1] = self.letters[np.minimum(points, 0xFFFF)]
        # Three letters count for the text in which the middle one stands: the first may be its neighbour's 0.
        rows = self.rows[(numbers[:-2] * self.width + numbers[1:-1]) * self.width + numbers[2:]]
        counted = np.flatnonzero(rows)
        bounds = np.searchsorted(counted, starts)
        lengths = np.diff(np.append(bounds, len(counted)))
        scores = np.zeros((len(starts), len(self.languages)), np.float32)
        some = lengths > 0
        if some.any():
            scores[some] = np.add.reduceat(self.costs[rows[counted]], bounds[some], axis=0)
        return scores, lengths


@cache
def ngrams_of(script: str) -> Ngrams:
    """Return the tables of a script, read once.

    Raises:
        KeyError: there are none: the script has one language, or no known one.
    """
    arrays = _arrays()
    alphabet = str(arrays[f"{script}_letters"])
    width = len(alphabet) + 1
    letters = np.zeros(0x10000, np.uint8)
    letters[_points(alphabet)] = np.arange(1, width)
    pairs = letters[_points(str(arrays[f"{script}_pairs"]))].reshape(-1, 2).astype(np.int64)
    trigrams = letters[_points(str(arrays[f"{script}_trigrams"]))].reshape(-1, 3).astype(np.int64)
    rows = np.zeros((width, width, width), np.uint16)
    rows[:, pairs[:, 0], pairs[:, 1]] = np.arange(1, len(pairs) + 1, dtype=np.uint16)
    rows[tuple(trigrams.T)] = np.arange(len(pairs) + 1, len(pairs) + len(trigrams) + 1, dtype=np.uint16)
    costs = arrays[f"{script}_costs"].astype(np.float32) / SCALE
    costs = np.concatenate([np.zeros((1, costs.shape[1]), np.float32), costs])
    languages = tuple(str(arrays[f"{script}_languages"]).split())
    return Ngrams(languages, letters, width, rows.reshape(-1), costs)


@cache
def languages_of(script: str) -> tuple[str, ...]:
    """Return the languages among which the tables of a script choose; none if it has no tables."""
    return tuple(str(_arrays().get(f"{script}_languages", "")).split())


def is_latin(code: str) -> bool:
    """Return whether a language is written in Latin letters, where names and terms of any language look alike."""
    return code in languages_of("latin")


@cache
def _arrays() -> dict[str, Any]:
    with (files(__package__) / "tables.npz").open("rb") as stream, np.load(stream) as archive:
        return {name: archive[name] for name in archive.files}


def _points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
