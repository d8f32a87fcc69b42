"""What a run does when it is told to end, when a number is none, and when memory ends.

SIGTERM (a scheduler's word before it kills) is only noted; the loop saves at the next step and leaves with 143, as a
shell reports it. A loss that is no number stops the run before anything is applied, naming the batch's records. When
memory ends, smaller batches are really tried, forward and backward, so that the message names one that fits. Rejected:
estimating what would fit (wrong by the width of attention and fragmentation), and going on by ourselves with a smaller
batch (another run than the recipe's).
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from pipeline.errors import TrainError

logger = logging.getLogger(__name__)

TERMINATED = 143  # 128 + SIGTERM


@dataclass(slots=True)
class Terminations:
    """Whether SIGTERM has come."""

    asked: bool = False


@contextmanager
def listening() -> Iterator[Terminations]:
    """Note SIGTERM instead of dying of it; the handler that was there comes back at the end."""
    heard = Terminations()

    def note(number: int, frame: FrameType | None) -> None:
        heard.asked = True

    if threading.current_thread() is not threading.main_thread():
        logger.warning("training runs beside the main thread: SIGTERM will end it without a checkpoint")
        yield heard
        return
    before = signal.signal(signal.SIGTERM, note)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGTERM, before)


def not_finite(what: str, step: int, ids: Sequence[str], last: Path | None) -> TrainError:
    """The error of a loss or gradient that is no number.

    Args:
        what: `loss`, `gradient` or `validation loss`.
        step: at which.
        ids: records of the batch.
        last: newest checkpoint, if there is one.
    """
    good = f"; {last} is from before and --resume goes on there" if last else ""
    return TrainError(
        f"{what} at step {step} is not a finite number; records of the batch: {', '.join(ids)}",
        f"look at these records, lower training.learning_rate or max_grad_norm{good}",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether this is an allocation that failed, on a GPU or (as far as Linux says so) on the CPU."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    told = str(error)
    return isinstance(error, RuntimeError) and (
        "DefaultCPUAllocator: can't allocate memory" in told
        or "CUDA out of memory" in told
        or "std::bad_alloc" in told
    )


def halves(rows: int, length: int) -> list[tuple[int, int]]:
    """Smaller batches to try, largest first: half the rows down to one, then half the length down to 16."""
    tries = []
    while rows > 1 or length > 16:
        rows, length = (rows // 2, length) if rows > 1 else (1, max(16, length // 2))
        tries.append((rows, length))
    return tries


def out_of_memory(
    batch: Mapping[str, Any], batch_size: int, accumulation: int, attempt: Callable[[Mapping[str, Any]], None]
) -> TrainError:
    """The error of a batch that memory did not hold, with one that it does.

    Args:
        batch: that failed; tensors are [rows, length].
        batch_size: of the recipe.
        accumulation: of the recipe.
        attempt: forward and backward of a batch; raises as they do.
    """
    rows, length = batch["input_ids"].shape
    for some, shorter in halves(rows, length):
        part = {name: _cut(value, some, shorter) for name, value in batch.items()}
        if _holds(attempt, part):
            if shorter == length:
                steps = accumulation * -(-batch_size // some)
                hint = (
                    f"a batch of {some} x {shorter} tokens fits (tried): set training.batch_size to {some} and "
                    f"training.accumulation to {steps} for the same step"
                )
            else:
                hint = (
                    f"one row of {shorter} tokens fits (tried): set training.batch_size to 1 and data.max_length "
                    f"(data.pack_length where rows are packed) to {shorter}"
                )
            break
    else:
        hint = "not even one row of 16 tokens fits: choose a smaller model, or adapter.quantisation nf4"
    return TrainError(
        f"out of memory in a batch of {rows} x {length} tokens",
        f"{hint}; training.gradient_checkpointing: true needs less memory for the same batch, and so does a smaller "
        "data.max_length",
    )


def _holds(attempt: Callable[[Mapping[str, Any]], None], part: Mapping[str, Any]) -> bool:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    try:
        attempt(part)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def _cut(value: Any, rows: int, length: int) -> Any:
    import torch

    if isinstance(value, torch.Tensor) and value.dim() == 2:
        return value[:rows, :length].contiguous()
    return value


def frames_let_go(error: BaseException) -> None:
    """Drop the frames an error holds, and with them the tensors that filled the memory."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
