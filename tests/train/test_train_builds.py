"""Tests of reading builds: what is read, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import TrainError
from pipeline.record import RECORD_SCHEMA
from train.data.builds import Example, open_build


def row(id_: str, split: str | None, status: str = "kept", **more: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("source", "file", "system", "instruction", "input", "lang"), "")
    lists: dict[str, Any] = {"history": [], "tags": [], "flags": []}
    told = {**texts, **lists, "id": id_, "root": id_, "line": 1, "output": "Yes.", "meta": "{}"}
    return {**told, "status": status, "split": split, "weight": None, "cluster": 3, "relevance": 0.5, **more}


def write_build(
    folder: Path, rows: list[dict[str, Any]], without: tuple[str, ...] = (), **manifest: Any
) -> Path:
    """Write what a build has of documented files, as far as training reads them."""
    decided = [("status", pa.string()), ("split", pa.string()), ("weight", pa.float64())]
    more = [("cluster", pa.int64()), ("relevance", pa.float64())]
    schema = pa.schema([*RECORD_SCHEMA, *(pa.field(*each) for each in (*decided, *more))])
    table = pa.Table.from_pylist(rows, schema=schema).drop_columns(list(without))
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "records.parquet")
    digest = hashlib.sha256((folder / "records.parquet").read_bytes()).hexdigest()
    told = {
        "format_version": 1,
        "build_key": "k",
        "name": "small",
        "outputs": {"records.parquet": digest},
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


ROWS = [
    row(
        "a",
        "train",
        lang="en",
        instruction="Why?",
        history=[{"user": "Hi", "assistant": "Hello"}],
        weight=2.5,
    ),
    row("b", "train", lang="zh", instruction="为什么？", root="a"),
    row("c", "validation", lang="en"),
    row("d", "train", status="dropped"),
]


def test_kept_records_of_a_split_come_in_file_order_with_weight_and_category(tmp_path: Path) -> None:
    build = open_build(write_build(tmp_path / "b", ROWS))
    assert build.examples("train") == [
        Example("a", "a", "", (("Hi", "Hello"),), "Why?", "", "Yes.", "en", 2.5, "en"),
        Example("b", "a", "", (), "为什么？", "", "Yes.", "zh", 1.0, "zh"),
    ]
    assert [one.category for one in build.examples("validation", "cluster")] == ["3"]


def test_a_build_is_named_by_the_digest_of_its_manifest(tmp_path: Path) -> None:
    folder = write_build(tmp_path / "b", ROWS)
    expected = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert (open_build(folder).name, open_build(folder).digest) == ("small", expected)


def test_without_a_split_stage_everything_is_train(tmp_path: Path) -> None:
    build = open_build(write_build(tmp_path / "b", [row("a", None), row("b", None)]))
    assert [one.id for one in build.examples("train")] == ["a", "b"]
    with pytest.raises(
        TrainError, match=r"no record in the split 'validation'; it has: train \(2\)"
    ) as caught:
        build.examples("validation")
    assert "stage `split`" in caught.value.hint


def test_without_a_balance_stage_every_weight_is_one(tmp_path: Path) -> None:
    build = open_build(write_build(tmp_path / "b", ROWS, without=("weight",)))
    assert [one.weight for one in build.examples("train")] == [1.0, 1.0]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(tmp_path: Path, weight: float) -> None:
    build = open_build(write_build(tmp_path / "b", [row("a", "train", weight=weight)]))
    with pytest.raises(TrainError, match="record a has the weight"):
        build.examples("train")


def test_an_unknown_category_names_the_valid_ones(tmp_path: Path) -> None:
    build = open_build(write_build(tmp_path / "b", ROWS))
    with pytest.raises(TrainError, match="no column 'topic'") as caught:
        build.examples("train", "topic")
    assert caught.value.hint == "valid: source, file, line, lang, cluster"


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = write_build(tmp_path / "b", ROWS)
    raw = bytearray((folder / "records.parquet").read_bytes())
    raw[100] ^= 1
    (folder / "records.parquet").write_bytes(raw)
    with pytest.raises(TrainError, match=r"records\.parquet was changed after its manifest"):
        open_build(folder)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    folder = write_build(tmp_path / "b", ROWS)
    (folder / "records.parquet").unlink()
    with pytest.raises(TrainError, match=r"records\.parquet is missing"):
        open_build(folder)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"stages": []}'])
def test_a_folder_without_a_builds_manifest_is_no_build(tmp_path: Path, text: str | None) -> None:
    folder = write_build(tmp_path / "b", ROWS)
    (folder / "manifest.json").unlink()
    if text is not None:
        (folder / "manifest.json").write_text(text)
    with pytest.raises(TrainError, match="is not a finished build") as caught:
        open_build(folder)
    assert "python -m pipeline build" in caught.value.hint


def test_a_folder_that_was_being_written_is_no_build(tmp_path: Path) -> None:
    folder = write_build(tmp_path / ".tmp-b-0a1b2c3d", ROWS)
    with pytest.raises(TrainError, match="was writing it when it was stopped"):
        open_build(folder)


@pytest.mark.parametrize("version", [2, None, "1"])
def test_a_newer_format_is_refused(tmp_path: Path, version: object) -> None:
    with pytest.raises(TrainError, match="this program reads up to 1"):
        open_build(write_build(tmp_path / "b", ROWS, format_version=version))


def test_a_column_that_training_needs_is_named_when_it_lacks(tmp_path: Path) -> None:
    build = open_build(write_build(tmp_path / "b", ROWS, without=("history", "split")))
    with pytest.raises(TrainError, match="lacks the columns history, split"):
        build.examples("train")
