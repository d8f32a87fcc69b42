"""Method 4, `embedding_neighbours`: a word replaced by one that lies near it in the embedder's space.

Neighbours of a vector share a topic, not a meaning: "movies" has "films" and "cinema" beside it, "increase" has
"decrease". So a neighbour counts only if it agrees in form and part of speech, shares a sense in the lexicon of
`quality/fidelity`, is no opposite, and leaves the whole sentence where it was in the same space. Where the lexicon has
no such neighbour there is no child. Rejected: neighbours by cosine alone (Wang and Yang 2015 for tweets, EDA's
successors): of those above .86 most are other parts of speech of the same stem.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.augment.content_words import (
    WORDING,
    ContentWord,
    agrees,
    content_words,
    fits_place,
    is_about_words,
    shared_parts_of_speech,
)
from pipeline.augment.english_words import replaced
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import LANGUAGE, Answer, Ask, MethodParams, NoChild, Passage, by_passage
from pipeline.models import ModelRef, Models, TextCache
from pipeline.models.embedder import Embedder
from pipeline.models.need import Need
from pipeline.models.reference import ModelIdentity
from pipeline.store import digest
from quality.fidelity.lexicon import function_words, is_han
from quality.fidelity.relations import are_synonyms
from quality.lookalike.chinese import chinese_words
from quality.lookalike.words import known_words

_VERSION = 2
"""Raise it when the vocabulary or the choice of neighbours changes."""
_NEAREST = 12
_SHORTEST = 4
_COMMON_EN, _COMMON_ZH = 6, 11
_ROWS = 256
_DATA = Path(__file__).parent / "data"
_encoded: dict[tuple[ModelIdentity, tuple[str, ...]], NDArray[np.float32]] = {}
_COVERED = {"en": "The quick brown fox jumps over the lazy dog.", "zh": "今天天气很好，我们去公园散步。"}


class EmbeddingNeighboursParams(MethodParams):
    """Words replaced by their neighbours in an embedder's space."""

    method: Literal["embedding_neighbours"] = "embedding_neighbours"
    rate: float = Field(
        default=0.5, gt=0, le=1, description="Share of the replaceable words that are replaced, at least one."
    )
    embedder: ModelRef = Field(
        default=ModelRef(),
        description="Whose space it is; one that does not cover the language gives no child. MiniLM covers English.",
    )
    least_word: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="Least cosine of two words: below it neighbours share a topic only.",
    )
    least_text: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="Least cosine of the text before and after: below it the sense differs.",
    )


@dataclass(frozen=True, slots=True)
class _Option:
    """One word of a passage and one that may stand for it."""

    passage: int
    place: ContentWord
    other: str


class EmbeddingNeighboursMethod:
    """Substitution by neighbours of word vectors."""

    name = "embedding_neighbours"
    version = 2
    languages: frozenset[str] | None = frozenset({"en", "zh"})

    def keeps(self, params: EmbeddingNeighboursParams) -> bool:
        """Tell whether a child says what its parent says: it does."""
        return True

    def needs(self, params: EmbeddingNeighboursParams) -> tuple[Need, ...]:
        """Return the embedder."""
        return (Need("embedder", params.embedder),)

    def children(
        self, asks: Sequence[Ask], params: EmbeddingNeighboursParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order.

        Raises:
            ModelError: the embedder is missing or damaged.
        """
        embedder = models.embedder(params.embedder)
        made_by = digest(embedder.identity.sha256, embedder.identity.settings_sha256, _VERSION)
        table = NeighbourTable(embedder, models.remembered("neighbours", made_by))

        def rewrite(passages: Sequence[Passage]) -> list[str | NoChild]:
            return _rewritten(passages, params, embedder, table)

        return by_passage(asks, params, guard, rewrite)


class NeighbourTable:
    """The nearest words of a vocabulary, remembered by word.

    Args:
        embedder: whose space it is.
        cache: what was found before; the vocabulary is encoded only for words that it lacks.
    """

    def __init__(self, embedder: Embedder, cache: TextCache) -> None:
        self._embedder = embedder
        self._cache = cache

    def of(self, words: Sequence[str]) -> dict[str, list[tuple[str, float]]]:
        """Return the nearest words of each, the nearest first, with their cosines."""
        wanted = sorted(set(words))
        known = self._cache.get(wanted)
        missing = [word for word in wanted if word not in known]
        found: dict[str, str] = {}
        for lang in ("en", "zh"):
            rows = [word for word in missing if is_han(word) == (lang == "zh")]
            if rows:
                found |= self._search(rows, lang)
        self._cache.put(found)
        return {
            word: [(str(w), float(c)) for w, c in json.loads(text)] for word, text in (known | found).items()
        }

    def _search(self, words: Sequence[str], lang: str) -> dict[str, str]:
        """Return the nearest of the vocabulary, as JSON; those that do not agree with the word are passed over."""
        listed = vocabulary(lang)
        theirs = _vectors(self._embedder, listed)
        ours = self._embedder.encode(words)
        found = {}
        for at in range(0, len(words), _ROWS):
            cosines = np.round(ours[at : at + _ROWS] @ theirs.T, 4)
            for word, row in zip(words[at : at + _ROWS], cosines, strict=True):
                order = np.lexsort((np.arange(len(row)), -row))
                near = [(listed[n], float(row[n])) for n in order[: 20 * _NEAREST] if agrees(word, listed[n])]
                found[word] = json.dumps(near[:_NEAREST], ensure_ascii=False)
        return found


@cache
def vocabulary(lang: str) -> tuple[str, ...]:
    """Return the words that may be neighbours: common ones, English or Chinese, in order."""
    if lang == "zh":
        return tuple(sorted(word for word, size in chinese_words().items() if size >= _COMMON_ZH))
    light = function_words()
    words = (
        w
        for w, size in known_words().items()
        if size >= _COMMON_EN and len(w) >= _SHORTEST and w not in light
    )
    return tuple(sorted(words))


def _vectors(embedder: Embedder, words: tuple[str, ...]) -> NDArray[np.float32]:
    """Return the vectors of a vocabulary, float32 [n, d]: half a minute's work, kept as long as the process."""
    key = (embedder.identity, words)
    if key not in _encoded:
        _encoded[key] = embedder.encode(words)
    return _encoded[key]


@cache
def _left_alone() -> frozenset[str]:
    lines = (_DATA / "neighbours_left_alone.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _rewritten(
    passages: Sequence[Passage], params: EmbeddingNeighboursParams, embedder: Embedder, table: NeighbourTable
) -> list[str | NoChild]:
    covered = {lang: bool(embedder.covers([text])[0]) for lang, text in _COVERED.items()}
    answers: list[str | NoChild] = []
    places: list[list[ContentWord]] = []
    for passage in passages:
        able = covered.get(passage.lang, False)
        about = able and is_about_words(passage.text)
        answers.append(NoChild(WORDING) if about else passage.text if able else NoChild(LANGUAGE))
        places.append(content_words(passage) if able and not about else [])
    near = table.of([place.word for row in places for place in row])
    options = [
        _Option(number, place, other)
        for number, row in enumerate(places)
        for place in row
        for other in _options(passages[number], place, near[place.word], params.least_word)
    ]
    kept = _close(passages, options, params.least_text, embedder)
    for number, passage in enumerate(passages):
        own = [option for option in kept if option.passage == number]
        if own:
            answers[number] = _replaced(passage, own, params.rate)
    return answers


def _options(
    passage: Passage, place: ContentWord, near: Sequence[tuple[str, float]], least: float
) -> list[str]:
    """Return the neighbours that may stand in a place."""
    if place.word in _left_alone():
        return []
    lower = passage.text.lower()
    start = not passage.text[: place.start].strip() or passage.text[: place.start].rstrip()[-1] in ".!?。！？"
    return [
        other
        for other, cosine in near
        if cosine >= least
        and other not in lower
        and other not in _left_alone()
        and are_synonyms(place.word, other)
        and (is_han(other) or fits_place(place, shared_parts_of_speech(place.word, other), start))
    ]


def _close(
    passages: Sequence[Passage], options: Sequence[_Option], least: float, embedder: Embedder
) -> list[_Option]:
    """Return the options after which the text still lies where it lay."""
    if not options:
        return []
    changed = [_with(passages[each.passage].text, each.place, each.other) for each in options]
    used = sorted({each.passage for each in options})
    vectors = embedder.encode([*(passages[number].text for number in used), *changed])
    at = {number: row for row, number in enumerate(used)}
    cosines = [
        float(vectors[at[each.passage]] @ vectors[len(used) + row]) for row, each in enumerate(options)
    ]
    return [each for each, cosine in zip(options, cosines, strict=True) if cosine >= least]


def _with(text: str, place: ContentWord, other: str) -> str:
    return replaced(text, [(place.start, place.stop, other)])


def _replaced(passage: Passage, options: Sequence[_Option], rate: float) -> str:
    random = passage.random("neighbours")
    by_place: dict[ContentWord, list[str]] = {}
    for option in options:
        by_place.setdefault(option.place, []).append(option.other)
    listed = list(by_place)
    taken = random.sample(listed, max(1, round(rate * len(listed))))
    changes = [(place.start, place.stop, random.choice(by_place[place])) for place in taken]
    return replaced(passage.text, changes)
