"""Meaning kept or broken: each kind of difference, harmless rewrites, long texts, and what is not measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality import fidelity

BROKEN = [
    ("number", "Take 2 pills with water.", "Take 3 pills with water."),
    ("number", "The fair opens at nine and lasts 12 hours.", "The fair opens at nine and lasts 21 hours."),
    ("unit", "The bridge is 300 meters long.", "The bridge is 300 feet long."),
    ("negation", "The museum is open on Mondays.", "The museum is not open on Mondays."),
    ("negation", "You can enter without a ticket now.", "You cannot enter without a ticket now."),
    ("opposite", "Sales increased after the campaign.", "Sales decreased after the campaign."),
    ("opposite", "Lock the door before you switch off the light.", "Lock the door after you switch off the light."),
    ("quantity", "All members voted for the plan.", "Some members voted for the plan."),
    ("quantity", "At least ten people came.", "At most ten people came."),
    ("modality", "You must wear a helmet here.", "You may wear a helmet here."),
    ("entity", "The train from Lyon was late.", "The train from Geneva was late."),
    ("role", "Norway defeated Sweden in the final.", "Sweden defeated Norway in the final."),
    ("role", "The old bridge is longer than the new tunnel.", "The new tunnel is longer than the old bridge."),
    ("number", "每天吃两片药。", "每天吃三片药。"),
    ("unit", "这座桥长300米。", "这座桥长300公里。"),
    ("negation", "博物馆周一开放。", "博物馆周一不开放。"),
    ("opposite", "活动以后销量增加了。", "活动以后销量减少了。"),
    ("opposite", "关灯之前要锁门。", "关灯之后要锁门。"),
    ("quantity", "所有会员都同意这个计划。", "部分会员同意这个计划。"),
    ("quantity", "至少来了十个人。", "至多来了十个人。"),
    ("modality", "进入工地必须戴安全帽。", "进入工地可以戴安全帽。"),
    ("word", "从里昂开来的火车晚点了。", "从罗马开来的火车晚点了。"),
    ("role", "挪威队在决赛中击败瑞典队。", "瑞典队在决赛中击败挪威队。"),
]  # fmt: skip
KEPT = [
    ("Take 2 pills with water.", "take two pills with water"),
    ("The museum isn't open on Mondays.", "The museum is not open on Mondays."),
    ("The bridge is 300 metres long.", "The bridge is 300 meters long."),
    ("We painted the walls in gray and favorite colors.", "We painted the walls in grey and favourite colours."),
    ("Norway defeated Sweden in the final.", "Sweden was defeated by Norway in the final."),
    ("After the meeting, send the report to Anna.", "Send the report to Anna after the meeting."),
    ("She bought apples, pears and plums.", "She bought pears, plums and apples."),
    ("Begin with the easy questions.", "Start with the easy questions."),
    ("On 4 March the port was closed.", "On March 4 the port was closed."),
    ("The old bridge is longer than the new tunnel.", "The new tunnel is shorter than the old bridge."),
    ("每天吃两片药。", "每天吃2片药"),
    ("这座桥长300米。", "這座橋長３００米。"),
    ("请你列出五个城市。", "麻烦您列出5个城市。"),
    ("如果下雨，比赛就取消。", "比赛就取消，如果下雨。"),
    ("她买了苹果、梨和李子。", "她买了梨、苹果和李子。"),
    ("这种方法非常有效。", "这种办法十分有效。"),
    ("酒精含量至少为60%。", "酒精含量不低于百分之六十。"),
    ("挪威队在决赛中击败瑞典队。", "瑞典队在决赛中被挪威队击败。"),
]  # fmt: skip


def language(text: str) -> str:
    return "zh" if any("一" <= char <= "鿿" for char in text) else "en"


@pytest.mark.parametrize(("kind", "original", "edited"), BROKEN)
def test_a_broken_meaning_scores_low_and_its_kind_is_named(kind: str, original: str, edited: str) -> None:
    found = fidelity.measure([original], [edited], [language(original)])
    assert found.scores[0] < 0.5
    assert found.kinds == [kind]


@pytest.mark.parametrize(("original", "edited"), KEPT)
def test_a_harmless_rewrite_scores_high(original: str, edited: str) -> None:
    assert fidelity.measure([original], [edited], [language(original)]).scores[0] > 0.5


def test_an_equal_text_scores_1_and_names_nothing() -> None:
    found = fidelity.measure(["The same."], ["The same."], ["en"])
    assert found.scores.tolist() == [1.0] and found.kinds == [""]


def test_what_cannot_be_read_is_not_measured() -> None:
    found = fidelity.measure(
        ["Bonjour à tous.", "Good morning, everyone in the room.", "", "a"],
        ["Bonsoir à tous.", "大家早上好，请坐下来。", "", "b"],
        ["fr", "en", "en", "de"],
    )
    assert np.isnan(found.scores).all() and found.kinds == [""] * 4


def test_one_changed_sentence_of_a_long_text_is_found() -> None:
    parts = [
        f"Section {n} of the manual explains how the pump in room {n} is cleaned and oiled."
        for n in range(12)
    ]
    kept = " ".join(parts)
    broken = kept.replace("room 7 is cleaned", "room 7 is not cleaned")
    found = fidelity.measure([kept, kept], [kept + " ", broken], ["en", "en"])
    assert found.scores[0] > 0.9
    assert found.scores[1] < 0.6 and found.kinds[1] == "negation"


def test_vectors_of_words_are_asked_for_english_only_and_each_text_once() -> None:
    asked: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        return np.eye(len(texts), dtype=np.float32)

    fidelity.measure(
        ["A big dog barks.", "大狗在叫。"], ["A big cat barks.", "大猫在叫。"], ["en", "zh"], encode
    )  # type: ignore[arg-type]
    assert sorted(asked) == ["A big cat barks.", "A big dog barks.", "cat", "dog"]


def test_lists_of_other_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 originals, 1 edited"):
        fidelity.measure(["a", "b"], ["a"], ["en"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "cat",
                "not",
                "3",
                "than",
                ",",
                "不",
                "5",
                "米",
                "狗",
                "must",
                "all",
                ".",
                "before",
                "被",
                "Paris",
            ]
        ),
        max_size=12,
    ),
    st.data(),
)
def test_any_text_gets_a_probability_whatever_its_companions(words: list[str], data: st.DataObject) -> None:
    left = " ".join(words)
    right = " ".join(data.draw(st.permutations(words)))
    alone = fidelity.measure([left], [right], ["en"]).scores
    among = fidelity.measure(["x", left], ["y", right], ["zh", "en"]).scores[1:]
    np.testing.assert_array_equal(alone, among)
    assert np.isnan(alone[0]) or 0 <= alone[0] <= 1


def test_a_text_of_very_many_sentences_is_not_measured_and_a_very_long_one_takes_no_long_time() -> None:
    many = " ".join(f"Line {n} is here." for n in range(400))
    endless = "word and number 7 " * 20_000
    found = fidelity.measure([many, endless], [many + " End.", endless + "more"], ["en", "en"])
    assert np.isnan(found.scores[0])
    assert found.scores[1] > 0.5
