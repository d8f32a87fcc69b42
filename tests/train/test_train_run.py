"""A run's folder: nothing of value is written over, and a false start does not stand in the way of the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import TrainError
from train.run import claim


def test_what_a_false_start_left_stops_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    claim(folder, False)
    (folder / "train_rejects.jsonl").write_text("")
    (folder / "logs").mkdir()
    (folder / "checkpoints").mkdir()
    claim(folder, False)


@pytest.mark.parametrize("name", ["adapter", "manifest.json", "notes.txt", "checkpoints/checkpoint-4"])
def test_a_run_is_not_written_over_but_gone_on_with(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(TrainError, match="holds a run already") as caught:
        claim(tmp_path, False)
    assert "--resume" in caught.value.hint
    claim(tmp_path, True)
