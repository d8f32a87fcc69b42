"""Do two texts that look alike ask for different things?

An embedding sees "in 10 words" and "in 25 words" as the same request (cosine .92); a person does not. So two
texts that a similarity would merge must also agree on what their structure says: the numbers they name, in
digits or in words, the negations, words of another script, and names. A disagreement only ever keeps two records
apart. Rejected: a list of known confusions, which ends where its author's imagination did.
"""

from __future__ import annotations

import re
from collections import Counter

_DIGITS = re.compile(r"\d+(?:[.,:/]\d+)*")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_NAME = re.compile(r"(?<=[A-Za-z0-9,;:] )[A-Z][A-Za-z0-9]*|(?<=[A-Za-z0-9,;:] [\"'“‘(])[A-Z][A-Za-z0-9]*")
_UNIT = re.compile(r"[a-z0-9']+|[^\W\da-z_]")
_CHINESE_NUMBER = re.compile(r"第?[零〇一二两三四五六七八九十百千万亿半]+(?=[^\s，。！？；：、])")

_NUMBER_WORDS = {
    word: str(value)
    for value, words in enumerate(
        (
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
            "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
            "nineteen", "twenty",
        )
    )
    for word in (words,)
}  # fmt: skip
_NUMBER_WORDS |= {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80",
    "ninety": "90", "hundred": "100", "thousand": "1000", "million": "1000000", "dozen": "12",
    "half": "1/2", "twice": "2x", "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th",
    "fifth": "5th", "single": "1", "double": "2x", "triple": "3x",
}  # fmt: skip
_NEGATIONS = frozenset(
    ("not", "no", "never", "none", "neither", "nor", "without", "cannot", "nothing", "nobody", "except", "unless",
     "avoid", "stop")
)  # fmt: skip
_CHINESE_NEGATION = re.compile("[不没無无未非别莫勿禁]")
_NOT_LATIN = re.compile(r"[^\W\d_a-zA-Z\u00aa-\u024f\u1e00-\u1eff]+")
_HAN = re.compile(r"[㐀-鿿]")


def numbers(text: str) -> Counter[str]:
    """Return the numbers that a text names, in digits or in English or Chinese words, with their counts."""
    lowered = text.lower()
    found = Counter(_DIGITS.findall(lowered))
    found.update(_NUMBER_WORDS[word] for word in _WORD.findall(lowered) if word in _NUMBER_WORDS)
    if _HAN.search(text):
        found.update(_CHINESE_NUMBER.findall(text))
    return found


def negations(text: str) -> int:
    """Return how many negating words a text holds, English and Chinese."""
    words = _WORD.findall(text.lower().replace("’", "'"))
    english = [word for word in words if word in _NEGATIONS or word.endswith("n't")]
    return len(english) + len(_CHINESE_NEGATION.findall(text))


def foreign_words(text: str) -> Counter[str]:
    """Return the runs of letters of other scripts in a text that is mainly Latin: unknowns to its model."""
    if text.isascii():
        return Counter()
    found = Counter(_NOT_LATIN.findall(text))
    letters = sum(map(str.isalpha, text))
    return found if 2 * sum(len(word) * n for word, n in found.items()) < letters else Counter()


def names(text: str) -> set[str]:
    """Return the words that are written as names: a capital letter inside a sentence, in lower case."""
    return {match.group().lower() for match in _NAME.finditer(text)}


def _other_names(left: str, right: str) -> bool:
    """Tell whether each of two texts names something that the other does not mention.

    Both must: a name on one side only is most often the same thing said with more detail.
    """
    ours, theirs = names(left), names(right)
    if not ours or not theirs:
        return False
    mentioned_left, mentioned_right = (set(_UNIT.findall(text.lower())) for text in (left, right))
    return bool(ours - mentioned_right) and bool(theirs - mentioned_left)


def contradiction(left: str, right: str) -> str:
    """Return what two answers disagree on: `numbers`, or `negation` where they say it in the same words.

    Two long answers in words of their own differ in how often they say "not" and mean the same; two that
    share half of their words and differ in a negation do not.
    """
    if numbers(left) != numbers(right):
        return "numbers"
    if negations(left) != negations(right):
        ours, theirs = set(_UNIT.findall(left.lower())), set(_UNIT.findall(right.lower()))
        if 2 * len(ours & theirs) >= len(ours | theirs):
            return "negation"
    return ""


def difference(left: str, right: str) -> str:
    """Return what two prompts disagree on: `numbers`, `negation`, `foreign` words, `names`, or ""."""
    if numbers(left) != numbers(right):
        return "numbers"
    if negations(left) != negations(right):
        return "negation"
    if foreign_words(left) != foreign_words(right):
        return "foreign"
    if _other_names(left, right):
        return "names"
    return ""
