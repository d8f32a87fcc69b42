"""Where the curves of a run are drawn: TensorBoard, or a service by name.

Each is looked for before anything loads and imported only where its name is given. Rejected: transformers' `report_to`,
whose default is whatever happens to be installed, and whose TensorBoard folder is a variable of the environment.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import TrainError


def check_installed(names: Sequence[str]) -> None:
    """See that all are there.

    Raises:
        TrainError: one is not; the hint is the command that installs it.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise TrainError(f"curves were to go to {name}, which is not installed", f"pip install {name}")


def curve_callbacks(names: Sequence[str], out: Path) -> list[Any]:
    """Return the callbacks that draw.

    Args:
        names: `tensorboard`, `wandb` or `mlflow`.
        out: folder of the run; TensorBoard's files go to `logs/`.
    """
    made: list[Any] = []
    if "tensorboard" in names:
        from torch.utils.tensorboard import SummaryWriter
        from transformers.integrations.integration_utils import TensorBoardCallback

        made.append(TensorBoardCallback(SummaryWriter(log_dir=str(out / "logs"))))  # type: ignore[no-untyped-call]
    if "wandb" in names:
        from transformers.integrations.integration_utils import WandbCallback

        made.append(WandbCallback())  # type: ignore[no-untyped-call]
    if "mlflow" in names:
        from transformers.integrations.integration_utils import MLflowCallback

        made.append(MLflowCallback())  # type: ignore[no-untyped-call]
    return made
