"""One build from the command line: plan, show, run, write, remember."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.build import plan, walk
from pipeline.collect import remember
from pipeline.errors import StageError
from pipeline.output import (
    build_key,
    check_target,
    is_current,
    read_manifest,
    sweep_leftovers,
    write_build,
)
from pipeline.progress import Bars, print_plan, print_result
from pipeline.recipe import Recipe
from pipeline.runners import check_runner, make_runner
from pipeline.steps import Plan, StepResult, Workshop
from pipeline.store import Json, Store

if TYPE_CHECKING:
    from rich.console import Console


def build_once(
    recipe: Recipe,
    base: Path,
    out: Path | None,
    store_folder: Path,
    runner_kind: str,
    workers: int | None,
    refit: bool,
    console: Console,
) -> dict[str, Any]:
    """Build a recipe and return the manifest.

    Raises:
        PipelineError: the build could not be made; what it finished stays in the store.
    """
    began = time.monotonic()
    target = build_folder(recipe, out)
    check_runner(runner_kind, workers)
    check_target(target)
    planned = plan(recipe, base, store_folder / "downloads")
    store = Store(store_folder)
    with store.lock(exclusive=False):
        with make_runner(runner_kind, workers, planned.input_bytes) as runner:
            kind = f"{runner.workers} processes" if runner.workers > 1 else "one process"
            print_plan(console, planned, str(target), str(store_folder), kind)
            with Bars(console) as bars:
                results = list(walk(planned, Workshop(store, runner, bars, refit)))
        manifest, written = finish_build(
            target, planned, results, store, time.monotonic() - began, runner.workers
        )
    if not written:
        console.print(f"\nnothing has changed: {target} is this very build", highlight=False)
    print_result(console, manifest, str(target))
    return manifest


def build_folder(recipe: Recipe, out: Path | None) -> Path:
    """Return the folder that a build is written to: `out`, by default builds/<name>."""
    target = out or Path("builds") / recipe.name
    return target.resolve() if target.is_symlink() else target


def finish_build(
    target: Path, planned: Plan, results: Sequence[StepResult], store: Store, seconds: float, workers: int
) -> tuple[dict[str, Any], bool]:
    """Write what the steps left, unless it stands there already; return the manifest, and whether it was written.

    Args:
        target: folder of the build.
        planned: the plan.
        results: of all its steps.
        store: where they lie; its lock is held.
        seconds: what the build took so far.
        workers: how many it ran on.

    Raises:
        PipelineError: no record is left, or the folder cannot be written.
    """
    _check_something_is_left(results)
    current = is_current(target, build_key(planned, results))
    if current:
        manifest = read_manifest(target) or {}
        sweep_leftovers(target)
    else:
        facts = _run_facts(planned, results, seconds, workers)
        manifest = write_build(target, planned, results, store, facts)
    remember(store, target, planned, results)
    return manifest, not current


def fell_short(gate: dict[str, Any]) -> bool:
    """Tell whether a dataset gate of a manifest fails a strict build."""
    return gate["held"] is False or (gate["held"] is None and bool(gate["required"]))


def _check_something_is_left(results: Sequence[StepResult]) -> None:
    if results[-1].rows:
        return
    lost = [
        f"  {result.step}: {reason}: {count:,}"
        for result in results
        for reason, count in result.reasons().get("drop", {}).items()
    ]
    raise StageError(
        f"no record is left of {results[0].rows:,}; they were dropped for\n" + "\n".join(lost),
        "check what the sources hold, or set the actions of the recipe to flag or measure; nothing was written",
    )


def _run_facts(plan: Plan, results: Sequence[StepResult], seconds: float, workers: int) -> Json:
    """Return time, memory, host and throughput: what may differ between two equal builds."""
    peak = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(time.time() - seconds)),
        "seconds": round(seconds, 3),
        "host": platform.node(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 0,
        "workers": workers,
        "peak_memory_mib": {"main": peak[0] // 1024, "largest_worker": peak[1] // 1024},
        "input_bytes": plan.input_bytes,
        "steps": [
            {
                "name": result.step,
                "seconds": round(result.seconds, 3),
                "cached": result.cached,
                "records_per_second": round(result.records_in / result.seconds)
                if result.seconds > 0
                else None,
            }
            for result in results
        ],
    }
