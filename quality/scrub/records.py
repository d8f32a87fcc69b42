"""Takes the personal data out of records: what is found is replaced until a second look finds nothing.

A replacement may lay open, or stand beside, something a detector sees only now; so each record is looked at again
until all that is found lies within tags, masks and surrogates. Every round leaves fewer foreign letters and
digits, so it ends, and a second scrub of the result changes nothing, whatever the detectors do. What is found in
one text of a record is looked for letter by letter in its other texts, where the words that gave it away may be
missing. Rejected: one pass and the hope that nothing new appears; replacing names one by one in the order they
come, so that texts disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from quality.pii import KINDS, Span
from quality.scrub.custom import DENIED, PATTERN, folded
from quality.scrub.places import Mark, covered, cut, merged, placed, without
from quality.scrub.surrogates import HAVE_SURROGATES, surrogate, surrogates_in
from quality.scrub.tags import Stretch, masked, tag, tags_in
from quality.scrub.values import elsewhere

Manner = Literal["tag", "pseudonym", "mask", "drop_record"]
Shown = tuple[str, str]
"""What a reader sees before a text (the key of a value, or nothing), and the text."""
Detect = Callable[[Sequence[Shown]], Sequence[Sequence[Span]]]
"""Finds the spans of texts; they may overlap."""

_MOST_ROUNDS = 24


@dataclass(frozen=True, slots=True)
class Policy:
    """What replaces what.

    Attributes:
        manners: by kind; a kind that is not listed is replaced by its tag.
        key: of the surrogates; needed if any kind has them.
        allow: values that stay, folded.
        own_kinds: kinds that the recipe made up.
    """

    manners: Mapping[str, Manner]
    key: bytes = b""
    allow: Collection[str] = frozenset()
    own_kinds: Collection[str] = frozenset()

    def manner(self, kind: str) -> Manner:
        """Return how a kind is replaced."""
        return self.manners.get(kind, "tag")

    def replacement(self, kind: str, text: str) -> str:
        """Return what stands where an entity stood."""
        match self.manner(kind):
            case "pseudonym":
                return surrogate(kind, text, self.key)
            case "mask":
                return masked(text)
        return tag(kind)

    def ours(self, text: str) -> tuple[list[Stretch], list[Stretch]]:
        """Return where tags stand; and where surrogates stand."""
        kinds = [kind for kind, manner in self.manners.items() if manner == "pseudonym"]
        made = surrogates_in(text, [kind for kind in kinds if kind in HAVE_SURROGATES])
        return tags_in(text, {*KINDS, *self.own_kinds}), made


@dataclass(slots=True)
class Scrubbed:
    """One record's texts after the scrub, and what stands in them now that did not before."""

    texts: list[str]
    marks: list[list[Mark]]
    before: list[str]

    def shown(self) -> list[Shown]:
        """Return the texts as they are now, with what a reader sees before them."""
        return list(zip(self.before, self.texts, strict=True))

    def kinds(self) -> list[str]:
        """Return the kinds that were replaced, in the order of `KINDS`, a recipe's own last."""
        found = {mark.kind for marks in self.marks for mark in marks}
        known = [kind for kind in KINDS if kind in found]
        return [*known, *sorted(found.difference(known))]

    def without(self, kinds: Collection[str]) -> list[str]:
        """Return the texts as they are before these kinds are replaced."""
        return [
            without(text, [m for m in marks if m.kind in kinds])
            for text, marks in zip(self.texts, self.marks, strict=True)
        ]


def scrub(records: Sequence[Sequence[Shown]], detect: Detect, policy: Policy) -> list[Scrubbed]:
    """Replace the personal data of records.

    Args:
        records: the texts of each, with what a reader sees before them.
        detect: the detectors; called with all texts that changed since it was last called.
        policy: what replaces what.
    """
    done = [
        Scrubbed([text for _, text in shown], [[] for _ in shown], [before for before, _ in shown])
        for shown in records
    ]
    open_ = list(range(len(done)))
    known: dict[Shown, Sequence[Span]] = {}
    for _ in range(_MOST_ROUNDS):
        every = (shown for n in open_ for shown in done[n].shown() if shown[1] and shown not in known)
        fresh = list(dict.fromkeys(every))
        known |= dict(zip(fresh, detect(fresh), strict=True))
        open_ = [n for n in open_ if _round(done[n], known, policy)]
        if not open_:
            break
    return done


def _round(record: Scrubbed, known: Mapping[Shown, Sequence[Span]], policy: Policy) -> bool:
    """Replace what was found in one record; return whether anything was foreign."""
    found = [
        _foreign(shown[1], known[shown], marks, policy) if shown[1] and known[shown] else []
        for shown, marks in zip(record.shown(), record.marks, strict=True)
    ]
    if not any(found):
        return False
    for n, spans in enumerate(elsewhere(record.texts, found)):
        if spans:
            found[n] = _foreign(record.texts[n], [*found[n], *spans], record.marks[n], policy)
    for n, spans in enumerate(found):
        if spans:
            record.texts[n], record.marks[n] = _replaced(record.texts[n], record.marks[n], spans, policy)
    return True


def _foreign(text: str, spans: Sequence[Span], marks: Sequence[Mark], policy: Policy) -> list[Span]:
    """Return the spans that hold a letter or digit that is neither ours nor allowed: disjoint, in order.

    Of spans that overlap, the surest gives the kind, and all of them the extent; half a tag is never left.
    """
    tags, made = policy.ours(text)
    whole = merged([*tags, *made, *((mark.start, mark.end) for mark in marks)], touching=False)
    tags, ours = merged(tags), merged([*tags, *made])
    wanted = []
    for span in spans:
        safe = tags if span.score in (DENIED, PATTERN) else ours
        allowed = span.score != DENIED and folded(text[span.start : span.end]) in policy.allow
        if not allowed and _is_foreign(text, span, safe):
            start, end = covered(span.start, span.end, whole)
            wanted.append(Span(start, end, span.kind, span.score, span.by))
    united: list[Span] = []
    for span in sorted(wanted):
        if united and span.start < united[-1].end:
            best = max(united[-1], span, key=lambda each: (each.score, each.end - each.start))
            last = united[-1]
            united[-1] = Span(last.start, max(last.end, span.end), best.kind, best.score, best.by)
        else:
            united.append(span)
    return united


def _is_foreign(text: str, span: Span, safe: Sequence[Stretch]) -> bool:
    at = span.start
    for start, end in cut(span.start, span.end, safe):
        if any(map(str.isalnum, text[at:start])):
            return True
        at = max(at, end)
    return any(map(str.isalnum, text[at : span.end]))


def _replaced(
    text: str, marks: Sequence[Mark], spans: Sequence[Span], policy: Policy
) -> tuple[str, list[Mark]]:
    """Return a text with the spans replaced, and all its marks.

    A surrogate that its neighbours make unrecognisable gives way to a tag, so that it is never taken for personal data.
    """
    written = [policy.replacement(span.kind, text[span.start : span.end]) for span in spans]
    new, found = placed(text, marks, spans, written)
    if any(policy.manner(span.kind) == "pseudonym" for span in spans):
        ours = merged([stretch for listed in policy.ours(new) for stretch in listed])
        lost = [
            policy.manner(mark.kind) == "pseudonym" and _is_foreign(new, mark.span, ours)
            for mark in found
            if mark.fresh
        ]
        if any(lost):
            for n, gone in enumerate(lost):
                if gone:
                    written[n] = tag(spans[n].kind)
            new, found = placed(text, marks, spans, written)
    return new, [mark.settled() for mark in found]
