"""Drops or flags records that no one could learn from, for reasons that cost nothing to find.

The measure keeps numbers and rule names for every record; the decision reads only those, so a threshold or
an action can move without reading a text again. A record is dropped once, for the first reason in `CHECKS`,
an order from "nothing there" to "badly formed"; a record that stays may be flagged for several.
Rejected: a weighted score of all checks (its drops cannot be explained), and one stage per check (each
would read every text again).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from pipeline.change import Changes, Scalar
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.heuristics import FLOOR, MOST_LOOP, MOST_REPEATED, Findings, examine

Action: TypeAlias = Literal["drop", "flag", "measure", "off"]
Mask: TypeAlias = NDArray[np.bool_]

PREFIX = "heuristics_"
_TYPES = {"str": pa.string(), "int": pa.int32(), "float": pa.float32(), "bool": pa.bool_()}
FACTS = pa.schema(
    [pa.field(f"{PREFIX}{field.name}", _TYPES[str(field.type)], nullable=False) for field in fields(Findings)]
)
"""What the measure says of a record: the fields of `quality.heuristics.Findings`, with a prefix."""


def _action(default: Action, what: str) -> Action:
    action: Action = Field(default=default, description=f"What to do with {what}.")
    return action


def _share(default: float, what: str) -> float:
    share: float = Field(default=default, ge=FLOOR, le=1, description=what)
    return share


class HeuristicsParams(StageParams):
    """Parameters of `heuristics`: an action for each check, thresholds, and what alters the numbers."""

    stage: Literal["heuristics"] = "heuristics"

    # Nothing can be learnt from these: they are dropped.
    response_empty: Action = _action("drop", "records whose response shows nothing")
    response_placeholder: Action = _action("drop", "responses such as TBD, <nooutput>, 待补充")
    instruction_empty: Action = _action("drop", "records without a task: no instruction, or no prompt at all")
    instruction_merged: Action = _action("drop", "records that hold a second record")
    # A model that learns to answer without the picture learns to make things up.
    context_image: Action = _action("drop", "tasks about a picture or video that is not there")
    context_audio: Action = _action("drop", "tasks about a sound that is not there")
    context_web_page: Action = _action("drop", "tasks about a page, link or file that is not there")
    # Refusals may be wanted in a dataset for safety; set to flag there.
    response_refusal: Action = _action("drop", "responses in which a model declines the task")
    response_repetition: Action = _action("drop", "responses caught in a loop")
    response_echo: Action = _action("drop", "responses that only say the prompt again")
    # Code, formulas, tables and asked-for drawings are excused before; what is left taught nothing.
    text_symbols: Action = _action("drop", "responses made of marks instead of words")
    # All that were read were code that broke off; set to flag to repair them by hand.
    response_unclosed_fence: Action = _action("drop", "responses with a code fence left open")

    require_instruction: bool = Field(
        default=True,
        description="Judge records by `instruction_empty`; a source in which no record has a prompt holds "
        "documents and is never judged by it, and one with at least half of its prompts in `input` keeps "
        "them there.",
    )
    # A sentence of explanation may follow a refusal; two sentences usually do the task.
    max_refusal_help: int = Field(
        default=80, ge=0, le=10_000,
        description="Columns of helpful text (a Chinese character is two) up to which a response that "
        "declines counts as a refusal.",
    )  # fmt: skip
    # A loop to the token limit is above 0.9.
    max_repetition: float = _share(MOST_REPEATED, "Largest share of a response in repeated n-grams.")
    max_repeated_lines: float = _share(MOST_REPEATED, "Largest share of a response in repeated lines.")
    max_loop: float = _share(MOST_LOOP, "Largest share of one phrase said three times or more on end.")
    # Bigrams equal but for one word in twenty.
    max_echo: float = _share(0.9, "Largest likeness of a response to its prompt.")
    # Right answers to "find", "fix" or "sort" may equal the input; see `echo_of_input`.
    echo_of_input: bool = Field(
        default=False,
        description="Also judge likeness to the input, where the task is not to edit or to find.",
    )
    # Prose with much Markdown is below 0.15.
    max_symbol_ratio: float = _share(
        0.3, "Largest share of symbols in a response, outside code, tables and sums."
    )

    # These alter the numbers: changing one measures anew.
    ngram_words: int = Field(  # Gopher's shortest duplicate n-gram
        default=5, ge=2, le=20, description="Length of an n-gram in words, for spaced scripts."
    )
    ngram_chars: int = Field(  # about five Chinese words
        default=8, ge=3, le=40, description="Length of an n-gram in characters, for Chinese and its like."
    )
    min_repetition_units: int = Field(  # rhymes and slogans are shorter
        default=30, ge=10, le=10_000,
        description="Words or characters below which repetition is not measured.",
    )  # fmt: skip
    min_symbol_chars: int = Field(  # a short answer may be one formula
        default=20, ge=1, le=10_000, description="Characters below which symbols are not measured."
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """The rows that a check finds at fault, and how to say why for one row of the facts."""

    mask: Mask
    why: Callable[[int], dict[str, Scalar]]


class Heuristics:
    """The stage; see the module."""

    name = "heuristics"
    version = 3

    def needs(self, params: HeuristicsParams) -> tuple[Need, ...]:
        """Return nothing: rules need no model."""
        return ()

    def measures(self, params: HeuristicsParams) -> tuple[Measure, ...]:
        """Return the one measure; it depends on lengths only, on no threshold and no action."""
        numbers = ("ngram_words", "ngram_chars", "min_repetition_units", "min_symbol_chars")
        return (
            Measure(
                "heuristics",
                6,
                ("system", "history", "instruction", "input", "output"),
                tuple((name, getattr(params, name)) for name in numbers),
            ),
        )

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return one row of `FACTS` a record."""
        lengths = {name: int(value) for name, value in measure.params}
        columns = [batch.column(name).to_pylist() for name in measure.reads]
        found = [
            examine(
                instruction,
                input_,
                output,
                system=system,
                earlier=[turn["user"] for turn in history],
                **lengths,
            )
            for system, history, instruction, input_, output in zip(*columns, strict=True)
        ]
        arrays = [
            pa.array([getattr(row, field.name) for row in found], type=_TYPES[str(field.type)])
            for field in fields(Findings)
        ]
        return pa.Table.from_arrays(arrays, schema=FACTS)

    def context(self, params: HeuristicsParams) -> tuple[str, ...]:
        """Return `source`, by which sources of plain documents are told."""
        return ("source",)

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: HeuristicsParams) -> Decision:
        """Drop each record once at most, flag those that stay, and keep the numbers as columns."""
        documents, prompt_in_input = _document_sources(facts), _sources_with_prompt_in_input(facts)
        found = {
            reason: check(facts, params)
            for reason, check in CHECKS.items()
            if _action_of(params, reason) in ("drop", "flag")
        }
        if "instruction.empty" in found:
            found["instruction.empty"] = _instruction_empty(facts, documents, prompt_in_input, params)
        at_fault: Mask = np.zeros(facts.num_rows, dtype=np.bool_)
        for finding in found.values():
            at_fault |= finding.mask
        changes = Changes()
        ids = facts.column("id")
        for row in np.flatnonzero(at_fault).tolist():
            _change(changes, ids[row].as_py(), row, found, params)
        notes: dict[str, str | int | float | bool | list[str]] = {}
        if documents:
            notes["sources_of_documents"] = documents
        if prompt_in_input:
            notes["sources_with_prompt_in_input"] = prompt_in_input
        return Decision(changes, _columns(facts, params), notes)


def _document_sources(facts: pa.Table) -> list[str]:
    """Return the sources in which no record has a prompt, sorted."""
    prompted = facts.filter(pc.invert(facts.column("heuristics_empty_prompt"))).column("source")
    everything = set(pc.unique(facts.column("source")).to_pylist())
    return sorted(everything - set(pc.unique(prompted).to_pylist()))


def _sources_with_prompt_in_input(facts: pa.Table) -> list[str]:
    """Return the sources in which at least half of all prompts are an input without instruction, sorted."""
    prompted = facts.filter(pc.invert(facts.column("heuristics_empty_prompt")))
    shares = prompted.group_by("source").aggregate([("heuristics_empty_instruction", "mean")])
    most = shares.filter(pc.greater_equal(shares.column("heuristics_empty_instruction_mean"), 0.5))
    return sorted(most.column("source").to_pylist())


def _instruction_empty(
    facts: pa.Table, documents: list[str], prompt_in_input: list[str], params: HeuristicsParams
) -> Finding:
    """Find records without a task, but for those of sources that hold documents, or prompts in `input`."""
    masks = {
        "heuristics_empty_prompt": _mask(facts.column("heuristics_empty_prompt")) & ~_from(facts, documents),
        "heuristics_empty_instruction": _mask(facts.column("heuristics_empty_instruction"))
        & ~_from(facts, prompt_in_input),
    }
    return Finding(
        np.logical_or.reduce(list(masks.values())) & params.require_instruction,
        lambda row: {"measure": next(name for name, mask in masks.items() if mask[row]), "value": True},
    )


def _from(facts: pa.Table, sources: list[str]) -> Mask:
    return _mask(pc.is_in(facts.column("source"), pa.array(sources, pa.string())))


def _mask(column: pa.ChunkedArray) -> Mask:
    return np.asarray(column.to_numpy(), dtype=np.bool_)


def _above(facts: pa.Table, name: str, threshold: float) -> Mask:
    """Return where a column is above a threshold, both at the column's own precision."""
    return _mask(pc.greater(facts.column(name), pa.scalar(threshold, facts.column(name).type)))


def _value(facts: pa.Table, name: str, row: int) -> Scalar:
    value: Scalar = facts.column(name)[row].as_py()
    return round(value, 4) if isinstance(value, float) else value


Check: TypeAlias = Callable[[pa.Table, HeuristicsParams], Finding]


def _response_empty(facts: pa.Table, params: HeuristicsParams) -> Finding:
    mask = _mask(pc.equal(facts.column("heuristics_chars"), 0))
    return Finding(mask, lambda row: {"measure": "heuristics_chars", "value": 0, "threshold": 1})


def _true(name: str) -> Check:
    """Return a check that finds the rows where a column is true."""
    return lambda facts, params: Finding(
        _mask(facts.column(name)), lambda row: {"measure": name, "value": True}
    )


def _named(name: str) -> Check:
    """Return a check that finds the rows where a column names a rule."""
    return lambda facts, params: Finding(
        _mask(pc.not_equal(facts.column(name), "")),
        lambda row: {"measure": name, "rule": _value(facts, name, row)},
    )


def _needs(kind: str) -> Check:
    """Return a check that finds the tasks which need a thing of one kind."""
    return lambda facts, params: Finding(
        _mask(pc.equal(facts.column("heuristics_needs"), kind)),
        lambda row: {
            "measure": "heuristics_needs",
            "value": kind,
            "rule": _value(facts, "heuristics_needs_rule", row),
        },
    )


def _refusal(facts: pa.Table, params: HeuristicsParams) -> Finding:
    helps = _above(facts, "heuristics_refusal_help", params.max_refusal_help)
    mask = _mask(pc.not_equal(facts.column("heuristics_refusal"), "")) & ~helps
    return Finding(
        mask,
        lambda row: {
            "measure": "heuristics_refusal_help",
            "value": _value(facts, "heuristics_refusal_help", row),
            "threshold": params.max_refusal_help,
            "rule": _value(facts, "heuristics_refusal", row),
        },
    )


def _shares(facts: pa.Table, thresholds: dict[str, float], excuses: tuple[str, ...]) -> Finding:
    """Find the rows in which any share is above its threshold; the evidence names the first that is."""
    excused: Mask = np.zeros(facts.num_rows, dtype=np.bool_)
    for name in excuses:
        excused |= _mask(facts.column(name))
    masks = {name: _above(facts, name, limit) & ~excused for name, limit in thresholds.items()}

    def why(row: int) -> dict[str, Scalar]:
        name = next(name for name, above in masks.items() if above[row])
        return {"measure": name, "value": _value(facts, name, row), "threshold": thresholds[name]}

    return Finding(np.logical_or.reduce(list(masks.values())), why)


def _repetition(facts: pa.Table, params: HeuristicsParams) -> Finding:
    thresholds = {
        "heuristics_repetition": params.max_repetition,
        "heuristics_repeated_lines": params.max_repeated_lines,
        "heuristics_loop": params.max_loop,
    }
    return _shares(facts, thresholds, ("heuristics_repetition_asked",))


def _symbols(facts: pa.Table, params: HeuristicsParams) -> Finding:
    thresholds = {"heuristics_symbol_ratio": params.max_symbol_ratio}
    return _shares(facts, thresholds, ("heuristics_symbols_asked",))


def _echo(facts: pa.Table, params: HeuristicsParams) -> Finding:
    prompt = _shares(facts, {"heuristics_echo": params.max_echo}, ("heuristics_copy_asked",))
    if not params.echo_of_input:
        return prompt
    excuses = ("heuristics_copy_asked", "heuristics_edit_asked")
    own = _shares(facts, {"heuristics_echo_input": params.max_echo}, excuses)
    return Finding(prompt.mask | own.mask, lambda row: (prompt if prompt.mask[row] else own).why(row))


CHECKS: dict[str, Check] = {
    "response.empty": _response_empty,
    "instruction.empty": _true("heuristics_empty_prompt"),
    "response.placeholder": _named("heuristics_placeholder"),
    "context.image": _needs("image"),
    "context.audio": _needs("audio"),
    "context.web_page": _needs("web_page"),
    "instruction.merged": _named("heuristics_merged"),
    "response.refusal": _refusal,
    "response.repetition": _repetition,
    "response.echo": _echo,
    "text.symbols": _symbols,
    "response.unclosed_fence": _true("heuristics_unclosed_fence"),
}
"""The checks by reason, without the stage's name, in the order in which a record is dropped for them."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "response.empty": ("chars",),
    "instruction.empty": ("empty_prompt", "empty_instruction"),
    "response.placeholder": ("placeholder",),
    "context": ("needs", "needs_rule"),
    "instruction.merged": ("merged",),
    "response.refusal": ("refusal", "refusal_help"),
    "response.repetition": ("repetition", "repeated_lines", "loop", "repetition_asked"),
    "response.echo": ("echo", "echo_input", "copy_asked", "edit_asked"),
    "text.symbols": ("symbol_ratio", "symbols_asked"),
    "response.unclosed_fence": ("unclosed_fence",),
}
"""The facts that belong to a check (`context`: to the three of them), without their prefix."""


def _action_of(params: HeuristicsParams, reason: str) -> Action:
    action: Action = getattr(params, reason.replace(".", "_"))
    return action


def _change(
    changes: Changes, id_: str, row: int, found: dict[str, Finding], params: HeuristicsParams
) -> None:
    at_fault = [reason for reason, finding in found.items() if finding.mask[row]]
    dropped = next((reason for reason in at_fault if _action_of(params, reason) == "drop"), None)
    if dropped is not None:
        changes.drop(id_, f"heuristics.{dropped}", found[dropped].why(row))
        return
    for reason in at_fault:
        changes.flag(id_, f"heuristics.{reason}", found[reason].why(row))


def _columns(facts: pa.Table, params: HeuristicsParams) -> pa.Table | None:
    """Return `id` and the facts of every check that is not off; None if all are."""
    wanted: list[str] = []
    for check, names in COLUMNS.items():
        reasons = [reason for reason in CHECKS if reason == check or reason.startswith(f"{check}.")]
        if any(_action_of(params, reason) != "off" for reason in reasons):
            wanted += [f"{PREFIX}{name}" for name in names]
    return facts.select(["id", *wanted]) if wanted else None
