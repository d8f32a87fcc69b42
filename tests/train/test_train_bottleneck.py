from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import TrainError
from train.config import AdapterParams, BaseRef
from train.load import load_base
from train.methods import attach, trainable
from train.methods.bottleneck import (
    add_bottlenecks,
    bottleneck_state,
    bottlenecks,
    load_bottleneck_state,
    switch,
)

ROWS = torch.randint(3, 300, (2, 12), generator=torch.Generator().manual_seed(3))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def base(folder: Path) -> Any:
    return load_base(BaseRef(folder=str(folder)), "nf4").model


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=ROWS).logits


def test_it_begins_as_the_base_model_bit_for_bit(tiny_qwen2: Path) -> None:
    model = base(tiny_qwen2)
    before = logits(model)
    assert add_bottlenecks(model, 8, 0.1, "all-linear") == [
        "model.layers.0.self_attn", "model.layers.0.mlp", "model.layers.1.self_attn", "model.layers.1.mlp",
    ]  # fmt: skip
    assert torch.equal(logits(model), before)
    for adapter in bottlenecks(model).values():
        assert adapter["down"].weight.shape == (8, 64) and adapter["up"].weight.shape == (64, 8)
        adapter["up"].weight.data.normal_()
    altered = logits(model)
    assert not torch.allclose(altered, before, atol=1e-3)
    switch(model, False)
    assert torch.equal(logits(model), before)
    switch(model, True)
    assert torch.equal(logits(model), altered)


def test_each_adapter_alters_the_output(tiny_llama: Path) -> None:
    model = base(tiny_llama)
    before = logits(model)
    add_bottlenecks(model, 4, 0.0, "all-linear")
    for name, adapter in bottlenecks(model).items():
        adapter["up"].weight.data.normal_()
        assert not torch.allclose(logits(model), before, atol=1e-3), name
        adapter["up"].weight.data.zero_()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_it_computes_what_the_paper_says_and_learns_on_nf4(tiny_qwen2: Path, checkpointing: bool) -> None:
    params = AdapterParams(method="bottleneck", quantisation="nf4", bottleneck_size=8, dropout=0)
    model = attach(base(tiny_qwen2), params, checkpointing, 0).train()
    assert len(trainable(model)) == 16
    for adapter in bottlenecks(model).values():
        adapter["up"].weight.data.normal_(std=0.1)
    seen: dict[str, Any] = {}
    mlp = model.model.layers[1].mlp
    mlp.down_proj.register_forward_hook(lambda _m, _i, output: seen.update(raw=output.detach()))
    mlp.register_forward_hook(lambda _m, _i, output: seen.update(altered=output.detach()))
    model(input_ids=ROWS, labels=ROWS).loss.backward()
    down, up = mlp.bottleneck["down"], mlp.bottleneck["up"]
    inner = torch.nn.functional.gelu(seen["raw"] @ down.weight.T + down.bias)
    assert torch.allclose(seen["altered"], seen["raw"] + inner @ up.weight.T + up.bias, atol=1e-6)
    assert all(parameter.grad.abs().max() > 0 for parameter in trainable(model).values())


def test_dropout_works_while_training_only(tiny_qwen2: Path) -> None:
    model = base(tiny_qwen2)
    add_bottlenecks(model, 8, 0.5, ("mlp",))
    for adapter in bottlenecks(model).values():
        adapter["up"].weight.data.normal_()
    assert torch.equal(logits(model), logits(model))
    model.train()
    assert not torch.equal(model(input_ids=ROWS).logits, model(input_ids=ROWS).logits)


def test_named_places(tiny_qwen2: Path) -> None:
    model = base(tiny_qwen2)
    assert add_bottlenecks(model, 8, 0.0, ("layers.1.mlp",)) == ["model.layers.1.mlp"]


def test_names_do_not_show_what_wraps_the_model(tiny_qwen2: Path) -> None:
    params = AdapterParams(method="lora_bottleneck", quantisation="nf4", bottleneck_size=8, rank=2)
    wrapped = attach(base(tiny_qwen2), params, False, 0)
    plain = base(tiny_qwen2)
    add_bottlenecks(plain, 8, 0.0, "all-linear")
    assert set(bottleneck_state(wrapped)) == set(bottleneck_state(plain))
    load_bottleneck_state(plain, bottleneck_state(wrapped))
    for name, tensor in bottleneck_state(plain).items():
        assert torch.equal(tensor, bottleneck_state(wrapped)[name])


def test_tensors_of_another_shape_are_refused(tiny_qwen2: Path) -> None:
    model, wider = base(tiny_qwen2), base(tiny_qwen2)
    add_bottlenecks(model, 8, 0.0, "all-linear")
    add_bottlenecks(wider, 16, 0.0, "all-linear")
    with pytest.raises(TrainError, match="another model"):
        load_bottleneck_state(model, bottleneck_state(wider))
    with pytest.raises(TrainError, match="another model"):
        load_bottleneck_state(model, {})


def test_layers_that_are_not_built_of_two_sublayers(tiny_qwen2: Path) -> None:
    model = base(tiny_qwen2)
    model.model.layers[0].third = torch.nn.Sequential(torch.nn.Linear(4, 4))
    with pytest.raises(TrainError, match="self_attn, mlp, third") as caught:
        add_bottlenecks(model, 8, 0.0, "all-linear")
    assert "adapter.targets" in caught.value.hint
    with pytest.raises(TrainError, match="no stack of layers"):
        add_bottlenecks(torch.nn.Linear(4, 4), 8, 0.0, "all-linear")
