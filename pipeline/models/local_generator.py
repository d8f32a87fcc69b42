"""Writes texts with a causal language model of transformers on this machine: its chat template, and no companion's.

Prompts run in batches of a fixed height, padded on the left to steps, so that a text depends on its own prompt and seed
alone. Drawing is Gumbel-max (Maddison et al. 2014): noise from the prompt's own seed is added to the log-probabilities,
and the greatest wins, which is a draw from them. fp32 on the CPU, where batches run on one core each; bf16 on a GPU.
Rejected: `do_sample=True`, which draws for all rows from one global generator, so that a companion alters a text, and
the model's own generation settings (a repetition penalty nobody asked for).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from pipeline.errors import ModelError
from pipeline.models.embedder import _torch_threads
from pipeline.models.generator import CUT, TOO_LONG, Arrived, Generation, Message, Prompt, Sampling, Shape
from pipeline.models.reference import ModelIdentity
from pipeline.store import digest

if TYPE_CHECKING:
    from torch import Tensor

HEIGHT = {"cpu": 4, "cuda": 16}
"""Prompts of a batch, by device."""
_LENGTH_STEP = 32
_LONGEST = 32_768


class LocalGenerator:
    """A causal language model that writes.

    Args:
        identity: as `causal_lm_identity` gave it.
        folder: where the model is.
        threads: batches computed at a time; None takes as many as torch may use threads.

    Raises:
        ModelError: it cannot be loaded, or has no token that ends a text.
    """

    def __init__(self, identity: ModelIdentity, folder: Path, threads: int | None) -> None:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        half = self._device == "cuda" and torch.cuda.is_bf16_supported()
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                str(folder), local_files_only=True, dtype=torch.bfloat16 if half else torch.float32
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, UnpicklingError) as error:
            raise ModelError(
                f"model {identity.name} in {folder} cannot be loaded: {type(error).__name__}: {error}",
                "check that the folder is whole and that the installed transformers knows the model",
            ) from error
        self.identity = identity
        self._threads = threads
        self._ends = _ends(model, self._tokenizer)
        if not self._ends:
            raise ModelError(
                f"model {identity.name} has no token that ends a text: its answers would never stop",
                "name `eos_token` in its tokenizer_config.json",
            )
        model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]  # none of its own habits
        self._model = model.eval().to(self._device)
        self._longest = min(_LONGEST, int(getattr(model.config, "max_position_embeddings", 0) or _LONGEST))

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, shape: Shape | None, arrived: Arrived
    ) -> None:
        """Answer prompts, those of equal padded length together; `shape` is asked for in the prompt's words only."""
        waiting: dict[int, list[tuple[int, list[int], str]]] = {}
        for number, prompt in enumerate(prompts):
            tokens = self._tokens(prompt.messages)
            padded = -(-len(tokens) // _LENGTH_STEP) * _LENGTH_STEP
            if len(tokens) + sampling.max_tokens > self._longest:
                arrived(number, Generation("", TOO_LONG))
            else:
                padded = min(padded, self._longest - sampling.max_tokens)
                waiting.setdefault(padded, []).append((number, tokens, prompt.seed))
        height = HEIGHT[self._device]
        jobs = [
            (length, listed[at : at + height])
            for length, listed in sorted(waiting.items())
            for at in range(0, len(listed), height)
        ]
        self._run(jobs, sampling, arrived)

    def _run(
        self,
        jobs: Sequence[tuple[int, list[tuple[int, list[int], str]]]],
        sampling: Sampling,
        arrived: Arrived,
    ) -> None:
        """Run batches, each on one core, as many at a time as there are; on a GPU one after the other."""
        import torch

        def work(job: tuple[int, list[tuple[int, list[int], str]]]) -> list[Generation]:
            torch.set_num_threads(1)  # another split of a sum would alter its last bits
            return self._batch(job[0], job[1], sampling)

        with _torch_threads:
            before = torch.get_num_threads()
            workers = 1 if self._device == "cuda" else self._threads or before
            try:
                with ThreadPoolExecutor(workers, "write") as pool:
                    for (_, listed), found in zip(jobs, pool.map(work, jobs), strict=True):
                        for (number, _, _), generation in zip(listed, found, strict=True):
                            arrived(number, generation)
            finally:
                torch.set_num_threads(before)

    def _tokens(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a chat, by the model's own template, or as paragraphs where it has none."""
        if self._tokenizer.chat_template:
            turns = [{"role": each.role, "content": each.content} for each in messages]
            text = self._templated(turns)
        else:
            text = "".join(f"{each.content}\n\n" for each in messages)
        return list(self._tokenizer(text, add_special_tokens=not self._tokenizer.chat_template)["input_ids"])

    def _templated(self, turns: list[dict[str, str]]) -> str:
        from jinja2 import TemplateError

        try:
            return str(self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        except TemplateError as error:
            raise ModelError(
                f"the chat template of model {self.identity.name} refuses a chat: {type(error).__name__}",
                "it may know no system turn; name another model, or mend its chat_template",
            ) from error

    def _batch(
        self, length: int, listed: Sequence[tuple[int, list[int], str]], sampling: Sampling
    ) -> list[Generation]:
        """Return what is written after prompts that are padded to one length, in a batch of a fixed height.

        One row more is nearly all padding: without any, transformers may take another kernel.
        """
        import torch
        from transformers import GenerationConfig, LogitsProcessorList

        height = HEIGHT[self._device] + 1
        pad = self._ends[0]
        ids = torch.full((height, length), pad, dtype=torch.int64)
        mask = torch.zeros((height, length), dtype=torch.int64)
        mask[:, -1] = 1
        for row, (_, tokens, _) in enumerate(listed):
            ids[row, length - len(tokens) :] = torch.tensor(tokens)
            mask[row, length - len(tokens) :] = 1
        draw = LogitsProcessorList([_Draw([seed for _, _, seed in listed], sampling, self._ends[0])])
        settings = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=sampling.max_tokens, do_sample=False, num_beams=1, eos_token_id=self._ends, pad_token_id=pad
        )  # fmt: skip
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=ids.to(self._device),
                attention_mask=mask.to(self._device),
                generation_config=settings,
                logits_processor=draw,
            )[:, length:].tolist()
        return [self._read(row) for row in written[: len(listed)]]

    def _read(self, tokens: list[int]) -> Generation:
        """Return the text up to the token that ends it; without one it was cut."""
        stop = next((at for at, token in enumerate(tokens) if token in self._ends), None)
        text = self._tokenizer.decode(tokens[:stop], skip_special_tokens=True).strip()
        return Generation(text, "" if stop is not None else CUT)


class _Draw:
    """Turns logits into a draw: the greatest of them, each with noise of its row's own seed added.

    Rows beyond the seeds are no prompts: they end at once.
    """

    def __init__(self, seeds: Sequence[str], sampling: Sampling, end: int) -> None:
        import torch

        self._generators = [
            torch.Generator().manual_seed(int(digest(seed, "draw")[:15], 16)) for seed in seeds
        ]
        self._sampling = sampling
        self._end = end

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        import torch

        scores = scores.float()
        scores[len(self._generators) :] = -torch.inf
        scores[len(self._generators) :, self._end] = 0
        if self._sampling.temperature <= 0:
            return scores
        drawn = torch.log_softmax(scores / self._sampling.temperature, dim=-1)
        if self._sampling.top_p < 1:
            drawn = _likeliest(drawn, self._sampling.top_p)
        for row, generator in enumerate(self._generators):
            uniform = torch.rand(drawn.shape[1], generator=generator, dtype=torch.float64).clamp_(1e-300)
            drawn[row] -= torch.log(-torch.log(uniform)).to(drawn)
        return drawn


def _likeliest(logs: Tensor, share: float) -> Tensor:
    """Return log-probabilities without the least likely tokens, those beyond the share; the first stays always."""
    ranked, order = logs.sort(dim=-1, descending=True, stable=True)
    before = ranked.exp().cumsum(-1) - ranked.exp()
    return logs.masked_fill((before >= share).gather(-1, order.argsort(-1)), float("-inf"))


def _ends(model: Any, tokenizer: Any) -> list[int]:
    """Return the tokens that end a text, as the model's settings and its tokenizer name them."""
    named = [model.generation_config.eos_token_id, tokenizer.eos_token_id]
    flat = [token for each in named for token in (each if isinstance(each, list) else [each])]
    return sorted({int(token) for token in flat if token is not None})
