"""A gigabyte of input in less than 1.5 GiB of memory, counted over all processes of a build."""

from __future__ import annotations

import gzip
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psutil
import pytest
import workbench as bench

ROWS = 250_000
_BODY = "先用干布把表面擦净，再放在屋里。Then write down what you see, with the date beside it. " * 38
_EXPORTS = "stages: []\nexports:\n  - {format: alpaca}\n"


def write(out: IO[bytes]) -> int:
    """Write a gigabyte of records that repeat themselves and differ; return the bytes."""
    size = 0
    for begin in range(0, ROWS, 1000):
        part = "".join(
            f'{{"instruction": "第{number}个问题：how is number {number} cleaned?", "output": "{number}: {_BODY}"}}\n'
            for number in range(begin, begin + 1000)
        ).encode()
        out.write(part)
        size += len(part)
    return size


def plain(folder: Path) -> tuple[str, int]:
    with (folder / "a.jsonl").open("wb") as out:
        return "a.jsonl", write(out)


def gzipped(folder: Path) -> tuple[str, int]:
    with gzip.open(folder / "a.jsonl.gz", "wb", compresslevel=1) as out:
        return "a.jsonl.gz", write(out)


def in_a_zip(folder: Path) -> tuple[str, int]:
    with (
        zipfile.ZipFile(folder / "包.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("数据/a.jsonl", "w", force_zip64=True) as out,
    ):
        return "包.zip", write(out)


def peak_of_build(folder: Path) -> tuple[int, int, str]:
    """Build a folder's recipe; return the exit code, the highest sum of memory in MiB, and stderr."""
    with (folder / "stderr").open("w+b") as stderr:
        child = subprocess.Popen(
            bench.command("build", folder / "recipe.yaml", "--out", folder / "out", "--runner", "serial"),
            cwd=folder, env=bench.environment(OMP_NUM_THREADS="1"), stdout=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
        root, peak = psutil.Process(child.pid), 0
        while child.poll() is None:
            used = 0
            for process in [root, *_children(root)]:
                try:
                    used += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peak = max(peak, used)
            time.sleep(0.05)
        stderr.seek(0)
        return child.returncode, peak // 2**20, stderr.read().decode()


def _children(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.mark.slow
@pytest.mark.parametrize("make", [plain, gzipped, in_a_zip])
def test_a_gigabyte_is_read_within_one_and_a_half_gibibytes(
    tmp_path: Path, make: Callable[[Path], tuple[str, int]]
) -> None:
    name, size = make(tmp_path)
    assert size > 10**9
    bench.write_recipe(tmp_path, _EXPORTS, name, shard_rows=10_000)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace('"}\n', '", max_unpacked_ratio: 1000}\n'))
    code, peak, message = peak_of_build(tmp_path)
    assert code == 0, message
    assert bench.manifest(tmp_path / "out")["counts"]["units"] == ROWS
    assert peak < 1536
