"""The stage in a build: what it drops, what it shows, and what its result depends on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, tasks, write_jsonl

from pipeline.errors import PipelineError, RecipeError, SourceError
from pipeline.ledger import describe, life_of
from pipeline.runners import make_runner
from pipeline.stages import evaluation_sets

ITEMS = [
    {
        "question": "A potter glazes 14 vases on Monday and twice as many on Tuesday. On Wednesday eleven of them "
        "crack in the kiln. How many glazed vases can she carry to the fair in Arnhem?",
        "answer": "She glazes 14 + 28 = 42 vases in two days, and as 11 of them crack, 42 - 11 = 31 vases are carried.",
    },
    {"question": "法国的首都是哪里？", "answer": "巴黎。"},
]
LEAKS = [
    {
        "instruction": "Please solve:\n" + ITEMS[0]["question"].lower().replace("14", "15"),
        "output": "31, I think.",
    },
    {"instruction": "Tell me about vases.", "output": "Well. " + ITEMS[0]["answer"]},
    {"instruction": "请简短回答。", "input": "法国的首都是哪里？", "output": "是巴黎这座城市。"},
]


@pytest.fixture
def leaking(corner: Corner) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", [*tasks(12), *LEAKS])
    write_jsonl(corner.folder / "exams" / "exam.jsonl", ITEMS)
    return corner


def stage(extra: str = "") -> str:
    return f"[{{stage: decontaminate, against: exams/exam.jsonl{extra}}}]"


def rows(folder: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / "records.parquet").to_pylist())


def test_records_that_hold_a_passage_are_dropped_and_the_passage_is_shown(leaking: Corner) -> None:
    out = leaking.build(leaking.plan(stage()))
    dropped = [row for row in rows(out) if row["status"] == "dropped"]
    assert sorted(row["instruction"] for row in dropped) == sorted(leak["instruction"] for leak in LEAKS)
    assert {row["drop_reason"] for row in dropped} == {"gate.contamination.overlap"}
    ledger = {
        row["id"]: json.loads(row["evidence"]) for row in pq.read_table(out / "ledger.parquet").to_pylist()
    }
    by_text = {row["instruction"]: ledger[row["id"]] for row in dropped}
    asked = by_text[LEAKS[0]["instruction"]]
    assert (asked["set"], asked["item"], asked["line"], asked["side"]) == ("exam", 1, 1, "prompt")
    assert 0.8 < asked["value"] < 0.99 and asked["threshold"] == 0.5
    text = LEAKS[0]["instruction"]
    assert text[asked["start"] : asked["stop"]].startswith("a potter") and asked["field"] == "instruction"
    assert (by_text["Tell me about vases."]["side"], by_text["Tell me about vases."]["field"]) == (
        "response",
        "output",
    )
    short = by_text["请简短回答。"]
    assert (short["whole_item"], short["field"], short["start"], short["stop"]) == (True, "input", 0, 8)
    told = "\n".join(describe(life_of(out, dropped[0]["id"])))
    assert "potter" in told or "法国" in told or "vases" in told
    manifest = json.loads((out / "manifest.json").read_text())
    assert [(g["name"], g["held"], g["value"]) for g in manifest["gates"]] == [("contamination", True, 0)]
    assert manifest["stages"][1]["notes"]["against"] == ["exam: 2 items"]


def test_flag_and_measure_keep_the_record_and_the_gate_falls_short(leaking: Corner) -> None:
    out = leaking.build(leaking.plan(stage(", action: flag")), "flagged")
    flagged = [row for row in rows(out) if row["flags"]]
    assert len(flagged) == 3 and all(row["status"] == "kept" for row in flagged)
    assert json.loads((out / "manifest.json").read_text())["gates"][0]["held"] is False
    out = leaking.build(leaking.plan(stage(", action: measure")), "measured")
    assert sum(row["contamination"] >= 0.5 for row in rows(out)) == 3
    assert not any(row["flags"] for row in rows(out))


def test_a_changed_test_file_changes_the_step_and_one_elsewhere_does_not(leaking: Corner) -> None:
    def key(against: str) -> str:
        return leaking.walk(
            leaking.plan(f"[{{stage: decontaminate, against: [{{path: {against}, name: e}}]}}]")
        )[1].key

    first = key("exams/exam.jsonl")
    moved = leaking.folder / "elsewhere" / "exam.jsonl"
    moved.parent.mkdir()
    moved.write_bytes((leaking.folder / "exams" / "exam.jsonl").read_bytes())
    assert key("elsewhere/exam.jsonl") == first
    write_jsonl(
        leaking.folder / "exams" / "exam.jsonl", [*ITEMS, {"question": "何时日出？", "answer": "六点。"}]
    )
    assert key("exams/exam.jsonl") != first


def test_a_missing_test_file_is_told_before_any_work(leaking: Corner) -> None:
    with pytest.raises(SourceError, match=r"exams/none\.jsonl does not exist"):
        leaking.plan("[{stage: decontaminate, against: exams/none.jsonl}]")
    assert not (leaking.folder / ".build").exists()


def test_a_test_file_that_cannot_be_read_is_told(leaking: Corner) -> None:
    (leaking.folder / "bad.jsonl").write_text(
        '{"question": "Why?", "answer": "So."}\n{broken\n', encoding="utf-8"
    )
    with pytest.raises(PipelineError, match="1 of 2 units"):
        leaking.walk(leaking.plan("[{stage: decontaminate, against: bad.jsonl}]"))


def test_a_file_changed_after_the_plan_is_told(leaking: Corner) -> None:
    planned = leaking.plan(stage(", name: changed"))
    write_jsonl(
        leaking.folder / "exams" / "exam.jsonl", [{"question": "Another question?", "answer": "Yes."}]
    )
    evaluation_sets._loaded.cache_clear()  # as in a worker, which has read nothing yet
    with pytest.raises(SourceError, match="was changed while it was read"):
        leaking.walk(planned)


def test_without_a_set_nothing_is_measured(leaking: Corner) -> None:
    out = leaking.build(leaking.plan("[{stage: decontaminate}]"))
    gate = json.loads((out / "manifest.json").read_text())["gates"][0]
    assert (gate["held"], gate["value"]) == (None, None)
    assert "not measured" in gate["sentence"]
    assert all(row["status"] == "kept" for row in rows(out))


def test_a_moved_threshold_measures_nothing_again(leaking: Corner) -> None:
    first = leaking.walk(leaking.plan(stage()))[1]
    second = leaking.walk(leaking.plan(stage(", threshold: 0.99")))[1]
    assert first.used == second.used and first.fits == second.fits
    assert second.lost < first.lost


def test_a_threshold_below_what_is_reported_is_a_mistake_in_the_recipe(leaking: Corner) -> None:
    with pytest.raises(RecipeError, match=r"greater than or equal to 0\.2"):
        leaking.plan(stage(", threshold: 0.1"))


def test_another_process_finds_the_same(leaking: Corner, tmp_path: Path) -> None:
    write_jsonl(
        leaking.folder / "manual.jsonl", [{"text": f"Keep the kettle and ladder {n} dry."} for n in range(4)]
    )
    stages = (
        "[{stage: decontaminate, against: exams}, {stage: coverage, reference: manual.jsonl}, {stage: balance, by:"
        " source, targets: equal, how: weight}]"
    )
    found = []
    for number, kind in enumerate(("serial", "processes")):
        corner = Corner(tmp_path / kind)
        shutil.copytree(leaking.folder, corner.folder, ignore=shutil.ignore_patterns("serial", "processes"))
        with make_runner(kind, 1, 0) as runner:
            out = corner.build(corner.plan(stages), f"out{number}", runner)
        found.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert found[0] == found[1]
    assert json.loads(found[0][Path("manifest.json")])["gates"][1]["value"] is not None


def test_the_question_of_a_multiple_choice_item_is_found_without_its_options(corner: Corner) -> None:
    asked = "Which gas do plants absorb during photosynthesis in daylight?"
    item = {"prompt": f"{asked}\nA. oxygen\nB. carbon dioxide\nC. nitrogen\nD. helium", "answer": "B"}
    write_jsonl(corner.folder / "exam.jsonl", [item])
    write_jsonl(
        corner.folder / "data.jsonl", [*tasks(6), {"instruction": asked, "output": "Carbon dioxide."}]
    )
    result = corner.walk(corner.plan("[{stage: decontaminate, against: exam.jsonl}]"))[1]
    assert result.lost == 1
