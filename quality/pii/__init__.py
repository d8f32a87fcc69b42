"""Personal data in a text: which stretches are personal, and of what kind; English and Chinese.

`RECOGNISERS` is the one place where recognisers are registered, this project's own and those built on libraries.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final

from quality.pii import (
    account,
    addresses_en,
    addresses_zh,
    identity,
    mail,
    moments,
    money,
    names_en,
    names_zh,
    network,
    papers,
    phone,
    secret,
    signs,
)
from quality.pii.spans import KINDS, Recogniser, Span, settle

__all__ = ["KINDS", "RECOGNISERS", "Recogniser", "Span", "find", "settle"]

RECOGNISERS: dict[str, tuple[frozenset[str], Recogniser]] = {
    "mail": (frozenset({"email"}), mail.recognise),
    "phone": (frozenset({"phone"}), phone.recognise),
    "identity": (frozenset({"cn_id", "credit_code", "ssn"}), identity.recognise),
    "money": (frozenset({"bank_card", "iban"}), money.recognise),
    "papers": (frozenset({"passport", "licence", "plate"}), papers.recognise),
    "network": (frozenset({"ip", "mac", "url_credentials"}), network.recognise),
    "secret": (frozenset({"secret"}), secret.recognise),
    "account": (frozenset({"handle"}), account.recognise),
    "moments": (frozenset({"birth_date", "coordinates"}), moments.recognise),
    "addresses_en": (frozenset({"address"}), addresses_en.find_addresses_en),
    "addresses_zh": (frozenset({"address"}), addresses_zh.find_addresses_zh),
    "names_en": (frozenset({"name"}), names_en.find_names_en),
    "names_zh": (frozenset({"name"}), names_zh.find_names_zh),
}
"""Each recogniser with the kinds that it may report."""


NEEDED: Final = {
    "mail": mail.SIGNS,
    "phone": phone.SIGNS,
    "identity": identity.SIGNS,
    "money": money.SIGNS,
    "papers": papers.SIGNS,
    "network": network.SIGNS,
    "secret": secret.SIGNS,
    "account": account.SIGNS,
    "moments": moments.SIGNS,
    "addresses_en": addresses_en.SIGNS,
    "addresses_zh": addresses_zh.SIGNS,
    "names_en": names_en.SIGNS,
    "names_zh": names_zh.SIGNS,
}
"""The signs of each recogniser: it finds nothing in a text that holds none of them, so it is not asked."""


def find(text: str, kinds: Collection[str] = frozenset(KINDS)) -> list[Span]:
    """Return the personal data of a text: spans of the wanted kinds that do not overlap, in order."""
    wanted = frozenset(kinds)
    held = signs.read(text).held
    found: list[Span] = []
    for needed, recognise in _asked(wanted):
        if held & needed:
            found += recognise(text)
    return settle(span for span in found if span.kind in wanted) if found else []


@lru_cache(maxsize=64)
def _asked(kinds: frozenset[str]) -> tuple[tuple[int, Recogniser], ...]:
    """Return the recognisers that may report one of the kinds, each with its signs."""
    return tuple(
        (NEEDED[name], recognise)
        for name, (reports, recognise) in RECOGNISERS.items()
        if not reports.isdisjoint(kinds)
    )
