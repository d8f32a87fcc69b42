"""Texts that look alike but ask for different things are told apart, in English and in Chinese."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.lookalike import KINDS, Request, Verdict, compare_requests, compare_texts

SAME, OPEN = Verdict("", True), Verdict("", False)


def verdict(left: str, right: str) -> Verdict:
    found = compare_texts(left, right)
    assert compare_texts(right, left) == found
    return found


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Write a poem in 10 words.", "Write a poem in 25 words."),
        ("Name two large cities in Peru.", "Name three large cities in Peru."),
        ("Meet at 10:30.", "Meet at 10:45."),
        ("Pay 1,000 dollars.", "Pay 1,500 dollars."),
        ("Read the first chapter of the book.", "Read the second chapter of the book."),
        ("Generate a 10-digit random number", "Generate a random number from 1 to 10"),
        ("Who was Henry II?", "Who was Henry VI?"),
        ("写一首10行的诗。", "写一首20行的诗。"),
        ("列出三个城市。", "列出五个城市。"),
        ("第一章讲什么？", "第二章讲什么？"),
        ("半小时后叫我。", "两小时后叫我。"),
        ("打八折的价格是多少", "打七折的价格是多少"),
    ],
)
def test_other_numbers_are_a_difference(left: str, right: str) -> None:
    assert verdict(left, right).differs == "numbers"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("List 3 fruits.", "List three fruits."),
        ("Give me Twenty ideas for a picnic.", "Give me 20 ideas for a picnic."),
        ("I have 12 eggs, what can I bake?", "I have a dozen eggs, what can I bake?"),
        ("Is 50% of 1,000 enough?", "Is fifty percent of 1000 enough?"),
        ("What is one hundred and five times two?", "What is 105 times 2?"),
        ("Earn 10k a month from home", "Earn 10,000 a month from home"),
        ("Who was the 3rd king of Rome?", "Who was the third king of Rome?"),
        ("Write one paragraph on bees.", "Write a paragraph on bees."),
        ("How far is it, if I ran 5 km a day?", "How far is it, if I ran five kilometres a day?"),
        ("Write 3-5 sentences about tea", "Write three to five sentences about tea"),
        ("写3-5句关于茶的话", "写3到5句关于茶的话"),
        ("他走了三公里", "他走了3千米"),
        ("一共二十五人", "一共25人"),
        ("占百分之三十", "占30%"),
        ("请列出１０本书", "请列出十本书"),
        ("第3章的主题是什么", "第三章的主题是什么"),
    ],
)
def test_one_value_in_digits_and_words_is_the_same(left: str, right: str) -> None:
    assert verdict(left, right) == SAME


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Should I drink it with milk?", "Should I not drink it with milk?"),
        ("Use commas in your answer.", "Don’t use commas in your answer."),
        ("Answer the question with a list.", "Answer the question without a list."),
        ("这样做可以吗？", "这样做不可以吗？"),
        ("请在回答里使用逗号。", "请勿在回答里使用逗号。"),
        ("我有家里的钥匙。", "我没有家里的钥匙。"),
    ],
)
def test_a_negation_on_one_side_is_a_difference(left: str, right: str) -> None:
    assert verdict(left, right).differs == "negation"


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("Run 5 km every day.", "Run 5 miles every day.", "units"),
        ("跑5公里需要多久", "跑5英里需要多久", "units"),
        ("Sort the words in ascending order.", "Sort the words in descending order.", "opposite"),
        ("卖方要交哪些税", "买方要交哪些税", "opposite"),
        ("Translate this into French.", "Translate this into German.", "language"),
        ("用法语写一封信", "用德语写一封信", "language"),
        ("Give the answer as JSON please.", "Give the answer as XML please.", "format"),
        ("What is the capital of France?", "What is the capital of Peru?", "names"),
        ("Who painted the picture?", "When painted the picture?", "question"),
        ("Name all rivers in Spain.", "Name some rivers in Spain.", "quantity"),
        ("Describe a dog that bites a man.", "Describe a man that bites a dog.", "order"),
        ("Convert 5 feet from metres to yards", "Convert 5 feet from yards to metres", "order"),
        ("从北京到上海怎么走", "从上海到北京怎么走", "order"),
        ("Write a poem about love.", "Write a short poem about love.", "detail"),
        ("Write a poem about love.", "Write a poem about war.", "words"),
        ("肺炎的症状有哪些", "肝炎的症状有哪些", "words"),
        ("Translate 苹果 into English.", "Translate 香蕉 into English.", "words"),
        ("What does дом mean?", "What does кот mean?", "script"),
        ('Give a synonym of "kind".', 'Give a synonym of "kinds".', "literals"),
        ("Is x < y and z == 1?", "Is x <= y and z == 1?", "operators"),
        ("What does f(a + b) return?", "What does f(a - b) return?", "operators"),
        ("Compute (2 + 3) * 4", "Compute 2 + (3 * 4)", "operators"),
        ("return a[i]", "return a[j]", "literals"),
    ],
)
def test_each_difference_has_its_kind(left: str, right: str, kind: str) -> None:
    assert verdict(left, right).differs == kind
    assert kind in KINDS


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Describe the water cycle.", "Explain the water cycle."),
        ("Please write a story about bees!", "compose a story about bees"),
        ("List five causes of rust.", "Name five causes of rust."),
        ("Could you summarise the article?", "Sum up the article"),
        ("What's the color of copper?", "What is the colour of copper?"),
        ("Explain how photosynthesis works.", "Explain how photosynthsis works."),
        ("Explain how\nphotosynthesis   works", "EXPLAIN HOW PHOTOSYNTHESIS WORKS."),
        ("In Rust, write a parser for dates.", "Write a parser for dates in Rust."),
        ("Is a database faster than a file?", "Is a data base faster than a file?"),
        ("for i in range(3): print(i)", "for i in range(3):\n    print(i)"),
        ("怎样重设密码？", "如何重设密码？"),
        ("请写一篇关于蜜蜂的故事", "麻烦你撰写一篇关于蜜蜂的故事，谢谢"),
        ("解释光合作用", "请解释光和作用。"),
        ("請列舉五種水果", "请列举五种水果"),
        ("ＰＹＴＨＯＮ是什么？", "python是什么"),
        ("这样可不可以？", "这样可以吗？"),
    ],
)
def test_another_form_of_one_request_is_the_same(left: str, right: str) -> None:
    assert verdict(left, right) == SAME


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Fill in the form.", "Fill in the from."),
        ("Draw a cat on a mat.", "Draw a car on a mat."),
        ("Is ethanol a good solvent?", "Is methanol a good solvent?"),
        ("What is good for me?", "What are goods for me?"),
        ("The file is filling fast", "The file is filing fast"),
        ("她在医院前面等", "她在医院后面等"),
        ("Summarize the poem by Keats.", "Describe the poem by Keats."),
        ("My name is Bond, call me", "My list is Bond, call me"),
    ],
)
def test_two_words_of_the_language_are_no_slip_of_one_another(left: str, right: str) -> None:
    assert verdict(left, right).differs


@pytest.mark.parametrize(
    ("left", "right"),
    [("Hi", "No"), ("Yes", "Yes, but later"), ("你好", "再见"), ("?", "!"), ("C++", "C#"), ("", "a")],
)
def test_short_texts_never_collapse(left: str, right: str) -> None:
    assert verdict(left, right).differs


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (
            "What can be done so that fewer people throw food away at home?",
            "Suggest measures against the waste of groceries in private households.",
        ),
        ("孩子晚上总是失眠，家长应该采取什么措施？", "有什么办法让小朋友尽快入睡呢，求专家指点"),
    ],
)
def test_another_wording_altogether_is_left_to_similarity(left: str, right: str) -> None:
    assert verdict(left, right) == OPEN


def test_the_same_input_under_another_instruction_is_another_request() -> None:
    text = "Otters hold hands while they sleep so that the current does not carry them apart."
    one = Request("Summarize the text.", text)
    assert compare_requests(one, Request("sum up the text", text.upper())) == SAME
    assert compare_requests(one, Request("Translate the text into Danish.", text)).differs
    assert compare_requests(one, Request("What might a good title be?", text)).differs
    assert (
        compare_requests(one, Request("Summarize the text.", text.replace("Otters", "Seals"))).differs
        == "input"
    )


def test_an_input_may_stand_inside_the_instruction() -> None:
    apart = Request("Translate into French:", "The library closes at noon.")
    assert compare_requests(apart, Request("Translate into French: The library closes at noon.")) == SAME
    assert compare_requests(apart, Request("Translate into French: The library closes at night.")).differs


def test_an_input_to_be_corrected_must_be_equal_to_the_letter() -> None:
    one = Request("Correct the spelling.", "I recieve the letter.")
    assert compare_requests(one, Request("Correct the spelling.", "I receive the letter.")).differs == "input"
    assert compare_requests(one, Request("Correct the speling.", "I recieve the  letter.")) == SAME


def test_other_turns_before_a_request_make_it_another() -> None:
    one = Request("And in winter?", context=("You are a gardener.", "What grows in summer?"))
    assert (
        compare_requests(
            one, Request("And in winter?", context=("You are a gardener", "what grows in summer"))
        )
        == SAME
    )
    for context in ((), ("You are a cook.", "What grows in summer?"), ("You are a gardener.",)):
        assert compare_requests(one, Request("And in winter?", context=context)) == Verdict("context", False)


_WORDS = st.lists(
    st.sampled_from(
        [
            "write",
            "explain",
            "a",
            "the",
            "poem",
            "10",
            "ten",
            "two",
            "km",
            "miles",
            "not",
            "in",
            "French",
            "cat",
            "dog",
            "<",
            "<=",
            "(",
            ")",
            "'x'",
            ",",
            ".",
            "三",
            "写",
            "一",
            "首",
            "诗",
            "不",
            "“你好”",
            "first",
        ]
    ),
    max_size=9,
).map(" ".join)


@settings(deadline=None)
@given(_WORDS | st.text(), _WORDS | st.text())
def test_a_verdict_is_symmetric_and_a_text_is_the_same_as_itself(left: str, right: str) -> None:
    assert compare_texts(left, left) == SAME
    found = verdict(left, right)
    assert found.differs in KINDS or not found.differs
    assert not (found.differs and found.same)


@given(
    st.lists(st.sampled_from(["alpha", "river", "12", "copper", "苹果", "garden", "seven"]), min_size=5),
    st.integers(13, 99),
)
def test_a_number_more_is_never_the_same(words: list[str], number: int) -> None:
    assert verdict(" ".join(words), " ".join([*words, str(number)])).differs


def test_long_texts_are_compared_in_bounded_time() -> None:
    import time

    long = " ".join(f"word{n} of the long text number {n % 97}," for n in range(4_000))
    start = time.perf_counter()
    assert verdict(long, long.replace("long text", "short text")).differs
    assert verdict(long, long.upper()) == SAME
    assert time.perf_counter() - start < 20
