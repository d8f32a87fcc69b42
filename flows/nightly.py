"""`nightly_flow`: look for news, build, hold the gates, train if enough has changed, promote if it is better.

Whether there is news is asked before any step runs, so that a quiet night costs a look at the files. A build whose
gates fell short yesterday fails again today, news or not: silence would look like health.
"""

from __future__ import annotations

import time

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.artifacts import publish_sentence
from flows.build import Order, built_in_tasks, check_gates, ordered, planned_in_task, show
from flows.decisions import Answer, changed_enough, news
from flows.params import (
    AdaptersFolder,
    Hours,
    OutFolder,
    RecipePath,
    RunnerName,
    RunsFolder,
    RunsServedAt,
    ServedAt,
    Share,
    StoreFolder,
    TrainRecipePath,
    Workers,
)
from flows.promotion import trained_on
from flows.tasks import run_as_task, run_log, run_name, store_held
from flows.train import train_ordered, trained_in_tasks
from pipeline.build import found
from pipeline.output import read_manifest
from pipeline.runners import SerialRunner
from pipeline.steps import Plan, Silent, Workshop
from pipeline.store import Store


@flow(name="nightly", flow_run_name=run_name, persist_result=False)
def nightly_flow(
    recipe: RecipePath,
    out: OutFolder = None,
    store: StoreFolder = ".build",
    runner: RunnerName = "auto",
    workers: Workers = None,
    train_recipe: TrainRecipePath | None = None,
    runs: RunsFolder = "runs",
    adapters: AdaptersFolder = "adapters",
    least_change: Share = 0.05,
    step_hours: Hours = 24.0,
    train_hours: Hours = 72.0,
    served_at: ServedAt = "",
    runs_served_at: RunsServedAt = "",
) -> State[None]:
    """Build what is new, hold its gates, and train on it if a recipe for that is named and enough has changed."""
    began = time.monotonic()
    order = ordered(recipe, out, store, runner, workers, False, step_hours, served_at)
    training = (
        train_ordered(train_recipe, runs, adapters, train_hours, runs_served_at, order.target)
        if train_recipe
        else None
    )
    with store_held(order.store):
        planned = planned_in_task(order)
        answer = run_as_task("look", lambda: looked(order, planned), ("look",), order.hours)
        said = [answer.sentence]
        publish(order, "news", answer)
        if answer.yes:
            manifest = built_in_tasks(order, planned, began)
        else:
            manifest = read_manifest(order.target) or {}
            show(order, manifest)
    check_gates(manifest)
    if training is not None:
        last = trained_on(training.adapters, order.recipe.name)
        enough = changed_enough(last, manifest, least_change)
        publish(order, "change", enough)
        said.append(enough.sentence)
        if enough.yes:
            said.append(trained_in_tasks(training).sentence)
    return Completed(message=" ".join(said))


def looked(order: Order, planned: Plan) -> Answer:
    """Tell whether there is news, by what the store has: no step is run, no model loaded."""
    store = Store(order.store)
    with store.lock(exclusive=False):
        return news(order.target, planned, found(planned, Workshop(store, SerialRunner(), Silent())))


def publish(order: Order, what: str, answer: Answer) -> None:
    """Log a decision and put it on the run's page."""
    run_log().info("%s", answer.sentence)
    run_as_task(f"say {what}", lambda: publish_sentence(order.recipe.name, what, answer.sentence), ("show",))
