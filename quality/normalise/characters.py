"""Forms of characters: composed accents, narrow letters and digits, plain spaces.

Rejected: NFKC (it turns ² into 2, ㎡ into m2 and Chinese punctuation into ASCII) and narrowing punctuation
at all, except between letters or digits, where it can only belong to an address, a number or a path.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from quality.normalise.repair import Repair
from quality.normalise.subject import Subject

_UNUSUAL = re.compile("[\u00a0\u00ad\u1680\u2000-\u200a\u202f\u205f\u3000０-９Ａ-Ｚａ-ｚ．＠＿－／]")
_TO_NARROW: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPACES: Final = (
    ("soft_hyphens", re.compile("\u00ad"), ""),
    ("spaces", re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]"), " "),
    ("spaces", re.compile("(?:^|(?<=\n))(?=[ \u3000]*\u3000)[ \u3000]+"), ""),
    ("spaces", re.compile("\u3000"), " "),
)
"""What to count, what to look for, what stands in its place; in this order: an indent is no space."""

_WIDE: Final = (
    re.compile("[０-９Ａ-Ｚａ-ｚ]"),
    re.compile("(?<=[0-9A-Za-z])[．＠＿－／](?=[0-9A-Za-z])"),
)
"""What becomes narrow: letters and digits first, then what joins them."""


def normalise_unicode(text: str, subject: Subject) -> Repair:
    """Compose accents (NFC), narrow full-width letters and digits, and make odd spaces plain.

    Never NFKC: Chinese punctuation, ², ½, ①, ㎡ and ligatures stay. Between letters or digits the
    full-width dot, at sign, underscore, hyphen and slash become narrow too. Full-width spaces that
    indent a Chinese paragraph vanish, others become one space each; soft hyphens vanish.
    """
    if text.isascii():
        return Repair(text)
    counts: dict[str, int] = {}
    fixed = text
    if not unicodedata.is_normalized("NFC", fixed):
        fixed = unicodedata.normalize("NFC", fixed)
        counts["composed"] = sum(a != b for a, b in zip(text, fixed, strict=False)) or 1
    if _UNUSUAL.search(fixed) is None:
        return Repair(fixed, counts)
    for what, pattern, plain in _SPACES:
        fixed, number = pattern.subn(plain, fixed)
        _count(counts, what, number)
    if not subject.is_width():
        for pattern in _WIDE:
            fixed, number = pattern.subn(_narrow, fixed)
            _count(counts, "full_width", number)
    return Repair(fixed, counts)


def _narrow(match: re.Match[str]) -> str:
    return match.group().translate(_TO_NARROW)


def _count(counts: dict[str, int], what: str, number: int) -> None:
    if number:
        counts[what] = counts.get(what, 0) + number
