"""One command that shows it all: a server with its pages, a pool, a worker, and a night on the sample corpus.

Everything it starts ends with it. The worker is Prefect's own in a process of its own, as on any other machine, so that
what is seen is what a deployment does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flows.errors import FlowError
from flows.serve import deploy_nightly, print_pages
from flows.server import server_for_this_process

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun

POOL = "demo"
WAIT_SECONDS = 3600.0


def run_demo(ordered: Mapping[str, Any], port: int, stay: bool = True) -> UUID:
    """Run a night through server, pool and worker; return the id of its run.

    Args:
        ordered: parameters of the nightly flow.
        port: of the server's pages, on 127.0.0.1.
        stay: whether to stay, so that its pages can be looked at, until Ctrl-C.

    Raises:
        FlowError: the server does not start, or the run does not end in time.
    """
    with server_for_this_process(lasting=True, port=port) as api:
        print_pages(api)
        make_pool(POOL)
        name = deploy_nightly(ordered, None, "UTC", POOL)
        worker = start_worker(POOL)
        try:
            run = started(name)
            _say(f"the run: {api.removesuffix('/api')}/runs/flow-run/{run}")
            ended = waited(run, WAIT_SECONDS, worker)
            assert ended.state is not None
            _say(f"{ended.state.name}: {ended.state.message or 'no message'}")
            while stay:
                time.sleep(3600)
        finally:
            worker.terminate()
            worker.wait()
    return run


def make_pool(name: str) -> None:
    """Make a work pool for processes on this machine, unless it is there."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    wanted = WorkPoolCreate(name=name, type="process", base_job_template=template)
    client = get_client(sync_client=True)
    try:
        client.create_work_pool(wanted)
    except ObjectAlreadyExists:
        return


def start_worker(pool: str) -> subprocess.Popen[bytes]:
    """Start Prefect's worker for a pool, in a process of its own."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    return subprocess.Popen(
        command, env={**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "2"}, start_new_session=True
    )


def started(deployment: str) -> UUID:
    """Order a run of a deployment now; return its id."""
    from prefect.client.orchestration import get_client

    client = get_client(sync_client=True)
    found = client.read_deployment_by_name(deployment)
    return client.create_flow_run_from_deployment(found.id).id


def waited(run: UUID, seconds: float, worker: subprocess.Popen[bytes] | None = None) -> FlowRun:
    """Wait until a run has ended; return it.

    Raises:
        FlowError: it takes longer, or the worker has ended.
    """
    from prefect.client.orchestration import get_client

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = get_client(sync_client=True).read_flow_run(run)
        if found.state is not None and found.state.is_final():
            return found
        if worker is not None and worker.poll() is not None:
            raise FlowError(f"the worker ended with code {worker.returncode} before the run did")
        time.sleep(1)
    raise FlowError(f"the run {run} has not ended after {seconds:.0f} s")


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
