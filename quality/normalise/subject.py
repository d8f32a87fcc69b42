"""What a record is about: whether markup, encodings, widths or blanks are its content rather than damage.

A step would rather leave a blemish than damage a text whose subject is that very thing: a tag in a question
about HTML is content. Words of the prompt tell, and signs of code in any text. Rejected: a classifier (it
would alter texts for reasons nobody can read) and asking about one text alone, because an answer that is
nothing but tags shows only by its question that they belong there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from quality.normalise.words import HTML_NAMES, word_pattern

_MARKUP_WORDS = word_pattern("markup_words")
_MARKUP_LANGUAGES = word_pattern("markup_languages")
_ENCODING_WORDS = word_pattern("encoding_words")
_WIDTH_WORDS = word_pattern("width_words")
_SPACING_WORDS = word_pattern("spacing_words")


_MARKUP_SUBJECT = re.compile(
    r"<!doctype|<\?(?:xml|php)|<%|\{\{|</?(?:html|head|body|form|input|button|select|option|textarea"
    r"|meta|link|canvas|template|picture|video|audio|label)(?=[\s/>])[^<>]*>"
    r"|\sclassName=|\s(?:v-[a-z]+|ng-[a-z]+)="
    r"|[\"'“‘「『](?:</?[a-z][a-z0-9]*(?:\s[a-z-]+=[^<>]*)?\s?/?>|&#?[a-z0-9]+;)[\"'”’」』]"
    r"|</?[a-z][a-z0-9]*\s?/?>\s?(?:html\s)?(?:(?:tags?|elements?)(?![a-z])|标签|元素|標籤)",
    re.IGNORECASE,
)
_CODE_STATEMENT = re.compile(
    r"^[ \t]*(?:def \w+\(|class \w+ ?[:({]|import [\w.]+;?$|from [\w.]+ import |#include|function \w*\("
    r"|(?:var|let|const) \w+ ?=|(?:public|private) \w+|(?:if|for|while) ?\(.*\) ?\{|print ?\(|\$\("
    r"|[\w.]+ ?= ?[\w.]+\(.*\);?$|SELECT .* FROM |\}\)?;?$|[.#]?[a-z][\w-]* ?\{$)",
    re.MULTILINE,
)
_END_TAG = re.compile(r"</([A-Za-z][\w.:-]*)")
_RAW_TAG = re.compile(r"</?(?:p|div|span|br|li|a|b|i|h[1-6])(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ESCAPED_TAG = re.compile(r"&(?:amp;)*lt;/?[a-z][a-z0-9]*(?:\s?/)?&(?:amp;)*gt;", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a record is about: the text that asks, and every text it has.

    Args:
        prompt: what the user's side says: system, user turns, instruction and input as one text.
        texts: all texts of the record.
    """

    prompt: str = ""
    texts: Sequence[str] = ()

    def is_markup(self) -> bool:
        """Tell whether tags and entities are what the record is about, not leftovers in it."""
        if _MARKUP_WORDS.search(self.prompt):
            return True
        texts = [_without_comments(text) for text in self.texts]
        for text in texts:
            if _MARKUP_LANGUAGES.search(text) or _MARKUP_SUBJECT.search(text) or is_code(text):
                return True
            if any(name.lower() not in HTML_NAMES for name in _END_TAG.findall(text)):
                return True
        return any(_ESCAPED_TAG.search(text) and _RAW_TAG.search(text) for text in texts)

    def is_encoding(self) -> bool:
        """Tell whether the prompt asks about character encodings."""
        return _ENCODING_WORDS.search(self.prompt) is not None

    def is_width(self) -> bool:
        """Tell whether the prompt asks about full-width and half-width characters."""
        return _WIDTH_WORDS.search(self.prompt) is not None

    def is_spacing(self) -> bool:
        """Tell whether the prompt asks about blanks, tables or layout."""
        return _SPACING_WORDS.search(self.prompt) is not None


def _without_comments(text: str) -> str:
    """Return a text without its closed HTML comments: what nobody was to read is not what a text is about.

    By `find`, not by a pattern, which would look for the end of every comment that is never closed.
    """
    parts: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        parts.append(text[position:start])
        position = end + 3
    return "".join([*parts, text[position:]]) if parts else text


def is_code(text: str) -> bool:
    """Tell whether two lines or more are statements of a programming language, fenced or not."""
    return len(_CODE_STATEMENT.findall(text)) >= 2
