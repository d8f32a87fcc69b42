"""Surface noise: prompts as users type them, with slips of the keyboard or of the input method, sloppy case and marks.

A reader must still understand at once, so slips are few, never the first letter, never a word that is another word,
and never in what the meaning hangs on: negations, numbers, quantities, order, directions, anything protected, and the
material that is asked about. Rejected: random characters (nobody types them), and noise by a rate per character
(long prompts drown, short ones stay clean).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Literal, TypeAlias

from pydantic import Field

from pipeline.augment.asking import WORDING, Spans, asking, is_about_words
from pipeline.augment.noise_en import english_slips
from pipeline.augment.noise_zh import chinese_slips
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, MethodParams, NoChild, Passage, RuleMethod, by_passage
from pipeline.models import Models

Kind = Literal["letters", "case", "marks"]

Slip: TypeAlias = tuple[int, int, str]
"""A stretch of a text, as start and stop, and what is typed in its place."""

_UNIT = {"en": 6, "zh": 2}
"""Characters that count as one word, for the rate."""


class NoiseParams(MethodParams):
    """Prompts as users type them."""

    method: Literal["noise"] = "noise"
    rate: float = Field(
        default=0.08,
        gt=0,
        le=0.3,
        description="Slips a word, at least one a text: people make one or two in a prompt and still are understood.",
    )
    most: int = Field(
        default=3,
        ge=1,
        le=20,
        description="Most slips in one text: a long prompt stays as readable as a short one.",
    )
    kinds: tuple[Kind, ...] = Field(
        default=("letters", "case", "marks"),
        min_length=1,
        description="`letters`: typos, in Chinese characters of one sound or shape; `case`: small letters where a "
        "sentence begins (English); `marks`: lost or half-width punctuation, lost apostrophes.",
    )


class Noise(RuleMethod):
    """Method 10."""

    name = "noise"
    version = 1

    def children(
        self, asks: Sequence[Ask], params: NoiseParams, guard: Guard, models: Models
    ) -> list[Answer]:
        """Return one answer an ask, in their order."""

        def rewrite(passages: Sequence[Passage]) -> list[str | NoChild]:
            return [_typed(passage, params) for passage in passages]

        return by_passage(asks, params, guard, rewrite)


_SLIPS: dict[str, Callable[[Passage, Spans, Kind, int, Random], list[Slip]]] = {
    "en": english_slips,
    "zh": chinese_slips,
}


def _typed(passage: Passage, params: NoiseParams) -> str | NoChild:
    """Return a text with a few slips of different kinds, as far as it has places for them."""
    text = passage.text
    if is_about_words(text):
        return NoChild(WORDING)
    random = passage.random("noise")
    spans = asking(text)
    size = sum(stop - start for start, stop in spans)
    wanted = min(params.most, max(1, round(params.rate * size / _UNIT[passage.lang])))
    slips_of = _SLIPS[passage.lang]
    kinds = [kind for kind in params.kinds for _ in range(5 if kind == "letters" else 1)]
    random.shuffle(kinds)
    made: list[Slip] = []
    for kind in dict.fromkeys(kinds):
        share = wanted - len(made) if kind == "letters" else 1
        for slip in slips_of(passage, spans, kind, share, random):
            if len(made) < wanted and all(slip[0] >= stop or slip[1] <= start for start, stop, _ in made):
                made.append(slip)
        if len(made) == wanted:
            break
    for start, stop, new in sorted(made, reverse=True):
        text = text[:start] + new + text[stop:]
    return text
