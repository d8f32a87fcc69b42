"""What a masked language model of transformers would write in the place of a word, with its probabilities.

Only whole words are offered: a piece that begins a word and needs no other, or as many pieces as a Chinese word has,
each at its own place. A long text is read through a window round the word. Run in fp32 on batches of a fixed shape,
so that an answer depends on its own text alone. Rejected: `transformers.pipeline("fill-mask")`, which cuts long texts
off and offers halves of words, and several masks for an English word (the product of their probabilities favours
short nonsense).
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.models.embedder import _torch_threads
from pipeline.models.pretrained import load_pretrained
from pipeline.models.reference import ModelIdentity
from pipeline.models.scripts import VocabularyScripts

MOST_UNKNOWN = 0.1
"""Share of a text's tokens that may be unknown to the model: beyond it the model does not fit the language."""
_ROWS = 8
_LENGTH_STEP = 64
_LONGEST = 512
_MOST_PIECES = 4
_ALONE = 6
"""Likeliest pieces at each place of a word of several."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A word of a text that is masked: from `start` up to `stop`."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Filling:
    """What could stand in a blank, and how likely it is there, 0 to 1."""

    word: str
    probability: float


@dataclass(frozen=True, slots=True)
class _Row:
    blank: int
    ids: list[int]
    places: list[int]


class MaskedLM:
    """A masked language model.

    Args:
        identity: as `masked_lm_identity` gave it.
        folder: where the model is.
        threads: batches computed at a time; None takes as many as torch may use threads.

    Raises:
        ModelError: it cannot be loaded, has no fast tokenizer or no mask token.
    """

    def __init__(self, identity: ModelIdentity, folder: Path, threads: int | None) -> None:
        import torch
        from transformers import AutoModelForMaskedLM

        self._tokenizer, model = load_pretrained(identity, folder, AutoModelForMaskedLM)
        if self._tokenizer.mask_token_id is None:
            raise ModelError(
                f"model {identity.name} has no mask token: it cannot fill a blank",
                "name `mask_token` in its tokenizer_config.json",
            )
        self.identity = identity
        self._threads = threads
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model = model.eval().to(self._device)
        places = int(getattr(model.config, "max_position_embeddings", _LONGEST) or _LONGEST)
        self._longest = min(_LONGEST, places - 2, int(self._tokenizer.model_max_length))
        self._scripts = VocabularyScripts(_plain(self._tokenizer), identity.languages == "all")
        self._whole, self._han = _words(self._tokenizer, int(model.config.vocab_size))

    def fits(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return bool [n]: whether the vocabulary is of a text's script and knows nearly all of its tokens."""
        fitting = self._scripts.cover(texts)
        unknown = self._tokenizer.unk_token_id
        if unknown is None or not texts:
            return fitting
        encoded = self._tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        shares = [ids.count(unknown) / max(1, len(ids)) for ids in encoded]
        known: NDArray[np.bool_] = fitting & (np.array(shares) <= MOST_UNKNOWN)
        return known

    def fill(self, blanks: Sequence[Blank], most: int) -> list[list[Filling]]:
        """Return what could stand in each blank, the likeliest first; none where a window cannot hold it.

        Args:
            blanks: words of letters, or of Han characters only.
            most: fillings of a blank.
        """
        rows: dict[int, list[_Row]] = {}
        for number, blank in enumerate(blanks):
            row = self._row(number, blank)
            if row is not None:
                padded = min(-(-len(row.ids) // _LENGTH_STEP) * _LENGTH_STEP, self._longest)
                rows.setdefault(padded, []).append(row)
        jobs = [
            (length, listed[at : at + _ROWS])
            for length, listed in sorted(rows.items())
            for at in range(0, len(listed), _ROWS)
        ]
        found: list[list[Filling]] = [[] for _ in blanks]
        for (_, listed), logs in zip(jobs, self._run(jobs), strict=True):
            for row, each in zip(listed, logs, strict=True):
                han = "\u3400" <= blanks[row.blank].text[blanks[row.blank].start] <= "\u9fff"
                found[row.blank] = self._fillings(each, han, most)
        return found

    def _row(self, number: int, blank: Blank) -> _Row | None:
        """Return the tokens of a window round a blank, with a mask for each piece of its word."""
        word = blank.text[blank.start : blank.stop]
        han = "\u3400" <= word[:1] <= "\u9fff"
        pieces = len(self._tokenizer(word, add_special_tokens=False)["input_ids"]) if han else 1
        if pieces > _MOST_PIECES:
            return None
        mask = self._tokenizer.mask_token * pieces
        stop = blank.start + len(mask)
        encoded = self._tokenizer(
            blank.text[: blank.start] + mask + blank.text[blank.stop :],
            add_special_tokens=False, return_offsets_mapping=True, verbose=False,
        )  # fmt: skip
        ids: list[int] = encoded["input_ids"]
        places = [
            at for at, (a, b) in enumerate(encoded["offset_mapping"])
            if ids[at] == self._tokenizer.mask_token_id and a < stop and b > blank.start
        ]  # fmt: skip
        begin = [] if self._tokenizer.cls_token_id is None else [int(self._tokenizer.cls_token_id)]
        end = [] if self._tokenizer.sep_token_id is None else [int(self._tokenizer.sep_token_id)]
        room = self._longest - len(begin) - len(end)
        if len(places) != pieces or room <= pieces:
            return None
        first = max(0, min(places[0] - room // 2, len(ids) - room))
        window = ids[first : first + room]
        return _Row(number, begin + window + end, [place - first + len(begin) for place in places])

    def _run(self, jobs: Sequence[tuple[int, list[_Row]]]) -> list[list[Any]]:
        """Return log-probabilities [places, vocabulary] of each row of each batch, each batch on one core."""
        import torch

        def work(job: tuple[int, list[_Row]]) -> list[Any]:
            torch.set_num_threads(1)  # another split of a sum would alter its last bits
            return self._batch(*job)

        with _torch_threads:
            before = torch.get_num_threads()
            workers = 1 if self._device == "cuda" else self._threads or before
            try:
                with ThreadPoolExecutor(workers, "fill") as pool:
                    return list(pool.map(work, jobs))
            finally:
                torch.set_num_threads(before)

    def _batch(self, length: int, rows: Sequence[_Row]) -> list[Any]:
        """Return log-probabilities at the masks; one row more, nearly all padding, keeps the kernel the same."""
        import torch

        ids = torch.full((_ROWS + 1, length), int(self._tokenizer.pad_token_id or 0), dtype=torch.int64)
        mask = torch.zeros((_ROWS + 1, length), dtype=torch.int64)
        mask[:, 0] = 1
        for at, row in enumerate(rows):
            ids[at, : len(row.ids)] = torch.tensor(row.ids)
            mask[at, : len(row.ids)] = 1
        with torch.inference_mode():
            logits = self._model(
                input_ids=ids.to(self._device), attention_mask=mask.to(self._device)
            ).logits.cpu()
        return [torch.log_softmax(logits[at, row.places].float(), -1) for at, row in enumerate(rows)]

    def _fillings(self, logs: Any, han: bool, most: int) -> list[Filling]:
        pieces = self._han if han else self._whole
        numbers = list(pieces)
        if not numbers:
            return []
        kept = logs[:, numbers].exp()
        best = kept.topk(min(most if len(kept) == 1 else _ALONE, len(numbers)), dim=-1)
        offered = [
            [(pieces[numbers[at]], float(chance)) for at, chance in zip(row_at.tolist(), row.tolist(), strict=True)]
            for row_at, row in zip(best.indices, best.values, strict=True)
        ]  # fmt: skip
        joined = [
            Filling("".join(word for word, _ in parts), float(np.prod([chance for _, chance in parts])))
            for parts in itertools.product(*offered)
        ]
        return sorted(joined, key=lambda each: (-each.probability, each.word))[:most]


def _plain(tokenizer: Any) -> Any:
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    plain.no_padding()
    plain.no_truncation()
    return plain


def _words(tokenizer: Any, size: int) -> tuple[dict[int, str], dict[int, str]]:
    """Return the pieces that are whole words of letters, and those of Han characters, by their numbers.

    WordPiece marks what goes on (`##`); SentencePiece and byte-level BPE mark what begins (`▁`, `Ġ`).
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    marks_rest = any(piece.startswith("##") for piece in vocabulary)
    whole: dict[int, str] = {}
    han: dict[int, str] = {}
    for piece, number in sorted(vocabulary.items(), key=lambda item: item[1]):
        if number >= size or number in tokenizer.all_special_ids:
            continue
        begins = not piece.startswith("##") if marks_rest else piece[:1] in ("▁", "Ġ")
        word = piece.removeprefix("##").lstrip("▁Ġ")
        if begins and word and all(letter in string.ascii_letters for letter in word):
            whole[number] = word
        elif word and all("\u3400" <= letter <= "\u9fff" for letter in word) and not piece.startswith("##"):
            han.setdefault(number, word)
    return whole, han
