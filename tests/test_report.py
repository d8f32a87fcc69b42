"""The report of a real build: its numbers are the manifest's, its texts those of records.parquet."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, ShuffledRunner, tasks, write_jsonl
from typer.testing import CliRunner

from quality.__main__ import app
from quality.report import read_inputs, read_manifest, render

ROOT = Path(__file__).parent.parent
STAGES = (
    "[{stage: normalise}, {stage: heuristics, response_refusal: flag}, {stage: dedupe, semantic: false},"
    " {stage: scrub}, {stage: split, train: 0.6, validation: 0.2, test: 0.2}]"
)
ROWS: list[object] = [
    *tasks(30),
    {
        "instruction": "写一首关于   海风&nbsp;的诗。",
        "output": "海风很宽，海水很深，请写信到 zhang.wei@mail.example.cn 。",
    },
    {"instruction": "Tell me how to pick a lock.", "output": "I'm sorry, but I can't help with that."},
    {"instruction": "What is left?", "output": ""},
    {
        "instruction": "<script>alert(1)</script>",
        "output": "Such a script shows a box with the number one in it.",
    },
    tasks(1)[0],
    "not a record",
]


@pytest.fixture
def built(corner: Corner) -> tuple[Path, dict[str, Any]]:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    out = corner.build(corner.plan(STAGES, extra="max_reject_rate: 0.1"))
    return out, json.loads((out / "manifest.json").read_text(encoding="utf-8"))


def numbers(html: str) -> tuple[dict[str, int], dict[tuple[str, str, str], int]]:
    """Return the counts of the first screen, and those of every reason."""
    from lxml import html as parser

    tree = parser.document_fromstring(html)
    counts = {each.get("id").removeprefix("n-"): int(each.get("value")) for each in tree.iter("data")}
    rows = tree.xpath('//tr[@class="counted"]')
    names = ("data-stage", "data-action", "data-reason")
    return counts, {tuple(row.get(name) for name in names): int(row.get("data-count")) for row in rows}  # type: ignore[misc]


def test_every_number_of_the_page_is_the_manifests(built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    counts, reasons = numbers((out / "report" / "index.html").read_text(encoding="utf-8"))
    told = manifest["counts"]
    expected = {name: told[name] for name in ("units", "rejected", "records", "dropped", "kept")}
    assert counts == expected | {f"split-{name}": rows for name, rows in told["splits"].items()}
    assert reasons == {
        (stage["name"], action, reason): count
        for stage in manifest["stages"]
        for action, by_reason in stage["reasons"].items()
        for reason, count in by_reason.items()
    }
    assert len(reasons) >= 5


def test_distributions_and_languages_count_every_record(built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    told = read_inputs(out, manifest)
    records = pq.read_table(out / "records.parquet")
    for each in told.distributions:
        if each.measure in ("prompt_chars", "response_chars"):
            binned = sum(map(sum, (series.counts for series in each.series)))
            assert binned + each.below + each.above == records.num_rows
    assert sum(each.kept for each in told.languages) == manifest["counts"]["kept"]
    assert sum(each.dropped for each in told.languages) == manifest["counts"]["dropped"]
    sizes = sorted(len(row) for row in records["output"].to_pylist())
    (responses,) = [each for each in told.distributions if each.measure == "response_chars"]
    assert (responses.edges[0] <= max(sizes[0], 1), responses.edges[-1] >= sizes[-1]) == (True, True)


def test_examples_are_the_scrubbed_texts_with_the_kept_twin_beside(
    built: tuple[Path, dict[str, Any]],
) -> None:
    out, manifest = built
    told = read_inputs(out, manifest)
    examples = {each.reason: each.examples for each in told.reasons}
    twin = examples["dedupe.exact"][0]
    assert twin.other is not None
    assert twin.other.status == "kept"
    assert {name: passage.text for name, passage in twin.other.fields}["Response"] == tasks(1)[0]["output"]
    mail = dict(examples["pii.email"][0].record.fields)["Response"]
    assert [mail.text[start:stop] for start, stop in mail.marks] == ["<EMAIL>"]
    assert "zhang.wei" not in (out / "report" / "index.html").read_text(encoding="utf-8")


def test_equal_builds_have_equal_pages(corner: Corner, built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    planned = corner.plan(STAGES, extra="max_reject_rate: 0.1")
    again = corner.build(planned, "again", ShuffledRunner(3))
    page = (out / "report" / "index.html").read_bytes()
    assert (again / "report" / "index.html").read_bytes() == page
    assert manifest["outputs"]["report/index.html"]
    assert render(read_inputs(out, read_manifest(out))).encode() == page


def test_the_page_can_be_made_anew_from_the_folder(built: tuple[Path, dict[str, Any]]) -> None:
    out, _ = built
    before = (out / "report" / "index.html").read_bytes()
    (out / "report" / "index.html").unlink()
    told = CliRunner().invoke(app, ["report", str(out)])
    assert told.exit_code == 0, told.output
    assert (out / "report" / "index.html").read_bytes() == before


def test_a_folder_that_is_no_build_is_told_so(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert told.exit_code == 1
    assert "is not a finished build" in told.output


def test_gates_and_thresholds_of_the_manifest_are_shown(built: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = built
    limit = {"stage": "heuristics", "measure": "heuristics_symbol_ratio", "low": None, "high": 0.3}
    gate = {
        "stage": "split",
        "name": "balance",
        "value": 0.4,
        "threshold": 0.5,
        "at_least": True,
        "required": False,
    }
    more = {
        "thresholds": [{**limit, "action": "drop", "group": "", "why": "half is noise"}],
        "gates": [{**gate, "sentence": "Too few.", "held": False}],
    }
    told = read_inputs(out, {**manifest, **more})
    assert [(each.name, each.held, each.stage) for each in told.gates] == [("balance", False, "split")]
    (chart,) = [each for each in told.distributions if each.measure == "heuristics_symbol_ratio"]
    assert [(each.high, each.why) for each in chart.thresholds] == [(0.3, "half is noise")]
    older = {key: value for key, value in manifest.items() if key not in ("thresholds", "gates")}
    assert read_inputs(out, older).gates == ()


def test_nothing_is_marked_where_a_later_stage_changed_the_text(built: tuple[Path, dict[str, Any]]) -> None:
    from quality.report.examples import Event, with_examples

    out, manifest = built
    order = [stage["name"] for stage in manifest["stages"]]
    ids = {row["line"]: row["id"] for row in pq.read_table(out / "records.parquet").to_pylist()}
    evidence = {"field": "output", "start": 0, "stop": 4}
    key = ("heuristics", "flag", "heuristics.response.refusal")
    marked = {}
    for line in (31, 32):
        (reason,) = with_examples({key: 1}, {key: [Event(ids[line], evidence)]}, out, order)
        example = reason.examples[0]
        marked[line] = (dict(example.record.fields)["Response"].marks, bool(example.remark))
    assert marked == {31: ((), True), 32: (((0, 4),), False)}


def test_every_reason_that_a_build_can_give_has_its_sentence() -> None:
    from pipeline.ingest.units import REASONS
    from pipeline.stages.heuristics import CHECKS
    from quality.pii import KINDS

    with (ROOT / "data_samples" / "expected" / "reasons.csv").open(encoding="utf-8", newline="") as stream:
        known = {row["reason"] for row in csv.DictReader(stream)}
    known |= {*REASONS, *(f"heuristics.{each}" for each in CHECKS), *(f"pii.{kind}" for kind in KINDS)}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known |= set(re.findall(r"`((?:normalise|language|dedupe|split|review|gate)\.[a-z_.]+[a-z])`", text))
    described = json.loads((ROOT / "quality" / "report" / "reasons.json").read_text(encoding="utf-8"))
    assert len(known) > 60
    assert sorted(known - described.keys()) == []


def test_a_build_that_changes_nothing_has_a_page(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", [{"instruction": "一", "output": "二"}])
    out = corner.build(replace(corner.plan("[]")))
    counts, reasons = numbers((out / "report" / "index.html").read_text(encoding="utf-8"))
    assert (counts["kept"], counts["split-train"], reasons) == (1, 1, {})
