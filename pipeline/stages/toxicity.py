"""Flags or drops records with insults, slurs, threats, sexual or self-harm language, and counts whom responses speak
of and how.

Word lists and patterns find it in English and Chinese (`quality.toxicity`); a sequence classifier may be named
beside them, and the worse of the two counts. Prompt and response are judged apart: a toxic prompt with a decent
answer may be wanted. Identity terms by sentiment are notes for a person, never a reason. Rejected: dropping by
default (talk about abuse is hard to tell from abuse) and one score for both sides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from pipeline.change import Changes, Scalar
from pipeline.errors import ModelError
from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.stages.gates import Excess, GateAction, Threshold, reached
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.toxicity import GROUPS, label_category, mentions, score_of, spans

_READS = ("system", "history", "instruction", "input", "output")
_SIDES = ("prompt", "response")
_TERMS_TOLD = 10
_LEAST_MENTIONS = 5


class ToxicityParams(StageParams):
    """Parameters of `toxicity`: an action for each side, the limit, and a classifier."""

    stage: Literal["toxicity"] = "toxicity"

    action: GateAction = Field(
        default="flag", description="What to do with a toxic response: drop, flag or only measure."
    )
    # A refusal of a toxic request is worth learning from; people see that at once.
    prompt_action: GateAction = Field(
        default="flag", description="What to do with a toxic prompt: drop, flag or only measure."
    )
    # Below .5 stand mild insults, coarse words, and abuse that a text only talks about (docs/quality.md).
    threshold: float = Field(
        default=0.5, gt=0, le=1, description="Least toxicity, 0 to 1, that counts as toxic."
    )
    model: ModelRef | None = Field(
        default=None, description="A sequence classifier that judges beside the word lists; none by default."
    )
    labels: dict[str, Literal["insult", "slur", "threat", "sexual", "self_harm", "profanity", "none"]] = (
        Field(
            default={}, description="What the classifier's labels stand for, where their names do not say it."
        )
    )


class ToxicityStage:
    """The stage; see the module."""

    name = "toxicity"
    version = 1

    def needs(self, params: ToxicityParams) -> tuple[Need, ...]:
        """Return the classifier, if one is named."""
        return (Need("classifier", params.model),) if params.model is not None else ()

    def measures(self, params: ToxicityParams) -> tuple[Measure, ...]:
        """Return the word lists' measure, and the classifier's if one is named."""
        found = [Measure("toxicity", 1, _READS)]
        if params.model is not None:
            labels = tuple(sorted(params.labels.items()))
            found.append(Measure("toxicity_model", 1, _READS, labels, others=self.needs(params)))
        return tuple(found)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return for each side its score and its worst span; or the classifier's score and label."""
        records = batch.select(list(_READS)).to_pylist()
        if measure.name == "toxicity_model":
            model = measure.others[0].ref
            assert model is not None
            return _classified(records, model, dict(measure.params), models)
        rows = [_row(record) for record in records]
        return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in _FACTS})

    def context(self, params: ToxicityParams) -> tuple[str, ...]:
        """Return nothing: the measures are all that counts."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: ToxicityParams) -> Decision:
        """Flag or drop each record for its worse side first; report identity terms by sentiment."""
        changes = Changes()
        toxicity, categories = [], []
        for row in facts.to_pylist():
            found = {side: _side(row, side) for side in _SIDES}
            worst = max(_SIDES, key=lambda side: (found[side][0], side))
            toxicity.append(found[worst][0])
            categories.append(found[worst][1])
            actions = {"response": params.action, "prompt": params.prompt_action}
            reached(
                changes,
                row["id"],
                [
                    Excess("gate.toxicity.high", actions[side], "toxicity", value, params.threshold, evidence)
                    for side, (value, _, evidence) in sorted(found.items(), reverse=True)
                    if value >= params.threshold
                ],
            )
        columns = facts.select(["id"])
        columns = columns.append_column("toxicity", pa.array(toxicity, pa.float64()))
        columns = columns.append_column("toxicity_category", pa.array(categories, pa.string()))
        why = "holds language that insults, threatens, degrades or sexualises people, or urges self-harm"
        limit = Threshold("toxicity", None, params.threshold, params.action, why=why)
        return Decision(changes, columns, _notes(facts, categories, toxicity, params.threshold), (limit,))


_FACTS: tuple[tuple[str, pa.DataType], ...] = (
    *(
        (f"toxicity_{side}{what}", kind)
        for side in _SIDES
        for what, kind in (
            ("", pa.float64()), ("_category", pa.string()), ("_field", pa.string()), ("_turn", pa.int32()),
            ("_start", pa.int32()), ("_stop", pa.int32()), ("_severity", pa.float64()), ("_spans", pa.int32()),
            ("_disguised", pa.bool_()), ("_rules", pa.string()),
        )
    ),
    ("toxicity_mentions", pa.string()),
)  # fmt: skip
"""What the word lists say of a record: for each side the score and the worst span; and identity terms of the
response."""


def _parts(record: dict[str, Any]) -> Iterator[tuple[str, str, int, str]]:
    """Yield (side, field, turn, text) of a record's texts; turns are counted from 0, -1 where there are none."""
    yield "prompt", "system", -1, record["system"]
    for number, turn in enumerate(record["history"]):
        for speaker in ("user", "assistant"):
            yield "prompt", f"history.{speaker}", number, turn[speaker]
    for field in ("instruction", "input"):
        yield "prompt", field, -1, record[field]
    yield "response", "output", -1, record["output"]


def _row(record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, list[tuple[str, int, Any]]] = {side: [] for side in _SIDES}
    task = record["instruction"]
    for side, field, turn, text in _parts(record):
        found[side] += [(field, turn, span) for span in spans(text, task)]
    row: dict[str, Any] = {}
    for side, listed in found.items():
        top = max(listed, key=lambda one: one[2].severity, default=None)
        span = top[2] if top else None
        told = {
            "": score_of([one for _, _, one in listed]), "_category": span.category if span else "",
            "_field": top[0] if top else "", "_turn": top[1] if top else -1, "_start": span.start if span else 0,
            "_stop": span.stop if span else 0, "_severity": span.severity if span else 0.0, "_spans": len(listed),
            "_disguised": bool(span and span.disguised), "_rules": " ".join(span.rules) if span else "",
        }  # fmt: skip
        row |= {f"toxicity_{side}{what}": value for what, value in told.items()}
    toxic = [(span.start, span.stop) for _, _, span in found["response"]]
    said = [(one.group, one.term, one.sentiment) for one in mentions(record["output"], toxic)]
    row["toxicity_mentions"] = json.dumps(said, ensure_ascii=False) if said else ""
    return row


def _classified(
    records: list[dict[str, Any]], ref: ModelRef, labels: dict[str, Any], models: Models
) -> pa.Table:
    """Return for each side the greatest probability of a toxic label, and the category that it stands for.

    Raises:
        ModelError: a label says nothing of toxicity and the recipe does not say what it stands for.
    """
    classifier = models.classifier(ref)
    categories = [str(labels.get(label) or label_category(label)) for label in classifier.labels]
    unknown = [label for label, category in zip(classifier.labels, categories, strict=True) if not category]
    if unknown:
        raise ModelError(
            f"nobody knows what the labels {', '.join(unknown)} of {ref.name} stand for",
            "say it in the recipe: `labels: {NAME: insult}`, or none, profanity, slur, threat, sexual, self_harm",
        )
    toxic = [number for number, category in enumerate(categories) if category != "none"]
    columns: dict[str, list[Any]] = {}
    for side in _SIDES:
        texts = [
            "\n".join(text for of, _, _, text in _parts(record) if of == side and text) for record in records
        ]
        scores = classifier.scores(texts)[:, toxic]
        best = scores.argmax(axis=1) if toxic else np.zeros(len(texts), np.int64)
        columns[f"toxicity_model_{side}"] = [
            float(row[at]) if toxic else 0.0 for row, at in zip(scores, best, strict=True)
        ]
        columns[f"toxicity_model_{side}_category"] = [
            categories[toxic[at]] if toxic else "" for at in best.tolist()
        ]
    return pa.table(columns)


def _side(row: dict[str, Any], side: str) -> tuple[float, str, tuple[tuple[str, Scalar], ...]]:
    """Return a side's toxicity, its category ("" for none) and the evidence: of the word lists, or of the
    classifier."""
    value, category = row[f"toxicity_{side}"], row[f"toxicity_{side}_category"]
    by_model = row.get(f"toxicity_model_{side}") or 0.0
    if by_model > value:
        category = row[f"toxicity_model_{side}_category"]
        return by_model, category, (("category", category), ("side", side), ("judged_by", "model"))
    place = {
        what: row[f"toxicity_{side}_{what}"]
        for what in ("field", "start", "stop", "spans", "disguised", "rules")
    }
    told: dict[str, Scalar] = {"category": category, "side": side, "judged_by": "words"} | place
    if row[f"toxicity_{side}_turn"] >= 0:
        told["turn"] = row[f"toxicity_{side}_turn"]
    return value, category, tuple(told.items())


def _notes(
    facts: pa.Table, categories: list[str], toxicity: list[float], threshold: float
) -> dict[str, str | int | float | bool | list[str]]:
    """Return how many records are toxic by category, and identity terms of responses by sentiment."""
    toxic = Counter(one for one, value in zip(categories, toxicity, strict=True) if value >= threshold)
    groups: Counter[tuple[str, int]] = Counter()
    terms: Counter[tuple[str, int]] = Counter()
    for said in facts.column("toxicity_mentions").to_pylist():
        for group, term, sentiment in json.loads(said) if said else ():
            groups[group, sentiment] += 1
            terms[term, sentiment] += 1
    by_group = [
        f"{group}: {sum(groups[group, n] for n in (-1, 0, 1))} mentions, {groups[group, -1]} with blame, "
        f"{groups[group, 1]} with praise"
        for group in GROUPS
    ]
    counts = {term: tuple(terms[term, n] for n in (-1, 0, 1)) for term, _ in terms}
    blamed = [
        (count[0] / sum(count), term)
        for term, count in counts.items()
        if count[0] and sum(count) >= _LEAST_MENTIONS
    ]
    told = [
        f"{term}: {counts[term][0]} of {sum(counts[term])} mentions with blame"
        for _, term in sorted(blamed, key=lambda one: (-one[0], one[1]))[:_TERMS_TOLD]
    ]
    return {
        "toxic": [f"{category} {count}" for category, count in sorted(toxic.items())],
        "identity_terms": by_group,
        "identity_terms_blamed_most": told,
    }
