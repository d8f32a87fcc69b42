"""Quantised saves are smaller, read back as they were written, and tell their divergence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import ModelError, TrainError
from pipeline.models import ModelRef
from train.load import load_base
from train.shipping.saves import logits_of, mean_divergence, read_quantised, save_quantised

ROWS = [[5, 6, 7, 8, 9, 10], [11, 12, 13]]


@pytest.mark.parametrize(("bits", "kind"), [(4, "nf4"), (8, "int8")])
def test_a_save_is_read_back_by_transformers_alone(
    tiny_llama: Path, tmp_path: Path, bits: Any, kind: Any
) -> None:
    told: list[str] = []
    report = save_quantised(tiny_llama, tmp_path / "out", bits, told.append, ROWS, "fp32", "cpu")
    assert report.difference < 1e-4
    assert 0 < report.divergence < 0.01
    assert report.size < 0.8 * report.full_size  # embedding and output layer stay whole, and are most of it
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["quantization_config"][f"load_in_{bits}bit"] is True
    from transformers import AutoModelForCausalLM

    reread = logits_of(AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval(), ROWS)
    quantised = logits_of(load_base(ModelRef(folder=str(tiny_llama)), kind, "fp32", "cpu").model, ROWS)
    for one, other in zip(reread, quantised, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert any("nats per token, on 2 rows" in line for line in told)


def test_a_model_that_is_not_quantised_is_not_taken_for_one(tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="not quantised"):
        read_quantised(tiny_llama, "cpu")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TrainError, match="cannot be read back"):
        read_quantised(tmp_path, "cpu")


def test_divergence_is_that_of_the_definition() -> None:
    right, other = (
        torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.0, 0.0]]),
        torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0]]),
    )
    p, q = right.double().softmax(-1), other.double().softmax(-1)
    assert mean_divergence([right], [other]) == pytest.approx(float((p * (p / q).log()).sum() / 2))
    assert mean_divergence([right], [right]) == 0.0
    assert mean_divergence([right, right[:1]], [right, other[:1]]) == pytest.approx(
        float((p[0] * (p[0] / q[0]).log()).sum() / 3)
    )


def test_nothing_is_written_over_and_nothing_half_made_stays(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(TrainError, match="exists already"):
        save_quantised(tiny_llama, tmp_path / "there", 4, print, ROWS, "fp32", "cpu")
    with pytest.raises(ModelError):
        save_quantised(tmp_path / "nothing", tmp_path / "out", 4, print, ROWS, "fp32", "cpu")
    with pytest.raises(TrainError, match="no tokens"):
        save_quantised(tiny_llama, tmp_path / "out", 4, print, [[]], "fp32", "cpu")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_a_save_that_reads_back_otherwise_is_refused(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import PreTrainedModel

    save = PreTrainedModel.save_pretrained

    def damaged(self: Any, folder: Any, **more: Any) -> None:
        with torch.no_grad():
            self.model.norm.weight *= 1.1
        save(self, folder, **more)

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", damaged)
    with pytest.raises(TrainError, match="read back differs"):
        save_quantised(tiny_llama, tmp_path / "out", 4, print, ROWS, "fp32", "cpu")
    assert list(tmp_path.iterdir()) == []
