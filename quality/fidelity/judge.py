"""The score that an edit kept the meaning: what differs, by kind, weighed against how alike the rest is.

The weights are those of a logistic regression whose signs are fixed (evidence of a difference can only lower the
score), fitted by `benchmarks/truth/meaning_fit.py` on half of the declared and hand-written edits; they stand in
`data/weights.json`. Long texts are judged sentence by sentence, each beside the one that it shares most words with.
Rejected: a classifier over vectors, which learns topics, and a fixed product of penalties, which no one can defend.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quality.fidelity.evidence import KINDS, Evidence, compare
from quality.fidelity.lexicon import DATA
from quality.fidelity.matching import Vectors
from quality.fidelity.reading import read

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Turns texts into unit vectors, float32 [n, d]."""

LANGUAGES = ("en", "zh")
_LONG = 60
"""Words of content above which a text is judged sentence by sentence."""
_MOST_SENTENCES = 300
"""Sentences above which a text is not measured: each is held beside all of the other."""
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?](?=\s|$)|[。！？\n]|$)|[^\n]+")
_ALIKE = 0.2
_SURE, _FAINT = 0.6, 0.1
_VAGUE = frozenset(("word", "sibling", "foreign", "dropped", "missing"))
"""Kinds that are named where nothing more telling is found."""
_WEAK = frozenset(("dropped", "missing"))
"""Kinds that break no meaning by themselves: a rewording has them, too."""
_HALF_SURE = 0.6
"""How much of a vague kind counts as the strongest."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Whether edits kept the meaning, row by row.

    Attributes:
        scores: float64 [n], 0 (broken) to 1 (kept); NaN where it was not measured.
        kinds: the most telling difference of each pair, a key of `evidence.KINDS`; "" where nothing differs or
            nothing was measured.
    """

    scores: NDArray[np.float64]
    kinds: list[str]


@cache
def _weights() -> dict[str, dict[str, float]]:
    weights: dict[str, Any] = json.loads((DATA / "weights.json").read_text("utf-8"))
    return weights


def measure(
    originals: Sequence[str], edited: Sequence[str], languages: Sequence[str], encode: Encode | None = None
) -> Fidelity:
    """Return whether each edited text keeps the meaning of its original.

    Args:
        originals, edited: texts, in pairs.
        languages: ISO 639-1 of each pair; other than `en` and `zh` is not measured, nor is a pair in two languages,
            nor a text of more than 300 sentences.
        encode: a sentence encoder for English; without one English is judged by words alone.

    Raises:
        ValueError: the lists are not equally long.
    """
    if not len(originals) == len(edited) == len(languages):
        raise ValueError(
            f"{len(originals)} originals, {len(edited)} edited texts, {len(languages)} languages"
        )
    judged = [_judgeable(a, b, language) for a, b, language in zip(originals, edited, languages, strict=True)]
    cut = [_cut(a, b) if use else [] for a, b, use in zip(originals, edited, judged, strict=True)]
    english = [pair for row, language in zip(cut, languages, strict=True) if language == "en" for pair in row]
    vectors = encoded(english, encode)
    scores = np.full(len(cut), np.nan)
    kinds = [""] * len(cut)
    for row, pairs in enumerate(cut):
        if not pairs:
            continue
        name = languages[row] if languages[row] == "zh" or encode else "en_words"
        found = [_score(pair, name, vectors) for pair in pairs]
        sizes = np.array([max(1, len(pair[0]) + len(pair[1])) for pair in pairs], np.float64)
        values = np.array([score for score, _ in found])
        worst = int(values.argmin())
        mean = float((values * sizes).sum() / sizes.sum())
        scores[row] = mean if len(pairs) == 1 else 0.5 * mean + 0.5 * float(values[worst])
        kinds[row] = found[worst][1]
    return Fidelity(scores, kinds)


def features(evidence: Evidence) -> dict[str, float]:
    """Return what is weighed: the evidence by kind, and the strongest of it."""
    found = evidence.of()
    strongest = max(
        value * (_HALF_SURE if kind in _VAGUE else 1.0) for kind, value in found.items() if kind not in _WEAK
    )
    return {**found, "strongest": strongest}


def _judgeable(left: str, right: str, language: str) -> bool:
    if language not in LANGUAGES:
        return False
    return not left.strip() == right.strip() == "" and (
        left == right or (read(left[:400]).language == read(right[:400]).language)
    )


def _cut(left: str, right: str) -> list[tuple[str, str]]:
    """Return the pairs of sentences that are judged: the texts themselves where they are short.

    None where a text has too many sentences to be measured.
    """
    if max(len(read(left).words), len(read(right).words)) <= _LONG:
        return [(left, right)]
    ours, theirs = (_sentences(text) for text in (left, right))
    if max(len(ours), len(theirs)) > _MOST_SENTENCES:
        return []
    pairs, used = [], set()
    for one in ours:
        best, at = _closest(one, theirs)
        pairs.append((one, theirs[at] if best >= _ALIKE else ""))
        if best >= _ALIKE:
            used.add(at)
    pairs += [
        ("", other) for n, other in enumerate(theirs) if n not in used and _closest(other, ours)[0] < _ALIKE
    ]
    return pairs


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.findall(text) if part.strip()]


def _closest(one: str, others: list[str]) -> tuple[float, int]:
    keys = {word.key for word in read(one).words}
    best, at = 0.0, -1
    for number, other in enumerate(others):
        mine = {word.key for word in read(other).words}
        shared = len(keys & mine) / max(1, len(keys | mine))
        if shared > best:
            best, at = shared, number
    return best, at


def encoded(pairs: list[tuple[str, str]], encode: Encode | None) -> dict[str, NDArray[np.float32]]:
    """Return the vectors of all texts, and of words that stand in one text of a pair only; {} without a model."""
    if encode is None or not pairs:
        return {}
    wanted = {text for pair in pairs for text in pair if text.strip()}
    wanted |= {word for left, right in pairs for word in _own_words(left, right)}
    strings = sorted(wanted)
    return dict(zip(strings, encode(strings), strict=True))


def compared(left: str, right: str, vectors: Vectors) -> Evidence:
    """Return what two texts differ in, by their words and by what vectors there are."""
    whole = (vectors[left], vectors[right]) if left in vectors and right in vectors else None
    return compare(read(left), read(right), vectors, whole)


def _own_words(left: str, right: str) -> set[str]:
    ours, theirs = (
        {word.surface for word in read(text).words if word.kind in "wi"} for text in (left, right)
    )
    return ours ^ theirs


def _score(pair: tuple[str, str], name: str, vectors: Vectors) -> tuple[float, str]:
    """Return the score of a pair by the weights of a name, and the kind of difference that tells most."""
    left, right = pair
    if left == right:
        return 1.0, ""
    evidence = compared(left, right, vectors)
    weights = _weights()[name]
    parts = {kind: weights[kind] * value for kind, value in features(evidence).items() if kind in weights}
    logit = weights["intercept"] - sum(parts.values())
    return 1 / (1 + math.exp(-logit)), _told(evidence, parts)


def _told(evidence: Evidence, parts: dict[str, float]) -> str:
    """Return the kind of difference to name: the first that is sure, else the one that weighs most."""
    found = evidence.of()
    sure = next((kind for kind in KINDS if found[kind] >= _SURE and kind not in _VAGUE), "")
    weighed = {kind: parts.get(kind, 0.0) for kind in KINDS if found[kind] >= _FAINT}
    return sure or max(weighed, key=lambda kind: weighed[kind], default="")
