from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ModelError
from pipeline.models import Embedder, ModelRef, Models


def test_tokens_are_counted_without_special_tokens_padding_or_truncation(tiny_bert: Path) -> None:
    counter = Models().token_counter(ModelRef(folder=str(tiny_bert)))
    counts = counter.count(["the cat", "", "The cat, walked.", "cat " * 500])
    assert counts.dtype == np.int32
    # "walked" is not in the vocabulary: w ##a ##l ##k ##ed
    assert counts.tolist() == [2, 0, 2 + 1 + 5 + 1, 500]
    assert counter.count([]).shape == (0,)


def test_a_counter_is_named_by_its_tokenizer_file(tiny_bert: Path, tiny_distilbert: Path) -> None:
    identity = Models().token_counter(ModelRef(folder=str(tiny_bert))).identity
    assert (identity.kind, identity.dimension) == ("tokenizer", 0)
    other = Models().token_counter_identity(ModelRef(folder=str(tiny_distilbert)))
    assert other.sha256 == identity.sha256
    assert identity.sha256 != Models().identity(ModelRef(folder=str(tiny_bert))).sha256


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        Models().token_counter(ModelRef(folder=str(tmp_path)))


def test_minilm_counts_when_no_model_is_named(minilm: Embedder) -> None:
    counts = Models().token_counter(None).count(["Hello world!", "你好", "word " * 1_000])
    assert counts.tolist() == [3, 2, 1_000]
