"""The doctor of training tries what it reports."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from train.planning.doctor import examine


def test_a_machine_that_trains_passes_and_quantisation_was_tried() -> None:
    found = {finding.subject: finding for finding in examine()}
    assert [subject for subject, finding in found.items() if not finding.ok] == []
    assert found["torch"].found == torch.__version__
    assert "products within" in found["bitsandbytes NF4"].found
    assert "products within" in found["bitsandbytes int8"].found
    assert found["bf16"].found == "multiplies"
    assert "GiB free" in found["memory"].found


def test_without_a_gpu_it_says_what_that_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = {finding.subject: finding for finding in examine()}
    assert "no GPU" in found["cuda"].found
    assert found["memory"].found.endswith("free on CPU")


def test_wrong_arithmetic_of_bitsandbytes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from bitsandbytes.nn import Linear4bit

    right = Linear4bit.forward

    def wrong(self: Any, states: Any) -> Any:
        return right(self, states) * 1.5

    monkeypatch.setattr(Linear4bit, "forward", wrong)
    found = {finding.subject: finding for finding in examine()}
    assert not found["bitsandbytes NF4"].ok
    assert "off by 5" in found["bitsandbytes NF4"].found
    assert found["bitsandbytes int8"].ok


def test_a_kernel_that_fails_is_found_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    from bitsandbytes.nn import Linear8bitLt

    def fails(self: Any, states: Any) -> Any:
        raise RuntimeError("no kernel")

    monkeypatch.setattr(Linear8bitLt, "forward", fails)
    found = {finding.subject: finding for finding in examine()}
    assert "no kernel" in found["bitsandbytes int8"].found
    assert found["bitsandbytes int8"].fix.startswith("pip install")


def test_a_missing_package_is_named_with_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError, version

    def without_onnx(name: str) -> str:
        if name.startswith(("onnx", "bitsandbytes")):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("train.planning.doctor.version", without_onnx)
    found = {finding.subject: finding for finding in examine()}
    assert not found["onnxruntime"].ok
    assert "python -m train onnx" in found["onnxruntime"].found
    assert "bitsandbytes NF4" not in found
