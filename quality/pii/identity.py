"""Numbers that a state gives to a person or a firm: Chinese identity numbers, credit codes, US social security numbers.

A checksum is the best witness there is, and a word before the number the second best: with such a word a number whose
checksum fails is still somebody's, mistyped or made up by a language model. Checksums are python-stdnum's. Rejected:
presidio's recognisers for these (it has none for China, and its SSN pattern takes nine bare digits with no word near).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from stdnum.cn import ric, uscc

from quality.pii import signs
from quality.pii.spans import Span

_NAME: Final = "identity"
# Behind the first character, so that a search skips to characters that may be one.
_EDGE: Final = r"(?<![0-9A-Za-z_.-].)"
_ID_18: Final = re.compile(
    rf"[1-9]{_EDGE}[0-9]{{5}}([ -]?)(?:1[89]|20)[0-9]{{6}}\1[0-9]{{3}}[0-9Xx](?![0-9A-Za-z_])"
)
_ID_LOOSE: Final = re.compile(rf"[1-9]{_EDGE}[0-9]{{14}}(?:[0-9]{{2}}[0-9Xx])?(?![0-9A-Za-z_])")
_ID_WORDS: Final = re.compile(
    r"(?i)身份证|身份證|身分證|身份号|身份號|公民身份|证件号|證件號|证件|id[ -]?card|(?:identity|identification"
    r"|resident|national id)[^\n]{0,16}"
    r"(?:number|no|card|id)|sfz|citizen id"
)
_PROVINCES: Final = frozenset(
    signs.listed(
        "11|12|13|14|15|21|22|23|31|32|33|34|35|36|37|41|42|43|44|45|46|50|51|52|53|54|61|62|63|64|65|71|81|82|83"
    )
)

_CODE: Final = re.compile(
    r"[0-9A-HJ-NPQRTUWXY](?<![0-9A-Za-z_].)[0-9A-HJ-NPQRTUWXY][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z_])"
)
_CODE_WORDS: Final = re.compile(
    r"(?i)信用代码|信用代碼|税号|稅號|纳税人|納稅人|识别号|机构代码|credit code|uscc|taxpayer"
)

_SSN: Final = re.compile(
    rf"[0-9]{_EDGE}(?!(?<=0)00|(?<=6)66)[0-9]{{2}}([- ])(?!00)[0-9]{{2}}\1(?!0000)[0-9]{{4}}(?![0-9A-Za-z_]|[-.][0-9])"
)
_SSN_BARE: Final = re.compile(rf"[0-9]{_EDGE}[0-9]{{8}}(?![0-9A-Za-z_]|[-.][0-9])")
_SSN_WORDS: Final = re.compile(
    r"(?i)(?<![a-z])(?:ssns?|social|itin)(?![a-z])|social[ -_]security|社会安全|社会保险号|社安"
)

_ID_SIGN: Final = signs.sign(
    "[1-9][0-9]{14}", "[1-9][0-9]{5}[ -](?:1[89]|20)[0-9]{6}[ -][0-9]{3}[0-9x]", beside=signs.DIGIT
)
_CODE_SIGN: Final = signs.sign("[0-9a-hj-npqrtuwxy]{2}[0-9]{6}[0-9a-hj-npqrtuwxy]{10}", beside=signs.DIGIT)
_SSN_SIGN: Final = signs.sign("[0-9]{3}[ -][0-9]{2}[ -][0-9]{4}", "[0-9]{9}", beside=signs.DIGIT)
SIGNS: Final = _ID_SIGN | _CODE_SIGN | _SSN_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find identity numbers, credit codes and social security numbers."""
    seen = signs.read(text)
    if seen.held & _ID_SIGN:
        yield from _identity_numbers(seen.text)
    if seen.held & _CODE_SIGN:
        yield from _credit_codes(seen.text)
    if seen.held & _SSN_SIGN:
        yield from _social_security(seen.text)


def _credit_codes(text: str) -> Iterator[Span]:
    for match in _CODE.finditer(text):
        known = _CODE_WORDS.search(signs.before(text, match.start(), 24))
        if uscc.is_valid(match[0]):
            # Eighteen digits that satisfy this checksum by chance are one in thirty-one, so bare digits want a word.
            if known or not match[0].isdigit():
                yield Span(match.start(), match.end(), "credit_code", 0.97, _NAME)
        elif known:
            yield Span(match.start(), match.end(), "credit_code", 0.9, _NAME)


def _identity_numbers(text: str) -> Iterator[Span]:
    for match in _ID_18.finditer(text):
        number = re.sub("[ -]", "", match[0]).upper()
        if number[:2] in _PROVINCES and _is_date(number[6:14]):
            valid = ric.calc_check_digit(number) == number[-1]
            yield Span(match.start(), match.end(), "cn_id", 0.99 if valid else 0.9, _NAME)
    for match in _ID_LOOSE.finditer(text):
        if not _ID_WORDS.search(signs.before(text, match.start(), 24)):
            continue
        if len(match[0]) == 18 or (match[0][:2] in _PROVINCES and _is_date("19" + match[0][6:12])):
            yield Span(match.start(), match.end(), "cn_id", 0.92, _NAME)


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return 1860 <= int(digits[:4]) <= 2035


def _social_security(text: str) -> Iterator[Span]:
    for match in _SSN.finditer(text):
        known = _SSN_WORDS.search(signs.before(text, match.start(), 48))
        if known or match[1] == "-":
            yield Span(match.start(), match.end(), "ssn", 0.95 if known else 0.85, _NAME)
    for match in _SSN_BARE.finditer(text):
        if _SSN_WORDS.search(signs.before(text, match.start(), 40)):
            yield Span(match.start(), match.end(), "ssn", 0.9, _NAME)
