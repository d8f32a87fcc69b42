"""Texts cut into comparable units: words where a script puts spaces, characters where it does not.

Every share in this package counts these units, so one threshold means the same in English and Chinese.
Rejected: a word segmenter for Chinese (a model, slow, and its version would alter every number).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_WORD = re.compile(r"[^\W_]+")
_CJK = re.compile(rf"[{_UNSPACED}]")
_UNSPACED_UNIT = _CJK.match
_INVISIBLE = str.maketrans(dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD)))


@lru_cache(maxsize=8)
def units(text: str) -> tuple[str, ...]:
    """Return the lower-cased words (spaced scripts) and characters (CJK, kana, Thai) of a text.

    The last few are kept, as the tests of one record cut the same texts again and again.
    """
    lowered = text.lower()
    return tuple((_WORD if lowered.isascii() else _UNIT).findall(lowered))


def is_unspaced(parts: Sequence[str]) -> bool:
    """Return whether most units of a text are characters of a script without spaces."""
    return 2 * sum(1 for part in parts if _UNSPACED_UNIT(part)) > len(parts)


def width(text: str) -> int:
    """Return the length of a text in columns: a Chinese character says about as much as two letters."""
    return len(text) if text.isascii() else len(text) + len(_CJK.findall(text))


def visible(text: str) -> str:
    """Return the text without surrounding space and without characters that nobody sees."""
    if text.isascii():
        return text.strip()
    return text.translate(_INVISIBLE).strip()
