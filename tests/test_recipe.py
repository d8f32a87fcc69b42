"""A recipe's mistakes are reported all at once, each with its line and what would be right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pipeline.errors import RecipeError
from pipeline.export import FORMATS
from pipeline.recipe import Recipe, load_recipe, parse_recipe, recipe_schema
from pipeline.stages import STAGES

SAMPLE = Path(__file__).resolve().parents[1] / "data_samples" / "recipes" / "sample.yaml"
START = "name: x\nsources: [{name: a, path: a.jsonl}]\n"

BROKEN = """\
name: broken
sources:
  - name: a
    path: a.jsonl
    colums: {instruction: q}
  - name: a
    path: b.jsonl
stages:
  - stage: normalize
  - stage: split
    train: 0.5
    validation: 0.1
    test: 0.1
  - stage: dedupe
    threshold: 1.5
    model: {foldr: x}
  - stage: split
  - name: unnamed
exports:
  - format: alpaca
  - format: alpaca
max_rejects: 3
"""
EXPECTED = [
    (5, "sources[0].colums: unknown key; did you mean 'columns'? Valid keys: columns, config, dataset"),
    (6, "'a' stands twice under sources; give each its own name"),
    (9, "stages[0]: there is no 'normalize'; did you mean 'normalise'? Valid: " + ", ".join(STAGES)),
    (10, "stages[1].split: train, validation and test must add up to 1, not 0.7"),
    (14, "dedupe after split would leave duplicates in two splits; put it before"),
    (15, "stages[2].dedupe.threshold: input should be less than or equal to 1 (given: 1.5)"),
    (16, "stages[2].dedupe.model.foldr: unknown key; did you mean 'folder'? Valid keys: folder, hub"),
    (17, "'split' stands twice under stages; give each its own name"),
    (17, "a recipe has one split"),
    (18, "stages[4]: the key 'stage' is missing"),
    (21, "'alpaca' stands twice under exports; give each its own name"),
    (22, "max_rejects: unknown key; did you mean 'max_reject_rate'? Valid keys: card, exports"),
]


def mistakes(text: str) -> list[tuple[int, str]]:
    """Return what is wrong with a recipe: lines and sentences."""
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "r.yaml")
    listed = [re.fullmatch(r"  r\.yaml:(\d+): (.*)", line) for line in caught.value.message.splitlines()[1:]]
    found = [(int(match[1]), match[2]) for match in listed if match]
    count = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    assert caught.value.message.startswith(f"{count} in the recipe\n")
    return found


def test_every_mistake_is_told_at_once_with_its_line() -> None:
    found = mistakes(BROKEN)
    assert [line for line, _ in found] == [line for line, _ in EXPECTED]
    for (_, message), (_, beginning) in zip(found, EXPECTED, strict=True):
        assert message.startswith(beginning)


def test_the_hint_names_the_command_that_lists_every_key() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(BROKEN, "r.yaml")
    assert "init --schema" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (START + "zzz: 1\n", 3, "zzz: unknown key. Valid keys: card, exports"),
        (START + "card: {titel: x}\n", 3, "card.titel: unknown key; did you mean 'title'?"),
        (START + "exports:\n- format: alpaca\n  suffix: x\n", 5, "exports[0].suffix: unknown key"),
        (START + "exports:\n- format: xml\n", 4, "exports[0].format: input should be 'alpaca', 'prompt"),
        (START + "stages:\n- stage: zzz\n", 4, "stages[0]: there is no 'zzz'. Valid: normalise"),
        (START + "seed: -1\n", 3, "seed: input should be greater than or equal to 0 (given: -1)"),
        (START + "\n\nshard_rows: 0\n", 5, "shard_rows: input should be greater than or equal to 1"),
        ("name: a b\nsources: [{name: a, path: a}]\n", 1, "name: string should match pattern"),
        ("name: x\n", 1, "sources: this key is missing"),
        ("name: x\nsources: []\n", 2, "sources: tuple should have at least 1 item"),
        ("name: x\nsources:\n- name: a\n", 3, "sources[0]: a source needs exactly one of `path:` and `dataset:`"),
        (START + "stages:\n- {stage: split, train: 0.9,\n   test: 2}\n", 5, "stages[0].split.test: input should"),
        (START + "stages: [{stage: dedupe, model: {hub: a/b}}]\n", 3, "stages[0].dedupe.model: a hub model needs"),
        (START + "exports: [{format: prompt_completion, template: '{promt}'}]\n", 3, "exports[0].template: unknown"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_and_what_would_be_right(text: str, line: int, message: str) -> None:
    found = mistakes(text)
    assert found[0][0] == line
    assert found[0][1].startswith(message)


def test_a_second_stage_of_a_kind_needs_a_name_of_its_own() -> None:
    twice = START + "stages: [{stage: dedupe}, {stage: dedupe, name: again}]\n"
    assert parse_recipe(twice, "r.yaml").stage_names() == ("dedupe", "again")
    assert "stands twice" in mistakes(twice.replace("again", "dedupe"))[0][1]


def test_text_that_is_not_yaml_is_named_with_its_line() -> None:
    with pytest.raises(RecipeError, match=r"^r\.yaml:3: not valid YAML: "):
        parse_recipe("name: x\nsources:\n  - a: b: c\n", "r.yaml")
    with pytest.raises(RecipeError, match=r"^r\.yaml:2: not valid YAML: found duplicate key"):
        parse_recipe("name: x\nname: y\n", "r.yaml")
    with pytest.raises(RecipeError, match=r"^r\.yaml: not valid YAML"):
        parse_recipe("name: \x00", "r.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "just words", "3"])
def test_a_recipe_is_a_mapping(text: str) -> None:
    with pytest.raises(RecipeError, match=r"^r\.yaml: a recipe is a mapping") as caught:
        parse_recipe(text, "r.yaml")
    assert "init FOLDER" in caught.value.hint


def test_a_missing_recipe_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no recipe") as caught:
        load_recipe(tmp_path / "none.yaml")
    assert "python -m pipeline init" in caught.value.hint


def test_a_binary_file_and_a_folder_are_no_recipes(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"\x89PNG\xff\xfe")
    for path in (tmp_path / "r.yaml", tmp_path):
        with pytest.raises(RecipeError, match="cannot be read"):
            load_recipe(path)


def test_the_sample_recipe_is_read_as_it_is_written() -> None:
    recipe = load_recipe(SAMPLE)
    assert recipe.name == "sample"
    assert recipe.stage_names() == (
        "normalise", "heuristics", "language", "dedupe", "scrub", "dedupe_after_scrub", "boilerplate", "perplexity",
            "relevance", "toxicity", "decontaminate", "review", "scrub_after_review", "coverage", "balance", "split",
    )  # fmt: skip
    assert recipe.sources[0].columns == {"instruction": "customer_message", "output": "agent_reply"}


def test_every_threshold_of_the_sample_recipe_has_its_reason_and_is_the_default_unless_it_says_so() -> None:
    stages = SAMPLE.read_text("utf-8").split("stages:\n", 1)[1].split("exports:\n", 1)[0]
    numbers = [line for line in stages.splitlines() if re.match(r"\s+\w+: [\d.]+(\s|$)", line)]
    shares = ("validation:", "test:")
    assert len(numbers) >= 18
    assert all("# " in line for line in numbers if not line.strip().startswith(shares))
    differing = {
        (params.stage_name(), name)
        for params in load_recipe(SAMPLE).stages
        for name, field in type(params).model_fields.items()
        if isinstance(value := getattr(params, name), (int, float)) and not isinstance(value, bool)
        if value != field.default
    }
    assert differing == {
        ("relevance", "threshold"),
        *(("split", name) for name in ("train", "validation", "test")),
    }


def test_without_exports_both_formats_are_written() -> None:
    for text in (START, START + "exports:\n", START + "exports: []\n"):
        assert [export.format for export in parse_recipe(text, "r").exports] == [
            "alpaca",
            "prompt_completion",
        ]
    assert [e.format for e in parse_recipe(START + "exports: [{format: alpaca}]\n", "r").exports] == [
        "alpaca"
    ]


def test_yaml_values_become_plain_ones() -> None:
    text = (
        START
        + "seed: 0x10\nmax_reject_rate: 1e-1\ncard:\n  title: '标题'\n  description: >-\n    one\n    two\n"
    )
    recipe = parse_recipe(text, "r.yaml")
    assert (recipe.seed, recipe.max_reject_rate) == (16, 0.1)
    assert (recipe.card.title, recipe.card.description) == ("标题", "one two")
    assert [type(value) for value in (recipe.seed, recipe.max_reject_rate, recipe.name)] == [int, float, str]
    assert type(recipe.card.description) is str


def test_the_schema_is_a_schema_and_accepts_what_the_recipe_accepts() -> None:
    schema = recipe_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    good = {
        "name": "x",
        "sources": [{"name": "a", "path": "a"}],
        "stages": [{"stage": "dedupe", "threshold": 0.9}],
    }
    assert validator.is_valid(good)
    for bad in (
        {"seed": -1},
        {"nmae": "x"},
        {"stages": [{"stage": "dedupe", "treshold": 1}]},
        {"sources": []},
    ):
        assert not validator.is_valid({**good, **bad}), bad


def test_the_schema_describes_every_key() -> None:
    schema = recipe_schema()
    described = {"Recipe": schema, **schema["$defs"]}
    names = ["Recipe", "Card", "SourceSpec", "Export", *(kind.params.__name__ for kind in STAGES.values())]
    for name in names:
        for key, value in described[name]["properties"].items():
            # The tag of the union has one value, which says all there is to say.
            assert value.get("description") or (key == "stage" and "const" in value), f"{name}.{key}"


def test_recipes_cannot_be_altered() -> None:
    recipe = parse_recipe(START, "r")
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]
    assert isinstance(recipe, Recipe)
    assert {export.format for export in recipe.exports} <= set(FORMATS)


def test_a_list_whose_one_entry_is_wrong_is_not_called_too_short() -> None:
    assert mistakes("name: x\nsources:\n- name: a\n") == [
        (3, "sources[0]: a source needs exactly one of `path:` and `dataset:`")
    ]
