"""Repairs to one text: encoding, control characters, leftovers of HTML, Unicode forms, blanks.

Each step is a pure function from a text (and what its record is about) to a text with counts of
what it repaired. A step would rather leave a blemish than damage a text whose subject is that very
thing, so it asks the `Subject`: HTML in a question about HTML is content. Code fences are never
prose. Rejected: `ftfy.fix_text` (it also uncurls quotes and rewrites Chinese punctuation), NFKC (it
turns ² into 2 and ㎡ into m2) and an HTML parser (it "repairs" `a < b` and eats `List<String>`).
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.entities import name2codepoint
from itertools import islice
from pathlib import Path
from typing import Final

_DATA: Final = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
_KIND: Final[dict[str, str]] = {tag: kind for kind, tags in _DATA["tags"].items() for tag in tags}
_HTML_NAMES: Final = frozenset((*_KIND, *_DATA["svg_parts"]))
_BARE: Final = frozenset(_DATA["bare_tags"])


@dataclass(frozen=True, slots=True)
class Repair:
    """A text after one step, and how often each thing was repaired (empty: nothing was)."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)


def _words(name: str) -> re.Pattern[str]:
    """Compile a word list: Latin words as whole words, Chinese ones anywhere."""
    latin, chinese = "|".join(_DATA[name]["latin"]), "|".join(_DATA[name]["chinese"])
    return re.compile(rf"(?<![A-Za-z./<])(?:{latin})(?![A-Za-z/=]|:[A-Za-z])|{chinese}", re.IGNORECASE)


_MARKUP_WORDS = _words("markup_words")
_MARKUP_LANGUAGES = _words("markup_languages")
_ENCODING_WORDS = _words("encoding_words")
_WIDTH_WORDS = _words("width_words")
_SPACING_WORDS = _words("spacing_words")
_WORD_WORDS = _words("word_words")

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
        for text in self.texts:
            if _MARKUP_LANGUAGES.search(text) or _MARKUP_SUBJECT.search(text) or _is_code(text):
                return True
            if any(name.lower() not in _HTML_NAMES for name in _END_TAG.findall(text)):
                return True
        return any(_ESCAPED_TAG.search(text) and _RAW_TAG.search(text) for text in self.texts)

    def is_encoding(self) -> bool:
        """Tell whether the prompt asks about character encodings."""
        return _ENCODING_WORDS.search(self.prompt) is not None

    def is_width(self) -> bool:
        """Tell whether the prompt asks about full-width and half-width characters."""
        return _WIDTH_WORDS.search(self.prompt) is not None

    def is_spacing(self) -> bool:
        """Tell whether the prompt asks about blanks, tables or layout."""
        return _SPACING_WORDS.search(self.prompt) is not None


def _is_code(text: str) -> bool:
    return len(_CODE_STATEMENT.findall(text)) >= 2


# --------------------------------------------------------------------------- mojibake


def repair_mojibake(text: str, subject: Subject) -> Repair:
    """Decode text again that was decoded with the wrong charset, line by line, by ftfy's heuristic.

    A line is replaced only if ftfy finds it bad and the result less bad. Source: Speer, ftfy 6.
    """
    if text.isascii():
        return Repair(text)
    from ftfy import fix_encoding
    from ftfy.badness import badness, is_bad

    if not is_bad(text) or subject.is_encoding():
        return Repair(text)
    lines = text.split("\n")
    repaired = 0
    for number, line in enumerate(lines):
        if line.isascii() or not is_bad(line):
            continue
        fixed = fix_encoding(line)
        if fixed != line and badness(fixed) < badness(line):
            lines[number] = fixed
            repaired += 1
    return Repair("\n".join(lines), {"lines": repaired}) if repaired else Repair(text)


# --------------------------------------------------------------------------- control characters

_RTL = "\u0590-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_JOINING = "\u0600-\u109f\u1780-\u18af\u1a20-\u1cff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_SOUTH_EAST_ASIAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf"
_PICTURE = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"

_CONTROL = re.compile(
    "(?P<kept>\U0001f3f4[\U000e0020-\U000e007f]+"
    f"|(?<=[{_PICTURE}\ufe0f])\u200d(?=[{_PICTURE}])|(?<=[{_JOINING}])[\u200c\u200d]"
    f"|(?<=[{_SOUTH_EAST_ASIAN}])\u200b(?=[{_SOUTH_EAST_ASIAN}])"
    "|(?<=[0-9#*\u00a9\u00ae\u1000-\u109f\u203c-\ud7ff\uf900-\ufaff\U0001f000-\U0003ffff])[\ufe00-\ufe0f]"
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef])"
    r"|(?P<ansi>\x1b\[[0-?]{0,64}[ -/]{0,16}[@-~]|\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\))"
    "|(?P<newline>[\x0b\x0c\x85\u2028\u2029])"
    "|(?P<bidi>[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])"
    "|(?P<invisible>[\u180e\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffc"
    "\U000e0000-\U000e01ef])"
    "|(?P<control>[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff])"
)
_CONTROL_ASCII = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HAS_RTL = re.compile(f"[{_RTL}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def remove_controls(text: str, subject: Subject) -> Repair:
    """Remove what no reader sees: control and zero-width characters, byte order marks, escapes.

    Line separators of other systems become newlines. Joiners inside emoji and in scripts that need
    them, selectors after the characters they select for, and direction marks in right-to-left text
    stay. U+FFFD stays as the visible mark of a loss; half a surrogate pair becomes one.
    """
    if (_CONTROL_ASCII if text.isascii() else _CONTROL_ANY).search(text) is None:
        return Repair(text)
    counts: dict[str, int] = {}
    right_to_left = _HAS_RTL.search(text) is not None

    def replace(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if kind == "kept" or (kind == "bidi" and right_to_left):
            return match.group()
        counts[kind] = counts.get(kind, 0) + 1
        return "\n" if kind == "newline" else ""

    fixed = _CONTROL.sub(replace, text)
    if broken := len(_SURROGATE.findall(fixed)):
        fixed = fixed.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        counts["surrogate"] = broken
    return Repair(fixed, counts)


_CONTROL_ANY = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff9-\ufffc\ufffe\uffff\U000e0000-\U000e01ef]"
)

# --------------------------------------------------------------------------- HTML

_TOKEN = re.compile(
    r"(?P<fence>```.*?(?:```|\Z)|`[^`\n]+`)"
    r"|(?P<comment><!--)"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9:]{0,10})(?P<attributes>\s[^<>]*|/)?>"
    r"|(?P<entity>&(?:amp;)*(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,8});)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"\s+[A-Za-z][A-Za-z:-]*\s?=")
_END = {
    name: re.compile(rf"</{name}\s?>", re.IGNORECASE)
    for name in (*_DATA["tags"]["dropped"], *_DATA["tags"]["code"])
}
_COMMENT_END = re.compile("-->")
_RAISED = re.compile(r"<(su[pb])>\s?([0-9+\-]{1,6})\s?</\1>", re.IGNORECASE)
_RAISED_DIGITS = {
    "sup": str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"),
    "sub": str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋"),
}


def remove_html(text: str, subject: Subject) -> Repair:
    """Turn leftovers of HTML into plain text; a record about markup or code is left as it is.

    Block tags become line breaks, list items begin with "- ", inline tags vanish, `script` and
    `style` vanish with what they hold, `pre` and `code` become Markdown code, raised and lowered
    digits become ² and ₂, entities become their characters however often they were escaped. Code
    fences, unknown tags (`<name>`, `List<String>`) and comparisons stay, and so does a text that
    would be empty without its tags. Linear in the length of the text.
    """
    if not (("<" in text and ">" in text) or ("&" in text and ";" in text)):
        return Repair(text)
    if _first_leftover(text) is None or subject.is_markup():
        return Repair(text)
    counts: dict[str, int] = {}

    def raise_digits(match: re.Match[str]) -> str:
        counts["tags"] = counts.get("tags", 0) + 2
        return match.group(2).translate(_RAISED_DIGITS[match.group(1).lower()])

    repair = _Leftovers(_RAISED.sub(raise_digits, text), counts).plain()
    return repair if repair.text.strip() else Repair(text)


def _first_leftover(text: str) -> re.Match[str] | None:
    for match in _TOKEN.finditer(text):
        if not match["fence"]:
            return match
    return None


class _Leftovers:
    """One pass over a text with leftovers of HTML, from left to right."""

    def __init__(self, text: str, counts: dict[str, int]) -> None:
        self.text = text
        self.counts = counts
        self.out: list[str] = []
        self.pending = 0  # line breaks that stand before the next text
        self.ended: set[str] = set()  # names whose end tag does not come any more
        names = [(m["name"].lower(), m["close"]) for m in _TOKEN.finditer(text) if m["name"]]
        closed = {name for name, close in names if close}
        self.paired = closed & {name for name, close in names if not close}

    def plain(self) -> Repair:
        position = 0
        while match := _TOKEN.search(self.text, position):
            self.write(self.text[position : match.start()])
            position = self.token(match)
        self.write(self.text[position:])
        return Repair("".join(self.out), self.counts)

    def token(self, match: re.Match[str]) -> int:
        """Write what a token stands for; return where to go on."""
        if match["fence"]:
            self.write(match.group())
        elif match["comment"]:
            return self.skip_to(_COMMENT_END, "<!--", match)
        elif match["entity"]:
            self.write(self.entity(match["entity"]))
        elif self.is_leftover(match):
            return self.tag(match)
        else:
            self.write(match.group())
        return match.end()

    def is_leftover(self, match: re.Match[str]) -> bool:
        """Tell a tag of HTML from a placeholder, a type or a comparison."""
        name, attributes = match["name"].lower(), match["attributes"] or ""
        if name not in _KIND:
            return False
        if attributes.strip(" \t\n/"):
            return _ATTRIBUTE.match(attributes) is not None
        if len(name) == 1 and name not in self.paired and not match["close"]:
            return name in _BARE and not self.text[max(0, match.start() - 1) : match.start()].isalnum()
        return bool(match["close"]) or name in _BARE or name in self.paired

    def tag(self, match: re.Match[str]) -> int:
        name, close = match["name"].lower(), bool(match["close"])
        kind = _KIND[name]
        if kind in ("dropped", "code") and not close:
            end = self.find_end(name, match.end())
            if end is not None:
                self.count("tags", 2)
                if kind == "code":
                    self.code(self.text[match.end() : end.start()])
                return end.end()
            if kind == "dropped":
                self.write(match.group())
                return match.end()
        self.count("tags", 1)
        if kind == "break":
            self.pending = min(self.pending + 1, 2) if not self.at_item() else self.pending
        elif kind in ("paragraph", "line", "item"):
            level = 2 if kind == "paragraph" else 1
            self.pending = max(self.pending, level) if not self.at_item() else self.pending
            if kind == "item" and not close:
                self.write("- ", marker=True)
        elif kind == "cell" and not close and self.out and not self.pending:
            self.write(" ")
        return match.end()

    def find_end(self, name: str, position: int) -> re.Match[str] | None:
        if name in self.ended:
            return None
        end = _END[name].search(self.text, position)
        if end is None:
            self.ended.add(name)
        return end

    def skip_to(self, end: re.Pattern[str], name: str, match: re.Match[str]) -> int:
        found = None if name in self.ended else end.search(self.text, match.end())
        if found is None:
            self.ended.add(name)
            self.write(match.group())
            return match.end()
        self.count("comments", 1)
        return found.end()

    def code(self, inner: str) -> None:
        inner = html.unescape(re.sub(r"</?code[^<>]*>", "", inner, flags=re.IGNORECASE))
        if "`" in inner or not inner.strip():
            self.write(inner)
        elif "\n" in inner.strip("\n"):
            self.pending = max(self.pending, 1)
            self.write("```\n" + inner.strip("\n") + "\n```")
            self.pending = 1
        else:
            self.write(f"`{inner.strip()}`")

    def entity(self, entity: str) -> str:
        final = "&" + entity.replace("amp;", "")[1:] if entity.count("amp;") else entity
        if final == "&":
            character = "&"
        elif final[1] != "#" and final[1:-1] not in name2codepoint and final != "&apos;":
            return entity
        else:
            character = html.unescape(final)
        self.count("entities", 1)
        return character

    def write(self, text: str, marker: bool = False) -> None:
        """Append text, after the line breaks that are due."""
        if self.pending and not marker and not text.strip():
            return
        if self.at_item():
            text = text.lstrip()
            if not text:
                return
        if self.pending:
            tail = self.out[-1] if self.out else ""
            text = text.lstrip(" \t\n") if not marker else text
            while self.out and not (tail := self.out[-1].rstrip(" \t\n")):
                self.out.pop()
            if self.out:
                self.out[-1] = tail
                self.out.append("\n" * self.pending)
            self.pending = 0
        if text:
            self.out.append(text)

    def at_item(self) -> bool:
        return bool(self.out) and self.out[-1] == "- "

    def count(self, what: str, number: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + number


# --------------------------------------------------------------------------- Unicode forms

_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_WIDE_INDENT = re.compile("(?:^|(?<=\n))(?=[ \u3000]*\u3000)[ \u3000]+")
_WIDE_LETTER = re.compile("[０-９Ａ-Ｚａ-ｚ]")
_WIDE_JOINT = re.compile("(?<=[0-9A-Za-z])[．＠＿－／](?=[0-9A-Za-z])")
_TO_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_UNUSUAL = re.compile("[\u00a0\u00ad\u1680\u2000-\u200a\u202f\u205f\u3000０-９Ａ-Ｚａ-ｚ．＠＿－／]")


def normalise_unicode(text: str, subject: Subject) -> Repair:
    """Compose accents (NFC), narrow full-width letters and digits, and make odd spaces plain.

    Never NFKC: Chinese punctuation, ², ½, ①, ㎡ and ligatures stay. Between letters or digits the
    full-width dot, at sign, underscore, hyphen and slash become narrow too. Full-width spaces that
    indent a Chinese paragraph vanish, others become one space each; soft hyphens vanish.
    """
    if text.isascii():
        return Repair(text)
    counts: dict[str, int] = {}
    fixed = text
    if not unicodedata.is_normalized("NFC", fixed):
        fixed = unicodedata.normalize("NFC", fixed)
        counts["composed"] = sum(a != b for a, b in zip(text, fixed, strict=False)) or 1
    if _UNUSUAL.search(fixed) is None:
        return Repair(fixed, counts)

    def apply(what: str, pattern: re.Pattern[str], replacement: str | None) -> None:
        nonlocal fixed
        fixed, number = pattern.subn(
            (lambda m: m.group().translate(_TO_NARROW)) if replacement is None else replacement,
            fixed,
        )
        if number:
            counts[what] = counts.get(what, 0) + number

    apply("soft_hyphens", _SOFT_HYPHEN, "")
    apply("spaces", _ODD_SPACE, " ")
    apply("spaces", _WIDE_INDENT, "")
    apply("spaces", _WIDE_SPACE, " ")
    if not subject.is_width():
        apply("full_width", _WIDE_LETTER, None)
        apply("full_width", _WIDE_JOINT, None)
    return Repair(fixed, counts)


_SOFT_HYPHEN = re.compile("\u00ad")
_WIDE_SPACE = re.compile("\u3000")

# --------------------------------------------------------------------------- white space

_FENCE = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z))", re.DOTALL)
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
    if not _is_untidy(text):
        return Repair(text)
    counts: dict[str, int] = {}
    fixed = text
    if "\r" in fixed:
        fixed = fixed.replace("\r\n", "\n").replace("\r", "\n")
        counts["line_ends"] = text.count("\r")
    pieces = _FENCE.split(fixed)
    close_gaps = "  " in fixed and not (
        subject.is_spacing() or _is_code(fixed) or len(_CODE_END.findall(fixed)) >= 2
    )
    for number in range(0, len(pieces), 2):
        pieces[number] = _tidy_prose(pieces[number], number + 1 == len(pieces), close_gaps, counts)
    fixed = "".join(pieces)
    stripped = _strip_ends(fixed)
    if stripped != fixed:
        counts["ends"] = len(fixed) - len(stripped)
    return Repair(stripped, counts)


def _is_untidy(text: str) -> bool:
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
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if line and line[-1] in " \t" and (is_last or number + 1 < len(lines)):
            bare = line.strip(" \t")
            lines[number] = line.rstrip(" " if "\t" in bare else " \t")
            if lines[number] != line:
                counts["line_tails"] = counts.get("line_tails", 0) + 1
    if close_gaps:
        wide = [_wide_gaps(line) for line in lines]
        for number, line in enumerate(lines):
            if "  " not in line or not _is_prose(lines, wide, number):
                continue
            head = len(line) - len(line.lstrip())
            lines[number], closed = line[:head], 0
            tail, closed = _GAP.subn(" ", line[head:])
            lines[number] += tail
            if closed:
                counts["gaps"] = counts.get("gaps", 0) + closed
    fixed = "\n".join(lines)
    fixed, runs = _NEWLINES.subn("\n\n", fixed)
    if runs:
        counts["empty_lines"] = counts.get("empty_lines", 0) + runs
    return fixed


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


# --------------------------------------------------------------------------- placeholder inputs

_SURE: Final = frozenset(_DATA["placeholders"]["sure"])
_AMBIGUOUS: Final = frozenset(_DATA["placeholders"]["ambiguous"])
_LONGEST_PLACEHOLDER = 48
_EDGES = " \t\r\n\\.。!！?？*\"'“”‘’`<>[]{}()（）【】《》〈〉「」『』［］｛｝＜＞#:：,，"


def placeholder_of(input_: str, instruction: str) -> str | None:
    """Return which placeholder an input is and nothing else, or None if it is an input.

    Case, brackets, quotes and end marks are ignored. A placeholder that is also a word or a sign
    ("None", "无") counts only if the instruction does not ask about a word, as in "Translate …".
    """
    if len(input_) > _LONGEST_PLACEHOLDER:
        return None
    core = input_.strip(_EDGES).casefold()
    spaced = " ".join(core.replace("_", " ").replace("-", " ").split())
    if spaced in _SURE or core in _SURE:
        return spaced if spaced in _SURE else core
    for form in (core, spaced):
        if form in _AMBIGUOUS:
            return None if _WORD_WORDS.search(instruction) else form
    return None


# --------------------------------------------------------------------------- cutting

_SENTENCE_END = re.compile(
    r"[。！？；…][”’」』）\"]?|[!?][\"'”’)]?(?=\s)|(?<=[^\s.A-Z])\.[\"'”’)]?(?=\s+[\"'“‘(A-Z0-9\u3400-\u9fff])|\n"
)
_ABBREVIATIONS = re.compile(
    r"(?<![A-Za-z])(?:dr|mr|mrs|ms|prof|st|vs|no|fig|eq|e\.g|i\.e|etc|approx|inc|jr|sr)$",
    re.IGNORECASE,
)


def cut_points(text: str) -> list[int]:
    """Return the rising offsets at which a text may end: after a sentence or line, never in code."""
    fences = [match.span() for match in _FENCE.finditer(text)]
    points: list[int] = []
    fence = 0
    for match in _SENTENCE_END.finditer(text):
        while fence < len(fences) and fences[fence][1] <= match.start():
            fence += 1
        if fence < len(fences) and fences[fence][0] < match.start():
            continue
        dot = match.group().startswith(".")
        if dot and _ABBREVIATIONS.search(text, max(0, match.start() - 8), match.start()):
            continue
        point = match.start() if match.group() == "\n" else match.end()
        if not points or point > points[-1]:
            points.append(point)
    return points


def cut_to(text: str, fits: Callable[[str], bool]) -> str | None:
    """Return the longest beginning of a text that `fits` and ends where a sentence or line ends.

    Args:
        text: the text to cut.
        fits: tells whether a text is short enough; asked about log2(number of cut points) times.

    Returns:
        The beginning without blanks at its end, or None if not even the first sentence fits.
    """
    points = cut_points(text)
    low, high = 0, len(points)
    best: str | None = None
    while low < high:
        middle = (low + high) // 2
        candidate = text[: points[middle]].rstrip()
        if candidate and fits(candidate):
            best, low = candidate, middle + 1
        elif not candidate:
            low = middle + 1
        else:
            high = middle
    return best


def most_tokens(text: str) -> int:
    """Return a number of tokens that no usual tokenizer exceeds on a text, without running one.

    A token stands for at least one byte of the text as the tokenizer normalised it: WordPiece decomposes
    (NFD, so one Hangul syllable is up to three tokens), SentencePiece composes (NFKC), BPE takes the
    UTF-8 bytes as they are. One more is for the blank that some put before a text.
    """
    if text.isascii():
        return len(text) + 1 if text else 0
    decomposed = unicodedata.normalize("NFKD", text)
    return max(_utf8_length(text), _utf8_length(decomposed)) + 1


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def has_tokens(texts: Iterable[str], least: int) -> bool:
    """Tell whether texts surely have so many tokens: each word has one, no token spans a blank."""
    words = (word for text in texts for word in _WORD.finditer(text))
    return least <= 0 or next(islice(words, least - 1, None), None) is not None


_WORD = re.compile(r"[^\W_]\S*")

# --------------------------------------------------------------------------- all steps

Step = Callable[[str, Subject], Repair]

STEPS: Final[dict[str, Step]] = {
    "mojibake": repair_mojibake,
    "control": remove_controls,
    "html": remove_html,
    "unicode": normalise_unicode,
    "whitespace": tidy_whitespace,
}
"""The steps on a text, in the order in which they run: bytes, characters, markup, forms, blanks."""

_ODD_ASCII = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff9-\ufffc\uff0d-\uff19\uff20-\uff3f\uff41-\uff5a\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)


def is_suspicious(text: str) -> bool:
    """Tell cheaply whether any step could change a text: False only if none would."""
    if _is_untidy(text) or ("<" in text and ">" in text) or ("&" in text and ";" in text):
        return True
    if text.isascii():
        data = text.encode()
        return len(data.translate(None, _ODD_ASCII)) != len(data)
    if _ODD.search(text) is not None or not unicodedata.is_normalized("NFC", text):
        return True
    from ftfy.badness import is_bad

    return bool(is_bad(text))
