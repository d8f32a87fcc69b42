from __future__ import annotations

import json

import pytest
from augment_ask import children_of

from pipeline.augment.deletion import DATA, Deletion, DeletionParams

METHOD = Deletion()


def deletion(text: str, lang: str = "en", **params: object) -> set[str]:
    return children_of(METHOD, DeletionParams.model_validate(params), text, lang)


@pytest.mark.parametrize(
    ("parent", "child", "lang"),
    [
        ("Please extract the dates.", "Extract the dates.", "en"),
        ("Can you list five fruits?", "List five fruits.", "en"),
        ("I would like you to write a poem.", "Write a poem.", "en"),
        ("What should I do in order to sleep?", "What should I do to sleep?", "en"),
        ("Give me a list of 5 fruits", "Give 5 fruits", "en"),
        (
            "Classify each of the following as a toy or a gun: doll",
            "Classify the following as a toy or a gun: doll",
            "en",
        ),
        ("Name rap albums that were released in 2022.", "Name rap albums released in 2022.", "en"),
        ("What are some ways that I can save water?", "What are some ways I can save water?", "en"),
        ("Q: What is Java?", "What is Java?", "en"),
        ("请列出三种水果。", "列出三种水果。", "zh"),
        ("你能列出三种水果吗？", "列出三种水果。", "zh"),
        ("描述一下如何制作蛋糕。", "描述如何制作蛋糕。", "zh"),
        ("黑洞和白洞之间的区别是什么？", "黑洞和白洞的区别是什么？", "zh"),
        ("回答以下问题：狗能活几年？", "狗能活几年？", "zh"),
        ("给我推荐一本书。", "推荐一本书。", "zh"),
    ],
)
def test_what_carries_least_is_taken_out(parent: str, child: str, lang: str) -> None:
    assert child in deletion(parent, lang, rate=1.0)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("What is the capital of Peru?", "en"),
        ("Write a very short story.", "en"),
        ("What are some of the rules of chess?", "en"),
        ("Follow the rules exactly.", "en"),
        ("列出三种水果。", "zh"),
        ("请问我可以吗", ""),
        ("请客要花多少钱？", "zh"),
        ("他非常高兴。", "zh"),
        ("", "en"),
    ],
)
def test_what_tells_which_and_how_much_stays(text: str, lang: str) -> None:
    if lang:
        assert deletion(text, lang) == set()


def test_material_loses_nothing() -> None:
    parent = "Translate the following: Can you please really help me in order to win?"
    assert deletion(parent) == set()
    for child in deletion("请翻译下面的句子：请你等一下。", "zh"):
        assert child.endswith("请你等一下。")


def test_several_questions_keep_their_announcement() -> None:
    assert "狗能活几年？猫呢？" not in deletion("回答以下问题：狗能活几年？猫呢？", "zh")


def test_with_rate_zero_one_thing_goes() -> None:
    for child in deletion("Please give me a list of 5 fruits that I can eat.", rate=0.0):
        assert sum(child.count(word) for word in ("lease", " me ", "list", "that")) == 3


def test_a_protected_place_stays() -> None:
    assert (
        children_of(
            METHOD, DeletionParams(), "Name rap albums that were released in 2022.", terms=("that were",)
        )
        == set()
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_rule_is_tried_where_it_can_match(lang: str) -> None:
    told = json.loads((DATA / "deletion.json").read_text("utf-8"))[lang]["rules"]
    for rule in told:
        assert rule["when"], rule
        for when in rule["when"]:
            assert set(when.strip()) <= set(rule["pattern"].lower()) | {" "}, rule


def test_a_list_that_is_to_be_made_stays_a_list() -> None:
    assert deletion("Make a list of three endangered species.") == set()
