"""Keywords are found in texts in their forms, and taken from texts of a domain."""

from __future__ import annotations

import numpy as np
import pytest

from quality.coverage import Matcher, coverage
from quality.inflection import base_form, bases, forms
from quality.keywords import Keyword, extract


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("battery", "Two BATTERIES were charged."),
        ("batteries", "The battery is flat."),
        ("charge", "It is charging, and was charged twice."),
        ("brake", "Braking late wears the pads."),
        ("stop", "Stopped at once."),
        ("heart attack", "He had two heart\nattacks."),
        ("C++", "written in C++."),
        ("糖尿病", "患有糖尿病的人"),
        ("hpv", "做ＨＰＶ检查"),
        ("5G", "一部5g手机"),
    ],
)
def test_a_keyword_is_found_in_its_forms(keyword: str, text: str) -> None:
    assert Matcher([keyword]).find(text) == [0]


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("art", "a party"),
        ("charge", "a charger"),
        ("hpv", "hpvs1"),
        ("heart attack", "the heart and an attack"),
    ],
)
def test_a_part_of_another_word_is_no_mention(keyword: str, text: str) -> None:
    assert Matcher([keyword]).find(text) == []


def test_the_longest_chinese_keyword_counts() -> None:
    matcher = Matcher(["糖尿病", "糖尿病足", "足"])
    assert matcher.find("糖尿病足要早治") == [1]
    assert matcher.find("糖尿病人的足") == [0, 2]


def test_no_keywords_find_nothing_and_a_blank_one_is_refused() -> None:
    assert Matcher([]).find("anything") == []
    with pytest.raises(ValueError, match="blank"):
        Matcher(["good", "  "])


def test_coverage_is_the_share_of_the_weight() -> None:
    keywords = [Keyword("a", 5), Keyword("b", 3), Keyword("c", 2)]
    found = coverage(keywords, np.array([4, 0, 1]))
    assert (found.value, found.missing) == (0.7, (1,))
    assert coverage(keywords, np.array([4, 0, 1]), 2).missing == (1, 2)
    with pytest.raises(ValueError, match="no keyword"):
        coverage([], np.array([], np.int64))


@pytest.mark.parametrize(
    ("word", "base"), [("batteries", "battery"), ("stopped", "stop"), ("making", "make"), ("boxes", "box")]
)
def test_a_form_is_counted_under_its_base(word: str, base: str) -> None:
    assert base in bases(word)
    assert base_form(word, {base: 1.0, word: 1.0}) == base
    assert word in forms(base)


def test_a_far_more_frequent_word_is_no_form_of_a_rare_one() -> None:
    assert base_form("need", {"need": 1.0, "nee": 0.001}) == "need"
    assert base_form("bus", {}) == "bus"


DOMAIN = [
    f"The derailleur of bike {n} needs new cables before the sprocket wears; check the derailleur and its spokes."
    for n in range(8)
] + [
    f"第{n}步，先调变速器，再看辐条；{c}辐条松了要紧，变速器脏了要洗。"
    for n, c in enumerate("若如凡见遇等逢")
]


def test_the_keywords_of_a_domain_are_its_own_words() -> None:
    found = {each.text: each.weight for each in extract(DOMAIN, 30)}
    assert {"derailleur", "sprocket", "spoke", "变速器", "辐条"} <= set(found)
    assert not {"the", "of", "and", "速器", "变速"} & set(found)
    assert sum(found.values()) == pytest.approx(1)


def test_order_and_nothing_at_all() -> None:
    assert extract(DOMAIN) == extract(DOMAIN[::-1])
    assert extract([]) == []
    assert extract(["", "…"]) == []
