"""What a night decides, as plain functions of manifests: is there news, what do the gates say, has enough changed?

They know neither Prefect nor a running build, so that every answer can be asked for at a desk. Each answer is a
sentence as well: it is what stands on the run's page. News is told by the steps' keys in the store and the digests of
the build's own files, which see everything a build depends on (inputs, recipe, people's decisions, models, versions,
code); the counts of files are for the reader only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.output import build_key, is_current, read_manifest
from pipeline.run import fell_short
from pipeline.steps import Plan, StepResult


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes or no, and why in one sentence."""

    yes: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Files:
    """How many input files are new, changed, gone or unchanged."""

    new: int
    changed: int
    gone: int
    same: int


def compared_files(before: Mapping[str, str], now: Mapping[str, str]) -> Files:
    """Return what became of the input files between two builds.

    Args:
        before, now: the digest of each file, by source and name.
    """
    both = before.keys() & now.keys()
    changed = sum(before[name] != now[name] for name in both)
    return Files(len(now.keys() - both), changed, len(before.keys() - both), len(both) - changed)


def news(target: Path, plan: Plan, results: Sequence[StepResult] | None) -> Answer:
    """Tell whether there is anything to build.

    Args:
        target: folder of the last build; it may not exist.
        plan: of the build that would be made.
        results: of all its steps, if the store has every one of them; else None.
    """
    manifest = read_manifest(target)
    if manifest is None:
        return Answer(True, f"There is no build yet; files to read: {len(plan.inputs):,}.")
    now = {f"{item.spec.name}/{item.file.name}": item.digest for item in plan.inputs}
    files = compared_files(_digests(manifest), now)
    if results is not None and is_current(target, build_key(plan, results)):
        told = f"{_files(files.same)} and all else (recipe, people's decisions, versions) are unchanged"
        return Answer(False, f"Nothing is new: {told}; nothing was built.")
    if files.new or files.changed or files.gone:
        told = f"{files.new} new, {files.changed} changed, {files.gone} gone, {files.same} unchanged"
        return Answer(True, f"There is news in the files: {told}.")
    told = "the files are unchanged, but recipe, people's decisions, versions or the build itself are not"
    return Answer(True, f"There is news: {told}.")


def gates(manifest: Mapping[str, Any]) -> Answer:
    """Tell whether every dataset gate of a build held; the sentence is that of the gates that did not."""
    if not manifest["gates"]:
        return Answer(True, "This build has no dataset gates.")
    short = [gate for gate in manifest["gates"] if fell_short(gate)]
    if not short:
        held = sum(gate["held"] is True for gate in manifest["gates"])
        rest = len(manifest["gates"]) - held
        told = f"Dataset gates: {held} held" + (
            f", {rest} not measured (none of them is required)" if rest else ""
        )
        return Answer(True, f"{told}.")
    told = "; ".join(
        f"gate {gate['name']} ({gate['stage']}) fell short: {gate['sentence']}" for gate in short
    )
    return Answer(False, told)


def changed_enough(trained: Mapping[str, Any] | None, now: Mapping[str, Any], least: float) -> Answer:
    """Tell whether a build differs enough from the one that was trained on last.

    Counted are the records of files that are new, changed or gone: of a changed file all of them, which is more than
    may have changed, never less.

    Args:
        trained: manifest of the build that was trained on last; None if none was.
        now: manifest of the build at hand.
        least: share of records from which on it is worth a training; 0 trains on any change.
    """
    if trained is None:
        return Answer(True, "Nothing was trained on an earlier build, so this one is trained on.")
    if trained["outputs"] == now["outputs"]:
        return Answer(
            False, "The build is the one that was trained on last, byte for byte: nothing was trained."
        )
    if trained["recipe"] != now["recipe"]:
        return Answer(True, "The recipe is not the one of the build that was trained on last.")
    before, after = _records(trained), _records(now)
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    moved = sum(
        max(before.get(name, ("", 0))[1], after.get(name, ("", 0))[1])
        for name in (before.keys() | after.keys()) - same
    )
    total = sum(count for _, count in after.values()) or 1
    told = (
        f"{moved:,} of {total:,} records ({moved / total:.1%}) stand in files that are new, changed or gone since the"
        f" last training; it trains from {least:.1%} on"
    )
    return Answer(moved > 0 and moved / total >= least, f"{told}.")


def _digests(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {f"{file['source']}/{file['file']}": file["digest"] for file in manifest["inputs"]}


def _records(manifest: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    return {
        f"{file['source']}/{file['file']}": (file["digest"], int(file["records"]))
        for file in manifest["inputs"]
    }


def _files(count: int) -> str:
    return f"{count:,} file" if count == 1 else f"{count:,} files"
