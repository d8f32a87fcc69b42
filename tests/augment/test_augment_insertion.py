from __future__ import annotations

import pytest
from augment_ask import children_of

from pipeline.augment.insertion import Insertion, InsertionParams

METHOD = Insertion()


def insertion(text: str, lang: str = "en", **params: object) -> set[str]:
    return children_of(METHOD, InsertionParams.model_validate(params), text, lang, most=120)


@pytest.mark.parametrize(
    ("parent", "child", "lang"),
    [
        ("List five fruits.", "Please list five fruits.", "en"),
        ("List five fruits.", "List five fruits for me.", "en"),
        ("list five fruits", "please list five fruits", "en"),
        ("What is Java?", "So, what is Java?", "en"),
        ("What is Java?", "What is Java? Thanks!", "en"),
        ("解释牛顿第一定律。", "解释一下牛顿第一定律。", "zh"),
        ("解释牛顿第一定律。", "请帮我解释牛顿第一定律。", "zh"),
        ("什么是光？", "请问什么是光？", "zh"),
        ("如何读取文件？", "如何读取文件呢？", "zh"),
        ("给我一些建议。", "麻烦你给我一些建议。", "zh"),
    ],
)
def test_words_that_add_nothing_are_put_in(parent: str, child: str, lang: str) -> None:
    assert child in insertion(parent, lang, rate=0.0)


def test_nothing_is_taken_out_and_nothing_asked_twice() -> None:
    for child in insertion("Describe the rules of chess.", rate=1.0):
        assert "escribe the rules of chess" in child
        assert child.lower().count("please") <= 1
    for child in insertion("给出三个例子。", "zh", rate=1.0):
        assert "给出三个例子" in child
        assert child.count("麻烦") <= 1


def test_please_is_not_said_again_nor_for_me_where_someone_is_named() -> None:
    for child in insertion("Please write my friend a letter."):
        assert child.lower().count("please") == 1
        assert "for me" not in child
    assert all("帮我给我" not in child for child in insertion("给我三个例子。", "zh"))


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("", "en"),
        ("Rome fell.", "en"),
        ("春天来了。", "zh"),
        ("给定一组数，找出最大的。", "zh"),
        ("2+2=4", "en"),
    ],
)
def test_what_asks_for_nothing_gets_nothing(text: str, lang: str) -> None:
    assert insertion(text, lang) == set()


def test_material_gets_no_thanks() -> None:
    for child in insertion("Translate the following text: The cat sat."):
        assert child.endswith("The cat sat.")
    for child in insertion("翻译下面的句子：\n猫坐着。", "zh"):
        assert child.endswith("：\n猫坐着。")


def test_the_share_of_children_with_two_insertions_is_the_rate() -> None:
    one = insertion("What is Java?", rate=0.0)
    two = insertion("What is Java?", rate=1.0)
    assert one.isdisjoint(two)
    assert "So, what is Java? Thanks!" in two


def test_one_is_not_asked_for_twice() -> None:
    assert not any("帮我为我" in child for child in insertion("请为我写一首诗。", "zh"))
