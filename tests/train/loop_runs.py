"""Runs of the loop on a tiny real model, for tests in this process and in others.

`python loop_runs.py MODEL OUT [--resume] [--kill-in-save N] [--terminate-at BATCH]` is one such run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline.models import ModelRef
from train.config import AdapterParams, LoopParams
from train.load import load_base
from train.loop.fit import Feed, Fitted, fit
from train.methods import attach, trainable

ROWS, LENGTH = 3, 14
SETTINGS = LoopParams(
    accumulation=2,
    learning_rate=1e-2,
    log_every=1,
    evaluate_every=2,
    save_every=2,
    log_to=(),
    early_stopping=None,
)


def fresh_model(folder: Path, method: str = "lora", dropout: float = 0.1, steps: int | None = None) -> Any:
    params = AdapterParams.model_validate(
        {"method": method, "rank": 4, "dropout": dropout, "quantisation": "none", "virtual_tokens": None}
    )
    base = load_base(ModelRef(folder=str(folder)), "none", "fp32", "cpu")
    return attach(base.model, params, checkpointing=False, seed=3, total_steps=steps)


def batch(number: int, rows: int = ROWS, length: int = LENGTH) -> dict[str, Any]:
    """Rows of a simple language (each token follows from the one before) whose prompts differ in length."""
    draw = torch.Generator().manual_seed(number)
    start = torch.randint(5, 100, (rows, 1), generator=draw)
    ids = 5 + (start + 7 * torch.arange(length)) % 200
    labels = ids.clone()
    for row in range(rows):
        labels[row, : 2 + (number + 3 * row) % 7] = -100
    return {
        "input_ids": ids,
        "labels": labels,
        "attention_mask": torch.ones_like(ids),
        "record_ids": [f"record-{number}-{row}" for row in range(rows)],
    }


def weights(model: Any) -> dict[str, bytes]:
    return {name: value.detach().numpy().tobytes() for name, value in trainable(model).items()}


def run(
    model: Any,
    out: Path,
    settings: LoopParams = SETTINGS,
    batches: Sequence[Mapping[str, Any]] | None = None,
    facts: Mapping[str, str] | None = None,
    **rest: Any,
) -> Fitted:
    """Thirteen batches in two epochs: seven steps, of which the last has one batch."""
    planned = Feed(range(13), batch) if batches is None else batches
    rest.setdefault("validation", [batch(100), batch(101, rows=1)])
    rest.setdefault("epoch_ends", [6, len(planned) - 1])
    return fit(model, planned, settings=settings, facts=facts or {"data": "one"}, out=out, seed=5, **rest)


def kill_in_save(number: int) -> None:
    """Die by SIGKILL in the middle of a checkpoint: at the given save of an optimizer, its file half written."""
    real, seen = torch.save, [0]

    def save(value: Any, path: Any, *args: Any, **keywords: Any) -> None:
        if str(path).endswith("optimizer.pt"):
            seen[0] += 1
            if seen[0] == number:
                Path(path).write_bytes(b"half of it")
                os.kill(os.getpid(), signal.SIGKILL)
        real(value, path, *args, **keywords)

    torch.save = save


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill-in-save", type=int)
    parser.add_argument("--terminate-at", type=int)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--batches", type=int, default=13)
    parser.add_argument("--accumulation", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.kill_in_save:
        kill_in_save(args.kill_in_save)

    def planned(number: int) -> dict[str, Any]:
        if number == args.terminate_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(number)

    model = fresh_model(args.model, dropout=args.dropout)
    settings = SETTINGS.model_copy(update={"accumulation": args.accumulation})
    run(model, args.out, settings, Feed(range(args.batches), planned), resume=args.resume)
    if int(os.environ.get("RANK", "0")):
        return
    for name, value in sorted(weights(model).items()):
        sys.stdout.write(f"{name} {value.hex()}\n")


if __name__ == "__main__":
    main()
