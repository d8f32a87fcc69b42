"""Where an English request may take another word by WordNet: the right part of speech, the right sense, a common word.

A word has a synonym here only where its sense is beyond doubt. By counts: one sense makes up nearly all that WordNet's
authors met of the word, and the synonym, too, is mostly met in that sense. By the sentence, where an embedder is
given: the sense's gloss is nearer to the sentence than those of the other senses, and the sentence with the
synonym in place stays near the sentence. Rejected: the first synonym of the first sense (half of them are wrong).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pipeline.augment.asking import asking
from pipeline.augment.english_places import CHOICE, NOUN_BEFORE, VERB_BEFORE, Place, is_apart
from pipeline.augment.english_words import Word, compared, conjugated, plural, slot_of, words_of
from pipeline.augment.protocol import Passage
from pipeline.augment.sense_choice import Candidate, chosen
from pipeline.models.embedder import Embedder
from pipeline.models.wordnet import Synset, WordNet
from quality.lookalike.words import is_one_word, known_words

DATA = Path(__file__).parent / "data"
COMMONEST_POS, COMMONEST_SENSE, SHARED_SENSE = 0.9, 0.8, 0.75
"""Least share of a word's count in its part of speech, in its sense; and of a synonym's count in that sense."""

CANDIDATE_SENSE = 0.15
"""Least share of a sense that the sentence may choose; the others are too rare to be meant."""

ATTESTED = 5
"""How often WordNet's authors must have met a synonym in the sense: rarer ones read like a dictionary."""

_LEAST_COUNT = 6
_SHORTEST = 4
_RARER = 1
_LEAST_FORM = 5


@cache
def _left_alone() -> frozenset[str]:
    lines = (DATA / "left_alone_en.txt").read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


class WordNetPlaces:
    """Adds places by WordNet to those that a text has already.

    Args:
        wordnet: the thesaurus.
        embedder: chooses the sense by the sentence; None takes only words of which one sense is nearly all.
    """

    def __init__(self, wordnet: WordNet, embedder: Embedder | None) -> None:
        self._wordnet = wordnet
        self._embedder = embedder

    def added(
        self, passages: Sequence[Passage | None], found: Sequence[list[Place] | None]
    ) -> list[list[Place] | None]:
        """Return the places of each text with WordNet's among them, in order.

        Args:
            passages: the texts; None for one that is to be left as it is.
            found: their places so far; None for a text that has no synonyms at all.
        """
        out: list[list[Place] | None] = list(found)
        waiting: list[tuple[int, Candidate]] = []
        for number, (passage, places) in enumerate(zip(passages, found, strict=True)):
            if passage is not None and places is not None:
                waiting += [(number, candidate) for candidate in self._candidates(passage, places)]
        for number, place in self._chosen(waiting, passages):
            out[number] = sorted([*(out[number] or ()), place], key=lambda one: one.start)
        return out

    def _candidates(self, passage: Passage, places: list[Place]) -> list[Candidate]:
        text = passage.text
        lower = text.lower()
        taken = [(place.start, place.stop) for place in places]
        found = []
        for start, stop in asking(text):
            words = words_of(text, start, stop)
            for at, word in enumerate(words):
                if not _may_change(text, words, at) or passage.protected.holds(word.start, word.stop):
                    continue
                if any(word.start < end and begin < word.stop for begin, end in taken):
                    continue
                before = words[at - 1].lower if at and word.joined else ""
                after = words[at + 1].lower if at + 1 < len(words) and words[at + 1].joined else ""
                if self._in_phrase(words, at):
                    continue
                senses = self._senses(word.lower, before, after, lower)
                if senses:
                    found.append(Candidate(Place(word.start, word.stop, ()), senses))
        return found

    def _in_phrase(self, words: tuple[Word, ...], at: int) -> bool:
        """Tell whether a word is part of a phrase that WordNet knows: "high school"."""
        for first in (at - 1, at):
            if first < 0 or first + 1 >= len(words) or not words[first + 1].joined:
                continue
            left, right = words[first].lower, words[first + 1].lower
            for pos in ("n", "v", "a", "r"):
                heads = {left, *self._wordnet.lemmas(left, pos)} if pos == "v" else {left}
                tails = {right, *self._wordnet.lemmas(right, "n")}
                if any(self._wordnet.has(f"{head} {tail}", pos) for head in heads for tail in tails):
                    return True
        return False

    def _senses(
        self, word: str, before: str, after: str, text: str
    ) -> tuple[tuple[Synset, float, tuple[str, ...]], ...]:
        read = _reading(self._wordnet, word)
        if read is None:
            return ()
        pos, lemma, share = read
        if share < COMMONEST_POS and not _cued(pos, before):
            return ()
        senses = self._wordnet.senses(lemma, pos)
        total = sum(count for _, count in senses)
        if total < _LEAST_COUNT and len(senses) > 1:
            return ()
        least = CANDIDATE_SENSE if self._embedder is not None else COMMONEST_SENSE
        rows = []
        for synset, count in senses:
            part = count / total if total else 1.0
            if part >= least:
                rows.append((synset, part, self._synonyms(synset, lemma, word, before, after, text)))
        if not any(options for _, _, options in rows):
            return ()
        return tuple(rows)

    def _synonyms(
        self, synset: Synset, lemma: str, word: str, before: str, after: str, text: str
    ) -> tuple[str, ...]:
        found = []
        for other in synset.words:
            if not _is_common(other, lemma) or other in text or is_one_word(other, lemma):
                continue
            if other in _left_alone() or not _means(self._wordnet, other, synset):
                continue
            form = _in_form(self._wordnet, other, lemma, word, synset.pos, before, after)
            if form is not None and known_words().get(form, 0) >= _LEAST_FORM:
                found.append(form)
        return tuple(found)

    def _chosen(
        self, waiting: list[tuple[int, Candidate]], passages: Sequence[Passage | None]
    ) -> list[tuple[int, Place]]:
        if self._embedder is None:
            return [
                (number, Place(candidate.place.start, candidate.place.stop, candidate.senses[0][2]))
                for number, candidate in waiting
                if candidate.senses[0][2]
            ]
        texts = [passage.text if passage is not None else "" for passage in passages]
        return chosen([(number, texts[number], one) for number, one in waiting], self._embedder)


def _may_change(text: str, words: tuple[Word, ...], at: int) -> bool:
    word = words[at]
    if len(word.lower) < _SHORTEST or not word.lower.isalpha() or word.lower in _left_alone():
        return False
    beside = [words[n].lower for n in (at - 1, at + 1) if 0 <= n < len(words)]
    return CHOICE.isdisjoint(beside) and not is_apart(text, word.start, word.stop)


def _cued(pos: str, before: str) -> bool:
    return before in (NOUN_BEFORE if pos == "n" else VERB_BEFORE if pos == "v" else ())


@cache
def _reading(wordnet: WordNet, word: str) -> tuple[str, str, float] | None:
    """Return part of speech and lemma of a word as it is mostly used, and the share of that use."""
    counts = []
    for pos in ("n", "v", "a", "r"):
        for lemma in wordnet.lemmas(word, pos):
            senses = wordnet.senses(lemma, pos)
            counts.append((sum(count for _, count in senses) + 0.1 * len(senses), pos, lemma))
    if not counts:
        return None
    best = max(counts)
    return best[1], best[2], best[0] / sum(count for count, _, _ in counts)


def _is_common(other: str, lemma: str) -> bool:
    """Tell whether a synonym is a word that people use about as often as the word itself."""
    known = known_words()
    plain = other.isalpha() and other.islower() and not other.endswith("ing")
    return plain and known.get(other, 0) >= max(6, known.get(lemma, 0) - _RARER)


def _means(wordnet: WordNet, other: str, synset: Synset) -> bool:
    """Tell whether a synonym mostly means this sense, over all its parts of speech."""
    ours, total = 0, 0
    for pos in ("n", "v", "a", "r"):
        for found, count in wordnet.senses(other, pos):
            total += count
            if found == synset:
                ours = count
    return ours >= ATTESTED and ours / total >= SHARED_SENSE


def _in_form(
    wordnet: WordNet, other: str, lemma: str, word: str, pos: str, before: str, after: str
) -> str | None:
    """Return a synonym in the form that a word has; None where the form is in doubt."""
    if word == lemma:
        return other
    if pos == "n":
        irregular = wordnet.irregular_forms(other, "n")
        plain = plural(other)
        return plain if not irregular or irregular == {plain} else None
    if pos == "v":
        forms, others = conjugated(lemma), conjugated(other)
        slot = slot_of(forms, word, before, after)
        past = {form for form in wordnet.irregular_forms(other, "v") if not form.endswith(("ing", "s"))}
        if slot < 0 or (slot in (3, 4) and past and past != {others[slot]}):
            return None
        return others[slot]
    if pos == "a":
        ours, theirs = compared(lemma), compared(other)
        return theirs[ours.index(word)] if word in ours else None
    return None
