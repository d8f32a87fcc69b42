"""What two sentences differ in, as numbers from 0 (nothing) to 1 (surely): one for each kind of difference.

Each kind is found from the structure of both: values that have no partner, a parity of negations and opposites, classes
that exclude each other, words in each other's place in an equal frame, and equal words in exchanged places. Rejected:
one similarity, for which a lost "not" is a small part of a long sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from quality.fidelity.lexicon import conflicts
from quality.fidelity.matching import Matching, Vectors, match
from quality.fidelity.order import exchanged_words, is_in_order, sides_exchanged
from quality.fidelity.reading import Reading
from quality.fidelity.relations import are_opposite_words, are_opposites
from quality.fidelity.remainder import Whole, dropped, foreign, left_over, siblings, unexplained
from quality.fidelity.voice import voice_turned
from quality.lookalike.align import blocks

KINDS: Final = {
    "number": "They name other numbers, ordinals or dates in numbers.",
    "unit": "Their numbers have other units.",
    "negation": "One negates what the other says.",
    "quantity": "They speak of all, most, some, few, at least or at most of it.",
    "modality": "One says must, may, should or need not where the other says something else.",
    "opposite": "A word of one is the opposite of a word of the other.",
    "entity": "They name other persons, places or things.",
    "word": "Another word stands in the place of a word, in an otherwise equal sentence.",
    "role": "The same words stand in exchanged places.",
    "sibling": "They name different things of one kind.",
    "foreign": "Each is about something that the other has nothing of.",
    "dropped": "One leaves out what the other says, in an otherwise equal sentence.",
    "missing": "Content of one is not in the other.",
}
"""The kinds of difference, and the sentence that explains each."""

_MODAL: Final = frozenset(("must", "may", "advice", "certain", "free", "ban"))
_DENYING: Final = frozenset("不无没未非")
_AVOIDING: Final = frozenset(("避免", "avoid"))


@dataclass(frozen=True, slots=True)
class Evidence:
    """How surely two sentences differ, by kind (see `KINDS`); each from 0 to 1."""

    number: float = 0.0
    unit: float = 0.0
    negation: float = 0.0
    opposite: float = 0.0
    quantity: float = 0.0
    modality: float = 0.0
    entity: float = 0.0
    word: float = 0.0
    role: float = 0.0
    sibling: float = 0.0
    foreign: float = 0.0
    dropped: float = 0.0
    missing: float = 0.0

    def of(self) -> Mapping[str, float]:
        """Return the numbers by kind."""
        return {name: getattr(self, name) for name in _NAMES}


_NAMES: Final = tuple(field.name for field in fields(Evidence))


def compare(left: Reading, right: Reading, vectors: Vectors, whole: Whole | None = None) -> Evidence:
    """Return what two sentences of one language differ in; `whole` are the vectors of both."""
    found = match(left, right, vectors)
    number, unit = _values(left, right, found)
    swapped = not is_in_order(found) and sides_exchanged(left, right)
    negation, opposite = _polarity(left, right, found, swapped)
    entity, word = _replaced(left, right, found)
    quantity, modality = _steering(left, right)
    missing = _missing(left, right, found)
    turned = swapped and bool(opposite or negation)
    ordered = 0.0 if turned else 1.0 if swapped else exchanged_words(left, right, found, missing)
    rest = left_over(left, right, found)
    return Evidence(
        number=number,
        unit=unit,
        negation=negation,
        opposite=opposite,
        quantity=quantity,
        modality=modality,
        entity=entity,
        word=word,
        role=max(ordered, voice_turned(left, right, found)),
        sibling=siblings(left, right, found),
        foreign=foreign(left, right, rest, vectors, whole) if whole else unexplained(rest),
        dropped=found.frame * dropped(rest, found),
        missing=missing,
    )


def _values(left: Reading, right: Reading, found: Matching) -> tuple[float, float]:
    """Return how surely numbers and units differ; a number on both sides is replaced, on one side lost."""
    mine = [left.words[p] for p in found.left if left.words[p].kind == "n" and not _is_article(left, p)]
    yours = [right.words[p] for p in found.right if right.words[p].kind == "n" and not _is_article(right, p)]
    if left.text.count("‰") != right.text.count("‰"):
        return 0.0, 1.0
    number = 1.0 if mine and yours else 0.6 if mine or yours else 0.0
    ours = [left.words[p] for p in found.left if left.words[p].kind == "u"]
    theirs = [right.words[p] for p in found.right if right.words[p].kind == "u"]
    if ours and theirs:
        return number, 1.0
    return number, 0.5 if ours or theirs else 0.0


def _is_article(reading: Reading, place: int) -> bool:
    word = reading.words[place]
    return word.key in ("1", "#1") and not reading.text[word.start].isdigit()


def _polarity(left: Reading, right: Reading, found: Matching, swapped: bool) -> tuple[float, float]:
    """Return how surely a negation or an opposite turns one sentence round; two turns are none."""
    lost = left.negations - right.negations
    turns = _small_opposites(left, right, found) + sum(
        not (lost % 2 and _is_denied(left.words[a].surface, right.words[b].surface, left, right))
        for a, b in found.opposed
    )
    if not turns and left.language == "zh":
        turns = _opposed_characters(left, right, bool(lost % 2))
    if lost % 2:
        if found.opposed and not swapped and not _denies_opposite(left, right, found):
            return 1.0, 1.0
        if (turns + swapped) % 2:
            return 0.25, 0.0
        implied = right.implicit - left.implicit if lost > 0 else left.implicit - right.implicit
        return (0.35 if implied > 0 else 1.0), 0.0
    if lost:
        return 0.5, 0.0
    if swapped:
        if not turns and left.language == "zh":
            turns = _opposed_anywhere(left, right)
        if turns:
            return 0.0, 0.25 if turns % 2 else 0.9
    return _moved_negation(left, right), 1.0 if turns == 1 else 0.9 if turns else 0.0


def _denies_opposite(left: Reading, right: Reading, found: Matching) -> bool:
    """Tell whether a negation stands before one of two opposites, as in "not the same" beside "different"."""
    return any(
        left.words[a].key in left.denied or right.words[b].key in right.denied for a, b in found.opposed
    )


def _is_denied(one: str, other: str, left: Reading, right: Reading) -> bool:
    """Tell whether one of two words holds a negation, which is counted as such."""
    ours, theirs = (one in _AVOIDING or bool(_DENYING & set(one)) for one in (one, other))
    return (ours and left.negations > 0) != (theirs and right.negations > 0)


def _moved_negation(left: Reading, right: Reading) -> float:
    """Return how surely two sentences deny another of the words that both hold."""
    mine, yours = set(left.scopes) - set(right.scopes), set(right.scopes) - set(left.scopes)
    keys = {word.key for word in left.words}, {word.key for word in right.words}
    return 0.7 if mine & keys[1] and yours & keys[0] else 0.0


def _small_opposites(left: Reading, right: Reading, found: Matching) -> int:
    """Return how many function words of one stand against an opposite in the other: before and after."""
    mine, yours = left.small - right.small, right.small - left.small
    words = {left.words[p].surface for p in found.left}, {right.words[p].surface for p in found.right}
    count = sum(any(are_opposite_words(one, other) for other in {*yours, *words[1]}) for one in mine)
    return count + sum(any(are_opposite_words(one, other) for one in words[0]) for other in yours)


def _opposed_characters(left: Reading, right: Reading, denied: bool) -> int:
    """Return how many runs of one or two characters stand in the place of their opposites."""
    ours, theirs = left.text, right.text
    return sum(
        are_opposites(ours[a:b], theirs[c:d])
        for a, b, c, d in blocks(tuple(ours), tuple(theirs))
        if 1 <= b - a <= 2
        and 1 <= d - c <= 2
        and not (denied and _is_denied(ours[a:b], theirs[c:d], left, right))
    )


def _opposed_anywhere(left: Reading, right: Reading) -> bool:
    """Tell whether a character that only one text has is the opposite of one that only the other has."""
    ours, theirs = set(left.text), set(right.text)
    return any(are_opposites(one, other) for one in ours - theirs for other in theirs - ours)


def _steering(left: Reading, right: Reading) -> tuple[float, float]:
    """Return how surely quantity and modality differ."""
    mine, yours = left.classes - right.classes, right.classes - left.classes
    quantity = modality = 0.0
    for one in mine:
        for other in yours:
            if frozenset((one, other)) in conflicts():
                if one in _MODAL:
                    modality = 1.0
                else:
                    quantity = 1.0
    for lost in (set(mine), set(yours)):
        if lost & _MODAL:
            modality = max(modality, 0.35)
        if lost - _MODAL:
            quantity = max(quantity, 0.35)
    return quantity, modality


def _replaced(left: Reading, right: Reading, found: Matching) -> tuple[float, float]:
    """Return how surely a name, or another word, was replaced by one that says something else."""
    mine, yours = [left.words[p] for p in found.left], [right.words[p] for p in found.right]
    names = [word for word in mine if word.is_name], [word for word in yours if word.is_name]
    entity = 1.0 if names[0] and names[1] else 0.4 if names[0] or names[1] else 0.0
    best: dict[tuple[int, int], float] = {}
    for place, other, differs in found.replaced:
        weight = min(1.2, max(left.words[place].weight, right.words[other].weight)) / 1.2
        score = differs * (0.5 + 0.5 * weight)
        for side in ((0, place), (1, other)):
            best[side] = min(score, best.get(side, 1.0))
    word = max(best.values(), default=0.0)
    return entity, word * found.frame * (1.0 if len(best) <= 4 else 0.85)


def _missing(left: Reading, right: Reading, found: Matching) -> float:
    """Return the share of content without a partner, on the side that lacks more of it."""
    alike = (
        {place: score for place, _, score in found.pairs},
        {place: score for _, place, score in found.pairs},
    )
    shares = []
    for reading, scores in zip((left, right), alike, strict=True):
        total = sum(word.weight for word in reading.words)
        kept = sum(word.weight * scores.get(place, 0.0) for place, word in enumerate(reading.words))
        shares.append(1 - kept / total if total else 0.0)
    return max(shares)
