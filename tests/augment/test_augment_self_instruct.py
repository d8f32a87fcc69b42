"""New tasks after examples, written by a real server that follows a rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from endpoint_server import Says, serving

from pipeline.augment import Answer, Ask, Child, Guard, NoChild
from pipeline.augment.self_instruct import SelfInstructMethod, SelfInstructParams
from pipeline.models import Models

METHOD = SelfInstructMethod()
NEW = {"instruction": "Sort these words by length.", "input": "pear, fig", "output": "fig, pear"}


def ask(
    instruction: str = "Name a fruit.", number: int = 0, lang: str = "en", history: Any = (), **more: str
) -> Ask:
    texts = {"system": "", "instruction": instruction, "input": "", "output": "An apple.", **more}
    return Ask(texts, history, lang, f"seed{number}", number)


def params(url: str, **more: Any) -> SelfInstructParams:
    endpoint = {"url": url, "model": "tiny", "backoff_s": 0.01}
    return SelfInstructParams.model_validate({"endpoint": endpoint, **more})


def children(asks: list[Ask], wanted: SelfInstructParams) -> list[Answer]:
    return METHOD.children(asks, wanted, Guard(), Models())


def writing(**parts: str) -> Callable[[dict[str, Any]], str]:
    return lambda _: json.dumps({**NEW, **parts}, ensure_ascii=False)


def test_a_child_is_a_new_task_and_the_parent_is_the_example() -> None:
    with serving(writer=writing()) as seen:
        found = children([ask(input="a red one")], params(seen.url))
    assert isinstance(found[0], Child)
    assert found[0].texts == NEW
    assert found[0].evidence == {"model": f"tiny at {seen.url}", "examples": 1}
    asked = seen.bodies[0]["messages"][1]["content"]
    assert "Task 1\ninstruction: Name a fruit.\ninput: a red one\noutput: An apple." in asked
    schema = seen.bodies[0]["response_format"]["json_schema"]
    assert schema["schema"]["required"] == ["instruction", "input", "output"]
    assert schema["schema"]["additionalProperties"] is False
    assert not METHOD.keeps(params("http://h/v1"))


def test_examples_of_the_recipe_stand_beside_the_parent() -> None:
    examples = [{"instruction": f"Own task {n}.", "output": f"Own answer {n}."} for n in range(5)]
    with serving(writer=writing()) as seen:
        children([ask(number=n) for n in range(6)], params(seen.url, examples=examples, shown=3))
    asked = [body["messages"][1]["content"] for body in seen.bodies]
    assert all(text.count("instruction: Own task") == 2 and "Name a fruit." in text for text in asked)
    assert len({text.index("Name a fruit.") for text in asked}) > 1
    assert len(set(asked)) > 3


def test_chinese_tasks_are_asked_for_in_chinese() -> None:
    chinese = {"instruction": "把下面的词按笔画排序。", "input": "一 二", "output": "一、二"}
    with serving(writer=writing(**chinese)) as seen:
        found = children([ask("列举三种水果", lang="zh", output="苹果、梨、桃")], params(seen.url))
    assert isinstance(found[0], Child)
    assert found[0].texts == chinese
    assert "请再构思一个任务" in seen.bodies[0]["messages"][1]["content"]


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"instruction": "Name a big fruit."}, "copy"),
        ({"instruction": "列举 三种 水果 吧"}, ""),
        ({"instruction": "Sing"}, "length"),
        ({"instruction": "word " * 151}, "length"),
        ({"instruction": "Describe the picture of a harbour."}, "not_text"),
        ({"instruction": "请描述这张图片里的内容。"}, "not_text"),
        ({"instruction": "..."}, "empty"),
        ({"output": " "}, "empty"),
        ({"output": "As an AI language model, I cannot sort words."}, "refusal"),
        ({"output": "I'm sorry, but I can't help with that."}, "refusal"),
        ({"output": "作为一个人工智能语言模型，我无法排序。"}, "refusal"),
        ({"output": "<material> fig </material>"}, "leak"),
    ],
)
def test_what_is_no_task_to_learn_from_has_its_reason(parts: dict[str, str], why: str) -> None:
    with serving(writer=writing(**parts)) as seen:
        found = children([ask()], params(seen.url))
    assert (found[0].why if isinstance(found[0], NoChild) else "") == why


def test_parents_that_are_no_example_cost_nothing() -> None:
    with serving() as seen:
        turns = ({"user": "a", "assistant": "b"},)
        asks = [ask(history=turns), ask(output=" ", number=1), ask("", 2), ask("x" * 50_000, 3)]
        assert [each.why for each in children(asks, params(seen.url)) if isinstance(each, NoChild)] == [
            "history", "unchanged", "unchanged", "too_long",
        ]  # fmt: skip
    assert seen.bodies == []


def test_malformed_answers_are_asked_again_a_bounded_number_of_times() -> None:
    with serving([Says('{"instruction": "Sort."}'), Says(json.dumps(NEW))]) as seen:
        found = children([ask()], params(seen.url))
        assert isinstance(found[0], Child)
    assert "input: Field required" in seen.bodies[1]["messages"][-1]["content"]
    with serving(writer=lambda _: "no") as seen:
        assert children([ask()], params(seen.url, tries=2)) == [NoChild("malformed")]
    assert len(seen.bodies) == 2


def test_children_depend_on_neither_order_nor_companions() -> None:
    def writer(body: dict[str, Any]) -> str:
        return json.dumps({**NEW, "instruction": f"Count up to {body['seed']} in steps of seven."})

    asks = [ask(number=n) for n in range(4)]
    with serving(writer=writer) as seen:
        wanted = params(seen.url)
        together = children(asks, wanted)
        assert children(asks[::-1], wanted) == together[::-1]
        assert [children([each], wanted)[0] for each in asks] == together
    assert len({str(each) for each in together}) == 4
