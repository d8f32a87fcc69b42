"""Who acts and who is acted on, by the marks of voice: a passive with "by", 被 and 把.

A reworded sentence may turn its voice round, if it turns its actors round as well. Rejected: a parser, whose models are
large and of one language.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from quality.fidelity.matching import Matching
from quality.fidelity.reading import Reading

_BREAK: Final = re.compile(r"[,;:.!?，。；：！？、\n]")
_VOICE: Final = {
    "en": re.compile(
        r"\b(?:is|are|was|were|be|been|being)\b((?: \w+){1,3}?) (by)\b(?! (?:\w+ing|the (?:end|time))\b)"
    ),
    "zh": re.compile(r"(被)|(把)"),
}
Actors = tuple[Sequence[int], Sequence[int]]
"""Places of words that may act, and of those that may be acted on."""
_SURE = 0.85
_LIKELY = 0.8
"""How surely an unmarked sentence says who acts by its order."""
_NEAR = 3
"""Words on each side of a mark of voice that may be the actor or what is acted on."""


def voice_turned(left: Reading, right: Reading, found: Matching) -> float:
    """Return how surely who acts in one text is acted on in the other, by the marks of voice."""
    ours, theirs = _actors(left), _actors(right)
    if not ours and not theirs:
        return 0.0
    sure = [(a, b) for a, b, score in found.pairs if score >= _SURE]
    mine, yours = (
        dict(sure),
        {b: b for _, b in sure},
    )  # a word goes by its place in the right text
    acting, acted = _named(ours or theirs, mine if ours else yours)
    if ours and theirs:
        acting_too, acted_too = _named(theirs, yours)
        crossed = acting & acted_too - acting_too and acted & acting_too - acted_too
        return 1.0 if crossed else 0.0
    places = [mine[place] for place in sorted(mine)] if theirs else sorted(yours)
    rank = {place: number for number, place in enumerate(places)}
    before = [rank[one] < rank[other] for one in acting for other in acted if one != other]
    return _LIKELY if before and not any(before) else 0.0


def _named(actors: Actors | None, names: dict[int, int]) -> tuple[set[int], set[int]]:
    acting, acted = actors or ((), ())
    return {names[p] for p in acting if p in names}, {names[p] for p in acted if p in names}


def _actors(reading: Reading) -> Actors | None:
    """Return the places of words that may act, and of those that are acted on, by the only mark of voice."""
    marks = list(_VOICE[reading.language].finditer(reading.text))
    if len(marks) != 1:
        return None
    mark = marks[0]
    starts = [word.start for word in reading.words]
    before, after = bisect_left(starts, mark.start()), bisect_left(starts, mark.end())
    breaks = [match.start() for match in _BREAK.finditer(reading.text)]
    clause = bisect_right(breaks, mark.start())
    ahead = [p for p in range(max(0, before - _NEAR), before) if bisect_right(breaks, starts[p]) == clause]
    behind = [
        p for p in range(after, min(len(starts), after + 2)) if bisect_right(breaks, starts[p]) == clause
    ]
    if reading.language == "zh" and len(behind) < 2:
        return None  # 被 before a verb: nobody is named who acts
    return (ahead, behind) if mark[0] == "把" else (behind, ahead)
