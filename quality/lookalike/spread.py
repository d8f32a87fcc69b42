"""In how many places do two texts differ?

One word replaced in an equal frame is how people ask for something else. Words that differ in several places
are how people ask for the same in words of their own: then a single word proves nothing, and similarity decides.
"""

from __future__ import annotations

from quality.lookalike.align import blocks
from quality.lookalike.request import Request
from quality.lookalike.tokens import tokenise


def changed_places(left: Request, right: Request) -> int:
    """Return how many runs of tokens differ between two requests, instruction and input together; symmetric."""
    ours, theirs = (f"{request.instruction}\n{request.input}" for request in (left, right))
    if theirs < ours:
        ours, theirs = theirs, ours
    return len(blocks(tokenise(ours).keys, tokenise(theirs).keys))
