"""Which of its numbers a pair needs: those that its decision can depend on, whatever the thresholds.

Two requests that name different things are no duplicates however alike their answers are, and to read two long
answers costs a thousand times what the requests cost. Each rule here follows from one in `duplicates.relate`, with
the least value that its threshold may have; a test draws pairs and thresholds and compares the decisions.
Rejected: leaving out what these thresholds do not reach; numbers are kept, and a threshold moves for free.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.stages.duplicates import LOOSE, NEARLY_ALL, PLACES, WORDING, Flags


class Needed:
    """What each of some pairs needs; all arguments are bool or float64 [pairs], as are all results.

    Args:
        differs: what the requests disagree on.
        same: nothing of their content differs.
        told: they hold the same topics in other words.
        jaccard: Jaccard similarity of the requests.
        close: some similarity of the requests may decide.
        judged: their cosine may.
    """

    def __init__(
        self,
        differs: Sequence[str],
        same: Flags,
        told: Flags,
        jaccard: NDArray[np.float64],
        close: Flags,
        judged: Flags,
    ) -> None:
        named = np.array(differs, object).astype(str)
        self.open = named == ""
        self.loose = np.isin(named, LOOSE)
        self.reworded = np.isin(named, WORDING) & judged
        self.same, self.told, self.close, self.judged = same & self.open, told, close, judged
        self.nearly_all = self.open & (jaccard >= NEARLY_ALL)

    def frame(self) -> Flags:
        """Return where it matters how many places differ, and whether a request is narrowed."""
        found: Flags = self.open | self.reworded
        return found

    def retold(self, places: NDArray[np.int64], narrowed: Flags) -> Flags:
        """Return where it matters whether the answers were written apart."""
        found: Flags = self.reworded & ~narrowed & ~(self.loose & (places >= PLACES))
        return found

    def answers(self, places: NDArray[np.int64], narrowed: Flags, retold: Flags) -> Flags:
        """Return where it matters whether the answers agree."""
        spread = places >= PLACES
        alike = self.open & ((self.close & spread) | self.judged)
        reworded = self.reworded & (retold | (self.loose & spread))
        found: Flags = self.told | self.same | self.nearly_all | ((alike | reworded) & ~narrowed)
        return found
