"""Merges an adapter into its model's weights, writes the model, reads it back and tells how far it is from the tuned.

An adapter trained on quantised weights is right on those, not on the weights that they were made from: so the quantised
weights are turned back into numbers, the adapter is added in fp32, and the sum is written. Layer by layer in the model
itself, so that no second copy of it is ever in memory. The Kullback-Leibler divergence of the reloaded model from the
tuned one is computed each time, because a merge that is wrong looks like one that is right. Rejected: peft's own merge
into 4-bit weights, which quantises the sum again, and merging onto the original weights by default (both are some
hundred times further off; `benchmarks/train_merge.py` measures it).
"""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import TrainError
from pipeline.models import ModelRef
from train.config import BaseRef, Dtype
from train.load import Base, load_base
from train.methods.adapters import Saved, load_adapter, read_saved
from train.methods.table import METHODS

MERGED_FACTS = "merge.json"

PROBES = (
    "Water boils at a lower temperature on a mountain, because the air presses on it less.",
    "Write a short letter that thanks a neighbour for watering the plants in August.",
    "def mean(values):\n    return sum(values) / len(values)",
    "水在高山上沸点较低，因为那里的气压较小。",
    "请写一封短信，感谢邻居八月里帮忙浇花。",
    "三个苹果和两个梨一共多少个水果？一共五个。",
)
"""Texts on which the divergence is taken if the caller names no rows."""

NEAR = 1e-4
"""Divergence, in nats per token, below which a merged model is taken for the tuned one."""

_LONGEST = 512


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What was written, and how far it is from what was tuned.

    Attributes:
        kl: Kullback-Leibler divergence of the written model, reloaded, from the tuned one as it was trained, mean over
            tokens, in nats per token.
        kl_evaluated: the same from the tuned one as it was evaluated: on a CPU, int8 layers round their inputs in eval
            mode, and not while training; with other weights the two are one.
        tokens: places at which it was taken.
        dtype: of the written weights.
        onto: the weights that the adapter was added to.
        method: of the adapter.
        folder: of the written model.
    """

    kl: float
    kl_evaluated: float
    tokens: int
    dtype: str
    onto: str
    method: str
    folder: str

    @property
    def is_near(self) -> bool:
        """Tell whether the written model may be taken for the tuned one."""
        return self.kl < NEAR


def merge(
    base_ref: ModelRef,
    adapter_folder: Path,
    out: Path,
    dtype: Dtype = "auto",
    rows: Sequence[Sequence[int]] | None = None,
    onto: Literal["dequantised", "original"] = "dequantised",
    device: str | None = None,
) -> MergeReport:
    """Write the model with the adapter in its weights, so that nothing else is needed to serve it.

    Args:
        base_ref: the model that the adapter was trained on.
        adapter_folder: that training wrote.
        out: folder of the new model; it must not exist.
        dtype: of the written weights; `auto` is the base model's own.
        rows: token ids on which the divergence is taken; by default those of a few English and Chinese texts.
        onto: `dequantised` adds the adapter to the weights as they were in training; `original` to those that were
            quantised, which are other numbers.
        device: as for `load_base`.

    Raises:
        TrainError: the method cannot be merged, the adapter is damaged or belongs to another model, or `out` exists.
        ModelError: the base model is missing or damaged.
    """
    saved = read_saved(adapter_folder)
    method = saved.params.method
    if reason := METHODS[method].merging:
        raise TrainError(f"an adapter of method {method} cannot be merged: {reason}")
    if out.exists():
        raise TrainError(f"{out} exists, and a merge overwrites nothing", "name another folder, or remove it")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        report = _merged(base_ref, adapter_folder, saved, partial, dtype, rows, onto, device, out)
        (partial / MERGED_FACTS).write_text(json.dumps(_facts(report, saved), indent=2) + "\n", "utf-8")
        partial.rename(out)
    except OSError as error:
        raise TrainError(
            f"the merged model cannot be written to {out}: {error}", "see to its disk"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


def _merged(
    base_ref: ModelRef,
    adapter_folder: Path,
    saved: Saved,
    partial: Path,
    dtype: Dtype,
    rows: Sequence[Sequence[int]] | None,
    onto: Literal["dequantised", "original"],
    device: str | None,
    out: Path,
) -> MergeReport:
    import torch

    base = load_base(base_ref, saved.quantisation, saved.params.compute_dtype, device)
    written_dtype = _own_dtype(base_ref) if dtype == "auto" else dtype
    probes = [list(row)[:_LONGEST] for row in rows] if rows else _probe_rows(base)
    tuned = load_adapter(base.model, adapter_folder)
    memory, evaluated = partial / "probes", partial / "probes_evaluated"
    with as_trained(tuned):
        _remember(tuned, probes, memory)
    if saved.quantisation == "int8":
        _remember(tuned, probes, evaluated)
    if onto == "original" and saved.quantisation != "none":
        del tuned, base
        gc.collect()
        base = load_base(base_ref, "none", saved.params.compute_dtype, device)
        tuned = load_adapter(base.model, adapter_folder)
    wanted = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[written_dtype]
    plain = merged_in_place(tuned, wanted)
    plain.config.dtype = wanted
    plain.config.use_cache = True
    plain.save_pretrained(partial)
    _tokenizer(base, adapter_folder).save_pretrained(partial)
    compute: Any = base.dtype
    del plain, tuned, base
    gc.collect()
    reloaded = load_base(BaseRef(folder=str(partial)), "none", compute, device)
    kl, tokens = _divergence(reloaded.model, probes, memory)
    shutil.rmtree(memory)
    kl_evaluated = kl
    if evaluated.exists():
        kl_evaluated, _ = _divergence(reloaded.model, probes, evaluated)
        shutil.rmtree(evaluated)
    return MergeReport(kl, kl_evaluated, tokens, written_dtype, onto, saved.params.method, str(out))


def merged_in_place(tuned: Any, dtype: Any) -> Any:
    """Turn a tuned model into a plain one of transformers: no adapter layer and no quantised layer is left.

    Args:
        tuned: as `load_adapter` gave it; it is used up.
        dtype: of torch, for every weight; each layer is worked in fp32 and rounded once.

    Raises:
        TrainError: a merged weight is not finite.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    is_wrapped = hasattr(tuned, "get_base_model")
    plain = tuned.get_base_model() if is_wrapped else tuned
    for name, module in list(plain.named_modules()):
        if isinstance(module, BaseTunerLayer):
            plain.set_submodule(name, _merged_layer(name, module, dtype))
    for name, module in list(plain.named_modules()):
        if type(module).__name__ in ("Linear4bit", "Linear8bitLt"):
            plain.set_submodule(name, _plain_layer(module, _dequantised(module), module.bias, dtype))
    for parameter in plain.parameters():
        parameter.data = parameter.data.to(dtype)
    for name in ("hf_quantizer", "quantization_method"):
        plain.__dict__.pop(name, None)
    plain.config.__dict__.pop("quantization_config", None)
    plain.is_quantized = plain.is_loaded_in_4bit = plain.is_loaded_in_8bit = False
    return plain


def _merged_layer(name: str, module: Any, dtype: Any) -> Any:
    """Return the linear layer that computes what a layer with its adapter computes.

    Worked in fp32 on the weight as [out, in], for LoRA W + s·B·A; AdaLoRA s/r·B·(A∘E); DoRA the same, its rows scaled
    to length m; (IA)³ rows (and bias) or columns times l.
    """
    import torch

    layer = module.get_base_layer()
    turned = type(layer).__name__ == "Conv1D"
    weight = _dequantised(layer).T if turned else _dequantised(layer)
    bias = None if layer.bias is None else layer.bias.detach().float()
    with torch.no_grad():
        if hasattr(module, "ia3_l"):
            scale = module.ia3_l["default"].detach().float().flatten()
            weight = weight * (scale if module.is_feedforward else scale[:, None])
            if bias is not None and not module.is_feedforward:
                bias = bias * scale
        else:
            weight = _with_factors(module, weight)
    plain = _plain_layer(layer, weight.T.contiguous() if turned else weight, bias, dtype)
    if not torch.isfinite(plain.weight).all():
        raise TrainError(
            f"merging gives numbers that are not finite in {name}",
            "the adapter is broken, or fp16 cannot hold them: bf16 can",
        )
    return plain


def _with_factors(module: Any, weight: Any) -> Any:
    import torch

    down, up, scale = module.lora_A["default"], module.lora_B["default"], module.scaling["default"]
    if hasattr(module, "lora_E"):
        return weight + (up.float() @ (down * module.lora_E["default"]).float()) * (
            scale / (module.ranknum["default"].float() + 1e-5)
        )
    summed = weight + scale * (up.weight.float() @ down.weight.float())
    magnitude = getattr(module, "lora_magnitude_vector", {})
    if "default" not in magnitude:
        return summed
    return summed * (magnitude["default"].weight.float() / torch.linalg.norm(summed, dim=1))[:, None]


def _dequantised(layer: Any) -> Any:
    """Return the weight as numbers, float32, in the layer's own orientation."""
    from peft.utils.integrations import dequantize_bnb_weight

    weight = layer.weight
    if type(weight).__name__ in ("Params4bit", "Int8Params"):
        weight = dequantize_bnb_weight(weight, state=getattr(layer, "state", None))
    return weight.detach().float()


def _plain_layer(layer: Any, weight: Any, bias: Any, dtype: Any) -> Any:
    """Return an unquantised layer with these weights; another kind than a linear layer gets them in place."""
    from torch import nn

    if type(layer).__name__ == "Conv1D":
        layer.weight.data = weight.to(dtype)
        if bias is not None:
            layer.bias.data = bias.to(dtype)
        return layer
    plain = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    plain.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
    if bias is not None:
        plain.bias = nn.Parameter(bias.detach().to(dtype), requires_grad=False)
    return plain


def _own_dtype(ref: ModelRef) -> str:
    """Return the dtype that the base model's config.json names; fp32 if it names none."""
    from pipeline.models.reference import locate

    config = json.loads((locate(ref) / "config.json").read_text("utf-8"))
    named = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    return {"bfloat16": "bf16", "float16": "fp16"}.get(named, "fp32")


def _probe_rows(base: Base) -> list[list[int]]:
    return [base.tokenizer(text)["input_ids"][:_LONGEST] for text in PROBES]


def _logits(model: Any, row: Sequence[int]) -> Any:
    """Return logits, float32 [tokens, vocabulary]."""
    import torch

    ids = torch.tensor([list(row)], device=model.device)
    with torch.inference_mode():
        return model(input_ids=ids, use_cache=False).logits[0].float().cpu()


@contextlib.contextmanager
def as_trained(model: Any) -> Iterator[None]:
    """Let int8 layers compute as they did while training; all else, dropout too, stays in eval mode.

    In eval mode they round their inputs, and treat those columns apart in which any row of a batch is large: so what
    stands beside a text alters its logits (LLM.int8, Dettmers et al. 2022, section 3.2).
    """
    layers = [module for module in model.modules() if type(module).__name__ == "Linear8bitLt"]
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer, mode in zip(layers, modes, strict=True):
            layer.training = mode


def _remember(model: Any, rows: Sequence[Sequence[int]], folder: Path) -> None:
    """Keep what the tuned model says on disk: for a large vocabulary, half a gigabyte a row."""
    from safetensors.torch import save_file

    folder.mkdir()
    for number, row in enumerate(rows):
        save_file({"logits": _logits(model, row).contiguous()}, folder / f"{number}.safetensors")


def _divergence(model: Any, rows: Sequence[Sequence[int]], folder: Path) -> tuple[float, int]:
    """Return the mean over tokens of the sum of p·(log p − log q), q the model's, and the number of tokens."""
    import torch
    from safetensors.torch import load_file

    total, tokens = 0.0, 0
    for number, row in enumerate(rows):
        tuned = torch.log_softmax(load_file(folder / f"{number}.safetensors")["logits"].double(), dim=-1)
        written = torch.log_softmax(_logits(model, row).double(), dim=-1)
        total += float((tuned.exp() * (tuned - written)).sum())
        tokens += len(row)
    return total / tokens, tokens


def _tokenizer(base: Base, adapter_folder: Path) -> Any:
    """Return the tokenizer that was trained with, if it stands beside the adapter; else the base model's."""
    if not (adapter_folder / "tokenizer.json").is_file():
        return base.tokenizer
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(adapter_folder), local_files_only=True)


def _facts(report: MergeReport, saved: Saved) -> dict[str, Any]:
    base = {"name": saved.base_name, "revision": saved.base_revision, "sha256": saved.base_sha256}
    facts = {name: value for name, value in asdict(report).items() if name != "folder"}
    return {"format_version": 1, "base": base, "quantisation": saved.quantisation, **facts}
