"""Method 5: words put in that add nothing: please, for me, by the way; 请, 一下, 麻烦你.

Where each may stand is a rule of grammar (`please` beside an order, `呢` after a question word), and the words lie in
`data/insertion.json`. Never into material, never beside a protected place. Rejected: random words (noise), adjectives
and adverbs of degree (they ask for something else).
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
    seed_of,
)
from pipeline.augment.sentences import Sentence, head_sentences
from pipeline.augment.syntax_zh import verb_of
from pipeline.augment.words_en import ASKING, AUXILIARIES, verbs
from pipeline.models import Models

DATA = Path(__file__).parent / "data"
_ASKING = ASKING - {"whom"} | {"what's", "who's", "where's", "how's"}
_VERB_ZH = re.compile(
    r"^((?:请|请你|请您|你能|能不能|可以)?(?:简要|简单)?)(解释|描述|介绍|说明|总结|分析|概括|比较|翻译|改写|列举|判断|编辑|回答|讲述|阐述|"
    r"归纳|修改|整理|评价|推荐|概述|分类|设计|讨论|提取|重写|润色)(?=[\u4e00-\u9fffA-Za-z“《])(?!一|出|为|成|并|[两三四五六七八九十几]|和|的|或|以|你)"
)
_NO_PLEASE_ZH = re.compile(r"^给定|^给你|^你|^您|.请|^为了|^用于|[，,]你|^对于")
_ASKED_ZH = re.compile(
    r"(?:什么|怎么样|怎么办|多少|哪里|哪些|是谁|哪个|为什么.{2,}|如何.{2,}|怎样.{2,}|怎么.{2,}|几[个只天元]?)$"
)
_ASKS_TWICE = re.compile(r"please|if you|when you|kindly|麻烦|劳烦", re.IGNORECASE)
_OPENS_ZH = re.compile(
    r"(?:如何|怎|为什么|为何|什么|谁|哪|有哪些|有没有|是否)|.{1,24}(?:是什么|是谁|有哪些|是多少|在哪)"
)
_MORE_ZH = re.compile(r"[，,。；]|请问|\d")
_BARE_PLEASE_ZH = re.compile(r"请(?![你您帮给问告])")
_PERSONS = frozenset(["me", "my", "us", "i", "for", "you", "your", "let"])
_NO_OBJECT = AUXILIARIES | {""}
_LONGEST_ORDER = 90
_LONGEST_THANKED = 600
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


class Insertion(RuleMethod):
    """Puts in what adds nothing."""

    name = "insertion"
    version = 1

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


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place for one of some words: the text from `start` to `stop` becomes `form` with a word in it."""

    start: int
    stop: int
    words: Sequence[str]
    form: str = "{}"


def _inserted(passage: Passage, rate: float) -> str | NoChild:
    sentences = head_sentences(passage.protected, passage.lang)
    places = _chinese if passage.lang == "zh" else _english
    front, back = places(sentences, passage) if sentences else ([], [])
    if not front and not back:
        return NoChild(UNCHANGED)
    state, second = divmod(int(seed_of(passage.seed, "insertion"), 16), 1000)
    state, first = divmod(state, 1 << 20)
    edits = [_drawn(front, first)] if front else []
    if back:
        edits.append(_drawn(back, state % (1 << 20)))
    if len(edits) == 2:
        twice = _ASKS_TWICE.search(edits[0][2]) and _ASKS_TWICE.search(edits[1][2])
        if twice or second >= rate * 1000:
            edits = [edits[second % 2]]
    text = passage.text
    for start, stop, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[stop:]
    return text


def _drawn(slots: list[_Slot], number: int) -> tuple[int, int, str]:
    """Return one insertion, every word of every slot being as likely."""
    left = number % sum(len(slot.words) for slot in slots)
    for slot in slots:
        if left < len(slot.words):
            return slot.start, slot.stop, slot.form.replace("{}", slot.words[left])
        left -= len(slot.words)
    raise AssertionError("a number below the count of words is one of them")


def _english(sentences: Sequence[Sentence], passage: Passage) -> tuple[list[_Slot], list[_Slot]]:
    """Return where words may be put in before a request, and after it."""
    at, kind = _request(sentences)
    if kind == "":
        return [], []
    sentence, words, text = sentences[at], _words("en"), passage.text
    lowered = sentence.words.lower()
    polite = "please" in lowered or "kindly" in lowered or "could you" in lowered
    front: list[_Slot] = []
    start, first = sentence.start, sentence.words.split(" ", 1)[0]
    if not passage.protected.holds(start, start + len(first)):
        small = first[0].lower() + first[1:]
        pool = "before_question" if kind == "question" and at == 0 else "before_order"
        if pool == "before_question" or (kind == "order" and not polite):
            lower = "_small" if sentence.words[:1].islower() else ""
            front.append(_Slot(start, start + len(first), words[pool + lower], "{} " + small))
    if start == 0 and sentence.words[:1].isupper():
        front.append(_Slot(0, 0, words["greetings"], "{} "))
    back = _after_order(sentence, first.lower(), lowered, polite) if kind == "order" else []
    last = sentences[-1]
    if (
        not last.tail.strip()
        and last.mark != ":"
        and len(text) < _LONGEST_THANKED
        and "hank" not in text[-40:]
    ):
        end = len(text.rstrip())
        ends = "?" if kind == "question" and last is sentence else "."
        back.append(
            _Slot(end, len(text), words["after"], " {}" if text[end - 1] in _END_MARK else ends + " {}")
        )
    return front, back


def _after_order(sentence: Sentence, verb: str, lowered: str, polite: bool) -> list[_Slot]:
    long = len(sentence.words) > _LONGEST_ORDER
    if sentence.mark == ":" or sentence.tail.strip() or long or "," in lowered:
        return []
    words, stop = _words("en"), sentence.stop
    back = [] if polite else [_Slot(stop, stop, words["after_order"])]
    if verb in words["for_me"] and _PERSONS.isdisjoint(lowered.split()):
        back.append(_Slot(stop, stop, [" for me", " for me"]))
    return back


def _request(sentences: Sequence[Sentence]) -> tuple[int, str]:
    """Return which sentence asks, and whether it is an `order` or a `question`; "" for neither."""
    for at, sentence in enumerate(sentences):
        first, _, rest = sentence.words.lower().replace("’", "'").partition(" ")
        if first in _ASKING or (first in AUXILIARIES and sentence.mark == "?"):
            if sentence.mark == "?" or (not sentence.mark and not sentence.tail.strip()):
                return at, "question"
        elif sentence.mark != "?" and first in verbs().imperatives and rest.split(" ")[0] not in _NO_OBJECT:
            return at, "order"
    return 0, ""


def _chinese(sentences: Sequence[Sentence], passage: Passage) -> tuple[list[_Slot], list[_Slot]]:
    """Return where words may be put in before a request, and after it."""
    sentence = sentences[0]
    said, start, words = sentence.words, sentence.start, _words("zh")
    if passage.protected.holds(start, start + 1):
        return [], []
    asks, known = sentence.mark in ("？", "?"), bool(verb_of(said))
    if known and not asks and not _NO_PLEASE_ZH.search(said):
        front = _before_order(said, start, passage)
    elif asks and not known and _OPENS_ZH.match(said) and not _MORE_ZH.search(said) and len(said) < 40:
        front = [_Slot(start, start, words["before_question"])]
    else:
        front = []
    back: list[_Slot] = []
    if sentence.tail.strip() or sentence.mark in (":", "："):
        return front, back
    if (
        asks
        and not known
        and _ASKED_ZH.search(said)
        and not said.endswith(("呢", "吗"))
        and "请问" not in said
    ):
        back.append(_Slot(sentence.stop, sentence.stop, ["呢"]))
    if len(sentences) == 1 and len(said) < _LONGEST_ORDER and front:
        end = len(passage.text.rstrip())
        mark = passage.text[end - 1]
        pool = words["after_question" if mark in "？?" else "after_order"]
        back.append(_Slot(end - 1 if mark in "。." else end, len(passage.text), pool))
    return front, back


def _before_order(said: str, start: int, passage: Passage) -> list[_Slot]:
    words = _words("zh")
    front: list[_Slot] = []
    if not said.startswith(("请", "麻烦", "帮")):
        mine = said.startswith(("告诉我", "向我")) or "给我" in said[:3]
        front.append(_Slot(start, start, words["before_order_mine" if mine else "before_order"]))
    elif _BARE_PLEASE_ZH.match(said):
        mine = said[1:3] in ("为我", "向我")
        front.append(
            _Slot(start, start + 1, words["instead_of_please_mine" if mine else "instead_of_please"])
        )
    match = _VERB_ZH.match(said)
    if match and "一下" not in said and not re.search(r"[为成]", said[match.end() : match.end() + 14]):
        stop = start + match.end()
        if not passage.protected.holds(start, stop):
            front.append(_Slot(stop, stop, ["一下"] * 3))
    return front
