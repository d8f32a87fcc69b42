"""Passages of an evaluation set are found however they are wrapped, and what is common condemns nothing."""

from __future__ import annotations

import textwrap
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.decontamination import (
    Match,
    Passage,
    Texts,
    build,
    count,
    cut,
    from_table,
    search,
    to_table,
    weigh,
)
from quality.decontamination.index import Index, features, rarity
from quality.decontamination.passages import stem

QUESTION = (
    "A potter glazes 14 vases on Monday and twice as many on Tuesday. On Wednesday eleven of them crack in the kiln. "
    "How many glazed vases can she carry to the fair in Arnhem on Thursday?"
)
CHINESE = (
    "王师傅星期一给14个花瓶上釉，星期二上釉的花瓶是星期一的两倍。"
    "星期三有11个在窑里裂了，他星期四能带几个花瓶去集市？"
)
UNRELATED = [
    "Explain how a bicycle pump works and why its barrel gets warm.",
    "请说明自行车打气筒的工作原理，以及筒身为什么会发热。",
    "How many apples does she have left if she gives half of them to her friends?",
]


def index_of(passages: list[Passage], training: list[str] | None = None) -> Index:
    pieces = cut(passages)
    if training is None:
        return build(pieces)
    counted, documents = count(features(pieces), prompts(training))
    return from_table(to_table(weigh(pieces, counted, documents, len(training))))


def prompts(texts: list[str], prompt: bool = True) -> Texts:
    return Texts(texts, np.arange(len(texts)), np.full(len(texts), prompt))


def found(index: Index, text: str, prompt: bool = True) -> Match | None:
    return search(index, prompts([text], prompt), 1)[0]


def one(text: str, side: str = "prompt") -> list[Passage]:
    return [Passage("exam", 1, side, text)]


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize(
    "edit",
    [
        str,
        lambda text: textwrap.fill(text, 40),
        str.upper,
        full_width,
        lambda text: "Please help my pupils with this one. " + text + " Show every step, then rate the task.",
        lambda text: text.replace(",", "").replace(".", "").replace("?", ""),
    ],
)
@pytest.mark.parametrize("prompt", [True, False])
def test_an_item_is_found_whole_however_it_is_written(edit, prompt: bool) -> None:  # type: ignore[no-untyped-def]
    match = found(index_of(one(QUESTION)), edit(QUESTION), prompt)
    assert match is not None and match.score > 0.9


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(CHINESE[at : at + 12] for at in range(0, len(CHINESE), 12)),
        CHINESE.replace("，", "").replace("。", ""),
        full_width(CHINESE),
        "请帮我的学生做这道题：" + CHINESE + "请写出步骤。",
        CHINESE.replace("，", ",").replace("。", "."),
    ],
)
def test_a_chinese_item_is_found_whole_however_it_is_written(text: str) -> None:
    match = found(index_of(one(CHINESE)), text)
    assert match is not None and match.score > 0.85


def test_a_few_changed_words_leave_most_of_the_score() -> None:
    changed = QUESTION.replace("potter", "ceramist").replace("fair", "market").replace("crack", "break")
    match = found(index_of(one(QUESTION)), changed)
    assert match is not None and 0.6 < match.score < 0.95
    changed = CHINESE.replace("王师傅", "李师傅").replace("裂了", "碎了").replace("集市", "市场")
    match = found(index_of(one(CHINESE)), changed)
    assert match is not None and 0.55 < match.score < 0.95


@pytest.mark.parametrize("text", UNRELATED)
def test_other_questions_share_too_little(text: str) -> None:
    index = index_of([*one(QUESTION), Passage("exam", 2, "prompt", CHINESE)])
    match = found(index, text)
    assert match is None or match.score < 0.35


def test_the_stretch_is_where_the_passage_stands() -> None:
    before, after = "Here is ４２ of our tasks.\n\n", "\n\nThat was it: Straße, café."
    match = found(index_of(one(QUESTION)), before + QUESTION + after)
    assert match is not None
    assert (match.start, match.stop) == (
        len(before),
        len(before) + len(QUESTION) - 1,
    )  # without its question mark
    assert match.run == len(QUESTION.split())


def test_words_of_an_item_scattered_over_a_long_text_are_no_passage() -> None:
    filler = " ".join(f"word{number}" for number in range(400))
    words = QUESTION.split()
    scattered = f" {filler} ".join(" ".join(words[at : at + 3]) for at in range(0, len(words), 3))
    match = found(index_of(one(QUESTION)), scattered)
    assert match is None or match.score < 0.3


TEMPLATE = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request."
)


@pytest.mark.parametrize(
    "boilerplate",
    [
        TEMPLATE,
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
        "detailed, and polite answers to the user's questions.",
        "以下是一个描述任务的指令，请写一个完成该指令的适当回答。",
        "你好，请问有什么可以帮助您的吗？",
        "你好请问",
        "The answer is",
        "Let's think step by step.",
    ],
)
def test_boilerplate_condemns_nothing_even_as_an_item_of_its_own(boilerplate: str) -> None:
    index = index_of([*one(boilerplate), Passage("exam", 2, "prompt", boilerplate + " " + QUESTION)])
    match = found(index, boilerplate + " " + UNRELATED[0])
    assert match is None or match.score < 0.3
    whole = found(index, QUESTION)
    assert whole is not None and whole.score > 0.9  # the template around the item hides nothing


def test_what_many_training_texts_hold_counts_little() -> None:
    phrase = "our heated workshop beside the old canal in Delft offers glazing courses for beginners and their families"
    item = f"{phrase}, and one course costs 40 euros with 3 euros off for pairs; what do Mia and Tom pay together?"
    holds_phrase = f"{phrase} every spring."
    training = [
        *(f"Course {n}: {holds_phrase}" for n in range(60)),
        *(f"A text about topic {n}." for n in range(60)),
    ]
    before, after = (found(index_of(one(item), corpus), holds_phrase) for corpus in (UNRELATED, training))
    assert before is not None and before.score > 0.4
    assert after is None or after.score < 0.25
    leak = found(index_of(one(item), training), item)
    assert leak is not None and leak.score > 0.99


def test_an_item_that_leaked_many_times_is_no_boilerplate() -> None:
    training = [QUESTION] * 30 + [f"A text about topic {n}." for n in range(570)]
    match = found(index_of(one(QUESTION), training), QUESTION)
    assert match is not None and match.score > 0.99


SHORT = "What is the capital of France?"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (SHORT, SHORT),
        (SHORT, "what is the\ncapital of FRANCE"),
        (SHORT, "Answer in one word. What is the capital of France? Thank you."),
        (SHORT, "Do you know: what is the capital of France?"),
        ("What is photosynthesis?", "What is “photosynthesis”?"),
        ("法国的首都是哪里？", "法国的首都是哪里"),
        ("法国的首都是哪里？", "请用一个词回答。法国的首都是哪里？"),
        ("Compare photosynthesis with respiration.", "compare Photosynthesis with respiration"),
    ],
)
def test_a_short_item_is_found_whole_in_a_prompt(item: str, text: str) -> None:
    match = found(index_of(one(item)), text)
    assert match is not None and match.score == 1
    assert found(index_of(one(item)), text, prompt=False) is None


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (SHORT, "What is the capital of Germany?"),
        (SHORT, "What is the capital of France's largest bank?"),
        ("Compare photosynthesis with respiration.", "Compare photosynthesis with respiration rates."),
        ("法国的首都是哪里？", "法国的首都是哪里的人最喜欢的城市？"),
        ("Compare photosynthesis with respiration.", "Never compare photosynthesis with respiration."),
        ("What is photosynthesis?", "Explain in a poem: what is photosynthesis?"),
        ("How are you?", "How are you?"),
        ("Yes", "Yes"),
        ("谢谢您", "谢谢您"),
    ],
)
def test_a_short_item_that_is_not_whole_or_says_nothing_condemns_nothing(item: str, text: str) -> None:
    assert found(index_of(one(item)), text) is None


def test_a_short_answer_is_not_looked_for_and_a_long_one_is() -> None:
    assert cut([Passage("exam", 1, "response", "Yes, it is.")]).left_out == 1
    answer = "She glazes 14 + 28 = 42 vases in two days, and since 11 of them crack, she carries 42 - 11 = 31 vases."
    match = found(index_of(one(answer, "response")), "Sure! " + answer, prompt=False)
    assert match is not None and match.score > 0.99


def test_a_paragraph_of_a_long_document_is_found() -> None:
    paragraphs = [" ".join(f"w{part}x{number}" for number in range(200)) for part in range(5)]
    match = found(index_of(one("\n".join(paragraphs), "text")), paragraphs[2])
    assert match is not None and match.score > 0.9


def test_an_index_survives_its_table() -> None:
    index = index_of(
        [*one(QUESTION), Passage("other", 1, "prompt", CHINESE), Passage("other", 2, "prompt", SHORT)]
    )
    again = from_table(pa.table(to_table(index).to_pydict(), schema=to_table(index).schema))
    for name in ("values", "places", "weights", "sought", "runs", "entries", "entry_offsets", "filter"):
        assert np.array_equal(getattr(index, name), getattr(again, name)), name
    assert index.sets == again.sets


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_rarity_falls_with_frequency(documents: int, texts: int) -> None:
    held = np.arange(min(documents, texts) + 1)
    weights = rarity(held, texts)
    assert (weights >= 0).all() and (weights <= 1).all()
    assert (np.diff(weights) <= 1e-12).all()
    assert (weights[:5] == 1).all()


@given(st.permutations(range(6)))
def test_the_order_of_records_changes_no_match(order: list[int]) -> None:
    texts = [QUESTION, CHINESE, SHORT, *UNRELATED]
    index = index_of(
        [*one(QUESTION), Passage("exam", 2, "prompt", CHINESE), Passage("exam", 3, "prompt", SHORT)]
    )
    plain = search(index, prompts(texts), 6)
    shuffled = search(index, prompts([texts[n] for n in order]), 6)
    told = [(m.piece, m.score, m.start, m.stop) if m else None for m in plain]
    assert [(m.piece, m.score, m.start, m.stop) if m else None for m in shuffled] == [told[n] for n in order]


def test_a_text_that_repeats_an_item_endlessly_takes_no_endless_time() -> None:
    index = index_of(
        [
            *one(QUESTION),
            Passage("exam", 2, "prompt", SHORT),
            Passage("exam", 3, "prompt", "法国的首都是哪里？"),
        ]
    )
    began = time.monotonic()
    for text in (
        "What is the capital of France or " * 20_000,
        "法国的首都是哪里的" * 20_000,
        (QUESTION[:60] + " ") * 10_000,
    ):
        found(index, text)
    assert time.monotonic() - began < 30  # some seconds; each pair of places by itself would take an hour


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Which gas do plants absorb?\nA. oxygen\nB. carbon dioxide", "Which gas do plants absorb?"),
        ("植物吸收哪种气体？ A、氧气 B、二氧化碳", "植物吸收哪种气体？"),
        ("Classify these animals: 1. dog 2. cat", ""),
        ("Vitamin A. is needed, they say.", ""),
        ("How many apples are left?", ""),
    ],
)
def test_the_stem_of_a_multiple_choice_item_is_its_question(text: str, expected: str) -> None:
    assert stem(text) == expected
