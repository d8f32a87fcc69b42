"""How much memory a training step needs beside weights, found by taking the step with tensors that hold no data.

The model's real code runs forward and backward on fake tensors (shape and type, no memory, no arithmetic), two and
three layers deep, and every allocation and release is booked; what a layer adds is the difference, and the peak of the
whole depth follows. So attention, dropout, casts, checkpointing and the adapter count as they are written, for any
architecture, in a second and before anything loads. Rejected: a formula of coefficients per token, which is true of one
version of one architecture; and a trial step on the device, which needs the weights first. What the fakes cannot show:
the kernels' own scratch space, and quantised linears (a plain one of the same shape stands for each, and the
weight that is dequantised in passing is added by the caller).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

_DEPTHS = (2, 3)


@dataclass(frozen=True, slots=True)
class Activations:
    """Bytes of a step beside weights, gradients, optimizer and logits, for one row of tokens.

    Attributes:
        fixed: what does not grow with depth.
        per_layer: what each layer adds.
        layers: of the model.
    """

    fixed: int
    per_layer: int
    layers: int

    def of(self, rows: int) -> int:
        """Return the bytes of a batch of this many rows."""
        return rows * (self.fixed + self.layers * self.per_layer)


def trace_activations(
    build: Callable[[int], Any], layers: int, length: int, autocast: bool, padded: bool
) -> Activations:
    """Book a step of the model at small depths, and return what it comes to at its own.

    Args:
        build: gives the model with that many layers and its adapter, on the meta device, checkpointing set.
        layers: its own depth.
        length: tokens of a row.
        autocast: whether arithmetic is bf16 beside parameters of another type.
        padded: whether the mask is one number a token (prompt-learning methods) or one a pair of tokens (packs).

    Raises:
        RuntimeError: the architecture decides by the data, which fakes do not hold.
    """
    depths = tuple(depth for depth in _DEPTHS if depth <= layers) or (layers,)
    peaks = [traced_peak(build(depth), 1, length, autocast, padded) for depth in depths]
    if len(peaks) == 1:
        return Activations(peaks[0], 0, layers)
    per_layer = max(0, peaks[1] - peaks[0])
    return Activations(max(0, peaks[0] - depths[0] * per_layer), per_layer, layers)


def traced_peak(model: Any, rows: int, length: int, autocast: bool, padded: bool) -> int:
    """Return the most bytes alive at once in a forward and backward pass, parameters and gradients left out.

    Args:
        model: on the meta device, or real: then real tensors are booked, which is how this is tested.
        rows: of the batch.
        length: tokens of a row.
        autocast: as in `trace_activations`.
        padded: as in `trace_activations`.
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    fake = next(model.parameters()).is_meta
    with FakeTensorMode() if fake else nullcontext():
        if fake:
            _materialise(model)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
        tokens = torch.zeros((rows, length), dtype=torch.long)
        mask = (
            torch.ones((rows, length), dtype=torch.long)
            if padded
            else torch.ones((rows, 1, length, length), dtype=torch.bool)
        )
        inputs = {"input_ids": tokens, "attention_mask": mask}
        if not padded:
            inputs["position_ids"] = torch.arange(length).expand(rows, -1)
        model.train()
        with _ledger() as ledger:
            with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                hidden = _last_hidden(model, inputs)
            hidden.backward(torch.ones_like(hidden))
        return int(ledger.peak) + mask.nbytes


def traced_loss(tokens: int, hidden: int, vocabulary: int, dtype: str, trains_head: bool) -> int:
    """Return the most bytes alive at once while a chunk's loss and its gradient are computed.

    Args:
        tokens: of the chunk, whose logits exist together.
        hidden: width of the model.
        vocabulary: rows of the output layer.
        dtype: of the arithmetic: fp32, bf16 or fp16.
        trains_head: whether the output layer itself has a gradient (full tuning).
    """
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.nn.functional import cross_entropy, linear

    kind = torch.float32 if dtype == "fp32" else torch.bfloat16
    with FakeTensorMode():
        states = torch.empty((tokens, hidden), dtype=kind, requires_grad=True)
        weight = torch.empty((vocabulary, hidden), dtype=torch.float32 if trains_head else kind)
        weight.requires_grad_(trains_head)
        targets = torch.zeros(tokens, dtype=torch.long)
        with _ledger() as ledger:
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype != "fp32"):
                logits = linear(states, weight)
            cross_entropy(logits.float(), targets, reduction="sum").backward()  # type: ignore[no-untyped-call]
        return int(ledger.peak)


def _last_hidden(model: Any, inputs: dict[str, Any]) -> Any:
    """Run the model up to the head: the loss takes it from there in chunks."""
    kept: list[Any] = []
    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(lambda _module, args: kept.append(args[0]))
    try:
        model(**inputs, use_cache=False, logits_to_keep=1)
    finally:
        handle.remove()
    return kept[0]


def _materialise(model: Any) -> None:
    """Give every meta parameter and buffer a fake on the CPU in its place."""
    import torch

    made: dict[int, Any] = {}
    for module in model.modules():
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    fake = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    parameter = isinstance(tensor, torch.nn.Parameter)
                    made[id(tensor)] = (
                        torch.nn.Parameter(fake, requires_grad=tensor.requires_grad) if parameter else fake
                    )
                table[name] = made[id(tensor)]


def _ledger() -> Any:
    """Return a context that books the storages made inside it, and when each dies."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.alive = self.peak = 0
            self.known: weakref.WeakSet[Any] = weakref.WeakSet()

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            import torch

            before = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
            for tensor in before:
                self.known.add(tensor.untyped_storage())
            result = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(result):
                if isinstance(leaf, torch.Tensor):
                    self._book(leaf.untyped_storage())
            return result

        def _book(self, storage: Any) -> None:
            if storage in self.known:
                return
            self.known.add(storage)
            size = int(storage.nbytes())
            self.alive += size
            self.peak = max(self.peak, self.alive)
            weakref.finalize(storage, self._release, size)

        def _release(self, size: int) -> None:
            self.alive -= size

    return Ledger()
