"""Markdown units: the questions of a FAQ with their answers, or the sections of a handbook.

A file counts as a FAQ where at least half of the headings on one level ask something; that level's
headings are then the questions, with everything below as the answer. In any other file each heading with
text of its own is {title, text}. Both keep the headings above as `section`. Rejected: a unit for each file
(a handbook of 200 pages is one text) and for each heading always (answers have headings, too).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.ingest.encodings import open_text
from pipeline.ingest.markdown_answers import answer_and_question, clean_body, is_question, plain_title
from pipeline.ingest.markdown_lines import MarkdownLine, markdown_lines
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK
from pipeline.ingest.units import ENCODING, NO_PAIR, UNANSWERED, Bad, Unit, too_large

log = logging.getLogger(__name__)

_BOM = "\ufeff".encode()
_LEAST_ASKING = 0.5  # of the headings of a level
_FRONT_MATTER_LINES = 200
_NOT_DECODED = re.compile("[\udc80-\udcff]")
_PAIR = re.compile(r"([A-Za-z_][\w-]*):[ \t]*(.+?)[ \t]*$")


class Outline(NamedTuple):
    """What the headings of a file say: the level of its questions (0: it is no FAQ), and its front matter."""

    asks_at: int
    items: bool
    front: dict[str, object]
    first_line: int


def read_markdown(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield {question, answer, section} or {title, text, section}; text before the first heading is {text}."""
    outline = _outline(path, spec)
    kind = (
        f"questions are the headings of level {outline.asks_at}" if outline.asks_at else "sections are units"
    )
    log.info("%s: %s", path.name, kind)
    yield from _Sections(outline, spec.max_unit_bytes).of(_lines(path, spec, outline.first_line))


def _lines(path: Path, spec: SourceSpec, first: int = 1) -> Iterator[MarkdownLine]:
    return markdown_lines((number, text) for number, text in _raw_lines(path, spec) if number >= first)


def _raw_lines(path: Path, spec: SourceSpec) -> Iterator[tuple[int, str]]:
    limit = spec.max_unit_bytes
    with open_text(path, spec) as stream:
        number = 0
        while line := stream.readline(limit + 2):
            number += 1
            if len(line) > limit + 1 and not line.endswith(b"\n"):
                while (part := stream.readline(CHUNK)) and not part.endswith(b"\n"):
                    pass
                line = line + b"\n"
            body = line.removeprefix(_BOM) if number == 1 else line
            yield number, body.decode("utf-8", "surrogateescape").rstrip("\r\n")


def _outline(path: Path, spec: SourceSpec) -> Outline:
    front, first = _front_matter(path, spec)
    asking: Counter[tuple[int, bool]] = Counter()
    every: Counter[tuple[int, bool]] = Counter()
    for line in _lines(path, spec, first):
        if line.level and not line.in_details:
            every[line.level, line.is_item] += 1
            asking[line.level, line.is_item] += is_question(line.title)
    # Headings above the questions (the parts of a FAQ) ask nothing: each level is judged alone.
    levels = [key for key, count in asking.items() if count >= max(2, _LEAST_ASKING * every[key])]
    if not levels:
        return Outline(0, False, front, first)
    level, items = max(levels, key=lambda key: (asking[key], -key[0]))
    return Outline(level, items, front, first)


def _front_matter(path: Path, spec: SourceSpec) -> tuple[dict[str, object], int]:
    """Return the simple keys of the front matter, and the first line after it."""
    found: dict[str, object] = {}
    for number, text in _raw_lines(path, spec):
        if number == 1:
            if text.rstrip() != "---":
                break
        elif text.rstrip() in ("---", "..."):
            return found, number + 1
        elif number > _FRONT_MATTER_LINES:
            break
        elif pair := _PAIR.match(text):
            found[pair[1]] = pair[2].strip("\"'")
    return {}, 1


class _Sections:
    """Cuts lines into units; holds the lines of one section, or none where they are too many."""

    def __init__(self, outline: Outline, limit: int) -> None:
        self._outline = outline
        self._limit = limit
        self._above: list[tuple[int, str]] = []  # level and title of the headings around
        self._title = ""
        self._is_question = False
        self._start = 0
        self._body: list[MarkdownLine] = []
        self._size = 0

    def of(self, lines: Iterator[MarkdownLine]) -> Iterator[Unit | Bad]:
        """Yield the units of a file's lines."""
        for line in lines:
            if line.level and self._begins_section(line):
                yield from self._finish()
                self._begin(line)
                continue
            self._start = self._start or line.number
            self._size += len(line.text) + 1
            if self._size <= self._limit:
                self._body.append(line)
            else:
                self._body.clear()
        yield from self._finish()

    def _begins_section(self, line: MarkdownLine) -> bool:
        outline = self._outline
        if line.in_details:
            return False
        if not outline.asks_at:
            return not line.text.startswith("    ")
        if line.is_item == outline.items and line.level == outline.asks_at:
            return True
        if outline.items and not line.is_item:
            # Between numbered questions, only an unindented heading above their level is a part of the FAQ.
            return line.level < outline.asks_at and not line.text.startswith(" ")
        return line.level < outline.asks_at or not self._is_question

    def _begin(self, line: MarkdownLine) -> None:
        outline = self._outline
        is_at_level = line.level == outline.asks_at and line.is_item == outline.items
        self._is_question = bool(outline.asks_at) and (is_at_level or is_question(line.title))
        level = line.level + (6 if line.is_item else 0)
        self._above = [above for above in self._above if above[0] < level]
        self._title = plain_title(line.title)
        self._above.append((level, self._title))
        self._start, self._body, self._size = line.number, [], 0

    def _finish(self) -> Iterator[Unit | Bad]:
        line, body, size = self._start, self._body, self._size
        self._start, self._body, self._size = 0, [], 0
        if size > self._limit:
            yield too_large(line, self._limit)
        elif self._above or any(part.text.strip() for part in body):
            yield from self._units(line, body)

    def _units(self, line: int, body: list[MarkdownLine]) -> Iterator[Unit | Bad]:
        if any(_is_damaged(part.text) for part in body) or _is_damaged(self._title):
            yield Bad(line, ENCODING, "a line of the section is not valid in the file's encoding")
            return
        section = " > ".join(title for _, title in self._above[:-1])
        rest: dict[str, object] = {"section": section} if section else {}
        rest |= {"front_matter": self._outline.front} if self._outline.front else {}
        found = answer_and_question(body)
        if self._is_question and not found.pairs:
            if found.answer:
                question = f"{self._title}\n\n{found.question}".strip()
                yield Unit(line, {"question": question, "answer": found.answer, **rest})
            else:
                yield Bad(line, UNANSWERED, "a question without an answer")
            return
        for number, question, answer in found.pairs:
            inner = " > ".join(title for _, title in self._above)
            yield Unit(number, {"question": question, "answer": answer, **rest, "section": inner})
        text = found.rest if found.pairs else clean_body(body)
        if text and self._outline.asks_at:
            yield Bad(line, NO_PAIR, "a part of a FAQ that asks nothing")
        elif text:
            yield Unit(line, {**({"title": self._title} if self._above else {}), "text": text, **rest})


def _is_damaged(text: str) -> bool:
    return _NOT_DECODED.search(text) is not None
