"""Settings and fixtures that all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # before torch is loaded, or workers wait for each other's cores

from fakes import Corner, Journal, Length, LengthParams, Letters, LettersParams, stages_added
from hypothesis import HealthCheck, settings

from pipeline.stages import StageKind

# A slow moment of the machine is no failure, and the same examples run everywhere.
settings.register_profile(
    "project", deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


@pytest.fixture
def corner(tmp_path: Path) -> Corner:
    """A folder of one's own to build in."""
    return Corner(tmp_path)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Where the stages `letters` and `length`, which exist as long as this fixture, note their calls."""
    kept = Journal(tmp_path / "calls.txt")
    with stages_added(
        letters=StageKind("judge", Letters(kept), LettersParams, "texts of the same letters"),
        length=StageKind("judge", Length(kept), LengthParams, "far above the mean length"),
    ):
        yield kept
