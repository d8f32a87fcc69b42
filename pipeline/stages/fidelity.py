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

from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.stages.asked import PROMPT, asked_in, texts_of
from pipeline.stages.children import COLUMNS, Facts, judge
from pipeline.stages.families import BOTH, FOLDS, Families, folds_of, prompts_of
from pipeline.stages.fidelity_params import CLOSE, LEXICALLY_CLOSE, NEAR, FidelityParams
from pipeline.stages.proposing import bands_table, chosen, close_pairs, joined_pairs, judgeable, vectors_table
from pipeline.stages.protocol import Decision, Measure, Tile
from quality import lexical, perplexity
from quality.lookalike import compare_requests

_READS = (*BOTH, "lang", "augment_method")


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
            Measure("child_perplexity", 1, (*_READS, "cluster", "root"), (("folds", FOLDS),), needs_fit=True),
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
            return perplexity.summarise(prompts_of(own), folds_of(own))
        assert measure.model is not None
        texts = [text for text in texts_of(batch, documents=False) if text.strip()]
        return lexical.summarise(chosen(texts, ~models.embedder(measure.model).covers(texts)))

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of n-grams outside each fold; or the weights of the features."""
        if measure.name == "child_perplexity":
            return perplexity.fit([perplexity.background(), *partials], FOLDS)
        return lexical.fit(partials)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the numbers of the children in a batch, null for the others; or what proposes pairs."""
        if measure.name.startswith("prompt_"):
            return self._proposing(measure, texts_of(batch, documents=False), fit, models)
        families = Families(batch)
        if measure.name == "child_texts":
            return families.texts()
        if measure.name == "child_perplexity":
            assert fit is not None
            return families.perplexity(fit, folds_of(batch), prompts_of(batch), models)
        if measure.name == "child_words":
            asked: dict[str, Any] = dict(measure.params)
            scorer = models.scorer(measure.others[0].ref or ModelRef(), asked["layer"] or None)
            return pa.table(
                {"scorer_bertscore": families.spread(scorer.score(families.after, families.before)[:, 2])}
            )
        assert measure.model is not None
        return families.meaning(models, measure.model)

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
        return ("root", "split", "lang", *COLUMNS)

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
