"""Foreign names whose parts dots join (约翰·史密斯, 乔治 · 华盛顿), and where such a name begins and ends.

Beside a dot more characters are those of a name than elsewhere (保, 东, 得), so the run is cut again where a word goes
on: 富翁|詹姆斯, 特朗普|多年. Rejected: a segmenter for the edges, which cuts names that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from quality.pii.lexicon_zh import PRIOR, context, surnames, transliterated, words

DOTS: Final = "·•・‧∙"
DOT = re.compile(f"[{DOTS}]")
PARTICLES = "和与跟对由给被让叫把在从向当若而因以因也就都是的了说"
_BLANKS: Final = (" ", "\u00a0")
DOTS_AND_BLANKS = re.compile(rf"[\s{DOTS}-]+")
_JOINT = re.compile(rf"-|[ \u00a0][{DOTS}][ \u00a0]|[{DOTS}]")
_RARE_IN_NAMES: Final = frozenset(
    "邦保平杜道东滕灵盛通孔富冯宗次察采措楚灿岑聪孙雄陈春江军洪瑙历娅可得卜娇茜凡"
)
"""Characters that transliterated names use and running text is full of: they count beside a dot only.

Gathered from known names; the project's own list."""
_EVERYDAY: Final = 8
"""Least logarithm of a word's count for it to take the last character of a name that no list knows: 特朗普|多年."""
_SEEN_AFTER: Final = frozenset({"世纪", "时期", "时代", "地区", "手机", "电脑", "汽车"})
"""Things that stand after a name without taking it for their own."""
_LONGEST: Final = 8
_INITIALS = re.compile(r"(?:[A-Z]\.\s?){1,3}$")
_TURKIC: Final = frozenset("江买提吐逊卜都古丽汗麦玉素甫依吾木合塔热艾山力孜")
"""Characters of Uyghur and Kazakh names that other transliterations seldom have; they count only beside a dot."""


@cache
def _dot_chars() -> frozenset[str]:
    return context().translit_chars | _TURKIC | _RARE_IN_NAMES


def dotted_names(text: str) -> Iterator[tuple[int, int, bool]]:
    """Find runs of transliteration that dots join, with or without blanks around them; say whether it is a person."""
    free = 0
    for match in DOT.finditer(text):
        if match.start() < free:
            continue
        at = match.start() - (text[match.start() - 1 : match.start()] in _BLANKS)
        start = _skip_cut(text, _before_dot(text, at, free), at)
        end = _after_dots(text, at)
        # Whatever comes of it, no dot is looked at twice: a long chain would cost its square.
        free = max(free, end)
        parts = DOTS_AND_BLANKS.split(text[start:end])
        if (
            end == at
            or start == at
            or max(map(len, parts)) < 2
            or end - start < 4
            or text[end : end + 1] == "@"
        ):
            continue
        initials = _INITIALS.search(text, max(0, start - 8), start)
        junior = start > 0 and text[start - 1] == "小"
        yield (
            (initials.start() if initials else start - junior),
            end,
            not any(of_institution(text, end - n) for n in range(3)),
        )


def _before_dot(text: str, at: int, free: int) -> int:
    """Return where the part before a dot begins: a run of transliteration, or a surname alone (李·哈维)."""
    chars, start = _dot_chars(), at
    while start > free and at - start < _LONGEST and text[start - 1] in chars:
        start -= 1
    if start == at and start > free and surnames().get(text[at - 1], 0) >= PRIOR["4"]:
        start -= 1
    return start


def _after_dots(text: str, at: int) -> int:
    """Return the end of the parts that dots and hyphens join to what ends at a place; the place itself for none."""
    end = at
    while end < len(text):
        joint = _JOINT.match(text, end)
        if not joint or (text[end] == "-" and end == at):
            break
        begin = stop = joint.end()
        # Abroad, a Chinese surname ends a name (约翰·赵); 李 of 李斯特 begins a transliteration.
        if surnames().get(text[begin : begin + 1], 0) >= PRIOR["4"]:
            stop += 1
        known = _known_from(text, begin)
        stop = _run_end(text, stop, begin)
        # 艾灵顿 goes on behind the run of 艾; in 特朗普|多年 the run goes on behind the name.
        if known > stop or (begin < known == stop - 1 and words().get(text[known : known + 2], 0) >= 5):
            stop = known if known < stop else _run_end(text, known, begin)
        while stop > begin + 1 and _goes_on(text, stop, stop - begin):
            stop -= 1
        if stop == begin:
            break
        end = stop
    return end


def _run_end(text: str, stop: int, begin: int) -> int:
    chars = _dot_chars()
    while stop < len(text) and stop - begin <= _LONGEST and text[stop] in chars:
        stop += 1
    return stop


def _known_from(text: str, begin: int) -> int:
    """Return the end of the longest known transliteration that begins at a place, the place itself for none."""
    known = transliterated()
    longest = min(6, len(text) - begin)
    return next((begin + n for n in range(longest, 1, -1) if text[begin : begin + n] in known), begin)


def _goes_on(text: str, stop: int, length: int) -> bool:
    """Tell whether a run's last character begins a word (通|过, 赞|不绝口) or stands for saying (道：)."""
    known = words().get
    if known(text[stop - 1 : stop + 3], 0):
        return True
    if text[stop - 1] == "曾":
        return length > 2
    if text[stop - 1] in _RARE_IN_NAMES:
        return known(text[stop - 1 : stop + 1], 0) >= 4 or text[stop - 1] == "道"
    return length > 3 and known(text[stop - 1 : stop + 1], 0) >= _EVERYDAY


def of_institution(text: str, end: int) -> bool:
    """Tell whether what follows a name makes it a part of something else: 大学, 研究所."""
    things = context().thing_after
    return any(text[end : end + n] in things and text[end : end + n] not in _SEEN_AFTER for n in (2, 3))


def _skip_cut(text: str, start: int, at: int) -> int:
    """Return where a name begins when its first characters may end another word: 富翁|詹姆斯, 让|马可."""
    known = transliterated()
    if at - start < 3 or not start or text[start:at] in known or text[start - 1] == "小":
        return start
    joined = words().get(text[start - 1 : start + 1], 0)
    if words().get(text[start : start + 2], 0) >= 4 and text[start + 2 : at] in known:
        return start + 2
    # 塞德里克 is a name of its own, though 德里克 is one.
    cut = (
        joined >= 4
        or text[start] in PARTICLES + "于" * (text[start - 1].isalpha())
        or (joined and text[start + 1 : at] in known)
    )
    return start + bool(cut)
