"""Tells which languages a prompt asks for or speaks of: "in French", "用英语回答", "translate this".

An answer in a language that the prompt names is no fault, whatever the prompt's own language. The names are a
table in `names.txt`; any of them excuses, even where it stands by chance, because a false drop costs a record
and a missed one is caught by a reader. Rejected: parsing the request (a dozen ways to say it a language).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

ANY = "*"
"""Stands for all languages: the prompt translates or compares, and does not say between which."""
_LONGEST = 6_000

_ANY_LANGUAGE = re.compile(
    r"translat|interpreter|multilingual|bilingual|foreign (?:language|word|phrase)|(?:other|another|different|two|"
    r"three|second|any|several|various|native) languages?\b|detect(?: the)? language|what language|which language|"
    r"loanword|mother tongue|locali[sz]e|target (?:language|culture)|本地化|"
    r"翻译|翻譯|译文|译为|译成|直译|意译|双语|雙語|多语|多种语言|多國語言|外语|外文|外語|"
    r"哪种语言|什么语言|何种语言|另一种语言|其他语言|母语|语种|traduc|tradui|übersetz|перевед|перевод|번역|翻訳"
)
_ANSWER_EN = re.compile(
    r"(?<!how to )(?<!how do i )(?<!how can i )(?<!how should i )\b(?:answer|reply|respond|your (?:answer|reply|"
    r"response)(?: must be| should be)?)(?: (?!in\b)[a-z]+){0,4} in ([a-z]+)\b"
)
_ANSWER_ZH = re.compile(
    r"(?<!何)(?<!怎么)(?<!怎样)(?:用|以|使用)([\u4e00-\u9fff]{2,5}?)(?:来|进行)?(?:回答|回复|作答|答复)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a prompt says about languages.

    Args:
        named: codes of the languages it names, and `ANY` where it translates without naming one.
        answer_in: codes of the languages in which it says the answer is to be written.
    """

    named: frozenset[str] = frozenset()
    answer_in: frozenset[str] = frozenset()


def asked(prompt: str) -> Asked:
    """Return which languages a prompt names, and in which it wants its answer."""
    lowered = prompt[:_LONGEST].lower()
    by_word, by_part = _names()
    words = set(_WORD.findall(lowered))
    named = {code for word in words & by_word.keys() for code in by_word[word]}
    if not lowered.isascii():
        named |= {code for part, codes in by_part.items() if part in lowered for code in codes}
    if not named and _ANY_LANGUAGE.search(lowered):
        named = {ANY}
    return Asked(frozenset(named), answer_in(lowered))


def answer_in(lowered: str) -> frozenset[str]:
    """Return the languages in which a lower-cased prompt says that the answer is to be written."""
    by_word, by_part = _names()
    codes: set[str] = set()
    if " in " in lowered:
        for name in _ANSWER_EN.findall(lowered):
            codes.update(by_word.get(name, ()))
    if "答" in lowered or "复" in lowered:
        for name in _ANSWER_ZH.findall(lowered):
            codes.update(by_part.get(name, ()))
    return frozenset(codes)


@cache
def known_languages() -> tuple[str, ...]:
    """Return the ISO 639-1 codes of all languages in `names.txt`, sorted."""
    return tuple(sorted(_table()))


_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@cache
def _names() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return name -> codes, for names that stand as words and for those in scripts without spaces."""
    by_word: dict[str, tuple[str, ...]] = {}
    by_part: dict[str, tuple[str, ...]] = {}
    for code, names in _table().items():
        for name in names:
            target = by_part if _UNSPACED.search(name) else by_word
            target[name] = (*target.get(name, ()), code)
    return by_word, by_part


@cache
def _table() -> dict[str, tuple[str, ...]]:
    lines = (files(__package__) / "names.txt").read_text(encoding="utf-8").splitlines()
    entries = (line.partition(" = ") for line in lines if line and not line.startswith("#"))
    return {code: tuple(dict.fromkeys(names.replace("|", " ").split())) for code, _, names in entries}
