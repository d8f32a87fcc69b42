"""Names of persons in text in Latin letters: titles, introductions, given name and surname, single given names.

One regex finds the capitalised words; everything else is a look-up of a word or of its neighbours, so the cost grows
with the number of capitals only. Neighbours joined by a space form a run, and a run is read from left to right. What
was found once is found again by its parts. Rejected: a regex for each way to introduce a person (a pass over the text
each), and a list of persons, which knows who is famous and not who is private.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from quality.pii import signs
from quality.pii.kept import Kept
from quality.pii.lexicon_en import (
    FUNCTION,
    GIVEN,
    PROPER,
    ROYAL,
    SURNAME,
    TITLE,
    UNKNOWN,
    WORD,
    context,
    places,
    plain,
)
from quality.pii.names_en_context import Surroundings
from quality.pii.names_en_full import NO_INITIALS, FullNames, is_degree
from quality.pii.names_en_lower import lower_case_names
from quality.pii.names_en_tokens import CAPITALISED, SUFFIXES, Token, role_as_written, tokens_of
from quality.pii.spans import Span

BY: Final = "names_en"

_INITIALS_AFTER = re.compile(r", ((?:[A-Z]\.[ -]?){1,3})(?=[\s,;&(]|$)")
_MAY_BEGIN: Final = GIVEN | SURNAME | TITLE | ROYAL
_NO_NAME: Final = WORD | PROPER | FUNCTION
"""Roles of words that begin no name, unless they have one of those above as well."""


_SURE_ANYWHERE: Final = 0.75
_ENGLISH_WORDS: Final = """
the of and to is in that it was he she for you with as are his her my your this be have from or had by not
"""
_FOREIGN_WORDS: Final = """
der die das und ist nicht ein eine einen dem den des mit für auf im zu von sich werden wird sind oder bei
il che di la per una un non con sono del della le gli nel alla è e
och att det som en på är för av inte har till nie jest się na do w z że oraz lub
les et est dans pour que pas sur avec au du aux qui el los las y es para se como o os da em não uma
het een van dat niet op te zijn ook og ikke ve bir için
"""
_AT_ONCE: Final = 64
"""Words that are counted before it is asked whether the language is English already."""

_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_FOREIGN: Final = frozenset(_FOREIGN_WORDS.split())


SIGNS: Final = signs.sign(r"\p{Latin}")


def find_names_en(text: str) -> Iterator[Span]:
    """Find the names of persons that are written in Latin letters."""
    if text.islower():
        yield from (Span(start, end, "name", 0.5, BY) for start, end in lower_case_names(text))
        return
    matches = list(CAPITALISED.finditer(text))
    weights = list(map(WEIGHTS.__getitem__, map(re.Match.group, matches)))
    if not any(weights):
        return
    tokens = tokens_of(text, matches)
    telling = [at for at, weight in enumerate(weights) if weight and _tells(weight, tokens[at], text)]
    if telling and any(_may_begin(token, text) for token in tokens):
        found = list(_Reader(text, tokens).spans(telling))
        sure = [span for span in found if span.score >= _SURE_ANYWHERE]
        yield from sure if len(sure) < len(found) and _is_foreign(text) else found


def _is_foreign(text: str) -> bool:
    """Tell by its commonest words whether a text is in a language whose capitals mean something else.

    German nouns have capitals, and a word of one language is a name in another (Tage, Italia, Lage): there only a title
    or an introduction, or a full name of words that are nothing else, is enough.
    """
    words = text.lower().split()
    ahead = sum(map(_FOREIGN.__contains__, words))
    if ahead < 2:
        return False
    for at in range(0, len(words), _AT_ONCE):
        ahead -= sum(map(_ENGLISH.__contains__, words[at : at + _AT_ONCE]))
        if ahead <= 0:
            return False
    return True


def _weight(word: str) -> int:
    """Return when a word may be the first of a name: 0 never, 1 before a comma, 2 beside others too, 3 anywhere.

    It says of each step of `_Reader._read` beforehand that it leads nowhere, and holds for the word wherever it stands,
    so that most words with a capital are read no further.
    """
    role = role_as_written(word)
    if len(word) == 1:
        return 3
    if role & _NO_NAME and not role & _MAY_BEGIN:
        return 0
    if role & FUNCTION and not role & (GIVEN | TITLE):
        return 1
    plain_word = role & (WORD | PROPER) and not role & GIVEN and role & SURNAME != SURNAME
    return 2 if plain_word or role & (TITLE | ROYAL) or word.isupper() else 3


WEIGHTS: Final = Kept(_weight, most=1 << 16)


def _tells(weight: int, token: Token, text: str) -> bool:
    """Tell whether a token of some weight may be the first of a name, with what stands right behind it."""
    return weight == 3 or (weight == 2 and token.joined) or text[token.end : token.end + 1] == ","


def _may_begin(token: Token, text: str) -> bool:
    """Tell whether a name may begin at a token; most texts have none, and are read no further."""
    if not token.role & _NO_NAME or token.role & _MAY_BEGIN:
        return True
    return token.is_initial and text[token.end : token.end + 1] == "."


class _Reader:
    """Reads the runs of one text; holds what was found so far."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.around = Surroundings(text)
        self.full = FullNames(text, tokens, self.around)
        self.found: dict[int, tuple[int, float]] = {}
        self.refused: set[int] = set()
        self.pending: list[int] = []

    def spans(self, telling: Iterable[int]) -> Iterator[Span]:
        """Read what begins at the telling tokens, then look for what goes with what was found."""
        free = 0
        for at in telling:
            if at >= free:
                free = self._read(at)
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
        role = token.role
        letter = len(token.text) == 1 and self.around.starts_line(token.start)
        if role & _NO_NAME and not role & _MAY_BEGIN and not letter:
            return at + 1
        if role & TITLE and token.joined and token.text != "MS":
            end = self._after_title(at)
            if end > at + 1:
                self.found[at + 1] = (end, 0.9)
                return end
        if role & (SURNAME | UNKNOWN) and self.text[token.end : token.end + 1] == ",":
            if end := self._inverted(at):
                self.found[at] = (end, 0.6)
                return end
            if self._is_reversed(at):
                self.found[at] = (at + 2, 0.6)
                return at + 2
        if role & FUNCTION and not letter and not (token.role & GIVEN and self._is_weak_pair(at)):
            return at + 1
        if role & ROYAL and token.joined and self._is_crowned(at + 1):
            end = at + 2 + (self.tokens[at + 1].joined and self.tokens[at + 2].text in SUFFIXES)
            self.found[at + 1] = (end, 0.6)
            return end
        if role & ROYAL and token.joined:
            return at + 1
        end = self.full.end(at) if token.joined else at
        introduced = self.around.introduces(token.start, token.end, sure=False)
        if introduced and not self._is_thing(at, at + 1):
            end = max(end, self._introduced(at))
        if end - at >= 2:
            if self._is_thing(at, end):
                self.refused.update(range(at, end))
            else:
                self.found[at] = (end, self._sureness(at, end))
            return end
        if (score := self._single(at, introduced)) and not self._is_thing(at, at + 1):
            if score > 0:
                self.found[at] = (at + 1, score)
            else:
                self.pending.append(at)
        return at + 1

    def _is_weak_pair(self, at: int) -> bool:
        """Whether a word such as Will or May is followed by what can be a surname only."""
        token = self.tokens[at]
        return token.joined and self.tokens[at + 1].role & (SURNAME | WORD) == SURNAME

    def _inverted(self, at: int) -> int:
        """Return the end of a name such as `Smith, J. A.` that begins at a token, 0 for none."""
        match = _INITIALS_AFTER.match(self.text, self.tokens[at].end)
        if match is None or self.tokens[at].role & PROPER or match[1].replace(".", "").strip() in NO_INITIALS:
            return 0
        return at + 1 + sum(map(str.isupper, match[1]))

    def _is_reversed(self, at: int) -> bool:
        """Tell whether a surname, a comma and a given name stand behind the label of a form."""
        if at + 1 >= len(self.tokens) or self.tokens[at].role & GIVEN >= 2:
            return False
        first, second = self.tokens[at : at + 2]
        return (
            self.text[first.end : second.start] == ", "
            and second.role & GIVEN >= 2
            and not second.role & PROPER
            and self.around.labels_one(first.start)
        )

    def _is_crowned(self, at: int) -> bool:
        """Tell whether the word after a rank is a name: `King Arthur`, not `King County`."""
        token = self.tokens[at]
        ends = not token.joined or self.tokens[at + 1].text in SUFFIXES
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
            if end > at + 1 and is_degree(token):
                break
            end += 1
            if not token.joined:
                break
        if title in words.titles_weak and end > at + 1 and self._is_thing(at + 1, end):
            return at + 1
        return end

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
        if last.role & SURNAME == SURNAME and self.around.is_paired(self.tokens[at].start, last.end):
            return True
        return self.around.makes_thing(self.tokens[at].start, last.end)

    def _single(self, at: int, introduced: bool) -> float:
        """Return how surely a word that stands alone is a name, 0 for not, less for one that a list may decide."""
        token, around = self.tokens[at], self.around
        given, surname = token.role & GIVEN, token.role & SURNAME
        if token.role & (TITLE | ROYAL):
            return 0
        if len(token.text) < 2 or (token.role & (WORD | PROPER) and not (given or surname)):
            return 0
        if token.text.isupper():
            return 0
        if given >= 2 and not token.role & PROPER:
            introduced = around.introduces(token.start, token.end, sure=True)
        if introduced:
            return 0 if token.role & (PROPER | WORD) and not given else 0.7
        if not self._stands_alone(at) or around.has_article(token.start):
            return 0
        if given and not token.role & (WORD | PROPER) and around.labels_speech(token.start, token.end):
            return 0.5
        if given == 3:
            return 0.6 if not around.in_place(token.start) else 0
        fair = given == 2 and not token.role & PROPER and not around.in_place(token.start)
        if fair and (not around.starts_sentence(token.start) or around.acts(token.end)):
            return 0.5
        if given == 1 and not token.role & (WORD | PROPER) and around.acts(token.end):
            return 0.45
        if (surname == SURNAME or token.role & UNKNOWN) and around.speaks(token.start, token.end):
            return 0.45
        return -1 if given in (1, 2) and not token.role & PROPER else 0

    def _stands_alone(self, at: int) -> bool:
        """Tell whether a word is no part of a longer run of capitals."""
        words, token = context(), self.tokens[at]
        if token.joined and not self.around.is_shouted(token.end):
            after = self.tokens[at + 1]
            if after.text.lower() not in words.functions and after.text != "I":
                return False
        if at and self.tokens[at - 1].joined and (at - 1) not in self.found:
            before = self.tokens[at - 1].text.lower()
            return (
                before in words.functions
                or before in words.titles
                or before in words.royal
                or before in words.greetings
            )
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
                if len(token.text) > 2 and token.text not in SUFFIXES and (sure or score >= 0.7):
                    parts[token.text] = max(parts.get(token.text, 0), score)
        covered = {at for first, (last, _) in self.found.items() for at in range(first, last)}
        for at, token in enumerate(self.tokens):
            if token.text not in parts or at in covered or at in self.refused or not self._stands_alone(at):
                continue
            doubtful = token.role & (WORD | PROPER) and self.around.starts_sentence(token.start)
            if not doubtful and not self._is_thing(at, at + 1):
                self.found[at] = (at + 1, min(0.6, parts[token.text]))
