"""A build survives being killed, moved to other workers, edited and swept, and ends in the same bytes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import workbench as bench
from workbench import Built

from pipeline.runners import SerialRunner

RUNNERS = [
    ("serial", 1),
    pytest.param("processes", 1, marks=pytest.mark.slow),
    pytest.param("processes", 2, marks=pytest.mark.slow),
    ("processes", 4),
]


def start(recipe: Path, home: Path, *args: object) -> subprocess.Popen[bytes]:
    """Start a build in a process group of its own."""
    return subprocess.Popen(
        bench.command("build", recipe, "--out", home / "out", "--store", home / ".build", *args),
        cwd=home,
        env=bench.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def survive(built: Built, home: Path, kills: int, seed: int, *args: object) -> int:
    """Kill builds `kills` times at random moments, starting them again until they end; return how many ended.

    A build that ends has its folder compared, and is then begun anew in an empty store.
    """
    expected = bench.content(built.out)
    chance = random.Random(seed)
    home.mkdir()
    began = time.monotonic()
    assert start(built.recipe, home, *args).wait() == 0
    whole = time.monotonic() - began
    ended = killed = 0
    shutil.rmtree(home)
    while True:
        home.mkdir(exist_ok=True)
        child = start(built.recipe, home, *args)
        try:
            assert child.wait(timeout=None if killed >= kills else chance.uniform(0.2, 1.1) * whole) == 0
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            killed += 1
            if (home / "out").exists():
                assert bench.content(home / "out") == expected, "a folder that stands there is whole"
            continue
        assert bench.content(home / "out") == expected
        assert not bench.leftovers(home), "a build that ended leaves nothing half-made"
        ended += 1
        if killed >= kills:
            return ended
        shutil.rmtree(home)


@pytest.mark.slow
def test_a_build_killed_four_times_ends_in_the_same_bytes(plain: Built, tmp_path: Path) -> None:
    assert survive(plain, tmp_path / "home", 4, 1, "--runner", "serial")


@pytest.mark.slow
def test_a_build_on_two_processes_killed_once_ends_in_the_same_bytes(plain: Built, tmp_path: Path) -> None:
    assert survive(plain, tmp_path / "home", 1, 2, "--runner", "processes", "--workers", "2")


@pytest.mark.slow
@pytest.mark.parametrize("runner", [("serial",), ("processes", "--workers", "2")])
def test_a_build_killed_twenty_times_ends_in_the_same_bytes(
    plain: Built, tmp_path: Path, runner: tuple[str, ...]
) -> None:
    assert survive(plain, tmp_path / "home", 20, 3, "--runner", *runner)


@pytest.mark.slow
def test_a_build_with_an_embedder_killed_six_times_ends_in_the_same_bytes(
    semantic: Built, tmp_path: Path
) -> None:
    assert survive(semantic, tmp_path / "home", 6, 4, "--runner", "serial")


KILL_AT = """\
import os, pathlib, runpy, signal, sys
point, moment, left = sys.argv[1], sys.argv[2], [int(sys.argv[3])]
def wrapped(name):
    plain = getattr(pathlib.Path, name)
    def call(self, *args):
        if name != point or "lock" in self.name:
            return plain(self, *args)
        left[0] -= 1
        if left[0] == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = plain(self, *args)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(pathlib.Path, name, call)
for name in ("replace", "rename"):
    wrapped(name)
sys.argv = ["pipeline", *sys.argv[4:]]
runpy.run_module("pipeline", run_name="__main__")
"""
"""Runs the pipeline, and kills it just before or after the N-th file or folder is put into place."""


def kill_at(point: str, moment: str, number: int, recipe: Path, home: Path) -> int:
    args = ["build", recipe, "--out", home / "out", "--store", home / ".build", "--runner", "serial"]
    line = [sys.executable, "-c", KILL_AT, point, moment, str(number), *map(str, args)]
    return subprocess.run(
        line, cwd=home, env=bench.environment(), capture_output=True, check=False
    ).returncode


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_while_the_folder_is_put_into_place_loses_neither_build(
    copy_of_plain: Built, moment: str
) -> None:
    home = copy_of_plain.recipe.parent
    (copy_of_plain.out / "decisions.jsonl").write_text("what a person wrote\n")
    before = bench.content(copy_of_plain.out)
    other = home / "other.yaml"
    other.write_text(copy_of_plain.recipe.read_text().replace("seed: 7", "seed: 8"))
    for number in (1, 2):  # the old folder is put aside, the new one takes its place
        assert kill_at("rename", moment, number, other, home) == -signal.SIGKILL
        folders = [home / "out", *home.glob(".old-out-*")]
        found = [bench.content(folder) for folder in folders if (folder / "manifest.json").exists()]
        assert before in found, "the old build is whole, in its place or beside it"
        bench.build(copy_of_plain.recipe, home / "out", home / ".build")
        assert bench.content(home / "out") == before
        assert not bench.leftovers(home)


@pytest.mark.slow
def test_a_kill_at_every_place_where_a_file_is_finished_ends_in_the_same_bytes(
    plain: Built, tmp_path: Path
) -> None:
    expected = bench.content(plain.out)
    home = tmp_path / "home"
    for number in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        for moment in ("before", "after"):
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            assert kill_at("replace", moment, number, plain.recipe, home) == -signal.SIGKILL
            assert not (home / "out").exists()
            bench.build(plain.recipe, home / "out", home / ".build")
            assert bench.content(home / "out") == expected, f"killed {moment} file {number}"
            assert not bench.leftovers(home)


@pytest.mark.parametrize(("runner", "workers"), RUNNERS)
def test_every_number_of_workers_gives_the_same_bytes(
    plain: Built, tmp_path: Path, runner: str, workers: int
) -> None:
    bench.build(plain.recipe, tmp_path / "out", tmp_path / ".build", "--runner", runner, "--workers", workers)
    assert bench.content(tmp_path / "out") == bench.content(plain.out)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_every_number_of_workers_gives_the_same_bytes_with_an_embedder(
    semantic: Built, tmp_path: Path, workers: int
) -> None:
    args = ("--runner", "processes", "--workers", workers)
    bench.build(semantic.recipe, tmp_path / "out", tmp_path / ".build", *args)
    assert bench.content(tmp_path / "out") == bench.content(semantic.out)


def shuffle_work(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Let the serial runner do its items in a random order; results still come in the items' order."""
    chance = random.Random(seed)

    def shuffled(self: SerialRunner, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        order = list(range(len(items)))
        chance.shuffle(order)
        done = {number: work(items[number]) for number in order}
        return (done[number] for number in range(len(items)))

    monkeypatch.setattr(SerialRunner, "map", shuffled)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_order_of_work_gives_the_same_bytes(
    plain: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    shuffle_work(monkeypatch, seed)
    bench.build(plain.recipe, tmp_path / "out", tmp_path / ".build")
    assert bench.content(tmp_path / "out") == bench.content(plain.out)


def test_any_order_of_work_gives_the_same_bytes_with_an_embedder(
    semantic: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shuffle_work(monkeypatch, 4)
    bench.build(semantic.recipe, tmp_path / "out", tmp_path / ".build")
    assert bench.content(tmp_path / "out") == bench.content(semantic.out)


def by_id(folder: Path) -> dict[str, dict[str, Any]]:
    """Return a build's records by id, without where they stand."""
    return {
        row["id"]: {name: value for name, value in row.items() if name != "line"}
        for row in bench.rows(folder, "records.parquet")
    }


def ledger_of(folder: Path, without: set[str]) -> list[str]:
    rows = (row for row in bench.rows(folder, "ledger.parquet") if row["id"] not in without)
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def family(folder: Path, id_: str) -> set[str]:
    """Return the ids that one record's deletion may concern: itself, and those bound to it as alike."""
    found = by_id(folder)
    cluster = found[id_].get("cluster")
    return {id_} | {other for other, row in found.items() if cluster and row.get("cluster") == cluster}


def deleting_changes_nothing_else(built: Built, folder: Path, line: int) -> None:
    """Build the corpus without one line, in the same store; compare every record that is not its family."""
    lines = (built.recipe.parent / "data.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    recipe = bench.fresh_copy(built.recipe.parent, folder / f"without-{line}") / "recipe.yaml"
    (recipe.parent / "data.jsonl").write_text("".join(lines[: line - 1] + lines[line:]), encoding="utf-8")
    out = folder / f"out-{line}"
    bench.build(recipe, out, folder / ".build")
    # Of equal lines, the ids are those of the first, the second and so on: it is the last that goes.
    at = max(number for number, other in enumerate(lines, start=1) if other == lines[line - 1])
    gone = next(row["id"] for row in bench.rows(built.out, "records.parquet") if row["line"] == at)
    concerned = family(built.out, gone)
    before, after = by_id(built.out), by_id(out)
    assert before.keys() - after.keys() == {gone}
    assert after.keys() <= before.keys()
    for id_ in before.keys() - concerned:
        assert after[id_] == before[id_]
    assert ledger_of(out, concerned) == ledger_of(built.out, concerned)
    if concerned == {gone}:
        now = bench.export_lines(out)
        for name, known in bench.export_lines(built.out).items():
            assert now[name] <= known
            assert len(known - now[name]) == (
                before[gone]["status"] == "kept" and before[gone]["split"] in name
            )


@pytest.mark.slow
def test_deleting_a_line_changes_nothing_about_the_other_records(plain: Built, tmp_path: Path) -> None:
    chance = random.Random(5)
    # The first and the last line, one without an answer, a twin and its original, and any three.
    for line in [1, 300, 34, 14, 21, *chance.sample(range(1, 301), 3)]:
        deleting_changes_nothing_else(plain, tmp_path, line)


def test_deleting_a_line_changes_nothing_about_the_other_records_with_an_embedder(
    semantic: Built, tmp_path: Path
) -> None:
    for line in (1, 14, 46, 60):
        deleting_changes_nothing_else(semantic, tmp_path, line)


def measured_texts(store: Path) -> list[str]:
    """Return the text keys of every measured text, as often as it was measured."""
    keys = []
    for name in sorted(bench.stored(store, "measures")):
        with pa.memory_map(str(store / name)) as source:
            table = pa.ipc.open_file(source).read_all()
        kind = Path(name).parts[1]
        keys += [f"{kind} {key}" for key in table.column("text_key").to_pylist()]
    return keys


@pytest.mark.parametrize("which", ["copy_of_plain", "copy_of_semantic"])
def test_appending_lines_measures_only_new_text(which: str, request: pytest.FixtureRequest) -> None:
    built: Built = request.getfixturevalue(which)
    before, records = measured_texts(built.store), by_id(built.out)
    assert len(before) == len(set(before))
    added = list(bench.records(9, seed=99, duplicates=False))
    with (built.recipe.parent / "data.jsonl").open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in added)
    bench.build(built.recipe, built.out, built.store)
    after = measured_texts(built.store)
    assert len(after) == len(set(after)), "no text is measured twice"
    kinds = {key.split()[0] for key in after}
    assert len(after) - len(before) == len(added) * len(kinds)
    now = by_id(built.out)
    assert len(now) == len(records) + len(added)
    assert all(now[id_] == row for id_, row in records.items())


def test_a_prior_build_keeps_every_split_though_the_strata_are_balanced_anew(tmp_path: Path) -> None:
    stages = bench.PLAIN.replace("test: 0.1}", "test: 0.1, max_deviation: 0.001, min_stratum: 100}")
    recipe = bench.corpus(tmp_path, 300, stages=stages)
    bench.build(recipe, tmp_path / "first", tmp_path / ".build")
    assert bench.manifest(tmp_path / "first")["stages"][-1]["notes"]["groups_moved_for_balance"]
    bench.write_jsonl(
        tmp_path / "data.jsonl", [*bench.records(300), *bench.records(40, seed=9, duplicates=False)]
    )
    bench.write_recipe(tmp_path, stages.replace("{stage: split,", "{stage: split, prior: first,"))
    bench.build(recipe, tmp_path / "second", tmp_path / ".build")
    before, now = by_id(tmp_path / "first"), by_id(tmp_path / "second")
    assert len(now) == 340
    assert {id_: now[id_]["split"] for id_ in before} == {id_: row["split"] for id_, row in before.items()}


def moments(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_second_run_executes_no_stage_and_touches_no_file(
    copy_of_plain: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = moments(copy_of_plain.out)
    stored = moments(copy_of_plain.store)
    monkeypatch.setattr(SerialRunner, "map", _no_work)
    printed = bench.build(copy_of_plain.recipe, copy_of_plain.out, copy_of_plain.store).stdout
    assert printed.count("already done") == 5
    assert "nothing has changed" in printed
    assert moments(copy_of_plain.out) == before
    assert stored.keys() == moments(copy_of_plain.store).keys()


def _no_work(self: SerialRunner, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    raise AssertionError(f"{work.__name__} was asked for")


FILES = ["data/alpaca/train.jsonl", "ledger.parquet", "records.parquet", "rejects.jsonl", "README.md"]


@pytest.mark.parametrize("harm", ["delete", "alter"])
def test_a_deleted_or_altered_file_is_restored_without_work(
    copy_of_plain: Built, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    before = bench.content(copy_of_plain.out)
    monkeypatch.setattr(SerialRunner, "map", _no_work)
    for name in FILES:
        path = copy_of_plain.out / name
        path.unlink() if harm == "delete" else path.write_bytes(path.read_bytes() + b" ")
        bench.build(copy_of_plain.recipe, copy_of_plain.out, copy_of_plain.store)
        assert bench.content(copy_of_plain.out) == before, name


def _dedupe_reasons(built: Built) -> dict[str, dict[str, int]]:
    (stage,) = (stage for stage in bench.manifest(built.out)["stages"] if stage["name"] == "dedupe")
    reasons: dict[str, dict[str, int]] = stage["reasons"]
    return reasons


def test_a_moved_threshold_reruns_no_model(copy_of_semantic: Built) -> None:
    built = copy_of_semantic
    before = {kind: bench.stored(built.store, kind) for kind in ("measures", "pairs", "links", "vectors")}
    assert all(before.values())
    reasons = _dedupe_reasons(built)
    text = built.recipe.read_text().replace("threshold: 0.93", "near_threshold: 0.999")
    built.recipe.write_text(text)
    bench.build(built.recipe, built.out, built.store)
    assert {kind: bench.stored(built.store, kind) for kind in before} == before
    assert "dedupe.near" in reasons["drop"]
    assert "dedupe.near" not in _dedupe_reasons(built)["drop"]


@pytest.mark.parametrize("which", ["copy_of_plain", "copy_of_semantic"])
def test_after_gc_a_build_runs_nothing(
    which: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: Built = request.getfixturevalue(which)
    before = bench.content(built.out)
    printed = bench.invoke("gc", "--store", built.store).stdout
    assert printed.startswith("removed ")
    monkeypatch.setattr(SerialRunner, "map", _no_work)
    assert "nothing has changed" in bench.build(built.recipe, built.out, built.store).stdout
    shutil.rmtree(built.out)
    bench.build(built.recipe, built.out, built.store)
    assert bench.content(built.out) == before


def test_gc_removes_what_only_a_deleted_build_needed(copy_of_plain: Built) -> None:
    built = copy_of_plain
    shutil.rmtree(built.out)
    bench.invoke("gc", "--store", built.store)
    assert not bench.stored(built.store, "shards")


def test_gc_dry_run_removes_nothing(copy_of_plain: Built) -> None:
    before = moments(copy_of_plain.store)
    printed = bench.invoke("gc", "--store", copy_of_plain.store, "--raw", "--dry-run").stdout
    assert printed.startswith("would remove ")
    assert moments(copy_of_plain.store) == before


@pytest.mark.parametrize("which", ["copy_of_plain", "copy_of_semantic"])
def test_gc_raw_leaves_no_text_in_the_store_and_the_next_build_works(
    which: str, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(which)
    before = bench.content(built.out)
    measures = bench.stored(built.store, "measures")
    bench.invoke("gc", "--store", built.store, "--raw")
    assert not bench.stored(built.store, "shards")
    text = bench.records(1)[0]["output"].encode()
    holders = [p for p in built.store.rglob("*") if p.is_file() and text in p.read_bytes()]
    assert not holders
    bench.build(built.recipe, built.out, built.store)
    assert bench.content(built.out) == before
    shutil.rmtree(built.out)
    bench.build(built.recipe, built.out, built.store)
    assert bench.content(built.out) == before
    assert bench.stored(built.store, "measures") == measures, "no text was measured again"
