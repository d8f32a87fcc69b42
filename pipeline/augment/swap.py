"""Method 6: the order of what has none: listed items, both sides of `and` and `or`, 、-lists.

Two sides change places only where both their outer edges are known (`between A and B`, `as A or B?`), since `red wine
and cheese` is no `cheese and red wine`; items of a list only where nothing in the prompt makes an order of them. Pairs
that people say one way (`pros and cons`) and all names stay. Rejected: swapping words at random (noise that changes
who does what), clauses (`syntax` moves those).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import UNCHANGED, Answer, Ask, MethodParams, NoChild, Passage, by_passage
from pipeline.augment.questions_en import verbs
from pipeline.augment.sentences import Sentence, head_sentences, shuffled
from pipeline.augment.syntax_zh import verb_of
from pipeline.models import Models
from pipeline.models.need import Need
from quality.lookalike.chinese import chinese_words

DATA = Path(__file__).parent / "data"
_SIDE = r"(?:(?:an?|the|my|your) )?[a-z][\w'’-]*(?: (?!and\b|or\b)[a-z][\w'’-]*)?"
_PAIR = re.compile(
    rf"(?P<before>\b(?:between|of|about|for|as|into|are|is|either|on|with|to be|from|in|including|whether|like) )"
    rf"(?P<a>{_SIDE}) (?P<word>and|or) (?P<b>{_SIDE})(?=$|[,.;:?!)]| (?:in|for|to|that|which|are|is|on|during|at|when|if|based|using)\b)"
)
_BETWEEN = re.compile(
    r"\b(?:differences?|similarit(?:y|ies)|comparison|relationship|distinction|connection) between (?P<a>[^,;:?]{2,60}?) "
    r"(?P<word>and) (?P<b>[^,;:?]{2,60})$",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:both|neither|none|all|either|that|which|who|are|is|can|it|its|it's|they|them|their|one|ones|other|another|others|vice|then|so|not|how|why|what)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"[^,，、;；:：?？!！。\n]{1,45}")
_LOOSE = frozenset(["of", "about", "for", "on", "with", "from", "in", "like"])
_TAIL_LINE = re.compile(r"\s*([^\n]+?)\s*([.。]?)\s*\Z")
_ASIDE = re.compile(
    r"^(?:and|or|but|etc|e\.g|i\.e|such|including|which|who|where|then|respectively|so|with|as)\b|\.\s",
    re.IGNORECASE,
)
_EDGE_ZH = re.compile(r"[：:（(“]$")
_LIST_ZH = re.compile(r"[^，,。；：:、？?！!（）()\s]{1,30}(?:、[^，,。；：:、？?！!（）()\s]{1,30}){2,}")
_CLASSIFIED_EN = re.compile(
    r"\b(?:each|which|whether|if|classify|categorize|identify|these|following|label)\b", re.IGNORECASE
)
_SAID_ZH = re.compile(r"[是了着吗很]|他|我|她|\d")
_CLASSIFIED = re.compile(r"分类|归类|哪些|哪个|属于|判断|类别|分为|挑出|选出|找出|识别")


class SwapParams(MethodParams):
    """Parameters of the method `swap`."""

    method: Literal["swap"] = "swap"
    lists: bool = Field(default=True, description="Whether items of lists are put in another order too.")


class Swap:
    """Puts what has no order in another."""

    name = "swap"
    version = 1
    languages: frozenset[str] | None = frozenset({"en", "zh"})
    keeps_meaning = True

    def needs(self, params: SwapParams) -> tuple[Need, ...]:
        """Return no need."""
        return ()

    def children(self, asks: Sequence[Ask], params: SwapParams, guard: Guard, models: Models) -> list[Answer]:
        """Return one answer an ask; see `Method.children`."""
        return by_passage(
            asks, params, guard, lambda passages: [_swapped(one, params.lists) for one in passages]
        )


@dataclass(frozen=True, slots=True)
class _Table:
    """What the rules of a language look up."""

    ordered: frozenset[str]
    fixed: frozenset[str]
    attributes: frozenset[str]
    pair: re.Pattern[str]


@cache
def _table(lang: str) -> _Table:
    told = json.loads((DATA / "swap.json").read_text("utf-8"))[lang]
    attributes = frozenset(told.get("attributes", ()))
    word = "|".join(sorted(attributes, key=lambda one: (-len(one), one))) or "x"
    pair = re.compile(rf"(?<=的)(?P<a>{word})(?P<word>和|与|及|以及)(?P<b>{word})(?=$|[，,。？?；])")
    return _Table(frozenset(told["ordered"]), frozenset(told["fixed"]), attributes, pair)


Edit = tuple[int, int, str]
"""From where, up to where, and what stands there then."""


def _swapped(passage: Passage, lists: bool) -> str | NoChild:
    text = passage.text
    if passage.lang != "zh" and not (" and " in text or " or " in text or "," in text):
        return NoChild(UNCHANGED)
    table = _table(passage.lang)
    sentences = head_sentences(passage.protected, passage.lang)
    if any(_ordered(sentence.words, passage.lang, table) for sentence in sentences):
        return NoChild(UNCHANGED)
    edits: list[Edit] = []
    for sentence in sentences:
        for edit in (_chinese if passage.lang == "zh" else _english)(sentence, passage, table):
            if not any(edit[0] < stop and start < edit[1] for start, stop, _ in edits):
                edits.append(edit)
    if lists:
        edits += _announced(sentences, passage)
    for start, stop, words in sorted(edits, reverse=True):
        text = text[:start] + words + text[stop:]
    return text if text != passage.text else NoChild(UNCHANGED)


def _ordered(words: str, lang: str, table: _Table) -> bool:
    """Tell whether something in a sentence makes an order of what it lists."""
    if lang == "zh":
        return any(word in words for word in table.ordered)
    return (
        not table.ordered.isdisjoint(words.lower().replace(",", " ").replace("?", " ").split())
        or (" from " in words
        and " to " in words)
    )


def _english(sentence: Sentence, passage: Passage, table: _Table) -> Iterator[Edit]:
    """Yield the pairs of an English sentence, changed over."""
    words = sentence.words
    if words.count(" and ") + words.count(" or ") > 2:
        return
    between = _BETWEEN.search(words)
    if between is not None:
        yield from _between(between, sentence, table)
        return
    for match in _PAIR.finditer(words):
        a, b = match["a"], match["b"]
        start, stop = sentence.start + match.start("a"), sentence.start + match.end("b")
        if _fixed(a, b, table) or not _alike(a, b) or passage.protected.holds(start, stop):
            continue
        before = match["before"].strip().lower()
        if before in _LOOSE and " " in a and not _led(a):
            continue
        if (match["word"] == "and" and before in ("is", "are", "whether")) or words[
            : match.start("a")
        ].endswith(", "):
            continue
        yield start, stop, f"{b} {match['word']} {a}"


def _between(match: re.Match[str], sentence: Sentence, table: _Table) -> Iterator[Edit]:
    a, b = match["a"], match["b"]
    b = re.split(
        r" (?=(?:in|for|when|with|on|at|as|during|within|from|to|if|that|and|or|by)\b)", b, maxsplit=1
    )[0]
    if " and " in a or "," in a or _fixed(a, b, table) or _POINTS.search(a) or _POINTS.search(b):
        return
    if (
        _led(a) != _led(b)
        or len(a.split()) > 5
        or len(b.split()) > 5
        or (" " in b and " " not in a and not _led(b))
    ):
        return
    start = sentence.start + match.start("a")
    yield start, sentence.start + match.start("b") + len(b), f"{b} and {a}"


def _led(side: str) -> bool:
    return bool(re.match(r"(?:an?|the|my|your|using|being|\w+ing) ", side, re.IGNORECASE))


def _alike(a: str, b: str) -> bool:
    """Tell whether two sides are built alike: as many words, both with an article or neither."""
    return _led(a) == _led(b) and len(a.split()) == len(b.split()) and not _POINTS.search(f"{a} {b}")


def _fixed(a: str, b: str, table: _Table) -> bool:
    one, two = (re.sub(r"^(?:an?|the) ", "", side.lower()) for side in (a, b))
    return one == two or f"{one} {two}" in table.fixed


def _chinese(sentence: Sentence, passage: Passage, table: _Table) -> Iterator[Edit]:
    """Yield the pairs, lists and movable words of a Chinese sentence, changed over."""
    if not (verb_of(sentence.words) or sentence.mark in ("？", "?")):
        return
    yield from _moved(sentence, passage)
    for match in table.pair.finditer(sentence.words):
        if match["a"] != match["b"] and match["a"] + match["b"] not in table.fixed:
            start, stop = sentence.start + match.start(), sentence.start + match.end()
            if not passage.protected.holds(start, stop):
                yield start, stop, match["b"] + match["word"] + match["a"]
    for match in _CHOICE_ZH.finditer(sentence.words):
        a, b = match["a"], match["b"]
        start, stop = sentence.start + match.start("a"), sentence.start + match.end("b")
        if (
            a != b
            and b[0] not in "非不没无其"
            and not passage.protected.holds(start, stop)
            and a + b not in table.fixed
        ):
            yield start, stop, b + match["word"] + a
    for match in _LIST_ZH.finditer(sentence.words):
        yield from _inner(match, sentence, passage)


_COUNTED = re.compile(
    r"(?<=[出举供我荐择绍])(?P<n>(?:[两二三四五六七八九十]|\d{1,2})(?:个|种|条|项|件|款|本|部|首|位|点|句|类)|一些(?=.{4})(?!有趣|常|有名|著名|流行|适合的|最))"
    r"(?P<m>(?:关于|有关|可以|能够|能|适合|用于|用来|与|常见|常用|有趣|有名|著名|流行|原创|你认为|实用|有效|重要|经典|主要|独特|创意|"
    r"非常规|发生|具有|提高|减轻|防止|预防|改善|保持|缓解|有助于|提升|降低|减少|应对|最(?!近|新))[^，,。；、：:的\d]{0,20}的)"
    r"(?P<rest>[\u4e00-\u9fff]{2,12})(?=$|[，,])"
)
_ABOUT = re.compile(
    r"(?P<m>(?:关于|有关)[^，,。；、：:的]{2,20}的)(?P<n>(?:[两二三四五六七八九十]|\d{1,2})(?:个|种|条|项|件|本|部|首|点|句))"
    r"(?P<rest>[\u4e00-\u9fff]{2,8})(?=$|[，,])"
)
_WHY = re.compile(
    r"^(?P<w>为什么)(?P<s>(?!.{0,14}比)[^，,。是有会能要不很更][^，,。的]{0,14}?)(?<![社机开大宴聚没所拥具含首主重需只必都也还就])"
    r"(?P<p>(?:会|能够|可以|应该|需要|必须|被|很|更|如此|这么|无法|难以|有(?!些|的|关|效|利|害|名|趣))[^，,。]{2,30})$"
)
_WHY_INNER = re.compile(
    r"^(?P<s>(?!.*(?:我|你|告诉|解释|说明|请|描述))[^，,。是有会能]{2,12})(?P<w>为什么)(?P<p>[^，,。]{3,30})$"
)
_HOW_IN = re.compile(
    r"^(?P<w>如何|怎样|怎么)(?P<s>在[^，,。]{1,14}?(?:中|里|上|时|下))(?P<p>[^，,。]{3,30})$"
)
_SIDES_ZH = re.compile(
    r"^(?:请|请你)?(?:比较|对比|解释|说明|描述|分析|简述|介绍)?(?:一下)?(?P<a>[^，,。的和与是、]{1,10})(?P<w>和|与|跟)(?P<b>[^，,。的和与是、]{1,10}?)"
    r"(?=(?:之间)?(?:的|有什么|有何|有哪些)(?:区别|不同|差异|关系|异同|优缺点|相似|联系|差别))"
)
_PLAIN_PAIR = re.compile(
    r"(?<=的)(?P<a>[\u4e00-\u9fff]{2,4})(?P<w>和|与|及)(?P<b>[\u4e00-\u9fff]{2,4})(?=$|[，,])"
)
_FOR_ME = re.compile(
    r"^(?P<w>请?)(?P<s>给我)(?P<p>(?:推荐|介绍|提供)(?:一|几|两|[三四五六七八九十\d])[^，,。]{3,30})$"
)


def _moved(sentence: Sentence, passage: Passage) -> Iterator[Edit]:
    """Yield what may stand elsewhere in a Chinese sentence: a count, `why`, a place, a receiver."""
    words = sentence.words
    for match in _COUNTED.finditer(words):
        yield _at(sentence, match, match["m"] + match["n"] + match["rest"])
    for match in _ABOUT.finditer(words):
        yield _at(sentence, match, match["n"] + match["m"] + match["rest"])
    for match in _PLAIN_PAIR.finditer(words):
        known = chinese_words()
        if len(match["a"]) == len(match["b"]) and match["a"] in known and match["b"] in known:
            if match["a"] + match["b"] not in _table("zh").fixed:
                yield _at(sentence, match, match["b"] + match["w"] + match["a"])
    sides = _SIDES_ZH.match(words)
    if sides is not None and not verb_of(sides["a"]):
        start, stop = sentence.start + sides.start("a"), sentence.start + sides.end("b")
        yield start, stop, sides["b"] + sides["w"] + sides["a"]
    for pattern, order in ((_WHY, "swp"), (_HOW_IN, "swp"), (_WHY_INNER, "wsp"), (_FOR_ME, "wps")):
        match = pattern.match(words)
        if match is None or passage.protected.holds(
            sentence.start + match.start("w"), sentence.start + match.end("w")
        ):
            continue
        yield _at(sentence, match, "".join(match[part] for part in order))
        return


def _at(sentence: Sentence, match: re.Match[str], words: str) -> Edit:
    return sentence.start + match.start(), sentence.start + match.end(), words


_CHOICE_ZH = re.compile(
    r"(?:分类为|归类为|属于|分为|判断是|判断为|描述为|标记为|是|：)(?P<a>[^，,。；、和与或的是为]{1,8})(?P<word>或者?|还是)"
    r"(?P<b>[^，,。；、和与或的是为]{1,8})(?=$|[，,。？?])"
)


def _inner(match: re.Match[str], sentence: Sentence, passage: Passage) -> Iterator[Edit]:
    """Yield a 、-list with those items in another order whose edges are sure: the first only after a known word."""
    items = match.group().split("、")
    first = 0 if _EDGE_ZH.search(sentence.words[: match.start()]) else 1
    free = items[first:-1]
    start = sentence.start + match.start() + sum(len(item) + 1 for item in items[:first])
    stop = start + len("、".join(free))
    if (
        len(free) < 2
        or len(set(free)) != len(free)
        or any(re.search(r"\d|[一二三四五六七八九十]", item) for item in free)
    ):
        return
    if not passage.protected.holds(start, stop):
        yield start, stop, "、".join(_other(passage, free))


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
    order = _other(passage, words)
    if order[0][:1].islower() and words[0][:1].isupper() and all(w[:1].islower() for w in words[1:]):
        order = [
            one[:1].upper() + one[1:] if n == 0 else one[:1].lower() + one[1:] for n, one in enumerate(order)
        ]
    if lead:
        order[-1] = lead.group() + order[-1]
    return [(start, start + len(listed), separator.join(order))]


def _other(passage: Passage, items: list[str]) -> list[str]:
    """Return the items in another order: this passage's own, and never the same."""
    order = shuffled(passage, "swap", items)
    return order if order != items else items[1:] + items[:1]
