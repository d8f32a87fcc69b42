"""What is looked at of a prompt and its response, and which of them a fit learns from.

A fit learns from at most `MOST_LEARNT` records, those of smallest hash, and knows the vectors of at most
`MOST_EMBEDDED`: so its cost is bounded, it depends on no order of shards, and every shard can choose by itself. The
fold of a record is a hash of its cluster of duplicates: what is learnt from one fold never judges it. Rejected:
counting the whole corpus (the tables grow with it and the scores hardly move) and a fold by id (a duplicate would
vouch for its twin).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

FOLDS = 4
MOST_LEARNT = 20_000
MOST_EMBEDDED = 3_000
MOST_CHARACTERS = 2_000
"""Characters of a text that are looked at: of a request and a response the first, of the context the last."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt and its response as relevance sees them.

    Attributes:
        request: what is asked last: the instruction, and below it the input.
        context: what was said before it (system message and earlier turns), or "".
        response: the answer.
        fold: 0 to FOLDS - 1, from `fold_of`.
    """

    request: str
    context: str
    response: str
    fold: int


@dataclass(frozen=True, slots=True)
class Vectors:
    """Unit vectors of exchanges, float32 [n, d] each, and which of them an embedder could judge.

    Attributes:
        request, whole, response: of the request, of the request after its context, and of the response.
        known: bool [n]; where false, the rows are zeros.
    """

    request: NDArray[np.float32]
    whole: NDArray[np.float32]
    response: NDArray[np.float32]
    known: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> Vectors:
        """Return the vectors of some rows."""
        return Vectors(self.request[rows], self.whole[rows], self.response[rows], self.known[rows])


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def fold_of(cluster: str, request: str) -> int:
    """Return the fold of a record: by its cluster, or by its request where no cluster is known."""
    return _number(cluster or " ".join(request.casefold().split())) % FOLDS


def exchange(request: str, context: str, response: str, cluster: str = "") -> Exchange:
    """Return what relevance looks at of a record."""
    asked = request.strip()[:MOST_CHARACTERS]
    return Exchange(
        asked,
        context.strip()[-MOST_CHARACTERS:],
        response.strip()[:MOST_CHARACTERS],
        fold_of(cluster, asked),
    )


def order_of(exchanges: Sequence[Exchange]) -> list[tuple[int, int]]:
    """Return (hash, row) of the exchanges that have a request and a response, lowest hash first."""
    found = [
        (_number("\x1f".join((one.request, one.context, one.response))), row)
        for row, one in enumerate(exchanges)
        if one.request and one.response
    ]
    return sorted(found)


def summarise(
    exchanges: Sequence[Exchange],
    chosen: Sequence[tuple[int, int]],
    rows: NDArray[np.int64],
    vectors: Vectors,
) -> pa.Table:
    """Return what a shard teaches: its records of smallest hash, with the vectors of the first of them.

    Args:
        exchanges: of the shard.
        chosen: from `order_of`; at most `MOST_LEARNT` are kept.
        rows: rows of `exchanges` that `vectors` belong to, in its order.
        vectors: of those rows; of others there are none.
    """
    listed = list(chosen)[:MOST_LEARNT]
    place = {int(row): n for n, row in enumerate(rows.tolist()) if vectors.known[n]}
    held: dict[str, list[object]] = {name: [] for name in SUMMARY.names}
    for number, row in listed:
        one = exchanges[row]
        at = place.get(row)
        held["hash"].append(number)
        for name in ("request", "context", "response", "fold"):
            held[name].append(getattr(one, name))
        for name in ("request", "whole", "response"):
            held[f"{name}_vector"].append(None if at is None else getattr(vectors, name)[at])
        held["looked"].append(row in set_of(rows))
    return pa.table({name: pa.array(held[name], SUMMARY.field(name).type) for name in SUMMARY.names})


def set_of(rows: NDArray[np.int64]) -> frozenset[int]:
    """Return row numbers as a set."""
    return frozenset(rows.tolist())


SUMMARY = pa.schema(
    [
        pa.field("hash", pa.uint64()),
        pa.field("request", pa.string()),
        pa.field("context", pa.string()),
        pa.field("response", pa.string()),
        pa.field("fold", pa.int8()),
        pa.field("looked", pa.bool_()),
        pa.field("request_vector", pa.list_(pa.float32())),
        pa.field("whole_vector", pa.list_(pa.float32())),
        pa.field("response_vector", pa.list_(pa.float32())),
    ]
)
"""What a shard teaches. `looked`: the embedder was asked, so that a null vector means a text it cannot judge."""
