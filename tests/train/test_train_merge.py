from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import TrainError
from train.config import AdapterParams, BaseRef, MethodName, Quantisation
from train.load import load_base
from train.methods import METHODS, attach, on_step, penalty, save_adapter, trainable
from train.shipping.merge import NEAR, merge

ROWS = torch.randint(3, 300, (2, 12), generator=torch.Generator().manual_seed(4))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def sharp(tiny_qwen2: Path, tmp_path_factory: pytest.TempPathFactory) -> BaseRef:
    """A model with biases and large weights, as a trained one has: on a flat one every divergence is small."""
    folder = tmp_path_factory.mktemp("sharp") / "model"
    shutil.copytree(tiny_qwen2, folder)
    tensors = load_file(folder / "model.safetensors")
    draw = torch.Generator().manual_seed(0)
    for name, tensor in tensors.items():
        if name.endswith("bias"):
            tensor.copy_(torch.randn(tensor.shape, generator=draw))
        elif "layers" in name and tensor.dim() == 2:
            tensor.mul_(4)
        elif name == "lm_head.weight":
            tensor.mul_(8)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return BaseRef(folder=str(folder))


def trained(ref: BaseRef, method: MethodName, quantisation: Quantisation, folder: Path) -> Any:
    params = AdapterParams(method=method, quantisation=quantisation, rank=4, dropout=0, bottleneck_size=8)
    model = attach(load_base(ref, quantisation).model, params, False, 0, 4).train()
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=1e-2)
    for step in range(1, 5):
        loss = model(input_ids=ROWS, labels=ROWS).loss
        more = penalty(model)
        (loss if more is None else loss + more).backward()
        optimizer.step()
        on_step(model, step)
        optimizer.zero_grad()
    save_adapter(model, folder)
    return model.eval()


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=ROWS).logits


@pytest.mark.parametrize(
    ("method", "quantisation"),
    [
        ("qlora", "nf4"),
        ("dora", "nf4"),
        ("adalora", "nf4"),
        ("ia3", "nf4"),
    ],
)
def test_the_written_model_is_the_tuned_one(
    method: MethodName, quantisation: Quantisation, sharp: BaseRef, tmp_path: Path
) -> None:
    model = trained(sharp, method, quantisation, tmp_path / "adapter")
    report = merge(sharp, tmp_path / "adapter", tmp_path / "merged")
    assert 0 <= report.kl < 1e-9 and report.is_near and report.tokens > 100
    assert (report.dtype, report.method, report.onto) == ("fp32", method, "dequantised")
    written = load_base(BaseRef(folder=str(tmp_path / "merged")), "none")
    assert torch.allclose(logits(written.model), logits(model), atol=1e-3, rtol=1e-4)
    untuned = load_base(sharp, quantisation).model
    assert not torch.allclose(logits(untuned), logits(model), atol=1e-2, rtol=1e-3)
    assert written.tokenizer.chat_template
    config = json.loads((tmp_path / "merged" / "config.json").read_text("utf-8"))
    assert "quantization_config" not in config and config["use_cache"] is True


def test_bf16_costs_its_rounding_and_no_more(sharp: BaseRef, tmp_path: Path) -> None:
    trained(sharp, "qlora", "nf4", tmp_path / "adapter")
    rounded = merge(sharp, tmp_path / "adapter", tmp_path / "bf16", "bf16")
    other = merge(sharp, tmp_path / "adapter", tmp_path / "other", onto="original")
    assert 1e-9 < rounded.kl < other.kl / 10, "weights that were not trained on are other weights"
    stored = load_file(tmp_path / "bf16" / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert rounded.dtype == "bf16"
    facts = json.loads((tmp_path / "bf16" / "merge.json").read_text("utf-8"))
    assert (facts["kl"], facts["onto"], facts["quantisation"]) == (rounded.kl, "dequantised", "nf4")


def test_int8_is_merged_as_trained_and_the_rounding_of_evaluation_is_told(
    sharp: BaseRef, tmp_path: Path
) -> None:
    trained(sharp, "lora", "int8", tmp_path / "adapter")
    report = merge(sharp, tmp_path / "adapter", tmp_path / "merged")
    assert report.kl < 1e-9 < report.kl_evaluated < 1e-2


def test_full_tuning_is_copied(sharp: BaseRef, tmp_path: Path) -> None:
    model = trained(sharp, "full", "none", tmp_path / "adapter")
    report = merge(sharp, tmp_path / "adapter", tmp_path / "merged")
    assert report.kl == 0
    assert torch.equal(
        logits(load_base(BaseRef(folder=str(tmp_path / "merged")), "none").model), logits(model)
    )


def test_it_is_measured_on_the_rows_that_are_given(sharp: BaseRef, tmp_path: Path) -> None:
    trained(sharp, "lora", "nf4", tmp_path / "adapter")
    report = merge(sharp, tmp_path / "adapter", tmp_path / "merged", rows=ROWS.tolist())
    assert report.tokens == ROWS.numel()


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.merging])
def test_what_has_no_weights_to_merge_is_refused(method: MethodName, sharp: BaseRef, tmp_path: Path) -> None:
    params = AdapterParams(method=method, quantisation="none", rank=2, bottleneck_size=8)
    save_adapter(attach(load_base(sharp, "none").model, params, False, 0), tmp_path / "adapter")
    with pytest.raises(TrainError, match="cannot be merged: ") as caught:
        merge(sharp, tmp_path / "adapter", tmp_path / "merged")
    assert METHODS[method].merging in caught.value.message
    assert not (tmp_path / "merged").exists()


def test_nothing_is_overwritten_and_nothing_half_made_is_left(
    sharp: BaseRef, tiny_llama: Path, tmp_path: Path
) -> None:
    trained(sharp, "lora", "none", tmp_path / "adapter")
    (tmp_path / "merged").mkdir()
    with pytest.raises(TrainError, match="overwrites nothing"):
        merge(sharp, tmp_path / "adapter", tmp_path / "merged")
    with pytest.raises(TrainError, match="was trained on model"):
        merge(BaseRef(folder=str(tiny_llama)), tmp_path / "adapter", tmp_path / "other")
    weights = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = {name: torch.full_like(tensor, float("nan")) for name, tensor in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    facts = json.loads((tmp_path / "adapter" / "method.json").read_text("utf-8"))
    facts["files"]["adapter_model.safetensors"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    (tmp_path / "adapter" / "method.json").write_text(json.dumps(facts), "utf-8")
    with pytest.raises(TrainError, match=r"not finite in model\.layers"):
        merge(sharp, tmp_path / "adapter", tmp_path / "broken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "merged"]


def test_the_tokenizer_beside_the_adapter_is_the_one_that_is_written(sharp: BaseRef, tmp_path: Path) -> None:
    trained(sharp, "lora", "none", tmp_path / "adapter")
    tokenizer = load_base(sharp, "none").tokenizer
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    tokenizer.save_pretrained(tmp_path / "adapter")
    merge(sharp, tmp_path / "adapter", tmp_path / "merged")
    written = load_base(BaseRef(folder=str(tmp_path / "merged")), "none").tokenizer
    assert written.chat_template == tokenizer.chat_template
    assert NEAR == 1e-4
