"""How a response ends: in prose whose last sentence has no end, or as lists, tags, names and titles do.

Form alone tells much of it, in a corpus too small for a model of its language: behind `and the` or `例如` no text ends,
and where all others end their last sentence with a stop, one that does not is cut off. Marks are told by one table of
bits, so that a text is read once however many marks are asked for. Rejected: a parser (one a language).
"""

from __future__ import annotations

import functools
import json
import re
from enum import IntFlag
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.symbols import START, Block

F64 = NDArray[np.float64]
_NAME = 40
"""Characters within which a dash behind a quotation names who said it."""


class Mark(IntFlag):
    """What a symbol may be to an ending; one may be several."""

    STOP = 1
    WIDE_STOP = 2
    BLANK = 4
    LINE = 8
    QUOTE = 16
    DASH = 32
    DOT = 64
    DIGIT = 128
    HASH = 256
    START = 512


_MARKS = {
    Mark.STOP: ".!?",
    Mark.WIDE_STOP: "。！？",
    Mark.BLANK: " \n",
    Mark.LINE: "\n",
    Mark.QUOTE: "\"'”’」』»",
    Mark.DASH: "-–—―",
    Mark.DOT: ".",
    Mark.DIGIT: "0",
    Mark.HASH: "#",
    Mark.START: chr(START),
}


@functools.cache
def mark_kinds() -> NDArray[np.uint16]:
    """Return uint16 [0x110000]: what each symbol may be, as bits of `Mark`."""
    table = np.zeros(0x110000, np.uint16)
    for mark, symbols in _MARKS.items():
        table[[ord(symbol) for symbol in symbols]] |= np.uint16(mark)
    return table


def ending(block: Block, owners: NDArray[np.int64]) -> tuple[F64, F64]:
    """Return how many characters the last line of each text has (0 if it is no prose), and how many sentences end
    before its last one.

    Prose holds the end of a sentence or stands below a line that ends in one. The stop of a list number or an initial
    ends no sentence, and hashtags and the name of who is quoted need none.
    """
    begins, stops = block.starts[:-1], block.starts[1:]
    kind, at = mark_kinds()[block.symbols], np.arange(len(owners))
    before = [kind, *(np.roll(kind, back) for back in range(1, 4))]

    def last_of(found: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return where each text has one last; its beginning if it has none."""
        last: NDArray[np.int64] = np.maximum(np.maximum.reduceat(np.where(found, at, 0), begins), begins)
        return last

    def are(kinds: NDArray[np.uint16], *wanted: Mark) -> NDArray[np.bool_]:
        told: NDArray[np.bool_] = (kinds & np.uint16(sum(wanted))) != 0
        return told

    following = np.append(kind[1:], np.uint16(0))
    apart = [are(each, Mark.START, Mark.DOT, Mark.BLANK) for each in before[2:]]
    number = are(before[1], Mark.DIGIT) & are(before[2], Mark.DIGIT) & apart[1]
    numbered = are(kind, Mark.DOT) & (apart[0] | number)
    spaced = are(kind, Mark.STOP) & are(following, Mark.BLANK)
    ended = ((spaced & ~numbered) | are(kind, Mark.WIDE_STOP)) & (at < stops[owners] - 2)
    blank = are(kind, Mark.BLANK)
    last = last_of(are(kind, Mark.LINE))
    above = kind[last_of(~blank & (at < last[owners]))]
    prose = (last_of(ended) > last) | are(above, Mark.STOP, Mark.WIDE_STOP, Mark.QUOTE)
    tagged = are(following[last_of(blank & (at < stops[owners] - 2))], Mark.HASH)
    said = last_of(are(kind, Mark.DASH) & are(before[1], Mark.BLANK) & are(before[2], Mark.QUOTE))
    named = (said > begins) & (stops - 2 - said <= _NAME)
    line = np.where(prose & ~tagged & ~named, stops - 2 - last, 0)
    return line.astype(np.float64), np.add.reduceat(ended, begins).astype(np.float64)


_OPEN = re.compile(r"[^\W_]$|[,，、]$")
_LIST = re.compile(r"\s*(?:[-*•·#>|]|\(?\w{1,2}[.)）、:：]|第.{1,3}[、：:])")
_LABEL = re.compile(r"\s*[^\s:：]{1,20}(?: [^\s:：]{1,20}){0,3}[:：]")
_TAIL_MARKS = re.compile(r"[#@|<>→►=_{}]|://|www\.|\w\.\w|--|；\s*\d|[a-z]\)|\b[A-D]\. ")
_STOP = re.compile(r"[.!?。！？;；…]+[\"'”’」』)）]*(?=\s|[^\x00-\x7f]|$)|\n")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LONGEST = 400
_LEAST_WORDS, _LEAST_HAN = 4, 8
_LEAST_BEFORE, _LEAST_BEFORE_HAN = 3, 3


def unfinished(text: str) -> tuple[bool, bool]:
    """Return whether the last sentence has no end though it has the form of one, and whether it stops at a word that
    needs another behind it (`data/endings.json`).
    """
    ended = text.rstrip()
    if not _OPEN.search(ended[-1:]):
        return False, False
    line = ended[-_LONGEST:].rsplit("\n", 1)[-1]
    tail = _STOP.split(line)[-1].strip()
    words, han = _WORD.findall(tail), len(_HAN.findall(tail))
    dangling = _dangles(tail, words, han)
    if _LIST.match(line) or _LABEL.match(line) or _TAIL_MARKS.search(tail):
        return False, dangling
    clause = re.split(r"[,，、]\s*", tail.rstrip(",，、"))[-1]
    if han >= _LEAST_HAN:
        return len(_HAN.findall(clause)) > 3, dangling
    lower = sum(word[0].islower() for word in words)
    return lower >= _LEAST_WORDS and 2 * lower > len(words), dangling


def _dangles(tail: str, words: list[str], han: int) -> bool:
    english, chinese = _needing_more()
    if _HAN.match(tail[-1:]):
        found = chinese.search(tail)
        return found is not None and len(_HAN.findall(tail[: found.start()])) >= _LEAST_BEFORE_HAN
    return (
        not han
        and len(words) > _LEAST_BEFORE
        and tail.endswith(words[-1])
        and words[-1] in english
        and "," not in tail[-len(words[-1]) - 3 :]
        and sum(word[0].islower() for word in words) * 2 > len(words)
    )


@functools.cache
def _needing_more() -> tuple[frozenset[str], re.Pattern[str]]:
    told = json.loads(files("quality.perplexity").joinpath("data", "endings.json").read_text("utf-8"))
    return frozenset(told["en"]), re.compile("(?:" + "|".join(told["zh"]) + ")$")
