"""`python -m quality review`: what waits for people, and what is wrong with their files before a build reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from quality.__main__ import app

ROOTS = [f"{n:024x}" for n in range(12)]


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"root": ROOTS[number], "text_key": f"{number:032x}", "sample": number < 10, "flags": [], **more}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "review").mkdir()
    rows = [*(row(n) for n in range(10)), row(10, flags=["review.tie"])]
    lines = "".join(json.dumps(each) + "\n" for each in rows)
    (tmp_path / "review" / "queue.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


def decisions(build: Path, *rows: dict[str, Any] | str) -> Path:
    lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in rows]
    path = build / "answers.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def run(*args: object) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["review", *map(str, args)])
    return told.exit_code, told.output


def test_the_queue_is_summed_up(build: Path) -> None:
    code, told = run(build)
    assert code == 0
    assert "11 records, 10 drawn at random, 1 flagged" in told


def test_sound_answers_are_measured(build: Path) -> None:
    said = [
        row(n, annotator=who, decision="accept" if n else "拒绝") for n in range(10) for who in ("一", "二")
    ]
    code, told = run(build, decisions(build, *said))
    assert code == 0, told
    assert "20 decisions on 10 texts" in told
    assert "label consistency 0.900 (9 of 10, 95 % interval 0.596 to 0.982)" in told
    assert "alpha 1.000" in told


def test_what_is_wrong_is_named_and_ends_with_1(build: Path) -> None:
    said = [
        row(1, annotator="a", decision="accept"),
        row(1, annotator="a", decision="reject"),
        row(2, annotator="a", decision="accept", text_key="f" * 32),
        row(11, annotator="a", decision="accept"),
        row(3, annotator="a", decision="accept"),
        row(3, annotator="b", decision="reject"),
    ]
    code, told = run(build, decisions(build, "{", *said))
    assert code == 1
    assert "broken row answers.jsonl:1: not valid JSON" in told
    assert "two answers of one person: answers.jsonl:2, then answers.jsonl:3, which counts" in told
    assert f"1 on a text that the record no longer has (corrected since?), first {ROOTS[2]}" in told
    assert "1 on records that are not in this queue" in told
    assert "1 ties" in told


def test_a_folder_without_a_queue_and_a_file_that_is_not_there_are_errors(build: Path) -> None:
    code, told = run(build / "nowhere")
    assert (code, "holds no review/queue.jsonl" in told) == (1, True)
    code, told = run(build, build / "missing.jsonl")
    assert (code, "missing.jsonl" in told) == (1, True)
