"""BERTScore with the library's own scorer, loaded once and fed so that no work is done twice.

`bert_score.BERTScorer` loads the model, cuts it at a layer and encodes; here every distinct text is encoded once,
in batches of a fixed shape for their length, and each pair is matched by itself. The numbers are those that the library
gives a pair alone, to 1e-4 (in a batch its padding lifts a similarity below 0 to 0), and do not depend on companions.
An empty text scores 0; a text in a script that the vocabulary holds no words of is not measured (NaN). Baseline
rescaling is not offered: the library has baselines for models of its own list only. Rejected: calling the library batch
by batch, which encodes a text as often as it occurs and pads it to the longest of its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.models.embedder import on_every_core
from pipeline.models.reference import ModelIdentity
from pipeline.models.scripts import VocabularyScripts

BATCH_TOKENS = 1024
"""Tokens of a padded batch."""
GROUP_TOKENS = 400_000
"""Most tokens whose vectors are held at a time (0.6 GB for vectors of 384 numbers)."""
_LENGTH_STEP = 8
_LONGEST = 512
_FOREIGN_T5 = "t5"


class BertScorer(Protocol):
    """A model that compares texts word by word."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    def score(self, candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
        """Return float64 [n, 3]: precision, recall and F1 of each pair; NaN where it is not measured."""
        ...


class LibraryScorer:
    """The library's scorer.

    Args:
        identity: as `reference.scorer_identity` gave it.
        scorer: a loaded `bert_score.BERTScorer`.
        threads: batches computed at a time on a CPU; None takes as many as torch may use threads.
    """

    def __init__(self, identity: ModelIdentity, scorer: Any, threads: int | None) -> None:
        self.identity = identity
        self._model, self._tokenizer, self._device = scorer._model, scorer._tokenizer, scorer.device
        self._threads = threads
        finite(self._tokenizer, self._model)
        self._special = {self._tokenizer.cls_token_id, self._tokenizer.sep_token_id}
        from tokenizers import Tokenizer

        whole = Tokenizer.from_str(self._tokenizer.backend_tokenizer.to_str())
        whole.no_padding()
        whole.no_truncation()
        self._scripts = VocabularyScripts(whole, identity.languages == "all")

    def score(self, candidates: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
        """Return float64 [n, 3]: precision, recall and F1 of each pair; NaN where it is not measured.

        Raises:
            ValueError: the lists are not equally long.
        """
        if len(candidates) != len(references):
            raise ValueError(f"{len(candidates)} candidates, {len(references)} references")
        ours, theirs = ([text.strip() for text in side] for side in (candidates, references))
        texts = sorted({*ours, *theirs} - {""})
        covered = dict(zip(texts, self._scripts.cover(texts).tolist(), strict=True)) if texts else {}
        ids = self._encoded(texts)
        scores = np.full((len(ours), 3), np.nan)
        rows = []
        for row, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if not one or not other:
                scores[row] = 0.0
            elif covered[one] and covered[other]:
                rows.append(row)
        for group in self._groups(sorted(rows, key=lambda row: (theirs[row], ours[row])), ours, theirs, ids):
            used = sorted({text for row in group for text in (ours[row], theirs[row])})
            vectors = self._vectors(used, ids)
            for row in group:
                scores[row] = match(vectors[ours[row]], vectors[theirs[row]])
        return scores

    def _encoded(self, texts: list[str]) -> dict[str, list[int]]:
        if not texts:
            return {}
        longest = int(self._tokenizer.model_max_length)
        found = self._tokenizer(texts, truncation=True, max_length=longest, padding=False)["input_ids"]
        return dict(zip(texts, found, strict=True))

    def _groups(
        self, rows: list[int], ours: list[str], theirs: list[str], ids: dict[str, list[int]]
    ) -> list[list[int]]:
        """Return the rows in runs whose distinct texts fit in memory together."""
        groups: list[list[int]] = []
        held: set[str] = set()
        tokens = GROUP_TOKENS
        for row in rows:
            new = {ours[row], theirs[row]} - held
            size = sum(len(ids[text]) for text in new)
            if tokens + size > GROUP_TOKENS:
                groups.append([])
                held, tokens = set(), 0
                new = {ours[row], theirs[row]}
                size = sum(len(ids[text]) for text in new)
            held |= new
            tokens += size
            groups[-1].append(row)
        return groups

    def _vectors(
        self, texts: list[str], ids: dict[str, list[int]]
    ) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Return of each text the unit vectors of its tokens, float32 [tokens, d], and their weights."""
        by_length: dict[int, list[str]] = {}
        for text in texts:
            length = -(-len(ids[text]) // _LENGTH_STEP) * _LENGTH_STEP
            by_length.setdefault(min(length, int(self._tokenizer.model_max_length)), []).append(text)
        jobs = []
        for length, listed in sorted(by_length.items(), reverse=True):
            height = max(1, BATCH_TOKENS // length)
            jobs += [(length, height, listed[at : at + height]) for at in range(0, len(listed), height)]
        found: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

        def run(job: tuple[int, int, list[str]]) -> None:
            found.update(self._batch(*job, ids))

        if self._device == "cpu":
            on_every_core(run, jobs, self._threads)
        else:
            for job in jobs:
                run(job)
        return found

    def _batch(
        self, length: int, height: int, texts: list[str], ids: dict[str, list[int]]
    ) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Encode texts of about one length; a last row of padding keeps the shape and the kernel the same."""
        import torch

        tokens = torch.full((height + 1, length), int(self._tokenizer.pad_token_id or 0), dtype=torch.int64)
        mask = torch.zeros((height + 1, length), dtype=torch.int64)
        for place, text in enumerate(texts):
            tokens[place, : len(ids[text])] = torch.tensor(ids[text])
            mask[place, : len(ids[text])] = 1
        mask[len(texts) :, 0] = 1
        with torch.inference_mode():
            states = self._model(tokens.to(self._device), attention_mask=mask.to(self._device))[0]
            unit = torch.nn.functional.normalize(states[: len(texts)].float(), dim=-1).cpu().numpy()
        found = {}
        for place, text in enumerate(texts):
            row = ids[text]
            weights = np.array([number not in self._special for number in row], np.float32)
            found[text] = (unit[place, : len(row)].copy(), weights)
        return found


def match(
    candidate: tuple[NDArray[np.float32], NDArray[np.float32]],
    reference: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> tuple[float, float, float]:
    """Return precision, recall and F1 of greedy matching (Zhang et al. 2020, equation 1), without idf.

    Args:
        candidate, reference: the unit vectors of the tokens, float32 [tokens, d], and their weights, [tokens].
    """
    (ours, mine), (theirs, yours) = candidate, reference
    if not mine.any() or not yours.any():
        return 0.0, 0.0, 0.0
    alike = ours @ theirs.T
    precision = float((alike.max(1) * mine).sum() / mine.sum())
    recall = float((alike.max(0) * yours).sum() / yours.sum())
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def finite(tokenizer: Any, model: Any) -> None:
    """Bound a tokenizer that states no length by the places of its model: the library would overflow."""
    places = int(getattr(model.config, "max_position_embeddings", 0) or _LONGEST)
    if getattr(model.config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        places -= 2  # they count places from the one after padding
    tokenizer.model_max_length = min(int(tokenizer.model_max_length), places if places > 0 else _LONGEST)


def load_scorer(identity: ModelIdentity, folder: Path, layer: int | None, threads: int | None) -> BertScorer:
    """Load the library's scorer from a local folder, with no network.

    Args:
        identity: as `reference.scorer_identity` gave it.
        folder: of the model.
        layer: whose vectors are compared; None: the last but one.
        threads: batches computed at a time on a CPU.

    Raises:
        ModelError: the library is missing, or the files make no encoder with that layer.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig
    from transformers.utils import logging as transformers_logging

    try:
        from bert_score import BERTScorer
    except ImportError as error:
        raise ModelError("the library bert-score is not installed", "pip install bert-score") from error
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = AutoConfig.from_pretrained(str(folder), local_files_only=True)
        if _FOREIGN_T5 in str(folder) and "t5" not in str(config.model_type):
            raise ModelError(
                f"bert-score takes every model whose path holds 't5' for a T5, and {folder} is none",
                "move the model to a folder whose path does not hold 't5'",
            )
        layers = int(getattr(config, "num_hidden_layers", 0) or getattr(config, "n_layers", 0))
        chosen = max(1, layers - 1) if layer is None else layer
        if not 1 <= chosen <= layers:
            raise ModelError(
                f"model {identity.name} has {layers} layers, not {chosen}",
                f"choose a layer from 1 to {layers}",
            )
        scorer = BERTScorer(model_type=str(folder), num_layers=chosen, use_fast_tokenizer=True)
        scorer._model.float().eval()
        if not getattr(scorer._tokenizer, "is_fast", False):
            raise ModelError(
                f"model {identity.name} has no fast tokenizer", "save it with its tokenizer.json"
            )
        return LibraryScorer(identity, scorer, threads)
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        AssertionError,
        AttributeError,
        SafetensorError,
        UnpicklingError,
    ) as error:
        raise ModelError(
            f"model {identity.name} in {folder} cannot be loaded as an encoder: {type(error).__name__}: {error}",
            "check that the folder is whole, holds an encoder such as BERT, and that transformers knows it",
        ) from error
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
