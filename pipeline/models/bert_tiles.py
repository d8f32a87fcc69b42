"""BERT with mean pooling in fp32, in tiles of a fixed size: fast, and the same bits for a text every time.

Texts are laid end to end, by length, into tiles of a fixed number of tokens. The matrix products, which
are nine tenths of the work, always see one whole tile, so one kernel computes them and a token's row
depends on that token alone; attention runs over texts of equal length, so there is neither padding nor a
mask. Hence a text's vector does not depend on its companions, their order or the number of threads: the
tests compare bits. Each tile runs on one core, so no core waits for another inside a product.

Rejected: one batch shape a length, filled up with dummy rows (12 % more tokens to compute on Alpaca's
prompts at 256 tokens a batch, 33 % at 512); one mask over a packed tile (a sum's rounding could depend on
the text's place in it); ONNX Runtime (an exporter and a second copy of the weights to keep); bf16 (rounded
facts may propose but not decide).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BertModel

TILE = 256
"""Tokens a tile; a model that reads longer texts gets tiles that hold its longest."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The texts of one tile: runs of texts of equal length, longest first.

    Attributes:
        runs: (tokens a text, row numbers of the texts).
    """

    runs: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def rows(self) -> list[int]:
        """Row numbers of the texts, in the order they lie in the tile."""
        return [row for _, rows in self.runs for row in rows]


def plan_tiles(lengths: Sequence[int], size: int) -> list[Tile]:
    """Fill tiles of `size` tokens with texts of these lengths, each taking the longest that still fit.

    Args:
        lengths: tokens of each text, from 1 to `size`.
        size: tokens a tile.
    """
    waiting: dict[int, list[int]] = {}
    for row in range(len(lengths) - 1, -1, -1):
        waiting.setdefault(lengths[row], []).append(row)
    tiles = []
    while waiting:
        room, runs = size, []
        for length in sorted(waiting, reverse=True):
            count = min(room // length, len(waiting[length]))
            if count:
                runs.append((length, tuple(waiting[length].pop() for _ in range(count))))
                room -= count * length
                if not waiting[length]:
                    del waiting[length]
        tiles.append(Tile(tuple(runs)))
    return tiles


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: tuple[Tensor, Tensor]
    attention_out: tuple[Tensor, Tensor]
    attention_norm: tuple[Tensor, Tensor]
    up: tuple[Tensor, Tensor]
    down: tuple[Tensor, Tensor]
    out_norm: tuple[Tensor, Tensor]


class BertTiles:
    """The forward pass of a loaded `BertModel` over tiles.

    Args:
        bert: the model as transformers loaded it, in fp32, on the CPU.
        longest: most tokens of a text, special tokens included.
    """

    def __init__(self, bert: BertModel, longest: int) -> None:
        import torch

        self.size = max(TILE, -(-longest // 32) * 32)
        self._packed = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
        config = bert.config
        self.dimension = int(config.hidden_size)
        self._heads = int(config.num_attention_heads)
        self._eps = float(config.layer_norm_eps)
        weights = {name: value.detach() for name, value in bert.state_dict().items()}
        self._words = weights["embeddings.word_embeddings.weight"]
        self._positions = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _pair(weights, "embeddings.LayerNorm")
        self._layers = [
            self._layer(weights, f"encoder.layer.{number}.") for number in range(config.num_hidden_layers)
        ]

    def _layer(self, weights: dict[str, Tensor], at: str) -> _Layer:
        import torch

        parts = [_pair(weights, f"{at}attention.self.{part}") for part in ("query", "key", "value")]
        qkv = torch.cat([weight for weight, _ in parts]), torch.cat([bias for _, bias in parts])
        return _Layer(
            qkv=self._pack(qkv),
            attention_out=self._pack(_pair(weights, f"{at}attention.output.dense")),
            attention_norm=_pair(weights, f"{at}attention.output.LayerNorm"),
            up=self._pack(_pair(weights, f"{at}intermediate.dense")),
            down=self._pack(_pair(weights, f"{at}output.dense")),
            out_norm=_pair(weights, f"{at}output.LayerNorm"),
        )

    def _pack(self, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Lay a weight out for oneDNN once, as `torch.compile` does for frozen models."""
        import torch

        weight, bias = pair
        if not self._packed:
            return pair
        return torch.ops.mkldnn._reorder_linear_weight(weight, self.size), bias

    def _linear(self, x: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
        import torch

        if not self._packed:
            return torch.nn.functional.linear(x, *pair)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, *pair, "none", [], "")
        return product

    def _linear_gelu(self, x: Tensor, pair: tuple[Tensor, Tensor]) -> Tensor:
        import torch

        if not self._packed:
            return torch.nn.functional.gelu(torch.nn.functional.linear(x, *pair))
        # One pass less over the widest activations; this is the exact (erf) GELU.
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, *pair, "gelu", [], "none")
        return product

    def encode(self, tile: Tile, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the vectors of a tile's texts, float32 [texts, d], unit length, in `tile.rows` order.

        Args:
            tile: which texts it holds.
            ids: token ids of all texts that were planned, special tokens included.
        """
        return self._pooled(self._states(tile, ids), tile)

    def encode_tokens(
        self, tile: Tile, ids: Sequence[Sequence[int]]
    ) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
        """Return what `encode` does, and of each text the unit vectors of its tokens, special ones included."""
        from torch.nn.functional import normalize

        states = self._states(tile, ids)
        unit, tokens, start = normalize(states, dim=-1).numpy(), [], 0
        for length, rows in tile.runs:
            for _ in rows:
                tokens.append(unit[start : start + length].copy())
                start += length
        return self._pooled(states, tile), tokens

    def _states(self, tile: Tile, ids: Sequence[Sequence[int]]) -> Tensor:
        """Return the last layer's states of a tile, [size, d]; rows of no text mean nothing."""
        import torch
        from torch.nn.functional import layer_norm

        tokens = np.zeros(self.size, np.int64)
        places = np.zeros(self.size, np.int64)
        start = 0
        for length, rows in tile.runs:
            stop = start + length * len(rows)
            tokens[start:stop] = np.concatenate([ids[row] for row in rows])
            places[start:stop] = np.tile(np.arange(length), len(rows))
            start = stop
        shape, eps = (self.dimension,), self._eps
        with torch.inference_mode():
            x = self._words[torch.from_numpy(tokens)] + self._positions[torch.from_numpy(places)]
            x = layer_norm(x, shape, *self._norm, eps)
            for layer in self._layers:
                attended = self._attend(self._linear(x, layer.qkv), tile)
                x = self._linear(attended, layer.attention_out).add_(x)
                x = layer_norm(x, shape, *layer.attention_norm, eps)
                x = self._linear(self._linear_gelu(x, layer.up), layer.down).add_(x)
                x = layer_norm(x, shape, *layer.out_norm, eps)
        return x

    def _pooled(self, states: Tensor, tile: Tile) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode():
            means, start = [], 0
            for length, rows in tile.runs:
                stop = start + length * len(rows)
                means.append(states[start:stop].view(len(rows), length, self.dimension).mean(1))
                start = stop
            vectors: NDArray[np.float32] = normalize(torch.cat(means), dim=-1).numpy()
        return vectors

    def _attend(self, qkv: Tensor, tile: Tile) -> Tensor:
        """Let each text attend to itself: [size, 3 d] → [size, d]; rows of no text stay zero."""
        from torch.nn.functional import scaled_dot_product_attention

        width = self.dimension // self._heads
        out = qkv.new_zeros(self.size, self.dimension)
        start = 0
        for length, rows in tile.runs:
            stop = start + length * len(rows)
            run = qkv[start:stop].view(len(rows), length, 3, self._heads, width)
            query, key, value = run.permute(2, 0, 3, 1, 4)
            attended = scaled_dot_product_attention(query, key, value).transpose(1, 2)
            out[start:stop].view(len(rows), length, self._heads, width).copy_(attended)
            start = stop
        return out


def _pair(weights: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"].contiguous(), weights[f"{name}.bias"].contiguous()
