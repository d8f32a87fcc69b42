"""The registry: every kind has a recogniser, and none reports what it does not declare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from quality.pii import KINDS, RECOGNISERS, find

ROOT = Path(__file__).parents[3]


def test_every_structured_kind_has_a_recogniser() -> None:
    kinds = {kind for reports, _ in RECOGNISERS.values() for kind in reports}
    assert kinds <= set(KINDS)
    assert set(KINDS) - {"name", "address"} <= kinds


def test_only_the_wanted_kinds_are_reported() -> None:
    text = "Mail jo@example.com or call 212-555-0187."
    assert [span.kind for span in find(text, {"phone"})] == ["phone"]


def test_finding_needs_neither_presidio_nor_spacy() -> None:
    code = "import sys; from quality.pii import find; find('jo@example.com +1 212 555 0187'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert not {"presidio_analyzer", "spacy", "tldextract"} & set(loaded.split())


def test_the_scorer_refuses_to_show_errors_of_the_frozen_half() -> None:
    run = subprocess.run(
        [sys.executable, "benchmarks/truth/pii.py", "--half", "frozen", "--errors"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0 and "tune half alone" in run.stderr
