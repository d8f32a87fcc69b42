"""Symbols, fences, repetition, echo: numbers with known values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.heuristics import echo, likeness, repetition, symbol_ratio, unclosed_fence

OPEN_FENCES = [
    "```python\nprint(1)\n",
    "~~~\nx\n",
    "text\n```\ncode\n```\nmore\n```sh\nls",
    "````\n```\ninner\n```\nstill open",
    "```\nx\n~~~",
    "```\nx\n``` y",
    "````\nx\n```",
    "```\nx\n    ```",
    "- item\n  ```\n  x",
    "代码如下：\n```python\nprint('你好')",
]

CLOSED_FENCES = [
    "no fence at all",
    "```python\nprint(1)\n```",
    "~~~\n```\n~~~",
    "````md\n```\ninner\n```\n````",
    "inline ``` is not a fence",
    "```one line```",
    "1. Run\n   ```sh\n   ls\n   ```\n2. Done",
    "1. ```sh\n   ls\n   ```",
    "> ```\n> x\n> ```",
    "    ```",
    "```\nx\n`````",
    "代码如下：\n```python\nprint('你好')\n```\n完成。",
]


@pytest.mark.parametrize("text", OPEN_FENCES)
def test_a_fence_without_its_like_is_unclosed(text: str) -> None:
    assert unclosed_fence(text)


@pytest.mark.parametrize("text", CLOSED_FENCES)
def test_a_fence_with_its_like_is_closed(text: str) -> None:
    assert not unclosed_fence(text)


@given(st.text(alphabet="ab \n", max_size=60), st.integers(3, 6), st.sampled_from("`~"))
def test_closing_a_fence_closes_it_and_leaving_it_does_not(body: str, length: int, mark: str) -> None:
    fence = mark * length
    assert unclosed_fence(f"{fence}\n{body}\n")
    assert not unclosed_fence(f"{fence}\n{body}\n{fence}\n")


@pytest.mark.parametrize(
    "text",
    [
        "#@*~^ {{|}} ###@@@ ***^^^ ~~~ ||| abc",
        "※◆●★◇■▲☆◎○→←↑↓※◆●★◇■▲☆ 好",
        "??? !!! ### $$$ %%% ^^^ &&& *** ((( )))",
        "??? !!! %%% ((( ))) ,,, ;;; ??? !!!",
        "！！！ ？？？ ）））（（（ ，，， ；；； ！！！ ？？？",
        "&amp;*^%$#@ &*^%$#@ &*^%$#@ &*^%$#@",
        "😀😂🤣😀😂🤣😀😂🤣😀😂🤣😀😂🤣😀😂🤣😀😂🤣",
    ],
)
def test_marks_without_words_have_a_high_ratio(text: str) -> None:
    assert symbol_ratio(text) > 0.6


@pytest.mark.parametrize(
    "text",
    [
        "Plain prose, with commas; and (brackets): nothing else - really!",
        "普通的中文句子，有逗号、顿号；也有“引号”和（括号）。没有别的。",
        "```\n{}<>||^^~~##@@!!$$%%&&**\n```\nThat was all of the code here.",
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n| 5 | 6 |",
        "for (int i = 0; i < n; i++) {\n  sum += a[i] * b[i];\n}\nreturn sum;",
        "$$\\sum_{i=1}^n x_i^2 = \\|x\\|_2^2$$ is the sum over all squares.",
        "3^2 + 4^2 = 9 + 16 = 25, 5^2 = 25",
        "4×1=4\n4×2=8\n4×3=12\n4×4=16\n4×5=20\n4×6=24",
        "Wait... what?! No -- really?? Yes!!! Fine, *all* of it (each one) is well here.",
        "- - - - - - - - - - - - - - - - - - - - - -",
        "เธอชอบดื่มกาแฟตอนเช้าทุกวัน",
        "مرحبا بكم في المكتبة العامة",
    ],
)
def test_prose_code_tables_and_maths_have_a_low_ratio(text: str) -> None:
    assert symbol_ratio(text) < 0.1


def test_a_short_text_has_no_ratio() -> None:
    assert symbol_ratio("+++") == 0.0
    assert symbol_ratio("+++", min_chars=1) == 1.0


def test_half_symbols_are_one_half() -> None:
    assert symbol_ratio("abcdefghij" + "#~#^#*#~#<") == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Tom picks 3 * 6 = <<3*6=18>>18 plums.\nSo he has 18 / 2 = <<18/2=9>>9 left.\n#### 9",
        "She pays 12*.5=$<<12*.5=6>>6 and 6*3=$<<6*3=18>>18\n#### 18",
        "@rosa_k: best harvest so far 🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅🍅 @tom #garden #tomatoes",
        "good food here >>>>>>>>>>>>>>>>>>>>>>>>>>",
        "Is it monday again?\n\n😂 😭 😂\n😭 😂 😭\n😂 😭 😂\n😂 😭 😂",
        "Comments from the other readers ==================================",
        "校对 意见 和 讨论 = = = = = = = = = = = = = = = = = = = =",
        '`for-of`循环取出**值**，`for-in`取出**键**，所以先打印`["🍎", "🍐"]`，再打印`{0: "🍎", 1: "🍐"}`。',
        "بَيْتٌ كَبِيرٌ وَحَدِيقَةٌ جَمِيلَةٌ",
        "שָׁלוֹם לְכָל הַיְלָדִים",
    ],
)
def test_sums_inline_code_tweets_rules_and_vowel_signs_are_no_symbols(text: str) -> None:
    assert symbol_ratio(text) < 0.2


@pytest.mark.parametrize(
    "text",
    [
        "ok ※◆●★◇■▲☆ 3 * 6 = 18 ※◆●★◇■▲☆※◆●★◇■▲☆※◆●★◇■▲☆",
        "@ # ~ ^ * | > < yes @#~ ^*| ><# ~^@ *|> no",
        "😀★◆☆■♠♣♥♦●○◎ ok 😂★◆☆■♠♣♥♦●○◎",
    ],
)
def test_a_word_a_sum_or_an_emoji_does_not_excuse_marks(text: str) -> None:
    assert symbol_ratio(text) > 0.3


ENGLISH_LOOP = "The price went up in May. " * 12
CHINESE_LOOP = "价格在五月又上涨了一些。" * 12


@pytest.mark.parametrize("text", [ENGLISH_LOOP, CHINESE_LOOP, "ha " * 60, "哈" * 60, "谢谢您的来信，" * 20])
def test_a_loop_covers_the_text(text: str) -> None:
    found = repetition(text)
    assert found.loop > 0.95
    assert found.ngrams > 0.8


def test_repeated_lines_are_counted_by_characters() -> None:
    text = "\n".join(
        ["one line that is long enough"] * 4 + ["and a final line of many other words that differ"]
    )
    assert repetition(text).lines == pytest.approx(3 * 28 / (4 * 28 + 48))


def test_a_loop_at_the_end_counts_for_its_share() -> None:
    words = " ".join(f"w{number}" for number in range(60))
    assert repetition(f"{words} {'so it goes ' * 20}").loop == pytest.approx(0.5)


@pytest.mark.parametrize(
    "text",
    [
        "Row on, row on, the river sings, and we go down to the sea.\nThe heron lifts its heavy wings.\n"
        "Row on, row on, the river sings, and we go down to the sea.\nThe evening bell at harbour rings.\n"
        "Row on, row on, the river sings, and we go down to the sea.\nThe moon comes up on silver strings.",
        "\n".join(f"| item {number} | yes | yes | yes | yes |" for number in range(12)),
        "```\n" + "x = 0\n" * 30 + "```\nThis sets the number thirty times over, which no one needs.",
        "\n".join(f"{number}. A step that says something of its own: {number * 7}" for number in range(12)),
        "春风吹过小河，\n桃花开满山坡。\n我们一起唱歌，\n燕子飞过田野。\n春风吹过小河，\n柳树轻轻点头。\n我们一起唱歌，\n孩子跑向山坡。",
        "苹果、香蕉、橘子、葡萄、西瓜、草莓、菠萝、芒果、樱桃、桃子、李子、杏子、柠檬、石榴、荔枝",
    ],
)
def test_refrains_tables_code_and_lists_are_no_loops(text: str) -> None:
    found = repetition(text)
    assert found.loop < 0.33
    assert found.ngrams < 0.8
    assert found.lines < 0.8


def test_short_texts_are_not_measured() -> None:
    assert repetition("no no no no no").ngrams == 0.0
    assert repetition("no " * 12, min_units=10).loop == 1.0


@given(st.text(max_size=500))
def test_shares_lie_between_nought_and_one(text: str) -> None:
    found = repetition(text, min_units=10)
    assert 0 <= found.ngrams <= 1 and 0 <= found.lines <= 1 and 0 <= found.loop <= 1
    assert 0 <= symbol_ratio(text) <= 1
    assert 0 <= likeness(text, text[::-1]) <= 1


@pytest.mark.parametrize(
    ("response", "instruction"),
    [
        ("What is the capital of France?", "What is the capital of France?"),
        ("WHAT is the capital of France", "What is the capital of France?"),
        ("Write a poem about spring rain.", "Write a poem about spring rain"),
        ("请写一首关于春雨的诗", "请写一首关于春雨的诗。"),
        ("法国的首都是哪里？", "法国的首都是哪里？"),
        ("介绍一下长城的历史。", "介绍一下长城的历史"),
        ("Question: What is the capital of France?", "What is the capital of France?"),
        ("Tell me about the Seine. Tell me about the Seine.", "Tell me about the Seine."),
        ("问题：介绍一下长城的历史。", "介绍一下长城的历史。"),
        ("介绍一下长城的历史。" * 3, "介绍一下长城的历史。"),
    ],
)
def test_a_response_that_says_the_instruction_again_is_an_echo(response: str, instruction: str) -> None:
    assert echo(response, instruction, instruction) == 1.0


@pytest.mark.parametrize(
    ("response", "instruction", "given"),
    [
        ("The sky is blue.", "Is the sky blue?", ""),
        ("What is the capital of France? Paris, on the Seine.", "What is the capital of France?", ""),
        ("He left, and she stayed.", "Fix the grammar.", "He left and she stayed."),
        ("Hello!", "Hello!", ""),
        ("I am here.", "Repeat after me: I am here.", ""),
        ("Blue, green, red.", "Sort the colours by name.", "green, red, blue"),
        ("他的病可能是流感。", "他的病可能是流感吗？", ""),
        ("法国的首都是巴黎。", "法国的首都是哪里？", ""),
        ("他走了，她留了下来。", "改正标点。", "他走了她留了下来"),
        ("早上好！", "早上好！", ""),
        ("Tell me about the Seine? It is a river.", "Tell me about the Seine.", ""),
        ("在家！" * 3, "在家！", ""),
        ("我在这里。", "跟我读：我在这里。", ""),
        ("红、绿、蓝。", "把颜色排序。", "绿、蓝、红"),
    ],
)
def test_restated_answers_edits_and_greetings_are_no_echoes(
    response: str, instruction: str, given: str
) -> None:
    prompt = f"{instruction}\n{given}" if given else instruction
    assert echo(response, instruction, prompt) < 0.9


def test_instruction_and_input_together_can_be_echoed() -> None:
    instruction, given = "Summarize the note in one line.", "The bus left at noon with nine people."
    prompt = f"{instruction}\n{given}"
    assert echo(prompt, instruction, prompt) == 1.0
    assert echo(given, instruction, prompt) < 0.9
    assert likeness(given, given) == 1.0
