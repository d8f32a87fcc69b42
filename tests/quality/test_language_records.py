"""What a prompt asks for, how mixed a text is, and what is known of a record's languages."""

from __future__ import annotations

import pytest

from quality.language import ANY, asked, close, examine, identify, to_code
from quality.language.asks import answer_in
from quality.language.mixture import shares

ZH = "充电器的灯变绿以后，就可以拔下来了。"
EN = "You can unplug the charger as soon as its light turns green."


@pytest.mark.parametrize(
    ("prompt", "named", "answer"),
    [
        ("Translate into French.", {"fr"}, set()),
        ("Please answer in English: how far is it?", {"en"}, {"en"}),
        ("Reply to the customer in German, politely.", {"de"}, {"de"}),
        ("How do I reply in German to this letter?", {"de"}, set()),
        ("请用中文回答：多远？", {"zh"}, {"zh"}),
        ("答案用英语回答。", {"en"}, {"en"}),
        ("如何用英语回答面试问题？", {"en"}, set()),
        ("把下面这句话翻译成英文。", {"en"}, set()),
        ("翻译这句话。", {ANY}, set()),
        ("Translate this sentence.", {ANY}, set()),
        ("Réponds en français, s'il te plaît.", {"fr"}, set()),
        ("How far is it?", set(), set()),
        ("有多远？", set(), set()),
    ],
)
def test_what_a_prompt_says_of_languages(prompt: str, named: set[str], answer: set[str]) -> None:
    found = asked(prompt)
    assert set(found.named) == named
    assert set(found.answer_in) == answer == set(answer_in(prompt.lower()))


def test_a_text_in_two_languages_has_shares() -> None:
    texts = [f"{ZH}{ZH}\n{EN} {EN}", f"{ZH}{ZH}", EN, "OK"]
    mixed, chinese, english, short = shares(texts, identify(texts))
    assert set(mixed) == {"zh", "en"} and 0.3 < mixed["zh"] < 0.7
    assert (set(chinese), set(english), short) == ({"zh"}, {"en"}, {})


def test_terms_and_code_in_a_chinese_text_are_not_foreign() -> None:
    text = "先安装 Python、NumPy 和 Jupyter Notebook，再打开 Visual Studio Code。\n" * 3
    (found,) = shares([text], identify([text]))
    assert found == {"zh": 1.0}


def test_a_record_is_described() -> None:
    (same, other, told, quoted) = examine(
        [
            "When may I unplug it?",
            "什么时候可以拔下充电器？",
            "把输入翻译成英文。",
            "What does “今天天气很好，我们去公园” mean?",
        ],
        ["", "", ZH, ""],
        [EN, EN, EN, "It says that the weather is fine today and that we should go to the park."],
    )
    assert (same.prompt, same.response, same.accepted) == ("en", "en", "en")
    assert (other.prompt, other.response, other.accepted) == ("zh", "en", "zh")
    assert other.prompt_sure and other.response_sure
    assert told.accepted == "en zh"
    assert quoted.prompt == "en"


def test_earlier_turns_and_the_system_prompt_are_accepted() -> None:
    (found,) = examine(["继续"], [""], [EN], earlier=[["Tell me how to charge the bike.", EN]])
    assert "en" in found.accepted.split()
    (found,) = examine(["什么时候可以拔下充电器？"], [""], [EN], system=["Always reply in English."])
    assert (found.answer_in, "en" in found.accepted.split()) == ("en", True)


def test_near_languages_are_close_and_others_are_not() -> None:
    assert close("id", "ms") and close("nb", "da") and close("en", "en")
    assert not close("en", "zh") and not close("es", "pt")


@pytest.mark.parametrize(
    ("declared", "code"),
    [("en", "en"), ("en-US", "en"), ("zh_Hans", "zh"), ("ZHO", "zh"), ("english", ""), ("", ""), ("und", "")],
)
def test_declared_languages_are_read(declared: str, code: str) -> None:
    assert to_code(declared) == code
