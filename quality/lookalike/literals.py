"""Where words are meant as they stand: short quotations, code, and texts about spelling itself.

In "the opposite of 'generous'" another inflection is another question, and a slip in a sentence that is to
be corrected is the matter itself. Rejected: all quotations (a quoted paragraph may hold a slip like any text).
"""

from __future__ import annotations

import re

from quality.lookalike.code import in_code
from quality.lookalike.tokens import Tokens

_QUOTED = re.compile(r"\"([^\"\n]{1,40})\"|`([^`\n]{1,60})`|(?<![a-z0-9])'([^'\n]{1,40})'(?![a-z0-9])")
_LITERAL_WORDS = 3
_FORM = re.compile(
    r"spell|gramma|punctuat|capitali[sz]|typo|\bcommas?\b|\b(?:correct|fix|edit|proofread)\b|\b(?:upper|lower) ?case\b"
    r"|mistake"
    r"|错别字|拼写|语法|标点|大写|小写|病句|改正|纠正|修正|错误|繁体|简体",
    re.IGNORECASE,
)
"""Words of requests for which a slip in their input is the matter itself."""


def is_about_form(text: str) -> bool:
    """Tell whether a request is about spelling, grammar or punctuation."""
    return _FORM.search(text) is not None


def literal_spans(tokens: Tokens) -> list[tuple[int, int]]:
    """Return the spans of short quotations, in which every word is meant as it stands."""
    text = tokens.text
    if '"' not in text and "`" not in text and "'" not in text:
        return []
    spans = []
    for match in _QUOTED.finditer(text):
        inside = match[1] or match[2] or match[3]
        han = sum("\u3400" <= char <= "\u9fff" for char in inside)
        if match[2] or (len(inside.split()) <= _LITERAL_WORDS and han <= 2 * _LITERAL_WORDS):
            spans.append(match.span())
    return spans


def is_literal(tokens: Tokens, spans: list[tuple[int, int]], start: int, stop: int) -> bool:
    """Tell whether one of the tokens `start:stop` stands in a short quotation or in code."""
    for place in range(start, min(stop, start + 12)):
        begin, end = tokens.starts[place], tokens.ends[place]
        if any(low <= begin and end <= high for low, high in spans):
            return True
        if tokens.code_like and tokens.kinds[place] in "wi" and in_code(tokens.text, begin, end):
            return True
    return False
