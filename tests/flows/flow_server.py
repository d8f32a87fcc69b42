"""What the tests of the flows share: a real server, a real worker, and questions to the API over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import workbench as bench

from flows.server import Server, free_port

Found = TypeVar("Found")


def environment(home: Path, api: str = "") -> dict[str, str]:
    """Return the environment of a child: this checkout first, a Prefect home of its own, no telemetry."""
    found = bench.environment(
        PREFECT_HOME=str(home), DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false"
    )
    found.pop("PREFECT_API_URL", None)
    found["PYTHONPATH"] = os.pathsep.join([str(bench.ROOT), str(Path(__file__).parent)])
    return {**found, **({"PREFECT_API_URL": api} if api else {})}


class Api:
    """Questions to a server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.address}{path}", timeout=60, trust_env=False).raise_for_status().json()

    def post(self, path: str, body: object) -> Any:
        return self.send(path, body).raise_for_status().json()

    def send(self, path: str, body: object) -> httpx.Response:
        return httpx.post(f"{self.address}{path}", json=body, timeout=60, trust_env=False)

    def runs(self, **state: Any) -> list[dict[str, Any]]:
        """Return flow runs in the order they were expected to start."""
        wanted = {"flow_runs": state, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
        found: list[dict[str, Any]] = self.post("/flow_runs/filter", wanted)
        return found

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/flow_runs/{run}")
        return found

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        """Return the artifacts of a run by key."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        return {each["key"]: each for each in self.post("/artifacts/filter", wanted)}

    def tasks(self, run: str) -> list[dict[str, Any]]:
        wanted = {"flow_runs": {"id": {"any_": [run]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
        found: list[dict[str, Any]] = self.post("/task_runs/filter", wanted)
        return found

    def logs(self, run: str) -> list[str]:
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        return [str(each["message"]) for each in self.post("/logs/filter", wanted)]

    def deployment(self, name: str) -> str:
        return str(self.get(f"/deployments/name/{name}")["id"])

    def order(self, deployment: str, parameters: dict[str, Any]) -> httpx.Response:
        """Ask for a run of a deployment now."""
        return self.send(
            f"/deployments/{self.deployment(deployment)}/create_flow_run", {"parameters": parameters}
        )


def until(ask: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Ask until there is an answer; fail after some time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what}: not after {seconds} s")


def ended(api: Api, run: str, seconds: float = 300) -> dict[str, Any]:
    """Wait until a run is in a final state and return it."""
    final = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")

    def ask() -> dict[str, Any] | None:
        found = api.run(run)
        return found if found["state_type"] in final else None

    return until(ask, seconds, f"run {run} ends")


class Site:
    """A server in a Prefect home of its own, and the workers that were started for it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.server: Server | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    @property
    def api(self) -> Api:
        return Api(f"http://127.0.0.1:{self.port}/api")

    def start(self, **settings: str) -> None:
        """Start the server, or start it again on the same port and database."""
        before = dict(os.environ)
        os.environ.update(environment(self.home), **settings)
        os.environ.pop("PREFECT_API_URL", None)
        try:
            self.server = Server(self.port, pages=True, log=self.home / "server.log")
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.server.wait()

    def python(self, *args: object, cwd: Path, timeout: float = 180) -> bench.Outcome:
        """Run `python -m ...` against this server."""
        done = subprocess.run(
            [sys.executable, "-m", *map(str, args)],
            check=False, cwd=cwd, env=environment(self.home, self.api.address), capture_output=True, text=True,
            timeout=timeout,
        )  # fmt: skip
        return bench.Outcome(done.returncode, done.stdout, done.stderr)

    def worker(self, pool: str) -> subprocess.Popen[bytes]:
        """Start Prefect's process worker."""
        env = environment(self.home, self.api.address)
        env |= {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_WORKER_HEARTBEAT_SECONDS": "5"}
        log = (self.home / f"worker{len(self.workers)}.log").open("wb")
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
        self.workers.append(
            subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True, cwd=self.home)
        )
        return self.workers[-1]

    def close(self) -> None:
        for worker in self.workers:
            kill_tree(worker)
        if self.server is not None:
            self.server.stop()


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL a process and all below it at once, as when its machine dies."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in family:
        try:
            os.kill(each.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
