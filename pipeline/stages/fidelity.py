"""The gate of augmented children: each is held beside its parent, and beside everything else, before it counts.

A child must say what its parent says (or, by methods that may say something new, stand by itself), differ from it
visibly, keep its code, numbers, names and language, read no worse, and equal no other record; of what passes, no more
stays than the recipe wants to grow by. Similarity alone cannot see a broken meaning, so the meaning is read
(`quality.fidelity`) and the guard of dedupe compares what two requests name. A child without any score is dropped.
Rejected: gates for all records used here (they know no parent), and a single mean (it hides a lost "not").
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.augment.protect import Guard
from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.stages.asked import PROMPT, asked_in, texts_of
from pipeline.stages.children import COLUMNS, Facts, judge
from pipeline.stages.fidelity_params import CLOSE, LEXICALLY_CLOSE, NEAR, FidelityParams
from pipeline.stages.proposing import bands_table, chosen, close_pairs, joined_pairs, judgeable, vectors_table
from pipeline.stages.protocol import Decision, Measure, Tile
from quality import fidelity, lexical, overlap, perplexity
from quality.language import identify
from quality.lookalike import compare_requests

_TEXTS = ("system", "instruction", "input", "output")
_BOTH = (*(f"parent.{name}" for name in _TEXTS), *_TEXTS)
_READS = (*_BOTH, "lang", "augment_method")
_FOLDS = 5
_DIGITS = 6
"""Digits of a number that are kept: what is finer may differ from machine to machine."""
_KEPT = ("code", "url", "placeholder", "quote", "number", "name")
"""Kinds of protected text that a child must hold just as its parent does."""

Floats = NDArray[np.float64]


class FidelityStage:
    """The stage; see the module."""

    name = "fidelity"
    version = 1

    def needs(self, params: FidelityParams) -> tuple[Need, ...]:
        """Return the embedder, and the encoder of BERTScore if it is wanted."""
        words = (Need("scorer", params.bertscore_model),) if params.bertscore_model else ()
        return (Need("embedder", params.model), *words)

    def measures(self, params: FidelityParams) -> tuple[Measure, ...]:
        """Return what is measured of a child beside its parent, and what proposes pairs with all others."""
        model = params.model
        measures = [
            Measure("child_texts", 1, _READS, (("sacrebleu", version("sacrebleu")),)),
            Measure("child_meaning", 1, _READS, model=model),
            Measure(
                "child_perplexity", 1, (*_READS, "cluster", "root"), (("folds", _FOLDS),), needs_fit=True
            ),
            Measure("prompt_bands", 1, PROMPT),
            Measure("prompt_cosine", 3, PROMPT, model=model),
            Measure("prompt_lexical", 1, PROMPT, model=model, needs_fit=True),
        ]
        if params.bertscore_model:
            asked = (("layer", params.bertscore_layer or 0), ("bert-score", version("bert-score")))
            need = Need("scorer", params.bertscore_model)
            measures.append(Measure("child_words", 1, _READS, asked, others=(need,)))
        return tuple(measures)

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return the n-grams of the prompts of records that are no children; or what the lexical embedder learns."""
        if measure.name == "child_perplexity":
            own = batch.filter(pc.equal(batch.column("augment_method"), ""))
            texts = ["\n".join(row) for row in _rows(own, _TEXTS[:-1])]
            return perplexity.summarise(texts, _folds(own))
        assert measure.model is not None
        texts = [text for text in texts_of(batch, documents=False) if text.strip()]
        return lexical.summarise(chosen(texts, ~models.embedder(measure.model).covers(texts)))

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of n-grams outside each fold; or the weights of the features."""
        if measure.name == "child_perplexity":
            return perplexity.fit([perplexity.background(), *partials], _FOLDS)
        return lexical.fit(partials)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the numbers of the children in a batch, null for the others; or what proposes pairs."""
        if measure.name.startswith("prompt_"):
            return self._proposing(measure, texts_of(batch, documents=False), fit, models)
        pairs = _Pairs(batch)
        if measure.name == "child_texts":
            return pairs.texts()
        if measure.name == "child_perplexity":
            assert fit is not None
            return pairs.perplexity(fit, _folds(batch), models)
        if measure.name == "child_words":
            asked: dict[str, Any] = dict(measure.params)
            scorer = models.scorer(measure.others[0].ref or ModelRef(), asked["layer"] or None)
            return pa.table({"bertscore": pairs.spread(scorer.score(pairs.after, pairs.before)[:, 2])})
        assert measure.model is not None
        return pairs.meaning(models, measure.model)

    def _proposing(
        self, measure: Measure, texts: list[str], fit: pa.Table | None, models: Models
    ) -> pa.Table:
        if measure.name == "prompt_bands":
            return bands_table(texts)
        assert measure.model is not None
        embedder = models.embedder(measure.model)
        if measure.name == "prompt_cosine":
            wanted = judgeable(texts, embedder)
            return vectors_table(embedder.encode(chosen(texts, wanted)), wanted)
        assert fit is not None
        wanted = np.array([bool(text.strip()) for text in texts], bool) & ~embedder.covers(texts)
        return vectors_table(lexical.embed(chosen(texts, wanted), fit), wanted)

    def context(self, params: FidelityParams) -> tuple[str, ...]:
        """Return what the decision reads of each record."""
        return ("root", "split", *COLUMNS)

    def neighbour_cap(self, params: FidelityParams) -> int:
        """Return how many pairs one record may take part in."""
        return params.max_neighbours

    def priority(self, facts: pa.Table, params: FidelityParams) -> NDArray[np.int64]:
        """Return each record's place: those that are no children first, then children in the order of their asks."""
        return Facts(facts).order()

    def concerning(self, facts: pa.Table, pairs: pa.Table) -> NDArray[np.bool_]:
        """Return bool [pairs]: those with a child; the others were settled before there were any."""
        child = Facts(facts).is_child
        return np.asarray(child[pairs.column("left").to_numpy()] | child[pairs.column("right").to_numpy()])

    def link(
        self, measure: str, vectors: NDArray[np.float32], tile: Tile, params: FidelityParams
    ) -> pa.Table:
        """Propose the pairs of one tile whose cosine reaches the floor."""
        return close_pairs(vectors, tile, LEXICALLY_CLOSE if measure.endswith("_lexical") else CLOSE)

    def join(self, measure: str, texts: pa.Table, params: FidelityParams) -> tuple[pa.Table, int]:
        """Propose the pairs that share a band key and whose true Jaccard similarity reaches the floor."""
        return joined_pairs(texts, params.max_neighbours, NEAR)

    def compare(
        self, left: pa.Table, right: pa.Table, scores: pa.Table, params: FidelityParams, models: Models
    ) -> pa.Table:
        """Return `differs`: what the two requests disagree on, "" where that is nothing."""
        differs = [
            compare_requests(a.request, b.request).differs
            for a, b in zip(asked_in(left), asked_in(right), strict=True)
        ]
        return pa.table({"differs": pa.array(differs, pa.string())})

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: FidelityParams) -> Decision:
        """Let children pass in the order of their asks, until as many stay as are wanted."""
        return judge(facts, pairs, params)


class _Pairs:
    """The children of a batch beside their parents: the texts that differ, taken together."""

    def __init__(self, batch: pa.Table) -> None:
        self.size = batch.num_rows
        methods, languages = (batch.column(name).to_pylist() for name in ("augment_method", "lang"))
        self.rows: list[int] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self.languages: list[str] = []
        for row, texts in enumerate(_rows(batch, _BOTH)):
            parent, child = texts[: len(_TEXTS)], texts[len(_TEXTS) :]
            if not methods[row] or not any(parent):
                continue
            changed = [(a, b) for a, b in zip(parent, child, strict=True) if a != b]
            self.rows.append(row)
            self.before.append("\n".join(a for a, _ in changed if a))
            self.after.append("\n".join(b for _, b in changed if b))
            self.languages.append(languages[row].partition("-")[0])
        unknown = [n for n, code in enumerate(self.languages) if not code]
        for n, found in zip(
            unknown, identify([self.before[n] for n in unknown]) if unknown else [], strict=True
        ):
            self.languages[n] = found.code.partition("-")[0]

    def spread(self, values: Floats) -> pa.Array:
        """Return values at their rows, null elsewhere and where nothing was measured."""
        column = np.full(self.size, np.nan)
        column[self.rows] = np.round(values, _DIGITS)
        return pa.array(column, pa.float64(), mask=np.isnan(column))

    def _words(self, values: Sequence[str]) -> pa.Array:
        column: list[str | None] = [None] * self.size
        for row, value in zip(self.rows, values, strict=True):
            column[row] = value
        return pa.array(column, pa.string())

    def texts(self) -> pa.Table:
        """Return `copy` (BLEU), `lost` (a kind of protected text that differs) and `other_language`, or ""."""
        guard = Guard()
        lost = [_lost(a, b, guard) for a, b in zip(self.before, self.after, strict=True)]
        told = (
            [[found.code for found in identify(side)] for side in (self.before, self.after)]
            if self.rows
            else [[], []]
        )
        other = ["" if b in (a, "und") or a == "und" else b for a, b in zip(*told, strict=True)]
        copy = overlap.measure(self.after, self.before, self.languages).bleu
        copy[[a == b for a, b in zip(self.before, self.after, strict=True)]] = 1.0
        return pa.table(
            {"copy": self.spread(copy), "lost": self._words(lost), "other_language": self._words(other)}
        )

    def meaning(self, models: Models, ref: ModelRef) -> pa.Table:
        """Return `meaning`, `meaning_difference` and `similarity`, the cosine of the embedder."""
        embedder = models.embedder(ref)
        found = fidelity.measure(self.before, self.after, self.languages, embedder.encode)
        cosine = np.full(len(self.rows), np.nan)
        use = np.flatnonzero(judgeable(self.before, embedder) & judgeable(self.after, embedder))
        if len(use):
            ours, theirs = (embedder.encode([side[n] for n in use]) for side in (self.after, self.before))
            cosine[use] = (ours.astype(np.float64) * theirs).sum(1)
        kinds = self._words([kind or "" for kind in found.kinds])
        return pa.table({
            "meaning": self.spread(found.scores), "meaning_difference": kinds, "similarity": self.spread(cosine)
        })  # fmt: skip

    def perplexity(self, fit: pa.Table, folds: list[int], models: Models) -> pa.Table:
        """Return `perplexity_factor`: of a character beside the parent's, less the standard error of both."""
        counts, own = perplexity.load(fit), [folds[row] for row in self.rows]
        asked = [""] * len(own)
        child, parent = (
            perplexity.score(asked, side, own, counts, models.threads or 1)
            for side in (self.after, self.before)
        )
        error = np.sqrt(np.nan_to_num(child.error) ** 2 + np.nan_to_num(parent.error) ** 2)
        gap = child.nats - parent.nats
        return pa.table(
            {"perplexity_factor": self.spread(np.exp(np.sign(gap) * np.maximum(np.abs(gap) - error, 0)))}
        )


def _rows(batch: pa.Table, names: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(batch.column(name).to_pylist() for name in names), strict=True))


def _folds(batch: pa.Table) -> list[int]:
    """Return the fold of each record: that of its cluster, or of its root, so that a child is in its parent's."""
    return [
        perplexity.fold_of(cluster or root, _FOLDS) for cluster, root in _rows(batch, ("cluster", "root"))
    ]


def _lost(before: str, after: str, guard: Guard) -> str:
    """Return the kind of the first protected text that one side has and the other has not; "" if there is none."""
    for one, other in ((before, after), (after, before)):
        low = other.casefold()
        for (kind, text), count in guard.protect(one).values().items():
            if kind in _KEPT and low.count(text.casefold()) < count:
                return kind
    return ""
