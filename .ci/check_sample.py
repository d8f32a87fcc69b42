"""Compares a build of the sample recipe with what data_samples/expected says it should find.

    python .ci/check_sample.py builds/sample                  prints a table; exits with 1 if anything is not met
    python .ci/check_sample.py builds/sample --write-counts   takes this build's counts as the golden ones

Read through the files of the build folder alone, so that nothing of the engine can hide its own mistakes here.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

EXPECTED = Path(__file__).resolve().parent.parent / "data_samples" / "expected"
DUPLICATE = ("kept", "exact_twin")  # where the evidence of a drop names the other record

Place = tuple[str, int]
Row = dict[str, Any]


@dataclass(frozen=True)
class Build:
    """A build folder, read: where each record came from, and what happened to it."""

    manifest: Row
    id_of: dict[Place, str]
    place_of: dict[str, Place]
    events: dict[str, list[Row]]
    rejects: set[tuple[str, int, str]]

    def given(self, id_: str, action: str, reason: str) -> list[Row]:
        """Return the ledger rows that give a record this action and reason."""
        return [row for row in self.events[id_] if (row["action"], row["reason"]) == (action, reason)]

    def dropped_for(self, id_: str, other: str) -> bool:
        """Tell whether a record was dropped as a duplicate of the other."""
        drops = (row["evidence"] for row in self.events[id_] if row["action"] == "drop")
        return any(other in (evidence.get(name) for name in DUPLICATE) for evidence in drops)

    def order(self, stage: str) -> int:
        """Return the place of a stage in the recipe."""
        return [found["stage"] for found in self.manifest["stages"]].index(stage)

    def stage_of(self, row: Row) -> str:
        """Return the kind of the stage instance that a ledger row names."""
        return next(found["stage"] for found in self.manifest["stages"] if found["name"] == row["stage"])


def read_build(folder: Path) -> Build:
    """Read a build folder."""
    records = pq.read_table(folder / "records.parquet", columns=["id", "file", "line"], partitioning=None)
    place_of = {row["id"]: (row["file"], row["line"]) for row in records.to_pylist()}
    events: dict[str, list[Row]] = defaultdict(list)
    for row in pq.read_table(folder / "ledger.parquet", partitioning=None).to_pylist():
        events[row["id"]].append({**row, "evidence": json.loads(row["evidence"])})
    rejects = map(json.loads, (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines())
    return Build(
        json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
        {place: id_ for id_, place in place_of.items()},
        place_of,
        events,
        {(row["file"], row["line"], row["reason"]) for row in rejects},
    )


def table(name: str) -> list[dict[str, str]]:
    """Read one of the tables of expectations."""
    with (EXPECTED / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def place(text: str) -> Place:
    """Read `file:line`."""
    file, _, line = text.rpartition(":")
    return file, int(line)


def unmet(row: dict[str, str], build: Build) -> str:
    """Return why a row of faults.csv is not met, or "" if it is."""
    here, action, reason = (row["file"], int(row["line"])), row["action"], row["reason"]
    if action == "reject":
        return "" if (*here, reason) in build.rejects else "it was not rejected so"
    id_ = build.id_of.get(here)
    if id_ is None:
        return "there is no such record: it was rejected"
    if row["stage"] == "decontaminate":
        return _not_found_in(row, build, id_)
    partner = build.id_of.get(place(row["with"])) if row["with"] else None
    if row["with"] and partner is None:
        return f"its partner {row['with']} is no record"
    if action == "keep":
        return _wrongly_taken(build, id_, partner, reason)
    if action == "drop" and _dropped_before(build, id_, row["stage"]):
        return ""
    if partner is None or row["stage"] != "dedupe":
        return "" if build.given(id_, action, reason) else f"got {_told(build, id_)}"
    pair = (id_, partner), (partner, id_)
    if action == "flag":
        return "" if all(build.given(a, action, reason) for a, _ in pair) else "not both are flagged"
    found = [a for a, b in pair if build.given(a, action, reason) and build.dropped_for(a, b)]
    if len(found) == 1:
        return ""
    return f"neither names the other: got {_told(build, id_)}, and the partner {_told(build, partner)}"


def _not_found_in(row: dict[str, str], build: Build, id_: str) -> str:
    """Return "" if the record was found to hold the very item of an evaluation set that is named."""
    file, line = place(row["with"])
    items = [
        (e["evidence"]["file"], e["evidence"]["line"]) for e in build.given(id_, row["action"], row["reason"])
    ]
    return "" if (Path(file).name, line) in items else f"got {_told(build, id_)}, of the items {items}"


def _wrongly_taken(build: Build, id_: str, partner: str | None, reason: str) -> str:
    if any(row["reason"] == reason for row in build.events[id_]):
        return f"got {_told(build, id_)}"
    if partner and (build.dropped_for(id_, partner) or build.dropped_for(partner, id_)):
        return "one was dropped as a duplicate of the other"
    return ""


def _dropped_before(build: Build, id_: str, stage: str) -> bool:
    """Tell whether a stage before this one dropped the record already, which forestalls the drop."""
    drops = [row for row in build.events[id_] if row["action"] == "drop"]
    return any(build.order(build.stage_of(row)) < build.order(stage) for row in drops)


def _told(build: Build, id_: str) -> str:
    return ", ".join(f"{row['action']} {row['reason']}" for row in build.events[id_]) or "nothing"


def unplanned(faults: list[dict[str, str]], build: Build) -> Iterator[str]:
    """Yield what happened to records in which nothing was planted, and rejects that were not."""
    touched = {(row["file"], int(row["line"])) for row in faults}
    touched |= {place(row["with"]) for row in faults if row["with"]}
    for id_, rows in sorted(build.events.items(), key=lambda item: build.place_of[item[0]]):
        if build.place_of[id_] not in touched:
            where = "{}:{}".format(*build.place_of[id_])
            yield from (
                f"{where}: {row['action']} {row['reason']}, though nothing is planted" for row in rows
            )
    for file, line, reason in sorted(build.rejects):
        if (file, line) not in touched:
            yield f"{file}:{line}: reject {reason}, though nothing is planted"


def wrong_units(build: Build) -> Iterator[str]:
    """Yield the files whose units or rejects are not as many as units.csv says."""
    found = {
        item["file"]: (item["units"], item["units"] - item["parsed"]) for item in build.manifest["inputs"]
    }
    for row in table("units.csv"):
        expected = int(row["units"]), int(row["rejects"])
        if found.get(row["file"]) != expected:
            yield f"{row['file']}: units and rejects are {found.get(row['file'])}, not {expected}"


def counts_of(build: Build) -> Row:
    """Return the counts that counts.json keeps."""
    counts = build.manifest["counts"]
    reasons = {
        f"{stage['name']} {action} {reason}": count
        for stage in build.manifest["stages"]
        for action, by_reason in stage["reasons"].items()
        for reason, count in by_reason.items()
    }
    names = ("units", "rejected", "records", "kept", "dropped", "splits")
    return {**{name: counts[name] for name in names}, "reasons": reasons}


def wrong_counts(build: Build) -> Iterator[str]:
    """Yield the counts that differ from the golden ones."""
    path = EXPECTED / "counts.json"
    golden, found = json.loads(path.read_text(encoding="utf-8")), counts_of(build)
    for name in [*golden, *(name for name in found if name not in golden)]:
        a, b = golden.get(name), found.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            for key in [*a, *(key for key in b if key not in a)]:
                if a.get(key) != b.get(key):
                    yield f"counts.json: {name}: {key}: expected {a.get(key, 0)}, found {b.get(key, 0)}"
        elif a != b:
            yield f"counts.json: {name}: expected {a}, found {b}"


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("build", type=Path, help="folder of a build of the sample recipe")
    parser.add_argument("--write-counts", action="store_true", help="take its counts as the golden ones")
    args = parser.parse_args()
    build = read_build(args.build)
    faults = table("faults.csv")
    problems = []
    planted: Counter[tuple[str, str, str]] = Counter()
    met: Counter[tuple[str, str, str]] = Counter()
    for row in faults:
        if row["since"] != "now":
            continue
        kind = row["fault"], row["action"], row["reason"]
        planted[kind] += 1
        why = unmet(row, build)
        met[kind] += not why
        if why:
            partner = f" (with {row['with']})" if row["with"] else ""
            what = f"{row['fault']}: {row['action']} {row['reason']}{partner}"
            problems.append(f"{row['file']}:{row['line']}: {what}: {why}")
    problems += unplanned(faults, build)
    problems += wrong_units(build)
    width = max(len(kind[0]) for kind in planted)
    sys.stdout.write(f"{'planted':>7} {'met':>4}  {'fault':<{width}}  expected\n")
    for kind, count in sorted(planted.items()):
        mark = "" if met[kind] == count else "  <--"
        line = f"{count:>7} {met[kind]:>4}  {kind[0]:<{width}}  {kind[1]} {kind[2]}{mark}\n"
        sys.stdout.write(line)
    sys.stdout.write(f"{sum(planted.values()):>7} {sum(met.values()):>4}  in all\n")
    if args.write_counts:
        golden = json.dumps(counts_of(build), ensure_ascii=False, indent=2) + "\n"
        (EXPECTED / "counts.json").write_text(golden, encoding="utf-8")
    else:
        problems += wrong_counts(build)
    sys.stdout.flush()
    for problem in problems:
        sys.stderr.write(f"not met: {problem}\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
