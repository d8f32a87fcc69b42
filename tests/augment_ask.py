"""Asks for tests of the methods of augmentation: one text, one language, one child."""

from __future__ import annotations

from typing import Any

from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Ask, Child, seed_of
from pipeline.models import Models


def ask_for(text: str, lang: str = "en", number: int = 0) -> Ask:
    return Ask(
        {"system": "", "instruction": text, "input": "", "output": ""},
        (),
        lang,
        seed_of(text, number),
        number,
    )


def children_of(
    method: Any, params: Any, text: str, lang: str = "en", terms: tuple[str, ...] = (), most: int = 40
) -> set[str]:
    """Return all children that many seeds give of one text."""
    asks = [ask_for(text, lang, number) for number in range(most)]
    answers = method.children(asks, params, Guard(terms), Models())
    return {answer.texts["instruction"] for answer in answers if isinstance(answer, Child)}
