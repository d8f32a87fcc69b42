"""Small real models, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.tiny import make_tiny

SENTENCES = (
    "The tide rises twice a day because the moon pulls the sea.",
    "To cook rice, wash it, add water and keep the lid on for twenty minutes.",
    "A prime number has no divisor but one and itself.",
    "潮汐每天涨落两次，因为月亮牵引着海水。",
    "煮饭时先淘米，加水，盖上锅盖煮二十分钟。",
    "质数除了一和它本身以外没有别的因数。",
)


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "qwen2"
    return make_tiny(folder, SENTENCES, "qwen2", hidden=64, layers=2, vocabulary=600, steps=0)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "llama"
    return make_tiny(folder, SENTENCES, "llama", hidden=64, layers=2, vocabulary=600, steps=0)
