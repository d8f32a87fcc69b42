"""What `rewrite` and `self_instruct` share: who writes, what is asked in which language, and what spoils an answer.

An answer is checked here for what any reader would throw out at once (blank, a refusal, a model that speaks of itself,
words of our own prompt in it, the parent once more); whether it is good is the gate's question. Rejected: a second
call that asks the model whether its answer is good, which doubles the cost and agrees with itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from pydantic import Field, model_validator

from pipeline.augment.protocol import Ask, MethodParams, TextField
from pipeline.models import Endpoint, Generator, ModelRef, Models, TextCache
from pipeline.models.generator import Message, Prompt, Sampling
from pipeline.models.need import Need
from pipeline.store import digest
from quality.heuristics.refusal import refusal

EMPTY, REFUSAL, LEAK, COPY = "empty", "refusal", "leak", "copy"
"""Why an answer is no child: it is blank, declines or speaks of the model, repeats our prompt, or the parent."""

_TOKEN = re.compile(r"[A-Za-z0-9]+(?:['’][a-z]+)?|[^\W_]")


class GeneratorParams(MethodParams):
    """Who writes, and how; one of `endpoint` and `model`."""

    endpoint: Endpoint | None = Field(
        default=None,
        description="An OpenAI-compatible endpoint that writes; one of `endpoint` and `model` is named.",
    )
    model: ModelRef | None = Field(
        default=None,
        description="A causal language model on this machine that writes, best one tuned to chat.",
    )
    temperature: float = Field(
        default=0.7,
        ge=0,
        le=2,
        description="Of drawing tokens; 0 gives every child of a parent the same text.",
    )
    top_p: float = Field(
        default=0.95, gt=0, le=1, description="Tokens are drawn among those that make up this share."
    )
    max_tokens: int = Field(
        default=1024, ge=16, le=32_768, description="Of an answer; one that is cut off there is no child."
    )
    tries: int = Field(
        default=3,
        ge=1,
        le=10,
        description="Times that malformed JSON is asked again before it is `malformed`.",
    )

    @model_validator(mode="after")
    def _one_writer(self) -> GeneratorParams:
        if (self.endpoint is None) == (self.model is None):
            raise ValueError("name one of `endpoint` and `model`: who writes the children")
        return self

    def source(self) -> ModelRef | Endpoint:
        """Return who writes."""
        source = self.endpoint or self.model
        if source is None:
            raise ValueError("neither endpoint nor model is named")
        return source

    def needs(self) -> tuple[Need, ...]:
        """Return the endpoint or the model that these parameters need."""
        if self.endpoint is not None:
            return (Need("endpoint", endpoint=self.endpoint),)
        return (Need("causal_lm", self.model),)

    def sampling(self) -> Sampling:
        """Return how tokens are drawn."""
        return Sampling(self.temperature, self.top_p, self.max_tokens)

    def writer(self, models: Models) -> tuple[Generator, TextCache]:
        """Return who writes, and what it has written before.

        Raises:
            ModelError: the model is missing, or the endpoint's key.
        """
        found = models.generator(self.source())
        made_by = (found.identity.name, found.identity.sha256, found.identity.settings_sha256)
        return found, models.remembered("generations", digest(*made_by))


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(
        (Path(__file__).parent / "data" / "prompts.json").read_text(encoding="utf-8")
    )
    return table


def wording(kind: str, lang: str) -> dict[str, Any]:
    """Return the wording of one kind of prompt: Chinese for Chinese, English for all other languages."""
    found: dict[str, Any] = _table()["zh" if lang == "zh" else "en"][kind]
    return found


def filled(template: str, **values: str) -> str:
    """Return a template with its places filled; what is filled in is not read again."""
    return Template(template).substitute(values)


def chat(system: str, user: str, seed: str) -> Prompt:
    """Return a prompt of two turns."""
    return Prompt((Message("system", system), Message("user", user)), seed)


def answering(ask: Ask, changed: Mapping[TextField, str], seed: str) -> Prompt:
    """Return a record, with the texts that a child changes, as a chat that ends where its response is to stand."""
    texts: dict[str, str] = dict(ask.texts)
    texts.update(changed.items())
    turns = [Message("system", texts["system"])] if texts["system"].strip() else []
    for turn in ask.history:
        turns += [Message("user", turn["user"]), Message("assistant", turn["assistant"])]
    user = "\n\n".join(text for text in (texts["instruction"], texts["input"]) if text.strip())
    return Prompt((*turns, Message("user", user)), seed)


def fault_of_prompt(text: str, parent: str) -> str:
    """Return why a text is no prompt to put beside its parent; "" if it may be one."""
    if not _TOKEN.search(text):
        return EMPTY
    if _names(text, "leaks", parent):
        return LEAK
    if _names(text, "as_a_model", parent):
        return REFUSAL
    return ""


def fault_of_response(text: str, prompt: str, parent: str) -> str:
    """Return why a text is no response to a prompt; "" if it may be one.

    Args:
        text: the response.
        prompt: what it answers.
        parent: what may be repeated: words in the parent's texts are no fault.
    """
    if not text.strip():
        return EMPTY
    if refusal(text, prompt).rule or _names(text, "as_a_model", prompt + parent):
        return REFUSAL
    return LEAK if _names(text, "leaks", prompt + parent) else ""


def mentions(text: str, kind: str) -> bool:
    """Tell whether a text holds a phrase of a list, English ones as whole words."""
    return _patterns(kind).search(text.lower()) is not None


def _names(text: str, kind: str, parent: str) -> bool:
    return mentions(text, kind) and not mentions(parent, kind)


@cache
def _patterns(kind: str) -> re.Pattern[str]:
    entry = _table()[kind]
    english = [rf"(?<![a-z]){re.escape(phrase)}(?![a-z])" for phrase in entry["en"]]
    return re.compile("|".join(english + [re.escape(phrase) for phrase in entry["zh"]]))


def rouge_l(left: str, right: str) -> float:
    """Return ROUGE-L of two texts, 0 to 1: the F1 of their longest common subsequence of words or characters.

    Lin 2004; the measure that Self-Instruct keeps new instructions apart by. Bit-parallel (Hyyrö 2004).
    """
    ours, theirs = (_TOKEN.findall(text.lower()) for text in (left, right))
    if not ours or not theirs:
        return 1.0 if ours == theirs else 0.0
    return 2 * _common(ours, theirs) / (len(ours) + len(theirs))


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    places: dict[str, int] = {}
    for at, token in enumerate(ours):
        places[token] = places.get(token, 0) | 1 << at
    whole = (1 << len(ours)) - 1
    state = whole
    for token in theirs:
        matched = state & places.get(token, 0)
        state = ((state + matched) | (state - matched)) & whole
    return len(ours) - state.bit_count()
