"""`train_flow`: one training run under Prefect, and its adapter promoted if it is better; what `nightly` does as well.

The training is the command line's own (`train.run.train`). Its folder is named after the build, so a run that was
killed finds its checkpoints and goes on. SIGTERM, which is how Prefect cancels, saves a checkpoint first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.artifacts import publish_sentence, publish_training
from flows.decisions import Answer
from flows.params import AdaptersFolder, Hours, RunsFolder, RunsServedAt, TrainRecipePath
from flows.promotion import better, manifest_digest, promote, promoted, remember_trained
from flows.tasks import run_as_task, run_log, run_name
from pipeline.errors import TrainError
from pipeline.output import read_manifest
from train.config import TrainRecipe
from train.recipe_file import bound, load_train_recipe
from train.run import TrainResult, train


@dataclass(frozen=True, slots=True)
class TrainOrder:
    """What is to be trained on what, and where."""

    recipe: TrainRecipe
    runs: Path
    adapters: Path
    hours: float
    served_at: str

    @property
    def build(self) -> Path:
        """Folder of the build."""
        return Path(self.recipe.build)


@flow(name="train", flow_run_name=run_name, persist_result=False)
def train_flow(
    recipe: TrainRecipePath,
    runs: RunsFolder = "runs",
    adapters: AdaptersFolder = "adapters",
    hours: Hours = 72.0,
    served_at: RunsServedAt = "",
) -> State[None]:
    """Train an adapter, hold it beside its base, promote it if it is better."""
    order = train_ordered(recipe, runs, adapters, hours, served_at)
    return Completed(message=trained_in_tasks(order).sentence)


def train_ordered(
    recipe: str, runs: str, adapters: str, hours: float, served_at: str, build: Path | None = None
) -> TrainOrder:
    """Check the recipe of a training.

    Args:
        recipe: its file.
        runs, adapters: folders of runs and of the registry.
        hours: after which the training has failed.
        served_at: address of the runs' folder.
        build: the build to train on, whatever the recipe names.

    Raises:
        PipelineError: the recipe is wrong.
    """
    path = Path(recipe)
    chosen = bound(load_train_recipe(path), path.parent)
    if build is not None:
        chosen = chosen.model_copy(update={"build": str(build.resolve())})
    return TrainOrder(chosen, Path(runs), Path(adapters), hours, served_at)


def trained_in_tasks(order: TrainOrder) -> Answer:
    """Train and evaluate in a task, show it, and promote the adapter if it is better; return why or why not."""
    manifest = read_manifest(order.build)
    if manifest is None:
        raise TrainError(f"{order.build} is no finished build", "build it first: python -m flows build")
    digest = manifest_digest(order.build)
    name = str(manifest["name"])
    result = run_as_task("train", lambda: trained(order, name, digest), ("train",), order.hours)
    answer = run_as_task("promote", lambda: promoted_if_better(order, result, digest), ("promote",))
    remember_trained(order.adapters, manifest)
    run_log().info("%s", answer.sentence)
    run_as_task("show training", lambda: _publish(name, order, result, answer), ("show",))
    return answer


def trained(order: TrainOrder, build: str, digest: str) -> TrainResult:
    """Train, or go on with what a killed run of the same build and recipe left."""
    name = order.recipe.name or f"{build}-{order.recipe.adapter.method}"
    folder = order.runs / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', name)}-{digest[:8]}"
    resume = folder.is_dir() and any(folder.iterdir())
    return train(order.recipe, Path(), folder, resume, run_log().info, order.adapters)


def promoted_if_better(order: TrainOrder, result: TrainResult, digest: str) -> Answer:
    """Promote a run's adapter if it is better than its base and than the one in use."""
    answer = better(result.evaluation, promoted(order.adapters), digest)
    if answer.yes:
        promote(
            order.adapters, result.adapter, result.registered, result.evaluation, order.build, answer.sentence
        )
    return answer


def _publish(name: str, order: TrainOrder, result: TrainResult, answer: Answer) -> Any:
    below = f"{order.served_at.rstrip('/')}/{result.folder.name}" if order.served_at else ""
    publish_training(name, result.evaluation, result.folder, below)
    publish_sentence(name, "promotion", answer.sentence)
