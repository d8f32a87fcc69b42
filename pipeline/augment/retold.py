"""Whether a sentence that came back from a model's round trip can stand for the one that went out.

Models seldom write what nobody would type; they lose a clause, repeat themselves, or copy. So a return is refused for
what can be counted: nothing or as good as nothing changed, a length out of proportion, words repeated, negations
gained or lost, too little of the content left, an article that does not fit. The gate of children judges the meaning
with a model; this is what needs none. Rejected: a score over all of it (nobody could say what was wrong).
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*|\d+(?:[.,]\d+)*|[\u3400-\u9fff]|[^\W\d_]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|without|cannot)\b|n['’]t\b|"
    r"[不没未无莫勿非别]", re.IGNORECASE,
)  # fmt: skip
_ARTICLE = re.compile(
    r"\ba (?=[aeio]|u(?!s|ni|t))(?!one\b|eu)|\ban (?=[bcdfgj-np-tv-z])(?!hour|hon|heir|\w\b)", re.IGNORECASE
)
_END = re.compile(r"[\s.!?。！？…]*$")
_LEAST_RATIO, _MOST_RATIO = 0.5, 2.0
_LEAST_SHARED = 0.25
_FEW = 4
"""Words of a sentence too short for proportions."""


def refused(parent: str, child: str) -> str:
    """Return why a return cannot stand for its sentence, in a word; "" if it can.

    Args:
        parent: the sentence, with its marks.
        child: what came back, with its marks.
    """
    ours, theirs = _words(parent), _words(child)
    if not theirs:
        return "untranslated"
    if ours == theirs:
        return "unchanged"
    if bool(_HAN.search(parent)) != bool(_HAN.search(child)):
        return "untranslated"
    ratio = len(theirs) / max(1, len(ours))
    if max(len(ours), len(theirs)) > _FEW and not _LEAST_RATIO <= ratio <= _MOST_RATIO:
        return "length"
    if _repeats(theirs) > _repeats(ours):
        return "repetition"
    if len(_NEGATION.findall(parent)) != len(_NEGATION.findall(child)):
        return "negation"
    if len(ours) > _FEW and _shared(ours, theirs) < _LEAST_SHARED:
        return "content"
    if len(_ARTICLE.findall(child)) > len(_ARTICLE.findall(parent)):
        return "agreement"
    return ""


def ended_alike(parent: str, child: str) -> str:
    """Return a return with the final marks of its sentence; models add and drop them."""
    end = _END.search(parent)
    return _END.sub("", child) + (end[0] if end else "")


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _repeats(words: list[str]) -> int:
    """Return how often a word follows itself, and how often three words come again; Chinese doubles its characters."""
    doubled = sum(left == right and not _HAN.match(left) for left, right in pairwise(words))
    threes = Counter(zip(words, words[1:], words[2:], strict=False))
    return doubled + sum(count - 1 for count in threes.values())


def _shared(ours: list[str], theirs: list[str]) -> float:
    """Return the share of the shorter one's words that the other has too."""
    common = (Counter(ours) & Counter(theirs)).total()
    return common / min(len(ours), len(theirs))
