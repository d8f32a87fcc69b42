"""Where Chinese words begin and end near a place, and traditional characters.

"排列出" holds the characters of 列出 and not the word. The likeliest cut of the few characters around a place, by the
counts of jieba's dictionary (`quality/lookalike`), tells the two apart; a text is never cut whole, since only the
places that may change matter. Rejected: jieba itself (a second to load, and a dependency for one question).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from quality.lookalike.chinese import chinese_words
from quality.lookalike.lexicon import DATA

_TOTAL = 26
"""Binary logarithm of the count of all words in jieba's corpus."""

_ALONE = 12
"""The same of a character that is no word of the dictionary, taken for a word of its own."""

_LONGEST = 5
_AROUND = 6
HAN = re.compile(r"[㐀-䶿一-鿿]")


@lru_cache(maxsize=65536)
def is_cut(before: str, word: str, after: str) -> bool:
    """Tell whether the likeliest cut of a text has edges on both sides of a word.

    Args:
        before: what precedes; its last characters are read.
        word: the word or phrase in question, which counts as a word of its own too.
        after: what follows; its first characters are read.
    """
    text = before + word + after
    start, stop = len(before), len(before) + len(word)
    edges = _edges(text, known_apart=(start, stop))
    return start in edges and stop in edges


def stands_alone(text: str, start: int, stop: int) -> bool:
    """Tell whether `text[start:stop]` is no part of a longer word and cuts no other in two."""
    left = max(0, start - _AROUND)
    while left < start and not HAN.match(text[left]):
        left += 1
    return is_cut(text[left:start], text[start:stop], text[stop : stop + _AROUND])


def _edges(text: str, known_apart: tuple[int, int]) -> set[int]:
    known = chinese_words()
    size = len(text)
    best = [0.0] * (size + 1)
    came = [0] * (size + 1)
    for stop in range(1, size + 1):
        best[stop] = best[stop - 1] + _ALONE - _TOTAL
        came[stop] = stop - 1
        for start in range(max(0, stop - _LONGEST), stop - 1):
            count = known.get(text[start:stop])
            if count is not None and best[start] + count - _TOTAL > best[stop]:
                best[stop] = best[start] + count - _TOTAL
                came[stop] = start
        if stop == known_apart[1] and best[known_apart[0]] + _ALONE - _TOTAL > best[stop]:
            best[stop] = best[known_apart[0]] + _ALONE - _TOTAL
            came[stop] = known_apart[0]
    edges = {size}
    at = size
    while at:
        at = came[at]
        edges.add(at)
    return edges


@cache
def _simplified() -> dict[int, str]:
    lines = (DATA / "simplified.txt").read_text("utf-8").splitlines()
    return {ord(old): new for old, new in zip(lines[0], lines[1], strict=True)}


_PREFERRED = "發後裡為於麼著嗎臺說範獲準複個產眾別歷參啟盡並當術匯畫線證須館"
"""Of several traditional characters for one, those that the words of this project want."""

_SAME = "云修出占只合同回困局峰念折捆教核注玩累表面家升向"
"""Characters that traditional texts write so too, in the words of this project."""

_UNSURE = "制系即却余征"
"""Characters whose traditional form hangs on the word."""


@cache
def _traditional() -> dict[str, str]:
    olds: dict[str, list[str]] = {}
    for old, new in _simplified().items():
        if chr(old) != new:
            olds.setdefault(new, []).append(chr(old))
    table = {new: chars[0] for new, chars in olds.items() if len(chars) == 1}
    for char in _PREFERRED:
        if ord(char) in _simplified():
            table[_simplified()[ord(char)]] = char
    table.update({char: char for char in _SAME})
    return {new: char for new, char in table.items() if new not in _UNSURE}


def simplified(text: str) -> str:
    """Return a text in simplified characters, each in its place."""
    return text.translate(_simplified())


@cache
def _ambiguous() -> frozenset[str]:
    news = [new for old, new in _simplified().items() if chr(old) != new]
    return frozenset(new for new in news if news.count(new) > 1 or new in _UNSURE) - _traditional().keys()


def traditional(word: str) -> str | None:
    """Return a word in traditional characters; None where a character has several and no rule says which."""
    if any(char in _ambiguous() for char in word):
        return None
    return "".join(_traditional().get(char, char) for char in word)


_BOTH = frozenset(map(ord, "著乾藉瞭覆夥徵於餘闢"))
"""Characters that simplified texts hold as well."""


@cache
def _only_traditional() -> re.Pattern[str]:
    chars = (chr(old) for old, new in _simplified().items() if chr(old) != new and old not in _BOTH)
    return re.compile(f"[{''.join(sorted(chars))}]")


def is_traditional(text: str) -> bool:
    """Tell whether a text is written in traditional characters."""
    return _only_traditional().search(text) is not None
