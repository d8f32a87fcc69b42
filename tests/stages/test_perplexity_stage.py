"""The stage `perplexity` in builds: what it flags and why, what it cannot measure, and its three sources."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from arpa_file import write_arpa
from fakes import Corner, ShuffledRunner, write_jsonl
from perplexity_corpus import answers, answers_zh, mashed
from pydantic import ValidationError
from tiny_models import save_causal_lm

from pipeline.build import plan
from pipeline.errors import ModelError, PipelineError
from pipeline.recipe import parse_recipe
from pipeline.stages.perplexity_params import PerplexityParams
from pipeline.steps import Plan

BAD = {
    "mash": mashed(220),
    "stretch": answers(1, seed=8)[0][:90] + mashed(50) + answers(1, seed=8)[0][90:],
    "loop": "and then he said that he would come again, " * 8,
    "cut": answers(1, seed=9)[0][:-17],
    "zh_mash": "".join(sorted(answers_zh(1, seed=8)[0])),
}


def corpus(folder: Path, count: int = 150) -> None:
    """Write clean records of two languages, and one bad one of each kind."""
    rows = [{"instruction": f"Write about {n}.", "output": text} for n, text in enumerate(answers(count))]
    rows += [
        {"instruction": f"请写第{n}段。", "output": text} for n, text in enumerate(answers_zh(2 * count))
    ]
    rows += [{"instruction": name, "output": text} for name, text in BAD.items()]
    write_jsonl(folder / "data.jsonl", rows)


def planned(corner: Corner, stages: str) -> Plan:
    """Return a plan with shards large enough that a test takes seconds."""
    text = "name: made\nseed: 7\nshard_rows: 200\nsources: [{name: things, path: data.jsonl}]\n"
    return plan(parse_recipe(f"{text}stages: {stages}\n", "recipe.yaml"), corner.folder)


def built(
    corner: Corner, stages: str, **more: Any
) -> tuple[dict[str, dict[str, Any]], dict[str, list[Any]], Any]:
    """Return the records by instruction, each one's (action, reason, evidence), and the manifest."""
    out = corner.build(planned(corner, stages), **more)
    records = {row["instruction"]: row for row in pq.read_table(out / "records.parquet").to_pylist()}
    names = {row["id"]: name for name, row in records.items()}
    events: dict[str, list[Any]] = {}
    for row in pq.read_table(out / "ledger.parquet").to_pylist():
        events.setdefault(names[row["id"]], []).append(
            (row["action"], row["reason"], json.loads(row["evidence"]))
        )
    return records, events, json.loads((out / "manifest.json").read_text())


def test_bad_records_are_flagged_for_their_own_reason(corner: Corner) -> None:
    corpus(corner.folder)
    records, events, _ = built(corner, "[{stage: perplexity, max_truncation: 4}]")
    reasons = {name: [reason for _, reason, _ in events.get(name, [])] for name in BAD}
    assert "gate.perplexity.high" in reasons["mash"] and "gate.perplexity.high" in reasons["zh_mash"]
    assert reasons["stretch"][-1] == "gate.perplexity.stretch"
    assert "gate.repetition.high" in reasons["loop"]
    assert reasons["cut"] == ["gate.truncation.high"]
    assert not set(events) - set(BAD)
    assert all(row["status"] == "kept" for row in records.values())


def test_prompt_of_keys_is_flagged_in_the_smallest_corpus(corner: Corner) -> None:
    rows = [
        {"instruction": "asdf jkl; lkjasdf wer poiu zxcv mnbv qqwe", "output": "What do you need?"},
        {"instruction": "阿斯蒂芬的发送到发阿斯顿富国", "output": "您好，请问需要什么帮助？"},
        {"instruction": "怎么给刹车油管排气？", "output": "这个问题详见"},
        {"instruction": "What does FR-20931 at https://example.com/asdf mean?", "output": "An order."},
    ]
    write_jsonl(corner.folder / "data.jsonl", rows)
    _, events, _ = built(corner, "[{stage: perplexity}]")
    reasons = [[reason for _, reason, _ in events.get(row["instruction"], [])] for row in rows]
    assert reasons == [["gate.prompt.gibberish"], ["gate.prompt.gibberish"], ["gate.truncation.high"], []]
    told = events[rows[0]["instruction"]][0][2]
    assert (told["field"], told["measure"], told["start"]) == ("instruction", "prompt_keyboard", 0)


def test_evidence_shows_the_stretch_and_no_text(corner: Corner) -> None:
    corpus(corner.folder)
    _, events, _ = built(corner, "[{stage: perplexity}]")
    told = next(told for _, reason, told in events["stretch"] if reason == "gate.perplexity.stretch")
    text = BAD["stretch"]
    assert told["field"] == "output" and told["value"] > told["threshold"]
    assert 80 <= told["start"] < told["stop"] <= 150
    assert all(text[told["start"] : told["stop"]] not in str(value) for value in told.values())


def test_drop_drops_once_and_measure_only_measures(corner: Corner) -> None:
    corpus(corner.folder)
    records, events, manifest = built(
        corner, "[{stage: perplexity, high: drop, stretch: measure, repetition: measure}]"
    )
    assert records["mash"]["status"] == "dropped" and records["mash"]["drop_reason"] == "gate.perplexity.high"
    assert [action for action, _, _ in events["mash"]] == ["drop"]
    assert all(reason != "gate.perplexity.stretch" for _, reason, _ in events.get("stretch", []))
    assert records["stretch"]["stretch"] > 0
    assert "disorder" in json.dumps(manifest)


def test_columns_are_numbers_a_reader_wants(corner: Corner) -> None:
    corpus(corner.folder)
    records, _, _ = built(corner, "[{stage: perplexity}]")
    row = records["Write about 3."]
    assert 1 < row["perplexity_given_prompt"] < row["perplexity"] * 1.2
    assert row["ifd"] > 0 and 0 <= row["misfit"] <= 1
    thirds = [r["difficulty"] for name, r in records.items() if name.startswith("Write about")]
    assert {thirds.count(name) // 10 for name in ("easy", "medium", "hard")} <= {4, 5}


def test_moved_threshold_measures_nothing_and_refit_learns_anew(corner: Corner) -> None:
    corpus(corner.folder, 40)
    corner.walk(planned(corner, "[{stage: perplexity}]"))
    measured = sorted((corner.folder / ".build" / "measures").rglob("*.arrow"))
    fits = sorted((corner.folder / ".build" / "fits").rglob("*.*"))
    assert measured and fits
    corner.walk(planned(corner, "[{stage: perplexity, max_distance: 3, high: drop}]"))
    assert sorted((corner.folder / ".build" / "measures").rglob("*.arrow")) == measured
    corpus(corner.folder, 45)
    corner.walk(planned(corner, "[{stage: perplexity}]"))
    assert sorted((corner.folder / ".build" / "fits").rglob("*.*")) == fits
    corner.walk(planned(corner, "[{stage: perplexity}]"), refit=True)
    assert len(sorted((corner.folder / ".build" / "fits").rglob("*.*"))) > len(fits)


def test_order_of_work_alters_nothing(corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> None:
    corpus(corner.folder, 40)
    one = corner.build(planned(corner, "[{stage: perplexity}]"), "one")
    other = Corner(tmp_path_factory.mktemp("other"))
    corpus(other.folder, 40)
    two = other.build(planned(other, "[{stage: perplexity}]"), "two", runner=ShuffledRunner(3))
    for name in ("records.parquet", "ledger.parquet"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_what_is_too_little_is_not_measured_and_said(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", [{"instruction": "One", "output": "A single record."}])
    records, events, manifest = built(corner, "[{stage: perplexity}]")
    assert not events and records["One"]["perplexity"] is None and records["One"]["difficulty"] == "unknown"
    assert '"not_measured": 1' in json.dumps(manifest)


def test_hostile_responses_are_measured_or_said_not_to_be(corner: Corner) -> None:
    corpus(corner.folder, 100)
    with (corner.folder / "data.jsonl").open("a", encoding="utf-8") as file:
        for n, text in enumerate(["", "?", "7", "Բարեւ ձեզ", "ok" * 4000]):
            file.write(json.dumps({"instruction": f"odd {n}", "output": text}) + "\n")
    records, _, _ = built(corner, "[{stage: perplexity}]")
    assert [records[f"odd {n}"]["perplexity"] is None for n in range(5)][:1] == [True]


def test_language_model_is_a_source(corner: Corner) -> None:
    corpus(corner.folder, 80)
    save_causal_lm(corner.folder / "qwen")
    records, events, _ = built(
        corner, f"[{{stage: perplexity, source: model, model: {{folder: {corner.folder / 'qwen'}}}}}]"
    )
    row = records["Write about 3."]
    assert row["perplexity"] > 1 and row["ifd"] > 0 and row.get("disorder") is None
    assert "gate.repetition.high" in [reason for _, reason, _ in events["loop"]]


@pytest.mark.skipif(importlib.util.find_spec("kenlm") is None, reason="needs the `kenlm` extra")
def test_kenlm_file_beside_the_recipe_is_a_source(corner: Corner) -> None:
    corpus(corner.folder, 80)
    write_arpa(corner.folder / "small.arpa")
    records, _, _ = built(corner, "[{stage: perplexity, source: kenlm, kenlm: small.arpa}]")
    assert records["Write about 3."]["perplexity"] > 1


def test_missing_model_is_told_before_any_work(corner: Corner) -> None:
    corpus(corner.folder, 5)
    with pytest.raises(PipelineError) as error:
        corner.walk(planned(corner, "[{stage: perplexity, source: model, model: {folder: nowhere}}]"))
    assert isinstance(error.value, ModelError) and "nowhere" in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        {"source": "model"},
        {"source": "kenlm"},
        {"kenlm": "x.arpa"},
        {"max_perplexity": 5, "max_percentile": 99},
        {"max_perplexity": 2, "min_perplexity": 3},
        {"folds": 1},
    ],
)
def test_contradictions_are_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PerplexityParams(**params)


def test_absolute_and_percentile_limits_replace_the_distance(corner: Corner) -> None:
    corpus(corner.folder)
    _, events, _ = built(corner, "[{stage: perplexity, max_perplexity: 1.01, errors: 0}]")
    assert len([name for name, told in events.items() if told[0][1] == "gate.perplexity.high"]) > 400
    other = Corner(corner.folder / "deeper")
    other.folder.mkdir()
    corpus(other.folder)
    _, events, _ = built(other, "[{stage: perplexity, max_percentile: 90, errors: 0}]")
    high = [name for name, told in events.items() if told[0][1] == "gate.perplexity.high"]
    assert 35 <= len(high) <= 60
