"""How much of a text says again what it said before.

Three shares after Rae et al. 2021 (Gopher, appendix A1.1): units in repeated n-grams, characters in
repeated lines, and, new here, the longest run of one phrase said three times or more on end. The last one
tells a model caught in a loop from a song with a refrain, which the first two cannot. Code, tables and
formulas are left out. Rejected: the ratio of a compressor, which depends on the length of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quality.heuristics.form import prose
from quality.heuristics.units import is_unspaced, units

MOST_REPEATED = 0.8
"""Share in repeated n-grams or lines above which a text loops: timetables and songs with three choruses stay below."""

MOST_LOOP = 0.33
"""Share of one phrase on end above which a text loops: for a third of the text it is no style."""

_LONGEST_PERIOD = 200
_LOOP_FLOOR = 0.1
_LONGEST_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Repetition:
    """Shares in [0, 1]: units in repeated n-grams, characters in repeated lines, the longest loop."""

    ngrams: float = 0.0
    lines: float = 0.0
    loop: float = 0.0


NONE = Repetition()


def repetition(text: str, *, ngram_words: int = 5, ngram_chars: int = 8, min_units: int = 30) -> Repetition:
    """Measure how repetitive a text is.

    Args:
        text: any text; its first 4,000 units are read.
        ngram_words: length of an n-gram in words, for spaced scripts.
        ngram_chars: length of an n-gram in characters, for scripts without spaces.
        min_units: shorter texts (in words or characters) are not measured: all shares are 0.
    """
    if len(text) < min_units:
        return NONE
    parts = units(text)
    if len(parts) < min_units:
        return NONE
    size = ngram_chars if not text.isascii() and is_unspaced(parts) else ngram_words
    if _repeated_share(parts[:_LONGEST_TEXT], size) == 0.0:
        return Repetition(lines=_repeated_lines(text))
    text = prose(text)
    parts = units(text)[:_LONGEST_TEXT]
    if len(parts) < min_units:
        return NONE
    share = _repeated_share(parts, size)
    loop = _longest_loop(parts) if share >= _LOOP_FLOOR else 0.0
    return Repetition(share, _repeated_lines(text), loop)


def loops(text: str) -> bool:
    """Return whether a text is caught in a loop, by the usual limits."""
    found = repetition(text)
    return max(found.ngrams, found.lines) > MOST_REPEATED or found.loop > MOST_LOOP


def _repeated_share(parts: Sequence[str], size: int) -> float:
    """Return the share of units inside an n-gram that stood earlier in the text."""
    shifted = [parts[start:] for start in range(size)]
    if len(set(zip(*shifted, strict=False))) == len(parts) - size + 1:
        return 0.0
    seen: set[tuple[str, ...]] = set()
    covered = reached = 0
    for start, gram in enumerate(zip(*shifted, strict=False)):
        if gram in seen:
            covered += start + size - max(start, reached)
            reached = start + size
        else:
            seen.add(gram)
    return covered / len(parts)


def _repeated_lines(text: str) -> float:
    """Return the share of characters in lines that stood earlier in the text."""
    lines = [line.strip().lower() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if len(set(lines)) == len(lines):
        return 0.0
    seen: set[str] = set()
    repeated = 0
    for line in lines:
        if line in seen:
            repeated += len(line)
        seen.add(line)
    return repeated / sum(map(len, lines))


def _longest_loop(parts: Sequence[str]) -> float:
    """Return the share of units in the longest run that says one phrase three times or more on end."""
    numbers = {part: number for number, part in enumerate(dict.fromkeys(parts))}
    ids = np.array([numbers[part] for part in parts], dtype=np.int32)
    best = 0
    for period in range(1, min(len(ids) // 3, _LONGEST_PERIOD) + 1):
        breaks = np.flatnonzero(ids[period:] != ids[:-period])
        edges = np.concatenate(([-1], breaks, [len(ids) - period]))
        run = int(np.diff(edges).max()) - 1
        if run >= 2 * period:
            best = max(best, run + period)
    return best / len(ids)
