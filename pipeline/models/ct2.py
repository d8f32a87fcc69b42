"""Translates with CTranslate2, if it is installed: the models of `seq2seq`, converted by `ct2-transformers-converter`.

The converted folder also holds the tokenizer's files (`--copy_files`), which transformers loads. Each sentence is
searched alone and each thread has its own: in a batch the products of matrices have other shapes, which altered the
last bits of most scores and, of a model in 8 bits, some translations. So `batch_tokens` says nothing here. Rejected:
batches (faster, but what stands in the cache would depend on companions), several threads for one sentence (another
split of a sum), and drawing words here (its sampler has generators of its own, which no sentence can seed): a
temperature is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError
from pipeline.models.ct2_file import read_converted
from pipeline.models.reference import ModelIdentity
from pipeline.models.seq2seq import LONGEST, languages_of, load_tokenizer, longest_translation
from pipeline.models.translator import Decoding, as_many

INSTALL = "pip install -e '.[translation]'"


class CT2Translator:
    """One direction of a translation by a converted model.

    Args:
        identity: as `identities.translator_identity` gave it.
        folder: where the converted model is.
        codes: as for `Seq2SeqTranslator`.
        decoding: how words are chosen; a temperature is refused.
        threads: sentences translated at once; None takes one.

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
                f"{identity.name} runs by CTranslate2, which cannot draw a sentence by its own seed",
                "set `temperature: 0`, or use the model itself with `by: transformers`",
            )
        self.identity = identity
        self._decoding = decoding
        self._tokenizer = load_tokenizer(identity, folder, codes)
        self._mark, first = languages_of(identity, self._tokenizer, codes)
        self._prefix = [] if first is None else [self._tokenizer.convert_ids_to_tokens(first)]
        self.longest = min(LONGEST, read_converted(folder / "model.bin").positions or LONGEST)
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        try:
            self._model: Any = ctranslate2.Translator(
                str(folder), device=device, inter_threads=threads or 1, intra_threads=1
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"model {identity.name} in {folder} cannot be loaded: {error}",
                "convert it anew with ct2-transformers-converter",
            ) from error

    def translate(self, sentences: Sequence[str], seeds: Sequence[str]) -> list[str]:
        """Return the translation of each sentence; of one that is longer than the model reads, or
        whose translation does not end, "".

        Raises:
            ModelError: the model fails, or returns another number of sentences.
        """
        ids = self._tokenizer([self._mark + sentence for sentence in sentences], verbose=False)["input_ids"]
        alike: dict[int, list[int]] = {}  # by the length that a translation may have
        for row, tokens in enumerate(ids):
            if len(tokens) <= self.longest:
                bound = longest_translation(len(tokens), self.longest) - len(self._prefix)
                alike.setdefault(bound, []).append(row)
        found = [""] * len(sentences)
        for bound, rows in alike.items():
            tokens = [self._tokenizer.convert_ids_to_tokens(ids[row]) for row in rows]
            for row, (written, _) in zip(rows, self._searched(tokens, bound), strict=True):
                if written and written[-1] == self._tokenizer.eos_token:
                    translated = self._tokenizer.convert_tokens_to_ids(written)
                    found[row] = self._tokenizer.decode(translated, skip_special_tokens=True).strip()
        return found

    def _searched(self, rows: Sequence[list[str]], bound: int) -> list[tuple[list[str], float]]:
        """Return the tokens written for token rows, `bound` at most, and their score."""
        try:
            results = self._model.translate_batch(
                rows, target_prefix=[self._prefix] * len(rows) if self._prefix else None,
                beam_size=self._decoding.beams, max_batch_size=1, batch_type="examples",
                max_input_length=0, max_decoding_length=bound, return_end_token=True,
                return_scores=True,
            )  # fmt: skip
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"{self.identity.name} failed in CTranslate2: {error}",
                "convert it anew with ct2-transformers-converter; if memory ran out, lower `beams`",
            ) from error
        return [
            (result.hypotheses[0][len(self._prefix) :], float(result.scores[0]))
            for result in as_many(self.identity.name, rows, results)
        ]
