"""Which leftovers of HTML become plain text, and which tags are content."""

from __future__ import annotations

import time

import pytest

from quality.normalise import Subject, remove_html


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
        assert plain == "Run:\n\n```\nif a < b:\n    go()\n```\n\nDone."
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

    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("<p>Bake it.<!-- <oven><url>x</url></oven> --></p>\n<p>Cool it.</p>", "Bake it.\n\nCool it."),
            (
                "<p>烤好。<!--###meta###\n<page>\n<title>面包</title>\n</page>\n--></p><p>放凉。</p>",
                "烤好。\n\n放凉。",
            ),
            ("<b>One</b><!-- <form> --> and <!-- </html> --><i>two</i>", "One and two"),
        ],
    )
    def test_tags_inside_a_comment_do_not_make_the_text_one_about_markup(self, text: str, plain: str) -> None:
        assert remove_html(text, Subject(texts=(text,))).text.strip() == plain

    @pytest.mark.parametrize(
        "text",
        [
            "<oven><p>Bake it.</p></oven><!-- hot -->",
            "<p>Bake it.</p> <!-- <oven></oven>",
            "Write <form> and then <!-- a note --> behind it, <b>bold</b>.",
        ],
    )
    def test_tags_outside_a_comment_still_tell_what_a_text_is_about(self, text: str) -> None:
        assert remove_html(text, Subject(texts=(text,))).text == text

    def test_comments_that_never_end_take_time_in_proportion(self) -> None:
        text = "--><!-- <b>x</b> " * 20_000 + "<!-- " * 20_000
        start = time.perf_counter()
        remove_html(text, Subject(texts=(text,)))
        assert time.perf_counter() - start < 3
