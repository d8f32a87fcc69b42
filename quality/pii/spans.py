"""What a recogniser finds: a span of a text, its kind, and how sure it is; and how spans that overlap are settled.

Recognisers are functions from a text to spans, each with a cheap trigger, so that a text without a sign of a kind costs
one search. Rejected: classes with state and a pipeline of language tokens, which cost every text what few need.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Final

KINDS: Final = {
    "email": "an e-mail address",
    "phone": "a telephone number, with its extension",
    "name": "the name of a person",
    "address": "a postal address or another place narrow enough to visit",
    "cn_id": "a Chinese identity number",
    "passport": "a passport or travel permit number",
    "credit_code": "a Chinese unified social credit code",
    "bank_card": "a bank card or account number",
    "iban": "an international bank account number",
    "ssn": "a US social security number",
    "licence": "a driving licence, medical record or insurance number",
    "plate": "a number plate",
    "ip": "an IP address",
    "mac": "a MAC address",
    "url_credentials": "a URL that holds credentials",
    "secret": "an API key, token, password or private key",
    "handle": "an account name: QQ, WeChat, @name, a profile's address",
    "birth_date": "a date of birth",
    "coordinates": "latitude and longitude",
}
"""The kinds of personal data, and what each is called in messages. `benchmarks/truth/pii_rule.md` tells them apart."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One stretch of a text that is personal data.

    Attributes:
        start: first character (code points).
        end: one past the last character.
        kind: a key of `KINDS`, or the name of a recipe's own pattern.
        score: how sure the recogniser is, 0 to 1; decides between spans that overlap.
        by: the recogniser's name.
    """

    start: int
    end: int
    kind: str
    score: float
    by: str


_START: Final = attrgetter("start")

Recogniser = Callable[[str], Iterable[Span]]
"""Finds the spans of its kinds in a text; linear in its length, whatever the text holds."""


def settle(spans: Iterable[Span]) -> list[Span]:
    """Return spans that do not overlap, in order: the surest wins, then the longer, then the earlier.

    A span of the same kind that overlaps the winner widens it, so that no part of a value is left standing.
    """
    apart = sorted(spans, key=_START)
    # Most texts have a few spans that lie apart: nothing to settle. An empty one lies inside whatever begins there.
    if all(span.end <= after.start and span.start < span.end for span, after in pairwise(apart)):
        return apart
    return settle_overlapping(apart)


def settle_overlapping(spans: Iterable[Span]) -> list[Span]:
    """Return what `settle` does, for spans of which some may overlap."""
    ranked = sorted(spans, key=lambda s: (-s.score, s.start - s.end, s.start, s.kind, s.by))
    kept: list[Span] = []  # in order, so that neighbours alone can clash: a text may hold very many spans
    for span in ranked:
        low = high = bisect_left(kept, span.start, key=lambda other: other.end - 1)
        while high < len(kept) and kept[high].start < span.end:
            high += 1
        if low == high:
            kept.insert(low, span)
        elif high - low == 1 and kept[low].kind == span.kind:
            other = kept[low]
            start, end = min(span.start, other.start), max(span.end, other.end)
            free = (not low or kept[low - 1].end <= start) and (high == len(kept) or end <= kept[high].start)
            if free:
                kept[low] = Span(start, end, other.kind, other.score, other.by)
    return kept
