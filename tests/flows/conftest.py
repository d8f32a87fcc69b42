"""A real Prefect server for the tests that run flows in this process, in a home that goes with the session."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Prefect reads its settings when it is imported, so its home must be ours before any test imports it.
_HOME = tempfile.TemporaryDirectory(prefix="prefect-home-")
os.environ.update(PREFECT_HOME=_HOME.name, DO_NOT_TRACK="1", PREFECT_SERVER_ANALYTICS_ENABLED="false")
os.environ.pop("PREFECT_API_URL", None)
_HERE = Path(__file__).parent
for _folder in ("e2e", "flows"):
    sys.path.append(str(Path(__file__).parents[1] / _folder))

from flow_server import Api  # noqa: E402

_SERVED = ("test_flows_command.py", "test_flows_run.py", "test_flows_server.py", "test_flows_worker.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what starts Prefect: its server takes ten seconds, and it wants a process of its own."""
    for item in items:
        if item.path.parent == _HERE and (
            item.path.name in _SERVED or "served" in getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def served() -> Iterator[Api]:
    """A server of this session, which this process talks to."""
    from flows.server import server_for_this_process

    with server_for_this_process() as address:
        yield Api(address)
