"""Builds generated records with the dedupe stage alone, by the command line's own way, and reads what it dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
from typer.testing import CliRunner

from pipeline.__main__ import app
from tests.rewrites.score import drops_of
from tests.rewrites.words import Record


def drops(records: Sequence[Record], folder: Path, parameters: str = "") -> dict[int, tuple[int, ...]]:
    """Return which records the stage drops, each with those named as its reason.

    Args:
        records: written to one JSONL file.
        folder: an empty folder to work in.
        parameters: of the stage, as `, name: value`.

    Raises:
        RuntimeError: the build failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records)
    (folder / "records.jsonl").write_bytes(lines)
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        "name: rewrites\nsources:\n  - {name: records, path: records.jsonl}\n"
        f"stages:\n  - {{stage: dedupe{parameters}}}\n",
        encoding="utf-8",
    )
    out = folder / "out"
    command = [
        "build",
        str(recipe),
        "--out",
        str(out),
        "--store",
        str(folder / ".build"),
        "--runner",
        "serial",
    ]
    result = CliRunner().invoke(app, command)
    if result.exit_code:
        raise RuntimeError(f"the build failed: {result.stderr}") from result.exception
    return drops_of(out)
