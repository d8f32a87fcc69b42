"""A whole run on a tiny real model: schedule, accumulation, clipping, validation, curves, and what it refuses."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from loop_runs import SETTINGS, batch, fresh_model, run, weights
from torch.nn.functional import cross_entropy
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pipeline.errors import TrainError
from train.config import EarlyStopping
from train.methods import trainable


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def plain_loss(model: Any, rows: dict[str, Any]) -> torch.Tensor:
    """Summed loss of a batch by whole logits, as the textbook has it."""
    logits = model(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"]).logits[:, :-1]
    return cross_entropy(logits.flatten(0, 1), rows["labels"][:, 1:].flatten(), reduction="sum")


def label_count(rows: dict[str, Any]) -> int:
    return int((rows["labels"][:, 1:] != -100).sum())


def test_rates_follow_a_cosine_after_ten_percent_of_warm_up(tiny_qwen2: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"accumulation": 1, "evaluate_every": None, "save_every": None})
    fitted = run(fresh_model(tiny_qwen2), tmp_path, settings, [batch(at) for at in range(20)])

    rates = {
        int(point["step"]): point["learning_rate"] for point in fitted.history if "learning_rate" in point
    }
    assert [rates[step] for step in (1, 2, 3)] == pytest.approx([0.0, 0.5e-2, 1e-2])
    assert rates[12] == pytest.approx(1e-2 * 0.5 * (1 + math.cos(math.pi * 9 / 18)))
    assert rates[20] == pytest.approx(1e-2 * 0.5 * (1 + math.cos(math.pi * 17 / 18)))


@contextmanager
def gradients_at_each_step(model: Any) -> Iterator[list[dict[str, torch.Tensor]]]:
    """What the optimizer is given, after clipping."""
    seen: list[dict[str, torch.Tensor]] = []

    def look(*args: Any) -> None:
        seen.append({name: value.grad.clone() for name, value in trainable(model).items()})

    hook = register_optimizer_step_pre_hook(look)
    try:
        yield seen
    finally:
        hook.remove()


def test_a_short_last_window_weighs_each_label_as_one_big_batch_does(
    tiny_qwen2: Path, tmp_path: Path
) -> None:
    """Five batches of unequal numbers of labels, three a step: the second step has two.

    The rate of the first step is zero (warm-up), so both windows meet the same weights.
    """
    batches = [batch(at, rows=1 + at % 3) for at in range(5)]
    settings = SETTINGS.model_copy(update={"accumulation": 3, "max_grad_norm": 1e9})
    model = fresh_model(tiny_qwen2, dropout=0.0)
    with gradients_at_each_step(model) as seen:
        run(model, tmp_path, settings, batches, validation=[batch(100)], epoch_ends=[4])

    plain = fresh_model(tiny_qwen2, dropout=0.0)
    for window, given in zip((batches[:3], batches[3:]), seen, strict=True):
        plain.zero_grad()
        big = sum(plain_loss(plain, rows) for rows in window) / sum(map(label_count, window))
        big.backward()
        for name, value in trainable(plain).items():
            assert torch.allclose(given[name], value.grad, atol=1e-6, rtol=0), name
    assert max(float(value.abs().max()) for value in seen[1].values()) > 1e-3


def test_gradients_are_clipped_at_the_norm_of_the_recipe(tiny_qwen2: Path, tmp_path: Path) -> None:
    model = fresh_model(tiny_qwen2)
    with gradients_at_each_step(model) as seen:
        fitted = run(model, tmp_path, SETTINGS.model_copy(update={"max_grad_norm": 0.05}))
    norms = [math.sqrt(sum(float((value**2).sum()) for value in step.values())) for step in seen]
    assert norms == pytest.approx([0.05] * 7, rel=1e-3)
    assert min(point["grad_norm"] for point in fitted.history if "grad_norm" in point) > 0.05


def test_the_preset_clips_at_five() -> None:
    assert SETTINGS.max_grad_norm == 5.0
    assert SETTINGS.warmup == 0.1
    assert SETTINGS.schedule == "cosine"


def test_validation_loss_is_per_label_over_all_batches(tiny_qwen2: Path, tmp_path: Path) -> None:
    model = fresh_model(tiny_qwen2)
    several = [batch(100, rows=4), batch(101, rows=1)]
    settings = SETTINGS.model_copy(update={"save_every": None})
    fitted = run(model, tmp_path, settings, validation=several)

    model.eval()
    with torch.no_grad():
        expected = sum(float(plain_loss(model, rows)) for rows in several) / sum(map(label_count, several))
    last = [point for point in fitted.history if "eval_loss" in point][-1]
    assert fitted.best_step == fitted.steps  # or the model would hold an earlier adapter
    assert last["eval_loss"] == pytest.approx(expected, rel=1e-6)
    assert last["eval_labels"] == sum(map(label_count, several))


def test_looks_at_validation_alter_no_weight(tiny_qwen2: Path, tmp_path: Path) -> None:
    often, never = fresh_model(tiny_qwen2), fresh_model(tiny_qwen2)
    run(often, tmp_path / "often", SETTINGS.model_copy(update={"evaluate_every": 1}))
    run(never, tmp_path / "never", SETTINGS.model_copy(update={"evaluate_every": None}), validation=[])
    assert weights(often) == weights(never)


def test_every_tensor_moves_and_the_loss_falls(tiny_qwen2: Path, tmp_path: Path) -> None:
    model = fresh_model(tiny_qwen2)
    before = weights(model)
    fitted = run(model, tmp_path)
    after = weights(model)
    assert all(before[name] != after[name] for name in before)
    losses = [point["eval_loss"] for point in fitted.history if "eval_loss" in point]
    assert fitted.best_loss == min(losses) < losses[0]
    assert fitted.steps == 7
    assert fitted.stopped == "finished"


def test_a_tensor_that_does_not_move_is_an_error_that_names_it(tiny_qwen2: Path, tmp_path: Path) -> None:
    model = fresh_model(tiny_qwen2)
    model.register_parameter("forgotten", torch.nn.Parameter(torch.ones(3)))
    with pytest.raises(TrainError, match=r"1 of \d+ tensors did not move in 7 steps: forgotten"):
        run(model, tmp_path)


def test_the_best_adapter_is_handed_back_not_the_last(tiny_qwen2: Path, tmp_path: Path) -> None:
    """Validation in a language of other tokens, which gets worse the better the training set is learnt."""
    other = batch(100)
    other["input_ids"] = other["input_ids"] + 250
    other["labels"] = torch.where(other["labels"] == -100, -100, other["input_ids"])
    model = fresh_model(tiny_qwen2)
    settings = SETTINGS.model_copy(update={"learning_rate": 0.05, "evaluate_every": 1, "save_every": 7})
    fitted = run(model, tmp_path, settings, validation=[other])
    assert fitted.best_step < fitted.steps
    model.eval()
    with torch.no_grad():
        loss = float(plain_loss(model, other)) / label_count(other)
    assert loss == pytest.approx(fitted.best_loss, rel=1e-6)


def test_early_stopping_ends_the_run(tiny_qwen2: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(
        update={"evaluate_every": 1, "early_stopping": EarlyStopping(patience=2, min_delta=10.0)}
    )
    fitted = run(fresh_model(tiny_qwen2), tmp_path, settings)
    assert (fitted.steps, fitted.stopped) == (3, "early")  # the first look counts as a fall, two more do not


def test_most_steps_bound_the_run_and_its_schedule(tiny_qwen2: Path, tmp_path: Path) -> None:
    fitted = run(fresh_model(tiny_qwen2), tmp_path, SETTINGS.model_copy(update={"max_steps": 4}))
    assert fitted.steps == 4
    rates = [point["learning_rate"] for point in fitted.history if "learning_rate" in point]
    assert rates[-1] == pytest.approx(1e-2 * 0.5 * (1 + math.cos(math.pi * 2 / 3)))


def test_epochs_in_the_curves_are_those_of_the_plan(tiny_qwen2: Path, tmp_path: Path) -> None:
    fitted = run(fresh_model(tiny_qwen2), tmp_path)
    epochs = {int(point["step"]): point["epoch"] for point in fitted.history}
    assert epochs[1] == pytest.approx(2 / 7)
    assert epochs[4] == pytest.approx(1 + 1 / 6)
    assert epochs[7] == 2.0


def test_curves_go_to_tensorboard_and_hold_no_record_text(
    tiny_qwen2: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run(fresh_model(tiny_qwen2), tmp_path, SETTINGS.model_copy(update={"log_to": ("tensorboard",)}))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = EventAccumulator(str(tmp_path / "logs"))
    curves.Reload()
    assert [point.step for point in curves.Scalars("train/loss")] == list(range(1, 8))
    assert [point.step for point in curves.Scalars("eval/loss")] == [2, 4, 6, 7]
    written = b"".join(path.read_bytes() for path in (tmp_path / "logs").rglob("*") if path.is_file())
    assert b"record-" not in written
    assert "record-" not in caplog.text
    assert "step 7 of 7: loss" in caplog.text


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_curves_for_a_service_that_is_not_installed_are_refused_with_the_pip_line(
    name: str, tiny_qwen2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sys.modules["importlib.util"].find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda wanted, *rest: None if wanted == name else real(wanted, *rest)
    )
    with pytest.raises(TrainError, match=f"pip install {name}"):
        run(fresh_model(tiny_qwen2), tmp_path, SETTINGS.model_copy(update={"log_to": (name,)}))
    assert name not in sys.modules


def test_what_cannot_start_says_why(tiny_qwen2: Path, tmp_path: Path) -> None:
    model = fresh_model(tiny_qwen2)
    with pytest.raises(TrainError, match="no batches to train on"):
        run(model, tmp_path, batches=[], epoch_ends=[])
    stopping = SETTINGS.model_copy(update={"early_stopping": EarlyStopping()})
    with pytest.raises(TrainError, match="no validation records"):
        run(model, tmp_path, stopping, validation=[])
    paged = SETTINGS.model_copy(update={"optimizer": "paged_adamw_8bit"})
    with pytest.raises(TrainError, match="CUDA memory, and this run is on cpu"):
        run(model, tmp_path, paged)
    with pytest.raises(TrainError, match="nothing in this model is trained"):
        run(model.requires_grad_(False), tmp_path)
