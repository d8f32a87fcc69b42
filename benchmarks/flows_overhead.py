"""What the flow adds to a build: `python -m flows build` and `python -m pipeline build`, one after the other.

Both start in a process of their own with an empty store, so that everything counts: imports, the temporary server's
start, and goodbye; once with a new Prefect home, where its database must be made, too, and once with one that has been
used. What is added is the median of the differences within a round. CPU seconds are those of the command and of all
that it started; they say more than the clock on a machine that does other things as well.

    python benchmarks/flows_overhead.py [--recipe data_samples/recipes/sample.yaml] [--rounds 4]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

NEW = "flows build, Prefect's database made"
COMMANDS = ("pipeline build", NEW, "flows build")

DATABASES = {
    "Prefect": "asyncio.run(provide_database_interface().create_db())",
    "us": "make_database(Path(os.environ['PREFECT_HOME'], 'prefect.db'))",
}
"""Two ways to make a new database."""

TIMED = """
import asyncio, os, time
from pathlib import Path
import prefect.server.api.server
from prefect.server.database.dependencies import provide_database_interface
from flows.server_app import make_database
began = time.monotonic()
{}
print(time.monotonic() - began)
"""


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=Path, default=ROOT / "data_samples" / "recipes" / "sample.yaml")
    parser.add_argument("--rounds", type=int, default=4)
    chosen = parser.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {each: [] for each in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(chosen.rounds):
            for each in COMMANDS:
                home = Path(folder) / f"prefect{number if each == NEW else 0}"
                taken[each].append(run(each.split()[0], chosen.recipe.resolve(), Path(folder), home))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {chosen.rounds} rounds, medians\n")
    print("| command | seconds | added | CPU seconds | added |\n|---|---|---|---|---|")
    plain = taken[COMMANDS[0]]
    for each in COMMANDS:
        more = [
            [flow - bare for flow, bare in zip(*pair, strict=True)]
            for pair in zip(taken[each], plain, strict=True)
        ]
        (wall, cpu), (wall_more, cpu_more) = _medians(taken[each]), _medians(more)
        print(f"| {each} | {wall:.1f} | {wall_more:.1f} | {cpu:.1f} | {cpu_more:.1f} |")
    print()
    for whose, code in DATABASES.items():
        print(f"a new database, made by {whose}: {statistics.median(made(code) for _ in range(3)):.1f} s")


def made(code: str) -> float:
    """Make a new database in a process of its own; return seconds, imports left out."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-c", TIMED.format(code)],
            check=True,
            env={**os.environ, "PREFECT_HOME": home, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
    return float(done.stdout.splitlines()[-1])


def _medians(rows: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def run(room: str, recipe: Path, work: Path, home: Path) -> tuple[float, float]:
    """Build once in new folders; return seconds by the clock and of the CPU."""
    folder = Path(tempfile.mkdtemp(dir=work))
    command = [
        sys.executable,
        "-m",
        room,
        "build",
        str(recipe),
        "--out",
        str(folder / "out"),
        "--runner",
        "serial",
    ]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [*command, "--store", str(folder / "store")],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PREFECT_HOME": str(home), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
