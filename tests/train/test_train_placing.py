"""A folder stands under its name only when it is whole, and one that is there gives way only if it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import TrainError
from train.shipping.placing import placed_folder


def test_one_that_is_there_gives_way_only_once_the_new_one_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    for text in ("first", "second"):
        with placed_folder(out, replaces=True) as made:
            (made / "a").write_text(text)
    with pytest.raises(ZeroDivisionError), placed_folder(out, replaces=True) as made:
        (made / "a").write_text(str(1 // 0))
    assert (out / "a").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_without_leave_nothing_is_replaced(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="exists already"), placed_folder(tmp_path):
        pass
