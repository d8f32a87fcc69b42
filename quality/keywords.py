"""The keywords of a domain, out of texts of it: what stands there far more often than in the language at large.

A word weighs its share of the domain's words times the log of how many times more frequent it is there than in general
(TF-IDF with the language at large as the documents, which is what tells `insulin` from `time`). English words are
runs of letters, counted under one form (`battery`, `batteries`). A Chinese term is a run of two to five characters
that stands before and after many different characters (left and right entropy) and is no mere part of a longer one;
so terms that no lexicon has are found as well. Rejected: jieba (see quality/lookalike; it cuts what it does not know
into single characters), IDF among the domain's own texts (it calls rare what the domain is about).
"""

from __future__ import annotations

import functools
import gzip
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from quality.inflection import base_form

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
WORD = re.compile(r"(?<![a-z0-9])[a-z][a-z-]*[a-z](?![a-z0-9])")
LONGEST = 5
"""Characters of a Chinese term at most."""
LEAST_TEXTS = 3
"""Texts that must hold a term; what only one holds is its author's."""
LEAST_ENTROPY = 1.0
"""Nats of the characters before, and after, a Chinese term; inside a word they are near 0."""
UNLISTED_ENTROPY = 2.0
"""The same for a term that no lexicon has; fragments of words (`发性`) stay below."""
CHARACTERS = 1.6
"""Characters of a Chinese word on average."""
LEAST_RATIO = 3.0
"""How many times more frequent than in general a keyword is at least."""
PART_OF = 0.7
"""A run of which this share stands within one longer term is a part of it."""
_DATA = Path(__file__).parent / "lookalike" / "data"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word or term of a domain, and its weight, above 0."""

    text: str
    weight: float


def extract(texts: Sequence[str], most: int = 200) -> list[Keyword]:
    """Return the keywords of texts, the heaviest first; their weights add up to 1.

    Args:
        texts: texts of the domain, English, Chinese or both.
        most: how many keywords at most.
    """
    folded = [unicodedata.normalize("NFKC", text).lower() for text in texts]
    runs = [HAN.findall(text) for text in folded]
    words = [WORD.findall(text) for text in folded]
    total = sum(map(len, words)) + sum(len(run) for own in runs for run in own) / CHARACTERS
    found = [*_english(words, total).items(), *_chinese(runs, total).items()]
    best = sorted(found, key=lambda item: (-item[1], item[0]))[:most]
    whole = sum(weight for _, weight in best)
    return [Keyword(word, weight / whole) for word, weight in best]


def _english(texts: Sequence[list[str]], total: float) -> dict[str, float]:
    """Return the weights of English words by their base form, `total` being the words of all texts."""
    general = _general_english()
    counts: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for found in texts:
        words = [base_form(word, general.words) for word in found if word not in general.small]
        counts.update(words)
        documents.update(set(words))
    floor = min(general.bases.values())
    return {
        word: weight
        for word, count in counts.items()
        if documents[word] >= min(LEAST_TEXTS, len(texts)) and word not in general.small
        if (weight := _weight(count / total, general.bases.get(word, floor)))
    }


def _chinese(runs: Sequence[list[str]], total: float) -> dict[str, float]:
    """Return the weights of Chinese terms."""
    frequency = _general_chinese()
    counts: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for own in runs:
        grams = [gram for run in own for gram in _grams(run, LONGEST)]
        counts.update(grams)
        documents.update(set(grams))
    least = min(LEAST_TEXTS, len(runs))
    frequent = {gram: counts[gram] for gram, number in documents.items() if number >= least}
    floor = min(frequency.values())
    return {
        word: weight
        for word in _free(frequent, runs, frequency)
        if not set(word) & _small_characters()
        if (weight := _weight(counts[word] / total, frequency.get(word, floor)))
    }


def _weight(share: float, general: float) -> float:
    """Return the weight of a word by its share here and in general, 0 if it is no keyword."""
    ratio = share / general
    return share * math.log(ratio) if ratio >= LEAST_RATIO else 0.0


def _grams(run: str, longest: int) -> list[str]:
    return [run[at : at + size] for size in range(2, longest + 1) for at in range(len(run) - size + 1)]


def _free(counts: dict[str, int], runs: Sequence[Sequence[str]], lexicon: Collection[str]) -> list[str]:
    """Return the runs that begin and end freely, and are no part of one longer term."""
    before: dict[str, Counter[str]] = {gram: Counter() for gram in counts}
    after: dict[str, Counter[str]] = {gram: Counter() for gram in counts}
    edges = 0
    for own in runs:
        for run in own:
            padded = f"\n{run}\n"
            for size in range(2, LONGEST + 1):
                for at in range(1, len(padded) - size):
                    gram = padded[at : at + size]
                    if gram in before:
                        edges += 1  # each end of a run is a neighbour of its own
                        before[gram][padded[at - 1] if at > 1 else f"\n{edges}"] += 1
                        behind = padded[at + size]
                        after[gram][behind if behind != "\n" else f"\n{edges}"] += 1
    free = {
        gram
        for gram in counts
        if min(_entropy(before[gram]), _entropy(after[gram]))
        >= (LEAST_ENTROPY if gram in lexicon else UNLISTED_ENTROPY)
    }
    parts = {
        inner
        for gram in free
        for inner in _grams(gram, len(gram) - 1)
        if inner in free and counts[gram] >= PART_OF * counts[inner]
    }
    return sorted(free - parts)


def _entropy(counts: Counter[str]) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values())


@dataclass(frozen=True, slots=True)
class _English:
    """Frequencies of English words, and of their base forms; words too small to be a keyword."""

    words: dict[str, float]
    bases: dict[str, float]
    small: frozenset[str]


@functools.cache
def _general_english() -> _English:
    with gzip.open(_DATA / "english.txt.gz", "rt", encoding="utf-8") as stream:
        counts = {word: 10.0 ** float(log) for word, log in (line.split() for line in stream)}
    total = sum(counts.values())
    words = {word: count / total for word, count in counts.items()}
    merged: dict[str, float] = {}
    for word, share in words.items():
        base = base_form(word, words)
        merged[base] = merged.get(base, 0.0) + share
    told = json.loads((Path(__file__).parent / "language" / "words.json").read_text(encoding="utf-8"))
    return _English(words, merged, frozenset(told["en"].split()))


@functools.cache
def _general_chinese() -> dict[str, float]:
    with gzip.open(_DATA / "chinese.txt.gz", "rt", encoding="utf-8") as stream:
        counts = {word: 2.0 ** float(log) for word, log in (line.split() for line in stream)}
    total = sum(counts.values())
    return {word: count / total for word, count in counts.items()}


@functools.cache
def _small_characters() -> frozenset[str]:
    held = json.loads(
        (Path(__file__).parent / "decontamination" / "boilerplate.json").read_text(encoding="utf-8")
    )
    return frozenset(held["small_characters"])
