"""A sentence as words that carry content, values, and the small words that steer it.

The tokens are those of `quality/lookalike` (numbers as values, width, case, script and contractions levelled), with
Chinese characters joined to words by a walk over word frequencies and English words by their stem. Words that only
steer (at least, must, all, not) are counted by class and taken out of the content. Rejected: a parser, whose
models are large, one language each, and not the same on an edited sentence.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from quality.fidelity.lexicon import function_words, is_han, steering, without_aliases
from quality.lookalike.chinese import chinese_words
from quality.lookalike.reworded import stem
from quality.lookalike.tokens import Tokens, tokenise
from quality.lookalike.words import american, known_words

_TOTAL_ZH = 26
"""Binary logarithm of the number of words that the Chinese counts are of."""
_UNKNOWN = 22
"""Cost of a Han character that is no word with its neighbours, in bits."""
_LONGEST_WORD = 5
_COMMON_EN, _COMMON_ZH = 9, 17


_OPENS = re.compile(r"[\"'(\-:]\s*$")
_COMMA = re.compile(r"[,;]\s+$")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of content: what is compared, its kind of token, where it stands, and how much it tells."""

    key: str
    surface: str
    kind: str
    start: int
    end: int
    weight: float
    is_name: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence as it is compared.

    Attributes:
        words: content words and values, in order.
        classes: how often each steering class occurs.
        negations: how many negations it holds; `implicit`: words that deny without one.
        passives: marks of the passive voice and of other frames that move the actors.
        text: folded, lower case; `language`: en or zh.
        small: function words, with their number.
        scopes: of each negation the word of content that it stands before, or "".
        denied: the two words of content behind each negation, which it may turn round.
    """

    words: tuple[Word, ...]
    classes: Counter[str]
    negations: int
    implicit: int
    passives: int
    text: str
    language: str
    small: Counter[str]
    scopes: tuple[str, ...]
    denied: frozenset[str]


@lru_cache(maxsize=8192)
def read(text: str) -> Reading:
    """Return the reading of a sentence; linear in its length."""
    tokens = tokenise(without_aliases(text))
    han = tokens.kinds.count("h")
    language = "zh" if 2 * han > len(tokens.keys) - tokens.kinds.count("n") else "en"
    steer = steering(language)
    taken: list[tuple[int, int]] = []
    classes: Counter[str] = Counter()
    masked = list(tokens.text)
    for match in steer.classes.finditer(tokens.text):
        name = steer.names[int((match.lastgroup or "c0")[1:])]
        if name != "plain":
            classes[name] += 1
            taken.append(match.span())
        if name not in ("few",):
            masked[match.start() : match.end()] = " " * (match.end() - match.start())
    rest = "".join(masked)
    negations = [match.span() for match in steer.negation.finditer(rest)]
    taken += negations
    words, small = _words(tokens, taken)
    starts = [word.start for word in words]
    places = [bisect_left(starts, end) for _, end in negations]
    return Reading(
        words,
        classes,
        len(negations) + classes["free"] + classes["ban"],
        len(steer.implicit.findall(tokens.text)),
        len(steer.passive.findall(tokens.text)),
        tokens.text,
        language,
        small,
        tuple(words[at].key if at < len(words) else "" for at in places),
        frozenset(word.key for at in places for word in words[at : at + 2]),
    )


def _words(tokens: Tokens, taken: list[tuple[int, int]]) -> tuple[tuple[Word, ...], Counter[str]]:
    light = function_words()
    upper = tokens.cased.upper() == tokens.cased
    covered = _covered(len(tokens.text), taken)
    words: list[Word] = []
    small: Counter[str] = Counter()
    place = 0
    while place < len(tokens.keys):
        kind = tokens.kinds[place]
        if kind == "h":
            stop = place
            while stop < len(tokens.keys) and tokens.kinds[stop] == "h":
                stop += 1
            for begin, end in _segments("".join(tokens.keys[place:stop])):
                span = (tokens.starts[place + begin], tokens.ends[place + end - 1])
                word = "".join(tokens.keys[place + begin : place + end])
                if covered.find(1, *span) >= 0:
                    continue
                if len(word) == 1 and word in light:
                    small[word] += 1
                else:
                    words.append(Word(word, word, "h", *span, _weight_zh(word), False))
            place = stop
            continue
        span = (tokens.starts[place], tokens.ends[place])
        key = tokens.keys[place]
        if kind == "u" and tokens.word(place).isalpha() and tokens.kinds[place - 1 : place] != "n":
            if tokens.keys[place - 1 : place] == ("per",):
                key = f"per {key}"
            else:
                key, kind = tokens.word(place), "w"
        if kind == "n" or covered.find(1, *span) < 0:
            month = key == "may" and "n" in tokens.kinds[max(0, place - 1) : place + 2]
            if kind == "w" and key in light and not month:
                small[key] += 1
            else:
                named = month or (not upper and kind == "w" and _is_name(tokens, place))
                words.append(
                    Word(
                        _key(key, kind),
                        tokens.word(place),
                        kind,
                        *span,
                        _weight_en(key, kind, named),
                        named or kind == "i",
                    )
                )
        place += 1
    return tuple(words), small


@lru_cache(maxsize=65536)
def _key(key: str, kind: str) -> str:
    return stem(american(key)) if kind == "w" else key


def _covered(size: int, taken: list[tuple[int, int]]) -> bytearray:
    """Return a text's characters as 0, and 1 where a steering word stands."""
    covered = bytearray(size)
    for begin, end in taken:
        covered[begin:end] = b"\1" * (end - begin)
    return covered


def _is_name(tokens: Tokens, place: int) -> bool:
    """Tell whether a word is written as a name: in capitals, or with one where no clause begins."""
    start, end = tokens.starts[place], tokens.ends[place]
    shown = tokens.cased[start:end]
    if shown.islower() or shown in ("I", "A"):
        return False
    if len(shown) > 1 and (shown.isupper() or not shown[1:].islower()):
        return True
    if place not in tokens.begins and not _OPENS.search(tokens.cased, max(0, start - 3), start):
        return True
    if _COMMA.search(tokens.cased, max(0, start - 3), start):
        return True
    following = (
        tokens.cased[tokens.starts[place + 1] : tokens.ends[place + 1]]
        if place + 1 < len(tokens.keys)
        else ""
    )
    return following[:1].isupper() and place + 1 not in tokens.begins


@lru_cache(maxsize=65536)
def _weight_en(key: str, kind: str, named: bool) -> float:
    """Return how much a word tells: rare words, names and values more than common ones."""
    if kind in "nuix" or named:
        return 1.5
    return 0.5 + max(0, _COMMON_EN + 1 - known_words().get(key, 3)) / 5


@lru_cache(maxsize=65536)
def _weight_zh(word: str) -> float:
    if len(word) == 1:
        return 0.5
    return 0.6 + max(0, _COMMON_ZH - chinese_words().get(word, 2)) / 16


@lru_cache(maxsize=16384)
def _segments(run: str) -> tuple[tuple[int, int], ...]:
    """Return the most likely cut of a run of Han characters into known words."""
    known = chinese_words()
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(run) + 1):
        options = [(best[stop - 1][0] + _UNKNOWN, stop - 1)]
        for size in range(2, min(_LONGEST_WORD, stop) + 1):
            count = known.get(run[stop - size : stop])
            if count is not None:
                options.append((best[stop - size][0] + _TOTAL_ZH - count, stop - size))
        best.append(min(options))
    cuts, stop = [], len(run)
    while stop:
        start = best[stop][1]
        cuts.append((start, stop))
        stop = start
    return tuple(reversed(cuts))


def is_content(word: Word) -> bool:
    """Tell whether a word is no value and no unit."""
    return word.kind in "whsi" or is_han(word.key)
