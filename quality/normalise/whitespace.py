"""Line ends, empty lines and blanks, where they are careless and not layout.

Code fences are never prose, and two blanks within a line may be a column of a table, a chord above its word
or a drawing; so a gap is closed only in a line that reads as prose beside lines without columns. Rejected:
`" ".join(text.split())` (it flattens code and verse) and closing every gap (it ruins tables without rules).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from quality.normalise.repair import Repair
from quality.normalise.subject import Subject, is_code

FENCE = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z))", re.DOTALL)
_GAP = re.compile(r"(?<=[^\s(（\[【]) {2,}(?=[^\s)）\]】])")
_NEWLINES = re.compile(r"\n{3,}")
_SENTENCE_STOPS = frozenset(".!?,;:。！？，；：…\"'”’)）»")
_WIDEST_CARELESS = 4
_LAYOUT = re.compile(
    r"[|\t`{}\\=<>~^\u2190-\u21ff\u2500-\u25ff\u2800-\u28ff]|__|--|\.{4}| #|//|->|::|\(\)|\*\*\*|;$"
)
_CODE_END = re.compile(r"^[ \t]*(?://|/\*|return |</?[A-Za-z])|[;{}]$|\):$", re.MULTILINE)
_HAN = re.compile("[\u3400-\u9fff]")


def tidy_whitespace(text: str, subject: Subject) -> Repair:
    """Make line ends \\n, drop blanks at line ends and both ends, and close gaps within prose.

    At most one empty line stands between two lines. Blanks at a line's end go even where Markdown
    reads two of them as a line break, since the newline stays. Indentation, code fences and lines
    that look like code, tables, drawings or chords keep their blanks; in doubt a gap stays.
    """
    if not is_untidy(text):
        return Repair(text)
    counts: dict[str, int] = {}
    fixed = text
    if "\r" in fixed:
        fixed = fixed.replace("\r\n", "\n").replace("\r", "\n")
        counts["line_ends"] = text.count("\r")
    pieces = FENCE.split(fixed)
    close_gaps = "  " in fixed and not (
        subject.is_spacing() or is_code(fixed) or len(_CODE_END.findall(fixed)) >= 2
    )
    for number in range(0, len(pieces), 2):
        pieces[number] = _tidy_prose(pieces[number], number + 1 == len(pieces), close_gaps, counts)
    fixed = "".join(pieces)
    stripped = _strip_ends(fixed)
    if stripped != fixed:
        counts["ends"] = len(fixed) - len(stripped)
    return Repair(stripped, counts)


def is_untidy(text: str) -> bool:
    """Tell cheaply whether `tidy_whitespace` could change a text: False only if it would not."""
    if not text:
        return False
    return (
        text[0].isspace()
        or text[-1].isspace()
        or "  " in text
        or " \n" in text
        or "\t\n" in text
        or "\n\n\n" in text
        or "\r" in text
    )


def _tidy_prose(text: str, is_last: bool, close_gaps: bool, counts: dict[str, int]) -> str:
    """Tidy a piece between code fences; its last line goes on in a fence unless the piece is the last."""
    lines = text.split("\n")
    found = {"line_tails": _cut_tails(lines, len(lines) if is_last else len(lines) - 1)}
    if close_gaps:
        found["gaps"] = _close_gaps(lines)
    fixed, found["empty_lines"] = _NEWLINES.subn("\n\n", "\n".join(lines))
    for what, number in found.items():
        if number:
            counts[what] = counts.get(what, 0) + number
    return fixed


def _cut_tails(lines: list[str], stop: int) -> int:
    """Take the blanks from the ends of the lines before `stop`; return how many lines had some.

    A line with a tab inside is a row of a table, whose last cells may be empty: its tabs stay.
    """
    cut = 0
    for number, line in enumerate(lines[:stop]):
        if line and line[-1] in " \t":
            lines[number] = line.rstrip(" " if "\t" in line.strip(" \t") else " \t")
            cut += lines[number] != line
    return cut


def _close_gaps(lines: list[str]) -> int:
    """Make each gap within lines of prose one blank; return how many there were."""
    wide = [_wide_gaps(line) for line in lines]
    closed = 0
    for number, line in enumerate(lines):
        if "  " in line and _is_prose(lines, wide, number):
            head = len(line) - len(line.lstrip())
            tail, gaps = _GAP.subn(" ", line[head:])
            lines[number] = line[:head] + tail
            closed += gaps
    return closed


def _wide_gaps(line: str) -> int:
    """Count the gaps that do not follow the end of a sentence or clause: columns may hide there."""
    if "  " not in line:
        return 0
    return sum(
        line[gap.start() - 1] not in _SENTENCE_STOPS or len(gap.group()) > _WIDEST_CARELESS
        for gap in _GAP.finditer(line)
    )


def _is_prose(lines: Sequence[str], wide: Sequence[int], number: int) -> bool:
    """Tell a line of prose with careless gaps from a row of a table, code or a drawing."""
    line = lines[number]
    if line.startswith(("    ", "\t")) or _LAYOUT.search(line):
        return False
    words, han = line.split(), len(_HAN.findall(line))
    if not han and sum(map(len, words)) < 3 * len(words):
        return False  # a row of signs, numbers or chords
    if not wide[number]:
        return True
    if any((*wide[max(0, number - 1) : number], *wide[number + 1 : number + 2])):
        return False
    if max(len(gap.group()) for gap in _GAP.finditer(line)) > _WIDEST_CARELESS:
        return False
    ends = line.rstrip()[-1] in _SENTENCE_STOPS
    return len(words) + han // 2 >= (3 if ends else 8)


def _strip_ends(text: str) -> str:
    """Strip both ends, but keep the first line's indentation where later lines are indented too."""
    text = text.rstrip()
    start = len(text) - len(text.lstrip())
    line_start = text.rfind("\n", 0, start) + 1
    body = text[start:]
    if line_start < start and ("\n " in body or "\n\t" in body):
        return text[line_start:]
    return body
