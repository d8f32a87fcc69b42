"""How far people agree: with the data (a share with its interval), and with each other (Krippendorff's alpha).

Wilson's interval, because shares near 1 from small samples are the rule here, where the normal one reaches past 1 and
has no width at 100 %. Alpha, because annotators skip records and need not be two; nominal, because accept, reject and
edit have no order. Rejected: plain percent agreement (high by chance where nearly all is accepted), Cohen's kappa (two
annotators, no gaps).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Z_95 = 1.959963984540054
"""The normal quantile that leaves 2.5 % above it."""


def wilson(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Return Wilson's score interval of a share (Wilson 1927, JASA 22).

    Args:
        successes: how many of the trials succeeded.
        trials: at least 1.
        z: normal quantile; by default for 95 %.

    Raises:
        ValueError: there are no trials, or more successes than trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials are no share")
    share = successes / trials
    width = z * z / trials
    centre = (share + width / 2) / (1 + width)
    half = z / (1 + width) * math.sqrt(share * (1 - share) / trials + width / (4 * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def alpha(answers: Sequence[Mapping[str, str]]) -> float | None:
    """Return Krippendorff's nominal alpha, or None where it is not defined.

    Args:
        answers: one mapping an item, from annotator to what they said. Items with one answer say nothing of
            agreement and count nothing.

    It is not defined if no item has two answers, and if all answers to such items are the same: then nothing shows
    whether people could have told a difference.
    """
    shared = [item for item in answers if len(item) > 1]
    said = sorted({answer for item in shared for answer in item.values()})
    if len(said) < 2:
        return None
    import krippendorff
    import numpy as np

    people = sorted({person for item in shared for person in item})
    table = np.full((len(people), len(shared)), np.nan)
    for column, item in enumerate(shared):
        for person, answer in item.items():
            table[people.index(person), column] = said.index(answer)
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"))
