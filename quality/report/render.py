"""The page: one HTML file that holds everything it shows, charts included, and asks no network for anything.

Jinja2 escapes every text; what people wrote never becomes mark-up. plotly.js is put in once, compressed, because
the package brings its full bundle alone (4.8 MB; 1.5 MB compressed), and the browser unpacks it. Every chart is
followed by its numbers as a table, so a page whose script does not run says the same. No time stands on it:
equal builds have equal pages.
"""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quality.page_template import page_template
from quality.report import figures
from quality.report.inputs import DROP, EDIT, FLAG, Inputs, Passage, Reason
from quality.report.words import SIMILARITIES, measure_words, reason_words

if TYPE_CHECKING:
    from jinja2 import Template

_FOLDER = Path(__file__).parent / "templates"
_CLAMPED = 360
_MAIN = (
    "prompt_chars",
    "response_chars",
    "perplexity",
    "perplexity_given_prompt",
    "ifd",
    "relevance",
    "toxicity",
)

GROUPS = (
    (DROP, "Removed", "These records are not in the dataset."),
    (FLAG, "Kept, to be looked at", "These records are in the dataset, and on the list for review."),
    (EDIT, "Changed", "These records are in the dataset with a changed text."),
    ("add", "Added", "These records were made from others."),
)


def render(inputs: Inputs) -> str:
    """Return the whole page."""
    charts = _charts(inputs)
    return _template().render(
        it=inputs,
        groups=[(key, title, text, _of(inputs.reasons, key)) for key, title, text in GROUPS],
        leading=figures.most_frequent(inputs.reasons),
        anchors=_anchors(inputs.reasons),
        main=[d for d in inputs.distributions if d.measure in _MAIN or _is_gate(d.measure, inputs)],
        similar=[d for d in inputs.distributions if d.measure in SIMILARITIES],
        further=[d for d in inputs.distributions if _is_further(d.measure, inputs)],
        reason_words=reason_words,
        measure_words=measure_words,
        threshold_sentence=figures.threshold_sentence,
        marked=marked,
        is_long=lambda passage: len(passage.text) > _CLAMPED and not passage.marks,
        figures_json=_script_json(charts),
        script=(_FOLDER / "page.js").read_text(encoding="utf-8"),
        style=(_FOLDER / "page.css").read_text(encoding="utf-8"),
        plotly=_plotly(),
    )


@cache
def _template() -> Template:
    filters = {"number": lambda number: f"{number:.4g}", "plural": _plural}
    return page_template(_FOLDER / "index.html.jinja", filters)


def _is_gate(measure: str, inputs: Inputs) -> bool:
    """Tell whether a stage declares a threshold for a measure that is no heuristic and no similarity."""
    named = any(each.measure == measure for each in inputs.thresholds)
    return named and not measure.startswith("heuristics_") and measure not in SIMILARITIES


def _is_further(measure: str, inputs: Inputs) -> bool:
    return measure not in (*_MAIN, *SIMILARITIES) and not _is_gate(measure, inputs)


def _of(reasons: tuple[Reason, ...], action: str) -> list[Reason]:
    own = [each for each in reasons if each.action == action]
    return sorted(own, key=lambda each: (-each.count, each.stage, each.reason))


def _anchors(reasons: tuple[Reason, ...]) -> dict[tuple[str, str, str], str]:
    return {(each.stage, each.action, each.reason): f"reason-{n}" for n, each in enumerate(reasons)}


def _charts(inputs: Inputs) -> dict[str, figures.Figure]:
    """Return every chart by the id of its place on the page."""
    found = {
        "chart-reasons": figures.reasons_chart(inputs.reasons),
        "chart-languages": figures.languages_chart(inputs.languages),
        "chart-personal": figures.personal_chart(inputs.personal),
    }
    found |= {f"chart-{each.measure}": figures.distribution_chart(each) for each in inputs.distributions}
    return {name: figure for name, figure in found.items() if figure is not None}


def marked(passage: Passage) -> Any:
    """Return a passage as mark-up: escaped, with its marks and a word on what is not shown."""
    from markupsafe import Markup, escape

    parts: list[Any] = []
    if passage.cut_before:
        parts.append(Markup('<span class="cut">… {:,} characters before</span>\n').format(passage.cut_before))
    at = 0
    for start, stop in passage.marks:
        parts += [
            escape(passage.text[at:start]),
            Markup("<mark>{}</mark>").format(passage.text[start:stop]),
        ]
        at = stop
    parts.append(escape(passage.text[at:]))
    if passage.cut_after:
        parts.append(Markup('\n<span class="cut">… {:,} more characters</span>').format(passage.cut_after))
    return Markup("").join(parts)


def _plural(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _script_json(value: object) -> Any:
    """Return JSON that may stand in a script element: nothing in it can end the element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


@cache
def _plotly() -> str:
    """Return plotly.js, compressed and in base64."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode("ascii")
