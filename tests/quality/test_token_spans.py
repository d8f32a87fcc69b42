"""Where the tokens of a text lie in the text itself, whatever folding does to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.tokens import token_spans, tokenise


def _parts(text: str) -> list[str]:
    starts, stops = token_spans(text)
    return [text[a:b] for a, b in zip(starts.tolist(), stops.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Two  words,\nthree?", ["Two", "words", "three"]),
        ("我有３个苹果。OK", ["我", "有", "３", "个", "苹", "果", "OK"]),
        ("Straße zu", ["Straße", "zu"]),
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
        ("a\u200bb c", ["a\u200bb", "c"]),
        ("ﾊﾟﾝ 1.5", ["ﾊﾟ", "ﾝ", "1.5"]),
        ("", []),
    ],
)
def test_tokens_are_found_where_they_stand(text: str, parts: list[str]) -> None:
    assert _parts(text) == parts


@given(st.text(max_size=60))
def test_there_are_as_many_spans_as_tokens_and_they_lie_in_the_text_in_order(text: str) -> None:
    starts, stops = token_spans(text)
    (tokens,) = list(tokenise([text]))
    assert len(starts) == len(stops) == len(tokens.values)
    assert (starts < stops).all()
    assert (np.diff(starts) >= 0).all()
    assert not len(stops) or 0 <= starts.min() <= stops.max() <= len(text)
