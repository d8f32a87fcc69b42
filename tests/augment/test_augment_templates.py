from __future__ import annotations

import re

import pytest
from augment_ask import children_of

from pipeline.augment.protect import Guard
from pipeline.augment.templates import Templates, TemplatesParams, groups

METHOD = Templates()


def templates(text: str, lang: str = "en", **params: object) -> set[str]:
    return children_of(METHOD, TemplatesParams.model_validate(params), text, lang)


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("What are the benefits of green tea?", "Tell me the benefits of green tea."),
        ("What is the difference between NAFTA and NATO?", "Explain the difference between NAFTA and NATO."),
        ("Name some characters from Friends.", "List some characters from Friends."),
        ("Give me five different names I could use.", "List five different names I could use."),
        ("Write a short poem about the sea in 20 words.", "Compose a short poem about the sea in 20 words."),
        ("Tell me whether these are nuts: fig, pecan", "Indicate whether these are nuts: fig, pecan"),
        (
            "Classify each of the following as a toy or a weapon: doll, gun",
            "Categorize each of the following as a toy or a weapon: doll, gun",
        ),
        ("Extract the dates from the text.", "Pick out the dates from the text."),
        ("What is Sinigang?", "I'd like to know what Sinigang is."),
        ("What is the capital of Peru?", "Do you know the capital of Peru?"),
        ("Describe the rules of chess.", "Give me a description of the rules of chess."),
    ],
)
def test_english_templates(parent: str, child: str) -> None:
    assert child in templates(parent)


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("请写一篇关于环保的文章，不少于500字。", "请围绕环保写一篇文章，不少于500字。"),
        ("列出三种减轻压力的方法。", "给出三种减轻压力的方法。"),
        ("将以下文本翻译成英语。\n我爱你。", "请用英语翻译以下文本。\n我爱你。"),
        ("什么是区块链？", "我想知道什么是区块链。"),
        ("为什么高山上的气压更低？", "请解释为什么高山上的气压更低。"),
        ("回答以下问题：谁是李白？", "请针对以下问题作答：谁是李白？"),
        ("从以下文本中提取人名。", "请找出以下文本中的人名。"),
        ("给我推荐一本关于烹饪的书。", "帮我推荐一本关于烹饪的书。"),
    ],
)
def test_chinese_templates(parent: str, child: str) -> None:
    assert child in templates(parent, "zh")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_frame_has_a_slot_twice_and_none_is_alone(lang: str) -> None:
    for group in groups(lang):
        assert len(group.frames) > 1 or group.name == "named_who", group.name
        if group.patterns:
            for frame in group.frames:
                names = re.findall(r"\{(\w+)\}", frame.text)
                assert len(set(names)) == len(names), frame.text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_all_frames_of_a_group_have_the_same_slots(lang: str) -> None:
    for group in groups(lang):
        slots = {frozenset(re.findall(r"\{(\w+)\}", frame.text)) for frame in group.frames}
        assert len(slots) == 1, (group.name, slots)


def test_constraints_and_material_stay() -> None:
    parent = 'Give me 3 ideas for lunch under 10 dollars. Use "no meat". Answer in JSON.'
    children = templates(parent)
    assert children
    for child in children:
        assert child.endswith(' for lunch under 10 dollars. Use "no meat". Answer in JSON.') or "?" in child
        assert Guard().protect(child).values() == Guard().protect(parent).values()


def test_a_second_task_is_not_made_part_of_a_question() -> None:
    for child in templates("List five fruits and explain why they are sweet."):
        assert not child.startswith(("What are", "Can you name", "Can you list"))


def test_a_child_that_only_asks_more_politely_is_none() -> None:
    assert "请回答以下问题：谁是李白？" not in templates("回答以下问题：谁是李白？", "zh")


@pytest.mark.parametrize(
    ("text", "lang"), [("", "en"), ("Rome fell.", "en"), ("春天来了。", "zh"), ("2+2=", "en")]
)
def test_what_is_no_request_has_no_child(text: str, lang: str) -> None:
    assert templates(text, lang) == set()


def test_orders_that_no_frame_knows_can_be_left_alone() -> None:
    parent = "Rank the planets by size."
    assert "I need you to rank the planets by size." in templates(parent)
    assert templates(parent, requests=False) == set()


def test_a_protected_term_is_not_told_otherwise() -> None:
    assert children_of(METHOD, TemplatesParams(), "What is Sinigang?", terms=("what is sinigang",)) == set()


def test_a_clause_is_not_told_as_a_term() -> None:
    assert not any("the meaning of what" in child for child in templates("Define what a greenhouse gas is."))


def test_a_topic_is_not_cut_in_two() -> None:
    children = templates("写一首有关42的质因数的诗。", "zh")
    assert children
    assert all("42的质因数" in child for child in children)
