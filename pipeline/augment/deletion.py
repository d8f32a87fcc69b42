"""Method 7: words taken out that carry least: please, can you, in order to, really; 请, 一下, 能够, 之间的.

`data/deletion.json` lists what may go and what stays in its place, as patterns that hold their context. Only in what
the prompt's author says, never in material. Rejected: dropping words by frequency or at random (they carry meaning),
articles and `some of` (they tell which), adverbs of degree (they tell how much).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

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
from pipeline.augment.sentences import Sentence, draw, head_sentences
from pipeline.augment.syntax_en import order_of
from pipeline.augment.syntax_zh import order_of as order_of_zh
from pipeline.models import Models

Edit = tuple[int, int, str]
"""From where, up to where, and what stands there then."""

DATA = Path(__file__).parent / "data"
_POLITE_EN = re.compile(
    r"^(?:please,? )?(?:can|could|will|would) you (?:please |kindly )?(?=[a-z])", re.IGNORECASE
)
_LONGEST_ANNOUNCED = 40
_POLITE_LETTERS = frozenset("pcwiPCWI")
_WANT_EN = re.compile(r"^i(?:'d| would)? (?:want|like|need) you to (?=[a-z])", re.IGNORECASE)
_POLITE_ZH = re.compile(
    r"^(?:请问)?(?:你|您)?(?:能不能|能否|可不可以|可以|可否|能)(?:请|帮我|为我)?((?!使用|用).{4,}?)(?<!吗)吗?$"
)


class DeletionParams(MethodParams):
    """Parameters of the method `deletion`."""

    method: Literal["deletion"] = "deletion"
    rate: float = Field(
        default=0.75,
        ge=0.0,
        le=1.0,
        description="Share of children that lose all that may go; the rest lose one thing.",
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """What may go and what stays in its place; tried only where a lower-cased sentence holds one of `when`."""

    when: tuple[str, ...]
    pattern: re.Pattern[str]
    kept: str


class Deletion(RuleMethod):
    """Takes out what carries least."""

    name = "deletion"
    version = 1

    def children(
        self, asks: Sequence[Ask], params: DeletionParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask; see `Method.children`."""
        return by_passage(
            asks, params, guard, lambda passages: [_deleted(one, params.rate) for one in passages]
        )


@cache
def _told(lang: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((DATA / "deletion.json").read_text("utf-8"))[lang]
    return told


def _flags(lang: str) -> re.RegexFlag:
    return re.IGNORECASE if lang != "zh" else re.NOFLAG


@cache
def _announces(lang: str) -> re.Pattern[str]:
    return re.compile(_told(lang)["question"], _flags(lang))


@cache
def _rules(lang: str) -> tuple[_Rule, ...]:
    return tuple(
        _Rule(tuple(one["when"]), re.compile(one["pattern"], _flags(lang)), one["kept"])
        for one in _told(lang)["rules"]
    )


def _deleted(passage: Passage, rate: float) -> str | NoChild:
    question = _lone_question(passage)
    if question is not None:
        return question
    edits: list[Edit] = []
    for sentence in head_sentences(passage.protected, passage.lang):
        edits += _request(sentence, passage.lang) or _found(sentence, passage)
    if not edits:
        return NoChild(UNCHANGED)
    if len(edits) > 1 and draw(passage, "all", 1000) >= rate * 1000:
        edits = [edits[draw(passage, "one", len(edits))]]
    text = passage.text
    for start, stop, kept in sorted(edits, reverse=True):
        text = text[:start] + kept + text[stop:]
    return text


def _lone_question(passage: Passage) -> str | None:
    """Return the one question that a prompt announces (`Answer the following question:`), without that."""
    sentences = head_sentences(passage.protected, passage.lang)
    if not sentences or len(sentences[0].words) > _LONGEST_ANNOUNCED:
        return None
    question = sentences[0].tail.strip()
    if not question or question[-1] not in "？?" or "\n" in question or "：" in question or ":" in question:
        return None
    if not _announces(passage.lang).match(sentences[0].words) or any(
        mark in question[:-1] for mark in "。？?；"
    ):
        return None
    return question


def _request(sentence: Sentence, lang: str) -> list[Edit]:
    """Return a polite question as the bare order in it."""
    start, stop = sentence.start, sentence.stop
    if lang == "zh":
        match = _POLITE_ZH.match(sentence.words) if sentence.mark in ("？", "?") else None
        if match is None or order_of_zh(match.group(1)) is None or "是否" in sentence.words:
            return []
        return [(start, stop + 1, match.group(1) + ("：" if sentence.tail.startswith("\n") else "。"))]
    if sentence.words[:1] not in _POLITE_LETTERS:
        return []
    match = _POLITE_EN.match(sentence.words) or _WANT_EN.match(sentence.words)
    if match is None or (phrase := order_of(sentence.words[match.end() :])) is None:
        return []
    words = phrase[0].upper() + phrase[1:] if sentence.words[0].isupper() else phrase
    mark = "." if sentence.mark == "?" else sentence.mark
    return [(start, stop + len(sentence.mark), words + mark)]


def _found(sentence: Sentence, passage: Passage) -> list[Edit]:
    found: list[Edit] = []
    lowered = sentence.words.lower()
    for rule in _rules(passage.lang):
        for when in rule.when:
            if when in lowered:
                _match(rule, sentence, passage, found)
                break
    return found


def _match(rule: _Rule, sentence: Sentence, passage: Passage, found: list[Edit]) -> None:
    """Add what a rule takes out of a sentence, unless it is protected or an earlier rule changes it."""
    for match in rule.pattern.finditer(sentence.words):
        start, stop = sentence.start + match.start(), sentence.start + match.end()
        if passage.protected.holds(start, stop) or any(start < b and a < stop for a, b, _ in found):
            continue
        words = match.expand(rule.kept)
        if (
            match.start() == 0
            and match.group()[:1].isupper()
            and words == ""
            and match.end() < len(sentence.words)
        ):
            stop += 1
            words = sentence.words[match.end()].upper()
        found.append((start, stop, words))
