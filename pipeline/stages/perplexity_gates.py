"""What the stage `perplexity` decides on its numbers: limits by language and script, and reasons.

A limit is what is usual (the median) plus so many robust standard deviations, a percentile, or a number that the
recipe names; a text is condemned only if it lies beyond by more than its own uncertainty. Where a language and
script holds too little text to know what is usual, only form is judged (keys, ends), and the notes say so. Wording is
not judged where there is none (code, names, lists of numbers) or where another language or the prompt excuses it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.change import Changes
from pipeline.stages.gates import Excess, reached
from pipeline.stages.perplexity_params import PerplexityParams
from pipeline.stages.perplexity_shown import columns, notes, thresholds
from pipeline.stages.perplexity_sides import (
    HELD_NAMES,
    Gate,
    Held,
    Side,
    facts_of,
    prompt_side,
    response_side,
    shown,
)
from pipeline.stages.protocol import Decision
from quality.perplexity import Scores, badness, distances, ends_in_prose, norm

F64 = NDArray[np.float64]
_ENDINGS = ("truncation", "unended")


def decide(facts: pa.Table, params: PerplexityParams) -> Decision:
    """Return the flags and drops, the columns, the resolved thresholds, and what could not be measured."""
    languages = [code or "" for code in facts.column("lang").to_pylist()]
    by_model = params.source != "ngram"
    response, prompt = response_side(facts, languages, by_model), prompt_side(facts, languages)
    held = [each for gate in _gates(params) for each in _held(gate, response, params)]
    held += _held(_prompt_gate(params), prompt, params)
    everyone = np.ones(facts.num_rows, np.bool_)
    ranked = {name: each for name, each in response.found.items() if name != "keyboard"}
    far = distances(ranked, response.group, response.measured, everyone)
    bad = badness(far, response.group, response.measured, everyone)
    return Decision(
        _changes(facts, held, params),
        columns(facts, response, prompt, bad, params),
        notes(languages, response, prompt),
        thresholds(held, languages),
    )


def _gates(params: PerplexityParams) -> tuple[Gate, ...]:
    """Return the gates of responses, in the order in which a record is dropped for them."""
    wording = ("keyboard", "disorder", "misfit", "word_disorder")
    high = dict.fromkeys(wording, params.max_distance)
    if params.source != "ngram" or params.max_perplexity is not None or params.max_percentile is not None:
        high["nats"] = params.max_distance
    return (
        Gate("gate.perplexity.high", params.high, high),
        Gate("gate.perplexity.stretch", params.stretch, {"stretch": params.max_stretch_distance}),
        Gate("gate.perplexity.low", params.low, {"familiarity": params.max_low_distance}),
        Gate("gate.repetition.high", params.repetition, {"repetition": 0.0}),
        Gate("gate.truncation.high", params.truncation, dict.fromkeys(_ENDINGS, params.max_distance)),
    )


def _prompt_gate(params: PerplexityParams) -> Gate:
    wording = dict.fromkeys(("keyboard", "disorder", "misfit"), params.max_distance)
    return Gate("gate.prompt.gibberish", params.prompt, wording)


def _held(gate: Gate, side: Side, params: PerplexityParams) -> list[Held]:
    """Return the measures of a gate with the limit of every text that they may condemn."""
    held = []
    for measure, distance in gate.distances.items():
        if measure not in side.found:
            continue
        values, known = side.found[measure].value, side.known(measure)
        limit = np.full(len(values), np.nan)
        for number in np.unique(side.group[known]).tolist():
            rows = np.flatnonzero(known & (side.group == number))
            limit[rows] = _limit(measure, values[rows], distance, params)
        limit[~side.judged(measure, params.source != "ngram")] = np.nan
        held.append(Held(gate, measure, side, limit))
    return held


def _limit(measure: str, values: F64, distance: float, params: PerplexityParams) -> float:
    """Return the greatest value of a measure that passes in a group."""
    named = {
        "repetition": params.max_repetition, "keyboard": params.max_keyboard, "unended": params.max_unended
    }  # fmt: skip
    if measure in named:
        return named[measure]
    usual = norm(measure, values)
    limit = usual.middle + distance * usual.scale
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


def _changes(facts: pa.Table, held: list[Held], params: PerplexityParams) -> Changes:
    """Return a drop, or flags, for each record of which a measure lies surely beyond its limit."""
    beyond = []
    for each in held:
        with np.errstate(invalid="ignore"):
            sure = each.evidence.value - params.errors * each.evidence.error > each.limit
        if each.measure == "truncation" and isinstance(each.side.scores, Scores):
            sure &= ends_in_prose(each.side.scores)
        beyond.append(sure)
    changes = Changes()
    ids = facts.column("id")
    by_model = "lm_window_start" in facts.column_names
    for row in np.flatnonzero(np.logical_or.reduce(beyond)).tolist():
        excesses: dict[str, Excess] = {}
        for sure, each in zip(beyond, held, strict=True):
            if sure[row] and each.gate.reason not in excesses:
                excesses[each.gate.reason] = _excess(each, row, _place(each, row, facts, by_model))
        reached(changes, ids[row].as_py(), list(excesses.values()))
    return changes


def _place(held: Held, row: int, facts: pa.Table, by_model: bool) -> tuple[int, int] | None:
    """Return where in its field the evidence stands, if it stands anywhere."""
    chars = int(held.side.scores.chars[row])
    if held.measure in _ENDINGS:
        return max(0, chars - 24), chars
    if held.measure in ("keyboard", "repetition"):
        return (0, chars) if held.measure == "keyboard" else None
    source = (
        "lm" if by_model and held.side.field == "output" else ("ngram", "prompt")[held.side.field != "output"]
    )
    start, stop = (float(facts_of(facts, f"{source}_window_{end}")[row]) for end in ("start", "stop"))
    return (int(start), int(stop)) if np.isfinite(start) else None


def _excess(held: Held, row: int, place: tuple[int, int] | None) -> Excess:
    value, limit = shown(held.measure, held.evidence.value[row]), shown(held.measure, held.limit[row])
    told: list[tuple[str, str | int | float | bool]] = []
    if place is not None:
        told = [("field", held.side.field), ("start", place[0]), ("stop", place[1])]
    error = float(held.evidence.error[row])
    if error > 0:
        told.append(("error", round(error, 4)))
    name = held.side.prefix + HELD_NAMES.get(held.measure, held.measure)
    return Excess(held.gate.reason, held.gate.action, name, value, limit, tuple(told))
