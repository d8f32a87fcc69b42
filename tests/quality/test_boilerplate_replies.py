"""What two canned replies have in common, and when two prompts differ."""

from __future__ import annotations

import pytest

from quality.boilerplate import likeness, numbers, reply, skeleton, words_in


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Dear Mr Smith, we got your mail of 3 May. Case 4711.",
            "Dear Anna, we got your mail of June 12th, 2024.  Case 99.",
        ),
        ("Hello Tom Lee, your ticket is <TICKET>.", "hello, your ticket is 12-77."),
        ("Thank you for your feedback, Ms Okafor. Goodbye.", "THANK YOU FOR YOUR FEEDBACK. GOODBYE."),
        ("王先生您好，您5月3日的来信我们已收到。", "李女士您好，您2024年6月12日的来信我们已收到。"),
        ("尊敬的欧阳先生，工单４７１１将在周一处理。", "尊敬的陈老师，工单12将在星期三处理。"),
    ],
)
def test_replies_that_differ_in_names_dates_and_numbers_have_one_skeleton(one: str, other: str) -> None:
    def bare(text: str) -> str:
        return "".join(character for character in skeleton(text) if character.isalnum())

    assert bare(one) == bare(other) != ""


def test_what_a_reply_says_stays_in_its_skeleton() -> None:
    assert "we repaired the brake" in skeleton("Dear Anna, we repaired the brake on Friday.")
    assert skeleton("Peter repaired it.") != skeleton("Susan repaired it.")
    assert "你要把周转箱还回来" in skeleton("你要把周转箱还回来")


def test_numbers_are_kept_apart() -> None:
    assert numbers("It costs $22.50 on 3 May") == ("22.50", "3") != numbers("It costs $23 on 3 May")
    assert numbers("工单１２号") == ("12",)


def test_words_are_counted_in_both_languages() -> None:
    assert words_in("thank you for writing") == 4
    assert words_in("感谢来信") == 2


def test_the_subject_and_what_the_prompt_speaks_of_are_told() -> None:
    canned = reply(
        "My chain squeaks.", "Thank you for contacting us. We will answer within two working days."
    )
    assert (canned.spoken_of, canned.subject) == (0.0, 0.0) and canned.words == 12
    label = reply("Classify the sentiment of the review.", "The sentiment of the review is positive.")
    assert label.spoken_of >= 0.6
    assert reply("", "Acute pancreatitis with cholelithiasis.").subject > 0.5
    assert (
        reply("", "急性淋巴细胞白血病。").subject > 0.3 > reply("", "感谢您的来信，我们会尽快回复。").subject
    )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("My app shows someone else's bike.", ""), ("Can you look at the drivetrain on Friday?", "")),
        (("周五能帮我看一下传动吗？", ""), ("App 里出现了别人的车。", "")),
    ],
)
def test_prompts_about_different_things_differ(left: tuple[str, str], right: tuple[str, str]) -> None:
    found = likeness(left, right)
    assert found is not None and found <= 0.3


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("How do I reset my charger?", ""), ("How can I reset the charger at home?", "")),
        (("充电器怎么重置？", ""), ("请问充电器如何重置？", "")),
        (
            ("Is this friendly?", "You are a star among engineers."),
            ("Is this friendly?", "Nobody likes rain."),
        ),
        (("Translate into French: good morning", ""), ("Translate into French: blue whales sing", "")),
        (("一名30岁的患者胸痛，请问可能患有什么病？", ""), ("一名45岁的患者耳鸣，请问可能患有什么病？", "")),
        (("Thanks, that was what I wanted to know.", ""), ("Great, thank you!", "")),
        (("谢谢，那就是我想知道的。", ""), ("哇，时间过得真快！感谢你的信息。", "")),
    ],
)
def test_variants_of_a_question_one_task_and_thanks_do_not_differ(
    left: tuple[str, str], right: tuple[str, str]
) -> None:
    found = likeness(left, right)
    assert found is not None and found > 0.3


def test_a_prompt_of_nothing_says_nothing() -> None:
    assert likeness(("ok", ""), ("Can you look at the drivetrain?", "")) is None
