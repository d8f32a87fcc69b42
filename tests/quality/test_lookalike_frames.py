"""Requests in another frame ("What is X?", "Define X") are one request; near misses of each class are not.

Half of the own pairs, chosen by a hash of their texts, were kept aside while the patterns were mended.
"""

from __future__ import annotations

import hashlib
import time

import pytest

from quality.lookalike import Request, Verdict, compare_requests
from quality.lookalike.frames import ask_for_one_answer, read, settle_by_frame
from tests.quality.test_lookalike_cases import _pairs, _request

FILES = ("frames_english.txt", "frames_chinese.txt")
LEAST_RECALL = 0.9


def _half(pairs: list[tuple[str, str]], frozen: bool) -> list[tuple[str, str]]:
    return [pair for pair in pairs if hashlib.sha256("\t".join(pair).encode()).digest()[0] % 2 == frozen]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_requests_in_another_frame_are_the_same(name: str, frozen: bool) -> None:
    pairs = _half(_pairs(name, "="), frozen)
    assert len(pairs) > 20
    missed = [pair for pair in pairs if not compare_requests(*map(_request, pair)).same]
    assert len(missed) <= (1 - LEAST_RECALL) * len(pairs), missed


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_near_misses_of_a_frame_stay_apart(name: str, frozen: bool) -> None:
    pairs = _half(_pairs(name, "!"), frozen)
    assert len(pairs) > 30
    assert [pair for pair in pairs if compare_requests(*map(_request, pair)).same] == []


@pytest.mark.parametrize("name", [*FILES, "english.txt", "chinese.txt"])
def test_frames_read_both_sides_alike(name: str) -> None:
    for left, right in _pairs(name, "=") + _pairs(name, "!"):
        assert ask_for_one_answer(left, right) == ask_for_one_answer(right, left)


@pytest.mark.parametrize("name", ["english.txt", "chinese.txt"])
def test_look_alikes_are_not_merged_by_a_frame(name: str) -> None:
    pairs = [pair for pair in _pairs(name, "!") if "||" not in pair[0] + pair[1]]
    assert [pair for pair in pairs if ask_for_one_answer(*pair)] == []


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Name the capital of Spain", "Name the capitals of Spain"),
        ("What is the meaning of life?", "What is life?"),
        ("Describe what a lawyer does", "What is a lawyer?"),
        ("Define the word 'run'", "Define the word 'running'"),
        ("Explain how a man bites a dog", "How does a dog bite a man?"),
        ("Compare apple juice and orange soda", "Compare orange juice and apple soda"),
        ("What is one benefit of stretching?", "What are the benefits of stretching?"),
        ("为什么狗怕猫", "猫为什么怕狗"),
        ("肝炎有哪些表现", "这个是肝炎的表现吗"),
        ("胃病是怎么回事", "胃病的原因是什么"),
    ],
)
def test_traps_of_frames_stay_apart(left: str, right: str) -> None:
    assert not ask_for_one_answer(left, right)


@pytest.mark.parametrize(
    "kind", ["numbers", "units", "negation", "opposite", "names", "language", "literals"]
)
def test_a_frame_overrides_no_verdict_on_values_or_names(kind: str) -> None:
    found = Verdict(kind, False)
    assert settle_by_frame("What is tea?", "Define tea.", found) == found
    assert settle_by_frame("What is tea?", "Define tea.", Verdict("words", False)).same


def test_the_frame_of_an_instruction_counts_where_both_have_one_input() -> None:
    left = Request("What is the main idea of the text?", "Bees dance to tell where flowers are.")
    right = Request("Identify the main idea of the text.", "Bees dance to tell where flowers are.")
    assert compare_requests(left, right).same


def test_a_request_of_two_sentences_or_of_great_length_has_no_frame() -> None:
    assert read("What is tea? Who drinks it?") == ()
    assert read("什么是茶？谁喝它？") == ()
    assert read("What is " + "very " * 100 + "good tea?") == ()
    assert {frame.kind for frame in read("What is tea?")} == {"as it stands", "definition"}


def test_reading_a_sentence_takes_no_time_worth_naming() -> None:
    texts = ["how " + "is and what are between to " * 8 + str(number) for number in range(50)]
    start = time.perf_counter()
    for text in texts:
        read(text)
    assert time.perf_counter() - start < 2.0
