"""The evaluation as one HTML file: it opens from disk, asks no network for anything, and speaks English and Chinese.

What models wrote is the least trustworthy text there is, so everything is escaped, and the page's policy runs nothing
but its own script, known by its hash. The words of the page are data (templates/words.json), both languages stand in it
and one is shown; answers stay as they were written. No time stands on it: equal evaluations have equal pages. Rejected:
a chart library (an interval beside zero is three lines of SVG).
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from quality.page_template import page_template
from train.evaluation.bootstrap import Comparison
from train.evaluation.scorecard import Answered, Category, SplitScores

if TYPE_CHECKING:
    from jinja2 import Template

    from train.evaluation.evaluate import Evaluation

_FOLDER = Path(__file__).parent / "templates"
GLANCE = ("loss", "chrf", "token_f1", "ends_by_itself", "prompts_language")
_MIDDLE, _REACH = 60.0, 54.0
"""Where zero stands in the drawing of an interval, and how far its longer side reaches."""


def render(evaluation: Evaluation, shown: Sequence[tuple[str, Answered]]) -> str:
    """Return the page.

    Args:
        evaluation: all scores.
        shown: records with both answers, and the split of each.
    """
    style = (_FOLDER / "evaluation.css").read_text(encoding="utf-8")
    script = (_FOLDER / "evaluation.js").read_text(encoding="utf-8")
    return _template().render(
        it=evaluation,
        name=evaluation.about.get("run", "evaluation"),
        splits=sorted(evaluation.splits, key=lambda split: split.name != "test"),
        shown=shown,
        categories=sorted({each.category for _, each in shown if each.category}),
        settings=evaluation.settings,
        glance=lambda split: [score for score in split.scores if score.metric in GLANCE],
        told=lambda category: [score for score in category.scores if score.base is not None],
        untold=_untold,
        measured=lambda split: [score for score in split.scores if score.metric in ("loss", "perplexity")],
        signed=_signed_scores,
        terms=_terms,
        place=_place,
        words=_words,
        reason_zh=reason_zh,
        known=lambda key: key in _all_words(),
        style=style,
        script=script,
        style_hash=_csp_hash(style),
        script_hash=_csp_hash(script),
    )


@cache
def _template() -> Template:
    return page_template(_FOLDER / "evaluation.html.jinja", {"number": number, "signed": signed})


@cache
def _all_words() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((_FOLDER / "words.json").read_text(encoding="utf-8"))
    return found


def _words(key: str, language: str) -> str:
    return _all_words()[key][language]


@cache
def _reasons() -> list[tuple[re.Pattern[str], str]]:
    """Return what is known of reasons in English: a pattern, and the same in Chinese; {names} stand for what varies."""
    listed: list[dict[str, str]] = json.loads((_FOLDER / "reasons.json").read_text(encoding="utf-8"))
    found = []
    for each in listed:
        parts = re.split(r"\{(\w+)\}", each["en"])
        pattern = "".join(
            f"(?P<{part}>.+?)" if odd else re.escape(part)
            for part, odd in zip(parts, itertools.cycle((0, 1)))
        )
        found.append((re.compile(pattern), each["zh"]))
    return found


def reason_zh(english: str) -> str:
    """Return a reason in Chinese, "" for one that nobody has translated."""
    for pattern, chinese in _reasons():
        match = pattern.fullmatch(english)
        if match:
            return chinese.format(
                **{name: reason_zh(value) or value for name, value in match.groupdict().items()}
            )
    return ""


def _csp_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


def number(value: float) -> str:
    """Return a score as people read it: three digits after the point below 10, fewer above."""
    size = abs(value)
    if not value:
        return "0"
    if not math.isfinite(value) or size >= 1e6:
        return f"{value:.3g}"
    return f"{value:,.{3 if size < 10 else 2 if size < 100 else 1}f}"


def signed(value: float) -> str:
    """Return a difference with its sign; a difference that rounds to nothing has none."""
    text = number(abs(value))
    if not text.strip("0.,"):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def _untold(category: Category) -> dict[str, list[Comparison]]:
    """Return the scores of a category that are not measured, by the reason."""
    found: dict[str, list[Comparison]] = {}
    for score in category.scores:
        if score.base is None:
            found.setdefault(score.why, []).append(score)
    return found


def _signed_scores(evaluation: Evaluation) -> list[Comparison]:
    """Return one comparison of each metric that says how its number is made."""
    every = [score for split in evaluation.splits for score in split.scores]
    every += [score for task in evaluation.tasks for score in task.scores]
    return list({score.metric: score for score in every if score.signature}.values())


def _terms(split: SplitScores) -> list[tuple[str, tuple[int, int, int], tuple[int, int, int]]]:
    """Return the groups that either model's answers mention, with the counts of both."""
    base, tuned = (split.identity_terms.get(side, {}) for side in ("base", "tuned"))
    return [(group, base[group], tuned[group]) for group in base if sum(base[group]) or sum(tuned[group])]


def _place(score: Comparison) -> dict[str, str] | None:
    """Return where an interval and its middle stand in the drawing, or None where there is nothing to draw."""
    if score.low is None or score.high is None or score.difference is None:
        return None
    reach = max(abs(score.low), abs(score.high), abs(score.difference))
    if not reach or not math.isfinite(reach):
        return None
    at = {"low": score.low, "high": score.high, "middle": score.difference}
    return {name: f"{_MIDDLE + _REACH * value / reach:.1f}" for name, value in at.items()}
