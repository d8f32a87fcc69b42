"""Puts marks that a translator passes on in the place of what it may not see, and takes them back.

A rule-based translator is given names of people, which its grammar takes for nouns; a model is given short codes, which
its pieces spell letter by letter and copy. After the round trip each must stand there once, else the sentence is not
used. Rejected: translating protected places and mending them afterwards (a URL in Spanish is no URL), and
marks of punctuation (models drop them, Apertium's format means something by them).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.augment.protect import Protected, Span

NAMES = (
    "Alberto",
    "Ricardo",
    "Eduardo",
    "Fernando",
    "Francisco",
    "Antonio",
    "Roberto",
    "Vicente",
    "Sergio",
    "Javier",
)
CODES = tuple(f"Q{number}Z" for number in range(1, 60))
"""Capital, digit, capital: no word of any language, and rarely split otherwise than letter by letter."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A sentence with marks.

    Attributes:
        text: what the translator is given.
        marks: what each mark stands for.
        held: the stretches of `text` that may not change: marks, and protected places that stay visible.
    """

    text: str
    marks: tuple[tuple[str, str], ...]
    held: tuple[tuple[int, int], ...]

    def holds(self, start: int, stop: int) -> bool:
        """Tell whether a stretch of the text touches one that may not change."""
        return any(start < end and begin < stop for begin, end in self.held)


def mask(
    protected: Protected, start: int, stop: int, marks: Collection[str], hidden: Collection[str]
) -> Masked | None:
    """Return a sentence with a mark for each protected place of the hidden kinds; None if the marks do not suffice.

    Args:
        protected: the text.
        start: of the sentence.
        stop: of the sentence.
        marks: to choose from; one that stands in the text is passed over.
        hidden: the kinds (of `protect.KINDS`) that the translator may not see.
    """
    whole = protected.text
    free = iter([name for name in marks if name not in whole])
    pieces: list[str] = []
    used: list[tuple[str, str]] = []
    held: list[tuple[int, int]] = []
    at, size = start, 0
    for span in _within(protected, start, stop):
        pieces.append(whole[at : span.start])
        size += span.start - at
        text = whole[span.start : span.stop]
        if span.kind in hidden:
            name = next(free, None)
            if name is None:
                return None
            used.append((name, text))
            text = name
        pieces.append(text)
        held.append((size, size + len(text)))
        size += len(text)
        at = span.stop
    pieces.append(whole[at:stop])
    return Masked("".join(pieces), tuple(used), tuple(held))


def unmask(text: str, marks: tuple[tuple[str, str], ...]) -> str | None:
    """Return a text with what its marks stand for; None unless each mark stands in it exactly once."""
    if not marks:
        return text
    originals = dict(marks)
    pattern = re.compile("|".join(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])" for name in originals))
    if sorted(pattern.findall(text)) != sorted(originals):
        return None
    return pattern.sub(lambda match: originals[match[0]], text)


def _within(protected: Protected, start: int, stop: int) -> list[Span]:
    """Return the protected places of a stretch, cut at its edges."""
    return [
        Span(max(span.start, start), min(span.stop, stop), span.kind)
        for span in protected.spans
        if span.start < stop and span.stop > start
    ]
