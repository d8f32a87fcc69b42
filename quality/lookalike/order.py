"""Do the same words in another order say something else?

"In Rust, write ..." and "Write ... in Rust" move a phrase that takes its role along in its preposition;
"dog bites man" and "from A to B" change roles with places. Rejected: treating all moves alike, in either way.
"""

from __future__ import annotations

from quality.lookalike.lexicon import lexicon
from quality.lookalike.tokens import Tokens

_NEAR = 3


def order_differs(left: Tokens, right: Tokens, moved: list[tuple[int, int]]) -> str:
    """Return `order` if a moved word changed its role, `weak` if that is unsure, "" if it kept it.

    Args:
        left: the one text.
        right: the other.
        moved: places of equal tokens, left and right, that the alignment did not bring together.
    """
    unsure = False
    permuted = sorted(left.keys) == sorted(right.keys)
    for ours, theirs in moved:
        role, other = _role(left, ours), _role(right, theirs)
        if role and role == other:
            continue
        if _is_measure(left, ours) and _is_measure(right, theirs) and "of" in (role, other):
            continue
        if (
            not permuted
            and {role, other} in ({"of", ""}, {"in", "of"}, {"for", "of"}, {"for", ""})
            and left.kinds[ours] == "w"
        ):
            unsure = True
            continue
        if _whole_clause(left, ours, right, theirs):
            unsure = True
            continue
        return "" if _measures_moved(left, right) else "order"
    return "weak" if unsure else ""


def _role(tokens: Tokens, place: int) -> str:
    """Return the preposition that governs a word: shortly before it in its clause, no content between."""
    prepositions, light = lexicon().prepositions, lexicon().light
    for at in range(place - 1, max(-1, place - 1 - _NEAR), -1):
        if at + 1 in tokens.begins:
            return ""
        if tokens.keys[at] in prepositions:
            return tokens.keys[at]
        if tokens.kinds[at] == "w" and tokens.keys[at] not in light:
            return ""
    return ""


def _is_measure(tokens: Tokens, place: int) -> bool:
    """Tell whether a token is a number before a unit, or that unit."""
    kinds = tokens.kinds
    return (kinds[place] == "n" and kinds[place + 1 : place + 2] == "u") or (
        kinds[place] == "u" and place > 0 and kinds[place - 1] == "n"
    )


def _measures_moved(left: Tokens, right: Tokens) -> bool:
    """Tell whether two texts are equal in order but for where their measures stand: "a 500-word essay"."""
    ours, theirs = _without_measures(left), _without_measures(right)
    return ours == theirs and bool(ours[1])


def _without_measures(tokens: Tokens) -> tuple[list[str], list[str]]:
    words = lexicon()
    rest, measures = [], []
    for place, key in enumerate(tokens.keys):
        if _is_measure(tokens, place):
            measures.append(key)
        elif key not in words.neutral:
            rest.append(key)
    return rest, measures


def _whole_clause(left: Tokens, ours: int, right: Tokens, theirs: int) -> bool:
    """Tell whether two places lie in clauses of the same tokens, which moved as a whole."""
    mine, yours = _clause(left, ours), _clause(right, theirs)
    return len(mine) > 2 and mine == yours


def _clause(tokens: Tokens, place: int) -> tuple[str, ...]:
    start, stop = place, place + 1
    while start not in tokens.begins:
        start -= 1
    while stop < len(tokens.keys) and stop not in tokens.begins:
        stop += 1
    return tokens.keys[start:stop]
