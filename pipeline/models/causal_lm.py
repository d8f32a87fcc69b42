"""Scores texts with a causal language model of transformers: the cost of every token given those before it.

A text is scored behind the token that begins a document (BOS, else EOS), as lm-evaluation-harness does, and once more
behind its prompt; the response's tokens are the same both times. What is longer than the model's window is read in
windows that step by half of it, so that each token has at least half a window of context ("Perplexity of fixed-length
models", transformers' manual). Each distinct sequence is run once, in batches of equal length and fixed shape: neither
companions nor threads alter a number. The costly last matrix is applied to scored tokens only. Rejected: batches in the
order of the records, most of which is padding, and logits of every token (a batch of them would fill the memory).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import ModelError
from pipeline.models.costs import Costs, Unit, joined
from pipeline.models.embedder import _torch_threads
from pipeline.models.pretrained import load_pretrained
from pipeline.models.reference import ModelIdentity

if TYPE_CHECKING:
    from torch import Tensor

BATCH_TOKENS = {"cpu": 1024, "cuda": 16_384}
"""Tokens of a padded batch, by device."""
LONGEST = 2048
"""Tokens read at once, whatever more the model could: attention grows with the square."""
_STEPS = 8
_HEAD_ROWS = 1 << 26
_ALIKE = 1e-4


@dataclass(frozen=True, slots=True)
class _Window:
    """Tokens to run, of which the last `scored` are scored, for a sequence from place `first` on."""

    sequence: int
    tokens: tuple[int, ...]
    scored: int
    first: int


class CausalScorer:
    """A causal language model, in fp32 on the CPU; on a GPU in bf16 where that agrees to three digits.

    Args:
        identity: as `reference.causal_lm_identity` gave it.
        folder: where the model is.
        threads: batches computed at a time; None takes as many as torch may use threads.

    Raises:
        ModelError: it cannot be loaded, or has no fast tokenizer or no token to begin with.
    """

    def __init__(self, identity: ModelIdentity, folder: Path, threads: int | None) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self._tokenizer, model = load_pretrained(identity, folder, AutoModelForCausalLM)
        begin = self._tokenizer.bos_token_id
        begin = self._tokenizer.eos_token_id if begin is None else begin
        if begin is None:
            raise ModelError(
                f"the tokenizer of model {identity.name} has neither a BOS nor an EOS token",
                "name one in its tokenizer_config.json; a text is scored behind it",
            )
        self.identity = identity
        self._begin = int(begin)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._threads = threads
        self._model = model.eval().to(self._device)
        places = int(getattr(model.config, "max_position_embeddings", LONGEST) or LONGEST)
        self.longest = min(LONGEST, places)
        if self._device == "cuda" and torch.cuda.is_bf16_supported():
            self._halve_if_alike()
        self._plain_head = self._head_is_plain()

    def costs(self, prompts: Sequence[str], responses: Sequence[str]) -> Costs:
        """Return the costs of responses, alone and after their prompts, row by row."""
        tokens = self._tokens(responses)
        before = self._tokens([f"{prompt}\n" if prompt else "" for prompt in prompts])
        sequences: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        wanted = []
        for (asked, _), (answer, _) in zip(before, tokens, strict=True):
            wanted.append(
                [sequences.setdefault((context, answer), len(sequences)) for context in ((), asked)]
            )
        found = self._run(list(sequences))
        alone = []
        for (_, spans), (first, _) in zip(tokens, wanted, strict=True):
            alone.append([Unit(a, b, float(c)) for (a, b), c in zip(spans, found[first], strict=True)])
        given = [float(np.sum(found[second], dtype=np.float64)) for _, second in wanted]
        return joined(responses, alone, given)

    def _tokens(self, texts: Sequence[str]) -> list[tuple[tuple[int, ...], list[tuple[int, int]]]]:
        """Return the tokens of each text and where they stand, each distinct text tokenised once."""
        distinct = {text: n for n, text in enumerate(dict.fromkeys(texts))}
        if not distinct:
            return []
        encoded = self._tokenizer(
            list(distinct), add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False,
            verbose=False,
        )  # fmt: skip
        rows = list(zip(map(tuple, encoded["input_ids"]), encoded["offset_mapping"], strict=True))
        return [rows[distinct[text]] for text in texts]

    def _run(self, sequences: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[np.ndarray]:
        """Return the cost of each token of the second part of each sequence."""
        found = [np.zeros(len(answer), np.float32) for _, answer in sequences]
        waiting: dict[int, list[_Window]] = {}
        for number, (context, answer) in enumerate(sequences):
            for window in windows(number, (self._begin, *context), answer, self.longest):
                waiting.setdefault(_padded(len(window.tokens), self.longest), []).append(window)
        jobs = []
        for length in sorted(waiting, reverse=True):
            height = max(1, BATCH_TOKENS[self._device] // length)
            listed = waiting[length]
            jobs += [(length, height, listed[at : at + height]) for at in range(0, len(listed), height)]

        def work(job: tuple[int, int, list[_Window]]) -> None:
            length, height, listed = job
            for window, costs in zip(listed, self._batch(length, height, listed), strict=True):
                found[window.sequence][window.first : window.first + window.scored] = costs

        self._on_every_core(work, jobs)
        return found

    def _batch(self, length: int, height: int, listed: Sequence[_Window]) -> list[np.ndarray]:
        """Return the costs of the scored tokens of windows, run in one batch of a fixed shape.

        One row more is nearly all padding: without any, transformers may take another kernel.
        """
        import torch

        ids = torch.full((height + 1, length), self._begin, dtype=torch.int64)
        mask = torch.zeros((height + 1, length), dtype=torch.int64)
        mask[:, 0] = 1
        for row, window in enumerate(listed):
            ids[row, : len(window.tokens)] = torch.tensor(window.tokens)
            mask[row, : len(window.tokens)] = 1
        ids, mask = ids.to(self._device), mask.to(self._device)
        with torch.inference_mode():
            if self._plain_head:
                states = self._model.base_model(
                    input_ids=ids, attention_mask=mask, use_cache=False
                ).last_hidden_state
                head = self._model.get_output_embeddings()
            else:
                states = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits
                head = None
            return [self._costs_of(states[row], ids[row], window, head) for row, window in enumerate(listed)]

    def _costs_of(self, states: Tensor, ids: Tensor, window: _Window, head: Any) -> np.ndarray:
        """Return the costs of a window's scored tokens, a few rows of the vocabulary at a time."""
        import torch

        stop = len(window.tokens)
        before, targets = states[stop - window.scored - 1 : stop - 1], ids[stop - window.scored : stop]
        rows = max(1, _HEAD_ROWS // int(self._model.config.vocab_size))
        costs = []
        for at in range(0, window.scored, rows):
            logits = before[at : at + rows] if head is None else head(before[at : at + rows])
            costs.append(
                torch.nn.functional.cross_entropy(logits.float(), targets[at : at + rows], reduction="none")
            )
        return torch.cat(costs).cpu().numpy()

    def _head_is_plain(self) -> bool:
        """Tell whether the logits are the output matrix times the last states, and nothing more (no cap, no scale)."""
        import torch

        head = self._model.get_output_embeddings()
        if head is None:
            return False
        ids = torch.tensor([[self._begin] * 4], device=self._device)
        with torch.inference_mode():
            whole = self._model(input_ids=ids, use_cache=False).logits.float()
            states = self._model.base_model(input_ids=ids, use_cache=False).last_hidden_state
            return bool(torch.allclose(head(states).float(), whole, rtol=_ALIKE, atol=_ALIKE))

    def _halve_if_alike(self) -> None:
        """Go on in bf16 if the logits of a short text stay within a hundredth of their spread."""
        import copy

        import torch

        ids = torch.arange(32, device=self._device)[None] % int(self._model.config.vocab_size)
        with torch.inference_mode():
            exact = self._model(input_ids=ids, use_cache=False).logits.float()
            halved = copy.deepcopy(self._model).to(torch.bfloat16)
            near = halved(input_ids=ids, use_cache=False).logits.float()
        if float((near - exact).abs().mean()) < 0.01 * float(exact.std()):
            self._model = halved

    def _on_every_core(self, work: Any, jobs: Sequence[Any]) -> None:
        """Run jobs, each on one core, as many at a time as there are; on a GPU one after the other."""
        import torch

        with _torch_threads:
            before = torch.get_num_threads()
            workers = 1 if self._device == "cuda" else self._threads or before
            torch.set_num_threads(1)  # another split of a sum would alter its last bits
            try:
                with ThreadPoolExecutor(workers) as pool:
                    for _ in pool.map(work, jobs):
                        pass
            finally:
                torch.set_num_threads(before)


def windows(sequence: int, context: tuple[int, ...], answer: tuple[int, ...], longest: int) -> list[_Window]:
    """Return the windows in which the tokens of an answer are scored behind a context, each token once."""
    tokens = (*context, *answer)
    found = []
    done = 0
    while done < len(answer):
        start = max(0, len(context) + done - longest // 2) if len(tokens) > longest else 0
        stop = min(len(tokens), start + longest)
        scored = stop - len(context) - done
        found.append(_Window(sequence, tokens[start:stop], scored, done))
        done += scored
    return found


def _padded(length: int, longest: int) -> int:
    """Return the length of the batch that a window goes into: steps of an eighth of the next power of two."""
    step = max(8, 1 << max(0, length.bit_length() - 1 - _STEPS.bit_length() + 1))
    return min(longest, -(-length // step) * step)
