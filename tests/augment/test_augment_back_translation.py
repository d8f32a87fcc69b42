"""Back-translation: there and back for real, what stays as it was, and who is asked how often."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError
from tiny_translators import save_marian, save_mode

from pipeline.augment.back_translation import BackTranslation
from pipeline.augment.back_translation_params import BackTranslationParams
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, NoChild, seed_of
from pipeline.errors import ModelError
from pipeline.models import Models
from pipeline.models.apertium import mode_file

METHOD = BackTranslation()
THERE = {"film": "película", "movie": "película", "what": "qué", "which": "qué", "largest": "mayor", "is": "es",
         "someone": "alguien", "whether": "si", "teacher": "profesor", "certain": "seguro"}  # fmt: skip
BACK = {"película": "film", "qué": "which", "mayor": "biggest", "es": "is", "alguien": "somebody", "si": "if",
        "profesor": "professor", "seguro": "sure"}  # fmt: skip
needs_apertium = pytest.mark.skipif(
    not mode_file("eng-spa").is_file() or shutil.which("lt-proc") is None,
    reason="apertium and apertium-eng-spa are not installed (apt-get install apertium apertium-eng-spa)",
)


def ask(text: str, lang: str = "en", number: int = 0) -> Ask:
    texts = {"system": "", "instruction": text, "input": "", "output": "Which movie is it?"}
    return Ask(texts, (), lang, seed_of(text, number), number)


def rules(folder: Path, back_fault: str = "") -> BackTranslationParams:
    save_mode(folder, "eng-spa", THERE)
    save_mode(folder, "spa-eng", BACK, back_fault)
    return BackTranslationParams.model_validate(
        {"translations": [{"by": "apertium", "data": str(folder), "seconds": 2}]}
    )


def children(
    asks: Sequence[Ask],
    params: BackTranslationParams,
    models: Models | None = None,
    guard: Guard | None = None,
) -> list[Answer]:
    return METHOD.children(asks, params, guard or Guard(), models or Models(threads=1))


def text_of(answer: Answer) -> str:
    assert isinstance(answer, Child), answer
    return answer.texts["instruction"]


def test_only_changes_that_were_read_stay(tmp_path: Path) -> None:
    texts = [
        "Which teacher made the largest movie?",
        "Tell me whether a certain teacher likes someone.",
        "Name a certain teacher.",
    ]
    found = children([ask(text) for text in texts], rules(tmp_path))
    assert text_of(found[0]) == "Which teacher made the biggest film?"
    assert text_of(found[1]) == "Tell me if a certain teacher likes somebody."
    assert found[2] == NoChild("unchanged")


def test_what_is_protected_never_reaches_the_translator(tmp_path: Path) -> None:
    text = 'Which movie did someone call "the largest movie" on https://movie.example/largest or in `movie.largest`?'
    found = children([ask(text)], rules(tmp_path), guard=Guard())
    assert text_of(found[0]) == (
        'Which movie did somebody call "the largest movie" on https://movie.example/largest or in `movie.largest`?'
    )


def test_a_term_that_the_recipe_protects_stays(tmp_path: Path) -> None:
    text = "Show someone the largest movie."
    assert text_of(children([ask(text)], rules(tmp_path))[0]) == "Show somebody the biggest film."
    guarded = children([ask(text)], rules(tmp_path), guard=Guard(["largest"]))
    assert text_of(guarded[0]) == "Show somebody the largest film."


def test_the_layout_stays_and_what_the_request_is_about_stays(tmp_path: Path) -> None:
    text = "Ask someone for help.\n\n  - Find the largest one.\n  - Name it.  \n\nRewrite this line:\n  Someone saw it."
    assert text_of(children([ask(text)], rules(tmp_path))[0]) == (
        "Ask somebody for help.\n\n  - Find the biggest one.\n  - Name it.  \n\nRewrite this line:\n  Someone saw it."
    )


def test_a_thing_is_not_called_by_two_names(tmp_path: Path) -> None:
    found = children([ask("Name a movie. Is the movie theater old?")], rules(tmp_path))
    assert found == [NoChild("unchanged")]  # a movie theater is none for films


def test_further_children_have_some_of_the_changes_and_only_if_there_are_several(tmp_path: Path) -> None:
    params = rules(tmp_path)
    text = "Show someone the largest movie."
    several = {text_of(answer) for answer in children([ask(text, number=n) for n in range(1, 9)], params)}
    assert len(several) > 2
    assert "Show somebody the biggest film." not in several
    assert text not in several
    assert children([ask("Show someone the way.", number=1)], params) == [NoChild("no_other")]


def test_only_the_wanted_fields_change(tmp_path: Path) -> None:
    params = rules(tmp_path).model_copy(update={"fields": ("output",)})
    assert children([ask("Show someone the way.")], params) == [Child({"output": "Which film is it?"})]


def test_a_language_without_a_translator_has_no_child(tmp_path: Path) -> None:
    params = rules(tmp_path)
    asks = [ask("写一个故事", "zh"), ask("Show someone the way.", ""), ask("Show someone the way.")]
    found = children(asks, params)
    assert found[:2] == [NoChild("language")] * 2
    assert isinstance(found[2], Child)
    assert METHOD.covers(params) == {"en"}
    assert METHOD.remarks(params) == [
        "en there and back by Apertium eng-spa",
        "not run for zh: no translator is named for it",
    ]
    assert METHOD.keeps(params)


def test_nothing_is_translated_twice(tmp_path: Path) -> None:
    memory = str(tmp_path / "texts")
    params = rules(tmp_path)
    first = children([ask("Show someone the way.")], params, Models(memory=memory))
    listed = sorted(path.name for path in (tmp_path / "texts").rglob("*.jsonl"))
    assert len(listed) == 2  # one file a direction
    save_mode(tmp_path, "eng-spa", THERE)
    again = children([ask("Show someone the way.")], params, Models(memory=memory))
    assert again == first
    assert sorted(path.name for path in (tmp_path / "texts").rglob("*.jsonl")) == listed


@pytest.mark.parametrize(
    ("fault", "told"),
    [("dies", "died midway"), ("hangs", "has hung"), ("loses", "returned"), ("adds", "returned")],
)
def test_a_translator_that_fails_is_an_error_and_no_child(tmp_path: Path, fault: str, told: str) -> None:
    params = rules(tmp_path, fault)
    with pytest.raises(ModelError, match=told):
        for word in ("way", "house"):
            children([ask(f"Show someone the {word}.")], params)


def test_a_missing_translator_is_told_before_any_work(tmp_path: Path) -> None:
    params = BackTranslationParams.model_validate(
        {"translations": [{"by": "apertium", "data": str(tmp_path)}]}
    )
    there, back = METHOD.needs(params)
    assert (there.path, back.path) == (f"{tmp_path}/modes/eng-spa.mode", f"{tmp_path}/modes/spa-eng.mode")
    with pytest.raises(ModelError, match="eng-spa is not installed"):
        there.identity(Models())


def test_neither_batch_nor_order_alters_a_child(tmp_path: Path) -> None:
    params = rules(tmp_path)
    asks = [ask(f"Show someone the largest movie number {n}.", number=n % 3) for n in range(30)]
    together = children(asks, params)
    assert children(asks[::-1], params)[::-1] == together
    assert [children([one], params)[0] for one in asks[:6]] == together[:6]


def test_a_long_text_has_no_child_and_empties_are_left_alone(tmp_path: Path) -> None:
    found = children([ask("Show someone the way. " * 2500), ask(""), ask(" \n ")], rules(tmp_path))
    assert found == [NoChild("too_long"), NoChild("unchanged"), NoChild("unchanged")]


def test_recipes_are_refused_that_cannot_mean_what_they_say() -> None:
    with pytest.raises(ValidationError, match="names one translation twice"):
        BackTranslationParams.model_validate({"translations": [{"by": "apertium"}, {"by": "apertium"}]})
    with pytest.raises(ValidationError, match="pair"):
        BackTranslationParams.model_validate({"translations": [{"by": "apertium", "pair": "spa-eng"}]})
    way = {"model": {"folder": "somewhere"}}
    with pytest.raises(ValidationError, match="needs `by: transformers`"):
        BackTranslationParams.model_validate(
            {
                "translations": [
                    {"by": "ctranslate2", "language": "en", "there": way, "back": way, "temperature": 1}
                ]
            }
        )


@pytest.fixture(scope="module")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_marian(tmp_path_factory.mktemp("marian"))


def by_models(folder: Path, temperature: float = 0.0) -> BackTranslationParams:
    way = {"model": {"folder": str(folder)}}
    both = [
        {"by": "transformers", "language": lang, "there": way, "back": way, "temperature": temperature}
        for lang in ("en", "zh")
    ]
    return BackTranslationParams.model_validate({"translations": both})


def test_models_vary_english_and_chinese(marian: Path) -> None:
    english = "1. Name three big cities.\n2. Write a short story.\n\n   List two old songs."
    chinese = "请注意格式。\n一、写一个小故事。\n二、为什么`x`这么慢？"
    found = children([ask(english), ask(chinese, "zh")], by_models(marian))
    assert (
        text_of(found[0]) == "1. Name three large cities.\n2. Write a little story.\n\n   Name two old songs."
    )
    assert text_of(found[1]).split("\n")[1] == "一、写一个小小的故事。"
    assert "`x`" in text_of(found[1])
    assert METHOD.covers(by_models(marian)) == {"en", "zh"}


def test_a_sentence_that_the_model_breaks_stays_as_it_was(marian: Path) -> None:
    text = (
        "Name three big cities. Sing the unknown quodlibet before breakfast tomorrow in Zurich with `cat x`."
    )
    answer = children([ask(text)], by_models(marian))[0]
    assert text_of(answer).startswith("Name three large cities. ")
    assert text_of(answer).endswith(
        "Sing the unknown quodlibet before breakfast tomorrow in Zurich with `cat x`."
    )


def test_a_model_that_searches_has_one_child_and_one_that_draws_has_many(marian: Path) -> None:
    asks = [ask("Name three big cities.", number=n) for n in range(16)]
    searched = children(asks, by_models(marian))
    assert text_of(searched[0]) == "Name three large cities."
    assert searched[1:] == [NoChild("no_other")] * 15
    drawn = children(asks, by_models(marian, 2.0))
    assert len({repr(answer) for answer in drawn}) > 1
    assert children(asks[::-1], by_models(marian, 2.0))[::-1] == drawn


@needs_apertium
def test_apertium_itself_makes_children_that_people_could_have_typed() -> None:
    texts = [
        "What is the largest city in Oregon?",
        "Write a sentence using the word `apple`.",
        "Explain how friction affects a car's performance.",
        "What kind of dog should I get?",
        "List the colors of the rainbow",
    ]
    found = children([ask(text) for text in texts], BackTranslationParams())
    assert [text_of(answer) for answer in found[:4]] == [
        "What is the biggest city in Oregon?",
        "Write a sentence that uses the word `apple`.",
        "Explain how friction affects the performance of a car.",
        "Which kind of dog should I get?",
    ]
    assert found[4] == NoChild("unchanged")
