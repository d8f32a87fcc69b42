"""One XML element as the columns of a unit.

Attributes and children that hold only text become columns; children with children of their own become
objects, repeated ones lists, and text with inline markup is joined. Rejected: one generic form with keys
such as `#text` everywhere (no shape would know its columns).
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

_NATIVE_CODE = frozenset({"bpt", "ept", "ph", "it", "ut"})  # of a TMX segment: codes of another format

_LAYOUT_INDENT = 8  # that all lines but the first have; less may be the indent of code


def columns_of(element: Element) -> dict[str, object]:
    """Return the columns of a record: `Question.qid` is the attribute qid of its child Question."""
    columns: dict[str, object] = {}
    tags = [child.tag for child in element]
    for child in element:
        if tags.count(child.tag) > 1:
            value = _value(child)
            attributes = _attributes(child)
            if attributes and not isinstance(value, dict):
                value = attributes | {"text": value}
            repeated = columns.setdefault(child.tag, [])
            assert isinstance(repeated, list)
            repeated.append(value)
        else:
            columns[child.tag] = _value(child)
            if not isinstance(columns[child.tag], dict):
                columns |= {f"{child.tag}.{name}": value for name, value in _attributes(child).items()}
    attributes = {
        (f"@{name}" if name in columns else name): value for name, value in _attributes(element).items()
    }
    if not tags and (text := _text(element)):
        attributes["text"] = text
    return attributes | columns


def translations_of(unit: Element) -> dict[str, object]:
    """Return the columns of a TMX translation unit: one for each language, by its code."""
    columns: dict[str, object] = {}
    for variant in unit.iter("tuv"):
        lang = variant.get("xml:lang") or variant.get("lang") or "unknown"
        texts = ["".join(_segment(segment)).strip() for segment in variant.iter("seg")]
        if lang in columns:
            columns[lang] = f"{columns[lang]}\n{' '.join(texts)}"
        else:
            columns[lang] = " ".join(texts)
    for note in unit.iter("note"):
        columns.setdefault("note", _text(note))
    for prop in unit.findall("prop"):
        columns.setdefault(prop.get("type", "prop"), _text(prop))
    return columns | {name: value for name, value in _attributes(unit).items() if name not in columns}


def _segment(element: Element) -> Iterator[str]:
    if element.tag not in _NATIVE_CODE:
        yield element.text or ""
        for child in element:
            yield from _segment(child)
            yield child.tail or ""


def _attributes(element: Element) -> dict[str, object]:
    return {
        ("lang" if name == "xml:lang" else name): value
        for name, value in element.attrib.items()
        if not name.startswith("xmlns")
    }


def _value(element: Element) -> object:
    if len(element) == 0 or _is_mixed(element):
        return _text(element)
    return columns_of(element)


def _is_mixed(element: Element) -> bool:
    texts = [element.text, *(child.tail for child in element)]
    return any(text and not text.isspace() for text in texts)


def _text(element: Element) -> str:
    """Return the text of an element without the indent that its lines have because the element is indented."""
    text = "".join(element.itertext()).strip()
    lines = text.split("\n")
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines[1:] if line.strip()]
    margin = min(indents, default=0)
    if margin < _LAYOUT_INDENT:
        return text
    return "\n".join([lines[0], *(line[margin:] for line in lines[1:])])
