"""Numbers as values: "ten", "10", "１０", 十, "1,000", "a dozen", "twenty-five", 百分之五十.

Words and digits of one value become one token, so that only another value is another number. Rejected: a
library for number words (slow to import, and it turns every "second" into 2).
"""

from __future__ import annotations

from typing import Final

from quality.lookalike.lexicon import words_of

CARDINALS: Final = {word: value for value, word in enumerate(words_of("cardinals"))} | {
    word: 10 * value for value, word in enumerate(words_of("tens"), start=2)
}
SCALES: Final = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "hundreds": 100, "thousands": 1000, "millions": 10**6, "dozen": 12,
}  # fmt: skip
ORDINALS: Final = {word: f"#{value}" for value, word in enumerate(words_of("ordinals"), start=1)} | {
    "thirtieth": "#30", "fortieth": "#40", "fiftieth": "#50", "hundredth": "#100",
}  # fmt: skip
OTHERS: Final = {"half": "0.5", "twice": "2x", "thrice": "3x", "once": "1x", "double": "2x", "triple": "3x"}
ROMAN: Final = {
    word: str(value)
    for value, word in enumerate(words_of("roman"), start=2)
    if word not in ("v", "x")  # letters more often than numbers
}
NUMBER_WORDS: Final = frozenset(CARDINALS) | frozenset(SCALES) | frozenset(ORDINALS) | frozenset(OTHERS)

HAN_DIGITS: Final = dict(zip("零〇一二两三四五六七八九", (0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
HAN_SCALES: Final = {"十": 10, "百": 100, "千": 1000}
HAN_LARGE: Final = {"万": 10**4, "亿": 10**8}
HAN_NUMERALS: Final = frozenset(HAN_DIGITS) | frozenset(HAN_SCALES) | frozenset(HAN_LARGE)


def plain(value: float) -> str:
    """Return the key of a value: no exponent, no useless zeros."""
    return str(int(value)) if value == int(value) else f"{value:.10f}".rstrip("0")


def digits_key(text: str) -> str:
    """Return the key of a number in digits: no thousands separators, no zeros before or after it."""
    bare = text.replace(",", "")
    if bare.isdigit():
        return bare.lstrip("0") or "0"
    if bare.count(".") == 1 and ":" not in bare:
        whole, fraction = bare.split(".")
        fraction = fraction.rstrip("0")
        whole = whole.lstrip("0") or "0"
        return f"{whole}.{fraction}" if fraction else whole
    return bare.replace("/", "-")


def read_english(words: list[str]) -> tuple[str, int]:
    """Return the key of the number that some words begin with, and how many words it takes (0: none)."""
    first = words[0]
    if first in ORDINALS:
        return ORDINALS[first], 1
    if first in OTHERS:
        if first == "half" and words[1:3] == ["a", "dozen"]:
            return "6", 3
        return OTHERS[first], 1
    total, group, taken, last = 0, 0, 0, ""
    for place, word in enumerate(words):
        if word in CARDINALS:
            value = CARDINALS[word]
            if last == "cardinal" and not (group % 100 >= 20 and value < 10):
                break
            group += value
            last = "cardinal"
        elif word in SCALES:
            scale = SCALES[word]
            if scale in (12, 100):
                group = (group or 1) * scale
            else:
                total, group = total + (group or 1) * scale, 0
            last = "scale"
        elif (
            word == "and"
            and last == "scale"
            and words[place + 1 : place + 2]
            and (words[place + 1] in CARDINALS)
        ):
            continue
        elif word in ORDINALS and last and int(ORDINALS[word][1:]) < 20 and group % 10 == 0:
            return f"#{total + group + int(ORDINALS[word][1:])}", place + 1
        else:
            break
        taken = place + 1
    return (str(total + group), taken) if taken else ("", 0)


def read_han(run: str) -> str:
    """Return the key of a run of Chinese numerals, or "" if it has no reading."""
    if len(run) > 1 and all(char in HAN_DIGITS for char in run):
        return "".join(str(HAN_DIGITS[char]) for char in run).lstrip("0") or "0"
    total, group, digit, scale = 0, 0, -1, 1
    for char in run:
        if char in HAN_DIGITS:
            digit = HAN_DIGITS[char]
        elif char in HAN_SCALES:
            scale = HAN_SCALES[char]
            group += (1 if digit < 0 else digit) * scale
            digit = -1
        else:
            group += max(digit, 0)
            total = (total + group or 1) * HAN_LARGE[char] if char == "亿" else total + (group or 1) * 10**4
            group, digit, scale = 0, -1, HAN_LARGE[char]
    if digit > 0 and scale > 10 and run[-2] not in "零〇":  # 三百五 is 350
        digit *= scale // 10
    return str(total + group + max(digit, 0))
