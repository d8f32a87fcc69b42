from __future__ import annotations

import pytest

from pipeline.augment.asking import asking, is_about_words


def parts(text: str) -> list[str]:
    return [text[start:stop].strip() for start, stop in asking(text)]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("What is rain?", ["What is rain?"]),
        ("Classify as fruit or not: apple, stone", ["Classify as fruit or not"]),
        ("Summarize this:\nIt rained. We left.", ["Summarize this"]),
        ("At 3:00 what happens?", ["At 3:00 what happens?"]),
        ("Sort these\nred\nblue", ["Sort these"]),
        ("It rained all day. Why?", ["Why?"]),
        ("Answer the question: where is Rome?", ["Answer the question", "where is Rome?"]),
        ("请总结以下文章。理念是先导。行动很重要。", ["请总结以下文章。"]),
        ("将以下分类：苹果、石头", ["将以下分类"]),
        ("回答问题：罗马在哪里？", ["回答问题", "罗马在哪里？"]),
        ("小明有苹果。他吃了两个。还剩几个？", ["还剩几个？"]),
        ("请改写句子\\n他很高兴。", ["请改写句子"]),
        ("重新写下这段段落。\n保险很重要。", ["重新写下这段段落。"]),
        ("", []),
        ("   \n ", []),
    ],
)
def test_the_request_is_told_from_its_material(text: str, asked: list[str]) -> None:
    assert parts(text) == asked


def test_prompts_about_words_are_known() -> None:
    assert all(map(is_about_words, ("A synonym of big", "Fix the grammar", "给出反义词", "翻译成英文")))
    assert not any(map(is_about_words, ("Write 100 words on rain", "写一篇文章", "What is Rome?")))


def test_broken_text_is_no_error() -> None:
    assert not is_about_words("\ud800 Please explain gravity")
    assert parts("\ud800 Please explain gravity") == ["\ud800 Please explain gravity"]
