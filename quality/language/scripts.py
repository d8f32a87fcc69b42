"""Counts the letters of each script in many texts at once.

A script says much of a language and often all of it (kana: Japanese, Hangul: Korean, Thai: Thai), and counting
costs a table look-up a character. The ranges are Unicode's blocks of letters; what is in none of them is no
letter here (digits, punctuation, emoji, combining marks of Latin). Rejected: `unicodedata.name` a character
(exact, and a hundred times slower) and one regular expression a script (a pass over the text for each).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_RANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "latin": (
        (0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xAA), (0xBA, 0xBA), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x24F),
        (0x250, 0x2AF), (0x1E00, 0x1EFF), (0xFB00, 0xFB06), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A),
    ),
    "cyrillic": ((0x400, 0x481), (0x48A, 0x52F), (0x1C80, 0x1C8F), (0xA640, 0xA69F)),
    "arabic": (
        (0x620, 0x64A), (0x66E, 0x66F), (0x671, 0x6D3), (0x6D5, 0x6D5), (0x6FA, 0x6FF), (0x750, 0x77F),
        (0x8A0, 0x8C7), (0xFB50, 0xFDFB), (0xFE70, 0xFEFC),
    ),
    "devanagari": ((0x900, 0x963), (0x971, 0x97F)),
    "han": (
        (0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF),
    ),
    "kana": ((0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF),
             (0xFF66, 0xFF9D)),
    "hangul": ((0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB)),
    "bopomofo": ((0x3105, 0x312F), (0x31A0, 0x31BF)),
    "greek": ((0x370, 0x373), (0x376, 0x377), (0x37B, 0x37D), (0x386, 0x386), (0x388, 0x3FF),
              (0x1F00, 0x1FFE)),
    "hebrew": ((0x5D0, 0x5EA), (0x5EF, 0x5F2), (0xFB1D, 0xFB4F)),
    "thai": ((0xE01, 0xE3A), (0xE40, 0xE4E)),
    "armenian": ((0x531, 0x556), (0x561, 0x587)),
    "georgian": ((0x10A0, 0x10FF), (0x1C90, 0x1CBF)),
    "bengali": ((0x980, 0x9E3),),
    "gurmukhi": ((0xA00, 0xA65), (0xA70, 0xA75)),
    "gujarati": ((0xA80, 0xAE3),),
    "tamil": ((0xB80, 0xBE5),),
    "telugu": ((0xC00, 0xC63),),
    "other": (
        (0xB00, 0xB63), (0xC80, 0xCE3), (0xD00, 0xD65), (0xD80, 0xDFF), (0xE80, 0xEDF), (0xF00, 0xF1F),
        (0xF40, 0xFBC), (0x1000, 0x103F), (0x1050, 0x108F), (0x1200, 0x139F), (0x13A0, 0x13FF),
        (0x1780, 0x17D3), (0x1820, 0x18AF), (0x700, 0x74F), (0x780, 0x7B1),
    ),
}  # fmt: skip

SCRIPTS = tuple(_RANGES)
"""The scripts that are counted, in the order of the columns of `script_counts`."""

_NUMBER = {script: number for number, script in enumerate(SCRIPTS, start=1)}
_CLASSES = np.zeros(0x110000, np.uint8)
for _script, _blocks in _RANGES.items():
    for _first, _last in _blocks:
        _CLASSES[_first : _last + 1] = _NUMBER[_script]
_CLASSES[[0xD7, 0xF7]] = 0  # the signs of multiplication and division stand among the Latin letters


def script_of_letter(letter: str) -> str:
    """Return the script of one character, "" for what is no letter."""
    number = int(_CLASSES[ord(letter)])
    return SCRIPTS[number - 1] if number else ""


def code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return all texts as one row of code points, each followed by a 0, and where each text starts."""
    joined = "\0".join(texts) + "\0"
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    return points, np.concatenate([[0], np.cumsum(lengths)[:-1]])


def script_counts(points: NDArray[np.uint32], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many letters of each script stand in each text: [texts, len(SCRIPTS)]."""
    width = len(SCRIPTS) + 1
    rows = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(points))))
    flat = np.bincount(rows * width + _CLASSES[points], minlength=len(starts) * width)
    counts: NDArray[np.int64] = flat.reshape(len(starts), width)[:, 1:]
    return counts
