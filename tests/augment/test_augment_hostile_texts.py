"""Every model-free method of this folder meets texts that are no prompts, and never raises."""

from __future__ import annotations

from typing import Any

import pytest
from augment_ask import ask_for
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.augment.deletion import Deletion, DeletionParams
from pipeline.augment.insertion import Insertion, InsertionParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Child
from pipeline.augment.swap import Swap, SwapParams
from pipeline.augment.syntax import Syntax, SyntaxParams
from pipeline.augment.templates import Templates, TemplatesParams
from pipeline.models import Models

METHODS: list[tuple[Any, Any]] = [
    (Syntax(), SyntaxParams()),
    (Templates(), TemplatesParams()),
    (Insertion(), InsertionParams()),
    (Swap(), SwapParams()),
    (Deletion(), DeletionParams()),
]
PIECES = [
    *'?:。，、请和或写吗？：…\n\u2028\x00\U0001f600"',
    *["What", "is", "a", "the", "list", "please", "e.g.", "U.S.", "`x`", "{a}", "12", "如何", "一下"],
]
PIECES += [" ", ", ", "\\n", "、、"]


@pytest.mark.parametrize(("method", "params"), METHODS, ids=[method.name for method, _ in METHODS])
@settings(max_examples=150, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=14), lang=st.sampled_from(["en", "zh"]))
def test_any_text_is_answered_the_same_twice_and_keeps_its_protected_places(
    method: Any, params: Any, pieces: list[str], lang: str
) -> None:
    ask = ask_for("".join(pieces), lang)
    first, again = method.children([ask, ask], params, Guard(), Models())
    assert first == again
    if isinstance(first, Child):
        assert first.texts["instruction"] != ask.texts["instruction"]
        for _, value in Guard().protect(ask.texts["instruction"]).values():
            assert value.strip() in first.texts["instruction"]


@pytest.mark.parametrize(("method", "params"), METHODS, ids=[method.name for method, _ in METHODS])
def test_only_the_wanted_fields_are_changed(method: Any, params: Any) -> None:
    ask = ask_for("Can you list the benefits of running and swimming?")
    (answer,) = method.children([ask], type(params)(fields=("output",)), Guard(), Models())
    assert not isinstance(answer, Child)


@pytest.mark.parametrize(("method", "params"), METHODS, ids=[method.name for method, _ in METHODS])
@pytest.mark.parametrize(
    "text", ["請解釋為什麼光會折射。", "如何提高睡眠質量並減輕壓力？", "請列出三種減輕壓力的方法。"]
)
def test_a_traditional_prompt_gets_no_simplified_words(method: Any, params: Any, text: str) -> None:
    (answer,) = method.children([ask_for(text, "zh")], params, Guard(), Models())
    assert not isinstance(answer, Child)
