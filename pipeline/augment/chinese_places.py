"""Where a Chinese request may take another word, by this project's lexicon: a word of its own, its neighbours."""

from __future__ import annotations

from pipeline.augment.asking import Spans
from pipeline.augment.chinese_words import is_traditional, simplified, stands_alone, traditional
from pipeline.augment.english_places import Place
from pipeline.augment.protect import Protected
from pipeline.augment.synonym_lexicon import Group, chinese

_EDGES = frozenset("，。！？；：、,.!?;:\n\r\t 　“”\"'（）()【】[]《》「」…")
_CHOICE = frozenset("或、/")


def chinese_places(text: str, spans: Spans, protected: Protected) -> list[Place]:
    """Return the places of a text that have a synonym here, in order, apart from one another.

    Args:
        text: the text, in simplified or traditional characters.
        spans: the stretches of it that may change.
        protected: what must stay.
    """
    table = chinese()
    old = is_traditional(text)
    plain = simplified(text) if old else text
    found: list[Place] = []
    for start, stop in spans:
        at = start
        while at < stop:
            step = 1
            for word, others, group in table.get(plain[at], ()):
                end = at + len(word)
                if end > stop or not plain.startswith(word, at) or not _fits(plain, at, end, group):
                    continue
                if protected.holds(at, end) or not stands_alone(plain, at, end):
                    continue
                options = tuple(one for one in others if one not in plain)
                if old:
                    options = tuple(own for one in options if (own := traditional(one)) is not None)
                if options:
                    found.append(Place(at, end, options))
                    step = len(word)
                    break
            at += step
    return found


def _fits(text: str, start: int, stop: int, group: Group) -> bool:
    if text[stop : stop + 1] in _CHOICE and stop < len(text) and text[start - 1 : start] in _CHOICE and start:
        return False
    for name, values in group.conditions.items():
        beside = any(
            _follows(text, stop, one) if "next" in name else _precedes(text, start, one) for one in values
        )
        if beside == name.startswith("-"):
            return False
    return True


def _follows(text: str, stop: int, value: str) -> bool:
    if value == "$":
        return stop >= len(text) or text[stop] in _EDGES
    return text.startswith(value, stop)


def _precedes(text: str, start: int, value: str) -> bool:
    if value == "^":
        return start == 0 or text[start - 1] in _EDGES
    return text.endswith(value, 0, start)
