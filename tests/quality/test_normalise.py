"""What each repair does to English and Chinese text, and what it must leave alone."""

from __future__ import annotations

import pytest

from quality.normalise import (
    Subject,
    cut_points,
    cut_to,
    has_tokens,
    normalise_unicode,
    placeholder_of,
    remove_controls,
    remove_html,
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


class TestHtml:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("Wash your hands.<br>Stay home.", "Wash your hands.\nStay home."),
            ("<p>One.</p>\n<p>Two.</p>", "One.\n\nTwo."),
            ('<div class="x"><span style="y">多喝水</span>，<b>早睡</b></div>', "多喝水，早睡"),
            (
                "Take:<ul><li>rest</li><li> water</li></ul>Then call.",
                "Take:\n\n- rest\n- water\n\nThen call.",
            ),
            ("Tom &amp; Jerry&#39;s &quot;show&quot; &lt; 5 &#x4E2D;", 'Tom & Jerry\'s "show" < 5 中'),
            ("3 &amp;lt; 5 &amp;amp;amp; 6", "3 < 5 & 6"),
            ('See <a href="https://example.org/x" target="_blank">our page</a>.', "See our page."),
            ("<script>var a = 1;</script>Text<style>p {}</style>", "Text"),
            ("Hello<!-- hidden -->, you", "Hello, you"),
            ("area 5 m<sup>2</sup>, CO<sub>2</sub>, 4<sup>th</sup>", "area 5 m², CO₂, 4th"),
            ("Type <code>ls &lt;dir&gt;</code> now", "Type `ls <dir>` now"),
            ("&lt;p&gt;第一段&lt;/p&gt;", "<p>第一段</p>"),
            ("<TABLE><TR><TD>姓名</TD><TD>年龄</TD></TR></TABLE>", "姓名 年龄"),
        ],
    )
    def test_leftovers_become_plain_text(self, text: str, plain: str) -> None:
        assert remove_html(text, Subject("", [text])).text == plain

    def test_a_block_of_code_becomes_a_fence_and_keeps_its_tags(self) -> None:
        text = "<p>Run:</p><pre><code>if a &lt; b:\n    go()</code></pre><p>Done.</p>"
        plain = remove_html(text, Subject("", [text])).text
        assert (
            plain == "Run:\n\n```\nif a < b:\n    go()\n```\nDone."
            or "```\nif a < b:\n    go()\n```" in plain
        )
        assert remove_html(plain, Subject("", [plain])).text == plain

    @pytest.mark.parametrize(
        "text",
        [
            "Dear <name>, mail <EMAIL> or <noinput>.",
            "您好<姓名>，请联系<客服>。",
            "List<String> and Map<B, I> and vector<p> v",
            "if a < b and c > d then a <b",
            "x <p and q> y",
            "https://example.org/?a=1&copy=2&lt=3",
            "R&D; AT&T; 赵&钱;",
            "<s>[INST] hi [/INST]</s>",
            "<|im_start|>user",
            "```html\n<p>a&nbsp;b</p><br>\n```",
            "use `<br>` or `&nbsp;` here",
            "an unclosed ```\n<p>fence</p>",
            "<script>never closed",
            "<!-- never closed <",
            "<user>你好</user><bot>您好</bot>",
        ],
    )
    def test_what_is_no_leftover_stays(self, text: str) -> None:
        assert remove_html(text, Subject("", [text])).text == text

    @pytest.mark.parametrize(
        ("prompt", "text"),
        [
            ("Write a paragraph in HTML.", "<p>Hello</p>"),
            ("Which tag makes text bold?", "<b>bold</b>"),
            ("Highlight the nouns.", 'The <span style="color:red">cat</span> sat.'),
            ("用网页代码写一段话", "<p>你好</p>"),
            ("把这句话加粗", "<b>你好</b>"),
            ("How do I unescape XML?", "Replace &lt; by <"),
            ("", "<!DOCTYPE html><html><body><p>x</p></body></html>"),
            ("", '<form action="/x"><input name="a"><br></form>'),
            ("", 'Use "<br>" to break a line.<br>'),
            ("", "The <b> tag is bold: <b>so</b>"),
            ("", "标签 <p>标签 表示段落</p>"),
            ("", "Set it with CSS: <p style='color:red'>x</p>"),
            ("", "Write &lt;br&gt; to get a break:<br>"),
            ("", "<layout><p>x</p></layout>"),
            ("", "def page(x):\n    return '<p>' + x\nprint(page('<br>'))"),
            ("", "{{ user }}<br>"),
        ],
    )
    def test_a_record_about_markup_or_code_is_left_alone(self, prompt: str, text: str) -> None:
        assert remove_html(text, Subject(prompt, [prompt, text])).text == text

    def test_a_text_that_is_nothing_but_a_tag_is_not_emptied(self) -> None:
        text = '<img src="https://example.org/a.png">'
        assert remove_html(text, Subject("", [text])).text == text

    def test_the_counts_tell_tags_from_entities(self) -> None:
        text = "<p>a&nbsp;b</p>"
        assert remove_html(text, Subject("", [text])).counts == {"tags": 2, "entities": 1}


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


class TestCut:
    def test_a_text_may_end_after_a_sentence_or_line_but_not_after_a_title(self) -> None:
        text = "Dr. Lee came. He sat.\nThen 3.5 hours passed! Fine"
        assert [text[:point] for point in cut_points(text)] == [
            "Dr. Lee came.",
            "Dr. Lee came. He sat.",
            "Dr. Lee came. He sat.\nThen 3.5 hours passed!",
        ]

    def test_chinese_sentences_end_at_their_own_marks(self) -> None:
        text = "他来了。“坐吧！”她说：好；然后"
        assert [text[:point] for point in cut_points(text)] == [
            "他来了。",
            "他来了。“坐吧！”",
            "他来了。“坐吧！”她说：好；",
        ]

    def test_no_text_ends_within_a_code_fence(self) -> None:
        text = "Run.\n```\na = 1\nb = 2\n```\nDone. Good."
        ends = [text[:point] for point in cut_points(text)]
        assert ends == ["Run.", "Run.\n```\na = 1\nb = 2\n```", "Run.\n```\na = 1\nb = 2\n```\nDone."]

    @pytest.mark.parametrize(
        ("room", "kept"), [(100, "甲。乙。丙。"), (5, "甲。乙。"), (2, "甲。"), (1, None)]
    )
    def test_the_longest_beginning_that_fits_is_kept(self, room: int, kept: str | None) -> None:
        assert cut_to("甲。乙。丙。丁", lambda text: len(text) <= room) == kept


def test_words_are_counted_only_as_far_as_needed() -> None:
    assert has_tokens(["", "one two"], 2)
    assert not has_tokens(["", "one two"], 3)
    assert not has_tokens(["…", " \n"], 1)
    assert has_tokens([], 0)
