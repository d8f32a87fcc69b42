"""A challenge of short texts that was written before the detectors were looked at: the held half guards their scores.

`challenge.jsonl` holds a text a line with its spans and whether it is held: half of the texts, by their hash, whose
errors are not read by whoever mends a detector. Values are invented. The floors lie a little below what the held half
reached after the errors of the open half were mended.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from quality.pii import KINDS, find

FILE: Final = Path(__file__).with_name("challenge.jsonl")
FLOORS: Final = {
    ("structured", "en"): 0.92,
    ("structured", "zh"): 0.97,
    ("address", "en"): 0.95,
    ("address", "zh"): 0.95,
    ("name", "en"): 0.91,
    ("name", "zh"): 0.81,
}
Marked = tuple[int, int, str]


def records(lang: str, *, held: bool) -> list[tuple[str, list[Marked]]]:
    lines = [json.loads(line) for line in FILE.read_text("utf-8").splitlines()]
    return [
        (line["text"], [(start, end, kind) for start, end, kind in line["spans"]])
        for line in lines
        if line["lang"] == lang and line["held"] is held
    ]


def group(kind: str) -> str:
    return kind if kind in ("name", "address") else "structured"


def overlap(one: Marked, other: Marked) -> float:
    """Return intersection over union, 0 for two kinds."""
    if one[2] != other[2]:
        return 0.0
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def f1(texts: list[tuple[str, list[Marked]]], wanted: str) -> float:
    """Return F1 of a group of kinds; a span is found when one of its kind covers half of both."""
    met = labelled = marked = 0
    for text, spans in texts:
        gold = [span for span in spans if group(span[2]) == wanted]
        left = [(s.start, s.end, s.kind) for s in find(text) if group(s.kind) == wanted]
        labelled += len(gold)
        marked += len(left)
        for span in gold:
            best = max(left, key=lambda other: overlap(span, other), default=None)
            if best is not None and overlap(span, best) >= 0.5:
                met += 1
                left.remove(best)
    return 2 * met / max(1, labelled + marked)


@pytest.mark.parametrize(("wanted", "lang"), sorted(FLOORS))
def test_the_held_half_is_found_as_well_as_before(wanted: str, lang: str) -> None:
    assert f1(records(lang, held=True), wanted) >= FLOORS[wanted, lang]


@pytest.mark.parametrize(("wanted", "lang"), sorted(FLOORS))
def test_the_open_half_is_found_almost_wholly(wanted: str, lang: str) -> None:
    assert f1(records(lang, held=False), wanted) >= 0.95


def test_the_spans_are_of_known_kinds_and_lie_in_their_texts() -> None:
    for lang in ("en", "zh"):
        for text, spans in records(lang, held=True) + records(lang, held=False):
            assert all(0 <= start < end <= len(text) and kind in KINDS for start, end, kind in spans)
            assert all(one[1] <= other[0] for one, other in pairwise(spans))
