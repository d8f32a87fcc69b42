"""Chinese names that other names give away: said once more in the same text, or in a list with a name.

A name that nothing but its company shows (陈奕迅 in 王菲、张国荣、陈奕迅) is found here, when the recogniser has
found the sure ones. Every place is looked at a fixed number of times, so that a long list costs no more than its
length. Rejected: to lower the threshold inside any list, which takes herbs and dishes for persons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from quality.pii.lexicon_zh import context, surnames, words

Place = tuple[int, int]

_LONGEST: Final = 4
_COVERS: Final = 4
"""Least logarithm of a word's count for it to stand against a name, as in `names_zh`."""

_RIGHT = re.compile(r"[ \u3000]?、[ \u3000]?([\u4e00-\u9fff]{2,5})")
_STOPS: Final = frozenset("、，。,.；;（(）)和与及等跟或\n \u3000…！!？?")
_LEADS: Final = frozenset("是有由和与及为如")


def more_names(
    text: str,
    native: Sequence[Place],
    foreign: Sequence[Place],
    taken: set[int],
    before: Callable[[str, int], float],
) -> Iterator[Place]:
    """Find the names that the ones already found give away.

    Args:
        text: the text.
        native: names of a Chinese surname that were found.
        foreign: transliterated names that were found.
        taken: places of characters that belong to something else.
        before: what the words before a place are worth for a name that begins there.
    """
    covered = taken | {at for start, end in native for at in range(start, end)}
    found: list[Place] = []
    if "、" in text:
        found += _listed(text, [*native, *foreign], covered, before)
    yield from found
    yield from _again(text, {text[start:end] for start, end in [*native, *found]}, covered)


def _listed(
    text: str, known: Sequence[Place], covered: set[int], before: Callable[[str, int], float]
) -> Iterator[Place]:
    """Find what stands in a list beside a name, and what stands beside that; adds to `covered`."""
    left = list(known)
    while left:
        start, end = left.pop()
        for place in (_right_of(text, end), _left_of(text, start, before)):
            if place and place[0] not in covered and place[1] - 1 not in covered:
                covered.update(range(*place))
                left.append(place)
                yield place


def _right_of(text: str, end: int) -> Place | None:
    match = _RIGHT.match(text, end)
    if not match:
        return None
    start = match.start(1)
    for stop in (start + 3, start + 2, start + 4):
        if stop <= match.end(1) and _may_be(text[start:stop]) and _ends(text, stop):
            return start, stop
    return None


def _left_of(text: str, start: int, before: Callable[[str, int], float]) -> Place | None:
    stop = start - (text[start - 1 : start] in (" ", "\u3000"))
    if text[max(0, stop - 1) : stop] != "、":
        return None
    stop -= 1
    for begin in (stop - 3, stop - 2, stop - 4):
        led = begin == 0 or (begin > 0 and (text[begin - 1] in _STOPS or text[begin - 1] in _LEADS))
        if (led or (begin > 0 and before(text, begin) >= 3)) and _may_be(text[begin:stop]):
            return begin, stop
    return None


def _may_be(name: str) -> bool:
    """Tell whether what stands alone in a list of names may be one: a surname, and no known word."""
    size = 2 if len(name) > 2 and surnames().get(name[:2], 0) > 0 else 1
    return (
        2 <= len(name) <= size + 2
        and surnames().get(name[:size], -9) >= 0
        and all("\u4e00" <= char <= "\u9fff" and char not in _STOPS for char in name)
        and words().get(name, 0) < _COVERS
        and name not in context().brands
    )


def _ends(text: str, stop: int) -> bool:
    char = text[stop : stop + 1]
    return not char or char in _STOPS or any(text[stop : stop + n] in context().after_name for n in (1, 2))


def _again(text: str, names: set[str], covered: set[int]) -> Iterator[Place]:
    """Find names of three characters and more, and names such as 小明, wherever they stand again."""
    wanted = {name for name in names if len(name) > 2 or (len(name) == 2 and name[0] in "小老阿")}
    if not wanted:
        return
    firsts = "".join(sorted({name[0] for name in wanted}))
    for match in re.finditer(f"[{firsts}]", text):
        at = match.start()
        if at in covered:
            continue
        for size in range(_LONGEST, 1, -1):
            name = text[at : at + size]
            if name in wanted and at + len(name) - 1 not in covered:
                if size > 2 or not _cut(text, at, at + size):
                    covered.update(range(at, at + size))
                    yield at, at + size
                break


def _cut(text: str, start: int, end: int) -> bool:
    """Tell whether known words cut across the edges of a short name."""
    known = words().get
    return bool(
        known(text[end - 1 : end + 1], 0) >= _COVERS
        or known(text[start : end + 1], 0)
        or (start and known(text[start - 1 : start + 1], 0) >= _COVERS)
    )
