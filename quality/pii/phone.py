"""Telephone numbers: Chinese, American, British, European and international ones, with their extensions.

Our own formats find candidates; what makes one a phone is its shape ((010) 6758-6489), a plan that knows it
(`phonenumbers`), or a word beside it (电话, call). Written as a phone, a number counts though no plan has it:
invented ones (123-456-7890, 555-0123) are most of what datasets hold. Rejected: `PhoneNumberMatcher` and presidio's
recogniser on top of it, which must be told a region, find no invented number and are a hundred times slower.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from quality.pii import phone_words, signs
from quality.pii.spans import Span

_NAME: Final = "phone"
_EXTENSION: Final = (
    r"(?:[ ,;(（]{0,2}(?:[xX]|[eE]xt(?:ension|n)?\.?|#|转分机|轉分機|转|轉|分机号?|分機)"
    r"[ .:：]{0,2}[0-9]{1,6}(?![0-9]))?"
)
_FORMS: Final = re.compile(
    r"(?<![0-9A-Za-z_.$€£¥%^*])(?<![0-9],(?=[0-9]{3}(?![0-9])))(?:"
    # Chinese mobile; 86 before it in any dress.
    r"(?P<cn_mobile>(?:\(?(?:\+|00)?86\)?[ -]{0,2})?1[3-9][0-9](?:(?P<m>[ -]?)[0-9]{4}(?P=m)[0-9]{4}|"
    r"(?P<m2>[ -])[0-9]{3}(?P=m2)[0-9]{5}|[0-9]{2}[ -][0-9]{3}[ -][0-9]{3}|[0-9][ -][0-9]{3}[ -][0-9]{4}))"
    # Chinese landline, its code in brackets or with 86.
    r"|(?P<cn_land>(?:\(?(?:\+|00)86\)?[ -]{0,2}\(?0?|\(0|0)(?:10|2[0-57-9]|[3-9][0-9]{2})\)?[ -]{0,2}"
    r"(?:[2-9][0-9]{6,7}|[2-9][0-9]{2,3}[ -][0-9]{4})(?:-[0-9]{1,5}(?![0-9-]))?)"
    r"|(?P<cn_free>[48]00(?:[ -][0-9]{3}[ -][0-9]{4}|[ -][0-9]{4}[ -][0-9]{3}|[0-9][ -][0-9]{3}[ -][0-9]{3}"
    r"|[ -]?[0-9]{7}))"
    r"|(?P<plus>(?:\+|\(\+)[0-9]{1,3}\)?(?:[ ./-]{0,2}\([0-9]{1,5}\))?(?:[ ./-]{0,2}[0-9]){5,13})"
    r"|(?P<nanp>(?:(?:001|1)[-. ])?(?:\([0-9]{3}\)[ -]{0,2}|[0-9]{3}(?P<n>[-. /]))[0-9]{3}"
    r"(?P<n2>[-. ])[0-9]{4})"
    # National numbers with their leading 0, in groups.
    r"|(?P<zero>\(0[0-9]{1,4}\)[ -]{0,2}[0-9]{2,4}(?:[ -]?[0-9]{2,4}){1,3}|0[0-9]{1,4}(?:[ ./-][0-9]{2,8})"
    r"(?:[ ./-][0-9]{2,5}){0,4})"
    r"|(?P<vanity>1-8(?:00|88|77|66|55|44|33)-(?=[A-Z0-9-]*[A-Z])[A-Z0-9](?:-?[A-Z0-9]){6,9})"
    r"|(?P<local>[2-9][0-9]{2}-[0-9]{4}(?![ .-]?[0-9]))"
    # Anything else of seven to fifteen digits is a phone only beside a word that says so.
    r"|(?P<other>[(]?[0-9](?:[ ()./-]{0,2}[0-9]){5,14}))"
    rf"(?![0-9A-Wa-wY-Zy-z_]|[.][0-9]|,[0-9]{3}(?![0-9])|-[0-9]){_EXTENSION}(?![A-Za-z0-9_])"
)
_START: Final = re.compile(r"[+(0-9](?:(?<=[0-9])|(?<=[+(])[+(]?[0-9])[0-9 ()./+-]{4,}[0-9A-Z]")
_CARD: Final = re.compile(r"[0-9]{4}(?: [0-9]{4}){3,4}(?: [0-9]{1,4})?")
_DATE: Final = re.compile(
    r"(?:(?:[0-2]?[0-9]|3[01])([./-])(?:[0-2]?[0-9]|3[01])\1(?:19|20)?[0-9]{2}(?!\1?[0-9])|(?:19|20)[0-9]{2}"
    r"([./ -])[01]?[0-9]\2[0-3]?[0-9](?![0-9]))"
)
_RANGE: Final = re.compile(r"[0-9]{1,7} ?- ?[0-9]{1,7}|[0-9]+")  # "text 1000-2000 words"
_REGIONS: Final = ("US", "GB", "DE", "FR", "IT", "ES", "NL", "SE", "AU", "IN", "JP", "HK", "TW", "CN")

# All forms but this one hold five digits close together.
_VANITY_SIGN: Final = signs.sign("1-8[0-9]{2}-", beside=signs.DIGIT)
SIGNS: Final = signs.RUN | _VANITY_SIGN | phone_words.SHORT_ZH_SIGN | phone_words.SHORT_EN_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find telephone numbers."""
    seen = signs.read(text)
    text = seen.text
    last = -9
    if seen.held & (signs.RUN | _VANITY_SIGN):
        for run in _START.finditer(text):
            if _CARD.fullmatch(run[0]):
                continue
            # The character before a run decides whether it may begin there; 24 more hold an extension.
            for match in _FORMS.finditer(text, run.start(), min(len(text), run.end() + 24)):
                score = _judge(text, match, last)
                if score:
                    last = match.end()
                    start = match.start() + (match[0].startswith("(") and ")" not in match[0])
                    yield Span(start, last, "phone", score, _NAME)
    if seen.held & phone_words.SHORT_ZH_SIGN:
        yield from _short(text, phone_words.SHORT_ZH)
    if seen.held & phone_words.SHORT_EN_SIGN and seen.held & phone_words.SHORT_EN_WORD:
        yield from _short(text, phone_words.SHORT_EN)


def _short(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    """Find numbers of four to eight digits that words introduce: 客服95588, 转8012, ext. 4521."""
    for match in pattern.finditer(text):
        place = match.lastindex or 1
        yield Span(match.start(place), match.end(place), "phone", 0.8, _NAME)


def _judge(text: str, match: re.Match[str], last: int) -> float:
    """Return how sure it is that a candidate is a phone, 0 if it is none."""
    number = match[0]
    form = next((name for name in _CHECKS if match[name]), "other")
    words = signs.before(text, match.start(), 40)
    follows = signs.after(text, match.end(), 16)
    said = phone_words.said(words, follows) or 2 * _chained(text, last, match.start())
    if not said:
        if form == "other" or phone_words.denied(words, follows):
            return 0.0
        return _CHECKS[form](text, number)
    if form != "other":
        return 0.93
    digits = sum(char.isdigit() for char in number)
    if digits < 6 or (digits == 6 and number.isdigit()) or _DATE.match(number):
        return 0.0
    return 0.93 if said == 2 or not _RANGE.fullmatch(number) else 0.0


def _chained(text: str, last: int, start: int) -> bool:
    """Tell whether a number follows another phone with nothing but a separator between them."""
    return 0 < start - last <= 4 and not re.search(r"[^ \n、,，;；/或和]", text[last:start])


def _cn_mobile(text: str, number: str) -> float:
    if not number.isdigit():
        return 0.9
    # Round numbers are amounts: 13900000000 of something.
    if number.endswith("000000"):
        return 0.0
    return 0.9 if phone_words.HAN_TEXT.search(text) else 0.0


def _cn_land(text: str, number: str) -> float:
    if _DATE.match(number):
        return 0.0
    return 0.9 if not number.isdigit() or phone_words.HAN_TEXT.search(text) else 0.0


def _cn_free(text: str, number: str) -> float:
    return 0.88 if not number.isdigit() or phone_words.HAN_TEXT.search(text) else 0.0


def _plus(text: str, number: str) -> float:
    import phonenumbers

    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        possible = False
    # "+1234567890" is no plan's number and yet what people write for one.
    return 0.92 if possible else 0.8 if 9 <= sum(char.isdigit() for char in number) <= 13 else 0.0


def _nanp(text: str, number: str) -> float:
    # Three numbers with spaces between them are a phone only if the plan has it; hyphens, dots and brackets say so
    # themselves.
    if re.search(r"[-.(x]", number):
        return 0.85
    return 0.8 if _valid(number, ("US",)) else 0.0


def _zero(text: str, number: str) -> float:
    digits = sum(char.isdigit() for char in number)
    if not 9 <= digits <= 13 or _DATE.match(number):
        return 0.0
    groups = len(re.findall("[0-9]+", number))
    # 01 02 03 04 05 may be a table: groups of two want a plan that has the number.
    pairs = re.fullmatch("[0-9]{2}(?:[ ./-][0-9]{2})+", number) is not None
    if pairs:
        return 0.8 if _valid(number, ("FR",)) and groups == 5 else 0.0
    if number.startswith("(") or groups >= 3 or _valid(number, _REGIONS):
        return 0.8
    return 0.0


def _vanity(text: str, number: str) -> float:
    return 0.9


def _local(text: str, number: str) -> float:
    return 0.75 if number.startswith("555-") else 0.0


def _valid(number: str, regions: tuple[str, ...]) -> bool:
    """Tell whether a numbering plan of one of the regions has the number."""
    import phonenumbers

    for region in regions:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(number, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


_CHECKS: Final[dict[str, Callable[[str, str], float]]] = {
    "cn_mobile": _cn_mobile,
    "cn_land": _cn_land,
    "cn_free": _cn_free,
    "plus": _plus,
    "nanp": _nanp,
    "zero": _zero,
    "vanity": _vanity,
    "local": _local,
}
"""What each form asks for where no word says that it is a phone."""
