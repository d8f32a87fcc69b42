"""Damage from bytes: text decoded with the wrong charset, and characters that no reader sees.

Mojibake is decoded again line by line by ftfy's heuristic, and only where its measure of badness falls.
ftfy does not know Chinese read as GBK or GBK read as Latin-1: these are undone where every byte goes
back and rare signs become common characters. Control characters go, but for those that a script, an
emoji or a direction needs. Rejected: `ftfy.fix_text` (it also uncurls quotes and rewrites Chinese
punctuation), guessing bytes that are lost (锟斤拷), and removing all of category Cf (it breaks Persian
words and families of emoji).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from quality.normalise.repair import Repair
from quality.normalise.subject import Subject


def repair_mojibake(text: str, subject: Subject) -> Repair:
    """Decode text again that was decoded with the wrong charset, line by line, by ftfy's heuristic.

    A line is replaced only if ftfy finds it bad and the result less bad. Source: Speer, ftfy 6.
    """
    if text.isascii():
        return Repair(text)
    from ftfy import fix_encoding
    from ftfy.badness import badness, is_bad

    if not (is_bad(text) or may_be_chinese_mojibake(text)) or subject.is_encoding():
        return Repair(text)
    lines = text.split("\n")
    repaired = 0
    for number, line in enumerate(lines):
        if line.isascii():
            continue
        fixed = _decoded_again(line) if may_be_chinese_mojibake(line) else line
        if fixed == line and is_bad(line):
            fixed = fix_encoding(line)
            if badness(fixed) >= badness(line):
                continue
        if fixed != line:
            lines[number] = fixed
            repaired += 1
    return Repair("\n".join(lines), {"lines": repaired}) if repaired else Repair(text)


_RUN = re.compile("[^\x00-\x7f\ufffd]+")
_LATIN = (
    "\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201e\u2020-\u2026"
    "\u2030\u2039\u203a\u20ac\u2122"
)
_LATIN_RUN = re.compile(f"[{_LATIN}]{{4,}}")
_NO_LATIN = re.compile(f"[^\\x00-\\x7f{_LATIN}]")
_NO_WORD = re.compile("[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ]|[À-ÿ][\u00a1-\u00bf×÷]|[\u00a1-\u00bf×÷][À-ÿ]")


def _decode_all(leads: Iterable[int], trails: Iterable[int]) -> str:
    """Return the characters that GBK has for these pairs of bytes."""
    pairs = (bytes((lead, trail)) for lead in leads for trail in trails)
    return "".join(pair.decode("gbk", "ignore") for pair in pairs)


_FIRST = re.compile(f"[{re.escape(_decode_all((*range(0xE2, 0xEA), 0xEF), range(0x80, 0xC0)))}]")
"""What GBK makes of the first two bytes of a Chinese character in UTF-8: rare characters, all of them."""

_COMMON = frozenset(_decode_all(range(0xB0, 0xD8), range(0xA1, 0xFF)))
"""The 3,755 characters of everyday Chinese: the first level of GB 2312."""

_PUNCTUATION = frozenset("，。！？：；、“”‘’（）《》〈〉【】「」『』…—·～％￥０１２３４５６７８９")


def may_be_chinese_mojibake(text: str) -> bool:
    """Tell cheaply whether a text could be Chinese in UTF-8 read as GBK, or GBK read as Latin-1."""
    return _FIRST.search(text) is not None or _LATIN_RUN.search(text) is not None


def _decoded_again(line: str) -> str:
    """Return a line decoded as it should have been, where that is certain; else as it is.

    It is certain where every character goes back to bytes and all these bytes are text in the other
    charset, at least two characters, most of them everyday Chinese, and hardly one was before.
    """
    if _FIRST.search(line) is not None:
        return _RUN.sub(lambda run: _utf8_from_gbk(run.group()), line)
    foreign = "".join(_RUN.findall(line))
    # A word with accents alone (`ÄÖÜß`) is one: only what no word of Latin letters looks like is read again.
    if _NO_LATIN.search(line) or not _NO_WORD.search(foreign):
        return line
    fixed = _RUN.sub(lambda run: _gbk_from_latin(run.group()), line)
    return fixed if _is_chinese("".join(_RUN.findall(fixed)), foreign) else line


def _is_chinese(text: str, before: str) -> bool:
    """Tell whether a text, without its ASCII, is everyday Chinese that another text was not."""
    hanzi = sum(char in _COMMON for char in text)
    common = hanzi + sum(char in _PUNCTUATION for char in text)
    return (
        hanzi >= 2
        and common * 10 >= len(text) * 8
        and sum(char in _COMMON for char in before) * 3 <= len(before)
    )


def _utf8_from_gbk(run: str) -> str:
    """Return the Chinese whose UTF-8 bytes read as this run in GBK or GB18030; the run if there is none."""
    for charset in ("gb18030", "gbk"):
        try:  # Windows reads the byte 80, which has no place in GBK, as the sign of the Euro
            data = b"".join(b"\x80" if char == "€" else char.encode(charset) for char in run)
            fixed = data.decode("utf-8")
        except UnicodeError:
            continue
        return fixed if _is_chinese(fixed, run) else run
    return run


def _gbk_from_latin(run: str) -> str:
    """Return the text whose GBK bytes read as this run in Latin-1 or Windows-1252; the run if there is none."""
    try:
        data = b"".join(char.encode("latin-1" if char < "\u0100" else "cp1252") for char in run)
        fixed = data.decode("gb18030")
    except UnicodeError:
        return run
    try:
        data.decode("utf-8")
    except UnicodeError:
        return fixed
    return run  # it is UTF-8 read as Latin-1, which ftfy repairs


_RTL = "\u0590-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_JOINING = "\u0600-\u109f\u1780-\u18af\u1a20-\u1cff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_SOUTH_EAST_ASIAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf"
_PICTURE = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"

_CONTROL = re.compile(
    "(?P<kept>\U0001f3f4[\U000e0020-\U000e007f]+"
    f"|(?<=[{_PICTURE}\ufe0f])\u200d(?=[{_PICTURE}])|(?<=[{_JOINING}])[\u200c\u200d]"
    f"|(?<=[{_SOUTH_EAST_ASIAN}])\u200b(?=[{_SOUTH_EAST_ASIAN}])"
    "|(?<=[0-9#*\u00a9\u00ae\u1000-\u109f\u203c-\ud7ff\uf900-\ufaff\U0001f000-\U0003ffff])[\ufe00-\ufe0f]"
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef])"
    r"|(?P<ansi>\x1b\[[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\))"
    "|(?P<newline>[\x0b\x0c\x85\u2028\u2029])"
    "|(?P<bidi>[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])"
    "|(?P<invisible>[\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffc"
    "\U000e0000-\U000e01ef])"
    "|(?P<control>[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff])"
)
_CONTROL_ASCII = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HAS_RTL = re.compile(f"[{_RTL}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL_ANY = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff9-\ufffc\ufffe\uffff\U000e0000-\U000e01ef]"
)


def remove_controls(text: str, subject: Subject) -> Repair:
    """Remove what no reader sees: control and zero-width characters, byte order marks, escapes.

    Line separators of other systems become newlines. Joiners inside emoji and in scripts that need
    them, selectors after the characters they select for, and direction marks in right-to-left text
    stay. U+FFFD stays as the visible mark of a loss; half a surrogate pair becomes one.
    """
    if (_CONTROL_ASCII if text.isascii() else _CONTROL_ANY).search(text) is None:
        return Repair(text)
    counts: dict[str, int] = {}
    right_to_left = _HAS_RTL.search(text) is not None

    def replace(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if kind == "kept" or (kind == "bidi" and right_to_left):
            return match.group()
        counts[kind] = counts.get(kind, 0) + 1
        return "\n" if kind == "newline" else ""

    fixed = _CONTROL.sub(replace, text)
    if broken := len(_SURROGATE.findall(fixed)):
        fixed = fixed.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        counts["surrogate"] = broken
    return Repair(fixed, counts)
