"""Web pages: marked questions, main text, and the encoding that a page declares."""

from __future__ import annotations

import pytest
from ingested import Read, rejects

from pipeline.ingest.html_text import html_to_text

MENU = '<nav><a href="/">Home</a> <a href="/x">Shop</a></nav>'
PAGE = f"""<!DOCTYPE html><html><head><title>Kettles</title></head><body>{MENU}<main><article><h1>Kettles</h1>
<p>Hard water leaves chalk in a kettle, which slows the boil and flakes into the tea after a while.</p>
<p>A weak acid dissolves it within half an hour; rinse twice and boil once more before the next pot.</p>
</article></main><footer>All rights reserved</footer></body></html>"""
PAGE_ZH = """<html><head><meta charset="gb2312"><title>水壶</title></head>
<body><div class="nav"><a href="/">首页</a></div>
<div class="content"><h1>水壶</h1>
<p>硬水会在水壶里留下水垢，烧水变慢，水垢还会掉进茶里，用一点弱酸泡上半个小时就能溶解。</p>
<p>准备两勺柠檬酸和一升水，把水壶装满，烧开一次，等三十分钟，再冲洗两遍即可，每两个星期做一次。</p></div></body></html>"""


@pytest.mark.parametrize(
    ("data", "title", "has", "lacks"),
    [
        (PAGE.encode(), "Kettles", "A weak acid", "Shop"),
        (PAGE_ZH.encode("gb18030"), "水壶", "柠檬酸", "首页"),
    ],
)
def test_a_page_gives_its_title_and_main_text(
    read: Read, data: bytes, title: str, has: str, lacks: str
) -> None:
    _, rows = read("a.html", data, columns={"input": "title", "output": "text"})
    assert rows[0]["input"] == title
    assert has in rows[0]["output"]
    assert lacks not in rows[0]["output"]


LD = """<script type="application/ld+json">{"@type":"FAQPage","mainEntity":[
{"@type":"Question","name":"How hot?","acceptedAnswer":{"@type":"Answer","text":"<p>Eighty &amp; less</p>"}},
{"@type":"Question","name":"多久？","acceptedAnswer":{"@type":"Answer","text":"三分钟"}}]}</script>"""
MICRODATA = """<div itemscope itemtype="https://schema.org/FAQPage">
<div itemscope itemprop="mainEntity" itemtype="https://schema.org/Question">
<h3 itemprop="name">How hot?</h3>
<div itemscope itemprop="acceptedAnswer" itemtype="https://schema.org/Answer">
<p itemprop="text">Eighty &amp; less</p></div></div>
<div itemscope itemprop="mainEntity" itemtype="https://schema.org/Question">
<h3 itemprop="name">多久？</h3>
<div itemscope itemprop="acceptedAnswer" itemtype="https://schema.org/Answer">
<p itemprop="text">三分钟</p></div></div></div>"""
DETAILS = (
    "<details><summary>How hot?</summary><p>Eighty &amp; less</p></details>"
    "<details><summary>多久？</summary>三分钟</details>"
)
TERMS = "<dl><dt>How hot?</dt><dd>Eighty &amp; less</dd><dt>多久？</dt><dd>三分钟</dd></dl>"
HEADINGS = "<h2>How hot?</h2><p>Eighty &amp; less</p><h2>多久？</h2><p>三分钟</p><footer>us</footer>"


@pytest.mark.parametrize("markup", [LD, MICRODATA, DETAILS, TERMS, HEADINGS])
def test_marked_questions_are_pairs(read: Read, markup: str) -> None:
    page = f'<html><head><meta charset="utf-8"></head><body>{markup}</body></html>'
    _, rows = read("a.html", page.encode())
    assert [(row["instruction"], row["output"]) for row in rows] == [
        ("How hot?", "Eighty & less"),
        ("多久？", "三分钟"),
    ]


def test_text_becomes_paragraphs_lists_tables_and_fences() -> None:
    html = (
        "<p>One <b>two</b><br>three</p><ul><li>a<ul><li>b</li></ul></li><li>c</li></ul><pre><code class='language-py'>"
        "x = 1\n  y &lt; 2</code></pre><blockquote><p>said</p></blockquote><table><tr><th>k</th><td>v</td></tr></table>"
        "<p>茶\n叶 <code>f()</code></p><script>no</script>"
    )
    assert html_to_text(html) == (
        "One two\nthree\n- a\n  - b\n- c\n\n```py\nx = 1\n  y < 2\n```\n\n> said\n\n| k | v |\n\n茶叶 `f()`"
    )


def test_pages_without_text_or_with_too_much_are_rejected(read: Read) -> None:
    report, _ = read("a.html", b"<html><body></body></html>")
    assert rejects(report) == [(1, "ingest.unit.empty")]
    report, _ = read("b.html", PAGE.encode() * 10, max_unit_bytes=1000)
    assert rejects(report) == [(1, "ingest.unit.too_large")]


def test_deep_and_broken_markup_is_survived() -> None:
    assert html_to_text("<div>" * 5000 + "deep") in ("", "deep")
    assert html_to_text("<p>a<b>c") == "ac"
    assert html_to_text("\x00\x01") == ""
