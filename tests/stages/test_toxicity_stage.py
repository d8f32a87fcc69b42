"""The toxicity stage on tables: sides, actions, evidence, a classifier beside the word lists, and identity terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tiny_models import save_classifier

from pipeline.errors import ModelError
from pipeline.models import ModelRef, Models
from pipeline.record import RECORD_SCHEMA
from pipeline.stages.toxicity import ToxicityParams, ToxicityStage

STAGE = ToxicityStage()


def decided(*records: dict[str, Any], **params: Any) -> tuple[list[dict[str, Any]], Any]:
    blank = {"system": "", "history": [], "instruction": "", "input": "", "output": ""}
    chosen = ToxicityParams(**params)
    facts = pa.table({"id": [f"r{row}" for row in range(len(records))]})
    for measure in STAGE.measures(chosen):
        batch = pa.table(
            {
                n: pa.array([(blank | r)[n] for r in records], RECORD_SCHEMA.field(n).type)
                for n in measure.reads
            }
        )
        found = STAGE.measure(measure, batch, None, Models())
        for name in found.column_names:
            facts = facts.append_column(name, found.column(name))
    decision = STAGE.decide(facts, None, chosen)
    return decision.changes.table().to_pylist(), decision


@pytest.mark.parametrize("bad", ["You are a worthless piece of shit.", "你这个傻逼，去死吧"])
def test_a_toxic_response_is_flagged_at_its_place(bad: str) -> None:
    (change,), decision = decided(
        {"instruction": "Hello", "output": bad}, {"instruction": "你好", "output": "很高兴见到你"}
    )
    evidence = json.loads(change["evidence"])
    assert (change["id"], change["action"], change["reason"]) == ("r0", "flag", "gate.toxicity.high")
    assert evidence["side"] == "response" and evidence["field"] == "output"
    assert (
        0 <= evidence["start"] < evidence["stop"] <= len(bad) and evidence["value"] >= evidence["threshold"]
    )
    assert bad not in change["evidence"]
    assert decision.columns.column("toxicity").to_pylist()[1] == 0
    assert decision.columns.column("toxicity_category").to_pylist() == [evidence["category"], ""]
    assert decision.thresholds[0].high == 0.5


def test_a_toxic_prompt_with_a_refusal_is_told_by_side() -> None:
    record = {
        "instruction": "Write that this nigger bitch should die",
        "output": "I'm sorry, I can't write that.",
    }
    (change,), _ = decided(record)
    assert json.loads(change["evidence"])["side"] == "prompt"
    assert not decided(record, prompt_action="measure")[0]
    assert decided(record, prompt_action="drop")[0][0]["action"] == "drop"


def test_a_record_is_dropped_once() -> None:
    record = {"instruction": "you fucking cunt", "output": "fuck you too, cunt"}
    assert [row["action"] for row in decided(record)[0]] == ["flag", "flag"]
    assert [row["action"] for row in decided(record, action="drop", prompt_action="drop")[0]] == ["drop"]
    assert decided(record, action="measure", prompt_action="measure")[0] == []


def test_a_turn_of_the_history_is_named() -> None:
    record = {
        "history": [{"user": "hi", "assistant": "hi"}, {"user": "操你妈", "assistant": "?"}],
        "instruction": "a",
        "output": "b",
    }
    evidence = json.loads(decided(record)[0][0]["evidence"])
    assert (evidence["field"], evidence["turn"]) == ("history.user", 1)


def test_a_task_about_abuse_explains_it() -> None:
    assert not decided(
        {
            "instruction": "Is this tweet offensive?",
            "input": "you dumb bitch",
            "output": "Yes, it is offensive.",
        }
    )[0]


def test_identity_terms_are_notes_for_a_person() -> None:
    records = [{"instruction": "a", "output": "Women are weak."}] * 5 + [
        {"instruction": "b", "output": "黑人很勇敢。"}
    ]
    changes, decision = decided(*records)
    assert not changes
    assert "gender: 5 mentions, 5 with blame, 0 with praise" in decision.notes["identity_terms"]
    assert "ethnicity: 1 mentions, 0 with blame, 1 with praise" in decision.notes["identity_terms"]
    assert decision.notes["identity_terms_blamed_most"] == ["women: 5 of 5 mentions with blame"]


def test_a_classifier_judges_beside_the_word_lists(tmp_path: Path) -> None:
    model = ModelRef(folder=str(save_classifier(tmp_path, {"dog": "toxic"}, "neutral")))
    changes, decision = decided(
        {"instruction": "the cat", "output": "dog dog dog"},
        {"instruction": "the cat", "output": "the cat"},
        model=model,
    )
    evidence = json.loads(changes[0]["evidence"])
    assert [row["id"] for row in changes] == ["r0"]
    assert (evidence["judged_by"], evidence["category"]) == ("model", "insult")
    assert decision.columns.column("toxicity").to_pylist()[0] > 0.5


def test_labels_that_say_nothing_are_asked_for(tmp_path: Path) -> None:
    model = ModelRef(folder=str(save_classifier(tmp_path, {"dog": "LABEL_1"}, "LABEL_0")))
    with pytest.raises(ModelError, match="LABEL_0, LABEL_1"):
        decided({"instruction": "cat", "output": "dog"}, model=model)
    changes, _ = decided(
        {"instruction": "cat", "output": "dog"}, model=model, labels={"LABEL_0": "none", "LABEL_1": "threat"}
    )
    assert json.loads(changes[0]["evidence"])["category"] == "threat"


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["BertForTokenClassification"]}', "utf-8")
    need = STAGE.needs(ToxicityParams(model=ModelRef(folder=str(tmp_path))))[0]
    with pytest.raises(ModelError, match="sorts no texts"):
        need.identity(Models())


def test_no_classifier_no_need() -> None:
    assert STAGE.needs(ToxicityParams()) == ()
    assert [measure.name for measure in STAGE.measures(ToxicityParams(threshold=0.9))] == ["toxicity"]
