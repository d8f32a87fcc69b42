"""The causal language model: equal to a plain loop, whatever the batch, the window and the companions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_models import save_causal_lm, save_embedder

from pipeline.errors import ModelError
from pipeline.models import ModelRef, Models
from pipeline.models.causal_lm import CausalScorer, windows

LONGEST = 64
PAIRS = [
    ("What is the capital of France?", "The capital of france is paris."),
    ("", "A cat and a dog."),
    ("写一句话", "今天天气很好，我们去公园散步吧。"),
    ("Name one", "red"),
    ("Say nothing", ""),
    ("List", "cat, dog, house, river, mountain, city. " * 12),
    ("Read: " + "the old house by the river " * 12, "It is a house."),
    ("Name one", "red"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_causal_lm(tmp_path_factory.mktemp("qwen") / "model", longest=LONGEST)


@pytest.fixture(scope="module")
def scorer(folder: Path) -> CausalScorer:
    return Models(threads=1).causal_lm(ModelRef(folder=str(folder)))


def plain_cost(folder: Path, prompt: str, response: str) -> float:
    """Return the summed cost of a response, token by token's window, without batches, padding or a cache."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    before = [tokenizer.eos_token_id]
    if prompt:
        before += tokenizer(f"{prompt}\n", add_special_tokens=False)["input_ids"]
    answer = tokenizer(response, add_special_tokens=False)["input_ids"]
    ids, total, done = before + answer, 0.0, 0
    while done < len(answer):
        start = max(0, len(before) + done - LONGEST // 2) if len(ids) > LONGEST else 0
        stop = min(len(ids), start + LONGEST)
        with torch.no_grad():
            logits = model(torch.tensor([ids[start:stop]])).logits[0].log_softmax(-1)
        for place in range(len(before) + done, stop):
            total -= float(logits[place - start - 1, ids[place]])
        done = stop - len(before)
    return total


def test_costs_equal_a_plain_loop(scorer: CausalScorer, folder: Path) -> None:
    prompts, responses = zip(*PAIRS, strict=True)
    found = scorer.costs(prompts, responses)
    for row, (prompt, response) in enumerate(PAIRS):
        if not response:
            assert np.isnan(found.nats[row]) and np.isnan(found.given_prompt[row])
            continue
        assert found.nats[row] * len(response) == pytest.approx(plain_cost(folder, "", response), rel=1e-4)
        assert found.given_prompt[row] * len(response) == pytest.approx(
            plain_cost(folder, prompt, response), rel=1e-4
        )


def test_companions_and_threads_alter_no_bit(scorer: CausalScorer, folder: Path) -> None:
    prompts, responses = zip(*PAIRS, strict=True)
    together = scorer.costs(prompts, responses)
    threaded = Models(threads=2).causal_lm(ModelRef(folder=str(folder))).costs(prompts[::-1], responses[::-1])
    for row, (prompt, response) in enumerate(PAIRS):
        single = scorer.costs([prompt], [response])
        for name in ("nats", "given_prompt", "window", "error"):
            values = [
                getattr(each, name)[at] for each, at in ((together, row), (single, 0), (threaded, -1 - row))
            ]
            np.testing.assert_array_equal(values, values[:1] * 3)


def test_every_token_is_scored_once_with_half_a_window_before_it() -> None:
    context, answer = tuple(range(50)), tuple(range(100, 300))
    found = windows(0, context, answer, 64)
    assert [window.first for window in found] == list(np.cumsum([0] + [w.scored for w in found])[:-1])
    assert sum(window.scored for window in found) == len(answer)
    assert all(len(window.tokens) <= 64 and len(window.tokens) - window.scored >= 32 for window in found)


def test_worst_stretch_is_where_the_costs_are(scorer: CausalScorer) -> None:
    found = scorer.costs([""], ["a cat and a dog " * 3])
    assert 0 <= found.window_start[0] < found.window_stop[0] <= 48
    assert found.window_stop[0] - found.window_start[0] == 24
    assert found.window[0] >= found.nats[0]


def test_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no causal language model"):
        Models().causal_lm_identity(ModelRef(folder=str(save_embedder(tmp_path))))
    with pytest.raises(ModelError, match="sentence encoder"):
        Models().causal_lm_identity(ModelRef())


def test_missing_model_says_how_to_get_it() -> None:
    ref = ModelRef(hub="Qwen/Qwen2.5-0.5B", revision="0" * 40)
    with pytest.raises(ModelError) as error:
        Models().causal_lm_identity(ref)
    assert "hf download Qwen/Qwen2.5-0.5B" in error.value.hint


def test_damaged_weights_are_told(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be loaded"):
        Models().causal_lm(ModelRef(folder=str(tmp_path)))


def test_model_without_tokenizer_is_refused(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        if file.name != "tokenizer.json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    assert "Qwen2ForCausalLM" in json.loads((tmp_path / "config.json").read_text())["architectures"]
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        Models().causal_lm_identity(ModelRef(folder=str(tmp_path)))
