"""Measures how expected each response is, by a model that never saw it, and flags what is far from usual.

Three sources tell the same numbers: n-grams of the corpus in folds that never divide a duplicate cluster (the default,
which needs no file and no network), a causal language model, and a KenLM file. The n-grams are counted with every
source, for what only they tell: whether order matters at all in a text (`disorder`), where it ends, how much it repeats
itself. Perplexity is blind to the last two. Rejected: one threshold for all scripts (a Latin keyboard mash costs less
than good Chinese), and dropping by default (of what is most unusual in clean corpora nearly all is good).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.models import Models
from pipeline.models.kenlm_file import kenlm_sha256
from pipeline.models.need import Need
from pipeline.record import TEXT_COLUMNS, prompt_of
from pipeline.stages.perplexity_gates import decide
from pipeline.stages.perplexity_params import PerplexityParams
from pipeline.stages.perplexity_sides import FACTS, MODEL_FACTS
from pipeline.stages.protocol import Decision, Measure
from quality import perplexity

_COUNTED = 1
"""Raise it when counting changes: a fit of an earlier build is then made anew."""
_READS = (*TEXT_COLUMNS, "cluster", "root")


class Perplexity:
    """The stage; see the module."""

    name = "perplexity"
    version = 1

    def prepared(self, params: PerplexityParams, base: Path) -> PerplexityParams:
        """Return the parameters with the path of the KenLM file bound to the recipe's folder."""
        if not params.kenlm:
            return params
        return params.model_copy(update={"kenlm": str((base / Path(params.kenlm).expanduser()).resolve())})

    def settings(self, params: PerplexityParams) -> dict[str, object]:
        """Return what the result depends on: of a KenLM file its bytes, not its place."""
        told: dict[str, object] = params.model_dump(mode="json")
        return told | {"kenlm": kenlm_sha256(params.kenlm)} if params.kenlm else told

    def needs(self, params: PerplexityParams) -> tuple[Need, ...]:
        """Return the language model, if the source is one."""
        if params.source == "model":
            return (Need("causal_lm", params.model),)
        return (Need("kenlm", path=params.kenlm),) if params.source == "kenlm" else ()

    def measures(self, params: PerplexityParams) -> tuple[Measure, ...]:
        """Return the n-grams, which learn from the corpus, and the source's own measure."""
        folds = (("counted", _COUNTED), ("folds", params.folds))
        measures = [Measure("perplexity", 4, _READS, folds, needs_fit=True)]
        if params.source == "model":
            needed = self.needs(params)
            measures.append(Measure("perplexity_model", 1, TEXT_COLUMNS, others=needed))
        if params.source == "kenlm":
            told = (
                ("file", params.kenlm), ("sha256", kenlm_sha256(params.kenlm)), ("units", params.kenlm_units)
            )  # fmt: skip
            measures.append(Measure("perplexity_kenlm", 1, TEXT_COLUMNS, told))
        return tuple(measures)

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return the n-grams of a shard's prompts and responses, by fold."""
        prompts, responses, folds = _texts(batch, _folds(measure))
        return perplexity.summarise([*responses, *prompts], [*folds, *folds])

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the counts of n-grams outside each fold, common words of English and Chinese beneath them."""
        return perplexity.fit([perplexity.background(), *partials], _folds(measure))

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return one row of `FACTS` (of `MODEL_FACTS`, of a source that is a model) a record."""
        if measure.name == "perplexity":
            assert fit is not None
            return _measured(batch, _folds(measure), perplexity.load(fit), models.threads or 1)
        prompts, responses = _prompts(batch), batch.column("output").to_pylist()
        if measure.name == "perplexity_model":
            ref = measure.others[0].ref
            assert ref is not None
            costs = models.causal_lm(ref).costs(prompts, responses)
        else:
            told: dict[str, Any] = dict(measure.params)
            costs = models.kenlm(told["file"]).costs(prompts, responses, told["units"])
        arrays = [
            pa.array(getattr(costs, name.removeprefix("lm_")), pa.float64()) for name in MODEL_FACTS.names
        ]
        return pa.Table.from_arrays(arrays, schema=MODEL_FACTS)

    def context(self, params: PerplexityParams) -> tuple[str, ...]:
        """Return the language, within which records are compared."""
        return ("lang",)

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: PerplexityParams) -> Decision:
        """Compare each response with what is usual in its language and script."""
        return decide(facts, params)


def _folds(measure: Measure) -> int:
    return int(dict(measure.params)["folds"])


def _measured(batch: pa.Table, folds: int, counts: perplexity.Counts, threads: int) -> pa.Table:
    """Return the numbers of responses and of what is asked: the instruction, in which alone a person speaks."""
    prompts, responses, fold = _texts(batch, folds)
    asked = batch.column("instruction").to_pylist()
    found = perplexity.score(prompts, responses, fold, counts, threads)
    of_prompt = perplexity.score_prompts(asked, fold, counts, threads)
    columns: list[pa.Array] = []
    for name in FACTS.names[:-2]:
        whose, _, number = name.partition("_")
        columns.append(pa.array(getattr(found if whose == "ngram" else of_prompt, number), pa.float64()))
    columns.append(pa.array(perplexity.excuses(prompts, responses, found), pa.string()))
    columns.append(pa.array(perplexity.excuses(asked, asked, of_prompt), pa.string()))
    return pa.Table.from_arrays(columns, schema=FACTS)


def _prompts(batch: pa.Table) -> list[str]:
    """Return what stands before each response: system message, earlier turns, instruction and input."""
    columns = (batch.column(name).to_pylist() for name in TEXT_COLUMNS[:-1])
    prompts = []
    for system, history, instruction, input_ in zip(*columns, strict=True):
        earlier = [text for turn in history for text in (turn["user"], turn["assistant"])]
        prompts.append("\n".join(part for part in (system, *earlier, prompt_of(instruction, input_)) if part))
    return prompts


def _texts(batch: pa.Table, folds: int) -> tuple[list[str], list[str], list[int]]:
    """Return the prompts, the responses and the folds: by cluster, or by root where no stage found clusters."""
    clusters, roots = (batch.column(name).to_pylist() for name in ("cluster", "root"))
    fold = [perplexity.fold_of(cluster or root, folds) for cluster, root in zip(clusters, roots, strict=True)]
    return _prompts(batch), batch.column("output").to_pylist(), fold


__all__ = ["Perplexity", "PerplexityParams"]
