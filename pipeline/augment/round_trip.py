"""Which changes of a round trip by rules may stay in a sentence; all others are taken back.

Apertium's Spanish round trip of a whole prompt seldom reads as something a person typed (about one in thirty), but some
of what it changes does: another word for the same thing, a relative clause for a participle. So parent and return are
aligned, each change is looked up among those that were read in context (`data/round_trip_en.yaml`), and what is not
there comes back as it was. Words that the translator could not do, wrong agreement and lost words are so
taken back by construction. Rejected: taking or refusing whole sentences (a child for one prompt in a hundred), and
asking a thesaurus whether a change is fine (WordNet calls `certain` and `sure` the same).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import TypeVar

from pipeline.augment.stand_ins import Masked
from quality.inflection import forms

_FILE = Path(__file__).parent / "data" / "round_trip_en.yaml"
_WORD = re.compile(r"[\w]+(?:['’-]\w+)*|[^\w\s]")
_MARKS = "*#@"
_INDEFINITE = (
    r"(?<!\bthe )(?<!these )(?<!those )(?<!following )(?<!given )(?<!your )"
    r"\b(?:a|an|one|another|two|three|four|five|six|seven|ten|some|several|\d+) "
    r"(?:(?!(?:with|the|of|in|for|an?|and|to|that|on|from|by|about|into)\b)[\w-]+ ){0,3}"
)
_POSSESSIVE = re.compile(
    r"\b(?P<owner>(?:the|an?|your|my|this|our|their) (?:[a-z]+ )?(?P<who>[a-z]+))['’]s (?P<thing>[a-z]+)"
    r"(?=[.,?!;:]|$| (?:in|and|is|was|for|to|on|with|from|that|about|at|by|or|are|were)\b)"
)
_NO_OWNERS = frozenset(
    (
        "today",
        "week",
        "month",
        "year",
        "day",
        "night",
        "morning",
        "evening",
        "men",
        "women",
        "children",
        "people",
        "one",
    )
)
"""Before whose possessive stands a time or a kind, not an owner: `women's rights`."""
_REPEATABLE = frozenset(
    (
        "what",
        "which",
        "about",
        "whether",
        "might",
        "what's",
        "i'm",
        "it's",
        "don't",
        "can't",
        "someone",
        "such",
        "due",
    )
)
"""First words of changes that a text may have in one place and not in another."""
_ARTICLE = re.compile(r"\b(an?)(\s+)$", re.IGNORECASE)
_CONSONANT = re.compile(r"(?:us|uni|eu|one)")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edit:
    """A stretch of the sentence, from `start` up to `stop`, and what may stand there.

    Attributes:
        start: characters.
        stop: characters.
        text: what may stand there.
        word: what it calls otherwise, in lower case; "" for what a text may say in both ways.
    """

    start: int
    stop: int
    text: str
    word: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    said: tuple[str, ...]
    text: str
    evidence: tuple[frozenset[str], ...]
    before: re.Pattern[str]
    must_follow: bool
    after: re.Pattern[str]
    must_precede: bool

    def fits(self, before: str, after: str) -> bool:
        """Tell whether the text around allows the change."""
        return (
            bool(self.before.search(before)) == self.must_follow
            and bool(self.after.match(after)) == self.must_precede
        )


@dataclass(frozen=True, slots=True)
class _Table:
    rules: dict[str, tuple[_Rule, ...]]
    relative: dict[str, str]
    things: re.Pattern[str]
    purpose: dict[str, str]
    ways: re.Pattern[str]
    any: re.Pattern[str]


@lru_cache(maxsize=1)
def _table() -> _Table:
    from ruamel.yaml import YAML

    data = YAML(typ="safe").load(_FILE.read_text(encoding="utf-8"))
    rules: dict[str, list[_Rule]] = {}
    for line in data["changes"].splitlines():
        said, text, before, after = (part.strip() for part in re.split(r"\s\|(?=\s)", f"{line} ", maxsplit=3))
        words = tuple(said.split())
        rules.setdefault(words[0], []).append(
            _Rule(
                words, text, tuple(frozenset(forms(word)) for word in text.lower().split()),
                re.compile(rf"(?:{before.removeprefix('!')})\s*$"), not before.startswith("!"),
                re.compile(after.removeprefix("!")), not after.startswith("!"),
            )
        )  # fmt: skip
    gerunds = [f"for {verb}" for verb in data["purpose"]["verbs"]]
    things, ways = ("|".join(data[name]["nouns"].split()) for name in ("relative", "purpose"))
    return _Table(
        {first: tuple(listed) for first, listed in rules.items()},
        dict(data["relative"]["verbs"]),
        re.compile(rf"{_INDEFINITE}(?:{things})(?P<plural>s?)\s*$"),
        dict(data["purpose"]["verbs"]),
        re.compile(rf"\b(?:{ways})\s*$"),
        re.compile(rf"\b(?:{'|'.join([*map(re.escape, rules), *data['relative']['verbs'], *gerunds])})\b"),
    )


def may_change(text: str) -> bool:
    """Tell whether a sentence says anything that a round trip may say otherwise; if not, none is needed."""
    return bool(_table().any.search(_folded(text)) or _POSSESSIVE.search(text))


def edits(masked: Masked, returned: str) -> list[Edit]:
    """Return the changes of a round trip that may stay, in order, none overlapping another.

    Args:
        masked: the sentence as it was sent.
        returned: as it came back, with the translator's marks or without.
    """
    said = [(m.start(), m.end()) for m in _WORD.finditer(masked.text)]
    ours = [_folded(masked.text[start:stop]) for start, stop in said]
    theirs = [_folded(m[0]) for m in _WORD.finditer(_plain(returned))]
    found: list[Edit] = []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind != "replace":
            continue
        at = a
        while at < b:
            edit, used = _edit(masked.text, said, ours[at:b], at, theirs[c:d])
            if edit is not None and not masked.holds(edit.start, edit.stop):
                found.append(edit)
            at += used
    owned = (edit for edit in _owned(masked.text, theirs) if not masked.holds(edit.start, edit.stop))
    found += [edit for edit in owned if all(edit.stop <= e.start or e.stop <= edit.start for e in found)]
    return sorted(found, key=lambda edit: edit.start)


def _owned(text: str, theirs: Sequence[str]) -> Iterator[Edit]:
    """Yield the possessives that came back with `of`: `the author's opinion`, `the opinion of the author`."""
    for match in _POSSESSIVE.finditer(text):
        wanted = (frozenset(forms(match["thing"])), frozenset({"of"}))
        near = [
            set(theirs[at + 2 : at + 5])
            for at in range(len(theirs) - 2)
            if _stands_in(wanted, theirs[at : at + 2])
        ]
        if match["who"] not in _NO_OWNERS and any(match["who"] in words for words in near):
            yield Edit(match.start(), match.end(), f"the {match['thing']} of {match['owner']}")


def apply(text: str, chosen: Sequence[Edit]) -> str:
    """Return a text with changes made."""
    for edit in reversed(chosen):
        text = text[: edit.start] + edit.text + text[edit.stop :]
    return text


def some_of(found: Sequence[T], random: Random) -> list[T]:
    """Return a part of several changes, neither none nor all; of fewer than two, none."""
    if len(found) < 2:
        return []
    chosen = random.sample(range(len(found)), random.randint(1, len(found) - 1))
    return [edit for number, edit in enumerate(found) if number in chosen]


def _folded(word: str) -> str:
    return word.lower().replace("’", "'")


def _plain(returned: str) -> str:
    """Return a translation without the marks of what the translator could not do."""
    return re.sub(rf"[{_MARKS}]+(?=\w)", "", returned)


def _edit(
    text: str, said: Sequence[tuple[int, int]], ours: Sequence[str], at: int, theirs: Sequence[str]
) -> tuple[Edit | None, int]:
    """Return the change that may stay at the first of some words, and how many words were dealt with.

    Args:
        text: the sentence.
        said: where its words stand.
        ours: its words of this block, from word number `at` on.
        at: number of the first of them.
        theirs: what came back in this block.
    """
    start = said[at][0]
    before = f"{_folded(text[:start]).rstrip()} "
    for words, rule in _candidates(ours, theirs):
        stop = said[at + words - 1][1]
        new = rule.text if rule.fits(before, _folded(text[stop:]).lstrip()) else None
        if new is not None:
            said_once = "" if ours[0] in _REPEATABLE else " ".join(rule.said)
            return _fitted(text, start, stop, new, said_once), words
    words, new = _clause(ours, theirs, before)
    if new:
        return Edit(start, said[at + words - 1][1], new), words
    return None, 1


def _candidates(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, _Rule]]:
    """Yield the rules whose words were said here, were lost, and came back as the rule has it; the longest first."""
    rules = _table().rules.get(ours[0], ())
    for rule in sorted(rules, key=lambda rule: -len(rule.said)):
        words = len(rule.said)
        kept = _stands_in([frozenset({word}) for word in rule.said], theirs)
        if tuple(ours[:words]) == rule.said and not kept and _stands_in(rule.evidence, theirs):
            yield words, rule


def _stands_in(wanted: Sequence[frozenset[str]], words: Sequence[str]) -> bool:
    """Tell whether words of these sets stand somewhere one after the other."""
    return any(
        all(word in choice for word, choice in zip(words[at : at + len(wanted)], wanted, strict=True))
        for at in range(len(words) - len(wanted) + 1)
    )


def _clause(ours: Sequence[str], theirs: Sequence[str], before: str) -> tuple[int, str]:
    """Return the clause that a participle or a gerund became, and of how many words; "" if it became none."""
    table = _table()
    verb = table.relative.get(ours[0])
    thing = table.things.search(before) if verb else None
    if verb and thing and "that" in theirs and forms(verb) & set(theirs):
        return 1, f"that {verb if thing['plural'] else _third_person(verb)}"
    verb = table.purpose.get(ours[1]) if ours[0] == "for" and len(ours) > 1 else None
    if verb and table.ways.search(before) and "to" in theirs:
        return 2, f"to {verb}"
    return 0, ""


def _third_person(verb: str) -> str:
    """Return a regular verb as it goes with one thing."""
    return f"{verb}es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{verb}s"


def _fitted(text: str, start: int, stop: int, new: str, word: str) -> Edit:
    """Return a change with the capital of what it replaces, and the article before it mended."""
    if text[start].isupper():
        new = new[0].upper() + new[1:]
    article = _ARTICLE.search(text[:start])
    if article is None:
        return Edit(start, stop, new, word)
    vowel = new[0].lower() in "aeiou" and not _CONSONANT.match(new.lower())
    return Edit(article.start(), stop, f"{article[1][0]}{'n' if vowel else ''}{article[2]}{new}", word)


def throughout(text: str, found: Sequence[Edit]) -> set[Edit]:
    """Return the changes that leave no thing called by two names: each of its places in the text is changed.

    Args:
        text: all of it.
        found: changes of its sentences.
    """
    folded = _folded(text)
    changed = Counter(edit.word for edit in found)
    told = {word: len(re.findall(rf"\b{re.escape(word)}", folded)) for word in changed if word}
    return {edit for edit in found if not edit.word or told[edit.word] == changed[edit.word]}
