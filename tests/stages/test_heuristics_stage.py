"""The heuristics stage on tables: measures, decisions, actions, thresholds and evidence."""

from __future__ import annotations

import json
import string
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.record import RECORD_SCHEMA
from pipeline.stages.heuristics import CHECKS, COLUMNS, FACTS, Heuristics, HeuristicsParams

STAGE = Heuristics()
READS = ("system", "history", "instruction", "input", "output")
GOOD = {"instruction": "Name a river in Egypt.", "output": "The Nile."}

FAULTS: dict[str, dict[str, Any]] = {
    "response.empty": {"instruction": "Name a river.", "output": " \u200b"},
    "instruction.empty": {"instruction": "", "input": "<noinput>", "output": "The Nile."},
    "response.placeholder": {"instruction": "写一首诗。", "output": "待补充"},
    "context.image": {"instruction": "请描述下图。", "output": "一只猫。"},
    "context.audio": {"instruction": "Listen to the clip and name the bird.", "output": "A wren."},
    "context.web_page": {
        "instruction": "Summarize this article.",
        "input": "https://n.test/a",
        "output": "Tea.",
    },
    "instruction.merged": {
        "instruction": "Explain tides.",
        "output": "The moon.\n3. Instruction: Hi.\nOutput: Ho.",
    },
    "response.refusal": {"instruction": "写一个病毒。", "output": "很抱歉，我无法协助您完成这个请求。"},
    "response.repetition": {"instruction": "Tell me news.", "output": "The price went up in May. " * 12},
    "response.echo": {"instruction": "请写一首关于春雨的诗", "output": "请写一首关于春雨的诗。"},
    "text.symbols": {"instruction": "Tell me news.", "output": "※◆●★◇■▲☆" * 6},
    "response.unclosed_fence": {"instruction": "Show me Python.", "output": "Here:\n```python\nprint(1)"},
}


def facts_of(*records: dict[str, Any], params: HeuristicsParams | None = None, **columns: Any) -> pa.Table:
    """Return what `decide` sees of records, measured by the stage itself."""
    rows = [
        {"system": "", "history": [], "instruction": "", "input": "", "output": ""} | record
        for record in records
    ]
    batch = pa.table(
        {name: pa.array([row[name] for row in rows], type=RECORD_SCHEMA.field(name).type) for name in READS}
    )
    (measure,) = STAGE.measures(params or HeuristicsParams())
    facts = STAGE.measure(measure, batch, None, None)  # type: ignore[arg-type]
    facts = facts.append_column("id", pa.array([f"r{row}" for row in range(len(rows))]))
    return facts.append_column("source", pa.array(columns.get("source", ["s"] * len(rows))))


def changes_of(facts: pa.Table, **params: Any) -> list[tuple[str, str, str]]:
    decided = STAGE.decide(facts, None, HeuristicsParams(**params))
    table = decided.changes.table()
    return list(zip(*(table.column(name).to_pylist() for name in ("id", "action", "reason")), strict=True))


def as_field(reason: str) -> str:
    return reason.replace(".", "_")


def test_every_check_has_a_fault_an_action_and_a_column() -> None:
    assert list(FAULTS) == list(CHECKS)
    owned = {f"heuristics_{name}" for names in COLUMNS.values() for name in names}
    assert owned == set(FACTS.names)
    for reason in CHECKS:
        assert as_field(reason) in HeuristicsParams.model_fields


@pytest.mark.parametrize("reason", list(CHECKS))
def test_each_fault_is_dropped_under_its_own_reason(reason: str) -> None:
    facts = facts_of(FAULTS[reason], GOOD)
    assert changes_of(facts, **{as_field(reason): "drop"}) == [("r0", "drop", f"heuristics.{reason}")]


@pytest.mark.parametrize("reason", list(CHECKS))
def test_flag_keeps_the_record_and_names_the_reason(reason: str) -> None:
    facts = facts_of(FAULTS[reason], GOOD)
    assert ("r0", "flag", f"heuristics.{reason}") in changes_of(facts, **{as_field(reason): "flag"})


@pytest.mark.parametrize("reason", list(CHECKS))
@pytest.mark.parametrize("action", ["measure", "off"])
def test_measure_and_off_change_nothing_for_their_reason(reason: str, action: str) -> None:
    changed = changes_of(facts_of(FAULTS[reason], GOOD), **{as_field(reason): action})
    assert f"heuristics.{reason}" not in [name for _, _, name in changed]


@pytest.mark.parametrize(("check", "names"), COLUMNS.items())
def test_measure_keeps_the_columns_of_a_check_and_off_leaves_them_out(
    check: str, names: tuple[str, ...]
) -> None:
    fields = [as_field(reason) for reason in CHECKS if reason == check or reason.startswith(f"{check}.")]
    facts = facts_of(GOOD)
    owned = {f"heuristics_{name}" for name in names}
    kept = STAGE.decide(facts, None, HeuristicsParams(**dict.fromkeys(fields, "measure"))).columns
    left = STAGE.decide(facts, None, HeuristicsParams(**dict.fromkeys(fields, "off"))).columns
    assert kept is not None and left is not None
    assert owned <= set(kept.column_names)
    assert not owned & set(left.column_names)
    assert kept.column("id").to_pylist() == ["r0"]


def test_there_are_no_columns_when_all_checks_are_off() -> None:
    params = HeuristicsParams(**{as_field(reason): "off" for reason in CHECKS})
    decided = STAGE.decide(facts_of(*FAULTS.values()), None, params)
    assert decided.columns is None
    assert len(decided.changes) == 0


def test_good_records_in_both_languages_are_left_alone() -> None:
    good = [
        GOOD,
        {"instruction": "埃及有哪条大河？", "output": "尼罗河。"},
        {"instruction": "Correct the sentence.", "input": "He left and she stayed at home.",
         "output": "He left, and she stayed at home."},
        {"instruction": "改正标点。", "input": "他走了她留在家里看书", "output": "他走了，她留在家里看书。"},
        {"instruction": "Is any word misspelt? The tea is hot.", "output": "None"},
        {"instruction": "句子里有错别字吗？茶很热。", "output": "无"},
        {"instruction": "Write a song with a chorus.", "output": "We sail away, we sail away home.\n" * 9},
        {"instruction": "Draw a cat in ASCII art.", "output": "/\\_/\\  ( o.o )  > ^ <  /|\\ ~~~ <>< @@@"},
    ]  # fmt: skip
    assert changes_of(facts_of(*good)) == []


def test_a_record_is_dropped_once_for_the_gravest_reason() -> None:
    both = {"instruction": "Describe the image above.", "output": "I'm sorry, but I cannot see the image."}
    assert changes_of(facts_of(both)) == [("r0", "drop", "heuristics.context.image")]
    assert changes_of(facts_of(both), context_image="off") == [("r0", "drop", "heuristics.response.refusal")]


def test_a_record_that_stays_is_flagged_for_every_reason_and_a_dropped_one_for_none() -> None:
    both = {"instruction": "Describe the image above.", "output": "I'm sorry, but I cannot see the image."}
    flags = changes_of(facts_of(both), context_image="flag", response_refusal="flag")
    assert flags == [
        ("r0", "flag", "heuristics.context.image"),
        ("r0", "flag", "heuristics.response.refusal"),
    ]
    dropped = changes_of(facts_of(both), context_image="flag", response_refusal="drop")
    assert dropped == [("r0", "drop", "heuristics.response.refusal")]


@pytest.mark.parametrize(
    ("reason", "column", "param"),
    [
        ("response.repetition", "heuristics_repetition", "max_repetition"),
        ("response.repetition", "heuristics_repeated_lines", "max_repeated_lines"),
        ("response.repetition", "heuristics_loop", "max_loop"),
        ("response.echo", "heuristics_echo", "max_echo"),
        ("text.symbols", "heuristics_symbol_ratio", "max_symbol_ratio"),
    ],
)
def test_a_share_at_its_threshold_passes_and_one_above_it_does_not(
    reason: str, column: str, param: str
) -> None:
    facts = facts_of(GOOD, GOOD)
    threshold = 0.7
    above = np.nextafter(np.float32(threshold), np.float32(1))
    values = pa.array([np.float32(threshold), above], type=pa.float32())
    facts = facts.set_column(facts.column_names.index(column), column, values)
    changed = changes_of(facts, **{param: threshold, as_field(reason): "drop"})
    assert changed == [("r1", "drop", f"heuristics.{reason}")]


def test_help_at_the_threshold_is_a_refusal_and_more_help_is_not() -> None:
    facts = facts_of(FAULTS["response.refusal"], FAULTS["response.refusal"])
    helps = pa.array([50, 51], type=pa.int32())
    name = "heuristics_refusal_help"
    facts = facts.set_column(facts.column_names.index(name), name, helps)
    assert changes_of(facts, max_refusal_help=50) == [("r0", "drop", "heuristics.response.refusal")]


def test_evidence_names_measure_value_threshold_and_rule() -> None:
    decided = STAGE.decide(facts_of(*FAULTS.values()), None, HeuristicsParams())
    table = decided.changes.table()
    evidence = {
        reason.removeprefix("heuristics."): json.loads(text)
        for reason, text in zip(
            table.column("reason").to_pylist(), table.column("evidence").to_pylist(), strict=True
        )
    }
    assert set(evidence) == set(CHECKS)
    assert evidence["response.refusal"] == {
        "measure": "heuristics_refusal_help", "rule": "zh.sorry", "threshold": 80, "value": 0,
    }  # fmt: skip
    assert evidence["context.image"] == {
        "measure": "heuristics_needs",
        "rule": "ask.zh.placed",
        "value": "image",
    }
    assert evidence["response.echo"] == {"measure": "heuristics_echo", "threshold": 0.9, "value": 1.0}
    assert evidence["response.empty"] == {"measure": "heuristics_chars", "threshold": 1, "value": 0}
    assert evidence["response.placeholder"]["rule"] == "filler.zh.todo"


SECRET = st.text(alphabet=string.ascii_uppercase, min_size=6, max_size=12)


@settings(max_examples=40, deadline=None)
@given(secret=SECRET, reason=st.sampled_from(list(FAULTS)))
def test_evidence_never_holds_record_text(secret: str, reason: str) -> None:
    fault = FAULTS[reason]
    marked = fault | {"instruction": f"{fault['instruction']} {secret}" if fault["instruction"] else ""}
    marked["output"] = (
        f"{fault['output']} {secret}" if reason in ("response.refusal", "context.image") else fault["output"]
    )
    decided = STAGE.decide(facts_of(marked, GOOD), None, HeuristicsParams())
    table = decided.changes.table()
    assert not any(secret.lower() in text.lower() for text in table.column("evidence").to_pylist())
    assert decided.columns is not None
    for name in decided.columns.column_names:
        assert not any(secret in str(value) for value in decided.columns.column(name).to_pylist())


def test_sources_of_documents_are_not_judged_for_missing_prompts() -> None:
    document = {"output": "The Nile rises far to the south and floods every summer."}
    facts = facts_of(document, document, document, GOOD, source=["books", "books", "chat", "chat"])
    assert changes_of(facts) == [("r2", "drop", "heuristics.instruction.empty")]
    assert changes_of(facts, require_instruction=False) == []
    assert STAGE.decide(facts, None, HeuristicsParams()).notes == {"sources_of_documents": ["books"]}


def test_an_input_without_an_instruction_has_no_task() -> None:
    bare = {"instruction": " ", "input": "埃及有一条大河。", "output": "尼罗河。"}
    facts = facts_of(bare, GOOD, GOOD)
    decided = STAGE.decide(facts, None, HeuristicsParams())
    assert changes_of(facts) == [("r0", "drop", "heuristics.instruction.empty")]
    assert decided.notes == {}
    evidence = json.loads(decided.changes.table().column("evidence")[0].as_py())
    assert evidence == {"measure": "heuristics_empty_instruction", "value": True}
    assert changes_of(facts, require_instruction=False) == []


def test_a_source_with_half_of_its_prompts_in_the_input_keeps_them_there() -> None:
    bare = {"input": "埃及有哪条大河？", "output": "尼罗河。"}
    nothing = {"output": "The Nile."}
    sources = ["asks", "asks", "asks", "tasks", "tasks", "tasks"]
    facts = facts_of(bare, GOOD, nothing, bare, GOOD, GOOD, source=sources)
    assert changes_of(facts) == [
        ("r2", "drop", "heuristics.instruction.empty"),
        ("r3", "drop", "heuristics.instruction.empty"),
    ]
    assert STAGE.decide(facts, None, HeuristicsParams()).notes == {"sources_with_prompt_in_input": ["asks"]}


def test_an_echo_of_the_input_is_judged_only_on_request_and_not_for_edits() -> None:
    text = "The bus left the old station at noon with nine people on board."
    copied = {"instruction": "Continue the story.", "input": text, "output": text}
    edited = {"instruction": "Proofread the sentence.", "input": text, "output": text}
    facts = facts_of(copied, edited)
    assert changes_of(facts) == []
    assert changes_of(facts, echo_of_input=True) == [("r0", "drop", "heuristics.response.echo")]


def test_a_request_to_repeat_excuses_echo_and_repetition() -> None:
    echoed = {"instruction": "Repeat this sentence exactly.", "output": "Repeat this sentence exactly."}
    earlier = {
        "history": [{"user": "Repeat all that I say from now on.", "assistant": "Sure."}],
        "instruction": "The tea is still hot.",
        "output": "The tea is still hot.",
    }
    system = {
        "system": "跟读用户的每句话。",
        "instruction": "今天的茶还是热的。",
        "output": "今天的茶还是热的。",
    }
    looped = {"instruction": "Write 'tea time' 40 times.", "output": "tea time " * 40}
    assert changes_of(facts_of(echoed, earlier, system, looped)) == []


def test_measures_depend_on_lengths_and_not_on_thresholds_or_actions() -> None:
    base = STAGE.measures(HeuristicsParams())
    moved = HeuristicsParams(
        max_echo=0.5, max_loop=0.2, max_refusal_help=5, max_repetition=0.3, max_repeated_lines=0.3,
        max_symbol_ratio=0.6, echo_of_input=True, require_instruction=False, name="again",
        **{as_field(reason): "flag" for reason in CHECKS},
    )  # fmt: skip
    assert STAGE.measures(moved) == base
    for name, value in (
        ("ngram_words", 6),
        ("ngram_chars", 9),
        ("min_repetition_units", 31),
        ("min_symbol_chars", 21),
    ):
        assert STAGE.measures(HeuristicsParams(**{name: value})) != base


def test_lengths_reach_the_numbers() -> None:
    record = {"instruction": "Say no.", "output": "no " * 20}
    name = "heuristics_loop"
    assert facts_of(record).column(name).to_pylist() == [0.0]
    assert facts_of(record, params=HeuristicsParams(min_repetition_units=10)).column(name).to_pylist() == [
        1.0
    ]


def test_the_measure_of_no_records_has_the_columns_of_facts() -> None:
    (measure,) = STAGE.measures(HeuristicsParams())
    batch = pa.table({name: pa.array([], type=RECORD_SCHEMA.field(name).type) for name in READS})
    facts = STAGE.measure(measure, batch, None, None)  # type: ignore[arg-type]
    assert facts.schema == FACTS
    assert facts.num_rows == 0


def test_a_record_measures_the_same_alone_and_in_company() -> None:
    together = facts_of(*FAULTS.values()).select(FACTS.names).to_pylist()
    alone = [facts_of(fault).select(FACTS.names).to_pylist()[0] for fault in FAULTS.values()]
    assert together == alone


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_echo": 0.05}, {"max_echo": 1.1}, {"max_loop": 0}, {"max_refusal_help": -1}, {"ngram_words": 1},
        {"ngram_chars": 2}, {"min_symbol_chars": 0}, {"response_refusal": "delete"}, {"max_ecko": 0.5},
        {"min_repetition_units": 9}, {"stage": "heuristic"},
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HeuristicsParams(**wrong)


def test_every_parameter_says_what_it_does() -> None:
    schema = HeuristicsParams.model_json_schema()
    described = {name for name, field in schema["properties"].items() if field.get("description")}
    assert set(schema["properties"]) - described == {"stage"}
