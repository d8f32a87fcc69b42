"""All that a run knows before any weight is loaded: its build, its words, its tokens and its batches.

`plan` prints it and `train` acts on it, so that what was promised is what is done, and a recipe that cannot work fails
in seconds, not after a 7B model was read.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pipeline.errors import RecipeError
from pipeline.models import ModelIdentity
from pipeline.models.identities import causal_lm_identity
from pipeline.models.reference import locate
from pipeline.store import digest
from train.config import AdapterParams, DataParams, TrainRecipe
from train.data.builds import Build, Example, open_build
from train.data.encodings import Encoded, Encodings, encode_examples
from train.data.packing import Plan, mix_replay, plan_batches
from train.data.pad import ensure_pad
from train.data.render import Renderer, make_renderer
from train.load import load_tokenizer, resolved_dtype
from train.methods import refusal, resolved

LONGEST_PACK = 2048
"""Tokens of a packed row, unless the recipe says otherwise."""

HELD_OUT = ("validation", "test")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run before its model is loaded.

    Attributes:
        recipe: with absolute paths.
        build: what is trained on.
        identity: of the base model.
        params: the adapter's, every default filled in.
        dtype: of the arithmetic.
        device: where it will run, such as `cpu` or `cuda:0`.
        tokenizer: with a pad token of its own.
        renderer: puts records into words and tokens.
        examples: of each split that has any; `train` with what is replayed.
        general: records whose loss tells of forgetting; empty if none are named.
        replayed: how many of the training examples are replayed ones.
        train: what is trained on, as tokens, and what cannot be.
        validation: the same of the validation split.
        plan: every batch of the run.
        packing: whether several examples share a row.
        checkpointing: whether activations are computed twice.
        steps: optimizer steps of the run.
        facts: what a resumed run must agree on, by name.
    """

    recipe: TrainRecipe
    build: Build
    identity: ModelIdentity
    params: AdapterParams
    dtype: str
    device: str
    tokenizer: Any
    renderer: Renderer
    examples: dict[str, list[Example]]
    general: list[Example]
    replayed: int
    train: Encodings
    validation: Encodings
    plan: Plan
    packing: bool
    checkpointing: bool
    steps: int
    facts: dict[str, str]


def prepare(recipe: TrainRecipe) -> Prepared:
    """Read the build and turn it into batches.

    Args:
        recipe: with absolute paths (`train.recipe_file.bound`).

    Raises:
        PipelineError: the build, the model, the template or a combination of settings cannot be used.
    """
    build = open_build(Path(recipe.build))
    identity = causal_lm_identity(recipe.model)
    params = resolved(recipe.adapter, hidden_size(locate(recipe.model)))
    device = chosen_device()
    packing, checkpointing = _switches(recipe, params, device)
    tokenizer = load_tokenizer(recipe.model)
    ensure_pad(tokenizer)
    renderer = make_renderer(tokenizer, recipe.data.template, recipe.data.system)
    examples = {
        split: build.examples(split, recipe.evaluation.category)
        for split in ("train", *HELD_OUT)
        if split == "train" or build.count(split) or (split == "validation" and needs_validation(recipe))
    }
    own = len(examples["train"])
    examples["train"] = _with_replay(examples, recipe)
    train = encode_examples(examples["train"], renderer, recipe.data.max_length, recipe.data.overlong)
    held = encode_examples(
        examples.get("validation", []), renderer, recipe.data.max_length, recipe.data.overlong
    )
    weights = _weights(train, examples["train"], recipe.data)
    loop = recipe.training
    plan = plan_batches(
        train.examples, weights, loop.epochs, loop.batch_size, packing, pack_length(recipe.data), recipe.seed,
        loop.max_steps * loop.accumulation if loop.max_steps else None,
    )  # fmt: skip
    facts = {
        "adapter": digest(params.model_dump(mode="json")),
        "base model": identity.sha256,
        "tokens of the data": _tokens_digest(train.examples, held.examples),
        "template": renderer.hash,
        "packing": str(packing),
    }
    general = _general(recipe)
    batches = math.ceil(len(plan) / processes())
    steps = math.ceil(batches / loop.accumulation)
    return Prepared(
        recipe, build, identity, params, resolved_dtype(params.compute_dtype, device), device, tokenizer, renderer,
        examples, general, len(examples["train"]) - own, train, held, plan, packing, checkpointing,
        steps, facts,
    )  # fmt: skip


def needs_validation(recipe: TrainRecipe) -> bool:
    """Tell whether a run cannot do without validation records."""
    return recipe.training.early_stopping is not None


def pack_length(data: DataParams) -> int:
    """Return the tokens of a packed row."""
    return data.pack_length or max(LONGEST_PACK, data.max_length)


def chosen_device() -> str:
    """Return where this process computes: on its own GPU if there is one."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def processes() -> int:
    """Return how many processes share the batches, as a launcher such as `accelerate launch` says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """Tell whether this process writes the files and speaks for all."""
    return os.environ.get("RANK", "0") == "0"


def hidden_size(folder: Path) -> int:
    """Return the width of a model from its config.json; of a multimodal one, that of its language model."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    width = (
        config.get("hidden_size") or config.get("text_config", {}).get("hidden_size") or config.get("n_embd")
    )
    if not width:
        raise RecipeError(
            f"{folder / 'config.json'} names no hidden_size", "name a causal language model of transformers"
        )
    return int(width)


def _switches(recipe: TrainRecipe, params: AdapterParams, device: str) -> tuple[bool, bool]:
    """Return whether rows are packed and activations recomputed; what the recipe asks for must work."""
    quantisation = params.quantisation or "none"
    packing, checkpointing = recipe.data.packing, recipe.training.gradient_checkpointing
    why = refusal(params.method, quantisation, bool(checkpointing), bool(packing))
    if why:
        raise RecipeError(why, "choose another method or setting; docs/training.md shows what works")
    if packing is None:
        packing = not refusal(params.method, quantisation, packing=True)
    if checkpointing is None:
        checkpointing = device != "cpu" and not refusal(params.method, quantisation, checkpointing=True)
    if packing and pack_length(recipe.data) < recipe.data.max_length:
        raise RecipeError(
            f"data.pack_length {recipe.data.pack_length} is shorter than data.max_length {recipe.data.max_length}",
            "leave pack_length out, or make it at least as long",
        )
    return packing, checkpointing


def _with_replay(examples: dict[str, list[Example]], recipe: TrainRecipe) -> list[Example]:
    replay = recipe.data.replay
    if replay is None:
        return examples["train"]
    held_out = {name for split in HELD_OUT for one in examples.get(split, []) for name in (one.id, one.root)}
    general = open_build(Path(replay.build)).examples("train")
    return mix_replay(examples["train"], general, replay.ratio, recipe.seed, held_out)


def _general(recipe: TrainRecipe) -> list[Example]:
    if recipe.evaluation.general is None:
        return []
    build = open_build(Path(recipe.evaluation.general))
    return build.examples("test" if build.count("test") else "validation")


def _weights(train: Encodings, examples: Sequence[Example], data: DataParams) -> list[float]:
    if not data.weights:
        return [1.0] * len(train.examples)
    by_id = {one.id: one.weight for one in examples}
    return [by_id[one.id] for one in train.examples]


def _tokens_digest(*parts: Sequence[Encoded]) -> str:
    import numpy as np

    made = blake2b(digest_size=16)
    for part in parts:
        for one in part:
            made.update(one.id.encode())
            made.update(np.asarray((*one.input_ids, *one.labels), dtype="<i4").tobytes())
    return made.hexdigest()
