"""Runners: order, errors and deaths of workers; the same build whatever runs it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline import errors
from pipeline.errors import PipelineError, RecipeError, StageError
from pipeline.runners import ProcessRunner, Runner, SerialRunner, cores, make_runner

ERRORS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PipelineError)
]


def slow_first(number: int) -> tuple[int, int]:
    """Answer late for early items, so that they finish in another order."""
    time.sleep(0.05 if number == 0 else 0)
    return number, os.getpid()


def fail(number: int) -> int:
    if number == 1:
        raise StageError("stage 'x' failed on shard 1", "say it again")
    return number


def die(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.fixture(scope="module")
def pool() -> Iterator[Runner]:
    with ProcessRunner(2) as runner:
        yield runner


def test_results_keep_the_order_of_the_items(pool: Runner) -> None:
    found = list(pool.map(slow_first, range(8)))
    assert [number for number, _ in found] == list(range(8))
    assert os.getpid() not in {process for _, process in found}
    assert [number for number, _ in SerialRunner().map(slow_first, range(3))] == [0, 1, 2]


def test_workers_are_kept_for_the_next_step(pool: Runner) -> None:
    first = {process for _, process in pool.map(slow_first, range(8))}
    assert {process for _, process in pool.map(slow_first, range(8))} & first


def test_a_single_item_pays_for_no_process(pool: Runner) -> None:
    assert list(pool.map(slow_first, [5])) == [(5, os.getpid())]
    assert list(pool.map(slow_first, [])) == []


def test_an_error_crosses_processes_with_its_message_and_hint(pool: Runner) -> None:
    with pytest.raises(StageError) as caught:
        list(pool.map(fail, range(4)))
    assert (caught.value.message, caught.value.hint) == ("stage 'x' failed on shard 1", "say it again")
    assert [number for number, _ in pool.map(slow_first, range(2))] == [0, 1]


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_survives_pickling(kind: type[PipelineError]) -> None:
    again = pickle.loads(pickle.dumps(kind("what happened", "what to do")))
    assert type(again) is kind
    assert (again.message, again.hint) == ("what happened", "what to do")
    assert str(again) == "what happened\n  → what to do"
    assert str(kind("what happened")) == "what happened"
    assert again.exit_code == (2 if kind is RecipeError else 1)


def test_a_killed_worker_is_a_stage_error_and_the_runner_works_on() -> None:
    with ProcessRunner(2) as runner:
        with pytest.raises(StageError, match="killed while it worked") as caught:
            list(runner.map(die, range(3)))
        assert "fewer --workers" in caught.value.hint
        assert [number for number, _ in runner.map(slow_first, range(2))] == [0, 1]


def test_workers_end_with_the_runner() -> None:
    with ProcessRunner(2) as runner:
        workers = {process for _, process in runner.map(slow_first, range(6))}
    assert not any(psutil.pid_exists(worker) for worker in workers)


def sleep_long(number: int) -> int:
    if number:
        time.sleep(60)
    return os.getpid()


def test_a_failure_ends_workers_at_once() -> None:
    began = time.monotonic()
    workers: list[psutil.Process] = []
    with pytest.raises(KeyError), ProcessRunner(2) as runner:
        results = runner.map(sleep_long, range(3))
        workers.append(psutil.Process(next(results)))
        raise KeyError
    assert time.monotonic() - began < 30
    assert psutil.wait_procs(workers, timeout=10)[1] == []


PARENT = """
import os, sys, time
from pathlib import Path
from pipeline.runners import ProcessRunner

def stay(number):
    Path(f"{os.getpid()}.pid").touch()
    time.sleep(60)

if __name__ == "__main__":
    with ProcessRunner(2) as runner:
        list(runner.map(stay, [0, 1]))
"""


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    root = str(Path(__file__).resolve().parents[1])
    parent = subprocess.Popen(
        [sys.executable, "parent.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(started := list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [psutil.Process(int(path.stem)) for path in started]
    assert len(workers) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    for process in alive:
        process.kill()
    assert alive == []


def test_auto_pays_for_processes_only_for_much_input() -> None:
    assert isinstance(make_runner("auto", 4, 1_000), SerialRunner)
    assert isinstance(make_runner("auto", 1, 10**9), SerialRunner)
    assert isinstance(make_runner("serial", 4, 10**9), SerialRunner)
    assert isinstance(make_runner("auto", 4, 10**9), ProcessRunner)
    assert make_runner("processes", 3, 0).workers == 3
    assert make_runner("processes", None, 0).workers == cores() == len(os.sched_getaffinity(0))


def test_a_wrong_runner_or_number_of_workers_is_a_recipe_error() -> None:
    with pytest.raises(RecipeError, match="no runner 'threads'") as caught:
        make_runner("threads", None, 0)
    assert caught.value.hint == "valid: auto, serial, processes"
    with pytest.raises(RecipeError, match="at least 1, not 0"):
        make_runner("serial", 0, 0)
