"""English words that the rules of `syntax` look up: closed classes, and verbs with their forms.

The forms are made by rule from a list of verbs, so that a form is known to be one; irregular ones are listed. Rejected:
`quality.inflection` (it undoes inflection and guesses, here a wrong guess would be a child's text).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"


@cache
def _words() -> dict[str, str]:
    told: dict[str, str] = json.loads((DATA / "english_words.json").read_text("utf-8"))
    return told


def word_set(name: str) -> frozenset[str]:
    """Return a closed class of words, in lower case."""
    return frozenset(_words()[name].split())


BE = frozenset({"is", "are", "was", "were"})
MODALS = frozenset({"can", "could", "should", "would", "will", "might", "must"})
DO = frozenset({"do", "does", "did"})
AUXILIARIES = BE | MODALS | DO | {"has", "have", "had"}
ASKING = frozenset({"what", "which", "who", "whom", "where", "when", "why", "how", "whose"})


@dataclass(frozen=True, slots=True)
class Verbs:
    """Forms of verbs: base to past and participle, and what may stand in an order."""

    past: dict[str, str]
    third: dict[str, str]
    participles: frozenset[str]
    imperatives: frozenset[str]
    pasts: frozenset[str]
    thirds: frozenset[str]


@cache
def verbs() -> Verbs:
    """Return the project's verbs."""
    told = json.loads((DATA / "english_verbs.json").read_text("utf-8"))
    doubled = frozenset(told["doubled"])
    past = {verb: _past(verb, doubled) for verb in told["regular"]}
    past |= {verb: forms.split()[0] for verb, forms in told["irregular"].items()}
    third = {verb: _third(verb) for verb in past} | dict(told["third_irregular"])
    irregular = {forms.split()[1] for forms in told["irregular"].values()}
    participles = frozenset(told["participles"]) | irregular
    return Verbs(
        past,
        third,
        participles,
        frozenset(told["imperatives"]),
        frozenset(past.values()),
        frozenset(third.values()),
    )


def _past(verb: str, doubled: frozenset[str]) -> str:
    if verb in doubled:
        return verb if verb == "split" else verb + verb[-1] + "ed"
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return {
        "shed": "shed",
        "freeze": "froze",
        "feed": "fed",
        "lay": "laid",
        "shrink": "shrank",
        "bite": "bit",
    }.get(verb, verb + "ed")


def _third(verb: str) -> str:
    if verb.endswith(("s", "x", "z", "ch", "sh")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"
