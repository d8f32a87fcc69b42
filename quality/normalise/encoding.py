"""Damage from bytes: text decoded with the wrong charset, and characters that no reader sees.

Mojibake is decoded again line by line by ftfy's heuristic, and only where its measure of badness falls.
Control characters go, but for those that a script, an emoji or a direction needs. Rejected:
`ftfy.fix_text` (it also uncurls quotes and rewrites Chinese punctuation) and removing all of category Cf
(it breaks Persian words and families of emoji).
"""

from __future__ import annotations

import re

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

    if not is_bad(text) or subject.is_encoding():
        return Repair(text)
    lines = text.split("\n")
    repaired = 0
    for number, line in enumerate(lines):
        if line.isascii() or not is_bad(line):
            continue
        fixed = fix_encoding(line)
        if fixed != line and badness(fixed) < badness(line):
            lines[number] = fixed
            repaired += 1
    return Repair("\n".join(lines), {"lines": repaired}) if repaired else Repair(text)


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
