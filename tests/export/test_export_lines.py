"""Export formats: the lines that trainers read, and templates that are checked before anything is built."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.export import FORMATS, Export, render_line

ROW: dict[str, Any] = {
    "system": "",
    "history": [],
    "instruction": "Translate.",
    "input": "你好",
    "output": "Hello",
}
TURNS = [{"user": "Hi", "assistant": "Good day"}]


def line(export: Export, **fields: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads(render_line({**ROW, **fields}, export))
    return loaded


def completion(**options: str) -> Export:
    return Export.model_validate({"format": "prompt_completion", **options})


def test_alpaca_has_exactly_its_three_keys() -> None:
    assert line(Export(format="alpaca")) == {"instruction": "Translate.", "input": "你好", "output": "Hello"}
    assert list(line(Export(format="alpaca"), input="")) == ["instruction", "input", "output"]


def test_alpaca_has_system_and_history_where_the_record_has_them() -> None:
    found = line(Export(format="alpaca"), system="Be brief.", history=TURNS)
    assert found["system"] == "Be brief."
    assert found["history"] == [["Hi", "Good day"]]


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
    assert texts["output"] in (held.get("output"), held.get("completion"))


def test_braces_in_a_text_are_not_placeholders() -> None:
    assert (
        line(completion(), instruction="Explain {x} and {prompt}.", input="")["prompt"]
        == "Explain {x} and {prompt}."
    )
