"""Repairs a record's texts and holds its length to a standard, one change a reason.

The repairs live in `quality.normalise`; this stage walks the text columns in order, runs the steps a recipe
wants and says what each altered. After a step that altered something the earlier steps run again until
nothing moves, so that a second run of the stage finds nothing: removing a zero-width space may lay open a
tag, and an unescaped entity may be a control character. Screens come first: a record in which nothing is
suspicious costs a few substring searches, and only a record with more bytes than tokens allowed is counted.
Rejected: cutting responses by default (a cut answer teaches a model to stop in the middle).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa
from pydantic import Field, model_validator

from pipeline.change import Changes, Scalar, Text
from pipeline.models import ModelRef, Models, TokenCounter
from pipeline.models.need import Need
from pipeline.record import TEXT_COLUMNS
from pipeline.stages.protocol import StageParams
from quality.normalise import (
    STEPS,
    Subject,
    cut_to,
    has_tokens,
    is_suspicious,
    most_tokens,
    placeholder_of,
)

PLACEHOLDER = "placeholder_input"
_MOST_ROUNDS = 12

_Counts: TypeAlias = dict[str, int | str]


class NormaliseParams(StageParams):
    """Parameters of `normalise`."""

    stage: Literal["normalise"] = "normalise"
    mojibake: bool = Field(
        default=True, description="Decode text again that was decoded with the wrong charset."
    )
    control: bool = Field(
        default=True,
        description="Remove control and zero-width characters, byte order marks and ANSI escapes.",
    )
    html: bool = Field(
        default=True,
        description="Turn leftovers of HTML into plain text, except in records about markup or code.",
    )
    unicode: bool = Field(
        default=True,
        description="Compose accents (NFC), narrow full-width letters and digits, plain spaces.",
    )
    whitespace: bool = Field(
        default=True,
        description="Line ends to \\n, at most one empty line, no blanks at ends, no gaps in prose.",
    )
    placeholder_input: bool = Field(
        default=True,
        description='Empty an input that only says there is none ("N/A", "<noinput>", "无").',
    )
    length: bool = Field(default=True, description="Hold records to the token limits below.")
    max_tokens: int = Field(
        default=2048,
        ge=1,
        description="Most tokens of a whole record: system, history, prompt and response.",
    )
    min_tokens: int = Field(default=1, ge=0, description="Least tokens of a whole record.")
    too_long: Literal["drop", "flag", "cut"] = Field(
        default="drop",
        description="What happens above max_tokens; cut drops what no cut can shorten enough, or only to less "
        "than half of the room.",
    )
    too_short: Literal["drop", "flag"] = Field(default="drop", description="What happens below min_tokens.")
    cut_field: Literal["input", "output"] = Field(
        default="input",
        description="The only field that cut shortens, at the end of a sentence or line.",
    )
    tokenizer: ModelRef | None = Field(
        default=None, description="Whose tokenizer counts; by default MiniLM's."
    )

    @model_validator(mode="after")
    def _limits_leave_room(self) -> NormaliseParams:
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens ({self.min_tokens}) is above max_tokens ({self.max_tokens})")
        return self


@dataclass(slots=True)
class _Draft:
    """One record's texts, flat: system, the turns of the history, instruction, input, output.

    `open` are the positions of the texts that a step might alter.
    """

    id: str
    texts: list[str]
    open: Sequence[int] = ()

    def prompt(self) -> str:
        """Return all that the user's side says as one text."""
        asked = [self.texts[0], *self.texts[1:-3:2], *self.texts[-3:-1]]
        return "\n".join(asked)

    def column(self, position: int) -> str:
        """Return the column that a text stands in."""
        last = len(self.texts) - 3
        if position >= last:
            return TEXT_COLUMNS[2 + position - last]
        return "history" if position else "system"

    def value(self, column: str) -> Text:
        """Return a column's present value."""
        if column != "history":
            return self.texts[{"system": 0, "instruction": -3, "input": -2, "output": -1}[column]]
        turns = self.texts[1:-3]
        return [
            {"user": user, "assistant": assistant}
            for user, assistant in zip(turns[::2], turns[1::2], strict=True)
        ]


class Normalise:
    """The stage; see the module."""

    name = "normalise"
    version = 3

    def needs(self, params: NormaliseParams) -> tuple[Need, ...]:
        """Return the tokenizer that counts, if the length is limited."""
        return (Need("token_counter", params.tokenizer),) if params.length else ()

    def edit(self, batch: pa.Table, params: NormaliseParams, models: Models) -> Changes:
        """Return one edit a reason that altered a record, then what its length calls for."""
        changes = Changes()
        steps = _wanted(params)
        drafts = list(_drafts(batch))
        for draft in drafts:
            _repair(draft, steps, changes)
        if params.length:
            _hold_length(drafts, params, models, changes)
        return changes


def _wanted(params: NormaliseParams) -> tuple[str, ...]:
    return tuple(name for name in (*STEPS, PLACEHOLDER) if getattr(params, name))


def _drafts(batch: pa.Table) -> Iterator[_Draft]:
    columns = [batch.column(name).to_pylist() for name in ("id", *TEXT_COLUMNS)]
    for id_, system, history, instruction, input_, output in zip(*columns, strict=True):
        turns = [text for turn in history for text in (turn["user"], turn["assistant"])]
        yield _Draft(id_, [system, *turns, instruction, input_, output])


def _repair(draft: _Draft, steps: Sequence[str], changes: Changes) -> None:
    """Run the steps on one record; each that altered something becomes one change."""
    draft.open = [i for i, text in enumerate(draft.texts) if text and is_suspicious(text)]
    if not draft.open:
        steps = steps[steps.index(PLACEHOLDER) :] if PLACEHOLDER in steps else ()
    for number, step in enumerate(steps):
        before = list(draft.texts)
        counts: _Counts = {}
        if _run(draft, step, counts):
            _settle(draft, steps[: number + 1], counts)
            _record(draft, f"normalise.{step}", before, counts, changes)


def _run(draft: _Draft, step: str, counts: _Counts) -> bool:
    """Run one step on the open texts of a record, add to the counts, and tell whether it altered any."""
    if step == PLACEHOLDER:
        found = placeholder_of(draft.texts[-2], draft.texts[-3])
        if found is not None:
            draft.texts[-2] = ""
            counts["placeholder"] = found
        return found is not None
    before = list(draft.texts)
    subject = Subject(draft.prompt(), before)
    for position in draft.open:
        text = before[position]
        repair = STEPS[step](text, subject)
        if repair.text != text:
            draft.texts[position] = repair.text
            for name, number in repair.counts.items():
                counts[name] = int(counts.get(name, 0)) + number
    return draft.texts != before


def _settle(draft: _Draft, steps: Sequence[str], counts: _Counts) -> None:
    """Run all steps until none alters anything; two or three rounds do, and their number is bounded."""
    for _ in range(_MOST_ROUNDS):
        if not sum(_run(draft, step, counts) for step in steps):
            return


def _record(draft: _Draft, reason: str, before: Sequence[str], counts: _Counts, changes: Changes) -> None:
    """Write one edit: the columns that differ, and numbers and names as its evidence."""
    moved = [i for i, (old, new) in enumerate(zip(before, draft.texts, strict=True)) if old != new]
    columns = list(dict.fromkeys(draft.column(position) for position in moved))
    if not columns:
        return
    evidence: dict[str, Scalar | Sequence[Scalar]] = {
        "fields": columns,
        "chars_before": sum(len(before[position]) for position in moved),
        "chars_after": sum(len(draft.texts[position]) for position in moved),
        **counts,
    }
    changes.edit(draft.id, reason, evidence, {name: draft.value(name) for name in columns})


def _hold_length(drafts: Sequence[_Draft], params: NormaliseParams, models: Models, changes: Changes) -> None:
    """Drop, flag or cut the records that are longer or shorter than the limits allow."""
    doubtful = [
        draft
        for draft in drafts
        if sum(map(most_tokens, draft.texts)) > params.max_tokens
        or not has_tokens(draft.texts, params.min_tokens)
    ]
    if not doubtful:
        return
    counter = models.token_counter(params.tokenizer)
    name = counter.identity.name
    counts = counter.count([text for draft in doubtful for text in draft.texts]).tolist()
    start = 0
    for draft in doubtful:
        stop = start + len(draft.texts)
        tokens = counts[start:stop]
        start = stop
        total = sum(tokens)
        if total > params.max_tokens:
            if params.too_long == "cut" and _cut(draft, tokens, params, counter, changes):
                continue
            _judge(draft, "too_long", total, params, name, changes)
        elif total < params.min_tokens:
            _judge(draft, "too_short", total, params, name, changes)


def _judge(
    draft: _Draft,
    what: Literal["too_long", "too_short"],
    tokens: int,
    params: NormaliseParams,
    tokenizer: str,
    changes: Changes,
) -> None:
    """Drop or flag a record beyond a limit; one that no cut can shorten enough is dropped."""
    long = what == "too_long"
    action = params.too_long if long else params.too_short
    limit = params.max_tokens if long else params.min_tokens
    evidence: dict[str, Scalar] = {"tokens": tokens, "limit": limit, "tokenizer": tokenizer}
    write = changes.flag if action == "flag" else changes.drop
    write(draft.id, f"normalise.length.{what}", evidence)


def _cut(
    draft: _Draft,
    tokens: Sequence[int],
    params: NormaliseParams,
    counter: TokenCounter,
    changes: Changes,
) -> bool:
    """Cut the one field that may be cut; False, with nothing changed, if that cannot reach the limit."""
    position = -2 if params.cut_field == "input" else -1
    rest = sum(tokens) - tokens[position]
    before = list(draft.texts)

    def fits(text: str) -> bool:
        return rest + int(counter.count([text])[0]) <= params.max_tokens

    shorter = cut_to(before[position], fits) if rest < params.max_tokens else None
    if shorter is None:
        return False
    draft.texts[position] = shorter
    draft.open = range(len(draft.texts))
    _settle(draft, _wanted(params), {})
    after = int(counter.count(draft.texts).sum())
    if after > params.max_tokens or not draft.texts[position]:
        draft.texts = before
        return False
    counts: _Counts = {
        "field": params.cut_field,
        "tokens_before": sum(tokens),
        "tokens_after": after,
        "limit": params.max_tokens,
        "tokenizer": counter.identity.name,
    }
    _record(draft, "normalise.length.cut", before, counts, changes)
    return True
