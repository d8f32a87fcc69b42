"""Evidence of form: a number was asked for and a number was given, code for code, a list for a list, yes or no.

A response falls in one class of each of seven kinds (length, digits, first word, lines, code, last sign, script);
which classes go with which words of the prompt is learnt from the corpus, so that `how many`, `多少` and words of
languages that nobody here reads are on one footing. Rejected: lists of question words a language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quality.relevance.draw import FOLDS
from quality.relevance.words import F64, Words, lookup
from quality.tokens import I64, U64

NAMES = ("form", "length", "length_squared", "length_by_prompt")
KINDS = (
    ("length", 13),
    ("digits", 4),
    ("opening", 25),
    ("lines", 4),
    ("code", 3),
    ("ending", 4),
    ("script", 4),
)
"""Kinds of classes, and how many each has."""
CLASSES = sum(count for _, count in KINDS)
_OPENINGS = 24
_MOST_CUES = 8192
_LEAST_CUE = 8
_PRIOR = 10.0
_AT_ONCE = 2048

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_ITEM = re.compile(r"^\s*(?:[-*•·]|\(?\d{1,3}[.)、:：）]|[一二三四五六七八九十]+、)", re.MULTILINE)
_CODE = re.compile(
    r"```|[{};]\s*$|</\w+>|\bdef \w+\(|=>|==|\w\(\)|^\s*(?:import|SELECT|#include)\b", re.MULTILINE
)
_FIRST = re.compile(r"[A-Za-z]+|[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Form:
    """What was learnt of forms.

    Attributes:
        openings: hashes of the commonest first words of responses, sorted.
        cues: features of requests that are common enough, sorted.
        seen: in how many records a cue meets a class, by fold [FOLDS, cues, CLASSES].
        usual: in how many records each class occurs [CLASSES].
    """

    openings: U64
    cues: U64
    seen: F64
    usual: F64


def opening_of(text: str) -> str:
    """Return the first word of a response, or its first character where words are not written apart."""
    found = _FIRST.search(text[:200])
    return found.group().lower() if found else ""


def classes(texts: Sequence[str], opening: NDArray[np.int64]) -> I64:
    """Return int64 [n, kinds]: the class of each text in each kind; openings are given."""
    return np.array(
        [_classes(text, int(first)) for text, first in zip(texts, opening, strict=True)], np.int64
    ).reshape(-1, len(KINDS))


def _classes(text: str, opening: int) -> tuple[int, ...]:
    wide, latin, digits = (len(one.findall(text)) for one in (_WIDE, _LATIN, _DIGIT))
    size = len(text) + 2 * wide
    letters = latin + wide + len(_LETTER.findall(text[:200])) // 1000
    share = digits / max(digits + letters, 1)
    lines = text.count("\n")
    items = len(_ITEM.findall(text))
    code = len(_CODE.findall(text))
    last = text[-1:]
    ending = 0 if last in ".。!！" else 1 if last in "?？" else 2 if last.isalnum() else 3
    script = 0 if wide > latin else 1 if wide else 2 if latin else 3
    return (
        min(int(np.log2(size + 1)), 12),
        3 if share > 0.5 else 2 if share > 0.1 else 1 if digits else 0,
        opening,
        3 if items > 2 else 2 if lines > 3 else 1 if lines else 0,
        2 if code > 2 else 1 if code else 0,
        ending,
        script,
    )


def response_forms(texts: Sequence[str], openings: U64, hashes: U64) -> I64:
    """Return the classes of responses as columns of `Form.seen`, int64 [n, kinds]."""
    place, known = lookup(hashes, openings)
    found = classes(texts, np.where(known, place + 1, 0))
    starts = np.cumsum([0, *(count for _, count in KINDS)])[:-1]
    columns: I64 = found + starts
    return columns


def common_openings(hashes: U64) -> U64:
    """Return the commonest first words, sorted; of equally common ones those of smaller hash."""
    values, counts = np.unique(hashes, return_counts=True)
    order = np.lexsort((values, -counts))[:_OPENINGS]
    return np.sort(values[order])


def learn_form(requests: Words, forms: I64, folds: I64, openings: U64) -> Form:
    """Learn which classes go with which features of requests."""
    values, documents = np.unique(requests.values, return_counts=True)
    order = np.lexsort((values, -documents))
    order = order[documents[order] >= _LEAST_CUE][:_MOST_CUES]
    cues = np.sort(values[order])
    place, known = lookup(requests.values, cues)
    owner = requests.text_of[known]
    seen = np.zeros((FOLDS, max(len(cues), 1) * CLASSES))
    for kind in range(len(KINDS)):
        cell = place[known] * CLASSES + forms[owner, kind]
        for fold in range(FOLDS):
            own = folds[owner] == fold
            seen[fold] += np.bincount(cell[own], minlength=seen.shape[1])
    usual = np.bincount(forms.ravel(), minlength=CLASSES).astype(np.float64)
    return Form(openings, cues, seen.reshape(FOLDS, -1, CLASSES)[:, : len(cues)], usual)


def form_features(learnt: Form, requests: Words, i: I64, forms: I64, sizes: I64, j: I64, folds: I64) -> F64:
    """Return float64 [pairs, NAMES] of the pairs (i, j).

    `form` is the log-likelihood ratio of the response's classes: as the words of the request foretell them, each as
    much as it departs from the usual, against how usual they are. The others let the weights of words depend on
    length.
    """
    length, asked = np.log1p(sizes[j]), np.log1p(requests.sizes[i])
    found = np.zeros(len(i))
    usual = _shares(learnt.usual + 0.5)
    for fold in range(FOLDS):
        own = np.flatnonzero(folds == fold)
        if len(own) and len(learnt.cues):
            table = learnt.seen.sum(axis=0) - learnt.seen[fold]
            found[own] = _foretold(learnt.cues, table, usual, requests, i[own], forms[j[own]])
    return np.column_stack([found, length, length * length, length * asked])


def _shares(counts: F64) -> F64:
    """Return counts by class as shares within their kind."""
    shares = np.empty_like(counts)
    start = 0
    for _, count in KINDS:
        part = counts[..., start : start + count]
        shares[..., start : start + count] = part / part.sum(axis=-1, keepdims=True)
        start += count
    return shares


def _foretold(cues: U64, table: F64, usual: F64, requests: Words, i: I64, forms: I64) -> F64:
    told = _shares(table + _PRIOR * usual)
    weight = np.stack(
        [
            (told[:, start:stop] * np.log(told[:, start:stop] / usual[start:stop])).sum(axis=1)
            for start, stop in _bounds()
        ],
        axis=1,
    )  # fmt: skip
    score = np.zeros(len(i))
    for begin in range(0, len(i), _AT_ONCE):
        at, pair = requests.of(i[begin : begin + _AT_ONCE])
        place, known = lookup(requests.values[at], cues)
        place, pair = place[known], pair[known]
        count = len(i[begin : begin + _AT_ONCE])
        for kind in range(len(KINDS)):
            column = forms[begin : begin + _AT_ONCE, kind]
            heavy = weight[place, kind]
            total = np.bincount(pair, heavy, minlength=count)
            chance = np.bincount(pair, heavy * told[place, column[pair]], minlength=count)
            small = 0.02
            expected = (chance + small * usual[column]) / (total + small)
            score[begin : begin + count] += np.log(expected / usual[column])
    return score


def _bounds() -> list[tuple[int, int]]:
    ends = np.cumsum([count for _, count in KINDS]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))
