"""Exports a merged model to ONNX, and believes the file only after it has answered as torch does.

`torch.onnx.export(dynamo=True)` traces the model once with batch and length left open; then onnxruntime reads the
file back and both compute logits for other batches and lengths than the traced one, with padding. What differs
by more than a limit is refused and removed. The graph takes `input_ids` and `attention_mask` (int64 [batch, length])
and gives `logits` (float32 [batch, length, vocabulary]); it keeps no cache. Rejected: optimum-onnx (pins transformers
below 4.58), and a check at the traced shape, which is where an export that froze its shapes is right.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import TrainError
from pipeline.models import ModelRef
from train.load import load_base
from train.shipping.placing import placed_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1e-3
"""Largest absolute difference of a logit that is let through; float32 kernels differ by some 1e-6."""
FILE = "model.onnx"
_TRACED = (2, 9)
_CHECKED = ((1, 5), (3, 17), (2, 9))


@dataclass(frozen=True, slots=True)
class OnnxReport:
    """What was written: bytes of the files, and the largest difference to torch over the shapes that were tried."""

    folder: Path
    size: int
    difference: float
    shapes: tuple[tuple[int, int], ...]


def export_onnx(merged: Path, out: Path, say: Callable[[str], None], limit: float = LIMIT) -> OnnxReport:
    """Write a merged model as ONNX with its tokenizer, checked against torch.

    Args:
        merged: folder of a model without an adapter, as `merge` writes it.
        out: folder to be made.
        say: gets what happened, line by line.
        limit: largest absolute difference of a logit.

    Raises:
        TrainError: packages are missing, `out` exists, the model cannot be exported, or the file answers otherwise.
        ModelError: `merged` holds no model.
    """
    _require_packages()
    base = load_base(ModelRef(folder=str(merged)), "none", "fp32", "cpu")
    with placed_folder(out) as folder:
        file = folder / FILE
        _export(base.model, file)
        difference = compare(base.model, file)
        say(f"largest difference to torch: {difference:.2e} (limit {limit:g}), at batch x length {_shapes()}")
        if not difference <= limit:
            raise TrainError(
                f"the ONNX file of {merged} differs from torch by {difference:.2e} in a logit, and {limit:g} is let"
                " through; it was not kept",
                "report the architecture and the versions of torch, onnxscript and onnxruntime",
            )
        base.tokenizer.save_pretrained(folder)
        base.model.config.save_pretrained(folder)
        size = sum(path.stat().st_size for path in folder.rglob(f"{FILE}*"))
    say(
        f"{out / FILE}: {size:,} bytes; inputs input_ids and attention_mask, output logits, any batch and length"
    )
    return OnnxReport(out, size, difference, _CHECKED)


def compare(model: Any, file: Path) -> float:
    """Return the largest absolute difference between logits of a model and its ONNX file, padding left out."""
    import torch

    onnxruntime = importlib.import_module("onnxruntime")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    draw = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch, length in _CHECKED:
        tokens = torch.randint(0, model.config.vocab_size, (batch, length), generator=draw)
        mask = torch.ones_like(tokens)
        if batch > 1:
            mask[0, length - 2 :] = 0
        feed = {"input_ids": tokens.numpy(), "attention_mask": mask.numpy()}
        found = torch.from_numpy(session.run(None, feed)[0])
        with torch.no_grad():
            wanted = model(input_ids=tokens, attention_mask=mask, use_cache=False).logits
        gap = (found - wanted)[mask.bool()].abs().max()
        worst = max(worst, float("inf") if bool(gap.isnan()) else float(gap))
    return worst


def _export(model: Any, file: Path) -> None:
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.inner(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).logits

    tokens = torch.arange(_TRACED[0] * _TRACED[1]).reshape(_TRACED)
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with _quiet("torch.onnx"):
        try:
            program = torch.onnx.export(
                Logits().eval(),
                (tokens, torch.ones_like(tokens)),
                dynamo=True,
                dynamic_shapes=(free, free),
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                verbose=False,
            )
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise TrainError(
                f"a model of type {model.config.model_type} cannot be exported: {str(error).splitlines()[0]}",
                "serve it with vLLM or transformers: python -m train serving",
            ) from error
    assert program is not None
    program.save(str(file), external_data=_is_large(model))


def _is_large(model: Any) -> bool:
    """Tell whether the weights must stand in a file of their own: a protobuf holds two gigabytes."""
    return sum(int(parameter.nbytes) for parameter in model.parameters()) > 1_500_000_000


def _shapes() -> str:
    return ", ".join(f"{batch}x{length}" for batch, length in _CHECKED)


def _require_packages() -> None:
    missing = [
        name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise TrainError(
            f"ONNX export needs {', '.join(missing)}",
            "pip install -c constraints.txt onnx onnxscript onnxruntime",
        )


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep the exporter from warning of operators of packages that no language model uses."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
