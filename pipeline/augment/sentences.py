"""The sentences of a prompt that ask for something, and a child's text put together again.

Methods that change a sentence's form may only touch what the author of the prompt says, not the material that it is
about: after a colon, a line break or "the following sentence" there may be a text to translate, whose questions are
no requests. So only the head of a prompt is cut into sentences, at marks that no protected place holds. Rejected: a
sentence splitter's model (it knows nothing of material), changing every sentence (it turns quoted ones too).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from pipeline.augment.protect import Protected
from pipeline.augment.protocol import Passage, seed_of
from quality.language.chinese import traditional_only, variant

_ENDS_EN = re.compile(r"[.?!:\n]")
_ENDS_ZH = re.compile(r"[。？！?!；：:.\n\\]")
_MARKS = frozenset(".?!。？！；")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|St|vs|e\.g|i\.e|etc|No|Jr|Sr|Prof|approx|Inc|Co|[A-Z])\.)$")
_MATERIAL = re.compile(
    r"\b(?:following|below|above|these|this (?:text|sentence|passage|paragraph|article|question|statement))\b|"
    r"以下|下面|下列|这段|这个句子|该句|给定|下文|所给|上述|这句|这篇",
    re.IGNORECASE,
)
_MOST_SENTENCES = 4
_LONGEST_LOOK = 400
"""Characters of a text that tell whether it is traditional Chinese."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a prompt's head.

    Args:
        start: where it begins in the text.
        stop: where its words end; its mark follows.
        words: the text between.
        mark: `.`, `?`, `!` or `:` in the language's own width, or "" where the text ends without.
        tail: all that follows the mark, as it stands.
    """

    start: int
    stop: int
    words: str
    mark: str
    tail: str


@lru_cache(maxsize=4096)
def head_sentences(protected: Protected, lang: str) -> tuple[Sentence, ...]:
    """Return the sentences that the author of a prompt says, the first at most four; none of the material.

    A prompt in traditional Chinese has none: the rules write simplified characters, and no one mixes the two.
    """
    text = protected.text
    look = text[:_LONGEST_LOOK] if lang == "zh" else ""
    if look and not traditional_only().isdisjoint(look) and variant(look) == "Hant":
        return ()
    found: list[Sentence] = []
    start, last = len(text) - len(text.lstrip()), len(text.rstrip())
    for at, stop in _ends(protected, start, _ENDS_ZH if lang == "zh" else _ENDS_EN):
        if at < start:
            continue
        words = text[start:at].rstrip()
        mark = text[at:stop] if text[at:stop] not in ("\n", "\\n") else ""
        if words:
            found.append(Sentence(start, start + len(words), words, mark, text[at + len(mark) :]))
        over = not mark or mark in ":：" or len(found) == _MOST_SENTENCES or stop >= last
        if over or _MATERIAL.search(words):
            break
        start = stop
        while text[start : start + 1] == " ":
            start += 1
    return tuple(found)


def _ends(protected: Protected, start: int, ends: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Yield where sentences end: from the mark up to what follows it."""
    text, last = protected.text, start
    for match in ends.finditer(text, start):
        at, sign = match.start(), match.group()
        if at < last:
            continue
        stop = at + 1
        if sign == "." and _abbreviated(text, start, at):
            continue
        if sign in _MARKS:
            while text[stop : stop + 1] in _MARKS and stop < len(text):
                stop += 1
        following = text[stop : stop + 1]
        if sign == "\\":
            stop += 1
            if following != "n":
                continue
        elif sign == "." or (ends is _ENDS_EN and sign != "\n"):
            if following.strip():
                continue
        elif sign in ":：" and following.isdigit():
            continue
        if protected.holds(at, stop):
            continue
        last = stop
        yield at, stop
    yield len(text), len(text)


def _abbreviated(text: str, start: int, at: int) -> bool:
    """Tell whether a dot ends an abbreviation; at the end a letter alone is none (`the letter B.`)."""
    match = _ABBREVIATION.search(text, max(start, at - 8), at + 1)
    if match is None:
        return False
    return len(match.group()) > 2 or bool(text[at + 1 :].strip()) or text[at - 2 : at - 1] == "."


def with_sentence(text: str, sentence: Sentence, words: str, mark: str) -> str:
    """Return a text with other words and another mark for one sentence.

    A colon stays before what it announces: a request in the form of a question takes its question mark to the end
    of a list on the same line, where that has no mark of its own.
    """
    if sentence.mark in (":", "："):
        return text[: sentence.start] + words + _announced(sentence, mark)
    if mark == "." and words.endswith((".", '."', ".”")):
        mark = ""
    return text[: sentence.start] + words + mark + sentence.tail


def _announced(sentence: Sentence, mark: str) -> str:
    if mark not in ("?", "？"):
        return sentence.mark + sentence.tail
    if mark == "？":
        return mark + sentence.tail
    line = sentence.tail.rstrip()
    if "\n" in line or len(line) > 200 or line[-1:] in ".?!":
        return sentence.mark + sentence.tail
    return sentence.mark + line + mark


def draw(passage: Passage, purpose: str, count: int) -> int:
    """Return a number below `count` that is this passage's own; no generator is made, which would cost the most."""
    return int(seed_of(passage.seed, purpose)[:12], 16) % count


def shuffled(passage: Passage, purpose: str, items: Sequence[T]) -> list[T]:
    """Return the items in an order that is this passage's own."""
    left = list(items)
    state = int(seed_of(passage.seed, purpose), 16)
    drawn: list[T] = []
    while left:
        state, at = divmod(state, len(left))
        drawn.append(left.pop(at))
    return drawn


def decapitalised(words: str) -> str:
    """Return words as they stand within a sentence: the first in lower case, unless it is a name or `I`."""
    first = words.split(" ", 1)[0]
    if (
        first in ("I", "I'm", "I've", "I'd", "I'll")
        or not first[:1].isupper()
        or any(c.isupper() for c in first[1:])
    ):
        return words
    return words[0].lower() + words[1:]


def capitalised(words: str) -> str:
    """Return words as a sentence begins."""
    return words[:1].upper() + words[1:]
