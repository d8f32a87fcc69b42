"""Loads the model that is tuned, with its frozen weights as they are, in NF4 or in int8.

Only from this machine: a hub model that was not downloaded is an error with the command that fetches it, never a
download in the middle of a run. NF4 is that of the QLoRA paper (Dettmers et al. 2023, section 3): normal-float blocks
of 64 with their scales quantised once more. The weights that stay unquantised (embedding, norms, output layer) keep the
compute dtype: upcasting them to fp32, as peft's `prepare_model_for_kbit_training` does, costs 2 GiB on a 7B model for
nothing that autocast would not do. Rejected: `device_map="auto"` (it silently offloads what does not fit).
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError, TrainError
from pipeline.models import ModelIdentity, ModelRef
from pipeline.models.identities import causal_lm_identity
from pipeline.models.reference import locate
from train.config import BaseRef, Dtype, Quantisation

_INSTALL = "pip install -e '.[train]'"


@dataclass(frozen=True, slots=True)
class Base:
    """A loaded base model.

    Attributes:
        model: of transformers, a causal language model, in eval mode.
        tokenizer: of transformers, fast.
        identity: name, revision and digests of what was loaded.
        quantisation: of its linear layers but the output layer.
        dtype: of the arithmetic and of what is not quantised: fp32, bf16 or fp16.
        device: where it is, such as `cpu` or `cuda:0`.
    """

    model: Any
    tokenizer: Any
    identity: ModelIdentity
    quantisation: Quantisation
    dtype: str
    device: str


def model_ref(text: str) -> BaseRef:
    """Return the reference that `--model` means: a folder, or a hub id, which may end in @ and a commit.

    A hub id without a commit means the one that this machine has downloaded; it is pinned by that.

    Raises:
        ModelError: it is neither a folder nor a model that was downloaded; the hint is the download command.
    """
    if Path(text).expanduser().is_dir():
        return BaseRef(folder=text)
    hub, _, revision = text.partition("@")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", hub, re.ASCII):
        raise ModelError(
            f"there is no model folder {text}, and it is no hub id either",
            "name a folder that holds config.json and weights, or a hub id such as Qwen/Qwen2.5-7B-Instruct",
        )
    if revision and not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ModelError(
            f"{revision} is not a commit (40 hexadecimal digits); a branch or tag may move",
            f"leave it out to use the commit that was downloaded, or copy it from the page of {hub}",
        )
    return BaseRef(hub=hub, revision=revision or _downloaded_commit(hub))


def _downloaded_commit(hub: str) -> str:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub, "config.json")
    if not isinstance(found, str):
        raise ModelError(
            f"{hub} is neither a folder nor a hub model on this machine, and training downloads none (if it is gated,"
            " accept its terms on its page and run `hf auth login` first)",
            f"hf download {hub}",
        )
    return Path(found).parent.name


def load_tokenizer(ref: ModelRef) -> Any:
    """Return the tokenizer of a causal language model.

    Raises:
        ModelError: the model is missing or of another kind, or has no fast tokenizer.
    """
    from transformers import AutoTokenizer

    identity = causal_lm_identity(ref)
    folder = locate(ref)
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(identity, folder, error) from error
    if not tokenizer.is_fast:
        raise ModelError(f"model {identity.name} has no fast tokenizer", "save it with its tokenizer.json")
    return tokenizer


def load_base(
    ref: ModelRef, quantisation: Quantisation, compute_dtype: Dtype = "auto", device: str | None = None
) -> Base:
    """Load a model for training or as the base of a trained adapter.

    Args:
        ref: the model; on this machine.
        quantisation: `nf4` (with double quantisation), `int8` (LLM.int8, Dettmers et al. 2022) or `none`.
        compute_dtype: of the arithmetic; `auto` is bf16 on a GPU that has it, fp16 on one that has not, fp32 on a CPU.
        device: such as `cpu` or `cuda:0`; by default a GPU if there is one.

    Raises:
        ModelError: the model is missing, gated and so not downloaded, damaged or no causal language model.
        TrainError: a library, or a GPU that can do it, is missing, or the memory does not hold the model.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    identity = causal_lm_identity(ref)
    device = device or ("cuda:0" if torch.cuda.is_available() else "cpu")
    dtype = resolved_dtype(compute_dtype, device)
    _require_libraries(quantisation)
    folder = locate(ref)
    _refuse_quantised(identity, folder)
    tokenizer = load_tokenizer(ref)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            str(folder),
            local_files_only=True,
            dtype=_torch_dtype(dtype),
            quantization_config=_quantization_config(quantisation, dtype),
            device_map={"": device},
            attn_implementation="sdpa",
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, MemoryError, SafetensorError) as error:
        if _is_out_of_memory(error):
            raise _too_large(identity, quantisation, device) from error
        raise _damaged(identity, folder, error) from error
    model, found = loaded
    if absent := sorted(found["missing_keys"]):  # transformers fills them with random numbers, and only warns
        raise _damaged(identity, folder, ValueError(f"it lacks {len(absent)} weights, such as {absent[0]}"))
    if quantisation == "int8":
        logging.getLogger("bitsandbytes.autograd._functions").addFilter(_not_of_casts)
    model.config.use_cache = False
    keep_weights_unpacked(model)
    model.base_identity = identity
    return Base(model.eval(), tokenizer, identity, quantisation, dtype, device)


def _refuse_quantised(identity: ModelIdentity, folder: Path) -> None:
    """See that the weights on the disk are not quantised already: loaded as if they were not, they would be noise."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if stored := config.get("quantization_config"):
        method = (
            stored.get("quant_method", "an unnamed method")
            if isinstance(stored, dict)
            else "an unnamed method"
        )
        raise ModelError(
            f"the weights of {identity.name} are quantised already ({method}), and training quantises by itself",
            "name the unquantised model; adapter.quantisation says how its weights are kept while training",
        )


def keep_weights_unpacked(model: Any) -> int:
    """Forbid bitsandbytes to repack 4-bit weights in place, and return the number of layers that were told.

    On a CPU with AVX512-BF16, a forward pass in eval mode repacks them, after which gradients are wrong and merging
    gives garbage (bitsandbytes 0.50, `Linear4bit.forward`).
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        return 0
    from bitsandbytes.nn.modules import Linear4bit

    found = [module for module in model.modules() if isinstance(module, Linear4bit)]
    for module in found:
        module.support_avx512bf16_for_cpu = False
    return len(found)


def quantisation_of(model: Any) -> Quantisation:
    """Return how the linear layers of a loaded model are kept."""
    kinds = {type(module).__name__ for module in model.modules()}
    return "nf4" if "Linear4bit" in kinds else "int8" if "Linear8bitLt" in kinds else "none"


def resolved_dtype(compute_dtype: Dtype, device: str) -> str:
    """Return the dtype of the arithmetic on a device: fp32, bf16 or fp16.

    Raises:
        TrainError: the device is a GPU that torch does not see, or cannot compute in that dtype.
    """
    import torch

    on_gpu = device.startswith("cuda")
    if on_gpu and not torch.cuda.is_available():
        raise TrainError(
            f"the device is {device}, and torch sees no CUDA GPU",
            "see `nvidia-smi` and `python -m train doctor`; without a GPU, leave the device out",
        )
    if compute_dtype == "fp16" and not on_gpu:
        raise TrainError(
            "fp16 needs a GPU: on a CPU its sums overflow and its gradients vanish",
            "set adapter.compute_dtype to auto or fp32",
        )
    has_bf16 = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    if compute_dtype == "bf16" and on_gpu and not has_bf16:
        raise TrainError("this GPU has no bf16", "set adapter.compute_dtype to auto or fp16")
    if compute_dtype != "auto":
        return compute_dtype
    return ("bf16" if has_bf16 else "fp16") if on_gpu else "fp32"


def _not_of_casts(record: logging.LogRecord) -> bool:
    """Drop what bitsandbytes says at every single product: that int8 layers round their input to fp16 first."""
    return not record.getMessage().startswith("MatMul8bitLt: inputs will be cast")


def _torch_dtype(dtype: str) -> Any:
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[dtype]


def _require_libraries(quantisation: Quantisation) -> None:
    needed = {"accelerate": "training"} | ({} if quantisation == "none" else {"bitsandbytes": quantisation})
    for library, purpose in needed.items():
        if importlib.util.find_spec(library) is None:
            raise TrainError(f"{purpose} needs {library}, which is not installed", _INSTALL)


def _quantization_config(quantisation: Quantisation, dtype: str) -> Any:
    if quantisation == "none":
        return None
    import transformers

    config: Any = transformers.BitsAndBytesConfig
    if quantisation == "int8":
        return config(load_in_8bit=True)
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=_torch_dtype(dtype),
    )


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out; on a CPU torch says so in a plain RuntimeError."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def _too_large(identity: ModelIdentity, quantisation: Quantisation, device: str) -> TrainError:
    return TrainError(
        f"model {identity.name} with {quantisation} weights does not fit in the memory of {device}",
        "choose a smaller model"
        if quantisation == "nf4"
        else "set adapter.quantisation to nf4, or choose a smaller model",
    )


def _damaged(identity: ModelIdentity, folder: Path, error: Exception) -> ModelError:
    return ModelError(
        f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
        "check that the folder is whole and that the installed transformers knows the model",
    )
