"""The words of a build: inputs, steps, the plan, what a step leaves, and the shop it runs in.

They are plain values without behaviour of their own, apart from the engine that works on them (`build`), so that
what writes, shows and collects a build needs to know the words only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow.parquet as pq

from pipeline.errors import RecipeError
from pipeline.ingest import InputFile, SourceSpec
from pipeline.judging import Tick
from pipeline.models import ModelIdentity, Models
from pipeline.models.need import Need
from pipeline.recipe import Recipe
from pipeline.runners import Runner, cores
from pipeline.stages import STAGES
from pipeline.stages.gates import DatasetGate, Threshold
from pipeline.stages.protocol import StageParams
from pipeline.store import Store, digest
from pipeline.versions import environment_digest
from pipeline.work import ShardResult, Site


class Reporter(Protocol):
    """Is told what goes on; shows it or not."""

    def phase(self, step: str, what: str, total: int) -> Tick:
        """Begin a part of a step with `total` units to do (0: a remark); return its tick."""
        ...

    def done(self, result: StepResult) -> None:
        """Hear that a step has ended."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def phase(self, step: str, what: str, total: int) -> Tick:
        """Return a tick that does nothing."""
        return lambda _: None

    def done(self, result: StepResult) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input file, its source and the digest of its bytes."""

    file: InputFile
    spec: SourceSpec
    digest: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the plan: `ingest`, or one stage instance of the recipe."""

    name: str
    kind: Literal["ingest", "edit", "judge"]
    stage: str
    params: StageParams | None
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build will do."""

    recipe: Recipe
    base: Path
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    environment: str

    @property
    def input_bytes(self) -> int:
        """Bytes of all input files as they lie on the disk."""
        return sum(item.file.size for item in self.inputs)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step left: shards in their fixed order, counts, and notes for the manifest.

    `shards[i]`, at every step, descends from the i-th shard that ingest wrote. `left`: what a stage that cleans the
    doors made of the records that earlier steps dropped, by the key of their table.
    """

    step: str
    stage: str
    key: str
    shards: tuple[ShardResult, ...]
    records_in: int
    notes: dict[str, Any] = field(default_factory=dict)
    thresholds: tuple[Threshold, ...] = ()
    gates: tuple[DatasetGate, ...] = ()
    fits: dict[str, str] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    left: dict[str, ShardResult] = field(default_factory=dict)
    cached: bool = False
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """Records that go on to the next step."""
        return sum(shard.rows for shard in self.shards)

    @property
    def lost(self) -> int:
        """Records that this step dropped."""
        return sum(shard.lost for shard in self.shards)

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return the number of changes by action and reason."""
        total: dict[str, dict[str, int]] = {}
        for shard in (*self.shards, *self.left.values()):
            for action, counts in shard.reasons.items():
                into = total.setdefault(action, {})
                for reason, count in counts.items():
                    into[reason] = into.get(reason, 0) + count
        return {action: dict(sorted(counts.items())) for action, counts in sorted(total.items())}


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where steps run: the store, the runner, who is told, and whether fits are made anew."""

    store: Store
    runner: Runner
    reporter: Reporter
    refit: bool = False

    def site(self, plan: Plan) -> Site:
        """Return what a worker needs to know."""
        threads = max(1, cores() // self.runner.workers)
        return Site(str(self.store.root.resolve()), environment_digest(), plan.environment, threads)


def cleans_doors(step: Step) -> bool:
    """Tell whether what earlier steps dropped passes through this one on its way out."""
    return step.stage in STAGES and bool(getattr(STAGES[step.stage].stage, "cleans_doors", False))


def accepted(steps: Sequence[Step]) -> frozenset[tuple[str, str]]:
    """Return what people accepted, as (root, text key): these very texts are exempt from record gates.

    Args:
        steps: of the plan; a stage that reads people's decisions has a method `accepted(params)`.
    """
    found: frozenset[tuple[str, str]] = frozenset()
    for step in steps:
        stage: Any = STAGES[step.stage].stage if step.stage in STAGES else None
        if hasattr(stage, "accepted"):
            found |= stage.accepted(step.params)
    return found


def is_gate(step: Step) -> bool:
    """Tell whether a step condemns records by what they are, so that a person may overrule it."""
    return step.stage in STAGES and STAGES[step.stage].gate


def without_personal_data(sentences: Sequence[str], steps: Sequence[Step]) -> list[str]:
    """Return sentences about the input (why a unit was rejected) as they may leave by a door.

    Args:
        sentences: they hold names of columns and the like, which a file may have filled with anything.
        steps: of the plan; those that clean the doors clean these, too.
    """
    cleaned = list(sentences)
    for step in steps:
        if cleans_doors(step) and cleaned:
            stage: Any = STAGES[step.stage].stage
            cleaned = stage.clean(cleaned, step.params, Models(threads=1))
    return cleaned


def dropped_tables(results: Sequence[StepResult]) -> Iterator[tuple[int, str]]:
    """Yield what steps dropped, in their order: the number of the shard, and the key of the table as it stands now."""
    for at, result in enumerate(results):
        for number, shard in enumerate(result.shards):
            key = shard.dropped
            for later in results[at + 1 :]:
                key = later.left[key].shard if key in later.left else key
            if key:
                yield number, key


def identities(step: Step) -> list[ModelIdentity]:
    """Return who the models of a step are, without loading them.

    Raises:
        ModelError: one is missing; the hint is the command that gets it.
    """
    models = Models(threads=1)
    return [need.identity(models) for need in step.needs]


def file_key(item: Input, plan: Plan) -> str:
    """Return what the shards of one input file depend on."""
    spec = item.spec.model_dump(
        mode="json", exclude={"path", "dataset", "config", "split", "revision", "storage"}
    )
    return digest(
        plan.environment, spec, item.file.name, item.file.alone, item.digest, plan.recipe.shard_rows
    )


def recipe_prior(plan: Plan) -> Path | None:
    """Return records.parquet of the prior build that a stage of the recipe names, if one does."""
    return next((prior_path(step, plan.base) for step in plan.steps if prior_of(step)), None)


def prior_of(step: Step) -> str | None:
    """Return the folder of the prior build that a step names, if it does."""
    stage: Any = STAGES[step.stage].stage if step.stage in STAGES else None
    prior = getattr(stage, "prior", None)
    return prior(step.params) if prior else None


def prior_path(step: Step, base: Path) -> Path:
    """Return records.parquet of a step's prior build.

    Raises:
        RecipeError: the folder is no finished build, or one without splits.
    """
    path = base / str(prior_of(step)) / "records.parquet"
    if not path.is_file():
        raise RecipeError(
            f"stage {step.name!r}: the prior build {path.parent} holds no records.parquet",
            "name the folder of a finished build, relative to the recipe",
        )
    if "split" not in pq.read_schema(path).names:
        raise RecipeError(f"stage {step.name!r}: the prior build {path.parent} has no splits")
    return path
