"""Schedules of the nightly flow: served by this process, or deployed for the workers of a pool.

`serve` is for one machine: it brings a server of its own, with Prefect's pages, unless one is configured, and runs what
is due until Ctrl-C. `deploy` registers the flow with a lasting server, whose workers must see this folder; what runs
elsewhere (containers, Kubernetes) is described in prefect.yaml. Paths are made absolute here, because a worker starts
anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.artifacts import artifact_key
from flows.automations import HEARTBEAT_SECONDS
from flows.errors import FlowError
from flows.server import check_reachable, configured_api, server_for_this_process

if TYPE_CHECKING:
    from prefect.schedules import Schedule


def serve_nightly(ordered: Mapping[str, Any], cron: str, timezone: str, port: int) -> None:
    """Run the nightly flow when it is due, until Ctrl-C.

    Args:
        ordered: parameters of the flow, as `parameters` returns them.
        cron: when it runs.
        timezone: of these times.
        port: of Prefect's pages, if a server has to be brought.

    Raises:
        FlowError: the configured server cannot be reached, the schedule is no cron, or the port is taken.
    """
    when = schedule(cron, timezone)
    with server_for_this_process(lasting=True, port=port) as api:
        from prefect import serve
        from prefect.types.entrypoint import EntrypointType

        from flows.nightly import nightly_flow

        print_pages(api)
        deployment = nightly_flow.to_deployment(
            deployment_name(ordered),
            schedule=when,
            parameters=dict(ordered),
            concurrency_limit=1,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        serve(deployment)  # type: ignore[arg-type]


def deploy_nightly(ordered: Mapping[str, Any], cron: str | None, timezone: str, pool: str) -> str:
    """Register the nightly flow for the workers of a pool; return the deployment's full name.

    Args:
        ordered: parameters of the flow, as `parameters` returns them.
        cron: when it runs by itself; None for never.
        timezone: of these times.
        pool: name of a work pool whose workers see these paths.

    Raises:
        FlowError: no server is configured or it cannot be reached, there is no such pool, or the schedule is no cron.
    """
    when = schedule(cron, timezone) if cron else None
    check_pool(pool)
    from prefect.types.entrypoint import EntrypointType

    from flows.nightly import nightly_flow

    deployment: Any = nightly_flow.to_deployment(
        deployment_name(ordered),
        schedule=when,
        parameters=dict(ordered),
        concurrency_limit=1,
        work_pool_name=pool,
        job_variables={
            "working_dir": str(Path.cwd()),
            "env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)},
        },
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.apply()
    return str(deployment.full_name)


def check_pool(pool: str) -> None:
    """See that the configured server can be reached and has this work pool.

    Raises:
        FlowError: it cannot, or has not.
    """
    api = configured_api()
    if api is None:
        raise FlowError(
            "no Prefect server is configured",
            "start one (`python -m prefect server start`) and set PREFECT_API_URL to its address; "
            "`python -m flows serve` needs none",
        )
    check_reachable(api)
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    client = get_client(sync_client=True)
    try:
        client.read_work_pool(pool)
    except ObjectNotFound as error:
        raise FlowError(
            f"the Prefect server at {api} has no work pool {pool!r}",
            f"make it: python -m prefect work-pool create {pool} --type process",
        ) from error


def schedule(cron: str, timezone: str) -> Schedule:
    """Return a schedule.

    Raises:
        FlowError: it is no cron of five fields, or there is no such zone.
    """
    from prefect.schedules import Cron
    from pydantic import ValidationError

    try:
        from prefect.client.schemas.schedules import CronSchedule

        CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        why = "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())
        raise FlowError(
            f"--cron {cron!r} in the zone {timezone!r} is no schedule: {why}",
            "five fields: minute hour day month weekday, such as '0 2 * * *' for two in the night",
        ) from error
    return Cron(cron, timezone=timezone)


def parameters(recipe: Path, out: Path | None, store: Path, train: Path | None = None) -> dict[str, Any]:
    """Return the parameters of a scheduled run, with paths that hold wherever it starts."""
    found: dict[str, Any] = {"recipe": recipe, "out": out, "store": store}
    if train is not None:
        found |= {"train_recipe": train, "runs": Path("runs"), "adapters": Path("adapters")}
    return {name: str(path.resolve()) if path else None for name, path in found.items()}


def deployment_name(ordered: Mapping[str, Any]) -> str:
    """Return the name of a recipe's deployment: that of its file."""
    return artifact_key(Path(ordered["recipe"]).stem)


def print_pages(api: str) -> None:
    """Say where Prefect's pages are."""
    import sys

    sys.stdout.write(f"Prefect's pages: {api.removesuffix('/api')}\n")
    sys.stdout.flush()
