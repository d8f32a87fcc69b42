"""Where in a text what was replaced: marks, and how they move when more is replaced."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from quality.pii import Span
from quality.scrub.tags import Stretch


@dataclass(frozen=True, slots=True)
class Mark:
    """One replaced stretch of the present text.

    Attributes:
        start: first character of what stands there now.
        end: one past the last.
        kind: what it was.
        by: the recogniser that found it.
        raw: what stood there; never leaves the memory of the worker.
        fresh: whether it was made in this round.
    """

    start: int
    end: int
    kind: str
    by: str
    raw: str
    fresh: bool = False

    @property
    def span(self) -> Span:
        """The mark as a span."""
        return Span(self.start, self.end, self.kind, 1.0, self.by)

    def settled(self) -> Mark:
        """Return the mark as one of an earlier round."""
        return replace(self, fresh=False) if self.fresh else self


def merged(stretches: Iterable[Stretch], touching: bool = True) -> list[Stretch]:
    """Return disjoint stretches in order; those that overlap (or touch) become one."""
    united: list[Stretch] = []
    for start, end in sorted(stretches):
        if united and (start < united[-1][1] or (touching and start == united[-1][1])):
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((start, end))
    return united


def cut(start: int, end: int, stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """Yield those of disjoint, ordered stretches that share a character with this one."""
    for at in range(bisect_right(stretches, start, key=itemgetter(1)), len(stretches)):
        if stretches[at][0] >= end:
            return
        yield stretches[at]


def covered(start: int, end: int, stretches: Sequence[Stretch]) -> Stretch:
    """Return a stretch widened over those of disjoint, ordered ones that it cuts through."""
    touched = list(cut(start, end, stretches))
    return (min(start, touched[0][0]), max(end, touched[-1][1])) if touched else (start, end)


def placed(
    text: str, marks: Sequence[Mark], spans: Sequence[Span], written: Sequence[str]
) -> tuple[str, list[Mark]]:
    """Write something in the place of each span.

    Args:
        text: the present text, with `marks` in order.
        spans: disjoint, in order; a mark that one touches becomes part of what it replaces.
        written: what stands there afterwards, one a span.

    Returns:
        the new text and its marks in order.
    """
    parts: list[str] = []
    new: list[Mark] = []
    at = shift = number = 0
    for span, words in zip(spans, written, strict=True):
        inside = []
        while number < len(marks) and marks[number].start < span.end:
            mark = marks[number]
            if mark.end > span.start:
                inside.append(mark)
            else:
                new.append(replace(mark, start=mark.start + shift, end=mark.end + shift))
            number += 1
        raw = without(text, inside, span.start, span.end)
        parts += [text[at : span.start], words]
        new.append(
            Mark(span.start + shift, span.start + shift + len(words), span.kind, span.by, raw, fresh=True)
        )
        shift += len(words) - (span.end - span.start)
        at = span.end
    new += [replace(mark, start=mark.start + shift, end=mark.end + shift) for mark in marks[number:]]
    return "".join([*parts, text[at:]]), new


def without(text: str, marks: Sequence[Mark], start: int = 0, end: int | None = None) -> str:
    """Return a part of a text with what stood in the place of some marks."""
    parts = []
    at = start
    for mark in marks:
        parts += [text[at : mark.start], mark.raw]
        at = max(at, mark.end)
    return "".join([*parts, text[at:end]])
