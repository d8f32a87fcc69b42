"""Runs of tokens with their places: two words, or three unspaced characters, each where it stands.

Short enough that one changed word in eight leaves three runs of four whole; what two unrelated texts share at that
length is mostly common, and frequency takes it out of the count. Rejected: 13 words (GPT-3, appendix C of Brown et
al. 2020) and 8 (Llama 2), which one changed word in eight defeats altogether; three words, of which a
light paraphrase keeps about as many as two problems of one kind share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from quality.tokens import CHARACTER, I64, U64, Tokens, constants, mix, tokenise

WORDS = 2
CHARACTERS = 3


@dataclass(frozen=True, slots=True)
class Grams:
    """Runs of tokens of a chunk of texts.

    Attributes:
        values: uint64 [m]; hashes of the runs, in the order of their first tokens.
        at: int64 [m]; the number of the first token, counted over all texts so far.
        tokens: the chunk's tokens.
        before: tokens of the chunks before.
    """

    values: U64
    at: I64
    tokens: Tokens
    before: int


def sizes(tokens: Tokens) -> I64:
    """Return int64 [tokens]: the length of a run that begins at each token."""
    return np.where(tokens.kinds == CHARACTER, CHARACTERS, WORDS)


def grams(texts: Sequence[str]) -> Iterator[Grams]:
    """Yield all runs of texts, chunk by chunk; a run never goes over the end of a text."""
    multipliers = constants(29, max(WORDS, CHARACTERS))
    before = 0
    for tokens in tokenise(texts):
        size = sizes(tokens)
        ends = np.repeat(tokens.offsets[1:], np.diff(tokens.offsets))
        at = np.flatnonzero(np.arange(len(size)) + size <= ends)
        values = tokens.values[at] * multipliers[0]
        for step in range(1, max(WORDS, CHARACTERS)):
            longer = np.flatnonzero(size[at] > step)
            values[longer] += tokens.values[at[longer] + step] * multipliers[step]
        yield Grams(mix(values), at + before, tokens, before)
        before += len(tokens.values)


def single(values: U64) -> U64:
    """Return hashes of single tokens that are never those of runs."""
    return mix(values * constants(31, 1)[0])
