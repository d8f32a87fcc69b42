"""Flags or drops responses that do not answer their prompt at all.

The measure learns from the corpus itself what a prompt's own response looks like beside a stranger's
(`quality.relevance`), with an embedder where it can judge both texts and by words elsewhere. Too few records of a
kind to learn from, a document without a prompt, an empty response, and a translation where there are words alone,
are not measured. Rejected: dropping by default (what is condemned on clean corpora is an odd but right answer more
often than a stranger's).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from pipeline.change import Changes, Scalar
from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.record import prompt_of
from pipeline.stages.gates import DIGITS, Excess, GateAction, Threshold, reached
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.relevance import EVIDENCE, Exchange, Vectors, exchange, fit, load, order_of, relevance, summarise
from quality.relevance.draw import MOST_EMBEDDED

_READS = ("system", "history", "instruction", "input", "output", "cluster")
_WHOLE_CHARACTERS = 1_200
"""Characters of context and request that are embedded together: their end, which an encoder reads whole."""


class RelevanceParams(StageParams):
    """Parameters of `relevance`: the limit, what to do below it, and whether an embedder helps."""

    stage: Literal["relevance"] = "relevance"

    action: GateAction = Field(
        default="flag",
        description="What to do with a response that looks like another prompt's: drop, flag or only measure.",
    )
    # An even bet where 1 response in 100 is another prompt's. At .05 (1 in 20) 3 of 52 flags on Alpaca were right.
    threshold: float = Field(
        default=0.01, ge=0, le=1,
        description="Least chance that a response is its prompt's own, if half of all were strangers'.",
    )  # fmt: skip
    # Three words rarely tell one prompt's answer from another's: "Yes." answers a thousand questions.
    min_words: int = Field(
        default=4, ge=1, le=1_000,
        description="Distinct words, word pairs or Chinese characters below which a response is never condemned.",
    )  # fmt: skip
    semantic: bool = Field(
        default=True, description="Use the embedder where it knows the language of both texts."
    )
    model: ModelRef = Field(default=ModelRef(), description="The embedder.")


class RelevanceStage:
    """The stage; see the module."""

    name = "relevance"
    version = 1

    def needs(self, params: RelevanceParams) -> tuple[Need, ...]:
        """Return the embedder, if it is used."""
        return (Need("embedder", params.model),) if params.semantic else ()

    def measures(self, params: RelevanceParams) -> tuple[Measure, ...]:
        """Return the one measure, which learns from the corpus first."""
        return (
            Measure("relevance", 1, _READS, model=params.model if params.semantic else None, needs_fit=True),
        )

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return the records of a shard that may be learnt from, with the vectors of the first of them."""
        exchanges = _exchanges(batch)
        chosen = order_of(exchanges)
        rows = np.array([row for _, row in chosen[:MOST_EMBEDDED]], np.int64)
        return summarise(
            exchanges, chosen, rows, _vectors([exchanges[row] for row in rows.tolist()], measure, models)
        )

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return what all shards teach, as arrays of numbers."""
        return fit(partials)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return relevance (null where it is not measured), its evidence and the response's words, row by row."""
        assert fit is not None
        exchanges = _exchanges(batch)
        fitted = load(fit)
        wanted = (
            "vectors" in fitted.models
        )  # too few records to learn from: nothing would look at the vectors
        found = relevance(exchanges, _vectors(exchanges, measure, models, wanted), fitted)
        columns: dict[str, pa.Array] = {
            "relevance": pa.array(found.value, pa.float64(), from_pandas=True),
            "relevance_by": pa.array(found.group, pa.string()),
            "relevance_words": pa.array(found.sizes, pa.int64()),
        }
        for number, name in enumerate(EVIDENCE):
            columns[f"relevance_{name}_odds"] = pa.array(
                found.evidence[:, number], pa.float64(), from_pandas=True
            )
        return pa.table(columns)

    def context(self, params: RelevanceParams) -> tuple[str, ...]:
        """Return nothing: the measure is all that counts."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: RelevanceParams) -> Decision:
        """Flag or drop what is below the threshold and long enough to be judged."""
        changes = Changes()
        below = short = 0
        for row in facts.to_pylist():
            value = row["relevance"]
            if value is None or value >= params.threshold:
                continue
            below += 1
            if row["relevance_words"] < params.min_words:
                short += 1
                continue
            excess = Excess(
                "gate.relevance.low", params.action, "relevance", value, params.threshold, _evidence(row)
            )
            reached(changes, row["id"], [excess])
        groups = facts.column("relevance_by").to_pylist()
        notes: dict[str, str | int | float | bool | list[str]] = {
            "measured_with_vectors": groups.count("vectors"),
            "measured_by_words": groups.count("words"),
            "not_measured": groups.count(""),
            "below_threshold": below,
            "below_but_too_short": short,
        }
        why = "the response looks more like the answer to another prompt"
        limit = Threshold("relevance", params.threshold, None, params.action, why=why)
        return Decision(changes, facts.select(["id", "relevance"]), notes, (limit,))


def _evidence(row: dict[str, Any]) -> tuple[tuple[str, Scalar], ...]:
    """Return by which model, from how many words, and what each kind of evidence added to the log-odds."""
    told: list[tuple[str, Scalar]] = [("judged_by", row["relevance_by"]), ("words", row["relevance_words"])]
    told += [(f"{name}_odds", round(row[f"relevance_{name}_odds"], DIGITS)) for name in EVIDENCE]
    return tuple(told)


def _exchanges(batch: pa.Table) -> list[Exchange]:
    columns = [batch.column(name).to_pylist() for name in _READS]
    found = []
    for system, history, instruction, input_, output, cluster in zip(*columns, strict=True):
        earlier = [text for turn in history for text in (turn["user"], turn["assistant"])]
        context = "\n".join(part for part in (system, *earlier) if part)
        request = prompt_of(instruction, input_)
        if not request.strip():
            context, request = "", context  # a task that stands in the system message alone
        found.append(exchange(request, context, output, cluster or ""))
    return found


def _vectors(exchanges: Sequence[Exchange], measure: Measure, models: Models, wanted: bool = True) -> Vectors:
    """Return the vectors of exchanges; none are known without an embedder, or where it does not know a text.

    Args:
        exchanges: the texts.
        measure: names the embedder.
        models: loads it.
        wanted: whether vectors are computed, or only which of them could be.
    """
    count = len(exchanges)
    asked = np.array([bool(one.request and one.response) for one in exchanges], bool)
    if measure.model is None:
        blank = np.zeros((count, 1), np.float32)
        return Vectors(blank, blank, blank, np.zeros(count, bool))
    embedder = models.embedder(measure.model)
    requests, responses = ([getattr(one, side) for one in exchanges] for side in ("request", "response"))
    known = asked & embedder.covers(requests) & embedder.covers(responses)
    if not wanted:
        blank = np.zeros((count, 1), np.float32)
        return Vectors(blank, blank, blank, known)
    wholes = [
        f"{one.context}\n{one.request}"[-_WHOLE_CHARACTERS:] if one.context else one.request
        for one in exchanges
    ]
    rows = np.flatnonzero(known).tolist()
    texts = list(dict.fromkeys(part[row] for row in rows for part in (requests, wholes, responses)))
    found = embedder.encode(texts)
    place = {text: number for number, text in enumerate(texts)}
    sides = []
    for part in (requests, wholes, responses):
        vectors = np.zeros((count, found.shape[1] if found.ndim == 2 else 1), np.float32)
        if rows:
            vectors[rows] = found[[place[part[row]] for row in rows]]
        sides.append(vectors)
    return Vectors(sides[0], sides[1], sides[2], known)
