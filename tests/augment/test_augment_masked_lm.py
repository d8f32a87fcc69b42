"""Words replaced by what a masked language model, made on the spot, finds likely in their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny_models import save_embedder, save_masked_lm

from pipeline.augment import Answer, Ask, Child, Guard, NoChild
from pipeline.augment.masked_lm import MaskedLMMethod, MaskedLMParams
from pipeline.augment.protocol import seed_of
from pipeline.errors import ModelError
from pipeline.models import ModelRef, Models

METHOD = MaskedLMMethod()
CHANCES = {
    "film": 0.2, "films": 0.15, "movies": 0.1, "house": 0.1, "unpopular": 0.05, "##film": 0.05, "famed": 0.05,
    "decrease": 0.05, "影": 0.1, "片": 0.1, "the": 0.04, "motion": 0.001,
}  # fmt: skip
MORE = ["movie", "famous", "popular", "increase", *"推荐一部好看的电影请给我"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_masked_lm(tmp_path_factory.mktemp("mlm"), CHANCES, MORE)


def params(folder: Path, **more: object) -> MaskedLMParams:
    model = {"folder": str(folder), "languages": "all"}
    return MaskedLMParams.model_validate({"model": model, "embedder": None, "top": 20, **more})


def ask(text: str, number: int = 0, lang: str = "en") -> Ask:
    texts = {"system": "", "instruction": text, "input": "movie", "output": "A movie."}
    return Ask(texts, (), lang, seed_of(number), number)


def children(asks: list[Ask], wanted: MaskedLMParams, guard: Guard | None = None) -> list[Answer]:
    return METHOD.children(asks, wanted, guard or Guard(), Models(threads=1))


def text(answer: Answer) -> str:
    return answer.texts["instruction"] if isinstance(answer, Child) else f"({answer.why})"


def test_a_word_gives_way_to_a_likely_one_of_its_form_and_sense(folder: Path) -> None:
    found = children([ask("Name a movie of paris."), ask("Give a list of movies.", 1)], params(folder))
    assert found == [
        Child({"instruction": "Name a film of paris."}), Child({"instruction": "Give a list of films."})
    ]  # fmt: skip


def test_an_opposite_an_unlikely_word_and_a_piece_never_stand_in(folder: Path) -> None:
    assert text(children([ask("Name a popular city.")], params(folder))[0]) == "(unchanged)"
    assert text(children([ask("Give an increase of data.")], params(folder, synonyms_only=False))[0]) not in (
        "Give a decrease of data."
    )
    assert (
        text(children([ask("Name a movie of paris.")], params(folder, least_probability=0.3))[0])
        == "(unchanged)"
    )


def test_without_the_lexicon_any_word_of_the_form_may_stand_in(folder: Path) -> None:
    asks = [ask("Name a story.", n) for n in range(60)]
    found = {text(each) for each in children(asks, params(folder, synonyms_only=False))}
    assert {"Name a film.", "Name a house."} <= found
    assert not any("films" in each or "movies" in each for each in found)  # a plural does not agree


def test_chinese_words_give_way_to_known_words_of_their_length(folder: Path) -> None:
    found = children([ask("请给我推荐一部好看的电影", lang="zh")], params(folder, least_probability=0.005))
    assert text(found[0]) == "请给我推荐一部好看的影片"


def test_what_is_protected_stays(folder: Path) -> None:
    wanted = params(folder)
    for kept in ("Name a `movie` of paris.", 'Name a "movie" of paris.', "Name a {movie} of paris."):
        assert text(children([ask(kept)], wanted)[0]) == "(unchanged)"
    assert text(children([ask("Name a movie of paris.")], wanted, Guard(["movie"]))[0]) == "(unchanged)"
    assert text(children([ask("What does the word movie mean?")], wanted)[0]) == "(wording)"
    assert text(children([ask("Summarise: a movie of paris")], wanted)[0]) == "(unchanged)"


def test_a_language_that_the_model_does_not_know_gives_no_child(folder: Path) -> None:
    wanted = params(folder)
    assert children([ask("请解释光合作用的过程", lang="zh")], wanted) == [NoChild("language")]
    vocabulary = MaskedLMParams(model=ModelRef(folder=str(folder)), embedder=None)
    assert children([ask("请给我推荐一部好看的电影", lang="zh")], vocabulary) == [NoChild("language")]


def test_a_substitute_that_moves_the_text_is_left_out(folder: Path, tmp_path: Path) -> None:
    embedder = {"folder": str(save_embedder(tmp_path))}
    asks = [ask("Name a movie of paris.")]
    assert (
        text(children(asks, params(folder, embedder=embedder, least_text=0.0))[0]) == "Name a film of paris."
    )
    assert text(children(asks, params(folder, embedder=embedder, least_text=1.0))[0]) == "(unchanged)"
    needs = METHOD.needs(params(folder, embedder=embedder))
    assert [need.kind for need in needs] == ["masked_lm", "embedder"]


def test_children_depend_on_neither_order_nor_companions(folder: Path) -> None:
    wanted = params(folder, synonyms_only=False)
    asks = [ask(f"Describe a {'new ' * n}river and the house of data.", n) for n in range(9)]
    together = children(asks, wanted)
    assert children(asks[::-1], wanted) == together[::-1]
    assert [children([each], wanted)[0] for each in asks] == together
    assert len({text(each).replace("new ", "") for each in together}) > 1


def test_long_and_empty_texts_have_their_reasons(folder: Path) -> None:
    found = children([ask("movie " * 9000), ask("", 1), ask("   ", 2)], params(folder))
    assert found == [NoChild("too_long"), NoChild("unchanged"), NoChild("unchanged")]


def test_a_recipe_must_name_a_masked_language_model() -> None:
    with pytest.raises(ValidationError, match="model"):
        MaskedLMParams()  # type: ignore[call-arg]
    with pytest.raises(ModelError, match="sentence encoder"):
        children([ask("Name a movie.")], MaskedLMParams(model=ModelRef()))
