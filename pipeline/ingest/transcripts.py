"""Units whose text is a whole conversation with marks of who speaks: `transcript`.

The marks are those of real files: `Human:` / `Assistant:`, `<user>:` / `<bot>:`, `USER:` / `ASSISTANT:` /
`FUNCTION RESPONSE:`, `用户：` / `助手：`, `Q:` / `A:`. A mark counts at the start of a line only (angle brackets
anywhere), the text must begin with the first of them, and half of a file's units must be written so: a question
that quotes a chat stays a question. Answers in a row under `A:` are rival answers: the first is the output, the
others go to meta.other_answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.ingest.columns import Names, Value, column_named
from pipeline.ingest.parts import Parts, from_turns
from pipeline.ingest.tool_calls import response_text, written_calls
from pipeline.ingest.turns import Kept, Turn, Unfit

COLUMNS: Names = (
    "chat",
    "conversation",
    "dialogue",
    "dialog",
    "instruction",
    "prompt",
    "input",
    "text",
    "对话",
)
OUTPUTS: Names = ("output", "response", "completion", "answer", "回答", "输出")


@dataclass(frozen=True, slots=True)
class Marks:
    """How a transcript marks its speakers; `first`: what its text begins with."""

    first: re.Pattern[str]
    every: re.Pattern[str]
    roles: dict[str, str]
    rivals: bool = False


def _marks(roles: dict[str, str], end: str, line: bool = True, rivals: bool = False) -> Marks:
    names = "|".join(map(re.escape, roles))
    every = rf"{'^[ ]*' if line else ''}({names}){end}[ ]?"
    users = "|".join(re.escape(name) for name, role in roles.items() if role in ("user", "system"))
    return Marks(re.compile(rf"\s*({users}){end}"), re.compile(every, re.MULTILINE), roles, rivals)


MARKS = (
    _marks({"<user>": "user", "<bot>": "assistant", "<assistant>": "assistant", "<system>": "system"}, ":", line=False),
    _marks({"System": "system", "Human": "user", "User": "user", "Assistant": "assistant", "AI": "assistant"}, ":"),
    _marks({"SYSTEM": "system", "USER": "user", "ASSISTANT": "assistant", "FUNCTION RESPONSE": "response"}, ":"),
    _marks(
        {"系统": "system", "用户": "user", "客户": "user", "助手": "assistant", "客服": "assistant"}, "[:：]",
    ),
    _marks({"患者": "user", "病人": "user", "医生": "assistant"}, "[:：]"),
    _marks({"问": "user", "答": "assistant"}, "[:：]", rivals=True),
    _marks({"Q": "user", "A": "assistant"}, "[:：]", rivals=True),
)  # fmt: skip
_END = re.compile(r"<\|endoftext\|>|</s>")
_CALL = re.compile(r"<functioncall>\s*(.*)", re.DOTALL)


def marks_of(text: str) -> Marks | None:
    """Return the marks that a transcript begins with, or None if the text is none."""
    return next((marks for marks in MARKS if marks.first.match(text)), None)


def read_transcript(value: Value, lang: str) -> Parts | Unfit | None:
    """Return the record of a unit with a transcript; None if it holds none."""
    for name in COLUMNS:
        column = column_named(value, (name,))
        text = value[column] if column else None
        marks = marks_of(text) if isinstance(text, str) else None
        if column and marks and isinstance(text, str):
            answer = column_named(value, OUTPUTS)
            reply = value[answer] if answer and answer != column else None
            turns, others = turns_in(text, marks)
            if reply is None and len(turns) == 1 and not marks.rivals:
                return None
            taken = {column}
            if isinstance(reply, str) and answer:
                taken.add(answer)
                turns.append(Turn("assistant", reply))
            if value.get("input") == "":
                taken.add("input")
            meta = {"other_answers": others} if others else {}
            return from_turns(value, taken, turns, Kept(), lang, meta=meta)
    return None


def turns_in(text: str, marks: Marks) -> tuple[list[Turn], list[str]]:
    """Return the turns of a transcript, and the rival answers that its last question has."""
    found = list(marks.every.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    turns: list[Turn] = []
    others: list[str] = []
    for match, end in zip(found, ends, strict=True):
        role = marks.roles[match.group(1)]
        said = _END.sub("", text[match.end() : end]).strip()
        if role == "response":
            turns.append(Turn("user", response_text(said)))
        elif role == "assistant" and marks.rivals and turns and turns[-1].role == "assistant":
            others.append(said)
        elif said or role != "assistant" or end != len(text):
            turns.append(_turn(role, said))
    return turns, others


def _turn(role: str, said: str) -> Turn:
    if role == "assistant":
        return Turn("assistant", _called(said))
    return Turn("system" if role == "system" else "user", said)


def _called(said: str) -> str:
    """Return what was said, with a glaive function call written as every other call."""
    match = _CALL.search(said)
    if match is None:
        return said
    body = match.group(1).strip()
    call = written_calls(body) or written_calls(re.sub(r"'(\{.*\})'", r"\1", body, flags=re.DOTALL))
    return said if call is None else "\n".join(filter(None, (said[: match.start()].strip(), call)))
