"""Applies what people decided, to exactly the text they decided on: rejects drop, edits replace, the rest is noted.

A judge, though it edits, because only the whole corpus can tell which decisions are stale (made on another text than
the one that is there) and which are about no record at all. A text that an edit leaves is looked up again, so that
what people said of the corrected text counts as well. Numbers of votes are evidence; names and the annotators' own
words are not, for they may hold personal data. Rejected: applying a decision to a text that has changed since (nobody
saw that text), the last annotator's word (the order of files is no argument).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import Field

from pipeline.change import Changes
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.record import TEXT_COLUMNS, record_key, text_keys
from pipeline.stages.decisions import Read, accepted_keys, file_digests, find_decisions, read_decisions
from pipeline.stages.gates import DatasetGate
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.review import Outcome, agreement, consistency

_LISTED = 50
KEYS = "review_keys"
_READS = ("root", *TEXT_COLUMNS)


class ReviewParams(StageParams):
    """Parameters of `review`."""

    stage: Literal["review"] = "review"
    decisions: tuple[str, ...] = Field(
        default=(),
        description="Files of decisions (.jsonl or .csv), relative to the recipe; a pattern such as decisions/*.jsonl "
        "may match none yet.",
    )
    consistency: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="Least share of the random sample that people accept as it is; 0.95 leaves one in twenty to doubt.",
    )
    required: bool = Field(
        default=False,
        description="Whether a strict build also fails where nobody has judged the sample; off, so that a first build "
        "can be made.",
    )
    sample: int = Field(
        default=200,
        ge=0,
        description="Records drawn at random for the queue; of 200, Wilson's interval at 0.95 is 0.91 to 0.97.",
    )
    nearest: int = Field(
        default=10,
        ge=0,
        description="Records nearest to each threshold, on either side, for the queue; ten show whether it cuts well.",
    )


class Review:
    """The stage; see the module."""

    name = "review"
    version = 1

    def needs(self, params: ReviewParams) -> tuple[Need, ...]:
        """Return nothing: no model is needed."""
        return ()

    def prepared(self, params: ReviewParams, base: Path) -> ReviewParams:
        """Return the parameters with the files of decisions found and read.

        Raises:
            RecipeError: a file is missing.
            ReviewError: a file cannot be read.
        """
        bound = params.model_copy(update={"decisions": find_decisions(params.decisions, base)})
        read_decisions(bound.decisions)
        return bound

    def settings(self, params: ReviewParams) -> dict[str, object]:
        """Return what the result depends on: the files' bytes, not the place where they lie; the queue is no part."""
        told = params.model_dump(mode="json", include={"consistency", "required"})
        names = [Path(path).name for path in params.decisions]
        return {**told, "decisions": list(zip(names, file_digests(params.decisions), strict=True))}

    def remarks(self, params: ReviewParams) -> list[str]:
        """Return what a reader of the plan should know: how much was decided."""
        read = read_decisions(params.decisions)
        if not params.decisions:
            return ["no file of decisions is there yet"]
        told = f"{read.rows} decisions of {read.annotators} annotators on {len(read.outcomes)} texts"
        return [told + (f"; {len(read.broken)} broken rows are left out" if read.broken else "")]

    def accepted(self, params: ReviewParams) -> frozenset[tuple[str, str]]:
        """Return the texts that people accepted, which no record gate may drop or flag."""
        return accepted_keys(params.decisions)

    def measures(self, params: ReviewParams) -> tuple[Measure, ...]:
        """Return the keys of the text before and after its edits, once there are decisions."""
        if not read_decisions(params.decisions).outcomes:
            return ()
        told = (
            ("decisions", "\n".join(params.decisions)),
            ("digests", " ".join(file_digests(params.decisions))),
        )
        return (Measure("review", 1, _READS, told),)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the text keys of every record: of its text, and of what each edit would leave, in their order."""
        paths = dict(measure.params)["decisions"]
        outcomes = read_decisions(str(paths).split("\n")).outcomes
        roots, keys = batch.column("root").to_pylist(), text_keys(batch)
        chains = [
            " ".join(_chain(root, key, batch, row, outcomes))
            for row, (root, key) in enumerate(zip(roots, keys, strict=True))
        ]
        return pa.table({KEYS: pa.array(chains, pa.string())})

    def context(self, params: ReviewParams) -> tuple[str, ...]:
        """Return the root, by which decisions name a record."""
        return ("root",)

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: ReviewParams) -> Decision:
        """Apply every outcome to its text, and tell what could not be applied."""
        read = read_decisions(params.decisions)
        if not read.outcomes:
            return Decision(Changes(), notes=_notes(read, set(), set()), gates=(_gate([], params),))
        changes, marks, used, present = Changes(), [], set(), set()
        columns = (facts.column(name).to_pylist() for name in ("id", "root", KEYS))
        for id_, root, keys in zip(*columns, strict=True):
            present.add(root)
            mark = None
            for key in keys.split():
                outcome = read.outcomes.get((root, key))
                if outcome is not None:
                    used.add((root, key))
                    mark = _apply(id_, outcome, changes)
            marks.append(mark)
        decided = pa.table({"id": facts.column("id"), "review": pa.array(marks, pa.string())})
        judged = [read.outcomes[text] for text in sorted(used)]
        return Decision(changes, decided, _notes(read, used, present), gates=(_gate(judged, params),))


def _chain(
    root: str, key: str, batch: pa.Table, row: int, outcomes: Mapping[tuple[str, str], Outcome]
) -> list[str]:
    """Return the keys that a text goes through under the edits that people made; each once, so that it ends."""
    keys = [key]
    record: dict[str, object] | None = None
    while (outcome := outcomes.get((root, keys[-1]))) is not None and outcome.verdict == "edit":
        if record is None:
            record = dict(batch.select(list(TEXT_COLUMNS)).slice(row, 1).to_pylist()[0])
        record |= dict(outcome.fields)
        after = record_key(record)
        if after in keys:
            break
        keys.append(after)
    return keys


def _apply(id_: str, outcome: Outcome, changes: Changes) -> str:
    """Write what an outcome does to a record; return the mark that the record bears."""
    evidence = {"votes": [f"{verdict} {count}" for verdict, count in outcome.votes]}
    if outcome.verdict == "reject":
        changes.drop(id_, "review.reject", evidence)
        return "rejected"
    if outcome.verdict == "edit":
        changes.edit(id_, "review.edit", evidence, dict(outcome.fields))
        return "edited"
    if outcome.verdict == "tie":
        changes.flag(id_, "review.tie", evidence)
        return "tie"
    return "accepted"


def _notes(
    read: Read, used: set[tuple[str, str]], present: set[str]
) -> dict[str, str | int | float | bool | list[str]]:
    """Return what became of the decisions, for the manifest and the report."""
    left = [text for text in read.outcomes if text not in used]
    stale = [f"{root} {key}" for root, key in left if root in present]
    absent = sorted({root for root, _ in left if root not in present})
    judged = [read.outcomes[text] for text in used]
    applied = {
        verdict: sum(each.verdict == verdict for each in judged)
        for verdict in ("accept", "reject", "edit", "tie")
    }
    notes: dict[str, str | int | float | bool | list[str]] = {
        "decisions": read.rows,
        "annotators": read.annotators,
        "texts_judged": len(read.outcomes),
        **{f"outcome_{verdict}": count for verdict, count in applied.items()},
    }
    listed = {
        "stale_decisions": stale,
        "records_not_here": absent,
        "broken_rows": [f"{each.where}: {each.why}" for each in read.broken],
        "changed_their_mind": [f"{each.earlier}, then {each.later}" for each in read.conflicts],
    }
    for name, values in listed.items():
        notes[name] = len(values)
        if values:
            notes[f"{name}_listed"] = _some(values)
    found = agreement(read.outcomes.values())
    notes["agreement_alpha"] = (
        "not measured: no text has several differing answers" if found is None else round(found, 4)
    )
    return notes


def _some(values: Sequence[str]) -> list[str]:
    rest = len(values) - _LISTED
    return [*values[:_LISTED], *([f"and {rest} more"] if rest > 0 else [])]


def _gate(judged: Iterable[Outcome], params: ReviewParams) -> DatasetGate:
    """Return the gate over the random sample, not measured while nobody has judged any of it."""
    found = consistency(judged)
    if found is None:
        value = None
        sentence = (
            "No decision is about a record of the random sample (sample: true in review/queue.jsonl), "
            "so nobody knows how many records people would accept."
        )
    else:
        value = round(found.share, 4)
        sentence = (
            f"People accepted {found.accepted:,} of {found.judged:,} records of the random sample as they are "
            f"(95 % interval {found.low:.3f} to {found.high:.3f})."
        )
    return DatasetGate("label consistency", value, params.consistency, True, sentence, params.required)
