"""Where a run's recipe comes from: a YAML file, or a build and a model named on the command line.

Paths in a file are relative to the file's folder, those of the command line to the working folder. A hub model must be
pinned: on the command line as `owner/name@COMMIT`, or by name alone, which means the commit that was downloaded, and
that is what the run records. Rejected: the newest commit of a hub (the same words would train on
another model next month, and a run that began offline could not be resumed).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pipeline.documents import Location, nested_keys, read_document, read_text, validate
from train.config import TrainRecipe
from train.load import model_ref

_HINT = "`python -m train schema` prints every key with its meaning and range"


def load_train_recipe(path: Path) -> TrainRecipe:
    """Read a training recipe.

    Raises:
        RecipeError: the file is missing, is not YAML or holds mistakes; all are listed, each with its line.
    """
    text = read_text(path, "two lines are one: `build: builds/sample` and `model: {folder: my_model}`")
    return parse_train_recipe(text, str(path))


def parse_train_recipe(text: str, where: str) -> TrainRecipe:
    """Check a training recipe's text; `where` names it in messages.

    Raises:
        RecipeError: with every mistake, each with its line.
    """
    what = "a training recipe is a mapping with build and model"
    document = read_document(text, where, what, _HINT)
    return validate(TrainRecipe, document, where, _valid_keys, _no_checks, _HINT)


def named_on_the_command_line(build: Path, model: str, method: str | None) -> TrainRecipe:
    """Return the recipe that `--build` and `--model` mean, everything else by default.

    Args:
        build: folder of a finished build.
        model: a folder, `owner/name@COMMIT`, or the `owner/name` of a model that was downloaded.
        method: of tuning; None for the default.

    Raises:
        RecipeError: there is no such method.
        ModelError: `model` is neither a folder nor a hub model on this machine.
    """
    reference = model_ref(model).model_dump(exclude_none=True)
    words: dict[str, Any] = {"build": str(build.absolute()), "model": reference}
    if method is not None:
        words["adapter"] = {"method": method}
    return validate(TrainRecipe, words, "the command line", _valid_keys, _no_checks, _HINT)


def bound(recipe: TrainRecipe, base: Path) -> TrainRecipe:
    """Return the recipe with its paths made absolute: they are relative to `base`."""

    def at(path: str) -> str:
        return os.path.normpath((base / Path(path).expanduser()).absolute())

    changed: dict[str, Any] = {"build": at(recipe.build)}
    if recipe.model.folder is not None:
        changed["model"] = recipe.model.model_copy(update={"folder": at(recipe.model.folder)})
    if recipe.data.replay is not None:
        replay = recipe.data.replay.model_copy(update={"build": at(recipe.data.replay.build)})
        changed["data"] = recipe.data.model_copy(update={"replay": replay})
    evaluation = recipe.evaluation
    tasks = tuple(at(task) if task.endswith((".yaml", ".yml")) else task for task in evaluation.tasks)
    general = at(evaluation.general) if evaluation.general is not None else None
    scorer = evaluation.bertscore
    if scorer is not None and scorer.folder is not None:
        scorer = scorer.model_copy(update={"folder": at(scorer.folder)})
    new = {"tasks": tasks, "general": general, "bertscore": scorer}
    changed["evaluation"] = evaluation.model_copy(update=new)
    return recipe.model_copy(update=changed)


def train_schema() -> dict[str, Any]:
    """Return the JSON Schema of a training recipe, for editors."""
    schema = TrainRecipe.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _valid_keys(location: Location) -> list[str]:
    return nested_keys(TrainRecipe, location)


def _no_checks(_: dict[str, Any]) -> list[tuple[Location, str]]:
    return []
