"""Prefect tasks out of plain functions, and the limit that keeps two builds off one store.

A task has no parameters: what it works on it closes over, because Prefect would walk through every argument. It never
caches (`NO_CACHE`): the store already knows what is done. It is tried again only where the error says that the fault
lies outside this machine; a wrong recipe fails three times as surely as once. Rejected: Prefect's task runners (the
route is a line, and its parallelism is inside a step).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flows.errors import FlowError
from flows.server import temporary
from pipeline.errors import PipelineError
from pipeline.store import digest

if TYPE_CHECKING:
    from prefect import Task

Result = TypeVar("Result")

RETRIES = 3
RETRY_DELAYS = [10.0, 60.0, 300.0]
"""Seconds before each further try: a network that comes back, an endpoint that restarts, a quota of a few minutes."""

OUTAGE_DELAYS = (5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0, 60.0, 120.0, 120.0)
"""Seconds before a task is begun again that Prefect's own server was not there for; ten minutes in all."""

LEASE_SECONDS = 120
"""How long a store stays taken after the run that held it was killed."""


def run_as_task(
    name: str, work: Callable[[], Result], tags: tuple[str, ...] = (), hours: float | None = None
) -> Result:
    """Run a function as a task of the current flow run and return what it returns.

    Args:
        name: of the task and its run.
        work: what is done, in this thread.
        tags: for filters of the page and for concurrency limits on tags.
        hours: after which it has failed; None for never.

    Raises:
        Exception: what `work` raised, after the tries that `from_outside` grants, or that Prefect's server was
            away all the while.
    """
    for seconds in OUTAGE_DELAYS:
        try:
            return as_task(name, work, tags, hours)()
        except Exception as error:
            # A task with tags asks the server for their limits, with a client that gives up at once.
            if not server_is_away(error):
                raise
            run_log().warning("%s: Prefect's server is away; again in %.0f s", name, seconds)
            time.sleep(seconds)
    return as_task(name, work, tags, hours)()


def as_task(
    name: str, work: Callable[[], Result], tags: tuple[str, ...] = (), hours: float | None = None
) -> Task[[], Result]:
    """Return a function as a task, under a name of its own; the arguments are those of `run_as_task`."""
    from prefect import Task
    from prefect.cache_policies import NO_CACHE

    def step() -> Result:
        return work()

    return Task(
        fn=step,
        name=name,
        task_run_name=name,
        tags=tags,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=RETRIES,
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=lambda task, run, state: from_outside(state.data),
        timeout_seconds=None if hours is None else hours * 3600,
        log_prints=False,
    )


def from_outside(error: object) -> bool:
    """Tell whether the fault lies outside this machine: an address, a hub, an endpoint."""
    return isinstance(error, PipelineError) and error.outside


def server_is_away(error: BaseException) -> bool:
    """Tell whether a task failed because Prefect's server could not be reached; errors of our own never mean that."""
    import httpx

    if isinstance(error, PipelineError):
        return False
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, httpx.TransportError):
            return True
        link = link.__cause__ or link.__context__
    return False


def limit_name(store: Path) -> str:
    """Return the name of the limit that stands for a store."""
    return f"store-{digest(str(store.resolve()))[:12]}"


@contextlib.contextmanager
def store_held(store: Path, minutes: float = 720) -> Iterator[None]:
    """Hold a store against other runs of the same server: one builds, the others wait.

    A run on a temporary server has nobody to wait for; builds of other processes share a store without harm anyway.

    Args:
        store: folder of the store.
        minutes: how long to wait for it.

    Raises:
        FlowError: another run still holds it.
    """
    if temporary.get():
        yield
        return
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.concurrency.sync import concurrency

    name = limit_name(store)
    get_client(sync_client=True).upsert_global_concurrency_limit_by_name(name, 1)
    held = concurrency(
        name,
        timeout_seconds=minutes * 60,
        lease_duration=LEASE_SECONDS,
        strict=True,
        raise_on_lease_renewal_failure=False,
    )
    try:
        held.__enter__()
    except TimeoutError as error:
        raise FlowError(
            f"another run has held the store {store} for {minutes:g} minutes",
            f"look for it on the server's page; if there is none: python -m prefect gcl delete {name}",
        ) from error
    try:
        yield
    finally:
        try:
            held.__exit__(None, None, None)
        except httpx.TransportError as error:
            run_log().warning("the limit %s lets go by itself soon: %s", name, type(error).__name__)


def run_name() -> str:
    """Return the name of the current flow run: that of the flow and of the recipe's file."""
    from prefect.runtime import flow_run

    return f"{flow_run.flow_name} {Path(str(flow_run.parameters['recipe'])).stem}"


def run_log() -> Any:
    """Return the logger of the current run: what it is told stands on the run's page."""
    from prefect import get_run_logger

    return get_run_logger()
