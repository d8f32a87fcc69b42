"""Message trees as Open Assistant writes them: `oasst_tree`, nested or as flat rows.

Every path from the root to an answer that no further answer follows becomes a record, the messages before it its
history. At each question the best ranked answer is followed (the first where none is ranked): that is what people
train on, and of several answers to one question dedupe would keep one without knowing its rank. `tree_paths: all`
follows all of them. Deleted messages, those that reviewers refused, empty ones, all that hangs below these, and
questions that nobody answered are in no record; each message that is not used is counted. Flat rows are collected tree
by tree, so only one tree is in memory; a row whose tree is not there is a reject. Rejected: a record for each
answer on the way, which repeats early turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import LineageError
from pipeline.ingest.columns import Names, Value, as_word, column_named
from pipeline.ingest.parts import Fields, Parts, one_part
from pipeline.ingest.turns import Kept, Speaker, Turn, Unfit, fold, role_of
from pipeline.ingest.units import (
    CONVERSATION_CONTENT,
    CONVERSATION_ROLE,
    TOO_LARGE,
    TREE_ORPHAN,
    UNANSWERED,
    Bad,
    Broken,
    Read,
    canonical,
)

ROWS = "messages_of_tree"
"""The column under which the rows of one flat tree stand."""

_ID: Names = ("message_id", "user_message_id")
_PARENT: Names = ("parent_id", "parent_message_id")
_TREE: Names = ("message_tree_id",)
_OF_MESSAGE = ("message_id", "user_message_id", "rank", "labels", "model_name", "synthetic", "quality")


@dataclass(slots=True)
class Message:
    """One message of a tree: what it says, its place, and "" or why no record may hold it."""

    value: Value
    text: str
    role: Speaker
    refused: str
    parent: Message | None
    replies: list[Message] = field(default_factory=list)
    answered: bool = False  # an answer that may be used stands below it
    used: bool = False


def read_tree(value: Value, lang: str, best: bool = True) -> Parts | Unfit | None:
    """Return the records of a tree; None if the unit is none.

    Args:
        value: {prompt: {text, role, replies}}, the root message itself, or the rows that `group_rows` collected.
        lang: declared language; "" for that of each answer.
        best: follow only the best ranked answer to each question.

    Raises:
        LineageError: the messages used and those left out are not all of them.
    """
    root = _root(value)
    if root is None:
        return None
    messages = _messages(root)
    if isinstance(messages, Unfit):
        return messages
    _mark_answered(messages)
    ends = _ends(messages[0], best)
    parts: list[Fields] = []
    common = (
        {name: held for name, held in value.items() if name not in ("prompt", ROWS)}
        if root is not value
        else {}
    )
    for end in ends:
        part = _record(end, common, lang)
        if isinstance(part, Unfit):
            return part
        parts.extend(part.fields)
    left = Counter(_why_unused(message) for message in messages if not message.used)
    if sum(message.used for message in messages) + left.total() != len(messages):
        raise LineageError(
            "messages of a tree went missing", "this is a defect of the reader: please report it"
        )
    if not parts:
        return Unfit(UNANSWERED, f"no usable answer among its {len(messages)} messages: {_counted(left)}")
    notes = {f"messages of trees left out, {why}": count for why, count in sorted(left.items())}
    return Parts(tuple(parts), notes)


def is_row(value: Value) -> bool:
    """Return whether a unit is one message of a flat tree."""
    known = {"text", "role"} <= value.keys() and not isinstance(value.get("replies"), list)
    return known and column_named(value, _ID) is not None and any(name in value for name in _PARENT)


def group_rows(items: Iterator[Read | Bad], limit: int) -> Iterator[Read | Bad]:
    """Yield one unit for the rows of each tree, a `Bad` for each row whose tree is not there.

    Args:
        items: rows, those of one tree standing together.
        limit: bytes; the rows of one tree must not be more.

    Raises:
        Broken: the rows break off; what came before has been yielded.
    """
    tree = _Rows(limit)
    broken: Broken | None = None
    line = 0
    try:
        for item in items:
            line = item.line
            if isinstance(item, Bad):
                yield item
            elif not is_row(item.value):
                yield from tree.close()
                tree = _Rows(limit)
                yield item
            elif tree.holds(item.value):
                yield from tree.add(item)
            else:
                yield from tree.close()
                tree = _Rows(limit)
                yield from tree.add(item)
    except Broken as error:
        broken = error
    yield from tree.close()
    if broken is not None:
        raise Broken(broken.reason, broken.detail, broken.line or line + 1, broken.hint)


class _Rows:
    """The rows of the tree that is being read."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: list[Read] = []
        self._ids: set[str] = set()
        self._size = 0
        self._tree = ""

    def holds(self, row: Value) -> bool:
        """Return whether a row belongs to this tree: by its tree's id, else by its parent's."""
        tree = column_named(row, _TREE)
        if tree is not None:
            return str(row[tree]) == self._tree
        parent = column_named(row, _PARENT)
        return parent is not None and str(row[parent]) in self._ids

    def add(self, item: Read) -> Iterator[Bad]:
        """Take a row that begins this tree or belongs to it; yield it as a `Bad` where it cannot."""
        row = item.value
        tree, parent, own = (column_named(row, names) for names in (_TREE, _PARENT, _ID))
        if not self._rows and parent is not None:
            yield Bad(
                item.line, TREE_ORPHAN, "the message that its parent's id names does not stand before it"
            )
            return
        self._tree = str(row[tree]) if tree else ""
        self._size += len(item.raw)
        if own:
            self._ids.add(str(row[own]))
        self._rows.append(item if self._size <= self._limit else Read(item.line, {}, b""))

    def close(self) -> Iterator[Read | Bad]:
        """Yield the tree, rows without a parent as rejects."""
        rows, self._rows = self._rows, []
        if self._size > self._limit:
            for row in rows:
                yield Bad(
                    row.line, TOO_LARGE, f"its tree is longer than max_unit_bytes, {self._limit:,} bytes"
                )
            return
        for row in rows[1:]:
            parent = column_named(row.value, _PARENT)
            if parent is None or str(row.value[parent]) not in self._ids:
                yield Bad(row.line, TREE_ORPHAN, "no message of its tree is its parent")
        kept = [
            row.value
            for place, row in enumerate(rows)
            if not place or str(row.value.get(column_named(row.value, _PARENT) or "")) in self._ids
        ]
        if kept:
            value: Value = {ROWS: kept}
            yield Read(rows[0].line, value, canonical(value))


def _root(value: Value) -> Value | None:
    prompt = value.get("prompt")
    if isinstance(prompt, dict) and isinstance(prompt.get("replies"), list):
        return prompt
    if isinstance(value.get("replies"), list) and "text" in value and "role" in value:
        return value
    rows = value.get(ROWS)
    if not isinstance(rows, list) or not rows:
        return None
    nodes: dict[str, Value] = {}
    for row in rows:
        nodes[str(row[column_named(row, _ID)])] = row | {"replies": []}
    for row in rows[1:]:
        node = nodes[str(row[column_named(row, _ID)])]
        replies = nodes[str(row[column_named(row, _PARENT)])]["replies"]
        assert isinstance(replies, list)
        replies.append(node)
    return next(iter(nodes.values()))


def _messages(root: Value) -> list[Message] | Unfit:
    """Return all messages of a tree, parents before replies."""
    found: list[Message] = []
    waiting: list[tuple[Value, Message | None]] = [(root, None)]
    while waiting:
        value, parent = waiting.pop()
        text, role = value.get("text"), value.get("role")
        who = role_of(role) if isinstance(role, str) else None
        if who not in ("user", "assistant", "system"):
            what = f"message {len(found) + 1} has the role {as_word(role)!r}, not prompter or assistant"
            return Unfit(CONVERSATION_ROLE, what)
        if text is not None and not isinstance(text, str):
            return Unfit(CONVERSATION_CONTENT, f"message {len(found) + 1} has a text that is none")
        refused = _refused(value, text or "", parent)
        message = Message(value, text or "", who, refused, parent)
        if parent is not None:
            parent.replies.append(message)
        found.append(message)
        replies = value.get("replies") or []
        if not isinstance(replies, list) or not all(isinstance(reply, dict) for reply in replies):
            return Unfit(
                CONVERSATION_CONTENT, f"message {len(found)} has replies that are no list of messages"
            )
        waiting.extend((reply, message) for reply in reversed(replies))
    return found


def _refused(value: Value, text: str, parent: Message | None) -> str:
    if value.get("deleted") is True:
        return "deleted"
    if value.get("review_result") is False:
        return "refused by reviewers"
    if not text.strip():
        return "empty"
    return "below one left out" if parent is not None and parent.refused else ""


def _mark_answered(messages: list[Message]) -> None:
    for message in reversed(messages):
        message.answered = any(
            not reply.refused and (reply.role == "assistant" or reply.answered) for reply in message.replies
        )


def _ends(root: Message, best: bool) -> list[Message]:
    """Return the answers that end a record, in the order of the tree; marks the messages of their paths."""
    ends: list[Message] = []
    waiting = [root]
    while waiting:
        message = waiting.pop()
        if message.refused:
            continue
        replies = [reply for reply in message.replies if not reply.refused]
        answers = [reply for reply in replies if reply.role == "assistant"]
        if best and answers:
            replies = [min(answers, key=_rank)]
        if message.role == "assistant" and not message.answered:
            ends.append(message)
            step: Message | None = message
            while step is not None and not step.used:
                step.used = True
                step = step.parent
        waiting.extend(reversed(replies))
    return ends


def _rank(message: Message) -> float:
    rank = message.value.get("rank")
    return float(rank) if isinstance(rank, (int, float)) and rank == rank else float("inf")


def _why_unused(message: Message) -> str:
    if message.refused:
        return message.refused
    return (
        "question without an answer"
        if message.role == "user" and not message.answered
        else "not the best ranked"
    )


def _record(end: Message, common: Value, lang: str) -> Parts | Unfit:
    turns: list[Turn] = []
    step: Message | None = end
    while step is not None:
        turns.append(Turn(step.role, step.text))
        step = step.parent
    told = Kept()
    talk = fold(turns[::-1], told)
    if isinstance(talk, Unfit):
        return talk
    own = {name: held for name in _OF_MESSAGE if (held := end.value.get(name)) is not None}
    tree = end.value.get("message_tree_id")
    own |= {"message_tree_id": tree} if isinstance(tree, str) else {}
    spoken = lang or end.value.get("lang")
    return one_part(common | own, set(), talk, told, spoken if isinstance(spoken, str) else "", "", {})


def _counted(left: Counter[str]) -> str:
    return ", ".join(f"{count} {why}" for why, count in sorted(left.items()))
