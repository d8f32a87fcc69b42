"""Which characters of a text are wording: letters of plain words, which a language makes likely or not.

Names, abbreviations, notes of music, keys, addresses, formulas and code are unexpected by nature, so nothing that they
cost tells that a text is bad. A word is plain if it is of lower-case letters alone, two at least, apostrophes and
hyphens within; a character of a script that writes no spaces is plain by itself. A plain word is strange if no list of
English words has it, a Chinese character if it is no word by itself and no listed word has it beside its neighbour: a
row of rare words (`paca, ocelot, jonquil`) is as unexpected as a mash of keys, and good.
Rejected: the list alone (names, other languages and gibberish are all outside it), and a lexer for code.
"""

from __future__ import annotations

import functools
import gzip
import json
import unicodedata
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from quality.perplexity.counts import BEHIND_ALL, U64, find
from quality.perplexity.symbols import UNSPACED, Block, block_of

_BLANK, _EDGE, _OPENING, _JOINT, _LOWER, _UNSPACED, _OTHER = range(7)
_BUCKETS, _BUCKET_SHIFT = 1 << 17, np.uint64(47)
_POWERS = np.random.default_rng(20_230_825).integers(1 << 62, 1 << 63, 64, dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)
_OPENING_MARKS = "([{<"
_JOINTS = "'’-‐"
_EDGE_MARKS = '.,;:!?"“”‘…—–)]*、，。；：！？（）《》「」『』【】·~～'


def wording(block: Block) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return two arrays bool [m]: whether each symbol is a letter of a plain word, and of a strange one."""
    kinds = _kinds()[block.points]
    kinds[block.starts[:-1]] = kinds[block.starts[1:] - 1] = _BLANK
    letter, unspaced = kinds == _LOWER, kinds == _UNSPACED
    solid = letter | (kinds == _OTHER)
    inner = np.zeros(len(kinds), np.bool_)
    inner[1:-1] = solid[:-2] & solid[2:]
    spoilt = (kinds == _OTHER) | ((kinds == _EDGE) & inner)
    spoilt[1:] |= (kinds[1:] == _OPENING) & solid[:-1]
    token = np.cumsum((kinds == _BLANK) | unspaced)
    bad = np.bincount(token, spoilt, minlength=token[-1] + 1) > 0
    bad |= np.bincount(token, letter, minlength=token[-1] + 1) < 2
    plain = letter & ~bad[token]
    return plain | unspaced, (plain & ~_listed_words(block, plain)) | (
        unspaced & ~_listed_pairs(block, unspaced)
    )


def _listed_words(block: Block, plain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool [m]: whether a letter's word is in the list."""
    known = np.zeros(len(plain), np.bool_)
    at = np.flatnonzero(plain)
    if len(at):
        word, keys = _word_keys(block, at)
        single = np.bincount(word) == 1  # what stands behind the apostrophe of it's
        known[at] = (_held(keys, *_words()) | single)[word]
    return known


def _listed_pairs(block: Block, unspaced: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return bool [m]: whether a character stands beside the one before or behind it in a listed word, or alone."""
    known = np.zeros(len(unspaced), np.bool_)
    at = np.flatnonzero(unspaced[1:] & unspaced[:-1]) + 1
    if unspaced.any():
        known[unspaced] = _alone()[block.symbols[unspaced]]
    if len(at):
        simple = _simplified()[block.symbols]
        pair = at[_held(_pair_keys(simple[at - 1], simple[at]), *_pairs())]
        known[pair] = known[pair - 1] = True
    return known


def _held(keys: U64, listed: U64, buckets: NDArray[np.uint32]) -> NDArray[np.bool_]:
    _, hit = find(listed, buckets, _BUCKET_SHIFT, keys)
    held = np.zeros(len(keys), np.bool_)
    held[hit] = True
    return held


def _pair_keys(before: NDArray[np.uint32], behind: NDArray[np.uint32]) -> U64:
    keys: U64 = before * _POWERS[0] + behind * _POWERS[1]
    return keys


def _word_keys(block: Block, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], U64]:
    """Return the word that each letter belongs to, from 0, and the words' keys; letters that touch are one word."""
    new = np.ones(len(at), np.bool_)
    new[1:] = np.diff(at) > 1
    first, word = np.flatnonzero(new), np.cumsum(new) - 1
    place = (np.arange(len(at)) - first[word]).clip(max=len(_POWERS) - 1)
    return word, np.add.reduceat(block.symbols[at] * _POWERS[place], first)


@functools.cache
def _words() -> tuple[U64, NDArray[np.uint32]]:
    """Return the sorted keys of English words, and where those of each value of their first bits begin."""
    block = block_of([" ".join(_listed("english.txt.gz"))], 0)
    return _indexed(_word_keys(block, np.flatnonzero(_kinds()[block.points] == _LOWER))[1])


@functools.cache
def _pairs() -> tuple[U64, NDArray[np.uint32]]:
    """Return the same of the pairs of characters that stand side by side in Chinese words."""
    symbols = block_of([" ".join(_listed("chinese.txt.gz"))], 0).symbols
    at = np.flatnonzero((symbols[1:] > ord(" ")) & (symbols[:-1] > ord(" "))) + 1
    return _indexed(_pair_keys(symbols[at - 1], symbols[at]))


def _indexed(keys: U64) -> tuple[U64, NDArray[np.uint32]]:
    keys = np.unique(keys)
    counts = np.bincount((keys >> _BUCKET_SHIFT).astype(np.intp), minlength=_BUCKETS)
    return np.append(keys, BEHIND_ALL), (np.cumsum(counts) - counts).astype(np.uint32)


def _listed(file: str) -> list[str]:
    data = files("quality.lookalike").joinpath("data", file).read_bytes()
    return [line.split()[0] for line in gzip.decompress(data).decode("utf-8").splitlines()]


@functools.cache
def _alone() -> NDArray[np.bool_]:
    """Return bool [0x110000]: Chinese characters that are words by themselves."""
    table = np.zeros(0x110000, np.bool_)
    told = json.loads(files("quality.perplexity").joinpath("data", "characters.json").read_text("utf-8"))
    table[[ord(character) for character in told["zh"]]] = True
    return table


@functools.cache
def _simplified() -> NDArray[np.uint32]:
    """Return uint32 [0x110000]: each symbol, a traditional character as its simplified one."""
    table = np.arange(0x110000, dtype=np.uint32)
    lines = files("quality.lookalike").joinpath("data", "simplified.txt").read_text("utf-8").split("\n")
    for traditional, simple in zip(lines[0], lines[1], strict=True):
        table[ord(traditional)] = ord(simple)
    return table


@functools.cache
def _kinds() -> NDArray[np.uint8]:
    """Return uint8 [0x110000]: what each code point is to a word."""
    table = np.full(0x110000, _OTHER, np.uint8)
    for point in range(0x20000):
        character = chr(point)
        category = unicodedata.category(character)
        if category[0] == "Z" or character.isspace() or point < 0x20:
            table[point] = _BLANK
        elif category in ("Ll", "Lo", "Mn", "Mc"):
            table[point] = _LOWER
    for low, high in UNSPACED:
        table[low:high] = _UNSPACED
    for marks, kind in ((_OPENING_MARKS, _OPENING), (_JOINTS, _JOINT), (_EDGE_MARKS, _EDGE)):
        table[[ord(mark) for mark in marks]] = kind
    return table
