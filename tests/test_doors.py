"""What earlier stages dropped passes through the scrub on its way out; the books and the store know of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, ShuffledRunner, tasks, write_jsonl
from tiny_models import save_tagger

from pipeline.collect import collect, remember
from pipeline.errors import ModelError, RecipeError
from pipeline.ledger import describe, differences, life_of
from pipeline.output import write_build
from pipeline.runners import ProcessRunner
from pipeline.steps import StepResult

MAIL = "jo.fenwick@firm.test"
STAGES = "[{stage: normalise}, {stage: heuristics}, {stage: dedupe, semantic: false, near: false}, %s, {stage: split}]"
SCRUB = "{stage: scrub}"
REFUSED = {
    "instruction": f"Send  it to {MAIL}, please.",
    "output": "I'm sorry, but as an AI language model I cannot.",
}


@pytest.fixture
def filled(corner: Corner) -> Corner:
    asked = {"instruction": f"How do I reach {MAIL} by post?", "output": f"Write to {MAIL} and ask."}
    write_jsonl(corner.folder / "data.jsonl", [*tasks(12), REFUSED, asked, asked, *tasks(6, 20)])
    return corner


def rows(out: Path, name: str = "records.parquet") -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = pq.read_table(out / name, partitioning=None).to_pylist()
    return listed


def reasons(results: Sequence[StepResult], step: str) -> dict[str, dict[str, int]]:
    return next(result.reasons() for result in results if result.step == step)


def test_what_was_dropped_before_is_scrubbed_and_stays_dropped(filled: Corner) -> None:
    out = filled.build(filled.plan(STAGES % SCRUB))
    records = rows(out)
    assert MAIL not in json.dumps(records)
    refused = next(row for row in records if row["drop_reason"] == "heuristics.response.refusal")
    assert refused["instruction"] == "Send it to <EMAIL>, please."
    assert (refused["status"], refused["dropped_by"]) == ("dropped", "heuristics")
    twin = next(row for row in records if row["drop_reason"] == "dedupe.exact")
    assert twin["output"] == "Write to <EMAIL> and ask."


def test_the_ledger_of_a_dropped_record_ends_at_the_text_that_is_shown(filled: Corner) -> None:
    out = filled.build(filled.plan(STAGES % SCRUB))
    refused = next(row for row in rows(out) if row["drop_reason"] == "heuristics.response.refusal")
    life = life_of(out, refused["id"])
    assert [(event["action"], event["reason"]) for event in life.events] == [
        ("edit", "normalise.whitespace"), ("drop", "heuristics.response.refusal"), ("edit", "pii.email"),
    ]  # fmt: skip
    told = "\n".join(describe(life))
    assert 'at ["instruction 11-18"]' in told and "<EMAIL>" in told and MAIL not in told
    assert "now     dropped by heuristics: heuristics.response.refusal" in told


def test_the_counts_of_the_manifest_are_those_of_the_ledger(filled: Corner) -> None:
    out = filled.build(filled.plan(STAGES % SCRUB))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    stage = next(stage for stage in manifest["stages"] if stage["name"] == "scrub")
    told = [row for row in rows(out, "ledger.parquet") if row["stage"] == "scrub"]
    assert stage["reasons"] == {"edit": {"pii.email": 3}} and len(told) == 3
    assert manifest["counts"]["ledger_rows"] == len(rows(out, "ledger.parquet"))
    assert "mail" in stage["notes"]["recognisers"]


def test_a_dropping_scrub_does_not_drop_what_is_dropped_already(filled: Corner) -> None:
    out = filled.build(filled.plan(STAGES % "{stage: scrub, replace: drop_record}"))
    drops = [row for row in rows(out, "ledger.parquet") if row["action"] == "drop"]
    assert sorted(row["reason"] for row in drops) == [
        "dedupe.exact", "heuristics.response.refusal", "pii.email",
    ]  # fmt: skip
    assert MAIL not in json.dumps(rows(out))


def test_a_second_scrub_sees_what_the_first_one_left(filled: Corner) -> None:
    two = "{stage: scrub, kinds: [phone], deny: {word: [reach]}}, {stage: scrub, name: again}"
    planned = filled.plan(STAGES % two)
    results = filled.walk(planned)
    assert reasons(results, "scrub") == {"edit": {"pii.word": 2}}
    assert reasons(results, "again") == {"edit": {"pii.email": 3}}
    out = filled.build(planned)
    twin = next(row for row in rows(out) if row["drop_reason"] == "dedupe.exact")
    assert twin["instruction"] == "How do I <WORD> <EMAIL> by post?"


def test_any_runner_writes_the_same_bytes(filled: Corner) -> None:
    planned = filled.plan(STAGES % SCRUB)
    one = filled.build(planned, "one")
    for name, runner in (("shuffled", ShuffledRunner(3)), ("processes", ProcessRunner(2))):
        other = Corner(filled.folder / name)
        write_jsonl(other.folder / "data.jsonl", [])
        (other.folder / "data.jsonl").write_bytes((filled.folder / "data.jsonl").read_bytes())
        with runner:
            out = other.build(other.plan(STAGES % SCRUB), "out", runner)
        for file in ("records.parquet", "ledger.parquet", "manifest.json", "data/alpaca/train.jsonl"):
            assert (out / file).read_bytes() == (one / file).read_bytes(), (name, file)


def test_a_second_run_does_no_work_and_gc_keeps_what_it_needs(filled: Corner) -> None:
    planned = filled.plan(STAGES % SCRUB)
    results = filled.walk(planned)
    write_build(filled.folder / "out", planned, results, filled.store, {})
    remember(filled.store, filled.folder / "out", planned, results)
    collect(filled.store)
    again = filled.walk(planned)
    assert all(result.cached for result in again)
    write_build(filled.folder / "again", planned, again, filled.store, {})
    assert (filled.folder / "again" / "records.parquet").read_bytes() == (
        filled.folder / "out" / "records.parquet"
    ).read_bytes()


def test_other_records_dropped_before_are_another_step(filled: Corner) -> None:
    """The records that go on are the same; those that were dropped are not, and must be scrubbed."""
    filled.walk(filled.plan(STAGES % SCRUB))
    path = filled.folder / "data.jsonl"
    text = path.read_text(encoding="utf-8").replace("Send  it to", "Give  it to")
    path.write_text(text, encoding="utf-8")
    out = filled.build(filled.plan(STAGES % SCRUB))
    refused = next(row for row in rows(out) if row["drop_reason"] == "heuristics.response.refusal")
    assert refused["instruction"] == "Give it to <EMAIL>, please."


def test_another_key_is_another_build(filled: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    for key in ("a" * 32, "b" * 32, "a" * 32):
        monkeypatch.setenv("PII_KEY", key)
        out = filled.build(filled.plan(STAGES % "{stage: scrub, replace: pseudonym}"), f"out{len(written)}")
        written.append((out / "records.parquet").read_bytes())
        whole = "".join(path.read_text("utf-8") for path in out.rglob("*.json"))
        assert key not in whole and "key_fingerprint" in whole
    assert written[0] == written[2] != written[1]


def test_a_key_file_is_found_beside_the_recipe(filled: Corner) -> None:
    path = filled.folder / "pii.key"
    path.write_text("c" * 40)
    path.chmod(0o600)
    stage = "{stage: scrub, replace: pseudonym, key: {file: pii.key}}"
    out = filled.build(filled.plan(STAGES % stage))
    assert "@example." in json.dumps(rows(out))
    assert str(filled.folder) not in (out / "manifest.json").read_text("utf-8")
    path.chmod(0o644)
    with pytest.raises(RecipeError, match="can be read by others"):
        filled.plan(STAGES % stage)


def test_without_a_key_no_work_starts(filled: Corner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PII_KEY", raising=False)
    with pytest.raises(RecipeError, match="need a key"):
        filled.plan(STAGES % "{stage: scrub, replace: {email: pseudonym}}")
    assert not filled.store.root.exists()


def test_a_model_is_merged_with_the_recognisers(filled: Corner) -> None:
    folder = save_tagger(filled.folder / "tagger", {"paris": "PER", "france": "PER", "river": "LOC"})
    write_jsonl(
        filled.folder / "data.jsonl",
        [
            *tasks(4),
            {"instruction": f"Who is paris france of the river, {MAIL}?", "output": "A cat of paris."},
        ],
    )
    stage = f"{{stage: scrub, ner: {{model: {{folder: {json.dumps(str(folder))}}}, labels: {{PER: name}}}}}}"
    planned = filled.plan(STAGES % stage)
    out = filled.build(planned)
    found = next(row for row in rows(out) if "Who is" in row["instruction"])
    assert found["instruction"] == "Who is <NAME> of the river, <EMAIL>?"
    assert found["output"] == "A cat of <NAME>."
    told = [json.loads(row["evidence"]) for row in rows(out, "ledger.parquet") if row["reason"] == "pii.name"]
    assert [evidence["by"] for evidence in told] == [["model"]]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in manifest["models"] if model["kind"] == "tagger"] == [str(folder)]
    with pytest.raises(ModelError, match="does not exist"):
        filled.plan(STAGES % "{stage: scrub, ner: {model: {folder: nowhere}}}")


def test_diff_tells_that_a_list_was_changed_and_not_what_stands_in_it(filled: Corner) -> None:
    lists = ("{stage: scrub, deny: {firm: [Umbrel]}}", "{stage: scrub, deny: {firm: [Umbrel, Acme]}}")
    left, right = (
        filled.build(filled.plan(STAGES % text), name) for text, name in zip(lists, "ab", strict=True)
    )
    told = "\n".join(differences(left, right))
    assert "stages.scrub.deny: 1 values" in told and "2 values" in told
    assert "Umbrel" not in told and "Acme" not in told


def test_a_recipe_without_a_scrub_says_so(filled: Corner) -> None:
    planned = filled.plan("[{stage: heuristics}]")
    out = filled.build(replace(planned))
    assert "Personal data was not looked for" in (out / "README.md").read_text(encoding="utf-8")
    assert MAIL in json.dumps(rows(out))
