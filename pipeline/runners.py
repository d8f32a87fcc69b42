"""Where work runs: in this process, or in a pool of processes.

A runner maps a function over items and yields the results in the order of the items, whatever finished first,
so results do not depend on the number of workers. Workers are started fresh (never forked: a forked process
inherits locks of threads that do not exist in it) and are kept for the whole build, so a model is loaded once
a worker.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from types import TracebackType
from typing import Protocol, Self, TypeVar

from pipeline.errors import RecipeError, StageError

Item = TypeVar("Item")
Result = TypeVar("Result")

RUNNERS = ("auto", "serial", "processes")


class Runner(Protocol):
    """Maps work over items; a context manager that ends its workers."""

    workers: int

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `work(item)` for every item, in their order."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class SerialRunner:
    """Everything in this process, one item after the other."""

    workers = 1

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `work(item)` for every item, in their order."""
        return (work(item) for item in items)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class ProcessRunner:
    """A pool of processes, started when the first step has more than one item.

    Args:
        workers: number of processes, at least 1.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yield `work(item)` for every item, in their order; a single item runs in this process.

        Raises:
            StageError: a worker was killed, most likely for want of memory.
        """
        if len(items) < 2:
            yield from (work(item) for item in items)
            return
        pool = self._started()
        waiting: list[Future[Result]] = []
        try:
            with _no_interrupts():
                waiting = [pool.submit(work, item) for item in items]
            for future in waiting:
                yield future.result()
        except BrokenProcessPool as error:
            self._pool = None
            raise StageError(
                "a worker process was killed while it worked, most likely because memory ran out",
                "run the same command again with fewer --workers or a smaller shard_rows: what is done is kept",
            ) from error
        finally:
            for future in waiting:
                future.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        if kind is not None:  # nobody waits for what the workers still do; the store holds whole files only
            for process in list((self._pool._processes or {}).values()):
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers, mp_context=get_context("spawn"), initializer=_end_with_parent
            )
        return self._pool


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Hold Ctrl-C back while workers start, who inherit this: it is for the parent alone to answer."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone.

    A worker waits on a pipe whose writing end it also holds, so a killed parent would leave it waiting
    for ever.
    """
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watch-parent").start()


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_runner(kind: str, workers: int | None) -> None:
    """See that a runner can be made.

    Raises:
        RecipeError: there is no such runner, or `workers` is below 1.
    """
    if kind not in RUNNERS:
        raise RecipeError(f"there is no runner {kind!r}", f"valid: {', '.join(RUNNERS)}")
    if workers is not None and workers < 1:
        raise RecipeError(f"--workers must be at least 1, not {workers}")


def make_runner(kind: str, workers: int | None, input_bytes: int) -> Runner:
    """Return a runner; `auto` takes processes once there is enough input to pay for starting them.

    Raises:
        RecipeError: as `check_runner`.
    """
    check_runner(kind, workers)
    count = workers or cores()
    if kind == "serial" or (kind == "auto" and (count == 1 or input_bytes < 4_000_000)):
        return SerialRunner()
    return ProcessRunner(count)
