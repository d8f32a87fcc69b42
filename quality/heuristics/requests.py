"""Whether a prompt asks for anything, and whether a sentence of it does or only tells.

A prompt that points at a picture or a page lacks it only if it asks for something about it: a statement in
a translation set, a source text beside its masked copy and a question about how sites are run do not. English
sentences are told apart by their opening words; other languages are taken to ask. Rejected: a list of
imperatives alone, which loses every verb that nobody thought of.
"""

from __future__ import annotations

import re

from quality.heuristics.echo import likeness
from quality.heuristics.lexicon import section
from quality.heuristics.units import visible

_SENTENCE_END = re.compile(r"[.!?:;](?=\s|$)|\n")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LATIN = re.compile(r"[a-z\u00c0-\u024f]")
_OTHER = re.compile(r"[\u0370-\u1fff]")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s\u3000-\uffff]*")
_MOST = 0.5
_FEWEST_LETTERS = 12
_COPIED = 0.5
_LONGEST = 3000


def sentence_at(text: str, start: int, end: int) -> str:
    """Return the sentence of a text around a place, with the mark that ends it."""
    begin = 0
    for mark in _SENTENCE_END.finditer(text, 0, start):
        begin = mark.end()
    stop = _SENTENCE_END.search(text, end)
    return text[begin : stop.end() if stop else len(text)].strip()


def asks(text: str) -> bool:
    """Return whether a lower-cased text asks for something, in any of its sentences."""
    if _CJK.search(text):
        return True
    begin = 0
    for mark in _SENTENCE_END.finditer(text):
        if mark.group() == "?" or not is_statement(text[begin : mark.end()]):
            return True
        begin = mark.end()
    return not is_statement(text[begin:])


def is_statement(sentence: str) -> bool:
    """Return whether a lower-cased English sentence only tells: no question, no order, and a subject with a verb."""
    bare = visible(sentence)
    if not bare:
        return True
    if bare.endswith("?") or _CJK.search(bare) or section("request.orders").matches(bare):
        return False
    return section("request.tells").matches(bare)


def is_about(sentence: str) -> bool:
    """Return whether a lower-cased sentence asks what one may do with such a thing, not what is in it."""
    return section("request.about").matches(sentence)


def works_on_its_words(prompt: str, response: str) -> bool:
    """Return whether the response is the prompt in another script, or the prompt with some words changed.

    So it is in translation and masking sets, whose "prompts" are texts to work on and ask for nothing.
    """
    lowered = prompt[:_LONGEST].lower()
    if section("request.language").matches(lowered):
        return False
    own, other = _script(lowered), _script(response[:_LONGEST].lower())
    return (bool(own and other) and own != other) or likeness(response, prompt) >= _COPIED


def _script(text: str) -> str:
    """Return the script of most letters of a text, a Chinese character as two; "" if none has most or they are few."""
    text = _ADDRESS.sub(" ", text)
    counts = {
        "cjk": 2 * len(_CJK.findall(text)),
        "latin": len(_LATIN.findall(text)),
        "other": len(_OTHER.findall(text)),
    }
    name, most = max(counts.items(), key=lambda item: item[1])
    letters = sum(counts.values())
    return name if letters >= _FEWEST_LETTERS and most > _MOST * letters else ""
