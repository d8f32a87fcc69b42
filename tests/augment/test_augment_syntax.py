from __future__ import annotations

import pytest
from augment_ask import ask_for, children_of

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Child, NoChild
from pipeline.augment.questions_en import clause_of
from pipeline.augment.syntax import Syntax, SyntaxParams
from pipeline.models import Models

METHOD = Syntax()


def syntax(text: str, lang: str = "en", **params: object) -> set[str]:
    return children_of(METHOD, SyntaxParams.model_validate(params), text, lang)


@pytest.mark.parametrize(
    ("question", "clause"),
    [
        ("How do plants grow", "how plants grow"),
        ("When did Rome fall", "when Rome fell"),
        ("What does DNA stand for", "what DNA stands for"),
        ("How does a noise-cancelling headphone work", "how a noise-cancelling headphone works"),
        ("What is a homonym", "what a homonym is"),
        ("Who are Coldplay", "who Coldplay are"),
        ("Where is Jordan Spieth from", "where Jordan Spieth is from"),
        ("When was the US flag created", "when the US flag was created"),
        ("Why are lemons sometimes considered alkaline", "why lemons are sometimes considered alkaline"),
        ("How many toes do cats have", "how many toes cats have"),
        ("How many moons are there in all", "how many moons there are in all"),
        ("How long does it take to bake bread", "how long it takes to bake bread"),
        ("What should I do", "what I should do"),
        ("Which company produces Hibiki Whisky", "which company produces Hibiki Whisky"),
        ("How can I learn to code", "how to learn to code"),
        ("What to do when you are bored", "what to do when you are bored"),
        ("Is it safe for dogs to eat rice", "whether it is safe for dogs to eat rice"),
        ("Is Mount Fuji a mountain or a volcano", "whether Mount Fuji is a mountain or a volcano"),
        ("Did Churchill win the prize", "whether Churchill won the prize"),
        ("In what year did Rome fall", "in what year Rome fell"),
        (
            "How can energy be converted from one form to another",
            "how energy can be converted from one form to another",
        ),
    ],
)
def test_a_question_becomes_a_clause_in_a_clauses_order(question: str, clause: str) -> None:
    found = clause_of(question)
    assert found is not None
    assert found.text == clause


@pytest.mark.parametrize(
    "question",
    [
        "What is OLTP and why is it fast",
        "Are alpacas and llamas the same thing",
        "What kind of plant is the Harrisonia",
        "Why is merino wool a great material",
        "What are good female celebrity costumes for an 80s party",
        "Can you potty train a bunny",
        "Hello",
        "What",
    ],
)
def test_a_question_whose_grammar_is_not_clear_has_no_clause(question: str) -> None:
    assert clause_of(question) is None


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("How do plants grow?", "Explain how plants grow."),
        ("What is the capital of Peru?", "Tell me the capital of Peru."),
        ("What are the benefits of a barre workout?", "List the benefits of a barre workout."),
        ("Can you list five causes of fire?", "List five causes of fire."),
        ("List the Pokemon Go regions.", "Can you list the Pokemon Go regions?"),
        ("Name three ideas for lunch.", "What are three ideas for lunch?"),
        ("If the reader is a child, write a short note.", "Write a short note if the reader is a child."),
        ("From the passage provided, extract the dates.", "Extract the dates from the passage provided."),
        ("Extract the dates from the passage below.", "From the passage below, extract the dates."),
        ("Who invented the telephone?", "Who was the telephone invented by?"),
        ("Who was the telephone invented by?", "Who invented the telephone?"),
        ("I don't like bananas.", "I do not like bananas."),
        ("tell me if these are fruits: fig, oak", "can you tell me if these are fruits: fig, oak?"),
    ],
)
def test_english_forms(parent: str, child: str) -> None:
    assert child in syntax(parent)


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("如何提高睡眠质量？", "请说明如何提高睡眠质量。"),
        ("为什么高山上的气压更低？", "请解释为什么高山上的气压更低。"),
        ("请列出三种减压的方法。", "你能列出三种减压的方法吗？"),
        ("你能列出三种减压的方法吗？", "请列出三种减压的方法。"),
        ("谁是美国第一位总统？", "美国第一位总统是谁？"),
        ("什么是光合作用？", "光合作用是什么？"),
        ("最常见的岩石类型有哪些？", "请列出最常见的岩石类型。"),
        ("请根据以下文本，提取其中的关键词。", "根据以下文本，请提取其中的关键词。"),
        (
            "一节车厢限载60吨，有500吨货物，需要多少节车厢？",
            "一节车厢限载60吨，有500吨货物，请计算需要多少节车厢。",
        ),
        ("回答以下问题：狗能活几年？", "你能回答以下问题吗？狗能活几年？"),
    ],
)
def test_chinese_forms(parent: str, child: str) -> None:
    assert child in syntax(parent, "zh")


@pytest.mark.parametrize(
    ("parent", "lang"),
    [
        ("Mary had a little lamb.", "en"),
        ("", "en"),
        ("   \n", "zh"),
        ("State capitals are cities.", "en"),
        ("Given a set, if it is closed, the sum stays in it.", "en"),
        ("给定一组数，找出最大的一个。", "zh"),
        ("用你的想象力写一篇故事，你可以自由发挥。", "zh"),
        ("春天来了。", "zh"),
    ],
)
def test_what_no_rule_parses_has_no_child(parent: str, lang: str) -> None:
    assert syntax(parent, lang) == set()


def test_the_material_after_a_prompt_is_never_changed() -> None:
    parent = "Translate the following text: How do plants grow? What is a cell?"
    for child in syntax(parent):
        assert child.endswith("How do plants grow? What is a cell?")
    for child in syntax("翻译下面的句子：\n如何提高睡眠质量？", "zh"):
        assert child.endswith("\n如何提高睡眠质量？")


def test_what_a_condition_points_back_to_stays_before_it() -> None:
    assert not any(child.startswith("Feed it") for child in syntax("If you have a dog, feed it well."))


def test_protected_places_come_back() -> None:
    parent = "How do I run `make all` with {name} at www.a.b/c?"
    children = syntax(parent)
    assert children
    for child in children:
        assert Guard().protect(child).values() == Guard().protect(parent).values()
    assert syntax("How do plants grow?") != set()
    assert children_of(METHOD, SyntaxParams(), "How do plants grow?", terms=("how do",)) == set()


def test_kinds_of_change_can_be_left_out() -> None:
    assert syntax("How do plants grow?", leave=("question",)) == set()
    assert syntax("List five fruits.", leave=("order",)) == set()


def test_equal_asks_have_equal_children_in_any_company() -> None:
    texts = ["How do plants grow?", "List five fruits.", "Who is Ada Lovelace?"]
    asks = [ask_for(text) for text in texts]
    together = METHOD.children(asks, SyntaxParams(), Guard(), Models())
    alone = [METHOD.children([ask], SyntaxParams(), Guard(), Models())[0] for ask in reversed(asks)]
    assert together == alone[::-1]


def test_long_texts_are_answered() -> None:
    long = "How do plants grow? " + "x " * 9_000
    assert isinstance(METHOD.children([ask_for(long)], SyntaxParams(), Guard(), Models())[0], Child)
    longer = METHOD.children(
        [ask_for("How do plants grow? " + "x " * 25_000)], SyntaxParams(), Guard(), Models()
    )[0]
    assert longer == NoChild("too_long")


def test_what_one_is_able_to_do_is_no_order() -> None:
    assert not any(
        child.startswith(("请", "麻烦")) for child in syntax("你可以使用POST方法发出请求吗？", "zh")
    )
    assert not any("生成吗。" in child for child in syntax("你能为我生成吗？", "zh"))
