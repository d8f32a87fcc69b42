from __future__ import annotations

import pytest
from augment_ask import children_of

from pipeline.augment.swap import Swap, SwapParams

METHOD = Swap()


def swap(text: str, lang: str = "en", **params: object) -> set[str]:
    return children_of(METHOD, SwapParams.model_validate(params), text, lang)


@pytest.mark.parametrize(
    ("parent", "child", "lang"),
    [
        (
            "What is the difference between a putter and a driver in golf?",
            "What is the difference between a driver and a putter in golf?",
            "en",
        ),
        (
            "Is Etna a mountain or a volcano? Say whether it is cold or hot.",
            "Is Etna a mountain or a volcano? Say whether it is cold or hot.",
            "",
        ),
        (
            "Identify which instrument is string or percussion: Ilimba, Khim",
            "Identify which instrument is percussion or string: Khim, Ilimba",
            "en",
        ),
        (
            "Describe the benefits of running and swimming.",
            "Describe the benefits of swimming and running.",
            "en",
        ),
        ("解释甲骨文的历史和用途。", "解释甲骨文的用途和历史。", "zh"),
        ("为什么昆虫可以爬在墙上？", "昆虫为什么可以爬在墙上？", "zh"),
        ("请给我五个关于厨艺的提示。", "请给我关于厨艺的五个提示。", "zh"),
        ("给我推荐一本关于烹饪的书", "推荐一本关于烹饪的书给我", "zh"),
        ("如何在Python中读取和写入文件？", "在Python中如何读取和写入文件？", "zh"),
    ],
)
def test_what_has_no_order_changes_places(parent: str, child: str, lang: str) -> None:
    if lang:
        assert child in swap(parent, lang)


def test_all_items_of_a_list_are_kept() -> None:
    children = swap("Tell me which of these are nuts: fig, pecan, oak, and walnut.")
    assert len(children) > 3
    for child in children:
        head, _, items = child.partition(": ")
        assert head == "Tell me which of these are nuts"
        assert sorted(items.rstrip(".").replace("and ", "").split(", ")) == ["fig", "oak", "pecan", "walnut"]
        assert items.split(", ")[-1].startswith("and ")


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Convert dollars and euros to yen and pounds respectively.", "en"),
        ("Rank these by size: elephant, mouse, dog", "en"),
        ("Put these in alphabetical order: fig, apple, oak", "en"),
        ("First wash, then dry, then fold the shirt.", "en"),
        ("What are the pros and cons of golf?", "en"),
        ("What goes with red wine and cheese?", "en"),
        ("Describe the differences between the traditional and the digital classroom.", "en"),
        ("Delete which of these elements: [1, b, 3, d]", "en"),
        ("Who wrote Romeo and Juliet?", "en"),
        ("How does Johnson and Johnson make money?", "en"),
        ("Do these take place in water, on land or both?", "en"),
        ("Translate the following: cats and dogs, birds, fish", "en"),
        ("What is the next number in this pattern: 2, 4, 8", "en"),
        ("请将下列电影按照年份排序：甲、乙、丙、丁", "zh"),
        ("分别说明猫和狗的特点。", "zh"),
        ("翻译下面的句子：我喜欢苹果、香蕉、梨、桃子。", "zh"),
        ("", "en"),
    ],
)
def test_what_has_an_order_or_belongs_together_stays(text: str, lang: str) -> None:
    assert swap(text, lang) == set()


def test_lists_can_be_left_alone() -> None:
    parent = "Tell me which of these are nuts: fig, pecan, oak"
    assert swap(parent)
    assert swap(parent, lists=False) == set()


def test_a_protected_term_keeps_its_place() -> None:
    parent = "Describe the benefits of running and swimming."
    assert children_of(METHOD, SwapParams(), parent, terms=("running and swimming",)) == set()
