"""Identification: scripts, letters, the library where unsure, and "und" where nothing may be said."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from quality.language import UNDETERMINED, Library, identify, known_languages, prose
from quality.language.chinese import variant
from quality.language.evidence import holds_small_words, small_words
from quality.language.ngrams import languages_of
from quality.language.scripts import SCRIPTS, code_points, script_counts, script_of_letter

SENTENCES = {
    "en": "The bridge was closed this morning because of the strong wind.",
    "zh": "今天早上因为风太大，大桥暂时关闭了。",
    "ja": "強い風のため、今朝から橋は通行止めになっています。",
    "ko": "바람이 강해서 오늘 아침부터 다리가 통제되었습니다.",
    "de": "Die Brücke war heute Morgen wegen des starken Windes gesperrt.",
    "fr": "Le pont était fermé ce matin à cause du vent qui soufflait très fort.",
    "es": "El puente estuvo cerrado esta mañana porque hacía mucho viento.",
    "pt": "A ponte esteve fechada esta manhã porque havia muito vento.",
    "it": "Il ponte era chiuso questa mattina perché il vento era troppo forte.",
    "nl": "De brug was vanochtend gesloten omdat het veel te hard waaide.",
    "ru": "Сегодня утром мост был закрыт из-за очень сильного ветра.",
    "uk": "Сьогодні вранці міст був закритий через дуже сильний вітер.",
    "ar": "أُغلق الجسر هذا الصباح بسبب الرياح القوية جدا.",
    "fa": "پل امروز صبح به دلیل باد بسیار شدید بسته شد.",
    "hi": "तेज़ हवा के कारण आज सुबह पुल बंद कर दिया गया था।",
    "th": "สะพานถูกปิดเมื่อเช้านี้เพราะลมแรงมาก",
    "vi": "Cây cầu đã bị đóng sáng nay vì gió thổi quá mạnh.",
    "tr": "Köprü bu sabah çok kuvvetli rüzgar yüzünden kapatıldı.",
    "id": "Jembatan itu ditutup tadi pagi karena anginnya terlalu kencang.",
    "la": "Pons hodie mane clausus est quod ventus nimis validus erat.",
    "el": "Η γέφυρα έκλεισε σήμερα το πρωί λόγω του δυνατού ανέμου.",
    "he": "הגשר נסגר הבוקר בגלל הרוח החזקה מאוד.",
    "pl": "Most był dziś rano zamknięty z powodu bardzo silnego wiatru.",
    "sv": "Bron var stängd i morse eftersom det blåste alldeles för hårt.",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_a_sentence_is_told_by_itself(code: str, text: str) -> None:
    (found,) = identify([text])
    assert found.code == code
    assert found.confidence >= 0.8
    assert found.letters >= 20


def test_each_text_is_judged_by_itself_whatever_stands_beside_it() -> None:
    texts = list(SENTENCES.values())
    alone = [identify([text])[0] for text in texts]
    assert identify(texts) == alone
    assert identify(texts[::-1] * 30)[: len(texts)] == alone[::-1]


@pytest.mark.parametrize("library", get_args(Library))
def test_every_library_tells_english_from_chinese(library: Library) -> None:
    found = identify([SENTENCES["en"], SENTENCES["zh"]], library=library)
    assert [each.code for each in found] == ["en", "zh"]


def test_an_unsure_text_is_put_to_the_library_and_says_so() -> None:
    text = "Air panas itu mahal."
    assert identify([text], library="lingua")[0].decided_by == "lingua"
    assert identify([text], library="none")[0].decided_by == "letters"


def test_sure_texts_load_no_library() -> None:
    code = (
        "import sys; from quality.language import identify;"
        "r = identify(['The cat sat on the mat because it was warm there.', '今天的天气真不错。']);"
        "assert [x.code for x in r] == ['en', 'zh'], r;"
        "assert 'lingua' not in sys.modules and 'langdetect' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_choice_can_be_limited() -> None:
    text = "De trein naar het dorp rijdt vandaag niet."
    assert identify([text])[0].code == "nl"
    assert identify([text], among=["en", "de"])[0].code == "de"
    assert identify(["今天天气很好"], among=["en", "de"])[0].code == UNDETERMINED
    with pytest.raises(ValueError, match=r"unknown languages xx; known: af, ar"):
        identify([text], among=["xx"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "short"),
        ("OK", "short"),
        ("好", "short"),
        ("42 + 17 = 59", "short"),
        ("→ ★ ◆ 100%", "short"),
        ("TensorFlow, PyTorch, Keras", "names"),
        ("Marie Curie", "short"),
        ("```python\nfor name in names:\n    print(name)\n```", "code"),
        ("def area(r):\n    pi = 3.14159\n    return pi * r * r", "code"),
        ("SELECT name, price FROM bikes WHERE price < 2000;", "code"),
        ("const add = (a, b) => a + b;\nconsole.log(add(1, 2));", "code"),
        ("find . -name '*.gpx' | wc -l", "code"),
        ("https://example.org/some/long/path/to/a/page", "short"),
    ],
)  # fmt: skip
def test_nothing_is_guessed_of_short_texts_code_and_names(text: str, why: str) -> None:
    (found,) = identify([text])
    assert (found.code, found.confidence, found.decided_by) == (UNDETERMINED, 0.0, why)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("我喜欢用 TensorFlow 和 PyTorch 进行 deep learning 的实验", "zh"),
        ("用 `git rebase --interactive HEAD~3` 整理提交记录。", "zh"),
        ("把下面的代码改成异步的：\n```python\ndef load_all_from_disk(path): return open(path).read()\n```", "zh"),
        ("请问のび太是谁？他是动画片里的人吗？", "zh"),
        ("電池の温度が高すぎます。", "ja"),
        ("The Chinese word 你好 means hello and is used when you greet someone.", "en"),
        ("Set x = 3 in the first line; after that, the program prints what you expect.", "en"),
        ("Ratio = teeth in front / teeth at the back. One turn of the cranks turns the wheel twice.", "en"),
        ("WHAT TOOLS ARE IN THE BOX?", "en"),
    ],
)  # fmt: skip
def test_the_prose_decides_and_not_the_terms_in_it(text: str, code: str) -> None:
    assert identify([text])[0].code == code


def test_prose_takes_out_what_is_no_language() -> None:
    text = "Write to me@example.org or see https://example.org/a?b=c, <b>please</b>, {name}, $a^2$ and `x`."
    left = prose(text)
    assert not left.had_code
    assert left.text.split() == ["Write", "to", "or", "see", "please", ",", ",", "and", "."]
    assert prose("纯文本，没有代码。").text == "纯文本，没有代码。"


def test_the_languages_are_those_of_the_tables_and_the_scripts() -> None:
    tables = {code for script in SCRIPTS for code in languages_of(script)}
    alone = {"el", "he", "th", "hy", "ka", "bn", "pa", "gu", "ta", "te", "zh", "ja", "ko"}
    assert tables | alone == set(known_languages())
    assert not tables & (alone - {"zh"})
    assert len(known_languages()) == 75


def test_letters_are_counted_by_script() -> None:
    points, starts = code_points(["aé 1中", "", "かнж"])
    counts = script_counts(points, starts)
    named = [dict(zip(SCRIPTS, row, strict=True)) for row in counts.tolist()]
    assert {k: v for k, v in named[0].items() if v} == {"latin": 2, "han": 1}
    assert sum(named[1].values()) == 0
    assert {k: v for k, v in named[2].items() if v} == {"kana": 1, "cyrillic": 2}
    assert script_of_letter("×") == "" and script_of_letter("中") == "han"


def test_simplified_and_traditional_characters_are_told_apart() -> None:
    assert variant("这个国家的经济发展很快") == "Hans"
    assert variant("這個國家的經濟發展很快") == "Hant"
    assert variant("你好") == ""
    assert variant("hello") == ""


def test_lists_of_names_hold_no_small_words_and_sentences_do() -> None:
    assert holds_small_words("the bridge was closed because of the wind", "en")
    assert not holds_small_words("Alabama, Ontario, British Columbia, The Who, In Flames", "en")
    assert not holds_small_words("the bridge was closed because of the wind", "es")
    assert {"the", "of"} <= small_words("en")


def test_odd_characters_do_no_harm() -> None:
    found = identify(["\ud800 Est-ce que tu viens ? \x00 oui oui", "\x00", "🙂" * 50, "\u0301" * 20])
    assert [each.code for each in found][1:] == [UNDETERMINED] * 3
