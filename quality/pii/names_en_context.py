"""What stands around a word: an introduction, a verb of speech, a place's preposition, the start of a sentence.

Each question looks at a few dozen characters beside the word, so its cost does not depend on the text's length.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from quality.pii.lexicon_en import context

_REACH: Final = 40
_NEAR: Final = 4
_AFTER = re.compile(r"(?:['’]s)?[ -]{1,2}([A-Za-z]+)")
_SENTENCE_END = re.compile(r"[.!?\n]")
_NUMBERED = re.compile(r",? \d")
_POSSESSIVE = re.compile(r"['’]s?\b")
_EDGE = "\"'“”‘’`([{<*_|>,;-–—"
_LIST = re.compile(r"[\s\d]*(?:[,;/&|]|and|or|vs\.?)[\s\d.:|\"']*(?:and|or|&)?[\s\"']*")
_PLACE = frozenset(
    {"in", "near", "at", "into", "across", "throughout", "around", "outside", "downtown", "of the", "via"}
)
_PERSON_KEY = re.compile(
    r"[\"'](?:e-?mail|age|gender|sex|dob|birth_?(?:date|day)|date_of_birth|salary|occupation|job(?:_?title)?|department"
    r"|mobile|ssn|hobbies|nationality)[\"']",
    re.IGNORECASE,
)
_ONE = frozenset(
    {"name", "fullname", "full_name", "patient", "employee", "student", "client", "customer"}
    | {"author", "recipient", "sender"}
)
"""Labels behind which `Surname, Given` is one person."""

_LOOKING = frozenset(
    stem + end
    for stem in (
        "look",
        "star",
        "glar",
        "smil",
        "nodd",
        "shout",
        "yell",
        "laugh",
        "glanc",
        "wink",
        "grinn",
        "scream",
    )
    for end in ("ed", "ing")
)
"""Verbs that go with `at` and a person."""

_BE = frozenset(
    {
        "is",
        "was",
        "am",
        "be",
        "are",
        "it's",
        "i'm",
        "i’m",
        "it’s",
        "he's",
        "she's",
        "that's",
        "this's",
        "he’s",
        "she’s",
        "me's",
    }
)

_NOT_OF_PERSONS = _BE | frozenset(
    {"i", "we", "which", "that", "were", "been", "being", "city", "company", "game", "file", "product"}
)
"""Words before `named` and `called` that speak of a thing."""

_OF_PERSONS = frozenset(
    {"first", "last", "full", "given", "family", "middle", "maiden", "my", "your", "his", "her", "their"}
    | {"the", "customer", "client", "user", "patient", "contact"}
)


_FIELD_ENDS = frozenset(":=>\"'“‘`*")
"""What the label of a form or a key of code ends with."""


@cache
def _introducing() -> frozenset[str]:
    """Return the words that may stand right before a person whom they introduce."""
    said = {"named", "called", "nicknamed", "name's", "name’s", "starring", "me", "here's", "here’s", "am"}
    return _BE | said | context().greetings | context().name_before


class Surroundings:
    """Answers questions about the places of one text."""

    __slots__ = ("_before", "_last", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._before: dict[int, tuple[str, list[str]]] = {}
        self._last = (-1, "")

    def _words_before(self, start: int) -> tuple[str, list[str]]:
        """Return what stands right before a place on its line and the words there in lower case, the nearest first."""
        known = self._before.get(start)
        if known is None:
            before = self.text[max(0, start - _REACH) : start]
            line = before.rpartition("\n")[2]
            known = self._before[start] = before, line.lower().split()[: -_NEAR - 1 : -1]
        return known

    def _nearest(self, start: int) -> str:
        """Return the first of those words, empty for none: most places have a plain word and a space before them."""
        if self._last[0] == start:
            return self._last[1]
        space = self.text.rfind(" ", max(0, start - _REACH), start - 1) if start else -1
        word = self.text[space + 1 : start - 1] if space >= 0 and self.text[start - 1] == " " else ""
        # Printable characters hold no other white space.
        if word and word.isascii() and word.isprintable():
            word = word.lower()
        else:
            before = self._words_before(start)[1]
            word = before[0] if before else ""
        self._last = start, word
        return word

    def starts_sentence(self, start: int) -> bool:
        """Tell whether a capital would stand here anyway."""
        before = self.text[max(0, start - 8) : start].rstrip(" \t\"'“‘(*_->•#")
        return not before or before[-1] in ".!?:\n|…" or start == 0

    def asks(self, start: int) -> bool:
        """Tell whether a question mark ends the sentence that a word stands in."""
        match = _SENTENCE_END.search(self.text, start, start + 150)
        return match is not None and match[0] == "?"

    def starts_line(self, start: int) -> bool:
        """Tell whether only white space and marks of a list stand before on the line."""
        before = self.text[max(0, start - 8) : start].rpartition("\n")
        return (bool(before[1]) or start < 8) and not before[2].strip(" \t*-•(>")

    def follows(self, end: int) -> str:
        """Return the word after a place, in lower case, when only a space or a possessive lies between."""
        match = _AFTER.match(self.text, end)
        return match[1].lower() if match else ""

    def is_shouted(self, end: int) -> bool:
        """Tell whether a sentence ends here."""
        return self.text[end : end + 1] in {"!", "?", "."}

    def makes_thing(self, start: int, end: int) -> bool:
        """Tell whether the words beside a name make it a thing's: `the … algorithm`, `…'s disease`."""
        words = context()
        match = _AFTER.match(self.text, end)
        if match and (
            match[1] in words.thing_after or (match[1][0].isupper() and match[1].lower() in words.company)
        ):
            return True
        before = self._nearest(start)
        if before.isdecimal() and _NUMBERED.match(self.text, end):
            return True
        return before in words.thing_before or (
            before == "of" and self._words_before(start)[1][1:2] == ["university"]
        )

    def is_paired(self, start: int, end: int) -> bool:
        """Tell whether `&` joins a name with another, as in the name of a firm."""
        return self.text[end : end + 3] == " & " or self.text[max(0, start - 3) : start] == " & "

    def has_article(self, start: int) -> bool:
        """Tell whether `the`, `a` or `an` stands before."""
        return self._nearest(start) in {"the", "a", "an"}

    def labels_speech(self, start: int, end: int) -> bool:
        """Tell whether a word is the speaker's label on a line of a dialogue."""
        return self.text[end : end + 1] == ":" and self.starts_line(start)

    def in_place(self, start: int) -> bool:
        """Tell whether a preposition of place stands before."""
        before = self._nearest(start)
        if before == "at":
            words = self._words_before(start)[1]
            return len(words) == 1 or words[1].strip(_EDGE) not in _LOOKING
        return before in _PLACE

    def acts(self, end: int) -> bool:
        """Tell whether a person's verb or a possessive follows."""
        if _POSSESSIVE.match(self.text, end):
            return True
        after = self.follows(end)
        return after in context().say or after in context().verbs

    def speaks(self, start: int, end: int) -> bool:
        """Tell whether a verb of speech stands beside: `said X`, `X said`."""
        say = context().say
        return self.follows(end) in say or self._nearest(start).strip(_EDGE) in say

    def lists(self, end: int, start: int) -> bool:
        """Tell whether two words stand in one list."""
        return 0 < start - end <= 12 and _LIST.fullmatch(self.text, end, start) is not None

    def introduces(self, start: int, end: int, *, sure: bool) -> bool:
        """Tell whether the words before introduce a person; `sure`: the word is known as a given name."""
        nearest = self._nearest(start)
        if nearest and nearest[-1] not in _FIELD_ENDS and nearest.strip(_EDGE) not in _introducing():
            return False
        before, near = self._words_before(start)
        if not near:
            return self._is_signature(before, start, end)
        words, first = context(), near[0].strip(_EDGE)
        if first not in _introducing():
            return near[0][-1] in _FIELD_ENDS and self._is_field(near, words.name_labels, start)
        second = near[1].strip(_EDGE) if len(near) > 1 else ""
        ends = self.text[end : end + 1]
        if first in ("named", "called", "nicknamed") and (sure or second not in _NOT_OF_PERSONS):
            return first != "called" or second not in _BE
        if first in _BE and second.rstrip(":") in ("name", "names"):
            return not len(near) > 2 or near[2].strip(_EDGE) not in words.not_person_names
        if first in ("name's", "name’s", "starring") or (
            first == "me" and second in ("call", "calls", "called")
        ):
            return True
        if first in words.greetings and ends in {",", "!", ".", "\n", ":", ""}:
            return True
        if first in ("here's", "here’s") and ends in {"'", "’"}:
            return True
        if sure and (first in _BE or first in words.name_before):
            return True
        if first in ("i'm", "i’m") or (first == "am" and second == "i"):
            return ends in {",", ".", "!", "\n", ""}
        return self._is_field(near, words.name_labels, start)

    def _is_field(self, near: list[str], labels: frozenset[str], start: int) -> bool:
        """Tell whether a label of a form or a key of code stands before: `Name:`, `"name": "`, `name="`."""
        piece = near[0].rstrip("\"'“‘`* ")
        if not piece and len(near) > 1:
            # `"name": "…`: the quotation mark that opens the value is a word of its own. Products have names, too:
            # a bare one takes a key beside it that only persons have.
            near = near[1:]
            piece = near[0].rstrip("\"'“‘`* ")
            if piece.strip(_EDGE + ":=") == "name" and not _PERSON_KEY.search(
                self.text, max(0, start - 300), start + 300
            ):
                return False
        if piece in ("=", "=>", ":", ":=") and len(near) > 1:
            label, near = near[1], near[1:]
        elif piece.endswith((":", "=")):
            label = piece[:-1]
        else:
            return False
        label = label.strip(_EDGE + ":=").replace("'", "")
        owner, _, label = label.rpartition(".")
        before = owner or (near[1].strip(_EDGE) if len(near) > 1 and near[1][-1] not in ".,;:|" else "")
        return label in labels and (
            not before or before in _OF_PERSONS or before not in context().not_person_names
        )

    def labels_one(self, start: int) -> bool:
        """Tell whether the label of a form for one person stands before: `Patient:`, not `Attendees:`."""
        _, near = self._words_before(start)
        return bool(near) and self._is_field(near, _ONE, start)

    def signs_off(self, start: int, end: int) -> bool:
        """Tell whether a name stands alone on the line after the close of a letter."""
        return self._is_signature(self.text[max(0, start - _REACH) : start], start, end)

    def _is_signature(self, before: str, start: int, end: int) -> bool:
        """Tell whether a line of its own follows the close of a letter."""
        lines = before.rstrip().rpartition("\n")[2].strip(" ,.!*").lower().split()
        return (
            bool(lines)
            and len(lines) <= 4
            and lines[-1] in context().closings
            and self.text[end : end + 1] in {"", "\n", "."}
        )
