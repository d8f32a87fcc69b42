"""Loads a model of transformers and its tokenizer from a local folder, in fp32, with no network.

One place says what can go wrong with the files, and what to do, for every model that reads tokens by their places.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity


def load_pretrained(identity: ModelIdentity, folder: Path, auto_class: Any) -> tuple[Any, Any]:
    """Return the tokenizer and the model.

    Args:
        identity: of the model, for messages.
        folder: where its files are.
        auto_class: of transformers, such as `AutoModelForCausalLM`.

    Raises:
        ModelError: the files make no such model, or there is no fast tokenizer.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model = auto_class.from_pretrained(str(folder), local_files_only=True, dtype=torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise ModelError(
            f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
            "check that the folder is whole and that the installed transformers knows the model",
        ) from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"model {identity.name} has no fast tokenizer, which tells where a token stands",
            "save it with its tokenizer.json",
        )
    return tokenizer, model
