"""Tells simplified from traditional Chinese by characters that only one of the two writes.

The national character sets answer it without a table of ours: GB 2312 holds the simplified forms, Big5 the
traditional ones, and what stands in one alone is a sign of it. Rejected: OpenCC's dictionaries (a dependency
for one bit).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_FIRST, _LAST = 0x4E00, 0x9FFF


def variant(text: str) -> str:
    """Return `Hans`, `Hant`, or "" where both or neither are written."""
    table = _signs()
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    points = points[(points >= _FIRST) & (points <= _LAST)]
    signs = table[points - _FIRST]
    simplified, traditional = int((signs == 1).sum()), int((signs == 2).sum())
    if simplified > 2 * traditional:
        return "Hans"
    return "Hant" if traditional > 2 * simplified else ""


@cache
def traditional_only() -> frozenset[str]:
    """Return the characters that only traditional Chinese writes; a text without any is not traditional."""
    return frozenset(chr(_FIRST + int(number)) for number in np.flatnonzero(_signs() == 2))


@cache
def _signs() -> NDArray[np.uint8]:
    """Return for each unified ideograph 1 (only simplified), 2 (only traditional) or 0."""
    signs = np.zeros(_LAST - _FIRST + 1, np.uint8)
    for number in range(len(signs)):
        letter = chr(_FIRST + number)
        simplified, traditional = _has(letter, "gb2312"), _has(letter, "big5")
        if simplified != traditional:
            signs[number] = 1 if simplified else 2
    return signs


def _has(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
