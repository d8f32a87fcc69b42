"""What a unit becomes: the fields of one record or of several, or the reason why of none.

Every shape ends here, so that the rules are the same for all of them: a record needs a text, an instruction or
an output that is a variable nobody filled in (`{question}`) is none, and what no field takes goes to meta.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pipeline.ingest.columns import Names, Value, column_named, plain_name, without
from pipeline.ingest.turns import NOTES, Conversation, Kept, Turn, Unfit, fold
from pipeline.ingest.units import EMPTY, FIELD_TEMPLATE, canonical

SYSTEM: Names = ("system", "system_prompt", "system_message", "系统", "系统提示")
LANG: Names = ("lang",)

_TEMPLATE = re.compile(r"\s*(?:\{\{?\s*[^\W\d]\w*\s*\}?\}|\$\{\w+\}|\$[A-Z_]+|<%=?\s*\w+\s*%>)\s*")
_LONGEST_TEMPLATE = 60
_OPENS = ("{", "$", "<")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one record that its unit fills; `history` holds (user, assistant), oldest first."""

    system: str
    instruction: str
    input: str
    output: str
    lang: str
    meta: str
    history: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """The records of one unit, in order, and counts of what was left out or moved on the way."""

    fields: tuple[Fields, ...]
    notes: Mapping[str, int] = field(default_factory=dict)


def whole(fields: Fields) -> Fields | Unfit:
    """Return the fields if they make a record, else why they do not."""
    texts = (fields.output, fields.instruction, fields.input, fields.system)
    if not any(text and not text.isspace() for text in texts):
        return Unfit(EMPTY, "every field is empty")
    for name, text in (("instruction", fields.instruction), ("output", fields.output)):
        if len(text) <= _LONGEST_TEMPLATE and text.strip()[:1] in _OPENS and _TEMPLATE.fullmatch(text):
            return Unfit(FIELD_TEMPLATE, f"the {name} is a template's variable that was never filled in")
    return fields


def from_turns(
    value: Value,
    taken: Iterable[str],
    turns: list[Turn],
    told: Kept,
    lang: str,
    input_: str = "",
    meta: Mapping[str, object] = MappingProxyType({}),
) -> Parts | Unfit:
    """Return the record of one conversation.

    Args:
        value: the unit; what of it is neither taken nor a system prompt or language goes to meta.
        taken: columns that the turns were made of.
        turns: the turns, in order.
        told: what was told of the turns so far.
        lang: declared language; "" for that of the column lang.
        input_: the input of the last question.
        meta: further keys of meta.
    """
    used = set(taken)
    system = column_named(value, SYSTEM)
    if system is not None and system not in used and isinstance(value[system], str):
        used.add(system)
        turns = [Turn("system", str(value[system])), *turns]
    folded = fold(turns, told)
    if isinstance(folded, Unfit):
        return folded
    return one_part(value, used, folded, told, lang, input_, meta)


def one_part(
    value: Value,
    used: set[str],
    talk: Conversation,
    told: Kept,
    lang: str,
    input_: str,
    meta: Mapping[str, object],
) -> Parts | Unfit:
    """Return the record of a conversation that is folded already; see `from_turns`."""
    spoken = column_named(value, LANG) if not lang else None
    if spoken is not None and isinstance(value[spoken], str):
        used = used | {spoken}
        lang = str(value[spoken])
    rest = {_tools(name): held for name, held in without(value, used).items()} | dict(meta)
    if told.meta or told.counts:
        rest[NOTES] = dict(told.counts) | told.meta
    fields = Fields(
        talk.system, talk.instruction, input_, talk.output, lang, canonical(rest).decode(), talk.history
    )
    kept = whole(fields)
    return kept if isinstance(kept, Unfit) else Parts((kept,), dict(told.counts))


def _tools(name: str) -> str:
    return "tools" if plain_name(name) == "functions" else name
