"""Sorts texts into the labels of a sequence classifier of transformers.

Run in fp32 on windows of a fixed shape, longer texts in windows that overlap, of which each label takes its
greatest probability: an insult at the end of a long text counts. A score depends on its text alone, not on its
companions. Labels are probabilities of a softmax, or of sigmoids where the model's configuration says
`multi_label_classification`. Rejected: `transformers.pipeline`, which cuts long texts off in silence.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity

_ROWS = 8
_LENGTH_STEP = 64
_OVERLAP = 32
_LONGEST = 512
_torch_threads = threading.Lock()


class Classifier(Protocol):
    """A model that sorts texts."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Its labels, in the order of its scores."""
        ...

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [n, labels]: the probability of each label, over all windows of a text; 0 for a blank
        one."""
        ...


class TransformersClassifier:
    """A sequence classifier of transformers with a fast tokenizer."""

    def __init__(self, identity: ModelIdentity, folder: Path) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model = AutoModelForSequenceClassification.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
            raise ModelError(
                f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
                "check that the folder is whole and that the installed library knows the model",
            ) from error
        if not self._tokenizer.is_fast:
            raise ModelError(
                f"model {identity.name} has no fast tokenizer", "save it with its tokenizer.json"
            )
        self._model: Any = model.float().eval()
        self.labels = tuple(str(model.config.id2label[number]) for number in range(model.config.num_labels))
        self._several = model.config.problem_type == "multi_label_classification"
        places = int(getattr(model.config, "max_position_embeddings", _LONGEST) or _LONGEST)
        self._longest = min(_LONGEST, places, int(self._tokenizer.model_max_length))
        self.identity = identity

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [n, labels]: the probability of each label, over all windows of a text; 0 for a blank
        one."""
        import torch

        found = np.zeros((len(texts), len(self.labels)), np.float32)
        by_length: dict[int, list[tuple[int, list[int]]]] = {}
        for number, text in enumerate(texts):
            for ids in self._windows(text):
                length = min(-(-len(ids) // _LENGTH_STEP) * _LENGTH_STEP, self._longest)
                by_length.setdefault(length, []).append((number, ids))
        with _torch_threads:
            before = torch.get_num_threads()
            torch.set_num_threads(1)  # another split of a sum would alter its last bits
            try:
                for length, listed in by_length.items():
                    for at in range(0, len(listed), _ROWS):
                        self._run(listed[at : at + _ROWS], length, found)
            finally:
                torch.set_num_threads(before)
        return found

    def _windows(self, text: str) -> list[list[int]]:
        if not text.strip():
            return []
        encoded = self._tokenizer(
            text, truncation=True, max_length=self._longest, stride=min(_OVERLAP, self._longest // 4),
            return_overflowing_tokens=True, return_token_type_ids=False,
        )  # fmt: skip
        return list(encoded["input_ids"])

    def _run(self, rows: Sequence[tuple[int, list[int]]], length: int, found: NDArray[np.float32]) -> None:
        import torch

        ids = torch.full((_ROWS + 1, length), int(self._tokenizer.pad_token_id or 0), dtype=torch.int64)
        mask = torch.zeros((_ROWS + 1, length), dtype=torch.int64)
        for place, (_, tokens) in enumerate(rows):
            ids[place, : len(tokens)] = torch.tensor(tokens)
            mask[place, : len(tokens)] = 1
        mask[len(rows) :, 0] = (
            1  # a row without any token would be all NaN; and padding keeps the kernel the same
        )
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits
            chances = logits.sigmoid() if self._several else logits.softmax(-1)
        for place, (number, _) in enumerate(rows):
            found[number] = np.maximum(found[number], chances[place].numpy())


def load_classifier(identity: ModelIdentity, folder: Path) -> Classifier:
    """Load a sequence classifier from a local folder, with no network.

    Raises:
        ModelError: it cannot be loaded.
    """
    return TransformersClassifier(identity, folder)
