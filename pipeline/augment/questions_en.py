"""English questions told as clauses: `How do plants grow?` is `how plants grow`, `When did Rome fall?` `when ... fell`.

A clause has its subject before its verb and no auxiliary `do`, so the end of the subject must be known. It is where a
pronoun says so, where no inversion happened (`do` falls away, the asked one is the subject), or before the one word of
a list of verbs and participles that can be the verb; anything else is refused. Order and forms after Quirk et al., A
Comprehensive Grammar of the English Language (1985), 11.14 and 15.5. Rejected: a parser's model, for which the
method would need one in every language and could not say what it does not know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.augment.subjects_en import (
    DETERMINERS,
    LONGEST_MOVED,
    PREPOSITIONS,
    PRONOUNS,
    join,
    predicate,
    subject_and_rest,
)
from pipeline.augment.words_en import AUXILIARIES, BE, MODALS, verbs, word_set

_DEGREES = word_set("degrees")
_INSTANCE = word_set("instance")
_LOCATED = word_set("located")
_SUBORDINATE = re.compile(
    r",? (?:and|or|but)(?: then)? (?:what|why|how|who|where|when|which|is|are|was|were|do|does|did|can|should|if|"
    r"please)\b"
    r"|[;:?!]|, (?:what|why|how|who|where|when|which)\b|, (?:right|correct|is it|isn't)\b",
    re.IGNORECASE,
)
_SHORT = {"what's": "what is", "whats": "what is", "who's": "who is", "where's": "where is", "how's": "how is",
          "when's": "when is", "why's": "why is"}  # fmt: skip
_HEADS = re.compile(
    r"^(?:the|their|its|his|her) (?:[\w'’-]+ ){0,3}?(?:names?|capital|difference|differences|purpose|meaning|number|"
    r"population|size|height|length|origin|history|role|definition|benefits|advantages|disadvantages|causes|"
    r"symptoms|rules|steps|ingredients|main \w+|members|types|parts|effects|features|characteristics|stages|"
    r"reasons?|colors?|date|year|cost|price|function|functions|impact|importance|best \w+|most \w+ \w+|"
    r"\w{3,}est \w+|scientific name|official \w+|full form|pros|key \w+|different \w+|title|location|distance|"
    r"process|formula|currency|population|requirements|winners?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A question as a clause: `whether` for those answered by yes or no.

    Args:
        text: the clause, its first word in lower case: `what the capital of France is`.
        kind: the word that asks, or `whether`.
        named: what a `what is` question asks for, as a noun phrase that can be named, told or listed; "" if none.
        plural: whether `named` is more than one thing.
    """

    text: str
    kind: str
    named: str = ""
    plural: bool = False


def clause_of(question: str) -> Clause | None:
    """Return a question as a clause, or None where its grammar is not clear.

    Args:
        question: one sentence without its mark.
    """
    words = question.split()
    if len(words) < 2 or len(words) > 40 or _SUBORDINATE.search(question):
        return None
    first = words[0].replace("’", "'").lower()
    words = (_SHORT[first].split() if first in _SHORT else [words[0].lower()]) + words[1:]
    first = words[0]
    if first in AUXILIARIES:
        return _yes_no(words)
    if first in ("what", "where", "when", "who") and words[1].lower() == "to":
        return Clause(join(words), first) if len(words) > 2 else None
    if first in ("in", "on", "at", "for", "to") and words[1].lower() in ("what", "which"):
        return _after(words, 3, _aux_from(words, 3, 6))
    if first in ("what", "which"):
        if words[1].lower() in AUXILIARIES:
            return _after(words, 1, 1) if first == "what" else _which_is(words)
        return _of_noun(words)
    if first == "how":
        return _how(words)
    if first in ("who", "why", "when", "where"):
        return _after(words, 1, 1 if words[1].lower() in AUXILIARIES else None)
    return None


def _aux_from(words: list[str], start: int, most: int) -> int | None:
    """Return where the first auxiliary stands, from `start` and before `most`."""
    return next((at for at in range(start, min(most, len(words))) if words[at].lower() in AUXILIARIES), None)


def _which_is(words: list[str]) -> Clause | None:
    return Clause(join(words), "which") if len(words) > 3 and words[1].lower() in BE else None


def _of_noun(words: list[str]) -> Clause | None:
    """Return `which company produces X`, `what kind of questions people ask`: asked with a noun."""
    kind = words[0]
    if words[1].lower() in ("some", "are", "is"):
        return None
    at = _aux_from(words, 2, 8)
    if at is None:
        seen = next(
            (n for n in range(2, min(6, len(words) - 1)) if words[n] in verbs().pasts | verbs().thirds), None
        )
        at_once = words[1] in verbs().pasts | verbs().thirds and kind == "what"
        return Clause(join(words), kind) if seen or at_once else None
    aux, after = words[at].lower(), words[at + 1 :]
    if not after:
        return None
    if aux in BE | {"has", "have", "had"} | MODALS:
        own = subject_and_rest(after, aux)
        if own and after[0].lower() in PRONOUNS:
            return Clause(join(words[:at], own), kind)
        word = after[0].lower()
        sure = word in (
            "a",
            "an",
            "not",
            "best",
            "most",
            "considered",
            "known",
            "used",
            "better",
            "associated",
            "the",
        )
        sure = sure or word in verbs().participles
        if word == "the" and not (
            len(after) > 1 and re.fullmatch(r"\w{2,}est|most|only|first|last|best", after[1])
        ):
            return None
        if (
            after[-1].lower() in PREPOSITIONS
            or (aux in BE and not sure)
            or (kind == "what" and word in ("a", "an"))
        ):
            return None
        if aux in MODALS:
            return Clause(join(words), kind) if word in verbs().past or word == "be" else None
        return Clause(join(words), kind)
    return _after(words, at, at)


def _how(words: list[str]) -> Clause | None:
    second = words[1].lower()
    if second in ("many", "much"):
        at = _aux_from(words, 2, 7)
        if at is None or at + 1 >= len(words):
            return None
        if words[at].lower() in BE | MODALS | {"has", "have", "had"}:
            return _there_are(words, at)
        return _after(words, at, at)
    if second in _DEGREES:
        at = _aux_from(words, 2, 3)
        return None if at is None else _after(words, 2, at)
    if second == "to":
        return Clause(join(words), "how") if len(words) > 2 else None
    if second in ("about", "come", "would") or second not in AUXILIARIES:
        return None
    return _after(words, 1, 1)


def _there_are(words: list[str], at: int) -> Clause | None:
    after = words[at + 1 :]
    if words[at].lower() in BE and after[0].lower() == "there":
        return Clause(join(words[:at], "there", words[at].lower(), after[1:]), "how")
    own = after[0].lower() in PRONOUNS and subject_and_rest(after, words[at].lower())
    return Clause(join(words[:at], own), "how") if own else None


def _after(words: list[str], stop: int, at: int | None) -> Clause | None:
    """Return the clause of a question whose asking words end at `stop` and whose auxiliary stands at `at`."""
    asking, kind = words[:stop], words[0]
    if at is None:
        if kind == "who" and (words[1] in verbs().pasts | verbs().thirds):
            return Clause(join(words), kind)
        return None
    aux, after = words[at].lower(), words[at + 1 :]
    if (
        not after
        or after[0].lower() in ("not", "n't")
        or [word.lower() for word in after[:2]] == ["you", "mean"]
    ):
        return None
    if aux in BE and stop == 1:
        return _copula(kind, aux, after)
    told = subject_and_rest(after, aux, asking[0] == "how" and len(asking) == 1)
    return None if told is None else Clause(join(asking, told), kind)


def _copula(kind: str, aux: str, after: list[str]) -> Clause | None:
    """Return the clause of `what is`, `who was`, `where are`, `when was`, `why is`, `how is`."""
    if any(word.lower() in ("that", "which") for word in after[:2]):
        return None
    last = after[-1].lower()
    if kind in ("why", "how"):
        told = subject_and_rest(after, aux)
        return None if told is None else Clause(join(kind, told), kind)
    if kind in ("where", "when"):
        return _where(kind, aux, after, last)
    if last == "like" and kind == "what":
        return Clause(join(kind, after[:-1], aux, "like"), kind) if len(after) < 8 else None
    if last in PREPOSITIONS or (last in verbs().participles and len(after) > 1):
        return None
    if after[0].lower() in ("a", "an") and any(word.lower() in _INSTANCE for word in after[1:3]):
        return None
    if after[0].lower() in verbs().participles | {"special", "wrong", "needed", "unique", "considered"}:
        return Clause(join(kind, aux, after), kind)
    if any(word.endswith("ing") and n and after[n - 1].lower() in PRONOUNS for n, word in enumerate(after)):
        return None
    if after[0].lower() in PRONOUNS:
        return None
    return _named(kind, aux, after)


def _named(kind: str, aux: str, after: list[str]) -> Clause | None:
    phrase = join(after)
    plural = aux in ("are", "were")
    some = re.match(
        r"(?:some|a few|\d+|two|three|four|five|six|seven|eight|nine|ten)\b", phrase, re.IGNORECASE
    )
    named = (
        phrase
        if (some and plural) or (kind == "what" and aux in ("is", "are") and _HEADS.match(phrase))
        else ""
    )
    verbal = {
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "do",
        "does",
        "did",
        "can",
        "if",
        "when",
        "who",
        "because",
    }
    broken = any(word.lower() in verbal for word in after)
    if len(after) <= LONGEST_MOVED and not some and "," not in phrase and not broken:
        return Clause(join(kind, after, aux), kind, named, plural)
    if named:
        return Clause("", kind, named, plural)
    if kind == "who" and after[0].lower() == "the" and aux in ("is", "are"):
        return Clause("", kind, phrase, plural)
    return None


def _where(kind: str, aux: str, after: list[str], last: str) -> Clause | None:
    if any(word.lower() in ("good", "best", "some") for word in after[:2]):
        return None
    if last in _LOCATED:
        return Clause(join(kind, after[:-1], aux, after[-1]), kind) if 1 < len(after) <= 8 else None
    at = predicate(after)
    if at is not None:
        return Clause(join(kind, after[:at], aux, after[at:]), kind)
    if last in PREPOSITIONS or len(after) > LONGEST_MOVED or any(w.endswith(("ing", "ed")) for w in after):
        return None
    return Clause(join(kind, after, aux), kind)


def _yes_no(words: list[str]) -> Clause | None:
    """Return `whether X is Y`."""
    aux, after = words[0].lower(), words[1:]
    if (
        len(after) < 2
        or (aux in MODALS and after[0].lower() == "you")
        or re.search(r"\bor not\b", join(after))
    ):
        return None
    if aux in BE:
        if after[0].lower() in ("it", "there", "they", "he", "she"):
            return Clause(join("whether", after[0], aux, after[1:]), "whether")
        if after[0].lower() in DETERMINERS:
            return None
        at = next((n for n in range(1, min(5, len(after))) if after[n] in ("a", "an")), None)
        if at is None or not all(w[0].isupper() for w in after[:at]):
            return None
        return Clause(join("whether", after[:at], aux, after[at:]), "whether")
    if aux == "do" and after[0].lower() == "you":
        return None
    told = subject_and_rest(after, aux)
    return None if told is None else Clause(join("whether", told), "whether")
