"""The command line of training: whatever is no command is a recipe, and errors are sentences with exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from train.__main__ import app


@pytest.mark.parametrize("words", [["none.yaml"], ["run", "none.yaml"]])
def test_what_is_no_command_is_a_recipe(words: list[str]) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: there is no recipe none.yaml") and "\n  → " in result.stderr


def test_a_build_and_a_model_may_be_named_instead(tmp_path: Path, tiny_qwen2: Path) -> None:
    result = CliRunner().invoke(app, ["--build", str(tmp_path), "--model", str(tiny_qwen2)])
    assert result.exit_code == 1
    assert "is not a finished build" in result.stderr


def test_one_of_both_is_not_enough_and_a_recipe_names_its_own(tmp_path: Path) -> None:
    alone = CliRunner().invoke(app, ["--build", str(tmp_path)])
    assert (alone.exit_code, "name a recipe, or a build and a model" in alone.stderr) == (2, True)
    both = CliRunner().invoke(app, ["r.yaml", "--build", str(tmp_path)])
    assert (both.exit_code, "names its own build" in both.stderr) == (2, True)


def test_the_schema_is_json() -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    assert set(json.loads(result.stdout)["properties"]) >= {"build", "model", "adapter", "data", "training"}


def test_what_is_no_adapter_is_told_by_every_command(tmp_path: Path) -> None:
    for words in (["chat", "--prompt", "hi"], ["merge", "--out", "x"]):
        result = CliRunner().invoke(app, [words[0], str(tmp_path), *words[1:]])
        assert result.exit_code == 1
        assert result.stderr.startswith(f"error: there is no adapter in {tmp_path}")
    evaluated = CliRunner().invoke(app, ["evaluate", str(tmp_path)])
    assert (evaluated.exit_code, "no run whose training is over" in evaluated.stderr) == (1, True)


def test_an_empty_registry_lists_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["adapters", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, "")
