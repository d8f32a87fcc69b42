"""Rules that make look-alikes: one small change after which a prompt asks for something else.

Each rule is a function from a record to its variants: one, or two that differ in what the rule names, or none
where what it would change is not there. What is changed stands in the instruction, or in an input short enough that
every word of it matters; in a long text a changed number may change nothing in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from tests.rewrites.words import Record, as_written, looks_like_code, tables, terms

SHORT = {"en": 160, "zh": 40}
"""Characters up to which an instruction or an input is changed."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A changed record, and what was replaced by what (both empty where something was added)."""

    record: Record
    old: str = ""
    new: str = ""


Rule = Callable[[Record, str, Random], tuple[Variant, ...]]
"""(base record, "en" or "zh", chance) -> variants."""

_NUMBER_EN = re.compile(r"(?<![\w.,:/#$€£+*=<>-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w:/+*=<>-]|[.,]\d|\.\s|\)|°)")
_NUMBER_ZH = re.compile(
    r"(?<![\dA-Za-z.,:/#+*=<>-])\d+(?:\.\d+)?(?![\dA-Za-z:/+*=<>-]|[.,]\d|\.\s|[)）、．])"
)
_QUESTION_EN = re.compile(
    r"(?i)^(?:is|are|was|were|can|could|do|does|did|should|will|would|has|have|must|may|isn't|aren't|don't you)\b"
    r"|\bwhether\b|\b(?:tell|see|check|know|determine|decide|say|identify|verify|find out|indicate)(?: me)? if\b"
    r"|, (?:is|are|can|do|does|should) |\bwhy (?:don't|not)\b|\btrue or false\b"
)
_QUESTION_ZH = re.compile(
    r"吗|是否|还是|与否|对错|真假|(.)不\1|有没有|可不可以|(.).不\2.|没有？|不(?:得不|仅|但|只)"
)
_DETERMINER = "the|a|my|your|his|her|its|our|their|every|each"
_OPERATOR = re.compile(r"(?<=[A-Za-z0-9_)\]]) (\+|-|\*|/|<=|>=|==|!=|<|>|&&|\|\|) (?=[A-Za-z0-9_(])")
_MATH_DASH = re.compile(r"(?:\d|\b[a-z]|[)\]]) [-/] (?:\d|[a-z]\b|\()")
_CODE_WORDS = re.compile(r"[=;{}<>]|\breturn\b|\bprint\b|\w\(|\bfunction\b|&&|\|\||函数|\d|代码|表达式")


def _places(record: Record, lang: str) -> Iterator[str]:
    for field in ("instruction", "input"):
        if record[field] and len(record[field]) <= SHORT[lang]:
            yield field


def _once(record: Record, found: str) -> bool:
    """Return whether a text stands in the prompt once: where it stands twice, changing one contradicts the other."""
    prompt = f"{record['instruction']}\n{record['input']}".lower()
    return len(re.findall(rf"(?<![0-9a-z]){re.escape(found.lower())}(?![0-9a-z])", prompt)) <= 1


def _replaced(record: Record, field: str, start: int, end: int, new: str) -> Variant:
    text = record[field]
    return Variant({**record, field: text[:start] + new + text[end:]}, text[start:end], new)


def _one_of(found: list[Variant], chance: Random) -> tuple[Variant, ...]:
    return (chance.choice(found),) if found else ()


def _swapped(record: Record, lang: str, table: str, chance: Random) -> tuple[Variant, ...]:
    """Replace one term of a table of groups by another of its group that the prompt does not hold."""
    prompt = f"{record['instruction']}\n{record['input']}"
    found: list[Variant] = []
    for field in _places(record, lang):
        for _, pattern, others in terms(lang, table):
            absent = [one for one in others if one.lower() not in prompt.lower()]
            match = pattern.search(record[field])
            if match and absent and _once(record, match[0]):
                new = chance.choice(absent)
                found.append(_replaced(record, field, match.start(), match.end(), new))
    return _one_of(found, chance)


def entity(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another place, person, work, product or day of the week."""
    return _swapped(record, lang, "entity", chance)


def thing(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another thing of the same kind: an animal, a fruit, a device, a trade."""
    return _swapped(record, lang, "thing", chance)


def number(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """The last digit of a number is another one; numbers of list items, times, dates and code are left alone."""
    pattern = _NUMBER_ZH if lang == "zh" else _NUMBER_EN
    found: list[Variant] = []
    for field in _places(record, lang):
        for match in pattern.finditer(record[field]):
            digits = match[0]
            if not _once(record, digits):
                continue
            last = chance.choice([one for one in "123456789" if one != digits[-1]])
            found.append(_replaced(record, field, match.start(), match.end(), digits[:-1] + last))
    return _one_of(found, chance)


def number_word(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another number word; in Chinese only before a measure word, and never 一."""
    words: list[str] = tables(lang)["number_word"]
    if lang == "zh":
        after = "|".join(tables(lang)["number_word_after"])
        pattern = re.compile(
            rf"(?<![第一二两三四五六七八九十百千周期])[两三四五六七八九十](?={after})(?!国|角|人称)"
        )
    else:
        pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])(?! of (?:them|us|you)\b)", re.I)
    found: list[Variant] = []
    for field in _places(record, lang):
        for match in pattern.finditer(record[field]):
            value = words.index(match[0].lower().replace("两", "二"))
            other = words[value + 1 if value + 1 < len(words) else value - 1]
            new = as_written(match[0], other)
            if _once(record, match[0]):
                found.append(_replaced(record, field, match.start(), match.end(), new))
    return _one_of(found, chance)


def unit(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another unit after a number; a year of four digits is no quantity."""
    prompt = f"{record['instruction']}\n{record['input']}"
    if lang == "zh":
        digits = r"(?<![\d.])\d{1,3}(?:\.\d+)?|\d{4,}(?!\s*年)"
        amount = rf"(?<!第)(?:{digits}|[一二两三四五六七八九十百千])\s*[万亿个]?\s*"
    else:
        counts = "|".join([*tables(lang)["number_word"], "hundred", "thousand", "many"])
        amount = rf"(?:\d|\b(?:{counts}))(?: |-)?"
    found: list[Variant] = []
    for field in _places(record, lang):
        taken: set[int] = set()
        for term, _, others in sorted(terms(lang, "unit"), key=lambda one: -len(one[0])):
            match = re.search(rf"{amount}({re.escape(term)})(?![A-Za-z])", record[field])
            if match is None or match.start(1) in taken:
                continue
            following = tables(lang)["not_before"].get(term, ())
            if any(record[field].startswith(one, match.end()) for one in following):
                continue
            taken.add(match.start(1))
            absent = [one for one in others if not re.search(rf"(?<![a-z]){re.escape(one)}(?![a-z])", prompt)]
            if absent and _once(record, term):
                found.append(_replaced(record, field, match.start(1), match.end(1), chance.choice(absent)))
    return _one_of(found, chance)


def ordinal(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another ordinal: the first, my second, 1st; 第一, 第二."""
    if lang == "en" and not re.search(rf"\b(?:{_DETERMINER}) \w*(?:st|nd|rd|th)\b", record["instruction"]):
        return ()
    return _swapped(record, lang, "ordinal", chance)


def opposite(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """A word becomes its opposite, where the text names no opposite of it."""
    prompt = f"{record['instruction']} {record['input']}"
    pairs = [*terms(lang, "opposite"), *terms(lang, "opposite_one_way")[::2]]
    found: list[Variant] = []
    for field in _places(record, lang):
        for term, pattern, (other,) in pairs:
            match = re.search(pattern.pattern, record[field], re.I)
            if match is None or not _once(record, match[0]):
                continue
            against = [one for name, _, (one,) in pairs if name == term]
            if not any(re.search(rf"(?<![A-Za-z]){re.escape(one)}", prompt, re.I) for one in against):
                new = as_written(match[0], other)
                found.append(_replaced(record, field, match.start(), match.end(), new))
    return _one_of(found, chance)


def negation(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """A "not" put in or taken out; not in a yes/no question, which asks the same with and without it."""
    text = record["instruction"]
    if len(text) > SHORT[lang]:
        return ()
    if (_QUESTION_ZH if lang == "zh" else _QUESTION_EN).search(text):
        return ()
    found: list[Variant] = []
    for pattern, replacement in tables(lang)["negation"]:
        match = re.search(pattern, text)
        if match:
            new = match.expand(replacement)
            found.append(
                Variant({**record, "instruction": text[: match.start()] + new + text[match.end() :]})
            )
    return _one_of(found, chance)


def wanted_language(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another language to answer in; where none is named, two variants that name different ones."""
    rules = tables(lang)["wanted_language"]
    names: list[str] = rules["names"]
    text = record["instruction"]
    for name in names:
        match = re.search(rules["near"].format(name=name), text)
        if match:
            start = match.start() + match[0].index(name)
            other = chance.choice([one for one in names if one not in text])
            return (_replaced(record, "instruction", start, start + len(name), other),)
    known = [*names, "English", "中文", "汉语", "英文", "译", "ranslat", "文言", "语言", "language"]
    if any(name in text + record["input"] for name in known) or looks_like_code(text) or "\n" in text:
        return ()
    end = "" if text.rstrip()[-1:] in ".?!。？！" else ("。" if lang == "zh" else ".")
    chosen = chance.sample(names, 2)
    return tuple(
        Variant({**record, "instruction": text.rstrip() + end + rules["append"].format(name=name)})
        for name in chosen
    )


def operator(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Another operator between two operands: + for -, < for <=; a dash between words is none."""
    others: dict[str, str] = tables(lang)["operator"]
    found: list[Variant] = []
    for field in _places(record, lang):
        text = record[field]
        if not _CODE_WORDS.search(text):
            continue
        for match in _OPERATOR.finditer(text):
            around = text[max(0, match.start() - 1) : match.end() + 2]
            if match[1] in "-/" and not _MATH_DASH.search(around):
                continue
            found.append(_replaced(record, field, match.start(1), match.end(1), others[match[1]]))
    return _one_of(found, chance)


def other_instruction(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """The same input under an instruction that asks for something else."""
    if not record["input"] or looks_like_code(record["input"]) or len(record["input"]) < 8:
        return ()
    asked = record["instruction"].lower()
    fitting = [
        instruction
        for instruction, stems in tables(lang)["instruction"]
        if not any(stem in asked for stem in stems)
    ]
    return (Variant({**record, "instruction": chance.choice(fitting)}),) if fitting else ()


def short(record: Record, lang: str, chance: Random) -> tuple[Variant, ...]:
    """Two short prompts that differ in their only term; of the base they keep the response alone.

    A pair of terms has one frame: "Gravity?" and "Define gravity" would ask for the same.
    """
    rules = tables(lang)["short"]
    pair: list[str] = chance.choice(rules["terms"])
    frames: list[str] = [*rules["frames"], *rules["input_frames"]]
    frame = frames[rules["terms"].index(pair) % len(frames)]
    if frame in rules["input_frames"]:
        return tuple(Variant({**record, "instruction": frame, "input": term}) for term in pair)
    return tuple(Variant({**record, "instruction": frame.format(term=term), "input": ""}) for term in pair)


SHARE = {"short": 0.1, "wanted_language": 0.1, "other_instruction": 0.5}
"""The share of records a rule is tried on, where it applies to nearly all: so that it does not outweigh the others."""

RULES: dict[str, Rule] = {
    "number": number,
    "number_word": number_word,
    "unit": unit,
    "negation": negation,
    "entity": entity,
    "thing": thing,
    "ordinal": ordinal,
    "opposite": opposite,
    "wanted_language": wanted_language,
    "operator": operator,
    "other_instruction": other_instruction,
    "short": short,
}
