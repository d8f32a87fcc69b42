"""Addresses of machines and of what lies behind a password: IPv4, IPv6, MAC, and URLs that hold credentials.

The standard library's `ipaddress` decides what an address is; what stands around it decides whether it is one of a
version (`Chrome/120.0.0.0`, v1.2.3.4). Rejected: presidio's recogniser, which takes versions, loopback and `::` of
C++ for addresses and finds none beside Chinese, and its MAC recogniser, right but for the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from quality.pii import signs
from quality.pii.placeholders import is_placeholder
from quality.pii.spans import Span

_NAME: Final = "network"
_V4: Final = re.compile(r"(?<![0-9A-Za-z_.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|\.[0-9]|-[A-Za-z])")
_V6: Final = re.compile(
    r"(?<![0-9A-Za-z_:.])(?:[0-9A-Fa-f]{1,4}:|::)(?:[0-9A-Fa-f]{0,4}:){1,7}(?:[0-9A-Fa-f]{0,4}|"
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?![0-9A-Za-z_:])"
)
_MAC: Final = re.compile(
    r"(?<![0-9A-Za-z_:-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4})(?![0-9A-Za-z_:]|[-.][0-9A-Za-z])"
)
_V4_SIGN: Final = signs.sign(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]", beside=signs.DIGIT)
_V6_SIGN: Final = signs.sign("(?:[0-9a-f]{1,4}:){7}[0-9a-f]", "[23f][0-9a-f]{2,3}:[0-9a-f]{0,4}:")
_MAC_SIGN: Final = signs.sign("(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", r"(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}")
_VERSION: Final = re.compile(
    r"(?i)(?:version|(?<![A-Za-z])ver\.?|(?<![A-Za-z])v\.?|版本|release|build|section|chapter|clause|firmware"
    r"|driver"
    r"|(?:up|down)grad(?:e|ed|ing)(?: from| to)?(?: [0-9.]{3,15} to)?|升级[到至为]"
    r"|[A-Za-z]/|==|>=|<=|~=|第|章|节|§)[ :：=\"'号為为是]{0,3}$"
)
_IP_WORDS: Final = re.compile(
    r"(?i)(?<![A-Za-z])(?:ips?|ipv4|ipv6|host|server|address|ping|dns|gateway|subnet|ssh|curl|localhost|网关"
    r"|服务器|地址|主机)(?![A-Za-z])|[iI][pP]"
)
_MAC_WORDS: Final = re.compile(r"(?i)mac|物理地址|hwaddr|ether|hardware|bssid|bluetooth|wi-?fi|网卡|蓝牙")

_USERINFO: Final = re.compile(
    r"(?<![A-Za-z])[A-Za-z][A-Za-z0-9+.-]{1,20}://([^\s/:@\"'<>]{0,64}):"
    r"([^\s/@\"'<>]{1,128})@[^\s\"'<>()\[\]{}，。；、）】》]{1,2000}"
)
_QUERY: Final = re.compile(r"(?i)(?<![A-Za-z])(?:https?|wss?|ftp)://[^\s\"'<>()\[\]{}，。；、）】》]{1,2000}")
_PARAMETER: Final = re.compile(
    r"(?i)[?&#;](?:[a-z]{1,20}[_-])?(?:token|api_?key|apikey|key|sig|signature|pass|password|passwd|pwd|secret"
    r"|auth|session|sessionid|sid|jwt|code_verifier|"
    r"access_?key(?:id)?|x-amz-(?:signature|credential|security-token))=([^&#\s]{6,})"
)

_URL_SIGN: Final = signs.sign("://")
_PARAMETER_SIGN: Final = signs.sign(
    "(?:token|key|sig|signature|pass|password|passwd|pwd|secret|auth|session|sessionid|sid|jwt|code_verifier"
    "|keyid|credential)="
)
SIGNS: Final = _V4_SIGN | _V6_SIGN | _MAC_SIGN | _URL_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find IP and MAC addresses and URLs that hold credentials."""
    seen = signs.read(text)
    text, held = seen.text, seen.held
    if held & _V4_SIGN:
        for match in _V4.finditer(text):
            score = _v4(text, match)
            if score:
                yield Span(match.start(), match.end(), "ip", score, _NAME)
    if held & _V6_SIGN:
        for match in _V6.finditer(text):
            if _is_v6(match[0]):
                yield Span(match.start(), match.end(), "ip", 0.93, _NAME)
    if held & _MAC_SIGN:
        yield from _macs(text)
    if held & _URL_SIGN and held & signs.AT:
        yield from _logins(text)
    if held & _URL_SIGN and held & _PARAMETER_SIGN:
        yield from _queries(text)


def _v4(text: str, match: re.Match[str]) -> float:
    try:
        address = ipaddress.IPv4Address(match[0])
    except ipaddress.AddressValueError:
        return 0.0
    octets = address.packed
    # A mask, the loopback or "any" is nobody's.
    if address.is_loopback or octets[0] in (0, 255) or match[0].startswith("255."):
        return 0.0
    words = signs.before(text, match.start(), 36)
    named = _IP_WORDS.search(words)
    if (
        _VERSION.search(words)
        and not (named and not re.search(r"(?i)version|版本", words))
        and not words.endswith("//")
    ):
        return 0.0
    # 1.2.3.4 is a heading or a row of items, unless it is a resolver (8.8.4.4, 1.1.1.1); x.0.0.0 a version of a
    # browser.
    resolver = octets[0] == octets[1] and octets[2] == octets[3]
    if not named and (octets[1:] == b"\0\0\0" or (max(octets) < 10 and not resolver)):
        return 0.0
    return 0.93


def _is_v6(value: str) -> bool:
    try:
        address = ipaddress.IPv6Address(value)
    except ipaddress.AddressValueError:
        return False
    groups = [group for group in value.split(":") if group]
    if address.is_loopback or address.is_unspecified or len(groups) < 2:
        return False
    # `dead::beef` may be C++: either all eight groups are there, or the first is a real prefix with a digit in it.
    return len(groups) == 8 or (
        len(groups[0]) >= 3 and any(char.isdigit() for char in value) and value[0] in "23fF"
    )


def _macs(text: str) -> Iterator[Span]:
    for match in _MAC.finditer(text):
        bare = re.sub("[:.-]", "", match[0]).lower()
        if len(set(bare)) == 1:
            continue
        if (bare.isdigit() or "." in match[0]) and not _MAC_WORDS.search(
            signs.before(text, match.start(), 40)
        ):
            continue
        yield Span(match.start(), match.end(), "mac", 0.95, _NAME)


def _logins(text: str) -> Iterator[Span]:
    for match in _USERINFO.finditer(text):
        if not is_placeholder(match[2]):
            yield Span(match.start(), _trim(text, match.start(), match.end()), "url_credentials", 0.98, _NAME)


def _queries(text: str) -> Iterator[Span]:
    for match in _QUERY.finditer(text):
        if any(_is_credential(found[1]) for found in _PARAMETER.finditer(match[0])):
            yield Span(match.start(), _trim(text, match.start(), match.end()), "url_credentials", 0.97, _NAME)


def _trim(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip(".,;:!?*`|\\"))


def _is_credential(value: str) -> bool:
    """Tell whether a parameter's value looks like a token rather than a word: `key=name` sorts a table."""
    return not is_placeholder(value) and (any(char.isdigit() for char in value) or len(value) >= 20)
