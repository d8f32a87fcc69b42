"""Chinese addresses: from the province down to street and number, building, unit and room, or village and group.

A number with its unit (12号, 3栋, 501室) is where the reading begins: what stands before must end like a street, a
village or a building. Then it is read on to the narrowest part, and back to the widest. Rejected: a gazetteer of
divisions (they change each year, and streets are in none), and a city or district alone, which is no address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from quality.lookalike.chinese import chinese_words
from quality.pii import signs
from quality.pii.lexicon_en import DATA
from quality.pii.spans import Span

BY: Final = "addresses_zh"
_NUMERAL = (
    r"(?:[A-Za-z]{0,2}[-－]?\d{1,5}(?:[-－—之]\d{1,4}){0,2}"
    r"|[一二三四五六七八九十百零〇两]{1,5}|[A-Za-z甲乙丙丁](?=[栋幢座]))"
)
SIGNS: Final = signs.sign("[号弄栋幢组单室座]")
_HINT = re.compile(r"[号弄栋幢组单室座](?<=[\d一二三四五六七八九十百零〇两A-Za-z甲乙丙丁\s].)")
"""The first character of a unit behind the last of a number, or a space."""

_POSTCODE = re.compile(
    r"[\s,，(（]{0,2}(?:邮编|邮政编码)(?:是|为)?[:：]?\s?\d{5,6}[)）]?|[\s,，]{1,2}\d{6}(?!\d)"
)
_RUN = re.compile(r"[\u4e00-\u9fffA-Za-z0-9]*$")
_BREAKS = re.compile("[的是在有和与了及离距为]")
_LONGEST_NUMBER: Final = 24
"""Characters of a number before its unit."""

_LONGEST_UNIT: Final = 6
"""Characters of a unit, and of what may not follow it."""

_LONGEST: Final = 36
"""Characters before the first number of an address that are looked at."""

_LONGEST_STREET: Final = 5
"""Characters of a street's name that need no division before them."""

_WORD: Final = 5
"""Least binary logarithm of a word's count for its first character not to lead an address."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The patterns of an address, made of the words of the data file.

    Attributes:
        unit: a number with its unit.
        more: what goes on after it: a further number, or a building.
        street: the end of what may stand before it.
        division: the end of a province, a city, a district.
        lead: a word of the sentence after which an address may begin.
        strict_lead: one after which it may begin even behind the name of a region.
        region: the name of a region that goes without its kind.
        generic: kinds of places, which with a number and no name are no address.
        not_streets: words that end like a street.
    """

    unit: re.Pattern[str]
    more: re.Pattern[str]
    street: re.Pattern[str]
    division: re.Pattern[str]
    lead: re.Pattern[str]
    strict_lead: re.Pattern[str]
    region: re.Pattern[str]
    generic: frozenset[str]
    not_streets: frozenset[str]


@cache
def _grammar() -> Grammar:
    lists = {
        k: v.split() for k, v in json.loads((DATA / "chinese_address_words.json").read_text("utf-8")).items()
    }
    one = {k: "(?:" + "|".join(sorted(v, key=len, reverse=True)) + ")" for k, v in lists.items()}
    number = rf"(?:附|第|甲|乙)?{_NUMERAL}\s?"
    building = rf"[\u4e00-\u9fffA-Za-z0-9]{{2,10}}?(?:{one['buildings']}(?:[A-Z]座)?|[A-Z0-9][座栋幢])[内下]?"
    return Grammar(
        unit=re.compile(rf"(?<![\d.]){number}{one['units']}(?!{one['not_after_unit']})"),
        more=re.compile(
            rf"[\s,，]{{0,2}}(?:{number}{one['units_after']}(?!线)|\d{{3,4}}(?=[，。,\s]|$)|{building}"
            rf"|(?:[\u4e00-\u9fff]{{1,3}}区)?\d{{1,3}}-\d{{1,3}}(?:-\d{{2,4}})?(?=[，。,\s）)]|$))"
        ),
        street=re.compile(rf"{one['streets']}(?:[东西南北中]{{1,2}}[段侧路街]?)?\s?$"),
        division=re.compile(one["divisions"]),
        lead=re.compile(one["leads"]),
        strict_lead=re.compile(one["leads_strict"]),
        region=re.compile(one["regions"]),
        generic=frozenset(lists["generic"]),
        not_streets=frozenset(lists["not_streets"]),
    )


def find_addresses_zh(text: str) -> Iterator[Span]:
    """Find addresses that are written in Chinese characters."""
    if not signs.read(text).held & SIGNS:
        return
    free = 0
    for match in _units(text):
        if match.start() < free:
            continue
        start = _start(text, match.start(), free)
        if start < 0:
            continue
        end = _end(text, match.end())
        yield Span(start, end, "address", 0.85, BY)
        free = end


def _units(text: str) -> Iterator[re.Match[str]]:
    """Find the numbers with their units, each looked for around the unit: most of a text is far from any."""
    unit, free = _grammar().unit, 0
    for hint in _HINT.finditer(text):
        at = hint.start()
        match = unit.search(text, max(free, at - _LONGEST_NUMBER), at + _LONGEST_UNIT)
        # A unit that begins farther on has its own turn, with all in sight that stands behind it.
        if match and match.start() < at < match.end():
            yield match
            free = match.end()


def _start(text: str, at: int, free: int) -> int:
    """Return where the address begins whose first number stands at a place, -1 when none does."""
    low = max(free, at - _LONGEST)
    before = text[low:at].rstrip(" ")
    run = _RUN.search(before)
    head = run.group() if run else ""
    grammar = _grammar()
    street = grammar.street.search(head)
    if street is None or street.start() < 1 or head[-2:] in grammar.generic:
        return -1
    if head[street.start() - 1 : street.start() + 1] in grammar.not_streets:
        return -1
    if head[street.start() :] in ("号", "栋", "幢", "楼") and not any(map(str.isdecimal, head)):
        return -1
    cut = _lead_end(head, street.start())
    return low + len(before) - len(head) + cut if street.start() > cut else -1


def _lead_end(head: str, street: int) -> int:
    """Return how many of the characters before a street belong to the sentence and not to the address."""
    grammar, known = _grammar(), chinese_words().get
    region = grammar.region.search(head, 0, street)
    cut = region.start() if region else 0
    lead = grammar.strict_lead if region else grammar.lead
    for match in lead.finditer(head, cut, street):
        end = match.end()
        if end < street and not any(known(head[end - 1 : end + n], 0) >= _WORD for n in (1, 2)):
            cut = end
    if region or grammar.division.search(head, cut, street + 1) or street - cut <= _LONGEST_STREET:
        return cut
    for size in (4, 3, 2):
        if known(head[street - size : street], 0) or known(head[street - size : street + 1], 0):
            return street - size
    return street - 3


def _end(text: str, at: int) -> int:
    """Return where the narrowest part of an address ends, its postcode included."""
    end = at
    for _ in range(6):
        match = _grammar().more.match(text, end)
        if match is None or _BREAKS.search(match.group()):
            break
        end = match.end()
    code = _POSTCODE.match(text, end)
    return code.end() if code else end
