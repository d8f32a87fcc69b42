"""What the stage `perplexity` decides on its numbers: limits by language and script, reasons, and columns.

A limit is what is usual (the median) plus so many robust standard deviations, a percentile, or a number that the
recipe names; a response is condemned only if it lies beyond by more than its own uncertainty. Where a language and
script holds too little text to know what is usual, its records are not measured, and the notes say so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.change import Changes
from pipeline.stages.gates import Excess, GateAction, Threshold, reached
from pipeline.stages.perplexity_params import PerplexityParams
from pipeline.stages.protocol import Decision
from quality.perplexity import (
    MIN_CHARACTERS,
    SCRIPTS,
    Evidence,
    Scores,
    badness,
    distances,
    ends_in_prose,
    evidence,
    groups,
    norm,
)

F64 = NDArray[np.float64]

FACTS = pa.schema([pa.field(f"ngram_{field.name}", pa.float64()) for field in fields(Scores)])
"""What the n-gram measure says of a record: the fields of `quality.perplexity.Scores`, with a prefix."""
_MODEL_NUMBERS = ("nats", "error", "given_prompt", "window", "window_start", "window_stop", "units")
MODEL_FACTS = pa.schema([pa.field(f"lm_{name}", pa.float64()) for name in _MODEL_NUMBERS])
"""What a language model says: the fields of `pipeline.models.costs.Costs`, with a prefix."""
COLUMNS = {"nats": "perplexity", "familiarity": "perplexity"}
"""The column that a measure is shown in, where it has another name."""
DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Gate:
    """One way to be condemned: its reason, what is done, and by measure how far from usual passes."""

    reason: str
    action: GateAction
    distances: dict[str, float]


@dataclass(frozen=True, slots=True)
class Held:
    """The limits of one measure: its evidence, and float64 [n], the limit of each record's group (nan: none)."""

    gate: Gate
    measure: str
    evidence: Evidence
    limit: F64


def decide(facts: pa.Table, params: PerplexityParams) -> Decision:
    """Return the flags and drops, the columns, the resolved thresholds, and what could not be measured."""
    scores = _scores(facts)
    languages = [code or "" for code in facts.column("lang").to_pylist()]
    group, measured = groups(languages, scores)
    found = evidence(scores)
    if params.source != "ngram":
        found = _of_model(facts, found)
    everyone = np.ones(facts.num_rows, np.bool_)
    far = distances(found, group, measured, everyone)
    held = [each for gate in _gates(params) for each in _held(gate, found, far, group, measured, params)]
    changes = _changes(facts, scores, held, params)
    columns = _columns(facts, scores, found, group, measured, badness(far, group, measured, everyone), params)
    return Decision(
        changes,
        columns,
        _notes(languages, scores, group, measured),
        _thresholds(held, languages, group, measured),
    )


def _scores(facts: pa.Table) -> Scores:
    return Scores(*(_numbers(facts, name) for name in FACTS.names))


def _numbers(facts: pa.Table, name: str) -> F64:
    values: F64 = facts.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def _of_model(facts: pa.Table, found: dict[str, Evidence]) -> dict[str, Evidence]:
    """Return the evidence with a language model's costs; of the n-grams' stay repetition and endings."""
    nats, error, window = (_numbers(facts, f"lm_{name}") for name in ("nats", "error", "window"))
    return {
        "nats": Evidence(nats, error),
        "familiarity": Evidence(-nats, error),
        "stretch": Evidence(window, error),
        "truncation": found["truncation"],
        "repetition": found["repetition"],
    }


def _gates(params: PerplexityParams) -> tuple[Gate, ...]:
    """Return the gates, in the order in which a record is dropped for them."""
    far = params.max_distance
    return (
        Gate(
            "gate.perplexity.high",
            params.high,
            dict.fromkeys(("disorder", "misfit", "word_disorder", "nats"), far),
        ),
        Gate("gate.perplexity.stretch", params.stretch, {"stretch": params.max_stretch_distance}),
        Gate("gate.perplexity.low", params.low, {"familiarity": params.max_low_distance}),
        Gate("gate.repetition.high", params.repetition, {"repetition": 0.0}),
        Gate("gate.truncation.high", params.truncation, {"truncation": far}),
    )


def _held(
    gate: Gate,
    found: dict[str, Evidence],
    far: dict[str, F64],
    group: NDArray[np.int64],
    measured: NDArray[np.bool_],
    params: PerplexityParams,
) -> list[Held]:
    """Return the measures of a gate with the limit of every record's group."""
    held = []
    for measure, distance in gate.distances.items():
        if measure not in found:
            continue
        values = found[measure].value
        limit = np.full(len(values), np.nan)
        for number in np.unique(group[measured]).tolist():
            rows = np.flatnonzero(measured & (group == number))
            limit[rows] = _limit(measure, values[rows], distance, params)
        held.append(Held(gate, measure, found[measure], limit))
    return held


def _limit(measure: str, values: F64, distance: float, params: PerplexityParams) -> float:
    """Return the greatest value of a measure that passes in a group."""
    usual = norm(measure, values)
    limit = usual.middle + distance * usual.scale
    if measure == "repetition":
        return params.max_repetition
    if measure == "truncation":
        return max(limit, params.max_truncation)
    if measure == "nats" and params.max_perplexity is not None:
        return float(np.log(params.max_perplexity))
    if measure == "nats" and params.max_percentile is not None:
        return float(np.nanpercentile(values, params.max_percentile))
    if measure == "familiarity" and params.min_perplexity is not None:
        return -float(np.log(params.min_perplexity))
    if measure == "familiarity" and params.min_percentile is not None:
        return float(np.nanpercentile(values, 100 - params.min_percentile))
    return limit


def _changes(facts: pa.Table, scores: Scores, held: list[Held], params: PerplexityParams) -> Changes:
    """Return a drop, or flags, for each record of which a measure lies surely beyond its limit."""
    beyond = {}
    for number, each in enumerate(held):
        with np.errstate(invalid="ignore"):
            sure = each.evidence.value - params.errors * each.evidence.error > each.limit
        if each.measure == "truncation":
            sure &= ends_in_prose(scores)
        beyond[number] = sure
    changes = Changes()
    ids = facts.column("id")
    starts, stops = scores.window_start, scores.window_stop
    if "lm_window_start" in facts.column_names:
        starts, stops = _numbers(facts, "lm_window_start"), _numbers(facts, "lm_window_stop")
    for row in np.flatnonzero(np.logical_or.reduce(list(beyond.values()))).tolist():
        excesses: dict[str, Excess] = {}
        for number, each in enumerate(held):
            if beyond[number][row] and each.gate.reason not in excesses:
                excesses[each.gate.reason] = _excess(each, row, starts[row], stops[row], scores.chars[row])
        reached(changes, ids[row].as_py(), list(excesses.values()))
    return changes


def _excess(held: Held, row: int, start: float, stop: float, chars: float) -> Excess:
    value, limit = _shown(held.measure, held.evidence.value[row]), _shown(held.measure, held.limit[row])
    told: list[tuple[str, str | int | float | bool]] = []
    if held.gate.reason.startswith("gate.perplexity") and np.isfinite(start):
        told = [("field", "output"), ("start", int(start)), ("stop", int(stop))]
    if held.measure == "truncation":
        told = [("field", "output"), ("start", max(0, int(chars) - 24)), ("stop", int(chars))]
    error = float(held.evidence.error[row])
    if error > 0:
        told.append(("error", round(error, 4)))
    name = COLUMNS.get(held.measure, held.measure)
    return Excess(held.gate.reason, held.gate.action, name, value, limit, tuple(told))


def _shown(measure: str, value: float) -> float:
    """Return a value as its column shows it: costs as perplexity."""
    return float(np.exp(abs(value))) if COLUMNS.get(measure) == "perplexity" else float(value)


def _columns(
    facts: pa.Table,
    scores: Scores,
    found: dict[str, Evidence],
    group: NDArray[np.int64],
    measured: NDArray[np.bool_],
    bad: F64,
    params: PerplexityParams,
) -> pa.Table:
    """Return what a reader wants beside each record; null is "not measured"."""
    if params.source == "ngram":
        nats, given, error = scores.nats, scores.given_prompt, scores.error
    else:
        nats, given, error = (_numbers(facts, f"lm_{name}") for name in ("nats", "given_prompt", "error"))
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers = {"perplexity": np.exp(nats), "perplexity_given_prompt": np.exp(given), "ifd": given / nats}
    numbers |= {"perplexity_error": error}
    numbers |= {name: found[name].value for name in found if name not in ("nats", "familiarity")}
    numbers |= {"perplexity_badness": bad}
    columns = {"id": facts.column("id")}
    for name, values in numbers.items():
        known = measured & np.isfinite(values)
        columns[name] = pa.array(np.round(values, 6), pa.float64(), mask=~known)
    columns["difficulty"] = pa.array(_difficulty(numbers["ifd"], group, measured), pa.string())
    return pa.table(columns)


def _difficulty(ifd: F64, group: NDArray[np.int64], measured: NDArray[np.bool_]) -> list[str]:
    """Return the third of its language and script that each record is in by difficulty, "unknown" if not measured."""
    bins = np.full(len(ifd), -1)
    known = measured & np.isfinite(ifd)
    for number in np.unique(group[known]).tolist():
        rows = np.flatnonzero(known & (group == number))
        cuts = np.quantile(ifd[rows], (1 / 3, 2 / 3))
        bins[rows] = np.searchsorted(cuts, ifd[rows], "right")
    return [DIFFICULTIES[place] if place >= 0 else "unknown" for place in bins.tolist()]


def _thresholds(
    held: list[Held], languages: list[str], group: NDArray[np.int64], measured: NDArray[np.bool_]
) -> tuple[Threshold, ...]:
    """Return the limits as they were resolved, for the script of each language that most of its records are in."""
    listed = []
    language = np.array(languages, object)
    for code in sorted(set(languages)):
        rows = np.flatnonzero(measured & (language == code))
        if not len(rows):
            continue
        most = np.bincount(group[rows]).argmax()
        row = rows[group[rows] == most][0]
        for each in held:
            limit = round(_shown(each.measure, each.limit[row]), 4)
            low = each.measure == "familiarity"
            listed.append(
                Threshold(
                    COLUMNS.get(each.measure, each.measure), limit if low else None, None if low else limit,
                    each.gate.action, code, _WHY[each.measure],
                )
            )  # fmt: skip
    return tuple(listed)


_WHY = {
    "disorder": "context hardly helps to guess the next character: letters at random or shuffled",
    "misfit": "many characters stand where none of the corpus would put them",
    "word_disorder": "the words stand in no order that the corpus knows",
    "nats": "far less expected than is usual in this language",
    "stretch": "one stretch is far less expected than the worst of a usual response",
    "familiarity": "far more expected than is usual: boilerplate",
    "repetition": "most of the response stood in it before: a loop",
    "truncation": "no other text ends like this: cut off",
}
"""What each limit is for, in a line for the report."""


def _notes(
    languages: list[str], scores: Scores, group: NDArray[np.int64], measured: NDArray[np.bool_]
) -> dict[str, str | int | float | bool | list[str]]:
    """Return which languages and scripts hold too little text to be measured, and how many records that leaves out."""
    if measured.all() or not len(languages):
        return {}
    missing = []
    for number in np.unique(group[~measured]).tolist():
        rows = np.flatnonzero(~measured & (group == number))
        kind = SCRIPTS[int(np.nan_to_num(scores.script[rows[0]]))]
        chars = int(np.nansum(scores.chars[group == number]))
        why = "empty" if measured[group == number].any() else f"{chars} characters, {MIN_CHARACTERS} needed"
        missing.append(f"{languages[rows[0]] or 'no language'}, {kind}: {len(rows)} records ({why})")
    return {"not_measured": int((~measured).sum()), "not_measured_groups": missing[:20]}
