"""What the words beside a place are worth for a Chinese name that begins or ends there.

Titles, introductions and lists stand before names; verbs of persons, titles and dates of birth behind them; things
(市, 公司) behind what is none. Look-ups of a few characters, the words in `data/chinese_context.json`. Rejected:
weights learnt from text, for no Chinese corpus at hand has names marked in number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from quality.pii.lexicon_zh import context

_OPEN = "“”\"'‘’「」『』（(：: 【[*"
_NEVER_AFTER = frozenset("·•・唑霉-－")
_PHONE_NEXT = re.compile(
    r"[ \t,，:：/（(]{1,3}(?:电话|手机)?[:： ]{0,2}1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}(?![0-9])"
)
_BORN_NEXT = re.compile(
    r"\s?[，,（(]\s?(?:[男女][，,]\s?)?(?:生于|出生|[12][0-9]{3}年(?:[0-9]{1,2}月(?:[0-9]{1,2}日)?)?(?:出?生|[-—－～~至]))"
)
_PHONE_LEADS = frozenset(" \t,，:：/（(")
_TELLING = frozenset("男女生出电手")
"""Ideographs that a date of birth or a number may begin with."""

_CLOSING = frozenset("”」’』")
_SPEECH_END = re.compile("[。，！？…!?,.～~][”」’』]$")


def before_name(text: str, start: int) -> float:
    """Return what the words before a place are worth for a name that begins there."""
    if not start:
        return 1.5
    last = text[start - 1]
    cues, lengths = _cues()
    han = is_han(last)
    if han:
        if last not in lengths:
            return 0.0
        bare = text[max(0, start - 8) : start]
    else:
        bare = text[max(0, start - 8) : start].rstrip(_OPEN)
    for length in lengths.get(bare[-1:], ()):
        worth = cues.get(bare[-length:])
        if worth:
            return worth
    if han:
        return 0.0
    return 3.0 if last in _CLOSING and _SPEECH_END.search(text, max(0, start - 2), start) else 1.5


@cache
def is_dull(last: str) -> bool:
    """Tell whether a character ends none of the words that a name may follow, nor anything else that is worth some."""
    return last not in _cues()[1] and is_han(last)


@cache
def _cues() -> tuple[dict[str, float], dict[str, tuple[int, ...]]]:
    """Return what each word before a name is worth; and the lengths of such words by their last character."""
    fair = {word: 3.0 if len(word) > 1 else 1.5 for word in context().before_fair}
    cues = fair | dict.fromkeys((word.rstrip(_OPEN) for word in context().before_sure), 5.0)
    return cues, _lengths(cues, -1)


@cache
def _followers() -> tuple[dict[str, float], dict[str, tuple[int, ...]]]:
    """Return what each word after a name is worth; and the lengths of such words by their first character."""
    words_zh = context()
    found = dict.fromkeys(words_zh.after_name, 2.0)
    found |= dict.fromkeys(words_zh.speech, 3.0)
    found |= dict.fromkeys(words_zh.gestures, 4.0)
    found |= {title: 4.0 for title in words_zh.titles if len(title) > 1}
    found |= dict.fromkeys(words_zh.honorifics, 6.0)
    found |= {thing: -3.0 if len(thing) == 1 else -7.0 for thing in words_zh.thing_after}
    return found, _lengths(found, 0)


def _lengths(words_zh: Iterable[str], at: int) -> dict[str, tuple[int, ...]]:
    """Return the lengths of words by the character at a place in them, the longest first."""
    found: dict[str, set[int]] = {}
    for word in words_zh:
        found.setdefault(word[at], set()).add(len(word))
    return {char: tuple(sorted(sizes, reverse=True)) for char, sizes in found.items()}


def after_name(text: str, end: int) -> float:
    """Return what the words after a place are worth for a name that ends there."""
    char = text[end : end + 1]
    if char in _NEVER_AFTER:
        return -9.0
    found, lengths = _followers()
    for length in lengths.get(char, ()):
        worth = found.get(text[end : end + length])
        if worth and not (worth > 0 and _of_thing(text, end + length)):
            return worth
    if is_han(char):
        return 0.0
    if char in _PHONE_LEADS and (text[end + 1 : end + 2] in _TELLING or not is_han(text[end + 1 : end + 2])):
        if _BORN_NEXT.match(text, end):
            return 7.0
        if _PHONE_NEXT.match(text, end):
            return 4.0
    return 1.5


@cache
def _most_by_first() -> dict[str, float]:
    """Return the most that a word after a name is worth, by its first character."""
    most: dict[str, float] = {}
    for word, worth in _followers()[0].items():
        most[word[0]] = max(worth, most.get(word[0], worth))
    return most


@cache
def most_after(char: str) -> float:
    """Return the most that `after_name` gives where a character stands behind a name, or, for none, anywhere."""
    if char in _NEVER_AFTER:
        return -9.0
    most = 7.0 if not char or char in _PHONE_LEADS else 0.0 if is_han(char) else 1.5
    return max(most, _most_by_first().get(char, most))


def told_apart() -> frozenset[str]:
    """Return the characters for which `is_dull` and `most_after` do not answer as for any ideograph, or any other."""
    return frozenset(_cues()[1]) | _NEVER_AFTER | _PHONE_LEADS | _most_by_first().keys()


def _of_thing(text: str, end: int) -> bool:
    """Tell whether a building or a firm follows a title, which makes it a part of that: 杜莎夫人蜡像馆."""
    return text[end : end + 3] in context().thing_after


def is_han(char: str) -> bool:
    """Tell whether a text begins with a common Chinese character."""
    return "\u4e00" <= char[:1] <= "\u9fff"


def name_ends(text: str, end: int) -> bool:
    """Tell whether a stop, a particle or a verb of a person stands at a place."""
    return not is_han(text[end : end + 1]) or any(text[end : end + n] in context().after_name for n in (1, 2))
