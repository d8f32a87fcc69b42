"""Two hundred made-up pieces of personal data, and sentences in which a person would write them.

Every value is unique, so that it can be looked for in what a build writes. Numbers have right check digits. The
sentences are plain on purpose: what a detector finds in difficult company is measured in
`benchmarks/truth/pii.py`; here it is asked whether what is found leaves by any door.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

Make = Callable[[random.Random], str]

_GIVEN = ["Margaret", "Thomas", "Priscilla", "Edward", "Rosalind", "Gregory", "Harriet", "Leonard"]
_FAMILY = [
    "Whitfield",
    "Hargreaves",
    "Pemberton",
    "Caldwell",
    "Thornton",
    "Ashworth",
    "Ellsworth",
    "Kirkpatrick",
]
_SURNAMES, _NAMED = "赵钱孙李周吴郑王陈刘", "伟芳敏静丽强磊洋艳勇杰娟涛明超霞"
_STREETS = ["Maple Street", "Oak Avenue", "Church Road", "Park Lane", "Mill Road", "Station Road"]
_STREETS_ZH = ["建国路", "人民路", "中山路", "解放路", "长江路", "和平路"]
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def _digits(chance: random.Random, count: int) -> str:
    return str(chance.randint(1, 9)) + "".join(chance.choices(string.digits, k=count - 1))


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(string.ascii_lowercase, k=count))


def _cn_id(chance: random.Random) -> str:
    born = f"19{chance.randint(50, 99)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    body = f"110105{born}{_digits(chance, 3)}"
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def _credit_code(chance: random.Random) -> str:
    body = "91310115" + "".join(chance.choices(_CREDIT, k=9))
    total = sum(_CREDIT.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return body + _CREDIT[-total % 31]


def _card(chance: random.Random, begin: str, length: int) -> str:
    body = begin + "".join(chance.choices(string.digits, k=length - len(begin) - 1))
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body))]
    return body + str(-sum(number - 9 if number > 9 else number for number in doubled) % 10)


def _iban(chance: random.Random) -> str:
    account = "37040044" + _digits(chance, 10)
    value = int("".join(str(int(character, 36)) for character in account + "DE00"))
    return f"DE{98 - value % 97:02d}{account}"


def _octets(chance: random.Random) -> str:
    return f"10.{chance.randint(20, 250)}.{chance.randint(20, 250)}.{chance.randint(20, 250)}"


def _mac(chance: random.Random) -> str:
    return ":".join(["3c", "5a", *(f"{chance.randint(16, 255):02x}" for _ in range(4))])


def _coordinates(chance: random.Random) -> str:
    return f"{chance.uniform(20, 50):.5f}, {chance.uniform(70, 120):.5f}"


def _address_zh(chance: random.Random) -> str:
    house = f"{chance.randint(11, 989)}号{chance.randint(1, 19)}单元{chance.randint(101, 899)}室"
    return f"北京市朝阳区{chance.choice(_STREETS_ZH)}{house}"


def _plate(chance: random.Random) -> str:
    return f"AB{_digits(chance, 2)} {''.join(chance.choices('ACDEFGHJKLMNPRSTUVWXYZ', k=3))}"


def _link(chance: random.Random) -> str:
    return f"https://{_letters(chance, 6)}:{_letters(chance, 5)}{_digits(chance, 4)}@files.test/{_letters(chance, 4)}"


def _born(chance: random.Random) -> str:
    return (
        f"{chance.choice(['March', 'July', 'October'])} {chance.randint(2, 28)}, {chance.randint(1941, 1999)}"
    )


def _born_zh(chance: random.Random) -> str:
    return f"{chance.randint(1941, 1999)}年{chance.randint(2, 12)}月{chance.randint(2, 28)}日"


def _hex(chance: random.Random, count: int) -> str:
    return "".join(chance.choices("0123456789abcdef", k=count))


VALUES: dict[str, dict[str, tuple[Make, tuple[str, ...]]]] = {
    "email": {
        "en": (lambda c: f"{_letters(c, 7)}@{_letters(c, 8)}.com", ("Write to {} please.", "My e-mail is {}.")),
        "zh": (lambda c: f"{_letters(c, 7)}@{_letters(c, 6)}.cn", ("请发邮件到{}。", "我的邮箱是{}，谢谢。")),
    },
    "phone": {
        "en": (lambda c: f"+1 212 {c.randint(220, 989)} {_digits(c, 4)}", ("Call me at {}.", "My phone number is {}.")),
        "zh": (lambda c: f"13{_digits(c, 9)}", ("我的手机号是{}。", "请打电话{}联系我。")),
    },
    "name": {
        "en": (lambda c: f"{c.choice(_GIVEN)} {c.choice(_FAMILY)}", ("My name is {}.", "Kind regards, Mr. {}")),
        "zh": (lambda c: c.choice(_SURNAMES) + "".join(c.sample(_NAMED, 2)), ("我叫{}，", "联系人：{}，")),
    },
    "address": {
        "en": (
            lambda c: f"{c.randint(11, 989)} {c.choice(_STREETS)}, Springfield, IL 62{_digits(c, 3)}",
            ("I live at {}.", "Send it to {}."),
        ),
        "zh": (
            _address_zh,
            ("我住在{}。", "收货地址：{}。"),
        ),
    },
    "cn_id": {
        "en": (_cn_id, ("My Chinese ID number is {}.",)),
        "zh": (_cn_id, ("我的身份证号是{}。", "身份证：{}，")),
    },
    "passport": {
        "en": (lambda c: f"E{_digits(c, 8)}", ("My passport number is {}.",)),
        "zh": (lambda c: f"E{_digits(c, 8)}", ("我的护照号是{}。", "护照号码：{}，")),
    },
    "credit_code": {"zh": (_credit_code, ("统一社会信用代码：{}。", "公司的统一社会信用代码是{}，"))},
    "bank_card": {
        "en": (lambda c: _card(c, "4539", 16), ("My card number is {}.", "Charge my credit card {}.")),
        "zh": (lambda c: _card(c, "622202", 19), ("我的银行卡号是{}。", "卡号：{}，")),
    },
    "iban": {"en": (_iban, ("My IBAN is {}.",)), "zh": (_iban, ("IBAN：{}。",))},
    "ssn": {
        "en": (
            lambda c: f"{c.randint(101, 599)}-{c.randint(11, 99)}-{_digits(c, 4)}",
            ("My social security number is {}.", "SSN: {}."),
        )
    },
    "licence": {
        "en": (lambda c: f"D{_digits(c, 3)}-{_digits(c, 4)}-{_digits(c, 4)}", ("My driver's license number is {}.",))
    },
    "plate": {
        "en": (_plate, ("My licence plate is {}.",)),
        "zh": (lambda c: f"京A{_digits(c, 5)}", ("我的车牌号是{}。", "车牌：{}，")),
    },
    "ip": {
        "en": (_octets, ("The server is at {}.", "My IP address is {}.")),
        "zh": (_octets, ("服务器的IP地址是{}。", "我的IP：{}，")),
    },
    "mac": {"en": (_mac, ("The MAC address is {}.",)), "zh": (_mac, ("MAC地址是{}。",))},
    "url_credentials": {
        "en": (_link, ("Download it from {} today.",)),
        "zh": (_link, ("下载地址： {} 。",)),
    },
    "secret": {
        "en": (lambda c: f"sk-{_hex(c, 40)}", ("The API key is {}.", "api_key={}")),
        "zh": (lambda c: _hex(c, 40), ("密钥：api_key={}。", "access_token={}，")),
    },
    "handle": {
        "en": (lambda c: f"@{_letters(c, 6)}_{_digits(c, 3)}", ("Follow me on Instagram: {}.", "My Twitter is {}.")),
        "zh": (lambda c: _digits(c, 9), ("我的QQ号是{}。", "加我QQ：{}，")),
    },
    "birth_date": {
        "en": (_born, ("I was born on {}.", "Date of birth: {}.")),
        "zh": (_born_zh, ("我出生于{}。", "出生日期：{}，")),
    },
    "coordinates": {
        "en": (_coordinates, ("My house is at coordinates {}.",)),
        "zh": (_coordinates, ("我家的坐标是{}。",)),
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Canary:
    """One value, and a sentence that holds it."""

    kind: str
    lang: str
    value: str
    sentence: str


def canaries(count: int, seed: int = 5) -> list[Canary]:
    """Return so many values, the kinds and languages in turn, no two alike and none part of another."""
    chance = random.Random(seed)
    made: list[Canary] = []
    cells = [(kind, lang) for kind, languages in VALUES.items() for lang in languages]
    while len(made) < count:
        kind, lang = cells[len(made) % len(cells)]
        make, sentences = VALUES[kind][lang]
        value = make(chance)
        if not any(value in other.value or other.value in value for other in made):
            made.append(Canary(kind, lang, value, chance.choice(sentences).format(value)))
    return made
