"""The build folder: whole or not there, its formats as promised, and never somebody else's files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, tasks, write_jsonl

from pipeline.apply import LEDGER_SCHEMA
from pipeline.errors import LineageError, StoreError
from pipeline.output import (
    build_key,
    check_target,
    is_current,
    read_manifest,
    sweep_leftovers,
    write_build,
)
from pipeline.record import RECORD_SCHEMA, TEXT_COLUMNS, record_key
from pipeline.steps import StepResult
from pipeline.store import Store, file_sha256

STAGES_TEXT = (
    "[{stage: normalise}, {stage: heuristics, response_refusal: flag}, {stage: dedupe, semantic: false},"
    " {stage: split, train: 0.6, validation: 0.2, test: 0.2}]"
)
ROWS: list[object] = [
    *tasks(30),
    {
        "instruction": "Write a poem about the   sea&nbsp;wind.",
        "output": "The wind is wide, the sea is deep.",
    },
    {"instruction": "Tell me how to pick a lock.", "output": "I'm sorry, but I can't help with that."},
    {"instruction": "What is left?", "output": ""},
    tasks(1)[0],
    "not a record",
]


@pytest.fixture
def filled(corner: Corner) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    return corner


@pytest.fixture
def built(filled: Corner) -> tuple[Path, dict[str, Any]]:
    out = filled.build(filled.plan(STAGES_TEXT, extra="max_reject_rate: 0.1"))
    return out, json.loads((out / "manifest.json").read_text(encoding="utf-8"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_file_at_the_doors_is_there(built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    exports = {
        f"data/{f}/{s}.jsonl"
        for f in ("alpaca", "prompt_completion")
        for s in ("train", "validation", "test")
    } | {"data/dataset_info.json"}
    others = {
        "ledger.parquet",
        "records.parquet",
        "rejects.jsonl",
        "review/queue.jsonl",
        "report/index.html",
        "README.md",
    }
    assert set(manifest["outputs"]) == exports | others
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == exports | others | {"manifest.json", "run.json"}
    assert manifest["outputs"] == {name: file_sha256(out / name) for name in manifest["outputs"]}


def test_the_counts_balance_from_the_first_unit_to_the_last_export(
    built: tuple[Path, dict[str, Any]],
) -> None:
    out, manifest = built
    counts = manifest["counts"]
    assert (counts["units"], counts["rejected"], counts["records"]) == (35, 1, 34)
    assert (counts["kept"], counts["dropped"], counts["added"]) == (32, 2, 0)
    assert sum(counts["splits"].values()) == 32
    for split, rows in counts["splits"].items():
        for name in ("alpaca", "prompt_completion"):
            assert len(read_lines(out / "data" / name / f"{split}.jsonl")) == rows
    records = pq.read_table(out / "records.parquet").to_pylist()
    assert [row["status"] for row in records].count("kept") == 32
    assert counts["ledger_rows"] == pq.read_metadata(out / "ledger.parquet").num_rows


def test_records_hold_everything_that_ever_was_in_the_order_it_was_read(
    built: tuple[Path, dict[str, Any]],
) -> None:
    out, _ = built
    table = pq.read_table(out / "records.parquet")
    names = [*RECORD_SCHEMA.names, "status", "split", "dropped_by", "drop_reason"]
    assert table.column_names[: len(names)] == names
    rows = table.to_pylist()
    assert [row["line"] for row in rows] == list(range(1, 35))
    assert len({row["id"] for row in rows}) == 34
    for row in rows:
        dropped = row["status"] == "dropped"
        assert (row["drop_reason"] is not None, row["split"] is None) == (dropped, dropped)
    assert {row["line"]: row["drop_reason"] for row in rows if row["dropped_by"] == "heuristics"} == {
        33: "heuristics.response.empty"
    }


def test_exports_hold_the_kept_records_of_their_split_in_order(built: tuple[Path, dict[str, Any]]) -> None:
    out, _ = built
    rows = pq.read_table(out / "records.parquet").to_pylist()
    for split in ("train", "validation", "test"):
        expected = [
            {name: row[name] for name in ("instruction", "input", "output")}
            for row in rows
            if row["split"] == split and row["status"] == "kept"
        ]
        assert read_lines(out / "data" / "alpaca" / f"{split}.jsonl") == expected


def test_the_ledger_leads_from_text_to_text(built: tuple[Path, dict[str, Any]]) -> None:
    out, _ = built
    ledger = pq.read_table(out / "ledger.parquet")
    assert ledger.schema.equals(LEDGER_SCHEMA)
    records = {row["id"]: row for row in pq.read_table(out / "records.parquet").to_pylist()}
    last: dict[str, str] = {}
    for row in ledger.to_pylist():
        assert last.setdefault(row["id"], row["before_key"]) == row["before_key"]
        last[row["id"]] = row["after_key"]
        assert isinstance(json.loads(row["evidence"]), dict)
    kept = {id_: key for id_, key in last.items() if records[id_]["status"] == "kept"}
    assert kept
    assert kept == {id_: record_key(records[id_]) for id_ in kept}


def test_rejects_say_where_and_why(built: tuple[Path, dict[str, Any]]) -> None:
    (reject,) = read_lines(built[0] / "rejects.jsonl")
    assert {name: reject[name] for name in ("source", "file", "line", "reason")} == {
        "source": "things", "file": "data.jsonl", "line": 35, "reason": "ingest.json.not_object",
    }  # fmt: skip


def test_flagged_records_wait_in_the_review_queue_with_why(built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    lines = read_lines(out / "review" / "queue.jsonl")
    (item,) = [line for line in lines if line["flags"]]
    assert item["flags"] == ["heuristics.response.refusal"]
    assert item["why"][0].startswith("heuristics.response.refusal: The response declines")
    assert item["text_key"] == record_key({name: item[name] for name in TEXT_COLUMNS})
    assert (item["line"], manifest["counts"]["review_queue"]) == (32, len(lines))
    assert sum(line["sample"] for line in lines) == 32  # all that was kept: fewer than the sample asks for


def test_the_manifest_says_what_it_was_made_of(built: tuple[Path, dict[str, Any]]) -> None:
    _, manifest = built
    assert [stage["name"] for stage in manifest["stages"]] == [
        "ingest",
        "normalise",
        "heuristics",
        "dedupe",
        "split",
    ]
    assert manifest["stages"][3]["reasons"] == {"drop": {"dedupe.exact": 1}}
    assert (
        manifest["stages"][3]["records_in"] - manifest["stages"][3]["dropped"]
        == manifest["stages"][3]["records_out"]
    )
    assert [model["kind"] for model in manifest["models"]] == ["tokenizer"]
    assert manifest["inputs"][0]["file"] == "data.jsonl"
    assert len(manifest["inputs"][0]["digest"]) == 32
    assert manifest["versions"]["pyarrow"] == __import__("pyarrow").__version__
    assert manifest["recipe"]["seed"] == manifest["seed"] == 7


def test_without_a_split_all_records_are_for_training(filled: Corner) -> None:
    out = filled.build(filled.plan("[]", extra="max_reject_rate: 0.1\nexports: [{format: alpaca}]"))
    assert [path.name for path in (out / "data" / "alpaca").iterdir()] == ["train.jsonl"]
    assert len(read_lines(out / "data" / "alpaca" / "train.jsonl")) == 34
    assert set(pq.read_table(out / "records.parquet")["split"].to_pylist()) == {None}


def test_a_build_whose_files_are_untouched_is_current(filled: Corner) -> None:
    planned = filled.plan(STAGES_TEXT, extra="max_reject_rate: 0.1")
    out = filled.build(planned)
    key = build_key(planned, filled.walk(planned))
    assert is_current(out, key)
    assert not is_current(out, "another key")
    assert not is_current(filled.folder / "nothing", key)
    train = out / "data" / "alpaca" / "train.jsonl"
    train.write_bytes(train.read_bytes() + b" ")
    assert not is_current(out, key)
    train.unlink()
    assert not is_current(out, key)


def test_what_is_no_manifest_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    for text in ("{", "[]", "{}"):
        (tmp_path / "manifest.json").write_text(text)
        assert read_manifest(tmp_path) is None


def test_a_new_build_replaces_the_old_one_and_leaves_nothing_beside_it(filled: Corner) -> None:
    out = filled.build(filled.plan("[{stage: split}]", extra="max_reject_rate: 0.1"))
    filled.build(filled.plan("[]", extra="max_reject_rate: 0.1"))
    assert not (out / "data" / "alpaca" / "test.jsonl").exists()
    assert sorted(path.name for path in filled.folder.iterdir()) == [".build", "data.jsonl", "out"]


def test_what_people_put_into_a_build_is_carried_over_to_the_next(filled: Corner) -> None:
    out = filled.build(filled.plan("[{stage: split}]", extra="max_reject_rate: 0.1"))
    (out / "review" / "decisions.jsonl").write_text("three days of reading")
    (out / "data" / "alpaca" / "train.jsonl").write_text("an export that somebody altered")
    filled.build(filled.plan("[]", extra="max_reject_rate: 0.1"))
    assert (out / "review" / "decisions.jsonl").read_text() == "three days of reading"
    assert len(read_lines(out / "data" / "alpaca" / "train.jsonl")) == 34


def test_an_empty_folder_may_be_built_into(filled: Corner) -> None:
    (filled.folder / "out").mkdir()
    check_target(filled.folder / "out")
    out = filled.build(filled.plan("[]", extra="max_reject_rate: 0.1"))
    assert (out / "manifest.json").is_file()


def test_a_folder_that_no_build_wrote_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StoreError, match="holds files that no build wrote"):
        check_target(tmp_path)
    with pytest.raises(StoreError, match="is not a folder"):
        check_target(tmp_path / "thesis.txt")
    with pytest.raises(StoreError, match="cannot be written"):
        check_target(tmp_path / "thesis.txt" / "out")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_target_that_may_be_built_is_left_as_it_was(tmp_path: Path) -> None:
    check_target(tmp_path / "deep" / "out")
    assert list((tmp_path / "deep").iterdir()) == []


def test_leftovers_of_this_target_are_swept_and_those_of_others_are_not(tmp_path: Path) -> None:
    names = [".tmp-a-12345678", ".tmp-a-2-12345678", ".tmp-b-12345678", ".tmp-a-notours", "a-2"]
    for name in names:
        (tmp_path / name / "data").mkdir(parents=True)
    sweep_leftovers(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
    (tmp_path / ".tmp-[x]-12345678").mkdir()
    sweep_leftovers(tmp_path / "[x]")
    assert not (tmp_path / ".tmp-[x]-12345678").exists()


def test_books_that_do_not_balance_write_nothing(filled: Corner) -> None:
    planned = filled.plan(STAGES_TEXT, extra="max_reject_rate: 0.1")
    results = filled.walk(planned)
    last = results[-1]
    forgotten: StepResult = replace(last, shards=(replace(last.shards[0], lost=1), *last.shards[1:]))
    with pytest.raises(
        LineageError, match="the books do not balance: 34 records read and 0 added, 32 kept, 3 dropped"
    ):
        write_build(filled.folder / "out", planned, [*results[:-1], forgotten], filled.store, {})
    assert sorted(path.name for path in filled.folder.iterdir()) == [".build", "data.jsonl"]


def test_a_damaged_shard_writes_nothing(filled: Corner) -> None:
    planned = filled.plan("[]", extra="max_reject_rate: 0.1")
    results = filled.walk(planned)
    filled.store.table_path("shards", results[-1].shards[1].shard).write_bytes(b"?")
    with pytest.raises(StoreError, match="damaged"):
        write_build(filled.folder / "out", planned, results, filled.store, {})
    assert not (filled.folder / "out").exists()


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A disk of as much as is asked for."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(disk)], capture_output=True, check=False
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root on Linux")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("small_disk", ["3m"], indirect=True)  # one build fits, a second beside it does not
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root on Linux")
def test_a_full_disk_leaves_the_old_build_and_says_how_to_get_space(corner: Corner, small_disk: Path) -> None:
    write_jsonl(corner.folder / "data.jsonl", tasks(3))
    planned = corner.plan("[]")
    write_build(small_disk / "out", planned, corner.walk(planned), corner.store, {})
    old = (small_disk / "out" / "manifest.json").read_bytes()
    write_jsonl(corner.folder / "data.jsonl", tasks(2000))
    planned = corner.plan("[]")
    planned = replace(planned, recipe=planned.recipe.model_copy(update={"shard_rows": 5000}))
    with pytest.raises(StoreError, match="no space left on the disk") as caught:
        write_build(small_disk / "out", planned, corner.walk(planned), corner.store, {})
    assert "free some space" in caught.value.hint
    assert (small_disk / "out" / "manifest.json").read_bytes() == old
    assert [path.name for path in small_disk.iterdir()] == ["out"]


@pytest.mark.parametrize("small_disk", ["256k"], indirect=True)
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root on Linux")
def test_a_full_disk_under_the_store_keeps_what_is_done(corner: Corner, small_disk: Path) -> None:
    write_jsonl(corner.folder / "data.jsonl", tasks(20))
    on_disk = Corner(small_disk)
    planned = replace(corner.plan("[]"), base=corner.folder)
    done = on_disk.walk(planned)
    write_jsonl(corner.folder / "data.jsonl", tasks(9000))
    with pytest.raises(StoreError, match="no space left on the disk"):
        on_disk.walk(corner.plan("[]"))
    with Store(small_disk / ".build").lock(exclusive=False):
        assert not list((small_disk / ".build").rglob(".tmp-*"))
    write_jsonl(corner.folder / "data.jsonl", tasks(20))
    assert [r.key for r in on_disk.walk(corner.plan("[]"))] == [r.key for r in done]
