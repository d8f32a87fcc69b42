"""An embedder that remembers the vectors of the last texts: several stages ask for the same ones.

A vector depends on its text alone, so a remembered one is the very one that would be computed. What must outlive the
process is kept by the store, measure by measure; this is for stages that meet in one process. Rejected: a memory
without bound (52,002 prompts and answers are 160 MB a process).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.models.embedder import Embedder, Tokens
from pipeline.models.reference import ModelIdentity

ROWS = 32_768
"""Vectors that are remembered: 50 MB at 384 numbers each."""


class RememberingEmbedder:
    """Computes what it does not remember.

    Args:
        inner: computes.
        rows: most vectors that are kept; the oldest go first.
    """

    def __init__(self, inner: Embedder, rows: int = ROWS) -> None:
        self._inner = inner
        self._rows = rows
        self._known: dict[str, NDArray[np.float32]] = {}
        self._lock = threading.Lock()

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        return self._inner.identity

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [n, d], unit length; a row depends on its text alone."""
        with self._lock:
            known = {text: self._known[text] for text in texts if text in self._known}
        fresh = list(dict.fromkeys(text for text in texts if text not in known))
        found = self._inner.encode(fresh)
        known |= dict(zip(fresh, found, strict=True))
        self._remember(fresh, found)
        if not len(texts):
            return found
        return np.stack([known[text] for text in texts])

    def encode_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[Tokens]]:
        """Return what `encode` does, and of each text its tokens."""
        vectors, tokens = self._inner.encode_tokens(texts)
        self._remember(texts, vectors)
        return vectors, tokens

    def covers(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether this model may judge the text at all."""
        return self._inner.covers(texts)

    def truncated(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the text is longer than the model reads, so that its end is unseen."""
        return self._inner.truncated(texts)

    def _remember(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        with self._lock:
            self._known |= {text: row.copy() for text, row in zip(texts, vectors, strict=True)}
            for text in list(self._known)[: max(0, len(self._known) - self._rows)]:
                del self._known[text]
