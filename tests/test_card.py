"""The dataset card: front matter that the hub reads, and the manifest's numbers."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.card import dataset_card
from pipeline.recipe import parse_recipe

RECIPE = """\
name: help
sources: [{name: a, path: a, lang: zh}, {name: b, path: b, lang: en}, {name: c, path: c}]
exports: [{format: prompt_completion}, {format: alpaca}]
card: {title: "Help: 'desk' | 帮助", description: "What it is.", license: cc-by-4.0}
"""


def manifest(kept: int = 1500, splits: dict[str, int] | None = None) -> dict[str, Any]:
    return {
        "counts": {
            "kept": kept, "records": kept + 10, "rejected": 2, "units": kept + 12,
            "splits": splits or {"train": kept - 100, "validation": 100, "test": 0},
        },
        "inputs": [
            {"source": "a", "file": "x|y.csv", "format": "csv", "shape": "alpaca", "units": 1512, "parsed": 1510}
        ],
        "gates": [],
        "stages": [
            {"name": "ingest", "reasons": {}},
            {"name": "dedupe", "reasons": {"drop": {"dedupe.exact": 1234}}},
        ],
    }  # fmt: skip


def front_matter(card: str) -> dict[str, Any]:
    head, front, _ = card.split("---\n", 2)
    assert head == ""
    loaded: dict[str, Any] = YAML(typ="safe").load(front)
    return loaded


def test_front_matter_lists_every_format_as_a_configuration() -> None:
    front = front_matter(dataset_card(parse_recipe(RECIPE, "r"), manifest()))
    assert front["configs"] == [
        {
            "config_name": "prompt_completion",
            "default": True,
            "data_files": [
                {"split": "train", "path": "data/prompt_completion/train.jsonl"},
                {"split": "validation", "path": "data/prompt_completion/validation.jsonl"},
            ],
        },
        {
            "config_name": "alpaca",
            "data_files": [
                {"split": "train", "path": "data/alpaca/train.jsonl"},
                {"split": "validation", "path": "data/alpaca/validation.jsonl"},
            ],
        },
    ]
    assert front["pretty_name"] == "Help: 'desk' | 帮助"
    assert front["language"] == ["en", "zh"]
    assert front["license"] == "cc-by-4.0"
    assert front["task_categories"] == ["text-generation"]


def test_what_nobody_said_is_left_out() -> None:
    card = dataset_card(parse_recipe("name: x\nsources: [{name: a, path: a}]\n", "r"), manifest())
    front = front_matter(card)
    assert not {"language", "license"} & front.keys()
    assert front["pretty_name"] == "x"
    assert "\n# x\n\n1,500 records" in card


@pytest.mark.parametrize(
    ("kept", "size"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**8, "100M<n<1B")],
)
def test_the_size_is_one_of_the_hubs_categories(kept: int, size: str) -> None:
    front = front_matter(dataset_card(parse_recipe(RECIPE, "r"), manifest(kept, {"train": kept})))
    assert front["size_categories"] == [size]


def test_the_text_repeats_the_manifests_numbers() -> None:
    card = dataset_card(parse_recipe(RECIPE, "r"), manifest())
    assert "1,500 records out of 1,510 that were read (2 of 1,512 units could not be read)." in card
    assert "| dedupe | drop | `dedupe.exact` | 1,234 |" in card
    assert "| validation | 100 |" in card
    assert "| a | x\\|y.csv | csv | alpaca | 1,512 | 2 |" in card
    assert "\nWhat it is.\n" in card
