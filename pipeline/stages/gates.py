"""Gates: the words in which a stage condemns a record, and in which it speaks of the dataset as a whole.

A record gate holds a number of one record against a limit and drops the record, flags it for people, or only leaves
the number beside it. A dataset gate says whether the whole set holds; nobody is dropped for it, but a strict build ends
with its own exit code. What could not be measured is neither held nor fallen short: it is `not measured`, which
satisfies no gate. Rejected: one class for both (a set has no id, a record no exit code).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.change import Changes, Scalar

GateAction: TypeAlias = Literal["drop", "flag", "measure"]
"""What a record gate does: drop the record, flag it for the review queue, or only keep the number."""

DIGITS = 4
"""Digits after the point of a value in evidence; what is finer than that is nobody's reason."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit that records were held against.

    Args:
        measure: the column of records.parquet that it limits.
        low, high: the least and the greatest value that pass; None where that side is open.
        action: what happens to a record beyond it.
        group: the value of `lang` that it holds for; "" for all.
        why: one line for the reader.
    """

    measure: str
    low: float | None
    high: float | None
    action: GateAction
    group: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class DatasetGate:
    """What a stage says of the dataset as a whole.

    Args:
        name: of the gate, as the report shows it.
        value: what was measured; None if it could not be.
        threshold: what it is held against.
        at_least: whether the value must reach the threshold, or must not pass it.
        sentence: what was measured and what is missing, for a reader who knows neither.
        required: whether a strict build also ends with its exit code where it could not be measured.
    """

    name: str
    value: float | None
    threshold: float
    at_least: bool
    sentence: str
    required: bool = False

    @property
    def held(self) -> bool | None:
        """Whether the set holds; None where it was not measured, which is not the same as holding."""
        if self.value is None:
            return None
        return self.value >= self.threshold if self.at_least else self.value <= self.threshold


@dataclass(frozen=True, slots=True)
class Excess:
    """One number of one record that lies beyond its limit.

    Args:
        reason: `gate.<measure>.<what>`.
        action: what the recipe wants done.
        measure, value, threshold: which number, what it is, and the limit.
        evidence: what a person needs to check it: offsets, ids, names of rules; never text.
    """

    reason: str
    action: GateAction
    measure: str
    value: float
    threshold: float
    evidence: tuple[tuple[str, Scalar], ...] = ()


def reached(changes: Changes, id_: str, found: Sequence[Excess]) -> None:
    """Write what a gate found on one record: the first that drops it, or else a flag for each that flags it."""
    dropping = next((one for one in found if one.action == "drop"), None)
    if dropping is not None:
        changes.drop(id_, dropping.reason, _evidence(dropping))
        return
    for one in found:
        if one.action == "flag":
            changes.flag(id_, one.reason, _evidence(one))


def _evidence(one: Excess) -> dict[str, Scalar]:
    told: dict[str, Scalar] = {
        "measure": one.measure,
        "value": round(one.value, DIGITS),
        "threshold": round(one.threshold, DIGITS),
    }
    return told | dict(one.evidence)
