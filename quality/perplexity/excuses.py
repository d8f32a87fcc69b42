"""Why a text may look like keys hit at random and be good: another language, or a request for what is no wording.

Passwords, ciphers, reversed letters and phonetic spellings are gibberish to any model, and right where the prompt asks
for them; a French sentence among English ones is as unexpected. Only texts with strange words are looked at. Rejected:
a model of every language (a corpus holds one or two), and judging the request by its length or its first verb.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from importlib.resources import files

from quality.language import asked, holds_small_words, identify
from quality.perplexity.plausibility import Plausibility
from quality.perplexity.scores import Scores

REQUESTED = "requested"
"""The excuse of a text whose prompt asks for what is no wording; other excuses are codes of languages."""
_LEAST = 8
"""Strange letters below which nothing needs an excuse."""
_LONGEST = 2_000


def excuses(prompts: Sequence[str], texts: Sequence[str], found: Plausibility | Scores) -> list[str]:
    """Return the excuse of each text: `REQUESTED`, the language that it reads as sentences of, or "".

    Args:
        prompts: what was asked, of each text; of a prompt the prompt itself.
        texts: responses, or prompts.
        found: their numbers; a text without strange words gets "".
    """
    told = [""] * len(texts)
    strange = (found.strange * found.wording >= _LEAST) & (found.script == 1)
    others = []
    for row in ((found.strange * found.wording >= _LEAST).nonzero()[0]).tolist():
        lowered = prompts[row][:_LONGEST].lower()
        if _requests().search(lowered) or (prompts[row] != texts[row] and asked(prompts[row]).named):
            told[row] = REQUESTED
        elif strange[row]:
            others.append(row)
    languages = identify([texts[row] for row in others], library="none")
    for row, language in zip(others, languages, strict=True):
        if language.confidence > 0 and holds_small_words(texts[row][:_LONGEST], language.code):
            told[row] = language.code
    return told


@functools.cache
def _requests() -> re.Pattern[str]:
    told = json.loads(files("quality.perplexity").joinpath("data", "requests.json").read_text("utf-8"))
    english = "|".join(told["en"])
    return re.compile(rf"\b(?:{english})|" + "|".join(told["zh"]))
