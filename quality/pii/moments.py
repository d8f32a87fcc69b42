"""Dates of birth and coordinates of places.

A date is personal when the words around it say that someone was born on it; a pair of numbers is a place when both
have the decimals that only a place has, or when words, degrees or a compass letter say so. Rejected: a date parser
(every date is found, then thrown away) and a bare pair of decimals (rows of a matrix).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from quality.pii import signs
from quality.pii.spans import Span

_NAME: Final = "moments"
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR: Final = r"(?:1[0-9]{3}|20[0-9]{2})"
_EN_DATE: Final = (
    rf"{_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?(?:,? ?{_YEAR}(?![0-9]))?"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)?[ -]{_MONTH}(?:,?[ -][0-9]{{4}}(?![0-9]))?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:[0-9]{4}|[0-9]{2})"
)
_NUMERAL: Final = "一二三四五六七八九十"
_ZH_DATE: Final = (
    rf"(?:(?:{_YEAR}|[0-9]{{2}}) ?年 ?)?[0-9]{{1,2}} ?月 ?[0-9]{{1,2}} ?[日号號]"
    rf"|{_YEAR}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|(?:19|20)[0-9]{{6}}"
    rf"|[一二][〇零○一二三四五六七八九]{{3}}年[{_NUMERAL}]{{1,2}}月[{_NUMERAL}]{{1,3}}[日号]"
)
_DATE: Final = re.compile(rf"(?i)(?<![0-9A-Za-z./-])(?:{_ZH_DATE}|{_EN_DATE})(?![0-9A-Za-z]|[-/.][0-9])")
# Forms of the kind 出生年月 ask for no day.
_MONTH_ONLY: Final = re.compile(
    rf"(?:出生(?:年月日?|日期|时间)?|生于|生於)(?:于|於|是|为|：|:|\s|\|){{0,3}}"
    rf"({_YEAR}(?: ?年 ?[0-9]{{1,2}} ?月(?!\s?[0-9])|[-/.][0-9]{{1,2}}(?![-/.]?[0-9])))"
)
_BIRTH: Final = re.compile(
    r"(?i)(?:(?<![a-z])(?:born|d\.?o\.?b\.?|birth ?days?(?! ?(?:party|cake|gift|present|card|wish))"
    r"|birth ?dates?|dates?[ _-]?of[ _-]?birth|birth[_-](?:date|day)|birth(?= ?[:=：])|(?<=[(（])b\.(?= )"
    r"|geboren|née?)(?![a-z])|出生|生于|生於|生日(?!派对|聚会|会|晚会|快乐|礼物|蛋糕|party)|诞生|誕生|降生|生辰"
    r"|诞辰)"
)
_BIRTH_SIGN: Final = signs.sign(
    signs.words("born|(b. |（b. |birth|dob|d.o.b|geboren|née|né |出生|生于|生於|生日|诞|誕|降生|生辰")
)
_ALIVE_SIGN: Final = signs.sign("生")
_BRACKET_SIGN: Final = signs.sign("[(（]")
_YEAR_SIGN: Final = signs.sign("[12][0-9]{3}", beside=signs.DIGIT)
_DATE_SIGN: Final = signs.sign(
    "月 ?[0-9]{1,2} ?[日号號]",
    r"[0-9][-/.][0-9]{1,2}[-/.][0-9]",
    "(?:19|20)[0-9]{6}",
    "[一二][〇零○一二三四五六七八九]{3}年",
    _MONTH + " [0-9]",
    "[0-9](?:st|nd|rd|th)?(?: of)?[ -](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
)
_BORN_SIGN: Final = signs.sign("出生|生于|生於")
_LIFE: Final = re.compile(
    r"[(（][^()（）\n]{0,60}[12][0-9]{3}[^()（）\n]{0,60}[-~至—–][^()（）\n]{0,60}[12][0-9]{3}"
)
_BETWEEN: Final = re.compile(r"[0-9.!?;<>%。！？；]|\n\s*\n")
# "Your date of birth please? - Sure, it's 3/22/1985": a question and, in the next turn, its answer.
_ASKED: Final = re.compile(r"[^0-9.!?;<>%。！？；\n]{0,24}[?？]\s{0,2}[^0-9.!?;<>%。！？；\n]{0,32}")
_YEAR_SPAN: Final = re.compile(
    r"\s{0,2}(?:-|~|至|—|–|to)\s{0,2}[^\n0-9]{0,14}(?:[0-9]{1,2}[, ]{1,2})?(?:[A-Za-z]{3,9}\.? )?"
    r"(?:[0-9]{1,2}, ?)?([12][0-9]{3})(?![0-9])"
)
_BORN_AFTER: Final = re.compile(
    r"[,， ]{0,2}(?:\([^\n()]{0,12}\)|（[^\n（）]{0,12}）)?(?:出生|生于|生於|诞生|誕生|降生|生(?:人|的|日)?"
    r"(?=[，。,.、；）)]|$)|(?:is|was) (?:my|his|her|their|the) (?:birthday|date of birth)|[^\n。，0-9]{0,8}"
    r"(?:生日(?!派对|聚会|会|晚会|礼物|蛋糕)|出生))"
)

_DEGREES: Final = r"[-+]?[0-9]{1,3}\.[0-9]{2,15}"
_COMPASS: Final = r"(?: ?[°度])?(?: ?[NSEWnsew](?![A-Za-z]))?"
# Between the two: a separator, perhaps the second one's label ("lon:", "and longitude of", 经度为).
_LABEL: Final = (
    r"(?:and )?(?:a |the |其)?[\"']?(?:lon(?:g(?:itude)?)?|lng|lat(?:itude)?|y|经度|經度|纬度|緯度)_?[0-9]?[\"']?"
    r"(?: ?[:=：] ?| of | is |为|為|是|约为|约| |(?<=[度])(?=[0-9]))[\"']?"
)
_SIDE: Final = r"(?:[NSEW北南东西東][纬緯经經]?[ ]?)?"
_PAIR: Final = re.compile(
    rf"(?<![0-9A-Za-z_.%$€£¥-]){_SIDE}({_DEGREES})({_COMPASS})"
    rf"(\s{{0,3}}(?:[,，;；/、和&]|and)?\s{{0,12}}(?:{_LABEL})?{_SIDE})({_DEGREES})({_COMPASS})(?![0-9A-Za-z_%]|\.[0-9])"
)
_PARALLEL: Final = re.compile("[纬緯经經]")
_AXIS: Final = re.compile(r"(?<![A-Za-z])y(?![A-Za-z])")
_DECIMAL_SIGN: Final = signs.sign(r"[0-9]\.[0-9]{2}", beside=signs.DIGIT)
_DECIMALS: Final = re.compile(r"[0-9]\.[0-9]{2}[^.]*\.[0-9]{2}")
_SEXAGESIMAL_SIGN: Final = signs.sign("[0-9] ?[°度] ?[0-9]", beside=signs.DIGIT)
SIGNS: Final = _DATE_SIGN | _BORN_SIGN | _DECIMAL_SIGN | _SEXAGESIMAL_SIGN
_PLACE: Final = re.compile(
    r"(?i)(?<![a-z])(?:lat|lon|lng|latitude|longitude|coordinates?|coords?|gps|geo(?:location)?|located"
    r"|location|waypoint|pin|drop(?:ped)? pin|google maps?|haversine|distance|geodesic|geopy)(?![a-z])"
    r"|(?<![a-z])(?:lat|lon|lng)[0-9]|纬度|緯度"
    r"|经度|經度|坐标|座標|经纬|定位|位置|导航|北纬|东经|南纬|西经"
)
_SEXAGESIMAL: Final = re.compile(
    r"(?<![0-9A-Za-z.])[0-9]{1,3} ?[°度] ?[0-9]{1,2}(?:\.[0-9]{1,6})? ?[′'’分](?: ?[0-9]{1,2}"
    r"(?:\.[0-9]{1,6})? ?(?:[″\"”秒]|''))? ?[NSns][,，;、 和]{0,3}(?:and )?"
    r"[0-9]{1,3} ?[°度] ?[0-9]{1,2}(?:\.[0-9]{1,6})? ?[′'’分](?: ?[0-9]{1,2}(?:\.[0-9]{1,6})? ?(?:[″\"”秒]"
    r"|''))? ?[EWew](?![A-Za-z])"
    r"|[北南][纬緯] ?[0-9]{1,2} ?[°度] ?[0-9]{1,2}(?:\.[0-9]{1,6})? ?[′'’分](?:[0-9]{1,2}"
    r"(?:\.[0-9]{1,6})? ?[″\"”秒])?[,，、 和]{0,3}[东東西][经經] ?[0-9]{1,3} ?[°度] ?[0-9]{1,2}"
    r"(?:\.[0-9]{1,6})? ?[′'’分](?:[0-9]{1,2}(?:\.[0-9]{1,6})? ?[″\"”秒])?"
)


def recognise(text: str) -> Iterator[Span]:
    """Find dates of birth and coordinates."""
    seen = signs.read(text)
    text, held = seen.text, seen.held
    alive = held & (_BIRTH_SIGN | _ALIVE_SIGN) or (held & _BRACKET_SIGN and held & _YEAR_SIGN)
    if alive and (held & _DATE_SIGN or (held & _BORN_SIGN and held & _YEAR_SIGN)):
        yield from _births(text, held)
    if held & _DECIMAL_SIGN and _DECIMALS.search(text):
        yield from _pairs(text)
    if held & _SEXAGESIMAL_SIGN:
        for match in _SEXAGESIMAL.finditer(text):
            yield Span(match.start(), match.end(), "coordinates", 0.95, _NAME)


def _births(text: str, held: int) -> Iterator[Span]:
    said = bool(held & _BIRTH_SIGN) and _BIRTH.search(text) is not None
    if not said and not held & _ALIVE_SIGN and not _LIFE.search(text):
        return
    if not text.isascii():
        for match in _MONTH_ONLY.finditer(text):
            yield Span(match.start(1), match.end(1), "birth_date", 0.85, _NAME)
    for match in _DATE.finditer(text):
        words = signs.before(text, match.start(), 60)
        births = list(_BIRTH.finditer(words)) if said else []
        between = words[births[-1].end() :].removeprefix(".") if births else ""
        near = births and (not _BETWEEN.search(between) or _ASKED.fullmatch(between))
        if near or _BORN_AFTER.match(text, match.end()) or _is_life(text, match):
            yield Span(match.start(), match.end(), "birth_date", 0.9, _NAME)


def _is_life(text: str, match: re.Match[str]) -> bool:
    """Tell whether a date opens a life in brackets: (May 29, 1917 - November 22, 1963)."""
    if not re.search(r"[(（](?:[^()（）\n0-9]{0,30}[,，;；] ?)?$", signs.before(text, match.start(), 34)):
        return False
    death = _YEAR_SPAN.match(text, match.end())
    year = re.search("[12][0-9]{3}", match[0])
    return death is not None and year is not None and 15 <= int(death[1]) - int(year[0]) <= 110


def _pairs(text: str) -> Iterator[Span]:
    found = [(match, _is_place(text, match)) for match in _PAIR.finditer(text)]
    sure = any(score > 0.85 for _, score in found)
    for match, score in found:
        # One sure place in a table makes its neighbours with fewer decimals places too.
        if score > 0.85 or (score and sure):
            yield Span(match.start(), match.end(), "coordinates", 0.9, _NAME)


def _is_place(text: str, match: re.Match[str]) -> float:
    """Return how sure it is that two numbers are a place; .5 if it takes a sure neighbour."""
    first, second = float(match[1]), float(match[4])
    if not (abs(first) <= 180 and abs(second) <= 180 and min(abs(first), abs(second)) <= 90):
        return 0.0
    marked = (
        "°" in match[2] + match[5] or match[2].strip(" °度").isalpha() or match[5].strip(" °度").isalpha()
    )
    if _AXIS.search(match[3]) and not _PLACE.search(signs.before(text, match.start(), 40)):
        return 0.0
    marked = marked or _PARALLEL.search(match[0]) is not None
    if marked or ":" in match[3] or "=" in match[3] or _PLACE.search(signs.before(text, match.start(), 40)):
        return 0.9
    if "," not in match[3] and "，" not in match[3]:
        return 0.0
    decimals = min(len(match[1].split(".")[1]), len(match[4].split(".")[1]))
    # Weights and results lie near nought; a third number beside the pair makes it a row.
    alone = not re.match(
        r"[,，] ?[-+]?[0-9]+\.[0-9]", text[match.end() : match.end() + 12]
    ) and not re.search(r"[0-9]\.[0-9]+[,，] ?$", signs.before(text, match.start(), 24))
    large = max(abs(first), abs(second)) >= 10 and min(abs(first), abs(second)) >= 1
    return 0.9 if decimals >= 4 and alone and large else 0.5 if large else 0.0
