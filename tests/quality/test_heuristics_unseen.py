"""Recall and precision on 450 prompts and responses that were written before any of them was measured.

`heuristics_unseen.jsonl` holds, for each kind of fault, 25 records with it and 25 that only look like it,
half of them Chinese. A hash parts it in two: only the errors on "tune" were read while the rules were
refined, and "frozen" says whether that carried over. One author wrote the texts and refined the rules, so
the numbers are an upper bound for other people's texts. The floors lie a little below what is reached.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from quality.heuristics import Findings, examine

SEED = "7"
THINGS = {"image", "audio", "web_page"}
RECALL = {
    "image": 0.80,
    "audio": 0.92,
    "web_page": 0.92,
    "refusal": 0.88,
    "placeholder": 0.96,
    "merged": 0.84,
    "echo": 0.76,
    "repetition": 0.96,
    "symbols": 0.88,
}
PRECISION = 0.95
FROZEN_RECALL = 0.85
FROZEN_PRECISION = 0.97


def kinds(found: Findings) -> set[str]:
    """Return the faults of a record at the default thresholds of the stage."""
    shares = {"repetition": found.repetition > 0.8 or found.repeated_lines > 0.8 or found.loop > 0.33}
    marks = {
        "refusal": bool(found.refusal) and found.refusal_help <= 80,
        "placeholder": bool(found.placeholder),
        "merged": bool(found.merged),
        "echo": found.echo > 0.9 and not found.copy_asked,
        "repetition": shares["repetition"] and not found.repetition_asked,
        "symbols": found.symbol_ratio > 0.3 and not found.symbols_asked,
        "unclosed_fence": found.unclosed_fence,
    }
    return {name for name, is_so in marks.items() if is_so} | ({found.needs} - {""})


def half(record: dict[str, str]) -> str:
    key = "\x1f".join([SEED, record["instruction"], record["input"], record["output"]])
    return ("tune", "frozen")[hashlib.sha256(key.encode()).digest()[0] & 1]


@cache
def counts() -> Counter[tuple[str, str, str]]:
    """Return how often (half, kind, outcome) occurred; a trap that trips any test is that test's error."""
    found: Counter[tuple[str, str, str]] = Counter()
    path = Path(__file__).with_name("heuristics_unseen.jsonl")
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        kind, at = record["kind"], half(record)
        said = kinds(examine(record["instruction"], record["input"], record["output"]))
        if record["fault"]:
            found[at, kind, "hit" if kind in said else "miss"] += 1
            said = (said & THINGS) - {kind} if kind in THINGS else set()
        for wrong in said:
            found[at, wrong, "false"] += 1
    return found


def total(kind: str, outcome: str, halves: tuple[str, ...] = ("tune", "frozen")) -> int:
    return sum(counts()[at, kind, outcome] for at in halves)


@pytest.mark.parametrize("kind", RECALL)
def test_every_kind_has_25_faults(kind: str) -> None:
    assert total(kind, "hit") + total(kind, "miss") == 25


@pytest.mark.parametrize(("kind", "floor"), RECALL.items())
def test_recall_and_precision_of_a_kind_stay_above_their_floors(kind: str, floor: float) -> None:
    hit = total(kind, "hit")
    assert hit / 25 >= floor
    assert hit / (hit + total(kind, "false")) >= PRECISION


def test_what_was_refined_on_one_half_holds_on_the_other() -> None:
    hit = sum(total(kind, "hit", ("frozen",)) for kind in RECALL)
    missed = sum(total(kind, "miss", ("frozen",)) for kind in RECALL)
    false = sum(total(kind, "false", ("frozen",)) for kind in [*RECALL, "unclosed_fence"])
    assert hit / (hit + missed) >= FROZEN_RECALL
    assert hit / (hit + false) >= FROZEN_PRECISION
