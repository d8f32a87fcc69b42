"""What is usual in a corpus, and how far a response is from it: evidence against it, measure by measure.

Each measure is compared within its language and script: what is usual is the median, how much varies the median
deviation from it, to both of which a tenth of bad records does nothing (Rousseeuw and Croux 1993). A response's own
uncertainty widens the scale, so that a short text is hardly ever far. `badness` joins the evidence to one number to
rank by; it is for reading the worst first, not for a threshold. Rejected: mean and standard deviation (the gibberish
itself sets them), and one scale for all scripts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.plausibility import WINDOW, Plausibility
from quality.perplexity.scores import Scores
from quality.perplexity.symbols import SCRIPTS
from quality.statistics import wilson

F64 = NDArray[np.float64]

MIN_CHARACTERS = 20_000
"""Characters of a language and script below which no model of it is learnt: about fifty records."""
MIN_RECORDS = 30
"""Responses below which no usual value is known."""
_CHARACTERS_OF_A_SAMPLE = 3
"""Neighbours share their fate: so many characters count as one draw."""
_WORD_ERROR = 1.0
_STRETCH_ERROR = 0.3
_LONG_LINE = {"none": 1_000_000, "spaced": 40, "unspaced": 15}
DANGLING = 6.9
"""Nats of ending in a word that needs another: fewer than one in a thousand of Alpaca, Dolly and Chinese sets do."""
LEAST_WORDING = {"none": 24, "spaced": 24, "unspaced": 12}
"""Letters of plain words without which the wording of a text is not judged: a stretch's width."""
_LEAST_STRANGE = 0.2
"""Share of the wording in strange words below which it is in order."""
_MOSTLY_STRANGE, _LEAST_STEPS = 0.5, 6
_CONSISTENT = 1.4826


@dataclass(frozen=True, slots=True)
class Evidence:
    """One measure of n responses, the higher the worse, and its standard error: both float64 [n]."""

    value: F64
    error: F64


@dataclass(frozen=True, slots=True)
class Norm:
    """What is usual of one measure in one group: its median, and its scale (a standard deviation if normal)."""

    middle: float
    scale: float


FLOORS = {
    "disorder": 0.02, "misfit": 0.01, "word_disorder": 0.02, "nats": 0.1, "stretch": 0.3, "familiarity": 0.1,
    "truncation": 1.0, "unended": 1.0, "repetition": 0.1,
}  # fmt: skip
"""The measures, and the least scale of each: a corpus of equal answers makes no small difference a large one."""
_WEIGHTS = {"nats": 0.8, "familiarity": 0.8, "truncation": 0.6, "unended": 0.6, "repetition": 0.8}


def evidence(scores: Scores) -> dict[str, Evidence]:
    """Return the measures of responses by name.

    Beside those of `wording_evidence`: `word_disorder`: disorder of the words; `nats`: cost of a character;
    `familiarity`: nats negated; `truncation`: cost of ending there, nats; `repetition`: a share.
    """
    sure = np.zeros(len(scores.chars))
    with np.errstate(invalid="ignore", divide="ignore"):
        words = Evidence(scores.word_nats / scores.word_alone, _WORD_ERROR / np.sqrt(scores.words))
    found = wording_evidence(scores)
    return {
        "disorder": found["disorder"],
        "misfit": found["misfit"],
        "word_disorder": words,
        "nats": Evidence(scores.nats, scores.error),
        "stretch": found["stretch"],
        "familiarity": Evidence(-scores.nats, scores.error),
        "truncation": Evidence(scores.end, sure),
        "repetition": Evidence(scores.repetition, sure),
    }


def wording_evidence(scores: Scores | Plausibility) -> dict[str, Evidence]:
    """Return the measures of wording by name, of responses or prompts.

    `disorder`: cost with context over cost without; `misfit`: share of characters in strange words that context makes
    less likely; `stretch`: least gain by context of a window, negated.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = scores.error * np.sqrt(scores.chars / scores.wording)
        stretch = _STRETCH_ERROR * np.sqrt(WINDOW / np.minimum(scores.chars, WINDOW))
        misfit = _share_error(scores.misfit, scores.wording / _CHARACTERS_OF_A_SAMPLE)
        return {
            "disorder": Evidence(scores.worded / scores.alone, spread / scores.alone),
            "misfit": Evidence(scores.misfit, misfit),
            "stretch": Evidence(-scores.window, stretch),
        }


def keyboard_evidence(scores: Scores | Plausibility) -> Evidence:
    """Return the share of steps to a neighbouring key, and its standard error; no corpus is needed to judge it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return Evidence(scores.keyboard, _share_error(scores.keyboard, scores.key_steps))


def has_wording(scores: Scores | Plausibility) -> NDArray[np.bool_]:
    """Return bool [n]: whether a text holds enough plain words, strange ones among them, to judge its wording."""
    least = np.array([LEAST_WORDING[name] for name in SCRIPTS])[np.nan_to_num(scores.script).astype(np.int64)]
    with np.errstate(invalid="ignore"):
        enough: NDArray[np.bool_] = (scores.wording >= least) & (scores.strange >= _LEAST_STRANGE)
    return enough


def _share_error(share: F64, size: F64) -> F64:
    """Return the standard error of a share, as if one more of either kind had been seen (Agresti and Coull 1998)."""
    drawn = (share * size + 1) / (size + 2)
    error: F64 = np.sqrt(drawn * (1 - drawn) / size)
    return error


def has_strange_words(scores: Scores | Plausibility) -> NDArray[np.bool_]:
    """Return bool [n]: whether the strange words of a text would fill a stretch, however long the rest of it is."""
    least = np.array([LEAST_WORDING[name] for name in SCRIPTS])[np.nan_to_num(scores.script).astype(np.int64)]
    with np.errstate(invalid="ignore"):
        enough: NDArray[np.bool_] = scores.wording * scores.strange >= least
    return enough


def has_keys(scores: Scores | Plausibility) -> NDArray[np.bool_]:
    """Return bool [n]: whether a text is long enough, and strange enough, for steps between keys to tell of it."""
    with np.errstate(invalid="ignore"):
        strange = (scores.strange >= _MOSTLY_STRANGE) | (scores.script == SCRIPTS.index("unspaced"))
        enough: NDArray[np.bool_] = (scores.key_steps >= _LEAST_STEPS) & strange
    return enough


def groups(
    languages: Sequence[str], scores: Scores | Plausibility
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return int64 [n], the group of each response by language and script, and bool [n], whether it is measured.

    A group of fewer than `MIN_CHARACTERS` characters or `MIN_RECORDS` responses is not; nor is an empty response.
    """
    keys: list[Hashable] = list(zip(languages, scores.script.tolist(), strict=True))
    number = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    group = np.array([number[key] for key in keys], np.int64)
    chars = np.nan_to_num(scores.chars)
    enough = (np.bincount(group, chars) >= MIN_CHARACTERS) & (np.bincount(group, chars > 0) >= MIN_RECORDS)
    return group, enough[group] & (chars > 0)


def ends_in_prose(scores: Scores) -> NDArray[np.bool_]:
    """Return bool [n]: whether a response ends in a long line and has ended a sentence before.

    Such a one would end its last sentence too; a name, a title, a list, a table, a poem or code need not.
    """
    long = np.array([_LONG_LINE[name] for name in SCRIPTS])[np.nan_to_num(scores.script).astype(np.int64)]
    found: NDArray[np.bool_] = (scores.last_line >= long) & (scores.sentences >= 1)
    return found


def unended(scores: Scores, group: NDArray[np.int64], usual: NDArray[np.bool_]) -> Evidence:
    """Return the cost in nats of ending as a response does, by the form of its end alone.

    One that ends in a word that needs another costs `DANGLING`. One that ends no sentence in prose costs by the share
    of the other usual responses in prose of its group that do so, at the upper end of Wilson's 95% interval: where few
    are known it costs little. Any other costs 0.
    """
    prose, open_end = ends_in_prose(scores), np.nan_to_num(scores.open_end) > 0
    cost = np.zeros(len(group))
    for number in np.unique(group[prose & open_end]).tolist():
        mine = prose & (group == number)
        known, of_them = int((mine & usual).sum()), int((mine & usual & open_end).sum())
        for own in (0, 1):
            rows = mine & open_end & (usual == bool(own))
            if known > own and rows.any():
                cost[rows] = -np.log(wilson(of_them - own, known - own)[1])
    cost = np.maximum(cost, np.where(np.nan_to_num(scores.dangling) > 0, DANGLING, 0.0))
    return Evidence(cost, np.zeros(len(group)))


def norm(measure: str, values: F64) -> Norm:
    """Return what is usual of a measure among the responses of a group."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Norm(np.nan, np.nan)
    middle = float(np.median(known))
    return Norm(middle, max(FLOORS[measure], _CONSISTENT * float(np.median(np.abs(known - middle)))))


def distances(
    found: dict[str, Evidence],
    group: NDArray[np.int64],
    measured: NDArray[np.bool_],
    usual: NDArray[np.bool_],
) -> dict[str, F64]:
    """Return by measure float64 [n]: how many scales above the usual of its group a response is; nan: not measured.

    Args:
        found: from `evidence`; group, measured: from `groups`.
        usual: bool [n], the responses that say what is usual.
    """
    far = {name: np.full(len(group), np.nan) for name in found}
    for number in np.unique(group[measured & usual]).tolist():
        rows = np.flatnonzero(measured & (group == number))
        known = rows[usual[rows]]
        for name, each in found.items():
            norms = norm(name, each.value[known])
            far[name][rows] = (each.value[rows] - norms.middle) / np.hypot(norms.scale, each.error[rows])
    return far


def badness(
    far: dict[str, F64], group: NDArray[np.int64], measured: NDArray[np.bool_], usual: NDArray[np.bool_]
) -> F64:
    """Return float64 [n], the higher the worse: all evidence in one number to rank by; nan if not measured.

    The sum of cubes of the distances, and of the logarithms of how few of the group's usual responses are as far; their
    product's logarithm. Cubes let one strong reason outweigh many weak ones.
    """
    scaled, rare = np.zeros(len(group)), np.zeros(len(group))
    for name, distance in far.items():
        scaled += (np.maximum(np.nan_to_num(distance), 0) * _WEIGHTS.get(name, 1.0)) ** 3
    for number in np.unique(group[measured & usual]).tolist():
        rows = np.flatnonzero(measured & (group == number))
        for distance in far.values():
            mine = np.nan_to_num(distance[rows])
            others = np.sort(mine[usual[rows]])
            above = len(others) - np.searchsorted(others, mine, "left")
            rare[rows] += (0.05 * mine.clip(0, 20) - np.log((above + 1) / (len(others) + 2))) ** 3
    with np.errstate(divide="ignore"):
        joined: F64 = np.where(measured & (rare > 0), np.log1p(scaled) / 3 + np.log(rare) / 2, np.nan)
    return joined
