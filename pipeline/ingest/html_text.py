"""HTML to plain text that keeps what a reader needs: paragraphs, lists, tables, code as fences.

Used for the bodies of posts, for answers of FAQ markup and for whole pages. Emphasis and link targets are
dropped. Rejected: `itertext` (runs words together and loses code), html2text and markdownify (escape
characters inside prose, which then are taught).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

# fmt: off
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot",
    "thead", "tr", "ul",
})
_DROPPED = frozenset({
    "script", "style", "noscript", "template", "head", "svg", "iframe", "button", "select", "input",
    "textarea",
})
# fmt: on
_TIGHT = frozenset({"li", "dt", "dd", "tr", "tbody", "thead", "tfoot", "summary"})
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_SPACE = re.compile(r"[ \t\r\n\f]+")
_BETWEEN_WIDE = re.compile(rf"(?<=[{_WIDE}])\n\s*(?=[{_WIDE}])")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight-source|brush:)[-\s]([A-Za-z0-9+#]+)")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MAX_DEPTH = 200


def parse_html(html: str) -> _Element | None:
    """Return the root of a page or fragment as lxml repairs it; None where it holds nothing."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    source = _NOT_XML.sub("", html).encode("utf-8", "replace")
    if not source.strip():
        return None
    try:
        return etree.fromstring(source, parser)
    except etree.XMLSyntaxError:
        return None


def html_to_text(html: str) -> str:
    """Return the text of a piece of HTML; text without any markup comes back as it is."""
    if "<" not in html and "&" not in html:
        return _NOT_XML.sub("", html).strip()
    root = parse_html(f"<div>{html}</div>")
    return "" if root is None else element_text(root)


def element_text(element: _Element, without: Iterable[_Element] = ()) -> str:
    """Return the text of an element; the elements `without`, found below it, are left out."""
    writer = _Writer(frozenset(without))
    writer.walk(element, 0)
    return writer.text()


class _Writer:
    """Collects blocks of text; a block ends where a block element starts or ends."""

    def __init__(self, without: frozenset[_Element]) -> None:
        self._without = without
        self._blocks: list[tuple[str, bool]] = []  # text, and whether it follows without a blank line
        self._inline: list[str] = []
        self._prefix = ""  # of the next block: a list marker
        self._indent = ""
        self._tight = False

    def text(self) -> str:
        """Return what was collected."""
        self._flush()
        parts: list[str] = []
        for text, tight in self._blocks:
            parts += ["\n" if tight else "\n\n", text] if parts else [text]
        return "".join(parts).strip("\n")

    def walk(self, element: _Element, depth: int, marker: str = "- ") -> None:
        tag = element.tag
        if not isinstance(tag, str) or tag in _DROPPED or element in self._without or depth > _MAX_DEPTH:
            return
        if tag == "pre":
            self._code(element)
        elif tag == "br":
            self._inline.append("\0")
        elif tag == "code":
            self._inline.append(_code_span("".join(element.itertext())))
        elif tag in ("li", "blockquote", "tr"):
            {"li": self._item, "blockquote": self._quote, "tr": self._row}[tag](element, depth, marker)
        else:
            self._plain(element, depth)

    def _plain(self, element: _Element, depth: int) -> None:
        block = element.tag in _BLOCKS
        if block:
            self._flush(element.tag in _TIGHT)
        if element.tag == "q":
            self._inline.append("“")
        self._children(element, depth)
        if element.tag == "q":
            self._inline.append("”")
        if block:
            self._flush(element.tag in _TIGHT)

    def _children(self, element: _Element, depth: int) -> None:
        self._inline.append(element.text or "")
        number = int(start) if (start := element.get("start", "1")).isdecimal() else 1
        for child in element:
            marker = "- "
            if element.tag == "ol" and child.tag == "li":
                marker = f"{number}. "
                number += 1
            self.walk(child, depth + 1, marker)
            self._inline.append(child.tail or "")

    def _item(self, element: _Element, depth: int, marker: str) -> None:
        self._flush(True)
        indent, self._prefix = self._indent, self._indent + marker
        self._indent += " " * len(marker)
        self._children(element, depth)
        self._flush(True)
        self._indent, self._prefix = indent, ""

    def _quote(self, element: _Element, depth: int, _: str) -> None:
        self._flush()
        inner = _Writer(self._without)
        inner._children(element, depth)
        lines = inner.text().splitlines()
        if lines:
            self._add("\n".join(f"> {line}".rstrip() for line in lines), False)

    def _row(self, element: _Element, _: int, __: str) -> None:
        self._flush(True)
        cells = [
            element_text(cell, self._without).replace("\n", " ") for cell in element.iterchildren("td", "th")
        ]
        if any(cells):
            follows = bool(self._blocks) and self._blocks[-1][0].startswith(self._indent + "| ")
            self._add("| " + " | ".join(cells) + " |", follows)

    def _code(self, element: _Element) -> None:
        self._flush()
        code = "".join(element.itertext()).replace("\r\n", "\n").strip("\n")
        if not code.strip():
            return
        classes = [element.get("class", ""), *(child.get("class", "") for child in element)]
        found = next((match for name in classes if (match := _LANGUAGE.search(name))), None)
        fence = "```"
        while fence in code:
            fence += "`"
        self._add(f"{fence}{found[1] if found else ''}\n{code}\n{fence}", False)

    def _flush(self, tight: bool = False) -> None:
        raw = "".join(self._inline)
        self._inline = []
        raw = _BETWEEN_WIDE.sub("", raw)
        lines = [line.strip() for line in _SPACE.sub(" ", raw).split("\0")]
        text = "\n".join(lines).strip()
        if text:
            self._add(text, tight or self._tight)
        self._tight = tight

    def _add(self, text: str, tight: bool) -> None:
        first = self._prefix or self._indent
        self._prefix = ""
        body = text.replace("\n", "\n" + self._indent) if self._indent else text
        self._blocks.append((first + body, tight))
        self._tight = False


def _code_span(code: str) -> str:
    text = _SPACE.sub(" ", code)
    return f"`{text}`" if text.strip() and "`" not in text else text
