"""Made-up names, addresses and accounts, out of a lexicon of this project's own.

English names are put together from syllables that make no name or word known to us; Chinese ones from surnames
that hardly anyone bears. They say nothing of a person's sex or origin. A name keeps its number of parts, and each
part has its own surrogate, so that Mary, Ms Jones and Mary Jones still go together. Rejected: lists of common
names, in which a real name could not be told from a surrogate, and would stay.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from quality.scrub.numbers import Draw

Digest = Callable[[str, str], bytes]
"""Keyed digest of an entity: of its kind and its normalised text."""

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_PART = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_MOST_PARTS = 4
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任"
    "袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵汪祁毛狄米贝明臧成戴宋庞熊纪舒屈"
    "项祝董梁杜阮蓝席季贾路江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万柯卢莫房缪丁邓洪包左石崔吉龚程裴陆荣翁甄曲封靳段"
    "侯宁仇甘厉武符刘景詹龙叶黎白蒲鄂池乔闻翟谭申冉雍温庄柴瞿阎连习艾容向古易廖耿满匡文寇欧沃利越师巩聂晁辛简饶曾游权益桓"
)


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("lexicon.json").read_text("utf-8"))
    return loaded


def _choice(draw: Draw, what: str) -> str:
    listed = _lexicon()[what]
    return str(listed[draw.below(len(listed))])


def _word(draw: Draw) -> str:
    return _choice(draw, "onsets") + _choice(draw, "endings")


def is_han(text: str) -> bool:
    """Tell whether a text holds Chinese characters."""
    return _HAN.search(text) is not None


def name(text: str, digest: Digest) -> str:
    """Return a name in the language of the text, with as many parts."""
    folded = unicodedata.normalize("NFKC", text)
    if is_han(folded):
        return _chinese_name(folded, digest)
    parts = _PART.findall(folded.casefold())[:_MOST_PARTS] or [folded.casefold().strip()]
    whole = max(len(part) for part in parts) > 1
    return " ".join(_part(part, digest, whole) for part in parts)


def _part(part: str, digest: Digest, short: bool) -> str:
    word = _word(Draw(digest("name", part)))
    return f"{word[0]}." if short and len(part) == 1 else word


def _chinese_name(text: str, digest: Digest) -> str:
    parts = re.findall(r"[\u3400-\u9fff\uf900-\ufaff]+", text)[:_MOST_PARTS]
    if len(parts) > 1:  # a foreign name: 约翰·史密斯
        return "·".join(_given(part, 2, digest) for part in parts)
    part = parts[0]
    nick = part[0] if len(part) == 2 and part[0] in "小老阿" else ""
    if nick or len(part) == 1:
        return nick + _surname(part[-1], digest)
    if part[0] in _SURNAMES and len(part) <= 3:
        return _surname(part[0], digest) + _given(part[1:], len(part) - 1, digest)
    if len(part) <= 2:
        return _given(part, len(part), digest)
    return _surname(part[:-2], digest) + _given(part[-2:], 2, digest)


def _surname(part: str, digest: Digest) -> str:
    return _choice(Draw(digest("name", f"{part}-")), "zh_surnames")


def _given(part: str, length: int, digest: Digest) -> str:
    draw = Draw(digest("name", f"-{part}"))
    return "".join(_choice(draw, "zh_given") for _ in range(length))


def address(text: str, draw: Draw) -> str:
    """Return the address of a street that is in no city, in the language of the text."""
    if is_han(text):
        return f"云岫市{_choice(draw, 'zh_districts')}{_choice(draw, 'zh_streets')}{100 + draw.below(900)}号"
    street = f"{100 + draw.below(900)} {_word(draw)} {_choice(draw, 'street_types')}"
    return f"{street}, {_choice(draw, 'onsets')}stead"


def email(draw: Draw) -> str:
    """Return an e-mail address of a reserved domain (RFC 2606)."""
    who = f"{_word(draw).lower()}.{_word(draw).lower()}.{draw.below(1 << 24):06x}"
    return f"{who}@example.{('com', 'org', 'net')[draw.below(3)]}"


def handle(text: str, draw: Draw) -> str:
    """Return an account name that says it is none: digits for digits, a link for a link."""
    account = f"user_{draw.below(1 << 32):08x}"
    if "/" in text:
        return f"https://example.org/{account}"
    if unicodedata.normalize("NFKC", text).strip().isdigit():
        return "000" + draw.digits(7)
    return f"@{account}" if text.startswith(("@", "＠")) else account


def patterns() -> dict[str, str]:
    """Return by kind the pattern by which a surrogate of this module is known again."""
    held = _lexicon()
    onset, ending = "|".join(held["onsets"]), "|".join(held["endings"])
    word = f"(?:{onset})(?:{ending})"
    lower = word.lower()
    surname, given = f"[{held['zh_surnames']}]", f"[{held['zh_given']}]"
    part = rf"(?:{word}|[A-Z]\.)"
    english = rf"(?<![A-Za-z])(?:[A-Z]\. ){{0,3}}{word}(?: {part}){{0,3}}(?![A-Za-z])"
    chinese = f"[小老阿]?{surname}{given}{{0,2}}|{given}{{2}}(?:·{given}{{2}}){{1,3}}|{given}{{1,2}}"
    types, districts, streets = (
        "|".join(held[name]) for name in ("street_types", "zh_districts", "zh_streets")
    )
    return {
        "name": f"{english}|{chinese}",
        "address": rf"(?<!\d)\d{{3}} {word} (?:{types}), (?:{onset})stead(?![A-Za-z])"
        rf"|云岫市(?:{districts})(?:{streets})\d{{3}}号",
        "email": rf"(?<![A-Za-z0-9._+-]){lower}\.{lower}\.[0-9a-f]{{6}}@example\.(?:com|org|net)(?![A-Za-z0-9])",
        "handle": r"(?<![A-Za-z0-9@])(?:@|https://example\.org/)?user_[0-9a-f]{8}(?![A-Za-z0-9])|(?<!\d)000\d{7}(?!\d)",
        "url_credentials": r"https://example\.org/[0-9a-f]{8}(?![A-Za-z0-9])",
        "secret": r"(?<![A-Za-z0-9])EXAMPLE-SECRET-[0-9a-f]{12}(?![A-Za-z0-9])",
    }


WORDS: Final = ("name", "address", "email", "handle", "url_credentials", "secret")
"""The kinds whose surrogates are made here."""
