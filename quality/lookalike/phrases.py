"""Phrases that say the same: verbs of request, courtesies, synonyms of closed classes.

A verb of request counts only where a request begins: "list" and "name" are one there and nowhere else.
Rejected: replacing phrases before the alignment; a phrase that both sides share would be lost as an anchor.
"""

from __future__ import annotations

from quality.lookalike.align import Block
from quality.lookalike.lexicon import lexicon, words_of
from quality.lookalike.tokens import Tokens

_LONGEST_FILLER = 7
_GENERIC = frozenset(words_of("generic_verbs"))
_LABELS = frozenset(("task", "instruction", "question"))
"""Fillers only where a clause begins: "Question: ..."."""
_POINTERS = {"above", "below"}
"""They point at the same text from either side of it, and are opposites before a noun or a number."""
_LINKS = frozenset(words_of("links"))


class Phrases:
    """Tells phrases of one pair of texts that say the same."""

    def __init__(self, left: Tokens, right: Tokens) -> None:
        self.left, self.right = left, right
        self.words = lexicon()
        self.classed = self.words.classed

    def phrase(self, tokens: Tokens, a: int, b: int) -> str:
        """Return a block as a phrase of the lexicon: words with blanks between, characters without."""
        return as_phrase(tokens.keys[a:b], tokens.kinds[a:b])

    def is_phrase(self, a: int, b: int, c: int, d: int) -> bool:
        """Tell whether both blocks, or both with the same neighbours, are phrases of one class."""
        if max(b - a, d - c) > 8:
            return False
        han = "h" in self.left.kinds[a:b] or "h" in self.right.kinds[c:d]
        reach = 3 if han else 2
        keys = self.left.keys
        for back in range(min(reach, a + 1, c + 1)):
            for ahead in range(min(reach, len(keys) - b + 1, len(self.right.keys) - d + 1)):
                ours = self.phrase(self.left, a - back, b + ahead)
                if ours not in self.classed:
                    continue
                theirs = self.phrase(self.right, c - back, d + ahead)
                if self.same_phrase(ours, theirs, a - back, c - back):
                    return True
        return False

    def same_phrase(self, ours: str, theirs: str, left_at: int, right_at: int) -> bool:
        """Tell whether two phrases share a class; verbs of request must stand where a request begins."""
        words = self.words
        if {ours, theirs} == _POINTERS and (
            self.governs(self.left, left_at) or self.governs(self.right, right_at)
        ):
            return False
        if not words.synonyms.get(ours, frozenset()).isdisjoint(words.synonyms.get(theirs, frozenset())):
            return True
        if ours in words.units and words.units[ours] == words.units.get(theirs):
            return True
        if words.verbs.get(ours, frozenset()).isdisjoint(words.verbs.get(theirs, frozenset())):
            return False
        if ours and "\u3400" <= ours[0] <= "\u9fff":
            return True
        return self.begins(self.left, left_at) and self.begins(self.right, right_at)

    def governs(self, tokens: Tokens, place: int) -> bool:
        """Tell whether a word has its object after it: "above 20", "below freezing", not "the text above"."""
        after = place + 1
        if after >= len(tokens.keys) or after in tokens.begins:
            return False
        return tokens.kinds[after] == "n" or (
            tokens.kinds[after] == "w" and tokens.keys[after] not in self.words.light
        )

    def begins(self, tokens: Tokens, place: int) -> bool:
        """Tell whether a request may begin at a place: only courtesies stand before it in its clause."""
        while place not in tokens.begins:
            before = tokens.keys[place - 1]
            if before not in _LINKS and before not in self.words.fillers:
                return False
            if before in ("and", "then", "to"):
                return True
            place -= 1
        return True

    def without_fillers(self, tokens: Tokens, places: list[int]) -> list[int]:
        """Return the places of a block without courtesies and phrases that only point."""
        fillers = self.words.fillers
        kept: list[int] = []
        at = 0
        while at < len(places):
            if tokens.keys[places[at]] not in self.words.filler_starts:
                kept.append(places[at])
                at += 1
                continue
            first = tokens.keys[places[at]]
            if (first in _LABELS and places[at] not in tokens.begins) or (
                first in _POINTERS and self.governs(tokens, places[at])
            ):
                kept.append(places[at])
                at += 1
                continue
            for size in range(min(_LONGEST_FILLER, len(places) - at), 0, -1):
                run = places[at : at + size]
                if as_phrase([tokens.keys[p] for p in run], "".join(tokens.kinds[p] for p in run)) in fillers:
                    at += size
                    break
            else:
                kept.append(places[at])
                at += 1
        return kept

    def restated(self, block: Block, ours: list[int], theirs: list[int]) -> bool:
        """Tell whether what is left without courtesies are two phrases of one class, or a generic request."""
        if ours and theirs:
            if ours[-1] - ours[0] >= 8 or theirs[-1] - theirs[0] >= 8:
                return False
            left = as_phrase([self.left.keys[p] for p in ours], "".join(self.left.kinds[p] for p in ours))
            right = as_phrase(
                [self.right.keys[p] for p in theirs], "".join(self.right.kinds[p] for p in theirs)
            )
            return left == right or self.same_phrase(left, right, ours[0], theirs[0])
        _, b, _, d = block
        if ours and not theirs and self.is_phrase(ours[0], ours[-1] + 1, d, d):
            return True
        if theirs and not ours and self.is_phrase(b, b, theirs[0], theirs[-1] + 1):
            return True
        for tokens, places, other, at in (
            (self.left, ours, self.right, block[2]),
            (self.right, theirs, self.left, block[0]),
        ):
            if not places:
                continue
            first = tokens.keys[places[0]]
            rest = [tokens.keys[p] for p in places[1:]]
            if first in _GENERIC and set(rest) <= self.words.neutral and self.begins(tokens, places[0]):
                return at < len(other.keys) and other.keys[at] in self.words.verbs
        return False


def as_phrase(keys: list[str] | tuple[str, ...], kinds: str) -> str:
    """Return tokens as a phrase: words with blanks between, Han characters without."""
    if kinds == "h" * len(kinds):
        return "".join(keys)
    phrase = " ".join(keys)
    return phrase.replace("u:", "") if "u:" in phrase else phrase
