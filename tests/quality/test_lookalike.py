"""Texts that look alike but ask for different things are told apart, in English and in Chinese."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.lookalike import difference, foreign_words, negations, numbers


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Write a poem in 10 words.", "Write a poem in 25 words."),
        ("Name two cities.", "Name three cities."),
        ("Meet at 10:30.", "Meet at 10:45."),
        ("Pay 1,000 dollars.", "Pay 1,500 dollars."),
        ("Roll one die.", "Roll one die and one coin."),
        ("The first chapter.", "The second chapter."),
        ("写一首10行的诗。", "写一首20行的诗。"),
        ("列出三个城市。", "列出五个城市。"),
        ("第一章讲什么？", "第二章讲什么？"),
        ("半小时后叫我。", "两小时后叫我。"),
    ],
)
def test_other_numbers_are_a_difference(left: str, right: str) -> None:
    assert difference(left, right) == difference(right, left) == "numbers"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Should I drink it?", "Should I not drink it?"),
        ("Do use commas.", "Don't use commas."),
        ("Do use commas.", "Don’t use commas."),
        ("Answer with a list.", "Answer without a list."),
        ("Always ask.", "Never ask."),
        ("这样可以吗？", "这样不可以吗？"),
        ("请使用逗号。", "请勿使用逗号。"),
        ("我有钥匙。", "我没有钥匙。"),
    ],
)
def test_a_negation_on_one_side_is_a_difference(left: str, right: str) -> None:
    assert difference(left, right) == difference(right, left) == "negation"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("How do I reset my password?", "How can I reset my password?"),
        ("List 3 fruits.", "List three fruits."),
        ("Give me Twenty ideas.", "Give me 20 ideas."),
        ("A dozen eggs, please.", "Please, 12 eggs."),
        ("Don't run.", "Do not run."),
        ("Notes about knots.", "A note on the knotty ones."),
    ],
)
def test_the_same_request_in_other_words_is_no_difference(left: str, right: str) -> None:
    assert difference(left, right) == ""


@pytest.mark.parametrize(
    ("left", "right"), [("怎样重设密码？", "如何重设密码？"), ("请不要跑三圈。", "请别跑三圈。")]
)
def test_chinese_paraphrases_agree_on_numbers_and_negations(left: str, right: str) -> None:
    assert numbers(left) == numbers(right)
    assert negations(left) == negations(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Translate 苹果 into English.", "Translate 香蕉 into English."),
        ("What does дом mean?", "What does кот mean?"),
        ("Spell ねこ.", "Spell it."),
    ],
)
def test_other_words_of_another_script_are_a_difference(left: str, right: str) -> None:
    assert difference(left, right) == difference(right, left) == "foreign"


def test_words_of_another_script_are_counted_and_accents_are_not() -> None:
    assert foreign_words("苹果 and 香蕉, café, Straße, 12 苹果") == Counter({"苹果": 2, "香蕉": 1})
    assert difference("Translate 苹果.", "Please translate 苹果.") == ""


def test_numbers_are_counted_in_digits_and_words() -> None:
    assert numbers("Two of 2 pages, 3.5 hours, 1/2 done, half empty") == Counter({"2": 2, "3.5": 1, "1/2": 2})
    assert numbers("第三章有三节和12页") == Counter({"第三": 1, "三": 1, "12": 1})
    assert numbers("someone often tenders nothing") == Counter()


def test_negations_are_counted_in_both_languages() -> None:
    assert negations("I can't, won't and do not; never! 不行，没有。") == 6
    assert negations("knot notable stopping") == 0


@given(st.text(), st.text())
def test_a_difference_is_symmetric_and_no_text_differs_from_itself(left: str, right: str) -> None:
    assert difference(left, left) == ""
    assert difference(left, right) == difference(right, left)
    assert (difference(left, right) == "numbers") == (numbers(left) != numbers(right))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("Who teaches in the house Gryffindor?", "Who teaches in the house Slytherin?", "names"),
        ("What is the capital of France?", "What is the capital of Peru?", "names"),
        ("Tell me about the (Rhine) valley", "Tell me about the (Loire) valley", "names"),
        ("Explain the Water Cycle.", "Explain the water cycle.", ""),
        ("What is the theme of the play Hamlet?", "What is the theme of Shakespeare's play Hamlet?", ""),
        ("When was the iPhone released by Apple?", "In which year did Apple release the iPhone?", ""),
        (
            "Describe Paris",
            "Describe the capital of France",
            "names",
        ),  # kept apart, though a person knows better
    ],
)
def test_prompts_that_each_name_something_else_differ(left: str, right: str, expected: str) -> None:
    assert difference(left, right) == expected
    assert difference(right, left) == expected
