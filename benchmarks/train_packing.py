"""Measures packing beside padded batches of the same tokenised examples: real tokens a second, and equal loss.

    python benchmarks/train_packing.py --data ../shared/data

Contestants, on Alpaca records rendered and cut as `python -m train` does, with a 4-layer Qwen2 of random weights that
is made on the spot and trained on this CPU (forward, backward, AdamW):
  packed           packs of `--pack-length` tokens (best fit), `--rows` of them a batch
  padded, random   examples in random order, padded to the longest of their batch, as plain transformers does
  padded, grouped  batches of examples of like length, as `python -m train` does where a method refuses packing
Padded batches hold as many tokens as a packed one, padding and all ("same token budget"), or have as many rows ("same
rows"): that is what people get who leave the batch size as it was and switch packing on. The contestants take turns on
the same examples, one batch after another, so that whatever else the machine does falls on all of them; CPU seconds
of the process are counted, not the clock. Padding is not counted as tokens.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from train.data.builds import Example
from train.data.encodings import Encoded, encode_examples
from train.data.packing import Batch, collate, plan_batches
from train.data.pad import ensure_pad
from train.data.render import IGNORED, make_renderer
from train.tiny import make_tiny


@dataclass
class Contestant:
    """One way of batching: its batches, and what they cost."""

    name: str
    batches: list[Batch]
    packed: bool
    seconds: list[float] = field(default_factory=list)
    real: int = 0
    width: int = 0
    loss: float = 0.0
    labels: int = 0


def read_alpaca(data: Path, count: int, seed: int) -> list[Example]:
    """Return a random sample of Stanford Alpaca as examples."""
    with gzip.open(data / "alpaca_orig" / "alpaca_data.json.gz", "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    drawn = random.Random(seed).sample(range(len(rows)), count)
    return [
        Example(
            str(place),
            str(place),
            "",
            (),
            rows[place]["instruction"],
            rows[place]["input"],
            rows[place]["output"],
            "en",
        )
        for place in drawn
    ]


def by_budget(rows: Sequence[int], encoded: Sequence[Encoded], budget: int) -> list[Batch]:
    """Cut rows of one example into batches that hold at most `budget` tokens, padding and all."""
    batches: list[Batch] = []
    some: list[int] = []
    for row in rows:
        longest = max(len(encoded[place].input_ids) for place in (*some, row))
        if some and longest * (len(some) + 1) > budget:
            batches.append(Batch(tuple((place,) for place in some)))
            some = []
        some.append(row)
    return [*batches, Batch(tuple((place,) for place in some))]


def contestants(encoded: list[Encoded], rows: int, pack_length: int, seed: int) -> list[Contestant]:
    """Return all ways of batching the same examples."""
    ones = [1.0] * len(encoded)
    packed = plan_batches(encoded, ones, 1, rows, True, pack_length, seed)
    shuffled = list(range(len(encoded)))
    random.Random(seed).shuffle(shuffled)
    by_length = sorted(shuffled, key=lambda place: len(encoded[place].input_ids))
    few = [
        Batch(tuple((place,) for place in shuffled[at : at + rows])) for at in range(0, len(shuffled), rows)
    ]
    grouped_few = plan_batches(encoded, ones, 1, rows, False, pack_length, seed)
    grouped = by_budget(by_length, encoded, rows * pack_length)
    random.Random(seed).shuffle(grouped)
    return [
        Contestant("packed", list(packed), True),
        Contestant(
            "padded, random, same token budget", by_budget(shuffled, encoded, rows * pack_length), False
        ),
        Contestant("padded, grouped, same token budget", grouped, False),
        Contestant("padded, random, same rows", few, False),
        Contestant("padded, grouped, same rows", list(grouped_few), False),
    ]


def summed_loss(model: Any, inputs: dict[str, Any], labels: Any) -> Any:
    import torch

    logits = model(**inputs, use_cache=False).logits[:, :-1].flatten(0, 1).float()
    return torch.nn.functional.cross_entropy(
        logits, labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
    )


def step(model: Any, optimizer: Any, encoded: list[Encoded], batch: Batch, one: Contestant, pad: int) -> None:
    """Train on one batch, and count what it took."""
    began = time.process_time()
    told = collate(encoded, batch, pad, one.packed)
    told.pop("record_ids")
    labels = told.pop("labels")
    count = int((labels[:, 1:] != IGNORED).sum())
    (summed_loss(model, told, labels) / count).backward()
    optimizer.step()
    optimizer.zero_grad()
    one.seconds.append(time.process_time() - began)
    one.real += sum(len(encoded[place].input_ids) for row in batch.rows for place in row)
    one.width += told["input_ids"].numel()


def race(make: Any, encoded: list[Encoded], entered: list[Contestant], pad: int) -> None:
    """Let every contestant train on all examples once, taking turns by the examples they have seen."""
    import torch

    models = {one.name: make() for one in entered}
    optimizers = {name: torch.optim.AdamW(model.parameters(), lr=1e-4) for name, model in models.items()}
    for one in entered:  # the first step pays for what torch sets up; it counts for nobody
        step(models[one.name], optimizers[one.name], encoded, one.batches[0], one, pad)
        one.seconds, one.real, one.width = [], 0, 0
    waiting = {one.name: list(one.batches) for one in entered}
    while any(waiting.values()):
        one = min((one for one in entered if waiting[one.name]), key=lambda one: one.real)
        batch = waiting[one.name].pop(0)
        step(models[one.name], optimizers[one.name], encoded, batch, one, pad)


def compare_losses(model: Any, encoded: list[Encoded], entered: list[Contestant], pad: int) -> None:
    """Sum the loss of the same untrained model over all examples, batched by each contestant."""
    import torch

    model.eval()
    for one in entered:
        with torch.no_grad():
            for batch in one.batches:
                told = collate(encoded, batch, pad, one.packed)
                told.pop("record_ids")
                labels = told.pop("labels")
                one.loss += float(summed_loss(model, told, labels).double())
                one.labels += int((labels[:, 1:] != IGNORED).sum())


def print_table(entered: list[Contestant]) -> None:
    """Print what each took, and the ratio of packing to it."""
    first = entered[0]
    speed = first.real / sum(first.seconds)
    print(
        f"\n{'':36}{'batches':>8}{'padding':>9}{'tokens/CPU s':>14}{'packed is':>11}{'loss/token':>13}{'differs':>10}"
    )
    for one in entered:
        own = one.real / sum(one.seconds)
        loss = one.loss / one.labels
        away = abs(loss - first.loss / first.labels)
        print(
            f"{one.name:36}{len(one.batches):8}{1 - one.real / one.width:9.1%}{own:14.0f}{speed / own:10.2f}x"
            f"{loss:13.6f}{away:10.1e}"
        )
        if (one.real, one.labels) != (first.real, first.labels):
            raise SystemExit(f"{one.name} saw {one.real} tokens and {one.labels} labels: not the same work")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds alpaca_orig/")
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--pack-length", type=int, default=512)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(args.threads)
    examples = read_alpaca(args.data, args.examples, args.seed)
    with tempfile.TemporaryDirectory() as kept:
        folder = make_tiny(
            Path(kept), [one.output for one in examples], "qwen2", args.hidden, args.layers, 8192
        )
        tokenizer = AutoTokenizer.from_pretrained(folder)
        pad = ensure_pad(tokenizer)
        renderer = make_renderer(tokenizer, "chat", "")
        told = encode_examples(examples, renderer, args.max_length, "cut")

        def make() -> Any:
            return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="sdpa").train()

        lengths = sorted(len(one.input_ids) for one in told.examples)
        versions = f"torch {version('torch')}, transformers {version('transformers')}"
        print(f"{platform.machine()}, {args.threads} thread(s), {versions}")
        lost = f"{len(told.rejects)} rejected, {told.cut} cut at {args.max_length}"
        mean = sum(lengths) / len(lengths)
        print(f"{len(lengths)} Alpaca records ({lost})")
        print(f"tokens: median {lengths[len(lengths) // 2]}, mean {mean:.0f}, longest {lengths[-1]}")
        print(
            f"packs of {args.pack_length}, {args.rows} rows a batch; model: {args.layers} layers of {args.hidden}"
        )
        entered = contestants(told.examples, args.rows, args.pack_length, args.seed)
        compare_losses(make(), told.examples, entered, pad.id)
        race(make, told.examples, entered, pad.id)
        print_table(entered)


if __name__ == "__main__":
    main()
