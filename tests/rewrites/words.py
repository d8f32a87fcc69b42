"""What the rules know of a language: its tables, where its words end, and what is code.

The tables are YAML beside this file. A rule never guesses: what is not in a table is not replaced.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

HERE = Path(__file__).parent

Record = dict[str, str]
"""One record: `instruction`, `input` and `output`."""

_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN_WORDS = re.compile(r"[A-Za-z]{2,}")
_CODE = re.compile(r"[{};_]|\w\(|=|&&|\|\||[<>]|\bSELECT\b|\bdef\b|https?:|\w+\.\w+\(|`|\\")


def language_of(record: Record) -> str:
    """Return "zh" where the instruction begins in Chinese or has more of its characters than Latin words, else "en"."""
    text = record["instruction"]
    if len(_HAN.findall(text[:10])) >= 4:
        return "zh"
    return "zh" if len(_HAN.findall(text)) > len(_LATIN_WORDS.findall(text)) else "en"


@functools.cache
def tables(lang: str) -> dict[str, Any]:
    """Return the tables of a language."""
    read: dict[str, Any] = YAML(typ="safe").load(HERE / f"tables_{lang}.yaml")
    return read


@functools.cache
def known_words() -> frozenset[str]:
    """Return the English words of the base records: a slip that makes one of them is no slip."""
    text = (HERE / "bases_en.jsonl").read_text(encoding="utf-8").lower()
    return frozenset(re.findall(r"[a-z]+", text))


def looks_like_code(text: str) -> bool:
    """Return whether case, width or line breaks of a text may carry meaning."""
    return bool(_CODE.search(text))


def word(term: str, lang: str) -> re.Pattern[str]:
    """Return what finds a term of a table as a whole word, beside none of the words that change its sense."""
    rules = tables(lang)
    after = "".join(rf"(?!\s*{re.escape(one)})" for one in rules["not_before"].get(term, ()))
    space = r"\s" if lang == "en" else ""
    before = "".join(
        rf"(?<!{re.escape(one)}{space})(?<!{re.escape(one.capitalize())}{space})"
        for one in rules["not_after"].get(term, ())
    )
    left = r"(?<![A-Za-z-])" if term[0].isascii() else ""
    right = r"(?![A-Za-z-])" if term[-1].isascii() and term[-1].isalpha() else ""
    return re.compile(before + left + re.escape(term) + right + after)


def groups(lang: str, name: str) -> list[list[str]]:
    """Return the groups of a table."""
    found: list[list[str]] = tables(lang)[name]
    return found


@functools.cache
def terms(lang: str, name: str) -> tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...]:
    """Return the terms of a table of groups, each with what finds it and what may stand in its place."""
    return tuple(
        (term, word(term, lang), tuple(other for other in group if other != term))
        for group in groups(lang, name)
        for term in group
    )


def as_written(found: str, term: str) -> str:
    """Return a term with a capital where the word it replaces had one."""
    return term[0].upper() + term[1:] if found[:1].isupper() else term
