"""Street addresses in Latin letters: English forms, those of a dozen European languages, and post boxes.

Every such address holds a number, so numbers are where the reading begins: a street may follow (`12 Elm Street`, `12
rue de la Paix`) or go before (`Hauptstraße 12`, `P.O. Box 12`); then unit, town, state and postcode are read on.
Rejected: a gazetteer of streets (nobody has it), and one regex for all of it (each is tried at each number).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import re2

from quality.lookalike.words import known_words
from quality.pii import signs
from quality.pii.lexicon_en import DATA, context
from quality.pii.spans import Span

BY: Final = "addresses_en"
_L = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿͰ-Ͽ"
"""Letters; a word character would take Chinese characters too, which may touch an address without a space."""

# The digit stands first and what may not stand before it behind, so that a search skips to digits.
_NUMBER = re.compile(
    rf"\d(?<![{_L}\d_$€£.,/:+=*-].)(?<!\d .)\d{{0,5}}(?:[A-Za-z]|[-/]\d{{1,4}}[A-Za-z]?)?(?![{_L}\d_%°€$])(?!\.\d)"
)
_MAY_FOLLOW: Final = frozenset(" \t,")
"""What stands between a number and the street that it is of."""

_ASCII_DIGIT = re.compile("[0-9]")
_ANY_NUMBER = re.compile(rf"\d{{1,6}}[A-Za-z]?(?![{_L}\d_%°€$])")
_WORD = re.compile(rf"[ \t]{{1,2}}([{_L}\d][{_L}\d'’-]{{0,30}}\.?|C/)")
_LEFT_WORDS = re.compile(r"[^\s,;:()\"“”]+")
_GAPS = frozenset(',;:()"“”')
_HOUSE = re.compile(r"(?<![\w.,/-])\d{1,5}(?: \d{1,5})? $")
_SECOND = re.compile(r" \d{1,5}[A-Za-z]?(?=[\s,.;!?]|$)(?![ ,]+\d)")
_DIRECTION = re.compile(r" (?:[NS][EW]?|[EW]|North|South|East|West)(?![\w'’])")
_YEAR_BEFORE = re.compile(
    r"(?<![A-Za-z])(?:[Ii]n|[Ss]ince|[Bb]y|[Oo]f|[Uu]ntil|[Aa]fter|[Bb]efore|[Ff]rom) $"
)
_UNIT = re.compile(
    r"[ ,\n>|?]{1,6}(?:(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|building|bldg|apto|piso)\b"
    r"\.? ?#?\d{1,5}[a-z]?"
    r"|#\d{1,5}[a-z]?|\d{1,3}(?:st|nd|rd|th) floor)\b",
    re.IGNORECASE,
)
_UNIT_BEFORE = re.compile(
    r"(?<!\w)(?:apt|apartment|suite|unit|flat|room|floor)\b\.? ?(?:#?\d{1,5}[a-z]?,? )?$", re.IGNORECASE
)
_MILITARY = re.compile(
    r"(?<!\w)(?:(?:Unit|PSC|CMR) \d{1,5},? Box \d{1,5}|US[A-Z]{1,4} \S{2,20})[\s,>?|]{1,6}"
    r"(?:APO|FPO|DPO),? A[AEP],? \d{5}",
    re.IGNORECASE,
)
_TOWN = re.compile(rf"[{_L}][{_L}'’.-]{{0,30}}(?: [{_L}][{_L}'’.-]{{0,30}}){{0,3}}")
_GAP = re.compile(r",? ?(?:\n[ >|?]{0,4})?,?[ \n]{0,2}")
_POSTCODE = re.compile(
    r"(?:[A-Z]{1,2}-?)?\d{4,6}(?:[- ]\d{3,4})?(?!\w)|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}(?!\w)"
    r"|[A-Z]\d[A-Z] ?\d[A-Z]\d(?!\w)"
)
_LINES = re.compile(r"(?:[ ,]{0,2}\n[ >|?]{0,5}[^\n\d:@<>=(){}\[\]]{0,40}){1,4}\d{4,6}(?:-\d{4})?(?![\w-])")
"""The lines of an address below its street, down to the one with the postcode."""

_NO_STREETS = (
    "string",
    "during",
    "boring",
    "scoring",
    "monitoring",
    "restoring",
    "brigade",
    "decade",
    "norway",
    "arcade",
)
_DOUBTFUL = frozenset({"place", "os", "al", "route", "km", "av", "bd", "str", "jl", "rr", "c"})
"""Words that go before streets, but before much else too."""

_LONGEST_STREET = 6
"""Words of a street after its number that are looked at."""

_COUNTRIES = frozenset({"USA", "UK", "US", "U.S.A.", "U.S."})
_STOP = frozenset(",.;:!?)\n\"'”’]|")


@dataclass(frozen=True, slots=True)
class Words:
    """Classes of words that addresses are built from, in lower case."""

    street_types: frozenset[str]
    street_before: frozenset[str]
    street_endings: tuple[str, ...]
    street_words_after: frozenset[str]
    boxes: frozenset[str]
    states: frozenset[str]
    joiners: frozenset[str]
    not_names: frozenset[str]


_COMMON = 6
"""Decimal logarithm of a count from which a word is English and no street, whatever it ends in: considering."""


@cache
def _words() -> Words:
    lists = json.loads((DATA / "address_words.json").read_text("utf-8"))
    sets = {name: frozenset(lists[name].split()) for name in Words.__slots__ if name != "street_endings"}
    return Words(street_endings=tuple(lists["street_endings"].split()), **sets)


def _written(*listed: Iterable[str]) -> str:
    """Return the pattern of the words of lists as they are looked for; the last may have a full stop."""
    words = {word.replace("ı", "i") for words in listed for word in words}
    return "(?:" + "|".join(re2.escape(word) for word in sorted(words)) + r")\.?"


_N: Final = r"\p{Nd}"
_GAP_SIGN: Final = r"[\s\v\x1c-\x1f\x85\pZ,;:()\"“”]"
_ENDS: Final = rf"(?:[^a-zß-öø-ɏḀ-ỿͰ-Ͽ{_N}]|\z)"
# Any distance on the line: to count the words would take the automaton more states than it can keep.
_STREET_SIGN: Final = signs.sign(
    # A number, and behind it a word for a street.
    rf"{_N}[a-z]?,?[ \t](?:[^\n]*[ \t])?"
    rf"(?:{_written(_words().street_types, _words().street_before)}"
    rf"|[^ \t\n]*{_written(_words().street_endings)}){_ENDS}",
    # Such a word right before a number, or farther before it; or a unit right behind one.
    rf"(?:{_written(_words().boxes, _words().street_words_after)}|{_written(_words().street_endings)})"
    rf"{_GAP_SIGN}{{1,3}}{_N}",
    rf"{_written(_words().street_before - _DOUBTFUL)}{_GAP_SIGN}[^\n]*{_N}",
    rf"{_N}[a-z]?[ ,\n>|?]{{1,6}}"
    rf"(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|building|bldg|apto|piso|#{_N})",
    rf"{_N}[a-z]?[ ,\n>|?]{{1,6}}{_N}{{1,3}}(?:st|nd|rd|th) floor",
    "(?:apo|fpo|dpo),? a",
    beside=signs.DIGIT,
)
SIGNS: Final = _STREET_SIGN


def find_addresses_en(text: str) -> Iterator[Span]:
    """Find street addresses and post boxes that are written in Latin letters."""
    held = signs.read(text).held
    if not (held & SIGNS and held & signs.DIGIT and (text.isascii() or _ASCII_DIGIT.search(text))):
        return
    free, lower = 0, text.islower()
    if "PO" in text or "po " in text:
        yield from (Span(*match.span(), "address", 0.85, BY) for match in _MILITARY.finditer(text))
    for match in _NUMBER.finditer(text):
        if match.start() < free:
            continue
        start, after = match.span()
        before = text[start - 1 : start]
        if not (text[after : after + 1] in _MAY_FOLLOW or before in (" ", ",")):
            continue
        if after - start == 4 and before == " " and _YEAR_BEFORE.search(text, max(0, start - 8), start):
            continue
        core = _after_number(text, after, lower)
        if not core:
            start = _before_number(text, start, after, free, lower)
            if start < 0:
                continue
            core = after + (text[after : after + 2] in (".\n", "., "))
        end = _read_on(text, core, lower)
        unit = _UNIT_BEFORE.search(text, max(free, start - 20), start)
        start = unit.start() if unit else start
        yield Span(start, end, "address", 0.8, BY)
        free = end


def _after_number(text: str, at: int, lower: bool) -> int:
    """Return the end of the street that follows a number, 0 for none: `Elm Street`, `rue de la Paix`."""
    words, before, end = _words(), False, 0
    for _ in range(2):
        if text[at : at + 1] == " " and (second := _ANY_NUMBER.match(text, at + 1)):
            at = second.end()
    if text[at : at + 1] == "," and text[at + 1 : at + 2] == " ":
        at += 1
    for seen in range(_LONGEST_STREET):
        match = _WORD.match(text, at)
        if match is None or not _may_stand(match[1], not seen, lower):
            break
        word, at = match[1], match.end()
        bare, capital = word.rstrip(".").lower(), lower or word[0].isupper()
        if (
            not seen
            and bare in words.street_before
            and (bare not in words.street_types or _goes_on(text, at))
        ):
            before = True
        elif bare in words.street_types and (seen or bare == "broadway"):
            end = _after_type(text, at, word)
        elif capital and ((before and bare not in words.joiners) or _ends_like_street(word)):
            end = at
        if word.endswith(".") and len(word) > 4:
            break
    return end


@lru_cache(maxsize=1 << 15)
def _may_stand(word: str, first: bool, lower: bool) -> bool:
    """Tell whether a word may be the first, or another, of a street's name."""
    words, bare = _words(), word.rstrip(".").lower()
    if first and (word.isdecimal() or bare in words.not_names or bare in words.joiners - {"st"}):
        return False
    return lower or word[0].isupper() or word[0].isdigit() or bare in words.joiners | words.street_before


@lru_cache(maxsize=1 << 15)
def _ends_like_street(word: str) -> bool:
    """Tell whether a word is a street in itself: Hauptstraße, Folkestraat."""
    lower = word.lower()
    if len(word) <= 5 or not lower.endswith(_words().street_endings) or lower.endswith(_NO_STREETS):
        return False
    return known_words().get(lower, 0) < _COMMON


def _goes_on(text: str, at: int) -> bool:
    match = _WORD.match(text, at)
    return match is not None and (match[1][0].isupper() or match[1] in _words().joiners)


def _after_type(text: str, end: int, word: str) -> int:
    """Return the end of a street's type, with the full stop of an abbreviation that a sentence goes on behind."""
    if word.endswith(".") and (
        word[:-1].lower() in {"street", "avenue", "road", "lane", "drive"} or not text[end : end + 2].strip()
    ):
        return end - 1
    return end


def _before_number(text: str, at: int, after: int, free: int, lower: bool) -> int:
    """Return where the street before a number begins, -1 for none: `Hauptstraße 12`, `P.O. Box 12`."""
    if at - free < 4 or text[at - 1] not in " ,":
        return -1
    low = max(free, at - 60)
    line = text.rfind("\n", low, at) + 1
    words, last = _words(), _last_word(text, max(low, line), at)
    bare = last.lower()
    if not last or not (
        lower or last[0].isupper() or bare.rstrip(".") in words.boxes or bare in words.street_words_after
    ):
        return -1
    found = list(_LEFT_WORDS.finditer(text, max(low, line), at))[-6:]
    last = bare
    if last.rstrip(".") in words.boxes:
        return _box(found)
    if last in words.not_names:
        return -1
    if last in words.street_words_after and len(found) > 1:
        begin = len(found) - 1
        while begin and len(found) - begin < 5 and (lower or found[begin - 1].group()[0].isupper()):
            begin -= 1
        return _with_number(text, found[begin].start(), free) if begin < len(found) - 1 else -1
    if not (lower or found[-1].group()[0].isupper()):
        return -1
    if _ends_like_street(last):
        return _with_number(text, found[-1].start(), free)
    start = _after_street_word(found, lower)
    if start < 0 and not lower and _UNIT.match(text, after):
        start = _capitals(found)
    return _with_number(text, start, free) if start >= 0 else -1


def _last_word(text: str, low: int, at: int) -> str:
    """Return the last word before a place, "" when it is farther than two characters away."""
    # Nearly always a plain word and one space.
    if text[at - 1] == " " and at - 1 > low:
        word = text[max(low, text.rfind(" ", low, at - 1) + 1) : at - 1]
        if word.isalnum():
            return word
    end = at
    while end > low and at - end < 3 and (text[end - 1] in _GAPS or text[end - 1].isspace()):
        end -= 1
    start = end
    while start > low and not (text[start - 1] in _GAPS or text[start - 1].isspace()):
        start -= 1
    return text[start:end] if at - end < 3 else ""


def _after_street_word(found: list[re.Match[str]], lower: bool) -> int:
    """Return where a word for a street goes before names: `Calle Mayor`, `Via dei Fori`; -1 for none."""
    words = _words()
    for at in range(len(found) - 2, -1, -1):
        word = found[at].group()
        bare = word.lower().rstrip(".")
        if bare in words.street_before and bare not in _DOUBTFUL:
            return found[at].start()
        if not (lower or word[0].isupper() or bare in words.joiners):
            return -1
    return -1


def _capitals(found: list[re.Match[str]]) -> int:
    """Return where the capitalised words begin that go right before a number."""
    begin = len(found)
    while begin and len(found) - begin < 4 and found[begin - 1].group()[0].isupper():
        begin -= 1
    return found[begin].start() if begin < len(found) else -1


def _box(found: list[re.Match[str]]) -> int:
    before = found[-2].group().lower() if len(found) > 1 else ""
    if found[-1].group().lower() != "box":
        return found[-1].start()
    if before in {"p.o.", "po", "p.o", "pob"}:
        return found[-2].start()
    if before == "office" and len(found) > 2:
        return found[-3].start()
    return -1


def _with_number(text: str, start: int, free: int) -> int:
    """Take in a house number right before a street."""
    match = _HOUSE.search(text, max(free, start - 13), start)
    return match.start() if match else start


def _read_on(text: str, at: int, lower: bool) -> int:
    """Return the end of an address after its street: unit, town, state, country, postcode."""
    end = at
    if match := _DIRECTION.match(text, end):
        end = match.end()
    if match := _SECOND.match(text, end):
        end = match.end()
    unit_read = False
    for _ in range(6):
        unit = _UNIT.match(text, end)
        if unit:
            end, unit_read = unit.end(), True
            continue
        if lines := _LINES.match(text, end):
            return lines.end()
        gap = _GAP.match(text, end)
        begin = gap.end() if gap else end
        if begin == end:
            break
        code = _POSTCODE.match(text, begin)
        if code and (not text[code.end() : code.end() + 1].isalnum()):
            end, unit_read = code.end(), True
            continue
        stop = _town_end(text, begin, text[end:begin], unit_read, lower)
        if not stop:
            break
        end = stop
    return end


def _town_end(text: str, begin: int, gap: str, unit_read: bool, lower: bool) -> int:
    """Return the end of a town, a state or a country, 0 when something else stands there."""
    match = _TOWN.match(text, begin)
    if match is None:
        return 0
    parts = match.group().split(" ")
    if text[match.end() : match.end() + 1].isalnum():
        parts.pop()
    if parts and parts[0] in _words().states and len(parts[0]) == 2:
        return begin + 2
    while parts and not (lower or parts[-1][0].isupper()):
        parts.pop()
    if (
        not parts
        or not (lower or parts[0][0].isupper())
        or parts[0].lower() in _words().not_names | context().functions
    ):
        return 0
    stop = begin + len(" ".join(parts))
    if text[stop - 1] == "." and len(parts[-1]) > 3:
        stop -= 1
    rest = text[stop : stop + 12]
    coded = _POSTCODE.match(rest.lstrip(" ,\n")) is not None and rest[:1] in " ,\n"
    state = parts[-1] in _words().states or (rest[:1] == "," and rest[1:].strip()[:2] in _words().states)
    closed = not rest or rest[0] in _STOP or parts == ["USA"] or match.group().split(" ")[0] in _COUNTRIES
    if not closed and parts[0] in _COUNTRIES:
        return begin + len(parts[0])
    if "\n" in gap:
        return stop if coded or state else 0
    if "," in gap or unit_read:
        return stop if coded or state or closed else 0
    return stop if (coded or state) and len(parts) <= 4 else 0
