"""The charts, as plain plotly figures: pure functions from what the report says to JSON.

A figure is `{"data": [...], "layout": {...}}` exactly as plotly.js takes it (the tests put each through plotly's own
validation); written as literals because plotly.graph_objects would take a second and pandas to build the same.
Colours that begin with `--` are names of the page's CSS variables, which the page fills in for light or dark.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from quality.report.inputs import DROP, FLAG, Distribution, Language, PersonalData, Reason, Threshold
from quality.report.words import ACTIONS, SIMILARITIES, measure_words, reason_words

Figure = dict[str, Any]

MOST_BARS = 12
_COLOURS = ("--c1", "--c2", "--c3", "--c4", "--c5", "--c6")
_OF_ACTION = {DROP: "--bad", FLAG: "--warn"}
_LABEL = 34
_NOTE_ROWS = 3


def reasons_chart(reasons: Sequence[Reason]) -> Figure | None:
    """Return the bars of what was removed or put on the review list, the most frequent on top."""
    told = most_frequent(reasons)[:MOST_BARS]
    if not told:
        return None
    names = [_short(_titled(each, told)) for each in told]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": ACTIONS[action].title,
            "y": [name for name, each in zip(names, told, strict=True) if each.action == action],
            "x": [each.count for each in told if each.action == action],
            "marker": {"color": _OF_ACTION[action]},
            "hovertemplate": "%{y}: %{x:,} records<extra></extra>",
        }
        for action in _OF_ACTION
    ]
    layout = _layout(26 * len(told) + 70)
    layout["yaxis"] |= _categories(names)
    layout["xaxis"] |= {"title": {"text": "records"}, "rangemode": "tozero"}
    return {"data": [trace for trace in data if trace["x"]], "layout": layout}


def most_frequent(reasons: Sequence[Reason]) -> list[Reason]:
    """Return the reasons that removed records or put them on the review list, by count."""
    told = [each for each in reasons if each.action in _OF_ACTION]
    return sorted(told, key=lambda each: (-each.count, each.stage, each.reason))


def _titled(reason: Reason, others: Sequence[Reason]) -> str:
    """Return a reason's title, with its stage and action where another bar has the same title."""
    title = reason_words(reason.reason).title
    same = [each for each in others if reason_words(each.reason).title == title]
    if len(same) == 1:
        return title
    stages = {each.stage for each in same}
    return f"{title} ({reason.stage if len(stages) > 1 else ACTIONS[reason.action].title})"


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def distribution_chart(told: Distribution) -> Figure:
    """Return a histogram, stacked by language, with the thresholds as lines across it."""
    edges = [math.log10(edge) for edge in told.edges] if told.log else list(told.edges)
    centres = [round((a + b) / 2, 6) for a, b in itertools.pairwise(edges)]
    ranges = [f"{_figure(a)} – {_figure(b)}" for a, b in itertools.pairwise(told.edges)]
    data = [
        {
            "type": "bar",
            "name": series.group,
            "x": centres,
            "y": list(series.counts),
            "width": round(edges[1] - edges[0], 9),
            "customdata": ranges,
            "marker": {"color": _COLOURS[number % len(_COLOURS)], "line": {"width": 0}},
            "hovertemplate": f"{series.group}, %{{customdata}}: %{{y:,}} records<extra></extra>",
        }
        for number, series in enumerate(told.series)
    ]
    groups = [series.group for series in told.series]
    layout = _layout(300)
    layout |= {"barmode": "stack", "bargap": 0, "showlegend": groups != ["all duplicates"]}
    layout["xaxis"] |= {"title": {"text": measure_words(told.measure).unit}, "range": [edges[0], edges[-1]]}
    if told.log:
        ticks = _ticks(told.edges[0], told.edges[-1])
        layout["xaxis"] |= {
            "tickmode": "array",
            "tickvals": [round(math.log10(tick), 6) for tick in ticks],
            "ticktext": [_figure(tick) for tick in ticks],
        }
    layout["yaxis"] |= {"title": {"text": "records"}, "rangemode": "tozero"}
    lines = _lines(told, groups)
    rows = min(_NOTE_ROWS, len(lines.get("annotations", ())))
    layout["margin"] |= {"t": 10 + 14 * rows, "b": 74 if layout["showlegend"] else 44}
    layout["legend"] |= {"yref": "container", "y": 0, "yanchor": "bottom"}
    layout |= lines
    return {"data": data, "layout": layout}


def _lines(told: Distribution, groups: Sequence[str]) -> Figure:
    shapes: list[Figure] = []
    notes: list[Figure] = []
    for threshold in told.thresholds:
        for bound, sign in (
            (threshold.low, "≥" if threshold.measure in SIMILARITIES else "<"),
            (threshold.high, ">"),
        ):
            if bound is None or (told.log and bound <= 0):
                continue
            at = round(math.log10(bound) if told.log else bound, 6)
            number = groups.index(threshold.group) if threshold.group in groups else -1
            colour = _COLOURS[number % len(_COLOURS)] if number >= 0 else "--ink"
            line = {"color": colour, "width": 1.5, "dash": "dash"}
            shapes.append(
                {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at, "line": line}
            )
            notes.append(
                {
                    "x": at,
                    "y": 1,
                    "yref": "paper",
                    "yanchor": "bottom",
                    "yshift": 13 * (len(notes) % _NOTE_ROWS),
                    "showarrow": False,
                    "text": f"{threshold.group} {sign} {_figure(bound)}".strip(),
                    "font": {"size": 11, "color": colour},
                }
            )
    return {"shapes": shapes, "annotations": notes} if shapes else {}


def threshold_sentence(threshold: Threshold) -> str:
    """Return one threshold in words."""
    bounds = [("below", threshold.low), ("above", threshold.high)]
    said = " or ".join(f"{where} {_figure(bound)}" for where, bound in bounds if bound is not None)
    if threshold.measure in SIMILARITIES and threshold.low is not None:
        said = f"{_figure(threshold.low)} and above: taken for a duplicate"
    else:
        said += {"drop": ": removed", "flag": ": put on the review list"}.get(
            threshold.action, ": only measured"
        )
    group = f" ({threshold.group})" if threshold.group else ""
    why = f" – {threshold.why}" if threshold.why and threshold.why != "least for a duplicate" else ""
    return f"{said}{group}{why}"


def languages_chart(languages: Sequence[Language]) -> Figure | None:
    """Return the bars of records by language, kept and removed."""
    if not languages:
        return None
    told = languages[:MOST_BARS]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": [each.code for each in told],
            "x": [getattr(each, attribute) for each in told],
            "marker": {"color": colour},
            "hovertemplate": f"%{{y}}: %{{x:,}} {name}<extra></extra>",
        }
        for name, attribute, colour in (("kept", "kept", "--good"), ("removed", "dropped", "--bad"))
    ]
    layout = _layout(26 * len(told) + 120)
    layout |= {"barmode": "stack"}
    layout["yaxis"] |= _categories([each.code for each in told])
    layout["xaxis"] |= {"title": {"text": "records"}}
    return {"data": data, "layout": layout}


def personal_chart(personal: Sequence[PersonalData]) -> Figure | None:
    """Return the bars of replaced values by kind."""
    if not personal:
        return None
    names = [_short(reason_words(f"pii.{each.kind}").title) for each in personal]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": "records",
            "y": names,
            "x": [each.records for each in personal],
            "marker": {"color": "--c1"},
            "hovertemplate": "%{y}: %{x:,} records<extra></extra>",
        }
    ]
    layout = _layout(24 * len(names) + 80)
    layout |= {"showlegend": False}
    layout["margin"] |= {"t": 8}
    layout["yaxis"] |= _categories(names)
    layout["xaxis"] |= {"title": {"text": "records"}}
    return {"data": data, "layout": layout}


def _layout(height: int) -> Figure:
    axis = {
        "automargin": True,
        "tickformat": ",~r",
        "gridcolor": "--line",
        "zerolinecolor": "--line",
        "fixedrange": True,
    }
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 44, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--ink", "size": 13},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "separators": ".,",
        "hoverlabel": {"align": "left"},
        "barmode": "overlay",
    }


def _categories(names: Sequence[str]) -> Figure:
    """Return an axis of names, the first on top."""
    order = {"type": "category", "categoryorder": "array", "categoryarray": list(names)[::-1]}
    return {**order, "showgrid": False}


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of every decade between two positive numbers; only 1 where there are many decades."""
    steps = (1, 2, 5) if high / low < 1e3 else (1, 3) if high / low < 1e5 else (1,)
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for e in exponents for tick in (float(f"{s}e{e}") for s in steps) if low <= tick <= high]


def _figure(value: float) -> str:
    """Return a number as a person writes it: at most four digits that count, thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
