"""Do the same words in other places say something else? Exchanged words, and exchanged sides of "than" or "before".

A paraphrase moves phrases freely; what it may not do is let two words take each other's place while what stands between
them stays (A beats B, B beats A), or turn round what a word such as "than", "before" or 导致 relates. Members of a
list may change places, and a passive explains a turn. Rejected: counting inversions, which a moved clause is full of.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from quality.fidelity.lexicon import steering
from quality.fidelity.matching import Matching
from quality.fidelity.reading import Reading, Word

_LISTED: Final = frozenset(
    (
        ",",
        "and",
        "or",
        "the",
        "a",
        "an",
        "of",
        "in",
        "、",
        "和",
        "与",
        "及",
        "或",
        "以及",
        "as",
        "well",
        "/",
        ";",
        "跟",
        "同",
        "，",
    )
)
"""Signs and words between the members of a list."""
_SEPARATORS: Final = (",", " and ", " or ", "和", "与", "及", "或", "、")
_CLAUSE: Final = re.compile(r"[,;:.!?](?=\s|$)|[;:!?\n]")
_REACH = 4
"""Most words of content on each side of a pivot that are its own."""
_MOST_PIVOTS = 4
_LONGEST_RUN = 4
"""Most words of a run that may exchange its place with another."""


def is_in_order(found: Matching) -> bool:
    """Tell whether all matched words stand in one order in both texts."""
    order = [other for _, other, _ in sorted(found.pairs)]
    return order == sorted(order)


def sides_exchanged(left: Reading, right: Reading) -> bool:
    """Tell whether what stood before a word such as "than", "before" or 导致 stands behind it in the other text.

    A word of the same class, or of an opposite one ("before" and "after"), may be the pivot of the other text.
    """
    steer = steering(left.language)
    pivots = steer.pivots if left.passives != right.passives else (*steer.pivots, *steer.relations)
    if left.language != right.language:
        return False
    for pattern in pivots:
        ours, theirs = list(pattern.finditer(left.text)), list(pattern.finditer(right.text))
        if not ours or not theirs or len(ours) > _MOST_PIVOTS or len(theirs) > _MOST_PIVOTS:
            continue
        if any(_crossed(left, one, right, other) for one in ours for other in theirs):
            return True
    return False


def _crossed(left: Reading, one: re.Match[str], right: Reading, other: re.Match[str]) -> bool:
    """Tell whether a word of each side of one pivot stands on the other side of the other."""
    if "to" in (one[0], other[0]) and ("from" not in left.text or "from" not in right.text):
        return False
    before, behind = _sides(left, one.span())
    first, second = _sides(right, other.span())
    return bool((before & second) - first - behind and (behind & first) - second - before)


def _sides(reading: Reading, pivot: tuple[int, int]) -> tuple[set[str], set[str]]:
    """Return up to four words of content on each side of a pivot, the nearest ones of its clause."""
    begin = max((match.end() for match in _CLAUSE.finditer(reading.text, 0, pivot[0])), default=0)
    after = _CLAUSE.search(reading.text, pivot[1])
    end = after.start() if after else len(reading.text)
    before = [word.key for word in reading.words if begin <= word.start and word.end <= pivot[0]]
    behind = [word.key for word in reading.words if word.start >= pivot[1] and word.end <= end]
    return set(before[-_REACH:]), set(behind[:_REACH])


def exchanged_words(left: Reading, right: Reading, found: Matching, missing: float) -> float:
    """Return how surely two words have exchanged their places, which no passive or list explains."""
    often = {
        key for reading in (left, right) for key, n in Counter(w.key for w in reading.words).items() if n > 1
    }
    order = sorted(
        (a, b)
        for a, b, score in found.pairs
        if score >= 0.5 and not {left.words[a].key, right.words[b].key} & often
    )
    sequence = [b for _, b in order]
    ranks = {b: rank for rank, b in enumerate(sorted(sequence))}
    ranked = [ranks[b] for b in sequence]
    moved = [place for place, rank in enumerate(ranked) if place != rank]
    if not moved:
        return 0.0
    swaps = _exchanged(ranked)
    if swaps is None:
        return 0.0
    (first, last) = swaps
    mine = left.words[order[first][0]], left.words[order[last][0]]
    yours = (
        right.words[min(order[first][1], order[last][1])],
        right.words[max(order[first][1], order[last][1])],
    )
    if _is_listed(left, *mine) or _is_listed(right, *yours):
        return 0.1
    if left.passives != right.passives:
        return 0.2
    if first + 1 == last:
        return 0.2
    return 1.0 - missing


def _exchanged(ranked: list[int]) -> tuple[int, int] | None:
    """Return where two runs begin that exchanged their places, with something between them that stayed.

    Runs without anything between them are a phrase that moved.
    """
    moved = [place for place, rank in enumerate(ranked) if place != rank]
    start, stop = moved[0], moved[-1] + 1
    if stop - start == 2:
        return start, start + 1
    size = stop - ranked[start]
    first = ranked[start : start + size]
    if size < 1 or first != list(range(stop - size, stop)):
        return None
    tail = 0
    while tail < stop - start - size and ranked[stop - 1 - tail] == ranked[stop - 1] - tail:
        tail += 1
    while tail and ranked[stop - tail] != start:
        tail -= 1
    middle = ranked[start + size : stop - tail]
    if not tail or not middle or ranked[stop - tail : stop] != list(range(start, start + tail)):
        return None
    if middle != list(range(start + tail, start + tail + len(middle))) or max(size, tail) > _LONGEST_RUN:
        return None
    return start, stop - tail


def _between(reading: Reading, first: Word, last: Word) -> str:
    return reading.text[first.end : last.start].strip()


def _is_listed(reading: Reading, first: Word, last: Word) -> bool:
    """Tell whether only signs and words of a list stand between two words, or other members of it."""
    between = f" {_between(reading, first, last)} "
    inner = [word.surface for word in reading.words if first.end <= word.start and word.end <= last.start]
    parts = Counter(between.replace(",", " , ").split()) if between.isascii() else Counter(between)
    for word in inner:
        for part in word if not word.isascii() else (word,):
            parts.pop(part, None)
    signs = sum(between.count(sign) for sign in _SEPARATORS)
    return 2 * signs > len(inner) and all(part in _LISTED or not part.strip() for part in parts)
