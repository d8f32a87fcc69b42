"""How often a text steps from a key to its neighbour, as a hand does that falls on a keyboard.

In good English one step in fourteen from letter to letter goes to a neighbour in the same row, and so it is in Chinese
from the first letter of one syllable to that of the next: an input method makes of `asdf` the characters
阿斯蒂芬. A mash of keys steps to a neighbour in most cases. That needs no corpus, so one short text tells it.
Rejected: neighbours in other rows (English steps there as often again, mashing hands do not), and a list of known
mashes (there is no end of them).
"""

from __future__ import annotations

import functools
import itertools
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.symbols import Block

F64 = NDArray[np.float64]
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_HAN = 32
"""Added to the key that begins a character's syllable: steps between scripts are no steps."""


def keyboard_steps(block: Block, strange: NDArray[np.bool_]) -> tuple[F64, F64]:
    """Return the share of steps to a neighbouring key in each text, and the number of steps, float64 [texts].

    Args:
        block: texts.
        strange: bool [m], letters that count, of strange words or of Chinese.
    """
    keys = np.where(strange, _keys()[block.symbols], 0)
    before = np.roll(keys, 1)
    step = (keys > 0) & (before > 0) & ((keys < _HAN) == (before < _HAN))
    near = step & _neighbours()[keys % _HAN, before % _HAN]
    steps = np.add.reduceat(step, block.starts[:-1]).astype(np.float64)
    return np.add.reduceat(near, block.starts[:-1]) / steps, steps


@functools.cache
def _keys() -> NDArray[np.uint8]:
    """Return uint8 [0x110000]: the key of each symbol, from 1 on; 0 for none."""
    table = np.zeros(0x110000, np.uint8)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        table[ord(letter)] = ord(letter) - ord("a") + 1
    readings = files("quality.lookalike").joinpath("data", "pinyin.txt").read_text("utf-8")
    for line in readings.splitlines():
        syllable, _, characters = line.partition(" ")
        for character in characters:
            table[ord(character)] = table[ord(syllable[0])] + _HAN
    return table


@functools.cache
def _neighbours() -> NDArray[np.bool_]:
    table = np.zeros((_HAN, _HAN), np.bool_)
    for row in _ROWS:
        for left, right in itertools.pairwise(row):
            pair = ord(left) - ord("a") + 1, ord(right) - ord("a") + 1
            table[pair] = table[pair[::-1]] = True
    return table
