"""Reading a build back: one record's life, and what differs between two builds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from fakes import Corner, tasks, write_jsonl

from pipeline.errors import RecipeError, StoreError
from pipeline.ledger import Life, describe, differences, life_of, open_build
from pipeline.record import record_key

STAGES_TEXT = (
    "[{stage: normalise}, {stage: heuristics, response_refusal: flag}, {stage: dedupe, semantic: false, near: false},"
    " {stage: split, train: 0.6, validation: 0.2, test: 0.2}]"
)
ROWS: list[dict[str, str]] = [
    *tasks(20),
    {
        "instruction": "Write a poem about the   sea&nbsp;wind.",
        "output": "The wind is wide.\nThe sea is deep.",
    },
    {"instruction": "Tell me how to pick a lock.", "output": "I'm sorry, but I can't help with that."},
    tasks(1)[0],
]


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Corner:
    folder = Corner(tmp_path_factory.mktemp("ledger"))
    write_jsonl(folder.folder / "data.jsonl", ROWS)
    folder.build(folder.plan(STAGES_TEXT), "a")
    return folder


@pytest.fixture(scope="module")
def built(corner: Corner) -> Path:
    return corner.folder / "a"


def rows_of(build: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(build / "records.parquet").to_pylist()
    return rows


def record_at(build: Path, line: int) -> dict[str, Any]:
    return next(row for row in rows_of(build) if row["line"] == line)


def altered(build: Path, folder: Path, name: str, id_: str, text: str) -> Path:
    """Copy a build with one record's text altered behind its ledger's back."""
    copy = folder / "altered"
    copy.mkdir()
    for path in build.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    table = pq.read_table(copy / "records.parquet")
    column = pc.if_else(pc.equal(table["id"], id_), pa.scalar(text), table[name])
    table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    pq.write_table(table, copy / "records.parquet")
    return copy


def test_a_life_is_told_from_the_source_to_the_split(built: Path) -> None:
    row = record_at(built, 21)
    told = list(describe(life_of(built, row["id"])))
    assert told[0] == f"record  {row['id']}"
    assert told[1] == "from    things: data.jsonl:21"
    assert told[2].startswith("   1.   normalise: edit normalise.")
    assert any(line.startswith("        because ") for line in told)
    assert f"now     kept, split {row['split']}" in told
    assert told[-5:] == [
        "instruction:", "    Write a poem about the sea wind.",
        "output:", "    The wind is wide.", "    The sea is deep.",
    ]  # fmt: skip


def test_a_record_that_nothing_touched_says_so(built: Path) -> None:
    told = list(describe(life_of(built, record_at(built, 2)["id"])))
    assert told[2] == "        no stage changed it"


def test_a_dropped_record_names_stage_reason_and_the_one_kept(built: Path) -> None:
    rows = rows_of(built)
    (dropped,) = [row for row in rows if row["status"] == "dropped"]
    (twin,) = [row for row in rows if row["output"] == dropped["output"] and row["id"] != dropped["id"]]
    told = list(describe(life_of(built, dropped["id"])))
    assert "   1.   dedupe: drop dedupe.exact" in told
    assert f"        because kept {twin['id']}" in told
    assert "now     dropped by dedupe: dedupe.exact" in told


def test_a_record_is_found_by_the_beginning_of_its_id(built: Path) -> None:
    id_ = record_at(built, 5)["id"]
    assert life_of(built, id_[:10]).record["id"] == id_


def test_a_beginning_that_many_ids_share_is_refused_with_some_of_them(built: Path) -> None:
    with pytest.raises(RecipeError, match=r"23 ids begin with : [0-9a-f]{24}, "):
        life_of(built, "")


def test_an_id_that_is_also_the_beginning_of_another_is_found(built: Path, tmp_path: Path) -> None:
    ids = pq.read_table(built / "records.parquet")["id"].to_pylist()
    copy = altered(built, tmp_path, "id", ids[0], ids[1][:12])
    assert life_of(copy, ids[1][:12]).record["id"] == ids[1][:12]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_line_of_an_export_leads_to_its_record(built: Path, split: str) -> None:
    for name in ("alpaca", "prompt_completion"):
        lines = (built / "data" / name / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        assert lines
        for number, line in enumerate(lines, start=1):
            record = life_of(built, f"data/{name}/{split}.jsonl:{number}").record
            written = json.loads(line)
            assert record["output"] == written.get("output", written.get("completion"))
            assert (record["split"], record["status"]) == (split, "kept")


def test_a_line_is_found_in_a_build_without_splits(corner: Corner) -> None:
    out = corner.build(corner.plan("[{stage: dedupe, semantic: false}]"), "unsplit")
    lines = (out / "data" / "alpaca" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 22
    assert life_of(out, "data/alpaca/train.jsonl:22").record["output"] == json.loads(lines[21])["output"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("data/alpaca/train.jsonl:0", "the number of a line, from 1"),
        ("data/alpaca/train.jsonl:x", "the number of a line, from 1"),
        ("data/alpaca/train.jsonl:999", r"has \d+ lines, there is no line 999"),
        ("data/alpaca/dev.jsonl:1", "the build has no split 'dev'"),
        ("data/xml/train.jsonl:1", "the build has no export 'xml'"),
        ("zzz", "holds no record with the id zzz"),
    ],
)
def test_what_names_no_record_is_told_apart(built: Path, wanted: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        life_of(built, wanted)


def test_a_text_that_was_altered_after_the_build_is_noticed(built: Path, tmp_path: Path) -> None:
    id_ = record_at(built, 21)["id"]
    copy = altered(built, tmp_path, "output", id_, "Something else.")
    with pytest.raises(StoreError, match=f"the text of record {id_} is not the one its ledger ends with"):
        life_of(copy, id_)


def test_a_folder_that_is_no_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is not a finished build") as caught:
        open_build(tmp_path)
    assert "--build" in caught.value.hint
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(RecipeError, match="is not the manifest of a build"):
        open_build(tmp_path)


def test_a_build_without_its_records_is_damaged(built: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes((built / "manifest.json").read_bytes())
    with pytest.raises(StoreError, match=r"records\.parquet is missing or damaged"):
        life_of(tmp_path, "abc")


def test_a_child_names_its_root_and_facts_are_shown() -> None:
    record = {
        "id": "c", "root": "r", "source": "s", "file": "f", "line": 1, "status": "kept", "split": None,
        "system": "", "history": [{"user": "你好", "assistant": "Hi"}], "instruction": "q", "input": "", "output": "a",
        "lang": "", "tags": [], "flags": [], "meta": "{}", "dropped_by": None, "drop_reason": None,
        "score": 0.123456, "cluster": "k", "unknown": None,
    }  # fmt: skip
    events = [{"stage": "s", "action": "flag", "reason": "s.x", "evidence": {"found": ["a", "b"]}}]
    told = list(describe(Life(record, events)))
    assert told[0] == "record  c  (child of r)"
    assert '        because found ["a", "b"]' in told
    assert "now     kept" in told
    assert "facts   cluster k, score 0.1235" in told
    assert '    [{"user": "你好", "assistant": "Hi"}]' in told


def test_equal_builds_do_not_differ(corner: Corner, built: Path) -> None:
    again = corner.build(corner.plan(STAGES_TEXT), "again")
    assert list(differences(built, again)) == []


def test_a_difference_names_the_parameter_and_what_came_of_it(corner: Corner, built: Path) -> None:
    stages = STAGES_TEXT.replace("semantic: false", "semantic: false, exact: false")
    other = corner.build(corner.plan(stages), "other")
    told = list(differences(built, other))
    assert told[:2] == ["recipe", "  stages.dedupe.exact: True → False"]
    assert "  kept: 22 → 23" in told
    assert "  dedupe: drop dedupe.exact: 1 → (absent)" in told
    (back,) = [row for row in rows_of(built) if row["status"] == "dropped"]
    split = record_at(other, back["line"])["split"]
    assert f"  1: dropped by dedupe.exact → kept in {split}" in told


def test_a_stage_that_is_gone_and_a_text_that_changed_are_told(corner: Corner, built: Path) -> None:
    other = corner.build(corner.plan(STAGES_TEXT.replace("{stage: normalise}, ", "")), "raw")
    told = list(differences(built, other))
    assert "  stages.normalise.stage: normalise → (absent)" in told
    assert "  stage order: normalise heuristics dedupe split → heuristics dedupe split" in told
    assert "  1: same fate, other text" in told
    assert any(line.startswith("models") for line in told)


def test_other_inputs_are_told_file_by_file(corner: Corner, built: Path) -> None:
    write_jsonl(corner.folder / "data2.jsonl", ROWS[:-1])
    other = corner.build(corner.plan(STAGES_TEXT, source="data2.jsonl"), "less")
    told = list(differences(built, other))
    (line,) = [line for line in told if line.startswith("  things/data.jsonl: 23 units, ")]
    assert line.endswith("→ (absent)")
    assert "  units: 23 → 22" in told
    assert any(line.endswith("→ not there") for line in told)


@pytest.mark.parametrize(("edited", "told"), [(False, '        there   "sea is"'), (True, "edited later")])
def test_the_passage_that_failed_is_shown_where_its_text_still_stands(
    built: Path, edited: bool, told: str
) -> None:
    record = record_at(built, 21)
    start = record["output"].index("sea is")
    event = {
        "stage": "gate", "action": "flag", "reason": "gate.x.high",
        "evidence": {"field": "output", "start": start, "stop": start + 6},
        "before_key": "an earlier text" if edited else record_key(record), "after_key": None,
    }  # fmt: skip
    lines = list(describe(Life(record, [event])))
    assert any(told in line for line in lines)
