"""`python -m train plan`: what a run will need, whether it fits this machine, and the batch to ask for.

The effective batch (rows of a step) is the user's; batch and accumulation only divide it, so the proposal changes
memory and speed and never what is learnt. Where not even one row fits, the plan says which settings would make it fit,
as tried, instead of changing them. Rejected: trying batches until one fails on the device, which takes the weights,
minutes, and fragments the memory it measures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.config import AdapterParams
from train.planning.activations import Activations
from train.planning.memory import (
    GIB,
    Memory,
    Sizes,
    activations_of,
    measure_sizes,
    memory_at,
    read_config,
)

RESERVE = 0.08
"""Share of the memory that a plan leaves free: fragments of the allocator, and what other programs take meanwhile."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where the run would be: `name`, whether a GPU, and its bytes that are free."""

    name: str
    on_gpu: bool
    free: int


@dataclass(frozen=True, slots=True)
class Setting:
    """What decides a run's memory beside model and adapter; flat, as in the recipe."""

    quantisation: str
    dtype: str
    optimizer: str
    checkpointing: bool
    length: int
    loss_chunk: int
    padded: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan.

    Attributes:
        sizes: of model and adapter.
        setting: it was made for.
        device: it was made for.
        asked: rows of a step (batch times accumulation) that the recipe asks for.
        batch_size: the largest part of it that fits, or 1.
        accumulation: batches of a step; `batch_size * accumulation == asked`.
        memory: at that batch.
        fits: whether it does.
        largest: rows that would fit at once; 0 if not even one.
        steps: optimizer steps of the run; None if the data were not looked at.
        remedies: settings that would make one row fit, each with its bytes; empty if it fits.
    """

    sizes: Sizes
    setting: Setting
    device: Device
    asked: int
    batch_size: int
    accumulation: int
    memory: Memory
    fits: bool
    largest: int
    steps: int | None
    remedies: tuple[tuple[str, int], ...]


def find_device() -> Device:
    """Return the GPU with its free memory, or the CPU with the memory that this process may still take."""
    import torch

    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return Device(torch.cuda.get_device_name(), True, int(free))
    return Device("CPU", False, _free_main_memory())


def _free_main_memory() -> int:
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":", 1) for line in meminfo.read_text("ascii").splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and used.exists() and (text := limit.read_text("ascii").strip()) != "max":
        free = min(free, max(0, int(text) - int(used.read_text("ascii"))))
    return free


def count_steps(rows: int, batch_size: int, accumulation: int, epochs: float, max_steps: int | None) -> int:
    """Return the optimizer steps of a run.

    Args:
        rows: of an epoch: packs, or examples where none are made.
        batch_size: rows of a batch.
        accumulation: batches of a step; the last step of an epoch may have fewer.
        epochs: passes over the data.
        max_steps: upper bound.
    """
    batches = -(-rows // batch_size)
    whole, part = int(epochs), epochs - int(epochs)
    steps = whole * -(-batches // accumulation) + -(-round(part * batches) // accumulation)
    steps = max(1, steps)
    return steps if max_steps is None else min(steps, max_steps)


def count_rows(lengths: Sequence[int], packing: bool, pack_length: int) -> int:
    """Return the rows of an epoch from the examples' token counts."""
    if not packing:
        return len(lengths)
    from train.data.packing import pack

    return len(pack(lengths, pack_length))


def propose(
    folder: Path,
    params: AdapterParams,
    setting: Setting,
    batch_size: int,
    accumulation: int,
    device: Device,
    rows: int | None = None,
    epochs: float = 1.0,
    max_steps: int | None = None,
) -> Proposal:
    """Plan a run of a model folder, reading its config.json alone.

    Args:
        folder: of the model.
        params: of the adapter, resolved.
        setting: of the run.
        batch_size: as asked.
        accumulation: as asked.
        device: from `find_device`.
        rows: of an epoch, or None if the data were not looked at.
        epochs: passes.
        max_steps: upper bound of the steps.

    Raises:
        ModelError: the folder holds no causal language model's configuration.
        TrainError: the method does not work so, or the architecture cannot be foreseen.
    """
    config = read_config(folder)
    sizes = measure_sizes(config, params, setting.dtype)
    traces: dict[tuple[bool, bool, int], Activations] = {}
    at = _memory_of(config, sizes, params, setting, device.on_gpu, traces)
    room = int(device.free * (1 - RESERVE))
    asked = batch_size * accumulation
    largest = _largest(at, room, asked)
    batch = max(size for size in range(1, max(1, largest) + 1) if asked % size == 0)
    remedies = () if largest else _remedies(config, sizes, params, setting, device, room, traces)
    steps = None if rows is None else count_steps(rows, batch, asked // batch, epochs, max_steps)
    return Proposal(
        sizes, setting, device, asked, batch, asked // batch, at(batch), largest > 0, largest, steps, remedies
    )


def _memory_of(
    config: Any,
    sizes: Sizes,
    params: AdapterParams,
    setting: Setting,
    on_gpu: bool,
    traces: dict[tuple[bool, bool, int], Activations],
) -> Callable[[int], Memory]:
    """Return the function from rows to memory; `traces` holds what was traced already, by all that it depends on."""
    quantised = setting.quantisation != "none"
    key = (quantised, setting.checkpointing, setting.length)
    if key not in traces:
        traces[key] = activations_of(
            config, params, quantised, setting.dtype, setting.checkpointing, setting.length, setting.padded
        )
    return memory_at(
        sizes,
        traces[key],
        setting.quantisation,
        setting.dtype,
        setting.optimizer,
        setting.length,
        setting.loss_chunk,
        on_gpu,
    )


def _largest(at: Callable[[int], Memory], room: int, most: int) -> int:
    """Return the most rows, up to `most`, whose memory fits; memory grows with rows."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if at(middle).total <= room else (low, middle - 1)
    return low


def _remedies(
    config: Any,
    sizes: Sizes,
    params: AdapterParams,
    setting: Setting,
    device: Device,
    room: int,
    traces: dict[tuple[bool, bool, int], Activations],
) -> tuple[tuple[str, int], ...]:
    """Try, one after another and each on top of those before, what takes less memory, until one row fits."""
    from dataclasses import replace

    from train.methods import refusal

    tried: list[tuple[str, int]] = []
    now = setting
    for name in ("checkpointing", "nf4", "optimizer", "loss_chunk", "length"):
        if name == "checkpointing" and not now.checkpointing:
            if refusal(params.method, params.quantisation or "none", checkpointing=True):
                continue
            now, told = replace(now, checkpointing=True), "training.gradient_checkpointing: true"
        elif name == "nf4" and now.quantisation != "nf4" and not refusal(params.method, "nf4"):
            now, told = replace(now, quantisation="nf4"), "adapter.quantisation: nf4"
        elif name == "optimizer" and not now.optimizer.endswith("8bit"):
            now, told = replace(now, optimizer="paged_adamw_8bit"), "training.optimizer: paged_adamw_8bit"
        elif name == "loss_chunk" and now.loss_chunk > 256:
            now, told = replace(now, loss_chunk=256), "training.loss_chunk: 256"
        elif name == "length" and now.length > 512:
            key = "data.max_length" if now.padded else "data.pack_length"
            now, told = replace(now, length=512), f"{key}: 512"
        else:
            continue
        needed = _memory_of(config, sizes, params, now, device.on_gpu, traces)(1).total
        tried.append((told, needed))
        if needed <= room:
            break
    return tuple(tried)


def plan_lines(proposal: Proposal) -> list[str]:
    """Return the plan in words, line by line."""
    sizes, setting, device = proposal.sizes, proposal.setting, proposal.device
    trained = sum(sizes.trained)
    checkpointed = "with" if setting.checkpointing else "without"
    lines = [
        f"model      {sizes.parameters:,} parameters, {sizes.layers} layers; weights {setting.quantisation}, "
        f"arithmetic {setting.dtype}",
        f"trained    {trained:,} parameters ({trained / sizes.parameters:.2%})",
        f"rows       {setting.length:,} tokens, {checkpointed} gradient checkpointing",
        "",
        *(f"  {name:12} {_size(size)}" for name, size in proposal.memory.parts()),
        f"  {'together':12} {_size(proposal.memory.total)}, at {proposal.batch_size} rows a batch",
        "",
        f"{device.name}: {device.free / GIB:.2f} GiB free, of which {RESERVE:.0%} is left alone",
    ]
    if proposal.fits:
        lines += [
            f"fits       up to {proposal.largest} rows at once (of the {proposal.asked} of a step)",
            f"proposal   training.batch_size: {proposal.batch_size}, training.accumulation: {proposal.accumulation}",
        ]
    else:
        lines.append("fits       not: not even one row at a time")
        lines += [f"  then {told:42} {_size(size)}" for told, size in proposal.remedies]
        room = device.free * (1 - RESERVE)
        if proposal.remedies and proposal.remedies[-1][1] <= room:
            lines.append("proposal   all of these settings together")
        else:
            lines.append("proposal   a smaller model or a larger GPU: none of these is enough")
    steps = "not known: the data were not looked at" if proposal.steps is None else f"{proposal.steps:,}"
    return [*lines, f"steps      {steps}"]


def _size(size: int) -> str:
    return f"{size / GIB:8.2f} GiB" if size >= GIB // 10 else f"{size / 2**20:8.2f} MiB"
