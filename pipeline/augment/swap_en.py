"""Pairs of an English sentence whose sides may change places: `between A and B`, `as A or B?`.

A pair is one only where its outer edges are known: a preposition or verb before, a mark or a new phrase after, and both
sides built alike. Rejected: any `and` between two nouns (`rock and pop music` is no `pop and rock music` for sure).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.augment.protocol import Passage
from pipeline.augment.sentences import Sentence
from pipeline.augment.swap_table import Edit, Table

_SIDE = r"(?:(?:an?|the|my|your) )?[a-z][\w'’-]*(?: (?!and\b|or\b)[a-z][\w'’-]*)?"
_PAIR = re.compile(
    rf"(?P<before>\b(?:between|of|about|for|as|into|are|is|either|on|with|to be|from|in|including|whether|like) )"
    rf"(?P<a>{_SIDE}) (?P<word>and|or) (?P<b>{_SIDE})"
    r"(?=$|[,.;:?!)]| (?:in|for|to|that|which|are|is|on|during|at|when|if|based|using)\b)"
)
_BETWEEN = re.compile(
    r"\b(?:differences?|similarit(?:y|ies)|comparison|relationship|distinction|connection) between "
    r"(?P<a>[^,;:?]{2,60}?) (?P<word>and) (?P<b>[^,;:?]{2,60})$",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:both|neither|none|all|either|that|which|who|are|is|can|it|its|it's|they|them|their|one|ones|other|another|others|vice|then|so|not|how|why|what)\b",
    re.IGNORECASE,
)
_ADJECTIVE = re.compile(r"(?:al|ive|ic|ous|ary|ern|ed|ing|ble|ent|ant)$")
"""Of the first of two sides: its noun may stand after the second (`the traditional and the digital classroom`)."""

_LOOSE = frozenset(["of", "about", "for", "on", "with", "from", "in", "like"])


def pairs(sentence: Sentence, passage: Passage, table: Table) -> Iterator[Edit]:
    """Yield the pairs of an English sentence, changed over."""
    words = sentence.words
    if words.count(" and ") + words.count(" or ") > 2:
        return
    between = _BETWEEN.search(words)
    if between is not None:
        yield from _between(between, sentence, table)
        return
    for match in _PAIR.finditer(words):
        a, b = match["a"], match["b"]
        start, stop = sentence.start + match.start("a"), sentence.start + match.end("b")
        if _fixed(a, b, table) or not _alike(a, b) or passage.protected.holds(start, stop):
            continue
        before = match["before"].strip().lower()
        if match["word"] == "and" and words[match.end() :].startswith((" is ", " are ")):
            continue
        if before in _LOOSE and " " in a and not _led(a):
            continue
        if (match["word"] == "and" and before in ("is", "are", "whether")) or words[
            : match.start("a")
        ].endswith(", "):
            continue
        yield start, stop, f"{b} {match['word']} {a}"


def _between(match: re.Match[str], sentence: Sentence, table: Table) -> Iterator[Edit]:
    a, b = match["a"], match["b"]
    b = re.split(
        r" (?=(?:in|for|when|with|on|at|as|during|within|from|to|if|that|and|or|by)\b)", b, maxsplit=1
    )[0]
    if " and " in a or "," in a or _fixed(a, b, table) or _POINTS.search(a) or _POINTS.search(b):
        return
    if (
        _led(a) != _led(b)
        or len(a.split()) > 5
        or len(b.split()) > 5
        or (" " in b and " " not in a and not _led(b))
    ):
        return
    if len(b.split()) > len(a.split()) and _ADJECTIVE.search(a):
        return
    start = sentence.start + match.start("a")
    yield start, sentence.start + match.start("b") + len(b), f"{b} and {a}"


def _led(side: str) -> bool:
    return bool(re.match(r"(?:an?|the|my|your|using|being|\w+ing) ", side, re.IGNORECASE))


def _alike(a: str, b: str) -> bool:
    """Tell whether two sides are built alike: as many words, both with an article or neither."""
    articles = {side.split(" ", 1)[0].lower() for side in (a, b)} & {"a", "an", "the", "my", "your"}
    done = [side.endswith("ed") for side in (a, b)]
    if {"the"} < articles or done[0] != done[1]:
        return False
    return _led(a) == _led(b) and len(a.split()) == len(b.split()) and not _POINTS.search(f"{a} {b}")


def _fixed(a: str, b: str, table: Table) -> bool:
    one, two = (re.sub(r"^(?:an?|the) ", "", side.lower()) for side in (a, b))
    return one == two or f"{one} {two}" in table.fixed
