"""Questions and answers that a web page marks as such.

In this order: schema.org JSON-LD (FAQPage, QAPage), schema.org microdata, `<details>` with a question as
summary, definition lists whose terms ask, and headings that ask. The first that finds any wins: a page
that repeats its JSON-LD in its body gives each pair once. Rejected: guessing by class names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pipeline.ingest.html_text import element_text, html_to_text
from pipeline.ingest.markdown_answers import is_question

if TYPE_CHECKING:
    from lxml.etree import _Element

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LEAST_ASKING = 0.5  # of the summaries, terms or headings of a level


class Faq(NamedTuple):
    """A question and its answer; the answer is empty where the page has none."""

    line: int
    question: str
    answer: str


def faq_of(root: _Element) -> list[Faq]:
    """Return the questions of a page, in its order, from the first markup that has any."""
    for find in (_json_ld, _microdata, _details, _definitions, _headings):
        found = [faq for faq in find(root) if faq.question]
        if found:
            return found
    return []


def _json_ld(root: _Element) -> Iterator[Faq]:
    for script in root.iter("script"):
        if "ld+json" not in script.get("type", "").lower():
            continue
        try:
            data = json.loads(script.text or "", strict=False)
        except (ValueError, RecursionError):
            continue
        for question in _questions(data, 0):
            answer = question.get("acceptedAnswer") or question.get("suggestedAnswer") or {}
            answer = answer[0] if isinstance(answer, list) and answer else answer
            text = answer.get("text", "") if isinstance(answer, dict) else answer
            name = question.get("name") or question.get("text") or ""
            yield Faq(script.sourceline or 1, html_to_text(str(name)), html_to_text(str(text or "")))


def _questions(data: object, depth: int) -> Iterator[dict[str, object]]:
    if depth > 20:
        return
    if isinstance(data, list):
        for item in data:
            yield from _questions(item, depth + 1)
    elif isinstance(data, dict):
        kinds = data.get("@type", "")
        if "Question" in (kinds if isinstance(kinds, list) else [kinds]):
            yield data
            return
        for name in ("@graph", "mainEntity", "hasPart", "mainEntityOfPage"):
            yield from _questions(data.get(name), depth + 1)


def _microdata(root: _Element) -> Iterator[Faq]:
    for item in root.xpath("//*[@itemscope and contains(@itemtype, 'schema.org/Question')]"):
        names = item.xpath(".//*[@itemprop='name']")
        answers = item.xpath(".//*[@itemprop='acceptedAnswer' or @itemprop='suggestedAnswer']")
        texts = answers[0].xpath(".//*[@itemprop='text']") if answers else []
        answer = element_text(texts[0] if texts else answers[0]) if answers else ""
        yield Faq(item.sourceline or 1, _line_of(names[0]) if names else "", answer)


def _details(root: _Element) -> Iterator[Faq]:
    found: list[Faq] = []
    for details in root.iter("details"):
        summary = details.find("summary")
        if summary is not None:
            answer = element_text(details, without=[summary])
            found.append(Faq(details.sourceline or 1, _line_of(summary), answer))
    yield from _if_asking(found)


def _definitions(root: _Element) -> Iterator[Faq]:
    found: list[Faq] = []
    for terms in root.iter("dl"):
        asked: list[_Element] = []
        answers: list[str] = []
        for child in terms.iter("dt", "dd"):
            if child.tag == "dt" and answers:
                found.append(_defined(asked, answers))
                asked, answers = [], []
            if child.tag == "dt":
                asked.append(child)
            elif asked:
                answers.append(element_text(child))
        if asked:
            found.append(_defined(asked, answers))
    yield from _if_asking(found)


def _defined(asked: list[_Element], answers: list[str]) -> Faq:
    question = " ".join(map(_line_of, asked))
    return Faq(asked[0].sourceline or 1, question, "\n\n".join(filter(None, answers)))


def _headings(root: _Element) -> Iterator[Faq]:
    """Yield headings that ask, with what follows up to the next heading of their level or above."""
    for level, tag in enumerate(_HEADINGS):
        headings = list(root.iter(tag))
        asking = [heading for heading in headings if _line_of(heading).endswith(("?", "？"))]
        if len(asking) < 2 or len(asking) < _LEAST_ASKING * len(headings):
            continue
        for heading in asking:
            yield Faq(heading.sourceline or 1, _line_of(heading), _following(heading, _HEADINGS[: level + 1]))
        return


def _following(heading: _Element, stops: tuple[str, ...]) -> str:
    parts: list[str] = [(heading.tail or "").strip()]
    for sibling in heading.itersiblings():
        if sibling.tag in stops or sibling.tag in ("footer", "nav", "aside"):
            break
        inside = next(sibling.iter(*stops), None)
        if inside is not None:
            break
        parts.append(element_text(sibling))
        parts.append((sibling.tail or "").strip())
    return "\n\n".join(part for part in parts if part)


def _if_asking(found: list[Faq]) -> Iterator[Faq]:
    asking = [faq for faq in found if is_question(faq.question)]
    if asking and len(asking) >= _LEAST_ASKING * len(found):
        yield from asking


def _line_of(element: _Element) -> str:
    return " ".join(element_text(element).split())
