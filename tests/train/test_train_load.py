from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import ModelError, TrainError
from train.config import AdapterParams, BaseRef
from train.load import (
    keep_weights_unpacked,
    load_base,
    load_tokenizer,
    model_ref,
    quantisation_of,
    resolved_dtype,
)
from train.methods import attach, trainable

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def ref(folder: Path) -> BaseRef:
    return BaseRef(folder=str(folder))


def rows() -> torch.Tensor:
    return torch.randint(3, 300, (2, 24), generator=torch.Generator().manual_seed(1))


def gradients(model: Any) -> dict[str, torch.Tensor]:
    model.train()
    model(input_ids=rows(), labels=rows()).loss.backward()
    found = {name: parameter.grad.clone() for name, parameter in trainable(model).items()}
    model.zero_grad()
    return found


def test_nf4_is_really_quantised_and_the_rest_keeps_the_compute_dtype(tiny_qwen2: Path) -> None:
    base = load_base(ref(tiny_qwen2), "nf4")
    kinds = {name: type(module).__name__ for name, module in base.model.named_modules()}
    assert (base.quantisation, base.dtype, base.identity.kind) == ("nf4", "fp32", "causal_lm")
    assert quantisation_of(base.model) == "nf4"
    assert kinds["model.layers.0.self_attn.q_proj"] == kinds["model.layers.1.mlp.down_proj"] == "Linear4bit"
    assert kinds["lm_head"] == "Linear"
    weight = base.model.model.layers[0].mlp.up_proj.weight
    assert weight.quant_type == "nf4" and weight.quant_state.nested
    assert base.model.model.embed_tokens.weight.dtype == torch.float32
    assert base.model.config.use_cache is False
    assert base.model.config._attn_implementation == "sdpa"


def test_int8_and_none_are_what_they_say(tiny_llama: Path) -> None:
    assert quantisation_of(load_base(ref(tiny_llama), "int8").model) == "int8"
    assert quantisation_of(load_base(ref(tiny_llama), "none").model) == "none"


def test_no_four_bit_layer_may_repack_its_weights(tiny_qwen2: Path) -> None:
    from bitsandbytes.nn.modules import Linear4bit

    model = load_base(ref(tiny_qwen2), "nf4").model
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    assert len(layers) == 14
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers)
    for layer in layers:
        layer.support_avx512bf16_for_cpu = True
    tuned = attach(model, AdapterParams(), False, 0)
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers), "attaching sees to it once more"
    assert keep_weights_unpacked(tuned) == 14


@pytest.mark.parametrize("family", ["tiny_qwen2", "tiny_llama"])
def test_an_evaluation_does_not_alter_gradients_on_nf4(family: str, request: pytest.FixtureRequest) -> None:
    model = attach(
        load_base(ref(request.getfixturevalue(family)), "nf4").model, AdapterParams(dropout=0), False, 0
    )
    before = gradients(model)
    model.eval()
    with torch.no_grad():
        model(input_ids=rows())
    after = gradients(model)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(gradient.abs().max() > 0 for gradient in before.values())


def test_repacking_is_still_a_trap_where_the_cpu_can_do_it(tiny_qwen2: Path) -> None:
    from bitsandbytes.functional import has_avx512bf16

    if not has_avx512bf16():
        pytest.skip("this CPU has no AVX512-BF16, and only there bitsandbytes repacks weights in eval mode")
    model = attach(load_base(ref(tiny_qwen2), "nf4").model, AdapterParams(dropout=0), False, 0)
    before = gradients(model)
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.support_avx512bf16_for_cpu = True
    model.eval()
    with torch.no_grad():
        model(input_ids=rows())
    try:
        after = gradients(model)
    except RuntimeError:
        return
    assert any(not torch.allclose(before[name], after[name]) for name in before), (
        "keep_weights_unpacked can go"
    )


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load_base(ref(tmp_path / "nothing"), "none")


def test_a_folder_without_a_config(tiny_qwen2: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_qwen2, folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="no causal language model"):
        load_base(ref(folder), "none")


def test_a_model_of_another_kind(tiny_qwen2: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_qwen2, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["architectures"] = ["BertForMaskedLM"]
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelError, match="BertForMaskedLM"):
        load_tokenizer(ref(folder))


def test_damaged_weights(tiny_qwen2: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_qwen2, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_base(ref(folder), "none")


def test_weights_that_lack_a_layer(tiny_qwen2: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny_qwen2, folder)
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"layers\.1\.mlp\.up_proj"):
        load_base(ref(folder), "nf4")


def test_a_hub_model_that_was_not_downloaded_names_the_command() -> None:
    missing = BaseRef(hub="Qwen/Qwen2.5-7B-Instruct", revision=COMMIT)
    with pytest.raises(ModelError) as caught:
        load_base(missing, "nf4")
    assert caught.value.hint == f"hf download Qwen/Qwen2.5-7B-Instruct --revision {COMMIT}"
    assert "gated" in caught.value.message


def test_model_on_the_command_line(tiny_qwen2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_ref(str(tiny_qwen2)) == ref(tiny_qwen2)
    assert model_ref(f"Qwen/Qwen2.5-7B@{COMMIT}") == BaseRef(hub="Qwen/Qwen2.5-7B", revision=COMMIT)
    with pytest.raises(ModelError) as caught:
        model_ref("Qwen/Qwen2.5-7B-Instruct")
    assert caught.value.hint == "hf download Qwen/Qwen2.5-7B-Instruct"
    with pytest.raises(ModelError, match="no hub id either"):
        model_ref("./nowhere/at/all")
    with pytest.raises(ModelError, match="not a commit"):
        model_ref("Qwen/Qwen2.5-7B@main")


def test_a_downloaded_hub_model_is_pinned_to_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--Qwen--Qwen2.5-0.5B"
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "snapshots" / COMMIT / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    assert model_ref("Qwen/Qwen2.5-0.5B") == BaseRef(hub="Qwen/Qwen2.5-0.5B", revision=COMMIT)


def test_what_a_cpu_cannot_do() -> None:
    assert resolved_dtype("auto", "cpu") == "fp32"
    assert resolved_dtype("bf16", "cpu") == "bf16"
    with pytest.raises(TrainError, match="fp16 needs a GPU"):
        resolved_dtype("fp16", "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(TrainError, match="sees no CUDA GPU"):
            resolved_dtype("auto", "cuda:0")


def test_a_missing_library_is_named_with_its_command(
    tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name)
    )
    with pytest.raises(TrainError) as caught:
        load_base(ref(tiny_qwen2), "nf4")
    assert "bitsandbytes" in caught.value.message and caught.value.hint == "pip install -e '.[train]'"


def test_memory_that_does_not_hold_the_model(tiny_qwen2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoModelForCausalLM

    def full(*_: Any, **__: Any) -> Any:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", full)
    with pytest.raises(TrainError, match="does not fit in the memory of cpu") as caught:
        load_base(ref(tiny_qwen2), "none")
    assert "adapter.quantisation to nf4" in caught.value.hint


def test_weights_that_are_quantised_already_are_refused(tiny_qwen2: Path, tmp_path: Path) -> None:
    folder = tmp_path / "gptq"
    shutil.copytree(tiny_qwen2, folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelError, match=r"quantised already \(gptq\)"):
        load_base(BaseRef(folder=str(folder)), "nf4")
