"""Method 9: the same task told by another template of instructions, with all its constraints.

`data/templates.json` holds groups of frames that ask for the same thing: `What are the benefits of {x}?`, `Tell me the
advantages of {x}.` A prompt's sentence is matched against the frames, and what fills the slots goes as it stands into
another frame of the group. Questions are told by their clause (`questions_en`), orders by their verb phrase. Rejected:
templates learned from a corpus (nobody could say which are interchangeable), slots that are reworded too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.augment import syntax_en, syntax_zh
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import (
    UNCHANGED,
    Answer,
    Ask,
    MethodParams,
    NoChild,
    Passage,
    RuleMethod,
    by_passage,
)
from pipeline.augment.questions_en import clause_of
from pipeline.augment.sentences import (
    Sentence,
    capitalised,
    decapitalised,
    draw,
    head_sentences,
    with_sentence,
)
from pipeline.augment.syntax import keeps
from pipeline.models import Models

DATA = Path(__file__).parent / "data"
_SLOT = re.compile(r"\{(\w+)\}")
_MARKS = ".?。？"
_ASKED_TOO = re.compile(
    r",? (?:and|or|but)(?: then)? (?:what|why|how|who|where|when|which)\b|[;?!]|[；？！]", re.IGNORECASE
)
_TOLD_TOO = re.compile(
    r"\b(?:and|then) (?:explain|describe|list|give|tell|write|provide|show|for each|include|put|separate|format|order|"
    r"sort|return|use|make|add|say|rank|classify|present|indicate)\b"
    r"|, (?:list|give|include|separat|place|format|order)",
    re.IGNORECASE,
)
_POLITE = re.compile(r"\b(?:can|could) you (?:please )?|\bplease\b|请你|请|一下|帮我|[，,\s]")
_TWICE = re.compile(r"帮我给我|你给你|帮我帮我|一下一")


class TemplatesParams(MethodParams):
    """Parameters of the method `templates`."""

    method: Literal["templates"] = "templates"
    requests: bool = Field(
        default=True,
        description="Whether an order that no frame knows is told as a request (`I need you to ...`): most prompts "
        "have a child only so, and all such children are alike.",
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """A template: its text without a mark, and the mark of a sentence of it."""

    text: str
    mark: str

    def filled(self, slots: dict[str, str]) -> str:
        """Return the frame with its slots filled."""
        return _SLOT.sub(lambda match: slots[match.group(1)], self.text)


@dataclass(frozen=True, slots=True)
class Group:
    """Frames that ask for the same thing.

    Args:
        name: for the reader of the data file.
        patterns: match what some frame of the group made, each with the longest text that stands in all it matches.
        frames: those that may be made.
        unless: what no slot may hold.
    """

    name: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    frames: tuple[Frame, ...]
    unless: re.Pattern[str] | None


class Templates(RuleMethod):
    """Tells a task by another template."""

    name = "templates"
    version = 1

    def children(
        self, asks: Sequence[Ask], params: TemplatesParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask; see `Method.children`."""
        return by_passage(
            asks, params, guard, lambda passages: [_retold(one, params.requests) for one in passages]
        )


@cache
def groups(lang: str) -> tuple[Group, ...]:
    """Return the groups of a language, `clause` and `request` too."""
    told = json.loads((DATA / "templates.json").read_text("utf-8"))[lang]
    slots: dict[str, str] = told["slots"]
    flags = re.IGNORECASE if lang != "zh" else re.NOFLAG
    return tuple(_group(one, slots, flags) for one in told["groups"])


def _group(one: dict[str, object], slots: dict[str, str], flags: re.RegexFlag) -> Group:
    own = {**slots, **_dict(one.get("slots"))}
    both, only_read, only_told = (_list(one.get(key)) for key in ("frames", "from", "to"))
    patterns = tuple(_read(frame.rstrip(_MARKS), own, flags) for frame in both + only_read)
    frames = tuple(
        Frame(frame.rstrip(_MARKS), frame[-1] if frame[-1] in _MARKS else "") for frame in both + only_told
    )
    unless = str(one["unless"]) if "unless" in one else None
    return Group(str(one["name"]), patterns, frames, re.compile(unless, flags) if unless else None)


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _dict(value: object) -> dict[str, str]:
    return {str(key): str(one) for key, one in value.items()} if isinstance(value, dict) else {}


def _read(frame: str, slots: dict[str, str], flags: re.RegexFlag) -> tuple[str, re.Pattern[str]]:
    """Return a pattern of what a frame makes, and a text that stands in all of it; a slot not listed takes anything."""
    parts = _SLOT.split(frame)
    made = [
        re.escape(part) if n % 2 == 0 else f"(?P<{part}>{slots.get(part, '.{2,160}')})"
        for n, part in enumerate(parts)
    ]
    return max(parts[::2], key=len).lower(), re.compile("".join(made) + r"\Z", flags)


def _retold(passage: Passage, requests: bool) -> str | NoChild:
    known = groups(passage.lang)
    for sentence in head_sentences(passage.protected, passage.lang):
        matched = _matched(sentence, known, passage.lang)
        if not matched and requests:
            matched = _request(sentence, known, passage.lang)
        made = [child for group, slots in matched if (child := _child(passage, sentence, group, slots))]
        if made:
            return made[draw(passage, "group", len(made))]
    return NoChild(UNCHANGED)


def _matched(sentence: Sentence, known: Sequence[Group], lang: str) -> list[tuple[Group, dict[str, str]]]:
    words = _plain(sentence.words.strip(), lang)
    lowered = words.lower()
    found: list[tuple[Group, dict[str, str]]] = []
    for group in known:
        for literal, pattern in group.patterns:
            match = pattern.match(words) if literal in lowered else None
            if match is None:
                continue
            slots = match.groupdict()
            if not any(_refused(value, group) for value in slots.values()):
                found.append((group, slots))
                break
    if lang == "en" and sentence.mark in ("?", "") and (clause := clause_of(words)) is not None:
        asked = [("clause", {"c": clause.text})] if clause.text and len(clause.text) < 120 else []
        asked += [("named", {"np": clause.named})] if clause.named else []
        found += [(group, slots) for name, slots in asked for group in known if group.name == name]
    return found


def _plain(words: str, lang: str) -> str:
    """Return a sentence without words of politeness before it."""
    if lang == "zh":
        return re.sub(r"^(?:请问一下|请问|请你|请您|请|麻烦你|麻烦)[，,]?", "", words)
    return re.sub(r"^please,? ", "", words, flags=re.IGNORECASE)


def _bare(words: str) -> str:
    """Return a sentence without what only asks politely: a child that differs in it alone is a copy."""
    return _POLITE.sub("", words.lower()).strip()


def _refused(value: str, group: Group) -> bool:
    return bool(_ASKED_TOO.search(value)) or (group.unless is not None and bool(group.unless.search(value)))


def _request(sentence: Sentence, known: Sequence[Group], lang: str) -> list[tuple[Group, dict[str, str]]]:
    if sentence.mark in ("?", "？"):
        return []
    phrase = syntax_zh.order_of(sentence.words) if lang == "zh" else syntax_en.order_of(sentence.words)
    return [(group, {"vp": phrase}) for group in known if group.name == "request" and phrase]


def _child(passage: Passage, sentence: Sentence, group: Group, slots: dict[str, str]) -> str | None:
    """Return a whole child by one of a group's frames, or None if none can be filled."""
    more = any(_TOLD_TOO.search(value) for value in slots.values())
    at = draw(passage, group.name, len(group.frames))
    for frame in group.frames[at:] + group.frames[:at]:
        if sentence.start > 0 and frame.text.startswith(("你的任务", "Your task")):
            continue
        if not all(slots.get(name) is not None for name in _SLOT.findall(frame.text)):
            continue
        if len(_SLOT.findall(frame.text)) != len(slots) or (
            more and frame.mark in ("?", "？") and group.name != "request"
        ):
            continue
        words = frame.filled(slots)
        lower = sentence.words[:1].islower() and passage.lang != "zh"
        words = decapitalised(words) if lower else capitalised(words)
        mark = (
            sentence.mark
            if sentence.mark in (":", "：") and sentence.mark and frame.mark not in ("?", "？")
            else frame.mark or sentence.mark
        )
        made = with_sentence(passage.text, sentence, words, mark)
        same = _bare(words) == _bare(sentence.words) or made == passage.text or _TWICE.search(words)
        if not same and keeps(passage, sentence, words):
            return made
    return None
