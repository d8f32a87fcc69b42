"""How fast each parameter learns, and when something is due.

Rates by layer follow ULMFiT (Howard and Ruder 2018, section 3.2, discriminative fine-tuning) in the form that BERT's
users know: the top layer learns at the full rate, each below at `decay` times the one above, embeddings below the
lowest. Steps at which validation, checkpoint and log are due are one set of numbers, made before training: nothing
depends on what transformers' strategies make of an epoch. Rejected: `TrainingArguments`' own strategies, which know
no run planned whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import TrainError

if TYPE_CHECKING:
    import torch

OptimizerName = Literal["auto", "adamw", "adamw_8bit", "paged_adamw_8bit", "paged_adamw"]

# transformers' names of ours; each but the first is bitsandbytes' and works on CUDA memory.
_OPTIMIZERS = {
    "adamw": "adamw_torch",
    "adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw_8bit": "paged_adamw_8bit",
    "paged_adamw": "paged_adamw_32bit",
}
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|block|blocks)\.(\d+)\.")
_EMBEDDING = re.compile(r"(?:^|\.)(?:embed_tokens|wte|wpe|word_embeddings|embeddings)\.")


@dataclass(frozen=True, slots=True)
class Timetable:
    """The steps of a run, counted from one, at which something is due."""

    steps: int
    epoch_ends: tuple[int, ...]
    evaluate: frozenset[int]
    save: frozenset[int]
    log: frozenset[int]


def timetable(
    batches: int,
    accumulation: int,
    epoch_ends: Sequence[int],
    max_steps: int | None,
    evaluate_every: int | None,
    save_every: int | None,
    log_every: int,
    by_epoch: bool,
) -> Timetable:
    """When what is due.

    Args:
        batches: of the whole run.
        accumulation: batches of a step; the last step may have fewer.
        epoch_ends: index of the last batch of each epoch.
        max_steps: most steps.
        evaluate_every: steps between looks at validation loss; None: at the end of each epoch.
        save_every: steps between checkpoints; None: wherever validation loss is looked at.
        log_every: steps between points of the curves.
        by_epoch: whether early stopping counts epochs, so that each must end with a look.
    """
    steps = math.ceil(batches / accumulation)
    if max_steps is not None:
        steps = min(steps, max_steps)
    ends = tuple(sorted({min(steps, end // accumulation + 1) for end in epoch_ends}))
    last = {steps}
    evaluate = set(range(evaluate_every, steps + 1, evaluate_every)) if evaluate_every else set(ends)
    if by_epoch:
        evaluate |= set(ends)
    evaluate |= last
    save = (set(range(save_every, steps + 1, save_every)) if save_every else set(evaluate)) | last
    # Curves have a point wherever a checkpoint is, so that a run that goes on there draws the same curve.
    log = set(range(log_every, steps + 1, log_every)) | evaluate | save
    return Timetable(steps, ends, frozenset(evaluate), frozenset(save), frozenset(log))


def warmup_steps(share: float, steps: int) -> int:
    """Steps in which the rate rises: the share of all, rounded up (rounding noise aside)."""
    return math.ceil(round(share * steps, 6))


def chosen_optimizer(optimizer: OptimizerName, device_type: str, deepspeed: bool = False) -> OptimizerName:
    """Return the optimizer that a recipe means.

    `auto` is paged 8-bit AdamW on a GPU and AdamW on a CPU, and under DeepSpeed, which keeps its state itself.
    """
    if optimizer == "auto":
        return "paged_adamw_8bit" if device_type == "cuda" and not deepspeed else "adamw"
    return optimizer


def transformers_name(optimizer: OptimizerName, device_type: str, deepspeed: bool = False) -> str:
    """What transformers calls the optimizer on this kind of device.

    Raises:
        TrainError: bitsandbytes' optimizers keep their state in CUDA memory, and the model is elsewhere.
    """
    optimizer = chosen_optimizer(optimizer, device_type, deepspeed)
    if optimizer != "adamw" and device_type != "cuda":
        raise TrainError(
            f"optimizer {optimizer} keeps its state in CUDA memory, and this run is on {device_type}",
            "set training.optimizer to adamw or auto",
        )
    return _OPTIMIZERS[optimizer]


def rate_of(name: str, layers: int, decay: float) -> float:
    """Share of the learning rate at which the parameter of that name learns.

    Args:
        name: of the parameter in its model.
        layers: of the model.
        decay: each layer below the top learns at this times the rate of the one above.
    """
    found = _LAYER.search(name)
    if found:
        return math.pow(decay, layers - 1 - int(found.group(1)))
    return math.pow(decay, layers) if _EMBEDDING.search(name) else 1.0


def parameter_groups(
    parameters: Mapping[str, torch.nn.Parameter],
    learning_rate: float,
    layer_decay: float,
    weight_decay: float,
    decayed: Collection[str],
) -> list[dict[str, Any]]:
    """Groups for an optimizer: parameters of one rate and one weight decay, from the top layer down.

    Args:
        parameters: what is trained, by name.
        learning_rate: of the top.
        layer_decay: of `rate_of`.
        weight_decay: for the parameters in `decayed`; 0 for the others.
        decayed: names of parameters that weight decay is for (no biases, no norms).

    Raises:
        TrainError: rates by layer are wished for, and what is trained belongs to no layer.
    """
    numbers = [int(found.group(1)) for name in parameters if (found := _LAYER.search(name))]
    if layer_decay != 1.0 and not numbers:
        raise TrainError(
            "layer_decay needs parameters that belong to layers, and this method trains none",
            "leave training.layer_decay at 1.0, or choose a method that works inside layers, such as lora",
        )
    layers = max(numbers, default=-1) + 1
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in parameters.items():
        key = (rate_of(name, layers, layer_decay), weight_decay if name in decayed else 0.0)
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": groups[key], "lr": learning_rate * key[0], "weight_decay": key[1]}
        for key in sorted(groups, reverse=True)
    ]
