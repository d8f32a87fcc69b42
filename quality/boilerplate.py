"""Replies that answer nothing in particular: "Thank you for contacting us", 感谢您的来信, given to prompt after prompt.

That many records share an answer condemns nobody: labels, variants of one question and thanks do it rightly. So it is
told what two replies have in common without names, dates and numbers, whether their numbers differ (then they may be
results), what two prompts have in common, how much of a reply its prompt speaks of, and how much of it are words of a
subject. Rejected: a list of such phrases (it ends where its author's imagination did), and an embedder, for which a
question and its canned reply are near.
"""

from __future__ import annotations

import functools
import gzip
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quality.inflection import bases

_DATA = Path(__file__).parent
MOST_CHARACTERS = 4_000
"""Characters of a prompt that are looked at."""

_TAG = re.compile(r"<[A-Z][A-Z_0-9]{2,30}>|\[[A-Z][A-Z_ 0-9]{2,30}\]|https?://\S+|\S+@\S+\.\w+")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*(?:(?:st|nd|rd|th)\b)?")
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|january|february|march|april|june|july|august|september|"
    r"october|november|december)"
)
_DATED = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}\b(?:,?\s+\d{{4}})?|\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?|"
    r"\b(?:on\s+)?(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|(?:\d+\s*年\s*)?\d+\s*月\s*\d+\s*[日号]|"
    r"(?:星期|礼拜|周)[一二三四五六日天](?![转边])",
    re.I,
)
_COURTESY = (
    r"\b(?:dear|hi|hello|hey|good (?:morning|day|afternoon|evening)|mr|mrs|ms|dr|thanks|thank you|sorry|"
    r"welcome)\b"
)
_NAME = r"(?:(?:[Mm]rs?|MRS?|[Mm]s|[Dd]r)\.?[ ]+)?[A-Z][\w'’-]*(?:[ ][A-Z][\w'’-]*){0,2}"
_NAMED = (
    re.compile(rf"(?P<kept>(?i:{_COURTESY})[^.!?,\n]{{0,60}}),[ ]+{_NAME}(?=[.!?]|$)"),
    re.compile(rf"(?P<kept>(?i:{_COURTESY}))\.?,?[ ]+{_NAME}"),
    re.compile(
        r"(?P<kept>尊敬的|亲爱的|谢谢|感谢|^|(?<=[，。！!,.\s]))[一-鿿]{1,3}(?:先生|女士|小姐|老师|同学|经理)"
    ),
)
"""A courtesy and the name it is paid to. The courtesy stays, the name goes."""
_THANKS = re.compile(r"谢谢|感谢|多谢|不客气|不用谢|不谢|thanks?|you(?:'|’)?re welcome", re.I)
_LATIN = re.compile(r"[a-z][a-z'’-]*[a-z]|[a-z]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_OTHER = re.compile(r"[^\W\d_a-z\u3400-\u4dbf\u4e00-\u9fff]+")
_PER_CHARACTER = 0.5
"""Words that a Chinese character counts for."""

_COMMON_ENGLISH, _COMMON_CHINESE = 6, 8
"""Decimal, and binary, logarithm of a word's count in general from which it is a word of no subject."""
_LONGEST = 5
_FRAME_WORDS, _FRAME_CHARACTERS = 4, 5
THANKS = "thanks"
_SHORT = 12
"""Units of content up to which two prompts that thank are one: thanks."""
LEAST_UNITS = 2
"""Words (pairs of Chinese characters) of content below which a prompt is too short to differ from another."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one reply is, beside its prompt.

    Attributes:
        words: how long it is without what may vary, a Chinese character being half a word.
        spoken_of: share of its content, 0 to 1, that the prompt speaks of.
        subject: share of its content, 0 to 1, that is words of a subject: rare in general.
    """

    words: float
    spoken_of: float
    subject: float


def skeleton(text: str) -> str:
    """Return a reply without what varies from one customer to the next: tags, addresses, numbers, dates, names."""
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    if not text.isupper():  # where all letters are capitals, names cannot be told
        for pattern in _NAMED:
            text = pattern.sub(r"\g<kept> ", text)
    text = _NUMBER.sub(" ", _DATED.sub(" ", _TAG.sub(" ", text)))
    return " ".join(text.casefold().split())


def numbers(text: str) -> tuple[str, ...]:
    """Return the numbers of a text in order: two replies that differ in them may be two results."""
    return tuple(_NUMBER.findall(unicodedata.normalize("NFKC", text)))


def words_in(skeleton_: str) -> float:
    """Return the length of a skeleton in words, a Chinese character being half a one."""
    wide = sum(map(len, _HAN.findall(skeleton_)))
    return len(_LATIN.findall(skeleton_)) + len(_OTHER.findall(skeleton_)) + wide * _PER_CHARACTER


def reply(prompt: str, response: str) -> Reply:
    """Return what a response is beside its prompt."""
    bare = skeleton(response)
    content = content_of(bare)
    shared = len(content & content_of(prompt)) / len(content) if content else 0.0
    return Reply(words_in(bare), shared, _subject(bare))


@functools.lru_cache(maxsize=4_096)  # a prompt is held against several others
def content_of(text: str) -> frozenset[str]:
    """Return the content of a text: English words by their base form, pairs of Chinese characters, other words.

    Small words (`the`, 的) are left out; all thanks, and what is said to them, are one.
    """
    folded = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    folded, thanks = _THANKS.subn(" ", folded)
    small, characters = _small()
    found = {_base(word) for word in _LATIN.findall(folded) if word not in small and len(word) > 1}
    found |= set(_OTHER.findall(folded))
    for run in _HAN.findall(folded):
        pairs = (run[at : at + 2] for at in range(len(run) - 1))
        found |= {pair for pair in pairs if not set(pair) <= characters}
    if thanks:
        found.add(THANKS)
    return frozenset(found)


def _base(word: str) -> str:
    return min(bases(word), key=len, default=word)


def likeness(left: tuple[str, str], right: tuple[str, str]) -> float | None:
    """Return how much two prompts have in common, 0 to 1; None if one holds too little to tell.

    Args:
        left: instruction and input.
        right: likewise.
    """
    whole = [content_of("\n".join(side)) for side in (left, right)]
    if THANKS in whole[0] & whole[1] and min(map(len, whole)) <= _SHORT:
        return 1.0
    if min(map(len, whole)) < LEAST_UNITS:
        return None
    found = [_overlap(*whole), float(_framed(*("\n".join(side) for side in (left, right))))]
    if left[1].strip() and right[1].strip():
        found.append(_overlap(content_of(left[0]), content_of(right[0])))
    return max(found)


def _overlap(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / max(min(len(left), len(right)), 1)


def _framed(left: str, right: str) -> bool:
    """Return whether two prompts begin, or end, with the same words: one task on two texts."""
    ours, theirs = (_runs(text) for text in (left, right))
    for one, other in ((ours, theirs), (ours[::-1], theirs[::-1])):
        weight = 0.0
        for a, b in zip(one, other, strict=False):
            if a != b:
                break
            weight += _FRAME_WORDS / _FRAME_CHARACTERS if _HAN.match(a) else 1.0
        if weight >= _FRAME_WORDS:
            return True
    return False


_RUN = re.compile(r"[a-z'’]+|[^\W_]")


def _runs(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    return _RUN.findall(_NUMBER.sub("0", folded))


def _subject(skeleton_: str) -> float:
    """Return the share of the content that is words of a subject (`pancreatitis`, 胰腺炎), by characters or words."""
    english, chinese = _general()
    small, characters = _small()
    content = subject = 0.0
    for word in _LATIN.findall(skeleton_):
        if word not in small and word.isalpha() and len(word) > 1:
            content += 1
            subject += (
                max((english.get(form, 0) for form in (word, *bases(word))), default=0) < _COMMON_ENGLISH
            )
    for run in _HAN.findall(skeleton_):
        for word in _cut(run, chinese):
            if len(word) > 1 or word not in characters:
                content += len(word) * _PER_CHARACTER
                subject += len(word) * _PER_CHARACTER * (len(word) > 1 and chinese[word] < _COMMON_CHINESE)
    return subject / content if content else 1.0


def _cut(run: str, words: dict[str, int]) -> list[str]:
    """Return a run of Chinese characters as the longest known words, from the left; else single characters."""
    found, at = [], 0
    while at < len(run):
        size = next(
            (n for n in range(_LONGEST, 1, -1) if run[at : at + n] in words and at + n <= len(run)), 1
        )
        found.append(run[at : at + size])
        at += size
    return found


@functools.cache
def _small() -> tuple[frozenset[str], frozenset[str]]:
    """Return small English words, and small Chinese characters."""
    told = json.loads((_DATA / "language" / "words.json").read_text(encoding="utf-8"))
    held = json.loads((_DATA / "decontamination" / "boilerplate.json").read_text(encoding="utf-8"))
    return frozenset(told["en"].split()), frozenset(held["small_characters"])


@functools.cache
def _general() -> tuple[dict[str, int], dict[str, int]]:
    """Return the logarithms of counts of English and Chinese words in general (lookalike/data/SOURCES.md)."""
    found: list[dict[str, int]] = []
    for name in ("english", "chinese"):
        with gzip.open(_DATA / "lookalike" / "data" / f"{name}.txt.gz", "rt", encoding="utf-8") as stream:
            found.append({word: int(size) for word, size in (line.split() for line in stream)})
    return found[0], found[1]


def replies(prompts: Sequence[str], responses: Sequence[str]) -> list[Reply]:
    """Return `reply` of each prompt and response."""
    return [reply(*pair) for pair in zip(prompts, responses, strict=True)]
