"""Gates spare time and nothing else: with every gate open, the same is found in the same texts."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from quality.pii import (
    KINDS,
    NEEDED,
    RECOGNISERS,
    Span,
    find,
    names_en,
    names_en_context,
    names_zh,
    names_zh_beside,
    names_zh_foreign,
    names_zh_places,
    papers,
    signs,
)
from quality.pii.kept import Kept
from quality.pii.names_en_context import Surroundings
from quality.pii.spans import settle_overlapping

CHALLENGE = Path(__file__).with_name("challenge.jsonl")
TEXTS = [json.loads(line)["text"] for line in CHALLENGE.read_text("utf-8").splitlines()]


def pieces(seed: int, joints: Sequence[str]) -> list[str]:
    """Return texts of pieces of others, cut anywhere, so that signs stand beside what they do not know."""
    draw = random.Random(seed)
    cut = [
        text[at : at + draw.randint(1, 24)]
        for text in TEXTS
        for at in range(0, len(text), draw.randint(5, 30))
    ]
    return [draw.choice(joints).join(draw.choices(cut, k=draw.randint(1, 6))) for _ in range(500)]


def nearest(around: Surroundings, start: int) -> str:
    """Return the word before a place, by the way that is open to every word."""
    before = around._words_before(start)[1]
    return before[0] if before else ""


def every_surname(text: str) -> list[int]:
    """Return all places of a surname's character."""
    return [match.start() for match in names_zh_places._surname().finditer(text)]


def open_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every text hold every sign, and every word and every place be worth a look."""
    read = signs.read.__wrapped__

    def everything(text: str) -> signs.Signs:
        seen = read(text)
        return signs.Signs(seen.text, seen.lower, -1)

    monkeypatch.setattr(signs, "read", everything)
    monkeypatch.setattr(names_en, "WEIGHTS", Kept(lambda word: 3, 99))
    monkeypatch.setattr(names_zh, "OUTLOOKS", Kept(lambda gram: (True, 0.0), 99))
    monkeypatch.setattr(names_zh, "FURTHER", Kept(lambda gram: 0.0, 99))
    monkeypatch.setattr(names_zh, "is_dull", lambda last: False)
    monkeypatch.setattr(names_zh, "surname_places", every_surname)
    monkeypatch.setattr(names_zh_foreign, "MAY_HOLD", Kept(lambda run: True, 99))
    monkeypatch.setattr(names_zh_beside, "is_dull", lambda last: False)
    monkeypatch.setattr(names_en_context.Surroundings, "_nearest", nearest)
    monkeypatch.setattr(
        papers, "words_at", lambda text, lower: [m.start() for m in papers._SIGN.finditer(text)]
    )
    monkeypatch.setattr("quality.pii.settle", settle_overlapping)


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        (TEXTS, KINDS.keys()),
        (pieces(1, " \n，。:"), KINDS.keys()),
        (pieces(2, " \n，。:"), KINDS.keys()),
        (pieces(3, ("",)), {"name", "address"}),
        (pieces(4, ("",)), {"name", "address"}),
    ],
    ids=["whole", "pieces", "more pieces", "touching pieces", "more touching pieces"],
)
def test_open_gates_find_nothing_more(
    texts: list[str], kinds: Collection[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gated = [find(text, kinds) for text in texts]
    assert any(gated)
    open_all(monkeypatch)
    for text, spans in zip(texts, gated, strict=True):
        assert find(text, kinds) == spans, text


def test_tables_leave_out_no_place_where_a_name_may_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_zh_places, "_LONG", 0)
    chars = sorted(set("".join(TEXTS)) | {"\0", "\ud83d", "𠮷"})
    draw = random.Random(5)
    surnames = sorted(names_zh_places._firsts())
    woven = ["".join(draw.choice(draw.choice((chars, surnames))) for _ in range(60)) for _ in range(400)]
    left_out = 0
    for text in [*TEXTS, *pieces(6, ("",)), *woven]:
        kept = set(names_zh_places.surname_places(text))
        for at in every_surname(text):
            seen = names_zh.OUTLOOKS[text[at : at + 3]]
            dull = at > 0 and names_zh.is_dull(text[at - 1])
            least = names_zh.FURTHER[text[at : at + 4]]
            may_be = seen is not None and (seen[0] or least <= (0 if dull else 5))
            assert at in kept or not may_be, text[max(0, at - 1) : at + 4]
            left_out += at not in kept
        assert kept <= set(every_surname(text))
    assert left_out > 1000


def test_what_stands_beside_a_digit_or_an_ideograph_is_looked_for_there_alone() -> None:
    assert signs.read("1234 567").held & signs.SERIES
    assert signs.read("约翰").held & names_zh_foreign.SIGNS
    assert not signs.read("· John").held & names_zh_foreign.SIGNS


def test_every_recogniser_declares_its_signs() -> None:
    assert NEEDED.keys() == RECOGNISERS.keys()
    assert all(NEEDED.values())


def test_a_text_without_a_sign_is_not_read() -> None:
    assert signs.read("。").held == signs.START
    assert find("。") == []


@pytest.mark.parametrize("half", ["\ud83d", "\ude00"])
def test_half_of_a_surrogate_pair_hides_nothing(half: str) -> None:
    text = f"{half} jo@example.com"
    assert find(text) == [Span(2, 16, "email", 0.95, "mail")]


def test_signs_are_looked_for_in_the_folded_text() -> None:
    assert signs.read("１").held & signs.DIGIT
    assert signs.read("Ａ＠Ｂ").held & signs.AT


def test_answers_are_forgotten_when_there_are_too_many_and_stay_the_same() -> None:
    lengths = Kept(len, most=2)
    assert [lengths[word] for word in ("a", "bb", "ccc", "a", "bb")] == [1, 2, 3, 1, 2]
    assert len(lengths) <= 2


@pytest.mark.parametrize(
    "text",
    [
        "Paſſport and LICENCE, reg nhs, dl no 3",
        "医保险 门诊疗 护照 REG. N travel permits",
        "İ passport ı patient",
        "plate plates registration",
    ],
)
def test_words_for_papers_are_found_where_the_pattern_finds_them(text: str) -> None:
    assert papers.words_at(text, text.lower()) == [match.start() for match in papers._SIGN.finditer(text)]
