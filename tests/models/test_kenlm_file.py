"""KenLM files: a small .arpa, written here, gives the numbers that its own tables say."""

from __future__ import annotations

import builtins
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arpa_file import BACKOFF, BIGRAMS, UNIGRAMS, write_arpa

from pipeline.errors import ModelError
from pipeline.models import Models

installed = pytest.mark.skipif(importlib.util.find_spec("kenlm") is None, reason="needs the `kenlm` extra")


def nats(*words: str, before: str = "<s>") -> float:
    """Return the cost of words by the tables above."""
    total = 0.0
    for word in words:
        known = word if word in UNIGRAMS else "<unk>"
        backoff = BACKOFF if before in UNIGRAMS else 0.0
        total -= BIGRAMS.get((before, known), backoff + UNIGRAMS[known])
        before = word
    return total * float(np.log(10))


@installed
def test_costs_are_those_of_the_file(tmp_path: Path) -> None:
    scorer = Models().kenlm(str(write_arpa(tmp_path / "small.arpa")))
    texts = ["the cat sleeps", "the  cat", "天气", ""]
    found = scorer.costs(["", "sleeps the", "", "the"], texts, "words")
    assert found.nats[0] * 14 == pytest.approx(nats("the", "cat", "sleeps"), rel=1e-5)
    assert found.nats[1] * 8 == pytest.approx(nats("the", "cat"), rel=1e-5)
    assert found.given_prompt[1] * 8 == pytest.approx(nats("the", "cat", before="the"), rel=1e-5)
    assert np.isnan(found.nats[3])
    assert found.units.tolist() == [3, 2, 1, 0]
    characters = scorer.costs([""], ["天气"], "characters")
    assert characters.nats[0] * 2 == pytest.approx(nats("天", "气"), rel=1e-5)


@installed
def test_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.arpa").write_text("nothing of the kind")
    with pytest.raises(ModelError, match="not a model that KenLM reads"):
        Models().kenlm(str(tmp_path / "bad.arpa"))


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Models().kenlm_identity(str(tmp_path / "none.arpa"))


def test_missing_library_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ordinary = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "kenlm":
            raise ImportError(name)
        return ordinary(name, *args, **kwargs)

    path = write_arpa(tmp_path / "other.arpa")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelError) as error:
        Models().kenlm(str(path))
    assert error.value.hint == "pip install -e '.[kenlm]'"
