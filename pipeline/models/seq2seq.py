"""Translates with an encoder-decoder of transformers: Marian (opus-mt), NLLB, M2M, mBART.

Sentences are sorted by length and run in batches of a fixed shape (padded lengths in steps, a fixed number of rows for
each), so that neither companions nor their order alter a translation. Beams are the library's own search; where a
temperature is set, words are drawn from the ten likeliest (Edunov et al. 2018, Understanding back-translation at
scale, section 3) by noise that is keyed on the sentence's seed and the step (Gumbel maximum), not by the library's
sampling, whose one generator a batch makes a draw depend on the row's place. Half precision on a GPU only. Rejected:
`pipeline("translation")` (truncates in silence, pads by the batch).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import ModelError
from pipeline.models.embedder import _torch_threads
from pipeline.models.reference import ModelIdentity
from pipeline.models.translator import Decoding, as_many

if TYPE_CHECKING:
    from torch import Tensor

LIKELIEST = 10
LONGEST = 512
"""Tokens of a sentence that a model is given at most, if it reads as many."""
_STEP = 16
_MARK = re.compile(r">>[A-Za-z_]+<<")
_CODE = re.compile(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}")
_GROWTH, _SPARE = 2, 16
"""A translation may have this many times its source's tokens and some more."""


class Seq2SeqTranslator:
    """One direction of a translation by a local model.

    Args:
        identity: as `identities.translator_identity` gave it.
        folder: where the model is.
        codes: source and target as the model names languages (`zho_Hans`, `eng_Latn` for NLLB; `zh`, `en` for M2M);
            blank for a model of one direction.
        decoding: how words are chosen.

    Raises:
        ModelError: it cannot be loaded, is no encoder-decoder, or does not know a language.
    """

    def __init__(
        self, identity: ModelIdentity, folder: Path, codes: tuple[str, str], decoding: Decoding
    ) -> None:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForSeq2SeqLM

        cuda = torch.cuda.is_available()
        half = torch.bfloat16 if cuda and torch.cuda.is_bf16_supported() else torch.float16
        self._tokenizer = load_tokenizer(identity, folder, codes)
        try:
            model: Any = AutoModelForSeq2SeqLM.from_pretrained(
                str(folder), local_files_only=True, dtype=half if cuda else torch.float32
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
            raise _unloadable(identity, folder, error) from error
        # opus-mt's own settings would end what has gone astray, so that it looked whole
        model.generation_config.forced_eos_token_id = model.generation_config.max_length = None
        self.identity = identity
        self._device = "cuda" if cuda else "cpu"
        self._model = model.eval().to(self._device)
        self._decoding = decoding
        self._mark, self._first = languages_of(identity, self._tokenizer, codes)
        places = int(getattr(model.config, "max_position_embeddings", LONGEST) or LONGEST)
        self.longest = min(LONGEST, places)

    def translate(self, sentences: Sequence[str], seeds: Sequence[str]) -> list[str]:
        """Return the translation of each sentence; of one that is longer than the model reads, "".

        Raises:
            ModelError: the model runs out of memory, or returns another number of sentences.
        """
        from torch import OutOfMemoryError

        marked = [self._mark + sentence for sentence in sentences]
        ids = self._tokenizer(marked, add_special_tokens=True, verbose=False)["input_ids"]
        found = [""] * len(sentences)
        waiting: dict[int, list[int]] = {}
        for row in sorted(range(len(sentences)), key=lambda row: (len(ids[row]), sentences[row], seeds[row])):
            if len(ids[row]) <= self.longest:
                waiting.setdefault(min(self.longest, -(-len(ids[row]) // _STEP) * _STEP), []).append(row)
        try:
            for length, rows in waiting.items():
                height = max(1, self._decoding.batch_tokens // (length * self._decoding.beams))
                for at in range(0, len(rows), height):
                    some = rows[at : at + height]
                    texts = self._batch(
                        [ids[row] for row in some], [seeds[row] for row in some], length, height
                    )
                    for row, text in zip(some, as_many(self.identity.name, some, texts), strict=True):
                        found[row] = text
        except OutOfMemoryError as error:
            raise ModelError(f"{self.identity.name} ran out of memory", "lower `batch_tokens`") from error
        return found

    def _batch(self, rows: Sequence[list[int]], seeds: Sequence[str], length: int, height: int) -> list[str]:
        """Return the translations of token rows, run in one batch of `height` rows of `length` tokens."""
        import torch
        from transformers import LogitsProcessorList

        padding, end = int(self._tokenizer.pad_token_id), int(self._model.config.eos_token_id)
        ids = torch.full((height, length), padding, dtype=torch.int64)
        mask = torch.zeros((height, length), dtype=torch.int64)
        ids[:, 0], mask[:, 0] = end, 1  # rows without a sentence hold an empty one
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
        decoding = self._decoding
        drawing = decoding.temperature > 0
        noise = [Draw([*seeds, *[""] * (height - len(seeds))], decoding.temperature)] if drawing else []
        with _torch_threads, torch.inference_mode():
            before = torch.get_num_threads()
            torch.set_num_threads(1)  # another split of a sum would alter its last bits
            try:
                written = self._model.generate(
                    input_ids=ids.to(self._device), attention_mask=mask.to(self._device), do_sample=False,
                    num_beams=1 if drawing else decoding.beams, logits_processor=LogitsProcessorList(noise),
                    max_new_tokens=longest_translation(length, self.longest),
                    **({} if self._first is None else {"forced_bos_token_id": self._first}),
                )  # fmt: skip
            finally:
                torch.set_num_threads(before)
        whole = [end in tokens[1:] for tokens in written[: len(rows)].tolist()]
        texts = self._tokenizer.batch_decode(written[: len(rows)].cpu(), skip_special_tokens=True)
        return [text.strip() if ended else "" for text, ended in zip(texts, whole, strict=True)]


class Draw:
    """Adds noise to the likeliest words, so that taking the best of them is a draw; each row has its own.

    Args:
        seeds: one a row.
        temperature: above 0.
    """

    def __init__(self, seeds: Sequence[str], temperature: float) -> None:
        from pipeline.store import digest

        self._keys = [int(digest(seed)[:16], 16) for seed in seeds]
        self._temperature = temperature

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return scores [rows, words] of which the greatest is drawn; `input_ids` tells the step."""
        import torch

        step = int(input_ids.shape[1])
        likeliest = torch.topk(scores.float(), min(LIKELIEST, scores.shape[1]), dim=1)
        noise = np.stack(
            [
                np.random.Generator(np.random.Philox(key=key, counter=step)).gumbel(size=LIKELIEST)
                for key in self._keys
            ]
        )[:, : likeliest.values.shape[1]]
        drawn = likeliest.values / self._temperature + torch.from_numpy(noise).to(likeliest.values)
        return torch.full_like(scores, -torch.inf).scatter(1, likeliest.indices, drawn.to(scores.dtype))


def longest_translation(tokens: int, longest: int) -> int:
    """Return how many tokens a translation may have: what is longer has gone astray.

    Args:
        tokens: of the source.
        longest: what the model reads and writes.
    """
    padded = min(longest, -(-tokens // _STEP) * _STEP)
    return min(longest - 1, _GROWTH * padded + _SPARE)


def load_tokenizer(identity: ModelIdentity, folder: Path, codes: tuple[str, str]) -> Any:
    """Return the tokenizer of a translator, set to its languages.

    Raises:
        ModelError: it cannot be loaded, or needs a library that is not installed.
    """
    known = {"src_lang": codes[0], "tgt_lang": codes[1]} if codes[0] else {}
    try:
        with warnings.catch_warnings():  # a package that the tokenizer loads for a function that none calls
            warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
            tokenizer = _tokenizer_class(folder).from_pretrained(str(folder), local_files_only=True, **known)
    except ImportError as error:
        raise ModelError(
            f"the tokenizer of model {identity.name} needs a library that is not installed: {error}",
            "pip install -e '.[translation]'",
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _unloadable(identity, folder, error) from error
    return tokenizer


def _tokenizer_class(folder: Path) -> Any:
    """Return what loads the tokenizer of a folder, told by its files.

    opus-mt's own `tokenizer_config.json` names no class, and the `config.json` of a converted model no type.
    """
    from transformers import AutoTokenizer, M2M100Tokenizer, MarianTokenizer

    names = {file.name for file in folder.iterdir()}
    if {"source.spm", "target.spm", "vocab.json"} <= names:
        return MarianTokenizer
    if {"sentencepiece.bpe.model", "vocab.json"} <= names and "tokenizer.json" not in names:
        return M2M100Tokenizer
    return AutoTokenizer


def _unloadable(identity: ModelIdentity, folder: Path, error: Exception) -> ModelError:
    return ModelError(
        f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
        "check that the folder is whole and that the installed transformers knows the model",
    )


def languages_of(identity: ModelIdentity, tokenizer: Any, codes: tuple[str, str]) -> tuple[str, int | None]:
    """Return what tells a model its target: a mark before each sentence, or the token that a translation begins with.

    opus-mt models of several targets read `>>cmn_Hans<<` before a sentence; NLLB, mBART and M2M begin a translation
    with the token of its language.

    Raises:
        ModelError: the model needs a code and has none, has one that it does not know, or needs none; or its tokenizer
            takes no source.
    """
    marks = {token[2:-2]: token for token in tokenizer.get_vocab() if _MARK.fullmatch(token)}
    begins = _language_tokens(tokenizer)
    if marks:
        _known(identity, marks, codes[1])
        return f"{marks[codes[1]]} ", None
    if begins:
        for code in codes:
            _known(identity, begins, code)
        if getattr(tokenizer, "src_lang", None) != codes[0]:
            raise ModelError(
                f"the tokenizer of model {identity.name} cannot be told that it reads {codes[0]}",
                "put the model's own tokenizer_config.json, which names the tokenizer's class, into its folder",
            )
        return "", begins[codes[1]]
    if any(codes):
        raise ModelError(
            f"model {identity.name} translates in one direction and names no languages",
            "leave its language codes out of the recipe",
        )
    return "", None


def _known(identity: ModelIdentity, known: Mapping[str, object], code: str) -> None:
    """See that a language is known.

    Raises:
        ModelError: it is not.
    """
    if code not in known:
        alike = [name for name in sorted(known) if name[:2] == code[:2]] or sorted(known)
        raise ModelError(
            f"model {identity.name} knows no language {code or '(none is named)'}",
            f"name one that it knows, such as {', '.join(alike[:12])}",
        )


def _language_tokens(tokenizer: Any) -> dict[str, int]:
    """Return the tokens of languages by the code that users name: M2M's tokenizer lists them, others add them."""
    listed = getattr(tokenizer, "lang_code_to_id", None)
    if isinstance(listed, dict):
        return {str(code): int(token) for code, token in listed.items()}
    added: dict[str, int] = tokenizer.get_added_vocab()
    return {code: token for code, token in added.items() if _CODE.fullmatch(code)}
