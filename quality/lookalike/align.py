"""Where two token sequences differ: the blocks that an alignment leaves over.

Common ends are cut off first, which is all there is to do for most look-alikes; only what lies between is
matched, and only up to a bound, since the matching is quadratic. Beyond it both are walked in step.
Rejected: edit distance over characters (a number tells nothing of what differs).
"""

from __future__ import annotations

from difflib import SequenceMatcher

BOUND = 160_000
"""Most cells (left tokens times right tokens) that are matched."""

WINDOW = 48
"""Most tokens that are skipped to find where two longer sequences go on alike."""

RUN = 3
"""Tokens that must be equal there."""

Block = tuple[int, int, int, int]
"""Left start, left stop, right start, right stop."""


def blocks(left: tuple[str, ...], right: tuple[str, ...]) -> list[Block]:
    """Return the blocks in which two sequences differ, in order."""
    start, stop = 0, min(len(left), len(right))
    while start < stop and left[start] == right[start]:
        start += 1
    tail = 0
    while tail < stop - start and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    ours, theirs = left[start : len(left) - tail], right[start : len(right) - tail]
    if not ours and not theirs:
        return []
    if min(len(ours), len(theirs)) <= 1 or _is_swap(ours, theirs):
        if min(len(ours), len(theirs)) == 1 and max(len(ours), len(theirs)) > 1:
            return _around_one(ours, theirs, start)
        return [(start, start + len(ours), start, start + len(theirs))]
    if len(ours) * len(theirs) > BOUND:
        return _in_step(ours, theirs, start)
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    return [
        (start + a, start + b, start + c, start + d)
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]


def _is_swap(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    return len(ours) == len(theirs) == 2 and ours == theirs[::-1]


def _around_one(ours: tuple[str, ...], theirs: tuple[str, ...], start: int) -> list[Block]:
    """Return the blocks where one side is a single token, which the other may hold."""
    single, many = (ours[0], theirs) if len(ours) == 1 else (theirs[0], ours)
    if single not in many:
        return [(start, start + len(ours), start, start + len(theirs))]
    at = many.index(single)
    if len(ours) == 1:
        found = [(start, start, start, start + at), (start + 1, start + 1, start + at + 1, start + len(many))]
    else:
        found = [(start, start + at, start, start), (start + at + 1, start + len(many), start + 1, start + 1)]
    return [block for block in found if block[0] != block[1] or block[2] != block[3]]


def _in_step(ours: tuple[str, ...], theirs: tuple[str, ...], start: int) -> list[Block]:
    """Return the blocks of long sequences: walk in step, and look near by for where both go on alike."""
    found: list[Block] = []
    a = c = 0
    while a < len(ours) and c < len(theirs):
        if ours[a] == theirs[c]:
            a, c = a + 1, c + 1
            continue
        skip = _next_common(ours, theirs, a, c)
        if skip is None:
            break
        found.append((start + a, start + a + skip[0], start + c, start + c + skip[1]))
        a, c = a + skip[0], c + skip[1]
    if a < len(ours) or c < len(theirs):
        found.append((start + a, start + len(ours), start + c, start + len(theirs)))
    return found


def _next_common(ours: tuple[str, ...], theirs: tuple[str, ...], a: int, c: int) -> tuple[int, int] | None:
    """Return how many tokens to skip on each side until both have the same run of tokens."""
    for both in range(1, WINDOW):
        for left in range(both + 1):
            mine = ours[a + left : a + left + RUN]
            if mine and mine == theirs[c + both - left : c + both - left + RUN]:
                return left, both - left
    return None
