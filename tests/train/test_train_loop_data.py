"""The loop on planned, packed batches of real encodings, and in several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from loop_runs import SETTINGS, fresh_model, run, weights

from train.data.encodings import Encoded
from train.data.packing import Batch, collate, plan_batches
from train.loop.fit import Feed
from train.loop.losses import find_head, summed_loss, with_targets

RUNS = Path(__file__).with_name("loop_runs.py")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def examples(number: int) -> list[Encoded]:
    made = []
    for at in range(number):
        length = 6 + (at * 5) % 11
        ids = tuple(5 + (7 * at + 3 * place) % 200 for place in range(length))
        made.append(
            Encoded(f"record-{at}", ids, tuple(-100 if place < 3 else ids[place] for place in range(length)))
        )
    return made


def test_a_packed_batch_costs_what_its_examples_cost_apart(tiny_qwen2: Path) -> None:
    """Loss and gradient of what is trained: no example sees another."""
    model = fresh_model(tiny_qwen2, "full")
    some = examples(5)
    packed = with_targets(collate(some, Batch(((0, 1, 2), (3, 4))), 0, packed=True))
    head = find_head(model, packed)
    loss = summed_loss(model, head, packed, chunk=7)
    loss.backward()
    together = {name: value.grad.clone() for name, value in model.named_parameters()}
    model.zero_grad()
    apart = 0.0
    for place in range(5):
        alone = with_targets(collate(some, Batch(((place,),)), 0, packed=False))
        one = summed_loss(model, head, alone, chunk=7)
        one.backward()
        apart += float(one.detach())
    assert float(loss.detach()) == pytest.approx(apart, rel=1e-6)
    for name, value in model.named_parameters():
        assert torch.allclose(together[name], value.grad, atol=1e-4, rtol=1e-4), name


def test_a_packed_run_goes_on_bit_for_bit_after_an_interruption(tiny_qwen2: Path, tmp_path: Path) -> None:
    some = examples(30)
    plan = plan_batches(some, [1.0] * 30, epochs=2.0, batch_size=2, packing=True, pack_length=32, seed=1)
    made = partial(collate, some, pad_id=0, packed=True)

    def dying(batch: Batch) -> dict[str, object]:
        if batch is plan.batches[-2]:
            raise ConnectionError("the power went")
        return made(batch)

    keywords = {
        "epoch_ends": plan.epoch_ends,
        "validation": Feed([Batch(((0, 1), (2, 3)))], made),
    }
    settings = SETTINGS.model_copy(update={"evaluate_every": 3, "save_every": 2})
    with pytest.raises(ConnectionError):
        run(fresh_model(tiny_qwen2), tmp_path, settings, Feed(plan.batches, dying), **keywords)
    resumed, undisturbed = fresh_model(tiny_qwen2), fresh_model(tiny_qwen2)
    fitted = run(resumed, tmp_path, settings, Feed(plan.batches, made), resume=True, **keywords)
    whole = run(undisturbed, tmp_path / "undisturbed", settings, Feed(plan.batches, made), **keywords)
    assert fitted == whole
    assert weights(resumed) == weights(undisturbed)


@pytest.mark.slow
def test_two_processes_without_accumulation_are_one_with_two_batches_a_step(
    tiny_qwen2: Path, tmp_path: Path
) -> None:
    """Gradients are averaged by DDP over gloo; validation is divided."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(RUNS.parents[2]), str(RUNS.parent)])}
    options = ["--batches", "12", "--dropout", "0"]
    one = [sys.executable, str(RUNS), str(tiny_qwen2), str(tmp_path / "one"), *options]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    two = [*launcher, str(RUNS), str(tiny_qwen2), str(tmp_path / "two"), *options, "--accumulation", "1"]
    told = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for command in (one, two)
    ]
    first, second = (dict(line.split() for line in text.splitlines()) for text in told)
    assert first.keys() == second.keys() != set()
    for name in first:
        values = [
            torch.frombuffer(bytearray.fromhex(side[name]), dtype=torch.float32) for side in (first, second)
        ]
        assert torch.allclose(*values, atol=1e-6, rtol=0), name
