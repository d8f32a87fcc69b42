"""Texts to tokens, all at once: words where a script writes spaces, single characters where it does not.

All code points of many texts stand in one array, a table gives each its kind, and a token is a 64-bit hash of its
code points, so that no Python runs per word. Case, width, white space and punctuation do not count; digits,
operators and emoji do: `a+b` is not `a-b`, `1.5` is not `15`. A hash depends on the characters of its token alone.
Rejected: a tokeniser of a model (Chinese words cannot be told apart without a lexicon, and people saw default ones
drop most of a Chinese set); NFKC, which reads 10² as 102; a minimum of tokens, which drops short texts in silence.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

SEPARATOR, WORD, CHARACTER, SYMBOL, IGNORED, BY_CONTEXT = range(6)
"""Kinds of code points. A run of WORD is one token; a CHARACTER or a SYMBOL is a token of its own."""

CHUNK_CHARACTERS = 1 << 16
CHUNK_TEXTS = 1 << 16

_UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x19E0, 0x19FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F),
    (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3040, 0x312F), (0x31A0, 0x31BF),
    (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x16FE0, 0x18D8F),
    (0x1AFF0, 0x1B2FF), (0x20000, 0x3FFFF),
)  # fmt: skip
"""Thai, Lao, Burmese, Khmer and their extensions; Han, kana, Bopomofo; Tangut, Khitan, Nüshu, Han of planes 2, 3."""

_OPERATORS = "+<=>^%&"
_CONTEXTUAL = ".-*/#"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2212"
"""Hyphens, the dash of ranges and the minus sign, all read as `-`."""

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_HALF_WIDTH_KANA = re.compile("[\uff65-\uff9f]+")
_ALIKE = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0x17000, 0x18D00), (0x20000, 0x40000))
"""Code points of one kind: Han; Hangul syllables; Tangut."""

_VARIOUS = ((0, 0x3400), (0x4DC0, 0x4E00), (0xA000, 0xAC00), (0xD7A4, 0xD800), (0xF900, 0x17000),
            (0x18D00, 0x20000), (0xE0000, 0xE0200))  # fmt: skip
"""Code points to look up one by one; all others (surrogates, private use) are symbols."""

_BASE = 0x9E3779B97F4A7C15 | 1
_WORD64 = 1 << 64


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of many texts, text after text.

    Attributes:
        values: uint64 [tokens], hashes.
        kinds: uint8 [tokens], WORD, CHARACTER or SYMBOL.
        offsets: int64 [n + 1]; text i owns `values[offsets[i]:offsets[i + 1]]`.
        whole: uint64 [n]; the hash of a text that has no token but is not blank (`?!`), else 0.
    """

    values: U64
    kinds: NDArray[np.uint8]
    offsets: I64
    whole: U64


def mix(values: U64) -> U64:
    """Return a bijective scramble of 64-bit numbers (SplitMix64, Steele et al. 2014), in a new array."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def constants(seed: int, count: int) -> U64:
    """Return `count` odd 64-bit multipliers that depend on `seed` alone, on every machine."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mix(steps + mix(np.array([seed % _WORD64], dtype=np.uint64))) | np.uint64(1)


def folded(text: str) -> str:
    """Return a text with case, composition and half-width kana folded; width is folded by the table."""
    if text.isascii():
        return text
    if _HALF_WIDTH_KANA.search(text):
        text = _HALF_WIDTH_KANA.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text)
    return unicodedata.normalize("NFC", text.casefold())


def _kind(character: str) -> int:
    """Return the kind of one character."""
    point, category = ord(character), unicodedata.category(character)
    if character in _CONTEXTUAL:
        return BY_CONTEXT
    if category == "Cf" or 0xFE00 <= point <= 0xFE0F:
        return IGNORED
    if category[0] in "ZPC" and character not in _OPERATORS and category not in ("Co", "Cs", "Cn"):
        return SEPARATOR
    if category[0] in "LMN" and any(first <= point <= last for first, last in _UNSPACED):
        return CHARACTER
    if category[0] in "LMN":
        return WORD
    if character in "|~" or (category == "Sk" and character != "^" and point not in _SKIN_TONES):
        return SEPARATOR
    return SYMBOL


@functools.cache
def _table() -> NDArray[np.uint32]:
    """Return uint32 [0x110000]: the folded code point, and its kind in the eight bits above bit 24."""
    table = np.arange(0x110000, dtype=np.uint32)
    kinds = np.full(0x110000, SYMBOL, dtype=np.uint32)
    for first, last in _ALIKE:
        kinds[first:last] = _kind(chr(first))
    for point in itertools.chain(*itertools.starmap(range, _VARIOUS)):
        character = chr(point)
        width, _, narrow = unicodedata.decomposition(character).partition(" ")
        if width in ("<wide>", "<narrow>"):
            character = chr(int(narrow, 16))
        elif character in _HYPHENS:
            character = "-"
        lower = character.lower() if point < 128 else character
        table[point] = ord(lower)
        kinds[point] = _kind(lower)
    table |= kinds << np.uint32(24)
    return table


@functools.cache
def _cached_powers(count: int) -> tuple[U64, U64]:
    """Return the powers of the base and of its inverse modulo 2**64, uint64 [count] each."""
    both = []
    for base in (_BASE, pow(_BASE, -1, _WORD64)):
        powers = np.full(count, base, dtype=np.uint64)
        powers[0] = 1
        both.append(np.multiply.accumulate(powers))
    return both[0], both[1]


def _powers(count: int) -> tuple[U64, U64]:
    """Return at least `count` powers; those for one very long text are not kept."""
    usual = CHUNK_CHARACTERS + CHUNK_TEXTS + 2
    return _cached_powers(usual) if count <= usual else _cached_powers.__wrapped__(count)


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield consecutive texts, folded, of about CHUNK_CHARACTERS together or one longer text."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        if chunk and (size + len(text) > CHUNK_CHARACTERS or len(chunk) >= CHUNK_TEXTS):
            yield chunk
            chunk, size = [], 0
        chunk.append(folded(text))
        size += len(text)
    if chunk:
        yield chunk


def _operand(points: NDArray[np.uint32], kinds: NDArray[np.uint8], at: I64, step: int) -> NDArray[np.bool_]:
    """Tell whether what stands beside positions, over at most one space, is a digit or a one-letter word.

    Positions have at least three code points on either side.
    """
    near = at + step
    near = np.where(points[near] == ord(" "), near + step, near)
    here = points[near]
    letter: NDArray[np.bool_] = (kinds[near] == WORD) & (kinds[near + step] != WORD)
    return letter | ((here >= ord("0")) & (here <= ord("9")))


def _settle(points: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> None:
    """Give the signs that are an operator here and punctuation there their kinds, in place.

    A point between digits belongs to the number; `-`, `*`, `/` between two operands (`a-b`, `3 * x`) and the sign
    of a number (`-5`) are operators, a hyphen or a bullet is not; `#` after a letter is one (`C#`).
    """
    at = np.flatnonzero(kinds == BY_CONTEXT)
    if not len(at):
        return
    sign, before, after = points[at], points[at - 1], points[at + 1]
    digit_before = (before >= ord("0")) & (before <= ord("9"))
    digit_after = (after >= ord("0")) & (after <= ord("9"))
    alone = np.isin(kinds[at - 1], (SEPARATOR, CHARACTER)) | (before == ord("="))
    operator = _operand(points, kinds, at, -1) & _operand(points, kinds, at, 1) & (sign != ord("."))
    operator &= sign != ord("#")
    operator |= (sign == ord("-")) & digit_after & alone
    operator |= (sign == ord("#")) & (kinds[at - 1] == WORD)
    settled = np.where(operator, SYMBOL, SEPARATOR)
    kinds[at] = np.where((sign == ord(".")) & digit_before & digit_after, WORD, settled)


def _whole(text: str) -> int:
    """Return the hash of a folded text without its white space, 0 for a blank one."""
    table = _table()
    points = np.frombuffer("".join(text.split()).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    found = table[points]
    found = (found & np.uint32(0xFFFFFF))[found >> np.uint32(24) != IGNORED]
    if not len(found):
        return 0
    powers, _ = _powers(len(found))
    total = np.add.reduce((found.astype(np.uint64) + np.uint64(1)) * powers[: len(found)], dtype=np.uint64)
    return int(mix(np.array([total], dtype=np.uint64))[0]) | 1


def _scan(
    chunk: list[str],
) -> tuple[U64, NDArray[np.uint8], I64, I64, I64, I64]:
    """Return the tokens of folded texts: hash, kind, start and stop of each, the texts' offsets, and their bounds.

    Starts, stops and bounds are places in the texts joined by line ends after three more.
    """
    table = _table()
    joined = "\n\n\n" + "\n".join(chunk) + "\n\n\n"
    packed = table.take(np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4"), mode="clip")
    kinds = (packed >> np.uint32(24)).astype(np.uint8)
    points = packed & np.uint32(0xFFFFFF)
    lengths = np.fromiter(map(len, chunk), dtype=np.int64, count=len(chunk))
    bounds = np.concatenate([[3], 3 + np.cumsum(lengths + 1)])
    places = bounds
    kept: I64 | None = None
    if (kinds == IGNORED).any():
        keep = kinds != IGNORED
        bounds = np.concatenate([[0], np.cumsum(keep)])[bounds]
        kinds, points, kept = kinds[keep], points[keep], np.flatnonzero(keep)
    _settle(points, kinds)
    solid = kinds != SEPARATOR
    single = kinds >= CHARACTER
    turn = kinds[1:] != kinds[:-1]
    starts = np.flatnonzero(solid[1:] & (turn | single[1:])) + 1
    ends = np.flatnonzero(solid[:-1] & (turn | single[:-1])) + 1
    powers, inverses = _powers(len(points) + 1)
    sums = np.zeros(len(points) + 1, dtype=np.uint64)
    np.cumsum((points + np.uint32(1)) * powers[: len(points)], out=sums[1:])
    values = mix((sums[ends] - sums[starts]) * inverses[starts])
    offsets = np.searchsorted(starts, bounds)
    kinds_of = kinds[starts]
    if kept is not None:
        starts, ends = kept[starts], kept[ends - 1] + 1
    return values, kinds_of, starts, ends, offsets, places


def tokenise(texts: Sequence[str]) -> Iterator[Tokens]:
    """Yield the tokens of texts, chunk by chunk in their order, so that memory stays that of a chunk."""
    for chunk in _chunks(texts):
        values, kinds, _, _, offsets, _ = _scan(chunk)
        whole = np.zeros(len(chunk), dtype=np.uint64)
        for row in np.flatnonzero(np.diff(offsets) == 0).tolist():
            whole[row] = _whole(chunk[row])
        yield Tokens(values, kinds, offsets, whole)


def token_spans(text: str) -> tuple[I64, I64]:
    """Return where the tokens of one text start and stop, int64 [tokens] each, as places in the text itself."""
    _, _, starts, stops, _, places = _scan([folded(text)])
    first, after = _origins(text)
    return first[starts - places[0]], after[stops - 1 - places[0]]


def _joins(character: str) -> bool:
    """Tell whether folding may join a character with the one before it."""
    return (
        unicodedata.combining(character) > 0
        or character in "\uff9e\uff9f"
        or 0x1160 <= ord(character) <= 0x11FF
    )


def _origins(text: str) -> tuple[I64, I64]:
    """Return, for each character of the folded text, where what it comes from starts and stops in the text."""
    whole = folded(text)
    if text.isascii() or (len(whole) == len(text) and not any(map(_joins, text))):
        places = np.arange(len(text) + 1)
        return places[:-1], places[1:]
    firsts = [at for at, character in enumerate(text) if at == 0 or not _joins(character)]
    pieces = [text[a:b] for a, b in itertools.pairwise([*firsts, len(text)])]
    parts = [piece.lower() if piece.isascii() else folded(piece) for piece in pieces]
    if "".join(parts) != whole:  # composed over parts: a character then comes from the text as a whole
        return np.zeros(len(whole), np.int64), np.full(len(whole), len(text), np.int64)
    sizes = [len(part) for part in parts]
    return np.repeat(np.array(firsts, np.int64), sizes), np.repeat(
        np.array([*firsts[1:], len(text)], np.int64), sizes
    )
