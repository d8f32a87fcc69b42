"""Bank cards, bank accounts and IBANs.

A card is its issuer's prefix, the length that goes with it and Luhn's digit; a word before it ("card", 卡号) stands
in for the digit, and a word for something else (order, 订单, barcode) takes the number away: one in ten of all
numbers satisfies Luhn. Luhn and IBAN checks are python-stdnum's. Rejected: presidio's card recogniser, whose pattern
knows no UnionPay and has `\\b` at both ends, and its IBAN recogniser, right but for Chinese neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stdnum import iban, luhn

from quality.pii import signs
from quality.pii.spans import Span

_NAME: Final = "money"
# The look-behinds stand behind the first character, so that a search skips to characters that may be one.
_CARD: Final = re.compile(
    r"[0-9](?<![0-9A-Za-z_.+-].)(?:[0-9]{11,18}|[0-9]{3}(?:[ -][0-9]{4}){2,3}(?:[ -][0-9]{1,4})?|[0-9]{3}"
    r"([ -])[0-9]{6}\1[0-9]{5}"
    r"|[0-9]{5}[ -][0-9]{10,13})(?![0-9A-Za-z_]|[.-][0-9])"
)
_CARD_WORDS: Final = re.compile(
    r"(?i)(?<![a-z])(?:cards?|cc)(?![a-z])|credit|debit|visa|master ?card|amex|american express|卡号|卡號|卡片"
    r"|信用卡|银行卡|銀行卡|储蓄卡|借记卡|[工农建中交招]行卡|卡[:：是为]?\s*$"
)
_OTHER_WORDS: Final = re.compile(
    r"(?i)(?<![a-z])order|track|invoice|isbn|barcode|serial|imei|timestamp|订单|訂單|单号|單號|条码|條碼|运单"
    r"|快递|流水|编号|編號|序列号|书号"
)
# Issuers' prefixes with the lengths they use (ISO/IEC 7812; UnionPay gives out 16 to 19 digits).
_ISSUERS: Final = (
    (re.compile("4"), (13, 16, 19)),
    (re.compile("5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), (16,)),
    (re.compile("3[47]"), (15,)),
    (re.compile("62|81"), (16, 17, 18, 19)),
    (re.compile("60110|6011[2-4]|60117[4-9]|60118[6-9]|60119|6011|64[4-9]|65"), (16, 19)),
    (re.compile("35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile("3(?:0[0-5]|095|6|[89])"), (14, 16, 19)),
    (re.compile("5018|5020|5038|5893|6304|6759|676[1-3]"), (12, 13, 14, 15, 16, 17, 18, 19)),
    (re.compile("9[0-9]"), (16, 17, 18, 19)),  # older cards of Chinese banks
)
_ACCOUNT: Final = re.compile(r"[0-9](?<![0-9A-Za-z_.+-].)(?:[ -]?[0-9]){5,21}(?![0-9A-Za-z_]|[.-][0-9])")
_ACCOUNT_WORDS: Final = re.compile(
    r"(?i)(?:bank|checking|savings|sort code)[^\n]{0,24}(?:account|acct|a/c)[^\n0-9]{0,16}$|(?<![a-z])"
    r"(?:account|acct|a/c)[ _]?(?:number|num|no|nr|#)[^\n0-9]{0,12}$"
    r"|(?:银行|銀行|收款|付款|汇款|转账|对公|开户|工资)[^\n0-9，。]{0,8}(?:账号|帐号|账户|帐户|賬號|帳號"
    r"|卡号)[^\n0-9]{0,6}$"
    r"|(?:银行卡号|卡号)[^\n0-9]{0,4}$"
)
_LONG_ACCOUNT_WORDS: Final = re.compile(r"(?:账号|帐号|账户|帐户|賬號|帳號)[^\n0-9]{0,6}$")

_IBAN: Final = re.compile(
    r"[A-Za-z](?<![0-9A-Za-z_].)[A-Za-z][0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?"
    r"(?![0-9A-Za-z_])"
)
_IBAN_WORD: Final = re.compile(r"(?i)iban|国际银行")

_IBAN_SIGN: Final = signs.sign("[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]{4}){2}", beside=signs.DIGIT)
_CARD_SIGN: Final = signs.sign(
    "[0-9]{12}",
    "[0-9]{4}(?:[ -][0-9]{4}){2}",
    "[0-9]{4}[ -][0-9]{6}[ -][0-9]{5}",
    "[0-9]{6}[ -][0-9]{10}",
    beside=signs.DIGIT,
)
_ACCOUNT_SIGN: Final = signs.sign(
    signs.words("account|acct|a/c|账号|帐号|账户|帐户|賬號|帳號|卡号"), beside=signs.DIGIT
)
SIGNS: Final = _CARD_SIGN | _ACCOUNT_SIGN | _IBAN_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find bank cards, account numbers and IBANs."""
    seen = signs.read(text)
    if seen.held & _CARD_SIGN:
        yield from _cards(seen.text)
    if seen.held & _ACCOUNT_SIGN and seen.held & signs.SERIES:
        yield from _accounts(seen.text)
    if seen.held & _IBAN_SIGN and seen.held & signs.RUN:
        yield from _ibans(seen.text)


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        number = re.sub("[ -]", "", match[0])
        words = signs.before(text, match.start(), 40)
        known = _CARD_WORDS.search(words)
        issuer = any(prefix.match(number) and len(number) in lengths for prefix, lengths in _ISSUERS)
        valid = luhn.is_valid(number)
        if valid and known:
            yield Span(match.start(), match.end(), "bank_card", 0.97, _NAME)
        elif valid and issuer and len(set(number)) > 1 and not _OTHER_WORDS.search(words):
            yield Span(match.start(), match.end(), "bank_card", 0.92, _NAME)
        elif issuer and " " in match[0] and len(number) >= 16 and not _OTHER_WORDS.search(words):
            # Groups of four behind an issuer's prefix: one digit was mistyped or made up.
            yield Span(match.start(), match.end(), "bank_card", 0.85, _NAME)
        elif known and (issuer or len(number) in (15, 16, 19)) and not _OTHER_WORDS.search(words):
            yield Span(match.start(), match.end(), "bank_card", 0.88, _NAME)


def _accounts(text: str) -> Iterator[Span]:
    for match in _ACCOUNT.finditer(text):
        words = signs.before(text, match.start(), 48)
        digits = sum(char.isdigit() for char in match[0])
        if _ACCOUNT_WORDS.search(words) or (digits >= 12 and _LONG_ACCOUNT_WORDS.search(words)):
            yield Span(match.start(), match.end(), "bank_card", 0.94, _NAME)


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        end = match.end()
        # The last groups may be words that follow the number: shorten until the checksum agrees.
        for cut in (match[0], *_shorter(match[0])):
            if iban.is_valid(cut):
                yield Span(match.start(), match.start() + len(cut), "iban", 0.98, _NAME)
                break
        else:
            known = _IBAN_WORD.search(signs.before(text, match.start(), 40))
            if known and sum(char.isdigit() for char in match[0]) >= 8:
                yield Span(match.start(), end, "iban", 0.85, _NAME)


def _shorter(number: str) -> Iterator[str]:
    for _ in range(3):
        number, space, _rest = number.rpartition(" ")
        if not space:
            return
        yield number
