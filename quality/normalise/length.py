"""Lengths without a tokenizer where that will do, and cuts at the ends of sentences and lines.

Bounds from bytes and words spare counting almost every record. A cut never falls within a sentence or a
code fence, and is refused where it would leave less than half of what is allowed: an answer cut from 224
characters to its greeting teaches nothing. Rejected: cutting at a token (it ends a text in mid-word) and a
sentence splitter with a model (slow, and unlike in English and Chinese).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import islice

from quality.normalise.whitespace import FENCE

_SENTENCE_END = re.compile(
    r"[。！？；…][”’」』）\"]?|[!?][\"'”’)]?(?=\s)|(?<=[^\s.A-Z])\.[\"'”’)]?(?=\s+[\"'“‘(A-Z0-9\u3400-\u9fff])|\n"
)
_ABBREVIATIONS = re.compile(
    r"(?<![A-Za-z])(?:dr|mr|mrs|ms|prof|st|vs|no|fig|eq|e\.g|i\.e|etc|approx|inc|jr|sr)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]\S*")


def cut_points(text: str) -> list[int]:
    """Return the rising offsets at which a text may end: after a sentence or line, never in code."""
    fences = [match.span() for match in FENCE.finditer(text)]
    points: list[int] = []
    fence = 0
    for match in _SENTENCE_END.finditer(text):
        while fence < len(fences) and fences[fence][1] <= match.start():
            fence += 1
        if fence < len(fences) and fences[fence][0] < match.start():
            continue
        dot = match.group().startswith(".")
        if dot and _ABBREVIATIONS.search(text, max(0, match.start() - 8), match.start()):
            continue
        point = match.start() if match.group() == "\n" else match.end()
        if not points or point > points[-1]:
            points.append(point)
    return points


def cut_to(text: str, fits: Callable[[str], bool]) -> str | None:
    """Return the longest beginning of a text that `fits` and ends where a sentence or line ends.

    Args:
        text: the text to cut.
        fits: tells whether a text is short enough; asked about log2(number of cut points) times, and once
            whether a beginning of more than twice the characters would be short enough too.

    Returns:
        The beginning without blanks at its end, or None if not even the first sentence fits, or if the
        beginning is less than half, in characters, of what could stay without regard to sentences.
    """
    points = cut_points(text)
    low, high = 0, len(points)
    best: str | None = None
    while low < high:
        middle = (low + high) // 2
        candidate = text[: points[middle]].rstrip()
        if candidate and fits(candidate):
            best, low = candidate, middle + 1
        elif not candidate:
            low = middle + 1
        else:
            high = middle
    if best is not None:
        double = 2 * len(best)
        if double < len(text) and fits(text[: double + 1]):
            return None
    return best


def most_tokens(text: str) -> int:
    """Return a number of tokens that no usual tokenizer exceeds on a text, without running one.

    A token stands for at least one byte of the text as the tokenizer normalised it: WordPiece decomposes
    (NFD, so one Hangul syllable is up to three tokens), SentencePiece composes (NFKC), BPE takes the
    UTF-8 bytes as they are. One more is for the blank that some put before a text.
    """
    if text.isascii():
        return len(text) + 1 if text else 0
    decomposed = unicodedata.normalize("NFKD", text)
    return max(_utf8_length(text), _utf8_length(decomposed)) + 1


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def has_tokens(texts: Iterable[str], least: int) -> bool:
    """Tell whether texts surely have so many tokens: each word has one, no token spans a blank."""
    words = (word for text in texts for word in _WORD.finditer(text))
    return least <= 0 or next(islice(words, least - 1, None), None) is not None
