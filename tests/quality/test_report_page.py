"""The page out of plain values: escaped, marked, self-contained, and its charts as plotly wants them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import plotly.graph_objects
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.report import Inputs, figures, render
from quality.report.distributions import distribution
from quality.report.examples import passage
from quality.report.inputs import (
    Counts,
    Example,
    Gate,
    Language,
    Passage,
    PersonalData,
    Reason,
    Reject,
    ShownRecord,
    Threshold,
)
from quality.report.words import reason_words

HOSTILE = "</script><script>alert(1)</script><img src=http://example.org/x onerror=alert(2)> & \u2028 “引号”"
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


def groups(*names: str) -> pa.DictionaryArray:
    return pa.array(names).dictionary_encode()


def shown(text: str, lang: str = "", marks: tuple[tuple[int, int], ...] = ()) -> ShownRecord:
    return ShownRecord("f" * 24, "source", "f.jsonl:1", lang, "kept", (("Response", Passage(text, marks)),))


def full(text: str = HOSTILE) -> Inputs:
    values = np.array([1.0, 2.0, 400.0, np.nan, 7.0])
    told = distribution(
        "perplexity",
        values,
        groups("zh", "en", "zh", "en", "en"),
        [Threshold("perplexity", 1.5, 300.0, "drop", "zh", text)],
    )
    assert told is not None
    example = Example(
        shown(text, "zh"), (("measured", text),), shown("另一条", "zh"), "the record that was kept instead"
    )
    return Inputs(
        name=text,
        seed=1,
        build_key="0123456789abcdef0123",
        counts=Counts(9, 1, 8, 0, 3, 5, 2, {"train": 5}),
        gates=(
            Gate("coverage", 0.9, 0.85, True, True, text),
            Gate("toxicity", 0.2, 0.1, False, False, "too much"),
            Gate("label consistency", None, 0.95, True, None, "nobody has judged"),
        ),
        reasons=(
            Reason("heuristics", "drop", "heuristics.response.empty", 2, (example,)),
            Reason(
                "gate",
                "flag",
                "gate.perplexity.high",
                1,
                (Example(shown("坏句子。好句子。", "zh", ((0, 4),)), ()),),
            ),
            Reason("scrub", "edit", "pii.email", 3),
        ),
        distributions=(told,),
        languages=(Language("zh", 3, 1), Language("en", 2, 2)),
        personal=(PersonalData("email", 3, 4),),
        scrubbed=True,
        rejects=(Reject("ingest.json.invalid", 1, ((text, text),)),),
    )


class Page(HTMLParser):
    """Walks a page and notes its elements, their nesting and its text outside of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.problems: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text.append(data)

    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(full()))


def test_the_page_is_well_formed_and_every_id_and_link_is_sound(page: Page) -> None:
    assert (page.problems, page.open) == ([], [])
    ids = page.ids()
    assert len(ids) == len(set(ids))
    links = {attrs["href"] for tag, attrs in page.elements if tag == "a"}
    assert links
    assert {link[1:] for link in links} <= set(ids)


def test_the_page_asks_no_network_for_anything(page: Page) -> None:
    for tag, attrs in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            if tag != "data" and name in attrs:
                assert attrs[name].startswith(("#", "data:")), (tag, attrs)
    html = render(full("plain"))
    assert not re.search(r"(https?:)?//[a-z]", html.split('id="plotly"')[0])
    policy = next(attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")


def test_what_people_wrote_never_becomes_markup(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert "img" not in tags
    assert tags.count("script") == 3
    assert "".join(page.text).count(HOSTILE) >= 5


def test_the_first_screen_says_how_every_gate_stands(page: Page) -> None:
    text = " ".join("".join(page.text).split())
    assert "coverage 0.9: ✓ holds (at least 0.85 is asked for)" in text
    assert "toxicity 0.2: ✗ fell short (at most 0.1 is asked for) too much" in text
    assert "label consistency: – not measured (at least 0.95 is asked for) nobody has judged" in text


def test_without_gates_the_page_says_none() -> None:
    text = "".join(Page(render(replace(full("x"), gates=(), reasons=(), distributions=(), rejects=()))).text)
    assert "None: this recipe sets no gate" in text
    assert "No record was removed" in text


def test_every_chart_has_its_place_and_plotly_takes_it(page: Page) -> None:
    charts = json.loads(page.scripts[0])
    places = [attrs["id"] for _, attrs in page.elements if attrs.get("class") == "chart"]
    assert sorted(charts) == sorted(places)
    for chart in charts.values():
        plain = json.loads(re.sub(r'"--[a-z0-9]+"', '"#123456"', json.dumps(chart)))
        assert plotly.graph_objects.Figure(plain).data


def test_texts_carry_their_language_and_the_marked_passage(page: Page) -> None:
    assert [attrs["lang"] for tag, attrs in page.elements if tag == "dl"] == ["zh", "zh", "zh"]
    html = render(full("x"))
    assert "<mark>坏句子。</mark>好句子。" in html


def test_two_renders_are_the_same_bytes() -> None:
    assert render(full()) == render(full())


def test_reasons_speak_to_people() -> None:
    assert reason_words("dedupe.exact").title == "Exact duplicate"
    assert reason_words("pii.badge_number").title == "Personal data: pii.badge_number"
    assert "No sentence" in reason_words("nothing.like.it").sentence


def test_thresholds_are_drawn_on_either_scale_and_said_in_words() -> None:
    (chart,) = [figures.distribution_chart(each) for each in full().distributions]
    assert [shape["x0"] for shape in chart["layout"]["shapes"]] == pytest.approx(
        [np.log10(1.5), np.log10(300)], abs=1e-5
    )
    told = figures.threshold_sentence(
        Threshold("relevance", 0.2, None, "flag", "zh", "a tenth are off topic")
    )
    assert told == "below 0.2: put on the review list (zh) – a tenth are off topic"


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=60),
    st.integers(1, 9),
)
def test_a_histogram_loses_no_value(values: list[float], kinds: int) -> None:
    names = [f"l{n % kinds}" for n in range(len(values))]
    told = distribution("x", np.array(values), groups(*names), [Threshold("x", 0.5, None, "drop")])
    finite = sum(not np.isnan(each) for each in values)
    if told is None:
        assert finite == 0
        return
    assert sum(sum(series.counts) for series in told.series) + told.below + told.above == finite
    assert (sum(series.values for series in told.series), told.missing) == (finite, len(values) - finite)
    assert list(told.edges) == sorted(told.edges)
    assert told.edges[0] <= 0.5 <= told.edges[-1]


def test_a_long_tail_gets_logarithmic_bins_and_an_outlier_is_counted_aside() -> None:
    values = np.concatenate([np.geomspace(1, 500, 2000), [1e7]])
    told = distribution("chars", values, groups(*["en"] * 2001))
    assert told is not None
    assert told.log
    assert told.edges[-1] < 1000
    assert told.above >= 1


@given(st.text(max_size=3000), st.lists(st.tuples(st.integers(0, 3200), st.integers(0, 3200)), max_size=5))
def test_a_passage_marks_what_the_offsets_name(text: str, spans: list[tuple[int, int]]) -> None:
    cut = passage(text, spans)
    assert text[cut.cut_before : len(text) - cut.cut_after] == cut.text
    covered = {n for start, stop in spans if start < stop <= len(text) for n in range(start, stop)}
    marked = {cut.cut_before + n for start, stop in cut.marks for n in range(start, stop)}
    assert marked <= covered
    if covered:
        assert min(covered) in marked
