"""What the stage `perplexity` shows of its numbers: columns, limits as resolved, and what was not measured and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.stages.gates import Threshold
from pipeline.stages.perplexity_params import PerplexityParams
from pipeline.stages.perplexity_sides import HELD_NAMES, Held, Side, facts_of, shown
from quality.perplexity import MIN_CHARACTERS, REQUESTED, SCRIPTS

F64 = NDArray[np.float64]
DIFFICULTIES = ("easy", "medium", "hard")


def columns(facts: pa.Table, response: Side, prompt: Side, bad: F64, params: PerplexityParams) -> pa.Table:
    """Return what a reader wants beside each record; null is "not measured"."""
    measured = response.measured
    told = ("nats", "given_prompt", "error")
    prefix = "ngram" if params.source == "ngram" else "lm"
    nats, given, error = (facts_of(facts, f"{prefix}_{name}") for name in told)
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers = {"perplexity": np.exp(nats), "perplexity_given_prompt": np.exp(given), "ifd": given / nats}
    numbers |= {"perplexity_error": error}
    numbers |= {
        name: each.value for name, each in response.found.items() if name not in ("nats", "familiarity")
    }
    numbers |= {"perplexity_badness": bad}
    found = {name: (values, response.known(name)) for name, values in numbers.items()}
    found |= {f"prompt_{name}": (each.value, prompt.known(name)) for name, each in prompt.found.items()}
    table = {"id": facts.column("id")}
    for name, (values, known) in found.items():
        table[name] = pa.array(np.round(values, 6), pa.float64(), mask=~(known & np.isfinite(values)))
    table["difficulty"] = pa.array(_difficulty(numbers["ifd"], response.group, measured), pa.string())
    return pa.table(table)


def _difficulty(ifd: F64, group: NDArray[np.int64], measured: NDArray[np.bool_]) -> list[str]:
    """Return the third of its language and script that each record is in by difficulty, "unknown" if not measured."""
    bins = np.full(len(ifd), -1)
    known = measured & np.isfinite(ifd)
    for number in np.unique(group[known]).tolist():
        rows = np.flatnonzero(known & (group == number))
        cuts = np.quantile(ifd[rows], (1 / 3, 2 / 3))
        bins[rows] = np.searchsorted(cuts, ifd[rows], "right")
    return [DIFFICULTIES[place] if place >= 0 else "unknown" for place in bins.tolist()]


def thresholds(held: Sequence[Held], languages: list[str]) -> tuple[Threshold, ...]:
    """Return the limits as they were resolved, for the script of each language that most of its records are in."""
    listed = []
    language = np.array(languages, object)
    for code in sorted(set(languages)):
        for each in held:
            rows = np.flatnonzero(np.isfinite(each.limit) & (language == code))
            if not len(rows):
                continue
            group = each.side.group[rows]
            row = rows[group == np.bincount(group).argmax()][0]
            limit = round(shown(each.measure, each.limit[row]), 4)
            low = each.measure == "familiarity"
            listed.append(
                Threshold(
                    each.side.prefix + HELD_NAMES.get(each.measure, each.measure),
                    limit if low else None,
                    None if low else limit,
                    each.gate.action,
                    code,
                    _WHY[each.measure] + each.side.told,
                )
            )
    return tuple(listed)


_WHY = {
    "disorder": "context hardly helps to guess the next character of plain words: letters at random or shuffled",
    "misfit": "many letters of strange words stand where none of the corpus would put them",
    "word_disorder": "the words stand in no order that the corpus knows",
    "nats": "far less expected than is usual in this language",
    "stretch": "one stretch of strange words is far less expected than the worst of a usual response",
    "familiarity": "far more expected than is usual: boilerplate",
    "repetition": "most of the response stood in it before: a loop",
    "truncation": "no other text ends like this: cut off",
    "unended": "stops in mid-sentence, where at most one in twenty responses of its kind does",
    "keyboard": "most steps go to a neighbouring key: a hand that fell on the keyboard",
}
"""What each limit is for, in a line for the report."""


def notes(
    languages: list[str], response: Side, prompt: Side
) -> dict[str, str | int | float | bool | list[str]]:
    """Return which languages and scripts hold too little text to be measured, and what else was not judged, and why."""
    told: dict[str, str | int | float | bool | list[str]] = {}
    scores, group, measured = response.scores, response.group, response.measured
    if not len(languages):
        return told
    if not measured.all():
        missing = []
        for number in np.unique(group[~measured]).tolist():
            rows = np.flatnonzero(~measured & (group == number))
            kind = SCRIPTS[int(np.nan_to_num(scores.script[rows[0]]))]
            chars = int(np.nansum(scores.chars[group == number]))
            why = (
                "empty" if measured[group == number].any() else f"{chars} characters, {MIN_CHARACTERS} needed"
            )
            missing.append(f"{languages[rows[0]] or 'no language'}, {kind}: {len(rows)} records ({why})")
        told |= {"not_measured": int((~measured).sum()), "not_measured_groups": missing[:20]}
    if not prompt.measured.all():
        told["prompts_not_measured"] = int((~prompt.measured).sum())
    for side in (response, prompt):
        wanted = sum(excuse == REQUESTED for excuse in side.excuses)
        if wanted:
            told[f"{side.field}_wording_not_judged_as_requested"] = wanted
        if int(side.excused.sum()) > wanted:
            told[f"{side.field}_wording_not_judged_in_another_language"] = int(side.excused.sum()) - wanted
    return told
