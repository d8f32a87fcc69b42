"""Method 6: the order of what has none: listed items, both sides of `and` and `or`, 、-lists.

Two sides change places only where both their outer edges are known (`between A and B`, `as A or B?`), since `red wine
and cheese` is no `cheese and red wine`; items of a list only where nothing in the prompt makes an order of them. Pairs
that people say one way (`pros and cons`) and all names stay. Rejected: swapping words at random (noise that changes
who does what), clauses (`syntax` moves those).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pipeline.augment import swap_en, swap_zh
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
from pipeline.augment.sentences import Sentence, head_sentences
from pipeline.augment.swap_table import Edit, ordered, other_order, table
from pipeline.augment.words_en import verbs
from pipeline.models import Models

_ITEM = re.compile(r"[^,，、;；:：?？!！。\n\[\]{}()]{1,45}")
_TAIL_LINE = re.compile(r"\s*([^\n]+?)\s*([.。]?)\s*\Z")
_ASIDE = re.compile(
    r"^(?:and|or|but|etc|e\.g|i\.e|such|including|which|who|where|then|respectively|so|with|as)\b|\.\s",
    re.IGNORECASE,
)
_CLASSIFIED_EN = re.compile(
    r"\b(?:each|which|whether|if|classify|categorize|identify|these|following|label)\b", re.IGNORECASE
)
_SAID_ZH = re.compile(r"[是了着吗很]|他|我|她|\d")
_CLASSIFIED = re.compile(r"分类|归类|哪些|哪个|属于|判断|类别|分为|挑出|选出|找出|识别")


class SwapParams(MethodParams):
    """Parameters of the method `swap`."""

    method: Literal["swap"] = "swap"
    lists: bool = Field(default=True, description="Whether items of lists are put in another order too.")


class Swap(RuleMethod):
    """Puts what has no order in another."""

    name = "swap"
    version = 1

    def children(self, asks: Sequence[Ask], params: SwapParams, guard: Guard, models: Models) -> list[Answer]:
        """Return one answer an ask; see `Method.children`."""
        return by_passage(
            asks, params, guard, lambda passages: [_swapped(one, params.lists) for one in passages]
        )


def _swapped(passage: Passage, lists: bool) -> str | NoChild:
    text = passage.text
    if passage.lang != "zh" and not (" and " in text or " or " in text or "," in text):
        return NoChild(UNCHANGED)
    own = table(passage.lang)
    sentences = head_sentences(passage.protected, passage.lang)
    if not sentences or any(ordered(sentence.words, passage.lang) for sentence in sentences):
        return NoChild(UNCHANGED)
    edits: list[Edit] = []
    for sentence in sentences:
        for edit in (swap_zh if passage.lang == "zh" else swap_en).pairs(sentence, passage, own):
            if not any(edit[0] < stop and start < edit[1] for start, stop, _ in edits):
                edits.append(edit)
    if lists:
        edits += _announced(sentences, passage)
    for start, stop, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[stop:]
    return text if text != passage.text else NoChild(UNCHANGED)


def _announced(sentences: Sequence[Sentence], passage: Passage) -> list[Edit]:
    """Return the list that a colon or a question announces, in another order."""
    at = next((n for n, s in enumerate(sentences) if s.mark in (":", "：") and s.mark), None)
    if (
        at is None
        and len(sentences) == 2
        and sentences[0].mark in ("?", "？")
        and not sentences[1].tail.strip()
    ):
        start, stop = sentences[1].start, sentences[1].stop
    elif at is not None and (line := _TAIL_LINE.match(sentences[at].tail)):
        begin = len(passage.text) - len(sentences[at].tail)
        start, stop = begin + line.start(1), begin + line.end(1)
    elif at is None and sentences[-1].tail.strip() and (line := _TAIL_LINE.match(sentences[-1].tail)):
        begin = len(passage.text) - len(sentences[-1].tail)
        start, stop = begin + line.start(1), begin + line.end(1)
    else:
        return []
    listed = passage.text[start:stop]
    asked = " ".join(sentence.words for sentence in sentences)
    if passage.lang == "zh" and not _CLASSIFIED.search(asked):
        return []
    if passage.lang != "zh" and not _CLASSIFIED_EN.search(asked):
        return []
    return _listed(listed, start, passage)


def _listed(listed: str, start: int, passage: Passage) -> list[Edit]:
    separator = next((one for one in ("、", "，", ", ", ",") if one in listed), "")
    if not separator or len(listed) > 600:
        return []
    items = listed.split(separator)
    lead = re.match(r"(?:and|or) ", items[-1])
    words = [*items[:-1], items[-1][lead.end() :] if lead else items[-1]]
    if (
        len(words) < 2
        or len(set(words)) != len(words)
        or any(not _ITEM.fullmatch(one) or _ASIDE.search(one) for one in words)
    ):
        return []
    if any(
        len(one.split()) > 6 or re.search(r" (?:and|or) |[和与或]$|\b(?:Jr|Sr|Inc|LLC)\b", one)
        for one in words
    ):
        return []
    if all(re.fullmatch(r"[\d.\s%-]+", one.strip()) for one in words) or (
        passage.lang == "zh" and max(map(len, words)) > 14
    ):
        return []
    if passage.lang == "zh" and (
        _SAID_ZH.search(listed) or (separator in "，, " and (len(words) < 3 or max(map(len, words)) > 10))
    ):
        return []
    if any(
        sum(map(one.count, '“”"')) % 2 or one.split(" ")[0].lower() in verbs().imperatives for one in words
    ):
        return []
    order = other_order(passage, words)
    if order[0][:1].islower() and words[0][:1].isupper() and all(w[:1].islower() for w in words[1:]):
        order = [
            one[:1].upper() + one[1:] if n == 0 else one[:1].lower() + one[1:] for n, one in enumerate(order)
        ]
    if lead:
        order[-1] = lead.group() + order[-1]
    return [(start, start + len(listed), separator.join(order))]
