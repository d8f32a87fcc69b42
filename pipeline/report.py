"""The report of a build: the one bridge from a build folder to `quality.report`.

The page is made from the files that were just written, as anybody can make it from the folder later
(`python -m quality report BUILD`), so it cannot say anything that the folder does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_report(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write report/index.html.

    Args:
        folder: a build folder with records.parquet, ledger.parquet and rejects.jsonl.
        manifest: the build's manifest, without its outputs.
    """
    from quality.report import read_inputs, render

    (folder / "report").mkdir()
    page = render(read_inputs(folder, manifest))
    (folder / "report" / "index.html").write_text(page, encoding="utf-8")
