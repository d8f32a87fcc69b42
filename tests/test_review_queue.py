"""The review queue: flagged records, a stratified draw, what lies nearest to a threshold; once each, with why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import records

from pipeline.record import TEXT_COLUMNS, record_key
from pipeline.review_queue import write_queue
from pipeline.stages.gates import Threshold

LIMIT = ("gate", Threshold("relevance", 0.5, None, "drop"))


def folder_with(tmp_path: Path, count: int = 100) -> Path:
    """Write records 0 … 99 with relevance 0.00 … 0.99: below 0.5 dropped, every tenth of the others flagged."""
    rows = [
        {
            "instruction": f"问题 {n}",
            "output": f"answer {n}",
            "lang": "zh" if n % 4 else "en",
            "flags": ["dedupe.contradiction"] if n >= 50 and n % 10 == 0 else [],
        }
        for n in range(count)
    ]
    table = records(*rows)
    kept = [n >= 50 for n in range(count)]
    more = {
        "status": ["kept" if each else "dropped" for each in kept],
        "split": ["train" if each else None for each in kept],
        "dropped_by": [None if each else "gate" for each in kept],
        "relevance": pa.array(np.arange(count) / 100, pa.float32()),
    }
    for name, values in more.items():
        table = table.append_column(
            name, values if isinstance(values, pa.Array) else pa.array(values, pa.string())
        )
    pq.write_table(table, tmp_path / "records.parquet", row_group_size=7)
    return tmp_path


def queue(
    folder: Path, *limits: tuple[str, Threshold], sample: int = 0, nearest: int = 0
) -> list[dict[str, Any]]:
    for old in (folder / "review").glob("*"):
        old.unlink()
    if (folder / "review").exists():
        (folder / "review").rmdir()
    count = write_queue(folder, limits, sample, nearest, 17)
    lines = (folder / "review" / "queue.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(lines) == count
    return [json.loads(line) for line in lines]


def test_flagged_records_are_there_with_the_sentence_of_their_reason(tmp_path: Path) -> None:
    found = queue(folder_with(tmp_path))
    assert [row["line"] for row in found] == [51, 61, 71, 81, 91]
    assert found[0]["why"][0].startswith("dedupe.contradiction: Two records ask the same")
    assert [row["text_key"] for row in found] == [
        record_key({name: row[name] for name in TEXT_COLUMNS}) for row in found
    ]
    assert not any(row["sample"] for row in found)


def test_the_sample_is_of_kept_records_by_stratum(tmp_path: Path) -> None:
    drawn = [row for row in queue(folder_with(tmp_path), sample=20) if row["sample"]]
    assert len(drawn) == 20
    assert {row["status"] for row in drawn} == {"kept"}
    assert sum(row["lang"] == "en" for row in drawn) == 5
    assert all(any("drawn at random" in why and "made / " in why for why in row["why"]) for row in drawn)


def test_both_sides_of_a_threshold_are_shown_with_what_happened(tmp_path: Path) -> None:
    found = queue(folder_with(tmp_path), LIMIT, nearest=3)
    near = {row["line"] - 1: row["why"][-1] for row in found if "threshold" in row["why"][-1]}
    assert sorted(near) == [47, 48, 49, 50, 51, 52]
    assert "0.49 is just below the threshold 0.5, so it was removed; is that right?" in near[49]
    assert "0.5 is just at the threshold 0.5, so it was kept" in near[50]


def test_a_threshold_of_one_language_looks_at_no_other(tmp_path: Path) -> None:
    only = ("gate", Threshold("relevance", 0.5, None, "drop", "en"))
    found = queue(folder_with(tmp_path), only, nearest=2)
    near = [row["line"] - 1 for row in found if "threshold" in row["why"][-1]]
    assert near == [44, 48, 52, 56]


def test_a_record_that_is_wanted_twice_stands_there_once_with_both_reasons(tmp_path: Path) -> None:
    found = queue(folder_with(tmp_path), LIMIT, sample=50, nearest=1)
    assert len({row["id"] for row in found}) == len(found)
    (row,) = [row for row in found if row["line"] == 51]
    assert len(row["why"]) == 3


@pytest.mark.parametrize("high", [None, 0.8])
def test_a_threshold_whose_column_nobody_kept_asks_for_nothing(tmp_path: Path, high: float | None) -> None:
    other = ("gate", Threshold("toxicity", None, high, "flag"))
    assert [row["line"] for row in queue(folder_with(tmp_path), other, nearest=5)] == [51, 61, 71, 81, 91]


def test_a_value_that_most_records_share_is_near_to_nothing(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    table = pq.read_table(folder / "records.parquet")
    values = [0.4 if n == 75 else 0.0 for n in range(table.num_rows)]
    pq.write_table(table.append_column("toxicity", pa.array(values)), folder / "records.parquet")
    found = queue(folder, ("gate", Threshold("toxicity", None, 0.5, "flag")), nearest=5)
    near = [row["line"] - 1 for row in found if "threshold" in row["why"][-1]]
    assert near == [75]
    assert all("0 is just below" not in why for row in found for why in row["why"])
