from __future__ import annotations

import re
import time

import pytest

from pipeline.augment.protect import _PATTERNS, Guard, Protected, Span, _apart


def kept(text: str, *terms: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.stop]) for span in Guard(terms).protect(text).spans]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("Run `ls -l` in ~/src/main.py", [("code", "`ls -l`"), ("url", "~/src/main.py")]),
        ("See https://example.org/a?b=1.", [("url", "https://example.org/a?b=1")]),
        ("Write to a.b@example.org now", [("url", "a.b@example.org")]),
        ("Dear {{name}}, call <PERSON>", [("placeholder", "{{name}}"), ("placeholder", "<PERSON>")]),
        ("我叫[PHONE]，我的____", [("placeholder", "[PHONE]"), ("placeholder", "____")]),
        ('What is "hard cash"?', [("quote", '"hard cash"')]),
        ("what is ‘hard cash’ to you?", [("quote", "‘hard cash’")]),
        ("《红楼梦》和“春天”", [("quote", "《红楼梦》"), ("quote", "“春天”")]),
        ("It's Tom's and my cat's", [("name", "Tom's")]),
        ("a 3.5% rise of 20 kg", [("number", "3.5%"), ("number", "20 kg")]),
        ("限载60吨，走3千米，要2小时", [("number", "60吨"), ("number", "3千米"), ("number", "2小时")]),
        ("第三章有两个人", [("number", "第三"), ("number", "两")]),
        ("Sarah Johnson met him.", [("name", "Sarah Johnson")]),
        ("He won. Tom Hanks lost.", [("name", "Tom Hanks")]),
        ("What Is rain in New York?", [("name", "Is"), ("name", "New York")]),
        ("the iPhone of NASA", [("name", "iPhone"), ("name", "NASA")]),
        ("nothing here", []),
        ("这里什么也没有", []),
        ("", []),
    ],
)
def test_what_must_stay_is_found(text: str, spans: list[tuple[str, str]]) -> None:
    assert kept(text) == spans


def test_own_terms_count_as_words_in_any_case() -> None:
    assert kept("a Widget, widgets and 小部件", "widget", "部件") == [("term", "Widget"), ("term", "部件")]


def test_kinds_without_their_marks_are_not_tried_and_nothing_is_missed() -> None:
    whole = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS.items()), re.VERBOSE)
    texts = [
        "Run f(x) and `g` at /usr/bin, says Ann Lee: \"no\" 5% {a} <b> 'c' 第三 《书》 snake_case \\alpha __ a@b.org",
        "plain words only",
        "只有汉字",
        "Capital 3",
        "www.example.org and %s",
        "he said ‘yes’ twice",
    ]
    texts += [" ".join(text.split()[::2]) for text in texts] + [
        text[at:] for text in texts for at in range(0, 60, 7)
    ]
    for text in texts:
        spans = _apart(Span(m.start(), m.end(), m.lastgroup or "") for m in whole.finditer(text))
        assert Guard().protect(text).spans == spans, text


def test_held_and_free_stretches_are_complements() -> None:
    protected = Guard().protect("Ask Ann about `x` in 2020")
    assert isinstance(protected, Protected)
    for start, stop in protected.free():
        assert not protected.holds(start, stop)
    for span in protected.spans:
        assert protected.holds(span.start, span.stop) and protected.holds(span.stop - 1, span.stop + 3)
    lengths = sum(b - a for a, b in protected.free()) + sum(
        span.stop - span.start for span in protected.spans
    )
    assert lengths == len(protected.text)


def test_values_count_each_protected_text() -> None:
    assert Guard().protect("3 cats, 3 dogs and 4 birds").values() == {("number", "3"): 2, ("number", "4"): 1}


@pytest.mark.parametrize(
    "text", ["a" * 19_000 + "@", "“" * 19_000, "Aa " * 6_000, "\\" * 19_000, "@" * 19_000]
)
def test_long_runs_take_time_in_proportion(text: str) -> None:
    start = time.process_time()
    Guard().protect(text)
    assert time.process_time() - start < 1
