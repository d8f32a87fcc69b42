"""Other forms of an English request: question or order, clause before or after, active or passive, short or long.

Each rule reads one sentence and tells it in another form, or nothing; a rule that cannot see where a subject ends
(`questions_en`) or what an `if` hangs on stays away. Rejected: passives of whole prompts (nobody types `Let a story be
written`), fronting what may belong to a noun (`movies based on books`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.augment.questions_en import clause_of
from pipeline.augment.sentences import capitalised, decapitalised
from pipeline.augment.words_en import ASKING, AUXILIARIES, DATA, verbs, word_set

_POLITE = re.compile(r"^(?:please,? )?(?:can|could|will|would) you (?:please |kindly )?(.+)$", re.IGNORECASE)
_PLEASE = re.compile(r"^please,? (.+)$|^(.+?),? please$", re.IGNORECASE)
_STARTS = word_set("starts")
_NOUNS_TOO = word_set("nouns_too")
_FRONTED = re.compile(
    r"^((?:if|when|using|based on|according to|as per|from|given|in|without|after|for|to|on)\b[^,]*), (.+)$",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"^(.+?) (based on|according to|using(?: only)?|from|given) ((?:the|this|that|these) (?:[\w-]+ ){0,3}?(?:text|"
    r"paragraph|passage|article|information|context|reference|sentence|description|data|excerpt|story|list)"
    r"(?: below| above| provided| given| here)?)$",
    re.IGNORECASE,
)
_IF_BACK = re.compile(r"^(.{12,}?) if ((?:i|you|we|they|it|there|the|a|an|my)\b[^,]*)$", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|he|his|she|her|him|this|these|that|those|one|such)\b", re.IGNORECASE
)
_ASKS_WHETHER = word_set("asks_whether")
_WHO_DID = re.compile(r"^who (\w+) (.+)$", re.IGNORECASE)
_DONE_BY = re.compile(r"^(?:who|by whom) (?:was|were) (.+?) (\w+)(?: by)?$", re.IGNORECASE)
_LISTED = re.compile(
    r"^(?:list|name|give me|tell me|provide|suggest)(?: me)? "
    r"((?:some|a few|\d+|two|three|four|five|six|seven|eight|nine|ten) .+)$",
    re.IGNORECASE,
)
_EMBEDS = re.compile(r"\b(?:know|tell me|wonder|see|check|determine|identify)\b")
_LONGEST_RESPELLED = 80
_TWO_VERBS = re.compile(
    r"\b(?:then|and (?:explain|describe|list|give|tell|write|why|how|what|provide))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Form:
    """A sentence in another form: what was done, its words, and the mark it ends with."""

    kind: str
    words: str
    mark: str


@cache
def tables() -> dict[str, Any]:
    """Return the words that the rules of both languages choose from."""
    told: dict[str, Any] = json.loads((DATA / "syntax.json").read_text("utf-8"))
    return told


def order_of(words: str) -> str | None:
    """Return the verb phrase of an order, without `please`, or None if the words are no clear order."""
    match = _PLEASE.match(words)
    phrase = (match.group(1) or match.group(2)) if match else words
    parts = phrase.split(" ")
    verb = parts[0].lower()
    if verb not in verbs().imperatives and verb != "let":
        return None
    second = parts[1].lower().strip(",") if len(parts) > 1 else ""
    if not second or (verb in _NOUNS_TOO and second not in _STARTS and not second.isdigit()):
        return None
    if verb == "let" and second != "me":
        return None
    if re.search(r"\?|;|^\w+ (?:is|are|was|were|has)\b|\bplease\b", phrase):
        return None
    return parts[0].lower() + phrase[len(parts[0]) :]


def forms(words: str, mark: str) -> list[Form]:
    """Return a sentence's other forms, each once.

    Args:
        words: the sentence without its mark.
        mark: the mark, or "" at the end of a text.
    """
    plain = words.strip()
    found: list[Form] = []
    polite = _POLITE.match(plain)
    if polite:
        phrase = order_of(polite.group(1))
        if phrase:
            found += [
                Form("request_to_order", capitalised(phrase), "."),
                Form("request_to_order", f"Please {phrase}", "."),
            ]
    elif mark in ("?", ""):
        found += _told(plain) + _voice(plain)
    if mark != "?" and not polite:
        found += _asked(plain)
    found += _moved(plain, mark)
    return found


def lighter_forms(words: str, mark: str) -> list[Form]:
    """Return a sentence with its short forms long or its long ones short: little changes, so a last resort."""
    return _spelled_out(words.strip(), mark) if len(words) < _LONGEST_RESPELLED else []


def _told(question: str) -> list[Form]:
    """Return a question as orders to tell."""
    clause = clause_of(question)
    if clause is None:
        return []
    frames: list[str] = []
    if clause.named:
        group = "named_plural" if clause.plural else "named_who" if clause.kind == "who" else "named"
        frames += [frame.replace("{np}", clause.named) for frame in tables()["en"][group]]
        if clause.named.lower().startswith("the difference"):
            frames = [f"{verb} {clause.named}" for verb in ("Explain", "Describe", "Tell me")]
    if clause.text and not (clause.named and len(clause.text) > 45):
        group = clause.kind if clause.kind in ("how", "why", "whether", "what", "who") else "other"
        if group == "how" and not clause.text.startswith(("how to", "how do")) and clause.text.split()[1] in (
            "many", "much", "long", "old", "far", "often", "tall", "big", "deep", "fast", "high", "hot", "large"
        ):  # fmt: skip
            group = "other"
        if group == "what" and not re.search(r" (?:is|are|means|stands for)$", clause.text):
            group = "other"
        frames += [frame.replace("{c}", clause.text) for frame in tables()["en"][group]]
    return [Form("question_to_order", frame, ".") for frame in frames]


def _asked(words: str) -> list[Form]:
    """Return an order as a question."""
    phrase = order_of(words)
    if phrase is None:
        return []
    found = [Form("order_to_question", f"{start} {phrase}", "?") for start in tables()["en"]["requests"]]
    listed = _LISTED.match(phrase)
    if listed and not _TWO_VERBS.search(listed.group(1)):
        heads = re.split(r"\b(?:to|for|that|which|of|in|from|with|on|about)\b", listed.group(1), maxsplit=1)[
            0
        ].split()
        if heads and heads[-1].lower() in tables()["en"]["things"]:
            found += [Form("order_to_question", f"What are {listed.group(1)}", "?")] * 3
    return found


def _moved(words: str, mark: str) -> list[Form]:
    """Return a sentence with its adverbial at the other end."""
    match = _FRONTED.match(words)
    if match:
        adverbial, main = match.groups()
        start = main.split(" ")[0].lower().rstrip(",")
        starts = start in ASKING or start in AUXILIARIES or order_of(main) is not None
        if (
            not starts
            or "," in main
            or _POINTS_BACK.search(main)
            or len(adverbial.split()) > 14
            or len(main.split()) > 25
        ):
            return []
        if " and " in main and adverbial.split()[0].lower() not in ("if", "given"):
            return []
        first = adverbial.split()[0].lower()
        if first in ("in", "on", "for", "to", "from", "when", "after") and _TWO_VERBS.search(main):
            return []
        if first == "to" or (first in ("in", "on", "for") and start not in ASKING):
            return []
        comma = "," if first in ("given", "as") else ""
        return [Form("clause_order", f"{capitalised(main)}{comma} {decapitalised(adverbial)}", mark or ".")]
    back = _BACK.match(words)
    if back and "," not in words:
        main, word, rest = back.groups()
        start = main.split(" ")[0].lower()
        if (
            (order_of(main) or start in ASKING)
            and not _POINTS_BACK.search(rest[4:])
            and len(main.split()) > 2
        ):
            if word == "from" and start not in (
                "extract",
                "list",
                "identify",
                "find",
                "pick",
                "select",
                "get",
                "please",
            ):
                return []
            return [Form("clause_order", f"{capitalised(word)} {rest}, {decapitalised(main)}", mark or ".")]
    late = _IF_BACK.match(words)
    if late and "," not in words:
        main, condition = late.groups()
        start = main.split(" ")[0].lower()
        asks = start in ASKING or start in AUXILIARIES or order_of(main) is not None
        whether = start in _ASKS_WHETHER or _EMBEDS.search(main)
        if asks and not whether and not _POINTS_BACK.search(condition) and " and " not in main:
            condition = re.sub(r"^i\b", "I", condition)
            return [Form("clause_order", f"If {condition}, {decapitalised(main)}", mark or ".")]
    return []


def _singular(phrase: str) -> bool:
    """Tell whether a noun phrase is surely one thing."""
    if phrase[:1] in "\"'“":
        return True
    head = re.split(r" (?:of|in|at|for|from|on|by|called|with)\b", phrase)[0]
    if (
        " and " in head
        or "," in phrase
        or (head.lower().endswith("s") and not head.lower().endswith(("ss", "us", "is")))
    ):
        return False
    return bool(re.match(r"(?:the|a|an) ", phrase, re.IGNORECASE)) or phrase[0].isupper()


def _voice(question: str) -> list[Form]:
    done = tables()["en"]["done"]
    match = _WHO_DID.match(question)
    if (
        match
        and match.group(1).lower() in done
        and _singular(match.group(2))
        and len(match.group(2).split()) < 9
    ) and not re.search(r"\b(?:when|while|after|before|to|who|that|with)\b", match.group(2)):
        return [Form("passive", f"Who was {match.group(2)} {done[match.group(1).lower()]} by", "?")]
    match = _DONE_BY.match(question)
    if match and (question.lower().endswith(" by") or question.lower().startswith("by")):
        active = {participle: past for past, participle in done.items()}
        if match.group(2).lower() in active:
            return [Form("active", f"Who {active[match.group(2).lower()]} {match.group(1)}", "?")]
    return []


def _spelled_out(words: str, mark: str) -> list[Form]:
    """Return a sentence with its short forms long, or its long forms short."""
    pairs: dict[str, str] = tables()["en"]["contractions"]
    short = _pattern(tuple(pairs)).sub(
        lambda m: _like(pairs[m.group().replace("’", "'").lower()], m.group()), words
    )
    if short != words:
        return [Form("expanded", short, mark)]
    longer = {
        long.lower(): brief for brief, long in pairs.items() if "n't" in brief or brief in ("what's", "i'm")
    }
    long = _pattern(tuple(longer)).sub(lambda m: _like(longer[m.group().lower()], m.group()), words)
    return [Form("contracted", long, mark)] if long != words else []


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    found = "|".join(
        re.escape(word).replace("'", "['’]") for word in sorted(words, key=lambda w: (-len(w), w))
    )
    return re.compile(rf"\b(?:{found})\b(?! (?:been|got|gotten|had))", re.IGNORECASE)


def _like(word: str, model: str) -> str:
    word = re.sub(r"^i\b", "I", word)
    return capitalised(word) if model[:1].isupper() else word
