"""What a model makes of the responses that it did not see: nats by record, and the tokens they were spread over.

Sums and counts, not means, so that the loss of a split, of a category and of a bootstrap's draw are all the same
division. Only rows of logits that predict a label become fp32; how many exist at a time depends on the vocabulary.
Rejected: transformers' own `loss`, a mean over a batch, from which no record's part can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from train.evaluation.bootstrap import Floats, Metric, ratio
from train.evaluation.generate import batches, evaluating

IGNORED = -100
LOGITS = {"cpu": 1 << 27, "cuda": 1 << 30}
"""Logits of a batch, by device: 128 Mi of fp32 are 512 MiB."""


def loss_metric() -> Metric:
    """Return the mean loss of a label token."""
    return Metric("loss", ratio(), better="lower", unit="nats/token", signature="loss|response tokens only")


def perplexity_metric() -> Metric:
    """Return the exponential of the mean loss."""
    return Metric(
        "perplexity",
        lambda sums: np.exp(ratio()(sums)),
        better="lower",
        signature="exp(loss)|response tokens only",
    )


def token_losses(model: Any, rows: Sequence[tuple[Sequence[int], Sequence[int]]], pad_id: int) -> Floats:
    """Return float64 [n, 2]: nats that the labels of each row cost, and how many labels it has.

    Args:
        model: of transformers or peft; it is left in the mode in which it came.
        rows: input ids and labels of each record, equally long; a label of -100 is not counted.
        pad_id: of the padding, which is masked.
    """
    found = np.zeros((len(rows), 2))
    kind = "cuda" if model.device.type == "cuda" else "cpu"
    budget = max(1, LOGITS[kind] // int(model.config.vocab_size))
    with evaluating(model):
        for listed in batches([len(ids) for ids, _ in rows], budget):
            found[listed] = _batch(model, [rows[row] for row in listed], pad_id)
    return found


def _batch(model: Any, rows: Sequence[tuple[Sequence[int], Sequence[int]]], pad_id: int) -> Floats:
    import torch

    width = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.int64)
    mask = torch.zeros((len(rows), width), dtype=torch.int64)
    for row, (tokens, _) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(list(tokens))
        mask[row, : len(tokens)] = 1
    logits = model(
        input_ids=ids.to(model.device), attention_mask=mask.to(model.device), use_cache=False
    ).logits[:, -width:]  # what prompt learning puts before a text has logits of its own
    found = np.zeros((len(rows), 2))
    for row, (_, labels) in enumerate(rows):
        at = [place for place, label in enumerate(labels) if label != IGNORED and place]
        wanted = torch.tensor([labels[place] for place in at], dtype=torch.int64, device=logits.device)
        before = logits[row, torch.tensor(at, dtype=torch.int64, device=logits.device) - 1].float()
        costs = torch.nn.functional.cross_entropy(before, wanted, reduction="none")
        found[row] = [float(costs.double().sum()), len(at)]
    return found
