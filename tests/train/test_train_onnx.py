"""The ONNX file answers as torch does at any batch and length, or is not kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import TrainError
from pipeline.models import ModelRef
from train.load import load_base
from train.shipping.onnx_export import FILE, export_onnx
from train.tiny import make_tiny


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    folder = tmp_path_factory.mktemp("onnx")
    model = make_tiny(
        folder / "model", ["one two three", "一二三"], "qwen2", hidden=64, layers=1, vocabulary=300
    )
    told: list[str] = []
    export_onnx(model, folder / "out", told.append)
    return model, folder / "out", told


@pytest.mark.slow
def test_logits_equal_torchs_at_other_shapes_and_with_padding(exported: tuple[Path, Path, list[str]]) -> None:
    import onnxruntime

    model_folder, out, _ = exported
    model = load_base(ModelRef(folder=str(model_folder)), "none", "fp32", "cpu").model
    session = onnxruntime.InferenceSession(str(out / FILE), providers=["CPUExecutionProvider"])
    for batch, length in ((4, 31), (1, 3)):
        tokens = torch.arange(batch * length).reshape(batch, length) % 250
        mask = torch.ones_like(tokens)
        mask[-1, length - 1] = 0
        feed = {"input_ids": tokens.numpy(), "attention_mask": mask.numpy()}
        found = session.run(None, feed)[0]
        with torch.no_grad():
            wanted = model(input_ids=tokens, attention_mask=mask).logits.numpy()
        seen = mask.numpy().astype(bool)
        assert found.shape == wanted.shape
        assert np.abs(found - wanted)[seen].max() < 1e-4


@pytest.mark.slow
def test_the_difference_is_told_and_the_tokenizer_goes_with_it(
    exported: tuple[Path, Path, list[str]],
) -> None:
    _, out, told = exported
    assert "largest difference to torch" in told[0]
    assert (out / "tokenizer.json").is_file()
    assert (out / "config.json").is_file()


@pytest.mark.slow
def test_a_file_that_differs_is_refused_and_not_kept(
    exported: tuple[Path, Path, list[str]], tmp_path: Path
) -> None:
    with pytest.raises(TrainError, match="differs from torch"):
        export_onnx(exported[0], tmp_path / "out", print, limit=0.0)
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name == "onnxscript" else find(name, package),
    )
    with pytest.raises(TrainError, match="needs onnxscript") as caught:
        export_onnx(tmp_path, tmp_path / "out", print)
    assert "pip install" in caught.value.hint
