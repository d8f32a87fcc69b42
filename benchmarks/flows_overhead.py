"""What the flow adds to a build: `python -m flows build` and `python -m pipeline build`, one after the other.

Both start in a process of their own with an empty store, so that everything counts: imports, the temporary server's
start, and goodbye. The first run of the flow also makes Prefect's database; it is told by itself. CPU seconds are those
of the command and of all that it started; they say more than the clock on a machine that does other things as well.

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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=Path, default=ROOT / "data_samples" / "recipes" / "sample.yaml")
    parser.add_argument("--rounds", type=int, default=4)
    chosen = parser.parse_args()
    taken: dict[str, list[tuple[float, float]]] = {"pipeline": [], "flows": []}
    with tempfile.TemporaryDirectory() as home:
        for number in range(chosen.rounds):
            for room in taken:
                taken[room].append(run(room, chosen.recipe.resolve(), Path(home), number))
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {chosen.rounds} rounds, medians without the first\n"
    )
    print("| command | seconds | CPU seconds |\n|---|---|---|")
    medians = {}
    for room, rounds in taken.items():
        medians[room] = [statistics.median(values) for values in zip(*(rounds[1:] or rounds), strict=True)]
        print(f"| `python -m {room} build` | {medians[room][0]:.1f} | {medians[room][1]:.1f} |")
    more = [flow - plain for flow, plain in zip(medians["flows"], medians["pipeline"], strict=True)]
    print(f"| difference | {more[0]:.1f} | {more[1]:.1f} |")
    first = [flow - plain for flow, plain in zip(taken["flows"][0], medians["pipeline"], strict=True)]
    print(f"| difference of the first run, which makes the database | {first[0]:.1f} | {first[1]:.1f} |")


def run(room: str, recipe: Path, home: Path, number: int) -> tuple[float, float]:
    """Build once; return seconds by the clock and of the CPU."""
    folder = home / f"{room}{number}"
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
        env={**os.environ, "PREFECT_HOME": str(home / "prefect"), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
