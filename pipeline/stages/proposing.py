"""What proposes pairs of texts that may be duplicates: MinHash bands, and the cosine of vectors.

Shared by the stages that look for duplicates; what they make of a proposed pair is their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.models import Embedder
from pipeline.stages.protocol import Tile
from quality import minhash

_STRIP_ROWS = 256
"""Rows of a matrix product that is searched while it is still in the cache."""

_PAIRS_AT_ONCE = 16_384
"""Pairs whose vectors are held in double precision at once."""


def bands_table(texts: Sequence[str]) -> pa.Table:
    """Return `bands` (null for a text without shingles) and `shingles` of each text."""
    shingles = minhash.shingles(texts)
    keys = minhash.band_keys(minhash.signatures(shingles), minhash.BANDS, minhash.ROWS)
    return pa.table({
        "bands": rows_column(keys, minhash.present(shingles)),
        "shingles": pa.LargeListArray.from_arrays(shingles.offsets, shingles.values),
    })  # fmt: skip


def judgeable(texts: Sequence[str], embedder: Embedder) -> NDArray[np.bool_]:
    """Return bool [n]: texts that are not blank, in a script that the embedder covers, and short enough for it."""
    wanted = np.array([bool(text.strip()) for text in texts], bool) & embedder.covers(texts)
    wanted[wanted] = ~embedder.truncated(chosen(texts, wanted))  # it would judge the beginning only
    return wanted


def vectors_table(vectors: NDArray[np.float32], wanted: NDArray[np.bool_]) -> pa.Table:
    """Return `vector`: the rows of `vectors` at the texts that are wanted, null at the others."""
    spread = np.zeros((len(wanted), vectors.shape[1]), np.float32)
    spread[wanted] = vectors
    return pa.table({"vector": rows_column(spread, wanted)})


def close_pairs(vectors: NDArray[np.float32], tile: Tile, floor: float) -> pa.Table:
    """Propose the pairs of one tile whose cosine reaches the floor.

    The matrix product only proposes: its last bits depend on the tile. The score is the cosine in double precision, a
    function of the two vectors alone.
    """
    right = np.ascontiguousarray(vectors[tile.right_start : tile.right_stop].T)
    found = []
    for start in range(tile.left_start, tile.left_stop, _STRIP_ROWS):
        stop = min(start + _STRIP_ROWS, tile.left_stop)
        hits = np.flatnonzero(vectors[start:stop] @ right >= floor - 1e-4)
        places = np.stack(np.divmod(hits, right.shape[1]))
        found.append(np.add(places, [[start], [tile.right_start]]))
    rows, columns = np.concatenate(found, axis=1)
    wanted = rows < columns
    rows, columns = rows[wanted], columns[wanted]
    score = np.empty(len(rows), np.float64)
    for at in range(0, len(rows), _PAIRS_AT_ONCE):
        some = slice(at, at + _PAIRS_AT_ONCE)
        products = vectors[rows[some]].astype(np.float64) * vectors[columns[some]].astype(np.float64)
        score[some] = np.minimum(products.sum(axis=1), 1.0)
    near = score >= floor
    return pa.table({"left": rows[near], "right": columns[near], "score": score[near]})


def joined_pairs(texts: pa.Table, cap: int, floor: float) -> tuple[pa.Table, int]:
    """Propose the pairs of a `bands_table` that share a band key and whose true Jaccard reaches the floor."""
    bands = texts.column("bands").combine_chunks()
    keys = bands.flatten().to_numpy().reshape(len(bands), -1)
    held = texts.column("shingles").combine_chunks()
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(held).to_numpy())])
    shingles = minhash.Shingles(held.flatten().to_numpy(), offsets.astype(np.int64))
    pairs, crowded = minhash.candidate_pairs(keys, np.ones(len(keys), bool), cap)
    score = minhash.jaccard(shingles, pairs[:, 0], pairs[:, 1])
    near = score >= floor
    links = {"left": pairs[near, 0], "right": pairs[near, 1], "score": score[near]}
    return pa.table(links), crowded


def chosen(texts: Sequence[str], wanted: NDArray[np.bool_]) -> list[str]:
    """Return the texts that are wanted."""
    return [text for text, ok in zip(texts, wanted, strict=True) if ok]


def rows_column(rows: NDArray[np.float32] | NDArray[np.uint64], valid: NDArray[np.bool_]) -> pa.Array:
    """Return a column of fixed-size lists, null where a row is not valid."""
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1], mask=pa.array(~valid))
