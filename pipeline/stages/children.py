"""Which children stay: the limits of each beside its parent, then the others it may equal, then how many are wanted.

Children are walked in the order of their asks (a hash, see `augment`), so that what stays does not depend on the order
of records; one that equals another loses to the earlier ask. A group that wants a certain number stops there, and stops
before if a round of asks lost more children than it won: more of the same would be drawn from what is left.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.change import Changes, Scalar
from pipeline.stages.fidelity_params import FidelityParams
from pipeline.stages.gates import DIGITS, DatasetGate, Threshold
from pipeline.stages.protocol import Decision
from quality import perplexity

COLUMNS = ("augment_method", "augment_round", "augment_group", "augment_wanted", "augment_keeps")
NUMBERS = ("meaning", "similarity", "bertscore", "copy", "perplexity_factor")
"""What is measured of a child; kept as columns with `augment_` before them."""

_OF_DIFFERENCE = {
    "number": "number_changed",
    "unit": "number_changed",
    "negation": "negation_changed",
    "entity": "entity_changed",
}
_OF_LOST = {
    "code": "code_changed",
    "url": "code_changed",
    "placeholder": "code_changed",
    "quote": "entity_changed",
    "number": "number_changed",
    "name": "entity_changed",
}
_DUPLICATES = ("duplicate", "other_root", "other_split")

Told = tuple[str, dict[str, Scalar]]
"""Why a child goes: the reason after `augment.`, and the evidence."""


class Facts:
    """The columns of the decision; those that no stage decided are absent, and then there are no children."""

    def __init__(self, facts: pa.Table) -> None:
        self.rows: list[dict[str, Any]] = facts.select(
            [name for name in facts.column_names if not name.startswith("prompt_")]
        ).to_pylist()
        for row in self.rows:  # another encoder than the embedder, if the recipe names one
            row["bertscore"] = row.get("scorer_bertscore", row.get("bertscore"))
        self.is_child: NDArray[np.bool_] = np.array(
            [bool(row.get("augment_method")) for row in self.rows], bool
        )

    def children(self) -> list[int]:
        """Return the rows of the children in the order of their asks."""
        rows = np.flatnonzero(self.is_child).tolist()
        return sorted(rows, key=lambda n: (self.rows[n]["augment_round"], self.rows[n]["id"]))

    def order(self) -> NDArray[np.int64]:
        """Return int64 [facts]: each record's place, children last."""
        walk = [*np.flatnonzero(~self.is_child).tolist(), *self.children()]
        places = np.empty(len(walk), np.int64)
        places[walk] = np.arange(len(walk))
        return places


def judge(table: pa.Table, pairs: pa.Table | None, params: FidelityParams) -> Decision:
    """Return who stays.

    Args:
        table: `id`, root, split, `COLUMNS` and the numbers of every measure.
        pairs: rows of `table` that are alike, with what they differ in; None where there are none.
        params: the limits.
    """
    facts, changes = Facts(table), Changes()
    others = _others(pairs)
    groups = _Groups(facts)
    stays: set[int] = set()
    read = _characters(facts)
    fate: dict[str, Counter[str]] = defaultdict(Counter)
    for row in facts.children():
        one = facts.rows[row]
        if read[one["lang"]] < perplexity.MIN_CHARACTERS:
            one["perplexity_factor"] = None
        told = beyond(one, params) or _equals(row, facts, others[row], stays, params)
        told = groups.settled(one, told)
        fate[one["augment_method"]][told[0] if told else ""] += 1
        if told is None:
            stays.add(row)
        else:
            changes.drop(
                one["id"],
                f"augment.{told[0]}",
                {"method": one["augment_method"], "parent": one["root"], **told[1]},
            )
    columns = {"id": table.column("id")}
    for name in NUMBERS:
        values = [
            one.get(name) if child else None for one, child in zip(facts.rows, facts.is_child, strict=True)
        ]
        columns[f"augment_{name}"] = pa.array(values, pa.float64())
    return Decision(changes, pa.table(columns), _notes(fate, groups), _thresholds(params), groups.gates())


def _characters(facts: Facts) -> Counter[str]:
    """Return how many characters of prompts, children's left out, the model of n-grams has read in each language."""
    read: Counter[str] = Counter()
    for one, child in zip(facts.rows, facts.is_child, strict=True):
        read[one["lang"]] += 0 if child else one["characters"]
    return read


def beyond(one: dict[str, Any], params: FidelityParams) -> Told | None:
    """Return the first limit that a child does not keep beside its parent."""
    if one["copy"] is None:
        return "not_measured", {"missing": "parent"}
    if one["other_language"]:
        return "language", {"language": one["other_language"]}
    if one["augment_keeps"] != "same":
        return None
    if one["copy"] > params.max_copy:
        return "copy", _limit("copy", one["copy"], params.max_copy)
    if one["lost"]:
        return _OF_LOST[one["lost"]], {"kind": one["lost"]}
    meaning, similarity = one["meaning"], one["similarity"]
    if meaning is not None and meaning < params.min_meaning:
        reason = _OF_DIFFERENCE.get(one["meaning_difference"], "fidelity")
        return reason, _limit("meaning", meaning, params.min_meaning) | {
            "difference": one["meaning_difference"]
        }
    for name, value, least in (
        ("similarity", similarity, params.min_similarity),
        ("bertscore", one["bertscore"], params.min_bertscore),
    ):
        if value is not None and value < least:
            return "fidelity", _limit(name, value, least)
    if meaning is None and similarity is None:
        return "not_measured", {"missing": "meaning"}
    factor = one["perplexity_factor"]
    if factor is not None and factor > params.max_perplexity_factor:
        return "perplexity", _limit("perplexity_factor", factor, params.max_perplexity_factor)
    return None


def _limit(name: str, value: float, threshold: float) -> dict[str, Scalar]:
    return {"measure": name, "value": round(value, DIGITS), "threshold": round(threshold, DIGITS)}


def _others(pairs: pa.Table | None) -> dict[int, list[dict[str, Any]]]:
    """Return the pairs of each row."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for pair in pairs.to_pylist() if pairs is not None else []:
        found[pair["left"]].append(pair)
        found[pair["right"]].append(pair)
    return found


def _equals(
    row: int, facts: Facts, pairs: list[dict[str, Any]], stays: set[int], params: FidelityParams
) -> Told | None:
    """Return which record that stays a child equals, if it does: its parent is not asked, a copy is told by BLEU."""
    one = facts.rows[row]
    for pair in sorted(pairs, key=lambda pair: (pair["left"], pair["right"])):
        at = pair["right"] if pair["left"] == row else pair["left"]
        other = facts.rows[at]
        if facts.is_child[at] and at not in stays:
            continue
        reason = _reason(one, other, bool(facts.is_child[at]), pair)
        kinds = (
            ("bands", params.near_threshold),
            ("cosine", params.threshold),
            ("lexical", params.lexical_threshold),
        )
        for kind, least in kinds:
            score = pair.get(f"prompt_{kind}")
            same = not pair["differs"] or reason == "other_split" or (kind == "bands" and score == 1.0)
            if (
                reason
                and score is not None
                and score >= least
                and same
                and (kind == "bands" or reason != "duplicate")
            ):
                return reason, {"other": other["id"], **_limit(kind, score, least)}
    return None


def _reason(one: dict[str, Any], other: dict[str, Any], other_is_child: bool, pair: dict[str, Any]) -> str:
    """Return what it would be to equal this record: a twin of a brother, another root's request, or a leak."""
    if other["root"] != one["root"]:
        return "other_root" if other["split"] == one["split"] else "other_split"
    return "duplicate" if other_is_child else ""


class _Groups:
    """How many children each group wants, has won and lost, round by round."""

    def __init__(self, facts: Facts) -> None:
        children = [facts.rows[n] for n in facts.children()]
        self.wanted: dict[str, int] = {row["augment_group"]: row["augment_wanted"] for row in children}
        self.won: Counter[str] = Counter()
        self.stopped: dict[str, int] = {}
        self._round: dict[str, tuple[int, int, int]] = {}

    def settled(self, one: dict[str, Any], told: Told | None) -> Told | None:
        """Count a child, and return why it goes: what was told, or that its group wants no more."""
        group = one["augment_group"]
        wanted = self.wanted[group]
        if wanted < 0:
            self.won[group] += told is None
            return told
        number = int(one["augment_round"])
        last, won, lost = self._round.get(group, (number, 0, 0))
        if number != last:
            if lost > won and group not in self.stopped:
                self.stopped[group] = last + 1
            last, won, lost = number, 0, 0
        if told is None and group in self.stopped:
            told = ("stopped", {"group": group, "after_round": self.stopped[group]})
        elif told is None and self.won[group] >= wanted:
            told = ("surplus", {"group": group, "wanted": wanted})
        else:
            won, lost = won + (told is None), lost + (told is not None)
            self.won[group] += told is None
        self._round[group] = (last, won, lost)
        return told

    def gates(self) -> tuple[DatasetGate, ...]:
        """Return whether every group that shall grow has what it wants."""
        asked = {group: wanted for group, wanted in self.wanted.items() if wanted > 0}
        if not asked:
            return ()
        least, group = min((self.won[group] / wanted, group) for group, wanted in asked.items())
        told = f"{self.won[group]:,} of {asked[group]:,} children" + (
            f" in the group {group!r}" if group else ""
        )
        if group in self.stopped:
            told += f"; stopped after round {self.stopped[group]}, which lost more children than it won"
        return (DatasetGate("augmentation", round(least, DIGITS), 1.0, True, told),)


def _notes(fate: dict[str, Counter[str]], groups: _Groups) -> dict[str, str | int | float | bool | list[str]]:
    listed = []
    for method, counts in sorted(fate.items()):
        lost = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()) if reason)
        listed.append(f"{method}: {counts['']} of {counts.total()} stay" + (f"; {lost}" if lost else ""))
    notes: dict[str, str | int | float | bool | list[str]] = {"children": listed} if listed else {}
    if groups.stopped:
        notes["stopped"] = [
            f"{group or 'all'}: after round {n}" for group, n in sorted(groups.stopped.items())
        ]
    return notes


def _thresholds(params: FidelityParams) -> tuple[Threshold, ...]:
    return tuple(_limits(params))


def _limits(params: FidelityParams) -> Iterator[Threshold]:
    yield Threshold(
        "augment_meaning", params.min_meaning, None, "drop", why="below it a child says something else"
    )
    yield Threshold(
        "augment_similarity", params.min_similarity, None, "drop", why="below it a child has another topic"
    )
    yield Threshold(
        "augment_bertscore", params.min_bertscore, None, "drop", why="below it its words mean something else"
    )
    yield Threshold("augment_copy", None, params.max_copy, "drop", why="above it a child teaches nothing new")
    yield Threshold(
        "augment_perplexity_factor",
        None,
        params.max_perplexity_factor,
        "drop",
        why="above it a child reads worse",
    )
