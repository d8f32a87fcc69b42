"""Code inside a request: which signs are operators, and which words stand in code.

A sign is an operator where its surroundings say so; a dash between words, a bullet or a rule is none. Rejected:
a parser for each language, and keeping every sign, which makes "well-known" differ from "well known".
"""

from __future__ import annotations

import re

_SIGNAL = re.compile(
    r"[;{}]|[\w\])]\s*[=!<>+\-*/]=|(?<![<>=!-])=(?![=>])|=>|\w\(\w*[,)\]\"']|\bdef \w|\breturn\b"
    r"|\bselect\b.{1,80}\bfrom\b"
    r"|\bprint\b ?\(|\d\s*[-+*/^]\s*\(?\d|\b[a-z]\s*[-+*/^]\s*[a-z\d]\b|\bfor \w+ in\b|\bwhile\b.{1,40}:|\w\[\w"
)
_SIGN = re.compile(r"[;{}=(\[+*/^<>]|\d ?-")
"""What all code and formulas hold, to be done with prose soon."""

_LONG_RULE = re.compile(r"([-=*_~#])\1{2,}")
_GLUED_BEFORE = frozenset("([{=<>+*/_\"'.")
_GLUED_AFTER = frozenset("([{=<>+*/_;)]}")


def is_code_like(folded: str) -> bool:
    """Tell whether a text in lower case holds code or a formula."""
    return _SIGN.search(folded) is not None and _SIGNAL.search(folded) is not None


def is_operator(sign: str, text: str, start: int, end: int, code_like: bool) -> bool:
    """Tell whether a sign at `text[start:end]` works as an operator, not as punctuation or a mark."""
    before = text[start - 1] if start else "\n"
    after = text[end] if end < len(text) else "\n"
    line_start = text.rfind("\n", 0, start) + 1
    at_line_start = not text[line_start:start].strip()
    if _LONG_RULE.match(text, start) or (start and _LONG_RULE.match(text, max(0, start - 2), end)):
        return False
    if at_line_start and after in " \t" and sign in ("-", "*", "+", ">", "#"):
        return False
    if sign == "-":
        return _minus(text, start, end, before, after, code_like)
    if sign in ("**", "*"):
        opened = before.isspace() and not after.isspace()
        closed = not before.isspace() and after.isspace()
        if (opened or closed) and not code_like:
            return False
        return code_like or (before.isalnum() and after.isalnum())
    if sign == "/":
        return (before.isdigit() and after.isdigit()) or (code_like and not _inside_word(before, after))
    if sign in ("|", "~", "&", "--", "//", "^"):
        return code_like
    if sign in ("<", ">"):
        return code_like or not (after.isalpha() or after == "/" or before.isalpha() or before in "/\"'")
    return True


def _minus(text: str, start: int, end: int, before: str, after: str, code_like: bool) -> bool:
    if before.isalpha() and after.isalnum():
        return code_like and len(text[max(0, start - 2) : start].strip()) == 1
    if after.isdigit():
        return True
    if before.isspace() and after.isspace():
        left, right = text[:start].rstrip()[-1:], text[end:].lstrip()[:1]
        return (
            code_like
            and bool(left)
            and bool(right)
            and (left.isalnum() or left in ")]")
            and (right.isalnum() or right in "([")
        )
    return code_like and (before.isdigit() or before in ")]") and (after.isalnum() or after == "(")


def _inside_word(before: str, after: str) -> bool:
    return before.isalpha() and after.isalpha()


def in_code(text: str, start: int, end: int) -> bool:
    """Tell whether the word at `text[start:end]` is part of code: glued to a sign that prose sets apart."""
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if after in _GLUED_AFTER and not (after in ")]}" and _opened_by_prose(text, start)):
        return after not in "/*;" or end - start == 1
    if before in _GLUED_BEFORE and before not in "\"'/*":
        if before in "([{":
            return start >= 2 and (text[start - 2].isalnum() or text[start - 2] in "_)]")
        return before != "." or (start >= 2 and text[start - 2].isalnum())
    return False


def _opened_by_prose(text: str, start: int) -> bool:
    """Tell whether the bracket before a place follows a blank, as brackets in prose do."""
    opened = max(text.rfind(sign, max(0, start - 200), start) for sign in "([{")
    return opened < 0 or opened == 0 or text[opened - 1].isspace() or ord(text[opened - 1]) > 0x2E7F
