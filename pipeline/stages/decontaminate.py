"""Drops records that hold passages of an evaluation set, and shows which passage of which item.

The fit is the index of the test items with the weight of each run of words, learnt by counting in how many records
of the corpus it stands: so what is common here counts little. The measure is the best match of each record; the
threshold belongs to the decision. A question that leaks is contamination without its answer, and a worked answer
without its question. Rejected: 13-grams (one changed word in eight hides an item), embeddings (a sister question
with other numbers is as close as a paraphrase), dropping test items instead (the test is other people's).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from pipeline.change import Changes, Scalar
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.record import TEXT_COLUMNS, prompt_of
from pipeline.stages.evaluation_sets import (
    EvaluationFile,
    EvaluationSet,
    Loaded,
    digest_of,
    found,
    listed,
    loaded,
    named_by,
)
from pipeline.stages.gates import DatasetGate, Excess, GateAction, Threshold, reached
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.decontamination import Match, Texts, count, from_table, search, to_table, weigh
from quality.decontamination.index import features
from quality.decontamination.search import FLOOR

REASON = "gate.contamination.overlap"
MEASURE = "contamination"
_TOTAL = 0
"""The feature whose count is that of all records."""

FACTS = pa.schema(
    [
        pa.field("contamination", pa.float32(), nullable=False),
        pa.field("contamination_set", pa.string(), nullable=False),
        pa.field("contamination_item", pa.int64(), nullable=False),
        pa.field("contamination_side", pa.string(), nullable=False),
        pa.field("contamination_run", pa.int32(), nullable=False),
        pa.field("contamination_whole", pa.bool_(), nullable=False),
        pa.field("contamination_field", pa.string(), nullable=False),
        pa.field("contamination_turn", pa.int32(), nullable=False),
        pa.field("contamination_start", pa.int32(), nullable=False),
        pa.field("contamination_stop", pa.int32(), nullable=False),
    ]
)
"""The best match of a record; 0 and empty where nothing scores `FLOOR`."""
_NONE = (0.0, "", 0, "", 0, False, "", -1, 0, 0)


class DecontaminateParams(StageParams):
    """Parameters of `decontaminate`: what is looked for, and from which share on a record is condemned."""

    stage: Literal["decontaminate"] = "decontaminate"
    against: tuple[str | EvaluationSet, ...] = Field(
        default=(),
        description="Evaluation sets: files, folders or addresses in any format that a source may have, or mappings"
        " as under `sources:` (such as {dataset: openai/gsm8k, config: main, split: test}). Without any, nothing is"
        " measured.",
    )
    # Of 3,667 unrelated problems of one kind three reach it, as do all light paraphrases (docs/quality.md, half A).
    threshold: float = Field(
        default=0.5,
        ge=FLOOR,
        le=1,
        description="Share of a test item's own runs of words from which a record counts as contaminated.",
    )
    action: GateAction = Field(
        default="drop", description="What happens to a contaminated record: drop, flag or measure."
    )
    answers: bool = Field(
        default=True,
        description="Whether the answers of test items are looked for, too; those under 13 words never are.",
    )

    @field_validator("against", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return listed(value)


class BoundParams(DecontaminateParams):
    """Parameters with the files that they name."""

    files: tuple[Any, ...] = Field(
        default=(), description="The files of the evaluation sets, as they were found."
    )


class Decontaminate:
    """The stage; see the module."""

    name = "decontaminate"
    version = 1

    def prepared(self, params: DecontaminateParams, base: Path) -> BoundParams:
        """Return the parameters with the files of the evaluation sets, which are read before any work.

        Raises:
            SourceError: one is missing, empty, or holds too much that cannot be read.
        """
        with named_by("against"):
            files = found(params.against, base)
            loaded(files, params.answers)
        return BoundParams(
            name=params.name, against=params.against, threshold=params.threshold, action=params.action,
            answers=params.answers, files=files,
        )  # fmt: skip

    def settings(self, params: DecontaminateParams) -> dict[str, object]:
        """Return what the result depends on: the content of the sets, not where they lie."""
        told = params.model_dump(mode="json", exclude={"against", "files"})
        return {**told, "against": digest_of(_files(params))}

    def remarks(self, params: DecontaminateParams) -> list[str]:
        """Return which sets are looked for."""
        files = _files(params)
        if not files:
            return ["no evaluation set is named under `against:`: contamination is not measured"]
        return [f"against {each.spec.name}: {each.file.shown}" for each in files]

    def needs(self, params: DecontaminateParams) -> tuple[Need, ...]:
        """Return nothing: no model is needed."""
        return ()

    def measures(self, params: DecontaminateParams) -> tuple[Measure, ...]:
        """Return the one measure, or none without an evaluation set."""
        files = _files(params)
        if not files:
            return ()
        told = (("against", digest_of(files)), ("answers", params.answers))
        return (Measure(MEASURE, 1, TEXT_COLUMNS, told, needs_fit=True, inputs=files),)

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return in how many records of a batch each run of the test items stands."""
        wanted = features(_loaded(measure).pieces)
        counted, documents = count(wanted, _texts(batch))
        return pa.table({
            "feature": np.concatenate([[np.uint64(_TOTAL)], counted]),
            "documents": np.concatenate([[batch.num_rows], documents]),
        })  # fmt: skip

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the index of the test items, one row a piece, with the weight of each run."""
        whole = pa.concat_tables(partials)
        known, of = np.unique(whole.column("feature").to_numpy(), return_inverse=True)
        documents = np.bincount(of, whole.column("documents").to_numpy(), minlength=len(known)).astype(
            np.int64
        )
        return to_table(weigh(_loaded(measure).pieces, known[1:], documents[1:], int(documents[0])))

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return one row of `FACTS` a record."""
        assert fit is not None
        index = from_table(fit)
        texts = _texts(batch)
        matches = search(index, texts, batch.num_rows)
        instructions = batch.column("instruction").to_pylist()
        prompts = _own_texts(batch)
        rows = [_NONE] * batch.num_rows
        for row, match in enumerate(matches):
            if match is not None:
                place = _place(match, prompts[match.text], instructions[row])
                rows[row] = (
                    match.score, index.sets[index.set_of[match.piece]], int(index.item[match.piece]),
                    index.side[match.piece], match.run, bool(index.short[match.piece]), *place,
                )  # fmt: skip
        columns = zip(*rows, strict=True) if rows else [[] for _ in FACTS]
        arrays = [pa.array(list(c), type=f.type) for c, f in zip(columns, FACTS, strict=True)]
        return pa.Table.from_arrays(arrays, schema=FACTS)

    def context(self, params: DecontaminateParams) -> tuple[str, ...]:
        """Return nothing: the texts decide."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: DecontaminateParams) -> Decision:
        """Condemn the records whose best match reaches the threshold."""
        files = _files(params)
        if not files:
            return Decision(Changes(), gates=(_gate(None, 0, params),))
        known = loaded(files, params.answers)
        changes = Changes()
        hit = [row for row in facts.to_pylist() if row["contamination"] >= params.threshold]
        for row in hit:
            value = float(row["contamination"])
            told = _evidence(row, known)
            reached(
                changes, row["id"], [Excess(REASON, params.action, MEASURE, value, params.threshold, told)]
            )
        items = {(row["contamination_set"], row["contamination_item"]) for row in hit}
        notes: dict[str, str | int | float | bool | list[str]] = {
            "against": [f"{name}: {number} items" for name, number in _counted(known).items()],
            "contaminated_records": len(hit),
            "contaminating_items": len(items),
            "unreadable_items": known.unreadable,
            "texts_too_short_to_look_for": known.pieces.left_out,
        }
        left = 0 if params.action == "drop" else len(hit)
        labels = [f"{n}:{i}" if n else "" for n, i in zip(
            facts.column("contamination_set").to_pylist(), facts.column("contamination_item").to_pylist(),
            strict=True)]  # fmt: skip
        columns = facts.select(["id", "contamination"]).append_column("contamination_item", pa.array(labels))
        why = "one unrelated record in a thousand of the same kind reaches it, as do light paraphrases"
        threshold = Threshold(MEASURE, None, params.threshold, params.action, why=why)
        return Decision(changes, columns, notes, (threshold,), (_gate(left, len(items), params),))


def _files(params: DecontaminateParams) -> tuple[EvaluationFile, ...]:
    return params.files if isinstance(params, BoundParams) else ()


def _loaded(measure: Measure) -> Loaded:
    files = [each for each in measure.inputs if isinstance(each, EvaluationFile)]
    return loaded(files, bool(dict(measure.params)["answers"]))


def _own_texts(batch: pa.Table) -> list[tuple[int, str, int, bool, str]]:
    """Return the texts of records, one after the other: row, field, turn, whether it is a prompt, and the text."""
    rows: list[tuple[int, str, int, bool, str]] = []
    columns = [batch.column(name).to_pylist() for name in TEXT_COLUMNS]
    for row, (system, history, instruction, input_, output) in enumerate(zip(*columns, strict=True)):
        rows.append((row, "system", -1, False, system))
        for turn, said in enumerate(history):
            rows.append((row, "history.user", turn, True, said["user"]))
            rows.append((row, "history.assistant", turn, False, said["assistant"]))
        rows.append((row, "prompt", -1, True, prompt_of(instruction, input_)))
        rows.append((row, "output", -1, False, output))
    return [each for each in rows if each[4]]


def _texts(batch: pa.Table) -> Texts:
    rows = _own_texts(batch)
    return Texts(
        [text for *_, text in rows],
        np.array([row for row, *_ in rows], np.int64),
        np.array([prompt for _, _, _, prompt, _ in rows], np.bool_),
    )


def _place(match: Match, own: tuple[int, str, int, bool, str], instruction: str) -> tuple[str, int, int, int]:
    """Return field, turn, start and stop of a match; of a stretch over instruction and input, the longer part."""
    _, field, turn, _, _ = own
    start, stop = match.start, match.stop
    if field != "prompt":
        return field, turn, start, stop
    end = len(instruction)
    if min(stop, end) - start >= stop - max(start, end + 1):
        return "instruction", -1, start, min(stop, end)
    return "input", -1, max(0, start - end - 1), stop - end - 1


def _evidence(row: dict[str, Any], known: Loaded) -> tuple[tuple[str, Scalar], ...]:
    name, item = row["contamination_set"], row["contamination_item"]
    file, line = known.places[name, item]
    turn = (("turn", row["contamination_turn"]),) if row["contamination_turn"] >= 0 else ()
    return (
        ("set", name), ("item", item), ("file", file), ("line", line), ("side", row["contamination_side"]),
        ("whole_item", row["contamination_whole"]), ("longest_run", row["contamination_run"]),
        ("field", row["contamination_field"]), *turn,
        ("start", row["contamination_start"]), ("stop", row["contamination_stop"]),
    )  # fmt: skip


def _counted(known: Loaded) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, _ in known.places:
        counts[name] = counts.get(name, 0) + 1
    return counts


def _gate(left: int | None, items: int, params: DecontaminateParams) -> DatasetGate:
    if left is None:
        sentence = "no evaluation set is named under `against:`, so contamination is not measured"
    else:
        sentence = f"{left} records that stay hold a passage of an evaluation set"
        if items and params.action == "drop":
            sentence += f"; passages of {items} test items were found, and their records dropped"
    return DatasetGate("contamination", left, 0, False, sentence)
