"""Checkpoints are complete or invisible, and a run that goes on is the run that was never disturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest
import torch
from loop_runs import SETTINGS, batch, fresh_model, kill_in_save, run, weights

from pipeline.errors import TrainError
from train.config import EarlyStopping, LoopParams
from train.loop import checkpoints
from train.loop.fit import Feed, Fitted

RUNS = Path(__file__).with_name("loop_runs.py")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What the run of `loop_runs` comes to when nothing happens."""

    fitted: Fitted
    weights: dict[str, bytes]
    out: Path


@pytest.fixture(scope="module")
def undisturbed(tiny_qwen2: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    torch.set_num_threads(1)
    model = fresh_model(tiny_qwen2)
    out = tmp_path_factory.mktemp("undisturbed")
    return Undisturbed(run(model, out), weights(model), out)


def in_a_process(model: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(RUNS.parents[2]), str(RUNS.parent)])
    return subprocess.run(
        [sys.executable, str(RUNS), str(model), str(out), *options],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def told(weights_now: dict[str, bytes]) -> str:
    return "".join(f"{name} {value.hex()}\n" for name, value in sorted(weights_now.items()))


def interrupted(model: Path, out: Path, step: int, settings: LoopParams = SETTINGS) -> None:
    """Leave checkpoints as a run does that dies after that step: the batch after it fails."""

    def planned(number: int) -> dict[str, object]:
        if number == 2 * step:
            raise ConnectionError("the power went")
        return batch(number)

    with pytest.raises(ConnectionError):
        run(fresh_model(model), out, settings, Feed(range(13), planned))


def test_a_run_killed_while_it_saves_goes_on_bit_for_bit(
    tiny_qwen2: Path, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    """SIGKILL in the middle of the optimizer's file of the second checkpoint; dropout is on."""

    def dying() -> None:
        kill_in_save(2)
        run(fresh_model(tiny_qwen2), tmp_path)

    child = get_context("fork").Process(target=dying)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    folder = tmp_path / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == [".checkpoint-4.part", "checkpoint-2"]
    assert [found.step for found in checkpoints.named(folder)] == [2]

    resumed = fresh_model(tiny_qwen2)
    fitted = run(resumed, tmp_path, resume=True)
    assert weights(resumed) == undisturbed.weights
    assert fitted == undisturbed.fitted


@pytest.mark.slow
def test_dropout_goes_on_where_it_was(tiny_qwen2: Path, tmp_path: Path, undisturbed: Undisturbed) -> None:
    """The same run from the checkpoint's weights with other randomness is another run: the test above can fail."""
    interrupted(tiny_qwen2, tmp_path, 3)
    found = checkpoints.newest(tmp_path / "checkpoints")
    assert found is not None
    states = torch.load(found.folder / "rng_state.pth", weights_only=False)
    states["cpu"] = torch.Generator().manual_seed(99).get_state()
    torch.save(states, found.folder / "rng_state.pth")
    (found.folder / checkpoints.MARKER).unlink()
    checkpoints.complete(found.folder.rename(tmp_path / "again"), found.folder)
    other = fresh_model(tiny_qwen2)
    run(other, tmp_path, resume=True)
    assert weights(other) != undisturbed.weights


@pytest.mark.slow
@pytest.mark.parametrize("save", [1, 3, 4])
def test_a_run_killed_in_any_save_goes_on_bit_for_bit(
    save: int, tiny_qwen2: Path, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    dead = in_a_process(tiny_qwen2, tmp_path, "--kill-in-save", str(save))
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    resumed = in_a_process(tiny_qwen2, tmp_path, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == told(undisturbed.weights)


@pytest.mark.slow
def test_sigterm_saves_and_exits_143_and_the_run_goes_on(
    tiny_qwen2: Path, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    """It comes in the third step, where no checkpoint was due."""
    ended = in_a_process(tiny_qwen2, tmp_path, "--terminate-at", "5")
    assert ended.returncode == 143, ended.stderr
    assert [found.step for found in checkpoints.named(tmp_path / "checkpoints")] == [2, 3]
    resumed = fresh_model(tiny_qwen2)
    run(resumed, tmp_path, resume=True)
    assert weights(resumed) == undisturbed.weights


def test_sigterm_in_this_process_saves_and_leaves_with_143(
    tiny_qwen2: Path, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    """It comes in the third step, where no checkpoint is due; the handler that was there comes back."""

    def planned(number: int) -> dict[str, object]:
        if number == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(number)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        run(fresh_model(tiny_qwen2), tmp_path, batches=Feed(range(13), planned))
    assert left.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert [found.step for found in checkpoints.named(tmp_path / "checkpoints")] == [2, 3]
    resumed = fresh_model(tiny_qwen2)
    assert run(resumed, tmp_path, resume=True).steps == 7
    assert weights(resumed) == undisturbed.weights


def test_one_flipped_byte_in_the_newest_falls_back_to_the_one_before(
    tiny_qwen2: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, undisturbed: Undisturbed
) -> None:
    interrupted(tiny_qwen2, tmp_path, 5)
    damaged = tmp_path / "checkpoints" / "checkpoint-4" / checkpoints.WEIGHTS
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    resumed = fresh_model(tiny_qwen2)
    run(resumed, tmp_path, resume=True)
    assert (
        f"checkpoint-4 is passed over for the one before: {checkpoints.WEIGHTS} is not what was written"
        in caplog.text
    )
    assert weights(resumed) == undisturbed.weights
    assert not checkpoints.damage(tmp_path / "checkpoints" / "checkpoint-7")


def test_no_checkpoint_that_lacks_a_file_or_its_marker_is_seen(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        with checkpoints.writing(tmp_path, step) as hidden:
            (hidden / "one").write_bytes(b"one")
            assert [found.step for found in checkpoints.named(tmp_path)] == list(range(1, step))
    (tmp_path / "checkpoint-3" / "one").unlink()
    assert checkpoints.newest(tmp_path) == checkpoints.Checkpoint(tmp_path / "checkpoint-2", 2)
    (tmp_path / "checkpoint-2" / checkpoints.MARKER).unlink()
    assert checkpoints.newest(tmp_path) == checkpoints.Checkpoint(tmp_path / "checkpoint-1", 1)
    assert checkpoints.sweep(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-3"]
    (tmp_path / "checkpoint-1" / checkpoints.MARKER).write_text("{")
    assert checkpoints.newest(tmp_path) is None


def test_a_checkpoint_that_cannot_be_written_says_so_and_is_not_seen(tmp_path: Path) -> None:
    """/dev/full is the full disk that every Linux has."""
    with (
        pytest.raises(TrainError, match="checkpoint-1 cannot be written"),
        checkpoints.writing(tmp_path, 1) as hidden,
    ):
        (hidden / "one").symlink_to("/dev/full")
        (hidden / "one").write_bytes(b"one")
    with (
        pytest.raises(TrainError, match="checkpoint-2 cannot be written"),
        checkpoints.writing(tmp_path, 2) as hidden,
    ):
        (hidden / "two").symlink_to("/dev/full")
        torch.save({"two": torch.zeros(10)}, hidden / "two")
    assert checkpoints.named(tmp_path) == []


def test_rotation_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    for step in range(1, 7):
        with checkpoints.writing(tmp_path, step) as hidden:
            (hidden / "one").write_bytes(b"one")
    checkpoints.rotate(tmp_path, 2, best_step=3)
    assert [found.step for found in checkpoints.named(tmp_path)] == [3, 5, 6]


def test_a_checkpoint_holds_what_is_trained_and_nothing_of_the_frozen_base(
    tiny_qwen2: Path, undisturbed: Undisturbed
) -> None:
    from safetensors.torch import load_file

    folder = undisturbed.out / "checkpoints" / "checkpoint-7"
    stored = load_file(folder / checkpoints.WEIGHTS)
    assert {name: value.numpy().tobytes() for name, value in stored.items()} == undisturbed.weights
    frozen = sum(value.numel() for value in fresh_model(tiny_qwen2).parameters() if not value.requires_grad)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4 * frozen


def test_looks_at_validation_alter_no_weight(
    tiny_qwen2: Path, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    never = fresh_model(tiny_qwen2)
    run(never, tmp_path, SETTINGS.model_copy(update={"evaluate_every": None}), validation=[])
    assert weights(never) == undisturbed.weights


def test_patience_survives_a_resume(tiny_qwen2: Path, tmp_path: Path) -> None:
    """Four failures end it; two come before the interruption."""
    settings = SETTINGS.model_copy(
        update={
            "evaluate_every": 1,
            "save_every": 1,
            "early_stopping": EarlyStopping(patience=4, min_delta=10.0),
        }
    )
    interrupted(tiny_qwen2, tmp_path, 3, settings)
    resumed = run(fresh_model(tiny_qwen2), tmp_path, settings, resume=True)
    whole = run(fresh_model(tiny_qwen2), tmp_path / "undisturbed", settings)
    assert (resumed.steps, resumed.stopped) == (whole.steps, whole.stopped) == (5, "early")


def test_resuming_a_run_that_is_over_trains_no_further(tiny_qwen2: Path, undisturbed: Undisturbed) -> None:
    again = fresh_model(tiny_qwen2)
    assert run(again, undisturbed.out, resume=True) == undisturbed.fitted
    assert weights(again) == undisturbed.weights


def test_resume_refuses_other_facts_and_names_them(tiny_qwen2: Path, undisturbed: Undisturbed) -> None:
    with pytest.raises(TrainError, match=r"data: one then, two now") as refused:
        run(fresh_model(tiny_qwen2), undisturbed.out, facts={"data": "two"}, resume=True)
    assert "seed" not in refused.value.message
    other = SETTINGS.model_copy(update={"learning_rate": 1e-3, "keep_checkpoints": 5})
    with pytest.raises(TrainError) as slower:
        run(fresh_model(tiny_qwen2), undisturbed.out, other, resume=True)
    assert slower.value.message.endswith("differs from it: training.learning_rate: 0.01 then, 0.001 now")


def test_an_earlier_runs_checkpoints_are_not_written_over(tiny_qwen2: Path, tmp_path: Path) -> None:
    with checkpoints.writing(tmp_path / "checkpoints", 2) as hidden:
        (hidden / "one").write_bytes(b"one")
    with pytest.raises(TrainError, match="checkpoints of an earlier run"):
        run(fresh_model(tiny_qwen2), tmp_path)


def test_a_loss_that_is_no_number_names_the_records_and_leaves_the_last_checkpoint(
    tiny_qwen2: Path, tmp_path: Path
) -> None:
    """The seventh batch meets an embedding that is no number, through a token no other batch has."""
    model = fresh_model(tiny_qwen2)
    broken = 3
    with torch.no_grad():
        model.get_input_embeddings().weight[broken] = float("nan")

    def planned(number: int) -> dict[str, object]:
        made = batch(number)
        if number == 6:
            made["input_ids"][0, 0] = broken
        return made

    with pytest.raises(TrainError, match="loss at step 4 is not a finite number") as stopped:
        run(model, tmp_path, batches=Feed(range(13), planned))
    assert "record-6-0, record-6-1, record-6-2" in stopped.value.message
    assert "record-7" not in stopped.value.message
    found = checkpoints.newest(tmp_path / "checkpoints")
    assert found is not None
    assert found.step == 2
    assert str(found.folder) in stopped.value.hint
    assert all(value != b"nan" for value in weights(model).values())
    assert all(bool(value.isfinite().all()) for value in model.parameters() if value.requires_grad)


@pytest.mark.parametrize(
    "method", ["dora", "ia3", "prefix_tuning", "p_tuning", "adalora", "bottleneck", "full"]
)
@pytest.mark.slow
def test_every_method_goes_on_bit_for_bit(method: str, tiny_llama: Path, tmp_path: Path) -> None:
    def planned(number: int) -> dict[str, object]:
        if number == 8:
            raise ConnectionError("the power went")
        return batch(number)

    with pytest.raises(ConnectionError):
        run(fresh_model(tiny_llama, method, steps=7), tmp_path, batches=Feed(range(13), planned))
    resumed, undisturbed = fresh_model(tiny_llama, method, steps=7), fresh_model(tiny_llama, method, steps=7)
    run(resumed, tmp_path, resume=True)
    run(undisturbed, tmp_path / "undisturbed")
    assert weights(resumed) == weights(undisturbed)
