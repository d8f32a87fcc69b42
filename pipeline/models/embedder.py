"""Turns texts into unit vectors, bit for bit the same whatever else is in the call.

Both ways of computing run work of a fixed shape on one core each and as many pieces at a time as there are
cores: `bert_tiles` for BERT with mean pooling (MiniLM, BGE small …), and the model's own forward pass on
padded batches of a fixed shape for every other architecture. Which one it is stands in the identity.
Equal to sentence-transformers' `encode(normalize_embeddings=True)` within rounding, its truncation at
`max_seq_length` included; `truncated` tells which texts that touched. Rejected: calling `encode` itself,
whose batches, and with them the last bits of every vector, depend on the other texts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.models.bert_tiles import BertTiles, Tile, plan_tiles
from pipeline.models.reference import ModelIdentity
from pipeline.models.scripts import VocabularyScripts

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Encoding, Tokenizer
    from torch import Tensor

BATCH_TOKENS = 1024
"""Tokens of a padded batch, where the model's own forward pass is used."""
_LENGTH_STEP = 8
_PREPARE_ROWS = 256

_torch_threads = threading.Lock()
"""The number of threads torch uses is one setting for the process: one `encode` at a time changes it."""

_Job = TypeVar("_Job")


Tokens: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Of one text: the unit vectors of its tokens, float32 [tokens, d], and their weights, 0 for special ones."""


class Embedder(Protocol):
    """A model that maps texts to vectors."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [n, d], unit length; a row depends on its text alone."""
        ...

    def encode_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[Tokens]]:
        """Return what `encode` does, and of each text its tokens: the last layer's, as BERTScore compares them."""
        ...

    def covers(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether this model may judge the text at all."""
        ...

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the text is longer than the model reads, so that its end is unseen."""
        ...


class BertEmbedder:
    """A BERT sentence encoder with mean pooling, run in tiles.

    Args:
        identity: as `reference.embedder_identity` gave it.
        model: the loaded model.
        threads: tiles computed at a time; None takes as many as torch may use threads.
    """

    def __init__(self, identity: ModelIdentity, model: SentenceTransformer, threads: int | None) -> None:
        from transformers import BertModel

        bert = model[0].auto_model
        if not isinstance(bert, BertModel):
            raise ModelError(
                f"model {identity.name} says it is BERT and loads as {type(bert).__name__}",
                "correct `model_type` in its config.json",
            )
        self.identity = identity
        self._threads = threads
        self._whole = _plain_tokenizer(model)
        self._tokenizer = _plain_tokenizer(model)
        self._longest = int(model.max_seq_length or 512)
        self._tokenizer.enable_truncation(self._longest)
        self._scripts = VocabularyScripts(self._whole, identity.languages == "all")
        self._forward = BertTiles(bert, self._longest)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [n, d], unit length; a row depends on its text alone."""
        out = np.empty((len(texts), self.identity.dimension), np.float32)
        ids = [encoding.ids for encoding in _encode_batch(self._tokenizer, texts)]

        def run(tile: Tile) -> None:
            out[tile.rows] = self._forward.encode(tile, ids)

        on_every_core(run, plan_tiles([len(row) for row in ids], self._forward.size), self._threads)
        return out

    def encode_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[Tokens]]:
        """Return what `encode` does, and of each text its tokens, from the same pass."""
        out = np.empty((len(texts), self.identity.dimension), np.float32)
        tokens: list[Tokens] = [(out[:0], out[0:0, 0])] * len(texts)
        ids = [encoding.ids for encoding in _encode_batch(self._tokenizer, texts)]

        def run(tile: Tile) -> None:
            vectors, own = self._forward.encode_tokens(tile, ids)
            out[tile.rows] = vectors
            for row, states in zip(tile.rows, own, strict=True):
                weights = np.ones(len(states), np.float32)
                weights[[0, -1]] = 0  # BERT's special tokens: they are matched, and weigh nothing
                tokens[row] = states, weights

        on_every_core(run, plan_tiles([len(row) for row in ids], self._forward.size), self._threads)
        return out, tokens

    def covers(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the text is in scripts that the vocabulary holds words of."""
        return self._scripts.cover(texts)

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the text is longer than the model reads, so that its end is unseen."""
        lengths = [len(encoding) for encoding in _encode_batch(self._whole, texts)]
        return np.array(lengths, np.int32) > self._longest


class FixedBatchEmbedder:
    """Any other sentence-transformers model: its own forward pass, on padded batches of a fixed shape.

    Every batch ends in a row that is nearly all padding: without padding, transformers may leave
    the attention mask out and take another kernel, and the bits could depend on the companions.

    Args:
        identity: as `reference.embedder_identity` gave it.
        model: the loaded model.
        threads: batches computed at a time; None takes as many as torch may use threads.
    """

    def __init__(self, identity: ModelIdentity, model: SentenceTransformer, threads: int | None) -> None:
        self.identity = identity
        self._model = model
        self._threads = threads
        self._whole = _plain_tokenizer(model)
        self._longest = int(model.max_seq_length or 512)
        self._scripts = VocabularyScripts(self._whole, identity.languages == "all")
        self._prompt = (model.prompts or {}).get(model.default_prompt_name or "") or None
        self._left = getattr(model.tokenizer, "padding_side", "right") == "left"
        self._fill = {"input_ids": int(model.tokenizer.pad_token_id or 0)}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [n, d], unit length; a row depends on its text alone."""
        rows = [
            row
            for start in range(0, len(texts), _PREPARE_ROWS)
            for row in self._prepare(texts[start : start + _PREPARE_ROWS])
        ]
        waiting: dict[int, list[int]] = {}
        for number, row in enumerate(rows):
            length = -(-len(row["input_ids"]) // _LENGTH_STEP) * _LENGTH_STEP
            waiting.setdefault(min(length, self._longest), []).append(number)
        jobs = []
        for length in sorted(waiting, reverse=True):
            texts_a_batch = max(1, BATCH_TOKENS // length)
            numbers = waiting[length]
            jobs += [
                (length, texts_a_batch, numbers[start : start + texts_a_batch])
                for start in range(0, len(numbers), texts_a_batch)
            ]
        out = np.empty((len(texts), self.identity.dimension), np.float32)

        def run(job: tuple[int, int, list[int]]) -> None:
            length, height, numbers = job
            batch = self._batch([rows[number] for number in numbers], length, height + 1)
            out[numbers] = self._vectors(batch)[: len(numbers)]

        on_every_core(run, jobs, self._threads)
        return out

    def encode_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[Tokens]]:
        """Return what `encode` does, and of each text its tokens, from the same pass."""
        import torch

        vectors = self.encode(texts)
        tokens = []
        special = set(self._model.tokenizer.all_special_ids)
        for row in self._prepare(texts) if len(texts) else []:
            batch = self._batch([row], len(row["input_ids"]), 2)
            with torch.inference_mode():
                states = self._model(batch)["token_embeddings"][0]
            weights = np.array([number not in special for number in row["input_ids"].tolist()], np.float32)
            tokens.append((torch.nn.functional.normalize(states, dim=-1).numpy(), weights))
        return vectors, tokens

    def covers(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the text is in scripts that the vocabulary holds words of."""
        return self._scripts.cover(texts)

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the text is longer than the model reads, so that its end is unseen."""
        prompted = [f"{self._prompt or ''}{text}" for text in texts]
        lengths = [len(encoding) for encoding in _encode_batch(self._whole, prompted)]
        return np.array(lengths, np.int32) > self._longest

    def _prepare(self, texts: Sequence[str]) -> list[dict[str, NDArray[np.int64]]]:
        """Tokenise as the model itself would, and take the padding off again."""
        features = self._model.preprocess(list(texts), prompt=self._prompt)
        columns = {
            name: value.numpy()
            for name, value in features.items()
            if hasattr(value, "numpy") and value.ndim == 2
        }
        kept = columns["attention_mask"].astype(bool)
        return [
            {name: column[row][kept[row]] for name, column in columns.items()} for row in range(len(texts))
        ]

    def _batch(
        self, rows: Sequence[dict[str, NDArray[np.int64]]], length: int, height: int
    ) -> dict[str, Tensor]:
        import torch

        batch = {}
        for name in rows[0]:
            column = np.full((height, length), self._fill.get(name, 0), np.int64)
            for number, row in enumerate(rows):
                values = row[name]
                start = length - len(values) if self._left else 0
                column[number, start : start + len(values)] = values
            if name == "attention_mask":
                column[len(rows) :, -1 if self._left else 0] = 1
            batch[name] = torch.from_numpy(column)
        return batch

    def _vectors(self, batch: dict[str, Tensor]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            vectors = self._model(batch)["sentence_embedding"][:, : self.identity.dimension]
            unit: NDArray[np.float32] = torch.nn.functional.normalize(vectors, dim=-1).numpy()
        return unit


def load_embedder(identity: ModelIdentity, folder: Path, threads: int | None) -> Embedder:
    """Load a sentence-transformers model from a local folder, in fp32, on the CPU, with no network.

    Raises:
        ModelError: the folder's files do not make a model, or not one of the stated dimension.
    """
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).float().eval()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
        raise ModelError(
            f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
            "check that the folder is whole and that the installed transformers knows the model",
        ) from error
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    dimension = model.truncate_dim or model.get_embedding_dimension()
    if dimension != identity.dimension:
        raise ModelError(
            f"model {identity.name} gives {dimension} numbers a text, "
            f"its configuration says {identity.dimension}",
            f"correct the module configuration in {folder}",
        )
    if identity.encoder == "bert-tiles":
        return BertEmbedder(identity, model, threads)
    return FixedBatchEmbedder(identity, model, threads)


def _plain_tokenizer(model: SentenceTransformer) -> Tokenizer:
    """Return a copy of the model's tokenizer that neither pads nor truncates."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _encode_batch(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Encoding]:
    encodings: list[Encoding] = tokenizer.encode_batch_fast([str(text) for text in texts])
    return encodings


def on_every_core(run: Callable[[_Job], None], jobs: Sequence[_Job], threads: int | None) -> None:
    """Run jobs side by side, each on one core, and leave torch's thread count as it was."""
    import torch

    if not jobs:
        return
    with _torch_threads:
        before = torch.get_num_threads()
        workers = min(threads or before, len(jobs))
        try:
            with ThreadPoolExecutor(workers, "encode", torch.set_num_threads, (1,)) as pool:
                for _ in pool.map(run, jobs):
                    pass
        finally:
            torch.set_num_threads(before)
