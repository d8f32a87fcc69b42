"""The words of a text that may be parts of a name: where each stands, what it may be, and whether the next goes on.

Two words go together over a space, over the full stop of an initial, and over particles (van der, de la). Rejected: a
tokeniser of the whole text, since nine words in ten have no capital and need no look.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import repeat
from typing import Final, NamedTuple

from quality.pii.kept import Kept
from quality.pii.lexicon_en import UNKNOWN, WORD, context, role_of

_UPPER = "".join(char for char in map(chr, range(0x41, 0x250)) if char.isupper())
_LETTER = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
CAPITALISED = re.compile(
    rf"[{_UPPER}](?:(?<![{_LETTER}\d_@#/\\&+=%~^$].)|(?<=\\[nt].))[{_LETTER}]*"
    rf"(?:-[{_LETTER}]+|['’](?![sS](?![{_LETTER}]))[{_LETTER}]+)*(?![{_LETTER}\d_@(]|\.[a-z@]|://|\\(?![\"'nt]))"
)
LOWER_CASED = re.compile(
    rf"[{_LETTER}](?<![{_LETTER}\d_@#/\\.-].)[{_LETTER}]*(?:['’](?!s)[{_LETTER}]+)?(?![{_LETTER}\d_@\\(]|\.[a-z@]|://)"
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

_WIDEST_JOINT: Final = 12
"""Most characters between two words of one name: ` van der `."""

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


def tokens_of(text: str, matches: list[re.Match[str]]) -> list[Token]:
    """Return the words of a text that a pattern found, each with its role."""
    words = list(map(re.Match.group, matches))
    starts, ends = list(map(re.Match.start, matches)), list(map(re.Match.end, matches))
    joined = [
        end < after <= end + _WIDEST_JOINT
        and (
            (gap := text[end:after]) == " "
            or (gap[0] in " ." and gap[-1] in " .-'’" and _is_joint(word, gap))
        )
        for word, end, after in zip(words, ends, (*starts[1:], -1), strict=False)
    ]
    rows = zip(starts, ends, words, map(ROLES.__getitem__, words), joined, strict=True)
    # What Token(*row) does, without its call for each word, which takes longer than all the rest.
    return list(map(tuple.__new__, repeat(Token), rows))


def role_as_written(word: str) -> int:
    """Return the role of a word; one with a capital inside that no list has is a brand."""
    role = role_of(word)
    return WORD if role & UNKNOWN and _INNER_CAPITAL.search(word) else role


ROLES: Final = Kept(role_as_written, most=1 << 16)


def _is_joint(word: str, gap: str) -> bool:
    """Tell whether the gap between two capitalised words, more than a space, lets them be one name."""
    if gap in (".", ". "):
        return (
            len(word) == 1 or word in SUFFIXES or (gap == ". " and word.lower() in context().titles | {"st"})
        )
    if gap == ", ":
        return False
    return gap[0] == " " and gap[-1] in " -'’" and _are_particles(gap)


@lru_cache(maxsize=1 << 14)
def _are_particles(gap: str) -> bool:
    """Tell whether particles and nothing else stand between two words."""
    parts = gap.replace("-", " ").split()
    return bool(parts) and context().particles.issuperset(parts)
