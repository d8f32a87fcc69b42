"""The plan's memory equals the bytes of real tensors, and stands beside published numbers of a 7B model."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ModelError
from pipeline.models import ModelRef
from train.config import AdapterParams
from train.load import load_base
from train.methods import attach, resolved, trainable
from train.planning.activations import traced_peak
from train.planning.memory import (
    GIB,
    attached,
    measure_sizes,
    optimizer_bytes,
    read_config,
    skeleton,
    weight_bytes,
)
from train.planning.proposal import Device, Setting, count_rows, count_steps, find_device, plan_lines, propose

GPU = Device("a GPU", True, 24 * GIB)


@pytest.fixture(scope="module")
def shape_7b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import Qwen2Config

    folder = tmp_path_factory.mktemp("shape")
    Qwen2Config(
        architectures=["Qwen2ForCausalLM"],
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        tie_word_embeddings=False,
    ).save_pretrained(folder)
    return folder


def params(method: str = "qlora", **more: Any) -> AdapterParams:
    return resolved(AdapterParams.model_validate({"method": method, **more}), 64)


def stored_bytes(model: Any) -> int:
    """Bytes of the frozen weights, with the scales that bitsandbytes keeps beside them (its code books left out)."""
    total = 0
    for parameter in model.parameters():
        total += parameter.nbytes
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            total += state.absmax.nbytes + state.state2.absmax.nbytes
        total += 0 if getattr(parameter, "SCB", None) is None else parameter.SCB.nbytes
    return total


@pytest.mark.parametrize("quantisation", ["none", "nf4", "int8"])
def test_planned_weights_are_the_bytes_of_the_loaded_model(tiny_llama: Path, quantisation: Any) -> None:
    sizes = measure_sizes(read_config(tiny_llama), params("lora"), "fp32")
    loaded = load_base(ModelRef(folder=str(tiny_llama)), quantisation, "fp32", "cpu").model
    assert weight_bytes(sizes, quantisation, "fp32") == stored_bytes(loaded)


@cache
def tuned(folder: Path, method: str) -> Any:
    quantisation: Any = "nf4" if method == "qlora" else "none"
    model = load_base(ModelRef(folder=str(folder)), quantisation, "fp32", "cpu").model
    return attach(model, params(method), checkpointing=False, seed=0, total_steps=100)


@pytest.mark.parametrize("method", ["qlora", "dora", "adalora", "ia3", "p_tuning", "lora_bottleneck", "full"])
def test_planned_tensors_are_those_that_training_attaches(tiny_qwen2: Path, method: str) -> None:
    sizes = measure_sizes(read_config(tiny_qwen2), params(method), "fp32")
    real = [parameter.numel() for parameter in trainable(tuned(tiny_qwen2, method)).values()]
    assert sorted(sizes.trained) == sorted(real)
    assert sum(real) > 0


@pytest.mark.parametrize("optimizer", ["adamw", "adamw_8bit", "paged_adamw_8bit"])
def test_planned_optimizer_is_the_bytes_of_its_states(tiny_qwen2: Path, optimizer: str) -> None:
    import bitsandbytes as bnb
    import torch

    kinds: dict[str, Any] = {
        "adamw": torch.optim.AdamW,
        "adamw_8bit": bnb.optim.AdamW8bit,
        "paged_adamw_8bit": bnb.optim.PagedAdamW8bit,
    }
    shapes = [(16, 300), (70, 100), (3,), (4096,)]
    weights = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes]
    made = kinds[optimizer](weights, lr=1e-3)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    made.step()
    shared = {"qmap1", "qmap2"}  # one code book for all tensors
    real = sum(
        value.nbytes
        for state in made.state.values()
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and name not in shared
    )
    assert optimizer_bytes([weight.numel() for weight in weights], optimizer) == real


def profiled_peak(model: Any, rows: int, length: int) -> int:
    """Peak that torch's own allocator reports for the step that `traced_peak` books."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    for parameter in trainable(model).values():
        parameter.grad = torch.zeros_like(parameter)
    inputs = {
        "input_ids": torch.zeros((rows, length), dtype=torch.long),
        "attention_mask": torch.ones((rows, 1, length, length), dtype=torch.bool),
        "position_ids": torch.arange(length).expand(rows, -1),
    }
    model.train()
    kept: list[Any] = []
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda _m, args: kept.append(args[0]))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as prof:
        model(**inputs, use_cache=False, logits_to_keep=1)
        kept[0].backward(torch.ones_like(kept[0]))
    handle.remove()
    booked = [event for event in prof.profiler.kineto_results.events() if event.name() == "[memory]"]
    total = peak = 0
    for event in sorted(booked, key=lambda event: event.start_ns()):
        total += event.nbytes()
        peak = max(peak, total)
    return peak + int(inputs["attention_mask"].nbytes)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_traced_activations_are_what_the_allocator_gives_out(tiny_qwen2: Path, checkpointing: bool) -> None:
    config = read_config(tiny_qwen2)
    fake = attached(skeleton(config, 2, "fp32"), params("lora"), checkpointing)
    real_model = load_base(ModelRef(folder=str(tiny_qwen2)), "none", "fp32", "cpu").model
    real = attach(real_model, params("lora"), checkpointing, seed=0)
    foreseen, seen = traced_peak(fake, 2, 96, False, False), profiled_peak(real, 2, 96)
    assert foreseen == pytest.approx(seen, rel=0.01)


def test_activations_grow_by_the_same_bytes_with_every_layer_and_row(tiny_qwen2: Path) -> None:
    deep = read_config(tiny_qwen2).to_dict() | {"num_hidden_layers": 4, "layer_types": None}
    config = type(read_config(tiny_qwen2)).from_dict(deep)
    peaks = [
        traced_peak(attached(skeleton(config, depth, "fp32"), params("lora"), False), 1, 64, False, False)
        for depth in (2, 3, 4)
    ]
    assert peaks[2] - peaks[1] == peaks[1] - peaks[0] > 0


def test_a_7b_model_takes_what_was_measured_and_published(shape_7b: Path) -> None:
    sizes = measure_sizes(read_config(shape_7b), resolved(AdapterParams(), 3584), "bf16")
    assert sizes.parameters == 7_615_616_512
    assert sum(sizes.trained) == 40_370_176  # peft's own count for r = 16 on all linear layers
    assert weight_bytes(sizes, "nf4", "bf16") / GIB == pytest.approx(5.17, abs=0.01)
    upcast = weight_bytes(sizes, "nf4", "bf16") + 2 * sizes.whole
    assert upcast / GIB == pytest.approx(7.2, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "quantisation", "published"),
    [("full", "none", 120), ("lora", "none", 16), ("lora", "int8", 10), ("qlora", "nf4", 6)],
)
def test_7b_plans_stand_near_llama_factorys_table(
    shape_7b: Path, method: str, quantisation: Any, published: int
) -> None:
    setting = Setting(quantisation, "bf16", "adamw", True, 128, 128, False)
    plan = propose(shape_7b, params(method, quantisation=quantisation), setting, 1, 1, GPU)
    # the table leaves out what the framework itself takes
    assert (plan.memory.total - plan.memory.overhead) / 1e9 == pytest.approx(published, rel=0.2)


def plan_of(folder: Path, free: int, batch: int = 6, accumulation: int = 2, **more: Any) -> Any:
    setting = Setting(**{**BASE, **more})
    return propose(
        folder, params(), setting, batch, accumulation, Device("a GPU", True, free), rows=100, epochs=2.0
    )


BASE: dict[str, Any] = {
    "quantisation": "nf4",
    "dtype": "bf16",
    "optimizer": "adamw",
    "checkpointing": False,
    "length": 256,
    "loss_chunk": 256,
    "padded": False,
}


def test_a_proposal_keeps_the_effective_batch_and_fills_the_memory(tiny_qwen2: Path) -> None:
    roomy = plan_of(tiny_qwen2, 24 * GIB)
    assert (roomy.batch_size, roomy.accumulation, roomy.fits) == (12, 1, True)
    assert roomy.steps == 2 * 9  # 100 rows in batches of 12
    row = roomy.memory.activations / 12
    tight = plan_of(tiny_qwen2, int((roomy.memory.total - 6.5 * row) / 0.92))
    assert (tight.largest, tight.batch_size, tight.accumulation) == (5, 4, 3)
    assert tight.memory.total <= tight.device.free * 0.92


def test_what_does_not_fit_is_told_with_the_settings_that_would(tiny_qwen2: Path) -> None:
    row = plan_of(tiny_qwen2, 24 * GIB, 1, 1, checkpointing=True).memory.total
    plan = plan_of(tiny_qwen2, int(row / 0.92) + 1)
    assert not plan.fits
    assert plan.largest == 0
    assert [told for told, _ in plan.remedies] == ["training.gradient_checkpointing: true"]
    text = "\n".join(plan_lines(plan))
    assert "not even one row" in text
    hopeless = plan_of(tiny_qwen2, GIB // 2, checkpointing=True)
    assert "a smaller model or a larger GPU" in plan_lines(hopeless)[-2]


def test_a_plan_reads_the_configuration_alone(tiny_qwen2: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((tiny_qwen2 / "config.json").read_text())
    lines = "\n".join(plan_lines(plan_of(tmp_path, 24 * GIB)))
    for part in ("weights", "trained", "gradients", "optimizer", "activations", "logits", "overhead"):
        assert part in lines


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model configuration"):
        plan_of(tmp_path, GIB)


def test_steps_count_short_windows_parts_of_epochs_and_the_bound() -> None:
    assert count_steps(rows=10, batch_size=4, accumulation=2, epochs=1, max_steps=None) == 2
    assert count_steps(rows=10, batch_size=4, accumulation=2, epochs=2.5, max_steps=None) == 5
    assert count_steps(rows=10, batch_size=4, accumulation=2, epochs=3, max_steps=4) == 4
    assert count_rows([5, 6, 7], packing=False, pack_length=20) == 3


def test_the_device_of_this_machine_has_memory() -> None:
    device = find_device()
    assert device.name
    assert device.free > GIB // 4
