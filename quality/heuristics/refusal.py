"""Responses in which a model declines the task.

A refusal is an opening by which a model says that it cannot, and no help after it: what follows is an
apology, a question back or advice to look elsewhere. So the finding has two parts, the rule and the width of
the help, and the threshold on the help can move without measuring anew. Regrets that the prompt asked for
(a reply to a customer, an invitation declined) and answers about the model itself are no refusals.
Rejected: a list of phrases alone, which loses every answer that begins "As an AI" and then does the task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from quality.heuristics.lexicon import section
from quality.heuristics.units import width

_HEAD = 320
_PREAMBLE = 60
_LONGEST = 6000
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_SELF = ("as_ai", "model_cannot", "not_by_model", "task_cannot")


@dataclass(frozen=True, slots=True)
class Refusal:
    """The rule that recognised a refusal ("" if none) and the columns of text that still help."""

    rule: str = ""
    help: int = 0


NONE = Refusal()


def refusal(response: str, prompt: str) -> Refusal:
    """Look for a refusal in the opening of a response.

    Args:
        response: the response; its first 320 characters may decline.
        prompt: instruction and input, which may ask for regrets or about the model.
    """
    opening = section("refusal.opening")
    lowered = response[:_LONGEST].lower()
    found = opening.first(lowered[:_HEAD])
    if found is None:
        return NONE
    rule, match = found
    asked = prompt.lower()
    if section("refusal.about_model").matches(asked):
        return NONE
    if not rule.endswith(_SELF) and section("refusal.asked").matches(asked):
        return NONE
    before = width(lowered[: match.start()].strip()) if match.start() > _PREAMBLE else 0
    return Refusal(rule, before + _help(lowered[match.end() :]))


def _help(declined: str) -> int:
    """Return the width of what still helps behind the words that decline.

    Sentences that belong to declining do not count; what stands behind a "however" in the same
    sentence does, unless it only offers.
    """
    opening, idle, pivot = (section(f"refusal.{part}") for part in ("opening", "idle", "pivot"))
    turn = pivot.first(declined)
    turned = turn[1].start() if turn is not None else len(declined)
    total = 0
    for first, part in ((True, declined[:turned]), (False, declined[turned:])):
        for match in _SENTENCE.finditer(part):
            sentence = match.group().strip()
            if (first and match.start() == 0) or opening.matches(sentence):
                continue
            total += 0 if idle.matches(sentence) else width(sentence)
    return total
