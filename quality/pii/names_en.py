"""Names of persons in text in Latin letters: titles, introductions, given name and surname, single given names.

One regex finds the capitalised words; everything else is a look-up of a word or of its neighbours, so the cost grows with the
number of capitals only. Neighbours joined by a space form a run, and a run is read from left to right. What was found once
is found again by its parts. Rejected: a regex for each way to introduce a person (each costs a pass over the text), and a
list of persons, which knows who is famous and not who is private.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from quality.pii.lexicon_en import GIVEN, PROPER, SURNAME, UNKNOWN, WORD, context, places, plain, role_of
from quality.pii.names_en_context import Surroundings
from quality.pii.spans import Span

BY: Final = "names_en"
_UPPER = "".join(char for char in map(chr, range(0x41, 0x250)) if char.isupper())
_LETTER = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"
_CAPITALISED = re.compile(
    rf"(?:(?<![{_LETTER}\d_@#/\\&+=%~^$])|(?<=\\[nt]))[{_UPPER}][{_LETTER}]*"
    rf"(?:-[{_LETTER}]+|['’](?![sS](?![{_LETTER}]))[{_LETTER}]+)*(?![{_LETTER}\d_@(]|\.[a-z@]|://|\\(?![\"'nt]))"
)
_LOWER_CASED = re.compile(rf"(?<![{_LETTER}\d_@#/\\.-])[{_LETTER}]+(?:['’](?!s)[{_LETTER}]+)?(?![{_LETTER}\d_@\\(]|\.[a-z@]|://)")
_SUFFIXES = frozenset("Jr Sr II III IV VI VII VIII IX XI XII XIII XIV XV XVI XVII XVIII".split())
_NO_INITIALS = frozenset({"US", "UK", "GI", "PO", "AD", "BC", "DC", "UN", "EU", "AI", "NY", "LA"})
_LONGEST = 5
_INNER_CAPITAL = re.compile(r"(?<!^Mc)(?<!^Mac)(?<!^De)(?<!^Di)(?<!^Van)(?<!^Le)(?<!^La)(?<!^O')(?<!^O’)(?<=[a-z])[A-Z]")


class Token(NamedTuple):
    """A capitalised word: where it stands, its text, its role, and whether the next token goes on from it."""

    start: int
    end: int
    text: str
    role: int
    joined: bool

    @property
    def is_initial(self) -> bool:
        """Whether it is one letter."""
        return len(self.text) == 1


def find_names_en(text: str) -> Iterator[Span]:
    """Find the names of persons that are written in Latin letters."""
    if text.islower():
        yield from _lower_case_names(text)
        return
    tokens = _tokens(text, _CAPITALISED)
    if tokens:
        yield from _Reader(text, tokens).spans()


def _tokens(text: str, pattern: re.Pattern[str]) -> list[Token]:
    matches = [(match.start(), match.end(), match.group()) for match in pattern.finditer(text)]
    tokens = []
    for at, (start, end, word) in enumerate(matches):
        follows = matches[at + 1][0] if at + 1 < len(matches) else -1
        joined = end < follows <= end + 12 and _is_joint(word, text[end:follows])
        role = role_of(word)
        if role & UNKNOWN and _INNER_CAPITAL.search(word):
            role = WORD
        tokens.append(Token(start, end, word, role, joined))
    return tokens


def _is_joint(word: str, gap: str) -> bool:
    """Tell whether the gap between two capitalised words lets them be one name."""
    if gap == " ":
        return True
    if gap in (".", ". "):
        return len(word) == 1 or word in _SUFFIXES or (gap == ". " and word.lower() in context().titles | {"st"})
    if gap == ", ":
        return False
    if gap[0] == " " and gap[-1] in " -'’":
        parts = gap.replace("-", " ").split()
        return bool(parts) and all(part in context().particles for part in parts)
    return False


class _Reader:
    """Reads the runs of one text; holds what was found so far."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.around = Surroundings(text)
        self.found: dict[int, tuple[int, float]] = {}
        self.refused: set[int] = set()
        self.pending: list[int] = []

    def spans(self) -> Iterator[Span]:
        """Read all runs, then look for what goes with what was found."""
        at = 0
        while at < len(self.tokens):
            at = self._read(at)
        if self.found:
            self._listed()
            self._repeated()
        for first, (last, score) in sorted(self.found.items()):
            end = self.tokens[last - 1].end
            cut = self.tokens[last - 1].is_initial or self.tokens[last - 1].text in ("Jr", "Sr")
            if cut and self.text[end : end + 1] == ".":
                end += 1
            yield Span(self.tokens[first].start, end, "name", score, BY)

    def _read(self, at: int) -> int:
        """Read what begins at a token; return the token to go on with."""
        token = self.tokens[at]
        lower = token.text.lower()
        if lower in context().titles and token.joined:
            end = self._after_title(at)
            if end > at + 1:
                self.found[at + 1] = (end, 0.9)
                return end
        if lower in context().functions and not (token.role & GIVEN and self._is_weak_pair(at)):
            return at + 1
        if lower in context().royal and token.joined and self._is_crowned(at + 1):
            self.found[at + 1] = (at + 2, 0.6)
            return at + 2
        end = self._full(at)
        if self.around.introduces(token.start, token.end, sure=False) and not self._is_thing(at, at + 1):
            end = max(end, self._introduced(at))
        if end - at >= 2:
            if self._is_thing(at, end):
                self.refused.update(range(at, end))
            else:
                self.found[at] = (end, self._sureness(at, end))
            return end
        if (score := self._single(at)) > 0:
            self.found[at] = (at + 1, score)
        return at + 1

    def _is_weak_pair(self, at: int) -> bool:
        """Whether a word such as Will or May is followed by what can be a surname only."""
        token = self.tokens[at]
        return token.joined and self.tokens[at + 1].role & (SURNAME | WORD) == SURNAME

    def _is_crowned(self, at: int) -> bool:
        """Tell whether the word after a rank is a name: `King Arthur`, not `King County`."""
        token = self.tokens[at]
        ends = not token.joined or self.tokens[at + 1].text in _SUFFIXES
        return (token.role & GIVEN) >= 2 and ends and not self._is_thing(at, at + 1)

    def _introduced(self, at: int) -> int:
        """Return the end of a name of any words right after an introduction, which vouches for them."""
        words, end = context(), at
        while end < len(self.tokens) and end - at < 3:
            token = self.tokens[end]
            lower = token.text.lower()
            if lower in words.functions or lower in words.company or token.text.isupper():
                break
            if token.role & (WORD | PROPER) and not token.role & (GIVEN | SURNAME):
                break
            end += 1
            if not token.joined:
                break
        return end

    def _after_title(self, at: int) -> int:
        """Return the end of the name after a title, or the place after the title when there is none."""
        words, title = context(), self.tokens[at].text.lower()
        end = at + 1
        while end < len(self.tokens) and end - at <= 4:
            token = self.tokens[end]
            lower = token.text.lower()
            if lower in words.titles and end == at + 1 and token.joined and title not in words.titles_weak:
                return end
            if lower in words.functions or (lower in words.company and not token.role & (GIVEN | SURNAME)):
                break
            weak = title in words.titles_weak or end > at + 1
            if weak and token.role & WORD and not (token.role & SURNAME and end > at + 1):
                break
            if weak and token.role & PROPER and not (token.role & SURNAME and end > at + 1):
                break
            if end > at + 1 and self._is_degree(token):
                break
            end += 1
            if not token.joined:
                break
        if title in words.titles_weak and end > at + 1 and self._is_thing(at + 1, end):
            return at + 1
        return end

    def _full(self, at: int) -> int:
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
            return at
        rest = self.tokens[at + 1 : end]
        return end if self._agree(first, rest, at) else at

    def _goes_on(self, token: Token) -> bool:
        lower = token.text.lower()
        if token.is_initial:
            return token.text not in "I" and self.text[token.end : token.end + 1] == "."
        if self._is_degree(token):
            return False
        if token.text in _SUFFIXES or (token.text == "St" and token.joined and self.text[token.end] == "."):
            return True
        if lower in context().functions and not token.role & SURNAME == SURNAME:
            return False
        if lower in context().company and token.role & SURNAME != SURNAME:
            return False
        return bool(token.role & (SURNAME | UNKNOWN | GIVEN)) or not token.role & (WORD | PROPER)

    def _is_degree(self, token: Token) -> bool:
        """Tell whether letters such as MD or CEO stand here rather than a name."""
        written = token.text
        return 1 < len(written) < 5 and written.isupper() and written not in _SUFFIXES and not token.role & SURNAME

    def _may_end(self, at: int, end: int) -> bool:
        last = self.tokens[end - 1]
        if last.is_initial:
            return end - at == 2 and self.tokens[at].role & GIVEN == 3
        if last.text in _SUFFIXES:
            return True
        if last.role & PROPER:
            return last.role & SURNAME >= 8 and not last.joined
        return True

    def _agree(self, first: Token, rest: list[Token], at: int) -> bool:
        """Tell whether a first word and those after it make a full name."""
        named = [token for token in rest if not token.is_initial and token.text not in _SUFFIXES]
        if first.is_initial:
            if self.around.starts_line(first.start) and len(rest) == len(named) == 1:
                return False
            if first.text + rest[0].text in _NO_INITIALS:
                return False
            return bool(named) and self.text[first.end : first.end + 1] == "." and any(
                token.role & SURNAME >= 8
                or token.role & (GIVEN | UNKNOWN) >= 2
                or (token.role & SURNAME and len(rest) > len(named))
                for token in named
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
            return ends and not (self.around.starts_sentence(first.start) and last & (GIVEN | UNKNOWN) >= 3)
        if first.role & (WORD | PROPER):
            return False
        if first.role & UNKNOWN or first.role & SURNAME >= 8:
            return last & SURNAME == SURNAME or last & GIVEN == 3
        return False

    def _sureness(self, at: int, end: int) -> float:
        given = self.tokens[at].role & GIVEN
        return (0.45, 0.5, 0.6, 0.75)[given]

    def _is_thing(self, at: int, end: int) -> bool:
        """Tell whether the words around a name make it a firm's, a place's, a law's."""
        words, last = context(), self.tokens[end - 1]
        if at and self.tokens[at - 1].joined:
            before = self.tokens[at - 1].text.lower()
            if before in words.thing_before:
                return True
        if last.joined and end < len(self.tokens):
            after = self.tokens[end].text.lower()
            if after in words.company:
                return True
        if " ".join(plain(token.text) for token in self.tokens[at : at + 2]) in places():
            return True
        return self.around.makes_thing(self.tokens[at].start, last.end)

    def _single(self, at: int) -> float:
        """Return how surely a word that stands alone is a name, 0 for not."""
        token, around = self.tokens[at], self.around
        given, surname = token.role & GIVEN, token.role & SURNAME
        lower = token.text.lower()
        if lower in context().titles or lower in context().royal:
            return 0
        if len(token.text) < 2 or (token.role & (WORD | PROPER) and not (given or surname)):
            return 0
        if self._is_thing(at, at + 1):
            self.refused.add(at)
            return 0
        if token.text.isupper():
            return 0
        if around.introduces(token.start, token.end, sure=given >= 2):
            return 0 if token.role & (PROPER | WORD) and not given else 0.7
        if not self._stands_alone(at) or around.has_article(token.start):
            return 0
        if given and not token.role & (WORD | PROPER) and around.labels_speech(token.start, token.end):
            return 0.5
        if given == 3:
            return 0.6 if not around.in_place(token.start) else 0
        if given == 2 and not token.role & PROPER and not around.in_place(token.start):
            if not around.starts_sentence(token.start) or around.acts(token.end):
                return 0.5
        if given == 1 and not token.role & (WORD | PROPER) and around.acts(token.end):
            return 0.45
        if given == 1 or given == 2:
            self.pending.append(at)
            return 0
        if (surname == SURNAME or token.role & UNKNOWN) and around.speaks(token.start, token.end):
            return 0.45
        return 0

    def _stands_alone(self, at: int) -> bool:
        """Tell whether a word is no part of a longer run of capitals."""
        words, token = context(), self.tokens[at]
        if token.joined and not self.around.is_shouted(token.end):
            after = self.tokens[at + 1]
            if after.text.lower() not in words.functions and after.text != "I":
                return False
        if at and self.tokens[at - 1].joined and (at - 1) not in self.found:
            before = self.tokens[at - 1].text.lower()
            return before in words.functions or before in words.titles or before in words.royal or before in words.greetings
        return True

    def _listed(self) -> None:
        """Find doubtful given names that stand in a list with found ones."""
        ends = {last for last, _ in self.found.values()}
        for at in self.pending:
            beside = (at in ends and self.around.lists(self.tokens[at - 1].end, self.tokens[at].start)) or (
                at + 1 in self.found and self.around.lists(self.tokens[at].end, self.tokens[at + 1].start)
            )
            if beside and at not in self.found:
                self.found[at] = (at + 1, 0.5)
                ends.add(at + 1)

    def _repeated(self) -> None:
        """Find the parts of found names where they stand alone."""
        parts: dict[str, float] = {}
        for first, (last, score) in self.found.items():
            for token in self.tokens[first:last]:
                sure = token.role & (GIVEN | SURNAME | UNKNOWN) and not token.role & (WORD | PROPER)
                if len(token.text) > 2 and token.text not in _SUFFIXES and (sure or score >= 0.7):
                    parts[token.text] = max(parts.get(token.text, 0), score)
        covered = {at for first, (last, _) in self.found.items() for at in range(first, last)}
        for at, token in enumerate(self.tokens):
            if token.text not in parts or at in covered or at in self.refused or not self._stands_alone(at):
                continue
            doubtful = token.role & (WORD | PROPER) and self.around.starts_sentence(token.start)
            if not doubtful and not self._is_thing(at, at + 1):
                self.found[at] = (at + 1, min(0.6, parts[token.text]))


def _lower_case_names(text: str) -> Iterator[Span]:
    """Find names in a text without a capital: a sure given name, the surname after it, and what follows a title."""
    around, words = Surroundings(text), context()
    tokens = _tokens(text, _LOWER_CASED)
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        titled = at > 1 and tokens[at - 2].joined and tokens[at - 2].text in words.titles - words.titles_weak
        if (token.role & GIVEN != 3 and not titled) or len(token.text) < 3 or around.has_article(token.start):
            continue
        after = tokens[at] if token.joined else None
        if after and not after.role & (WORD | PROPER) and after.text not in words.functions | words.verbs:
            if after.role & SURNAME or after.role & UNKNOWN:
                at += 1
                yield Span(token.start, after.end, "name", 0.5, BY)
                continue
        if not around.makes_thing(token.start, token.end) and not around.in_place(token.start):
            yield Span(token.start, token.end, "name", 0.45, BY)
