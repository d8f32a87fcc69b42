"""Translates with CTranslate2, if it is installed: the models of `seq2seq`, converted by `ct2-transformers-converter`.

The converted folder also holds the tokenizer's files (`--copy_files`), which transformers loads. Its batches are
CTranslate2's own, sorted by length; one thread and no more than one batch at a time, so that equal inputs give equal
bytes. Rejected: drawing words here (its sampler has one generator for all rows): a temperature is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError
from pipeline.models.reference import ModelIdentity
from pipeline.models.seq2seq import languages_of, load_tokenizer
from pipeline.models.translator import Decoding, as_many

INSTALL = "pip install -e '.[translation]'"
_LONGEST = 512


class CT2Translator:
    """One direction of a translation by a converted model.

    Args:
        identity: as `identities.translator_identity` gave it.
        folder: where the converted model is.
        codes: as for `Seq2SeqTranslator`.
        decoding: how words are chosen; a temperature is refused.
        threads: cores to use; None takes one.

    Raises:
        ModelError: CTranslate2 is not installed, the model cannot be loaded, or does not know a language.
    """

    def __init__(
        self,
        identity: ModelIdentity,
        folder: Path,
        codes: tuple[str, str],
        decoding: Decoding,
        threads: int | None,
    ) -> None:
        try:
            import ctranslate2
        except ImportError as error:
            raise ModelError(f"CTranslate2, which runs {identity.name}, is not installed", INSTALL) from error
        if decoding.temperature > 0:
            raise ModelError(
                f"{identity.name} runs by CTranslate2, whose draws depend on their companions in a batch",
                "set `temperature: 0`, or use the model itself with `by: transformers`",
            )
        self.identity = identity
        self._decoding = decoding
        self._tokenizer = load_tokenizer(identity, folder, codes)
        self._mark, first = languages_of(identity, self._tokenizer, codes)
        self._prefix = None if first is None else [self._tokenizer.convert_ids_to_tokens(first)]
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        try:
            self._model: Any = ctranslate2.Translator(
                str(folder), device=device, inter_threads=1, intra_threads=threads or 1
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"model {identity.name} in {folder} cannot be loaded: {error}",
                "convert it anew with ct2-transformers-converter",
            ) from error

    def translate(self, sentences: Sequence[str], seeds: Sequence[str]) -> list[str]:
        """Return the translation of each sentence; of one that is longer than the model reads, "".

        Raises:
            ModelError: the model fails, or returns another number of sentences.
        """
        ids = self._tokenizer([self._mark + sentence for sentence in sentences], verbose=False)["input_ids"]
        rows = [row for row in range(len(ids)) if len(ids[row]) <= _LONGEST]
        tokens = [self._tokenizer.convert_ids_to_tokens(ids[row]) for row in rows]
        try:
            results = self._model.translate_batch(
                tokens, target_prefix=None if self._prefix is None else [self._prefix] * len(tokens),
                beam_size=self._decoding.beams, max_batch_size=self._decoding.batch_tokens, batch_type="tokens",
            )  # fmt: skip
        except RuntimeError as error:
            raise ModelError(
                f"{self.identity.name} failed in CTranslate2: {error}", "lower `batch_tokens`"
            ) from error
        found = [""] * len(sentences)
        for row, result in zip(rows, as_many(self.identity.name, rows, results), strict=True):
            written = result.hypotheses[0][0 if self._prefix is None else len(self._prefix) :]
            found[row] = self._tokenizer.decode(
                self._tokenizer.convert_tokens_to_ids(written), skip_special_tokens=True
            ).strip()
        return found
