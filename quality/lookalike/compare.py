"""Do two requests ask for the same thing? Context, input and instruction are judged each by itself.

The same input under another instruction is another request, and an input may differ only in form. Where one
request has its input inside its instruction, the joined texts are compared. Rejected: one text for all, in
which a long input outvotes the instruction.
"""

from __future__ import annotations

from collections import Counter

from quality.lookalike.frames import settle_by_frame
from quality.lookalike.judge import OPEN, SAME, compare_texts, says_the_same
from quality.lookalike.literals import is_about_form
from quality.lookalike.request import Request, Verdict
from quality.lookalike.tokens import tokenise

_FEW = 12
"""Most tokens that either of two wordings of one request has of its own."""

_RELATED = 0.5
"""Least share of words that two instructions for one input have in common to be left to similarity."""


def compare_requests(left: Request, right: Request) -> Verdict:
    """Tell what two requests disagree on, and whether nothing but form differs; symmetric and pure."""
    if left == right:
        return SAME
    if left.context != right.context:
        if len(left.context) != len(right.context):
            return Verdict("context", False)
        for ours, theirs in zip(left.context, right.context, strict=True):
            if not says_the_same(ours, theirs):
                return Verdict("context", False)
    one, other = left.input.strip(), right.input.strip()
    if not one and not other:
        found = compare_texts(left.instruction, right.instruction)
        return settle_by_frame(left.instruction, right.instruction, found)
    if not one or not other:
        return compare_texts(f"{left.instruction}\n{one}", f"{right.instruction}\n{other}")
    if not (_spelled_alike(one, other) if _is_about_form(left, right) else says_the_same(one, other)):
        return Verdict("input", False)
    found = compare_texts(left.instruction, right.instruction)
    if found == OPEN and not _related(left.instruction, right.instruction):
        found = Verdict("instruction", False)
    return settle_by_frame(left.instruction, right.instruction, found)


def _is_about_form(left: Request, right: Request) -> bool:
    """Tell whether the spelling, grammar or punctuation of the input is what is asked about."""
    return is_about_form(left.instruction) or is_about_form(right.instruction)


def _spelled_alike(left: str, right: str) -> bool:
    return left.split() == right.split()


def _related(left: str, right: str) -> bool:
    ours, theirs = set(tokenise(left).keys), set(tokenise(right).keys)
    return len(ours & theirs) >= _RELATED * len(ours | theirs)


def hardly_differ(left: str, right: str) -> bool:
    """Tell, cheaply, whether two texts have so few tokens of their own that they may be one request."""
    ours, theirs = Counter(tokenise(left).keys), Counter(tokenise(right).keys)
    return (ours - theirs).total() <= _FEW and (theirs - ours).total() <= _FEW
