"""Whether training did anything: each tensor that is trained must be another at the end than at the start.

A tensor that nothing reaches (a target that is never called, a rate below what its type can add) trains without a
word in every library. Digests are kept, not copies: a whole model would not fit beside itself.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.errors import TrainError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


def check_moved(start: Mapping[str, str], parameters: Mapping[str, torch.nn.Parameter], steps: int) -> None:
    """See that every tensor that is trained is another than at the start.

    The first step's rate is zero where there is warm-up, and LoRA's A has no gradient before B has moved: fewer than
    four steps prove nothing, and are not judged.

    Raises:
        TrainError: naming those that are not.
    """
    if steps < 4:
        logger.warning("%d steps are too few to see whether every tensor is trained: not checked", steps)
        return
    still = [name for name, digest in digests(parameters).items() if start[name] == digest]
    if still:
        told = ", ".join(still[:5]) + (f" and {len(still) - 5} more" if len(still) > 5 else "")
        raise TrainError(
            f"{len(still)} of {len(parameters)} tensors did not move in {steps} steps: {told}",
            "raise training.learning_rate, or leave these layers out of adapter.targets",
        )


def digests(parameters: Mapping[str, torch.nn.Parameter]) -> dict[str, str]:
    """Return the SHA-256 of each tensor's bytes."""
    import torch

    return {
        name: hashlib.sha256(
            value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        ).hexdigest()
        for name, value in parameters.items()
    }
