"""A penalty that holds the adapter to what general records need (elastic weight consolidation).

Kirkpatrick et al. 2017, equation 3: the loss gains weight/2 * sum of F (theta - theta*)^2, where theta* is the adapter
at the start (the base model itself) and F the diagonal of the empirical Fisher information, here the mean over general
records of the squared gradient of a record's mean loss. Only what is trained is held; a frozen base cannot forget.
The gradient of the penalty is added once a step, before clipping, so that accumulation does not multiply it.
Of LoRA this holds B alone: at the start B is zero, so A has no gradient, and its Fisher information is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import TrainError
from train.loop.losses import summed_loss, with_targets

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Penalty:
    """Where the adapter is held, and how firmly.

    Args:
        weight: of the penalty.
        anchor: each parameter at the start.
        fisher: diagonal Fisher information of each parameter, of the parameter's shape.
    """

    weight: float
    anchor: Mapping[str, torch.Tensor]
    fisher: Mapping[str, torch.Tensor]

    def value(self, parameters: Mapping[str, torch.nn.Parameter]) -> float:
        """The penalty, in the units of the loss."""
        import torch

        with torch.no_grad():
            pulled = [
                (self.fisher[name] * (parameter - self.anchor[name]) ** 2).sum().item()
                for name, parameter in parameters.items()
            ]
        return 0.5 * self.weight * sum(pulled)

    def gradients(self, parameters: Mapping[str, torch.nn.Parameter]) -> dict[str, torch.Tensor]:
        """The penalty's gradient."""
        return {
            name: self.weight * self.fisher[name] * (parameter.detach() - self.anchor[name])
            for name, parameter in parameters.items()
        }


def add_gradients(
    parameters: Mapping[str, torch.nn.Parameter], pulls: Mapping[str, torch.Tensor | None], scale: float
) -> None:
    """Add gradients to those that the loss gave, in the scale that fp16's gradients have."""
    for name, parameter in parameters.items():
        pull = pulls[name]
        if pull is not None:
            pull = (pull * scale).to(parameter.dtype)
            parameter.grad = pull if parameter.grad is None else parameter.grad + pull


def make_penalty(
    model: torch.nn.Module,
    head: torch.nn.Module | None,
    parameters: Mapping[str, torch.nn.Parameter],
    general: Sequence[Mapping[str, Any]],
    weight: float,
    chunk: int,
) -> Penalty:
    """Measure what the general batches need of the adapter as it stands.

    Args:
        model: with the adapter as it starts.
        head: of `train.loop.losses.find_head`.
        parameters: what is trained, by name.
        general: batches of the general set, best of one row each: squares are of a batch's mean loss.
        weight: of the penalty.
        chunk: tokens whose logits exist at a time.

    Raises:
        TrainError: there are no general batches.
    """
    import torch

    if len(general) == 0:
        raise TrainError(
            "training.ewc holds the adapter to what a general set needs, and there is none",
            "name one in data.replay, or set training.ewc to 0",
        )
    device = next(iter(parameters.values())).device
    fisher = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    with torch.random.fork_rng():
        model.eval()
        for one in general:
            batch = {
                name: value.to(device) if isinstance(value, torch.Tensor) else value
                for name, value in with_targets(one).items()
            }
            model.zero_grad()
            (summed_loss(model, head, batch, chunk) / batch["targets"].numel()).backward()  # type: ignore[no-untyped-call]
            for name, parameter in parameters.items():
                if parameter.grad is not None:
                    fisher[name] += parameter.grad.detach() ** 2 / len(general)
        model.zero_grad()
        model.train()
    return Penalty(
        weight, {name: parameter.detach().clone() for name, parameter in parameters.items()}, fisher
    )
