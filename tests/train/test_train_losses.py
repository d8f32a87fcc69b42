"""The loss whose logits never exist whole is the loss, for every way of tuning a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from loop_runs import batch, fresh_model

from train.loop.losses import chunked_loss, find_head, summed_loss, with_targets
from train.methods import trainable


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def gradients(model: Any) -> dict[str, torch.Tensor]:
    found = {name: value.grad.clone() for name, value in trainable(model).items() if value.grad is not None}
    model.zero_grad()
    return found


@pytest.mark.parametrize(
    "method", ["lora", "ia3", "prefix_tuning", "prompt_tuning", "p_tuning", "bottleneck", "full"]
)
def test_loss_and_gradients_equal_those_of_whole_logits(method: str, tiny_qwen2: Path) -> None:
    """The other side is transformers' own loss, on peft's own road through virtual tokens."""
    model = fresh_model(tiny_qwen2, method, dropout=0.0)
    rows = with_targets(batch(1))
    head = find_head(model, rows)
    assert head is not None
    loss = summed_loss(model, head, rows, chunk=5)
    loss.backward()
    ours = gradients(model)

    labels = len(rows["targets"])
    whole = labels * model(**{name: rows[name] for name in ("input_ids", "attention_mask", "labels")}).loss
    whole.backward()
    theirs = gradients(model)
    assert float(loss.detach()) == pytest.approx(float(whole.detach()), rel=1e-6)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert torch.allclose(ours[name], value, atol=1e-5, rtol=1e-4), name


def test_an_adapter_on_the_output_layer_itself_is_trained(tiny_qwen2: Path) -> None:
    from peft import LoraConfig, get_peft_model

    base = fresh_model(tiny_qwen2, "full").requires_grad_(False)
    model = get_peft_model(base, LoraConfig(r=4, lora_dropout=0.0, target_modules=["lm_head"]))
    rows = with_targets(batch(1))
    summed_loss(model, find_head(model, rows), rows, chunk=5).backward()
    moved = {name: float(value.grad.abs().sum()) for name, value in trainable(model).items()}
    assert [name.split(".")[-3] for name, value in moved.items() if value > 0] == [
        "lora_B"
    ]  # A waits for B, as ever


def test_no_chunk_of_logits_is_larger_than_asked_and_prompts_have_none(tiny_qwen2: Path) -> None:
    model = fresh_model(tiny_qwen2)
    rows = with_targets(batch(1))
    head = find_head(model, rows)
    assert head is not None
    sizes: list[int] = []
    project = head.forward

    def counted(states: torch.Tensor) -> torch.Tensor:
        sizes.append(len(states))
        return project(states)

    head.forward = counted
    summed_loss(model, head, rows, chunk=5).backward()
    assert head.forward is counted  # a hook's own forward comes back
    labels = len(rows["targets"])
    assert max(sizes) == 5
    assert sum(sizes) == 2 * labels < 2 * rows["input_ids"].numel()  # forward, and once more in backward
    assert head.weight.grad is None


def test_an_odd_last_chunk_is_counted_once() -> None:
    states = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    layer = torch.nn.Linear(4, 9)
    targets = torch.arange(7)
    whole = torch.nn.functional.cross_entropy(layer(states), targets, reduction="sum")
    for chunk in (1, 3, 7, 100):
        assert float(chunked_loss(layer, states, targets, chunk)) == pytest.approx(float(whole), rel=1e-6)


def test_capped_logits_are_told_and_computed_whole(caplog: pytest.LogCaptureFixture) -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=300, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, final_logit_softcapping=2.0,
    )  # fmt: skip
    model = Gemma2ForCausalLM(config)
    rows = with_targets(batch(1))
    assert find_head(model, rows) is None
    assert "Gemma2ForCausalLM" in caplog.text
    model.eval()
    with torch.no_grad():
        ours = summed_loss(model, None, rows, chunk=5)
        theirs = model(**{name: rows[name] for name in ("input_ids", "attention_mask", "labels")}).loss
    assert float(ours) == pytest.approx(float(theirs) * len(rows["targets"]), rel=1e-5)


def test_gradients_are_equal_before_and_after_an_evaluation_of_nf4_weights(tiny_qwen2: Path) -> None:
    """On CPUs with AVX512-BF16, bitsandbytes would repack the weights in an evaluation and get gradients wrong."""
    from pipeline.models import ModelRef
    from train.config import AdapterParams
    from train.load import load_base
    from train.methods import attach

    base = load_base(ModelRef(folder=str(tiny_qwen2)), "nf4", "fp32", "cpu")
    model = attach(
        base.model, AdapterParams(method="qlora", rank=4, dropout=0.0), checkpointing=False, seed=1
    )
    with torch.no_grad():
        for name, value in trainable(model).items():
            if "lora_B" in name:
                value.normal_(std=0.05, generator=torch.Generator().manual_seed(0))
    rows = with_targets(batch(1))
    head = find_head(model, rows)

    def measured() -> dict[str, torch.Tensor]:
        model.train()
        summed_loss(model, head, rows, chunk=5).backward()
        return gradients(model)

    before = measured()
    model.eval()
    with torch.no_grad():
        summed_loss(model, head, rows, chunk=5)
    after = measured()
    assert all(torch.equal(before[name], after[name]) for name in before)
