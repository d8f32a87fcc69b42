"""All batches of a run, planned up front: packs of examples that do not see each other, or groups of like length.

The plan depends on the seed, ids and lengths alone, so a resumed run takes it up by skipping, and a disturbed one sees
the very batches of an undisturbed one. Packing is exact with SDPA attention, and needs neither flash attention nor a
mask of its own: positions that begin anew, no attention mask and no cache make transformers keep examples apart.
Rejected: cutting one stream of tokens into rows (common elsewhere; it tears examples and lets each see its neighbour),
and a sampler that draws as it goes (its position cannot be restored without replaying it).
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from pipeline.errors import TrainError
from train.data.builds import Example
from train.data.encodings import Encoded
from train.data.render import IGNORED

_GROUP = 50
"""Batches within which examples are sorted by length where none are packed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one batch; each row holds places in the list of encoded examples: several if packed, else one."""

    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every batch of a run in order; `epoch_ends` holds the index of the last batch of each epoch."""

    batches: tuple[Batch, ...]
    epoch_ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)

    def __getitem__(self, place: int) -> Batch:
        return self.batches[place]


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Return packs of places in `lengths`, none longer than `capacity`: best fit, longest first.

    Equal lengths are taken in their order. Best fit decreasing needs at most 11/9 of the fewest packs, and 6/9 of one
    (Johnson 1973 for first fit; Dósa 2007); on short texts, next to none more.

    Args:
        lengths: in tokens, each at least 1.
        capacity: tokens of a pack.

    Raises:
        TrainError: something is longer than a pack.
    """
    longest = max(lengths, default=0)
    if longest > capacity:
        raise TrainError(
            f"an example has {longest} tokens, and a pack holds {capacity}",
            "raise `data.pack_length` to `data.max_length` or more",
        )
    packs: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(capacity + 1)]
    rooms = 0  # bit r is set if a pack has room for exactly r more tokens
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        length = lengths[place]
        fitting = rooms >> length
        if fitting:
            room = length + (fitting & -fitting).bit_length() - 1
            number = with_room[room].pop()
            if not with_room[room]:
                rooms &= ~(1 << room)
            packs[number].append(place)
        else:
            room, number = capacity, len(packs)
            packs.append([place])
        left = room - length
        if left:
            with_room[left].append(number)
            rooms |= 1 << left
    return packs


def plan_batches(
    encoded: Sequence[Encoded],
    weights: Sequence[float],
    epochs: float,
    batch_size: int,
    packing: bool,
    pack_length: int,
    seed: int,
    max_batches: int | None = None,
) -> Plan:
    """Return all batches of a run.

    A weight is the number of times that an epoch is expected to see an example: 1 is once in each, 0.5 once in every
    other one, 2.5 two or three times. The order of the examples does not matter, but among those of equal id. A part
    of an epoch at the end takes that part of its batches.

    Args:
        encoded: the examples.
        weights: one for each of them.
        epochs: passes over them.
        batch_size: rows of a batch.
        packing: whether a row is a pack of examples, or one example beside others of about its length.
        pack_length: tokens of a pack.
        seed: of the run.
        max_batches: where the plan ends, at the latest.

    Raises:
        TrainError: there is nothing to plan, or an example is longer than a pack.
    """
    batches: list[Batch] = []
    ends: list[int] = []
    keys = _keys(encoded, seed)
    for epoch in range(math.ceil(epochs)):
        if max_batches is not None and len(batches) >= max_batches:
            break
        seen = _seen(keys, weights, epoch)
        rows = (
            _packed_rows(encoded, seen, pack_length, seed, epoch)
            if packing
            else _grouped_rows(encoded, seen, batch_size, seed, epoch)
        )
        made = [Batch(tuple(rows[at : at + batch_size])) for at in range(0, len(rows), batch_size)]
        part = min(1.0, epochs - epoch)
        batches += made[: math.ceil(round(part * len(made), 9))]
        if batches and (not ends or ends[-1] != len(batches) - 1):
            ends.append(len(batches) - 1)
    if max_batches is not None and len(batches) > max_batches:
        batches = batches[:max_batches]
        ends = [end for end in ends if end < max_batches - 1] + [max_batches - 1]
    return Plan(tuple(batches), tuple(ends))


def _keys(encoded: Sequence[Encoded], seed: int) -> list[str]:
    """Return what the draws of each example are keyed on: seed, id, and its number among examples of that id."""
    met: dict[str, int] = {}
    keys = []
    for one in encoded:
        met[one.id] = met.get(one.id, 0) + 1
        keys.append(f"{seed}/{one.id}/{met[one.id]}")
    return keys


def _draw(*purpose: object) -> int:
    return int.from_bytes(blake2b("/".join(map(str, purpose)).encode(), digest_size=8).digest(), "big")


def _seen(keys: Sequence[str], weights: Sequence[float], epoch: int) -> list[int]:
    """Return the places seen in an epoch, shuffled, one that is seen twice standing twice."""
    drawn: list[tuple[int, int]] = []
    for place, (key, weight) in enumerate(zip(keys, weights, strict=True)):
        phase = _draw("phase", key) / 2**64 if weight != 1.0 else 0.0
        times = math.floor(weight * (epoch + 1) + phase) - math.floor(weight * epoch + phase)
        drawn += [(_draw("order", epoch, copy, key), place) for copy in range(times)]
    if not any(weight > 0 for weight in weights):
        raise TrainError(
            f"of {len(weights)} encoded examples, none has a weight above 0: there is nothing to train on",
            "look into train_rejects.jsonl for what was left out, or set `data.weights: false`",
        )
    return [place for _, place in sorted(drawn)]


def _packed_rows(
    encoded: Sequence[Encoded], seen: Sequence[int], pack_length: int, seed: int, epoch: int
) -> list[tuple[int, ...]]:
    lengths = [len(encoded[place].input_ids) for place in seen]
    rows = [tuple(seen[place] for place in sorted(one)) for one in pack(lengths, pack_length)]
    random.Random(f"{seed}/rows/{epoch}").shuffle(rows)
    return rows


def _grouped_rows(
    encoded: Sequence[Encoded], seen: Sequence[int], batch_size: int, seed: int, epoch: int
) -> list[tuple[int, ...]]:
    """Return rows of one, sorted by length within groups of batches, the batches shuffled."""
    many = batch_size * _GROUP
    batches: list[list[int]] = []
    for first in range(0, len(seen), many):
        group = sorted(seen[first : first + many], key=lambda place: -len(encoded[place].input_ids))
        batches += [group[at : at + batch_size] for at in range(0, len(group), batch_size)]
    random.Random(f"{seed}/rows/{epoch}").shuffle(batches)
    batches.sort(key=len, reverse=True)  # only the last group has a short one; it goes to the end
    return [(place,) for batch in batches for place in batch]


def collate(encoded: Sequence[Encoded], batch: Batch, pad_id: int, packed: bool) -> dict[str, Any]:
    """Return a batch as tensors, and the ids of its records.

    A packed batch has `position_ids` that begin anew with every example, and with the padding at a row's end, which
    so is an example of its own that nobody sees; and no `attention_mask`: a mask of ones makes transformers overlook
    the positions. A padded batch has an `attention_mask`. The first token of an example is predicted from
    nothing, or from its neighbour, so its label is -100, as those of all padding.

    Args:
        encoded: the examples.
        batch: which of them, in which rows.
        pad_id: the pad token.
        packed: whether rows hold several examples.

    Returns:
        `input_ids` and `labels`, int64 [rows, longest row]; `position_ids`, the same, or `attention_mask`, the same;
        `record_ids`, list of str. Labels are not shifted.
    """
    import torch

    rows = [[encoded[place] for place in row] for row in batch.rows]
    width = max(sum(len(one.input_ids) for one in row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED, dtype=torch.long)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for number, row in enumerate(rows):
        at = 0
        for one in row:
            end = at + len(one.input_ids)
            ids[number, at:end] = torch.tensor(one.input_ids)
            labels[number, at:end] = torch.tensor(one.labels)
            labels[number, at] = IGNORED
            positions[number, at:end] = torch.arange(end - at)
            at = end
        mask[number, :at] = 1
        positions[number, at:] = torch.arange(width - at)
    told: dict[str, Any] = {"input_ids": ids, "labels": labels}
    told["position_ids" if packed else "attention_mask"] = positions if packed else mask
    told["record_ids"] = [one.id for row in rows for one in row]
    return told


def mix_replay(
    examples: Sequence[Example],
    general: Sequence[Example],
    ratio: float,
    seed: int,
    held_out: Collection[str] = (),
) -> list[Example]:
    """Return the examples and, after them, records of a general set, each with the weight 1.

    They are drawn without replacement; only when the general set has been used up it begins anew. What is in the
    build already is not replayed, nor what it holds out.

    Args:
        examples: the build's.
        general: the general set's.
        ratio: replayed records for each record of the build.
        seed: of the run.
        held_out: ids and roots of the build's validation and test records.

    Raises:
        TrainError: nothing is left to replay.
    """
    own = {name for one in examples for name in (one.id, one.root)} | set(held_out)
    free = [one for one in general if one.id not in own and one.root not in own]
    wanted = round(ratio * len(examples))
    if wanted and not free:
        raise TrainError(
            f"of {len(general)} records to replay, every one is in the build itself",
            "name another build under `data.replay.build`",
        )
    order = sorted(free, key=lambda one: (_draw("replay", seed, one.id), one.id))
    drawn = [order[place % len(order)] for place in range(wanted)]
    return [*examples, *(replace(one, weight=1.0) for one in drawn)]
