"""Plain text: its lines, its paragraphs, the whole file, or the questions and answers marked in it.

What a unit is, is read from the start of the file and told in the log; `unit:` in the recipe overrides it.
Only a line feed ends a line: U+2028, U+0085, vertical tabs and form feeds stay inside texts. Rejected:
sentences as units (no splitter is right in every language) and always the whole file (one long text).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from pipeline.ingest.encodings import open_text, text_head
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK
from pipeline.ingest.units import ENCODING, NO_PAIR, UNANSWERED, Bad, Unit, too_large

log = logging.getLogger(__name__)

TextUnit = Literal["line", "paragraph", "file", "question and answer"]

_BOM = "\ufeff".encode()
_NUMBER = r"[ \t]*[0-9一二三四五六七八九十]{0,4}[ \t]*(?:[:：]|[.、．](?=[ \t]))"
_QUESTION = re.compile(
    rf"[ \t]*(?:\*\*)?(?:Q|Question|问|问题|提问|題|問){_NUMBER}[ \t]*(?:\*\*)?[ \t]*", re.IGNORECASE
)
_ANSWER = re.compile(
    rf"[ \t]*(?:\*\*)?(?:A|Answer|答|回答|答案|解答){_NUMBER}[ \t]*(?:\*\*)?[ \t]*", re.IGNORECASE
)
_INLINE_ANSWER = re.compile(r"(?<=[\s。？！?!.])(?:A|Answer|答|回答|答案|解答)[:：][ \t]*")
_ENDS = re.compile(r"[.!?。！？…；;:：\"'”’」』)）\]>]\s*$")
_LEAST_BLANK = 0.02  # of the lines
_WRAPPED_AT = 100  # characters
_MOST_BEFORE = 40  # lines of an introduction, before the first marked question
_MOST_A_PAIR = 60  # lines that a marked question and its answer fill on average


def read_text(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield {text} or {question, answer}; `line` is the line that a unit starts on."""
    unit = spec.unit if spec.unit != "auto" else text_unit(text_head(path, spec))
    log.info("%s: each %s is a unit", path.name, unit)
    with open_text(path, spec) as stream:
        lines = _lines(stream, spec.max_unit_bytes)
        if unit == "question and answer":
            yield from _pairs(lines, spec.max_unit_bytes)
        else:
            yield from _texts(lines, spec.max_unit_bytes, _ENDS_UNIT[unit])


def text_unit(head: bytes) -> TextUnit:
    """Tell from the start of a text what its units are.

    Marked questions with answers come first, then paragraphs where lines are blank. Without blank lines, a
    text whose lines are short and rarely end a sentence is wrapped, so it is one; else each line is one.
    """
    lines = head.decode("utf-8-sig", "replace").split("\n")
    if len(lines) > 2:
        lines = lines[:-1] if not head.endswith(b"\n") and len(head) > CHUNK // 8 else lines
    texts = [line for line in lines if line.strip()]
    if _has_pairs(texts):
        return "question and answer"
    if not texts:
        return "paragraph"
    inner = "\n".join(lines).strip().split("\n")
    if sum(not line.strip() for line in inner) > _LEAST_BLANK * len(inner):
        return "paragraph"
    ending = sum(bool(_ENDS.search(line)) for line in texts) / len(texts)
    longest = max(map(len, texts))
    return (
        "file" if len(texts) > 2 and longest <= _WRAPPED_AT and ending < 0.5 and _is_even(texts) else "line"
    )


def _is_even(texts: list[str]) -> bool:
    """Tell whether most lines are nearly as long as the longest, as they are where a program wrapped them."""
    longest = max(map(len, texts))
    return longest > 30 and sum(len(text) > 0.7 * longest for text in texts) > 0.6 * len(texts)


def _has_pairs(texts: list[str]) -> bool:
    """Tell whether marked questions and answers make up a text; one that only quotes some is no FAQ."""
    asking = [place for place, text in enumerate(texts) if _QUESTION.match(text)]
    answers = sum(
        bool(_ANSWER.match(text) or (_QUESTION.match(text) and _INLINE_ANSWER.search(text))) for text in texts
    )
    if not asking or not answers or 2 * min(len(asking), answers) < max(len(asking), answers):
        return False
    return asking[0] == 0 or (asking[0] <= _MOST_BEFORE and len(texts) <= _MOST_A_PAIR * len(asking))


class _Line:
    """One line of a file; `text` is None where it is too long to be held or is not UTF-8."""

    __slots__ = ("number", "reason", "size", "text")

    def __init__(self, number: int, text: str | None, size: int, reason: str = "") -> None:
        self.number = number
        self.text = text
        self.size = size
        self.reason = reason


def _lines(stream: BinaryIO, limit: int) -> Iterator[_Line]:
    number = 0
    while line := stream.readline(limit + 2):
        number += 1
        size = len(line)
        if not line.endswith(b"\n"):
            while part := stream.readline(CHUNK):
                size += len(part)
                if part.endswith(b"\n"):
                    break
        line = line.removeprefix(_BOM) if number == 1 else line
        if size > limit + 2:
            yield _Line(number, None, size)
            continue
        try:
            yield _Line(number, line.decode().removesuffix("\n").removesuffix("\r"), size)
        except UnicodeDecodeError:
            yield _Line(number, None, size, ENCODING)


class _Text:
    """The lines of one unit as they come in; over the limit only their size is kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.line = 0
        self._parts: list[str] = []
        self._size = 0
        self._reason = ""

    def add(self, line: _Line, text: str | None = None) -> None:
        """Take a line, or the part of it that belongs to this unit."""
        self.line = self.line or line.number
        self._size += line.size
        self._reason = self._reason or line.reason
        if self._size > self._limit + 2 or line.text is None:
            self._parts.clear()
        else:
            self._parts.append(line.text if text is None else text)

    def fault(self) -> Bad | None:
        """Return why this is no unit, if it is none."""
        if self._reason:
            return Bad(self.line, ENCODING, "a line of the unit is not valid in the file's encoding")
        return too_large(self.line, self._limit) if self._size > self._limit + 2 else None

    def text(self) -> str:
        """Return the text without blank lines around it."""
        return "\n".join(self._parts).strip("\n").rstrip()


_ENDS_UNIT: dict[str, Callable[[_Line], bool]] = {
    "line": lambda line: True,
    "paragraph": lambda line: line.text is not None and not line.text.strip(),
    "file": lambda line: False,
}


def _texts(lines: Iterator[_Line], limit: int, ends: Callable[[_Line], bool]) -> Iterator[Unit | Bad]:
    unit = _Text(limit)
    for line in lines:
        blank = line.text is not None and not line.text.strip()
        if not blank or unit.line:
            unit.add(line)
        if unit.line and ends(line):
            yield unit.fault() or Unit(unit.line, {"text": unit.text()})
            unit = _Text(limit)
    if unit.line:
        yield unit.fault() or Unit(unit.line, {"text": unit.text()})


def _pairs(lines: Iterator[_Line], limit: int) -> Iterator[Unit | Bad]:
    """Yield the marked pairs; text before the first is a reject of its own."""
    question, answer, is_first = _Text(limit), _Text(limit), True
    for line in lines:
        text = line.text or ""
        asked, answered = _QUESTION.match(text), _ANSWER.match(text)
        if asked:
            yield from _pair(question, answer, is_first)
            question, answer, is_first = _Text(limit), _Text(limit), False
            rest = text[asked.end() :]
            inline = _INLINE_ANSWER.search(rest)
            question.add(line, rest[: inline.start()].strip() if inline else rest)
            if inline:
                answer.add(line, rest[inline.end() :])
        elif answered and question.line and not is_first and not answer.line:
            answer.add(line, text[answered.end() :])
        elif text.strip() or line.text is None or question.line:
            (answer if answer.line else question).add(line)
    yield from _pair(question, answer, is_first)


def _pair(question: _Text, answer: _Text, is_first: bool) -> Iterator[Unit | Bad]:
    if not question.line:
        return
    fault = question.fault() or answer.fault()
    if fault is not None:
        yield fault._replace(line=question.line)
    elif is_first:
        yield Bad(question.line, NO_PAIR, "text before the first question")
    elif not answer.text():
        yield Bad(question.line, UNANSWERED, "a question that no answer follows")
    else:
        yield Unit(question.line, {"question": question.text().strip(), "answer": answer.text().strip()})
