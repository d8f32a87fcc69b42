"""XML: records found, joined and counted, and everything dangerous refused."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from ingested import Read, rejects

from pipeline.errors import SourceError
from pipeline.ingest import FORMATS, SourceSpec
from pipeline.ingest.units import Bad, Unit


def units(path: Path, data: str, **options: object) -> list[Unit | Bad]:
    path.write_bytes(data.encode())
    spec = SourceSpec.model_validate({"name": "src", "path": str(path), **options})
    return list(FORMATS["xml"].read(path, spec))


def test_question_pairs_keep_what_stands_around_them(read: Read) -> None:
    text = """<?xml version="1.0"?>
<Document id="7" url="https://example.org/tea"><Focus>茶</Focus>
<Tags><Tag>a</Tag><Tag>b</Tag><Tag>c</Tag></Tags>
<QAPairs>
<QAPair pid="1"><Question qtype="time">How long?</Question><Answer>Three minutes.</Answer></QAPair>
<QAPair pid="2"><Question qtype="heat">多热？</Question><Answer/></QAPair>
</QAPairs></Document>"""
    report, rows = read("a.xml", text.encode())
    assert [(row["instruction"], row["output"], row["line"]) for row in rows] == [
        ("How long?", "Three minutes.", 5)
    ]
    assert rejects(report) == [(6, "ingest.question.unanswered")]
    for told in (
        '"Document.url":"https://example.org/tea"',
        '"Document.Focus":"茶"',
        '"Question.qtype":"time"',
    ):
        assert told in rows[0]["meta"]


def test_the_indent_that_the_markup_gives_a_text_is_none_of_its_own(tmp_path: Path) -> None:
    layout = "Key Points\n{0}- 茶很烫。\n\n{0}  - Wait.\n{0}"
    code = "def pour(tea):\n    return tea"
    text = "".join(
        f"<QA><Question>q{n}</Question><Answer>{answer}</Answer></QA>"
        for n, answer in enumerate((layout.format(" " * 16), layout.format("\t" * 8), code))
    )
    answers = [
        unit.value["Answer"]
        for unit in units(tmp_path / "a.xml", f"<All>{text}</All>")
        if isinstance(unit, Unit)
    ]
    assert answers == ["Key Points\n- 茶很烫。\n\n  - Wait."] * 2 + [code]


def test_the_record_is_the_repeated_element_with_most_text_or_the_named_one(tmp_path: Path) -> None:
    text = (
        "<lib><keys><k>a</k><k>b</k><k>c</k></keys><books>"
        "<book><title>T1</title><page>long text one</page><page>and two</page></book>"
        "<book><title>T2</title><page>more</page></book></books></lib>"
    )
    found = units(tmp_path / "a.xml", text)
    assert [unit.value["title"] for unit in found if isinstance(unit, Unit)] == ["T1", "T2"]
    pages = units(tmp_path / "a.xml", text, record="book/page")
    assert [unit.value["text"] for unit in pages if isinstance(unit, Unit)] == [
        "long text one",
        "and two",
        "more",
    ]
    with pytest.raises(SourceError, match="has no element chapter") as caught:
        units(tmp_path / "a.xml", text, record="chapter")
    assert "lib/books/book" in caught.value.message


def test_translation_units_give_a_column_for_each_language(tmp_path: Path) -> None:
    text = """<tmx version="1.4"><header srclang="en"/><body>
<tu tuid="1"><tuv xml:lang="en"><seg>Drink <bpt i="1">&lt;b&gt;</bpt>tea</seg></tuv>
<tuv xml:lang="zh"><seg>喝茶</seg></tuv></tu>
<tu tuid="2"><tuv xml:lang="en"><seg>Wait</seg></tuv><tuv xml:lang="zh"><seg>等</seg></tuv></tu></body></tmx>"""
    values = [unit.value for unit in units(tmp_path / "a.tmx", text) if isinstance(unit, Unit)]
    assert [(value["en"], value["zh"], value["tuid"]) for value in values] == [
        ("Drink tea", "喝茶", "1"),
        ("Wait", "等", "2"),
    ]


POSTS = """<?xml version="1.0"?><!DOCTYPE posts SYSTEM 'posts.dtd'>
<posts>
<row Id="1" PostTypeId="1" AcceptedAnswerId="4" Title="Which grind?" Body="For a filter." Tags="|grind|filter|"/>
<row Id="2" PostTypeId="1" Title="水温？" Body="&lt;p&gt;泡绿茶&lt;/p&gt;" Score="1"/>
<row Id="3" PostTypeId="2" ParentId="1" Score="90" Body="&lt;p&gt;Fine.&lt;/p&gt;"/>
<row Id="4" PostTypeId="2" ParentId="1" Score="3" Body="&lt;p&gt;Medium:&lt;/p&gt;&lt;pre&gt;a &lt; b&lt;/pre&gt;"/>
<row Id="5" PostTypeId="2" ParentId="2" Score="1" Body="&lt;p&gt;沸水&lt;/p&gt;"/>
<row Id="6" PostTypeId="2" ParentId="2" Score="5" Body="&lt;p&gt;八十度&lt;/p&gt;"/>
<row Id="7" PostTypeId="1" Title="Nobody knows?" Body="&lt;p&gt;x&lt;/p&gt;"/>
<row Id="8" PostTypeId="2" ParentId="99" Body="&lt;p&gt;lost&lt;/p&gt;"/>
<row Id="9" PostTypeId="5" Body="wiki"/>
</posts>"""


def test_a_question_is_joined_with_its_accepted_else_its_best_answer(read: Read) -> None:
    report, rows = read("Posts.xml", POSTS.encode())
    assert [(row["instruction"], row["output"]) for row in rows] == [
        ("Which grind?\n\nFor a filter.", "Medium:\n\n```\na < b\n```"),
        ("水温？\n\n泡绿茶", "八十度"),
    ]
    assert '"accepted":true' in rows[0]["meta"]
    assert '"answers":2' in rows[0]["meta"]
    assert '"topics":["grind","filter"]' in rows[0]["meta"]
    assert sorted(rejects(report)) == [
        (9, "ingest.question.unanswered"),
        (10, "ingest.answer.no_question"),
        (11, "ingest.post.other"),
    ]


LAUGHS = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><a><b>&y;</b><b>&y;</b></a>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b><b/></a>'
PARAMETER = '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://localhost/e.dtd"> %x;]><a><b>t</b></a>'


@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE, PARAMETER])
@pytest.mark.parametrize("keep", ["fail", "keep"])
def test_entities_are_never_expanded(read: Read, text: str, keep: str) -> None:
    with pytest.raises(SourceError, match="declares entities") as caught:
        read("a.xml", text.encode(), on_broken_file=keep)
    assert "xmllint" in caught.value.hint


def test_names_that_html_has_are_read_where_a_dtd_is_only_named(tmp_path: Path) -> None:
    text = '<!DOCTYPE a SYSTEM "a.dtd"><a><b>x&eacute;y</b><b>&unknown;</b></a>'
    assert [unit.value["text"] for unit in units(tmp_path / "a.xml", text) if isinstance(unit, Unit)] == [
        "xéy",
        "&unknown;",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<a><b>1</b><b>2</b>", "ends before its XML does"),
        ("<a><b>1</b><b>2</c></a>", "not well-formed"),
        ("plain words", "is no XML"),
        ("\x01\x02\x03", "is no XML"),
    ],
)
def test_damage_is_told_with_its_line(read: Read, text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told):
        read("a.xml", text.encode())


def test_units_before_the_damage_can_be_kept(read: Read) -> None:
    pairs = [
        f"<q><question>{asked}</question><answer>{number}</answer></q>\n"
        for number, asked in enumerate("一二", 1)
    ]
    text = f"<a>\n{''.join(pairs)}<q>"
    report, rows = read("a.xml", text.encode(), on_broken_file="keep")
    assert [row["output"] for row in rows] == ["1", "2"]
    assert rejects(report) == [(4, "ingest.file.truncated")]


def test_large_and_deep_records_cost_themselves_alone(tmp_path: Path) -> None:
    deep = "<c>" * 150 + "x" + "</c>" * 150
    text = f"<a>\n<b>one</b>\n<b>{'y' * 5000}</b>\n<b>{deep}</b>\n<b>two</b></a>"
    found = units(tmp_path / "a.xml", text, max_unit_bytes=1000, record="a/b")
    assert [unit.reason if isinstance(unit, Bad) else unit.value["text"] for unit in found] == [
        "one", "ingest.unit.too_large", "ingest.unit.too_deep", "two",
    ]  # fmt: skip


def test_a_declared_encoding_is_believed_where_the_bytes_are_not_utf8(read: Read) -> None:
    text = (
        '<?xml version="1.0" encoding="GB2312"?><a><b><question>茶？</question><answer>绿茶</answer></b></a>'
    )
    _, rows = read("a.xml", text.encode("gb18030"))
    assert [(row["instruction"], row["output"]) for row in rows] == [("茶？", "绿茶")]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    with path.open("wb") as file:
        file.write(b"<a>")
        for number in range(100_000):
            file.write(b"<b><question>q%d</question><answer>%s</answer></b>" % (number, b"text " * 200))
        file.write(b"</a>")
    spec = SourceSpec(name="src", path=str(path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in FORMATS["xml"].read(path, spec)) == 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB, for 100 MB
