"""Flows in this process against a real server: the same bytes, news, gates, artifacts, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import workbench as bench
from fakes import Journal, LengthParams
from flow_server import Api, until

from flows.errors import GateError
from pipeline.build import plan
from pipeline.errors import RecipeError
from pipeline.steps import Plan, Step

CANARY = "Zqxjkvbunting"
"""A word that stands in records only."""

GATED = bench.PLAIN.replace(
    "  - {stage: split", "  - {stage: coverage, keywords: [unheard-of], threshold: 0.5}\n  - {stage: split"
)
"""Every stage, and a dataset gate that nothing can hold."""


def build(folder: Path, recipe: Path) -> Any:
    from flows.build import build_flow

    return build_flow(
        str(recipe), str(folder / "out"), str(folder / ".build"), runner="serial", return_state=True
    )


def night(folder: Path, recipe: Path) -> Any:
    from flows.nightly import nightly_flow

    return nightly_flow(
        str(recipe), str(folder / "out"), str(folder / ".build"), runner="serial", return_state=True
    )


def run_of(state: Any) -> str:
    return str(state.state_details.flow_run_id)


def test_the_flow_writes_the_bytes_of_the_command_line(served: Api, tmp_path: Path) -> None:
    recipe = bench.corpus(tmp_path, 60)
    bench.build(recipe, tmp_path / "by_command", tmp_path / ".build-of-command")
    state = build(tmp_path, recipe)
    assert state.is_completed()
    assert bench.content(tmp_path / "out") == bench.content(tmp_path / "by_command")
    names = {task["name"]: task for task in served.tasks(run_of(state))}
    assert {"plan", "ingest", "normalise", "heuristics", "dedupe", "split", "write", "show"} == set(names)
    assert set(names["dedupe"]["tags"]) == {"judge", "dedupe"}


def _with(log: list[str], words: str) -> list[str] | None:
    """Return a log if it has come to these words: Prefect sends it in the background."""
    return log if any(words in line for line in log) else None


def test_the_page_shows_counts_and_links_and_the_log_no_text(served: Api, tmp_path: Path) -> None:
    rows = bench.records(30, duplicates=False)
    rows += [
        {"instruction": f"What does {CANARY} mean?", "input": "", "output": f"It is {CANARY}, a bird."}
    ] * 2
    bench.write_jsonl(tmp_path / "data.jsonl", rows)
    state = build(tmp_path, bench.write_recipe(tmp_path))
    shown = served.artifacts(run_of(state))
    assert set(shown) == {"made-counts", "made-build"}
    counts = json.loads(shown["made-counts"]["data"])
    assert {"stage": "dedupe", "action": "drop", "reason": "dedupe.exact", "records": 1} in counts
    assert "report/index.html" in shown["made-build"]["data"]
    texts = [row["output"] for row in bench.rows(tmp_path / "out", "records.parquet")]
    assert sum(CANARY in text for text in texts) == 2
    log = until(lambda: _with(served.logs(run_of(state)), "dedupe: 32 → 31 records"), 30, "the log is sent")
    told = "\n".join([*log, json.dumps(shown)])
    assert CANARY not in told


def test_a_long_part_shows_how_far_it_has_come(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect import flow

    from flows import artifacts
    from flows.tasks import run_as_task

    monkeypatch.setattr(artifacts, "LONG_SECONDS", 0.0)
    monkeypatch.setattr(artifacts, "TICK_SECONDS", 0.0)
    seen = []

    @flow(name="long")
    def long() -> None:
        from prefect.runtime import flow_run

        def work() -> None:
            tick = artifacts.RunReporter("made").phase("dedupe", "embedding", 8)
            for count in (2, 5, 1):
                tick(count)
                seen.append(served.artifacts(str(flow_run.id))["made-progress-dedupe"])

        run_as_task("dedupe", work)

    long()
    assert [each["data"] for each in seen] == [25.0, 87.5, 100.0]
    assert len({each["id"] for each in seen}) == 1, "one artifact, brought up to date"
    assert (seen[0]["type"], seen[0]["description"]) == ("progress", "dedupe: embedding")
    assert seen[0]["task_run_id"] is not None


def test_a_gate_that_falls_short_fails_the_run_with_its_sentence(served: Api, tmp_path: Path) -> None:
    recipe = bench.corpus(tmp_path, 30, stages=GATED)
    first = night(tmp_path, recipe)
    assert first.is_failed()
    sentence = bench.manifest(tmp_path / "out")["gates"][0]["sentence"]
    assert sentence in first.message
    with pytest.raises(GateError):
        first.result()
    gates = json.loads(served.artifacts(run_of(first))["made-gates"]["data"])
    assert [(gate["result"], gate["sentence"]) for gate in gates] == [("fell short", sentence)]
    second = night(tmp_path, recipe)
    assert second.is_failed(), "a quiet night makes no gate hold"
    assert "ingest" not in {task["name"] for task in served.tasks(run_of(second))}


def test_a_second_night_measures_only_what_is_new(
    served: Api, tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_length(*args: Any) -> Plan:
        laid = plan(*args)
        return replace(laid, steps=(*laid.steps, Step("length", "judge", "length", LengthParams(), ())))

    monkeypatch.setattr("flows.build.plan", with_length)
    folder = tmp_path / "raw"
    first, second = bench.records(20, duplicates=False), bench.records(7, seed=9, duplicates=False)
    bench.write_jsonl(folder / "a.jsonl", first)
    recipe = bench.write_recipe(tmp_path, source="raw/*.jsonl")
    assert night(tmp_path, recipe).is_completed()
    assert journal.total("measure") == 20

    quiet = night(tmp_path, recipe)
    assert quiet.message.startswith("Nothing is new: 1 file and all else")
    assert journal.total("measure") == 20
    names = {task["name"] for task in served.tasks(run_of(quiet))}
    assert names == {"plan", "look", "say news", "show"}
    assert served.artifacts(run_of(quiet))["made-news"]["data"].startswith("Nothing is new")

    bench.write_jsonl(folder / "b.jsonl", second)
    busy = night(tmp_path, recipe)
    assert busy.message.startswith("There is news in the files: 1 new, 0 changed, 0 gone, 1 unchanged.")
    assert journal.total("measure") == 27, "twenty texts were measured the night before"
    assert bench.manifest(tmp_path / "out")["counts"]["records"] == 27


def test_a_recipe_that_does_not_parse_fails_with_its_line(served: Api, tmp_path: Path) -> None:
    recipe = bench.corpus(tmp_path, 10)
    recipe.write_text(recipe.read_text(encoding="utf-8") + "sead: 3\n", encoding="utf-8")
    state = night(tmp_path, recipe)
    assert state.is_failed()
    assert "did you mean 'seed'" in state.message
    with pytest.raises(RecipeError):
        state.result()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "recipe.yaml"]


@pytest.mark.parametrize(("name", "value"), [("workers", "many"), ("runner", "fast"), ("step_hours", 0)])
def test_a_parameter_of_the_wrong_type_is_refused(
    served: Api, tmp_path: Path, name: str, value: object
) -> None:
    from prefect.exceptions import ParameterTypeError

    from flows.build import build_flow

    recipe = bench.corpus(tmp_path, 10)
    wrong: dict[str, Any] = {"recipe": str(recipe), "out": str(tmp_path / "out"), name: value}
    before = len(served.runs())
    with pytest.raises(ParameterTypeError, match=name):
        build_flow(**wrong)
    assert not (tmp_path / "out").exists()
    assert [run["state_type"] for run in served.runs()[before:]] in ([], ["FAILED"])


def test_two_builds_of_one_store_wait_for_each_other(served: Api, tmp_path: Path) -> None:
    from prefect import flow

    from flows.errors import FlowError
    from flows.server import temporary
    from flows.tasks import limit_name, store_held

    token = temporary.set(False)  # as on a server that others use as well

    @flow(name="holds")
    def both() -> None:
        with store_held(tmp_path / "one"), store_held(tmp_path / "two"):
            limit = served.get(f"/v2/concurrency_limits/{limit_name(tmp_path / 'one')}")
            assert (limit["limit"], limit["active_slots"]) == (1, 1)
            with store_held(tmp_path / "one", minutes=0.02):
                raise AssertionError("a store was held twice")

    with pytest.raises(FlowError, match="has held the store"):
        both()
    temporary.reset(token)
    limit = served.get(f"/v2/concurrency_limits/{limit_name(tmp_path / 'one')}")
    assert limit["active_slots"] == 0
