"""Requests told in other words: the same topics and as many answers, whatever the wording; nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.lookalike import REWORDABLE, Request, compare_requests, has_same_topics, is_narrowed
from quality.lookalike.reworded import stem

SAME = [
    ("Name five tips to sleep better.", "What are some ways of sleeping better?"),
    ("List 4 advantages of solar panels", "State the main benefits of solar panels."),
    ("How can I reduce food waste?", "Suggest some strategies for reducing food waste."),
    ("Write a function that reverses a list.", "Create a program to reverse a list."),
    ("Describe the differences between tea and coffee.", "Compare coffee and tea."),
    ("Explain how artificial intelligence helps doctors.", "Discuss how AI helps the doctors."),
    ("Check whether 91 is prime or not.", "Determine if 91 is prime."),
    ("Explain why sleep is important.", "Describe the importance of sleep."),
    ("Name three rivers in the US.", "List three rivers in the United States."),
    ("感冒和过敏的治疗方案有何不同？", "感冒和过敏的治疗方法有哪些区别？"),
    ("请问头疼怎么办？", "头疼应该如何治疗？"),
]
OTHER = [
    ("Name five tips to sleep better.", "Name a tip to sleep better."),
    ("Name five tips to sleep better.", "Name three tips to sleep better."),
    ("Name two tips to sleep better.", "What are some tips to sleep better?"),
    ("Describe the causes of rust.", "Name three causes of rust."),
    ("List three causes of rust.", "List all causes of rust."),
    ("Write an outline for an essay on rust.", "Write an essay on rust."),
    ("Describe rust.", "Describe how rust works."),
    ("Add 2, 3 and 5.", "Add 5, 2 and 3 twice."),
    ("Sort the list 3, 1, 2.", "Sort the list 1, 2, 3."),
    ("Explain the purpose of a queue.", "What is a queue?"),
    ("Describe in a few words what a queue is.", "Describe what a queue is."),
    ("Explain why passwords expire.", "Explain why passwords do not expire."),
    ("感冒的症状有哪些？", "感冒怎么办？"),
    ("感冒吃什么药？", "感冒吃什么好？"),
    ("他昨天上午到了吗？", "他昨天下午到了吗？"),
]


def told_again(left: Request, right: Request) -> bool:
    found = compare_requests(left, right)
    return found.same or (found.differs in REWORDABLE and has_same_topics(left, right))


@pytest.mark.parametrize(("left", "right"), SAME)
def test_the_same_request_in_other_words(left: str, right: str) -> None:
    assert told_again(Request(left), Request(right))
    assert told_again(Request(right), Request(left))


@pytest.mark.parametrize(("left", "right"), OTHER)
def test_another_request_in_similar_words(left: str, right: str) -> None:
    assert not told_again(Request(left), Request(right))


def test_a_case_with_another_title_is_the_same_case_unless_the_titles_ask_for_different_things() -> None:
    body = "我妈妈上个月查出来有慢性胃炎，一直在吃药，最近又开始反酸，想知道慢性胃炎需要怎么治疗？"
    first = Request("慢性胃炎怎么治疗比较好？", body)
    assert told_again(first, Request("慢性胃炎该如何治疗呢", body))
    assert told_again(first, Request("慢性胃炎怎么治疗比较好？", body.replace("一直在吃药", "一直都在吃药")))
    assert not told_again(first, Request("慢性胃炎会不会传染？", body))
    assert not told_again(first, Request("慢性胃炎怎么治疗比较好？", body.replace("上个月", "3年前")))
    assert not told_again(first, Request("慢性胃炎怎么治疗比较好？", body.replace("妈妈", "爸爸")))


def test_an_input_that_a_request_works_on_is_no_case() -> None:
    one = Request("把下面的句子翻译成英语。", "他昨天上午三点就到了机场。")
    other = Request("把下面的句子翻译成英语。", "他昨天下午三点就到了机场。")
    assert not told_again(one, other)


def test_a_request_that_only_adds_a_topic_is_narrower() -> None:
    assert is_narrowed(Request("Describe a queue."), Request("Describe a queue and its purpose."))
    assert not is_narrowed(Request("Describe a queue."), Request("Describe a stack."))
    assert not is_narrowed(Request("Describe a queue."), Request("Explain what a queue is."))


@pytest.mark.parametrize(
    ("word", "root"),
    [("themes", "theme"), ("uses", "use"), ("planning", "plan"), ("stories", "story"), ("bus", "bus")],
)
def test_stems_are_words(word: str, root: str) -> None:
    assert stem(word) == root


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_reading_is_symmetric(left: str, right: str) -> None:
    one, other = Request(left), Request(right)
    assert has_same_topics(one, other) == has_same_topics(other, one)
    assert is_narrowed(one, other) == is_narrowed(other, one)
