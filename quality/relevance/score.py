"""The relevance of responses: how much more likely each is to belong to its prompt than to a stranger's.

The value is the chance that a response is the prompt's own if half of all were strangers': .5 says that nothing is
known, so what is short or shares no word ends there and not at 0. What each kind of evidence added to the log-odds
is told beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.relevance.draw import Exchange, Vectors
from quality.relevance.features import COUNTS, texts_of, word_features
from quality.relevance.fitted import Fitted
from quality.relevance.meaning import meaning_features
from quality.relevance.words import F64
from quality.tokens import I64

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_NARROW = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff]")
_MOST, _MUCH, _LITTLE = 0.7, 0.6, 0.4

_SURE = 12.0
"""Distinct words and word pairs of a response from which evidence against it counts in full; with fewer, in part."""

EVIDENCE = ("meaning", "words", "pairs", "form")


@dataclass(frozen=True, slots=True)
class Relevance:
    """The relevance of exchanges.

    Attributes:
        value: float64 [n], 0 to 1; nan where it is not measured.
        evidence: float64 [n, 4], what meaning, words, pairs of words and form each add to the log-odds; nan likewise.
        sizes: int64 [n], distinct words (and pairs of words) of the response.
        group: by which model, "vectors" or "words"; "" where it is not measured.
    """

    value: F64
    evidence: F64
    sizes: I64
    group: list[str]


def relevance(exchanges: Sequence[Exchange], vectors: Vectors, fitted: Fitted) -> Relevance:
    """Return the relevance of each exchange; a row depends on its texts, its vectors and the fit alone."""
    count = len(exchanges)
    value, evidence = np.full(count, np.nan), np.full((count, len(EVIDENCE)), np.nan)
    group = [""] * count
    texts = texts_of(exchanges, fitted.form.openings)
    usable = np.array([bool(one.request and one.response) for one in exchanges], bool)
    folds = np.array([one.fold for one in exchanges], np.int64)
    for name in sorted(fitted.models):
        rows = np.flatnonzero(
            usable & (vectors.known if name == "vectors" else ~vectors.known & comparable(exchanges))
        )
        if not len(rows):
            continue
        model = fitted.models[name]
        found = word_features(fitted, texts, rows, texts, rows, folds[rows])
        if name == "vectors":
            sights = meaning_features(fitted.strangers, vectors, rows, vectors, rows, folds[rows])
            found = np.column_stack([found, sights])
        added = model.contributions(found)
        evidence[rows] = _by_kind(added)
        odds = added.sum(axis=1) + model.bias
        sure = np.minimum(texts.responses.sizes[rows] / _SURE, 1)
        odds = np.where(odds < 0, odds * sure, odds)
        value[rows] = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        for row in rows.tolist():
            group[row] = name
    return Relevance(value, evidence, texts.responses.sizes, group)


def comparable(exchanges: Sequence[Exchange]) -> NDArray[np.bool_]:
    """Return bool [n]: whether prompt and response are in one script, without which words cannot tell anything."""
    return np.array([not crosses(f"{one.context}\n{one.request}", one.response) for one in exchanges], bool)


def crosses(prompt: str, response: str) -> bool:
    """Return whether a response is in another script than much of its prompt: a translation, code, a formula."""
    asked, given = _wide_share(prompt), _wide_share(response)
    return (given > _MOST and asked < _MUCH) or (given < 1 - _MOST and asked > _LITTLE)


def _wide_share(text: str) -> float:
    """Return the share of letters in scripts that write no spaces, a Latin word of four letters counting as two."""
    wide = len(_WIDE.findall(text))
    return wide / max(wide + len(_NARROW.findall(text)) / 2, 1)


def _by_kind(added: NDArray[np.float64]) -> F64:
    columns, start = {}, 0
    for name, count in COUNTS.items():
        columns[name] = added[:, start : start + count].sum(axis=1)
        start += count
    columns["meaning"] = added[:, start:].sum(axis=1)
    return np.column_stack([columns[name] for name in EVIDENCE])
