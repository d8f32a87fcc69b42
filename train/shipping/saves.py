"""Saves a merged model in 4 or 8 bits, reads it back, and says what the bits cost.

The saved folder is one that transformers loads by itself: its config.json says how it was quantised. Two numbers tell
whether to use it: the reloaded model must answer as the quantised one did before it was written (it is refused
otherwise), and the divergence of its answers from the unquantised model's is told, in nats per token. Rejected: saving
from an NF4 model with its adapter merged in place, which quantises what was already rounded once (see merge.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import TrainError
from pipeline.models import ModelRef
from train.config import Dtype, Quantisation
from train.load import keep_weights_unpacked, load_base, quantisation_of
from train.shipping.placing import placed_folder

LIMIT = 1e-3
"""Largest absolute difference of a logit between what was written and what is read back."""
_ROWS, _LENGTH = 4, 32


@dataclass(frozen=True, slots=True)
class SaveReport:
    """What was written.

    Attributes:
        folder: with weights, config and tokenizer.
        size: bytes of the weight files.
        full_size: bytes that the unquantised weights take, in the dtype they were loaded in.
        difference: largest absolute difference of a logit after reloading.
        divergence: Kullback-Leibler divergence from the unquantised model, mean over tokens, nats.
    """

    folder: Path
    size: int
    full_size: int
    difference: float
    divergence: float


def save_quantised(
    merged: Path,
    out: Path,
    bits: Literal[4, 8],
    say: Callable[[str], None],
    rows: Sequence[Sequence[int]] | None = None,
    compute_dtype: Dtype = "auto",
    device: str | None = None,
) -> SaveReport:
    """Write a merged model with weights of 4 bits (NF4, double quantisation) or 8 (LLM.int8), checked by reloading.

    Args:
        merged: folder of an unquantised model, as `merge` writes it.
        out: folder to be made.
        bits: 4 or 8.
        say: gets what happened, line by line.
        rows: token ids on which models are compared, rendered records at best; by default random tokens, which
            overstate the divergence.
        compute_dtype: of the arithmetic.
        device: by default a GPU if there is one.

    Raises:
        TrainError: `out` exists, or what was read back answers otherwise.
        ModelError: `merged` holds no model.
    """
    ref = ModelRef(folder=str(merged))
    kind: Quantisation = "nf4" if bits == 4 else "int8"
    plain = load_base(ref, "none", compute_dtype, device)
    tokens = _tokens(rows, int(plain.model.config.vocab_size))
    wanted = logits_of(plain.model, tokens)
    full_size = sum(parameter.nbytes for parameter in plain.model.parameters())
    del plain
    small = load_base(ref, kind, compute_dtype, device)
    before = logits_of(small.model, tokens)
    with placed_folder(out) as folder:
        small.model.save_pretrained(folder)
        small.tokenizer.save_pretrained(folder)
        after = logits_of(read_quantised(folder, small.device), tokens)
        difference = max(float((a - b).abs().max()) for a, b in zip(before, after, strict=True))
        if not difference <= LIMIT:
            raise TrainError(
                f"{merged} saved in {bits} bits and read back differs by {difference:.2e} in a logit, and {LIMIT:g}"
                " is let through; it was not kept",
                "report the architecture and the versions of transformers and bitsandbytes",
            )
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    divergence = mean_divergence(wanted, after)
    on = "random tokens" if rows is None else f"{len(tokens)} rows"
    say(f"{out}: {size:,} bytes of weights ({size / full_size:.0%} of {full_size:,})")
    say(f"read back: largest difference of a logit {difference:.2e}")
    say(f"divergence from the unquantised model: {divergence:.2e} nats per token, on {on}")
    return SaveReport(out, size, full_size, difference, divergence)


def read_quantised(folder: Path, device: str) -> Any:
    """Return a model that was saved in 4 or 8 bits, in eval mode: its own config.json says how it is stored.

    Raises:
        TrainError: it cannot be read.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder),
            local_files_only=True,
            device_map={"": device},
            attn_implementation="sdpa",
            dtype="auto",
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise TrainError(f"{folder} cannot be read back: {error}", "save it again") from error
    if quantisation_of(model) == "none":
        raise TrainError(f"{folder} holds a model that is not quantised", "python -m train save")
    keep_weights_unpacked(model)
    return model.eval()


def logits_of(model: Any, rows: Sequence[Sequence[int]]) -> list[Any]:
    """Return float32 logits [length, vocabulary] of each row, on the CPU."""
    import torch

    device = next(model.parameters()).device
    found = []
    with torch.no_grad():
        for row in rows:
            tokens = torch.tensor([list(row)], device=device)
            found.append(model(input_ids=tokens, use_cache=False).logits[0].float().cpu())
    return found


def mean_divergence(wanted: Sequence[Any], found: Sequence[Any]) -> float:
    """Return KL(wanted || found) in nats, the mean over all tokens of all rows.

    Args:
        wanted: logits of the model that is held to be right, [length, vocabulary] a row.
        found: logits of the other, in the same order.
    """
    from torch.nn.functional import kl_div, log_softmax

    total, tokens = 0.0, 0
    for right, other in zip(wanted, found, strict=True):
        left = log_softmax(right.double(), -1)
        total += float(kl_div(log_softmax(other.double(), -1), left, reduction="sum", log_target=True))
        tokens += len(right)
    return max(0.0, total / tokens)


def _tokens(rows: Sequence[Sequence[int]] | None, vocabulary: int) -> list[list[int]]:
    import torch

    if rows is not None:
        kept = [list(row) for row in rows if row]
        if not kept:
            raise TrainError("there are no tokens on which models could be compared", "give rendered records")
        return kept
    draw = torch.Generator().manual_seed(0)
    drawn: list[list[int]] = torch.randint(0, vocabulary, (_ROWS, _LENGTH), generator=draw).tolist()
    return drawn
