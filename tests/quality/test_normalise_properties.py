"""Properties of the repairs over hostile texts: they settle, stay linear and touch nothing clean."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quality.normalise import STEPS, Subject, cut_points, cut_to, is_suspicious, most_tokens

PIECES = [
    "hello", "World", "你好", "，", "。", "الله", "नमस्ते", "한국어", "👩", "🏽", "❤", "\ufe0f", "\u200d", "\u200c",
    "\u200b", "\ufeff", "\u202e", "\x00", "\x1b[31m", "\x1b", "\x85", "\u2028", "\x0b", "\u00a0", "\u3000",
    "\u00ad", "\ufffd", " ", "  ", "\t", "\n", "\n\n\n", "\r\n", "\r", "<br>", "<p>", "</p>", "<b>", "</b>",
    "<li>", "</li>", "<pre>", "</pre>", "<code>", "</code>", "<script>", "</script>", "<!--", "-->",
    "<name>", "<a href='x'>", "</a>", "<sup>2</sup>", "<td>", "<", ">", "&", ";", "&amp;", "&amp;lt;", "&lt;",
    "&gt;", "&nbsp;", "&#13;", "&#8203;", "br", "lt;", "amp;", "```", "`", "~~~", "| a | b |", "- ", "1. ",
    "ｆｕｌｌ", "１２", "．", "é", "e\u0301", "Ã©", "â€™", "ä½\u00a0å¥½", "Ã", "©", "html", "\"", "'", "．", "def f():",
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=24).map("".join),
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters()), max_size=16).map("".join),
)


def settle(text: str) -> str:
    """Run the steps as the stage does: after one that alters the text, those before it again."""
    names = list(STEPS)
    for number in range(len(names)):
        if run(text, names[number]) == text:
            continue
        for _ in range(12):
            before = text
            for name in names[: number + 1]:
                text = run(text, name)
            if text == before:
                break
    return text


def run(text: str, name: str) -> str:
    return STEPS[name](text, Subject("", [text])).text


@settings(max_examples=600, deadline=None)
@given(TEXTS)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = settle(text)
    assert settle(once) == once


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_a_text_that_is_not_suspicious_is_left_by_every_step(text: str) -> None:
    if not is_suspicious(text):
        assert [run(text, name) for name in STEPS] == [text] * len(STEPS)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_a_step_counts_something_exactly_when_it_alters_the_text(text: str) -> None:
    for name, step in STEPS.items():
        repair = step(text, Subject("", [text]))
        if repair.text != text:
            assert sum(repair.counts.values()) > 0, name
