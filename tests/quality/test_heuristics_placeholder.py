"""Placeholders, and short answers that are right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.heuristics import blank_input, is_empty, placeholder

PLACEHOLDERS = [
    ("TBD", "Write a haiku about rain."),
    ("todo.", "Explain inflation."),
    ("<nooutput>", "Design a logo."),
    ("No Output", "Summarize the play."),
    ("No output required", "Paint a boat."),
    ("[insert answer here]", "What is the capital of Chad?"),
    ("(Your answer here)", "Explain tides."),
    ("<Insert flow chart>", "Show the process."),
    ("See above.", "How tall is it?"),
    ("N/A", "Write a story about a fox."),
    ("None", "Describe your town."),
    ("null", "Compose a poem about autumn."),
    ("...", "Explain gravity."),
    ("N/A (the model cannot do this)", "Create a site."),
    ("待补充", "请解释通货膨胀。"),
    ("【此处填写答案】", "乍得的首都是哪里？"),
    ("暂无答案", "请写一个故事。"),
    ("略。", "请写一篇关于春天的作文。"),
    ("同上", "介绍一下长城。"),
    ("无", "请写一首诗。"),
    ("（无输出）", "设计一个标志。"),
    ("……", "请解释重力。"),
    ("见附件", "写一份报告。"),
    (".", "How deep is the lake?"),
    ("-", "Explain gravity."),
    ("[Answer]", "Answer this: how deep is the lake?"),
    ("Answer:", "How deep is the lake?"),
    ("TODO: explain", "Why is the sea salt?"),
    ("<!-- response here -->", "Why is the sea salt?"),
    ("xxx", "Write a motto for a school."),
    ("。", "湖有多深？"),
    ("…", "湖有多深？"),
    ("回答：", "湖有多深？"),
    ("内容正在整理", "介绍这座湖。"),
]

ANSWERS = [
    ("None", "Which of these animals can fly? cat, cow"),
    ("None.", "List all spelling errors in the sentence. He is here."),
    ("No", "Is seven an even number?"),
    ("N/A", "Extract the phone number. Reply N/A if there is none."),
    ("N/A", "Find the author's age in the text below."),
    ("null", "What does this JavaScript print? console.log(x)"),
    ("Nothing.", "What did she buy, according to the text?"),
    ("TODO", "Which comment tag, TODO or FIXME, marks unfinished work?"),
    ("...", "Write the letter S in Morse code."),
    ("?", "Which punctuation mark ends a question?"),
    ("<input type='text'>", "Write an HTML text field."),
    ("Same", "Are the two words the same or different?"),
    ("7", "Add three and four."),
    ("无", "句子里有错别字吗？"),
    ("没有。", "他有没有提到价格？"),
    ("无", "找出文中的电话号码。"),
    ("否", "七是偶数吗？"),
    ("无", "若没有符合的选项，请回答“无”。"),
    ("略", "“简略”去掉“简”剩下哪个字？"),
    ("。", "句子末尾应该用什么标点？"),
    ("To be announced", "What does TBA stand for?"),
    ("-", "Give the value for the second row. first: 3; second: -"),
    (".", "Reply with a full stop."),
    ("XXX", "Which Roman numeral is thirty?"),
    ("-", "减号怎么写？"),
    ("待定", "日程没定时一般写什么？"),
    ("同上", "选出表示“与上面相同”的词：同上、以下"),
]


@pytest.mark.parametrize(("response", "prompt"), PLACEHOLDERS)
def test_a_whole_response_that_stands_for_none_is_a_placeholder(response: str, prompt: str) -> None:
    assert placeholder(response, prompt)


@pytest.mark.parametrize(("response", "prompt"), ANSWERS)
def test_a_short_answer_that_may_be_right_is_kept(response: str, prompt: str) -> None:
    assert placeholder(response, prompt) == ""


def test_a_placeholder_inside_a_longer_response_is_text() -> None:
    assert placeholder("The status is TBD, but the work began in May.", "Report.") == ""
    assert placeholder("价格待定，其余都已确认。", "写报告。") == ""


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\ufeff \u2060", "　"])
def test_text_that_nobody_sees_is_empty(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize("text", ["0", "。", "★", "无"])
def test_one_visible_mark_is_not_empty(text: str) -> None:
    assert not is_empty(text)


@pytest.mark.parametrize(
    "text", ["<noinput>", "No input.", "N/A", "(no input)", "none", "无", "无输入", "  "]
)
def test_an_input_that_says_there_is_none_is_blank(text: str) -> None:
    assert blank_input(text) == ""


@pytest.mark.parametrize("text", ["Norway", "No, thanks", "none of them came", "无锡", "???", "5"])
def test_an_input_that_says_something_is_kept(text: str) -> None:
    assert blank_input(text) == text


@given(st.text(min_size=161, max_size=300))
def test_a_long_response_is_never_a_placeholder(response: str) -> None:
    assert placeholder(response, "") == ""
