"""Asks for JSON of a shape and checks what comes: the schema is asked for, and never trusted.

An answer that does not fit is shown back with what is wrong and asked again, a bounded number of times; then it is
malformed, which is an answer too. Rejected: mending JSON by rule (a missing bracket is mended into another answer),
and trusting `strict` (servers ignore what they do not know).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.models.generator import CUT, Generator, Message, Prompt, Sampling, Shape, generations
from pipeline.models.text_cache import TextCache
from pipeline.store import digest

MALFORMED = "malformed"
_FENCED = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_SHOWN_AGAIN = 2000

ShapeT = TypeVar("ShapeT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Structured(Generic[ShapeT]):
    """An answer of the shape asked for, or why there is none: `malformed`, or the generator's fault."""

    value: ShapeT | None
    fault: str = ""


def structured(
    generator: Generator,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    shape: type[ShapeT],
    tries: int,
    cache: TextCache,
) -> list[Structured[ShapeT]]:
    """Return an answer of a shape for each prompt, in their order.

    Args:
        generator: writes.
        prompts: ask for the JSON in words; the schema goes along where the generator takes one.
        sampling: how to draw.
        shape: what an answer must be.
        tries: times a prompt is asked at most.
        cache: holds answers, well-formed or not.

    Raises:
        ModelError: the generator fails.
    """
    found: list[Structured[ShapeT]] = [Structured(None, MALFORMED)] * len(prompts)
    asked = _shape(shape)
    pending = dict(enumerate(prompts))
    for number in range(tries):
        if not pending:
            break
        answers = generations(generator, list(pending.values()), sampling, asked, cache)
        again: dict[int, Prompt] = {}
        for (at, prompt), answer in zip(pending.items(), answers, strict=True):
            value, wrong = (None, "it was cut off") if answer.fault else parse(answer.text, shape)
            if value is not None:
                found[at] = Structured(value)
            elif answer.fault and answer.fault != CUT:
                found[at] = Structured(None, answer.fault)
            else:
                found[at] = Structured(None, answer.fault or MALFORMED)
                again[at] = _asked_again(prompts[at], prompt, answer.text, wrong, number)
        pending = again
    return found


def parse(text: str, shape: type[ShapeT]) -> tuple[ShapeT | None, str]:
    """Return the value of a shape that a text holds, and what is wrong where it holds none.

    JSON may stand in a code fence or between words; the text must hold one object of the shape.
    """
    fenced = _FENCED.search(text)
    inner = text[text.find("{") : text.rfind("}") + 1]
    wrong = "it holds no JSON object"
    for candidate in dict.fromkeys((text.strip(), fenced.group(1) if fenced else "", inner)):
        if not candidate.startswith("{"):
            continue
        try:
            return shape.model_validate(json.loads(candidate), strict=True), ""
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            wrong = f"{'.'.join(map(str, first['loc'])) or 'the object'}: {first['msg']}"
        except (ValueError, RecursionError) as error:
            wrong = f"it is no JSON ({getattr(error, 'msg', type(error).__name__)})"
    return None, wrong


def _asked_again(first: Prompt, last: Prompt, text: str, wrong: str, number: int) -> Prompt:
    """Return the prompt with its last answer and what was wrong with it, under another seed."""
    note = f"That is not the JSON asked for: {wrong}. Answer again, with the JSON object only."
    turns = (Message("assistant", text[:_SHOWN_AGAIN]), Message("user", note)) if text.strip() else ()
    return Prompt((*first.messages, *turns), digest(last.seed, "again", number))


@cache
def _shape(shape: type[BaseModel]) -> Shape:
    schema = shape.model_json_schema()
    return Shape(shape.__name__.lower(), json.dumps(schema, sort_keys=True, ensure_ascii=False))
