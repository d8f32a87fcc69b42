"""Responses that are no response: nothing, a slot to fill, a note that the text is elsewhere.

A filler ("TBD", "<nooutput>", "待补充") is one unless the prompt itself names the word, as a prompt does that
offers it for an answer. "None", "无" and "N/A" are different: they are true answers to a question or to a
search in given material, so they count only where the prompt asks for something to be made.
Rejected: dropping every short answer from a list, which loses one valid "None" for every placeholder.
"""

from __future__ import annotations

import re

from quality.heuristics.lexicon import section
from quality.heuristics.units import visible

_WRAPPERS = " \t\r\n<>[](){}\"'`*_“”‘’【】（）《》「」『』〈〉\\"
_STOPS = ".。!！,，;；:："
_OPENERS = "<[({【（《「"
_LONGEST = 160
_COMMENT = re.compile(r"^<!--\s*|\s*-->$")
_LONE = re.compile(r"[“\"‘'「](?:无|略|空)[”\"’'」]|回答无|填无|写无|字")


def is_empty(text: str) -> bool:
    """Return whether a text shows nothing: no characters, space, or characters that nobody sees."""
    return not text[:1].isalnum() and not visible(text)


def blank_input(text: str) -> str:
    """Return an input, or "" for one that only says that there is none ("<noinput>", "N/A", "无")."""
    if len(text) <= 40:
        word = _unwrap(text.lower())
        if word.startswith(("noinput", "no input", "不需要输入", "无输入", "没有输入", "无需输入")):
            return ""
        if word in {"n/a", "na", "none", "null", "nil", "无", "暂无", "没有", "空", ""} and not any(
            mark in text for mark in "!?？！…"
        ):
            return ""
    return text


def placeholder(response: str, prompt: str) -> str:
    """Return the id of the rule by which a whole response is a placeholder, or "".

    Args:
        response: the response; over 160 characters it is never a placeholder.
        prompt: instruction and input, which decide whether "None" or "..." can be an answer.
    """
    if len(response) > _LONGEST:
        return ""
    bare = visible(response).lower()
    if bare.startswith("<!--"):
        bare = f"[{_COMMENT.sub('', bare)}]"
    word = _unwrap(bare)
    asked = prompt.lower()
    wrapped = bare[0] in _OPENERS or bare[-1] in ":："
    if wrapped and bare not in asked and section("placeholder.named_slot").matches(word):
        return "slot.named"
    if word and word in asked and (len(word) > 1 or _LONE.search(asked)):
        return ""
    found = section("placeholder.filler").first(word)
    if found is not None:
        return "" if _is_word_asked_for(found[0], word, asked) else f"filler.{found[0]}"
    if bare[0] in _OPENERS and (bare[0] != "<" or " " in word):
        found = section("placeholder.slot").first(word)
    if found is not None:
        return f"slot.{found[0]}"
    return _absent(word or bare, asked)


def _absent(word: str, asked: str) -> str:
    found = section("placeholder.absent").first(word)
    if found is None:
        return ""
    rule = found[0]
    if rule == "dots":
        return "" if _marks_asked(word, asked) else "absent.dots"
    if section("placeholder.creates").matches(asked):
        return "" if word in asked else f"absent.{rule}"
    if section("placeholder.lookup").matches(asked):
        return ""
    if rule != "na" and section("placeholder.question").matches(asked):
        return ""
    return "" if word in asked else f"absent.{rule}"


def _is_word_asked_for(rule: str, word: str, asked: str) -> bool:
    """Return whether a filler is what the prompt asks for: a word's meaning, or the note "TODO"."""
    if rule.endswith("todo_note"):
        head = re.split(r"[^a-z]", word, maxsplit=1)[0]
        return head in asked or "to-do" in asked or section("asks.symbols").matches(asked)
    return (" " in word or not word.isascii()) and section("asks.words").matches(asked)


def _marks_asked(word: str, asked: str) -> bool:
    """Return whether a prompt asks for marks, or names this one as a value ("none: -")."""
    if section("asks.symbols").matches(asked) or section("asks.marks").matches(asked):
        return True
    value = rf"[:：=\"'“‘「(（] ?{re.escape(word)}(?![^\s\"'”’」)）,，;；.。])"
    return len(word) <= 3 and re.search(value, asked) is not None


def _unwrap(text: str) -> str:
    return text.strip(_WRAPPERS).rstrip(_STOPS).strip(_WRAPPERS)
