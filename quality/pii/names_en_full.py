"""Full names in a run of capitalised words: where one ends, and whether its words agree to be one.

The surer the first word is a given name, the less the others must prove: anything with a capital follows Marie, a sure
surname only follows Will. Rejected: one score summed over the words, in which a rare surname makes up for a word that
is no given name (Grand Canyon).
"""

from __future__ import annotations

from quality.pii.lexicon_en import GIVEN, PROPER, SURNAME, UNKNOWN, WORD, context
from quality.pii.names_en_context import Surroundings
from quality.pii.names_en_tokens import SUFFIXES, Token

NO_INITIALS = frozenset({"US", "UK", "GI", "PO", "AD", "BC", "DC", "UN", "EU", "AI", "NY", "LA"})
"""Pairs of letters that are read as a word, not as initials."""

_LONGEST = 5
"""Most words of one name."""


def is_degree(token: Token) -> bool:
    """Tell whether letters such as MD or CEO stand here rather than a name."""
    written = token.text
    return 1 < len(written) < 5 and written.isupper() and written not in SUFFIXES and not token.role & SURNAME


class FullNames:
    """Reads full names off the capitalised words of one text."""

    __slots__ = ("around", "text", "tokens")

    def __init__(self, text: str, tokens: list[Token], around: Surroundings) -> None:
        self.text, self.tokens, self.around = text, tokens, around

    def end(self, at: int) -> int:
        """Return the end of the full name that begins at a token, or a place before the second when none does."""
        first = self.tokens[at]
        end = at
        while end < len(self.tokens) and end - at < _LONGEST:
            token = self.tokens[end]
            if end > at and not self._goes_on(token):
                break
            end += 1
            if not token.joined:
                break
        while end - at >= 2 and not self._may_end(at, end):
            end -= 1
        if end - at < 2:
            return at + 2 if self._has_word_for_surname(at) else at
        rest = self.tokens[at + 1 : end]
        return end if self._agree(first, rest, at) else at

    def _has_word_for_surname(self, at: int) -> bool:
        """Tell whether an ordinary word with a capital ends a name inside a sentence: `Steve Jobs`."""
        token = self.tokens[at]
        if (
            token.role & GIVEN != 3
            or token.role & PROPER
            or not token.joined
            or (at and self.tokens[at - 1].joined)
        ):
            return False
        last = self.tokens[at + 1]
        lower = last.text.lower()
        odd = (
            last.role & PROPER
            or lower in context().functions
            or lower in context().company
            or last.text.isupper()
        )
        return not (odd or last.joined or self.around.starts_line(token.start)) and len(last.text) > 2

    def _goes_on(self, token: Token) -> bool:
        lower = token.text.lower()
        if token.is_initial:
            return token.text not in "I" and self.text[token.end : token.end + 1] == "."
        if is_degree(token):
            return False
        if token.text in SUFFIXES or (token.text == "St" and token.joined and self.text[token.end] == "."):
            return True
        if lower in context().functions and token.role & SURNAME != SURNAME:
            return False
        if lower in context().company and token.role & SURNAME != SURNAME:
            return False
        return bool(token.role & (SURNAME | UNKNOWN | GIVEN)) or not token.role & (WORD | PROPER)

    def _may_end(self, at: int, end: int) -> bool:
        last = self.tokens[end - 1]
        if last.is_initial:
            return end - at == 2 and self.tokens[at].role & GIVEN == 3
        if last.text in SUFFIXES:
            return True
        if last.role & PROPER:
            return last.role & SURNAME >= 8 and not last.joined
        return True

    def _agree(self, first: Token, rest: list[Token], at: int) -> bool:
        """Tell whether a first word and those after it make a full name."""
        named = [token for token in rest if not token.is_initial and token.text not in SUFFIXES]
        if first.is_initial:
            if self.around.starts_line(first.start) and len(rest) == len(named) == 1:
                return self.around.signs_off(first.start, rest[0].end)
            if first.text + rest[0].text in NO_INITIALS:
                return False
            return (
                bool(named)
                and self.text[first.end : first.end + 1] == "."
                and any(
                    token.role & SURNAME >= 8
                    or token.role & (GIVEN | UNKNOWN) >= 2
                    or (token.role & SURNAME and len(rest) > len(named))
                    for token in named
                )
            )
        last = named[-1].role if named else 0
        given = first.role & GIVEN
        if first.text.isupper() and len(first.text) > 1 and not (given >= 2 and last & SURNAME >= 8):
            return False
        if given == 3 and not first.role & PROPER:
            return bool(rest)
        if given == 2 and not first.role & PROPER:
            return last & SURNAME >= 8 or (last & GIVEN) >= 2 or bool(last & UNKNOWN)
        if given:
            ends = last & SURNAME == SURNAME or (bool(last & SURNAME) and len(rest) > len(named))
            ends = ends or (bool(last & UNKNOWN) and not first.role & PROPER)
            if not first.role & WORD and first.role & SURNAME == SURNAME and last & GIVEN >= 2:
                return True
            doubtful = self.around.starts_sentence(first.start) and last & (GIVEN | UNKNOWN) >= 3
            return ends and not (doubtful and (last & SURNAME != SURNAME or self.around.asks(first.start)))
        if first.role & (WORD | PROPER):
            return False
        if first.role & UNKNOWN or first.role & SURNAME >= 8:
            sure = first.role & SURNAME == SURNAME and (last & GIVEN) >= 2
            return sure or last & SURNAME == SURNAME or last & GIVEN == 3
        return False
