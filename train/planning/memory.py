"""What a run will need of memory, part by part, from the model's config.json alone.

Nothing is loaded: the model is made on torch's meta device (names and shapes, no data), the adapter is attached to it
by the very code that training uses, and each part is counted from the tensors' shapes in the storage formats of torch
and bitsandbytes. Weights, trained parameters, gradients and optimizer are exact; activations are traced
(`activations.py`); what neither can know is a stated constant. Rejected: rules of thumb such as "1.2 GB a billion
parameters", which leave out the embedding, the head and the method.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError, TrainError
from train.config import AdapterParams
from train.planning.activations import Activations, trace_activations, traced_loss

GIB = 2**30
GPU_OVERHEAD = int(0.8 * GIB)
"""CUDA's context, cuBLAS's workspace and what the allocator rounds up: varies with the driver, not measured here."""
CPU_OVERHEAD = int(0.9 * GIB)
"""Python with torch, transformers and peft imported, and the threads' scratch space."""
BLOCK = 64
"""Weights that share an NF4 scale (bitsandbytes' default)."""
NESTED_BLOCK = 256
"""NF4 scales that share a scale of their own, and optimizer numbers that share one (bitsandbytes' defaults)."""
LEAST_8BIT = 4096
"""Tensors with fewer elements keep 32-bit optimizer states (bitsandbytes' `min_8bit_size`)."""
_ANY_STEPS = 1000
"""AdaLoRA's schedule wants to know the steps; its shapes do not depend on them."""
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True, slots=True)
class Sizes:
    """The shapes that memory depends on.

    Attributes:
        linears: [out, in] of each weight that quantisation reaches: every linear layer but the output layer.
        whole: parameters that stay in the compute dtype: embedding, output layer, norms, biases.
        frozen: whether they are; else (full tuning) all of them are trained.
        trained: number of elements of each trained tensor.
        layers: depth.
        hidden: width.
        vocabulary: rows of the output layer.
    """

    linears: tuple[tuple[int, int], ...]
    whole: int
    frozen: bool
    trained: tuple[int, ...]
    layers: int
    hidden: int
    vocabulary: int

    @property
    def parameters(self) -> int:
        """Number of the model's parameters, without an adapter's."""
        return sum(rows * columns for rows, columns in self.linears) + self.whole


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a run by part, at its peak.

    Attributes:
        weights: of the model, as they are stored; none where every weight is trained.
        trained: parameters that are trained, float32.
        gradients: of these, float32.
        optimizer: its states; a paged optimizer may move them to main memory when the GPU is full.
        activations: peak of a forward and backward pass, without logits.
        logits: of the tokens of a chunk, with their gradient.
        dequantised: the largest weight in the compute dtype, as it is unpacked in passing.
        overhead: of the framework (a stated constant).
    """

    weights: int
    trained: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    dequantised: int
    overhead: int

    @property
    def total(self) -> int:
        """Sum of the parts."""
        return sum(size for _, size in self.parts())

    def parts(self) -> list[tuple[str, int]]:
        """Return name and bytes of each part."""
        return [(name, getattr(self, name)) for name in self.__slots__]


def read_config(folder: Path) -> Any:
    """Return the configuration of a model from its folder's config.json.

    Raises:
        ModelError: there is none, or the installed transformers does not know the architecture.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"{folder} holds no model configuration that can be read: {error}",
            "name a folder with a config.json that the installed transformers knows",
        ) from error


def skeleton(config: Any, layers: int, dtype: str) -> Any:
    """Return the model on the meta device, with that many layers of its own.

    Raises:
        ModelError: the architecture is no causal language model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.bfloat16}
    with torch.device("meta"):
        try:
            return AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                _shallow(config, layers), dtype=kinds[dtype], attn_implementation="sdpa"
            )
        except ValueError as error:
            raise ModelError(
                f"model type {getattr(config, 'model_type', '?')} cannot be planned: {error}",
                "training needs a causal language model whose attention can run through SDPA",
            ) from error


def _shallow(config: Any, layers: int) -> Any:
    if layers == config.num_hidden_layers:
        return config
    described = config.to_dict() | {"num_hidden_layers": layers}
    if described.get("layer_types"):
        described["layer_types"] = described["layer_types"][:layers]
    return type(config).from_dict(described)


def measure_sizes(config: Any, params: AdapterParams, dtype: str) -> Sizes:
    """Return the shapes of a model and of what is trained.

    Args:
        config: of transformers.
        params: method, rank, targets and whatever else decides an adapter's shape.
        dtype: of the arithmetic.
    """
    from torch import nn

    model = skeleton(config, config.num_hidden_layers, dtype)
    head = model.get_output_embeddings()
    linears = tuple(
        (module.out_features, module.in_features)
        for module in model.modules()
        if isinstance(module, nn.Linear) and module is not head
    )
    parameters = sum(parameter.numel() for parameter in model.parameters())
    tuned = attached(model, params, checkpointing=False)
    trained = tuple(
        parameter.numel()
        for name, parameter in tuned.named_parameters()
        if parameter.requires_grad and ".ranknum." not in name  # AdaLoRA's count of ranks: a constant
    )
    return Sizes(
        linears,
        parameters - sum(rows * columns for rows, columns in linears),
        params.method != "full",
        trained,
        config.num_hidden_layers,
        config.hidden_size,
        head.weight.shape[0],
    )


def attached(model: Any, params: AdapterParams, checkpointing: bool) -> Any:
    """Return a model of the meta device with its adapter: plain weights have the shapes of quantised ones."""
    from train.methods import attach

    plain = {"quantisation": "none", "method": "lora" if params.method == "qlora" else params.method}
    tuned = attach(model, params.model_copy(update=plain), checkpointing, seed=0, total_steps=_ANY_STEPS)
    if checkpointing:  # fakes have no state of a random generator to keep
        kind = {"use_reentrant": False, "preserve_rng_state": False}
        tuned.gradient_checkpointing_enable(gradient_checkpointing_kwargs=kind)
    return tuned


def weight_bytes(sizes: Sizes, quantisation: str, dtype: str) -> int:
    """Return the bytes of the frozen weights as torch and bitsandbytes store them.

    Args:
        sizes: of the model.
        quantisation: nf4 (half a byte a weight, a byte a block of 64, 4 bytes a block of 256 blocks), int8 (a byte a
            weight, 4 bytes a row) or none.
        dtype: of what is not quantised.
    """
    if not sizes.frozen:
        return 0
    stored = sum(_stored(rows, columns, quantisation, dtype) for rows, columns in sizes.linears)
    return stored + sizes.whole * BYTES[dtype]


def _stored(rows: int, columns: int, quantisation: str, dtype: str) -> int:
    numbers = rows * columns
    if quantisation == "none":
        return numbers * BYTES[dtype]
    if quantisation == "int8":
        return numbers + 4 * rows
    blocks = -(-numbers // BLOCK)
    return -(-numbers // 2) + blocks + 4 * -(-blocks // NESTED_BLOCK)


def optimizer_bytes(trained: Sequence[int], optimizer: str) -> int:
    """Return the bytes of an optimizer's states: two numbers a parameter, in 32 or 8 bits.

    Args:
        trained: number of elements of each trained tensor.
        optimizer: adamw, paged_adamw, adamw_8bit or paged_adamw_8bit.
    """
    if optimizer == "adamw":
        return sum(8 * numbers + 4 for numbers in trained)
    if optimizer == "paged_adamw":
        return sum(8 * numbers for numbers in trained)
    return sum(
        8 * numbers if numbers < LEAST_8BIT else 2 * (numbers + 4 * -(-numbers // NESTED_BLOCK))
        for numbers in trained
    )


def activations_of(
    config: Any,
    params: AdapterParams,
    quantised: bool,
    dtype: str,
    checkpointing: bool,
    length: int,
    padded: bool,
) -> Activations:
    """Trace what a row of tokens needs.

    Args:
        config: of transformers.
        params: of the adapter.
        quantised: whether the frozen linears are.
        dtype: of the arithmetic; other than fp32, adapters stay fp32 under autocast.
        checkpointing: whether layers are computed again in the backward pass.
        length: tokens of a row.
        padded: as in `train.planning.activations.trace_activations`.

    Raises:
        TrainError: this architecture cannot be traced.
    """

    def build(layers: int) -> Any:
        tuned = attached(skeleton(config, layers, dtype), params, checkpointing)
        if quantised:  # under autocast, peft casts the input of plain layers and not that of quantised ones
            for module in tuned.modules():
                if hasattr(module, "cast_input_dtype_enabled"):
                    module.cast_input_dtype_enabled = False
        return tuned

    try:
        return trace_activations(build, config.num_hidden_layers, length, dtype != "fp32", padded)
    except (RuntimeError, NotImplementedError) as error:
        raise TrainError(
            f"the memory of a step of model type {config.model_type} cannot be foreseen: {type(error).__name__}",
            "start with a small training.batch_size: an out-of-memory error names the batch that would fit",
        ) from error


def memory_at(
    sizes: Sizes,
    activations: Activations,
    quantisation: str,
    dtype: str,
    optimizer: str,
    length: int,
    loss_chunk: int,
    on_gpu: bool,
) -> Callable[[int], Memory]:
    """Return the function from the rows of a batch to the memory of the run.

    Args:
        sizes: of model and adapter.
        activations: of a row.
        quantisation: of the frozen weights.
        dtype: of the arithmetic.
        optimizer: as in `optimizer_bytes`.
        length: tokens of a row.
        loss_chunk: tokens whose logits exist at a time.
        on_gpu: which overhead applies.
    """
    trained = 4 * sum(sizes.trained)
    largest = max((rows * columns for rows, columns in sizes.linears), default=0)

    @functools.cache
    def logits(tokens: int) -> int:
        return traced_loss(tokens, sizes.hidden, sizes.vocabulary, dtype, trains_head=not sizes.frozen)

    def at(rows: int) -> Memory:
        return Memory(
            weights=weight_bytes(sizes, quantisation, dtype),
            trained=trained,
            gradients=trained,
            optimizer=optimizer_bytes(sizes.trained, optimizer),
            activations=activations.of(rows),
            logits=logits(min(loss_chunk, rows * length)),
            dequantised=0 if quantisation == "none" else largest * BYTES[dtype],
            overhead=GPU_OVERHEAD if on_gpu else CPU_OVERHEAD,
        )

    return at
