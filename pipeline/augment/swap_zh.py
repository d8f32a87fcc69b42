"""What of a Chinese sentence may stand in another order: 、-lists, both sides of 和 and 或, a count, a place, 给我.

Chinese writes no spaces, so a side is one only where a lexicon or a word beside it shows its edge; of a 、-list the
outer items are not sure and stay. Rejected: a segmenter (see quality/lookalike), moving clauses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.augment.protocol import Passage
from pipeline.augment.sentences import Sentence
from pipeline.augment.swap_table import Edit, Table, other_order, table
from pipeline.augment.syntax_zh import verb_of
from quality.lookalike.chinese import chinese_words

_EDGE_ZH = re.compile(r"[：:（(“]$")
_LIST_ZH = re.compile(r"[^，,。；：:、？?！!（）()\s]{1,30}(?:、[^，,。；：:、？?！!（）()\s]{1,30}){2,}")
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
    r"^(?P<w>为什么)(?P<s>(?![才就还也都又总老只]|.{0,14}比)[^，,。是有会能要不很更][^，,。的]{0,14}?)(?<![社机开大宴聚没所拥具含首主重需只必都也还就不永])"
    r"(?P<p>(?:会|能够|可以|应该|需要|必须|被|很|更|如此|这么|无法|难以|有(?!些|的|关|效|利|害|名|趣))[^，,。]{2,30})$"
)
_WHY_INNER = re.compile(
    r"^(?P<s>(?!.*(?:我|你|告诉|解释|说明|请|描述|知道|想|问))[^，,。是有会能]{2,12})(?P<w>为什么)(?P<p>[^，,。]{3,30})$"
)
_HOW_IN = re.compile(
    r"^(?P<w>如何|怎样|怎么)(?P<s>在[^，,。在看用查做写找有]{1,8}?(?:中|里|上|时|下))(?P<p>(?!的|面|边|方|间|载|传|述|列)[^，,。]{3,30})$"
)
_SIDES_ZH = re.compile(
    r"^(?:请|请你)?(?:比较|对比|解释|说明|描述|分析|简述|介绍)?(?:一下)?(?P<a>[^，,。的和与是、]{1,10})(?P<w>和|与|跟)(?P<b>[^，,。的和与是、]{1,10}?)"
    r"(?=(?:之间)?(?:的|有什么|有何|有哪些)(?:区别|不同|差异|关系|异同|优缺点|相似|联系|差别))"
)
_PLAIN_PAIR = re.compile(
    r"(?<=的)(?P<a>[\u4e00-\u9fff]{2,4})(?P<w>和|与|及)(?P<b>[\u4e00-\u9fff]{2,4})(?=$|[，,])"
)
_NO_ITEM = re.compile(r"[等和及与或含伴继并后的能]|同时|以及")
_RUNS_ON = re.compile(r"[您你我请需吃]")
"""What joins an item of a 、-list to its neighbours."""

_SHARED = re.compile(r"病因|群体|措施|科室|症状|表现|方法|什么|属于|[最都在时可会能有否啥吗呢就应想]")
"""What at the end of the second of two sides may belong to both."""

_FOR_ME = re.compile(
    r"^(?P<w>请?)(?P<s>给我)(?P<p>(?:推荐|介绍|提供)(?:一|几|两|[三四五六七八九十\d])[^，,。]{3,30})$"
)
_CHOICE_ZH = re.compile(
    r"(?:(?:分类为|归类为|属于|分为|判断是|判断为|描述为|标记为|：)(?P<a>[^，,。；、和与或的是为]{1,8})(?P<word>或者?|还是)|"
    r"(?<![但可于总只老要还不也就都若])是(?P<c>[^，,。；、和与或的是为]{1,6})(?P<other>还是))(?P<b>[^，,。；、和与或的是为]{1,8})(?=$|[，,。？?])"
)


def pairs(sentence: Sentence, passage: Passage, own: Table) -> Iterator[Edit]:
    """Yield the pairs, lists and movable words of a Chinese sentence, changed over."""
    if not (verb_of(sentence.words) or sentence.mark in ("？", "?")):
        return
    yield from _moved(sentence, passage)
    for match in own.pair.finditer(sentence.words):
        if match["a"] != match["b"] and match["a"] + match["b"] not in own.fixed:
            start, stop = sentence.start + match.start(), sentence.start + match.end()
            if not passage.protected.holds(start, stop):
                yield start, stop, match["b"] + match["word"] + match["a"]
    for match in _CHOICE_ZH.finditer(sentence.words):
        side, word = ("a", "word") if match["a"] else ("c", "other")
        one, two = match[side], match["b"]
        start, stop = sentence.start + match.start(side), sentence.start + match.end("b")
        fixed = one == two or one + two in own.fixed or two[0] in "非不没无其" or _SHARED.search(one + two)
        if not fixed and not passage.protected.holds(start, stop):
            yield start, stop, two + match[word] + one
    for match in _LIST_ZH.finditer(sentence.words):
        yield from _inner(match, sentence, passage)


def _moved(sentence: Sentence, passage: Passage) -> Iterator[Edit]:
    """Yield what may stand elsewhere in a Chinese sentence: a count, `why`, a place, a receiver."""
    words = sentence.words
    for match in _COUNTED.finditer(words):
        yield _at(sentence, match, match["m"] + match["n"] + match["rest"])
    for match in _ABOUT.finditer(words):
        yield _at(sentence, match, match["n"] + match["m"] + match["rest"])
    for match in _PLAIN_PAIR.finditer(words):
        known, a, b = chinese_words(), match["a"], match["b"]
        if len(a) == len(b) and a in known and b in known and a + b not in table("zh").fixed:
            yield _at(sentence, match, b + match["w"] + a)
    sides = _SIDES_ZH.match(words)
    if sides is not None and not verb_of(sides["a"]) and _one_kind(sides["a"], sides["b"]):
        start, stop = sentence.start + sides.start("a"), sentence.start + sides.end("b")
        yield start, stop, sides["b"] + sides["w"] + sides["a"]
    for pattern, order in ((_WHY, "swp"), (_HOW_IN, "swp"), (_WHY_INNER, "wsp"), (_FOR_ME, "wps")):
        found = pattern.match(words)
        if found is None:
            continue
        if not passage.protected.holds(sentence.start + found.start("w"), sentence.start + found.end("w")):
            yield _at(sentence, found, "".join(found[part] for part in order))
            return


def _one_kind(a: str, b: str) -> bool:
    """Tell whether two sides surely are things of one kind, with no word in the second that is meant for both."""
    if len(b) <= 2 < len(a) or a.startswith(("想", "问")):
        return False
    return (a[-1] == b[-1] or len(a) == len(b)) and _SHARED.search(a + b) is None


def _at(sentence: Sentence, match: re.Match[str], words: str) -> Edit:
    return sentence.start + match.start(), sentence.start + match.end(), words


def _inner(match: re.Match[str], sentence: Sentence, passage: Passage) -> Iterator[Edit]:
    """Yield a 、-list with those items in another order whose edges are sure: the first only after a known word."""
    items = match.group().split("、")
    first = 0 if _EDGE_ZH.search(sentence.words[: match.start()]) else 1
    free = items[first:-1]
    start = sentence.start + match.start() + sum(len(item) + 1 for item in items[:first])
    stop = start + len("、".join(free))
    alone = {len(item) > 1 for item in items[first:]}
    if len(alone) > 1 or any(_NO_ITEM.search(item) for item in free) or _RUNS_ON.search(items[-1]):
        return
    if (
        len(free) < 2
        or len(set(free)) != len(free)
        or any(re.search(r"\d|[一二三四五六七八九十]", item) for item in free)
    ):
        return
    if not passage.protected.holds(start, stop):
        yield start, stop, "、".join(other_order(passage, free))
