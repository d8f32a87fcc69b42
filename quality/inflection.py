"""Regular English inflection: one form to count under, and the forms a keyword may take.

Rules for -s, -es, -ies, -ed, -ied, -ing and doubled consonants; frequencies decide what is counted under what, so
that `species` is no plural of `specie` by rule alone. Rejected: a stemmer (it joins `university` and `universe`), a
lemmatiser's model (a hundred megabytes for suffixes).
"""

from __future__ import annotations

from collections.abc import Mapping

_VOWELS = frozenset("aeiou")
_LEAST = 4
LEAST_SHARE = 0.05
"""Of a word's frequency, what its base must have at least."""


def bases(word: str) -> list[str]:
    """Return what a word may be a regular inflection of, the likeliest first; a short word of nothing."""
    if len(word) < _LEAST:
        return []
    found: list[str] = []
    if word.endswith(("ies", "ied")):
        found.append(word[:-3] + "y")
    if word.endswith("es") and word[:-2].endswith(("s", "x", "z", "ch", "sh", "o")):
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        found.append(word[:-1])
    for ending in ("ed", "ing"):
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) > 1:
            if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in _VOWELS and stem[-1] not in "lsz":
                found.append(stem[:-1])
            found += [stem, stem + "e"]
    return found


def base_form(word: str, frequency: Mapping[str, float]) -> str:
    """Return the form that a word is counted under: its most frequent base, or itself where that is far rarer.

    Args:
        word: in lower case.
        frequency: of words in general, in any unit; `need` is no form of `nee`, nor `does` of `doe`.
    """
    best = max(
        (base for base in bases(word) if len(base) > 2), key=lambda b: frequency.get(b, 0.0), default=word
    )
    return best if frequency.get(best, 0.0) > LEAST_SHARE * frequency.get(word, 0.0) else word


def forms(word: str) -> set[str]:
    """Return the regular forms of a word and of what it may be an inflection of, itself included."""
    found = {word}
    for base in (word, *bases(word)):
        if len(base) < 3:
            continue
        found |= {base, base + "s", base + "ed", base + "ing"}
        if base.endswith(("s", "x", "z", "ch", "sh", "o")):
            found.add(base + "es")
        if base.endswith("y") and base[-2] not in _VOWELS:
            found |= {base[:-1] + "ies", base[:-1] + "ied"}
        if base.endswith("e"):
            found |= {base + "d", base[:-1] + "ing"}
        if (
            base[-1] not in _VOWELS
            and base[-1] not in "wxy"
            and base[-2] in _VOWELS
            and base[-3:-2] not in _VOWELS
        ):
            found |= {base + base[-1] + "ed", base + base[-1] + "ing"}
    return found
