"""Builds every folder of corpora with the recipe that `init` writes, and prints the table of docs/real_inputs.md.

    python benchmarks/real_inputs.py ../shared/data --work /tmp/real [--only banking77 belle_seed]

Each folder runs `python -m pipeline init` and `python -m pipeline build` as a user would, with a store of its own; a
folder that cannot be built is a row that says so. The counts are those of the manifest, the seconds and memory those
of run.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> tuple[int, str]:
    """Run the pipeline's command line; return its exit code and what it wrote to the error stream."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr.strip()


def listed(reasons: Counter[str]) -> str:
    """Return reasons with their counts, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name.removeprefix('heuristics.')} {count:,}" for name, count in ordered) or "none"


def row(folder: Path, work: Path) -> str:
    """Build one folder; return its row."""
    recipe, out = work / f"{folder.name}.yaml", work / folder.name
    code, error = run("init", str(folder), "--out", str(recipe))
    if not code:
        store = work / "stores" / folder.name
        code, error = run("build", str(recipe), "--out", str(out), "--store", str(store))
    if code:
        return f"| `{folder.name}` | not built: {error.splitlines()[0] if error else code} |"
    manifest = json.loads((out / "manifest.json").read_bytes())
    timing = json.loads((out / "run.json").read_bytes())
    rejects = Counter(
        json.loads(line)["reason"].removeprefix("ingest.")
        for line in (out / "rejects.jsonl").read_text(encoding="utf-8").split("\n")
        if line
    )
    drops: Counter[str] = Counter()
    for stage in manifest["stages"]:
        drops.update(stage["reasons"].get("drop", {}))
    counts = manifest["counts"]
    rejected = f"{counts['rejected']:,}" + (f" ({listed(rejects)})" if rejects else "")
    memory = max(timing["peak_memory_mib"].values())
    return (
        f"| `{folder.name}` | {counts['units']:,} | {rejected} | {counts['records']:,} | {counts['kept']:,} | "
        f"{listed(drops)} | {timing['seconds']:.0f} | {memory:,} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="where recipes, stores and builds go")
    parser.add_argument("--only", nargs="*", default=[])
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    print("| folder | units | rejected (reasons) | records | kept | dropped by reason | seconds | MiB |")
    print("|---|---:|---|---:|---:|---|---:|---:|", flush=True)
    for folder in sorted(path for path in args.data.iterdir() if path.is_dir()):
        if not args.only or folder.name in args.only:
            print(row(folder.resolve(), args.work.resolve()), flush=True)


if __name__ == "__main__":
    main()
