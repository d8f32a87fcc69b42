"""Personal data in a text: which stretches are personal, and of what kind; English and Chinese.

`RECOGNISERS` is the one place where recognisers are registered, this project's own and those built on libraries.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from quality.pii import account, identity, mail, moments, money, network, papers, phone, secret
from quality.pii.addresses_en import find_addresses_en
from quality.pii.addresses_zh import find_addresses_zh
from quality.pii.names_en import find_names_en
from quality.pii.names_zh import find_names_zh
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
    "addresses_en": (frozenset({"address"}), find_addresses_en),
    "addresses_zh": (frozenset({"address"}), find_addresses_zh),
    "names_en": (frozenset({"name"}), find_names_en),
    "names_zh": (frozenset({"name"}), find_names_zh),
}
"""Each recogniser with the kinds that it may report."""


DIGITS_NEEDED: Final = frozenset({"phone", "identity", "money", "papers"})
"""Recognisers that find nothing in a text without a digit, as every other text is."""

_DIGIT = re.compile(r"\d")


def find(text: str, kinds: Collection[str] = frozenset(KINDS)) -> list[Span]:
    """Return the personal data of a text: spans of the wanted kinds that do not overlap, in order."""
    has_digits = _DIGIT.search(text) is not None
    found = [
        span
        for name, (reports, recognise) in RECOGNISERS.items()
        if (has_digits or name not in DIGITS_NEEDED) and not reports.isdisjoint(kinds)
        for span in recognise(text)
        if span.kind in kinds
    ]
    return settle(found)
