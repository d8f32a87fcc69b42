"""In how many places do two texts differ?

One word replaced in an equal frame is how people ask for something else. Words that differ in several places
are how people ask for the same in words of their own: then a single word proves nothing, and similarity decides.
"""

from __future__ import annotations

from quality.lookalike.align import blocks
from quality.lookalike.lexicon import lexicon
from quality.lookalike.request import Request
from quality.lookalike.tokens import tokenise
from quality.lookalike.words import is_one_word


def changed_places(left: Request, right: Request) -> int:
    """Return how many runs of tokens differ between two requests, instruction and input together; symmetric.

    1 if a single word stands in the place of another anywhere: however much else differs, that word may be all
    that matters. A verb of request and another form of one word are no such replacement.
    """
    ours, theirs = (tokenise(f"{request.instruction}\n{request.input}") for request in (left, right))
    found = blocks(ours.keys, theirs.keys)
    for a, b, c, d in found:
        if b - a == 1 and d - c == 1 and not _is_form(ours.keys[a], theirs.keys[c]):
            return 1
    return len(found)


def _is_form(left: str, right: str) -> bool:
    words = lexicon()
    if (left in words.verbs and right in words.verbs) or (left in words.light and right in words.light):
        return True
    return (left, right) not in words.opposites and is_one_word(left, right)
