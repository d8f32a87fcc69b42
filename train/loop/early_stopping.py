"""When validation loss no longer falls, training ends.

Counts evaluations or epochs, and its count lies in every checkpoint, so that a run that is resumed stops at the very
step at which it would have stopped undisturbed. transformers' own callback counts evaluations only, against the best
metric rather than the best that counted, and its count is lost on resume unless an argument says otherwise.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(slots=True)
class Patience:
    """How often in a row validation loss has failed to fall.

    Args:
        patience: failures in a row that end training.
        unit: what is counted: each evaluation, or each epoch by its best evaluation.
        min_delta: by how much loss must fall to count, nats per token.
    """

    patience: int
    unit: Literal["evaluations", "epochs"]
    min_delta: float
    best: float | None = None
    failures: int = 0
    fell: bool = False

    def tell(self, loss: float, epoch_ended: bool) -> bool:
        """Take in a validation loss; whether training should end."""
        if self.best is None or loss < self.best - self.min_delta:
            self.best, self.fell = loss, True
        if self.unit == "evaluations" or epoch_ended:
            self.failures = 0 if self.fell else self.failures + 1
            self.fell = False
        return self.exhausted

    @property
    def exhausted(self) -> bool:
        """Whether patience is at its end."""
        return self.failures >= self.patience

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        counted = asdict(self)
        return {name: counted[name] for name in ("best", "failures", "fell")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on counting where the checkpoint stopped."""
        self.best, self.failures, self.fell = state["best"], state["failures"], state["fell"]
