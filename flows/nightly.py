"""`nightly_flow`: look for news, build, hold the gates, and say on the run's page what was done and why.

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
from flows.decisions import Answer, news
from flows.params import Hours, OutFolder, RecipePath, RunnerName, ServedAt, StoreFolder, Workers
from flows.tasks import run_as_task, run_log, store_held
from pipeline.build import found
from pipeline.output import read_manifest
from pipeline.runners import SerialRunner
from pipeline.steps import Plan, Silent, Workshop
from pipeline.store import Store


@flow(name="nightly", flow_run_name="nightly {recipe}", persist_result=False)
def nightly_flow(
    recipe: RecipePath,
    out: OutFolder = None,
    store: StoreFolder = ".build",
    runner: RunnerName = "auto",
    workers: Workers = None,
    step_hours: Hours = 24.0,
    served_at: ServedAt = "",
) -> State[None]:
    """Build what is new, and hold its gates."""
    began = time.monotonic()
    order = ordered(recipe, out, store, runner, workers, False, step_hours, served_at)
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
