"""What a stage is: the two kinds, and the words they exchange with the engine.

An edit stage sees one batch and nothing else. A judge stage sees facts about the whole corpus before it
decides, so its work is cut where the cost lies: `measure` (per text, cached), `link` and `compare` (per
pair), `decide` (once, on small columns). Parameters come in two halves for the same reason: those in a
measure's params alter numbers, those a decision reads do not, and moving a threshold reruns no model.

Stages are plain objects without state; the engine owns files, caches, workers and order. Rejected: one
method `run(dataset)`, which is shorter to write and can be neither resumed, cached nor accounted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pipeline.change import Changes
from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.stages.gates import DatasetGate, Threshold


class StageParams(BaseModel):
    """What every stage instance in a recipe has: its kind (`stage`) and its own name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="Name of this instance, unique in the recipe; by default the name of the stage.",
    )

    def stage_name(self) -> str:
        """Return the name of the stage in the registry."""
        return str(getattr(self, "stage", ""))


P_contra = TypeVar("P_contra", contravariant=True, bound=StageParams)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number, or several, about one text: what it reads, what it depends on, where it is cached.

    Args:
        name: measures of equal name, version, params and model share one cache.
        version: raise it when the numbers change for equal input.
        reads: the text columns it sees; their text key is the cache key. A column that an earlier stage decides
            (`cluster`) may be among them; where no stage did, it is empty. `parent.<column>` is that of the record
            which this one is a child of, empty where it is none.
        params: what alters the numbers, as a flat mapping that goes into the cache key.
        model: the embedder it needs, if any.
        needs_fit: it first learns from the whole corpus (`summarise`, then `fit`).
        inputs: what it reads beside the corpus, as the stage found it before any work; part of no key, so the
            digests of it stand in `params`.
        others: models of other kinds that its numbers depend on.
    """

    name: str
    version: int
    reads: tuple[str, ...]
    params: tuple[tuple[str, str | int | float | bool], ...] = ()
    model: ModelRef | None = None
    needs_fit: bool = False
    inputs: tuple[object, ...] = field(default=(), compare=False, repr=False)
    others: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the pairs of distinct texts: rows [left_start, left_stop) x [right_start, right_stop)."""

    left_start: int
    left_stop: int
    right_start: int
    right_stop: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a judge stage decided.

    Args:
        changes: the drops and flags.
        columns: `id` and the columns that the stage decides or wants kept; None if there are none.
        notes: facts about the whole corpus for the manifest (a cap that was hit, a worst deviation).
        thresholds: the limits that records were held against, as they were resolved on this corpus.
        gates: what the stage says of the dataset as a whole.
    """

    changes: Changes
    columns: pa.Table | None = None
    notes: dict[str, str | int | float | bool | list[str]] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()
    gates: tuple[DatasetGate, ...] = ()


class EditStage(Protocol[P_contra]):
    """Sees one batch of records; answers with changes."""

    name: str
    version: int

    def needs(self, params: P_contra) -> tuple[Need, ...]:
        """Return the models that these parameters need."""
        ...

    def edit(self, batch: pa.Table, params: P_contra, models: Models) -> Changes:
        """Return the changes for one batch; each row is judged by itself."""
        ...

    # A stage may also have `prepared(params, base)` (look for what the parameters name, bind their paths),
    # `settings(params)` (what the result depends on, where that is not the parameters as they are written),
    # `remarks(params)` (lines for the plan and `doctor`), `notes(params)` (facts for the manifest), and
    # `cleans_doors = True`: then what earlier stages dropped passes through `edit` as well (its drops are left out),
    # and every sentence that says why a unit was rejected through `clean(texts, params, models)`.
    # One that must know the whole corpus first has `surveys(params)` (the columns it looks at) and
    # `survey(table, params, seed)`; what that returns (JSON) is the last argument of its `edit`. One that adds records
    # declares the columns that it decides of them: `columns`, a schema; they are null for all others.


class JudgeStage(Protocol[P_contra]):
    """Sees facts about the whole corpus; answers with changes and columns."""

    name: str
    version: int

    def needs(self, params: P_contra) -> tuple[Need, ...]:
        """Return the models that these parameters need."""
        ...

    def measures(self, params: P_contra) -> tuple[Measure, ...]:
        """Return what must be measured before the decision."""
        ...

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the measure's numbers for a batch that holds the columns `measure.reads`, row by row."""
        ...

    def context(self, params: P_contra) -> tuple[str, ...]:
        """Return the earlier columns (`flags`, `source`, a decided column …) that `decide` reads."""
        ...

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: P_contra) -> Decision:
        """Decide once. `facts` holds `id`, the context columns and the numbers of every measure."""
        ...


class LearningStage(Protocol):
    """A judge stage with a measure that must learn from the corpus first."""

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return what one shard teaches."""
        ...

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return what all shards teach together, whatever their order."""
        ...


class PairingStage(Protocol[P_contra]):
    """A judge stage that decides on pairs of records.

    Each of its measures with a column `vector` (fixed size, fp32) proposes pairs of close vectors, tile by tile
    (`link`); each with a column `bands` (fixed size, uint64) pairs of texts with an equal key (`join`).
    """

    def priority(self, facts: pa.Table, params: P_contra) -> NDArray[np.int64]:
        """Return int64 [facts]: distinct, the best record lowest; -1 takes part in no pair."""
        ...

    def neighbour_cap(self, params: P_contra) -> int:
        """Return how many pairs one record may take part in."""
        ...

    def link(self, measure: str, vectors: NDArray[np.float32], tile: Tile, params: P_contra) -> pa.Table:
        """Propose pairs (`left`, `right`: int64 row numbers, left < right; `score`) within one tile."""
        ...

    def join(self, measure: str, texts: pa.Table, params: P_contra) -> tuple[pa.Table, int]:
        """Propose pairs as `link` does, of distinct texts known by the measure's columns.

        Also returns how many texts share a key with more others than the cap allows.
        """
        ...

    def compare(
        self, left: pa.Table, right: pa.Table, scores: pa.Table, params: P_contra, models: Models
    ) -> pa.Table:
        """Return one row of numbers a proposed pair, seeing the text columns of both records.

        `scores` holds one column a proposing measure (null where it did not propose the pair); what is returned
        is cached by the two texts and the fits, so it may depend on nothing else.
        """
        ...

    # A stage may also have `concerning(facts, pairs)`: bool [pairs], those that it wants compared; by default all.
