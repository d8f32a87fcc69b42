"""Which Prefect server a run talks to: the one that is configured, or a temporary one of its own.

Prefect would start a temporary server itself, but from within the process that asks, which imports the whole server
first: four seconds of CPU that nothing is done with. So it is started here, in the same way and with the same
arguments (what its application does otherwise is told in `flows.server_app`), before this process checks the recipe
and loads what a build needs. It listens on 127.0.0.1 only, keeps its runs in PREFECT_HOME as any server does, and
tells nobody that it was started.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from flows.errors import FlowError

START_SECONDS = 180.0
"""Longest that a server is waited for: its first start makes a database, on a busy machine."""

QUIET: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # In memory, which is Prefect's default, a limit that a killed run held would stay taken after a restart.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}
"""What a server of ours is told, unless the environment says otherwise."""

ALONE: Mapping[str, str] = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT_UI_ENABLED": "0",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "0",  # any other server on this database does it
}
"""What a server is told that serves one run only."""

temporary: ContextVar[bool] = ContextVar("temporary", default=False)
"""Whether this process talks to a server that nobody else talks to."""


class Server:
    """A server in a process of its own.

    Args:
        port: where it listens on 127.0.0.1.
        pages: whether it serves Prefect's pages as well.
        log: a file for what it says; None lets it say it here.
    """

    def __init__(self, port: int, pages: bool = False, log: Path | None = None) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.api = f"{self.address}/api"
        self._log = log
        own = {"PREFECT__SERVER_FINAL": "1", "PREFECT_UI_API_URL": self.api, "PREFECT_UI_URL": self.address}
        own |= {} if pages else ALONE
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--lifespan", "on"]
        with log.open("ab") if log else contextlib.nullcontext() as stream:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "uvicorn",
                    "--factory",
                    "flows.server_app:create_app",
                    *arguments,
                ],
                env={**QUIET, **os.environ, **own},
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C is for the run, which says goodbye to the server itself
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - begun before anything else, so before any thread
            )

    def wait(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers.

        Raises:
            FlowError: it has ended, or does not answer in time.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self._process.poll() is not None:
                said = self._said()
                raise FlowError(
                    f"the Prefect server ended with code {self._process.returncode}{said}", _DOCTOR
                )
            if _answers(self.api):
                return
            time.sleep(0.1)
        raise FlowError(
            f"the Prefect server at {self.address} gives no answer after {seconds:.0f} s", _DOCTOR
        )

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def _said(self) -> str:
        if self._log is None:
            return ""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


_DOCTOR = "`python -m prefect server start` shows why; fastapi must be older than 0.151 for prefect 3.8.8"


def _end_with_parent() -> None:
    """Let the kernel end this process when the one that started it is gone, however that ended."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """See that nothing listens on a port of 127.0.0.1: what answers there would be taken for our server.

    Raises:
        FlowError: something does.
    """
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise FlowError(
                f"port {port} of this machine is taken",
                f"name another with --port; or, if that is a Prefect server, use it: "
                f"export PREFECT_API_URL=http://127.0.0.1:{port}/api",
            ) from error


def configured_api() -> str | None:
    """Return the address of the server that the environment or Prefect's profile names, if one does."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


@contextlib.contextmanager
def server_for_this_process(
    lasting: bool = False, port: int | None = None, meanwhile: Callable[[], object] | None = None
) -> Iterator[str]:
    """Give the address of the configured server, or start one that ends with the block.

    Args:
        lasting: whether the server of our own has pages, schedules and limits, as one does that others use.
        port: where it listens; by default on a free port.
        meanwhile: what is done while it starts; if that fails, no server is waited for.

    Raises:
        FlowError: the configured server cannot be reached, none can be started, or the port is taken.
        Exception: what `meanwhile` raised.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    # Prefect's profile may name a server, too. To read it takes a second, in which one for this run alone is begun.
    known = configured_api() if lasting else os.environ.get("PREFECT_API_URL")
    if port is not None and not known:
        check_port(port)
    started = None if known else Server(port or free_port(), lasting)
    try:
        if meanwhile is not None:
            meanwhile()
        known = configured_api()
    except BaseException:
        if started is not None:
            started.kill()  # it has nothing to save, and SIGTERM would wait until it has started
        raise
    if known:
        if started is not None:
            started.kill()
        check_reachable(known)
        yield known
        return
    assert started is not None
    try:
        started.wait()
        os.environ["PREFECT_API_URL"] = started.api
        from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

        token = temporary.set(not lasting)
        pages = started.address if lasting else ""  # else Prefect names a page that is not there
        try:
            with temporary_settings({PREFECT_API_URL: started.api, PREFECT_UI_URL: pages}):
                yield started.api
        finally:
            temporary.reset(token)
            _send_all()
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        started.stop()


def _send_all() -> None:
    """Wait until the server has heard every log line and event of this process."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=30)
    EventsWorker.drain_all(timeout=30)


def check_reachable(api: str) -> None:
    """See that a server answers.

    Raises:
        FlowError: it does not.
    """
    if not _answers(api, seconds=10):
        raise FlowError(
            f"no Prefect server answers at {api}",
            "start it (`python -m prefect server start`), correct PREFECT_API_URL, or unset it: "
            "a run then brings a server of its own",
            outside=True,
        )


def _answers(api: str, seconds: float = 2) -> bool:
    import httpx

    secret = api.startswith("https")  # else certificates are read for nothing, which takes a while
    try:
        return httpx.get(f"{api}/health", timeout=seconds, trust_env=False, verify=secret).status_code == 200
    except httpx.TransportError:
        return False
