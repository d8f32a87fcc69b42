"""Tiny real models that all tests of the training room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.tiny import make_tiny

SENTENCES = (
    "The kettle sings on the stove while rain falls on the roof.",
    "A gardener waters the tomatoes every morning before breakfast.",
    "Trains leave the station at noon and at six in the evening.",
    "Please write a short letter to the library about the lost book.",
    "春天来了，院子里的桃花开得很好看。",
    "请用一句话说明为什么要按时吃饭。",
    "他每天早上先跑步，然后去图书馆看书。",
    "这本书讲的是一个小镇上的故事。",
)


@pytest.fixture(scope="session")
def tiny_qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "qwen2"
    return make_tiny(folder, SENTENCES, "qwen2", hidden=64, layers=2, vocabulary=600, steps=0)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "llama"
    return make_tiny(folder, SENTENCES, "llama", hidden=64, layers=2, vocabulary=600, steps=0)
