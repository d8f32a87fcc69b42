from __future__ import annotations

import pytest

from pipeline.augment.protect import Guard
from pipeline.augment.sentences import decapitalised, head_sentences, with_sentence
from quality.language.chinese import traditional_only


def heads(text: str, lang: str = "en") -> list[tuple[str, str]]:
    return [(sentence.words, sentence.mark) for sentence in head_sentences(Guard().protect(text), lang)]


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("What is Java? Explain it.", "en", [("What is Java", "?"), ("Explain it", ".")]),
        ("Who lives in the U.S.?", "en", [("Who lives in the U.S.", "?")]),
        ("Ask Dr. Gupta to come. Then go.", "en", [("Ask Dr. Gupta to come", "."), ("Then go", ".")]),
        ("List words that start with B.", "en", [("List words that start with B", ".")]),
        ("Is it 3.5 or 4?", "en", [("Is it 3.5 or 4", "?")]),
        ("Name them: fig, oak. Is it?", "en", [("Name them", ":")]),
        ("Fix this paragraph. Is it good?", "en", [("Fix this paragraph", ".")]),
        ("List fruits\nIs it good?", "en", [("List fruits", "")]),
        ("什么是光？请说明。", "zh", [("什么是光", "？"), ("请说明", "。")]),
        ("翻译下面的句子。他来了吗？", "zh", [("翻译下面的句子", "。")]),
        ("分类：狗，猫。", "zh", [("分类", "：")]),
        ("在8:30出发吗？", "zh", [("在8:30出发吗", "？")]),
        ("", "en", []),
        ("?!", "en", []),
    ],
)
def test_the_head_of_a_prompt_is_cut_where_material_may_begin(
    text: str, lang: str, expected: list[tuple[str, str]]
) -> None:
    assert heads(text, lang) == expected


def test_no_sentence_ends_within_a_quotation() -> None:
    assert heads('What does "Why? Because." mean? Tell me.')[0] == ('What does "Why? Because." mean', "?")


def test_at_most_four_sentences_are_heads() -> None:
    assert len(heads("Go. " * 9)) == 4


def test_sentence_and_rest_are_the_text() -> None:
    text = "  List five fruits. And so on.\nMore: a, b"
    for sentence in head_sentences(Guard().protect(text), "en"):
        assert with_sentence(text, sentence, sentence.words, sentence.mark) == text


def test_a_questions_mark_goes_to_the_end_of_a_short_list() -> None:
    text = "Name the nuts: fig, oak"
    (sentence,) = head_sentences(Guard().protect(text), "en")
    assert with_sentence(text, sentence, "Can you name the nuts", "?") == "Can you name the nuts: fig, oak?"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("List it", "list it"), ("I am", "I am"), ("I'd go", "I'd go"), ("NASA is", "NASA is")],
)
def test_names_and_the_pronoun_keep_their_capital(words: str, expected: str) -> None:
    assert decapitalised(words) == expected


def test_a_text_without_traditional_characters_is_never_traditional() -> None:
    assert {"請", "為", "麼"} <= traditional_only()
    assert traditional_only().isdisjoint("请为什么的是在一了我不人有")
