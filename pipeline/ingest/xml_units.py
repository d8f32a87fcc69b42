"""XML units: the element that repeats and holds most of the text, or the one that the recipe names.

Known kinds have rules of their own: Stack Exchange posts are joined into questions with answers, a TMX
unit gives a column for each language, and bodies of posts and comments lose their HTML. Rejected: one unit
for a whole file, and the deepest repeated element (a list of keywords repeats, too).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import SourceError
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.stackexchange import read_posts
from pipeline.ingest.units import FILE_BROKEN, UNANSWERED, Bad, Broken, Unit
from pipeline.ingest.xml_columns import columns_of, translations_of
from pipeline.ingest.xml_events import Path_, Survey, records, survey

log = logging.getLogger(__name__)

_QUESTIONS = ("question", "问题", "提问")
_ANSWERS = ("answer", "答案", "回答")
_SHOWN = 12


def read_xml(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the records of an XML file; `line` is the line that one starts on.

    Raises:
        SourceError: the file declares entities, or the element that the recipe names does not occur.
        Broken: the file is cut off, or is not well-formed.
    """
    found = survey(path, spec)
    if not found.root:
        raise Broken(FILE_BROKEN, "is no XML", 1, "see what it is, and say its `format:` in the recipe")
    wanted = record_path(found, spec, path)
    log.info("%s: one record for each %s", path.name, "/".join(wanted))
    if wanted[0] == "posts" and "PostTypeId" in found.attributes.get(wanted, ()):
        yield from read_posts(path, spec, wanted)
        return
    is_translation = wanted[0] == "tmx" and wanted[-1] == "tu"
    for record in records(path, spec, wanted):
        if isinstance(record, Bad):
            yield record
        else:
            columns = translations_of(record.element) if is_translation else columns_of(record.element)
            yield _unit(record.line, columns | record.around)


def record_path(found: Survey, spec: SourceSpec, path: Path) -> Path_:
    """Return the path of the record element, as the recipe says or as the start of the file shows.

    Raises:
        SourceError: what the recipe names does not occur in the first MiB.
    """
    if spec.record:
        return _declared(found, tuple(spec.record.strip("/").split("/")), path)
    for here, children in found.children.items():
        names = {name.casefold() for name in children}
        if names.intersection(_QUESTIONS) and names.intersection(_ANSWERS):
            return here
    repeated = [here for here, count in found.siblings.items() if count > 1]
    if not repeated:
        return found.root
    return min(repeated, key=lambda here: (-found.text[here], len(here), here))


def _declared(found: Survey, wanted: Path_, path: Path) -> Path_:
    fitting = [here for here in found.attributes if here[-len(wanted) :] == wanted]
    if fitting:
        return min(fitting, key=len)
    seen = ["/".join(here) for here in found.attributes]
    more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
    raise SourceError(
        f"{path} has no element {'/'.join(wanted)} in its first MiB; it has {', '.join(seen[:_SHOWN])}{more}",
        "correct `record:` in the recipe, or leave it out",
    )


def _unit(line: int, columns: dict[str, object]) -> Unit | Bad:
    """Return a unit, unless it is a question that has no answer."""
    plain = {name.casefold(): value for name, value in columns.items()}
    if any(name in plain for name in _QUESTIONS):
        answers = [plain[name] for name in _ANSWERS if name in plain]
        if answers and not any(answer.strip() if isinstance(answer, str) else answer for answer in answers):
            return Bad(line, UNANSWERED, "a question whose answer is empty")
    return Unit(line, columns)
