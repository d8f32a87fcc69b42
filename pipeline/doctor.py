"""`pipeline doctor`: is this machine fit for the work, and if not, which command mends it?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.recipe import Recipe
from pipeline.runners import cores
from pipeline.stages import STAGES, prepare, remarks
from pipeline.stages.protocol import StageParams

_LEAST_FREE_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok`, what was found, and the command that mends it."""

    ok: bool
    subject: str
    found: str
    fix: str = ""


def examine(store: Path, recipe: Recipe | None, base: Path = Path()) -> Iterator[Finding]:
    """Yield what a build needs and whether it is there.

    Args:
        store: the folder of the store.
        recipe: if given, the models and keys of its stages are checked; else the default embedder.
        base: the folder that the recipe's paths are relative to.
    """
    python = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding(good, "python", python, "" if good else "use Python 3.11, 3.12 or 3.13")
    yield from _packages()
    yield Finding(True, "cores", str(cores()))
    folder = next(path for path in (store.resolve(), *store.resolve().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    enough = free > _LEAST_FREE_BYTES
    yield Finding(
        enough,
        "disk",
        f"{free / 1e9:.1f} GB free for {store}",
        "" if enough else "free some space: python -m pipeline gc",
    )
    yield from _models(recipe, base)
    if recipe is not None:
        yield from _stages(recipe, base)


def _packages() -> Iterator[Finding]:
    try:
        needed = requires("instruction-dataset-pipeline") or []
    except PackageNotFoundError:
        yield Finding(
            False,
            "install",
            "this project is not installed",
            "pip install -c constraints.txt -e '.[offline]'",
        )
        return
    from packaging.requirements import Requirement

    for line in needed:
        requirement = Requirement(line)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            found = ""
        ok = bool(found) and requirement.specifier.contains(found, prereleases=True)
        fix = "" if ok else f"pip install -c constraints.txt '{requirement.name}{requirement.specifier}'"
        yield Finding(ok, requirement.name, found or "not installed", fix)


def _models(recipe: Recipe | None, base: Path) -> Iterator[Finding]:
    models = Models(threads=1)
    wanted: list[tuple[str, Need]] = []
    if recipe is None:
        wanted.append(("default embedder", Need("embedder")))
    else:
        for name, params in zip(recipe.stage_names(), recipe.stages, strict=True):
            needs = STAGES[params.stage].stage.needs(_bound(params, base))
            wanted += [(f"stage {name}", need) for need in needs]
    for subject, need in wanted:
        try:
            identity = need.identity(models)
        except PipelineError as error:
            yield Finding(False, subject, error.message, error.hint)
        else:
            yield Finding(True, subject, f"{identity.name} {identity.sha256[:12]}")


def _bound(params: StageParams, base: Path) -> StageParams:
    """Return the parameters with paths bound to the recipe's folder; what is missing, `_stages` tells."""
    try:
        return prepare(params, base)
    except PipelineError:
        return params


def _stages(recipe: Recipe, base: Path) -> Iterator[Finding]:
    """Yield what stages say of themselves: what runs, and which key is missing."""
    for name, params in zip(recipe.stage_names(), recipe.stages, strict=True):
        try:
            told = remarks(prepare(params, base))
        except PipelineError as error:
            yield Finding(False, f"stage {name}", error.message, error.hint)
        else:
            yield from (Finding(True, f"stage {name}", remark) for remark in told)
