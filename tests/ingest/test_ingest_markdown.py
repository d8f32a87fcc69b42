"""Markdown: FAQ or handbook, fences whole, folded answers, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingested import Read, rejects

from pipeline.ingest import FORMATS, SourceSpec
from pipeline.ingest.markdown_answers import is_question, plain_title
from pipeline.ingest.units import Bad, Unit


def units(path: Path, text: str) -> list[Unit | Bad]:
    path.write_bytes(text.encode())
    return list(FORMATS["markdown"].read(path, SourceSpec(name="s", path=str(path))))


def values(path: Path, text: str) -> list[dict[str, object]]:
    return [unit.value for unit in units(path, text) if isinstance(unit, Unit)]


FAQ = """# Tea FAQ
Read this first.

## Brewing
### 1. How long does it take?
Three minutes.

```sh
# not a heading
```
#### Details
More of the answer.

### 2. 水温多少？
八十度。
**[⬆ Back to Top](#tea-faq)**

---
### 3. Why not?
"""


def test_a_faq_gives_questions_with_all_that_is_below_them(read: Read) -> None:
    report, rows = read("faq.md", FAQ.encode())
    assert [(row["line"], row["instruction"], row["output"]) for row in rows] == [
        (
            5,
            "How long does it take?",
            "Three minutes.\n\n```sh\n# not a heading\n```\n#### Details\nMore of the answer.",
        ),
        (14, "水温多少？", "八十度。"),
    ]
    assert rows[0]["meta"] == '{"section":"Tea FAQ > Brewing"}'
    assert rejects(report) == [(1, "ingest.section.no_question"), (19, "ingest.question.unanswered")]


def test_a_handbook_gives_its_sections(tmp_path: Path) -> None:
    text = "---\ntitle: Tea\nlang: en\n---\nHello.\n\nKettles\n=======\n\nSteel.\n\n"
    text += "## 清洗 ##\n\n每周一次。\n\n## Empty\n\n### Inner\nText.\n"
    found = values(tmp_path / "a.md", text)
    assert [(value.get("title"), value["text"], value.get("section")) for value in found] == [
        (None, "Hello.", None), ("Kettles", "Steel.", None), ("清洗", "每周一次。", "Kettles"),
        ("Inner", "Text.", "Kettles > Empty"),
    ]  # fmt: skip
    assert found[0]["front_matter"] == {"title": "Tea", "lang": "en"}


@pytest.mark.parametrize("summary", ["<b>Answer</b>", "答案", "Show the solution", "查看答案"])
def test_a_folded_answer_splits_the_body(tmp_path: Path, summary: str) -> None:
    text = "".join(
        f"###### {n}. 输出什么？\n\n```js\nlog({n})\n```\n- A: 1\n\n<details><summary>{summary}</summary>\n<p>\n\n"
        f"#### It is {n}\n\nBecause.\n\n</p>\n</details>\n\n---\n\n"
        for n in (1, 2)
    )
    assert values(tmp_path / "a.md", text) == [
        {"question": f"输出什么？\n\n```js\nlog({n})\n```\n- A: 1", "answer": f"#### It is {n}\n\nBecause."}
        for n in (1, 2)
    ]


def test_folded_questions_are_pairs(tmp_path: Path) -> None:
    text = "# FAQ\n<details>\n<summary>Is it hot?</summary>\n\nYes.\n</details>\n"
    text += "<details><summary>苦吗？</summary>不苦。</details>\n"
    assert values(tmp_path / "a.md", text) == [
        {"question": "Is it hot?", "answer": "Yes.", "section": "FAQ"},
        {"question": "苦吗？", "answer": "不苦。", "section": "FAQ"},
    ]  # fmt: skip


def test_numbered_items_can_be_headings_and_lose_their_indent(tmp_path: Path) -> None:
    text = "1. ### What is tea?\n\n    A drink.\n\n        code\n\n    ### Part of it\n\n"
    text += "2. ### What is coffee?\n\n    Another.\n"
    found = values(tmp_path / "a.md", text)
    assert [(value["question"], value["answer"]) for value in found] == [
        ("What is tea?", "A drink.\n\n    code\n\n### Part of it"), ("What is coffee?", "Another."),
    ]  # fmt: skip


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_nothing_inside_a_fence_is_a_heading(tmp_path: Path, fence: str) -> None:
    inner = "``" if fence != "````" else "```"
    text = f"# One\n{fence}md\n# no heading\n{inner}\n<!-- kept -->\n{fence}\n<!-- # gone\n# gone -->\n# Two\nend\n"
    found = values(tmp_path / "a.md", text)
    assert [value["title"] for value in found] == ["One", "Two"]
    assert found[0]["text"] == f"{fence}md\n# no heading\n{inner}\n<!-- kept -->\n{fence}"


def test_titles_lose_their_marks_and_questions_are_known() -> None:
    assert plain_title("**Q1: [Why](#why) `a_b*` is *so*?**") == "Why `a_b*` is so?"
    assert plain_title("3.2、 水温") == "水温"
    assert [is_question(t) for t in ("What is tea", "Tea", "如何泡茶", "泡茶", "Q: tea", "Who")] == [
        True, False, True, False, True, False,
    ]  # fmt: skip


def test_bad_bytes_long_sections_and_empty_files(read: Read, tmp_path: Path) -> None:
    data = b"# A\nok\n# B\n" + b"long " * 1000 + b"\n# C\nlast\n"
    report, rows = read("a.md", data, max_unit_bytes=1000, columns={"output": "text"})
    assert ([row["output"] for row in rows], rejects(report)) == (
        ["ok", "last"],
        [(3, "ingest.unit.too_large")],
    )
    report, rows = read(
        "b.md",
        b"# A\nok\n# B\n\xff bad\n# C\nlast\n" + "茶".encode() * 50,
        encoding="utf-8",
        columns={"output": "text"},
    )
    assert (len(rows), rejects(report)) == (2, [(3, "ingest.encoding.invalid")])
    assert units(tmp_path / "c.md", "\n\n") == []


def test_awkward_lines_take_no_time(tmp_path: Path) -> None:
    text = (
        "# Why?\n"
        + "*_>" * 3000
        + "\n"
        + "[" * 3000
        + "\n"
        + "| " * 3000
        + "x\n"
        + "<details>" * 200
        + "\n`"
        + "``` " * 500
    )
    assert len(units(tmp_path / "a.md", text)) == 1
