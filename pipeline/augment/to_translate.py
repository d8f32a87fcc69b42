"""Cuts a text into the sentences that are translated one by one; what lies between them stays as it is.

Line breaks, indentation, list marks, table bars and lines of code belong to no sentence, so that the layout comes back
by itself. A sentence never ends within a protected place. English ends at a mark followed by space and an opening
(abbreviations and initials apart), Chinese at its own marks. Rejected: a sentence splitter's model (a dependency for
two languages whose marks say it), and translating a text as a whole (models cut what is long; one bad sentence would
cost all).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.augment.protect import Protected

_COLON = re.compile(r":(?=\s|$)|：")
_LEAST_WORDS = 3
_WORDS = re.compile(r"[\u4e00-\u9fff]|[^\W\d_]+")
MOST_CHARACTERS = 600
"""Of a sentence that is translated: what is longer is a list or a table that lost its lines."""

_LINE = re.compile(r"[^\n]+")
_LAYOUT = re.compile(
    r"\s*(?:(?:[-*•·+>#|]+|\(?\d{1,3}[.)、:]|[（(]\d{1,2}[）)]|[A-Za-z][.)])\s+|(?:\d{1,3}|[一二三四五六七八九十]{1,3})、\s*)*\s*"
)
_END = re.compile(
    r"[.!?]+[\"'”’)\]]*(?=\s+[\"'“‘(\[]?[A-Z0-9\u4e00-\u9fff])|[。！？；…]+[”’」』）)]*|(?<=[\u4e00-\u9fff])[!?]+"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|e\.g|i\.e|cf|approx|No|Vol|Fig|Inc|Ltd|Co|Corp|al|Mt|[A-Z]|"
    r"[A-Za-z]\.[A-Za-z])\.$"
)
_CODE_LINE = re.compile(
    r"[{};]\s*$|^\s*(?:def|class|import|from|return|for|while|if|else|#include|var|let|const)\b.*[:;({]$|"
    r"^(?: {4}|\t)\s*\S*[=(]"
)
_LETTERS = re.compile(r"[^\W\d_]{2}|[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of a text, from `start` up to `stop`, without the space around it."""

    start: int
    stop: int


def sentences(protected: Protected) -> list[Sentence]:
    """Return the sentences of a text that hold words of their own, in order.

    Args:
        protected: the text, and which places of it are no words to translate.
    """
    text = protected.text
    stop = _material(protected)
    found: list[Sentence] = []
    for line in _LINE.finditer(text, 0, stop):
        if _CODE_LINE.search(line[0]):
            continue
        layout = _LAYOUT.match(line[0])
        start = line.start() + (layout.end() if layout else 0)
        for end in _END.finditer(text, start, line.end()):
            if _ends(protected, start, end):
                found.append(Sentence(start, end.end()))
                start = end.end()
        found.append(Sentence(start, line.end()))
    trimmed = [_trimmed(text, sentence) for sentence in found]
    return [sentence for sentence in trimmed if _has_words(protected, sentence)]


def _material(protected: Protected) -> int:
    """Return where a text's request ends and what it is about begins: behind its first colon after some words.

    The response on record was written for that very sentence, list or poem; in other words it may be another answer.
    """
    text = protected.text
    for colon in _COLON.finditer(text):
        before = _WORDS.findall(text, 0, colon.start())
        if len(before) >= _LEAST_WORDS and not protected.holds(colon.start(), colon.end()):
            return colon.end()
    return len(text)


def _ends(protected: Protected, start: int, end: re.Match[str]) -> bool:
    """Tell whether a mark ends a sentence: not inside a protected place, nor that of an abbreviation."""
    last = max(start, end.start() - 12)
    if protected.holds(end.end() - 1, end.end()) and protected.holds(end.end(), end.end() + 1):
        inside = any(span.start < end.end() < span.stop for span in protected.spans)
        if inside:
            return False
    return end[0][0] != "." or not _ABBREVIATION.search(protected.text, last, end.start() + 1)


def _trimmed(text: str, sentence: Sentence) -> Sentence:
    piece = text[sentence.start : sentence.stop]
    start = sentence.start + len(piece) - len(piece.lstrip())
    return Sentence(start, max(start, sentence.start + len(piece.rstrip())))


def _has_words(protected: Protected, sentence: Sentence) -> bool:
    """Tell whether a sentence holds letters that are not protected, and is no longer than one is."""
    if not 0 < sentence.stop - sentence.start <= MOST_CHARACTERS:
        return False
    for match in _LETTERS.finditer(protected.text, sentence.start, sentence.stop):
        if not protected.holds(match.start(), match.end()):
            return True
    return False
