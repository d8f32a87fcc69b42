"""The lines of a Markdown file with what each one is: a heading, code, or text.

Only what decides where a section ends is parsed (CommonMark headings, fences, comments, front matter,
`<details>`), a line at a time, so a file is never in memory. Rejected: markdown-it and the like, which
build a tree of the whole file and give back HTML where the source is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ATX = re.compile(
    r"(?P<indent> {0,3})(?P<item>(?:\d{1,4}[.)]|[-*+])[ \t]+)?(?P<marks>#{1,6})"
    r"(?:[ \t]+(?P<text>.*?)|(?P<tight>(?<=##)[\u3400-\u9fff].*?))?(?:[ \t]+#+)?[ \t]*$"
)
_FENCE = re.compile(r"(?P<indent>[ \t]*)(?:(?:[-*+]|\d{1,4}[.)])[ \t]+)?(?P<fence>`{3,}(?=[^`]*$)|~{3,})")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_NO_PARAGRAPH = re.compile(r"[ \t]*([-*+>|#<]|\d{1,4}[.)][ \t]|`{3,}|~{3,}|\[[^\]]+\]:)| {4}|\t")
_DETAILS_OPEN = re.compile(r"<details\b[^>]*>", re.IGNORECASE)
_DETAILS_CLOSE = re.compile(r"</details\s*>", re.IGNORECASE)
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


@dataclass(frozen=True, slots=True)
class MarkdownLine:
    """A line: where, its text without comments, and, for a heading, its level and title.

    `level` is 0 for no heading, 1 to 6, or 7 for a numbered item that is one (`3. ### ...`, as its `#` say).
    `in_code` is true for the lines of a fence, `in_details` for those inside `<details>`.
    """

    number: int
    text: str
    level: int = 0
    title: str = ""
    in_code: bool = False
    in_details: bool = False
    is_item: bool = False


class _State:
    """What is open: a fence, a comment, `<details>`."""

    def __init__(self) -> None:
        self.fence = ""
        self.fence_indent = 0
        self.in_comment = False
        self.details = 0


def markdown_lines(lines: Iterable[tuple[int, str]]) -> Iterator[MarkdownLine]:
    """Yield the lines of a text without its front matter.

    Args:
        lines: number and text of each line, without line ends.
    """
    state = _State()
    waiting: MarkdownLine | None = None  # a one-line paragraph that the next line may make a heading
    after_blank = True
    for number, text in lines:
        line = _one(number, text, state)
        if waiting is not None:
            mark = _SETEXT.match(line.text) if not (line.in_code or line.level) else None
            if mark:
                level = 1 if mark[1].startswith("=") else 2
                title = waiting.text.strip()
                yield MarkdownLine(waiting.number, waiting.text, level, title, in_details=waiting.in_details)
                waiting, after_blank = None, True
                continue
            yield waiting
            waiting = None
        blank = not line.text.strip()
        starts_paragraph = after_blank and not (blank or line.level or line.in_code)
        after_blank = blank or line.level > 0
        if starts_paragraph and not _NO_PARAGRAPH.match(line.text):
            waiting = line
        else:
            yield line
    if waiting is not None:
        yield waiting


def _one(number: int, text: str, state: _State) -> MarkdownLine:
    if state.fence:
        heading = _ATX.match(text)
        # A fence inside a list item ends with the item: the next numbered heading starts another.
        if not (state.fence_indent >= 2 and heading and heading["item"] and not heading["indent"]):
            if _closes(text, state.fence):
                state.fence = ""
            return MarkdownLine(number, text, in_code=True, in_details=state.details > 0)
        state.fence = ""
    text = _without_comments(text, state)
    fence = _FENCE.match(text)
    if fence:
        state.fence, state.fence_indent = fence["fence"], len(fence["indent"].expandtabs(4))
        return MarkdownLine(number, text, in_code=True, in_details=state.details > 0)
    heading = _ATX.match(text)
    was_inside = state.details > 0
    bare = _CODE_SPAN.sub("", text) if "<" in text else ""
    opened, closed = len(_DETAILS_OPEN.findall(bare)), len(_DETAILS_CLOSE.findall(bare))
    state.details = max(0, state.details + opened - closed)
    inside = was_inside or state.details > 0
    if heading is None or (heading["item"] and not heading["item"][0].isdigit()):
        return MarkdownLine(number, text, in_details=inside)
    title = (heading["text"] or heading["tight"] or "").strip()
    level = len(heading["marks"])
    if heading["item"] and not heading["indent"]:
        state.details = 0  # an item that is a heading ends whatever was left open in the one before
        inside = False
    return MarkdownLine(number, text, level, title, in_details=inside, is_item=bool(heading["item"]))


def _closes(text: str, fence: str) -> bool:
    stripped = text.strip()
    return len(stripped) >= len(fence) and set(stripped) == {fence[0]}


def _without_comments(text: str, state: _State) -> str:
    """Return a line without HTML comments, which may go on over lines."""
    if not state.in_comment and "<!--" not in text:
        return text
    kept: list[str] = []
    place = 0
    while place < len(text):
        if state.in_comment:
            end = text.find("-->", place)
            if end < 0:
                break
            place, state.in_comment = end + 3, False
        else:
            begin = text.find("<!--", place)
            if begin < 0 or text[:begin].count("`") % 2:
                kept.append(text[place:])
                break
            kept.append(text[place:begin])
            place, state.in_comment = begin + 4, True
    return "".join(kept)
