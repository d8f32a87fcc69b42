"""Asks an existing detector about the few texts of which the letter statistics are unsure.

lingua is the default: it can be held to the two or three languages in question, which makes it right more
often and three times as fast. langdetect cannot be held to a choice, knows neither Malay nor Latin, and takes
2.7% of Chinese sentences for Korean; it is there for comparison and for those who already rely on it. Both
are imported when first asked. Numbers: docs/language.md.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypeAlias

Library: TypeAlias = Literal["lingua", "langdetect", "none"]

_TO_OURS = {"zh-cn": "zh", "zh-tw": "zh", "no": "nb"}


def ask(library: Library, text: str, candidates: tuple[str, ...]) -> tuple[str, float]:
    """Return the library's choice among languages and its confidence, or ("", 0.0) if it has none.

    Args:
        text: prose, lower or upper case.
        candidates: ISO 639-1 codes, two at least.

    Raises:
        ModuleNotFoundError: the library is not installed.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")  # lingua takes no lone surrogate
    if library == "lingua":
        return _lingua(text, tuple(sorted(candidates)))
    return _langdetect(text, candidates) if library == "langdetect" else ("", 0.0)


def _lingua(text: str, candidates: tuple[str, ...]) -> tuple[str, float]:
    values = _lingua_detector(candidates).compute_language_confidence_values(text)
    if not values or values[0].value <= 0:
        return "", 0.0
    return values[0].language.iso_code_639_1.name.lower(), float(values[0].value)


@cache
def _lingua_detector(candidates: tuple[str, ...]) -> Any:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in candidates]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()


def _langdetect(text: str, candidates: tuple[str, ...]) -> tuple[str, float]:
    from langdetect.lang_detect_exception import LangDetectException

    detector = _langdetect_factory().create()
    detector.append(text)
    detector.seed = 0  # it draws samples; a fixed seed gives a text one answer
    try:
        found = detector.get_probabilities()
    except LangDetectException:
        return "", 0.0
    named = [(_TO_OURS.get(item.lang, item.lang), float(item.prob)) for item in found]
    return next((item for item in named if item[0] in candidates), ("", 0.0))


@cache
def _langdetect_factory() -> Any:
    from langdetect import detector_factory

    detector_factory.init_factory()
    return detector_factory._factory
