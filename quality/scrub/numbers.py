"""Made-up numbers: of the right length and with a right check digit, from ranges that were never given to anyone.

Telephone: 555-01xx (North America), the regulator's numbers for drama (UK), 154 and a subscriber's number that
begins with 0 (China: neither was ever assigned), country code 999 elsewhere. Identity numbers: region 99. Cards:
issuer 400000. Accounts of the bank TEST. Each kind is one canonical form, so that one number written two ways
gets one surrogate. Rejected: shuffled digits of the original, which may be somebody's number, and keeping area
codes or birth dates, which tell where and when.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

_AREAS: Final = (
    "201",
    "212",
    "303",
    "312",
    "404",
    "415",
    "503",
    "512",
    "602",
    "617",
    "702",
    "713",
    "801",
    "816",
)
_CREDIT: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_EXTENSION = re.compile(r"(?:extension|ext|转|分机|x|#)", re.IGNORECASE)
_AMERICAN = re.compile(r"(?:\+|00)?1[\s.(-]|\+1\d")
_BEGIN, _END = r"(?<![\dA-Za-z])", r"(?![\dA-Za-z])"


class Draw:
    """A stream of small numbers out of one digest."""

    def __init__(self, digest: bytes) -> None:
        self._rest = int.from_bytes(digest, "big")

    def below(self, limit: int) -> int:
        """Return the next number, 0 to limit - 1."""
        self._rest, number = divmod(self._rest, limit)
        return number

    def digits(self, count: int) -> str:
        """Return the next digits."""
        return "".join(str(self.below(10)) for _ in range(count))


def plain(text: str) -> str:
    """Return the letters and digits of a text: half width, capitals, nothing between them."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())


def phone_of(text: str) -> str:
    """Return a telephone number as it is told apart: without separators, extension and the prefixes 86 and 1."""
    folded = unicodedata.normalize("NFKC", text).strip()
    digits = re.sub(r"\D", "", _EXTENSION.split(folded)[0]) or re.sub(r"\D", "", folded)
    digits = digits.removeprefix("00") if digits.startswith(("0086", "0044", "001")) else digits
    if _AMERICAN.match(folded) and re.fullmatch(r"1[2-9]\d{9}", digits):
        return digits[1:]
    if re.fullmatch(r"86(?:1[3-9]\d{9}|0\d{9,11})", digits):
        return digits[2:]
    if re.fullmatch(r"86[2-9]\d{9,10}|8610\d{8}", digits):
        return f"0{digits[2:]}"
    return digits[1:] if re.fullmatch(r"12\d{9}", digits) else digits


def phone(text: str, draw: Draw) -> str:
    """Return a telephone number of the same country, where its numbers can be told."""
    number = phone_of(text)
    written = unicodedata.normalize("NFKC", text).strip()
    chinese = written.removeprefix("(").startswith(("+86", "0086", "86", "010"))
    international = "+" in written and not chinese
    if re.fullmatch(r"1[3-9]\d{9}", number):
        return "154" + draw.digits(8)
    if re.fullmatch(r"400\d{7}", number):
        return "400-000-" + draw.digits(4)
    if re.fullmatch(r"[2-9]\d{2}[2-9]\d{6}", number) and not (international and "+1" not in written):
        return f"{_AREAS[draw.below(len(_AREAS))]}-555-01{draw.digits(2)}"
    if re.fullmatch(r"447\d{9}|07\d{9}", number):
        return "07700 900" + draw.digits(3)
    spaced = re.fullmatch(r"0[12]\d{8,9}", number) and " " in written and "-" not in written
    if re.fullmatch(r"44\d{9,10}", number) or (spaced and not chinese):
        return "020 7946 0" + draw.digits(3)
    if re.fullmatch(r"0\d{9,11}", number) and not international:
        return f"010-0{draw.digits(7)}"
    if re.fullmatch(r"\d{7}", number):
        return f"555-01{draw.digits(2)}"
    if len(number) <= 8:
        return "00" + draw.digits(max(2, len(number) - 2))
    return f"+999 {draw.digits(3)} {draw.digits(3)} {draw.digits(3)}"


def cn_id(text: str, draw: Draw) -> str:
    """Return an identity number of a region that is none, born in 1900; 15 digits for 15."""
    if len(plain(text)) == 15:
        return f"99{draw.digits(4)}000101{draw.digits(3)}"
    body = f"99{draw.digits(4)}19000101{draw.digits(3)}"
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def credit_code(text: str, draw: Draw) -> str:
    """Return a social credit code of a region that is none, with its check character."""
    body = "91999999" + "".join(_CREDIT[draw.below(31)] for _ in range(9))
    total = sum(_CREDIT.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return body + _CREDIT[-total % 31]


def bank_card(text: str, draw: Draw) -> str:
    """Return a card number of a test range that passes Luhn; an account number for what is no card."""
    length = len(plain(text))
    if not 13 <= length <= 19:
        return "0000" + draw.digits(max(4, min(length, 12) - 4))
    body = "400000" + draw.digits(length - 7)
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body))]
    total = sum(number - 9 if number > 9 else number for number in doubled)
    return body + str(-total % 10)


def iban(text: str, draw: Draw) -> str:
    """Return an IBAN of the bank TEST with its check digits."""
    account = "TEST000000" + draw.digits(8)
    value = int("".join(str(int(character, 36)) for character in account + "GB00"))
    whole = f"GB{98 - value % 97:02d}{account}"
    return " ".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def ip(text: str, draw: Draw) -> str:
    """Return an address of the blocks for documentation (RFC 5737, RFC 3849)."""
    if ":" in text:
        return f"2001:db8::{draw.below(65536):x}:{draw.below(65536):x}"
    return f"{('192.0.2', '198.51.100', '203.0.113')[draw.below(3)]}.{1 + draw.below(254)}"


def mac(text: str, draw: Draw) -> str:
    """Return a MAC address of the block for documentation (RFC 7042)."""
    return f"00:00:5E:00:53:{draw.below(256):02X}"


def plate(text: str, draw: Draw) -> str:
    """Return a number plate with a letter that no plate has."""
    if any("\u4e00" <= character <= "\u9fff" for character in text):
        return "京I" + draw.digits(5)
    return f"QQ{draw.digits(2)} {''.join(_CREDIT[10 + draw.below(21)] for _ in range(3))}"


def birth_date(text: str, draw: Draw) -> str:
    """Return a day of January 1900, in the manner of the text."""
    day = 1 + draw.below(28)
    if "年" in text or "月" in text:
        return f"1900年1月{day}日"
    return f"January {day}, 1900" if any(map(str.isalpha, text)) else f"1900-01-{day:02d}"


NUMBERS: Final[dict[str, tuple[Callable[[str, Draw], str], str]]] = {
    "phone": (
        phone,
        r"(?<![\d+])(?:154\d{8}|400-000-\d{4}|(?:[2-9]\d\d-)?555-01\d\d|07700 900\d{3}|020 7946 0\d{3}|010-0\d{7}"
        r"|00\d{2,6}|\+999 \d{3} \d{3} \d{3})(?!\d)",
    ),
    "cn_id": (cn_id, _BEGIN + r"99\d{4}(?:19000101\d{3}[\dX]|000101\d{3})" + _END),
    "passport": (lambda _, draw: f"Z00{draw.digits(6)}", _BEGIN + r"Z00\d{6}" + _END),
    "credit_code": (credit_code, _BEGIN + r"91999999[0-9A-Z]{10}" + _END),
    "bank_card": (bank_card, _BEGIN + r"(?:400000\d{7,13}|0000\d{4,8})" + _END),
    "iban": (iban, _BEGIN + r"GB\d\d TEST 0000 00\d\d \d{4} \d\d" + _END),
    "ssn": (lambda _, draw: f"666-{draw.digits(2)}-{draw.digits(4)}", _BEGIN + r"666-\d\d-\d{4}" + _END),
    "licence": (lambda _, draw: f"LIC-00{draw.digits(6)}", _BEGIN + r"LIC-00\d{6}" + _END),
    "plate": (plate, _BEGIN + r"(?:京I\d{5}|QQ\d\d [A-Z]{3})" + _END),
    "ip": (
        ip,
        r"(?<![\d.:A-Fa-f])(?:(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d{1,3}|2001:db8::[0-9a-f]{1,4}:[0-9a-f]{1,4})"
        r"(?![\dA-Fa-f:])",
    ),
    "mac": (mac, _BEGIN + r"00:00:5E:00:53:[0-9A-F]{2}" + _END),
    "birth_date": (birth_date, r"(?<!\d)(?:1900年1月\d{1,2}日|January \d{1,2}, 1900|1900-01-\d\d)(?!\d)"),
    "coordinates": (
        lambda _, draw: f"0.00{draw.digits(4)}, 0.00{draw.digits(4)}",
        r"(?<![\d.])0\.00\d{4}, 0\.00\d{4}(?!\d)",
    ),
}
"""By kind: what makes a surrogate, and the pattern by which one of ours is known again."""
