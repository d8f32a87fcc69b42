"""Turns of a conversation become one record: who speaks, and what is left out or moved.

The last answer is the output, what was said to it the instruction, earlier turns the history. Turns of one
speaker in a row are joined, empty ones left out; what stands before the first question or after the last
answer is kept in meta. All of this is told in meta.conversation_notes and counted in the report of the file.
Rejected: a record for every answer, which trains on the same early turns again and again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, cast

from pipeline.ingest.units import CONVERSATION_EMPTY, NO_QUESTION, UNANSWERED

Speaker = Literal["system", "user", "assistant"]
Role = Literal["system", "user", "assistant", "call", "response"]

NOTES = "conversation_notes"
"""The key of meta under which a record tells what was done to its turns."""

_NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a unit does not become a record."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: who speaks (never call or response, these are text of assistant and user) and the text."""

    role: Speaker
    text: str


@dataclass(slots=True)
class Kept:
    """What a reader of turns must tell: counts for the report, and what goes to meta."""

    counts: Counter[str] = field(default_factory=Counter)
    meta: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The text fields of one conversation."""

    system: str
    history: tuple[tuple[str, str], ...]
    instruction: str
    output: str


@cache
def _named() -> dict[str, str]:
    table = json.loads(Path(__file__).with_name("roles.json").read_text(encoding="utf-8"))
    return {name: role for role, names in table.items() for name in names}


def roles_of(names: Sequence[str]) -> list[Role | None]:
    """Return who speaks under each name of a conversation; None for an unknown name.

    Two names that say nothing (A and B, 甲 and 乙, 1 and 2) are user and assistant, in the order they speak.
    """
    plain = [name.strip().strip("<>|:：").casefold() for name in names]
    found = [_named().get(name) for name in plain]
    if _NEUTRAL in found:
        distinct = list(dict.fromkeys(plain))
        if set(distinct) == {"q", "a"}:
            return ["user" if name == "q" else "assistant" for name in plain]
        if set(found) == {_NEUTRAL} and len(distinct) == 2:
            return ["user" if name == distinct[0] else "assistant" for name in plain]
    return [cast(Role, role) if role and role != _NEUTRAL else None for role in found]


def role_of(name: str) -> Role | None:
    """Return who speaks under a name such as `human`, `GPT` or `客服`; None for an unknown one."""
    return roles_of([name])[0]


def known_roles() -> str:
    """Return the names that are known best, for messages."""
    return "system, user, assistant, human, gpt, tool, function_call, observation, 用户, 助手, 客服, ..."


def fold(turns: Sequence[Turn], told: Kept) -> Conversation | Unfit:
    """Return the fields of a conversation; adds to `told` what was joined, moved or left out.

    Args:
        turns: in order; system turns anywhere are joined into one.
        told: takes counts and texts for meta.
    """
    spoken = [turn for turn in turns if turn.text.strip()]
    if len(spoken) < len(turns):
        told.counts["empty turns left out"] += len(turns) - len(spoken)
    if not spoken:
        return Unfit(CONVERSATION_EMPTY, "no turn holds any text")
    first = next((place for place, turn in enumerate(spoken) if turn.role != "system"), len(spoken))
    late = sum(turn.role == "system" for turn in spoken[first:])
    if late:
        told.counts["later system turns moved to the front"] += late
    system = "\n\n".join(turn.text for turn in spoken if turn.role == "system")
    joined = _joined([turn for turn in spoken if turn.role != "system"], told)
    roles = [turn.role for turn in joined]
    if "user" not in roles:
        return Unfit(NO_QUESTION, "no turn of a user, so nothing that is answered")
    begin = roles.index("user")
    if "assistant" not in roles[begin:]:
        return Unfit(UNANSWERED, "no turn of an assistant answers the user")
    end = len(roles) - roles[::-1].index("assistant")
    if begin:
        told.counts["turns before the first question kept in meta"] += begin
        told.meta["before"] = [turn.text for turn in joined[:begin]]
    if end < len(joined):
        told.counts["turns after the last answer kept in meta"] += len(joined) - end
        told.meta["after"] = [turn.text for turn in joined[end:]]
    texts = [turn.text for turn in joined[begin:end]]
    pairs = tuple(zip(texts[0::2], texts[1::2], strict=True))
    return Conversation(system, pairs[:-1], *pairs[-1])


def _joined(turns: Sequence[Turn], told: Kept) -> list[Turn]:
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            told.counts["turns of one speaker joined"] += 1
            joined[-1] = Turn(turn.role, f"{joined[-1].text}\n\n{turn.text}")
        else:
            joined.append(turn)
    return joined
