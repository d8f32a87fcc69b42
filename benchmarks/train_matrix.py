"""Which training method works in which setting, found out by doing it: writes its table into docs/training.md.

    python benchmarks/train_matrix.py [--out docs/training.md]

A tiny Qwen2 (4 layers, 128 wide, taught a few hundred steps of plain text) is loaded in fp32, NF4 and int8, each method
is trained on it for some steps with and without gradient checkpointing, saved, put back on a base loaded anew, and
merged. What the table of methods refuses is tried as well, unguarded: if it works after all, the script says so and
ends with status 1. So does a cell that fails without having been refused.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from pipeline.errors import PipelineError
from train.config import AdapterParams, BaseRef, MethodName, Quantisation
from train.load import load_base
from train.methods import (
    METHODS,
    attach,
    load_adapter,
    on_step,
    penalty,
    refusal,
    save_adapter,
    taken_away,
    trainable,
)
from train.shipping.merge import as_trained, merge
from train.tiny import make_tiny

TEXTS = (
    "The tide rises twice a day, because the moon pulls the sea towards it and the earth turns below.",
    "To cook rice, wash it three times, add as much water again as rice, and keep the lid on for twenty minutes.",
    "A prime number has no divisor but one and itself; there are more of them than any list can hold.",
    "Plant the bulbs in autumn, before the first frost, twice as deep as they are high.",
    "潮汐每天涨落两次，因为月亮牵引着海水，而地球在下面转动。",
    "煮饭时先把米淘三遍，加入一倍半的水，盖上锅盖，小火煮二十分钟。",
    "质数除了一和它本身以外没有别的因数，任何名单都写不完所有的质数。",
    "秋天第一次霜冻之前种下球茎，深度是它高度的两倍。",
)
STEPS, RATE = 8, 5e-3
SAME_LOGITS, SAME_PACKED = 1e-4, 1e-4
WEIGHTS: dict[Quantisation, str] = {
    "none": "Unquantised weights (fp32)",
    "nf4": "NF4 weights, double quantisation",
    "int8": "int8 weights",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one method in one setting; every text is a table cell."""

    method: MethodName
    quantisation: Quantisation
    checkpointing: bool
    train: str = ""
    save: str = ""
    reload: str = ""
    merge: str = ""
    merge_bf16: str = ""
    packed: str = ""
    wrong: str = ""


def quiet() -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)


def rows() -> torch.Tensor:
    return torch.randint(3, 400, (2, 24), generator=torch.Generator().manual_seed(0))


def logits(model: Any, ids: torch.Tensor, **more: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids, **more).logits
    return found[:, -ids.shape[1] :]


@contextmanager
def unguarded() -> Iterator[None]:
    with patch("train.methods.attaching.refusal", return_value=""):
        yield


def learnt(model: Any) -> str:
    """Train, and return the loss before and after; every tensor must have had a gradient and have moved.

    Raises:
        RuntimeError: one did not.
    """
    before = {name: parameter.detach().clone() for name, parameter in trainable(model).items()}
    optimizer = torch.optim.AdamW(trainable(model).values(), lr=RATE)
    losses = []
    model.train()
    for step in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss = model(input_ids=rows(), labels=rows()).loss
        more = penalty(model)
        (loss if more is None else loss + more).backward()
        optimizer.step()
        on_step(model, step)
        losses.append(loss.item())
    idle = taken_away(model)
    still = [
        name
        for name, each in trainable(model).items()
        if name not in idle and (each.grad is None or torch.equal(each, before[name]))
    ]
    if still or not before or not losses[-1] < losses[0]:
        raise RuntimeError(
            f"loss {losses[0]:.3f} → {losses[-1]:.3f}; {len(still)} of {len(before)} tensors stand still"
        )
    return f"{losses[0]:.2f} → {losses[-1]:.2f}"


def packed_difference(model: Any) -> float:
    """Return by how much logits differ when two examples share a row with restarting positions, from each alone."""
    first, second = rows()[:1, :10], rows()[1:, :14]
    alone = torch.cat([logits(model, first), logits(model, second)], dim=1)
    positions = torch.cat([torch.arange(10), torch.arange(14)])[None]
    together = logits(model, torch.cat([first, second], dim=1), position_ids=positions, use_cache=False)
    return float((alone - together).abs().max())


def attempt(ref: BaseRef, cell: Cell, folder: Path) -> Cell:
    """Run one setting to its end.

    Raises:
        Exception: whatever stopped it.
    """
    params = AdapterParams(
        method=cell.method, quantisation=cell.quantisation, rank=8, bottleneck_size=16, dropout=0.0
    )
    model = attach(load_base(ref, cell.quantisation).model, params, cell.checkpointing, 0, STEPS)
    cell = replace(cell, train=learnt(model))
    save_adapter(model, folder / "adapter")
    size = sum(file.stat().st_size for file in (folder / "adapter").iterdir())
    again = load_adapter(load_base(ref, cell.quantisation).model, folder / "adapter")
    apart = float((logits(again, rows()) - logits(model.eval(), rows())).abs().max())
    if not apart < SAME_LOGITS:
        raise RuntimeError(f"reloaded logits differ by {apart:.1e}")
    cell = replace(cell, save=f"{size / 1024:.0f} KiB", reload=f"{apart:.0e}")
    return with_merge(ref, with_packing(cell, again), folder)


def with_packing(cell: Cell, model: Any) -> Cell:
    with as_trained(model):
        apart = packed_difference(model)
    if METHODS[cell.method].packing:
        wrong = "" if apart > SAME_PACKED else f"packing is refused, and differs by {apart:.0e} only"
        return replace(cell, packed=f"refused² ({apart:.0e})", wrong=wrong)
    wrong = "" if apart < SAME_PACKED else f"packed logits differ by {apart:.1e}"
    return replace(cell, packed=f"{apart:.0e}", wrong=wrong)


def with_merge(ref: BaseRef, cell: Cell, folder: Path) -> Cell:
    found = {}
    for dtype in ("fp32", "bf16"):
        try:
            report = merge(ref, folder / "adapter", folder / dtype, dtype)  # type: ignore[arg-type]
        except PipelineError:
            if not METHODS[cell.method].merging:
                raise
            found[dtype] = "refused³"
        else:
            found[dtype] = f"{report.kl:.0e}"
    return replace(cell, merge=found["fp32"], merge_bf16=found["bf16"])


def run_cell(ref: BaseRef, method: MethodName, quantisation: Quantisation, checkpointing: bool) -> Cell:
    cell = Cell(method, quantisation, checkpointing)
    reason = refusal(method, quantisation, checkpointing)
    with tempfile.TemporaryDirectory() as folder:
        if not reason:
            try:
                return attempt(ref, cell, Path(folder))
            except Exception as error:
                return replace(cell, wrong=f"fails: {type(error).__name__}: {error}")
        refused = replace(cell, train="refused¹", save="–", reload="–", merge="–", merge_bf16="–", packed="–")
        if method == "qlora":  # refused for what it is called: it would work, as method lora does
            return refused
        try:
            with unguarded():
                attempt(ref, cell, Path(folder))
        except Exception as error:
            print(f"  unguarded: {type(error).__name__}: {str(error).splitlines()[0][:150]}", flush=True)
            return refused
        return replace(refused, wrong="is refused, and works")


def page(cells: list[Cell]) -> str:
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes")
    )
    lines = [
        "Generated by `python benchmarks/train_matrix.py`: every cell was run on a CPU, or is refused; what is refused"
        f" was tried unguarded and failed (but for qlora, refused for its name)."
        f" {versions}; a Qwen2 of 4 layers, 128 wide, {STEPS} steps each.",
        "",
        "*train*: loss at the first and the last step, and every trained tensor had a gradient and moved. *save*: size"
        " of the adapter's folder. *reload*: largest difference of logits between the trained model and the adapter put"
        " back on a base loaded anew. *merge*: Kullback-Leibler divergence, nats per token, of the written and reloaded"
        " model from the tuned one, weights written as fp32 or bf16. *packed*: largest difference of logits between two"
        " examples in one row and each alone, int8 layers as in training.",
    ]
    for quantisation, title in WEIGHTS.items():
        lines += [
            "",
            f"### {title}",
            "",
            "| method | checkpointing | train | save | reload | merge, fp32 | merge, bf16 | packed |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for cell in cells:
            if cell.quantisation == quantisation:
                shown = [cell.train, cell.save, cell.reload, cell.merge, cell.merge_bf16, cell.packed]
                if cell.wrong:
                    shown[0] += f" **{cell.wrong.splitlines()[0][:120]}**"
                switch = "on" if cell.checkpointing else "off"
                lines.append(f"| {cell.method} | {switch} | {' | '.join(shown)} |")
    return "\n".join(lines + reasons(cells)) + "\n"


def reasons(cells: list[Cell]) -> list[str]:
    """Return why what is refused is refused, each reason once."""
    refused = dict.fromkeys(
        refusal(cell.method, cell.quantisation, cell.checkpointing)
        for cell in cells
        if cell.train == "refused¹"
    )
    packing = dict.fromkeys(refusal(name, METHODS[name].quantisation, packing=True) for name in METHODS)
    merging = [f"{row.merging[0].upper()}{row.merging[1:]}." for row in METHODS.values() if row.merging]
    lines = ["", "### Why not"]
    for number, found in (("¹", refused), ("²", packing), ("³", merging)):
        lines += ["", *(f"- {number} {each[0].upper()}{each[1:]}" for each in found if each)]
    lines += [
        "",
        "The divergence is from the model as it was trained. In eval mode bitsandbytes rounds the input of every int8"
        " layer to 8 bits as well (while training on a CPU it does not), and no merged weight does:"
        " `python benchmarks/train_merge.py` tells how much that is.",
    ]
    return lines


def with_table(text: str, table: str) -> str:
    """Return a page with the table between its marks."""
    begin, end = "<!-- matrix -->", "<!-- /matrix -->"
    before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    return f"{before}\n{table.strip()}\n{after}"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("docs/training.md"))
    out = arguments.parse_args().out
    quiet()
    cells = []
    with tempfile.TemporaryDirectory() as folder:
        ref = BaseRef(folder=str(make_tiny(Path(folder) / "qwen2", TEXTS, vocabulary=600, steps=200)))
        for quantisation in WEIGHTS:
            for method in METHODS:
                for checkpointing in (False, True):
                    cells.append(run_cell(ref, method, quantisation, checkpointing))
                    print(cells[-1], flush=True)
    out.write_text(with_table(out.read_text("utf-8"), page(cells)), "utf-8")
    wrong = [cell for cell in cells if cell.wrong]
    for cell in wrong:
        print(f"{cell.method}, {cell.quantisation}, checkpointing {cell.checkpointing}: {cell.wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
