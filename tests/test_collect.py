"""gc keeps what the builds that still stand were made of, and removes the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fakes import Corner, Journal, LengthParams, LettersParams, tasks, write_jsonl

from pipeline.collect import HOLDS_TEXT, collect, remember
from pipeline.errors import SourceError, StoreError
from pipeline.output import write_build
from pipeline.steps import Plan, Step

STAGES_TEXT = "[{stage: heuristics}, {stage: dedupe, semantic: false}, {stage: split}]"
STEPS = [
    Step("letters", "judge", "letters", LettersParams(), ()),
    Step("length", "judge", "length", LengthParams(), ()),
]


def build(corner: Corner, planned: Plan, out: str = "out") -> None:
    """Build and leave a root, as the command line does."""
    results = corner.walk(planned)
    write_build(corner.folder / out, planned, results, corner.store, {})
    remember(corner.store, corner.folder / out, planned, results)


def names(corner: Corner) -> set[str]:
    return {path.relative_to(corner.store.root).as_posix() for path in corner.store.files()}


@pytest.fixture
def filled(corner: Corner, journal: Journal) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", [*tasks(20), {"instruction": "Why?", "output": ""}])
    return corner


def test_a_build_after_gc_runs_no_stage(filled: Corner, journal: Journal) -> None:
    planned = filled.plan(STAGES_TEXT, steps=STEPS)
    build(filled, planned)
    collected = collect(filled.store)
    assert collected.files > 0
    assert collected.kept_files == len(names(filled))
    journal.clear()
    assert all(result.cached for result in filled.walk(planned))
    build(filled, planned, "again")
    assert [journal.total(what) for what in ("measure", "compare", "fit", "decide")] == [0, 0, 0, 0]


def test_a_changed_threshold_after_gc_still_measures_nothing(filled: Corner, journal: Journal) -> None:
    build(filled, filled.plan(STAGES_TEXT, steps=STEPS))
    collect(filled.store)
    journal.clear()
    loose = Step("letters", "judge", "letters", LettersParams(threshold=0.8), ())
    filled.walk(filled.plan(STAGES_TEXT, steps=[loose, STEPS[1]]))
    assert [journal.total(what) for what in ("measure", "link", "compare", "fit")] == [0, 0, 0, 0]


def test_what_no_build_needs_goes(filled: Corner) -> None:
    build(filled, filled.plan(STAGES_TEXT))
    needed = names(filled)
    collect(filled.store)
    kept = names(filled)
    filled.walk(
        filled.plan("[{stage: heuristics, max_loop: 0.5}, {stage: split, train: 1, validation: 0, test: 0}]")
    )
    assert names(filled) > kept
    collect(filled.store)
    assert names(filled) == kept
    assert kept < needed


def test_the_store_of_a_build_that_was_deleted_is_emptied(filled: Corner) -> None:
    build(filled, filled.plan(STAGES_TEXT), "one")
    only_one = {name for name in names(filled) if not name.startswith("roots/")}
    shutil.rmtree(filled.folder / "one")
    collected = collect(filled.store)
    assert collected.files >= len(only_one)
    assert names(filled) == set()
    assert list(filled.store.root.iterdir()) == [filled.store.root / "lock"]


def test_a_build_that_replaces_another_replaces_its_root(filled: Corner) -> None:
    build(filled, filled.plan(STAGES_TEXT))
    collect(filled.store)
    build(filled, filled.plan("[]"))
    collect(filled.store)
    kept = names(filled)
    assert len([name for name in kept if name.startswith("roots/")]) == 1
    assert not any(name.startswith("measures/") for name in kept)


def test_raw_removes_every_file_that_holds_text(filled: Corner) -> None:
    planned = filled.plan(STAGES_TEXT, steps=STEPS)
    build(filled, planned)
    collect(filled.store, raw=True)
    left = names(filled)
    assert left
    assert not {name.split("/")[0] for name in left} & set(HOLDS_TEXT)
    for path in filled.store.files():
        content = path.read_bytes()
        for row in tasks(20):
            assert row["output"].encode() not in content
            assert row["instruction"].encode() not in content


def test_a_build_after_raw_gc_reads_again_and_measures_nothing(filled: Corner, journal: Journal) -> None:
    planned = filled.plan(STAGES_TEXT, steps=STEPS)
    build(filled, planned)
    before = (filled.folder / "out" / "records.parquet").read_bytes()
    collect(filled.store, raw=True)
    journal.clear()
    build(filled, planned, "again")
    assert (filled.folder / "again" / "records.parquet").read_bytes() == before
    assert [journal.total(what) for what in ("measure", "compare", "fit")] == [0, 0, 0]


def test_a_dry_run_counts_and_removes_nothing(filled: Corner) -> None:
    build(filled, filled.plan(STAGES_TEXT))
    before = names(filled)
    promised = collect(filled.store, dry_run=True)
    assert names(filled) == before
    assert promised.files + promised.kept_files == len(before)
    assert promised.bytes + promised.kept_bytes == sum(path.stat().st_size for path in filled.store.files())
    assert collect(filled.store) == promised


def test_the_rejects_of_a_failed_build_go(corner: Corner) -> None:
    rows: list[object] = [*tasks(2), "no object"]
    write_jsonl(corner.folder / "data.jsonl", rows)
    with pytest.raises(SourceError):
        corner.walk(corner.plan("[]"))
    assert any(name.startswith("failed/") for name in names(corner))
    collect(corner.store)
    assert names(corner) == set()


def test_gc_of_a_store_that_was_never_used_removes_nothing(corner: Corner) -> None:
    assert collect(corner.store).files == 0


def test_gc_waits_for_no_one(filled: Corner, tmp_path: Path) -> None:
    build(filled, filled.plan("[]"))
    with filled.store.lock(exclusive=False), pytest.raises(StoreError, match="in use by a build"):
        collect(filled.store)
    assert names(filled)
