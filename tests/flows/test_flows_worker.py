"""Scheduled runs through a real server and Prefect's own worker: they start, show themselves, and survive.

The corpus takes long enough (the language of each text is told) to be caught in the middle. Whatever happens, the
folder that stands at the end is that of the command line, byte for byte.
"""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import workbench as bench
from flow_server import Site, ended, kill_tree, until

pytestmark = pytest.mark.slow

POOL = "here"
STAGES = bench.PLAIN.replace("  - {stage: dedupe", "  - {stage: language}\n  - {stage: dedupe")
AWAY_SECONDS = 30


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that schedules every second, and a pool."""
    found = Site(tmp_path_factory.mktemp("site"))
    try:
        found.start(**SETTINGS)
        made = found.python("prefect", "work-pool", "create", POOL, "--type", "process", cwd=found.home)
        assert made.code == 0, made.stderr
        yield found
    finally:
        found.close()


SETTINGS = {"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5"}


GATED = bench.PLAIN.replace(
    "  - {stage: split", "  - {stage: coverage, keywords: [unheard-of], threshold: 0.5}\n  - {stage: split"
)


class Inbox:
    """A web server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        inbox = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inbox.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    found = Inbox()
    threading.Thread(target=found.server.serve_forever, daemon=True).start()
    yield found
    found.server.shutdown()
    found.server.server_close()


class Home:
    """A recipe of its own name, deployed for the pool, and the bytes that it must end in."""

    def __init__(
        self,
        site: Site,
        folder: Path,
        name: str,
        cron: str = "0 2 * * *",
        count: int = 900,
        stages: str = STAGES,
    ) -> None:
        self.site, self.folder = site, folder
        for left in site.workers:  # of a test that failed: it would take this one's run
            kill_tree(left)
        bench.write_jsonl(folder / "data.jsonl", bench.records(count))
        written = bench.write_recipe(folder, stages)
        self.recipe = written.rename(folder / f"{name}.yaml")
        where = ("--out", folder / "out", "--store", folder / ".build")
        deployed = site.python(
            "flows", "deploy", self.recipe, *where, "--pool", POOL, "--cron", cron, cwd=folder
        )
        assert deployed.code == 0, deployed.stderr
        assert f"nightly/{name}" in deployed.stdout
        self.deployment = f"nightly/{name}"

    def begin(self) -> str:
        """Order a run, and return its id when it is in the midst of telling languages."""
        run = self.order()
        until(lambda: len(self.stored()) >= 3, 240, "three steps are done")
        assert not (self.folder / "out").exists()
        return run

    def order(self) -> str:
        """Order a run; a server that is busy says 503, and Prefect's own client asks again, too."""

        def ask() -> str | None:
            ordered = self.site.api.order(self.deployment, {})
            if ordered.status_code == 503:
                return None
            assert ordered.status_code == 201, ordered.text
            return str(ordered.json()["id"])

        return until(ask, 60, "a run can be ordered")

    def stored(self) -> set[str]:
        return bench.stored(self.folder / ".build", "steps")

    def check(self) -> None:
        """Compare with a build of the command line in an empty store."""
        bench.build(self.recipe, self.folder / "expected", self.folder / ".build-expected")
        assert bench.content(self.folder / "out") == bench.content(self.folder / "expected")
        assert not bench.leftovers(self.folder)
        counts = bench.manifest(self.folder / "out")["counts"]
        assert counts["records"] == counts["kept"] + counts["dropped"]


def test_a_schedule_fires_three_times_and_only_the_first_run_builds(site: Site, tmp_path: Path) -> None:
    home = Home(site, tmp_path, "often", cron="* * * * *", count=60)
    worker = site.worker(POOL)
    wanted = {
        "deployments": {"id": {"any_": [site.api.deployment(home.deployment)]}},
        "sort": "START_TIME_ASC",
    }

    def three() -> list[dict[str, str]]:
        found = site.api.post(
            "/flow_runs/filter", {**wanted, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        )
        return found if len(found) >= 3 else []

    runs = until(three, 420, "three runs")
    site.api.send(f"/deployments/{site.api.deployment(home.deployment)}/pause_deployment", {})
    kill_tree(worker)
    starts = [run["expected_start_time"][:16] for run in runs]
    assert len(set(starts)) == len(runs), "each minute has its own run"
    assert all(run["auto_scheduled"] for run in runs)
    states = [site.api.run(run["id"])["state"]["message"] for run in runs]
    assert states[0].startswith("There is no build yet")
    assert all(state.startswith("Nothing is new") for state in states[1:3])
    shown = site.api.artifacts(runs[0]["id"])
    assert {"made-news", "made-counts", "made-build"} <= set(shown)
    assert {"reason": "all splits"}.items() <= json.loads(shown["made-counts"]["data"])[-1].items()
    home.check()


def test_a_run_that_is_cancelled_midway_is_resumed_by_the_next(site: Site, tmp_path: Path) -> None:
    home = Home(site, tmp_path, "cancelled")
    worker = site.worker(POOL)
    run = home.begin()
    before = home.stored()
    site.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    assert ended(site.api, run)["state_type"] == "CANCELLED"
    assert not (home.folder / "out").exists()
    assert before <= home.stored()
    again = home.order()
    assert ended(site.api, again)["state_type"] == "COMPLETED"
    assert sum("already done" in line for line in site.api.logs(again)) >= 3
    kill_tree(worker)
    home.check()


def test_a_server_that_is_gone_for_half_a_minute_costs_nothing(site: Site, tmp_path: Path) -> None:
    home = Home(site, tmp_path, "away")
    worker = site.worker(POOL)
    run = home.begin()
    assert site.server is not None
    site.server.kill()
    time.sleep(AWAY_SECONDS)
    site.start(**SETTINGS)
    assert ended(site.api, run)["state_type"] == "COMPLETED"
    kill_tree(worker)
    home.check()


def test_a_worker_that_was_killed_leaves_a_run_that_another_goes_on_with(site: Site, tmp_path: Path) -> None:
    made = site.python("flows", "automate", cwd=tmp_path)
    assert made.code == 0, made.stderr
    home = Home(site, tmp_path, "killed")
    worker = site.worker(POOL)
    run = home.begin()
    kill_tree(worker)
    assert not (home.folder / "out").exists()
    second = site.worker(POOL)
    found = ended(site.api, run, 600)
    if found["state_type"] == "CRASHED":  # told as silent; the other automation orders it again
        until(
            lambda: site.api.run(run)["state_type"] in ("SCHEDULED", "PENDING", "RUNNING"),
            120,
            "ordered again",
        )
        found = ended(site.api, run, 600)
    assert (found["state_type"], found["run_count"]) == ("COMPLETED", 2)
    kill_tree(second)
    home.check()


def test_a_gate_that_falls_short_is_told_by_message_and_by_the_run(
    site: Site, tmp_path: Path, inbox: Inbox
) -> None:
    """A block of Prefect's, made as its page makes it, that posts to a real web server."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: site.api.address}):
        form = {"subject": "{{subject}}", "body": "{{body}}"}
        CustomWebhookNotificationBlock(name="inbox", url=inbox.address, json_data=form).save("ops")
    made = site.python("flows", "automate", "--notify", "custom-webhook/ops", cwd=tmp_path)
    assert made.code == 0, made.stderr
    home = Home(site, tmp_path, "short", count=30, stages=GATED)
    worker = site.worker(POOL)
    run = home.order()
    assert ended(site.api, run)["state_type"] == "FAILED"
    kill_tree(worker)
    sentence = bench.manifest(home.folder / "out")["gates"][0]["sentence"]
    until(lambda: len(inbox.messages) >= 2, 60, "two messages")
    told = {message["subject"]: message["body"] for message in inbox.messages}
    assert set(told) == {"nightly: nightly short failed", "A dataset gate fell short: made"}
    assert told["A dataset gate fell short: made"].endswith(f"(coverage) fell short: {sentence}")
    assert sentence in told["nightly: nightly short failed"]
    assert f"/runs/flow-run/{run}" in told["nightly: nightly short failed"]
