"""What training needs of this machine, and whether it is there: `python -m train doctor`.

Nothing is believed that can be tried: bitsandbytes quantises a small matrix and multiplies by it, bf16 adds two
numbers, on the device that training would use. A GPU is no need: without one the finding says what that means.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.doctor import Finding
from train.planning.memory import GIB
from train.planning.proposal import find_device

_INSTALL = "pip install -c constraints.txt -e '.[train]'"
_PACKAGES = (
    ("torch", "the arithmetic"),
    ("transformers", "models and the loop"),
    ("peft", "adapters"),
    ("accelerate", "devices and the loop"),
    ("bitsandbytes", "NF4, int8 and 8-bit optimizers"),
    ("tensorboard", "curves, if training.log_to names it"),
    ("onnx", "python -m train onnx"),
    ("onnxscript", "python -m train onnx"),
    ("onnxruntime", "python -m train onnx"),
)


def examine() -> Iterator[Finding]:
    """Yield what was looked at, in order: packages, the device, bf16, NF4, int8."""
    missing = set()
    for name, purpose in _PACKAGES:
        try:
            yield Finding(True, name, version(name))
        except PackageNotFoundError:
            missing.add(name)
            yield Finding(False, name, f"not installed; needed for {purpose}", _INSTALL)
    if "torch" in missing:
        return
    device = find_device()
    yield _cuda(device.on_gpu, device.name)
    yield Finding(True, "memory", f"{device.free / GIB:.1f} GiB free on {device.name}")
    target = "cuda" if device.on_gpu else "cpu"
    yield _bf16(target)
    if "bitsandbytes" not in missing:
        yield _nf4(target)
        yield _int8(target)


def _cuda(on_gpu: bool, name: str) -> Finding:
    import torch

    if on_gpu:
        return Finding(True, "cuda", f"{name}, CUDA {torch.version.cuda}")
    built = (
        f"torch is built for CUDA {torch.version.cuda}" if torch.version.cuda else "torch is built for CPUs"
    )
    return Finding(
        True, "cuda", f"no GPU ({built}): every method runs, on the CPU, which suits small models only"
    )


def _bf16(target: str) -> Finding:
    import torch

    if target == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return Finding(False, "bf16", "this GPU has none", "set adapter.compute_dtype: fp16")
    ones = torch.ones(8, 8, dtype=torch.bfloat16, device=target)
    right = bool(((ones @ ones).float() == 8.0).all())
    return Finding(right, "bf16", "multiplies" if right else "gives wrong products", "" if right else _REPORT)


_REPORT = "renew the driver and torch: the arithmetic of this machine cannot be trusted"


def _nf4(target: str) -> Finding:
    """Quantise a matrix to NF4 with double quantisation and multiply by it, forward and backward."""
    import bitsandbytes
    import torch

    nn: Any = bitsandbytes.nn

    weight = torch.linspace(-1, 1, 128 * 64).reshape(64, 128)
    layer = nn.Linear4bit(128, 64, bias=False, quant_type="nf4", compress_statistics=True)
    layer.weight = nn.Params4bit(weight, requires_grad=False, quant_type="nf4")
    return _tried("bitsandbytes NF4", layer, weight, target, 0.15)


def _int8(target: str) -> Finding:
    """Quantise a matrix to int8 and multiply by it, forward and backward."""
    import bitsandbytes
    import torch

    nn: Any = bitsandbytes.nn

    weight = torch.linspace(-1, 1, 128 * 64).reshape(64, 128)
    layer = nn.Linear8bitLt(128, 64, bias=False, has_fp16_weights=False)
    layer.weight = nn.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    return _tried("bitsandbytes int8", layer, weight, target, 0.05)


def _tried(subject: str, quantised: Any, plain: Any, target: str, most: float) -> Finding:
    """Compare a quantised layer's product and gradient with the plain ones; `most` is the relative error allowed."""
    import torch

    reason = ""
    try:
        quantised = quantised.to(target)
        states = torch.sin(torch.arange(4 * 128, dtype=torch.float32)).reshape(4, 128).to(target)
        states.requires_grad_(True)
        product = quantised(states)
        slopes = torch.cos(torch.arange(4 * 64, dtype=torch.float32)).reshape(4, 64).to(target)
        product.backward(slopes)
        product = product.detach()
        wanted = states.detach() @ plain.to(target).T
        error = float((product - wanted).norm() / wanted.norm())
        expected = slopes @ plain.to(target)
        slope = float((states.grad - expected).norm() / expected.norm())
        if not max(error, slope) < most:
            reason = f"its products are off by {error:.0%} and its gradients by {slope:.0%}"
    except (RuntimeError, AttributeError, OSError, NotImplementedError) as failure:
        reason = f"it fails on this {target}: {type(failure).__name__}: {failure}"
    if reason:
        return Finding(False, subject, reason.splitlines()[0], f"pip install -U bitsandbytes, or {_INSTALL}")
    return Finding(True, subject, f"quantises on this {target} (products within {error:.1%})")
