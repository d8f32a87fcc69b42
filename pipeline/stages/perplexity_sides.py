"""The two sides that the stage `perplexity` judges, response and prompt: their numbers, and whose wording is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.stages.gates import GateAction
from quality import perplexity
from quality.perplexity import REQUESTED, Evidence, Plausibility, Scores

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]
FACTS = pa.schema([
    *(pa.field(f"ngram_{field.name}", pa.float64()) for field in fields(Scores)),
    *(pa.field(f"prompt_{field.name}", pa.float64()) for field in fields(Plausibility)),
    pa.field("excuse", pa.string()),
    pa.field("prompt_excuse", pa.string()),
])  # fmt: skip
"""What the n-gram measure says of a record: the fields of `Scores` and, of its prompt, `Plausibility`; what excuses
odd wording (`quality.perplexity.excuses`)."""
_MODEL_NUMBERS = ("nats", "error", "given_prompt", "window", "window_start", "window_stop", "units")
MODEL_FACTS = pa.schema([pa.field(f"lm_{name}", pa.float64()) for name in _MODEL_NUMBERS])
"""What a language model says: the fields of `pipeline.models.costs.Costs`, with a prefix."""
_LISTED = ("en", "zh")
HELD_NAMES = {"nats": "perplexity", "familiarity": "perplexity"}
"""The column that a measure is shown in, where it has another name."""
WORDING = ("disorder", "misfit", "word_disorder", "stretch", "keyboard")
"""Measures that speak of wording: what is excused, or has none, they do not condemn."""
FORM = ("keyboard", "unended")
"""Measures that need no model of the language: they hold in the smallest corpus."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One way to be condemned: its reason, what is done, and by measure how far from usual passes."""

    reason: str
    action: GateAction
    distances: dict[str, float]


@dataclass(frozen=True, slots=True)
class Side:
    """Responses or prompts of n records.

    Attributes:
        field: the field of a record that places in the text are told of.
        scores: their numbers; found: the evidence by measure.
        group, measured: from `quality.perplexity.groups`.
        excuses: str [n], why their wording may be odd; excused: bool [n], whether that holds for the record's language.
    """

    field: Literal["output", "instruction"]
    scores: Scores | Plausibility
    found: dict[str, Evidence]
    group: NDArray[np.int64]
    measured: Flags
    excuses: list[str]
    excused: Flags

    @property
    def prefix(self) -> str:
        """What the columns' names begin with."""
        return "prompt_" if self.field == "instruction" else ""

    @property
    def told(self) -> str:
        """What is added to the reason of a limit."""
        return " (the prompt)" if self.field == "instruction" else ""

    def known(self, measure: str) -> Flags:
        """Return bool [n]: of which texts a measure is known."""
        if measure not in FORM:
            return self.measured
        enough: Flags = np.nan_to_num(self.scores.chars) > 0
        return enough

    def judged(self, measure: str, by_model: bool) -> Flags:
        """Return bool [n]: which texts a measure may condemn."""
        known = self.known(measure)
        if measure not in WORDING or (by_model and measure == "stretch"):
            return known
        if measure == "keyboard":
            return known & ~self.excused & perplexity.has_keys(self.scores)
        if measure == "word_disorder":
            return known & ~self.excused
        if measure == "stretch":
            return known & ~self.excused & perplexity.has_strange_words(self.scores)
        return known & ~self.excused & perplexity.has_wording(self.scores)


@dataclass(frozen=True, slots=True)
class Held:
    """The limits of one measure: its side and evidence, and float64 [n], the limit of each record (nan: none)."""

    gate: Gate
    measure: str
    side: Side
    limit: F64

    @property
    def evidence(self) -> Evidence:
        """The measure's values and errors."""
        return self.side.found[self.measure]


def response_side(facts: pa.Table, languages: Sequence[str], by_model: bool) -> Side:
    """Return the responses; costs and stretches are a language model's if there is one."""
    scores = Scores(*(facts_of(facts, f"ngram_{field.name}") for field in fields(Scores)))
    group, measured = perplexity.groups(languages, scores)
    found = perplexity.evidence(scores)
    if by_model:
        nats, error, window = (facts_of(facts, f"lm_{name}") for name in ("nats", "error", "window"))
        found = {
            "nats": Evidence(nats, error), "familiarity": Evidence(-nats, error), "stretch": Evidence(window, error),
            "truncation": found["truncation"], "repetition": found["repetition"],
        }  # fmt: skip
    found["keyboard"] = perplexity.keyboard_evidence(scores)
    found["unended"] = perplexity.unended(scores, group, np.ones(len(group), np.bool_))
    return Side("output", scores, found, group, measured, *_excused(facts, "excuse", languages))


def prompt_side(facts: pa.Table, languages: Sequence[str]) -> Side:
    """Return the prompts."""
    scores = Plausibility(*(facts_of(facts, f"prompt_{field.name}") for field in fields(Plausibility)))
    group, measured = perplexity.groups(languages, scores)
    found = perplexity.wording_evidence(scores) | {"keyboard": perplexity.keyboard_evidence(scores)}
    return Side("instruction", scores, found, group, measured, *_excused(facts, "prompt_excuse", languages))


def _excused(facts: pa.Table, name: str, languages: Sequence[str]) -> tuple[list[str], Flags]:
    told = [excuse or "" for excuse in facts.column(name).to_pylist()]
    pairs = zip(told, languages, strict=True)
    return told, np.array([_holds(excuse, code) for excuse, code in pairs], np.bool_)


def _holds(excuse: str, code: str) -> bool:
    """Return whether an excuse holds in a record's language; without one, a language with a list of words is none."""
    if excuse in ("", REQUESTED):
        return excuse == REQUESTED
    return excuse != code.split("-")[0] if code else excuse not in _LISTED


def facts_of(facts: pa.Table, name: str) -> F64:
    """Return a column of numbers."""
    values: F64 = facts.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return values


def shown(measure: str, value: float) -> float:
    """Return a value as its column shows it: costs as perplexity."""
    return float(np.exp(abs(value))) if HELD_NAMES.get(measure) == "perplexity" else float(value)
