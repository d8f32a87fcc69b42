"""Builds that several end-to-end tests look at: made once a session, and never changed by a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import workbench as bench
from workbench import Built


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Three hundred records in six shards, every stage, no embedder."""
    folder = tmp_path_factory.mktemp("plain")
    return bench.built(folder, bench.corpus(folder))


@pytest.fixture(scope="session")
def semantic(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Sixty records in six shards, every stage, with the packaged MiniLM."""
    folder = tmp_path_factory.mktemp("semantic")
    return bench.built(folder, bench.corpus(folder, 60, stages=bench.SEMANTIC, shard_rows=10))


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
