"""What each repair does to English and Chinese text, and what it must leave alone."""

from __future__ import annotations

import pytest

from quality.normalise import (
    Subject,
    normalise_unicode,
    placeholder_of,
    remove_controls,
    repair_mojibake,
    tidy_whitespace,
)


def garble(text: str, wrong: str) -> str:
    """Return UTF-8 text as a reader with the wrong charset saw it."""
    return text.encode("utf-8").decode(wrong)


class TestMojibake:
    @pytest.mark.parametrize(
        ("text", "wrong"),
        [
            ("The café’s menu", "cp1252"),
            ("naïve façade", "latin-1"),
            ("今天天气很好，我们去公园。", "latin-1"),
            ("Größe und Gewicht", "latin-1"),
        ],
    )
    def test_text_read_with_the_wrong_charset_is_decoded_again(self, text: str, wrong: str) -> None:
        broken = garble(text, wrong)
        assert broken != text
        repair = repair_mojibake(broken, Subject())
        assert (repair.text, repair.counts) == (text, {"lines": 1})

    def test_only_the_broken_line_changes(self) -> None:
        good = "他说：“你好”，café ½ ﬁ"
        repair = repair_mojibake(f"{good}\n{garble('déjà vu', 'latin-1')}\n{good}", Subject())
        assert repair.text == f"{good}\ndéjà vu\n{good}"

    @pytest.mark.parametrize(
        "text",
        [
            "“curly quotes” and ‘single’ ones – stay",
            "ﬁnal ﬂow ﬀ",
            "全角！标点，“引号”。１２３",
            "Ñandú, Ångström, Œuvre",
            "AÑO 2020 – ÁÉÍÓÚ",
            "©2020 ® ™ ± × ÷",
            "日本語のテキスト（括弧）",
        ],
    )
    def test_good_text_stays_as_it_is(self, text: str) -> None:
        assert repair_mojibake(text, Subject()).text == text

    @pytest.mark.parametrize("prompt", ["Why is my encoding wrong?", "这段乱码是怎么来的？"])
    def test_mojibake_stays_where_the_prompt_asks_about_it(self, prompt: str) -> None:
        broken = garble("café déjà", "latin-1")
        assert repair_mojibake(broken, Subject(prompt)).text == broken


class TestControl:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("a\x00b\x07c\x7f", "abc"),
            ("\ufeff你\u200b好\u2060", "你好"),
            ("\x1b[1;31mred\x1b[0m and \x1b]0;title\x07text", "red and text"),
            ("one\u2028two\u2029three\x85four\x0bfive\x0csix", "one\ntwo\nthree\nfour\nfive\nsix"),
            ("left\u200eright", "leftright"),
            ("a\u200db", "ab"),
            ("x\ufe0fy", "xy"),
            ("obj\ufffcect\ufff9", "object"),
            ("\ud83d\ude00", "😀"),
            ("half \ud83d pair", "half \ufffd pair"),
            ("hidden\U000e0041\U000e0042 tags", "hidden tags"),
        ],
    )
    def test_what_no_reader_sees_goes(self, text: str, clean: str) -> None:
        assert remove_controls(text, Subject()).text == clean

    @pytest.mark.parametrize(
        "text",
        [
            "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 ☎\ufe0e",
            "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "می\u200cخواهم",
            "क्\u200dष",
            "שלום \u200fabc\u200e عليكم",
            "葛\U000e0100城",
            "ภาษา\u200bไทย",
            "lost \ufffd byte",
            "tab\tand\nnewline\r\n",
        ],
    )
    def test_what_means_something_stays(self, text: str) -> None:
        assert remove_controls(text, Subject()).text == text

    def test_the_counts_name_what_went(self) -> None:
        assert remove_controls("a\x00\u200b\u2028", Subject()).counts == {
            "control": 1,
            "invisible": 1,
            "newline": 1,
        }


class TestUnicode:
    @pytest.mark.parametrize(
        ("text", "fixed"),
        [
            ("cafe\u0301 n\u0303", "café ñ"),
            ("10\u00a0km,\u202f5\u2009%", "10 km, 5 %"),
            ("co\u00adoperate", "cooperate"),
            ("我用Ｐｙｔｈｏｎ３．１１写代码", "我用Python3.11写代码"),
            ("２０２３年，Ｔ恤", "2023年，T恤"),
            ("ａ＠ｂ．ｃｏｍ", "a@b.com"),
            ("　　第一段。\n　　第二段。", "第一段。\n第二段。"),
            ("张　三", "张 三"),
        ],
    )
    def test_forms_are_made_plain(self, text: str, fixed: str) -> None:
        assert normalise_unicode(text, Subject()).text == fixed

    @pytest.mark.parametrize(
        "text",
        [
            "你好，世界！（真的？）：“好”；……",
            "x² ½ ① ㎡ ℃ ﬁ ™ Ⅷ",
            "共１．",
            "１００％，约３／",
            "∑ → 😀 한국어",
        ],
    )
    def test_punctuation_and_compatibility_characters_stay(self, text: str) -> None:
        fixed = normalise_unicode(text, Subject()).text
        assert [a for a in fixed if not a.isascii()] == [
            a for a in text if not ("０" <= a <= "９") and not a.isascii()
        ]

    @pytest.mark.parametrize("prompt", ["把全角字符转换成半角", "Convert full-width letters to half-width."])
    def test_full_width_letters_stay_where_the_prompt_asks_about_them(self, prompt: str) -> None:
        assert normalise_unicode("ＡＢＣ１２", Subject(prompt)).text == "ＡＢＣ１２"

    def test_the_counts_name_each_kind(self) -> None:
        repair = normalise_unicode("e\u0301\u00a0\u00adＡ１", Subject())
        assert repair.text == "é A1"
        assert set(repair.counts) == {"composed", "spaces", "soft_hyphens", "full_width"}


class TestWhitespace:
    @pytest.mark.parametrize(
        ("text", "tidy"),
        [
            ("a\r\nb\rc", "a\nb\nc"),
            ("one  \ntwo\t\nthree", "one\ntwo\nthree"),
            ("一\n\n\n\n二", "一\n\n二"),
            ("a\n \n \n \nb", "a\n\nb"),
            ("  hello \n", "hello"),
            ("It rained.  We stayed in.", "It rained. We stayed in."),
            ("今天下雨。  我们在家。", "今天下雨。 我们在家。"),
            ("We need to try a  different approach today, said Ann.", None),
        ],
    )
    def test_blanks_are_tidied(self, text: str, tidy: str | None) -> None:
        want = text.replace("  ", " ") if tidy is None else tidy
        assert tidy_whitespace(text, Subject()).text == want

    @pytest.mark.parametrize(
        "text",
        [
            "```\na  =  1   \n\n\n\nb\n```",
            "Name    Age   City\nAnn     30    Rome\nBob     41    Oslo",
            "| a  | b   |\n|----|-----|",
            "姓名    年龄\n张三    三十",
            "A   E7  Dm7  G\nLift me up,        take me",
            "x = 1  # first\ny = 2  # second",
            "  /\\_/\\\n ( o.o )\n  > ^ <",
            "1.  2.  3.\n4.  5.  6.",
            "请填空：（    ）是首都。",
            "key:\n  - a\n  - b\n    c",
            "a\tb\tc\t\nd\te\tf",
            "1   0   0",
        ],
    )
    def test_code_tables_and_drawings_keep_their_blanks(self, text: str) -> None:
        assert tidy_whitespace(text, Subject()).text == text

    def test_indented_code_keeps_its_first_indentation(self) -> None:
        assert tidy_whitespace("\n    def f():\n        go\n", Subject()).text == "    def f():\n        go"

    @pytest.mark.parametrize("prompt", ["Remove the extra spaces.", "删除多余的空格"])
    def test_gaps_stay_where_the_prompt_asks_about_spaces(self, prompt: str) -> None:
        text = "It rained.  We stayed in."
        assert tidy_whitespace(text, Subject(prompt)).text == text


class TestPlaceholder:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Noinput", "noinput"),
            ("<noinput>", "noinput"),
            ("<no input>", "no input"),
            ("No Input.", "no input"),
            ("no_input", "no input"),
            ("[N/A]", "n/a"),
            ("NA", "na"),
            ("None.", "none"),
            ("null", "null"),
            ("-", None),
            ("无", "无"),
            ("（无）", "无"),
            ("没有输入。", "没有输入"),
            ("暂无", "暂无"),
        ],
    )
    def test_an_input_that_says_there_is_none_is_found(self, text: str, found: str | None) -> None:
        assert placeholder_of(text, "Write a poem. 写一首诗。") == (found or "-")

    @pytest.mark.parametrize(
        ("text", "instruction"),
        [
            ("None", "Translate the following word into French"),
            ("无", "请给出下面这个字的拼音"),
            ("空", "用这个词造句"),
            ("N/A", "What does this abbreviation stand for?"),
            ("null", "Name the data type."),
        ],
    )
    def test_a_word_that_the_instruction_asks_about_is_an_input(self, text: str, instruction: str) -> None:
        assert placeholder_of(text, instruction) is None

    @pytest.mark.parametrize(
        "text",
        ["", "None of them came", "Sodium (Na)", "5", "+", "无症状", "no input device found", "(3, 4)"],
    )
    def test_an_input_that_says_something_stays(self, text: str) -> None:
        assert placeholder_of(text, "Write a poem.") is None

    def test_a_sure_placeholder_is_found_under_any_instruction(self) -> None:
        assert placeholder_of("<noinput>", "Translate the following word") == "noinput"
