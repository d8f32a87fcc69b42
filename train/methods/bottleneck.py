"""Bottleneck adapters: a small two-layer network behind the attention and behind the feedforward of each layer.

Houlsby et al. 2019 (arXiv:1902.00751, figure 2): down to a few dimensions, GELU, up again, plus the input. The upward
weights begin at zero, so that the model begins as the base model, bit for bit. The adapter hangs on its sublayer as a
child and works by a forward hook: the model's own code, quantised layers and gradient checkpointing know nothing of it.
Rejected: the `adapters` package (pins transformers 4), and wrapping the sublayer (renames every weight of the base).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pipeline.errors import TrainError

CHILD = "bottleneck"
"""Name under which an adapter hangs on the sublayer whose output it alters."""


def _bottleneck(width: int, size: int, dropout: float) -> Any:
    """Return a new adapter, float32: the identity until it is trained."""
    from torch import nn

    module = nn.ModuleDict(
        {"down": nn.Linear(width, size), "dropout": nn.Dropout(dropout), "up": nn.Linear(size, width)}
    )
    nn.init.normal_(module["down"].weight, std=width**-0.5)  # type: ignore[arg-type]
    nn.init.zeros_(module["down"].bias)  # type: ignore[arg-type]
    nn.init.zeros_(module["up"].weight)  # type: ignore[arg-type]
    nn.init.zeros_(module["up"].bias)  # type: ignore[arg-type]
    module.enabled = True  # type: ignore[assignment]
    return module


def _through(sublayer: Any, _inputs: Any, output: Any) -> Any:
    """Send a sublayer's output through its adapter; attention layers return a tuple, whose first part it is."""
    adapter = getattr(sublayer, CHILD)
    if not adapter.enabled:
        return output
    hidden = output[0] if isinstance(output, tuple) else output
    altered = hidden + _change(adapter, hidden)
    return (altered, *output[1:]) if isinstance(output, tuple) else altered


def _change(adapter: Any, hidden: Any) -> Any:
    from torch.nn.functional import gelu

    inner = gelu(adapter["down"](adapter["dropout"](hidden.to(adapter["down"].weight.dtype))))
    return adapter["up"](inner).to(hidden.dtype)


def add_bottlenecks(
    model: Any, size: int, dropout: float, targets: Sequence[str] | Literal["all-linear"]
) -> list[str]:
    """Hang adapters behind sublayers, and return the names of these.

    Args:
        model: of transformers, possibly wrapped by peft.
        size: inner width of an adapter.
        dropout: on an adapter's input while training.
        targets: names (last parts) of the modules whose output is altered; `all-linear` is the two sublayers of
            every layer, as in the paper.

    Raises:
        TrainError: nothing has such a name, or the model's layers are not built of two sublayers.
    """
    found = _named(model, targets) if targets != "all-linear" else _sublayers(model)
    width = int(model.config.get_text_config().hidden_size)
    for _, module in found:
        like = next(module.parameters())
        adapter = _bottleneck(width, size, dropout).to(like.device)
        module.add_module(CHILD, adapter)
        module.register_forward_hook(_through)
    return [name for name, _ in found]


def bottlenecks(model: Any) -> dict[str, Any]:
    """Return the adapters of a model by name, in the model's order."""
    return {
        name: module for name, module in model.named_modules() if name.rpartition(".")[2] == CHILD and module
    }


def switch(model: Any, on: bool) -> None:
    """Let the adapters work, or let every output pass as the base model makes it."""
    for adapter in bottlenecks(model).values():
        adapter.enabled = on


def bottleneck_state(model: Any) -> dict[str, Any]:
    """Return the tensors of all adapters, by names in which peft's wrapping does not show."""
    return {
        f"{name.removeprefix('base_model.model.')}.{part}": tensor
        for name, adapter in bottlenecks(model).items()
        for part, tensor in adapter.state_dict().items()
    }


def load_bottleneck_state(model: Any, tensors: dict[str, Any]) -> None:
    """Fill the adapters of a model.

    Raises:
        TrainError: the tensors are not those of these adapters.
    """
    own = bottleneck_state(model)
    wrong = sorted(set(own) ^ set(tensors)) or sorted(
        name for name in own if own[name].shape != tensors[name].shape
    )
    if wrong:
        raise TrainError(
            f"the bottleneck adapter was made for another model: {len(wrong)} tensors differ, such as {wrong[0]}",
            "load it on the base model that its train.json names",
        )
    for name, tensor in own.items():
        tensor.data.copy_(tensors[name])


def _layers(model: Any) -> tuple[str, Any]:
    """Return the stack of layers: the longest list of modules."""
    from torch.nn import ModuleList

    lists = [(name, module) for name, module in model.named_modules() if isinstance(module, ModuleList)]
    return max(lists, key=lambda named: len(named[1]), default=("", ()))


def _sublayers(model: Any) -> list[tuple[str, Any]]:
    """Return what in each layer holds linear layers and is none itself: attention and feedforward."""
    prefix, layers = _layers(model)
    found = []
    for number, layer in enumerate(layers):
        inner = [
            (f"{prefix}.{number}.{name}", child)
            for name, child in layer.named_children()
            if any(child.children())
        ]
        if len(inner) != 2:
            raise TrainError(
                f"bottleneck adapters go behind the two sublayers of a layer; {prefix}.{number} has"
                f" {len(inner)}: {', '.join(name.rpartition('.')[2] for name, _ in inner) or 'none'}",
                "name the modules behind which they go in adapter.targets",
            )
        found += inner
    if not found:
        raise TrainError(
            "the model has no stack of layers",
            "name the modules behind which bottleneck adapters go in targets",
        )
    return found


def _named(model: Any, targets: Sequence[str]) -> list[tuple[str, Any]]:
    found = []
    for name, module in model.named_modules():
        if any(name == target or name.endswith(f".{target}") for target in targets):
            found.append((name, module))
    return found
