"""The literal registries and the recipe's types say the same."""

from __future__ import annotations

from typing import get_args

import pytest

from pipeline.export import FORMATS, Export
from pipeline.ingest import SourceSpec
from pipeline.recipe import Card, Recipe
from pipeline.runners import RUNNERS, make_runner
from pipeline.stages import STAGES, AnyStageParams


def test_the_registry_of_stages_is_the_recipes_union() -> None:
    union, _ = get_args(AnyStageParams)
    assert {params.model_fields["stage"].default: params for params in get_args(union)} == {
        name: kind.params for name, kind in STAGES.items()
    }


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_tag_is_its_key(name: str) -> None:
    kind = STAGES[name]
    assert get_args(kind.params.model_fields["stage"].annotation) == (name,)
    assert kind.stage.name == name
    assert kind.stage.version >= 1
    assert kind.purpose
    methods = {"edit": ("edit",), "judge": ("measures", "measure", "context", "decide")}[kind.kind]
    assert all(callable(getattr(kind.stage, method)) for method in (*methods, "needs"))


def test_every_format_can_be_asked_for() -> None:
    assert set(get_args(Export.model_fields["format"].annotation)) == set(FORMATS)


@pytest.mark.parametrize(
    "model", [Recipe, Card, SourceSpec, Export, *(kind.params for kind in STAGES.values())]
)
def test_every_parameter_says_what_it_is(model: type[Recipe]) -> None:
    undescribed = {name for name, field in model.model_fields.items() if not field.description}
    assert undescribed <= {"stage"}
    assert model.model_config["extra"] == "forbid"
    assert model.model_config["frozen"]


@pytest.mark.parametrize("kind", RUNNERS)
def test_every_runner_can_be_made(kind: str) -> None:
    with make_runner(kind, 2, 0) as runner:
        assert runner.workers in (1, 2)
