"""`pipeline gc`: removes from the store what no recorded build needs.

Every finished build leaves a root in the store: the keys of its step results. What those reach is kept (with
the measures and fits of the recipe, which the next build wants); all else goes. Rejected: removal by age (the
oldest file may be the most expensive one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.steps import Plan, StepResult, file_key
from pipeline.store import Store, digest

HOLDS_TEXT = ("shards", "failed", "texts")
"""Kinds of stored files in which a record's text can be read."""


@dataclass(frozen=True, slots=True)
class Collected:
    """How many files were (or would be) removed, and how many bytes."""

    files: int
    bytes: int
    kept_files: int
    kept_bytes: int


def remember(store: Store, out: Path, plan: Plan, results: Sequence[StepResult]) -> None:
    """Leave a root for a finished build, replacing that of the build it replaces."""
    store.write_json(
        "roots",
        digest(str(out.resolve())),
        {
            "out": str(out.resolve()),
            "steps": [result.key for result in results],
            "files": [file_key(item, plan) for item in plan.inputs],
        },
    )


def collect(store: Store, raw: bool = False, dry_run: bool = False) -> Collected:
    """Remove what no root reaches; with `raw` also everything that holds text.

    Roots of build folders that no longer exist are forgotten. Raises StoreError if a build is running.
    """
    with store.lock(exclusive=True):
        keep, folders = _reached(store)
        removed = kept = removed_bytes = kept_bytes = 0
        for path in sorted(store.files(), key=_pointers_first):
            size = path.stat().st_size
            name = path.relative_to(store.root).as_posix()
            stays = name in keep or name.startswith(folders)
            if raw and name.split("/", 1)[0] in HOLDS_TEXT:
                stays = False
            if stays:
                kept, kept_bytes = kept + 1, kept_bytes + size
                continue
            removed, removed_bytes = removed + 1, removed_bytes + size
            if not dry_run:
                path.unlink()
        if not dry_run:
            _remove_empty_folders(store.root)
    return Collected(removed, removed_bytes, kept, kept_bytes)


def _pointers_first(path: Path) -> bool:
    """Sort what names other files before the rest: a kill midway leaves no name of a file that is gone."""
    return path.suffix != ".json"


def _reached(store: Store) -> tuple[set[str], tuple[str, ...]]:
    """Return the files, and the beginnings of names, that the roots need."""
    keep: set[Path] = set()
    used: set[str] = set()
    for path in sorted((store.root / "roots").rglob("*.json")):
        root: Any = store.read_json("roots", path.stem)
        if not Path(root["out"]).is_dir():
            continue
        keep.add(path)
        for key in root["files"]:
            keep.add(store.path("files", key, ".json"))
            report: Any = store.read_json("files", key) or {"shards": ()}
            keep |= {store.table_path("shards", shard) for shard, _ in report["shards"]}
        for key in root["steps"]:
            keep.add(store.path("steps", key, ".json"))
            result: Any = store.read_json("steps", key) or {"shards": (), "used": (), "fits": {}}
            used |= set(result["used"])
            keep |= {store.table_path("fits", fit) for fit in result["fits"].values()}
            for shard in (*result["shards"], *result.get("left", {}).values()):
                keep |= {store.table_path("shards", shard[n]) for n in ("shard", "dropped") if shard[n]}
                keep |= {store.table_path("ledgers", shard["ledger"])} if shard["ledger"] else set()
    pointers = set((store.root / "fit-of").rglob("*.json"))
    names = {path.relative_to(store.root).as_posix() for path in keep | pointers}
    return names, (*sorted(used), "texts/", "accounts/")


def _remove_empty_folders(root: Path) -> None:
    for folder in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
