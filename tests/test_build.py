"""Steps: what is done is not done again, what changed is, and wrong inputs are refused before work begins."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import Corner, ShuffledRunner, records, stages_added, tasks, write_jsonl

from pipeline.build import plan
from pipeline.change import Changes
from pipeline.errors import ModelError, RecipeError, SourceError, StageError, StoreError
from pipeline.ingest import FileReport
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.output import build_key, write_build
from pipeline.runners import ProcessRunner
from pipeline.stages import StageKind
from pipeline.stages.protocol import Measure, StageParams
from pipeline.steps import Step, Workshop, identities
from pipeline.work import IngestItem, MeasureItem, Site, ingest_work, measure_work

STAGES_TEXT = (
    "[{stage: normalise}, {stage: heuristics}, {stage: dedupe, semantic: false, near: false}, {stage: split}]"
)


def content(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file but run.json."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "run.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def filled(corner: Corner) -> Corner:
    rows = [*tasks(20), {"instruction": "  Say   it &amp; mean it.", "output": "Yes, I do."}, tasks(1)[0]]
    write_jsonl(corner.folder / "data.jsonl", rows)
    return corner


def test_a_step_whose_result_is_stored_is_not_run_again(filled: Corner) -> None:
    planned = filled.plan(STAGES_TEXT)
    first, second = filled.walk(planned), filled.walk(planned)
    assert [result.cached for result in first] == [False] * 5
    assert [result.cached for result in second] == [True] * 5
    assert [result.key for result in first] == [result.key for result in second]
    assert [result.rows for result in first] == [22, 22, 22, 21, 21]
    assert second == [replace(b, cached=True, seconds=a.seconds) for a, b in zip(second, first, strict=True)]


def test_a_changed_stage_runs_again_and_what_stands_before_it_does_not(filled: Corner) -> None:
    filled.walk(filled.plan(STAGES_TEXT))
    changed = STAGES_TEXT.replace("semantic: false", "semantic: false, exact: false")
    results = filled.walk(filled.plan(changed))
    assert [result.cached for result in results] == [True, True, True, False, False]
    assert results[-1].rows == 22


def test_another_seed_alters_the_steps_that_draw_and_not_the_reading(filled: Corner) -> None:
    filled.walk(filled.plan(STAGES_TEXT))
    planned = filled.plan(STAGES_TEXT)
    other = replace(planned, recipe=planned.recipe.model_copy(update={"seed": 8}))
    assert [result.cached for result in filled.walk(other)] == [True, False, False, False, False]


def test_a_new_line_reads_its_file_again_and_keeps_every_other_record(filled: Corner) -> None:
    write_jsonl(filled.folder / "data.jsonl", tasks(20))
    before = filled.build(filled.plan(STAGES_TEXT), "a")
    rows = [*tasks(20), {"instruction": "One more?", "output": "One more, and it is the last."}]
    write_jsonl(filled.folder / "data.jsonl", rows)
    after = filled.build(filled.plan(STAGES_TEXT), "b")
    old, new = (pq.read_table(out / "records.parquet").to_pylist() for out in (before, after))
    splits = {row["id"]: row["split"] for row in old if row["status"] == "kept"}
    shared = {row["id"]: row["split"] for row in new if row["id"] in splits}
    assert len(shared) == 20
    assert shared == {id_: splits[id_] for id_ in shared}


def test_any_runner_writes_the_same_bytes(filled: Corner, tmp_path: Path) -> None:
    expected = content(filled.build(filled.plan(STAGES_TEXT)))
    assert len(expected) == 12  # one split of three has no record, so no file
    with ProcessRunner(2) as processes:
        for number, runner in enumerate((ShuffledRunner(1), ShuffledRunner(2), processes)):
            other = Corner(tmp_path / str(number))
            write_jsonl(other.folder / "data.jsonl", [json.loads(x) for x in lines(filled)])
            assert content(other.build(other.plan(STAGES_TEXT), runner=runner)) == expected


def lines(corner: Corner) -> list[str]:
    return (corner.folder / "data.jsonl").read_text(encoding="utf-8").splitlines()


def test_the_size_of_a_shard_moves_no_record(filled: Corner) -> None:
    small = filled.build(filled.plan(STAGES_TEXT), "small")
    laid = filled.plan(STAGES_TEXT)
    large = filled.build(replace(laid, recipe=laid.recipe.model_copy(update={"shard_rows": 1000})), "large")
    for name in ("data/alpaca/train.jsonl", "data/alpaca/validation.jsonl", "rejects.jsonl"):
        assert (small / name).read_bytes() == (large / name).read_bytes()
    assert pq.read_table(small / "records.parquet").equals(pq.read_table(large / "records.parquet"))


def test_a_missing_input_is_refused_before_anything_is_written(corner: Corner) -> None:
    with pytest.raises(SourceError, match=r"none\.jsonl"):
        corner.plan("[]", source="none.jsonl")
    assert list(corner.folder.iterdir()) == []


def test_a_missing_model_is_refused_before_anything_is_written(filled: Corner) -> None:
    with pytest.raises(ModelError, match="model folder nowhere does not exist"):
        filled.plan("[{stage: dedupe, model: {folder: nowhere}}]")
    assert not filled.store.root.exists()


def test_a_stage_names_its_models_without_loading_them(filled: Corner) -> None:
    (_, normalise, dedupe, split) = filled.plan("[{stage: normalise}, {stage: dedupe}, {stage: split}]").steps
    assert [identity.kind for identity in identities(normalise)] == ["tokenizer"]
    assert [identity.dimension for identity in identities(dedupe)] == [384]
    assert identities(split) == []
    assert filled.plan("[]").input_bytes == (filled.folder / "data.jsonl").stat().st_size


def test_too_many_rejects_fail_the_build_and_are_listed_in_a_file(corner: Corner) -> None:
    rows: list[object] = [*tasks(8), "no object", ["nor this"]]
    write_jsonl(corner.folder / "data.jsonl", rows)
    with pytest.raises(SourceError, match=r"2 of 10 units cannot be read, more than the 1.00%") as caught:
        corner.walk(corner.plan("[]"))
    assert "things: data.jsonl:9: ingest.json.not_object" in caught.value.message
    listed = json.loads(Path(caught.value.hint.rpartition(" ")[2]).read_text(encoding="utf-8"))
    assert [reject["line"] for reject in listed] == [9, 10]
    results = corner.walk(corner.plan("[]", extra="max_reject_rate: 0.2"))
    assert results[0].rows == 8


def test_only_the_first_rejects_are_named(corner: Corner) -> None:
    rows: list[object] = [*tasks(1), *range(30)]
    write_jsonl(corner.folder / "data.jsonl", rows)
    with pytest.raises(SourceError) as caught:
        corner.walk(corner.plan("[]"))
    assert caught.value.message.count("data.jsonl:") == 10


def test_a_file_of_which_nothing_can_be_read_fails_whatever_the_limit(corner: Corner) -> None:
    (corner.folder / "in").mkdir()
    write_jsonl(corner.folder / "in" / "a.jsonl", tasks(50))
    (corner.folder / "in" / "b.csv").write_text("question,answer\n,\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"b\.csv: none of its 1 units can be read; the first, at line 2"):
        corner.walk(corner.plan("[]", source="in", extra="max_reject_rate: 1"))


def test_sources_without_units_are_refused(corner: Corner) -> None:
    (corner.folder / "in").mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (corner.folder / "in" / name).write_text("")
    with pytest.raises(SourceError, match="hold no units"):
        corner.walk(corner.plan("[]", source="in"))


def test_a_corpus_of_which_nothing_is_kept_is_written_without_data(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", [{"instruction": "Say it.", "output": ""}])
    out = corner.build(corner.plan(STAGES_TEXT))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["counts"]["kept"], manifest["counts"]["dropped"]) == (0, 1)
    assert not list((out / "data").rglob("*.jsonl"))
    assert pq.read_table(out / "records.parquet").num_rows == 1


def prior_of(corner: Corner) -> str:
    write_jsonl(corner.folder / "data.jsonl", tasks(20))
    corner.build(corner.plan(STAGES_TEXT), "first")
    return STAGES_TEXT.replace(
        "{stage: split}", "{stage: split, prior: first, train: 0.1, test: 0.9, validation: 0}"
    )


def test_a_prior_build_fixes_the_splits_of_its_records(filled: Corner) -> None:
    stages = prior_of(filled)
    write_jsonl(filled.folder / "data.jsonl", [*tasks(20), *tasks(30, start=100)])
    filled.build(filled.plan(stages), "second")
    splits = {}
    for name in ("first", "second"):
        rows = pq.read_table(filled.folder / name / "records.parquet").to_pylist()
        splits[name] = {row["id"]: row["split"] for row in rows if row["status"] == "kept"}
    shared = splits["first"].keys() & splits["second"].keys()
    assert len(shared) == 20
    assert {id_: splits["first"][id_] for id_ in shared} == {id_: splits["second"][id_] for id_ in shared}
    new = [split for id_, split in splits["second"].items() if id_ not in shared]
    assert new.count("test") > 20


def test_another_prior_build_is_another_step(filled: Corner) -> None:
    stages = prior_of(filled)
    one = filled.walk(filled.plan(stages))[-1].key
    path = filled.folder / "first" / "records.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(0, 5), path)
    assert filled.walk(filled.plan(stages))[-1].key != one


def test_a_prior_that_is_no_build_or_has_no_splits_is_a_recipe_error(filled: Corner) -> None:
    stages = "[{stage: split, prior: first}]"
    with pytest.raises(
        RecipeError, match=r"stage 'split': the prior build .*first holds no records\.parquet"
    ):
        filled.plan(stages)
    (filled.folder / "first").mkdir()
    pq.write_table(records({"instruction": "q"}), filled.folder / "first" / "records.parquet")
    with pytest.raises(RecipeError, match="has no splits"):
        filled.plan(stages)


class BadEdit:
    """An edit stage with a defect."""

    name = "bad"
    version = 1

    def needs(self, params: StageParams) -> tuple[Need, ...]:
        return ()

    def edit(self, batch: pa.Table, params: StageParams, models: Models) -> Changes:
        if params.name == "own":
            raise StageError("what the stage says itself")
        raise KeyError(batch["instruction"][0].as_py())


class BadMeasure:
    """A judge stage whose measure forgets a text, or breaks."""

    name = "bad"
    version = 1

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        if measure.name == "own":
            raise StageError("what the stage says itself")
        if measure.name == "broken":
            raise ValueError(batch["instruction"][0].as_py())
        return pa.table({"n": [1] * (batch.num_rows - 1)})


def test_a_defect_of_a_stage_names_stage_and_shard_and_no_text(filled: Corner) -> None:
    with stages_added(bad=StageKind("edit", BadEdit(), StageParams, "breaks")):
        broken = Step("mend", "edit", "bad", StageParams(), ())
        with pytest.raises(
            StageError, match=r"stage 'mend' failed on shard [0-9a-f]{32}: KeyError"
        ) as caught:
            filled.walk(filled.plan("[]", steps=[broken]))
        assert "编号" not in str(caught.value)
        assert "--debug" in caught.value.hint
        with pytest.raises(StageError, match=r"^what the stage says itself$"):
            filled.walk(filled.plan("[]", steps=[replace(broken, params=StageParams(name="own"))]))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short", "'short' gave 1 rows for 2 texts"),
        ("broken", "failed on shard .*ValueError"),
        ("own", "^what the"),
    ],
)
def test_a_measure_that_breaks_or_forgets_a_text_is_a_stage_error(
    filled: Corner, name: str, message: str
) -> None:
    kind: Any = BadMeasure()
    with stages_added(bad=StageKind("judge", kind, StageParams, "forgets")):
        (shard, *_) = filled.walk(filled.plan("[]"))[0].shards
        site = Site(str(filled.store.root), "", "", 1)
        measure = Measure(name, 1, ("instruction",))
        item = MeasureItem(site, "bad", "count", measure, "k" * 32, "", shard.shard, (0, 1), ("a", "b"))
        with pytest.raises(StageError, match=message):
            measure_work(item)


def test_a_file_whose_shards_are_gone_is_read_again(filled: Corner) -> None:
    planned = filled.plan("[]")
    site = Workshop(filled.store, ShuffledRunner(), None).site(planned)  # type: ignore[arg-type]
    first_input = planned.inputs[0]
    item = IngestItem(site, first_input.file, first_input.spec, first_input.digest, "k" * 32, 5)
    first = ingest_work(item)
    assert isinstance(FileReport(**{k: v for k, v in first.items() if k != "shards"}), FileReport)
    filled.store.table_path("shards", first["shards"][2][0]).unlink()
    assert json.dumps(ingest_work(item)) == json.dumps(first)
    assert filled.store.has_table("shards", first["shards"][2][0])


def test_a_file_that_changes_while_it_is_read_is_refused(filled: Corner) -> None:
    planned = filled.plan("[]")
    write_jsonl(filled.folder / "data.jsonl", tasks(3))
    with pytest.raises(SourceError, match=r"data\.jsonl was changed while it was read"):
        filled.walk(planned)


@pytest.mark.parametrize("kind", ["dropped", "ledger"])
def test_a_step_whose_tables_are_gone_is_run_again(filled: Corner, kind: str) -> None:
    planned = filled.plan(STAGES_TEXT)
    first = filled.walk(planned)
    keys = [getattr(shard, kind) for result in first for shard in result.shards if getattr(shard, kind)]
    assert keys
    for key in keys:
        filled.store.table_path("shards" if kind == "dropped" else "ledgers", key).unlink()
    assert [result.shards for result in filled.walk(planned)] == [result.shards for result in first]
    assert all(filled.store.has_table("shards" if kind == "dropped" else "ledgers", key) for key in keys)


def test_the_twin_of_a_record_of_a_prior_build_takes_nothing_from_its_split(filled: Corner) -> None:
    write_jsonl(filled.folder / "data.jsonl", tasks(60))
    first = filled.build(filled.plan(STAGES_TEXT), "first")
    stages = STAGES_TEXT.replace("{stage: split}", "{stage: split, prior: first}")
    write_jsonl(filled.folder / "data.jsonl", [*tasks(60), *tasks(60)])
    second = filled.build(filled.plan(stages), "second")
    split_of = {
        folder: {row["id"]: row["split"] for row in pq.read_table(folder / "records.parquet").to_pylist()}
        for folder in (first, second)
    }
    assert len(split_of[second]) == 120
    assert {id_: split_of[second][id_] for id_ in split_of[first]} == split_of[first]


def test_a_build_needs_the_reports_of_its_files(filled: Corner) -> None:
    planned = filled.plan("[]")
    results = filled.walk(planned)
    for path in (filled.store.root / "files").rglob("*.json"):
        path.unlink()
    with pytest.raises(StoreError, match="the store lost the report"):
        write_build(filled.folder / "out", planned, results, filled.store, {})


def test_the_key_of_a_build_depends_on_its_exports_and_not_on_its_folder(
    filled: Corner, tmp_path: Path
) -> None:
    planned = filled.plan("[]")
    key = build_key(planned, filled.walk(planned))
    again = plan(planned.recipe, filled.folder)
    assert build_key(again, filled.walk(again)) == key
    other = filled.plan("[]", extra="exports: [{format: alpaca}]")
    assert build_key(other, filled.walk(other)) != key
