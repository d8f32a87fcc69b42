"""How much of a domain a set of texts covers: the weighted share of its keywords that enough of them mention.

One pass with RE2, whose time is linear in the text whatever the keywords: an English keyword as a word in any regular
inflection, a Chinese one as a run of characters, the longest where several begin. Case and width do not count.
Rejected: similarity of embeddings to the domain (it says near, never what is missing).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quality.inflection import forms
from quality.keywords import Keyword

MAX_MEMORY = 512 << 20
"""Bytes that the automaton of the keywords may take."""
_ASCII_WORD = re.compile(r"[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a set covers.

    Args:
        value: weighted share of the keywords that are covered, 0..1.
        missing: numbers of the others, the heaviest first.
    """

    value: float
    missing: tuple[int, ...]


def folded(text: str) -> str:
    """Return a text as keywords are looked for in it."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


class Matcher:
    """Finds keywords in texts.

    Args:
        keywords: their texts; equal ones after folding are one.

    Raises:
        ValueError: a keyword is blank.
    """

    def __init__(self, keywords: Sequence[str]) -> None:
        import re2

        self._number: dict[str, list[int]] = {}
        spellings: set[str] = set()
        for number, keyword in enumerate(keywords):
            for spelling in _spellings(folded(keyword)):
                self._number.setdefault(spelling, []).append(number)
                spellings.add(spelling)
        options: Any = re2.Options()
        options.longest_match = True
        options.max_mem = MAX_MEMORY
        pattern = "|".join(_pattern(spelling) for spelling in sorted(spellings))
        self._pattern: Any = re2.compile(pattern, options) if spellings else None

    def find(self, text: str) -> list[int]:
        """Return the numbers of the keywords that a text mentions, each once, rising."""
        if self._pattern is None:
            return []
        hits = {match.group() for match in self._pattern.finditer(folded(text))}
        return sorted({number for hit in hits for number in self._number[hit]})


def _spellings(keyword: str) -> set[str]:
    """Return the forms of a keyword: of a phrase, its last word is inflected."""
    if not keyword:
        raise ValueError("a keyword is blank")
    head, space, last = keyword.rpartition(" ")
    if not last.isascii() or not last.isalpha():
        return {keyword}
    return {f"{head}{space}{form}" for form in forms(last)}


def _pattern(spelling: str) -> str:
    r"""Return a pattern that finds a spelling as a word; `\b` is one of ASCII, so Chinese beside it is no letter."""
    import re2

    begins = r"\b" if _ASCII_WORD.match(spelling[0]) else ""
    ends = r"\b" if _ASCII_WORD.match(spelling[-1]) else ""
    return f"{begins}{re2.escape(spelling)}{ends}"


def coverage(keywords: Sequence[Keyword], records: NDArray[np.int64], least: int = 1) -> Coverage:
    """Return what a set covers.

    Args:
        keywords: of the domain, at least one.
        records: int64 [keywords]; how many records mention each.
        least: records that make a keyword covered.

    Raises:
        ValueError: there are no keywords, or no weight.
    """
    weights = np.array([keyword.weight for keyword in keywords], np.float64)
    if not len(weights) or not weights.sum() > 0:
        raise ValueError("no keyword has a weight")
    covered = records >= least
    order = sorted(np.flatnonzero(~covered).tolist(), key=lambda n: (-weights[n], n))
    return Coverage(float(weights[covered].sum() / weights.sum()), tuple(order))
