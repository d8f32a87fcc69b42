"""Inputs that only say that there is no input, in English and Chinese.

The whole input must be one listed placeholder. Rejected: a search within the input (it would empty "What
does N/A mean?") and emptying words such as "None" or "无" where the instruction asks about a word.
"""

from __future__ import annotations

from quality.normalise.words import AMBIGUOUS, SURE, word_pattern

_WORD_WORDS = word_pattern("word_words")
_LONGEST_PLACEHOLDER = 48
_EDGES = " \t\r\n\\.。!！?？*\"'“”‘’`<>[]{}()（）【】《》〈〉「」『』［］｛｝＜＞#:：,，"


def placeholder_of(input_: str, instruction: str) -> str | None:
    """Return which placeholder an input is and nothing else, or None if it is an input.

    Case, brackets, quotes and end marks are ignored. A placeholder that is also a word or a sign
    ("None", "无") counts only if the instruction does not ask about a word, as in "Translate …".
    """
    if len(input_) > _LONGEST_PLACEHOLDER:
        return None
    core = input_.strip(_EDGES).casefold()
    spaced = " ".join(core.replace("_", " ").replace("-", " ").split())
    if spaced in SURE or core in SURE:
        return spaced if spaced in SURE else core
    for form in (core, spaced):
        if form in AMBIGUOUS:
            return None if _WORD_WORDS.search(instruction) else form
    return None
