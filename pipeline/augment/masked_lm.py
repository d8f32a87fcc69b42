"""Method 3, `masked_lm`: a word replaced by one that a masked language model finds likely in its place.

Contextual substitution (Kobayashi 2018; with BERT, Wu et al. 2019): one word of content at a time is masked, and what
the model would write there is taken, if it is likely enough, a whole word that agrees in form, and no opposite. A
model finds "cat" as likely as "dog", so a substitute must also share a sense with the word or leave the sentence
where it was in an embedder's space. A language that the model does not know gives no child. Rejected: masking several
words at once (they drift away together), and words in the order of the text (the first would change most often).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from pipeline.augment.content_words import (
    WORDING,
    ContentWord,
    agrees,
    content_words,
    is_about_words,
)
from pipeline.augment.english_words import replaced
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import LANGUAGE, Answer, Ask, MethodParams, NoChild, Passage, by_passage
from pipeline.models import ModelRef, Models
from pipeline.models.embedder import Embedder
from pipeline.models.masked_lm import Blank, MaskedLM
from pipeline.models.need import Need
from quality.fidelity.relations import are_synonyms

_BATCH = 256
"""Passages whose words are masked in one call: bounds the memory, alters nothing."""


class MaskedLMParams(MethodParams):
    """Words replaced by what a masked language model finds likely in their place."""

    method: Literal["masked_lm"] = "masked_lm"
    model: ModelRef = Field(description="The masked language model: `hub` with `revision`, or `folder`.")
    rate: float = Field(
        default=0.3, gt=0, le=1, description="Share of the replaceable words that are replaced, at least one."
    )
    top: int = Field(
        default=10,
        ge=1,
        le=200,
        description="Likeliest fillings of a blank that are looked at; the rest are guesses.",
    )
    least_probability: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Of a filling in its place; below it hardly anyone would write it there.",
    )
    synonyms_only: bool = Field(
        default=True,
        description="Only words that share a sense in the lexicon; likely fillings are of a kind, not of a meaning.",
    )
    embedder: ModelRef | None = Field(
        default=ModelRef(),
        description="Holds the text before and after against each other, where it covers the language; null: none.",
    )
    least_text: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="Least cosine of the text before and after: below it the sense differs.",
    )


class MaskedLMMethod:
    """Contextual substitution."""

    name = "masked_lm"
    version = 2
    languages: frozenset[str] | None = frozenset({"en", "zh"})

    def keeps(self, params: MaskedLMParams) -> bool:
        """Tell whether a child says what its parent says: it does."""
        return True

    def needs(self, params: MaskedLMParams) -> tuple[Need, ...]:
        """Return the masked language model, and the embedder where one is asked."""
        model = Need("masked_lm", params.model)
        return (model,) if params.embedder is None else (model, Need("embedder", params.embedder))

    def children(
        self, asks: Sequence[Ask], params: MaskedLMParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order.

        Raises:
            ModelError: a model is missing, damaged or of another kind.
        """
        model = models.masked_lm(params.model)
        embedder = None if params.embedder is None else models.embedder(params.embedder)

        def rewrite(passages: Sequence[Passage]) -> list[str | NoChild]:
            return [
                answer
                for at in range(0, len(passages), _BATCH)
                for answer in _rewritten(passages[at : at + _BATCH], params, model, embedder)
            ]

        return by_passage(asks, params, guard, rewrite)


def _rewritten(
    passages: Sequence[Passage], params: MaskedLMParams, model: MaskedLM, embedder: Embedder | None
) -> list[str | NoChild]:
    fitting = model.fits([passage.text for passage in passages]).tolist()
    answers: list[str | NoChild] = []
    options: list[dict[ContentWord, list[str]]] = []
    for passage, fits in zip(passages, fitting, strict=True):
        about = fits and is_about_words(passage.text)
        answers.append(passage.text if fits and not about else NoChild(WORDING if about else LANGUAGE))
        options.append({place: [] for place in content_words(passage)} if fits and not about else {})
    _offer(passages, options, params, model)
    if embedder is not None:
        _keep_close(passages, options, params.least_text, embedder)
    for number, (passage, own) in enumerate(zip(passages, options, strict=True)):
        listed = [place for place, others in own.items() if others]
        if listed:
            random = passage.random("masked_lm")
            taken = random.sample(listed, max(1, round(params.rate * len(listed))))
            changes = [(place.start, place.stop, random.choice(own[place])) for place in taken]
            answers[number] = replaced(passage.text, changes)
    return answers


def _offer(
    passages: Sequence[Passage],
    options: Sequence[dict[ContentWord, list[str]]],
    params: MaskedLMParams,
    model: MaskedLM,
) -> None:
    """Put beside each place what the model would write there and what agrees with its word."""
    places = [(number, place) for number, own in enumerate(options) for place in own]
    blanks = [Blank(passages[number].text, place.start, place.stop) for number, place in places]
    for (number, place), fillings in zip(places, model.fill(blanks, params.top), strict=True):
        lower = passages[number].text.lower()
        options[number][place] = list(
            dict.fromkeys(
                other
                for other in (each.word.lower() for each in fillings if each.probability >= params.least_probability)
                if other not in lower
                and agrees(place.word, other)
                and (not params.synonyms_only or are_synonyms(place.word, other))
            )
        )  # fmt: skip


def _keep_close(
    passages: Sequence[Passage],
    options: Sequence[dict[ContentWord, list[str]]],
    least: float,
    embedder: Embedder,
) -> None:
    """Take out what moves the text, where the embedder covers it."""
    rows = [
        (number, place, other)
        for number, own in enumerate(options)
        for place, others in own.items()
        for other in others
    ]
    used = sorted({number for number, _, _ in rows})
    if not rows:
        return
    texts = [passages[number].text for number in used]
    covered = dict(zip(used, embedder.covers(texts).tolist(), strict=True))
    changed = [
        replaced(passages[number].text, [(place.start, place.stop, other)]) for number, place, other in rows
    ]
    vectors = embedder.encode([*texts, *changed])
    at = {number: row for row, number in enumerate(used)}
    for row, (number, place, other) in enumerate(rows):
        if covered[number] and float(vectors[at[number]] @ vectors[len(used) + row]) < least:
            options[number][place].remove(other)
