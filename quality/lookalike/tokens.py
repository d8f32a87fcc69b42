"""A text as a sequence of tokens whose keys are compared: words, values, units, operators, Han characters.

Two spellings of one thing get one key here where that is certain (width, case, contractions, number words,
unit names, traditional characters); what needs a second look is left to the judgement of what remains after
the alignment. Han characters are tokens of their own: a segmenter cuts a text with a slip elsewhere than the
text without, and the whole line would differ. Rejected for that: jieba.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from quality.lookalike.code import is_code_like, is_operator
from quality.lookalike.lexicon import DATA, lexicon, words_of
from quality.lookalike.numbers import HAN_NUMERALS, NUMBER_WORDS, ROMAN, digits_key
from quality.lookalike.values import Values

WORD, NUMBER, UNIT, OPERATOR, BRACKET, HAN, SCRIPT, NAME = "w", "n", "u", "x", "b", "h", "s", "i"
"""Kinds of tokens; `NAME` is an identifier: letters with digits or underscores, C++, C#."""

_TOKEN = re.compile(
    r"(?P<w>[a-zß-ɏ]++(?:'[a-z]++)?+(?![a-z0-9_+#]))"
    r"|(?P<i>c\+\+|[cf]\#(?!\w)|[a-z]*_[a-z0-9][a-z0-9_]*|[a-z]+[0-9][a-z0-9_]*)"
    r"|(?P<v>[a-zß-ɏ]+(?:'[a-z]+)?)"
    r"|(?P<h>[\u3400-\u9fff\uf900-\ufaff々])"
    r"|(?P<p>[.?!;:,\n]+(?!=)|[.?;:,\n]+)"
    r"|(?P<o>\d+(?:st|nd|rd|th)\b)"
    r"|(?P<n>\d{4}[-/]\d{1,2}[-/]\d{1,2}(?!\d)|\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:[.:]\d+)*)"
    r"|(?P<x>[=!]=+|<=|>=|=>|->|\+\+|--|\*\*|//|&&|\|\||<<|>>|[-+*/]=|[-+*/=<>&|^~%$€£¥°√∞])"
    r"|(?P<b>[()\[\]{}])"
    r"|(?P<s>[^\W\d_]+)"
)
_SIGNS: Final = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "「": '"', "」": '"', "『": '"', "』": '"', "«": '"', "»": '"',
    "。": ". ", "，": ", ", "、": ", ", "；": "; ", "！": "! ", "？": "? ", "：": ":", "…": ". ", "　": " ",
    "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "−": "-", "–": "-", "—": " - ", "→": "->", "℃": "°c",
    "℉": "°f", "½": "1/2", "¼": "1/4", "¾": "3/4", "²": "^2", "³": "^3", "％": "%", "￥": "¥", "〇": "零",
    "\u00a0": " ", "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "", "\u00ad": "", "\ufe0f": "",
}  # fmt: skip
_CONTRACTIONS: Final = {
    "can't": ("can", "not"), "cannot": ("can", "not"), "won't": ("will", "not"), "shan't": ("shall", "not"),
    "dont": ("do", "not"), "doesnt": ("does", "not"), "didnt": ("did", "not"), "isnt": ("is", "not"),
    "arent": ("are", "not"), "wasnt": ("was", "not"), "havent": ("have", "not"), "hasnt": ("has", "not"),
    "couldnt": ("could", "not"), "wouldnt": ("would", "not"), "shouldnt": ("should", "not"), "wont": ("will", "not"),
    "im": ("i", "am"), "ive": ("i", "have"), "whats": ("what", "is"), "thats": ("that", "is"),
    "let's": ("let", "us"), "ain't": ("is", "not"),
}  # fmt: skip
_ENDINGS: Final = {"'re": "are", "'ve": "have", "'ll": "will", "'m": "am", "'d": "would"}
_IS_BEFORE: Final = frozenset(words_of("before_is"))
_HAN_QUESTION = re.compile(r"([㐀-鿿]{1,2})\s*不\s*\1|(?<=[有])(?:没有|无)|是否|能否|可否")
_HAN_QUESTION_PLAIN: Final = {"是否": "是", "能否": "能", "可否": "可以", "没有": "", "无": ""}


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, as parallel sequences.

    `keys` are compared; `kinds` has one letter a token; `starts` are offsets into `text` (folded, lower
    case) and `cased` (folded, as written); `begins` are the places where a clause begins; `brackets` are
    brackets, each after the number of tokens before it.
    """

    keys: tuple[str, ...]
    kinds: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    begins: frozenset[int]
    brackets: str
    text: str
    cased: str
    code_like: bool

    def word(self, place: int) -> str:
        """Return a token as it stands in the folded text."""
        return self.text[self.starts[place] : self.ends[place]]


@cache
def _width_table() -> dict[int, str]:
    old, new = (DATA / "simplified.txt").read_text("utf-8").split("\n")[:2]
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {ord(a): b for a, b in zip(old, new, strict=True)}
    return table | {ord(sign): plain_ for sign, plain_ in _SIGNS.items()}


def fold(text: str) -> str:
    """Return a text with narrow, simplified, composed characters and plain quotes; case stays."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", text).translate(_width_table())


@lru_cache(maxsize=16384)
def tokenise(text: str) -> Tokens:
    """Return the tokens of a text; linear in its length."""
    cased = fold(text)
    lowered = cased.lower()
    if len(lowered) != len(cased):
        cased = lowered
    if "不" in lowered or "否" in lowered or "没" in lowered:
        plain_text = _HAN_QUESTION.sub(_without_alternative, lowered)
        if plain_text != lowered:
            cased = lowered = plain_text
    return _Scan(lowered, cased).tokens()


def _without_alternative(match: re.Match[str]) -> str:
    return match.group(1) or _HAN_QUESTION_PLAIN[match.group()]


class _Scan:
    """One pass over a folded text, and passes over its tokens where they hold numbers."""

    def __init__(self, text: str, cased: str) -> None:
        self.text, self.cased = text, cased
        self.code_like = is_code_like(text)
        self.keys: list[str] = []
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.begins: set[int] = {0}
        self.brackets: list[str] = []
        self.numbers = False

    def tokens(self) -> Tokens:
        """Return the tokens."""
        self.scan()
        if self.numbers or not NUMBER_WORDS.isdisjoint(self.keys):
            draft = Values(self.keys, self.kinds, self.starts, self.ends, self.begins)
            draft.merge()
            self.keys, self.kinds, self.starts, self.ends = draft.keys, draft.kinds, draft.starts, draft.ends
            self.begins = draft.begins
        return Tokens(
            tuple(self.keys), "".join(self.kinds), tuple(self.starts), tuple(self.ends),
            frozenset(self.begins), "".join(self.brackets), self.text, self.cased, self.code_like,
        )  # fmt: skip

    def scan(self) -> None:
        """Cut the text into tokens."""
        keys, kinds, starts, ends = self.keys, self.kinds, self.starts, self.ends
        units, short = lexicon().units, lexicon().short_units
        for match in _TOKEN.finditer(self.text):
            kind = match.lastgroup or ""
            key = match[0]
            if kind == "w" or kind == "v":
                kind = "w"
                if key in units and key not in short:
                    key, kind = "u:" + units[key], "u"
                elif "'" in key or key in _CONTRACTIONS:
                    self.contraction(key, match.start(), match.end())
                    continue
                elif key == "us" and self.cased[match.start() : match.end()] == "US":
                    key = "u.s."
                elif key in ROMAN and keys:
                    key, kind = ROMAN[key], "n"
            elif kind == "h":
                if key in HAN_NUMERALS or key == "半":
                    self.numbers = True
            elif kind == "p":
                self.begins.add(len(keys))
                continue
            elif kind == "n":
                key, self.numbers = digits_key(key), True
            elif kind == "o":
                key, kind, self.numbers = "#" + key[:-2], "n", True
            elif kind == "b":
                self.brackets.append(f"{len(keys)}{key}")
                continue
            elif kind == "x":
                if key in "$€£¥%°":
                    key, kind = "u:" + units[key], "u"
                elif key == "&" and not self.code_like:
                    key, kind = "and", "w"
                elif not is_operator(key, self.text, match.start(), match.end(), self.code_like):
                    continue
            keys.append(key)
            kinds.append(kind)
            starts.append(match.start())
            ends.append(match.end())

    def contraction(self, word: str, start: int, end: int) -> None:
        """Add the words of a contraction."""
        parts: tuple[str, ...]
        stem, quote, _ = word.partition("'")
        ending = word[len(stem) :]
        if word in _CONTRACTIONS:
            parts = _CONTRACTIONS[word]
        elif word.endswith("n't"):
            parts = (word[:-3], "not")
        elif ending in _ENDINGS:
            parts = (stem, _ENDINGS[ending])
        elif ending == "'s":
            parts = (stem, "is") if stem in _IS_BEFORE else (stem, "'s")
        else:
            parts = (stem, quote and ending[1:])
        for part in parts:
            if part:
                self.keys.append(part)
                self.kinds.append("w")
                self.starts.append(start)
                self.ends.append(end)
