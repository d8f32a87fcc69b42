"""What a run says when memory ends, and what holds an adapter back."""

from __future__ import annotations

import resource
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from loop_runs import SETTINGS, batch, fresh_model, run

from pipeline.errors import TrainError
from train.loop.ewc import make_penalty
from train.loop.losses import find_head, summed_loss, with_targets
from train.loop.survival import halves, is_out_of_memory, out_of_memory
from train.methods import trainable


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_memory_that_ends_names_the_knobs_and_a_batch_that_fits(tiny_qwen2: Path, tmp_path: Path) -> None:
    """A real allocation that fails: the child may take 100 MiB more than it has."""

    def starved(answer: Connection) -> None:
        model = fresh_model(tiny_qwen2)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 100 * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        try:
            run(model, tmp_path, SETTINGS.model_copy(update={"batch_size": 128}), [batch(0, 128, 256)] * 4)
        except TrainError as error:
            answer.send((error.message, error.hint))

    ours, theirs = get_context("fork").Pipe()
    child = get_context("fork").Process(target=starved, args=(theirs,))
    child.start()
    theirs.close()
    message, hint = ours.recv()
    child.join()
    assert message == "out of memory in a batch of 128 x 256 tokens"
    assert "x 256 tokens fits (tried): set training.batch_size to" in hint
    for knob in (
        "training.batch_size",
        "training.accumulation",
        "training.gradient_checkpointing",
        "data.max_length",
    ):
        assert knob in hint


def test_rows_are_halved_before_length_is() -> None:
    assert halves(5, 40) == [(2, 40), (1, 40), (1, 20), (1, 16)]
    assert halves(1, 16) == []


@pytest.mark.parametrize(
    ("most", "wanted"),
    [
        (
            1000,
            "batch of 4 x 100 tokens fits (tried): set training.batch_size to 4 and training.accumulation to 6",
        ),
        (50, "one row of 50 tokens fits (tried): set training.batch_size to 1 and data.max_length"),
        (3, "not even one row of 16 tokens fits"),
    ],
)
def test_the_batch_that_fits_is_the_largest_that_was_tried(most: int, wanted: str) -> None:
    def attempt(part: dict[str, torch.Tensor]) -> None:
        if part["input_ids"].numel() > min(most, 400):
            raise torch.OutOfMemoryError("no more")

    rows = {"input_ids": torch.zeros(8, 100), "labels": torch.zeros(8, 100), "record_ids": ["a"] * 8}
    assert wanted in out_of_memory(rows, batch_size=8, accumulation=3, attempt=attempt).hint


def test_other_errors_are_not_taken_for_an_end_of_memory() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match=r"can't allocate memory|not enough memory") as real:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(real.value)


def test_the_penalty_is_the_squared_distance_weighed_by_what_general_records_need(tiny_qwen2: Path) -> None:
    model = fresh_model(tiny_qwen2, dropout=0.0)
    parameters = trainable(model)
    general = [batch(7, rows=1), batch(8, rows=1)]
    head = find_head(model, with_targets(general[0]))
    penalty = make_penalty(model, head, parameters, general, weight=3.0, chunk=5)

    expected = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for one in map(with_targets, general):
        (summed_loss(model, None, one, 5) / len(one["targets"])).backward()
        for name, value in parameters.items():
            expected[name] += value.grad**2 / 2
        model.zero_grad()
    for name in parameters:
        assert torch.allclose(penalty.fisher[name], expected[name], rtol=1e-3, atol=1e-9), name
        assert (float(penalty.fisher[name].max()) > 0) == ("lora_B" in name), name

    with torch.no_grad():
        for value in parameters.values():
            value.add_(0.1)
    name = next(name for name in parameters if "lora_B" in name)
    gradient = penalty.gradients(parameters)[name]
    assert torch.allclose(gradient, 3.0 * penalty.fisher[name] * 0.1, rtol=1e-4)
    assert penalty.value(parameters) == pytest.approx(
        1.5 * 0.01 * sum(float(value.sum()) for value in penalty.fisher.values()), rel=1e-4
    )


@pytest.mark.slow
def test_a_heavy_penalty_holds_the_adapter(tiny_qwen2: Path, tmp_path: Path) -> None:
    general = [batch(number, rows=1) for number in range(50, 54)]
    free, held = fresh_model(tiny_qwen2, dropout=0.0), fresh_model(tiny_qwen2, dropout=0.0)
    run(free, tmp_path / "free")
    run(held, tmp_path / "held", SETTINGS.model_copy(update={"ewc": 1e6}), general=general)

    def far(model: torch.nn.Module) -> float:
        return sum(float((value**2).sum()) for name, value in trainable(model).items() if "lora_B" in name)

    assert far(held) < 0.5 * far(free)


def test_a_penalty_that_has_nothing_to_hold_to_is_refused(tiny_qwen2: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="holds the adapter to what a general set needs, and there is none"):
        run(fresh_model(tiny_qwen2), tmp_path, SETTINGS.model_copy(update={"ewc": 1.0}))
