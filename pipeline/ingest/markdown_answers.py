"""What a section of a FAQ asks and answers: its title, its body, and what `<details>` hides.

An answer that is folded away (`<details><summary>Answer</summary>`) splits the body: what stands before it
belongs to the question. A folded block whose summary asks something is a pair of its own. Rejected: keeping
the tags in the text (a model would learn to write them).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.ingest.markdown_lines import MarkdownLine

_ASKS = re.compile(
    r"(what|why|how|when|where|which|who|whose|whom|is|are|am|was|were|can|could|do|does|did|should|shall|will|would"
    r"|has|have|had|may|must|explain|describe|list|compare|give|name)(?:'s|s)?\b",
    re.IGNORECASE,
)
_ASKS_ZH = re.compile(
    r"(什么|什麼|为什么|為什麼|为何|為何|如何|怎么|怎麼|怎样|怎樣|是否|哪些|哪个|哪個|哪里|哪裡|多少|几种|能否|吗|嗎|呢)"
)
_MARK = re.compile(r"(?:Q|Question|问|问题|問題)[ \t]*\d*[ \t]*[:：.、][ \t]*", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\d{1,4}(?:\.\d{1,3})*[.)、．:：][ \t]*|[一二三四五六七八九十]{1,3}、[ \t]*)+")
_LINK = re.compile(r"!?\[([^\]]*)\]\((?:[^()]|\([^()]*\))*\)")
_EMPHASIS = re.compile(
    r"(?<![\w*])(\*{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*])|(?<![\w_])(_{1,3})(?=\S)(.+?)(?<=\S)\3(?![\w_])"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_ANCHOR_ID = re.compile(r"[ \t]*\{#[^}]*\}[ \t]*$")
_ANSWER = re.compile(
    r"\W*(?:(?:show|see|view|click|reveal|check|read|the|here|for|to|点击|查看|显示|展开|參考|参考|正确|看)\W*)*"
    r"(?:answers?|solutions?|explanation|答案|解答|回答|解析|答)\W*(?:key|here|解析|与解析|和解析)?\W*$",
    re.IGNORECASE,
)
_OPEN = re.compile(r"[ \t]*<details\b[^>]*>", re.IGNORECASE)
_CLOSE = re.compile(r"</details\s*>[ \t]*", re.IGNORECASE)
_SUMMARY_OPEN = re.compile(r"<summary\b[^>]*>", re.IGNORECASE)
_SUMMARY_CLOSE = re.compile(r"</summary\s*>", re.IGNORECASE)
_LAYOUT_TAG = re.compile(
    r"[ \t]*</?(?:p|div|center|br|span|a)\b[^<>]*/?>(?:[ \t]*</(?:p|div|center|span|a)>)?[ \t]*$",
    re.IGNORECASE,
)
_NAVIGATION = re.compile(r"[*_>|\-•·, \t]*(?:!?\[[^\]]*\]\(#[^)]*\)[*_>|\-•·, \t]*)+$")
_BACK = re.compile(r"\b(?:back to|top|contents)\b|[⬆↑🔝▲]|返回|目录|目錄|顶部|頂部", re.IGNORECASE)
_RULE = re.compile(r"[ \t]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")


class Pair(NamedTuple):
    """A question that is a folded block's summary, with the block as its answer."""

    line: int
    question: str
    answer: str


@dataclass(slots=True)
class Body:
    """What a section holds: what still belongs to its question, the answer, and pairs inside it."""

    question: str = ""
    answer: str = ""
    pairs: list[Pair] = field(default_factory=list)
    rest: str = ""


def is_question(title: str) -> bool:
    """Tell whether a heading asks something, in English or Chinese."""
    plain = plain_title(title)
    if plain.endswith(("?", "？")) or _MARK.match(title.strip("*_ ")):
        return True
    words = plain.split()
    return (len(words) > 2 and bool(_ASKS.match(plain))) or bool(_ASKS_ZH.search(plain))


def plain_title(title: str) -> str:
    """Return a heading without links, emphasis, tags, its number and a mark such as `Q1:`."""
    text = _ANCHOR_ID.sub("", title)
    text = _LINK.sub(r"\1", text)
    spans = text.split("`")
    spans[::2] = [_TAG.sub("", span) for span in spans[::2]]
    text = "`".join(spans)
    for _ in range(2):
        text = _EMPHASIS.sub(lambda match: match[2] or match[4], text)
    text = text.strip()
    bare = _NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text
    mark = _MARK.match(bare)
    bare = bare[mark.end() :] if mark else bare
    return bare.strip() or text


def clean_body(lines: list[MarkdownLine]) -> str:
    """Return the text of lines: no layout tags, links back to the top or rules around, no common indent."""
    kept: list[str] = []
    for line in lines:
        if line.in_code:
            kept.append(line.text.rstrip())
            continue
        text = line.text
        if "<" not in text and "[" not in text:
            kept.append(text if text.endswith("  ") else text.rstrip())
            continue
        if _is_layout(text):
            continue
        text = _SUMMARY_CLOSE.sub("", _SUMMARY_OPEN.sub("", _CLOSE.sub("", _OPEN.sub("", text))))
        if line.text.strip() and not text.strip():
            continue
        kept.append(text.rstrip() if not text.endswith("  ") else text.rstrip() + "  ")
    return _framed(_dedented(kept))


def _is_layout(text: str) -> bool:
    if _LAYOUT_TAG.match(text):
        return True
    return bool(_NAVIGATION.match(text)) and bool(_BACK.search(text))


def _framed(lines: list[str]) -> str:
    while lines and (not lines[0].strip() or _RULE.match(lines[0])):
        lines = lines[1:]
    while lines and (not lines[-1].strip() or _RULE.match(lines[-1])):
        lines = lines[:-1]
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).rstrip()


def _dedented(lines: list[str]) -> list[str]:
    """Take the indent of a list item off: of the first line, from all that have it."""
    first = next((line for line in lines if line.strip()), "")
    indent = len(first) - len(first.lstrip(" "))
    if not indent:
        return lines
    return [line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in lines]


def answer_and_question(body: list[MarkdownLine]) -> Body:
    """Tell the parts of a section's body by its folded blocks."""
    if not any(line.in_details for line in body):
        return Body(answer=clean_body(body))
    found = Body()
    before: list[MarkdownLine] = []
    answers: list[str] = []
    rest: list[MarkdownLine] = []
    for block in _blocks(body):
        summary = plain_title(_TAG.sub("", block.summary)) if block.folded else ""
        if block.folded and _ANSWER.match(summary):
            answers.append(clean_body(block.lines))
        elif block.folded and not answers and is_question(summary) and clean_body(block.lines):
            found.pairs.append(Pair(block.lines[0].number, summary, clean_body(block.lines)))
        else:
            text = [MarkdownLine(line.number, line.text, in_code=line.in_code) for line in block.lines]
            if block.folded and summary:
                text.insert(0, MarkdownLine(block.lines[0].number, f"**{summary}**"))
                text.insert(1, MarkdownLine(block.lines[0].number, ""))
            (rest if answers else before).extend(text)
    if answers:
        after = clean_body(rest)
        found.question = clean_body(before)
        found.answer = "\n\n".join(part for part in (*answers, after) if part)
    else:
        found.answer = "" if found.pairs else clean_body(before)
        found.rest = clean_body(before) if found.pairs else ""
    return found


@dataclass(slots=True)
class _Block:
    """Lines of one `<details>`, or lines outside any."""

    folded: bool
    summary: str = ""
    lines: list[MarkdownLine] = field(default_factory=list)


def _blocks(body: list[MarkdownLine]) -> list[_Block]:
    blocks = [_Block(False)]
    depth, in_summary = 0, False
    for line in body:
        if line.in_code:
            blocks[-1].lines.append(line)
            continue
        text = line.text
        opening = _OPEN.search(text)
        if opening and depth == 0:
            if text[: opening.start()].strip():
                blocks[-1].lines.append(MarkdownLine(line.number, text[: opening.start()]))
            blocks.append(_Block(True))
            text = text[opening.end() :]
        depth += len(_OPEN.findall(line.text)) - len(_CLOSE.findall(line.text))
        depth = max(0, depth)
        if blocks[-1].folded and depth <= 1:
            text, in_summary = _take_summary(blocks[-1], text, in_summary)
        closing = _CLOSE.search(text) if depth == 0 and blocks[-1].folded else None
        tail = text[closing.end() :] if closing else ""
        text = text[: closing.start()] if closing else text
        if text.strip() or not line.text.strip() or not blocks[-1].lines:
            blocks[-1].lines.append(MarkdownLine(line.number, text))
        if depth == 0 and blocks[-1].folded:
            blocks.append(_Block(False))
            if tail.strip():
                blocks[-1].lines.append(MarkdownLine(line.number, tail))
    return [block for block in blocks if block.lines]


def _take_summary(block: _Block, text: str, inside: bool) -> tuple[str, bool]:
    """Move what stands between the summary's tags from a line to its block."""
    opening = _SUMMARY_OPEN.search(text)
    if not inside and opening is None:
        return text, False
    start = opening.end() if opening and not inside else 0
    closing = _SUMMARY_CLOSE.search(text, start)
    block.summary += " " + text[start : closing.start() if closing else len(text)]
    return (text[closing.end() :] if closing else ""), closing is None
