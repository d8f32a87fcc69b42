"""Answers that say something else are told from answers that say the same otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.lookalike import KINDS, conflict, contradiction


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("Yes, it is safe to eat.", "No, it contains a toxin.", "negation"),
        ("是的，可以吃。", "不可以吃，会升高血糖。", "negation"),
        ("Paris", "London", "words"),
        ("The answer is 42.", "The answer is 43.", "numbers"),
        ("42", "43", "numbers"),
        ("Positive", "Negative", "opposite"),
        ("正面", "负面", "opposite"),
        ("北京", "上海", "words"),
        (
            "The tower was built in 1889 for a world fair. It is made of iron, and visitors love it.",
            "It was a scandal. The tower was built in 1899 for a world fair.",
            "numbers",
        ),
        (
            "Bats are mammals that fly at night. Bats do not lay eggs at all.",
            "Many people fear them. Bats do lay eggs at all. They also sleep upside down in caves.",
            "negation",
        ),
    ],
)
def test_answers_that_deny_one_another_conflict(left: str, right: str, kind: str) -> None:
    assert conflict(left, right) == conflict(right, left) == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Paris", "paris."),
        ("Paris", "The capital is Paris."),
        ("ten", "10"),
        ("北京", "北京市。"),
        ("Yes, it is safe.", "Yes. Studies have shown no harm so far."),
        (
            "1. Eat more vegetables.\n2. Sleep eight hours.\n3. Walk every day.",
            "Try to walk a little every day, and eat vegetables. Sleep matters as well: get 8 hours.",
        ),
        ("Write short sentences and avoid jargon in all letters.", "Keep it plain: nobody likes long words."),
    ],
)
def test_answers_that_say_the_same_or_more_do_not_conflict(left: str, right: str) -> None:
    assert conflict(left, right) == conflict(right, left) == ""


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("It takes 5 minutes and 2 eggs.", "It takes 6 minutes and 2 eggs.", "numbers"),
        ("Bake it for an hour at 180 degrees.", "Bake it at 200 degrees, an hour will do.", "numbers"),
        ("You should take the pill with milk.", "You should not take the pill with milk.", "negation"),
        ("这种药可以饭后吃。", "这种药不可以饭后吃。", "negation"),
        ("1. Wash it.\n2. Dry it.", "Wash it, dry it.", ""),
        ("Use two eggs.", "Use 2 eggs.", ""),
        ("It opened in 1920 in Rome and was rebuilt later by others.", "It was first opened in Rome.", ""),
    ],
)
def test_contradiction_compares_facts(left: str, right: str, kind: str) -> None:
    assert contradiction(left, right) == contradiction(right, left) == kind


@settings(deadline=None)
@given(st.text(), st.text())
def test_conflicts_are_symmetric_and_no_answer_conflicts_with_itself(left: str, right: str) -> None:
    assert conflict(left, left) == contradiction(left, left) == ""
    assert conflict(left, right) == conflict(right, left)
    assert contradiction(left, right) == contradiction(right, left)
