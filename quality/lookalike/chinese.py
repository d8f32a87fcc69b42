"""Chinese words without a segmenter: which known words cover a place, and which characters are slips.

An input method offers characters of one sound, so a slip writes 光和作用 for 光合作用: the same sound, and no
word where there was one. 肝炎 and 肺炎 are both words and stay two. Rejected: an edit distance over characters,
for which 买 and 卖 are as near as a slip, and a full segmentation of both texts, which a slip upsets.
"""

from __future__ import annotations

import gzip
from functools import cache

from quality.lookalike.lexicon import DATA, words_of

_LONGEST = 5
_LEAST = 4
"""Least binary logarithm of a word's count in jieba's corpus for it to cover a place."""

_FAR = 5
"""Least difference of such logarithms for the rarer of two words to be a slip of the other."""

_NUMERALS = "零一二三四五六七八九十百千万亿两半第"

_CONFUSED = (
    "的地得",
    "在再",
    "做作",
    "象像",
    "帐账",
    "副幅",
    "坐座",
    "即既",
    "己已",
    "未末",
    "那哪",
    "他她它",
    "订定",
    "份分",
)


@cache
def chinese_words() -> dict[str, int]:
    """Return the known words of two to five characters with the binary logarithm of their counts."""
    lines = gzip.decompress((DATA / "chinese.txt.gz").read_bytes()).decode().splitlines()
    return {word: int(size) for word, _, size in (line.partition(" ") for line in lines)}


@cache
def _sounds() -> dict[str, frozenset[str]]:
    sounds: dict[str, set[str]] = {}
    for line in (DATA / "pinyin.txt").read_text("utf-8").splitlines():
        syllable, _, characters = line.partition(" ")
        for character in characters:
            sounds.setdefault(character, set()).add(syllable)
    return {character: frozenset(syllables) for character, syllables in sounds.items()}


def sound_alike(left: str, right: str) -> bool:
    """Tell whether two characters share a syllable, whatever the tone."""
    sounds = _sounds()
    return not sounds.get(left, frozenset()).isdisjoint(sounds.get(right, frozenset()))


def nearly_sound_alike(left: str, right: str) -> bool:
    """Tell whether two characters sound alike to many speakers: in and ing, z and zh are often not told apart."""
    sounds = _sounds()
    ours, theirs = ({_merged(one) for one in sounds.get(char, ())} for char in (left, right))
    return not ours.isdisjoint(theirs)


def _merged(syllable: str) -> str:
    if syllable[:2] in ("zh", "ch", "sh"):
        syllable = syllable[0] + syllable[2:]
    return syllable[:-1] if syllable.endswith(("ang", "eng", "ing")) else syllable


def cover(text: str, start: int, stop: int) -> tuple[str, int]:
    """Return the longest known word that holds `text[start:stop]` and more, and where it begins."""
    words = chinese_words()
    best, at = "", -1
    for size in range(max(2, stop - start), _LONGEST + 1):
        for begin in range(max(0, stop - size), min(start, len(text) - size) + 1):
            word = text[begin : begin + size]
            if words.get(word, 0) >= _LEAST and (len(word), words[word]) > (len(best), words.get(best, 0)):
                best, at = word, begin
    return best, at


def is_han_slip(before: str, left: str, right: str, after: str) -> bool:
    """Tell whether one of two strings between the same neighbours is a slip of the other.

    Args:
        before: up to four characters that precede both.
        left: what stands there on one side.
        right: what stands there on the other side.
        after: up to four characters that follow both.
    """
    if len(left) == len(right) == 1:
        return _replaced(before, left, right, after)
    if len(left) == len(right) == 2 and left == right[::-1]:
        known = chinese_words()
        ours, theirs = (known.get(word, 0) for word in (left, right))
        if max(ours, theirs) >= _LEAST and (min(ours, theirs) == 0 or abs(ours - theirs) >= _FAR):
            return True
        wholes = [cover(before + pair + after, len(before), len(before) + 2)[0] for pair in (left, right)]
        return (len(wholes[0]) > 2) != (len(wholes[1]) > 2) and min(ours, theirs) == 0
    if len(left) + len(right) == 1:
        return _dropped(before, left or right, after)
    return False


def _replaced(before: str, left: str, right: str, after: str) -> bool:
    if any(left in group and right in group for group in _CONFUSED):
        return True
    place = len(before)
    ours, theirs = (cover(before + one + after, place, place + 1)[0] for one in (left, right))
    longer, shorter = (ours, theirs) if len(ours) >= len(theirs) else (theirs, ours)
    if sound_alike(left, right):
        if longer and (not shorter or len(longer) >= len(shorter) + 2):
            return True
        sizes = chinese_words().get(longer, 0), chinese_words().get(shorter, 0)
        return bool(shorter) and abs(sizes[0] - sizes[1]) >= 7
    if longer and not shorter and nearly_sound_alike(left, right):
        return True
    if len(longer) < 4 or shorter:
        return False
    character = left if longer == ours else right
    return character in longer[1:-1]


def is_slip_of_verb(slip: str, verb: str, after: str) -> bool:
    """Tell whether a character is a slip of the one-character verb that a request begins with: 清介绍, 些一首.

    Args:
        slip: what stands where the request begins.
        verb: the verb or courtesy that stands there on the other side.
        after: up to four characters that follow both.
    """
    return nearly_sound_alike(slip, verb) and not cover(slip + after, 0, 1)[0]


def _dropped(before: str, extra: str, after: str) -> bool:
    if before[-1:] == extra or after[:1] == extra:
        return extra not in _NUMERALS
    if extra in _NUMERALS or extra in "不没无未非":
        return False
    word, rest, _ = _without(before, extra, after)
    return len(word) >= 3 and rest not in chinese_words()


def _without(before: str, extra: str, after: str) -> tuple[str, str, int]:
    """Return the word that covers a character, what is left of it without, and the character's place in it."""
    place = len(before)
    word, begin = cover(before + extra + after, place, place + 1)
    return word, word[: place - begin] + word[place - begin + 1 :], place - begin


def may_be_dropped(before: str, extra: str, after: str) -> bool:
    """Tell whether a character that one side lacks may be a slip: half of a common word, no modifier."""
    if extra in _NUMERALS or extra in "不没无未非" or extra in words_of("modifiers_han")[0]:
        return False
    word, rest, _ = _without(before, extra, after)
    if len(word) != 2 or chinese_words()[word] < 2 * _LEAST:
        return False
    at = len(before) - (rest == before[-1:])
    return not cover(before + after, at, at + 1)[0]
