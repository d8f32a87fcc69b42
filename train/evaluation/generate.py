"""Greedy answers of a model to prompts, many at a time, each the same as alone.

A prompt is given as tokens, those that training saw before a response (the renderer's `prompt_ids`), so that a model is
asked in the very form that it learnt. Rows are padded on the left and masked; an answer ends at a token that ends a
turn, and whether it did by itself is told. None of the model's own generation settings apply (a repetition penalty
that nobody asked for would be compared with one). Under prompt learning, peft leaves positions to the model, and
padding would shift them: there only prompts of equal length run together. Rejected: sampling, whose luck would have to
be told apart from training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.errors import TrainError

BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}
"""Tokens of a batch, prompts and answers with their padding, by device."""
MOST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote.

    Attributes:
        text: without tokens that end or pad, and without white space around it.
        tokens: written, the ending one included.
        ended: by itself; else it was cut at the most tokens allowed.
    """

    text: str
    tokens: int
    ended: bool


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], ends: Sequence[int], max_new_tokens: int
) -> list[Answer]:
    """Return the greedy answer to each prompt, in order.

    Args:
        model: of transformers or peft; it is left in the mode, train or eval, in which it came.
        tokenizer: turns tokens back into text.
        prompts: tokens of each, none empty.
        ends: tokens at which an answer ends.
        max_new_tokens: of an answer.

    Raises:
        TrainError: a prompt is empty or leaves no room for an answer, or no token ends an answer.
    """
    room = longest(model) - max_new_tokens
    if not ends:
        raise TrainError("no token is known to end an answer", "name `eos_token` in tokenizer_config.json")
    for number, prompt in enumerate(prompts):
        if not 0 < len(prompt) <= room:
            raise TrainError(
                f"prompt {number} has {len(prompt)} tokens; with an answer of {max_new_tokens}, 1 to {room} fit",
                "lower evaluation.max_new_tokens, or leave the record out",
            )
    answers: dict[int, Answer] = {}
    with evaluating(model):
        budget = BATCH_TOKENS["cuda" if model.device.type == "cuda" else "cpu"]
        lengths = [len(prompt) + max_new_tokens for prompt in prompts]
        for rows in batches(lengths, budget, equal=virtual_tokens(model) > 0):
            written = _write(model, [prompts[row] for row in rows], ends, max_new_tokens)
            for row, tokens in zip(rows, written, strict=True):
                answers[row] = _read(tokenizer, tokens, frozenset(ends))
    return [answers[number] for number in range(len(prompts))]


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Hold a model in eval mode, without gradients, and give it back in the mode in which it came."""
    import torch

    training = bool(model.training)
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def ending_tokens(model: Any, tokenizer: Any) -> tuple[int, ...]:
    """Return the tokens that end a text, as the model's settings and its tokenizer name them."""
    settings = getattr(model, "generation_config", None)
    named = [getattr(settings, "eos_token_id", None), tokenizer.eos_token_id]
    flat = [token for each in named for token in (each if isinstance(each, list) else [each])]
    return tuple(sorted({int(token) for token in flat if token is not None}))


def virtual_tokens(model: Any) -> int:
    """Return how many virtual tokens a peft model with prompt learning puts before each text; 0 for any other."""
    if getattr(model, "_adapters_disabled", False):
        return 0
    config = getattr(model, "active_peft_config", None)
    return int(config.num_virtual_tokens) if config is not None and config.is_prompt_learning else 0


def longest(model: Any) -> int:
    """Return how many tokens fit into a model beside its virtual ones."""
    most = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    return most - virtual_tokens(model)


def batches(lengths: Sequence[int], budget: int, equal: bool = False) -> Iterator[list[int]]:
    """Yield rows that run together: the longest first, so that memory runs out at once or never.

    Args:
        lengths: tokens of each row.
        budget: tokens of a batch with its padding; a longer row runs alone.
        equal: whether only rows of one length may run together.
    """
    waiting: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        widest = lengths[waiting[0]] if waiting else lengths[row]
        full = len(waiting) >= MOST_ROWS or (len(waiting) + 1) * widest > budget
        if waiting and (full or (equal and lengths[row] != widest)):
            yield waiting
            waiting = []
        waiting.append(row)
    if waiting:
        yield waiting


def _write(
    model: Any, prompts: Sequence[Sequence[int]], ends: Sequence[int], max_new_tokens: int
) -> list[list[int]]:
    """Return the tokens written after each prompt of one batch, with what fills them up."""
    import torch
    from transformers import GenerationConfig

    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), ends[0], dtype=torch.int64)
    mask = torch.zeros((len(prompts), width), dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(list(prompt))
        mask[row, width - len(prompt) :] = 1
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=max_new_tokens, do_sample=False, num_beams=1, use_cache=True,
        eos_token_id=list(ends), pad_token_id=ends[0],
    )  # fmt: skip
    with only_these(model, settings):
        written = model.generate(
            input_ids=ids.to(model.device), attention_mask=mask.to(model.device), generation_config=settings
        )
    return [[int(token) for token in row] for row in written[:, width:].tolist()]


@contextmanager
def only_these(model: Any, settings: Any) -> Iterator[None]:
    """Put settings in the place of the model's own, from which `generate` fills in whatever it is not given."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    own = [
        (each, each.__dict__.get("generation_config"))
        for each in {id(each): each for each in (model, inner)}.values()
    ]
    for each, _ in own:
        each.generation_config = settings
    try:
        yield
    finally:
        for each, before in own:
            if before is None:
                del each.generation_config
            else:
                each.generation_config = before


def _read(tokenizer: Any, tokens: Sequence[int], ends: frozenset[int]) -> Answer:
    stop = next((at for at, token in enumerate(tokens) if token in ends), None)
    text = tokenizer.decode(list(tokens[:stop]), skip_special_tokens=True).strip()
    return Answer(text, len(tokens) if stop is None else stop + 1, stop is not None)
