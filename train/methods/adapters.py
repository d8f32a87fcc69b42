"""Writes an adapter to a folder and puts it back on its base model, for every method in the same way.

A folder holds `method.json` (format, method, parameters, base, SHA-256 of each file) beside what other programs read:
peft's `adapter_config.json` and `adapter_model.safetensors`, or for full tuning a model as transformers saves it. Only
safetensors, never a pickle. Loading builds the adapter as training did and fills it, every tensor accounted for.
Rejected: `PeftModel.from_pretrained` (silent about tensors that are missing, cannot train a prompt further, and
fails on quantised (IA)³).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.errors import TrainError
from train.config import AdapterParams, Quantisation
from train.load import quantisation_of
from train.methods.attaching import Attachment, build_adapter
from train.methods.bottleneck import add_bottlenecks, bottleneck_state, load_bottleneck_state, switch
from train.methods.table import METHODS

FORMAT_VERSION = 1
FACTS = "method.json"
BOTTLENECK = "bottleneck.safetensors"
PEFT = "adapter_model.safetensors"
PEFT_CONFIG = "adapter_config.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """What `method.json` says: of what an adapter is made, and what it belongs to."""

    params: AdapterParams
    quantisation: Quantisation
    base_name: str
    base_revision: str
    base_sha256: str
    files: dict[str, str]


def trainable(model: Any) -> dict[str, Any]:
    """Return the parameters that are trained, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def attachment(model: Any) -> Attachment:
    """Return what was put on a model.

    Raises:
        TrainError: nothing was.
    """
    found = getattr(model, "attachment", None)
    if not isinstance(found, Attachment):
        raise TrainError("this model carries no adapter", "attach one, or load one from its folder")
    return found


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a model, or the whole model if all of it was trained; the folder is made.

    Raises:
        TrainError: the model carries no adapter, or the folder cannot be written.
    """
    facts = attachment(model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = _write_weights(model, facts, folder)
        listed = {name: _sha256(folder / name) for name in sorted(files)}
        content = {
            "format_version": FORMAT_VERSION,
            "method": facts.method,
            "quantisation": facts.quantisation,
            "base": {"name": facts.base_name, "revision": facts.base_revision, "sha256": facts.base_sha256},
            "adapter": facts.params.model_dump(mode="json"),
            "files": listed,
        }
        (folder / FACTS).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise TrainError(f"the adapter cannot be written to {folder}: {error}", "see to its disk") from error


def _write_weights(model: Any, facts: Attachment, folder: Path) -> list[str]:
    from safetensors.torch import save_file

    family = METHODS[facts.method].family
    if family == "full":
        model.save_pretrained(folder)
        return [*sorted(file.name for file in folder.glob("*.safetensors")), "config.json"]
    files = []
    if family != "bottleneck":
        config = model.peft_config["default"]
        config.base_model_name_or_path = facts.base_name or None
        config.revision = facts.base_revision or None
        save_file(peft_state(model), folder / PEFT, metadata={"format": "pt"})
        before, config.inference_mode = config.inference_mode, True
        config.save_pretrained(str(folder))
        config.inference_mode = before
        _sort_names(folder / PEFT_CONFIG)
        files += [PEFT, PEFT_CONFIG]
    if family in ("bottleneck", "low_rank_bottleneck"):
        state = {name: tensor.contiguous() for name, tensor in bottleneck_state(model).items()}
        save_file(state, folder / BOTTLENECK, metadata={"format": "pt"})
        files.append(BOTTLENECK)
    return files


def _sort_names(file: Path) -> None:
    """Put lists of names in order: peft writes sets, whose order differs from process to process."""
    content = json.loads(file.read_text("utf-8"))
    for name in ("target_modules", "feedforward_modules"):
        if isinstance(content.get(name), list):
            content[name].sort()
    file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")


def peft_state(model: Any) -> dict[str, Any]:
    """Return peft's tensors as it saves them: contiguous, none shared."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: tensor.detach().clone().contiguous() for name, tensor in state.items()}


def read_saved(folder: Path) -> Saved:
    """Return what a folder says about its adapter, with every file checked against its SHA-256.

    Raises:
        TrainError: there is no adapter, or it is damaged.
    """
    file = folder / FACTS
    if not file.is_file():
        raise TrainError(
            f"there is no adapter in {folder}: {FACTS} is missing", "name a folder that training wrote"
        )
    try:
        content = json.loads(file.read_text("utf-8"))
        if content["format_version"] != FORMAT_VERSION:
            raise TrainError(
                f"{file} has format {content['format_version']}, and this version reads {FORMAT_VERSION}",
                "use the version that trained the adapter",
            )
        base = content["base"]
        saved = Saved(
            AdapterParams.model_validate(content["adapter"]),
            content["quantisation"],
            str(base["name"]),
            str(base["revision"]),
            str(base["sha256"]),
            dict(content["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise _damaged(file, f"{type(error).__name__}: {error}") from error
    for name, digest in saved.files.items():
        if not (folder / name).is_file():
            raise _damaged(folder / name, "it is missing")
        if _sha256(folder / name) != digest:
            raise _damaged(folder / name, "its SHA-256 is not the one that was written with it")
    return saved


def load_adapter(base_model: Any, folder: Path, trainable: bool = False) -> Any:
    """Put a saved adapter on its base model, and return the tuned model in eval mode.

    Args:
        base_model: as `load_base` gave it; it is altered. Its quantisation may differ from the one in training.
        folder: that `save_adapter` wrote.
        trainable: whether training goes on with it; else nothing requires a gradient.

    Raises:
        TrainError: there is no adapter, it is damaged or belongs to another model, or its method cannot go on.
    """
    saved = read_saved(folder)
    _check_base(base_model, saved, folder)
    family = METHODS[saved.params.method].family
    if family == "full":
        tuned = _load_full(base_model, folder, saved)
    elif family == "bottleneck":
        tuned = build_adapter(base_model, saved.params, None)
    else:
        tuned = _load_peft(base_model, folder, saved, trainable)
    if family in ("bottleneck", "low_rank_bottleneck"):
        load_bottleneck_state(tuned, _tensors(folder / BOTTLENECK))
    if not trainable:
        tuned.requires_grad_(False)
    quantisation = quantisation_of(tuned)
    tuned.attachment = Attachment(
        saved.params.method,
        saved.params,
        quantisation,
        saved.base_name,
        saved.base_revision,
        saved.base_sha256,
    )
    return tuned.eval()


def _check_base(model: Any, saved: Saved, folder: Path) -> None:
    identity = getattr(model, "base_identity", None)
    if identity is not None and saved.base_sha256 and identity.sha256 != saved.base_sha256:
        raise TrainError(
            f"the adapter in {folder} was trained on {saved.base_name} with weights of SHA-256"
            f" {saved.base_sha256[:12]}…, and {identity.name} has {identity.sha256[:12]}…",
            f"load it on {saved.base_name} {saved.base_revision}".rstrip(),
        )
    reason = METHODS[saved.params.method].refused.get(quantisation_of(model), "")
    if (
        reason and saved.params.method != "qlora"
    ):  # once trained, a LoRA adapter like any, at home on any weights
        raise TrainError(f"an adapter of method {saved.params.method} cannot be loaded so: {reason}")


def _load_full(model: Any, folder: Path, saved: Saved) -> Any:
    tuned = build_adapter(model, saved.params, None)
    tensors: dict[str, Any] = {}
    for name in saved.files:
        if name.endswith(".safetensors"):
            tensors |= _tensors(folder / name)
    state = tuned.state_dict()
    _same_tensors(
        set(tensors), {name for name in state if name in tensors or not _is_tied(tuned, name)}, folder
    )
    try:
        tuned.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise _other_model(folder, str(error)) from error
    return tuned


def _is_tied(model: Any, name: str) -> bool:
    """Tell whether a tensor is saved under another name that shares its memory."""
    return name in (getattr(model, "_tied_weights_keys", None) or ()) and bool(
        model.config.get_text_config().tie_word_embeddings
    )


def _load_peft(model: Any, folder: Path, saved: Saved, trainable: bool) -> Any:
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict

    if trainable and saved.params.method == "p_tuning":
        raise TrainError(
            "P-tuning saves the prompt and not the network that makes it: training cannot go on from the adapter",
            "resume from a checkpoint of the run",
        )
    tensors = _tensors(folder / PEFT)
    try:
        config: Any = PeftConfig.from_pretrained(str(folder))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise _damaged(folder / PEFT_CONFIG, f"{type(error).__name__}: {error}") from error
    config.inference_mode = not trainable
    config.base_model_name_or_path = getattr(model, "name_or_path", None)  # or peft warns that it was renamed
    model.requires_grad_(False)
    tuned: Any = get_peft_model(model, config)
    if saved.params.method == "adalora":
        tuned.base_model.trainable_adapter_name = "default"  # its forward asks, in inference mode, too
    try:
        set_peft_model_state_dict(tuned, dict(tensors))
    except (RuntimeError, KeyError, ValueError) as error:
        raise _other_model(folder, str(error)) from error
    _same_tensors(set(tensors), set(peft_state(tuned)), folder)
    if METHODS[saved.params.method].family == "low_rank_bottleneck":
        add_bottlenecks(tuned, saved.params.bottleneck_size, saved.params.dropout, "all-linear")
    return tuned


def _same_tensors(written: set[str], wanted: set[str], folder: Path) -> None:
    if differing := sorted(written ^ wanted):
        raise _other_model(folder, f"{len(differing)} tensors have no counterpart, such as {differing[0]}")


@contextmanager
def without_adapter(model: Any) -> Iterator[Any]:
    """Within this, the model computes as its base does; nothing is loaded anew.

    Raises:
        TrainError: all of the model was trained, so that the base is no longer in it.
    """
    method = attachment(model).method
    family = METHODS[method].family
    if not METHODS[method].switches_off:
        raise TrainError(
            f"method {method} leaves nothing of the base model to switch back to", "load the base model anew"
        )
    if family == "bottleneck":
        switch(model, False)
        try:
            yield model
        finally:
            switch(model, True)
        return
    switch(model, False)
    try:
        with model.disable_adapter():
            yield model
    finally:
        switch(model, True)


def _tensors(file: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise _damaged(file, str(error)) from error


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damaged(file: Path, why: str) -> TrainError:
    return TrainError(f"the adapter file {file} is damaged: {why}", "copy or train the adapter anew")


def _other_model(folder: Path, why: str) -> TrainError:
    return TrainError(
        f"the adapter in {folder} does not fit this model: {why}",
        "load it on the base model it was trained on",
    )
