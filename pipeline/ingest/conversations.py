"""Units that hold a list of turns: `messages`, `sharegpt` and `dialogue`.

The list is found by what its elements look like, not by the column's name alone: {role, content}, {from, value},
any pair of a speaker and a text, a question and its answer in one object, a text under the name of its speaker.
Where nobody is named (a list of texts, {message}), the speakers alternate and the first one asks; that is weak, so
the column must have a name that says conversation. A picture or a sound in a turn rejects the unit: an answer
about what the model cannot see teaches it to make things up. Rejected: a placeholder for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import orjson

from pipeline.ingest.columns import Names, Value, as_word, column_named, kind_of, plain_name, shown
from pipeline.ingest.tool_calls import call_text, calls_of, response_text, written_calls
from pipeline.ingest.turns import Kept, Role, Speaker, Turn, Unfit, known_roles, role_of, roles_of
from pipeline.ingest.units import CONVERSATION_CONTENT, CONVERSATION_MEDIA, CONVERSATION_ROLE

LISTS: Names = (
    "messages", "conversations", "conversation", "dialogue", "dialog", "dialogs", "dialogues", "turns", "chat",
    "chats", "utterances", "chat_history", "data", "对话", "会话", "对话内容", "聊天记录", "对话记录", "對話",
)  # fmt: skip
"""Columns that hold a list of turns."""

_SPEAKER: Names = ("role", "from", "speaker", "author", "sender", "user_type", "角色", "说话人", "发言人")
_TEXT: Names = (
    "content", "value", "text", "utterance", "message", "msg", "sentence", "内容", "文本", "发言", "内容文本",
)  # fmt: skip
_ASKED: Names = ("human", "user", "input", "instruction", "question", "query", "prompt", "用户", "问", "问题")
_ANSWERED: Names = ("assistant", "bot", "gpt", "output", "answer", "response", "助手", "答", "回答")
_SYSTEM: Names = ("system", "system_prompt", "系统")
_OPENAI = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
_WRAPPED = ("text", "value", "content")

Style = Literal["messages", "sharegpt", "dialogue", "pairs", "named", "alternate"]


@dataclass(frozen=True, slots=True)
class Turns:
    """A list of turns that was found: its column, its elements and how they are written."""

    column: str
    items: list[object]
    style: Style


def find_turns(value: Value) -> Turns | None:
    """Return the list of turns that a unit holds, or None."""
    named = {plain_name(column): column for column in value}
    columns = [named[name] for name in LISTS if name in named]
    for column in dict.fromkeys([*columns, *value]):
        held = value[column]
        if isinstance(held, str) and column in columns:
            held = as_json(held)
        if isinstance(held, list) and held:
            style = _style_of(held)
            if style and (column in columns or style not in ("alternate", "pairs", "named")):
                return Turns(column, held, style)
    return None


def as_json(text: str) -> object:
    """Return the list or object that a cell of a table holds as JSON text, or the text."""
    if text[:1] in ("[", "{"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text


def _style_of(items: list[object]) -> Style | None:
    if all(isinstance(item, str) for item in items):
        return "alternate"
    objects = [item for item in items if isinstance(item, dict)]
    if not objects:
        return "pairs" if all(_is_pair(item) for item in items) else None
    first = objects[0]
    speakers = [item["role"] for item in objects if "role" in item]
    if speakers and any("content" in item or "tool_calls" in item for item in objects):
        return "messages" if _OPENAI.intersection(map(str, speakers)) else "dialogue"
    if any("from" in item and "value" in item for item in objects):
        return "sharegpt"
    if column_named(first, _SPEAKER) and column_named(first, _TEXT):
        return "dialogue"
    if column_named(first, _ASKED) and column_named(first, _ANSWERED):
        return "pairs"
    if column_named(first, _TEXT):
        return "alternate"
    return "named" if len(first) == 1 and role_of(next(iter(first))) else None


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2


def turns_of(found: Turns, told: Kept) -> list[Turn] | Unfit:
    """Return the turns of a list, or why it has none that can be used."""
    if found.style == "pairs":
        return _paired(found)
    if found.style == "named":
        return _named(found)
    if found.style == "alternate":
        return _alternating(found, told)
    return _spoken(found, told)


def _spoken(found: Turns, told: Kept) -> list[Turn] | Unfit:
    speaker, text = {
        "messages": (("role",), ("content",)),
        "sharegpt": (("from",), ("value",)),
    }.get(found.style, (_SPEAKER, _TEXT))
    names: list[str] = []
    messages: list[Value] = []
    for place, item in enumerate(found.items):
        if not isinstance(item, dict):
            return _content(found, place, f"is {kind_of(item)}, not an object")
        key = column_named(item, speaker)
        if key is None or not isinstance(item[key], (str, int)):
            return _role(found, place, f"has no {speaker[0]}; it has {shown(item)}")
        names.append(str(item[key]))
        messages.append(item)
    _tell_fields(messages, {*speaker, *text, "tool_calls", "function_call", "tool_call_id"}, told)
    turns: list[Turn] = []
    for place, (role, message) in enumerate(zip(roles_of(names), messages, strict=True)):
        if role is None:
            unknown = f"has the unknown {speaker[0]} {as_word(names[place])!r}; known are {known_roles()}"
            return _role(found, place, unknown)
        turn = _turn(found, place, role, message, text)
        if isinstance(turn, Unfit):
            return turn
        turns.append(turn)
    return _in_order(turns, messages) if found.style == "messages" else turns


def _turn(found: Turns, place: int, role: Role, message: Value, names: Names) -> Turn | Unfit:
    key = column_named(message, names)
    absent = not any(plain_name(column) in names for column in message)
    calls = calls_of(message) if found.style == "messages" else []
    if calls is None:
        return _content(found, place, "has tool_calls that are not a list of {function: {name, arguments}}")
    if absent and not calls:
        return _content(found, place, f"has no {names[0]}; it has {shown(message)}")
    content = text_of(message[key], f"{found.column}[{place}]") if key else ""
    if isinstance(content, Unfit):
        return content
    if role == "response":
        return Turn("user", response_text(content))
    if role == "call":
        written = written_calls(content)
        if written is None:
            return _content(found, place, "is a function call, but not JSON with a name and arguments")
        return Turn("assistant", written)
    if calls:
        content = "\n".join([*([content] if content else []), *(call_text(n, a) for _, n, a in calls)])
    return Turn(role, content)


def text_of(content: object, where: str) -> str | Unfit:
    """Return the text of a turn: a text, null, or a list of parts {type: text, text}; pictures are refused."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return Unfit(CONVERSATION_CONTENT, f"{where} holds {kind_of(content)}, not text")
    texts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type", "text") if isinstance(part, dict) else kind_of(part)
        if isinstance(part, dict) and kind in ("text", "input_text", "output_text", "refusal"):
            held = part.get("text", part.get("refusal"))
            if isinstance(held, str):
                texts.append(held)
                continue
        if isinstance(part, dict) and kind != "text":
            return Unfit(
                CONVERSATION_MEDIA, f"{where} holds a part of type {as_word(kind)}: only text is read"
            )
        return Unfit(CONVERSATION_CONTENT, f"{where} holds a part without text")
    return "\n".join(texts)


def _in_order(turns: list[Turn], messages: list[Value]) -> list[Turn]:
    """Return the turns with the results of each set of calls in the order of the calls."""
    wanted: dict[str, int] = {}
    ordered = list(turns)
    start = 0
    for place, message in enumerate(messages):
        if message.get("tool_call_id") is None:
            start = place + 1
            if message.get("role") == "assistant":
                wanted = {call[0]: number for number, call in enumerate(calls_of(message) or [])}
            continue
        block = range(start, place + 1)
        ids = [str(messages[at]["tool_call_id"]) for at in block]
        if set(ids) <= wanted.keys():
            by_call = sorted(block, key=lambda at: wanted[str(messages[at]["tool_call_id"])])
            ordered[start : place + 1] = [turns[at] for at in by_call]
    return ordered


def _paired(found: Turns) -> list[Turn] | Unfit:
    turns: list[Turn] = []
    for place, item in enumerate(found.items):
        if isinstance(item, dict):
            asked, answered = column_named(item, _ASKED), column_named(item, _ANSWERED)
            system = column_named(item, _SYSTEM)
            if asked is None and answered is None:
                return _content(found, place, f"has neither question nor answer; it has {shown(item)}")
            pair = [item.get(asked or ""), item.get(answered or "")]
            held: list[tuple[Speaker, object]] = [("system", item[system])] if system else []
        elif isinstance(item, list) and len(item) == 2:
            pair, held = item, []
        else:
            return _content(found, place, "is no pair of a question and its answer")
        spoken: list[tuple[Speaker, object]] = [("user", pair[0]), ("assistant", pair[1])]
        for role, content in (*held, *spoken):
            text = text_of(content, f"{found.column}[{place}]")
            if isinstance(text, Unfit):
                return text
            turns.append(Turn(role, text))
    return turns


def _named(found: Turns) -> list[Turn] | Unfit:
    items: list[object] = []
    for place, item in enumerate(found.items):
        if not isinstance(item, dict) or len(item) != 1:
            return _role(found, place, "is no object with the speaker as its one key")
        ((name, text),) = item.items()
        items.append({"role": name, "content": text})
    return _spoken(Turns(found.column, items, "dialogue"), Kept())


def _alternating(found: Turns, told: Kept) -> list[Turn] | Unfit:
    turns: list[Turn] = []
    _tell_fields([item for item in found.items if isinstance(item, dict)], set(_TEXT), told)
    for place, item in enumerate(found.items):
        key = column_named(item, _TEXT) if isinstance(item, dict) else None
        content = item[key] if isinstance(item, dict) and key else item
        text = text_of(content, f"{found.column}[{place}]")
        if isinstance(text, Unfit):
            return text
        turns.append(Turn("assistant" if place % 2 else "user", text))
    return turns


def _tell_fields(messages: Iterable[Value], taken: set[str], told: Kept) -> None:
    """Count the fields of turns that no record has a place for."""
    for message in messages:
        for name, held in message.items():
            if plain_name(name) not in taken and held not in (None, "", [], {}):
                told.counts[f"field {name[:40]} of turns left out"] += 1


def _role(found: Turns, place: int, what: str) -> Unfit:
    return Unfit(CONVERSATION_ROLE, f"{found.column}[{place}] {what}")


def _content(found: Turns, place: int, what: str) -> Unfit:
    return Unfit(CONVERSATION_CONTENT, f"{found.column}[{place}] {what}")
