"""The declared edits that test questions are planted under; told in decontamination_rule.md.

Every choice (which word, which other question) is a hash of the item and the edit, so that a plant never depends on
order or on what else is planted. Rejected: edits by a model, whose changes nobody declared.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from hashlib import blake2b

CHINESE = re.compile(r"[\u4e00-\u9fff]")
_BEFORE = (
    "You will help a teacher who is preparing a worksheet for next week and wants to see how each of the tasks could "
    "be solved by somebody who has never met such a task before. Task: "
)
_AFTER = (
    " When you have finished, rate how hard the task was on a scale from one to ten and give a short reason."
)
_BEFORE_ZH = (
    "你是一位耐心的助教，正在帮一位老师准备下周要用的练习，"
    "他想看看没有见过这类任务的人会怎样一步一步地完成。任务："
)
_AFTER_ZH = "完成之后，请给这个任务的难度打分，从一到十，并简单说明理由。"


def draw(purpose: str, text: str, count: int) -> int:
    """Return a number below `count` that depends on the purpose and the text alone."""
    digest = blake2b(f"{purpose}\x1f{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def half(text: str) -> str:
    """Return the half, A or B, that a text is in."""
    return "AB"[draw("half", text, 2)]


def is_chinese(text: str) -> bool:
    """Tell whether a text counts as Chinese: it holds ten Han characters or a third of it is."""
    found = len(CHINESE.findall(text))
    return found >= 10 or 3 * found >= max(1, len(text))


def words(text: str) -> int:
    """Return the length of a text in words, a Chinese character counting as two thirds."""
    han = len(CHINESE.findall(text))
    return len(re.findall(r"\w+", CHINESE.sub(" ", text))) + (2 * han) // 3


def verbatim(text: str, others: Sequence[str]) -> str:
    return text


def wrapped(text: str, others: Sequence[str]) -> str:
    if is_chinese(text):
        return "\n".join(text[at : at + 20] for at in range(0, len(text), 20))
    return textwrap.fill(text, 40)


def bare(text: str, others: Sequence[str]) -> str:
    kept = (" " if unicodedata.category(c)[0] == "P" and c not in "'’" else c for c in text.lower())
    return " ".join("".join(kept).split())


def width(text: str, others: Sequence[str]) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def embedded(text: str, others: Sequence[str]) -> str:
    return _BEFORE_ZH + text + _AFTER_ZH if is_chinese(text) else _BEFORE + text + _AFTER


def in_document(text: str, others: Sequence[str]) -> str:
    return "\n\n".join((_other("before", text, others), text, _other("after", text, others)))


def replaced(text: str, others: Sequence[str]) -> str:
    return _every(text, lambda at: _piece(text, at, others))


def dropped(text: str, others: Sequence[str]) -> str:
    return _every(text, lambda at: "")


def number(text: str, others: Sequence[str]) -> str:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return ""
    chosen = found[draw("number", text, len(found))]
    other = str(int(chosen.group()) + 1 + draw("by", text, 9))
    return text[: chosen.start()] + other + text[chosen.end() :]


EDITS: dict[str, Callable[[str, Sequence[str]], str]] = {
    "verbatim": verbatim,
    "wrapped": wrapped,
    "bare": bare,
    "width": width,
    "embedded": embedded,
    "in_document": in_document,
    "replaced": replaced,
    "dropped": dropped,
    "number": number,
}
"""From a question and other questions to the planted text; "" where the edit has nothing to do."""

WHOLE_ONLY = frozenset(("replaced", "dropped", "number"))
"""Edits that nobody promises to find in a short item."""


def _other(purpose: str, text: str, others: Sequence[str]) -> str:
    at = draw(purpose, text, len(others))
    return others[at] if others[at] != text else others[(at + 1) % len(others)]


def _units(text: str) -> tuple[list[str], int]:
    """Return the pieces of a text, and every how many of them one is edited."""
    return (list(text), 12) if is_chinese(text) else (re.split(r"(\s+)", text), 16)


def _every(text: str, piece: Callable[[int], str]) -> str:
    """Return a text with every 8th word, or 12th character, given way to `piece`; words alternate with spaces."""
    units, step = _units(text)
    first = draw("first", text, step) // 2 * 2
    for at in range(first, len(units), step):
        units[at] = piece(at)
    return "".join(units)


def _piece(text: str, at: int, others: Sequence[str]) -> str:
    units, step = _units(_other(f"piece {at}", text, others))
    choices = [unit for unit in units if unit.strip()] if step == 12 else units[::2]
    return choices[draw(f"which {at}", text, len(choices))]
