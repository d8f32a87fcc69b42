"""Puts a trainable adapter on a frozen model, by peft where peft has it, and remembers on the model what was put there.

Freezing is all that quantised weights need here: `prepare_model_for_kbit_training` of peft also upcasts whatever is not
quantised to fp32, which autocast makes needless. Checkpointing is the non-reentrant kind, which needs no input that
requires a gradient. Rejected: leaving target names to peft (a name that matches nothing is an error there only if all
names match nothing, and then its message does not say which names exist).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import TrainError
from train.config import AdapterParams, MethodName, Quantisation
from train.load import keep_weights_unpacked, quantisation_of
from train.methods.bottleneck import add_bottlenecks
from train.methods.table import METHODS, refusal, resolved

_ADALORA_WARM, _ADALORA_FINAL = 0.1, 0.3
"""Shares of the steps before AdaLoRA begins to take ranks away, and after it ended (Zhang et al. 2023)."""

_SCALED = ("k_proj", "v_proj", "down_proj")
"""What (IA)³ scales, by Llama's names: keys, values and the inner activations of the feedforward (its input scaled)."""

Targets = Sequence[str] | Literal["all-linear"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """What was put on a model.

    Attributes:
        method: that is trained.
        params: resolved.
        quantisation: of the model that it was put on.
        base_name: hub id, or the last part of the folder's name, of the base model.
        base_revision: the commit of a hub model; else "".
        base_sha256: of the base model's weights; "" if the model was not loaded by `load_base`.
    """

    method: MethodName
    params: AdapterParams
    quantisation: Quantisation
    base_name: str
    base_revision: str
    base_sha256: str


def attach(
    model: Any, params: AdapterParams, checkpointing: bool, seed: int, total_steps: int | None = None
) -> Any:
    """Return a model of which exactly the adapter is trainable.

    Args:
        model: as `load_base` gave it; it is altered.
        params: of the recipe; defaults are filled in.
        checkpointing: whether activations are computed again in the backward pass.
        seed: of the adapter's first weights.
        total_steps: optimizer steps of the whole run; only AdaLoRA needs it, for its schedule of ranks.

    Raises:
        TrainError: the method does not work so (see `refusal`), or a target matches no layer.
    """
    import torch

    quantisation = quantisation_of(model)
    params = resolved(params, int(model.config.get_text_config().hidden_size))
    if reason := refusal(params.method, quantisation, checkpointing):
        raise TrainError(reason, "choose another method or setting; docs/training.md shows what works")
    if params.quantisation != quantisation:
        raise TrainError(
            f"the recipe wants {params.quantisation} weights, and the model was loaded with {quantisation}",
            "load the model with the quantisation that the resolved recipe names",
        )
    facts = _facts(model, params, quantisation)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tuned = build_adapter(model, params, total_steps)
    tuned.attachment = facts
    return tuned


def build_adapter(model: Any, params: AdapterParams, total_steps: int | None) -> Any:
    """Freeze a model and put an adapter with its first weights on it; nothing is remembered on the model.

    Args:
        model: it is altered.
        params: resolved.
        total_steps: as in `attach`.

    Raises:
        TrainError: a target matches no layer, or AdaLoRA is not told the steps.
    """
    family = METHODS[params.method].family
    if family in ("full", "prompt") and params.targets != "all-linear":
        raise TrainError(
            f"method {params.method} has no target layers, and adapter.targets names some",
            "leave targets out",
        )
    keep_weights_unpacked(model)
    if family == "full":
        model.requires_grad_(True)
        return model.float()
    model.requires_grad_(False)
    if family == "bottleneck":
        add_bottlenecks(
            model,
            params.bottleneck_size,
            params.dropout,
            checked_targets(model, params.targets, any_module=True),
        )
        model._hf_peft_config_loaded = True  # or transformers' Trainer takes NF4 weights for untrainable
        return model
    from peft import get_peft_model

    tuned: Any = get_peft_model(model, _peft_config(model, params, total_steps))
    for name, parameter in tuned.named_parameters():
        if ".ranknum." in name:  # AdaLoRA's count of ranks: moving it to another device makes it look trained
            parameter.requires_grad_(False)
    if family == "low_rank_bottleneck":
        add_bottlenecks(tuned, params.bottleneck_size, params.dropout, "all-linear")
    return tuned


def checked_targets(model: Any, targets: Targets, any_module: bool = False) -> Targets:
    """Return the targets if every name matches at least one layer that can carry an adapter.

    Args:
        model: not yet wrapped.
        targets: last parts of names, or `all-linear`.
        any_module: whether other modules than linear layers can carry it.

    Raises:
        TrainError: a name matches nothing, or what is no linear layer; the names that exist are listed.
    """
    if targets == "all-linear":
        return targets
    modules = {name: module for name, module in model.named_modules() if name}
    fit = {name for name, module in modules.items() if any_module or _is_linear(module)}
    exist = sorted({name.rpartition(".")[2] for name in fit if not name.rpartition(".")[2].isdigit()})
    if not targets:
        raise TrainError("adapter.targets names no layer", f"name some of {', '.join(exist)}, or all-linear")
    for target in targets:
        matched = [name for name in modules if name == target or name.endswith(f".{target}")]
        unfit = [name for name in matched if name not in fit]
        if not matched or unfit:
            what = (
                f"matches {unfit[0]}, which is no linear layer" if unfit else "matches no layer of this model"
            )
            raise TrainError(
                f"target {target} {what}", f"name some of {', '.join(exist)}, or write all-linear"
            )
    output = model.get_output_embeddings()
    tied = output is not None and output.weight is model.get_input_embeddings().weight
    if tied and any(modules.get(target) is output for target in targets):
        raise TrainError(
            "the output layer shares its weights with the embedding: an adapter on it could not be merged",
            "take it out of adapter.targets",
        )
    return targets


def linear_names(model: Any, targets: Targets) -> list[str]:
    """Return the names of the linear layers meant: last parts, as serving engines want them, where these are enough.

    Raises:
        TrainError: as `checked_targets`.
    """
    if targets != "all-linear":
        return list(checked_targets(model, targets))
    output = model.get_output_embeddings()
    modules = [(name, module) for name, module in model.named_modules() if name]
    wanted = [name for name, module in modules if _is_linear(module) and module is not output]
    others = {name.rpartition(".")[2] for name, _ in modules if name not in set(wanted)}
    return sorted({name if name.rpartition(".")[2] in others else name.rpartition(".")[2] for name in wanted})


def _is_linear(module: Any) -> bool:
    from torch.nn import Linear

    return isinstance(module, Linear) or type(module).__name__ == "Conv1D"


def _facts(model: Any, params: AdapterParams, quantisation: Quantisation) -> Attachment:
    identity = getattr(model, "base_identity", None)
    name = identity.name if identity else str(getattr(model, "name_or_path", "") or "")
    revision = identity.revision if identity else ""
    short = name if revision else name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return Attachment(
        params.method, params, quantisation, short, revision, identity.sha256 if identity else ""
    )


def _peft_config(model: Any, params: AdapterParams, total_steps: int | None) -> Any:
    import peft

    task: dict[str, Any] = {"task_type": "CAUSAL_LM"}
    method = params.method
    if method == "ia3":
        return peft.IA3Config(**task, **_scaled_layers(model, params.targets))
    if METHODS[method].family == "prompt":
        task["num_virtual_tokens"] = params.virtual_tokens
        kind: Any = {
            "prefix_tuning": peft.PrefixTuningConfig,
            "prompt_tuning": peft.PromptTuningConfig,
            "p_tuning": peft.PromptEncoderConfig,
        }[method]
        return kind(**task)
    task["target_modules"] = linear_names(model, params.targets)
    task["lora_alpha"] = params.alpha
    task["lora_dropout"] = params.dropout
    if method == "adalora":
        return peft.AdaLoraConfig(**task, **_rank_schedule(params.rank, total_steps))
    return peft.LoraConfig(
        **task, r=params.rank, use_dora=method == "dora", use_rslora=method == "rslora", bias="none"
    )


def _rank_schedule(rank: int, total_steps: int | None) -> dict[str, Any]:
    """Return AdaLoRA's schedule: it begins with half as many ranks again, and ends with `rank` on average."""
    if total_steps is None or total_steps < 2:
        raise TrainError(
            "AdaLoRA takes ranks away by a schedule over the whole run, which must be known and have two steps or more"
        )
    return {
        "target_r": rank,
        "init_r": math.ceil(1.5 * rank),
        "tinit": math.ceil(_ADALORA_WARM * total_steps),
        "tfinal": int(_ADALORA_FINAL * total_steps),
        "deltaT": 1,  # with a longer one, ranks that are to go live on between, and a save would not equal the model
        "total_step": total_steps,
        "orth_reg_weight": 0.0,  # the loop adds the penalty itself: see adalora.py
    }


def _scaled_layers(model: Any, targets: Targets) -> dict[str, Any]:
    from peft.utils.constants import (
        TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING as FEEDFORWARD,
    )
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as SCALED

    kind = model.config.get_text_config().model_type
    forward = set(FEEDFORWARD.get(kind, ())) | {"down_proj"}
    if targets == "all-linear":
        exist = {name.rpartition(".")[2] for name, _ in model.named_modules()}
        chosen = list(_SCALED) if exist.issuperset(_SCALED) else list(SCALED.get(kind, ()))
        if not chosen:
            raise TrainError(
                f"(IA)³ scales keys, values and feedforward inputs, and what they are called in {kind} is not known",
                "name them in adapter.targets",
            )
    else:
        chosen = list(checked_targets(model, targets))
    return {"target_modules": chosen, "feedforward_modules": [name for name in chosen if name in forward]}
