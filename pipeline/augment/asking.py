"""Which parts of a prompt ask, and which are the material that is asked about.

"Classify as fruit or vegetable: tomato, leek" has an answer that names the tomato, so a method that changes words
leaves what stands behind the colon alone; the same holds for a passage that is to be summed up. Rules of place, not
a model: a colon, a line break and a pointer ("the following", 以下) part the two in nearly every prompt, and where
they are in doubt a text counts as material. Rejected: the guard's own kinds, which also bind methods that may
rewrite a passage whole (back-translation).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

import re2

Spans: TypeAlias = tuple[tuple[int, int], ...]
"""Stretches of a text, as start and stop, in order and apart."""

WORDING = "wording"
"""Why a prompt about words themselves has no child: another word would ask for something else."""

_ABOUT_WORDS = re2.compile(
    r"(?i)\b(?:synonyms?|antonyms?|rhym\w+|spell(?:s|ed|ing)?|misspel\w+|typos?|grammar\w*|palindromes?|anagrams?"
    r"|syllables?|the words?\b|puns?|vowels?|proofread|paraphras\w+|rephras\w+|rewrit\w+|translat\w+|acronyms?)\b"
    r"|同义词|近义词|反义词|错别字|错字|拼音|谐音|押韵|词性|造句|成语|病句|语法|标点|词语|单词|一词|这个词|绕口令|歇后语"
    r"|对联|翻译|拼写|同音"
)
"""Of RE2, since it looks for all of these in one pass."""

_PIECE = re.compile(
    r"(?:[^\n。！？!?.\\]++|\\(?!n)|\.(?!\s|$)|(?<=\b[A-Z])\.|(?<=e\.g)\.|(?<=i\.e)\.)++[。！？!?.]*[”」\"]?\s*"
    r"|(?:[。！？!?.\n]|\\n)+\s*"
)
_COLON = re.compile(r"(?:(?<!\d)[:：]|[:：](?!\d))(?!//)|(?<=[a-z])\s+[-–—]\s+(?=\S)")
_QUESTION = re.compile(r"[?？]\s*[”」\"]?\s*$")
_ASKED_BEHIND = re.compile(r"question|answer|问题|回答|解答|请问", re.IGNORECASE)
_POINTER = re.compile(
    r"\b(?:following|below|above|(?:this|the|these) (?:text|passage|paragraph|sentence|article|story|list)s?)\b"
    r"|\b(?:this|the|these) (?:e?mail|code)s?\b"
    r"|以下|下面|下列|如下|下文|上述|这[段篇句首个则封些](?!问题)|给定|所给|原文|文本|段落",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"""\s*(?:(?:please|kindly|also|then|now|and|first|finally|so)[,\ ]+)*
    (?:(?:can|could|would|will)\ (?:you|i)|i\ (?:want|need|would|'d)|i'd|let\ me|help\ me|tell|give|list|name|write
    |provide|describe|explain|create|generate|summari[sz]e|classify|categori[sz]e|identify|suggest|recommend|find|make|extract
    |think|come\ up|compose|discuss|compare|show|use|include|do\ not|don't|keep|add|return|sort|rank|answer|state
    |choose|select|pick|calculate|determine|imagine|pretend|respond|reply|format|limit|output|separate|divide
    |what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|should|has|have)\b
    |\s*(?:请|帮我|麻烦|你需要|您需要|我想|我需要|我希望|给我|为我|告诉我|写|列|给出|提供|描述|解释|说明|介绍|总结|概括|归纳|编写
    |撰写|生成|创建|创作|设计|判断|识别|找出|提取|抽取|翻译|改写|重写|推荐|选择|分析|比较|计算|回答|根据|按照|基于|使用|用
    |将|把|从|对|为以|为下|为给|为一|如何|怎样|怎么|为什么|为何|什么|哪|谁|是否|能否|输出|并)""",
    re.VERBOSE | re.IGNORECASE,
)

_GLUED = 40
"""Characters behind a Chinese pointer above which the material follows it without a mark between them."""


@lru_cache(maxsize=4096)
def asking(text: str) -> Spans:
    """Return the stretches of a prompt that ask, as (start, stop), in order; none where all of it is material."""
    pieces = [(match.start(), match.end()) for match in _PIECE.finditer(text) if match.group().strip()]
    if not pieces:
        return ()
    found: list[tuple[int, int]] = []
    for start, stop in pieces:
        piece = text[start:stop]
        question = _QUESTION.search(piece) is not None
        pointer = _POINTER.search(piece)
        opens = start == pieces[0][0] and pointer is not None
        if len(pieces) > 1 and not (question or opens or _REQUEST.match(piece)):
            continue
        colon = _COLON.search(piece)
        if colon is not None:
            behind = start + colon.end()
            found.append((start, start + colon.start()))
            if question and _ASKED_BEHIND.search(piece, 0, colon.start()) and text[behind:stop].strip():
                found.append((behind, stop))
            break
        if pointer is not None and not pointer[0].isascii() and len(piece) - pointer.end() > _GLUED:
            found.append((start, start + pointer.end()))
            break
        found.append((start, stop))
        if pointer is not None and not question and len(pieces) > 1:
            break
    return tuple(found)


@lru_cache(maxsize=4096)
def is_about_words(text: str) -> bool:
    """Tell whether a prompt is about words, their sound, spelling or grammar, so that none may be exchanged."""
    whole = text.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
    return _ABOUT_WORDS.search(whole) is not None
