"""The table of methods against the truth: the script that writes the matrix, on few steps of a smaller model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from train.config import BaseRef
from train.methods import METHODS, refusal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import train_matrix

    yield train_matrix
    sys.modules.pop("train_matrix")


def test_what_is_refused_fails_unguarded(
    matrix: Any, tiny_qwen2: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = BaseRef(folder=str(tiny_qwen2))
    for method, quantisation, checkpointing, failure in (
        ("full", "nf4", False, "floating point"),
        ("dora", "int8", False, "unsqueeze"),
        ("prefix_tuning", "none", True, "gradient checkpointing"),
    ):
        cell = matrix.run_cell(ref, method, quantisation, checkpointing)
        assert cell.train == "refused¹" and not cell.wrong, f"{method} on {quantisation} works by now"
        told = capsys.readouterr().out
        assert "unguarded: " in told and failure in told


def test_a_refusal_that_is_no_longer_true_is_noticed(
    matrix: Any, tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "refusal", lambda *_: "method lora is out of fashion.")
    cell = matrix.run_cell(BaseRef(folder=str(tiny_qwen2)), "lora", "none", False)
    assert cell.wrong == "is refused, and works"


def test_the_page_in_the_docs_has_every_cell() -> None:
    page = (ROOT / "docs" / "training_matrix.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| method")]
    assert len(rows) == len(METHODS) * 3 * 2 and "**" not in page
    for method in METHODS:
        for quantisation in ("none", "nf4", "int8"):
            if reason := refusal(method, quantisation):  # type: ignore[arg-type]
                assert f"{reason[0].upper()}{reason[1:]}" in page


@pytest.mark.slow
def test_every_cell(matrix: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train_matrix.py", "--out", str(tmp_path / "matrix.md")])
    assert matrix.main() == 0
