"""What writes text: chat prompts in, texts out, whoever writes them (an endpoint, a local model).

One small interface, so that a method of augmentation cannot tell which it is. Each prompt has a seed of its own and an
answer is remembered by all it depends on, as soon as it is there: a killed build pays for nothing twice, and a rebuild
reads what was written. Rejected: a client library of one provider (it retries, logs and caches in its own ways), and
a cache of whole batches (one new record would be paid for with all its companions).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from pydantic import JsonValue

from pipeline.models.reference import ModelIdentity
from pipeline.models.text_cache import TextCache
from pipeline.store import digest

Role = Literal["system", "user", "assistant"]

TOO_LONG, FILTERED, CUT = "too_long", "filtered", "cut"
"""Why there is no whole text: the prompt does not fit the model, its owner's filter refused, the text hit the limit."""


_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat that ends where the model is to write, and the seed (hexadecimal) of what it writes."""

    messages: tuple[Message, ...]
    seed: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    Args:
        temperature: 0 takes the likeliest token each time.
        top_p: tokens are drawn among the likeliest whose probabilities add up to this (Holtzman et al. 2020).
        max_tokens: of an answer.
    """

    temperature: float
    top_p: float
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Shape:
    """The JSON that is asked for: a name, and a JSON Schema as text (a mapping would not hash)."""

    name: str
    schema: str

    def parsed(self) -> JsonValue:
        """Return the schema as JSON."""
        loaded: JsonValue = json.loads(self.schema)
        return loaded


@dataclass(frozen=True, slots=True)
class Generation:
    """A text that was written, and why it is not whole: "" where it is."""

    text: str
    fault: str = ""


Arrived: TypeAlias = Callable[[int, Generation], None]
"""Told of each answer, with the number of its prompt, as soon as it is there, always in the caller's thread."""


class Generator(Protocol):
    """A model that writes."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model this is."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, shape: Shape | None, arrived: Arrived
    ) -> None:
        """Answer prompts; an answer depends on its own prompt, seed, sampling and shape alone.

        Args:
            prompts: no two alike.
            sampling: how to draw.
            shape: the JSON to answer in, if the model can be held to one; what comes must be checked all the same.
            arrived: is given each answer.

        Raises:
            ModelError: the model fails; what arrived before has been handed over.
        """
        ...


def generations(
    generator: Generator, prompts: Sequence[Prompt], sampling: Sampling, shape: Shape | None, cache: TextCache
) -> list[Generation]:
    """Return an answer a prompt, in their order; what the cache holds is not asked again.

    Raises:
        ModelError: the model fails; the cache holds what was answered before.
        StoreError: the cache is damaged or cannot be written.
    """
    keys = [_key(prompt, sampling, shape) for prompt in prompts]
    known = {key: _read(text) for key, text in cache.get(keys).items()}
    missing = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
    wanted = list(missing)

    def arrived(number: int, found: Generation) -> None:
        known[wanted[number]] = found
        cache.put({wanted[number]: json.dumps([found.text, found.fault], ensure_ascii=False)})

    if wanted:
        generator.generate([missing[key] for key in wanted], sampling, shape, arrived)
    return [_spoken(known[key]) for key in keys]


def _key(prompt: Prompt, sampling: Sampling, shape: Shape | None) -> str:
    turns = [[message.role, message.content] for message in prompt.messages]
    drawn = [sampling.temperature, sampling.top_p, sampling.max_tokens]
    return digest(turns, prompt.seed, drawn, [shape.name, shape.schema] if shape else None)


def _read(text: str) -> Generation:
    written, fault = json.loads(text)
    return Generation(str(written), str(fault))


def _spoken(found: Generation) -> Generation:
    """Return a text without the thoughts that some models write before it."""
    return Generation(_THOUGHTS.sub("", found.text), found.fault)
