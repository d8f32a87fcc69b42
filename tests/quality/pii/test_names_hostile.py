"""What names and addresses cost in text that is made to be slow: the time grows with the length, and no faster."""

from __future__ import annotations

from time import process_time

import pytest

from quality.pii.addresses_en import find_addresses_en
from quality.pii.addresses_zh import find_addresses_zh
from quality.pii.names_en import find_names_en
from quality.pii.names_zh import find_names_zh
from quality.pii.spans import Recogniser, Span, settle

MEGABYTE = 1_000_000
BOUND = 40.0
"""Seconds for a megabyte of the worst text on a slow, busy machine; a quadratic recogniser needs hours."""

CASES: list[tuple[Recogniser, str]] = [
    *(
        (find_names_en, seed)
        for seed in ("John ", "Mr. ", "J.", "John, ", "van der ", "A", "Aa-", "name: ", "\n")
    ),
    *((find_names_zh, seed) for seed in ("王", "李明", "司马", "老张小李", "阿·", "我叫阿", "《", "阿尔")),
    *((find_names_zh, seed) for seed in ("王菲、", "约翰 · ", "小明", "约翰·史密斯（John ")),
    *(
        (find_addresses_en, seed)
        for seed in ("1 ", "12 Elm ", "12 Main Street, ", "1\n", "12 Elm Street\nAb\n", "Via A ")
    ),
    *((find_addresses_zh, seed) for seed in ("路1号", "号", "1", "北京市", "东西南北段", "一")),
    (find_names_en, " "),
    (find_addresses_en, "1"),
]


def cost(recognise: Recogniser, text: str) -> float:
    start = process_time()
    list(recognise(text))
    return process_time() - start


@pytest.mark.parametrize(("recognise", "seed"), CASES)
def test_twice_the_text_costs_no_more_than_about_twice_the_time(recognise: Recogniser, seed: str) -> None:
    cost(recognise, seed * 10)
    short, long = (min(cost(recognise, (seed * size)[:size]) for _ in range(3)) for size in (20_000, 80_000))
    assert long < 12 * max(short, 0.02)  # a square would cost sixteen times


@pytest.mark.slow
@pytest.mark.parametrize(("recognise", "seed"), CASES)
def test_a_hostile_megabyte_is_read_in_bounded_time(recognise: Recogniser, seed: str) -> None:
    assert cost(recognise, (seed * MEGABYTE)[:MEGABYTE]) < BOUND


def test_many_spans_settle_in_bounded_time() -> None:
    spans = [Span(at * 5, at * 5 + 4, "name", 0.5, "test") for at in range(100_000)]
    start = process_time()
    assert settle(spans) == spans
    assert process_time() - start < 10
