"""Finds in one text of a record what was found in another: the same letters, as a word of its own.

"Regards, Jo Fenwick" gives a name away, "Jo Fenwick wrote" may not. Only what is long enough to be no word by
accident is looked for: a single given name (Will, Mark, Grace) stays with what the detectors say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from quality.pii import Span
from quality.pii.lexicon_en import GIVEN, PROPER, WORD, role_of
from quality.scrub.words import is_han

_LEAST = 5
SAME_RECORD = "same_record"
_SCORE = 0.01
_FEW = 16
_HEAD = 2  # no value is shorter


def elsewhere(texts: Sequence[str], found: Sequence[Sequence[Span]]) -> list[list[Span]]:
    """Return for each text where values stand that were found in any text of the record."""
    values: dict[str, str] = {}
    for text, spans in zip(texts, found, strict=True):
        for span in spans:
            value = text[span.start : span.end]
            if _is_telling(value, span.kind):
                values.setdefault(value, span.kind)
    return [list(_places(text, values)) if text else [] for text in texts]


def _is_telling(value: str, kind: str) -> bool:
    if kind != "name":
        return len(value) >= _LEAST
    if is_han(value):
        return len(value) >= 2
    return len(value.split()) > 1 or _is_given_name(value)


def _is_given_name(value: str) -> bool:
    """Tell whether a word is a given name and nothing else: Mary, not Will, Mark or Paris."""
    role = role_of(value)
    return len(value) > 2 and value[0].isupper() and bool(role & GIVEN) and not role & (WORD | PROPER)


def _places(text: str, values: dict[str, str]) -> Iterator[Span]:
    found = _each(text, values) if len(values) <= _FEW else _together(text, values)
    for at, value in found:
        end = at + len(value)
        if _is_apart(text[at - 1 : at], value[0]) and _is_apart(text[end : end + 1], value[-1]):
            yield Span(at, end, values[value], _SCORE, SAME_RECORD)


def _each(text: str, values: Iterable[str]) -> Iterator[tuple[int, str]]:
    for value in values:
        at = text.find(value)
        while at >= 0:
            yield at, value
            at = text.find(value, at + len(value))


def _together(text: str, values: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Look for many values at once: one step a character, whatever their number."""
    by_head: dict[str, set[int]] = {}
    for value in values:
        by_head.setdefault(value[:_HEAD], set()).add(len(value))
    known = set(values)
    for at in range(len(text)):
        for length in by_head.get(text[at : at + _HEAD], ()):
            if (value := text[at : at + length]) in known:
                yield at, value


def _is_apart(neighbour: str, edge: str) -> bool:
    joined = neighbour.isascii() and neighbour.isalnum() and edge.isascii() and edge.isalnum()
    return not joined
