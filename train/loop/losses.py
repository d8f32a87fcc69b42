"""Cross entropy of the next token with logits that never exist whole.

Logits of 16,000 tokens over 150,000 words are 9 GiB in fp32, the largest thing in a training step. Here the output
layer itself is made to return the loss: while the model runs, its last layer takes the hidden states of the tokens
that have labels, a chunk at a time, and gives back the sum of their losses; backward makes each chunk's logits again.
So prompts cost no logits at all, and wrappers (peft's, accelerate's autocast, DDP) see one ordinary forward. Rejected:
calling decoder and output layer separately (prompt learning, hooks and wrappers live in between), Liger's kernels
(CUDA only). A model that does more to its logits than its output layer does is told by a trial and named.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.errors import TrainError
from train.data.render import IGNORED

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

# What a batch holds beside the model's own inputs.
EXTRAS = ("labels", "record_ids", "label_at", "targets")


def with_targets(batch: Mapping[str, Any]) -> dict[str, Any]:
    """The batch with the flat places of its labels, found on the CPU so that no GPU need be waited for.

    Args:
        batch: `labels` int64 [rows, length], -100 where there is none; anything else stays.

    Returns:
        the batch with `label_at`, int64 [labels], the places in rows x length whose next token is a label, and
        `targets`, int64 [labels], those tokens.
    """
    labels = batch["labels"]
    rows, length = labels.shape
    shifted = labels.new_full((rows, length), IGNORED)
    shifted[:, :-1] = labels[:, 1:]
    flat = shifted.reshape(-1)
    at = (flat != IGNORED).nonzero().squeeze(1)
    return {**batch, "label_at": at, "targets": flat[at]}


def summed_loss(
    model: torch.nn.Module, head: torch.nn.Module | None, batch: Mapping[str, Any], chunk: int
) -> torch.Tensor:
    """Negative log-likelihood of the batch's labels, summed, in nats.

    Args:
        model: a causal language model, wrapped or not.
        head: its output layer, whose output is the logits; None where logits are more than that: they are then
            computed whole.
        batch: what `with_targets` gave.
        chunk: tokens whose logits exist at a time.

    Returns:
        fp32 scalar, with a gradient wherever the model's parameters have one.
    """
    inputs = {name: value for name, value in batch.items() if name not in EXTRAS}
    length = batch["input_ids"].shape[1]
    at, targets = batch["label_at"], batch["targets"]
    if head is None:
        logits = model(**inputs).logits[:, -length:]
        return _sum(logits.reshape(-1, logits.shape[-1])[at], targets)
    project: Any = head.forward

    def loss_of(hidden: torch.Tensor) -> torch.Tensor:
        # Prompt learning puts virtual tokens in front of a row: the row is what stands last.
        states = hidden[:, -length:].reshape(-1, hidden.shape[-1])[at]
        return chunked_loss(project, states, targets, chunk)

    with _replaced(head, loss_of):
        loss: torch.Tensor = model(**inputs).logits
    return loss


def chunked_loss(
    project: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor, targets: torch.Tensor, chunk: int
) -> torch.Tensor:
    """Sum of the cross entropies of `project(states)` against `targets`, `chunk` tokens at a time.

    Args:
        project: the output layer, [n, hidden] -> [n, vocabulary].
        states: hidden states [n, hidden].
        targets: int64 [n].
        chunk: tokens at a time.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    def piece(some: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return _sum(project(some), wanted)

    total = states.new_zeros((), dtype=torch.float32)
    for some, wanted in zip(torch.split(states, chunk), torch.split(targets, chunk), strict=True):
        if torch.is_grad_enabled():
            total = total + checkpoint(piece, some, wanted, use_reentrant=False)
        else:
            total = total + piece(some, wanted)
    return total


def _sum(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), targets, reduction="sum")


@contextmanager
def _replaced(head: torch.nn.Module, forward: Callable[..., torch.Tensor]) -> Iterator[None]:
    """Let the output layer do something else while the model runs; a forward of its own (a hook's) comes back."""
    own = head.__dict__.get("forward")
    head.__dict__["forward"] = forward
    try:
        yield
    finally:
        if own is None:
            del head.__dict__["forward"]
        else:
            head.__dict__["forward"] = own


def find_head(model: torch.nn.Module, batch: Mapping[str, Any]) -> torch.nn.Module | None:
    """The output layer whose output is the model's logits, tried on the first tokens of a batch.

    Args:
        model: the model before any wrapping for distribution.
        batch: what `with_targets` gave; at most 16 tokens of its first row are looked at.

    Returns:
        the layer; None, with a warning that names the model, if its logits are more than that layer's output (capped,
        scaled or masked), so that the loss must compute them whole.

    Raises:
        TrainError: the model gives no logits at all.
    """
    import torch

    run: Any = model
    causal: Any = run.get_base_model() if hasattr(run, "get_base_model") else run
    head: Any = causal.get_output_embeddings() if hasattr(causal, "get_output_embeddings") else None
    name = type(causal).__name__
    if head is None:
        logger.warning("%s names no output layer: its logits are computed whole, which takes memory", name)
        return None
    seen: list[torch.Tensor] = []
    hook = head.register_forward_hook(lambda module, args, output: seen.append(output))
    was = model.training
    try:
        with torch.no_grad(), torch.random.fork_rng():
            model.eval()
            row = batch["input_ids"][:1, :16].to(next(causal.parameters()).device)
            logits = run(input_ids=row).logits
    finally:
        hook.remove()
        model.train(was)
    if not isinstance(logits, torch.Tensor):
        raise TrainError(f"{name} gives no logits", "name a causal language model")
    if len(seen) == 1 and seen[0].shape == logits.shape and torch.equal(seen[0].float(), logits.float()):
        return head  # type: ignore[no-any-return]
    logger.warning(
        "the logits of %s are more than its output layer's (capped, scaled or masked): they are computed whole, "
        "which takes memory",
        name,
    )
    return None
