"""Export formats: the lines that trainers read, and templates that are checked before anything is built."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.export import FORMATS, Export, optional_keys, render_line
from pipeline.record import RECORD_SCHEMA

ROW: dict[str, Any] = {
    "system": "",
    "history": [],
    "instruction": "Translate.",
    "input": "你好",
    "output": "Hello",
    "meta": "{}",
}
TURNS = [{"user": "Hi", "assistant": "Good day"}]


TOOLS = '[{"name": "weather", "parameters": {}}]'


def line(export: Export, keys: Collection[str] = (), **fields: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(render_line({**ROW, **fields}, export, keys))
    return loaded


def export_as(format_: str, **options: str) -> Export:
    return Export.model_validate({"format": format_, **options})


def completion(**options: str) -> Export:
    return Export.model_validate({"format": "prompt_completion", **options})


def test_alpaca_has_exactly_its_three_keys() -> None:
    assert line(Export(format="alpaca")) == {"instruction": "Translate.", "input": "你好", "output": "Hello"}
    assert list(line(Export(format="alpaca"), input="")) == ["instruction", "input", "output"]


def test_a_key_that_some_records_need_is_in_every_line_or_in_none() -> None:
    plain = {"system": "", "history": []}
    held = {"system": "Be brief.", "history": TURNS}
    for fields, history in ((plain, []), (held, [["Hi", "Good day"]])):
        found = line(export_as("alpaca"), keys={"system", "history", "tools"}, **fields)
        assert found == {
            "instruction": "Translate.", "input": "你好", "output": "Hello",
            "system": fields["system"], "history": history, "tools": "",
        }  # fmt: skip
    assert set(line(export_as("sharegpt"), keys={"history"})) == {"conversations"}
    assert set(line(export_as("messages"), keys={"system", "history"})) == {"messages"}


def test_optional_keys_are_those_that_a_record_has() -> None:
    def table(*rows: dict[str, Any]) -> pa.Table:
        return pa.Table.from_pylist([{**ROW, **row} for row in rows], schema=RECORD_SCHEMA)

    row = dict.fromkeys(("id", "root", "source", "file", "lang"), "") | {
        "line": 1,
        "tags": [],
        "flags": [],
    }
    assert optional_keys(table(row, row)) == set()
    assert optional_keys(table(row, {**row, "system": "x"})) == {"system"}
    assert optional_keys(table(row, {**row, "history": TURNS})) == {"history"}
    assert optional_keys(table(row, {**row, "meta": '{"tools":[{"name":"f"}]}'})) == {"tools"}
    # A column of a table may be named so too: what is no list of objects is no definition.
    for other in ('{"tools":"saw, drill"}', '{"tools":[]}', '{"x":"\\"tools\\""}', '{"tools":"[1]"}'):
        assert optional_keys(table({**row, "meta": other})) == set()


def test_messages_are_system_earlier_turns_prompt_and_response() -> None:
    assert line(export_as("messages"), system="Be brief.", history=TURNS) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Good day"},
            {"role": "user", "content": "Translate.\n\n你好"},
            {"role": "assistant", "content": "Hello"},
        ]
    }
    assert line(export_as("messages"), input="")["messages"][0] == {"role": "user", "content": "Translate."}


def test_sharegpt_is_turns_of_human_and_gpt_with_the_system_text_beside_them() -> None:
    assert line(export_as("sharegpt"), keys={"system"}, system="请简短。", history=TURNS) == {
        "conversations": [
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Good day"},
            {"from": "human", "value": "Translate.\n\n你好"},
            {"from": "gpt", "value": "Hello"},
        ],
        "system": "请简短。",
    }


@pytest.mark.parametrize("format_", ["messages", "sharegpt", "alpaca"])
def test_tool_definitions_travel_as_json_text_beside_the_turns(format_: str) -> None:
    for meta in (f'{{"tools":{TOOLS}}}', orjson.dumps({"tools": TOOLS}).decode()):
        found = line(export_as(format_), keys={"tools"}, meta=meta)
        assert orjson.loads(found["tools"]) == orjson.loads(TOOLS)
    # TRL parses any text under `tools` of messages: "" would stop it. LLaMA-Factory takes "" and null for none.
    assert line(export_as(format_), keys={"tools"})["tools"] == (None if format_ == "messages" else "")


def test_a_text_is_the_record_and_a_document_stands_as_it_is() -> None:
    assert line(export_as("text")) == {"text": "Translate.\n你好\n\nHello"}
    document = {"instruction": "", "input": "", "output": "从前有座山。"}
    assert line(export_as("text", system="Be brief."), **document) == {"text": "从前有座山。"}
    assert line(export_as("text", completion_suffix="</s>"), **document)["text"] == "从前有座山。</s>"
    said = line(export_as("text"), system="Be brief.", history=TURNS, input="")["text"]
    assert said == "Be brief.\n\nHi\n\nGood day\n\nTranslate.\n\nHello"
    template = export_as(
        "text", template="问：{instruction}（{input}）答：{output}", template_no_input="{prompt}={output}"
    )
    assert line(template)["text"] == "问：Translate.（你好）答：Hello"
    assert line(template, input="")["text"] == "Translate.=Hello"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_default_system_text_is_for_records_that_have_none(format_: str) -> None:
    export = export_as(format_, system="Be kind.")
    for row, expected in (({}, "Be kind."), ({"system": "Be brief."}, "Be brief.")):
        found = line(export, **row)
        where = {
            "alpaca": found.get("system"),
            "sharegpt": found.get("system"),
            "messages": found.get("messages", [{}])[0].get("content"),
            "prompt_completion": str(found.get("prompt")).split("\n\n")[0],
            "text": str(found.get("text")).split("\n\n")[0],
        }
        assert where[format_] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "messages", "template": "{prompt}"}, "`template` is for prompt_completion and text"),
        ({"format": "alpaca", "completion_suffix": "</s>"}, "`completion_suffix` is for prompt_completion"),
        ({"format": "text", "template": "{prompt}"}, "a template of a whole text needs {output}"),
        ({"format": "prompt_completion", "template": "{prompt}{output}"}, "unknown placeholder {output}"),
    ],
)
def test_an_option_that_a_format_would_ignore_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Export.model_validate(options)
    assert message in str(caught.value)


def test_a_prompt_is_instruction_and_input_by_default() -> None:
    assert line(completion()) == {"prompt": "Translate.\n你好", "completion": "Hello"}
    assert line(completion(), input="") == {"prompt": "Translate.", "completion": "Hello"}


def test_a_template_is_filled_and_the_one_without_input_used_where_there_is_none() -> None:
    export = completion(template="Q: {instruction} ({input})\nA:", template_no_input="Q: {instruction}\nA:")
    assert line(export)["prompt"] == "Q: Translate. (你好)\nA:"
    assert line(export, input="")["prompt"] == "Q: Translate.\nA:"
    assert line(completion(template="{instruction}|{input}"), input="")["prompt"] == "Translate.|"


def test_a_suffix_ends_every_completion() -> None:
    assert line(completion(completion_suffix="</s>"))["completion"] == "Hello</s>"


def test_earlier_turns_and_the_system_text_stand_above_the_prompt() -> None:
    found = line(completion(), system="Be brief.", history=TURNS)
    assert found["prompt"] == "Be brief.\n\nHi\n\nGood day\n\nTranslate.\n你好"


def test_a_template_with_system_holds_it_once() -> None:
    export = completion(template="<{system}> {prompt}")
    assert line(export, system="Be brief.")["prompt"] == "<Be brief.> Translate.\n你好"


def test_doubled_braces_are_braces() -> None:
    assert line(completion(template='{{"q": "{instruction}"}}'))["prompt"] == '{"q": "Translate."}'


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{promt}", "unknown placeholder {promt}; valid: {system}, {instruction}, {input}, {prompt}"),
        ("{}", "unknown placeholder {}"),
        ("{0} {prompt}", "unknown placeholder {0}"),
        ("{instruction.upper}", "unknown placeholder {instruction.upper}"),
        ("{prompt", "not a template"),
        ("no place for it", "needs {instruction} or {prompt}"),
        ("{input}", "needs {instruction} or {prompt}"),
        ("{instruction:d}", "a name alone"),
        ("{instruction:{width}}", "a name alone"),
        ("{prompt!r}", "a name alone"),
    ],
)
@pytest.mark.parametrize("field", ["template", "template_no_input"])
def test_a_template_that_could_not_be_filled_is_refused(field: str, template: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        completion(**{field: template})
    assert message in str(caught.value)


TEXTS = st.fixed_dictionaries({name: st.text() for name in ("system", "instruction", "input", "output")})


@given(st.sampled_from(list(FORMATS)), TEXTS)
def test_a_line_is_one_line_whatever_the_texts_hold(format_: str, texts: dict[str, str]) -> None:
    data = render_line({**ROW, **texts}, Export.model_validate({"format": format_}))
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    held = orjson.loads(data)
    last = [*held.get("messages", held.get("conversations", [{}]))][-1]
    told = (held.get("output"), held.get("completion"), last.get("content"), last.get("value"))
    assert texts["output"] in told or held["text"].endswith(texts["output"])


def test_braces_in_a_text_are_not_placeholders() -> None:
    assert (
        line(completion(), instruction="Explain {x} and {prompt}.", input="")["prompt"]
        == "Explain {x} and {prompt}."
    )
