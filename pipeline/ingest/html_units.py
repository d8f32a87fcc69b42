"""Web pages: the questions and answers that a page marks, else its main text as {title, text}.

trafilatura finds the main text: it leaves menus, banners and footers out, in Chinese pages as well.
Rejected: readability (no lists, tables or code blocks), and all visible text (menus in every record).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from pipeline.ingest.encodings import open_text
from pipeline.ingest.html_faq import Faq, faq_of
from pipeline.ingest.html_text import element_text, parse_html
from pipeline.ingest.spec import SourceSpec
from pipeline.ingest.units import EMPTY, ENCODING, NO_PAIR, UNANSWERED, Bad, Unit, too_large

log = logging.getLogger(__name__)

_MAIN_SHARE = 2  # times the text of its pairs: then a page is an article that has questions as well
_LEAST_MAIN = 200  # characters; below, what trafilatura finds is checked against the whole page
_SHORTEST_MAIN = "60"  # characters: trafilatura gives all text of the page for less
_MISSED = 4  # times as much text on the page: then trafilatura missed what matters


def read_html(path: Path, spec: SourceSpec) -> Iterator[Unit | Bad]:
    """Yield the pairs of a page, or the page as {title, text}; `line` is where a pair starts."""
    with open_text(path, spec) as stream:
        raw = stream.read(spec.max_unit_bytes + 1)
    if len(raw) > spec.max_unit_bytes:
        yield too_large(1, spec.max_unit_bytes)
        return
    try:
        page = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield Bad(1, ENCODING, f"byte {error.start + 1} of the page is not valid in its encoding")
        return
    root = parse_html(page)
    if root is None:
        if page.strip():
            yield Bad(1, EMPTY, "the page holds no text")
        return
    pairs = faq_of(root)
    title, text, around = _main_text(page)
    if len(text) < _LEAST_MAIN and len(visible := _visible_text(page)) > _MISSED * len(text):
        text = visible
    for pair in pairs:
        yield _pair(pair, title, around)
    length = sum(len(pair.question) + len(pair.answer) for pair in pairs)
    if pairs:
        log.info("%s: %d marked questions", path.name, len(pairs))
    if pairs and len(text) > _MAIN_SHARE * length:
        yield Bad(1, NO_PAIR, "the text of the page beside its questions")
    elif text and not pairs:
        yield Unit(1, {"title": title, "text": text, **around})
    elif not pairs:
        yield Bad(1, EMPTY, "the page holds no text")


def _main_text(page: str) -> tuple[str, str, dict[str, object]]:
    """Return the title, the main text as Markdown, and what the page says about itself."""
    import trafilatura
    from trafilatura.settings import use_config

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it reports pages that hold nothing
    config = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", _SHORTEST_MAIN)  # its own is a length of English text
    text = trafilatura.extract(
        page,
        config=config,
        output_format="markdown",
        include_comments=False,
        include_tables=True,
        include_formatting=True,
    )
    known = trafilatura.extract_metadata(page, extensive=False)
    # Its authors and dates are guesses, often wrong ones.
    found = {name: getattr(known, name, None) for name in ("sitename", "url")}
    title = (getattr(known, "title", None) or "").strip()
    text = (text or "").strip().removeprefix(f"# {title}\n").strip()
    return title, text, {name: value for name, value in found.items() if value}


def _visible_text(page: str) -> str:
    root = parse_html(page)
    if root is None:
        return ""
    body = root.find("body")
    if body is None:
        body = root
    return element_text(body, without=body.xpath(".//nav | .//header | .//footer | .//aside"))


def _pair(pair: Faq, title: str, around: dict[str, object]) -> Unit | Bad:
    if not pair.answer:
        return Bad(pair.line, UNANSWERED, "a question without an answer")
    # Not `title`: that is the name of a document's own heading.
    page = {"page": title} if title else {}
    return Unit(pair.line, {"question": pair.question, "answer": pair.answer, **page, **around})
