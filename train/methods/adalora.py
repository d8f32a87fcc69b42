"""AdaLoRA's schedule of ranks, told step by step, and the state that a run must keep to go on bit for bit.

AdaLoRA (Zhang et al. 2023, arXiv:2303.10512) holds the factors near orthogonal by a penalty and takes away the ranks
that matter least. peft adds the penalty to any loss it sees, validation loss too; here its weight in peft is zero, the
loop adds `penalty`, and a loss is a loss. For every other method these functions do nothing, or keep parameters only.
"""

from __future__ import annotations

from typing import Any

from pipeline.errors import TrainError
from train.methods.adapters import attachment, trainable

ORTHOGONALITY = 0.5
"""Weight of the penalty: peft's default; the paper takes 0.1 to 0.5."""

_MEMORY = ("ipt", "exp_avg_ipt", "exp_avg_unc")


def on_step(model: Any, step: int) -> None:
    """Let AdaLoRA take ranks away; call it after each optimizer step and before gradients are cleared.

    Args:
        model: as `attach` gave it.
        step: number of the optimizer step just made, from 1.
    """
    if attachment(model).method == "adalora":
        model.base_model.update_and_allocate(step)


def penalty(model: Any) -> Any | None:
    """Return what the loop adds to the loss of each backward pass, a scalar; None if there is nothing to add.

    It is the mean over factors of the Frobenius norm of A·Aᵀ − 1 and Bᵀ·B − 1 (paper, equation 4), times its weight.
    """
    if attachment(model).method != "adalora":
        return None
    import torch

    norms = []
    for name, factor in trainable(model).items():
        if ".lora_A." in name or ".lora_B." in name:
            gram = factor @ factor.T if ".lora_A." in name else factor.T @ factor
            norms.append(torch.linalg.matrix_norm(gram - torch.eye(len(gram)).to(gram)))
    return ORTHOGONALITY * torch.stack(norms).mean()


def taken_away(model: Any) -> set[str]:
    """Return the trained tensors that stand at zero by right: scales of layers from which AdaLoRA took every rank.

    A check that every tensor has moved leaves these out: they began at zero, too.
    """
    if attachment(model).method != "adalora":
        return set()
    pattern = model.peft_config["default"].rank_pattern or {}
    empty = {name.removesuffix(".default") for name, kept in pattern.items() if not any(kept)}
    return {
        name
        for name in trainable(model)
        if name.removeprefix("base_model.model.").removesuffix(".default") in empty
    }


def training_state(model: Any) -> dict[str, Any]:
    """Return every tensor that training alters, by name: what a checkpoint holds besides the optimizer."""
    tensors = {name: parameter.detach() for name, parameter in trainable(model).items()}
    if attachment(model).method == "adalora":
        allocator = model.base_model.rankallocator
        for kind in _MEMORY:
            tensors |= {f"adalora.{kind}.{name}": tensor for name, tensor in getattr(allocator, kind).items()}
        tensors |= {f"adalora.kept.{name}": tensor for name, tensor in _kept(model).items()}
    return tensors


def restore_training_state(model: Any, tensors: dict[str, Any]) -> None:
    """Put back what `training_state` gave, on a model to which the same adapter was attached.

    Raises:
        TrainError: the tensors belong to another adapter.
    """
    own = trainable(model)
    rest = {name: tensor for name, tensor in tensors.items() if name not in own}
    adalora = attachment(model).method == "adalora"
    foreign = sorted(set(own) - set(tensors)) + sorted(
        name for name in rest if not (adalora and name.startswith("adalora."))
    )
    foreign += sorted(name for name in own if name in tensors and own[name].shape != tensors[name].shape)
    if foreign:
        raise TrainError(
            f"the checkpoint is that of another adapter: {len(foreign)} tensors differ, such as {foreign[0]}",
            "resume with the recipe that the run began with, or begin a new run",
        )
    for name, parameter in own.items():
        parameter.data.copy_(tensors[name])
    if adalora:
        _restore_ranks(model, rest)


def _kept(model: Any) -> dict[str, Any]:
    import torch

    pattern = model.peft_config["default"].rank_pattern or {}
    return {name: torch.tensor(kept) for name, kept in pattern.items()}


def _restore_ranks(model: Any, tensors: dict[str, Any]) -> None:
    allocator = model.base_model.rankallocator
    device = next(iter(trainable(model).values())).device
    for kind in _MEMORY:
        prefix = f"adalora.{kind}."
        found = {
            name.removeprefix(prefix): tensor.to(device)
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        setattr(allocator, kind, found)
    prefix = "adalora.kept."
    kept = {
        name.removeprefix(prefix): tensor.tolist()
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    model.peft_config["default"].rank_pattern = kept or None
