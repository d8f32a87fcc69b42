"""Which surrogate stands for which entity, and which stretches of a text are surrogates of ours.

A surrogate is a function of the key, the kind and the entity alone (HMAC-SHA256), so it does not depend on the
order of records, on workers, or on what else the dataset holds. Ranges that harm nobody are small (a hundred
numbers per area code), so two entities may share a surrogate; no surrogate tells anything of its entity to who
has not the key. Rejected: a table of what was replaced by what (it would be the most dangerous file of the
build), numbering by order of appearance.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

from quality.scrub.numbers import NUMBERS, Draw, phone_of, plain
from quality.scrub.tags import Stretch, numbered_tag
from quality.scrub.words import WORDS, address, email, handle, name, patterns

_ONE_NUMBER = frozenset(NUMBERS) - {"birth_date", "coordinates", "ip"}


def entity_of(kind: str, text: str) -> str:
    """Return what of a text tells one entity of a kind from another: not case, width, spaces, +86."""
    if kind == "phone":
        return phone_of(text)
    if kind in _ONE_NUMBER:
        return plain(text)
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def surrogate(kind: str, text: str, key: bytes) -> str:
    """Return the surrogate of an entity.

    Args:
        kind: a kind of `quality.pii`, or one that a recipe made up.
        text: the entity as it is written.
        key: the secret of the dataset's owner.
    """

    def digest(of: str, entity: str) -> bytes:
        return hmac.new(key, f"{of}\x1f{entity}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    if kind == "name":
        return name(text, digest)
    entity = digest(kind, entity_of(kind, text))
    draw = Draw(entity)
    if kind in NUMBERS:
        return NUMBERS[kind][0](text, draw)
    match kind:
        case "email":
            return email(draw)
        case "address":
            return address(text, draw)
        case "handle":
            return handle(text, draw)
        case "url_credentials":
            return f"https://example.org/{entity[:4].hex()}"
        case "secret":
            return f"EXAMPLE-SECRET-{entity[:6].hex()}"
    return numbered_tag(kind, entity)


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    known = {**{kind: pattern for kind, (_, pattern) in NUMBERS.items()}, **patterns()}
    return {kind: re.compile(pattern) for kind, pattern in known.items()}


_SIGNS = {
    "email": ("@example.",), "handle": ("user_", "000"), "url_credentials": ("https://example.org/",),
    "secret": ("EXAMPLE-SECRET-",), "address": ("stead", "云岫市"), "iban": ("TEST",), "mac": ("00:00:5E:00:53:",),
    "birth_date": ("1900",), "licence": ("LIC-00",), "passport": ("Z00",), "credit_code": ("91999999",),
    "bank_card": ("400000", "0000"), "ssn": ("666-",), "plate": ("京I", "QQ"), "coordinates": ("0.00",),
    "ip": ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8::"), "cn_id": ("99",),
}  # fmt: skip
"""By kind: a surrogate of ours holds one of these; a text without them need not be searched."""


def surrogates_in(text: str, kinds: Collection[str]) -> list[Stretch]:
    """Return where surrogates of these kinds stand; stretches of several kinds may overlap."""
    known = _patterns()
    return [
        match.span()
        for kind in kinds
        if kind in known and (kind not in _SIGNS or any(sign in text for sign in _SIGNS[kind]))
        for match in known[kind].finditer(text)
    ]


HAVE_SURROGATES = frozenset((*NUMBERS, *WORDS))
"""The kinds with surrogates of their own; all others get a numbered tag."""
