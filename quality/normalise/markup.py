"""Leftovers of HTML in a text that is not about markup: tags, entities, comments.

One pass over tokens, from left to right, writes what each stands for in plain text or Markdown. Linear in
the length of the text: an end tag that is not found is not looked for again. Rejected: an HTML parser (it
"repairs" `a < b` and eats `List<String>`) and one regex for all tags (it eats `<name>`, and code fences).
"""

from __future__ import annotations

import html
import re
from html.entities import name2codepoint

from quality.normalise.repair import Repair
from quality.normalise.subject import Subject
from quality.normalise.words import BARE_TAGS, TAG_KINDS

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
    for name, kind in TAG_KINDS.items()
    if kind in ("dropped", "code")
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
        if name not in TAG_KINDS:
            return False
        if attributes.strip(" \t\n/"):
            return _ATTRIBUTE.match(attributes) is not None
        if len(name) == 1 and name not in self.paired and not match["close"]:
            return name in BARE_TAGS and not self.text[max(0, match.start() - 1) : match.start()].isalnum()
        return bool(match["close"]) or name in BARE_TAGS or name in self.paired

    def tag(self, match: re.Match[str]) -> int:
        name, close = match["name"].lower(), bool(match["close"])
        kind = TAG_KINDS[name]
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
