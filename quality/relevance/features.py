"""Of pairs of a prompt and a response, all evidence that needs no vectors, in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np

from quality.relevance import associated, canonical, copied, form
from quality.relevance.associated import Associated, associated_features
from quality.relevance.canonical import Canonical, canonical_features
from quality.relevance.copied import Copied, copied_features
from quality.relevance.draw import Exchange
from quality.relevance.form import Form, form_features, opening_of, response_forms
from quality.relevance.words import F64, Words, words_of
from quality.tokens import I64, U64

_BY_LENGTH = ("likelihood", "surprise", "coverage", "rarest", "cosine")
WORD_NAMES = (
    *copied.NAMES, "context_likelihood", *(f"{name}_by_length" for name in _BY_LENGTH),
    *associated.NAMES, *canonical.NAMES, *form.NAMES,
)  # fmt: skip
"""The columns of `word_features`. Those by length are times the logarithm of the response's words."""


COUNTS = {
    "words": len(copied.NAMES) + 1 + len(_BY_LENGTH),
    "pairs": len(associated.NAMES) + len(canonical.NAMES),
    "form": len(form.NAMES),
}
"""How many columns each kind of evidence has, in order."""


class Learnt(Protocol):
    """What was learnt of words."""

    @property
    def copied(self) -> Copied:
        """Of repetition, from the request."""
        ...

    @property
    def contexts(self) -> Copied:
        """Of repetition, from the context."""
        ...

    @property
    def associated(self) -> Associated:
        """Of pairs of words."""
        ...

    @property
    def canonical(self) -> Canonical:
        """Of common words that foretell each other."""
        ...

    @property
    def form(self) -> Form:
        """Of forms."""
        ...


@dataclass(frozen=True, slots=True)
class Texts:
    """Exchanges as features see them: words of each part, and the classes of the responses [n, kinds]."""

    requests: Words
    contexts: Words
    responses: Words
    forms: I64


def opening_hashes(responses: Sequence[str]) -> U64:
    """Return the hashes of the first words of responses, uint64 [n]."""
    return np.array(
        [
            int.from_bytes(
                blake2b(opening_of(text).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
            )
            for text in responses
        ],
        np.uint64,
    )


def texts_of(exchanges: Sequence[Exchange], openings: U64) -> Texts:
    """Return exchanges as features see them."""
    responses = [one.response for one in exchanges]
    return Texts(
        words_of([one.request for one in exchanges]),
        words_of([one.context for one in exchanges]),
        words_of(responses),
        response_forms(responses, openings, opening_hashes(responses)),
    )


def word_features(learnt: Learnt, left: Texts, i: I64, right: Texts, j: I64, folds: I64) -> F64:
    """Return float64 [pairs, WORD_NAMES]: the request and context of `i` with the response of `j`."""
    words = copied_features(learnt.copied, left.requests, i, right.responses, j, folds)
    context = copied_features(learnt.contexts, left.contexts, i, right.responses, j, folds)
    pairs = associated_features(learnt.associated, left.requests, i, right.responses, j, folds)
    aspects = canonical_features(learnt.canonical, left.requests, i, right.responses, j, folds)
    forms = form_features(learnt.form, left.requests, i, right.forms, right.responses.sizes, j, folds)
    by_length = words[:, [copied.NAMES.index(name) for name in _BY_LENGTH]] * forms[:, 1:2]
    return np.column_stack([words, context[:, 0], by_length, pairs, aspects, forms])
