"""Responses in which a model declines the task.

A refusal is an opening by which a model says that it cannot, and no help after it: what follows is an
apology, a question back or advice to look elsewhere. So the finding has two parts, the rule and the width of
the help, and the threshold on the help can move without measuring anew. Regrets that the prompt asked for
(a reply to a customer, an invitation declined) and answers about the model itself are no refusals, nor is what
a person says of himself, what the prompt itself says, or a text without a prompt: nothing was asked.
Rejected: a list of phrases alone, which loses every answer that begins "As an AI" and then does the task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from quality.heuristics.lexicon import section
from quality.heuristics.units import width

_HEAD = 320
_PREAMBLE = 60
_TURNED = 2
_TELLING = 160
_QUOTES = {"“": "”", "「": "」", "『": "』", "‘": "’", '"': '"'}
_SPEECH_TAIL = 4
_LONGEST = 6000
_REGRET = re.compile(r"sorry|apolog|unfortunately|regret|抱歉|对不起|遗憾|不好意思")
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_BARE = (".cannot", ".not_able")
_WORDS_BEHIND = re.compile(r"(?:\W{0,3}(?:[^\W\u2e80-\uffff]+|[\u2e80-\uffff]{2})){0,2}")
_SELF = ("as_ai", "model_cannot", "not_by_model", "task_cannot", "task_declined")


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
        prompt: instruction and input, which may ask for regrets or about the model; "" declines nothing.
    """
    if not prompt.strip():
        return NONE
    opening = section("refusal.opening")
    lowered = response[:_LONGEST].lower()
    found = opening.first(lowered[:_HEAD])
    if found is None:
        return NONE
    rule, match = found
    if _in_quotes(lowered, match.start()):
        return NONE
    asked = prompt[:_LONGEST].lower()
    if section("refusal.about_model").matches(asked) or _by_a_person(rule, match, lowered, asked):
        return NONE
    if not rule.endswith(_SELF) and (section("refusal.asked").matches(asked) or _REGRET.search(asked)):
        return NONE
    preamble = lowered[: match.start()].strip()
    before = 0 if len(preamble) <= _PREAMBLE or _REGRET.search(preamble) else width(preamble)
    return Refusal(rule, before + _help(lowered[match.end() :]))


def _by_a_person(rule: str, match: re.Match[str], text: str, asked: str) -> bool:
    """Return whether the prompt says the same words, or the sentence tells of the speaker's own life."""
    behind = _WORDS_BEHIND.match(text, match.end())
    said = text[match.start() : behind.end() if behind else match.end()].strip()
    if len(said) > len(match.group()) and said in asked:
        return True
    if not rule.endswith(_BARE):
        return False
    return section("refusal.person").matches(text[match.end() : match.end() + _TELLING])


def _in_quotes(text: str, at: int) -> bool:
    """Return whether a text opens with speech in quotes that holds a place and has words behind it."""
    opening = text.lstrip()[:1]
    closing = text.find(_QUOTES.get(opening, "\0"), at)
    return closing >= 0 and len(text) - closing > _SPEECH_TAIL


def _help(declined: str) -> int:
    """Return the width of what still helps behind the words that decline.

    Sentences that belong to declining do not count; what stands behind a "however" counts double,
    as that is where a response goes on to do the task.
    """
    opening, idle, pivot = (section(f"refusal.{part}") for part in ("opening", "idle", "pivot"))
    turn = pivot.first(declined)
    turned = turn[1].start() if turn is not None else len(declined)
    total = 0
    for weight, part in ((1, declined[:turned]), (_TURNED, declined[turned:])):
        for match in _SENTENCE.finditer(part):
            sentence = match.group().strip()
            if (weight == 1 and match.start() == 0) or opening.matches(sentence):
                continue
            total += 0 if idle.matches(sentence) else weight * width(sentence)
    return total
