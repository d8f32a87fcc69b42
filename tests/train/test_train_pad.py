"""Tests of the pad token: never the end token, and no row added while the vocabulary has one to spare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import TrainError
from train.data.pad import ensure_pad


def load(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def load_model(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder)


def rows(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def test_its_own_pad_token_stays(tiny_llama: Path) -> None:
    tokenizer = load(tiny_llama)
    assert ensure_pad(tokenizer).how == "own"
    assert tokenizer.pad_token == "<|pad|>"


@pytest.mark.parametrize(
    ("spare", "expected"),
    [
        (["<|reserved_special_token_0|>", "<|finetune_right_pad_id|>"], "<|finetune_right_pad_id|>"),
        (
            ["<|image_pad|>", "<|reserved_special_token_1|>", "<|reserved_special_token_0|>"],
            "<|reserved_special_token_1|>",
        ),
        (["<unused7>", "<start_of_turn>"], "<unused7>"),
    ],
)
def test_a_reserved_token_becomes_the_pad_token(tiny_llama: Path, spare: list[str], expected: str) -> None:
    tokenizer = load(tiny_llama)
    tokenizer.add_special_tokens({"additional_special_tokens": spare})
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.chat_template = "<|pad|>"  # so that this one is not spare
    model = load_model(tiny_llama)
    before = rows(model)
    pad = ensure_pad(tokenizer, model)
    assert (pad.token, pad.how) == (expected, "reserved")
    assert pad.id == tokenizer.pad_token_id == model.config.pad_token_id != tokenizer.eos_token_id
    assert rows(model) == before


def bare(folder: Path, spare_rows: int, unknown: str | None = None) -> tuple[Any, Any]:
    """Return a tokenizer whose only special token ends and pads, and a model with some rows more than it has tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = {"</s>": 0, "a": 1, "b": 2, **({unknown: 3} if unknown else {})}
    backend = Tokenizer(models.WordLevel(words, unk_token=unknown or "a"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    named = {"unk_token": unknown} if unknown else {}
    tokenizer: Any = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="</s>", pad_token="</s>", **named
    )  # type: ignore[no-untyped-call]
    config = LlamaConfig(
        vocab_size=len(words) + spare_rows,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        eos_token_id=0,
    )
    return tokenizer, LlamaForCausalLM(config)


def test_a_row_without_a_token_is_taken_before_one_is_added(tmp_path: Path) -> None:
    tokenizer, model = bare(tmp_path, spare_rows=5)
    pad = ensure_pad(tokenizer, model)
    assert (pad.how, pad.id, rows(model)) == ("unused_row", 3, 8)


def test_the_unknown_token_pads_where_nothing_is_spare(tmp_path: Path) -> None:
    tokenizer, model = bare(tmp_path, spare_rows=0, unknown="<unk>")
    assert ensure_pad(tokenizer, model).how == "unknown"
    assert rows(model) == 4


def test_a_row_is_added_at_the_last_and_is_the_mean_of_the_others(tmp_path: Path) -> None:
    import torch

    tokenizer, model = bare(tmp_path, spare_rows=0)
    pad = ensure_pad(tokenizer, model)
    assert (pad.how, pad.id, rows(model)) == ("resized", 3, 4)
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        assert torch.allclose(layer.weight[3], layer.weight[:3].mean(dim=0))


def test_without_a_model_nothing_can_be_added(tmp_path: Path) -> None:
    tokenizer, _ = bare(tmp_path, spare_rows=5)
    with pytest.raises(TrainError, match="no token to spare"):
        ensure_pad(tokenizer)


def test_an_end_token_of_the_generation_config_is_no_pad_token(tiny_llama: Path) -> None:
    """Instruct models end at several tokens, and a tokenizer may name one of them as its pad token."""
    tokenizer, model = load(tiny_llama), load_model(tiny_llama)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    pad = ensure_pad(tokenizer, model)
    assert pad.id not in model.generation_config.eos_token_id
    assert pad.how == "unused_row"
