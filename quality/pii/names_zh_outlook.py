"""What a place with a surname's character may be, as far as the next characters tell: nearly all of them are no name.

The same three and four characters come again and again, so what they say is kept. What they leave open counts as what
suits a name best, so that no name is lost. Rejected: to look at each place with all that stands beside it, which is
most of the time that a Chinese text takes.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from quality.lookalike.chinese import chinese_words
from quality.pii.kept import Kept
from quality.pii.lexicon_zh import PRIOR, context, given, given_twice, persons, surnames, words
from quality.pii.names_zh_beside import is_han, most_after

ENOUGH: Final = 6.0
NEARLY: Final = 3.0
BEST_AFTER: Final = 6.5
IMPOSSIBLE: Final = 20.0
_HONOURED: Final = 8.5
"""What an honorific behind a name may take off the cost of a last character that things end with."""

BEFORE: Final = (0.0, 1.5, 3.0, 5.0)
"""All that words before a name may be worth."""

MOST_KNOWN: Final = 2.5
"""What a name of the word list saves of the cost of words that cut across it."""

_IS_WORD: Final = 12.0
"""The cost of being a word."""

_ROUNDING: Final = 1e-6
"""More than what two ways to add the same numbers differ by."""

_THING_ENDS = frozenset(
    "嘴塔渡庄岭坡坪埠滩堰闸坝屯垭坳镇村县市区路街寺庙湖店楼阁斋府堡宫桥站港岛河江巷弄号室层年月日队"
    "草菜丸散汤粉酒茶饼糕鱼肉油膏片剂药病症炎癌素酸酶钠奖杯报族党派语法术机器车船舰型式版灸疗"
)
COVERS = 4
"""Least logarithm of a word's count for it to stand against a name."""

_ONLY_IN_NAMES = 5
"""Least weight of a single given name for a word that ends with it to be a name itself."""

_FAMOUS = 9
"""Greatest logarithm of the count of such a word."""

UNSEEN = (-3, -3, -4)
"""Weights of a character that no given name of the list has; it may be rare enough to be in a name nevertheless."""


def outlook(gram: str) -> tuple[bool, float] | None:
    """Tell from the three characters at a place what the place may be, None for no name.

    Nearly all places are ruled out by them, and the same three come again and again. What they leave open counts as
    what suits a name best, so that no name is lost.

    Returns:
        whether `_called` may find a name, and the least that the words before must be worth (one of `BEFORE`) for
        `_best` to find one; more than all of them when it cannot.
    """
    double = gram[:2] in surnames()
    called, least = _may_be_called(gram), 0.0 if double else _least_before(gram, 1)
    return (called, least) if called or least <= BEFORE[-1] else None


def further(gram: str) -> float:
    """Return the least that the words before a place must be worth, as `outlook` does, from four characters."""
    return min(_least_before(gram, 1), _least_before(gram, 2))


def _least_before(gram: str, size: int) -> float:
    """Return the least of `BEFORE` with which a surname of some size may begin a name, more than all for no name."""
    prior, name, after = surnames().get(gram[:size]), gram[size : size + 1], gram[size + 1 : size + 2]
    if prior is None or not is_han(name):
        return IMPOSSIBLE
    if gram[: size + 1] in context().placeholders:
        return 0.0
    table = given()
    first, second = table.get(name, UNSEEN), table.get(after)
    one = two = -IMPOSSIBLE
    if name != gram[0]:
        one = prior + first[2] - 1.0 + most_after(after)
    if second is not None or is_han(after):
        two = prior + first[0] + (second or UNSEEN)[1] + most_after(gram[size + 2 : size + 3])
    # What is not known of the text yet is filled with a character that stands in no word: it costs nothing.
    options = [
        (worth, across(gram + "\0\0\0", 0, end, size) - _HONOURED * (gram[end - 1] in _THING_ENDS))
        for worth, end in ((one, size + 1), (two, size + 2))
        if worth + BEFORE[-1] + MOST_KNOWN >= NEARLY
    ]
    for before in BEFORE:
        for worth, cost in options:
            if worth + before - (cost if cost >= IMPOSSIBLE else cost * doubt(before)) >= NEARLY:
                return before
    return IMPOSSIBLE


OUTLOOKS: Final = Kept(outlook, most=1 << 17)
FURTHER: Final = Kept(further, most=1 << 16)


def _may_be_called(gram: str) -> bool:
    """Tell from three characters whether a surname and a title, or a name such as 小李, may begin with them."""
    known, family, titles, name = words().get, surnames(), context().titles, gram[1:2]
    if gram[0] in "小老阿":
        group = context().nick_old if gram[0] == "老" else context().nick
        fits = gram[0] != "老" and (given().get(name, UNSEEN)[2] >= 2 or name in family)
        return (fits or name in group) and known(gram[1:3], 0) < 6 and known(gram, 0) < COVERS
    if family.get(gram[:2], -1) >= 0 and gram[2:3] in title_starts():
        return True
    titled = name in titles or gram[1:3] in titles or gram[1:3] in _title_openings()
    return titled and family.get(gram[0], -1) >= 0 and known(gram[:2], 0) < COVERS


def doubt(before: float) -> float:
    """Return how much words that cut across a name count against it, given the words before it."""
    return 0.3 if before >= 5 else 0.6 if before >= 3 else 1.0


def across(text: str, start: int, end: int, size: int) -> float:
    """Return the cost of known words that cover a candidate or cut its edges."""
    known, all_known = words().get, chinese_words().get
    name = text[start:end]
    if known(text[start : end + 1], 0) >= COVERS:
        return IMPOSSIBLE
    whole = known(name, 0)
    # 李娜 is a word because people of that name are known; 凌晨 and 宁静 are far more frequent.
    if whole >= COVERS and not (
        whole <= _FAMOUS
        and end - start == 2
        and surnames().get(text[start], 0) >= PRIOR["4"]
        and given().get(text[end - 1], UNSEEN)[2] >= _ONLY_IN_NAMES
    ):
        return _IS_WORD
    if known(text[start : start + 4], 0) or (start and known(text[start - 1 : end], 0) >= COVERS):
        return IMPOSSIBLE
    if name in context().brands:
        return IMPOSSIBLE
    cost = left_across(text, start)
    cost += known(text[end - 1 : end + 1], 0) * 0.45
    if all_known(text[end - 1 : end + 2], 0) or known(text[end - 2 : end + 1], 0) >= COVERS:
        cost += 5
    if text[end - 1] in _THING_ENDS and text[end : end + 2] not in context().honorifics:
        cost += 6
    elif name in persons():
        cost -= MOST_KNOWN if end - start > 2 else 1.0
    if end - start - size == 2:
        cost += known(text[start : start + 2], 0) * 0.55 * (size == 1)
        cost += known(text[end - 2 : end], 0) * 0.4 * (text[end - 2 : end] not in given_twice())
    return cost


def left_across(text: str, start: int) -> float:
    """Return the part of that cost which the words make that end with the first character."""
    if not start:
        return 0.0
    known = words().get
    cost = known(text[start - 1 : start + 1], 0) * 0.6
    if text[start - 1] in "小老大":
        cost += 4
    if start > 1 and known(text[start - 2 : start + 1], 0):
        cost += 6
    return cost


def least_across(text: str, start: int) -> float:
    """Return what words that cut across any name that begins at a place cost at the least."""
    return min(left_across(text, start) - MOST_KNOWN, _IS_WORD) - _ROUNDING


@cache
def title_starts() -> frozenset[str]:
    """Return the first characters of the titles."""
    return frozenset(title[0] for title in context().titles)


@cache
def _title_openings() -> frozenset[str]:
    """Return the first two characters of the titles of three and more."""
    return frozenset(title[:2] for title in context().titles if len(title) > 2)
