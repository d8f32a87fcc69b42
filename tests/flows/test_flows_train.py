"""What is promoted and why, and nights that train: with a real tiny model, from raw files to the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import workbench as bench
from flow_server import Api

from flows.promotion import METRIC, Promoted, better, promote, promoted, remember_trained, trained_on
from pipeline.errors import TrainError


def evaluation(verdict: str, difference: float = -0.5, split: str = "test", why: str = "") -> dict[str, Any]:
    """The content of results.json, as far as a promotion reads it."""
    told = {"metric": METRIC, "base": 3.0, "tuned": 3.0 + difference, "difference": difference, "why": why}
    told |= {"low": difference - 0.1, "high": difference + 0.1, "verdict": verdict}
    return {"splits": [{"name": split, "scores": [{"metric": "bleu", "verdict": "worse"}, told]}]}


def test_better_than_its_base_by_more_than_chance_is_promoted() -> None:
    answer = better(evaluation("better"), None, "d1")
    assert answer.yes
    assert "loss on test 2.5000 against the base's 3.0000" in answer.sentence


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (evaluation("worse", 0.5), "is worse than its base"),
        (evaluation("open", -0.05), "is not better than its base for sure"),
        (evaluation("not measured", why="too few records"), "too few records"),
        ({"splits": []}, "no held-out split"),
        (evaluation("better", split="train"), "no held-out split"),
    ],
)
def test_anything_else_is_not_promoted_and_says_why(told: dict[str, Any], said: str) -> None:
    answer = better(told, None, "d1")
    assert not answer.yes
    assert answer.sentence.startswith("Not promoted: ")
    assert said in answer.sentence


@pytest.mark.parametrize(
    ("digest", "loss", "yes"), [("d1", 2.4, False), ("d1", 2.6, True), ("d0", 2.4, True)]
)
def test_the_adapter_in_use_counts_where_it_was_measured_on_the_same_build(
    digest: str, loss: float, yes: bool
) -> None:
    in_use = Promoted("a", "1", digest, loss, "why")
    assert better(evaluation("better"), in_use, "d1").yes is yes


def test_validation_decides_where_test_was_not_measured() -> None:
    both = {
        "splits": [*evaluation("not measured")["splits"], *evaluation("better", split="validation")["splits"]]
    }
    assert "loss on validation" in better(both, None, "d").sentence
    assert "loss on validation" in better(evaluation("better", split="validation"), None, "d").sentence


def test_what_was_promoted_can_be_read_and_damage_is_named(tmp_path: Path) -> None:
    assert promoted(tmp_path / "adapters") is None
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "manifest.json").write_text("{}", encoding="utf-8")
    where = tmp_path / "runs" / "one" / "adapter"
    made = promote(
        tmp_path / "adapters", where, "1", evaluation("better"), tmp_path / "build", "it is better"
    )
    assert promoted(tmp_path / "adapters") == made
    assert (made.adapter, made.loss, made.why) == ("../runs/one/adapter", 2.5, "it is better")
    (tmp_path / "adapters" / "promoted.json").write_text("{", encoding="utf-8")
    with pytest.raises(TrainError, match=r"promoted\.json is damaged"):
        promoted(tmp_path / "adapters")


def test_the_build_trained_on_is_remembered_by_its_name(tmp_path: Path) -> None:
    assert trained_on(tmp_path, "made") is None
    remember_trained(tmp_path, {"name": "made", "outputs": {"a": "1"}})
    assert trained_on(tmp_path, "made") == {"name": "made", "outputs": {"a": "1"}}
    assert trained_on(tmp_path, "other") is None


TRAIN = """\
build: out
model: {{folder: tiny}}
adapter: {{method: lora, rank: 4}}
data: {{max_length: 128, packing: false}}
training: {{epochs: 2, batch_size: 8, learning_rate: {rate}, log_to: []}}
evaluation: {{generations: 2, max_new_tokens: 8, bootstrap: 200, toxicity: false}}
"""


class Nights:
    """A folder with raw files, both recipes and a tiny model, and its nights."""

    def __init__(self, folder: Path, api: Api) -> None:
        from train.tiny import make_tiny

        self.folder, self.api = folder, api
        rows = bench.records(300, duplicates=False)
        bench.write_jsonl(folder / "raw" / "a.jsonl", rows)
        self.recipe = bench.write_recipe(folder, source="raw/*.jsonl")
        texts = [text for row in rows for text in (row["instruction"], row["output"])]
        make_tiny(folder / "tiny", texts, hidden=64, layers=2, vocabulary=600, steps=20)

    def night(self, rate: float = 3e-3) -> tuple[Any, set[str], dict[str, dict[str, Any]]]:
        """Run the nightly flow; return its final state, the names of its tasks and its artifacts."""
        from flows.nightly import nightly_flow

        (self.folder / "train.yaml").write_text(TRAIN.format(rate=rate), encoding="utf-8")
        state = nightly_flow(
            str(self.recipe), str(self.folder / "out"), str(self.folder / ".build"), runner="serial",
            train_recipe=str(self.folder / "train.yaml"), runs=str(self.folder / "runs"),
            adapters=str(self.folder / "adapters"), return_state=True,
        )  # fmt: skip
        run = str(state.state_details.flow_run_id)
        return state, {task["name"] for task in self.api.tasks(run)}, self.api.artifacts(run)


@pytest.mark.slow
def test_nights_train_when_enough_has_changed_and_promote_what_is_better(served: Api, tmp_path: Path) -> None:
    nights = Nights(tmp_path, served)
    state, tasks, shown = nights.night()
    assert state.is_completed(), state.message
    assert {"ingest", "write", "train", "promote"} <= tasks
    assert "Promoted: the tuned model is better than its base" in state.message
    assert shown["made-promotion"]["data"].startswith("Promoted: ")
    assert {row["split"] for row in json.loads(shown["made-scores"]["data"])} >= {"test"}
    first = promoted(tmp_path / "adapters")
    assert first is not None
    assert (tmp_path / "adapters" / first.adapter / "train.json").is_file()
    entries = json.loads((tmp_path / "adapters" / "index.json").read_text(encoding="utf-8"))["adapters"]
    assert [entry["id"] for entry in entries] == [first.registered]

    state, tasks, _ = nights.night()
    assert not {"ingest", "train"} & tasks
    assert "Nothing is new" in state.message
    assert "nothing was trained" in state.message

    bench.write_jsonl(tmp_path / "raw" / "b.jsonl", bench.records(4, seed=5, duplicates=False))
    state, tasks, shown = nights.night()
    assert "ingest" in tasks
    assert "train" not in tasks
    assert shown["made-change"]["data"].startswith("4 of 304 records (1.3%)")

    bench.write_jsonl(tmp_path / "raw" / "c.jsonl", bench.records(40, seed=6, duplicates=False))
    state, tasks, shown = nights.night(rate=0.3)
    assert "train" in tasks
    assert state.is_completed(), state.message
    assert "Not promoted: the tuned model is worse than its base" in state.message
    assert shown["made-promotion"]["data"].startswith("Not promoted: ")
    assert promoted(tmp_path / "adapters") == first

    gated = "  - {stage: coverage, keywords: [unheard-of], threshold: 0.5}\n  - {stage: split"
    text = nights.recipe.read_text(encoding="utf-8").replace("  - {stage: split", gated)
    nights.recipe.write_text(text, encoding="utf-8")
    state, tasks, _ = nights.night()
    assert state.is_failed()
    assert bench.manifest(tmp_path / "out")["gates"][0]["sentence"] in state.message
    assert "train" not in tasks
