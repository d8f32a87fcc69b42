"""Method 5: words put in that add nothing: please, for me, by the way; 请, 一下, 麻烦你.

Where each may stand is a rule of grammar (`please` beside an order, `呢` after a question word), and the words lie in
`data/insertion.json`. Never into material, never beside a protected place. Rejected: random words (noise), adjectives
and adverbs of degree (they ask for something else).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import (
    UNCHANGED,
    Answer,
    Ask,
    MethodParams,
    NoChild,
    Passage,
    by_passage,
    seed_of,
)
from pipeline.augment.questions_en import AUXILIARIES, verbs
from pipeline.augment.sentences import Sentence, head_sentences
from pipeline.augment.syntax_zh import verb_of
from pipeline.models import Models
from pipeline.models.need import Need

DATA = Path(__file__).parent / "data"
_ASKING = frozenset(["what", "which", "who", "where", "when", "why", "how", "whose", "what's", "who's", "where's", "how's"])
_VERB_ZH = re.compile(
    r"^((?:请|请你|请您|你能|能不能|可以)?(?:简要|简单)?)(解释|描述|介绍|说明|总结|分析|概括|比较|翻译|改写|列举|判断|编辑|回答|讲述|阐述|"
    r"归纳|修改|整理|评价|推荐|概述|分类|设计|讨论|提取|重写|润色)(?=[\u4e00-\u9fffA-Za-z“《])(?!一|出|为|成|并|[两三四五六七八九十几]|和|的|或|以|你)"
)
_NO_PLEASE_ZH = re.compile(r"^给定|^给你|^你|^您|.请|^为了|^用于|[，,]你|^对于")
_ASKED_ZH = re.compile(
    r"(?:什么|怎么样|怎么办|多少|哪里|哪些|是谁|哪个|为什么.{2,}|如何.{2,}|怎样.{2,}|怎么.{2,}|几[个只天元]?)$"
)
_ASKS_TWICE = re.compile(r"please|if you|when you|kindly|麻烦|劳烦", re.IGNORECASE)
_END_MARK = "?？.。!！"


class InsertionParams(MethodParams):
    """Parameters of the method `insertion`."""

    method: Literal["insertion"] = "insertion"
    rate: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Share of children that get a second insertion where two fit.",
    )


class Insertion:
    """Puts in what adds nothing."""

    name = "insertion"
    version = 1
    languages: frozenset[str] | None = frozenset({"en", "zh"})
    keeps_meaning = True

    def needs(self, params: InsertionParams) -> tuple[Need, ...]:
        """Return no need."""
        return ()

    def children(
        self, asks: Sequence[Ask], params: InsertionParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask; see `Method.children`."""
        return by_passage(
            asks, params, guard, lambda passages: [_inserted(one, params.rate) for one in passages]
        )


@cache
def _words(lang: str) -> dict[str, list[str]]:
    told: dict[str, dict[str, list[str]]] = json.loads((DATA / "insertion.json").read_text("utf-8"))
    return told[lang]


def _inserted(passage: Passage, rate: float) -> str | NoChild:
    sentences = head_sentences(passage.protected, passage.lang)
    if not sentences:
        return NoChild(UNCHANGED)
    state = int(seed_of(passage.seed, "insertion"), 16)
    state, second = divmod(state, 1000)
    state, first = divmod(state, 1 << 20)
    state, other = divmod(state, 1 << 20)
    places = _chinese if passage.lang == "zh" else _english
    front, back = places(sentences, passage)
    if not front and not back:
        return NoChild(UNCHANGED)
    both = front and back and second < rate * 1000
    kinds = (
        [front, back] if both else [front or back] if not (front and back) else [(front, back)[second % 2]]
    )
    text = passage.text
    edits = [kind[number % len(kind)] for kind, number in zip(kinds, (first, other), strict=False)]
    if both and _ASKS_TWICE.search(edits[0][2]) and _ASKS_TWICE.search(edits[1][2]):
        edits = edits[:1]
    for start, stop, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[stop:]
    return text


Edit = tuple[int, int, str]


def _english(sentences: Sequence[Sentence], passage: Passage) -> tuple[list[Edit], list[Edit]]:
    """Return what may be put in at the front and at the back: (start, stop, words)."""
    words = _words("en")
    at, kind = _request(sentences)
    front: list[Edit] = []
    back: list[Edit] = []
    if kind == "":
        return front, back
    sentence = sentences[at]
    start, first = sentence.start, sentence.words.split(" ", 1)[0]
    lowered = sentence.words.lower()
    polite = "please" in lowered or "kindly" in lowered or "could you" in lowered
    own = passage.protected.holds(start, start + len(first))
    if not own:
        small = first[0].lower() + first[1:]
        begins = sentence.words[:1].islower()
        named = [] if polite or kind != "order" else words["before_order"]
        asked = words["before_question"] if kind == "question" and at == 0 else []
        for word in named + asked:
            shown = word[0].lower() + word[1:] if begins else word
            front.append((start, start + len(first), f"{shown} {small}"))
    if at == 0 and start == 0:
        front += [(0, 0, f"{word} ") for word in words["greetings"]] if sentence.words[:1].isupper() else []
    if kind == "order":
        back += _after_order(sentence, first.lower(), lowered, polite, words)
    last = sentences[-1]
    closed = not last.tail.strip() and last.mark not in (":", "：") and len(passage.text) < 600
    if closed and not re.search(r"\bthank", passage.text[-40:], re.IGNORECASE):
        end = len(passage.text.rstrip())
        mark = (
            ""
            if passage.text[end - 1] in _END_MARK
            else ("?" if kind == "question" and last is sentence else ".")
        )
        back += [(end, len(passage.text), f"{mark} {word}") for word in words["after"]]
    return front, back


def _after_order(
    sentence: Sentence, verb: str, lowered: str, polite: bool, words: dict[str, list[str]]
) -> list[Edit]:
    if sentence.mark in (":", "：") or sentence.tail.strip() or len(sentence.words) > 90 or "," in lowered:
        return []
    back = [] if polite else [(sentence.stop, sentence.stop, word) for word in words["after_order"]]
    mine = re.search(r"\b(?:me|my|us|i|for|you|your|let)\b", lowered)
    if verb in words["for_me"] and not mine and len(sentence.words) < 60:
        back += [(sentence.stop, sentence.stop, " for me")] * 2
    return back


def _request(sentences: Sequence[Sentence]) -> tuple[int, str]:
    """Return which sentence asks, and whether it is an `order` or a `question`; "" for neither."""
    for at, sentence in enumerate(sentences):
        first, _, rest = sentence.words.lower().replace("’", "'").partition(" ")
        if first in _ASKING or (first in AUXILIARIES and sentence.mark == "?"):
            if sentence.mark == "?" or (not sentence.mark and not sentence.tail.strip()):
                return at, "question"
        elif (
            first in verbs().imperatives
            and rest
            and rest.split(" ", 1)[0] not in AUXILIARIES
            and sentence.mark != "?"
        ):
            return at, "order"
    return 0, ""


def _chinese(sentences: Sequence[Sentence], passage: Passage) -> tuple[list[Edit], list[Edit]]:
    words = _words("zh")
    sentence = sentences[0]
    said = sentence.words
    front: list[Edit] = []
    back: list[Edit] = []
    if passage.protected.holds(sentence.start, sentence.start + 1):
        return front, back
    question = sentence.mark in ("？", "?") and not verb_of(said)
    order = sentence.mark not in ("？", "?") and bool(verb_of(said)) and not _NO_PLEASE_ZH.search(said)
    start = sentence.start
    if order and not said.startswith(("请", "麻烦", "帮")):
        mine = "给我" in said[:3] or said.startswith(("告诉我", "向我"))
        front += [(start, start, word) for word in words["before_order"] if not (mine and "我" in word)]
    elif (
        order
        and said.startswith("请")
        and not said.startswith(("请你", "请您", "请帮", "请给", "请问", "请告"))
    ):
        front += [(start, start + 1, word) for word in words["instead_of_please"]]
    elif question and re.match(
        r"(?:如何|怎|为什么|为何|什么|谁|哪|有哪些|有没有|是否)|.{1,24}(?:是什么|是谁|有哪些|是多少|在哪)",
        said,
    ):
        if not re.search(r"[，,。；]|请问|\d", said) and len(said) < 40:
            front += [(start, start, word) for word in words["before_question"]]
    if order and (match := _VERB_ZH.match(said)) and not passage.protected.holds(start, start + match.end()):
        if "一下" not in said and not re.search(r"[为成]", said[match.end() : match.end() + 14]):
            front += [(start + match.end(), start + match.end(), "一下")] * 3
    closed = not sentence.tail.strip() and sentence.mark not in (":", "：")
    if (
        question
        and closed
        and _ASKED_ZH.search(said)
        and not said.endswith(("呢", "吗"))
        and "请问" not in said
    ):
        back += [(sentence.stop, sentence.stop, "呢")]
    if closed and len(sentences) == 1 and len(said) < 80 and (order or front):
        end = len(passage.text.rstrip())
        if passage.text[end - 1 : end] in ("。", "."):
            back += [(end - 1, len(passage.text), word) for word in words["after_order"]]
        elif passage.text[end - 1 : end] in ("？", "?"):
            back += [(end, len(passage.text), word) for word in words["after_question"]]
        elif not sentence.mark:
            back += [(end, len(passage.text), word) for word in words["after_order"]]
    return front, back
