"""Requests in other words of one frame: "What is X?" and "Define X" want one answer.

A sentence is reduced to the class of answer that it wants and its topics, by patterns of whole sentences in
`data/frames.json`; two requests are one if a class is equal and the topics say the same by the ordinary
comparison, which carries numbers, names, negations and modifiers. A sentence may be read in several ways
("What is the capital of Peru?" wants a value and, by its form, an explanation). Rejected: replacing openings
before the alignment (the class would be lost: "name a tree" is not "what is a tree"); an embedding of the
opening, which holds "explain why" and "explain how" for near.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from quality.lookalike.judge import SAME, compare_texts
from quality.lookalike.lexicon import DATA
from quality.lookalike.request import Verdict
from quality.lookalike.tokens import fold, tokenise

_MOST_CHARACTERS = 240
_TURNABLE = frozenset(("", "words", "detail", "order", "format", "question", "instruction"))
"""What a verdict may name for another frame of request to be the reason."""

_SYMMETRIC = frozenset(("differences", "comparison"))
_COUNTED = frozenset(("list", "list one", "value"))
"""Classes in which singular and plural ask for other answers."""

_SENTENCES = re.compile(r"[.?!;:](?=\s)|[;\n]|: |[?!。？！；：](?=.)")
_ENDS = " \t\n.?!。？！~…,，"
_HAN = re.compile("[㐀-鿿]")
_AND = {"en": re.compile(r",? (?:and|or|versus|vs\.?) "), "zh": re.compile("以及|[和与跟同及、,]")}
_BETWEEN = re.compile(r"(.*)\bbetween (.+)")
_TAIL = re.compile(
    r"(.*?),? (in terms of|with (?:respect|regard) to|regarding|based on|when it comes to) (.+)"
)
_QUOTES = "\"'“”‘’《》「」 "
_QUOTED = re.compile("[\"“”「」]|(?<![A-Za-z0-9])'[^']+'")
_MOST_SPLITS = 5
_ARTICLES = re.compile(r"^(?:an?|the|both)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Frame:
    """One reading of a request.

    Attributes:
        kind: the class of answer that is expected.
        topic: what it is about; of two halves where a pattern has two.
        second: the second half, or "".
        manner: how it is to be said: "simple", or "".
        quoted: the topic stands in quotes, so that each word of it is meant as it stands.
        restated: words of the sentence were replaced by others that say the same.
    """

    kind: str
    topic: str
    second: str = ""
    manner: str = ""
    quoted: bool = False
    restated: bool = False


@dataclass(frozen=True, slots=True)
class _Table:
    """The compiled patterns of one language."""

    openings: re.Pattern[str]
    closings: re.Pattern[str]
    manner: tuple[tuple[str, re.Pattern[str]], ...]
    equal: tuple[tuple[re.Pattern[str], str], ...]
    no_thing: re.Pattern[str]
    no_term: re.Pattern[str]
    term: re.Pattern[str]
    yes_or_no: re.Pattern[str]
    moved: re.Pattern[str] | None
    frames: tuple[tuple[str, re.Pattern[str]], ...]


@cache
def _table(language: str) -> _Table:
    data: dict[str, Any] = json.loads((DATA / "frames.json").read_text("utf-8"))[language]
    parts: dict[str, str] = data["parts"]

    def compiled(pattern: str) -> re.Pattern[str]:
        for name, part in parts.items():
            pattern = pattern.replace("{" + name + "}", part)
        return re.compile(pattern, re.IGNORECASE)

    return _Table(
        openings=compiled(data["openings"]),
        closings=compiled(data["closings"] + "$"),
        manner=tuple((name, compiled(pattern)) for name, pattern in data["manner"]),
        equal=tuple((compiled(pattern), plain) for pattern, plain in data["equal"]),
        no_thing=compiled(data["not_a_thing"]),
        no_term=compiled(data["not_a_term"]),
        term=compiled(data["bare_term"]),
        yes_or_no=compiled(data["yes_or_no"]),
        moved=compiled(data["moved"]) if "moved" in data else None,
        frames=tuple((kind, compiled(pattern)) for kind, pattern in data["frames"]),
    )


def settle_by_frame(left: str, right: str, found: Verdict) -> Verdict:
    """Return `SAME` where two requests differ only in their frame, else the verdict that was found."""
    if found.same or found.differs not in _TURNABLE:
        return found
    return SAME if ask_for_one_answer(left, right) else found


def ask_for_one_answer(left: str, right: str) -> bool:
    """Tell whether two requests of one sentence want the same class of answer on the same topic; symmetric."""
    if right < left:
        left, right = right, left
    ours, theirs = read(left), read(right)
    if not ours or not theirs:
        return False
    if any(_same_reading(one, other) for one in ours for other in theirs if one.kind == other.kind):
        return True
    return _clause_moved(ours, theirs[0].topic) or _clause_moved(theirs, ours[0].topic)


def _clause_moved(frames: tuple[Frame, ...], plain: str) -> bool:
    """Tell whether a clause that stands in front, behind a comma, stands within the other sentence."""
    for frame in frames:
        if frame.kind == "clause" and plain.count(frame.second) == 1:
            before, _, after = plain.partition(frame.second)
            if before.strip(_ENDS) and _says_the_same(before + after, frame.topic):
                return True
    return False


@lru_cache(maxsize=8192)
def read(text: str) -> tuple[Frame, ...]:
    """Return the readings of a request; none where it is longer than a sentence, or matches no pattern."""
    if len(text) > _MOST_CHARACTERS:
        return ()
    sentence = " ".join(fold(text).strip(_ENDS).split())
    if not sentence or _SENTENCES.search(sentence):
        return ()
    language = "zh" if 2 * len(_HAN.findall(sentence)) > len(sentence) else "en"
    table = _table(language)
    before = sentence
    for pattern, plain in table.equal:
        sentence = pattern.sub(plain, sentence)
    manner, restated = "", sentence != before
    for name, pattern in table.manner:
        sentence, count = pattern.subn("", sentence)
        manner = name if count else manner
    sentence = _bare(sentence, table)
    if not sentence:
        return ()
    frames = [Frame("as it stands", sentence, manner=manner, restated=restated or bool(manner))]
    if table.moved and (match := table.moved.fullmatch(sentence)):
        frames.append(Frame("clause", match["t"], match["a"], manner))
    for kind, pattern in table.frames:
        if match := pattern.fullmatch(sentence):
            frames += _frame(kind, match.groupdict(), manner, table)
    return tuple(dict.fromkeys(frames))


def _bare(sentence: str, table: _Table) -> str:
    """Return a sentence without courtesies before and behind it."""
    while match := table.openings.match(sentence):
        sentence = sentence[match.end() :]
    while match := table.closings.search(sentence):
        sentence = sentence[: match.start()]
    return sentence.strip(_ENDS)


def _frame(kind: str, slots: dict[str, str | None], manner: str, table: _Table) -> list[Frame]:
    """Return the reading that a matched pattern gives, or none where its topic is none for it."""
    topic = slots.get("d") or slots.get("q")
    if topic is None:
        topic = slots.get("t") or slots.get("s") or slots.get("a") or ""
        if table.yes_or_no.search(topic):
            return []
        return [Frame(kind, topic, (slots.get("b") or "").strip(), manner)]
    if slots.get("d"):
        if table.no_thing.fullmatch(topic) and not _QUOTED.match(topic):
            return []
    elif table.no_term.fullmatch(topic):
        return []
    topic = table.term.sub("", topic, count=1)
    quoted = _QUOTED.search(topic) is not None
    return [Frame(kind, topic.strip(_QUOTES), "", manner, quoted)]


def _same_reading(left: Frame, right: Frame) -> bool:
    if left.manner != right.manner:
        return False
    if left.kind in _SYMMETRIC:
        return _same_members(left, right)
    if left.quoted or right.quoted:
        return compare_texts(f'"{left.topic}"', f'"{right.topic}"').same
    if left.kind == "as it stands" and not (left.restated or right.restated):
        return False
    if left.kind == "definition" and _is_the(left.topic) != _is_the(right.topic):
        return not _other_number(left.topic, right.topic) and _says_the_same(left.topic, right.topic)
    if left.kind in _COUNTED and _other_number(left.topic, right.topic):
        return False
    if bool(left.second) == bool(right.second):
        return _says_the_same(left.topic, right.topic) and _says_the_same(left.second, right.second)
    return _says_the_same(f"{left.topic} {left.second}", f"{right.topic} {right.second}")


def _says_the_same(left: str, right: str) -> bool:
    """Tell whether two topics say the same, also where "between A and B" names its two ends the other way."""
    if left == right or compare_texts(left, right).same:
        return True
    ours, theirs = _BETWEEN.fullmatch(left), _BETWEEN.fullmatch(right)
    if not ours or not theirs or not compare_texts(ours[1] or "-", theirs[1] or "-").same:
        return False
    return _same_pairs(_pairs(ours[2]), _pairs(theirs[2]))


def _is_the(topic: str) -> bool:
    """Tell whether a topic is a certain thing: "the exchange rates" against "an exchange rate"."""
    return topic[:4].lower() == "the "


def _other_number(left: str, right: str) -> bool:
    """Tell whether a word is in the singular in one topic and in the plural in the other."""
    ours, theirs = set(tokenise(left).keys), set(tokenise(right).keys)
    return any(
        f"{word}{ending}" in others
        for words, others in ((ours - theirs, theirs - ours), (theirs - ours, ours - theirs))
        for word in words
        for ending in ("s", "es")
    )


def _same_members(left: Frame, right: Frame) -> bool:
    """Tell whether two lists of what is compared have the same members, in either order."""
    (ours, our_tail), (theirs, their_tail) = _members(left), _members(right)
    return (our_tail == their_tail or compare_texts(our_tail, their_tail).same) and _same_pairs(ours, theirs)


def _members(frame: Frame) -> tuple[list[tuple[str, str]], str]:
    topic, second, tail = frame.topic, frame.second, ""
    if match := _TAIL.fullmatch(second or topic):
        tail = match[3]
        topic, second = (topic, match[1]) if second else (match[1], "")
    return ([(topic, second)] if second else _pairs(topic)), tail


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return the ways to cut a list of two, also with the noun that both share: "Roman and Greek armies"."""
    language = "zh" if _HAN.search(text) else "en"
    found: list[tuple[str, str]] = []
    for match in list(_AND[language].finditer(text))[:_MOST_SPLITS]:
        one, other = text[: match.start()].strip(), text[match.end() :].strip()
        if not one or not other:
            continue
        found.append((one, other))
        words = _ARTICLES.sub("", other).split()
        if len(_ARTICLES.sub("", one).split()) == 1 and len(words) == 2:
            found.append((f"{one} {words[-1]}", other))
    return found


def _same_pairs(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> bool:
    """Tell whether two pairs are one pair, in either order; numbers keep their order."""
    for one, other in ours:
        for first, second in theirs:
            if compare_texts(one, first).same and compare_texts(other, second).same:
                return True
            if "n" in tokenise(one).kinds + tokenise(other).kinds:
                continue
            if compare_texts(one, second).same and compare_texts(other, first).same:
                return True
    return False
