"""Whole sentences told otherwise, and the same with one fact changed: what a rewording may lose and what it may not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from quality import fidelity
from quality.fidelity.lexicon import without_aliases
from quality.fidelity.matching import match
from quality.fidelity.reading import read
from quality.fidelity.relations import are_derived, are_opposites, are_siblings, is_broader
from quality.fidelity.remainder import foreign, left_over, telling
from quality.fidelity.voice import voice_turned

KEPT = [
    ("Can you list four fruits that grow in Spain?", "List 4 fruits which are grown in Spain."),
    ("The train went at 80 mph for two hours.", "For 2 hours the train went at 80 miles per hour."),
    ("Two thirds of the songs are from the nineties.", "2/3 of the songs are from the 1990s."),
    ("The shop sold bread and cheese.", "Bread and cheese were sold by the shop."),
    ("请列出三种常见的水果。", "常见的水果有哪些？请举出3种。"),
    ("他买了两千克面粉，用掉了四分之一。", "他购买了2千克面粉，用掉1/4。"),
    ("狐狸吃掉了那只小鸡。", "那只小鸡被狐狸吃掉了。"),
    ("Ⅱ型糖尿病要怎样治疗？", "II型糖尿病怎么治？"),
]
BROKEN = [
    ("The plumber charges $40 per hour.", "The plumber charges $40 per day."),
    ("Where was the treaty signed?", "When did they sign the treaty?"),
    ("Write a brief summary of the play.", "Summarise the play in a detailed way."),
    ("The minister confirmed the report.", "The report was denied by the minister."),
    ("The lawyer tried to open the safe.", "The lawyer failed to open the safe."),
    ("请写一份简短的会议纪要。", "请把会议纪要写得详细一些。"),
    ("猫把老鼠追到了院子里。", "猫被老鼠追到了院子里。"),
    ("该病发展缓慢，检查有炎症。", "该病发展迅速，检查没有炎症。"),
    ("请介绍手术治疗的费用。", "请介绍非手术治疗的费用。"),
]


def score(original: str, edited: str) -> float:
    language = "zh" if any("一" <= char <= "鿿" for char in original) else "en"
    return float(fidelity.measure([original], [edited], [language]).scores[0])


@pytest.mark.parametrize(("original", "edited"), KEPT)
def test_a_sentence_told_otherwise_keeps_its_meaning(original: str, edited: str) -> None:
    assert score(original, edited) > 0.5


@pytest.mark.parametrize(("original", "edited"), BROKEN)
def test_one_changed_fact_breaks_it_however_it_is_told(original: str, edited: str) -> None:
    assert score(original, edited) < 0.5


def test_kinds_of_one_thing_are_siblings_and_a_kind_is_no_sibling_of_its_own() -> None:
    assert are_siblings("beer", "wine") and are_siblings("violin", "cello")
    assert not are_siblings("car", "automobile")
    assert is_broader("animal", "dog") and not is_broader("dog", "animal")
    assert not are_siblings("animal", "dog")


def test_words_are_derived_or_opposite_in_any_of_their_forms() -> None:
    assert are_derived("deliver", "delivery")
    assert are_opposites("denied", "confirmed") and are_opposites("higher", "lowest")
    assert are_opposites("迅速", "缓慢") and are_opposites("男", "女性")
    assert not are_opposites("迅速", "快速")


def test_an_acting_word_that_is_acted_on_turns_the_voice() -> None:
    def turned(original: str, edited: str) -> float:
        left, right = read(original), read(edited)
        return voice_turned(left, right, match(left, right, {}))

    assert turned("警察把小偷带走了。", "小偷被警察带走了。") == 0.0
    assert turned("警察把小偷带走了。", "警察被小偷带走了。") == 1.0
    assert turned("The dog chased the cat.", "The cat was chased by the dog.") == 0.0
    assert turned("The dog chased the cat.", "The dog was chased by the cat.") > 0.5


def test_a_noun_that_names_no_thing_tells_less_than_one_that_does() -> None:
    told = {word.surface: telling(word) for word in read("the reason for the earthquake").words}
    assert told["reason"] < 0.5 * told["earthquake"]
    told = {word.surface: telling(word) for word in read("地震的原因").words}
    assert told["原因"] < 0.5 * told["地震"]


def test_a_word_is_foreign_where_it_is_nearer_to_its_own_text() -> None:
    left, right = read("The baker sells bread."), read("The baker sells anchors.")
    rest = left_over(left, right, match(left, right, {}))
    east, north = np.eye(2, dtype=np.float32)
    vectors: dict[str, NDArray[np.float32]] = {"bread": east, "anchors": north}
    assert foreign(left, right, rest, vectors, (east, north)) == 1.0
    assert foreign(left, right, rest, vectors, (east, east)) == 0.0


def test_the_vectors_of_whole_texts_lower_a_foreign_word() -> None:
    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), 2), np.float32)
        for row, text in enumerate(texts):
            rows[row, int("anchor" in text)] = 1.0
        return rows

    original, near, far = (
        f"Every week our baker around the corner sells {thing}." for thing in ("bread", "loaves", "anchors")
    )
    found = fidelity.measure([original] * 2, [near, far], ["en"] * 2, encode).scores
    assert found[1] < found[0]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("at 80 mph", "at 80 miles per hour"),
        ("songs of the 1980s", "songs of the 80 decade"),
        ("四分之三", "3/4"),
        ("Ⅲ期", " III 期"),
    ],
)
def test_spellings_of_one_thing_become_one(written: str, plain: str) -> None:
    assert without_aliases(written) == plain
