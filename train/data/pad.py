"""A pad token that is not the end token.

With pad = EOS, code that masks labels by the pad token's id masks EOS as well, and the tuned model never stops. This
room masks by length, but its adapters are loaded by code that does not, so the token is made distinct before anything
is rendered. Nothing is resized while the vocabulary has a token to spare: an added row alters the base model's shape,
which a 4-bit base, a merged model and a serving engine would all have to follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import TrainError

PAD = "<|pad|>"
_SPARE = (r"pad(?:ding)?[|>\]_]|[|<\[_]pad", r"reserved", r"unused", r"placeholder", r"dummy|extra_id")
_MULTIMODAL = re.compile(r"image|video|audio|vision")


@dataclass(frozen=True, slots=True)
class PadToken:
    """The pad token of a run.

    `how`: `own` (the tokenizer's), `reserved` (a token of the vocabulary that nothing uses), `unused_row` (a new token
    on an embedding row that no token had), `unknown` (the unknown token) or `resized` (a row was added).
    """

    id: int
    token: str
    how: Literal["own", "reserved", "unused_row", "unknown", "resized"]


def ensure_pad(tokenizer: Any, model: Any = None) -> PadToken:
    """Give a tokenizer a pad token that is neither an end nor a begin token, and return it.

    In this order: its own, a reserved token, a new one on an embedding row without a token, the unknown token, and,
    with a model, a new row (the mean of the others). The model's configuration is told. To be called before
    `make_renderer`, which takes the pad token for a control token.

    Args:
        tokenizer: changed in place.
        model: the model, or None if only texts are encoded; then rows without a token are not known.

    Raises:
        TrainError: nothing is spare, and there is no model to give a row to.
    """
    ends = _ends(tokenizer, model)
    rows = int(model.get_input_embeddings().weight.shape[0]) if model is not None else len(tokenizer)
    pad = _chosen(tokenizer, ends, rows, model)
    if model is not None:
        model.config.pad_token_id = pad.id
        if getattr(model, "generation_config", None) is not None:
            model.generation_config.pad_token_id = pad.id
    return pad


def _chosen(tokenizer: Any, ends: set[int], rows: int, model: Any) -> PadToken:
    own = tokenizer.pad_token_id
    if own is not None and own not in ends and own < rows:
        return PadToken(own, tokenizer.pad_token, "own")
    reserved = _reserved(tokenizer, ends, rows)
    if reserved is not None:
        tokenizer.pad_token = reserved
        return PadToken(tokenizer.pad_token_id, reserved, "reserved")
    if rows > len(tokenizer):
        return PadToken(*_added(tokenizer), "unused_row")
    if tokenizer.unk_token_id is not None and tokenizer.unk_token_id not in ends:
        tokenizer.pad_token = tokenizer.unk_token
        return PadToken(tokenizer.pad_token_id, tokenizer.unk_token, "unknown")
    if model is None:
        raise TrainError(
            "the tokenizer has no pad token apart from its end token, and no token to spare",
            "give ensure_pad the model as well, so that a row can be added",
        )
    added = _added(tokenizer)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        if layer is not None:
            layer.weight.data[-1] = layer.weight.data[:-1].mean(dim=0)
    return PadToken(*added, "resized")


def _added(tokenizer: Any) -> tuple[int, str]:
    """Add a pad token under a name that the vocabulary does not have; return id and name."""
    vocabulary, name = tokenizer.get_vocab(), PAD
    while name in vocabulary:
        name = f"<{name}>"
    tokenizer.add_special_tokens({"pad_token": name})
    return tokenizer.pad_token_id, name


def _ends(tokenizer: Any, model: Any) -> set[int]:
    found: set[int] = {each for each in (tokenizer.eos_token_id, tokenizer.bos_token_id) if each is not None}
    configs = (getattr(model, "config", None), getattr(model, "generation_config", None))
    for each in (getattr(config, "eos_token_id", None) for config in configs):
        found |= set(each) if isinstance(each, list) else {each} if each is not None else set()
    return found


def _reserved(tokenizer: Any, ends: set[int], rows: int) -> str | None:
    """Return the first special token by the names of `_SPARE`, in that order, then by id."""
    added = sorted(tokenizer.added_tokens_decoder.items())
    used = str(tokenizer.chat_template or "")
    free = [
        token.content
        for id_, token in added
        if id_ < rows and id_ not in ends and token.special and token.content not in used
    ]
    for name in _SPARE:
        for content in free:
            if re.search(name, content.lower()) and not _MULTIMODAL.search(content.lower()):
                return str(content)
    return None
