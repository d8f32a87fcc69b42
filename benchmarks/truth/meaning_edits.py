"""Edits of a sentence that are declared by rule: each says whether it keeps the meaning, whatever scores it.

A rule takes a sentence and a seeded chance and returns the edited sentence, or None where it does not apply. Words
come from `meaning_tables.yaml`, never from the lexicons of `quality/`. Rejected: edits made by a model, which
nobody would have labelled.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

Edit = Callable[[str, random.Random], str | None]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_HAN = "零一二三四五六七八九十"
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|may|might|has|have|had|must)\b(?! not)"
)
_NOT = re.compile(
    r"\b(is|are|was|were|can|could|will|would|should|may|do|does|did|has|have) ?not\b|\b(\w+)n't\b"
)
_CLAUSE_EN = re.compile(
    r"^(If|When|While|Although|Though|Because|Since|After|Before|As|In|On|At|By|For|During) ([^,]{4,80}), "
    r"(?!and|or)([^,]{8,})([.?!])$"
)
_LIST = re.compile(r"(\w{4,}), (\w{4,}),? and (\w{4,})")
_THAN = re.compile(r"\b(?!rather)([\w-]+) than ([\w-]+)\b")
_NAME = re.compile(r"(?<=[a-z,] )(?!I\b)[A-Z][a-z]{2,}\b")


@cache
def tables() -> dict[str, dict[str, Any]]:
    from ruamel.yaml import YAML

    read: dict[str, dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("meaning_tables.yaml"))
    return read


@cache
def pairs(language: str, name: str) -> tuple[tuple[str, str], ...]:
    found = []
    for entry in tables()[language][name].split(","):
        one, _, other = entry.strip().partition(":")
        found.append((one.strip(' "'), other.strip(' "')))
    return tuple(found)


@cache
def words(language: str, name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in tables()[language][name].split(","))


def _replacing(language: str, name: str, numbered: bool = False) -> Edit:
    def edit(text: str, chance: random.Random) -> str | None:
        listed = list(pairs(language, name))
        chance.shuffle(listed)
        listed.sort(key=lambda pair: -len(pair[0]) if language == "zh" else 0)
        for one, other in listed:
            escaped = re.escape(one)
            pattern = rf"\b{escaped}\b" if language == "en" and one.isalpha() else escaped
            if numbered:
                pattern = rf"(?<=\d) ?{pattern}(?!\d)" if language == "zh" else rf"(?<=\d)[ -]?{pattern}"
            elif language == "zh" and len(one) == 1 and name == "opposite":
                pattern = rf"(?<=[很更最较越太]){pattern}"
            elif one in ("以上", "以下"):
                pattern = rf"(?<=[\d岁人个天度% ]){pattern}"
            match = re.search(pattern, text) or (
                re.search(pattern, text, re.IGNORECASE) if language == "en" and not numbered else None
            )
            if match:
                new = other
                if match[0][:1].isupper() and other[:1].islower():
                    new = other[0].upper() + other[1:]
                lead = match[0][: len(match[0]) - len(match[0].lstrip(" -"))]
                return text[: match.start()] + lead + new + text[match.end() :]
        return None

    return edit


def number(text: str, chance: random.Random) -> str | None:
    found = [
        match for match in re.finditer(r"\d+", text) if not re.search(r"[A-Za-z]-?$", text[: match.start()])
    ]
    if not found:
        low = [n for n in _NUMBERS[2:] if re.search(rf"\b{n}\b", text)]
        if not low:
            return None
        return re.sub(
            rf"\b{low[0]}\b", chance.choice([n for n in _NUMBERS[2:] if n != low[0]]), text, count=1
        )
    match = chance.choice(found)
    value = int(match[0])
    change = chance.choice(("other", "ten", "swap"))
    new = str(value * 10) if change == "ten" and value else match[0][::-1] if change == "swap" else ""
    if not new or int(new) == value:
        new = str(value + chance.randint(1, max(3, value // 3)))
    return text[: match.start()] + new + text[match.end() :]


def number_han(text: str, chance: random.Random) -> str | None:
    if re.search(r"\d", text):
        return number(text, chance)
    match = re.search(
        r"(?<![一二三四五六七八九十第])[两三四五六七八九](?=[个种名位次天年条张本岁千百万])", text
    )
    if match is None:
        return None
    return (
        text[: match.start()]
        + chance.choice([c for c in "三四五六七八九" if c != match[0]])
        + text[match.end() :]
    )


def negation(text: str, chance: random.Random) -> str | None:
    if match := _NOT.search(text):
        kept = match[1] or {"ca": "can", "wo": "will"}.get(match[2], match[2])
        return text[: match.start()] + kept + text[match.end() :]
    found = list(_AUXILIARY.finditer(text))
    if not found or text.endswith("?"):
        return None
    match = found[0]
    return text[: match.end()] + " not" + text[match.end() :]


def entity(text: str, chance: random.Random) -> str | None:
    found = [m for m in _NAME.finditer(text) if m[0] not in _MONTHS]
    if not found:
        return None
    match = chance.choice(found)
    new = chance.choice([name for name in words("en", "names") if name != match[0]])
    return text[: match.start()] + new + text[match.end() :]


def entity_han(text: str, chance: random.Random) -> str | None:
    found = [name for name in words("zh", "known_names") if name in text]
    return (
        text.replace(found[0], chance.choice([n for n in words("zh", "names") if n != found[0]]))
        if found
        else None
    )


def thing(text: str, chance: random.Random) -> str | None:
    found = list(
        re.finditer(
            r"(?<=\bthe )[a-z]{4,}(?= (?:of|in|and|is|are|was|to|for|that)\b)|(?<=\b[an] )[a-z]{4,}(?=[.,])",
            text,
        )
    )
    if not found:
        return None
    match = chance.choice(found)
    return text[: match.start()] + chance.choice(words("en", "things")) + text[match.end() :]


def thing_han(text: str, chance: random.Random) -> str | None:
    found = [name for name in words("zh", "known_things") if name in text]
    return text.replace(found[0], chance.choice(words("zh", "things"))) if found else None


def date(text: str, chance: random.Random) -> str | None:
    found = [
        month
        for month in _MONTHS
        if re.search(rf"\b{month}\b", text) and (month != "May" or re.search(r"\bMay \d", text))
    ]
    if not found:
        return None
    return text.replace(found[0], chance.choice([m for m in _MONTHS if m != found[0]]), 1)


def date_han(text: str, chance: random.Random) -> str | None:
    match = re.search(r"(\d{1,2})( ?)(?=月)", text)
    if not match:
        return None
    return text[: match.start()] + str(int(match[1]) % 12 + 1) + match[2] + text[match.end() :]


def roles(text: str, chance: random.Random) -> str | None:
    if match := _THAN.search(text):
        words_before = text[: match.start()].split()
        if (
            words_before
            and words_before[-1].isalpha()
            and match[2].isalpha()
            and match[2] not in ("the", "a", "any", "one")
        ):
            head = text[: match.start()].rstrip()
            first = words_before[-1]
            if first.lower() not in ("is", "are", "be", "was", "were", "more", "much", "the"):
                return f"{head[: -len(first)]}{match[2]} {match[1]} than {first}{text[match.end() :]}"
    if match := re.search(r"\bfrom (?:the |an? )?(\w+) to (?:the |an? )?(\w+)", text):
        return text[: match.start()] + f"from {match[2]} to {match[1]}" + text[match.end() :]
    names = list(_NAME.finditer(text))
    if (
        len(names) == 2
        and names[0][0] != names[1][0]
        and not re.search(r"^(,| and| or|\s)", text[names[0].end() : names[1].start()][:4])
    ):
        one, other = names
        return text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0] + text[other.end() :]
    return None


def roles_han(text: str, chance: random.Random) -> str | None:
    match = re.search(r"从([一-鿿]{1,4})[到向]([一-鿿]{1,4})(?=[，。的]|$)", text)
    if match:
        return text[: match.start()] + f"从{match[2]}到{match[1]}" + text[match.end() :]
    match = re.search(
        r"(?<![一-鿿])([一-鿿]{2,5}?)(比|高于|低于|多于|大于|小于|导致|取代|战胜)([一-鿿]{2,5}?)(?=更|要|[，。]|$)",
        text,
    )
    if match and match[1] != match[3]:
        return text[: match.start()] + match[3] + match[2] + match[1] + text[match.end() :]
    found = [(text.index(n), n) for n in words("zh", "known_names") if text.count(n) == 1]
    if len(found) == 2:
        (a, one), (b, other) = sorted(found)
        between = text[a + len(one) : b]
        if between not in ("和", "与", "、", "及", "或") and len(between) >= 2:
            return text[:a] + other + between + one + text[b + len(other) :]
    return None


def case(text: str, chance: random.Random) -> str | None:
    return text.lower() if text.lower() != text and chance.random() < 0.5 else text.upper()


def punctuation(text: str, chance: random.Random) -> str | None:
    changed = text.replace('"', "'").rstrip(".!") if text[-1:] in ".!" else text.replace(", ", " , ")
    return changed if changed != text else None


def width(text: str, chance: random.Random) -> str | None:
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() or c in ",.!?%()" else c for c in text)
    return wide if wide != text else None


def narrow(text: str, chance: random.Random) -> str | None:
    changed = text.translate(str.maketrans("，。！？：；（）", ",.!?:;()"))
    return changed if changed != text else None


def number_form(text: str, chance: random.Random) -> str | None:
    for match in re.finditer(r"(?<![\d.,/-])(\d{1,2})(?![\d.,/:%-]|th|st|nd|rd)", text):
        if 1 < int(match[1]) < len(_NUMBERS) and not re.search(r"[A-Za-z]\s?$", text[: match.start()][-1:]):
            before = text[: match.start()].split()
            if before and before[-1] in (*_MONTHS, "COVID"):
                continue
            return text[: match.start()] + _NUMBERS[int(match[1])] + text[match.end() :]
    for value, word in enumerate(_NUMBERS):
        if value > 1 and re.search(rf"\b{word}\b", text):
            return re.sub(rf"\b{word}\b", str(value), text, count=1)
    return None


def number_form_han(text: str, chance: random.Random) -> str | None:
    match = re.search(r"(?<![\d.])([2-9])(?= ?(?:个|种|名|次|天|年|岁|月|小时|分钟))", text)
    if match:
        return text[: match.start()] + _HAN[int(match[1])] + text[match.end() :]
    match = re.search(r"(\d{1,2}) ?%", text)
    if match and int(match[1]) % 10 == 0 and 10 < int(match[1]) < 100:
        return text[: match.start()] + f"百分之{_HAN[int(match[1]) // 10]}十" + text[match.end() :]
    match = re.search(r"(?<![一二三四五六七八九十第])([三四五六七八九])(?=[个种名位次天年岁])", text)
    return text[: match.start()] + str(_HAN.index(match[1])) + text[match.end() :] if match else None


def date_form(text: str, chance: random.Random) -> str | None:
    if match := re.search(rf"\b(\d{{1,2}}) ({'|'.join(_MONTHS)})\b", text):
        return text[: match.start()] + f"{match[2]} {match[1]}" + text[match.end() :]
    if match := re.search(rf"\b({'|'.join(_MONTHS)}) (\d{{1,2}})\b(?!,? \d)", text):
        return text[: match.start()] + f"{match[2]} {match[1]}" + text[match.end() :]
    return None


def clause_order(text: str, chance: random.Random) -> str | None:
    match = _CLAUSE_EN.match(text)
    if not match:
        return None
    main = (
        match[3] if re.match(r"[A-Z]\w*[A-Z0-9]|I\b|COVID", match[3]) else match[3][0].upper() + match[3][1:]
    )
    return f"{main} {match[1].lower()} {match[2]}{match[4]}"


def list_order(text: str, chance: random.Random) -> str | None:
    match = _LIST.search(text)
    if not match:
        return None
    return text[: match.start()] + f"{match[2]}, {match[1]} and {match[3]}" + text[match.end() :]


def clause_order_han(text: str, chance: random.Random) -> str | None:
    match = re.match(r"^((?:如果|尽管|虽然|由于|因为|当|在|为了)[^，。]{4,24})，([^，。]{4,30})。$", text)
    return f"{match[2]}，{match[1]}。" if match else None


def list_order_han(text: str, chance: random.Random) -> str | None:
    match = re.search(r"([一-鿿]{2,4})、([一-鿿]{2,4})和([一-鿿]{2,4})(?=[，。等的])", text)
    if not match or len(match[1]) != len(match[2]):
        return None
    return text[: match.start()] + f"{match[2]}、{match[1]}和{match[3]}" + text[match.end() :]


def polite(text: str, chance: random.Random) -> str | None:
    if text.endswith("?"):
        return (
            f"Could you tell me: {text}"
            if not text.lower().startswith(("could", "can"))
            else f"{text} Thank you!"
        )
    if re.match(
        r"(Use|Keep|Call|Write|Make|Talk|Review|Avoid|Clean|Take|Stay|Give|Add|Do|Try|Ensure) ", text
    ):
        return f"Please {text[0].lower()}{text[1:]}"
    return None


def polite_han(text: str, chance: random.Random) -> str | None:
    if text.endswith("？"):
        return f"请问{text}" if not text.startswith("请问") else text.removeprefix("请问")
    if text.startswith("请"):
        return text.replace("请", "麻烦您", 1)
    return text.replace("你", "您") if "你" in text and "你们" not in text else None


def traditional(text: str, chance: random.Random) -> str | None:
    path = Path(__file__).resolve().parents[2] / "quality/lookalike/data/simplified.txt"
    old, new = path.read_text("utf-8").split("\n")[:2]
    table = {b: a for a, b in zip(reversed(old), reversed(new), strict=True) if a != b}
    changed = "".join(table.get(char, char) for char in text)
    return changed if changed != text else None


def particles(text: str, chance: random.Random) -> str | None:
    for old, new in (
        ("的过程中", "过程中"),
        ("了一", "一"),
        ("的时候", "时"),
        ("时，", "的时候，"),
        ("并且", "并"),
    ):
        if old in text:
            return text.replace(old, new, 1)
    return None


RULES: dict[str, dict[str, dict[str, Edit]]] = {
    "en": {
        "broken": {
            "number": number, "unit": _replacing("en", "units", numbered=True), "negation": negation, "entity": entity,
            "thing": thing, "opposite": _replacing("en", "opposite"), "quantifier": _replacing("en", "quantifier"),
            "modality": _replacing("en", "modality"), "direction": _replacing("en", "direction"),
            "role": roles, "date": date,
        },
        "kept": {
            "case": case, "punctuation": punctuation, "width": width, "contraction": _replacing("en", "contraction"),
            "synonym": _replacing("en", "synonym"), "spelling": _replacing("en", "spelling"),
            "number form": number_form,
            "date form": date_form, "clause order": clause_order, "list order": list_order, "politeness": polite,
        },
    },
    "zh": {
        "broken": {
            "number": number_han, "unit": _replacing("zh", "units", numbered=True),
            "negation": _replacing("zh", "negation"),
            "entity": entity_han, "thing": thing_han, "opposite": _replacing("zh", "opposite"),
            "quantifier": _replacing("zh", "quantifier"), "modality": _replacing("zh", "modality"),
            "direction": _replacing("zh", "direction"), "role": roles_han, "date": date_han,
        },
        "kept": {
            "punctuation": narrow, "width": width, "synonym": _replacing("zh", "synonym"),
            "number form": number_form_han,
            "clause order": clause_order_han, "list order": list_order_han, "politeness": polite_han,
            "script": traditional,
            "particles": particles,
        },
    },
}  # fmt: skip
