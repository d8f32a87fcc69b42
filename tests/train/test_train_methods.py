from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from pipeline.errors import TrainError
from train.config import AdapterParams, BaseRef, MethodName, Quantisation
from train.load import load_base
from train.methods import (
    METHODS,
    attach,
    attachment,
    load_adapter,
    on_step,
    penalty,
    read_saved,
    refusal,
    resolved,
    restore_training_state,
    save_adapter,
    taken_away,
    trainable,
    training_state,
    without_adapter,
)

STEPS = 3


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def base(folder: Path, quantisation: Quantisation = "none") -> Any:
    return load_base(BaseRef(folder=str(folder)), quantisation).model


def params(method: MethodName, quantisation: Quantisation | None = None, **more: Any) -> AdapterParams:
    return AdapterParams(
        method=method, **{"quantisation": quantisation, "rank": 4, "bottleneck_size": 8, "dropout": 0} | more
    )


def rows() -> torch.Tensor:
    return torch.randint(3, 300, (2, 12), generator=torch.Generator().manual_seed(2))


def learn(model: Any, first: int = 1, last: int = STEPS, optimizer: Any = None) -> Any:
    """Train for some steps and leave the gradients of the last one."""
    model.train()
    optimizer = optimizer or torch.optim.AdamW(trainable(model).values(), lr=1e-2)
    for step in range(first, last + 1):
        optimizer.zero_grad()
        loss = model(input_ids=rows(), labels=rows()).loss
        more = penalty(model)
        (loss if more is None else loss + more).backward()
        optimizer.step()
        on_step(model, step)
    return optimizer


def logits(model: Any) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return model(input_ids=rows()).logits.clone()


@pytest.mark.parametrize("method", METHODS)
def test_every_tensor_learns_and_a_reload_says_the_same(
    method: MethodName, tiny_qwen2: Path, tmp_path: Path
) -> None:
    quantisation: Quantisation = "none" if method == "full" else "nf4"
    model = attach(base(tiny_qwen2, quantisation), params(method, quantisation), False, 0, STEPS)
    before = {name: parameter.detach().clone() for name, parameter in trainable(model).items()}
    assert before
    learn(model)
    for name, parameter in trainable(model).items():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
        assert not torch.equal(parameter, before[name]), name
    save_adapter(model, tmp_path / "adapter")
    assert not [file for file in (tmp_path / "adapter").iterdir() if file.suffix in (".bin", ".pt", ".pkl")]
    again = load_adapter(base(tiny_qwen2, quantisation), tmp_path / "adapter")
    assert torch.allclose(logits(again), logits(model), atol=1e-6, rtol=0)
    assert not trainable(again)
    assert attachment(again).params == attachment(model).params
    if METHODS[method].switches_off:
        changed, plain = logits(model), logits(base(tiny_qwen2, quantisation))
        with without_adapter(model):
            assert torch.equal(logits(model), plain)
        assert torch.equal(logits(model), changed) and not torch.equal(changed, plain)


def test_the_table_and_the_recipe_know_the_same_methods() -> None:
    assert set(METHODS) == set(get_args(MethodName))
    for method, row in METHODS.items():
        assert not refusal(method, row.quantisation), "what the table presets must work"


@pytest.mark.parametrize(
    ("method", "quantisation", "checkpointing", "packing", "words"),
    [
        ("full", "nf4", False, False, "integers"),
        ("full", "int8", False, False, "integers"),
        ("qlora", "none", False, False, "method lora"),
        ("dora", "int8", False, False, "int8"),
        ("prefix_tuning", "none", True, False, "checkpointing"),
        ("prompt_tuning", "nf4", False, True, "positions"),
        ("p_tuning", "none", False, True, "positions"),
    ],
)
def test_what_is_refused_says_why(
    method: MethodName, quantisation: Quantisation, checkpointing: bool, packing: bool, words: str
) -> None:
    reason = refusal(method, quantisation, checkpointing, packing)
    assert words in reason and method in reason and reason.endswith(".")


def test_attaching_refuses_too(tiny_qwen2: Path) -> None:
    with pytest.raises(TrainError, match="checkpointing"):
        attach(base(tiny_qwen2), params("prefix_tuning"), True, 0)
    with pytest.raises(TrainError, match="method lora"):
        attach(base(tiny_qwen2), params("qlora", "none"), False, 0)
    with pytest.raises(TrainError, match="loaded with none"):
        attach(base(tiny_qwen2), params("lora", "nf4"), False, 0)
    with pytest.raises(TrainError, match="schedule"):
        attach(base(tiny_qwen2), params("adalora"), False, 0)


def test_defaults_of_method_and_width() -> None:
    wide, narrow = resolved(AdapterParams(), 3584), resolved(params("prefix_tuning"), 64)
    assert (wide.quantisation, wide.alpha, wide.virtual_tokens) == ("nf4", 32, 128)
    assert (narrow.quantisation, narrow.virtual_tokens) == ("none", 10)
    assert resolved(params("rslora", rank=16), 64).alpha == 8
    assert resolved(params("lora", alpha=5, virtual_tokens=3), 64).alpha == 5
    for width in (64, 128, 512, 768):
        assert 0.1 <= (resolved(AdapterParams(), width).virtual_tokens or 0) / width <= 0.2


def test_targets_by_name(tiny_qwen2: Path, tmp_path: Path) -> None:
    model = attach(base(tiny_qwen2), params("lora", targets=("q_proj", "layers.1.mlp.up_proj")), False, 0)
    assert {name.partition(".lora_")[0].rpartition("layers.")[2] for name in trainable(model)} == {
        "0.self_attn.q_proj", "1.self_attn.q_proj", "1.mlp.up_proj",
    }  # fmt: skip
    every = attach(base(tiny_qwen2), params("lora"), False, 0)
    assert len(trainable(every)) == 2 * 2 * 7, (
        "two factors for seven linear layers in two layers, no output layer"
    )


@pytest.mark.parametrize("method", ["lora", "ia3", "bottleneck"])
def test_a_target_that_matches_nothing_lists_what_exists(method: MethodName, tiny_qwen2: Path) -> None:
    with pytest.raises(TrainError) as caught:
        attach(base(tiny_qwen2), params(method, targets=("q_proj", "query")), False, 0)
    assert "target query" in caught.value.message
    assert "q_proj" in caught.value.hint and "down_proj" in caught.value.hint


def test_targets_that_cannot_carry_an_adapter(tiny_qwen2: Path) -> None:
    with pytest.raises(TrainError, match="no linear layer"):
        attach(base(tiny_qwen2), params("lora", targets=("mlp",)), False, 0)
    with pytest.raises(TrainError, match="no target layers"):
        attach(base(tiny_qwen2), params("prompt_tuning", targets=("q_proj",)), False, 0)
    with pytest.raises(TrainError, match="names no layer"):
        attach(base(tiny_qwen2), params("lora", targets=()), False, 0)
    tied = base(tiny_qwen2)
    tied.lm_head.weight = tied.model.embed_tokens.weight
    with pytest.raises(TrainError, match="shares its weights"):
        attach(tied, params("lora", targets=("lm_head",)), False, 0)


def test_equal_seeds_give_equal_files(tiny_qwen2: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.manual_seed(len(name) + seed)
        save_adapter(attach(base(tiny_qwen2), params("lora_bottleneck"), False, seed), tmp_path / name)
    files = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert files == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "bottleneck.safetensors",
        "method.json",
    ]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    weights = "adapter_model.safetensors"
    assert (tmp_path / "a" / weights).read_bytes() != (tmp_path / "c" / weights).read_bytes()


def test_attaching_leaves_the_random_state_alone(tiny_qwen2: Path) -> None:
    model = base(tiny_qwen2)
    before = torch.get_rng_state()
    attach(model, params("lora"), False, 7)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_folder_can_be_moved_and_read_by_peft(tiny_qwen2: Path, tmp_path: Path) -> None:
    from peft import PeftModel

    model = attach(base(tiny_qwen2), params("dora"), False, 0)
    learn(model)
    save_adapter(model, tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    config = json.loads((tmp_path / "there" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == tiny_qwen2.name
    assert config["target_modules"] == sorted(config["target_modules"])
    assert {"q_proj", "down_proj"} <= set(config["target_modules"]) and "lm_head" not in config[
        "target_modules"
    ]
    assert str(tiny_qwen2) not in (tmp_path / "there" / "method.json").read_text("utf-8")
    by_peft = PeftModel.from_pretrained(base(tiny_qwen2), str(tmp_path / "there"))
    assert torch.equal(logits(by_peft), logits(model))


def test_checkpointing_gives_the_same_gradients(tiny_qwen2: Path) -> None:
    found = []
    for checkpointing in (False, True):
        model = attach(base(tiny_qwen2, "nf4"), params("lora_bottleneck", "nf4"), checkpointing, 0)
        learn(model, 1, 2)
        found.append({name: parameter.grad for name, parameter in trainable(model).items()})
    assert all(torch.allclose(found[0][name], found[1][name], atol=1e-7) for name in found[0])


@pytest.mark.parametrize("method", ["adalora", "p_tuning", "prefix_tuning", "bottleneck"])
def test_training_goes_on_bit_for_bit(method: MethodName, tiny_qwen2: Path) -> None:
    steps = 10
    whole = attach(base(tiny_qwen2), params(method), False, 0, steps)
    learn(whole, 1, steps)

    half = attach(base(tiny_qwen2), params(method), False, 0, steps)
    optimizer = learn(half, 1, 4)
    state = {name: tensor.clone() for name, tensor in training_state(half).items()}
    resumed = attach(base(tiny_qwen2), params(method), False, 5, steps)
    restore_training_state(resumed, state)
    fresh = torch.optim.AdamW(trainable(resumed).values(), lr=1e-2)
    fresh.load_state_dict(optimizer.state_dict())
    learn(resumed, 5, steps, fresh)
    for name, parameter in trainable(whole).items():
        assert torch.equal(parameter, trainable(resumed)[name]), name
    assert torch.equal(logits(whole), logits(resumed))


def test_a_state_of_another_adapter_is_refused(tiny_qwen2: Path) -> None:
    state = training_state(attach(base(tiny_qwen2), params("lora"), False, 0))
    for other in (params("lora", rank=8), params("bottleneck"), params("lora", targets=("q_proj",))):
        with pytest.raises(TrainError, match="another adapter"):
            restore_training_state(attach(base(tiny_qwen2), other, False, 0), state)


def test_adalora_takes_ranks_away(tiny_qwen2: Path, tmp_path: Path) -> None:
    steps = 12
    model = attach(base(tiny_qwen2), params("adalora", rank=2), False, 0, steps)
    learn(model, 1, steps)
    pattern = model.peft_config["default"].rank_pattern
    kept = sum(sum(mask) for mask in pattern.values())
    assert kept <= 2 * len(pattern) < sum(len(mask) for mask in pattern.values()) == 3 * len(pattern)
    empty = {name for name, mask in pattern.items() if not any(mask)}
    assert {name.removeprefix("base_model.model.") for name in taken_away(model)} == empty
    assert all(trainable(model)[name].abs().max() == 0 for name in taken_away(model))
    assert taken_away(attach(base(tiny_qwen2), params("lora"), False, 0)) == set()
    save_adapter(model, tmp_path / "a")
    again = load_adapter(base(tiny_qwen2), tmp_path / "a")
    assert torch.allclose(logits(again), logits(model), atol=1e-6, rtol=0)
    with torch.no_grad():
        found = again(input_ids=rows(), labels=rows())
    expected = torch.nn.functional.cross_entropy(found.logits[:, :-1].flatten(0, 1), rows()[:, 1:].flatten())
    assert torch.isclose(found.loss, expected), "a loss is a loss, with no penalty in it"


def test_training_can_go_on_from_a_saved_adapter(tiny_qwen2: Path, tmp_path: Path) -> None:
    for method in ("lora", "prompt_tuning", "lora_bottleneck"):
        model = attach(base(tiny_qwen2), params(method), False, 0)
        learn(model)
        save_adapter(model, tmp_path / method)
        again = load_adapter(base(tiny_qwen2), tmp_path / method, trainable=True)
        assert {name: p.shape for name, p in trainable(again).items()} == {
            name: p.shape for name, p in trainable(model).items()
        }
        learn(again)
        assert not torch.equal(logits(again), logits(model))
    save_adapter(attach(base(tiny_qwen2), params("p_tuning"), False, 0), tmp_path / "p")
    with pytest.raises(TrainError, match="checkpoint"):
        load_adapter(base(tiny_qwen2), tmp_path / "p", trainable=True)


@pytest.fixture(scope="module")
def saved(tiny_qwen2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "adapter"
    save_adapter(attach(base(tiny_qwen2), params("lora_bottleneck"), False, 0), folder)
    return folder


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("method.json", None, "no adapter in"),
        ("method.json", b"{", "damaged"),
        ("method.json", b"[]", "damaged"),
        ("adapter_model.safetensors", None, "missing"),
        ("bottleneck.safetensors", None, "missing"),
        ("adapter_config.json", b"{}", "SHA-256"),
        ("adapter_model.safetensors", b"", "SHA-256"),
    ],
)
def test_a_damaged_adapter_is_named(
    saved: Path, tiny_qwen2: Path, tmp_path: Path, file: str, change: bytes | None, words: str
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(saved, folder)
    (folder / file).unlink()
    if change is not None:
        (folder / file).write_bytes(change)
    with pytest.raises(TrainError, match=words) as caught:
        load_adapter(base(tiny_qwen2), folder)
    assert str(folder) in caught.value.message and caught.value.hint


def test_one_flipped_bit_is_seen(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(saved, folder)
    content = bytearray((folder / "bottleneck.safetensors").read_bytes())
    content[-5] ^= 1
    (folder / "bottleneck.safetensors").write_bytes(content)
    with pytest.raises(TrainError, match="SHA-256"):
        read_saved(folder)


def test_a_format_of_another_version(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(saved, folder)
    content = json.loads((folder / "method.json").read_text("utf-8"))
    (folder / "method.json").write_text(json.dumps(content | {"format_version": 9}), "utf-8")
    with pytest.raises(TrainError, match="format 9"):
        read_saved(folder)


def test_an_adapter_of_another_model(saved: Path, tiny_qwen2: Path, tiny_llama: Path) -> None:
    with pytest.raises(TrainError, match="was trained on qwen2"):
        load_adapter(base(tiny_llama), saved)
    unknown = base(tiny_llama)
    del unknown.base_identity
    load_adapter(unknown, saved)  # nothing is known of this model, and the shapes are the same

    narrower = base(tiny_qwen2)
    del narrower.base_identity
    narrower.model.layers = narrower.model.layers[:1]
    with pytest.raises(TrainError, match="does not fit this model"):
        load_adapter(narrower, saved)


def test_a_qlora_adapter_loads_on_unquantised_weights_but_dora_not_on_int8(
    tiny_qwen2: Path, tmp_path: Path
) -> None:
    save_adapter(attach(base(tiny_qwen2, "nf4"), params("qlora"), False, 0), tmp_path / "q")
    assert attachment(load_adapter(base(tiny_qwen2), tmp_path / "q")).quantisation == "none"
    save_adapter(attach(base(tiny_qwen2), params("dora"), False, 0), tmp_path / "d")
    with pytest.raises(TrainError, match="cannot be loaded so"):
        load_adapter(base(tiny_qwen2, "int8"), tmp_path / "d")


def test_full_tuning_has_no_base_to_go_back_to(tiny_qwen2: Path) -> None:
    model = attach(base(tiny_qwen2), params("full"), False, 0)
    with pytest.raises(TrainError, match="load the base model anew"), without_adapter(model):
        pass
    with pytest.raises(TrainError, match="carries no adapter"):
        attachment(base(tiny_qwen2))


def test_a_folder_that_cannot_be_written(tiny_qwen2: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainError, match="cannot be written"):
        save_adapter(attach(base(tiny_qwen2), params("bottleneck"), False, 0), tmp_path / "file" / "adapter")
