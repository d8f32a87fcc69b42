"""What a step is: a pure function from a text, and what its record is about, to a `Repair`.

A step says how often it repaired what, never where: a change shows the text before and after. Rejected: a
class for each step (none has a state) and offsets (each step would have to carry those of the steps before).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from quality.normalise.subject import Subject


@dataclass(frozen=True, slots=True)
class Repair:
    """A text after one step, and how often each thing was repaired (empty: nothing was)."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)


Step: TypeAlias = Callable[[str, Subject], Repair]
