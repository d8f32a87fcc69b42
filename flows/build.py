"""`build_flow`: every step of the pipeline's plan as a task of Prefect, and nothing else than the command line does.

The walk is the command line's own (`plan`, `run_step`, `finish_build`), so the bytes are the same. A run that is
cancelled, killed or retried leaves whole files in the store only, and the next one goes on from there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.events import emit_event

from flows.artifacts import RunReporter, publish_build
from flows.automations import GATE_EVENT
from flows.decisions import gates
from flows.errors import GateError
from flows.params import Hours, OutFolder, RecipePath, RunnerName, ServedAt, StoreFolder, Workers
from flows.tasks import run_as_task, run_log, run_name, store_held
from pipeline.build import plan, run_step
from pipeline.output import check_target
from pipeline.recipe import Recipe, load_recipe
from pipeline.run import build_folder, finish_build
from pipeline.runners import check_runner, make_runner
from pipeline.stages import STAGES
from pipeline.steps import Plan, StepResult, Workshop
from pipeline.store import Store


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, where, and on what."""

    recipe: Recipe
    base: Path
    target: Path
    store: Path
    runner: str
    workers: int | None
    refit: bool
    hours: float
    served_at: str


@flow(name="build", flow_run_name=run_name, persist_result=False)
def build_flow(
    recipe: RecipePath,
    out: OutFolder = None,
    store: StoreFolder = ".build",
    runner: RunnerName = "auto",
    workers: Workers = None,
    refit: bool = False,
    step_hours: Hours = 24.0,
    served_at: ServedAt = "",
) -> None:
    """Build a dataset: the very folder that `python -m pipeline build` makes; fails if a dataset gate falls short."""
    began = time.monotonic()
    order = ordered(recipe, out, store, runner, workers, refit, step_hours, served_at)
    with store_held(order.store):
        planned = planned_in_task(order)
        manifest = built_in_tasks(order, planned, began)
    check_gates(manifest)


def ordered(
    recipe: str,
    out: str | None,
    store: str,
    runner: str,
    workers: int | None,
    refit: bool,
    hours: float,
    served_at: str,
) -> Order:
    """Check all that can be checked before any work starts.

    Raises:
        PipelineError: the recipe is wrong, or the folder cannot be written to.
    """
    path = Path(recipe)
    chosen = load_recipe(path)
    target = build_folder(chosen, Path(out) if out else None)
    check_runner(runner, workers)
    check_target(target)
    return Order(chosen, path.parent, target, Path(store), runner, workers, refit, hours, served_at)


def load_ahead(recipe: Path, store: Path) -> None:
    """Load the library that takes longest, if a first build will need it: this process has nothing else to do yet."""
    stages = load_recipe(recipe).stages
    needs = [need.kind for params in stages for need in STAGES[params.stage].stage.needs(params)]
    if "embedder" in needs and not store.exists():
        import sentence_transformers  # noqa: F401


def planned_in_task(order: Order) -> Plan:
    """Find the inputs and the models in a task: it may have to fetch, so it may fail for what lies outside."""
    downloads = order.store / "downloads"
    return run_as_task(
        "plan", lambda: plan(order.recipe, order.base, downloads), ("plan", "fetches"), order.hours
    )


def built_in_tasks(order: Order, planned: Plan, began: float) -> dict[str, Any]:
    """Run every step as a task, write the folder, show it; return the manifest.

    Args:
        order: what to build; its store is held.
        planned: the plan.
        began: of the run, by the monotonic clock.
    """
    store = Store(order.store)
    with store.lock(exclusive=False), make_runner(order.runner, order.workers, planned.input_bytes) as runner:
        shop = Workshop(store, runner, RunReporter(order.recipe.name), order.refit)
        done: list[StepResult] = []
        for step in planned.steps:
            tags = (step.kind, *([] if step.kind == "ingest" else [step.stage]))
            work = _step_work(step, done, planned, shop)
            done.append(run_as_task(step.name, work, tags, order.hours))
        seconds = time.monotonic() - began
        manifest, written = run_as_task(
            "write",
            lambda: finish_build(order.target, planned, done, store, seconds, runner.workers),
            ("write",),
            order.hours,
        )
    if not written:
        run_log().info("nothing has changed: %s is this very build", order.target)
    show(order, manifest)
    return manifest


def show(order: Order, manifest: dict[str, Any]) -> None:
    """Put a build on the run's page."""
    run_as_task("show", lambda: publish_build(manifest, order.target, order.served_at), ("show",))


def check_gates(manifest: dict[str, Any]) -> None:
    """Fail the run if a dataset gate fell short.

    Raises:
        GateError: with the sentences of the gates.
    """
    held = gates(manifest)
    if not held.yes:
        emit_event(
            GATE_EVENT,
            {
                "prefect.resource.id": f"dataset.{manifest['name']}",
                "prefect.resource.name": str(manifest["name"]),
            },
            payload={"sentence": held.sentence},
        )
        raise GateError(held.sentence, "the build stands, but is not trained on; the report says more")
    run_log().info("%s", held.sentence)


def _step_work(step: Any, done: list[StepResult], planned: Plan, shop: Workshop) -> Any:
    return lambda: run_step(step, done, planned, shop)
