"""What a night decides: is there news, did the gates hold, has enough changed, where to look next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import workbench as bench

from flows.artifacts import address, artifact_key, count_rows, gate_rows, look_next
from flows.decisions import Files, changed_enough, compared_files, gates, news
from flows.tasks import from_outside, limit_name
from pipeline.build import found, plan
from pipeline.errors import ModelError, PipelineError, RecipeError, SourceError
from pipeline.recipe import load_recipe
from pipeline.runners import SerialRunner
from pipeline.steps import Silent, Workshop
from pipeline.store import Store


def manifest(**files: tuple[str, int]) -> dict[str, Any]:
    """A manifest whose input files have these digests and records."""
    inputs = [{"source": "things", "file": name, "digest": d, "records": n} for name, (d, n) in files.items()]
    return {
        "inputs": inputs,
        "recipe": {"name": "made"},
        "outputs": {"data": str(sorted(files.items()))},
        "gates": [],
    }


def gate(name: str, held: bool | None, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "stage": "coverage",
        "held": held,
        "required": required,
        "sentence": f"{name} said so",
    }


def test_files_are_told_by_name_and_digest() -> None:
    before = {"a": "1", "b": "2", "c": "3"}
    assert compared_files(before, {"a": "1", "b": "9", "d": "4"}) == Files(new=1, changed=1, gone=1, same=1)


def test_no_earlier_training_is_reason_enough() -> None:
    assert changed_enough(None, manifest(a=("1", 10)), 0.05).yes


def test_the_same_build_is_not_trained_on_twice() -> None:
    answer = changed_enough(manifest(a=("1", 10)), manifest(a=("1", 10)), 0.0)
    assert not answer.yes
    assert "byte for byte" in answer.sentence


@pytest.mark.parametrize(("new", "yes"), [(4, False), (5, True), (6, True)])
def test_a_share_of_records_in_other_files_decides(new: int, yes: bool) -> None:
    before, now = manifest(a=("1", 100 - new)), manifest(a=("1", 100 - new), b=("2", new))
    answer = changed_enough(before, now, 0.05)
    assert answer.yes is yes
    assert f"{new} of 100 records" in answer.sentence


def test_a_file_that_is_gone_counts_with_what_it_held() -> None:
    assert changed_enough(manifest(a=("1", 50), b=("2", 50)), manifest(a=("1", 50)), 0.9).yes


def test_another_recipe_is_reason_enough() -> None:
    now = {**manifest(a=("1", 10)), "recipe": {"name": "made", "seed": 2}, "outputs": {}}
    assert changed_enough(manifest(a=("1", 10)), now, 1.0).yes


def test_a_gate_that_fell_short_speaks_and_one_not_measured_speaks_only_if_required() -> None:
    held = gates({"gates": [gate("one", True), gate("two", None)]})
    assert held.yes
    assert gates({"gates": []}).sentence == "This build has no dataset gates."
    short = gates({"gates": [gate("one", False), gate("two", None, required=True), gate("three", True)]})
    assert not short.yes
    assert "one said so" in short.sentence
    assert "two said so" in short.sentence
    assert "three" not in short.sentence


@pytest.mark.parametrize(
    ("error", "outside"),
    [
        (RecipeError("wrong"), False),
        (SourceError("gone"), False),
        (SourceError("cut off", outside=True), True),
        (ModelError("no answer", "wait", outside=True), True),
        (ValueError("a defect"), False),
    ],
)
def test_only_a_fault_outside_is_tried_again(error: Exception, outside: bool) -> None:
    assert from_outside(error) is outside


def test_an_error_from_outside_survives_the_way_between_processes() -> None:
    import pickle

    back = pickle.loads(pickle.dumps(ModelError("no answer", "wait", outside=True)))
    assert isinstance(back, PipelineError)
    assert (back.message, back.hint, back.outside) == ("no answer", "wait", True)


def test_keys_are_what_prefect_takes() -> None:
    assert artifact_key("My_Set.v2", "progress", "dedupe: links") == "my-set-v2-progress-dedupe-links"


def test_one_store_has_one_limit_wherever_it_is_named_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert limit_name(Path(".build")) == limit_name(tmp_path / ".build") != limit_name(tmp_path / "other")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decisions")
    bench.built(folder, bench.corpus(folder, 40))
    return folder


def test_news_is_what_the_store_does_not_know(home: Path, tmp_path: Path) -> None:
    folder = bench.fresh_copy(home, tmp_path / "home")
    store = Store(folder / ".build")

    def asked() -> Any:
        planned = plan(load_recipe(folder / "recipe.yaml"), folder)
        return news(folder / "out", planned, found(planned, Workshop(store, SerialRunner(), Silent())))

    assert not asked().yes
    assert asked().sentence.startswith("Nothing is new: 1 file and all else")
    export = next((folder / "out" / "data").rglob("train.jsonl"))
    kept = export.read_bytes()
    export.write_bytes(kept[:-1])
    assert asked().yes, "a build that was tampered with is not the one of the store"
    export.write_bytes(kept)
    bench.write_jsonl(folder / "data.jsonl", bench.records(41))
    assert asked().sentence.startswith("There is news in the files: 0 new, 1 changed")


def test_the_page_tells_counts_and_links_and_no_text(home: Path) -> None:
    built = bench.manifest(home / "out")
    rows = count_rows(built)
    assert {
        "stage": "export",
        "action": "keep",
        "reason": "all splits",
        "records": built["counts"]["kept"],
    } in rows
    assert sum(r["records"] for r in rows if r["action"] == "drop") == built["counts"]["dropped"]
    assert gate_rows({"gates": [gate("one", False)]})[0]["result"] == "fell short"
    told = look_next(built, home / "out", "")
    assert (home / "out" / "report" / "index.html").as_uri() in told
    assert address(home, "report/index.html", "http://data/made/") == "http://data/made/report/index.html"
    texts = {row[name] for row in bench.records(40) for name in ("instruction", "output") if row[name]}
    shown = told + str(rows)
    assert not [text for text in texts if text in shown]
