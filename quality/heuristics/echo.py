"""How much a response merely says its prompt again.

Likeness is the Jaccard index of two multisets of bigrams: 1.0 for texts equal but for case and
punctuation, near 1.0 when a word was added. A restated question with an answer behind it falls well below.
Rejected: edit distance (quadratic) and containment alone (the answer to a choice stands in its question).
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from quality.heuristics.units import is_unspaced, units

_LABEL = re.compile(
    r"\W{0,4}(?:instruction|prompt|question|task|q|指令|问题|任务|题目|提问|问)\W{0,2}[:：]\W{0,4}", re.I
)
_MIN_WORDS = 4
_MIN_CHARS = 6


def echo(response: str, instruction: str, prompt: str) -> float:
    """Return how much a response says its instruction, or its instruction and input, again, in [0, 1].

    A statement that restates a question answers it ("is it late?", "it is late"), so unless the words are
    the same it is no echo. Neither is a copy of the input alone: that may be the right answer.

    Args:
        response: the response.
        instruction: the instruction.
        prompt: instruction and input; equal to the instruction if there is no input.
    """
    label = _LABEL.match(response)
    if label is not None and not _LABEL.match(instruction):
        response = response[label.end() :]
    if _said_again_and_again(response, instruction):
        return 1.0
    found = likeness(response, instruction)
    if len(prompt) > len(instruction) and units(response)[:4] == units(instruction)[:4]:
        found = max(found, likeness(response, prompt))
    asks = instruction.rstrip().endswith(("?", "？"))
    if 0.0 < found < 1.0 and asks and not response.rstrip().endswith(("?", "？")):
        return 0.0
    return found


def _said_again_and_again(response: str, instruction: str) -> bool:
    """Return whether a response is its instruction twice or more and nothing else."""
    if len(response) < 2 * len(instruction) - 4 or response[:2].lower() != instruction[:2].lower():
        return False
    once = units(instruction)
    least = _MIN_CHARS if is_unspaced(once) else _MIN_WORDS
    if len(once) < least:
        return False
    said = units(response)
    times, rest = divmod(len(said), len(once))
    return times >= 2 and rest == 0 and said == once * times


def likeness(response: str, other: str) -> float:
    """Return how alike two texts are, in [0, 1].

    0.0 where the response has under 4 words (6 characters in scripts without spaces), or where one text
    is over twice as long as the other.
    """
    if not other or len(response) > 2 * len(other) + 40 or len(other) > 2 * len(response) + 40:
        return 0.0
    left, right = units(response), units(other)
    shorter, longer = sorted((len(left), len(right)))
    if shorter < _MIN_WORDS or 2 * shorter < longer:
        return 0.0
    if is_unspaced(left) and len(left) < _MIN_CHARS:
        return 0.0
    if left == right:
        return 1.0
    mine = Counter(pairwise(left))
    theirs = Counter(pairwise(right))
    both = (mine & theirs).total()
    return both / (len(left) + len(right) - 2 - both)
