"""What no method may change in a text: code, addresses, numbers, placeholders, tags, quotations, names, own terms.

A method asks `Guard.protect` once a text and leaves the spans alone, or puts marks in their place and gets them back.
The gate counts the same spans in parent and child, so that a slip is seen. Rejected: leaving it to each method, which
is twelve chances to translate a URL.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

KINDS = ("code", "url", "placeholder", "term", "quote", "number", "name")
"""From the strongest: where two overlap the text belongs to the first."""

_PATTERNS = {
    "placeholder": r"""\{\{[^{}\n]*\}\} | \$?\{[^{}\n]*\} | <[A-Z][A-Z_0-9]*> | \[[A-Z][A-Z_0-9]*(?:\ [A-Z_0-9]+)*\]
        | %\(\w+\)[sd] | %[sdf]\b | _{2,}""",
    "code": r"""```[\s\S]*?(?:```|\Z) | `[^`\n]+` | </?[a-zA-Z][^<>\n]*> | \b\w+\([^()\n]*\) | \b[A-Za-z][\w.]*_\w+\b
        | \\[a-zA-Z]+""",
    "url": r"""(?:https?://|www\.)[^\s<>"'）」，。]*[^\s<>"'）」，。.,;:!?)] | (?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+
        | (?<![\w/])(?:\.{0,2}/|~/|[A-Za-z]:\\)[\w./\\-]{2,}""",
    "quote": r""""[^"\n]{1,200}" | “[^”\n]{1,200}” | 「[^」\n]{1,200}」 | 『[^』\n]{1,200}』 | 《[^》\n]{1,100}》
        | (?<![A-Za-z0-9])'[^'\n]{1,200}'(?![A-Za-z0-9]) | ‘[^’\n]{1,200}’(?![A-Za-z])""",
    "number": r"""[$€£¥￥\#]?(?<![A-Za-z\d])[-−]?\d+(?:[.,:/×x*^-]\d+)*
            (?:\s?(?:%|‰|°[CF]?|(?:km|cm|mm|kg|mg|ml|GB|MB|TB|px)(?![A-Za-z])
                |(?:平方|立方)?(?:千米|厘米|分米|毫米|米|公里)|千克|公斤|毫升|小时|分钟|[吨克升元岁℃度]))?(?:st|nd|rd|th)?
        | [A-Za-z]+-?\d[\w-]* | \d+[A-Za-z]\w* | 第[一二三四五六七八九十百千]+
        | [一二三四五六七八九十百千万亿两零〇]+(?=[个条次年月日天周岁元块点分秒人种步段句字页行题件章])""",
    "name": r"""(?=[A-Z])(?:^|(?<=[.?!]\ )|(?<=\n))(?!Wh|Cl|Descri|(?:How|The|An?|Is|Are|Do|Does|Did|Can)\b
            |(?:In|On|Of|Give|Tell|List|Name|Write|Explain|Identify|Provide|Please)\b)[A-Z][a-z]+(?:\ [A-Z][a-z]+)+
        | (?<=[a-z,;:)]\ )(?!I\b)[A-Z][\w'’-]*(?:\ (?:of\ |the\ |de\ |van\ |von\ )?[A-Z][\w'’-]*)*
        | \b[A-Za-z]*[a-z][A-Z]\w*\b | \b[A-Z]{2,}s?\b""",
}
_MARKS = {
    "placeholder": re.compile(r"[{<\[%]|__"),
    "code": re.compile(r"[`<(_\\]"),
    "url": re.compile(r"www|[@/\\]"),
    "quote": re.compile(r"[\"“「『《'‘]"),
    "number": re.compile(r"[\d一二三四五六七八九十百千万亿两零〇]"),
    "name": re.compile(r"[A-Z]"),
}
"""Characters without one of which a text holds nothing of a kind, so that its patterns need no trial."""


@cache
def _patterns(kinds: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{_PATTERNS[kind]})" for kind in kinds), re.VERBOSE)


@dataclass(frozen=True, slots=True)
class Span:
    """A place of a text, from `start` up to `stop`, and why it is protected: one of `KINDS`."""

    start: int
    stop: int
    kind: str


@dataclass(frozen=True, slots=True)
class Protected:
    """The protected places of one text, in order, none within another."""

    text: str
    spans: tuple[Span, ...]

    def holds(self, start: int, stop: int) -> bool:
        """Tell whether any character from `start` up to `stop` is protected."""
        at = bisect_right(self.spans, start, key=lambda span: span.start)
        before = at > 0 and self.spans[at - 1].stop > start
        return before or (at < len(self.spans) and self.spans[at].start < stop)

    def free(self) -> list[tuple[int, int]]:
        """Return the stretches between the protected places, as (start, stop), blank ones too, empty ones not."""
        edges = [0, *(edge for span in self.spans for edge in (span.start, span.stop)), len(self.text)]
        return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]

    def values(self) -> Counter[tuple[str, str]]:
        """Return how often each protected text stands here, by kind."""
        return Counter((span.kind, self.text[span.start : span.stop]) for span in self.spans)


class Guard:
    """Finds what must stay.

    Args:
        terms: words and phrases that the recipe protects; case does not matter.
    """

    def __init__(self, terms: Iterable[str] = ()) -> None:
        listed = sorted({term for term in terms if term.strip()}, key=lambda term: (-len(term), term))
        self._terms = re.compile("|".join(map(_whole, listed)), re.IGNORECASE) if listed else None
        self.protect = lru_cache(maxsize=4096)(self._protect)

    def _protect(self, text: str) -> Protected:
        """Return the protected places of a text."""
        kinds = tuple(kind for kind, mark in _MARKS.items() if mark.search(text))
        matches = _patterns(kinds).finditer(text) if kinds else ()
        found = [Span(match.start(), match.end(), match.lastgroup or "code") for match in matches]
        if self._terms is not None:
            found += [Span(match.start(), match.end(), "term") for match in self._terms.finditer(text)]
        return Protected(text, _apart(found))


def _whole(term: str) -> str:
    """Return a pattern of a term as a word of its own; beside Chinese a word has no edge."""
    before = r"(?<![A-Za-z0-9])" if term[0].isascii() and term[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if term[-1].isascii() and term[-1].isalnum() else ""
    return before + re.escape(term) + after


def _apart(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans without overlap: those that touch one another's characters become one, of the stronger kind."""
    apart: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.stop)):
        if apart and span.start < apart[-1].stop:
            last = apart[-1]
            kind = min(last.kind, span.kind, key=KINDS.index)
            apart[-1] = Span(last.start, max(last.stop, span.stop), kind)
        else:
            apart.append(span)
    return tuple(apart)
