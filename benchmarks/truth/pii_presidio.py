"""Presidio as the peer: its pattern recognisers for English and Chinese over a blank tokenizer, no NER, no network.

Each recogniser is given both languages and the phone recogniser Chinese numbers as well, which is kinder than its
default. Kinds that it has and the rule does not call personal (URLs, dates, crypto wallets) are left out of the
comparison.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from quality.pii import Span

KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "bank_card",
    "US_BANK_NUMBER": "bank_card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "US_ITIN": "ssn",
    "US_DRIVER_LICENSE": "licence",
    "MEDICAL_LICENSE": "licence",
    "UK_NHS": "licence",
    "US_PASSPORT": "passport",
    "UK_PASSPORT": "passport",
    "UK_VEHICLE_REGISTRATION": "plate",
    "IP_ADDRESS": "ip",
    "MAC_ADDRESS": "mac",
}
"""Presidio's names for kinds of ours."""
NAMES = (
    *("CreditCardRecognizer", "EmailRecognizer", "IbanRecognizer", "IpRecognizer", "MacAddressRecognizer"),
    *(
        "PhoneRecognizer",
        "UsSsnRecognizer",
        "UsItinRecognizer",
        "UsLicenseRecognizer",
        "UsPassportRecognizer",
    ),
    *(
        "UsBankRecognizer",
        "NhsRecognizer",
        "MedicalLicenseRecognizer",
        "UkPassportRecognizer",
        "UkVehicleRegistrationRecognizer",
    ),
)
THRESHOLD = 0.35  # that of presidio's own demonstration


def build() -> Callable[[str, str], list[Span]]:
    """Return a function from a text and its language to the spans that presidio finds."""
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())  # else its first use fetches a list
    engine = SpacyNlpEngine(models=[{"lang_code": lang, "model_name": "blank"} for lang in ("en", "zh")])
    engine.nlp = {lang: spacy.blank(lang) for lang in ("en", "zh")}
    registry = RecognizerRegistry(recognizers=_recognisers(), supported_languages=["en", "zh"])
    analyzer = AnalyzerEngine(
        registry=registry,
        nlp_engine=engine,
        supported_languages=["en", "zh"],
        default_score_threshold=THRESHOLD,
    )

    def find(text: str, lang: str) -> list[Span]:
        found = analyzer.analyze(text, language=lang)
        return [
            Span(r.start, r.end, KINDS[r.entity_type], r.score, "presidio")
            for r in found
            if r.entity_type in KINDS
        ]

    return find


def _recognisers() -> list[Any]:
    """Return presidio's pattern recognisers whose kinds we share, one of each for each language."""
    from presidio_analyzer import predefined_recognizers as predefined

    built = []
    for name in NAMES:
        kind = getattr(predefined, name, None)
        if kind is None:
            continue
        for lang in ("en", "zh"):
            extra: dict[str, Any] = {"supported_language": lang}
            if "supported_regions" in inspect.signature(kind).parameters:
                extra["supported_regions"] = ("US", "GB", "DE", "FR", "IT", "ES", "IN", "CN")
            built.append(kind(**extra))
    return built
