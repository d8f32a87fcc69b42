"""How long a build takes, and how much memory: full, without the encoder, unchanged, with a threshold moved.

    python benchmarks/build.py alpaca_data.json.gz [--keep DIR]

"Without the encoder" is a build from an emptied store in which only the encoder's results are left (the vectors of
prompts and the compared pairs), so everything else is done anew: reading, normalising, gates, proposing pairs,
deciding, splitting, writing. Memory is the sum over the process and its workers of what each holds for itself
plus what they share, once (PSS), sampled four times a second.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Run:
    seconds: float
    peak_mib: float
    output: str


def watched(command: list[str], cwd: Path) -> Run:
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tree = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        held = 0
        for one in [tree, *_children(tree)]:
            try:
                held += one.memory_full_info().pss
            except psutil.Error:
                continue
        peak = max(peak, held)
        time.sleep(0.25)
    assert process.stdout is not None
    output = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    return Run(time.monotonic() - began, peak / 2**20, output)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def forget_all_but_the_encoder(store: Path) -> None:
    """Leave in the store only what the encoder made: measures with a column `vector`, and compared pairs."""
    import pyarrow as pa

    for kind in store.iterdir():
        if kind.name == "measures":
            for measure in kind.iterdir():
                first = next(measure.rglob("*.arrow"))
                with pa.memory_map(str(first)) as source:
                    names = pa.ipc.open_file(source).schema.names
                if "vector" not in names:
                    shutil.rmtree(measure)
        elif kind.is_dir() and kind.name != "pairs":
            shutil.rmtree(kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("input", type=Path, help="a file that `pipeline init` understands")
    parser.add_argument(
        "--keep", type=Path, help="work here and leave everything, to run again without the encoder"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of the kinds that need no encoder")
    arguments = parser.parse_args()
    work = (arguments.keep or Path(tempfile.mkdtemp())).resolve()
    work.mkdir(parents=True, exist_ok=True)
    python = [sys.executable, "-m", "pipeline"]
    recipe, moved = work / "recipe.yaml", work / "moved.yaml"
    subprocess.run(
        [*python, "init", str(arguments.input.resolve()), "--out", str(recipe), "--force"], check=True
    )
    text = recipe.read_text(encoding="utf-8")
    moved.write_text(text.replace("\n    threshold: 0.92", "\n    threshold: 0.95"), encoding="utf-8")
    assert moved.read_text(encoding="utf-8") != text
    build = [*python, "build", str(recipe), "--out", str(work / "build")]

    rows: list[tuple[str, Run]] = [("full", watched(build, work))]
    for _ in range(arguments.rounds):
        forget_all_but_the_encoder(work / ".build")
        shutil.rmtree(work / "build")
        rows.append(("without the encoder", watched(build, work)))
    rows += [("unchanged", watched(build, work)) for _ in range(arguments.rounds)]
    other = [*python, "build", str(moved), "--out", str(work / "moved")]
    rows.append(("one threshold moved", watched(other, work)))

    print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    )
    for name in ("pyarrow", "torch", "sentence-transformers"):
        print(f"{name} {importlib.metadata.version(name)}")
    print(f"\n{'build':<22} {'seconds':>8} {'MiB':>7}")
    for name, run in rows:
        print(f"{name:<22} {run.seconds:>8.1f} {run.peak_mib:>7.0f}")
    if arguments.keep is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
