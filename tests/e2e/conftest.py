"""Builds that several end-to-end tests look at: made once a session, and never changed by a test."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import workbench as bench


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
    return Built(recipe, out, store, bench.build(recipe, out, store).stdout)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Three hundred records in six shards, every stage, no embedder."""
    folder = tmp_path_factory.mktemp("plain")
    return built(folder, bench.corpus(folder))


@pytest.fixture(scope="session")
def semantic(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Sixty records in six shards, every stage, with the packaged MiniLM."""
    folder = tmp_path_factory.mktemp("semantic")
    return built(folder, bench.corpus(folder, 60, stages=bench.SEMANTIC, shard_rows=10))


@pytest.fixture
def copy_of_plain(plain: Built, tmp_path: Path) -> Built:
    """A copy of `plain` that a test may harm."""
    return _copy(plain, tmp_path)


@pytest.fixture
def copy_of_semantic(semantic: Built, tmp_path: Path) -> Built:
    """A copy of `semantic` that a test may harm."""
    return _copy(semantic, tmp_path)


def _copy(one: Built, folder: Path) -> Built:
    home = bench.fresh_copy(one.recipe.parent, folder / "home")
    # A store remembers where its builds stand: the copy forgets the first one, and is told of its own.
    copy = Built(home / "recipe.yaml", home / "out", home / ".build", one.printed)
    shutil.rmtree(copy.store / "roots")
    bench.build(copy.recipe, copy.out, copy.store)
    return copy
