"""Units with an instruction and more than a pair: `history`, `self_instruct` and `preference`.

`history` adds earlier turns to an instruction and its output; `self_instruct` asks one task of several inputs, each
a record; `preference` has two responses to a prompt, of which the chosen one is the output and the rejected one
stays in meta.rejected. Rejected: training on both responses of a preference, and joining the inputs of a task.
"""

from __future__ import annotations

from pipeline.ingest.columns import Names, Value, column_named, kind_of, without
from pipeline.ingest.conversations import as_json, find_turns, text_of, turns_of
from pipeline.ingest.parts import Fields, Parts, from_turns, whole
from pipeline.ingest.transcripts import marks_of, turns_in
from pipeline.ingest.turns import Kept, Turn, Unfit
from pipeline.ingest.units import CONVERSATION_CONTENT, EMPTY, FIELD_TYPE, UNANSWERED, canonical

ASKS: Names = ("instruction", "prompt", "query", "question", "指令", "问题", "提问")
ANSWERS: Names = ("output", "response", "completion", "answer", "输出", "回答", "答案", "回复")
INPUTS: Names = ("input", "context", "输入")
HISTORIES: Names = ("history", "histories", "历史", "历史对话", "对话历史")
CHOSEN: Names = (
    "chosen", "chosen_response", "response_chosen", "preferred", "response_j", "accepted", "优选", "更好的回答"
)  # fmt: skip
REJECTED: Names = (
    "rejected", "rejected_response", "response_rejected", "dispreferred", "response_k", "拒绝", "较差的回答"
)  # fmt: skip


def read_history(value: Value, lang: str) -> Parts | Unfit | None:
    """Return the record of an instruction with earlier turns; None if the unit has no such columns."""
    column = column_named(value, HISTORIES)
    asked, answered = column_named(value, ASKS), column_named(value, ANSWERS)
    if column is None or asked is None or answered is None:
        return None
    held = value[column]
    held = as_json(held) if isinstance(held, str) else held
    if not isinstance(held, list):
        return None
    told, turns = Kept(), list[Turn]()
    if held:
        found = find_turns({"history": held} if _strange(held) else {"messages": held})
        if found is None:
            return Unfit(CONVERSATION_CONTENT, f"column {column} is no list of pairs [user, assistant]")
        earlier = turns_of(found, told)
        if isinstance(earlier, Unfit):
            return Unfit(earlier.reason, earlier.detail.replace("messages[", f"{column}[", 1))
        turns = earlier
    input_ = column_named(value, INPUTS)
    texts = _texts(value, (asked, answered, *([input_] if input_ else [])))
    if isinstance(texts, Unfit):
        return texts
    turns = [*turns, Turn("user", texts[0]), Turn("assistant", texts[1])]
    taken = {column, asked, answered} | ({input_} if input_ else set())
    return from_turns(value, taken, turns, told, lang, texts[2] if input_ else "")


def _strange(held: list[object]) -> bool:
    return any(isinstance(item, list) and len(item) != 2 for item in held)


def read_self_instruct(value: Value, lang: str) -> Parts | Unfit | None:
    """Return a record for each instance of a task; None if the unit has no instances."""
    asked, column = column_named(value, ASKS), column_named(value, ("instances",))
    if asked is None or column is None:
        return None
    instances = value[column]
    instances = as_json(instances) if isinstance(instances, str) else instances
    if not isinstance(instances, list) or not all(isinstance(item, dict) for item in instances):
        return Unfit(FIELD_TYPE, f"column {column} holds {kind_of(value[column])}, not a list of objects")
    if not instances:
        return Unfit(UNANSWERED, f"column {column} is empty: the task has no output")
    system = column_named(value, ("system",))
    common = without(value, {asked, column} | ({system} if system else set()))
    parts: list[Fields] = []
    for place, item in enumerate(instances):
        texts = _texts(value | {"": item.get("input")}, (asked, "", *([system] if system else [])))
        if isinstance(texts, Unfit):
            return texts
        output = text_of(item.get("output", item.get("response")), f"{column}[{place}].output")
        if isinstance(output, Unfit):
            return output
        rest = common | {
            name: held for name, held in item.items() if name not in ("input", "output", "response")
        }
        meta = canonical(rest | ({"instance": place} if len(instances) > 1 else {})).decode()
        fields = whole(Fields(texts[2] if system else "", texts[0], texts[1], output, lang, meta))
        if isinstance(fields, Unfit):
            return Unfit(fields.reason, f"{column}[{place}]: {fields.detail}")
        parts.append(fields)
    return Parts(tuple(parts))


def read_preference(value: Value, lang: str) -> Parts | Unfit | None:
    """Return the record of a prompt with a chosen and a rejected response; None if it has not both."""
    chosen, rejected = column_named(value, CHOSEN), column_named(value, REJECTED)
    if chosen is None or rejected is None:
        return None
    told = Kept()
    begun = _begun(value, {chosen, rejected}, _whole_talk(value[chosen]) is not None, told)
    if isinstance(begun, Unfit):
        return begun
    turns, taken, input_ = begun
    replies = [_reply(value[name], name) for name in (chosen, rejected)]
    for reply in replies:
        if isinstance(reply, Unfit):
            return reply
    good, bad = ([reply] if isinstance(reply, Turn) else reply for reply in replies)
    assert isinstance(good, list) and isinstance(bad, list)
    if not good or not bad or not good[-1].text.strip():
        return Unfit(EMPTY, f"column {rejected if good and not bad else chosen} holds no response")
    meta = {"rejected": bad[-1].text}
    return from_turns(value, taken, [*turns, *good], told, lang, input_, meta)


def _begun(
    value: Value, taken: set[str], repeated: bool, told: Kept
) -> tuple[list[Turn], set[str], str] | Unfit:
    """Return the turns before the responses, the columns taken so far, and the input of the question.

    `repeated`: the responses repeat what was said before them, so that no turn is taken from elsewhere.
    """
    asked = column_named(value, ASKS)
    earlier = find_turns({name: held for name, held in value.items() if name not in taken})
    if earlier is not None:
        taken = taken | {earlier.column}
    if repeated:
        return [], taken | ({asked} if asked else set()), ""
    if earlier is not None:
        turns = turns_of(earlier, told)
        return turns if isinstance(turns, Unfit) else (turns, taken, "")
    if asked is None:
        return [], taken, ""
    input_ = column_named(value, ("input",))
    texts = _texts(value, (asked, *([input_] if input_ else [])))
    if isinstance(texts, Unfit):
        return texts
    taken = taken | {asked} | ({input_} if input_ else set())
    return [Turn("user", texts[0])], taken, texts[1] if input_ else ""


def _whole_talk(held: object) -> list[Turn] | None:
    """Return the turns of a response that is the whole conversation, prompt included; None if it is not."""
    if isinstance(held, list) and len(held) > 1:
        found = find_turns({"messages": held})
        turns = turns_of(found, Kept()) if found else None
        return turns if isinstance(turns, list) else None
    marks = marks_of(held) if isinstance(held, str) else None
    if marks is None or not isinstance(held, str) or marks.rivals:
        return None
    turns, _ = turns_in(held, marks)
    return turns if len(turns) > 1 and turns[-1].role == "assistant" else None


def _reply(held: object, column: str) -> Turn | list[Turn] | Unfit:
    talk = _whole_talk(held)
    if talk is not None:
        return talk
    if isinstance(held, dict):
        held = [held]
    if isinstance(held, list) and held and isinstance(held[0], dict):
        found = find_turns({"messages": held})
        if found is None:
            return Unfit(CONVERSATION_CONTENT, f"column {column} holds no turn of an assistant")
        turns = turns_of(found, Kept())
        if isinstance(turns, Unfit):
            return Unfit(turns.reason, turns.detail.replace("messages[", f"{column}[", 1))
        return turns if found.style != "alternate" else [Turn("assistant", turns[0].text)]
    text = text_of(held, f"column {column}")
    return text if isinstance(text, Unfit) else Turn("assistant", text)


def _texts(value: Value, columns: tuple[str, ...]) -> list[str] | Unfit:
    texts: list[str] = []
    for column in columns:
        held = value.get(column)
        if isinstance(held, (list, dict, bytes)):
            return Unfit(FIELD_TYPE, f"column {column or 'input'} holds {kind_of(held)}, not text")
        texts.append("" if held is None else held if isinstance(held, str) else canonical(held).decode())
    return texts
