"""What a recipe adds to the detectors: patterns of its own, values that always go, values that always stay.

Patterns are RE2's. It matches in time linear in the text whatever the pattern, and refuses what that is
impossible for (back-references, look-arounds), so no pattern can hang a build; where a look-around would have
served, the group says what of the match is personal. Rejected: Python's `re` with a hostile probe (it proves
nothing about the next text), and a time limit (what is found would depend on the machine).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from quality.pii import Span

DENIED, PATTERN = 3.0, 2.0
"""Scores above all that a detector gives: the recipe knows best."""

_MOST_MEMORY = 16 << 20


class PatternError(ValueError):
    """A pattern that cannot be used, and why."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """Return a pattern of a recipe, ready to search.

    Raises:
        PatternError: it is no RE2 pattern, has several groups, or matches nothing at all.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        ready = re2.compile(pattern, options=options)
    except re2.error as error:
        said = error.args[0]
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise PatternError(
            f"does not compile: {why} (RE2 syntax, which cannot backtrack: no look-arounds and no "
            "back-references; put what is personal into a group instead)"
        ) from None
    if ready.groups > 1:
        raise PatternError(
            f"has {ready.groups} groups; one says what is personal, write (?:…) for the others"
        )
    if ready.match("") is not None:
        raise PatternError("matches the empty text, so it would match everywhere")
    return ready


def pattern_spans(text: str, patterns: Mapping[str, Sequence[str]]) -> list[Span]:
    """Return what the patterns of each kind match: the group, if there is one and it took part."""
    found = []
    for kind, listed in patterns.items():
        for pattern in listed:
            ready = compiled(pattern)
            for match in ready.finditer(text):
                start, end = match.span(1) if ready.groups and match.group(1) else match.span()
                if end > start:
                    found.append(Span(start, end, kind, PATTERN, "pattern"))
    return found


def folded(text: str) -> str:
    """Return a value as the lists compare it: without case, width and doubled blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@lru_cache(maxsize=32)
def _denied(values: tuple[str, ...]) -> re.Pattern[str]:
    parts = []
    for value in sorted(values, key=len, reverse=True):
        words = r"\s+".join(map(re.escape, value.split()))
        before = "(?<![A-Za-z0-9])" if value.strip()[0].isascii() and value.strip()[0].isalnum() else ""
        after = "(?![A-Za-z0-9])" if value.strip()[-1].isascii() and value.strip()[-1].isalnum() else ""
        parts.append(f"{before}{words}{after}")
    return re.compile("|".join(parts), re.IGNORECASE)


def denied_spans(text: str, deny: Mapping[str, tuple[str, ...]]) -> list[Span]:
    """Return where the values stand that always go, whatever their case and blanks, as words of their own."""
    return [
        Span(*match.span(), kind, DENIED, "deny")
        for kind, values in deny.items()
        for match in _denied(values).finditer(text)
    ]
