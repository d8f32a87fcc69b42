"""XML as a stream of record elements, with everything that makes XML dangerous refused.

Expat parses in pieces; only the element in hand is kept. A file that declares entities is refused: they
can grow without bound or name other files. A DOCTYPE that only names a DTD is passed by, and the DTD is
never fetched. Rejected: lxml and `iterparse` (no limit on one element while it is read, and no place to
refuse a declaration), defusedxml (refuses each DOCTYPE or none, and real dumps have harmless ones).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.entities import html5
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from pipeline.errors import SourceError
from pipeline.ingest.encodings import open_text
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.streams import CHUNK, chunks
from pipeline.ingest.units import FILE_BROKEN, FILE_TRUNCATED, TOO_DEEP, Bad, Broken, too_large
from pipeline.ingest.xml_columns import columns_of

Path_ = tuple[str, ...]

SURVEY_BYTES = 1 << 20
MAX_DEPTH = 100
_MAX_SURVEYED_PATHS = 10_000
_MAX_ASIDE = 64 * 1024  # bytes of an ancestor's own columns
_TRUNCATED = {
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
}


class XmlRecord(NamedTuple):
    """A record element, where it starts, and the columns of the elements around it."""

    line: int
    element: Element
    around: dict[str, object]


@dataclass(slots=True)
class Survey:
    """What the start of a file holds: how often each path occurs, side by side, and with how much text."""

    siblings: dict[Path_, int] = field(default_factory=dict)
    text: Counter[Path_] = field(default_factory=Counter)
    attributes: dict[Path_, set[str]] = field(default_factory=dict)
    children: dict[Path_, set[str]] = field(default_factory=dict)

    @property
    def root(self) -> Path_:
        """The path of the root element; empty where the file has none."""
        return next(iter(self.attributes), ())


def new_parser(path: Path) -> expat.XMLParserType:
    """Return an Expat parser for UTF-8 bytes that refuses entity declarations.

    Its methods raise SourceError where a file declares an entity.
    """
    parser = expat.ParserCreate("utf-8")  # the bytes are UTF-8 by now, whatever their declaration says
    parser.buffer_text = True

    def refuse(*_: object) -> int:
        raise SourceError(
            f"{path} declares entities (line {parser.CurrentLineNumber:,}): they can grow without bound or"
            " read other files, so they are never expanded",
            "if you trust the file, write it without them: `xmllint --noent --dropdtd FILE`",
        )

    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser


def survey(path: Path, spec: SourceSpec) -> Survey:
    """Return what the first MiB of a file holds; damage is left for the reader to meet.

    Raises:
        SourceError: the file declares entities.
    """
    found = Survey()
    stack: list[tuple[Path_, list[int], Counter[str]]] = []
    parser = new_parser(path)

    def start(tag: str, attributes: dict[str, str]) -> None:
        # Below what a record may hold, paths are told no longer: they would grow with the square of the depth.
        here = (*(stack[-1][0] if stack else ()), tag) if len(stack) < MAX_DEPTH else ()
        if stack:
            stack[-1][2][tag] += 1
        stack.append((here, [sum(map(len, attributes.values()))], Counter()))
        if here and len(found.attributes) < _MAX_SURVEYED_PATHS:
            found.attributes.setdefault(here, set()).update(attributes)

    def data(text: str) -> None:
        if stack:
            stack[-1][1][0] += len(text.strip())

    def end(_: str) -> None:
        here, size, children = stack.pop()
        if here not in found.attributes:
            return
        found.text[here] += size[0]
        if stack:
            stack[-1][1][0] += size[0]
        found.children.setdefault(here, set()).update(children)
        for tag, count in children.items():
            below = (*here, tag)
            found.siblings[below] = max(found.siblings.get(below, 0), count)

    parser.StartElementHandler, parser.CharacterDataHandler, parser.EndElementHandler = start, data, end
    with open_text(path, spec) as stream:
        left = SURVEY_BYTES
        try:
            while (
                left > 0 and len(stack) <= MAX_DEPTH * 10 and (part := chunks(stream).read1(min(CHUNK, left)))
            ):
                left -= len(part)
                parser.Parse(part, False)
        except (expat.ExpatError, Broken):
            pass
    while stack:
        end("")
    return found


def records(path: Path, spec: SourceSpec, wanted: Path_) -> Iterator[XmlRecord | Bad]:
    """Yield the elements at a path, in file order.

    Args:
        path: the file.
        spec: its source; elements of more than `max_unit_bytes` are told as `Bad`, and never held.
        wanted: names of the elements from the root to the record.

    Raises:
        SourceError: the file declares entities.
        Broken: the file is cut off, or is not well-formed.
    """
    parser = new_parser(path)
    cutter = _Cutter(parser, wanted, spec.max_unit_bytes)
    fed = 0
    with open_text(path, spec) as stream:
        while part := chunks(stream).read1(CHUNK):
            fed += len(part)
            try:
                _parse(parser, part, final=False)
            finally:  # what stands before the damage is told first
                yield from cutter.take()
            if fed - parser.CurrentByteIndex > 8 * spec.max_unit_bytes + CHUNK:
                raise Broken(
                    FILE_BROKEN,
                    f"has one tag of far more than max_unit_bytes, {spec.max_unit_bytes:,} bytes",
                    parser.CurrentLineNumber,
                )
    try:
        _parse(parser, b"", final=True)
    finally:
        yield from cutter.take()


def _parse(parser: expat.XMLParserType, part: bytes, final: bool) -> None:
    try:
        parser.Parse(part, final)
    except expat.ExpatError as error:
        message = expat.ErrorString(error.code)
        if final and error.code in _TRUNCATED:
            raise Broken(FILE_TRUNCATED, "ends before its XML does", error.lineno) from None
        if message.startswith("not well-formed") and b"\xff" in part:  # a byte that the decoder marked
            message = "bytes there may not be of the file's encoding"
        why = message.removeprefix("not well-formed (").removesuffix(")")
        raise Broken(FILE_BROKEN, f"is not well-formed XML: {why}", error.lineno) from None


@dataclass(slots=True)
class _Ancestor:
    """An open element above the records, and the columns that stand in it before them."""

    tag: str
    columns: dict[str, object]
    size: int = 0


class _Cutter:
    """Expat's handlers: build the element in hand, skip what is too large, remember what is around."""

    def __init__(self, parser: expat.XMLParserType, wanted: Path_, limit: int) -> None:
        self._parser = parser
        self._wanted = wanted
        self._limit = limit
        self._ancestors: list[_Ancestor] = []
        self._builder: TreeBuilder | None = None
        self._depth = 0  # of the element in hand; 0: none is in hand
        self._is_record = False
        self._size = 0
        self._too_deep = False
        self._line = 0
        self._ready: list[XmlRecord | Bad] = []
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.SkippedEntityHandler = self._named

    def take(self) -> list[XmlRecord | Bad]:
        """Return what is ready since the last call."""
        ready, self._ready = self._ready, []
        return ready

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._depth:
            above = tuple(ancestor.tag for ancestor in self._ancestors)
            here = (*above, tag)
            if len(here) < len(self._wanted) and self._wanted[: len(here)] == here:
                own = {name: value for name, value in attributes.items() if not name.startswith("xmlns")}
                self._ancestors.append(_Ancestor(tag, dict(own)))
                return
            self._builder = TreeBuilder()
            self._is_record = here == self._wanted
            self._size, self._too_deep, self._line = 0, False, self._parser.CurrentLineNumber
        self._depth += 1
        self._too_deep |= self._depth > MAX_DEPTH
        self._grow(len(tag) + sum(len(name) + len(value) for name, value in attributes.items()))
        if self._builder is not None:
            self._builder.start(tag, attributes)

    def _data(self, text: str) -> None:
        if self._depth:
            self._grow(len(text))
            if self._builder is not None:
                self._builder.data(text)

    def _named(self, name: str, is_parameter: bool) -> None:
        """Write an entity that only a DTD would declare as HTML does, or as it stands."""
        if not is_parameter:
            self._data(html5.get(f"{name};", f"&{name};"))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._too_deep or self._size > (self._limit if self._is_record else _MAX_ASIDE):
            self._builder = None

    def _end(self, tag: str) -> None:
        if not self._depth:
            self._ancestors.pop()
            return
        if self._builder is not None:
            self._builder.end(tag)
        self._depth -= 1
        if not self._depth:
            (self._finish_record if self._is_record else self._finish_aside)()
            self._builder = None

    def _finish_record(self) -> None:
        if self._too_deep:
            self._ready.append(Bad(self._line, TOO_DEEP, f"nested more than {MAX_DEPTH} deep"))
        elif self._builder is None:
            self._ready.append(too_large(self._line, self._limit))
        else:
            around = {
                f"{ancestor.tag}.{name}": value
                for ancestor in self._ancestors
                for name, value in ancestor.columns.items()
            }
            self._ready.append(XmlRecord(self._line, self._builder.close(), around))

    def _finish_aside(self) -> None:
        ancestor = self._ancestors[-1] if self._ancestors else None
        if ancestor is None or self._builder is None or ancestor.size + self._size > _MAX_ASIDE:
            return
        element = self._builder.close()
        columns = columns_of(element)
        value = columns["text"] if columns.keys() == {"text"} else columns
        if value:
            ancestor.size += self._size
            ancestor.columns.setdefault(element.tag, value)
