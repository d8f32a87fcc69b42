"""What goes to a translator and comes back: sentences, the marks in them, and which returns can stand."""

from __future__ import annotations

import pytest

from pipeline.augment.protect import KINDS, Guard
from pipeline.augment.retold import ended_alike, refused
from pipeline.augment.round_trip import apply, edits, throughout
from pipeline.augment.stand_ins import CODES, NAMES, Masked, mask, unmask
from pipeline.augment.to_translate import sentences


def cut(text: str) -> list[str]:
    return [text[each.start : each.stop] for each in sentences(Guard().protect(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there!  Is three?", ["One is here.", "Two is there!", "Is three?"]),
        ("Ask Dr. Smith, e.g. today. He knows.", ["Ask Dr. Smith, e.g. today.", "He knows."]),
        ("写一个故事。要短！好吗？", ["写一个故事。", "要短！", "好吗？"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("- Do this.\n  2) Do that", ["Do this.", "Do that"]),
        ("一、写诗。\n1、画画", ["写诗。", "画画"]),
        ("See https://a.example/x.Y now. Go.", ["See https://a.example/x.Y now.", "Go."]),
        ("Run it\nfor (i = 0; i < 3; i++) {\nand tell", ["Run it", "and tell"]),
        ("`x`\n42\n---\n", []),
        ("Translate this sentence into German: It is late.", ["Translate this sentence into German:"]),
        ("请把下面的句子翻译成英文：今天很冷。", ["请把下面的句子翻译成英文："]),
        ("Note: it is late.", ["Note: it is late."]),
        ("word " * 200, []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_marks_stand_for_what_may_not_be_seen_and_are_taken_back() -> None:
    text = 'Open "the box" at https://a.example for Alberto in 2020.'
    masked = mask(Guard().protect(text), 0, len(text), NAMES, set(KINDS) - {"number", "name"})
    assert masked is not None
    assert masked.text == "Open Ricardo at Eduardo for Alberto in 2020."  # Alberto stands in the text
    assert [masked.text[a:b] for a, b in masked.held] == ["Ricardo", "Eduardo", "Alberto", "2020"]
    assert unmask("At Eduardo, open Ricardo", masked.marks) == 'At https://a.example, open "the box"'
    assert unmask("At Eduardo, open it", masked.marks) is None
    assert unmask("Ricardo Ricardo Eduardo", masked.marks) is None
    assert unmask("Ricardos Eduardo", masked.marks) is None


def test_a_sentence_with_more_protected_places_than_marks_is_not_sent() -> None:
    text = " ".join(f"`a{n}` and" for n in range(len(NAMES) + 1))
    assert mask(Guard().protect(text), 0, len(text), NAMES, {"code"}) is None
    assert mask(Guard().protect(text), 0, len(text), CODES, {"code"}) is not None


@pytest.mark.parametrize(
    ("parent", "child", "why"),
    [
        ("Name three big cities.", "Name three large cities.", ""),
        ("Name three big cities.", "name three big cities", "unchanged"),
        ("Name three big cities.", "", "untranslated"),
        ("说出三个大城市。", "Name three cities.", "untranslated"),
        ("Please name three big cities in Asia.", "Cities in Asia.", "length"),
        (
            "Please name three big cities in Asia.",
            "Please name three three big cities in Asia.",
            "repetition",
        ),
        ("Do not name big cities.", "Name the big cities.", "negation"),
        ("不要说出大城市的名字。", "请说出大城市的名字。", "negation"),
        ("Please name three big cities here.", "There is much snow on mountains.", "content"),
        ("Give me some information now.", "Give me a information now.", "agreement"),
        ("Give me a reason now.", "Give me a useful reason now.", ""),
        ("写一个很短的小故事。", "写一篇很短的小故事。", ""),
        ("写一个很短的故事。", "写一个小小的故事。", ""),
        ("写一个很短的故事。", "写一个很短的故写一个很短的故事。", "repetition"),
    ],
)
def test_why_a_return_cannot_stand(parent: str, child: str, why: str) -> None:
    assert refused(parent, child) == why


def test_a_return_ends_as_its_sentence_does() -> None:
    assert ended_alike("Why is it so?", "Why so.") == "Why so?"
    assert ended_alike("说说看。", "谈谈") == "谈谈。"
    assert ended_alike("Say it", "Tell it.") == "Tell it"


def changed(text: str, returned: str, held: tuple[tuple[int, int], ...] = ()) -> str:
    return apply(text, edits(Masked(text, (), held), returned))


@pytest.mark.parametrize(
    ("said", "returned", "kept"),
    [
        ("Write an article about an old movie.", "It writes a piece on an old film.", "Write a piece on an old film."),
        ("What is a certain movie?", "What is a sure film?", "What is a certain film?"),
        ("Write a story using it.", "It writes a history that uses it.", "Write a story that uses it."),
        ("Write two poems using it.", "It writes two poems that use he.", "Write two poems that use it."),
        ("Rewrite the two poems using it.", "Redraft the two poems that use it.", "Rewrite the two poems using it."),
        ("Name tips for making tea.", "Name tips to do tea.", "Name tips to make tea."),
        ("It is used for making tea.", "It is used to do tea.", "It is used for making tea."),
        ("Find a major city in Asia.", "It finds an important city in Asia.", "Find an important city in Asia."),
        ("Give the author's opinion.", "It gives the opinion of the author.", "Give the opinion of the author."),
        ("Go to the movie theater.", "Go to the theatre of film.", "Go to the movie theater."),
        ("How many people live there?", "How a lot of people live there?", "How many people live there?"),
        ("It’s a #secret movie.", "*It is a #secret **film.", "It is a #secret film."),
    ],
)  # fmt: skip
def test_which_changes_of_a_round_trip_stay(said: str, returned: str, kept: str) -> None:
    assert changed(said, returned) == kept


def test_what_is_held_stays() -> None:
    assert changed("See the movie.", "See the film.", ((8, 13),)) == "See the movie."


def test_a_word_is_changed_throughout_or_not() -> None:
    text = "Name a movie. Rate the movie."
    found = edits(Masked(text[:13], (), ()), "Name a film.")
    assert throughout(text, found) == set()
    assert throughout(text[:13], found) == set(found)
