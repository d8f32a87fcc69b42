"""The words of a text that may be parts of a name: where each stands, what it may be, and whether the next goes on.

Two words go together over a space, over the full stop of an initial, and over particles (van der, de la). Rejected: a
tokeniser of the whole text, since nine words in ten have no capital and need no look.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from quality.pii.lexicon_en import UNKNOWN, WORD, context, role_of

_UPPER = "".join(char for char in map(chr, range(0x41, 0x250)) if char.isupper())
_LETTER = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
CAPITALISED = re.compile(
    rf"[{_UPPER}](?:(?<![{_LETTER}\d_@#/\\&+=%~^$].)|(?<=\\[nt].))[{_LETTER}]*"
    rf"(?:-[{_LETTER}]+|['’](?![sS](?![{_LETTER}]))[{_LETTER}]+)*(?![{_LETTER}\d_@(]|\.[a-z@]|://|\\(?![\"'nt]))"
)
LOWER_CASED = re.compile(
    rf"(?<![{_LETTER}\d_@#/\\.-])[{_LETTER}]+(?:['’](?!s)[{_LETTER}]+)?(?![{_LETTER}\d_@\\(]|\.[a-z@]|://)"
)
SUFFIXES = frozenset(
    {
        "Jr",
        "Sr",
        "II",
        "III",
        "IV",
        "VI",
        "VII",
        "VIII",
        "IX",
        "XI",
        "XII",
        "XIII",
        "XIV",
        "XV",
        "XVI",
        "XVII",
        "XVIII",
    }
)
"""What follows a name and belongs to it."""

_INNER_CAPITAL = re.compile(
    r"(?<!^Mc)(?<!^Mac)(?<!^De)(?<!^Di)(?<!^Van)(?<!^Le)(?<!^La)(?<!^O')(?<!^O’)(?<=[a-z])[A-Z]"
)


class Token(NamedTuple):
    """A capitalised word: where it stands, its text, its role, and whether the next token goes on from it."""

    start: int
    end: int
    text: str
    role: int
    joined: bool

    @property
    def is_initial(self) -> bool:
        """Whether it is one letter."""
        return len(self.text) == 1


def tokens_of(text: str, pattern: re.Pattern[str]) -> list[Token]:
    """Return the words of a text that a pattern finds, each with its role."""
    matches = [(match.start(), match.end(), match.group()) for match in pattern.finditer(text)]
    tokens = []
    for at, (start, end, word) in enumerate(matches):
        follows = matches[at + 1][0] if at + 1 < len(matches) else -1
        joined = end < follows <= end + 12 and _is_joint(word, text[end:follows])
        role = role_of(word)
        if role & UNKNOWN and _INNER_CAPITAL.search(word):
            role = WORD
        tokens.append(Token(start, end, word, role, joined))
    return tokens


def _is_joint(word: str, gap: str) -> bool:
    """Tell whether the gap between two capitalised words lets them be one name."""
    if gap == " ":
        return True
    if gap in (".", ". "):
        return (
            len(word) == 1 or word in SUFFIXES or (gap == ". " and word.lower() in context().titles | {"st"})
        )
    if gap == ", ":
        return False
    if gap[0] == " " and gap[-1] in " -'’":
        parts = gap.replace("-", " ").split()
        return bool(parts) and all(part in context().particles for part in parts)
    return False
