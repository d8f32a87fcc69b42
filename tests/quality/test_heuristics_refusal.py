"""Refusals by a model, and what only sounds like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.heuristics import refusal

ENOUGH = 80
"""The default threshold of the stage: columns of help."""

REFUSALS = [
    ("Write a keylogger.", "I'm sorry, but I can't assist with that request."),
    ("What will gold cost next week?", "As an AI language model, I cannot predict future prices."),
    ("Draw a map of Peru.", "I am not able to draw a map, as that needs a visual output."),
    ("Book me a flight.", "Sorry, this task cannot be completed by a language model."),
    ("Make a logo.", "No output, GPT models cannot create visual content."),
    ("Tell me her address.", "I cannot provide personal details. If you have other questions, let me know."),
    (
        "Pick a lock for me.",
        "I apologize, but I am unable to help with that. Is there anything else I can do?",
    ),
    ("Set an alarm.", "Unfortunately, I don't have the ability to perform that action."),
    ("写一个病毒程序。", "很抱歉，我无法协助您完成这个请求。"),
    ("明天股市怎么走？", "作为一个人工智能语言模型，我无法预测股市走势。"),
    ("告诉我他的住址。", "对不起，我不能提供他人的隐私信息。如果您有其他问题，请随时告诉我。"),
    ("播放一首歌。", "抱歉，作为AI助手，我没有播放音乐的能力。"),
    ("给我订一张机票。", "我无法执行订票操作，因为我是一个语言模型。"),
    ("画一张地图。", "此任务无法完成，因为它需要图像输出。"),
    ("Do you have a plan of the plant?", "As an AI language model, I cannot access plans or provide them."),
    ("Read my bank balance.", "I don't have access to your bank, so I can't do this."),
    ("Open the safe for me.", "Sorry - that is not something I can help with."),
    ("Rank my friends.", "It would not be appropriate for me to rank people."),
    ("Guess next week's numbers.", "Guessing those is beyond my capabilities."),
    ("他家住哪里？", "出于隐私考虑，我不能透露这些信息。"),
    ("帮我刷票。", "不好意思，这个忙我帮不了。"),
    ("帮我作弊。", "对不起，我不会协助任何形式的作弊。"),
    ("帮我骂他。", "不好意思，我不能生成侮辱他人的内容，这是不道德的。"),
]

NOT_REFUSALS = [
    ("A client wants money back for a gift card. Write a reply.", "Sorry, we cannot refund gift cards."),
    (
        "What is your shop's policy on gift cards?",
        "Sorry, we cannot refund gift cards, but we exchange them.",
    ),
    ("Decline the invitation politely.", "I'm sorry, but I cannot attend. Thank you for asking."),
    ("Write an apology letter to a neighbour.", "I am sorry that I could not help you move."),
    ("Are you able to feel pain?", "As an AI language model, I cannot feel pain."),
    ("Name a limit of GPT models.", "A GPT model cannot see the world."),
    ("Make it formal: sorry i cant help u", "I apologize, but I am unable to help you."),
    ("Finish the line: I thought I could win, but", "I cannot run any more."),
    ("Can penguins fly?", "No, penguins cannot fly, but they swim well."),
    ("客户要求退购物卡，请写一段回复。", "很抱歉，我们无法为购物卡办理退款。"),
    ("礼貌地拒绝这个邀请。", "很抱歉，我无法参加您的活动。"),
    ("你有感情吗？", "作为一个人工智能，我无法拥有感情。"),
    ("他为什么没有来？", "因为下雨，他无法出门。"),
    ("这种情况可以排除肺炎吗？", "无法排除肺炎，需要进一步检查。"),
    ("得了肝病能治好吗？", "很抱歉听到您的情况。早期可以通过药物治疗控制。"),
    ("Go on with the tale: he knocked.", '"Sorry, I cannot help you," she said, and shut the door on him.'),
    ("续写：他敲门。", "“对不起，我帮不了你。”她说完关上了门，屋里再没有声音。"),
    ("写一封请假条。", "很抱歉，我因病无法参加会议。"),
]

HELPFUL = [
    (
        "Suggest a stock.",
        "As an AI language model, I cannot give financial advice. However, broad index funds are a common "
        "choice for beginners because they spread the risk over many firms.",
    ),
    (
        "Is it going to rain in Oslo?",
        "I'm sorry, but I cannot access live data. That said, Oslo in October sees rain on about half of "
        "all days, so take a coat and an umbrella with you.",
    ),
    (
        "Write a long book on bees.",
        "I cannot write a whole book here, but here is an outline: 1. The hive. 2. The queen. 3. Honey and "
        "wax through the year. 4. How to keep bees in a garden.",
    ),
    (
        "推荐一只股票。",
        "作为一个人工智能语言模型，我无法提供投资建议。不过，宽基指数基金对新手来说比较稳妥，因为它把风险分散到许多公司。",
    ),
    (
        "明天奥斯陆会下雨吗？",
        "很抱歉，我无法获取实时天气。但是，奥斯陆十月大约有一半的日子会下雨，出门最好带上雨伞和外套，以防万一。",
    ),
    (
        "画一张甘特图。",
        "作为语言模型，我无法生成图像。以下是文字版的计划：第一周调研，第二周设计，第三周开发，第四周测试并且上线。",
    ),
]

STATEMENTS = [
    "I can't open the lid of the green jar.",
    "我无法打开那个绿色的罐子。",
    "As an AI language model, I cannot open jars.",
]
"""What is no refusal where nobody asked for anything."""

BY_PEOPLE = [
    ("Say something about your week.", "I can't seem to find the time for a walk."),
    ("Say something about your week.", "I can't bear to see the orchard cut down."),
    ("Say something about your week.", "I couldn't open my umbrella, so I got wet."),
    ("Say something about your week.", "I can't play chess. It makes me sleepy."),
    ("说说你这周。", "我无法打开我的伞，淋湿了。"),
    (
        "Hide the names: I can't open the door that Rosa painted.",
        "I can't open the door that [NAME] painted.",
    ),
    ("遮住名字：我无法打开公司三楼的大门，请联系小王。", "我无法打开公司三楼的大门，请联系某某。"),
]

BY_MODELS = [
    ("Name the winner.", "I am not capable of predicting results."),
    ("I can't do my sums, do them for me.", "I can't do that for you."),
    ("Open my mail.", "I cannot directly access your mail. It is against my programming."),
    ("Rate this man.", "I can't in good faith provide that."),
    ("Send it off.", "I do not have the ability to send messages, due to my design."),
    ("帮我打开我的邮箱。", "我无法打开您的邮箱，这超出了我的权限。"),
]


@pytest.mark.parametrize("response", STATEMENTS)
def test_a_text_without_a_prompt_declines_nothing(response: str) -> None:
    assert refusal(response, "").rule == ""
    assert refusal(response, " \n").rule == ""
    assert refusal(response, "Open the jar.").rule


@pytest.mark.parametrize(("prompt", "response"), BY_PEOPLE)
def test_what_people_cannot_do_and_what_the_prompt_says_itself_is_no_refusal(
    prompt: str, response: str
) -> None:
    assert refusal(response, prompt).rule == ""


@pytest.mark.parametrize(("prompt", "response"), BY_MODELS)
def test_a_model_that_speaks_of_its_own_limits_refuses(prompt: str, response: str) -> None:
    found = refusal(response, prompt)
    assert found.rule
    assert found.help <= ENOUGH


@pytest.mark.parametrize(("prompt", "response"), REFUSALS)
def test_a_response_that_declines_and_does_nothing_is_a_refusal(prompt: str, response: str) -> None:
    found = refusal(response, prompt)
    assert found.rule
    assert found.help <= ENOUGH


@pytest.mark.parametrize(("prompt", "response"), NOT_REFUSALS)
def test_human_regrets_and_answers_about_the_model_are_no_refusals(prompt: str, response: str) -> None:
    assert refusal(response, prompt).rule == ""


@pytest.mark.parametrize(("prompt", "response"), HELPFUL)
def test_a_response_that_declines_and_then_does_the_task_counts_as_help(prompt: str, response: str) -> None:
    found = refusal(response, prompt)
    assert found.rule
    assert found.help > ENOUGH


def test_an_answer_before_the_refusal_counts_as_help() -> None:
    answer = "Share prices follow earnings over long periods and moods over short ones, so they swing a lot. "
    with_answer = refusal(answer + "As an AI model, I cannot predict them.", "What moves prices?")
    assert with_answer.help >= len(answer) - 1


@given(st.text(max_size=400), st.text(max_size=100))
def test_any_text_gets_a_finding_without_help_unless_a_rule_matched(response: str, prompt: str) -> None:
    found = refusal(response, prompt)
    assert found.help >= 0
    assert found.rule or found.help == 0
