"""What can go wrong goes wrong clearly: what, where and what to do; the right exit code; no harm done."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import workbench as bench
from workbench import Built

BRIEF = "stages:\n  - {stage: dedupe, semantic: false}\n"


def refuse(
    folder: Path, code: int, *words: str, args: tuple[object, ...] = (), recipe: str = "recipe.yaml"
) -> str:
    """Build folder/recipe.yaml, expect a failure, and return its message, which names all `words`."""
    before = bench.content(folder / "out") if (folder / "out").is_dir() else None
    line = ["build", folder / recipe, "--out", folder / "out", "--store", folder / ".build", *args]
    result = bench.invoke(*line)
    check_refusal(result, code, *words)
    after = bench.content(folder / "out") if (folder / "out").is_dir() else None
    assert after == before, "an output folder is neither half made nor harmed"
    assert not bench.leftovers(folder)
    return result.stderr


def check_refusal(result: bench.Outcome, code: int, *words: str, hint: bool = True) -> None:
    message = result.stderr
    assert result.code == code, message or result.stdout
    assert message.startswith("error: "), message
    assert "Traceback" not in message
    assert not hint or "\n  → " in message, f"no word on what to do: {message}"
    for word in words:
        assert word in message, message


def source(folder: Path, name: str, data: bytes | None, stages: str = BRIEF, **options: str) -> None:
    """Write one file, if there is any data, and a recipe whose only source it is."""
    folder.mkdir(parents=True, exist_ok=True)
    if data is not None:
        (folder / name).write_bytes(data)
    bench.write_recipe(folder, stages, name, **options)


def lines(rows: list[object]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


GOOD = lines([*bench.records(120)])


def parquet(folder: Path) -> bytes:
    path = folder / "whole.parquet"
    pq.write_table(pa.Table.from_pylist(bench.records(200)), path)
    return path.read_bytes()


# Sources


def test_a_missing_file_is_named_with_its_like(tmp_path: Path) -> None:
    (tmp_path / "date.jsonl").write_bytes(GOOD)
    source(tmp_path, "data.jsonl", None)
    refuse(tmp_path, 1, "source things", "data.jsonl does not exist", "did you mean date.jsonl?")


def test_an_empty_file_holds_no_units(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", b"")
    refuse(tmp_path, 1, "source things", "data.jsonl holds no units")


def test_a_file_of_blank_lines_holds_no_units(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", b"\n\n  \n")
    refuse(tmp_path, 1, "data.jsonl holds no units")


def test_a_folder_with_no_readable_file_lists_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "notes.docx").write_bytes(b"PK\x03\x04")
    source(tmp_path, "raw", None)
    refuse(tmp_path, 1, "source things", "notes.docx", ".jsonl")


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    source(tmp_path, "raw", None)
    refuse(tmp_path, 1, "source things", "holds no files")


def test_a_truncated_gzip_says_after_which_unit(tmp_path: Path) -> None:
    packed = gzip.compress(lines([*bench.records(3000)]))
    source(tmp_path, "data.jsonl.gz", packed[: len(packed) // 2])
    message = refuse(tmp_path, 1, "source things", "ends inside its gzip stream", "on_broken_file: keep")
    assert int(re.search(r"after ([\d,]+) units", message)[1].replace(",", "")) > 100


def test_a_truncated_gzip_can_be_kept_up_to_the_damage(tmp_path: Path) -> None:
    packed = gzip.compress(lines([*bench.records(3000)]))
    source(tmp_path, "data.jsonl.gz", packed[: len(packed) // 2])
    text = (tmp_path / "recipe.yaml").read_text().replace('gz"}', 'gz", on_broken_file: keep}')
    (tmp_path / "recipe.yaml").write_text(text)
    bench.build(tmp_path / "recipe.yaml", tmp_path / "out", tmp_path / ".build")
    (reject,) = map(json.loads, (tmp_path / "out" / "rejects.jsonl").read_text().splitlines())
    assert reject["reason"] == "ingest.file.truncated"


@pytest.mark.parametrize("harm", ["half", "no footer", "zeros"])
def test_a_broken_parquet_file_is_refused(tmp_path: Path, harm: str) -> None:
    data = parquet(tmp_path)
    broken = {"half": data[: len(data) // 2], "no footer": data[:-4], "zeros": data[:-200] + bytes(200)}
    source(tmp_path, "data.parquet", broken[harm])
    refuse(tmp_path, 1, "data.parquet is not a whole Parquet file")


def test_a_parquet_file_with_damaged_pages_is_refused(tmp_path: Path) -> None:
    data = bytearray(parquet(tmp_path))
    data[200:2000] = random.Random(3).randbytes(1800)
    source(tmp_path, "data.parquet", bytes(data))
    refuse(tmp_path, 1, "data.parquet is not a whole Parquet file")


def test_a_json_array_cut_in_half_is_refused(tmp_path: Path) -> None:
    data = json.dumps(bench.records(120), ensure_ascii=False).encode()
    source(tmp_path, "data.json", data[: len(data) // 2])
    refuse(tmp_path, 1, "source things", "data.json", "on_broken_file: keep")


def test_binary_garbage_named_jsonl_is_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", random.Random(1).randbytes(200_000))
    refuse(tmp_path, 1, "data.jsonl")


def test_text_that_is_no_json_named_jsonl_is_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", "这不是 JSON\nneither is this\n".encode() * 300)
    refuse(tmp_path, 1, "data.jsonl", "ingest.json.invalid")


def test_duplicate_csv_columns_are_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.csv", b"question,answer,answer\nwhy,because,so\n")
    refuse(tmp_path, 1, "data.csv", "answer")


def test_a_file_that_fits_no_shape_shows_the_map_to_write(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", lines([{"frage": "warum?", "antwort": "darum"}] * 20))
    refuse(tmp_path, 1, "source things", "frage", "antwort", "columns:")


def test_a_declared_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    text = (tmp_path / "recipe.yaml").read_text()
    changed = text.replace(
        'data.jsonl"}', 'data.jsonl", columns: {instruction: instruktion, output: output}}'
    )
    (tmp_path / "recipe.yaml").write_text(changed)
    refuse(tmp_path, 1, "source things", "instruktion")


def with_bad_lines(bad: int, good: int) -> bytes:
    return b'{"instruction": \n' * bad + lines([*bench.records(good)])


def test_more_rejects_than_the_rate_fail_and_name_the_first_ten(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", with_bad_lines(12, 188), extra="max_reject_rate: 0.05")
    message = refuse(tmp_path, 1, "12 of 200 units cannot be read", "5.00%", "max_reject_rate")
    named = re.findall(r"things: data\.jsonl:(\d+): ingest\.json\.invalid", message)
    assert named == [str(number) for number in range(1, 11)]
    listed = Path(re.search(r"all of them are listed in (\S+)", message)[1])
    assert len(json.loads(listed.read_text())) == 12


def test_as_many_rejects_as_the_rate_allows_pass(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", with_bad_lines(10, 190), extra="max_reject_rate: 0.05")
    bench.build(tmp_path / "recipe.yaml", tmp_path / "out", tmp_path / ".build")
    assert bench.manifest(tmp_path / "out")["counts"]["rejected"] == 10
    bench.write_recipe(tmp_path, BRIEF, extra="max_reject_rate: 0.0499")
    refuse(tmp_path, 1, "10 of 200 units")


def test_a_corpus_of_which_nothing_is_left_fails_and_counts_the_reasons(tmp_path: Path) -> None:
    empty = lines([{"instruction": f"Say {number}.", "output": ""} for number in range(7)])
    source(tmp_path, "data.jsonl", empty, stages="stages:\n  - stage: heuristics\n")
    refuse(tmp_path, 1, "no record is left of 7", "heuristics.response.empty: 7")


def test_a_failing_source_leaves_an_earlier_build_as_it_was(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    bench.build(tmp_path / "recipe.yaml", tmp_path / "out", tmp_path / ".build")
    (tmp_path / "data.jsonl").write_bytes(with_bad_lines(100, 10))
    refuse(tmp_path, 1, "100 of 110 units")
    (tmp_path / "data.jsonl").unlink()
    refuse(tmp_path, 1, "does not exist")


def test_an_error_of_a_worker_process_reads_the_same(tmp_path: Path) -> None:
    source(tmp_path, "*.jsonl", None)
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_bytes(GOOD)
    (tmp_path / "c.jsonl").write_bytes(lines([{"frage": "warum?", "antwort": "darum"}] * 20))
    result = bench.run(
        "build", "recipe.yaml", "--out", "out", "--runner", "processes", "--workers", 2, cwd=tmp_path
    )
    check_refusal(result, 1, "source things", "frage")
    assert not (tmp_path / "out").exists()


LAUNCH = """
import json, os, subprocess, sys
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=open(sys.argv[1], "wb"))
_, status, usage = os.wait4(child.pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_maxrss // 1024]))
"""
"""Starts a process from a small one: the peak that the system counts includes what was there before it began."""


def peak_mib(folder: Path) -> tuple[int, int, str]:
    """Build a folder's recipe in a process; return exit code, peak memory in MiB, and stderr."""
    command = bench.command("build", folder / "recipe.yaml", "--out", folder / "out", "--runner", "serial")
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(folder / "stderr"), *map(str, command)],
        cwd=folder, env=bench.environment(), capture_output=True, check=True,
    )  # fmt: skip
    code, peak = json.loads(done.stdout)
    return code, peak, (folder / "stderr").read_text()


def huge_line() -> bytes:
    return b'{"instruction": "' + b"x" * 100_000_000 + b'", "output": "y"}\n'


def test_a_line_of_100_mb_alone_is_refused_within_800_mib(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", huge_line())
    code, peak, message = peak_mib(tmp_path)
    assert code == 1
    assert message.startswith("error: ")
    assert "ingest.unit.too_large" in message
    assert peak < 800


@pytest.mark.slow
def test_a_line_of_100_mb_among_good_ones_is_one_reject_within_800_mib(tmp_path: Path) -> None:
    good = lines([*bench.records(2000)])
    source(tmp_path, "data.jsonl", good[: good.index(b"\n", 50_000) + 1] + huge_line() + good)
    code, peak, message = peak_mib(tmp_path)
    assert code == 0, message
    (reject,) = map(json.loads, (tmp_path / "out" / "rejects.jsonl").read_text().splitlines())
    assert reject["reason"] == "ingest.unit.too_large"
    assert peak < 800


# Recipes and the command line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stages:\n  - stage: dedup\n", ["recipe.yaml:8", "'dedup'", "did you mean 'dedupe'?"]),
        ("stages:\n  - {stage: dedupe, treshold: 0.95}\n", ["recipe.yaml:8", "did you mean 'threshold'?"]),
        ("stages:\n  - {stage: dedupe, threshold: 1.5}\n", ["recipe.yaml:8", "threshold", "given: 1.5"]),
        ("stages:\n  - {stage: dedupe, threshold: high}\n", ["recipe.yaml:8", "threshold", "given: 'high'"]),
        ("stages:\n  - stage: split\n  - {stage: dedupe, semantic: false}\n", ["recipe.yaml:9", "before"]),
        ("stages:\n  - {stage: split, train: 0.5}\n", ["recipe.yaml:8", "must add up to 1"]),
        ("stages:\n  - {threshold: 0.95}\n", ["recipe.yaml:8", "'stage' is missing"]),
        ("exports:\n  - format: parquet\n", ["recipe.yaml:8", "format"]),
    ],
)  # fmt: skip
def test_every_mistake_in_a_recipe_is_named_with_its_line(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    source(tmp_path, "data.jsonl", GOOD, stages=text)
    refuse(tmp_path, 2, *words, "init --schema")
    assert not (tmp_path / ".build").exists()


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    stages = "stages:\n  - {stage: dedup}\n  - {stage: dedupe, threshold: 3}\ncolour: blue\n"
    source(tmp_path, "data.jsonl", GOOD, stages=stages)
    refuse(tmp_path, 2, "3 mistakes", "recipe.yaml:8", "recipe.yaml:9", "recipe.yaml:10", "colour")


def test_a_missing_recipe_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path, 2, "there is no recipe", "none.yaml", "pipeline init", recipe="none.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [made\n", ["not valid YAML"]),
        ("name: made\n\tstages: 1\n", ["recipe.yaml:2", "not valid YAML"]),
        ("just a sentence\n", ["a recipe is a mapping"]),
        ("", ["a recipe is a mapping"]),
        ("name: made\nstages: []\n", ["sources", "missing"]),
        ("name: made\nsources: []\n", ["sources"]),
        ("name: a\nname: b\n", ["not valid YAML"]),
        ("name: ../made\nsources: [{name: a, path: b}]\n", ["name"]),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(text)
    result = bench.invoke("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out")
    check_refusal(result, 2, *words, hint=False)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


def test_a_recipe_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_bytes("name: 数据".encode("gb18030"))
    check_refusal(bench.invoke("build", tmp_path / "recipe.yaml"), 2, "cannot be read", hint=False)


def test_an_unknown_runner_is_refused_with_the_valid_ones(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    refuse(tmp_path, 2, "no runner 'spark'", "serial, processes", args=("--runner", "spark"))


def test_zero_workers_are_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    result = bench.invoke("build", tmp_path / "recipe.yaml", "--out", tmp_path / "out", "--workers", 0)
    check_refusal(result, 2, "--workers must be at least 1, not 0", hint=False)
    assert not (tmp_path / "out").exists()


def test_an_unknown_option_is_refused_by_name(tmp_path: Path) -> None:
    result = bench.run("build", "--colour", "blue", cwd=tmp_path)
    assert result.code == 2
    assert "--colour" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_recipe_error_of_a_real_process_has_no_traceback_and_debug_has(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD, stages="stages:\n  - stage: dedup\n")
    result = bench.run("build", "recipe.yaml", cwd=tmp_path)
    check_refusal(result, 2, "did you mean 'dedupe'?")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl", "recipe.yaml"]
    assert "Traceback" in bench.run("build", "recipe.yaml", "--debug", cwd=tmp_path).stderr


# Places that cannot be written


def test_an_output_folder_with_foreign_files_is_left_alone(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("the only copy")
    refuse(tmp_path, 1, "out holds files that no build wrote", "--out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "the only copy"


def test_an_output_that_is_a_file_is_left_alone(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    (tmp_path / "out").write_text("the only copy")
    refuse(tmp_path, 1, "out is not a folder", "--out")
    assert (tmp_path / "out").read_text() == "the only copy"


def test_an_output_below_a_file_is_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    out = tmp_path / "data.jsonl" / "out"
    result = bench.invoke("build", tmp_path / "recipe.yaml", "--out", out, "--store", tmp_path / ".build")
    check_refusal(result, 1, "data.jsonl", hint=False)


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    (tmp_path / ".build").write_text("the only copy")
    message = refuse(tmp_path, 1, ".build")
    assert "Traceback" not in message


def test_an_empty_output_folder_is_filled(tmp_path: Path) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    (tmp_path / "out").mkdir()
    bench.build(tmp_path / "recipe.yaml", tmp_path / "out", tmp_path / ".build")
    assert (tmp_path / "out" / "manifest.json").exists()


def test_what_people_put_into_a_build_is_carried_into_the_next(copy_of_plain: Built) -> None:
    built = copy_of_plain
    (built.out / "review" / "decisions.jsonl").write_text("{}\n")
    built.recipe.write_text(built.recipe.read_text().replace("seed: 7", "seed: 8"))
    bench.build(built.recipe, built.out, built.store)
    assert bench.manifest(built.out)["seed"] == 8
    assert (built.out / "review" / "decisions.jsonl").read_text() == "{}\n"


@pytest.fixture
def bound() -> tuple[str, ...]:
    """What stands before a command so that permissions bind it: root is bound only without its privileges."""
    if os.getuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.parametrize(("out", "store"), [("closed/out", "open/.build"), ("open/out", "closed/.build")])
def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, bound: tuple[str, ...], out: str, store: str
) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    for name, mode in (("open", 0o777), ("closed", 0o555)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    args = ("build", "recipe.yaml", "--out", out, "--store", store)
    result = bench.run(*args, cwd=tmp_path, before=bound)
    check_refusal(result, 1, "closed", "cannot be written", "--out")
    assert not list((tmp_path / "closed").iterdir())
    assert not (tmp_path / "open" / "out").exists()
    assert not bench.leftovers(tmp_path)


def test_a_build_that_may_not_be_replaced_is_left_alone(tmp_path: Path, bound: tuple[str, ...]) -> None:
    source(tmp_path, "data.jsonl", GOOD)
    bench.build(tmp_path / "recipe.yaml", tmp_path / "out", tmp_path / "first")
    before = bench.content(tmp_path / "out")
    for path in tmp_path.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    bench.write_recipe(tmp_path, BRIEF, extra="max_reject_rate: 0.5")
    args = ("build", "recipe.yaml", "--out", "out", "--store", tmp_path / "never")
    result = bench.run(*args, cwd=tmp_path, before=bound)
    check_refusal(result, 1, "cannot be written")
    assert bench.content(tmp_path / "out") == before


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk."""
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("only root may mount a small disk")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("size", ["16k", "64k", "200k", "400k"])
def test_a_full_disk_under_the_store_says_so_and_the_build_goes_on_elsewhere(
    plain: Built, tmp_path: Path, size: str
) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        out = tmp_path / "out"
        result = bench.invoke("build", plain.recipe, "--out", out, "--store", disk / ".build")
        check_refusal(result, 1, "no space left", str(disk), "same command again")
        assert not out.exists()
        assert not bench.leftovers(tmp_path)


@pytest.mark.parametrize("size", ["8k", "64k", "120k"])
def test_a_full_disk_under_the_output_says_so_and_leaves_nothing_half_made(
    copy_of_plain: Built, tmp_path: Path, size: str
) -> None:
    with small_disk(tmp_path / "disk", size) as disk:
        result = bench.invoke(
            "build", copy_of_plain.recipe, "--out", disk / "out", "--store", copy_of_plain.store
        )
        check_refusal(result, 1, "no space left", str(disk), "same command again")
        assert not list(disk.iterdir())


def test_a_disk_that_fills_up_leaves_the_build_that_was_there(copy_of_plain: Built, tmp_path: Path) -> None:
    built = copy_of_plain
    with small_disk(tmp_path / "disk", "8m") as disk:
        bench.build(built.recipe, disk / "out", built.store)
        before = bench.content(disk / "out")
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "film").write_bytes(bytes(free - 40_000))
        built.recipe.write_text(built.recipe.read_text().replace("seed: 7", "seed: 8"))
        result = bench.invoke("build", built.recipe, "--out", disk / "out", "--store", built.store)
        check_refusal(result, 1, "no space left", str(disk))
        assert bench.content(disk / "out") == before
        assert not bench.leftovers(disk)
        (disk / "film").unlink()
        bench.build(built.recipe, disk / "out", built.store)
        assert bench.manifest(disk / "out")["seed"] == 8


# The store


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "zeros": bytes(len(data))}[how])


@pytest.mark.parametrize(
    "how", ["cut", *(pytest.param(h, marks=pytest.mark.slow) for h in ("empty", "zeros"))]
)
@pytest.mark.parametrize("which", ["copy_of_plain", "copy_of_semantic"])
def test_a_damaged_file_of_the_store_is_named_or_made_anew(
    which: str, how: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One file of each kind is damaged; then a build that needs it either mends it or says what to do."""
    built: Built = request.getfixturevalue(which)
    expected = bench.content(built.out)
    moved = built.recipe.with_name("moved.yaml")
    moved.write_text(built.recipe.read_text().replace("seed: 7", "seed: 8").replace("0.93", "0.95"))
    kinds = sorted(path.name for path in built.store.iterdir() if path.is_dir())
    assert {"files", "measures", "results", "shards", "steps"} <= set(kinds)
    told = 0
    for kind in kinds:
        for name in sorted(bench.stored(built.store, kind))[:: 5 if kind == "shards" else 50]:
            path = built.store / name
            good = path.read_bytes()
            damage(path, how)
            for recipe in (built.recipe, moved):
                out = tmp_path / "out"
                result = bench.invoke("build", recipe, "--out", out, "--store", built.store)
                if result.code:
                    check_refusal(result, 1, path.name)
                    assert "delete" in result.stderr
                    assert not out.exists()
                    told += 1
                elif recipe is built.recipe:
                    assert bench.content(out) == expected, f"{name} {how}: built something else"
                    shutil.rmtree(out)
                else:
                    shutil.rmtree(out)
            path.write_bytes(good)
    assert told


@pytest.mark.parametrize("how", ["cut", "empty", "zeros"])
def test_damaged_vectors_are_named(copy_of_semantic: Built, tmp_path: Path, how: str) -> None:
    built = copy_of_semantic
    for name in bench.stored(built.store, "vectors"):
        damage(built.store / name, how)
    for kind in ("links", "tiles", "steps"):
        shutil.rmtree(built.store / kind)
    result = bench.invoke("build", built.recipe, "--out", tmp_path / "out", "--store", built.store)
    check_refusal(result, 1, ".npy is missing or damaged", f"delete {built.store}")


def test_deleting_the_store_mends_everything(copy_of_plain: Built) -> None:
    before = bench.content(copy_of_plain.out)
    for name in bench.stored(copy_of_plain.store, "shards"):
        damage(copy_of_plain.store / name, "cut")
    shutil.rmtree(copy_of_plain.out)
    args = ("build", copy_of_plain.recipe, "--out", copy_of_plain.out, "--store", copy_of_plain.store)
    check_refusal(bench.invoke(*args), 1, "is missing or damaged", f"delete {copy_of_plain.store}")
    shutil.rmtree(copy_of_plain.store)
    bench.build(copy_of_plain.recipe, copy_of_plain.out, copy_of_plain.store)
    assert bench.content(copy_of_plain.out) == before


# Two at once, and Ctrl-C


def begin(folder: Path, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        bench.command("build", "recipe.yaml", *args), cwd=folder, env=bench.environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=_heed_ctrl_c,  # noqa: PLW1509 - no thread is running here
    )  # fmt: skip


def _heed_ctrl_c() -> None:
    """A shell that runs the tests in the background makes its children deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("outs", [("one", "two"), ("same", "same"), ("a", "a-0123abcd")])
def test_two_builds_at_once_on_one_store_both_succeed(
    plain: Built, tmp_path: Path, outs: tuple[str, str]
) -> None:
    bench.corpus(tmp_path)
    both = [begin(tmp_path, "--out", out, "--runner", "serial") for out in outs]
    for child in both:
        _, message = child.communicate(timeout=120)
        assert child.returncode == 0, message
    for out in outs:
        assert bench.content(tmp_path / out) == bench.content(plain.out)
    assert not bench.leftovers(tmp_path)


def test_gc_during_a_build_is_refused(copy_of_plain: Built) -> None:
    from pipeline.store import Store

    with Store(copy_of_plain.store).lock(exclusive=False):
        check_refusal(bench.invoke("gc", "--store", copy_of_plain.store), 1, "in use by a build", "wait")


@pytest.mark.parametrize("runner", [("serial",), ("processes", "--workers", "2")])
def test_ctrl_c_ends_a_build_quickly_and_the_next_goes_on(
    plain: Built, tmp_path: Path, runner: tuple[str, ...]
) -> None:
    bench.corpus(tmp_path, 300)
    args = ("--out", "out", "--runner", *runner)
    child = begin(tmp_path, *args)
    assert child.stdout is not None
    while "ingest  " not in child.stdout.readline():  # the first step has ended
        assert child.poll() is None
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does it: to every process of the group
    asked = time.monotonic()
    _, message = child.communicate(timeout=30)
    took = time.monotonic() - asked
    assert child.returncode == 130, message
    assert took < 5
    assert "Traceback" not in message
    assert "interrupted" in message
    assert not (tmp_path / "out").exists()
    assert not bench.leftovers(tmp_path) or runner != ("serial",)
    bench.build(tmp_path / "recipe.yaml", tmp_path / "out", tmp_path / ".build")
    assert bench.content(tmp_path / "out") == bench.content(plain.out)
    assert not bench.leftovers(tmp_path)
