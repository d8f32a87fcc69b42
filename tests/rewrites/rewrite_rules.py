"""Rules that make rewrites: other letters for the same request, after which the same answer is right.

Each rule is a function from a record to a rewritten one, or None where it does not apply. Code is left alone:
there case, width and line breaks carry meaning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from tests.rewrites.words import Record, known_words, looks_like_code, tables, terms

Rule = Callable[[Record, str, Random], Record | None]
"""(base record, "en" or "zh", chance) -> the rewritten record."""

_ASCII_TO_CJK = str.maketrans(",?!:;", "，？！：；")
_CJK_TO_ASCII = str.maketrans("，。？！：；（）", ",.?!:;()")
_TO_FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_TO_FULL_LETTERS = {code: wide for code, wide in _TO_FULL.items() if chr(code).isalnum()}
_TO_HALF = {wide: code for code, wide in _TO_FULL.items()}
_FINAL = re.compile(r"[.?!。？！]$")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_LONG_WORD = re.compile(r"(?<![\w'-])[a-z]{6,}(?![\w'-])")
_HAN_WRAP = re.compile(r"(?<=[\u4e00-\u9fff，、])(?=[\u4e00-\u9fff])")


def _in_prompt(record: Record, change: Callable[[str], str], response_too: bool = False) -> Record | None:
    """Apply a change to every text of the prompt that is no code, and say whether anything came of it."""
    fields = ("instruction", "input", "output") if response_too else ("instruction", "input")
    made = {name: text if looks_like_code(text) else change(text) for name, text in record.items()}
    made = {**record, **{name: made[name] for name in fields}}
    same = made["instruction"] == record["instruction"] and made["input"] == record["input"]
    return None if same or looks_like_code(record["instruction"]) else made


def upper_case(record: Record, lang: str, chance: Random) -> Record | None:
    """Every letter of the prompt is a capital; in Chinese, of the Latin words in it."""
    if not _LATIN_WORD.search(record["instruction"]):
        return None
    return _in_prompt(record, str.upper)


def lower_case(record: Record, lang: str, chance: Random) -> Record | None:
    """No letter of the prompt and of the response is a capital."""
    if not _LATIN_WORD.search(record["instruction"]):
        return None
    return _in_prompt(record, str.lower, response_too=True)


def width(record: Record, lang: str, chance: Random) -> Record | None:
    """Letters and digits of the prompt full-width, or half-width where they were full-width."""

    def other(text: str) -> str:
        narrow = text.translate(_TO_HALF) if lang == "en" else text
        wide = text.translate(_TO_FULL if lang == "en" else _TO_FULL_LETTERS)
        return wide if wide != text else narrow

    return _in_prompt(record, other)


def no_final_mark(record: Record, lang: str, chance: Random) -> Record | None:
    """The instruction ends without its full stop or question mark."""
    if not _FINAL.search(record["instruction"]) or record["instruction"].endswith(".."):
        return None
    return {**record, "instruction": record["instruction"][:-1]}


def doubled_mark(record: Record, lang: str, chance: Random) -> Record | None:
    """The final mark of the instruction stands two or three times."""
    if not _FINAL.search(record["instruction"]):
        return None
    return {
        **record,
        "instruction": record["instruction"] + record["instruction"][-1] * chance.choice((1, 2)),
    }


def other_marks(record: Record, lang: str, chance: Random) -> Record | None:
    """Chinese marks for ASCII ones, or ASCII marks for Chinese ones."""
    if lang == "en":
        return _in_prompt(record, lambda text: re.sub(r"(?<!\d)[,?!:;](?!\d)", _wide_mark, text))
    return _in_prompt(record, lambda text: text.translate(_CJK_TO_ASCII), response_too=chance.random() < 0.5)


def _wide_mark(match: re.Match[str]) -> str:
    return match[0].translate(_ASCII_TO_CJK)


def line_breaks(record: Record, lang: str, chance: Random) -> Record | None:
    """The prompt is wrapped, as in a mail: some line breaks where a space, or in Chinese nothing, was."""

    def wrap(text: str) -> str:
        places = [
            match.span()
            for match in (_HAN_WRAP if lang == "zh" else re.compile(r"(?<=\S) (?=\S)")).finditer(text)
        ]
        for start, end in reversed(places[7::8] or places[-1:]):
            text = f"{text[:start]}\n{text[end:]}"
        return text

    return _in_prompt(record, wrap)


def double_spaces(record: Record, lang: str, chance: Random) -> Record | None:
    """Spaces are doubled, and some stand before and after the texts."""

    def spread(text: str) -> str:
        return "  " + re.sub(r"(?<=\S) (?=\S)", "  ", text) + " " if text else text

    return _in_prompt(record, spread, response_too=chance.random() < 0.5)


def typo(record: Record, lang: str, chance: Random) -> Record | None:
    """One slip in one word of the instruction that is neither a name nor code nor in a table of look-alikes."""
    text = record["instruction"]
    if looks_like_code(text) or '"' in text:
        return None
    return _typo_zh(record, text, chance) if lang == "zh" else _typo_en(record, text, chance)


def _typo_en(record: Record, text: str, chance: Random) -> Record | None:
    kept = {
        part
        for table in ("entity", "thing", "unit", "ordinal", "opposite")
        for term, _, _ in terms("en", table)
        for part in term.lower().split()
    }
    places = [match for match in _LONG_WORD.finditer(text) if match[0] not in kept]
    if not places:
        return None
    match = chance.choice(places)
    found, at = match[0], chance.randrange(1, len(match[0]) - 2)
    beside: dict[str, str] = tables("en")["typo"]["beside"]
    slips = [
        found[:at] + found[at + 1] + found[at] + found[at + 2 :],
        found[:at] + found[at + 1 :],
        found[:at] + found[at] * 2 + found[at + 1 :],
        found[:at] + beside[found[at]] + found[at + 1 :],
    ]
    made = chance.choice([slip for slip in slips if slip not in known_words()])
    return {**record, "instruction": text[: match.start()] + made + text[match.end() :]}


def _typo_zh(record: Record, text: str, chance: Random) -> Record | None:
    rules = tables("zh")["typo"]
    slips: dict[str, str] = rules["homophone"]
    found = [text.replace(right, slip, 1) for right, slip in slips.items() if right in text]
    found += [text.replace(particle, particle * 2, 1) for particle in rules["particles"] if particle in text]
    if re.search(r"(?<=[\u4e00-\u9fff])的(?=[\u4e00-\u9fff]{2})", text) and "目的" not in text:
        found.append(re.sub(r"(?<=[\u4e00-\u9fff])的(?=[\u4e00-\u9fff]{2})", "", text, count=1))
    return {**record, "instruction": chance.choice(found)} if found else None


def verb(record: Record, lang: str, chance: Random) -> Record | None:
    """Another verb of request of the same class, at the beginning of the instruction."""
    text = record["instruction"]
    for pattern, replacement in tables(lang)["verb"]:
        match = (re.match if lang == "en" else _near_beginning)(pattern, text)
        if match is None:
            continue
        if isinstance(replacement, dict):
            made = next(new for old, new in replacement.items() if match[0].startswith(old))
        else:
            made = match.expand(replacement) if lang == "zh" else replacement
        return {**record, "instruction": text[: match.start()] + made + text[match.end() :]}
    return None


def _near_beginning(pattern: str, text: str) -> re.Match[str] | None:
    found = re.search(pattern, text)
    return found if found and (found.start() <= 2 or found[0] in ("如何", "怎样", "怎么")) else None


RULES: dict[str, Rule] = {
    "upper_case": upper_case,
    "lower_case": lower_case,
    "width": width,
    "no_final_mark": no_final_mark,
    "doubled_mark": doubled_mark,
    "other_marks": other_marks,
    "line_breaks": line_breaks,
    "double_spaces": double_spaces,
    "typo": typo,
    "verb": verb,
}
