"""Counts tokens with the tokenizer of the model that will be trained.

Straight on the `tokenizers` library: no torch, no padding, no truncation, no special tokens. Rejected:
`AutoTokenizer`, whose import alone takes some two seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.models.reference import ModelIdentity


class TokenCounter(Protocol):
    """A tokenizer that counts."""

    @property
    def identity(self) -> ModelIdentity:
        """Which tokenizer this is."""
        ...

    def count(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return int32 [n]: tokens of each text, without special tokens."""
        ...


class FileTokenCounter:
    """Counts with the `tokenizer.json` of a local folder.

    Args:
        identity: as `reference.tokenizer_identity` gave it.
        folder: holds `tokenizer.json`.
    """

    def __init__(self, identity: ModelIdentity, folder: Path) -> None:
        from tokenizers import Tokenizer

        self.identity = identity
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def count(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return int32 [n]: tokens of each text, without special tokens."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return np.fromiter(map(len, encodings), np.int32, len(texts))
