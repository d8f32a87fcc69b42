"""What the end-to-end tests share: made-up corpora, recipes, and the command line run from outside.

Every corpus is a function of its seed. Half of the records are English and half Chinese, and some are
duplicates on purpose, so that each stage finds something to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from typer.testing import CliRunner

from pipeline.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data_samples"

Record = dict[str, str]

PLAIN = """\
stages:
  - stage: normalise
  - stage: heuristics
  - {stage: dedupe, semantic: false, near: false}
  - {stage: split, train: 0.8, validation: 0.1, test: 0.1}
"""
"""Every stage, and no embedder. No record is moved between splits for the balance of a stratum."""

SEMANTIC = PLAIN.replace("semantic: false, near: false", "threshold: 0.93")
"""Every stage, with the packaged MiniLM."""

# fmt: off
_TOOLS = ["lathe", "kiln", "loom", "sextant", "anvil", "easel", "bellows", "trowel", "gimbal", "winch", "retort"]
_DEEDS = ["clean", "store", "repair", "adjust", "measure", "carry", "sharpen", "label", "inspect", "replace"]
_PLACES = ["a damp cellar", "the upper deck", "a school workshop", "an open field", "a cold harbour"]
_TOOLS_ZH = ["车床", "陶窑", "织机", "六分仪", "铁砧", "画架", "风箱", "抹刀", "万向架", "绞盘", "蒸馏瓶"]
_DEEDS_ZH = ["清洁", "存放", "修理", "调校", "测量", "搬运", "打磨", "标记", "检查", "更换"]
_PLACES_ZH = ["潮湿的地窖", "上层甲板", "学校的工坊", "空旷的田野", "寒冷的港口"]
# fmt: on
_CARE = [
    "Wipe it with a dry cloth before anything else.",
    "Let it rest until it has the warmth of the room.",
    "Loosen the two screws at the back and keep them together.",
    "Write down what you see, with the date beside it.",
    "Ask a second person to hold the lower end.",
    "Oil the joint sparingly and turn it by hand.",
    "Put the old part aside until the new one has proved itself.",
]
_CARE_ZH = [
    "先用干布把表面擦净，再做别的。",
    "放在屋里，等它和室温一致。",
    "拧松背后的两颗螺丝，并把它们收在一起。",
    "把看到的情况和日期一起写下来。",
    "请另一个人扶住下端。",
    "在接头处少量上油，用手转动几圈。",
    "旧零件先留着，等新零件用稳了再处理。",
]


def records(count: int, seed: int = 1, duplicates: bool = True) -> list[Record]:
    """Return made-up records; of every fifty, three repeat an earlier one, and one has no answer."""
    chance = random.Random(seed)
    made: list[Record] = []
    while len(made) < count:
        place = len(made) % 50
        if duplicates and place == 20:
            made.append(dict(made[-7]))
        elif duplicates and place == 40:
            made.append({**made[-9], "instruction": made[-9]["instruction"].upper() + " "})
        elif duplicates and place == 45:
            told = next(row for row in reversed(made) if row["instruction"].startswith("How do I"))
            made.append({**told, "instruction": told["instruction"].replace("How do I", "How can I")})
        elif duplicates and place == 33:
            made.append({**_record(chance), "output": ""})
        else:
            made.append(_record(chance))
    return made


def _record(chance: random.Random) -> Record:
    number = chance.randint(100, 99_999)
    if chance.random() < 0.5:
        tool, deed, where = chance.choice(_TOOLS), chance.choice(_DEEDS), chance.choice(_PLACES)
        steps = " ".join(chance.sample(_CARE, 3))
        return {
            "instruction": f"How do I {deed} the {tool} with the number {number} in {where}?",
            "input": "",
            "output": f"For the {tool} {number}: {steps} Then {deed} it slowly.",
        }
    tool, deed, where = chance.choice(_TOOLS_ZH), chance.choice(_DEEDS_ZH), chance.choice(_PLACES_ZH)
    steps = "".join(chance.sample(_CARE_ZH, 3))
    return {
        "instruction": f"在{where}怎样{deed}编号为{number}的{tool}？",
        "input": "",
        "output": f"对于{number}号{tool}：{steps}最后慢慢地{deed}它。",
    }


def write_jsonl(path: Path, rows: Iterable[object]) -> Path:
    """Write one JSON value a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_recipe(
    folder: Path, stages: str = PLAIN, source: str = "data.jsonl", extra: str = "", shard_rows: int = 50
) -> Path:
    """Write a recipe named `made` for one source beside it, with small shards."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(
        f"name: made\nseed: 7\nshard_rows: {shard_rows}\n{extra}\n"
        f"sources:\n  - {{name: things, path: {json.dumps(source)}}}\n{stages}",
        encoding="utf-8",
    )
    return path


def corpus(folder: Path, count: int = 300, seed: int = 1, stages: str = PLAIN, **options: Any) -> Path:
    """Write data.jsonl and its recipe into a folder; return the recipe."""
    write_jsonl(folder / "data.jsonl", records(count, seed))
    return write_recipe(folder, stages, **options)


def environment(**extra: str) -> dict[str, str]:
    """Return the environment of a child: this checkout first, no network, plain wide output."""
    own = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "200", "NO_COLOR": "1"}
    return {**os.environ, **own, **extra}


def command(*args: object) -> list[str]:
    """Return the command line of `python -m pipeline`."""
    return [sys.executable, "-m", "pipeline", *map(str, args)]


@dataclass(frozen=True)
class Outcome:
    """How a run of the command line ended, and what it said."""

    code: int
    stdout: str
    stderr: str


def run(*args: object, cwd: Path, timeout: float = 120, before: tuple[str, ...] = (), **env: str) -> Outcome:
    """Run `python -m pipeline` in a process of its own; `before` stands before the command."""
    ended = subprocess.run(
        [*before, *command(*args)],
        check=False,
        cwd=cwd,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def invoke(*args: object) -> Outcome:
    """Run the command line in this process; an error that is no exit is raised."""
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)


def build(recipe: Path, out: Path, store: Path, *args: object, code: int = 0) -> Outcome:
    """Build in this process, serially unless told otherwise, and check the exit code."""
    runner = () if "--runner" in args else ("--runner", "serial")
    result = invoke("build", recipe, "--out", out, "--store", store, *runner, *args)
    assert result.code == code, result.stderr
    return result


def content(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a build but run.json."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def manifest(folder: Path) -> dict[str, Any]:
    """Return a build's manifest."""
    read: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return read


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file of a build."""
    listed: list[dict[str, Any]] = pq.read_table(folder / name, partitioning=None).to_pylist()
    return listed


def export_lines(folder: Path) -> dict[str, set[str]]:
    """Return the lines of every export as sets."""
    return {
        path.relative_to(folder).as_posix(): set(path.read_text(encoding="utf-8").splitlines())
        for path in sorted((folder / "data").rglob("*.jsonl"))
    }


def leftovers(folder: Path) -> list[str]:
    """Return the half-made files and folders below a folder."""
    found = [*folder.rglob(".tmp-*"), *folder.rglob(".old-*")]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def stored(store: Path, kind: str) -> set[str]:
    """Return the names of the store's files of one kind."""
    return {path.relative_to(store).as_posix() for path in (store / kind).rglob("*") if path.is_file()}


def fresh_copy(source: Path, target: Path) -> Path:
    """Copy a folder, and return the copy."""
    shutil.copytree(source, target)
    return target


@dataclass(frozen=True)
class Built:
    """A finished build: its recipe, its output folder, its store, and what the run printed."""

    recipe: Path
    out: Path
    store: Path
    printed: str


def built(folder: Path, recipe: Path) -> Built:
    """Build a recipe into folder/out with the store folder/.build, in this process."""
    out, store = folder / "out", folder / ".build"
    return Built(recipe, out, store, build(recipe, out, store).stdout)
