"""How well a build told rewrites from look-alikes, read from what it dropped and in favour of what.

A rewrite is found when a chain of drops that passes no look-alike joins it with its base. A look-alike is merged when
it was dropped naming a record of another class, or a record of another class was dropped naming it: its base, a
rewrite of the base, another look-alike. Bases that are duplicates of each other in truth (real corpora have some) are
one class where the build joined them, and no fault is found with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from tests.rewrites import Truth


@dataclass(frozen=True, slots=True)
class Score:
    """Of how many records of one rule and language something is true: found, or merged."""

    hits: int
    of: int

    @property
    def share(self) -> float:
        return self.hits / self.of if self.of else 0.0


def drops_of(build: Path) -> dict[int, tuple[int, ...]]:
    """Return for the place of every dropped record the places of those its ledger rows name.

    Args:
        build: a finished build of one JSONL file, in which record i stands on line i + 1.

    Raises:
        AssertionError: a record was rejected, edited in its texts or dropped for no duplicate.
    """
    places = {
        row["id"]: row["line"] - 1
        for row in pq.read_table(build / "records.parquet", partitioning=None).to_pylist()
    }
    drops: dict[int, tuple[int, ...]] = {}
    for row in pq.read_table(build / "ledger.parquet").to_pylist():
        if row["action"] != "drop":
            continue
        evidence = orjson.loads(row["evidence"])
        named = [evidence[name] for name in ("kept", "exact_twin") if evidence.get(name)]
        assert named, f"dropped, and names none: {row['reason']}"
        drops[places[row["id"]]] = tuple(places[one] for one in named)
    return drops


def judged(truth: Sequence[Truth], drops: Mapping[int, Sequence[int]]) -> tuple[set[int], set[int]]:
    """Return the rewrites found and the look-alikes merged, as places."""
    above = list(range(len(truth)))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    edges = [(dropped, named) for dropped, others in drops.items() for named in others]
    for left, right in edges:
        if "look_alike" not in (truth[left].kind, truth[right].kind):
            above[top(left)] = top(right)
    found = {
        place for place, told in enumerate(truth) if told.kind == "rewrite" and top(place) == top(told.base)
    }
    merged: set[int] = set()
    for left, right in edges:
        alike = [place for place in (left, right) if truth[place].kind == "look_alike"]
        twins = top(truth[left].base) == top(truth[right].base) and truth[left].base != truth[right].base
        if not (twins and len(alike) == 2 and truth[left].rule == truth[right].rule):
            merged.update(alike)
    return found, merged


def by_rule(truth: Sequence[Truth], found: set[int], merged: set[int]) -> dict[tuple[str, str, str], Score]:
    """Return the score of every (kind, rule, language), and of (kind, "all", language)."""
    hits: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for place, told in enumerate(truth):
        if told.kind != "base":
            for rule in (told.rule, "all", f"all, {told.response} response"):
                hits[told.kind, rule, told.lang].append(
                    place in (found if told.kind == "rewrite" else merged)
                )
    return {key: Score(sum(values), len(values)) for key, values in hits.items()}


def table(columns: Mapping[str, Mapping[tuple[str, str, str], Score]]) -> str:
    """Return the scores of several methods side by side: a line a rule, a column a method and language."""
    rules = dict.fromkeys((kind, rule) for scores in columns.values() for kind, rule, _ in sorted(scores))
    head = [f"{name} {lang}" for name in columns for lang in ("en", "zh")]
    lines = [f"{'':37}" + "".join(f"{one:>20}" for one in head)]
    for kind, rule in sorted(rules, key=lambda one: (one[0], one[1].startswith("all"), one[1])):
        if kind == "rewrite" and rule.startswith("all,"):
            continue
        cells = []
        for scores in columns.values():
            for lang in ("en", "zh"):
                score = scores.get((kind, rule, lang), Score(0, 0))
                cells.append(
                    f"{score.hits:>8}/{score.of:<4} {score.share:6.1%}" if score.of else " " * 19 + "-"
                )
        lines.append(f"{kind:10} {rule:26}" + "".join(cells))
    return "\n".join(lines)
