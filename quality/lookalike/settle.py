"""What of a differing block is left when all that says the same thing is taken away.

Taken away are: courtesies, function words, the verb of request for another of its class, spellings,
inflections and slips, and closed-class synonyms. What is left is content, and its place in the block says
whether it was replaced or added. In code and in short quotations nothing is taken away: there each sign is
meant. Rejected: a similarity of the two blocks, which is high for "ten" and "twelve".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from quality.lookalike.align import Block
from quality.lookalike.chinese import cover, is_han_slip, is_slip_of_verb, may_be_dropped
from quality.lookalike.lexicon import lexicon
from quality.lookalike.literals import is_about_form, is_literal, literal_spans
from quality.lookalike.phrases import Phrases
from quality.lookalike.tokens import Tokens
from quality.lookalike.words import is_one_word, is_slip, one_edit_apart

_RANGES = ({"-", "to"}, {"-", "到"}, {"-", "至"}, {"~", "-"}, {"到", "至"})
"""Signs and words that stand between the two ends of a range."""

_MOST_PAIRS = 400
_ENOUGH = 64
"""Blocks with other content after which two texts are no variations of each other anyway."""


@dataclass(slots=True)
class Rest:
    """What is left of a block: the places of content tokens and of soft ones, and what is surely opposed."""

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    soft_left: list[int] = field(default_factory=list)
    soft_right: list[int] = field(default_factory=list)
    kind: str = ""
    loose: int = 0
    literal: bool = False
    weak: bool = False
    block: Block = (0, 0, 0, 0)


class Settler:
    """Settles the blocks of one pair of texts."""

    def __init__(self, left: Tokens, right: Tokens) -> None:
        self.left, self.right = left, right
        self.words = lexicon()
        self.phrases = Phrases(left, right)
        self.spans = (literal_spans(left), literal_spans(right))

    def settle_all(self, found: list[Block]) -> Iterator[Rest]:
        """Yield what is left of each block; blocks with little between them may be one phrase together."""
        at = 0
        changed = 0
        while at < len(found) and changed < _ENOUGH:
            block = found[at]
            if at + 1 < len(found):
                after = found[at + 1]
                whole = (block[0], after[1], block[2], after[3])
                if (
                    after[0] - block[1] <= 2
                    and self.phrases.is_phrase(*whole)
                    and not self.touches_literal(whole)
                ):
                    at += 2
                    continue
            rest = self.settle(block)
            yield rest
            changed += bool(rest.left or rest.right)
            at += 1

    def touches_literal(self, block: Block) -> bool:
        """Tell whether a block stands in a short quotation or in code on either side."""
        a, b, c, d = block
        return is_literal(self.left, self.spans[0], a, b) or is_literal(self.right, self.spans[1], c, d)

    def settle(self, block: Block) -> Rest:
        """Return what is left of one block."""
        a, b, c, d = block
        rest = Rest(block=block)
        rest.literal = self.touches_literal(block)
        ours, theirs = list(range(a, b)), list(range(c, d))
        if self.joined(self.left, a, b) == self.joined(self.right, c, d) and not self.has_values(a, b):
            return rest
        if rest.literal and self.is_quoted_slip(a, b, c, d):
            return rest
        if not rest.literal:
            if self.is_one_word(a, b, c, d) or self.phrases.is_phrase(a, b, c, d) or self.is_slip(a, b, c, d):
                return rest
            if self.is_lost_character(a, b, c, d):
                rest.weak = True
                return rest
            ours = self.phrases.without_fillers(self.left, ours)
            theirs = self.phrases.without_fillers(self.right, theirs)
            if self.phrases.restated(block, ours, theirs):
                return rest
        rest.kind = self.opposite(ours, theirs)
        if not rest.kind and len(ours) * len(theirs) <= _MOST_PAIRS:
            ours, theirs = self.paired(ours, theirs, rest.literal)
        self.weigh(rest, ours, theirs)
        return rest

    def has_values(self, a: int, b: int) -> bool:
        """Tell whether a block of the left text holds numbers or operators, which do not join."""
        return any(kind in "nx" for kind in self.left.kinds[a:b])

    def joined(self, tokens: Tokens, a: int, b: int) -> str:
        """Return the keys of a block as one word: "every day" is "everyday"."""
        return "".join(tokens.keys[a:b])

    def is_one_word(self, a: int, b: int, c: int, d: int) -> bool:
        """Tell whether two blocks of one word each are spellings of it, as they stand in the texts."""
        if (
            b - a != 1
            or d - c != 1
            or (self.left.kinds[a] not in "wun")
            or (self.right.kinds[c] not in "wun")
        ):
            return False
        ours, theirs = self.left.word(a), self.right.word(c)
        if not ours.isalpha() or not theirs.isalpha() or (ours, theirs) in self.words.opposites:
            return False
        if is_one_word(ours, theirs):
            return True
        verbs = self.words.verbs
        if (ours in verbs) == (theirs in verbs) or not one_edit_apart(ours, theirs):
            return False
        return self.phrases.begins(self.left, a) and self.phrases.begins(self.right, c)

    def is_quoted_slip(self, a: int, b: int, c: int, d: int) -> bool:
        """Tell whether a quoted word is a slip, where the request is not about spelling or about code."""
        if b - a != 1 or d - c != 1 or self.left.kinds[a] + self.right.kinds[c] != "ww":
            return False
        if self.left.code_like or self.right.code_like or is_about_form(self.left.text + self.right.text):
            return False
        return is_slip(self.left.word(a), self.right.word(c))

    def is_lost_character(self, a: int, b: int, c: int, d: int) -> bool:
        """Tell whether one side lacks half of a word of two Han characters."""
        if (b - a, d - c) not in ((0, 1), (1, 0)) or self.left.kinds[a:b] + self.right.kinds[c:d] != "h":
            return False
        before, after = self.han_near(self.left, a, -1), self.han_near(self.left, b, 1)
        extra = self.joined(self.left, a, b) or self.joined(self.right, c, d)
        if is_han_slip(before, extra, "", after) or extra in self.words.light or extra in self.words.fillers:
            return False
        return may_be_dropped(before, extra, after)

    def is_slip(self, a: int, b: int, c: int, d: int) -> bool:
        """Tell whether a block of Han characters is a slip of the other."""
        doubled = {self.left.text[self.left.starts[a] : self.left.ends[b - 1]] if b > a else "", (
            self.right.text[self.right.starts[c] : self.right.ends[d - 1]] if d > c else ""
        )}  # fmt: skip
        if doubled in ({"一", "一一"}, {"两", "两两"}):
            return True
        if b - a > 2 or d - c > 2 or set(self.left.kinds[a:b] + self.right.kinds[c:d]) - {"h"}:
            return False
        before = self.han_near(self.left, a, -1)
        after = self.han_near(self.left, b, 1)
        ours, theirs = self.joined(self.left, a, b), self.joined(self.right, c, d)
        if is_han_slip(before, ours, theirs, after):
            return True
        if len(ours) != 1 or len(theirs) != 1 or a not in self.left.begins or c not in self.right.begins:
            return False
        asks = [one in self.words.verbs or one in self.words.fillers for one in (ours, theirs)]
        if asks[0] == asks[1]:
            return False
        return is_slip_of_verb(*((theirs, ours) if asks[0] else (ours, theirs)), after)

    def han_near(self, tokens: Tokens, place: int, step: int) -> str:
        """Return up to four Han characters before or after a place."""
        if step < 0:
            kinds = tokens.kinds[max(0, place - 4) : place]
            count = len(kinds) - len(kinds.rstrip("h"))
            return "".join(tokens.keys[place - count : place])
        kinds = tokens.kinds[place : place + 4]
        count = len(kinds) - len(kinds.lstrip("h"))
        return "".join(tokens.keys[place : place + count])

    def opposite(self, ours: list[int], theirs: list[int]) -> str:
        """Return `opposite` where a word of one block is the opposite of one in the other, else ""."""
        if not ours or not theirs or len(ours) * len(theirs) > _MOST_PAIRS:
            return ""
        pairs = self.words.opposites
        left = {self.left.keys[p].removeprefix("u:") for p in ours}
        right = {self.right.keys[p].removeprefix("u:") for p in theirs}
        if any((a, b) in pairs for a in left - right for b in right - left):
            return "opposite"
        if self.left.kinds[ours[0]] == "h" and self.right.kinds[theirs[0]] == "h":
            return self.han_opposite(ours, theirs)
        return ""

    def han_opposite(self, ours: list[int], theirs: list[int]) -> str:
        """Return `opposite` where two Han strings, or with one neighbour each, are opposites."""
        pairs = self.words.opposites
        for back in (0, 1):
            for ahead in (0, 1):
                left = "".join(self.left.keys[max(0, ours[0] - back) : ours[-1] + 1 + ahead])
                right = "".join(self.right.keys[max(0, theirs[0] - back) : theirs[-1] + 1 + ahead])
                if (left, right) in pairs:
                    return "opposite"
        return ""

    def paired(self, ours: list[int], theirs: list[int], literal: bool) -> tuple[list[int], list[int]]:
        """Return the places without those that say the same on both sides."""
        left_over: list[int] = []
        right_over = list(theirs)
        for place in ours:
            for other in right_over:
                if self.says_the_same(place, other, literal):
                    right_over.remove(other)
                    break
            else:
                left_over.append(place)
        return left_over, right_over

    def says_the_same(self, place: int, other: int, literal: bool) -> bool:
        """Tell whether two tokens are one word, one value, or synonyms of a closed class."""
        ours, theirs = self.left.keys[place], self.right.keys[other]
        if literal or ours == theirs:  # equal tokens that no alignment brought together have moved
            return False
        kinds = self.left.kinds[place] + self.right.kinds[other]
        if kinds == "ww":
            same = self.words.synonyms.get(ours, frozenset()) & self.words.synonyms.get(theirs, frozenset())
            return bool(same) or is_one_word(ours, theirs)
        if {ours, theirs} in _RANGES:
            return "n" in self.left.kinds[place - 1 : place] and "n" in self.right.kinds[other - 1 : other]
        if kinds in ("uw", "wu"):
            return is_one_word(self.left.word(place), self.right.word(other))
        return False

    def weigh(self, rest: Rest, ours: list[int], theirs: list[int]) -> None:
        """Sort the places that are left into content and soft words; neutral ones go."""
        both = bool(ours) and bool(theirs)
        asks = [
            any(tokens.keys[p] in self.words.wh for p in places)
            for tokens, places in ((self.left, ours), (self.right, theirs))
        ]
        persons: list[set[str]] = [set(), set()]
        for side, tokens, places, hard, soft in (
            (0, self.left, ours, rest.left, rest.soft_left),
            (1, self.right, theirs, rest.right, rest.soft_right),
        ):
            for place in places:
                asked = all(asks) and tokens.keys[place] in self.words.wh
                weight = 2 if rest.literal or asked else self.weight(tokens, place, both)
                if weight == 2:
                    hard.append(place)
                elif weight == 1:
                    soft.append(place)
                elif tokens.keys[place] not in self.words.particles:
                    rest.loose += 1
                if tokens.keys[place] in self.words.person:
                    persons[side].add(self.words.person[tokens.keys[place]])
        rest.weak = bool(persons[0]) and bool(persons[1]) and persons[0].isdisjoint(persons[1])
        self.drop_articles(rest, ours, theirs)

    def weight(self, tokens: Tokens, place: int, both: bool) -> int:
        """Return 0 for a token that may come and go, 1 for a soft one, 2 for content."""
        key, kind, words = tokens.keys[place], tokens.kinds[place], self.words
        if kind not in "wh" or key in words.negations:
            return 2
        if kind == "h" and both and (key in words.neutral or key in words.soft):
            return 2 if self.is_in_word(tokens, place) else 1 - (key in words.neutral)
        if key in words.neutral:
            return 0
        if key in words.soft:
            return 1
        return 2

    def is_in_word(self, tokens: Tokens, place: int) -> bool:
        """Tell whether a Han character is part of a known word that is no phrase of function words."""
        before = self.han_near(tokens, place, -1)
        after = self.han_near(tokens, place + 1, 1)
        word, _ = cover(before + tokens.keys[place] + after, len(before), len(before) + 1)
        light, wh = self.words.light, self.words.wh
        return bool(word) and not all(char in light or char in wh for char in word)

    def drop_articles(self, rest: Rest, ours: list[int], theirs: list[int]) -> None:
        """Drop a "one" that stands where the other side has an article, or none: "a poem", "one poem"."""
        for tokens, hard, others, other_hard in (
            (self.left, rest.left, self.right, rest.right),
            (self.right, rest.right, self.left, rest.left),
        ):
            if any(others.kinds[p] == "n" for p in other_hard):
                continue
            for place in list(hard):
                if tokens.kinds[place] != "n" or tokens.keys[place] != "1":
                    continue
                article = any(others.keys[p] in ("a", "an") for p in (theirs if hard is rest.left else ours))
                if article or self.is_plain_one(tokens, place, others):
                    hard.remove(place)

    def is_plain_one(self, tokens: Tokens, place: int, others: Tokens) -> bool:
        """Tell whether a spelled "one" stands before a singular that the other text has too."""
        if tokens.text[tokens.starts[place]].isdigit() or place + 1 >= len(tokens.keys):
            return False
        after = tokens.word(place + 1)
        return any(
            key == tokens.keys[place + 1] and others.word(p) == after for p, key in enumerate(others.keys)
        )
