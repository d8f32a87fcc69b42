from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models import Embedder, ModelRef, Models
from pipeline.models.scripts import known_scripts, script_of


@pytest.mark.parametrize(
    ("letter", "script"),
    [
        *[("a", "LATIN"), ("É", "LATIN"), ("ａ", "LATIN"), ("ж", "CYRILLIC"), ("好", "CJK")],
        *[("の", "HIRAGANA"), ("ｶ", "KATAKANA"), ("1", ""), ("。", ""), ("🎉", ""), ("\ue000", "")],
    ],
)
def test_letters_have_the_script_that_unicode_names(letter: str, script: str) -> None:
    assert script_of(letter) == script


def test_a_script_is_known_by_its_words_not_by_its_letters() -> None:
    letters = list("abcабвгде好的")
    assert known_scripts([*letters, "cat", "dog", "the", "of"]) == {"LATIN"}
    assert known_scripts([*letters, "кот", "дом", "она", "как", "мир", "дом", "нет"]) == {"CYRILLIC"}


def test_thousands_of_logograms_make_a_script_known() -> None:
    assert known_scripts(chr(0x4E00 + number) for number in range(6_000)) == {"CJK"}
    assert known_scripts(chr(0x4E00 + number) for number in range(488)) == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "Describe the water cycle.",
        "What does the word 你好 mean in English?",
        "def area(r):\n    return 3.14 * r ** 2  # πr²",
        "SELECT name, COUNT(*) FROM users GROUP BY name;",
        "Übersetze das Wort 'Haus' ins Französische.",
        "12 + 30 = 42",
        "Great job! 🎉",
        "",
        " \n",
    ],
)
def test_minilm_covers_english_code_and_numbers(minilm: Embedder, text: str) -> None:
    assert minilm.covers([text]).tolist() == [True]


@pytest.mark.parametrize(
    "text",
    [
        "请介绍一下长城的历史。",
        "今日はいい天気ですね。",
        "Расскажи мне о Москве.",
        "안녕하세요, 반갑습니다.",
        "ما هي عاصمة مصر؟",
        "用 Python 写一个函数，返回两个数的和。",
        "Translate to English: 他坚持不懈。",
        "🎉🎉🎉",
    ],
)
def test_minilm_does_not_cover_what_it_can_only_spell(minilm: Embedder, text: str) -> None:
    assert minilm.covers([text]).tolist() == [False]


def test_a_recipe_may_state_that_a_model_covers_everything(tiny_bert: Path) -> None:
    texts = ["the cat", "你好，世界", "🎉"]
    by_vocabulary = Models().embedder(ModelRef(folder=str(tiny_bert)))
    stated = Models().embedder(ModelRef(folder=str(tiny_bert), languages="all"))
    assert by_vocabulary.covers(texts).tolist() == [True, False, False]
    assert stated.covers(texts).tolist() == [True, True, True]
    assert (stated.encode(texts) == by_vocabulary.encode(texts)).all()


@given(st.lists(st.text(max_size=20), max_size=8))
def test_a_texts_coverage_depends_on_that_text_alone(tiny_bert: Path, texts: list[str]) -> None:
    embedder = Models().embedder(ModelRef(folder=str(tiny_bert)))
    alone = [bool(embedder.covers([text])[0]) for text in texts]
    assert embedder.covers(texts).tolist() == alone
