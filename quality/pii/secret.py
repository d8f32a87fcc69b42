"""Keys, tokens, passwords and private keys.

Issuers' prefixes (sk-, ghp_, AKIA) and PEM headers speak for themselves; a password is what stands behind the word
and a colon, an equals sign or 是, if it is a value: not a word for it, not code that fetches or checks one. Rejected:
measures of entropy, which call every hash, UUID and base64 image a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from quality.pii import signs
from quality.pii.placeholders import is_placeholder
from quality.pii.spans import Span

_NAME: Final = "secret"
_KEYS: Final = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"sk-(?:ant-|proj-|or-|live-|test-)?[A-Za-z0-9_-]{20,200}|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,100}"
    r"|gh[pousr]_[A-Za-z0-9]{20,100}|github_pat_[A-Za-z0-9_]{20,100}"
    r"|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}|xox[abeoprs]-[A-Za-z0-9-]{10,200}|AIza[A-Za-z0-9_-]{30,45}"
    r"|ya29\.[A-Za-z0-9_-]{20,200}|glpat-[A-Za-z0-9_-]{18,60}"
    r"|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{30,60}|pypi-[A-Za-z0-9_-]{40,300}"
    r"|SG\.[A-Za-z0-9_-]{16,40}\.[A-Za-z0-9_-]{16,60}|dop_v1_[a-f0-9]{40,80}|shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}"
    r"|eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,2000})?|LTAI[A-Za-z0-9]{12,26}"
    r"|AKID[A-Za-z0-9]{30,40}|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,36}"
    r"|tvly-[A-Za-z0-9-]{20,60}|gsk_[A-Za-z0-9]{30,80}|r8_[A-Za-z0-9]{30,60}|EAA[A-Za-z0-9]{60,300}"
    r"|key-[a-f0-9]{32})(?![A-Za-z0-9_])"
)
_KEYS_SIGNS: Final = signs.listed(
    "sk-|sk_|pk_|rk_|ghp_|gho_|ghu_|ghs_|ghr_|github_pat|AKIA|ASIA|AROA|AIDA|xox|AIza|ya29|glpat|hf_|"
    "npm_|pypi-|SG.|dop_|shp|eyJ|LTAI|AKID|:AA|tvly|gsk_|r8_|EAA|key-"
)
_PEM: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END: Final = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY: Final = re.compile(r"[A-Za-z0-9+/=\s\\]{0,8000}")

_WORD: Final = re.compile(
    r"(?i)(?<![A-Za-z])(?:[A-Za-z]{1,16}[_-]){0,3}(?:password|passwd|passphrase|passcode|pwd|api[_ -]?key"
    r"|apikey|secret(?:[_ -]?(?:key|access[_ -]?key))?|access[_ -]?(?:key|token)|"
    r"auth[_ -]?token|bearer|token|private[_ -]?key|client[_ -]?secret|credentials?|pin(?: code)?)"
    r"(?:[\"'`*]{0,3}) ?(?::=|=>|[:=：]|(?<=[a-z])(?: (?:is|was|to|as))(?:[:：])?(?= ))[ ]?[\"'“‘`*(]{0,3}"
    r"|(?i:bearer) (?=[A-Za-z0-9_.+/-]{20})"
    r"|(?:密码|密碼|口令|密钥|密鑰|验证码|驗證碼)(?:[\"'”]?)(?:将|應該|应该)?(?:是|为|為|設為|设为|設置为"
    r"|设置为|设置成|改为|改成|就是|：|:|=)[ ：:]{0,2}[\"'“‘「`*《（(]{0,3}"
    r"|(?:密码|密碼|口令)(?=[A-Za-z0-9@#$!]{6})"
)
_KEYS_SIGN: Final = signs.sign(f"(?:{'|'.join(map(signs.words, _KEYS_SIGNS))})[a-z0-9_.-]{{8}}")
_PEM_SIGN: Final = signs.sign("private key")
_WORD_SIGN: Final = signs.sign(
    signs.words(
        "password|passwd|passphrase|passcode|pwd|apikey|api key|api_key|api-key|secret|token|bearer|"
        "credential|pin |pin:|pin=|access key|access_key|accesskey|private key|private_key|privatekey|"
        "密码|密碼|口令|密钥|密鑰|验证码|驗證碼"
    )
)
# The words of the pattern with what stands between them and a value: most texts have the words alone.
_VALUED_SIGN: Final = signs.sign(
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|key|secret|token|bearer|credentials?|pin(?: code)?)"
    r"[\"'`*]{0,3} ?(?:[:=：]| (?:is|was|to|as))",
    "bearer ",
    "(?:密码|密碼|口令|密钥|密鑰|验证码|驗證碼)(?:[\"'”]?(?:将|應該|应该)?(?:[是为為：:=]|設為|设|設置|改|就是)|[a-z0-9@#$!])",
)
_MARK_SIGN: Final = signs.sign("[0-9@#$&^~]")
_VALUE: Final = re.compile(r"(?:[^\s\"'“”‘’`，。；、,;<>&（）《》「」]|&(?!\w{1,16}=)){4,160}")
_CLOSED: Final = {
    opening: re.compile(rf"[^\n{closing}]{{4,200}}(?=[{closing}])")
    for opening, closing in (('"', '"”'), ("“", '"”'), ("'", "'’"), ("‘", "'’"), ("`", "`"), ("「", "」"))
}
_CODE: Final = re.compile(
    r"[(\[{]|^[A-Za-z_]\w*\.[A-Za-z_]|^[A-Za-z_]\w*(?:\.\w+)+$|->|^[/.~]|^https?:|\.(?:txt|json|pem|env|key"
    r"|ya?ml)$"
)

SIGNS: Final = _KEYS_SIGN | _PEM_SIGN | _VALUED_SIGN


def recognise(text: str) -> Iterator[Span]:
    """Find keys, tokens, passwords and private keys."""
    seen = signs.read(text)
    text, held = seen.text, seen.held
    # A key holds digits; a password without a digit or a mark cannot be told from a word.
    if not held & _MARK_SIGN and "hf_" not in text:
        return
    if held & _KEYS_SIGN and (held & signs.DIGIT or "hf_" in text) and signs.holds(text, _KEYS_SIGNS):
        for match in _KEYS.finditer(text):
            if not is_placeholder(match[0]) and len(set(match[0])) > 8:
                yield Span(match.start(), match.end(), "secret", 0.97, _NAME)
    if held & _PEM_SIGN:
        yield from _private_keys(text)
    if held & _WORD_SIGN and held & _VALUED_SIGN:
        yield from _named(text)


def _private_keys(text: str) -> Iterator[Span]:
    """Find PEM blocks; one without an end reaches as far as its base64 does."""
    end = 0
    for match in _PEM.finditer(text):
        if match.start() < end:
            continue
        place = text.find("-----END", match.end(), match.end() + 8000)
        closing = _PEM_END.match(text, place) if place >= 0 else None
        if closing:
            end = closing.end()
        else:
            body = _PEM_BODY.match(text, match.end())
            end = match.start() + len(text[match.start() : body.end() if body else match.end()].rstrip())
        if end - match.end() >= 16:
            yield Span(match.start(), end, "secret", 0.99, _NAME)


def _named(text: str) -> Iterator[Span]:
    for match in _WORD.finditer(text):
        opening = match[0][-1]
        value = _CLOSED.get(opening, _VALUE).match(text, match.end())
        if value is None:
            continue
        found = value[0].rstrip(".:*)）")
        if _is_secret(found, opening in _CLOSED, match[0]):
            yield Span(value.start(), value.start() + len(found), "secret", 0.9, _NAME)


def _is_secret(value: str, quoted: bool, word: str) -> bool:
    """Tell whether a value is one in use, not a word for it, a sentence about it or code."""
    if len(value) < 4 or is_placeholder(value) or " " in value or not value.isascii():
        return False
    if not quoted and _CODE.search(value):
        return False
    digits = any(char.isdigit() for char in value)
    letters = any(char.isalpha() for char in value)
    marks = any(not char.isalnum() and char not in "_-." for char in value)
    if not digits and not (quoted and marks and letters and len(value) >= 8):
        # A password without a digit looks like a word; behind 密码是 or in quotation marks it needs two cases.
        return False
    if value.replace(".", "").replace(",", "").isdigit():
        # A count or a limit ("password: 8 characters"): only four to twelve plain digits behind an unquoted word are
        # a code.
        return value.isdigit() and 4 <= len(value) <= 12 and not re.search(r"(?i)token", word)
    return len(value) >= 6 or (digits and letters and marks)
