"""Made-up Chinese values for the places in `pii_slots_zh.jsonl`, each by a declared rule with its checksum.

Written apart from the recognisers and with none of their tables, so that a slip in one does not hide in the other.
Values are drawn with a seed; region codes, bank prefixes and area codes are real, everything behind them is random.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_REGIONS = (
    "110101",
    "310104",
    "440305",
    "510107",
    "330106",
    "420111",
    "610113",
    "230103",
    "350203",
    "530102",
)
_CARDS = ("622202", "622848", "621700", "621661", "622588", "625907", "436742", "518710", "622262", "621226")
_MOBILE = ("130", "135", "138", "139", "150", "158", "166", "177", "180", "186", "189", "191", "199")
_AREAS = ("010", "021", "020", "0755", "0571", "028", "0871", "0531", "027", "0991")
_MAIL = (
    "qq.com",
    "163.com",
    "126.com",
    "foxmail.com",
    "sina.com.cn",
    "gmail.com",
    "outlook.com",
    "pku.edu.cn",
)
_PLATE = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WORDS = ("lilei", "xiaoyu", "wang", "chenmo", "sunny", "haoran", "zjj", "mumu", "qingfeng", "lucky")

PERSONAL = {
    "cn_id": "cn_id",
    "passport": "passport",
    "plate": "plate",
    "bank_card": "bank_card",
    "credit_code": "credit_code",
    "email": "email",
    "mobile": "phone",
    "landline": "phone",
    "wechat": "handle",
    "qq": "handle",
}
"""The places whose value is personal, and the kind that it is."""


def made_up(place: str, rng: random.Random) -> str:
    """Return a value for a place."""
    return _RULES[place](rng)


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _cn_id(rng: random.Random) -> str:
    birth = f"{rng.randint(1940, 2012)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    body = rng.choice(_REGIONS) + birth + _digits(rng, 3)
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def _bank_card(rng: random.Random) -> str:
    prefix = rng.choice(_CARDS)
    length = 16 if prefix[0] in "45" else rng.choice((16, 19, 19))
    body = prefix + _digits(rng, length - 7)
    total = sum(d if i % 2 else d * 2 - 9 * (d > 4) for i, d in enumerate(map(int, reversed(body))))
    number = body + str(-total % 10)
    if rng.random() < 0.4:
        return " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    return number


def _credit_code(rng: random.Random) -> str:
    body = (
        rng.choice(("91", "92", "52", "12"))
        + rng.choice(_REGIONS)
        + "MA"
        + "".join(rng.choice(_CODE) for _ in range(7))
    )
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)  # GB 32100-2015
    return body + _CODE[-sum(_CODE.index(c) * w for c, w in zip(body, weights, strict=True)) % 31]


def _mobile(rng: random.Random) -> str:
    head, middle, tail = rng.choice(_MOBILE), _digits(rng, 4), _digits(rng, 4)
    join = rng.choice(("", "", "", " ", "-"))
    return rng.choice(("", "", "", "", "+86 ", "86-", "+86")) + join.join((head, middle, tail))


def _landline(rng: random.Random) -> str:
    area = rng.choice(_AREAS)
    number = rng.choice("5678") + _digits(rng, 7 if len(area) == 3 else 6)
    shape = rng.choice(("{a}-{n}", "{a}-{n}", "({a}){n}", "{a} {n}", "{a}{n}", "{a}-{n}转{x}", "（{a}）{n}"))
    return shape.format(a=area, n=number, x=_digits(rng, 3).replace("0", "8"))


def _passport(rng: random.Random) -> str:
    head = rng.choice(("E", "G", "EA", "EK", "EJ", "C", "H", "P"))
    return head + _digits(rng, 9 - len(head))


def _plate(rng: random.Random) -> str:
    head = rng.choice("京沪粤浙苏川鲁豫鄂湘") + rng.choice("ABCDEFG")
    if rng.random() < 0.3:  # new energy: D or F, then five digits
        return head + rng.choice("DF") + _digits(rng, 5)
    tail = [rng.choice("0123456789") for _ in range(5)]
    for place in rng.sample(range(5), rng.choice((0, 1, 1, 2))):
        tail[place] = rng.choice(_PLATE)
    return head + rng.choice(("", "", "·")) + "".join(tail)


def _email(rng: random.Random) -> str:
    local = rng.choice(
        (_digits(rng, 9).replace("0", "7"), rng.choice(_WORDS) + rng.choice((".", "_", "")) + _digits(rng, 3))
    )
    return f"{local}@{rng.choice(_MAIL)}"


def _wechat(rng: random.Random) -> str:
    return rng.choice(_WORDS) + rng.choice(("_", "-", "")) + _digits(rng, rng.randint(3, 6))


def _qq(rng: random.Random) -> str:
    return rng.choice("123456789") + _digits(rng, rng.randint(5, 9))


def _order(rng: random.Random) -> str:
    return f"20{rng.randint(18, 24)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}" + _digits(
        rng, rng.choice((6, 8, 10))
    )


def _isbn(rng: random.Random) -> str:
    body = "9787" + _digits(rng, 8)
    check = str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10)
    return rng.choice((body + check, f"978-7-{body[4:7]}-{body[7:]}-{check}"))


_RULES: dict[str, Callable[[random.Random], str]] = {
    "cn_id": _cn_id,
    "passport": _passport,
    "plate": _plate,
    "bank_card": _bank_card,
    "credit_code": _credit_code,
    "email": _email,
    "mobile": _mobile,
    "landline": _landline,
    "wechat": _wechat,
    "qq": _qq,
    "order_number": _order,
    "isbn": _isbn,
    "version": lambda rng: ".".join(str(rng.randint(1, 20)) for _ in range(rng.choice((1, 2, 3)))),
    "price": lambda rng: rng.choice(("{}元", "¥{}", "{}块钱")).format(
        rng.choice((_digits(rng, 2) + ".90", "1280", "13800", "99"))
    ),
    "year_range": lambda rng: f"{rng.randint(1950, 2000)}{rng.choice('-—')}{rng.randint(2001, 2024)}",
    "tracking_number": lambda rng: rng.choice(("SF", "YT", "JD", "")) + "7" + _digits(rng, 12),
    "long_number": lambda rng: rng.choice("123456789") + _digits(rng, rng.randint(11, 17)),
}
