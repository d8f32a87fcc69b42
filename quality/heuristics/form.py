"""The outer form of a text: marks instead of words, and code fences left open.

The share of symbols is counted outside code, tables and formulas, where marks are the words, and a mark said
many times on end is said once: people stress with "!!!", rows of emoji and rules of "=====". Fences follow
CommonMark 0.31, section 4.5: a fence closes with the same mark, at least as long and with nothing behind
it. Rejected: an odd number of ``` anywhere in the text, which counts inline code and nested longer fences.
"""

from __future__ import annotations

import re

from quality.heuristics.units import width

_PLAIN_MARKS = (
    r"\w\s.,;:!?'\"()\[\]/%&$€£¥\-–—‘’“”…•·"
    # Vowel and tone signs, which no \w matches: combining, Hebrew to Tibetan, Burmese, Khmer.
    r"\u0300-\u036f\u0591-\u0fff\u1000-\u109f\u1780-\u17ff\u200b-\u200d\ufe0f"
    r"，。、；：？！「」『』（）《》〈〉【】〔〕～￥°℃"
)
_PLAIN = re.compile(rf"[{_PLAIN_MARKS}]+")
_AGAIN = re.compile(rf"([^{_PLAIN_MARKS}])(?:[ \t]?\1){{2,}}")
_EMOJI = r"(?:[\U0001f000-\U0001faff☀☕⚡✅✊-✍✨❌❓-❗❤⭐]|[\u203c-\u3299](?=\ufe0f))"
_EMOJIS = re.compile(rf"{_EMOJI}(?:[\s\u200d\ufe0f]*{_EMOJI})+")
_NAMED = re.compile(r"(?<![^\s\"'“‘(])[@#](?=\w)")
_INLINE_CODE = re.compile(r"(?<!`)`[^`\n]{1,300}`(?!`)")
_SUM = re.compile(r"[\d .,:()\[\]{}%$€£¥+*/×÷·±=≈≠<>≤≥^√°−-]+")
_OPERATOR = re.compile(r"\d[^\d+*/×÷=<>^−-]{0,9}[+*/×÷=<>^−-]{1,4}\D{0,9}\d")
_SPACE = re.compile(r"\s+")
_MATHS = re.compile(
    r"\$\$(?=[^$]{0,40}\w)[^$]{1,2000}\$\$|\$(?=[^$\n]{0,40}\w)[^$\n]{1,300}\$|\\\([^\n]{1,300}?\\\)|\\\[.{1,1000}?\\\]",
    re.S,
)
_LIST = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?=[ \t])[ \t]{1,4}")
_WORDLESS = re.compile(r"(?<!\S)[^\w\s.…—-]{3,60}(?!\S)")
_WORD = re.compile(r"[^\W_]")
_OPERATION = re.compile(r"[\w)\]}] ?(?:[-+*/^=<>~|&%×÷±≈≤≥]|\\\\)+ ?[\w(\[{\\]")
_NUMERIC = re.compile(r"[\d\s.,;:\[\](){}%+/*×÷±=≈<>≤≥^√°-]+")
_DIGIT = re.compile(r"\d")
_DOTS = re.compile(r"[\s.…。·•_—–\-~*=#|:]*")
_LONGEST_WORDLESS = 4000
_LONGEST_LINE = 400
_FENCE = re.compile(r"(`{3,}|~{3,})(.*)")
_CODE_LINE = re.compile(
    r"[;{}]\s*$|\w\([^)\n]{0,200}\)[:;,]?\s*$"
    r"|^\s*(?:</?[A-Za-z!][^>\n]{0,200}>|#include|import \w|from \w+ import |def \w+\(|class \w+[:({ ]"
    r"|(?:public|private|static|const|let|var|function|return|elif|else:|if ?\(|for ?\(|while ?\() ?"
    r"|(?:SELECT|INSERT|FROM|WHERE|GROUP BY|ORDER BY|JOIN|CREATE TABLE) "
    r"|\w[\w.\[\]]{0,40} ?[-+*/]?= ?\S|//|[.#][\w-]+ ?\{|\$ \w)"
)


def symbol_ratio(text: str, min_chars: int = 20) -> float:
    """Return the share of a text's visible characters that are neither letters, digits nor punctuation.

    Code, table rows, formulas and sums count as words; a mark or emoji said many times on end counts once, and
    "@" or "#" before a name not at all. 0.0 if fewer than `min_chars` stand outside code and the like.
    Punctuation counts where it stands in runs of three or more with a blank on either side ("??? %%%"),
    and all of it where there is no letter or digit at all; dots and dashes alone are a placeholder.
    """
    marks = len(_PLAIN.sub("", text))
    if not marks and (len(text) > _LONGEST_WORDLESS or _WORD.search(text)):
        return 0.0
    wordless = _WORD.search(text) is None
    few = not wordless and 10 * marks <= len(text)
    left = text if few else prose(text)
    if _visible(left) < min_chars:
        return 0.0
    if wordless:
        return 1.0 if _DOTS.fullmatch(left) is None else _marks(left) / _visible(left)
    if few:
        return marks / _visible(text)
    return _marks(_once(_without_notation(left))) / _visible(_once(text))


def _visible(text: str) -> int:
    return len(_SPACE.sub("", text))


def _without_notation(text: str) -> str:
    """Return a text without inline code, sums and the signs that make a word a name or a tag."""
    text = _NAMED.sub("", _INLINE_CODE.sub(" ", text))
    return _SUM.sub(lambda run: " " if _OPERATOR.search(run.group()) else run.group(), text)


def _once(text: str) -> str:
    """Return a text with every mark, and every row of emoji, that is repeated on end said once."""
    return _AGAIN.sub(r"\1", _EMOJIS.sub("☺", text))


def _marks(text: str) -> int:
    """Return the number of symbols, and of punctuation in runs without a word."""
    runs = sum(len(run) for run in _WORDLESS.findall(text))
    return runs + len(_PLAIN.sub("", _WORDLESS.sub("", text)))


def prose(text: str) -> str:
    """Return a text without fenced code, lines of code, table rows and formulas."""
    kept: list[str] = []
    open_fence = ""
    for line in _MATHS.sub(" ", text).splitlines():
        fence = _FENCE.match(line.lstrip())
        if fence and not open_fence:
            open_fence = fence.group(1)[:3]
        elif fence and line.lstrip().startswith(open_fence):
            open_fence = ""
        elif not open_fence and not _is_notation(line):
            kept.append(line)
    return "\n".join(kept)


def _is_notation(line: str) -> bool:
    """Return whether a line is a table row, code, a calculation or numbers, where marks are the words."""
    bare = line.strip()[:_LONGEST_LINE]
    if "|" in bare or "\t" in bare or bare.startswith("+-"):
        words = sum(map(str.isalnum, bare))
        if 6 * words >= len(bare) or not bare.strip("|-:+= \t"):
            return True
    if _CODE_LINE.search(bare) or (_NUMERIC.fullmatch(bare) and _DIGIT.search(bare)):
        return True
    words = len(bare.split()) + (0 if bare.isascii() else width(bare) - len(bare))
    return 8 * len(_OPERATION.findall(bare)) > words + 8


def unclosed_fence(text: str) -> bool:
    """Return whether a fenced code block (``` or ~~~) of a Markdown text is never closed.

    A fence may stand in a list item or a quote: its indentation counts from the item's content.
    """
    if "```" not in text and "~~~" not in text:
        return False
    mark, base = "", 0
    bases = [0]
    for raw in text.splitlines():
        indent, content = _content(raw)
        if not mark:
            item = _LIST.match(content)
            while item:
                indent += item.end()
                bases = [known for known in bases if known < indent] + [indent]
                content = content[item.end() :]
                item = _LIST.match(content)
        fence = _FENCE.match(content)
        if fence is None:
            continue
        run, rest = fence.groups()
        if not mark:
            inside = [known for known in bases if 0 <= indent - known <= 3]
            if inside and not (run[0] == "`" and "`" in rest):
                mark, base = run, inside[-1]
        elif run[0] == mark[0] and len(run) >= len(mark) and not rest.strip() and indent - base <= 3:
            mark = ""
    return bool(mark)


def _content(line: str) -> tuple[int, str]:
    """Return the indentation (in columns) and the content of a line, with quote marks taken off."""
    expanded = line.expandtabs(4)
    content = expanded.lstrip(" ")
    indent = len(expanded) - len(content)
    while indent <= 3 and content.startswith(">"):
        inner = content[1:].removeprefix(" ")
        content = inner.lstrip(" ")
        indent = len(inner) - len(content)
    return indent, content
