"""Plain text: what a unit is, marked questions, and line ends that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.ingest import FORMATS, SourceSpec
from pipeline.ingest.formats import worth_reading
from pipeline.ingest.text import text_unit
from pipeline.ingest.units import Bad, Unit


def units(path: Path, data: bytes, **options: object) -> list[Unit | Bad]:
    path.write_bytes(data)
    spec = SourceSpec.model_validate({"name": "s", "path": str(path), **options})
    return list(FORMATS["text"].read(path, spec))


WRAPPED = "这是一段在五十个字符左右由程序折行的文字它没有空行所以整个文件是一个单元而不是许多行\n" * 6
LINES = "Tea is hot.\nCoffee is black.\n水是透明的。\n"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("One.\nstill one\n\nTwo.\n", "paragraph"),
        (LINES, "line"),
        (WRAPPED, "file"),
        ("Q: a?\nA: b\n", "question and answer"),
        ("问：多久？\n答：三分钟\n", "question and answer"),
        ("", "paragraph"),
    ],
)
def test_the_start_of_a_text_tells_its_units(text: str, unit: str) -> None:
    assert text_unit(text.encode()) == unit


@pytest.mark.parametrize(
    ("question", "answer"), [("Q: Which kettle?", "Answer: The red one."), ("问：哪个水壶？", "答：红色的。")]
)
def test_a_question_and_an_answer_far_into_a_text_make_it_no_faq(question: str, answer: str) -> None:
    before, between = ["It rained.\n"] * 90, ["水很烫。\n"] * 70
    assert text_unit("".join([*before, question, "\n", *between, answer, "\n"]).encode()) == "line"
    faq = [*before[:20], *[f"{question}\n{answer}\n", *between[:40]] * 3]
    assert text_unit("".join(faq).encode()) == "question and answer"


@pytest.mark.parametrize(
    ("unit", "lines"), [("auto", [1, 4]), ("paragraph", [1, 4]), ("line", [1, 2, 4]), ("file", [1])]
)
def test_the_recipe_can_say_the_unit(tmp_path: Path, unit: str, lines: list[int]) -> None:
    found = units(tmp_path / "a.txt", "一。\r\n二。\r\n\r\nThree.\r\n".encode(), unit=unit)
    assert [u.line for u in found] == lines
    assert "\r" not in str(found)


def test_marked_questions_are_pairs_and_the_rest_is_accounted_for(tmp_path: Path) -> None:
    data = "Intro\n\nQ1: How long?\nA: Ten.\nAnd more.\n\n问：为什么？答：因为。\n问题2：没有答案？\n"
    found = units(tmp_path / "a.txt", data.encode())
    assert [(u.line, u.reason if isinstance(u, Bad) else tuple(u.value.values())) for u in found] == [
        (1, "ingest.section.no_question"),
        (3, ("How long?", "Ten.\nAnd more.")),
        (7, ("为什么？", "因为。")),
        (8, "ingest.question.unanswered"),
    ]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = "a\u2028b\x85c\x0bd\x0ce.\nnext.\n"
    found = units(tmp_path / "a.txt", text.encode(), unit="line")
    assert [u.value["text"] for u in found if isinstance(u, Unit)] == ["a\u2028b\x85c\x0bd\x0ce.", "next."]


def test_bad_bytes_and_long_units_cost_themselves_alone(tmp_path: Path) -> None:
    data = "一。\n\n".encode() + b"\xff\xfe bad\n\n" + b"long " * 1000 + b"\n" + b"more\n\nlast.\n"
    found = units(tmp_path / "a.txt", data, max_unit_bytes=1000, encoding="utf-8", unit="paragraph")
    assert [(u.line, u.reason if isinstance(u, Bad) else u.value["text"]) for u in found] == [
        (1, "一。"), (3, "ingest.encoding.invalid"), (5, "ingest.unit.too_large"), (8, "last."),
    ]  # fmt: skip


def test_one_line_of_any_length_is_never_held(tmp_path: Path) -> None:
    found = units(tmp_path / "a.txt", b"x" * 3_000_000, max_unit_bytes=1000, unit="file")
    assert [u.reason for u in found if isinstance(u, Bad)] == ["ingest.unit.too_large"]


def test_a_folder_is_read_for_its_data() -> None:
    data = ["a.jsonl", "README.md", "notes.txt", "LICENSE.txt"]
    assert worth_reading(data) == ["a.jsonl"]
    assert worth_reading(["guide/a.md", "README.md", "SOURCE.txt"]) == ["guide/a.md"]
    assert worth_reading(["README.md", "README_zh.md", "SOURCE.txt"]) == ["README.md", "README_zh.md"]
    assert worth_reading(["a.txt", "b.txt", "LICENSE.txt"]) == ["a.txt", "b.txt"]
    assert worth_reading(["LICENSE.txt"]) == ["LICENSE.txt"]
