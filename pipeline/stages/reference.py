"""Holds a response against a reference text: a gold answer, a post-edit, the text it was made from.

The recipe names the key of `meta` that holds the reference. Five numbers are measured: BLEU and chrF, BERTScore,
the embedder's cosine, and whether the meaning was kept, which names what differs. Each has its limit and its action.
A record without a reference is not judged, and a number that cannot be given (a script that the model holds no words
of, a text longer than it reads, a language without a reading) is null, which passes no limit and fails none.
Rejected: one mean of five numbers, which hides a lost "not" behind four good ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from pipeline.change import Changes, Scalar
from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.stages.gates import DatasetGate, Excess, GateAction, Threshold, reached
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality import fidelity, overlap
from quality.language import identify

MEASURES = ("bleu", "chrf", "bertscore", "similarity", "meaning")
DIFFERENCE = "meaning_difference"
GIVEN = "reference_given"
_READS = ("output", "lang", "meta")
_DIGITS = 6
"""Digits of a number that are kept: what is finer may differ from machine to machine."""

Floats = NDArray[np.float64]


class ReferenceParams(StageParams):
    """Parameters of `reference`: where the reference is, the models, and for each number its limit and action."""

    stage: Literal["reference"] = "reference"

    reference: str = Field(
        default="reference",
        min_length=1,
        description="Key of `meta` that holds the reference text; dots lead into objects.",
    )
    # A text that was edited but little stays above .7 on both; below, a person should look.
    min_bleu: float | None = Field(
        default=0.7, ge=0, le=1, description="Least sentence BLEU, 0 to 1; null: no limit."
    )
    bleu_action: GateAction = Field(default="flag", description="What to do with records below it.")
    min_chrf: float | None = Field(default=0.7, ge=0, le=1, description="Least chrF, 0 to 1; null: no limit.")
    chrf_action: GateAction = Field(default="flag", description="What to do with records below it.")
    # Without a baseline BERTScore has no scale of its own: what is low depends on the model and its layer.
    min_bertscore: float | None = Field(
        default=None, ge=-1, le=1, description="Least BERTScore (F1, not rescaled); null: no limit."
    )
    bertscore_action: GateAction = Field(default="flag", description="What to do with records below it.")
    # Cosine does not see numbers and negations; it only tells texts of other topics.
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1, description="Least cosine of the embedder; null: no limit."
    )
    similarity_action: GateAction = Field(default="flag", description="What to do with records below it.")
    # The score is a probability that was fitted with both labels weighing the same.
    min_meaning: float | None = Field(
        default=0.5, ge=0, le=1, description="Least score that the meaning was kept; null: no limit."
    )
    meaning_action: GateAction = Field(default="flag", description="What to do with records below it.")
    embedder: ModelRef | None = Field(
        default=ModelRef(),
        description="The embedder for similarity and for English words; null: similarity is not measured.",
    )
    bertscore_model: ModelRef | None = Field(
        default=ModelRef(), description="The encoder of BERTScore; null: it is not measured."
    )
    bertscore_layer: int | None = Field(
        default=None, ge=1, description="Layer whose vectors BERTScore compares; null: the last but one."
    )


class Reference:
    """The stage; see the module."""

    name = "reference"
    version = 1

    def needs(self, params: ReferenceParams) -> tuple[Need, ...]:
        """Return the embedder and the encoder of BERTScore, where they are wanted."""
        found = [Need("embedder", params.embedder)] if params.embedder else []
        if params.bertscore_model:
            found.append(Need("scorer", params.bertscore_model))
        return tuple(found)

    def measures(self, params: ReferenceParams) -> tuple[Measure, ...]:
        """Return what is measured; each has the models that it needs and no other."""
        where: tuple[tuple[str, str | int], ...] = (("reference", params.reference),)
        library = (*where, ("sacrebleu", version("sacrebleu")))
        measures = [
            Measure("reference_overlap", 1, _READS, library),
            Measure("reference_meaning", 1, _READS, where, model=params.embedder),
        ]
        if params.bertscore_model:
            asked = (*where, ("layer", params.bertscore_layer or 0), ("bert-score", version("bert-score")))
            need = Need("scorer", params.bertscore_model)
            measures.append(Measure("reference_words", 1, _READS, asked, others=(need,)))
        return tuple(measures)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the numbers of each record that has a reference, and null for the others."""
        asked: dict[str, Any] = dict(measure.params)
        outputs, languages, metas = (batch.column(name).to_pylist() for name in _READS)
        references = [reference_in(meta, asked["reference"]) for meta in metas]
        rows = [row for row, text in enumerate(references) if text is not None]
        texts, golds = [outputs[row] for row in rows], [references[row] or "" for row in rows]
        told = _languages([languages[row] for row in rows], golds)
        if measure.name == "reference_overlap":
            found = overlap.measure(texts, golds, told)
            given = pa.array([text is not None for text in references])
            return pa.table(
                {
                    GIVEN: given,
                    "bleu": _spread(found.bleu, rows, len(outputs)),
                    "chrf": _spread(found.chrf, rows, len(outputs)),
                }
            )
        if measure.name == "reference_words":
            scorer = models.scorer(measure.others[0].ref or ModelRef(), asked["layer"] or None)
            return pa.table({"bertscore": _spread(scorer.score(texts, golds)[:, 2], rows, len(outputs))})
        return self._meaning(measure.model, texts, golds, told, rows, len(outputs), models)

    def _meaning(
        self,
        model: ModelRef | None,
        texts: list[str],
        golds: list[str],
        languages: list[str],
        rows: list[int],
        size: int,
        models: Models,
    ) -> pa.Table:
        embedder = models.embedder(model) if model else None
        found = fidelity.measure(golds, texts, languages, embedder.encode if embedder else None)
        cosine = np.full(len(texts), np.nan)
        if embedder and texts:
            use = np.ones(len(texts), bool)
            for side in (texts, golds):
                use &= embedder.covers(side) & ~embedder.truncated(side)
                use &= np.array([bool(text.strip()) for text in side])
            at = np.flatnonzero(use)
            ours, theirs = (embedder.encode([side[row] for row in at]) for side in (texts, golds))
            cosine[at] = (ours.astype(np.float64) * theirs).sum(1)
        kinds: list[str | None] = [None] * size
        for row, kind, score in zip(rows, found.kinds, found.scores, strict=True):
            kinds[row] = None if np.isnan(score) else kind
        return pa.table(
            {
                "similarity": _spread(cosine, rows, size),
                "meaning": _spread(found.scores, rows, size),
                DIFFERENCE: pa.array(kinds, pa.string()),
            }
        )

    def context(self, params: ReferenceParams) -> tuple[str, ...]:
        """Return nothing: no earlier column is read."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: ReferenceParams) -> Decision:
        """Drop or flag what falls below a limit; keep the numbers as columns."""
        changes = Changes()
        limits = _limits(params)
        for row in facts.to_pylist():
            reached(changes, row["id"], [one for one in (_below(row, *limit) for limit in limits) if one])
        size = facts.num_rows
        columns = {"id": facts.column("id")}
        for name in (*MEASURES, DIFFERENCE):
            kind = pa.string() if name == DIFFERENCE else pa.float64()
            columns[name] = facts.column(name) if name in facts.column_names else pa.nulls(size, kind)
        given = sum(facts.column(GIVEN).to_pylist())
        notes: dict[str, str | int | float | bool | list[str]] = {
            "with_reference": given,
            "without_reference": size - given,
        }
        notes |= {f"{name}_signature": text for name, text in overlap.signatures().items()}
        for name in MEASURES:
            notes[f"{name}_not_measured"] = columns[name].null_count - (size - given)
        return Decision(
            changes,
            pa.table(columns),
            notes,
            thresholds=tuple(
                Threshold(name, least, None, action, why=_WHY[name]) for name, least, action in limits
            ),
            gates=() if given else (_unheard(params.reference),),
        )


def _unheard(key: str) -> DatasetGate:
    """Say that nothing was measured, which a key with a slip in it would otherwise hide."""
    sentence = (
        f"the meta of no record has a text under {key!r}, so no response was held against a reference; "
        "see `meta` in records.parquet for the keys"
    )
    return DatasetGate("reference", None, 0, True, sentence)


_WHY = {
    "bleu": "below it hardly an n-gram is the reference's",
    "chrf": "below it spelling and words are not the reference's",
    "bertscore": "below it the words mean something else than the reference's, as the model sees them",
    "similarity": "below it the text is on another topic than the reference",
    "meaning": "below it the text more likely says something else than the reference",
}


def reference_in(meta: str, key: str) -> str | None:
    """Return the reference text that a record's meta holds under a key; None where there is none.

    Args:
        meta: a JSON object, or "".
        key: its name; or a path into objects, with dots.
    """
    if not meta:
        return None
    value: Any = json.loads(meta)
    if isinstance(value, dict) and key in value:
        value = value[key]
    else:
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value.strip() else None


def _languages(declared: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return the decided language of each record; where no stage decided one, that of its reference."""
    unknown = [row for row, code in enumerate(declared) if not code]
    found = identify([texts[row] for row in unknown]) if unknown else []
    languages = [code.split("-")[0] for code in declared]
    for row, language in zip(unknown, found, strict=True):
        languages[row] = language.code
    return languages


def _spread(values: Floats, rows: Sequence[int], size: int) -> pa.Array:
    """Return values at their rows of a column, and null elsewhere and where nothing was measured."""
    column = np.full(size, np.nan)
    column[list(rows)] = np.round(values, _DIGITS)
    return pa.array(column, pa.float64(), mask=np.isnan(column))


def _limits(params: ReferenceParams) -> list[tuple[str, float, GateAction]]:
    found = []
    for name in MEASURES:
        least: float | None = getattr(params, f"min_{name}")
        action: GateAction = getattr(params, f"{name}_action")
        if least is not None:
            found.append((name, least, action))
    return found


def _below(row: dict[str, Any], name: str, least: float, action: GateAction) -> Excess | None:
    value = row.get(name)
    if value is None or value >= least:
        return None
    evidence: tuple[tuple[str, Scalar], ...] = (("field", "output"),)
    if row.get(DIFFERENCE):
        evidence += (("difference", row[DIFFERENCE]),)
    return Excess("gate.reference.low", action, name, value, least, evidence)
