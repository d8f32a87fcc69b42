"""Chinese that was decoded with the wrong charset comes back; what only looks like it stays."""

from __future__ import annotations

import pytest

from quality.normalise import Subject, repair_mojibake
from quality.normalise.steps import is_suspicious

SENTENCES = ["你好", "今天天气很好，我们去公园。", "请把第3章发给n位同学，谢谢！", "怎样预防感冒？"]


def exact(text: str, written: str, read: str) -> str | None:
    """Return a text as the wrong charset shows it, or None where bytes would be lost."""
    try:
        return text.encode(written).decode(read)
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("utf-8", "gbk"),
        ("utf-8", "gb18030"),
        ("utf-8", "latin-1"),
        ("utf-8", "cp1252"),
        ("gbk", "latin-1"),
        ("gbk", "cp1252"),
    ],
)
def test_chinese_read_with_the_wrong_charset_comes_back(text: str, written: str, read: str) -> None:
    broken = exact(text, written, read)
    if broken is not None:
        assert is_suspicious(broken)
        assert repair_mojibake(broken, Subject()).text == text


def test_the_best_known_cases() -> None:
    assert repair_mojibake("浣犲ソ", Subject()).text == "你好"
    assert repair_mojibake("ÄãºÃ", Subject()).text == "你好"
    assert repair_mojibake("ä½\xa0å¥½", Subject()).text == "你好"


def test_a_broken_line_among_whole_ones_is_the_only_one_that_changes() -> None:
    repair = repair_mojibake("这一行是好的。\n浣犲ソ\nÅngström, déjà vu", Subject())
    assert (repair.text, repair.counts) == ("这一行是好的。\n你好\nÅngström, déjà vu", {"lines": 1})


@pytest.mark.parametrize(
    "text",
    [
        "犇骉猋淼焱垚",  # rare characters, all of them real
        "涓涓细流，浣熊和鍋贴",  # characters that mojibake is made of, in words
        "浣溪沙·一曲新词酒一杯",
        "神经科，癫痫",
        "ÄÖÜß äöüß",
        "ÀÁÂÃÄÅÆÇÈÉÊË",
        "nº 5, 3ª, ¿Qué? ¡Sí! «À»",
        "naïve façade, Čeština, Ångström, Œuvre",
        "Ελληνικά, русский, عربي, हिन्दी",
        "£100 ± 5 €20",
        "锟斤拷锟斤拷",  # the bytes are lost
        "浣犲ソ鍚\ufffd",
        "ひらがなとカタカナ、漢字",
        "한국어 텍스트",
    ],
)
def test_what_is_real_or_beyond_repair_stays(text: str) -> None:
    assert repair_mojibake(text, Subject()).text == text


@pytest.mark.parametrize("prompt", ["为什么会出现乱码“浣犲ソ”？", "What encoding turns 你好 into ÄãºÃ?"])
def test_mojibake_that_is_the_subject_stays(prompt: str) -> None:
    assert repair_mojibake("浣犲ソ", Subject(prompt)).text == "浣犲ソ"


def test_portuguese_read_as_latin_1_is_not_taken_for_chinese() -> None:
    assert repair_mojibake("com especial atenÃ§Ã£o", Subject()).text == "com especial atenção"
