"""Finds entities in texts with a model: a token classifier of transformers, or a spaCy pipeline.

A transformers model is run in fp32 on windows of a fixed shape (longer texts in windows that overlap), so that an
entity depends on its text alone and not on its companions in a batch; labels of the kinds B-, I-, E-, S-, L-, U-
are joined to entities here, because the library's own aggregation depends on a tokenizer's word boundaries, which
Chinese has not. Rejected: `transformers.pipeline` (truncates in silence) and onnxruntime (another copy of the
model).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity

_ROWS = 8
_LENGTH_STEP = 64
_OVERLAP = 32
_LONGEST = 512
_PREFIXES = frozenset("BIESLU")
_torch_threads = threading.Lock()


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """One stretch of a text that the model names: characters, label without prefix, score 0 to 1."""

    start: int
    end: int
    label: str
    score: float


class Tagger(Protocol):
    """A model that finds entities."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order."""
        ...


class SpacyTagger:
    """A spaCy pipeline; its entities have no scores, so all count as 1."""

    def __init__(self, identity: ModelIdentity, folder: Path) -> None:
        try:
            import spacy
        except ImportError as error:
            raise ModelError(
                f"{identity.name} is a spaCy pipeline, and spaCy is not installed", "pip install -e '.[ner]'"
            ) from error
        try:
            self._pipeline = spacy.load(folder)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise _unloadable(identity, folder, error) from error
        if not any(name in self._pipeline.pipe_names for name in ("ner", "entity_ruler", "span_ruler")):
            raise ModelError(
                f"the spaCy pipeline {identity.name} finds no entities: it has {self._pipeline.pipe_names}",
                "name a pipeline with an `ner` or `entity_ruler` component",
            )
        self._pipeline.max_length = 1 << 40  # memory is bounded by the unit, which ingest bounds
        self.identity = identity

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order."""
        return [
            [Entity(each.start_char, each.end_char, each.label_, 1.0) for each in document.ents]
            for document in map(self._pipeline, texts)
        ]


class TransformersTagger:
    """A token classifier of transformers with a fast tokenizer."""

    def __init__(self, identity: ModelIdentity, folder: Path) -> None:
        from safetensors import SafetensorError
        from transformers import AutoModelForTokenClassification, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model = AutoModelForTokenClassification.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
            raise _unloadable(identity, folder, error) from error
        if not self._tokenizer.is_fast:
            raise ModelError(
                f"model {identity.name} has no fast tokenizer, which tells where a token stands",
                "save it with its tokenizer.json",
            )
        self._model: Any = model.float().eval()
        self._labels = {int(number): str(label) for number, label in model.config.id2label.items()}
        places = int(getattr(model.config, "max_position_embeddings", _LONGEST) or _LONGEST)
        self._longest = min(_LONGEST, places, int(self._tokenizer.model_max_length))
        self.identity = identity

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order."""
        import torch

        found: list[list[Entity]] = [[] for _ in texts]
        windows = [(number, window) for number, text in enumerate(texts) for window in self._windows(text)]
        by_length: dict[int, list[tuple[int, dict[str, list[Any]]]]] = {}
        for number, window in windows:
            length = -(-len(window["input_ids"]) // _LENGTH_STEP) * _LENGTH_STEP
            by_length.setdefault(min(length, self._longest), []).append((number, window))
        with _torch_threads:
            before = torch.get_num_threads()
            torch.set_num_threads(1)  # another split of a sum would alter its last bits
            try:
                for length, listed in by_length.items():
                    for at in range(0, len(listed), _ROWS):
                        self._run(listed[at : at + _ROWS], length, found)
            finally:
                torch.set_num_threads(before)
        return [_joined(entities) for entities in found]

    def _windows(self, text: str) -> list[dict[str, list[Any]]]:
        if not text.strip():
            return []
        encoded = self._tokenizer(
            text,
            truncation=True,
            max_length=self._longest,
            stride=min(_OVERLAP, self._longest // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_token_type_ids=False,
        )
        names = ("input_ids", "offset_mapping", "special_tokens_mask")
        return [
            {name: encoded[name][number] for name in names} for number in range(len(encoded["input_ids"]))
        ]

    def _run(
        self, rows: Sequence[tuple[int, dict[str, list[Any]]]], length: int, found: list[list[Entity]]
    ) -> None:
        import torch

        ids = torch.full((_ROWS + 1, length), int(self._tokenizer.pad_token_id or 0), dtype=torch.int64)
        mask = torch.zeros((_ROWS + 1, length), dtype=torch.int64)
        for place, (_, window) in enumerate(rows):
            tokens = window["input_ids"]
            ids[place, : len(tokens)] = torch.tensor(tokens)
            mask[place, : len(tokens)] = 1
        mask[len(rows) :, 0] = (
            1  # a row without any token would be all NaN; and padding keeps the kernel the same
        )
        with torch.inference_mode():
            scores = self._model(input_ids=ids, attention_mask=mask).logits.softmax(-1)
        best, label = scores.max(-1)
        for place, (number, window) in enumerate(rows):
            found[number] += self._entities(window, best[place].tolist(), label[place].tolist())

    def _entities(
        self, window: dict[str, list[Any]], scores: Sequence[float], labels: Sequence[int]
    ) -> list[Entity]:
        entities: list[Entity] = []
        open_ = False
        for token, (start, end) in enumerate(window["offset_mapping"]):
            label = self._labels[labels[token]]
            prefix, name = (
                (label[0], label[2:]) if label[1:2] in ("-", "_") and label[0] in _PREFIXES else ("I", label)
            )
            if window["special_tokens_mask"][token] or name == "O" or start == end:
                open_ = open_ and start == end
                continue
            last = entities[-1] if entities else None
            if open_ and last and prefix not in "BSU" and last.label == name:
                entities[-1] = Entity(last.start, end, name, min(last.score, scores[token]))
            else:
                entities.append(Entity(start, end, name, scores[token]))
            open_ = prefix not in "ESL"
        return entities


def _joined(entities: list[Entity]) -> list[Entity]:
    """Return the entities of overlapping windows: of those of one label that overlap, one that covers them."""
    joined: list[Entity] = []
    for entity in sorted(entities):
        same = [n for n, last in enumerate(joined) if last.end > entity.start and last.label == entity.label]
        if same:
            last = joined[same[0]]
            joined[same[0]] = Entity(
                last.start, max(last.end, entity.end), last.label, max(last.score, entity.score)
            )
        else:
            joined.append(entity)
    return joined


def load_tagger(identity: ModelIdentity, folder: Path) -> Tagger:
    """Load a model that finds entities from a local folder, with no network.

    Raises:
        ModelError: it cannot be loaded, or its library is not installed.
    """
    return (
        SpacyTagger(identity, folder) if identity.encoder == "spacy" else TransformersTagger(identity, folder)
    )


def _unloadable(identity: ModelIdentity, folder: Path, error: Exception) -> ModelError:
    return ModelError(
        f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
        "check that the folder is whole and that the installed library knows the model",
    )
