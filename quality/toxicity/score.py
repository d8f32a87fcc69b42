"""How toxic a text is, and where: found words, weighed by what stands around them.

A word counts less where a text talks about it (`is a slur`, 这个词), teaches or treats (patients, 患者), negates it,
refuses or quotes it, and more where it is aimed at a person (`you`, 你). The score is that of the worst word, and a
little of each further one: a text is as bad as its worst sentence, and length must not add up to guilt. Rejected: a
share of bad words (a threat in a long text would be lost).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from quality.toxicity.find import Found, find
from quality.toxicity.fold import plain
from quality.toxicity.lexicon import context

CATEGORIES = ("insult", "slur", "threat", "sexual", "self_harm", "profanity")
_AROUND = 120
_TASK = 2_000
_BEFORE = 24
_AIMED = {"en": 25, "zh": 6}
_FURTHER = 0.2
_MOST_FURTHER = 8
_MOST = 0.99
_WEIGHTS = {"discusses": 0.45, "teaches": 0.45, "negates": 0.6, "refuses": 0.25, "quotes": 0.7}
_TAUGHT = ("sexual", "self_harm", "insult", "threat", "profanity")
_AIMABLE = ("insult", "profanity", "slur")
_DIRECTED = 1.3
_SENTENCE_END = re.compile(r"[.!?。！？\n]")
_QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』", "《": "》", "‘": "’", "'": "'"}


@dataclass(frozen=True, slots=True)
class Span:
    """One abusive stretch of a text.

    Attributes:
        start, stop: characters of the text.
        category: one of CATEGORIES.
        severity: 0 to 1, after its context is weighed.
        rules: what of the context changed the severity.
        disguised: whether it was written so as not to be found.
    """

    start: int
    stop: int
    category: str
    severity: float
    rules: tuple[str, ...]
    disguised: bool


def spans(text: str, about: str = "") -> list[Span]:
    """Return the abusive stretches of a text, in order.

    Args:
        text: any text.
        about: the task that the text belongs to; one about abuse (`classify this tweet`, 判断是否含有侮辱) explains it.
    """
    found = find(text)
    if not found:
        return []
    task = plain(about[:_TASK])
    explained = _holds(task, "discusses", "en") or _holds(task, "discusses", "zh")
    folded = plain(text)
    refused = _holds(folded[:400], "refuses", "en") or _holds(folded[:400], "refuses", "zh")
    return [_weighed(one, text, folded, refused, explained) for one in found]


def score_of(found: list[Span]) -> float:
    """Return the score of a text from its spans: 0 without any, else below 1."""
    if not found:
        return 0.0
    ordered = sorted((span.severity for span in found), reverse=True)
    left = 1 - min(ordered[0], _MOST)
    for severity in ordered[1 : 1 + _MOST_FURTHER]:
        left *= 1 - _FURTHER * severity
    return round(min(1 - left, _MOST), 4)


def _weighed(one: Found, text: str, folded: str, refused: bool, explained: bool) -> Span:
    begin, end = _sentence(folded, one.start, one.stop)
    sentence = folded[begin : one.start] + " " + folded[one.stop : end]
    rules = []
    if explained or _holds(sentence, "discusses", one.language):
        rules.append("discusses")
    if one.entry.category in _TAUGHT and _holds(
        folded[max(0, one.start - _AROUND) : one.stop + _AROUND], "teaches", one.language
    ):
        rules.append("teaches")
    if _negated(folded[max(begin, one.start - _BEFORE) : one.start], one.language):
        rules.append("negates")
    if refused:
        rules.append("refuses")
    if _quoted(text, one.start, one.stop):
        rules.append("quotes")
    severity = one.entry.severity
    for rule in rules:
        severity *= _WEIGHTS[rule]
    reach = _AIMED[one.language]
    near = (
        folded[max(begin, one.start - reach) : one.start]
        + " "
        + folded[one.stop : min(end, one.stop + reach)]
    )
    if (
        not rules
        and one.entry.category in _AIMABLE
        and severity >= 0.2
        and _holds(near, "directs", one.language)
    ):
        rules.append("directs")
        severity = min(severity * _DIRECTED, _MOST)
    return Span(one.start, one.stop, one.entry.category, round(severity, 4), tuple(rules), one.disguised)


def _sentence(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the sentence around a place, at most `_AROUND` characters to either side."""
    begin = max(0, start - _AROUND)
    for mark in _SENTENCE_END.finditer(text, begin, start):
        begin = mark.end()
    after = _SENTENCE_END.search(text, stop, min(len(text), stop + _AROUND))
    return begin, after.start() if after else min(len(text), stop + _AROUND)


def _holds(text: str, kind: str, language: str) -> bool:
    return _pattern(kind, language).search(text) is not None


@cache
def _pattern(kind: str, language: str) -> re.Pattern[str]:
    """Return the pattern of a kind of context; English words are bounded by what is no letter of theirs."""
    words = "|".join(re.escape(word) for word in sorted(context(kind, language), key=len, reverse=True))
    return re.compile(rf"(?<![a-z'])(?:{words})(?![a-z'])" if language == "en" else f"(?:{words})")


def _negated(before: str, language: str) -> bool:
    """Return whether what stands before a word negates it: in English with nothing but small words between."""
    if language == "zh":
        return _holds(before, "negates", "zh")
    return _english_negation().search(before.replace("’", "'")) is not None


@cache
def _english_negation() -> re.Pattern[str]:
    words = "|".join(map(re.escape, context("negates", "en")))
    between = "|".join(map(re.escape, context("negates", "between")))
    return re.compile(rf"(?<![a-z'])(?:{words})(?:\s+(?:{between})){{1,4}}\s+[\"“']?$")


def _quoted(text: str, start: int, stop: int) -> bool:
    """Return whether the stretch alone stands in quotation marks."""
    if not start or stop >= len(text):
        return False
    return _QUOTES.get(text[start - 1]) == text[stop]
