"""How a response ends: in prose whose last sentence has no end, or as lists, tags, names and titles do.

Marks are told by one table of bits, so that a text is read once however many marks are asked for.
"""

from __future__ import annotations

import functools
from enum import IntFlag

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
        return (kinds & np.uint16(sum(wanted))) != 0

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


