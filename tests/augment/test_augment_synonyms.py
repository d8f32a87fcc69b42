from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.augment.english_words import article, compared, conjugated, plural
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, NoChild
from pipeline.augment.synonym_lexicon import DATA, chinese, english, read_groups
from pipeline.augment.synonyms import Synonyms, SynonymsParams
from pipeline.errors import ModelError
from pipeline.models import Models

OFF = SynonymsParams(wordnet="off", rate=1.0)


def asks(texts: list[str], lang: str, seed: str = "1") -> list[Ask]:
    return [
        Ask({"system": "", "instruction": t, "input": "", "output": ""}, (), lang, f"{seed}{t}", 0)
        for t in texts
    ]


def answered(
    texts: list[str], lang: str, params: SynonymsParams = OFF, guard: Guard | None = None
) -> list[Answer]:
    return Synonyms().children(asks(texts, lang), params, guard or Guard(), Models())


def child(text: str, lang: str, guard: Guard | None = None) -> str:
    (answer,) = answered([text], lang, guard=guard)
    return answer.texts["instruction"] if isinstance(answer, Child) else answer.why


def over_seeds(text: str, lang: str, count: int = 40) -> set[str]:
    found = set()
    for seed in range(count):
        (answer,) = Synonyms().children(asks([text], lang, str(seed)), OFF, Guard(), Models())
        found.add(answer.texts["instruction"] if isinstance(answer, Child) else answer.why)
    return found


def test_english_words_take_the_form_and_the_capital_of_those_they_replace() -> None:
    assert over_seeds("Who bought the house?", "en") == {"Who purchased the house?"}
    assert over_seeds("Which movies are long?", "en") == {"Which films are long?"}
    assert over_seeds("Do kids sleep?", "en") == {"Do children sleep?"}
    assert over_seeds("When did WWII begin?", "en") == {"When did WWII start?"}
    assert over_seeds("How can I sleep?", "en") == {"How do I sleep?", "How would I sleep?"}
    assert over_seeds("Purchasing bicycles?", "en") == {"Buying bikes?"}


def test_article_follows_the_new_word() -> None:
    assert over_seeds("Why is Utah a great place?", "en") == {"Why is Utah an excellent place?"}
    assert [article(word) for word in ("hour", "university", "apple", "European", "house")] == [
        *("an", "a", "an", "a", "a")
    ]


def test_fixed_phrases_and_other_parts_of_speech_stay() -> None:
    for text in (
        "Where is the movie theater?",
        "What is the Great Lakes region?",
        "Sing a country song",
        "What is a good beginning?",
        "How big is the Big Bang?",
        "What helps against lower back pain?",
    ):
        assert child(text, "en") == "unchanged", text


def test_what_is_asked_about_stays() -> None:
    assert child("Is it a toy: bike, movie, sofa", "en") == "unchanged"
    assert over_seeds("请列出以下的水果：电脑、自行车", "zh") >= {"请列举以下的水果：电脑、自行车"}
    assert child("总结这段文字。\n如果孩子们非常高兴，例如买电脑。", "zh").endswith(
        "\n如果孩子们非常高兴，例如买电脑。"
    )


def test_protected_spans_and_terms_stay() -> None:
    assert child('Who wrote "Big movie kids"?', "en") == "unchanged"
    assert child("Run `buy(movie)` now", "en") == "unchanged"
    assert child("Is a movie good?", "en") == "Is a film good?"
    assert child("Is a movie good?", "en", Guard(["movie"])) == "unchanged"
    assert child("请介绍《如何举例》", "zh") in {"请讲讲《如何举例》", "请介绍一下《如何举例》"}


def test_prompts_about_words_have_no_child() -> None:
    assert answered(["Give a synonym of big", "给出“高兴”的同义词"], "en") == [NoChild("wording")] * 2


def test_chinese_words_are_replaced_as_wholes_only() -> None:
    assert over_seeds("如何减轻压力？", "zh") >= {"怎样缓解压力？", "怎么缓解压力？"}
    assert child("请把它们排列出来", "zh") == "unchanged"
    assert over_seeds("例如苹果", "zh") == {"比如苹果", "譬如苹果"}


def test_traditional_chinese_is_answered_in_traditional() -> None:
    assert over_seeds("請列舉三個優點", "zh") <= {"請列出三個優點", "請舉出三個優點", "請列出三個長處"}
    assert child("請列舉三種顏色", "zh") in {"請列出三種顏色", "請舉出三種顏色"}


def test_children_depend_on_their_ask_alone() -> None:
    texts = [
        "Which movies are long?",
        "Tell me whether kids buy bikes",
        "What is it?",
        "List some big cities",
    ]
    together = answered(texts, "en")
    alone = [answered([text], "en")[0] for text in texts]
    backwards = answered(texts[::-1], "en")[::-1]
    assert together == alone == backwards
    assert [type(answer) for answer in together] == [Child, Child, NoChild, Child]


def test_rate_says_how_many_words_change() -> None:
    text = "Tell me whether kids buy bikes"
    low = SynonymsParams(wordnet="off", rate=0.01)
    (answer,) = answered([text], "en", low)
    assert isinstance(answer, Child)
    before, after = text.split(), answer.texts["instruction"].split()
    assert len(set(before) - set(after)) <= 2
    (all_of_them,) = answered([text], "en")
    assert isinstance(all_of_them, Child)
    assert not {"kids", "buy", "bikes"} & set(all_of_them.texts["instruction"].split())


def test_empty_and_too_long_texts_are_told() -> None:
    assert answered(["", "buy " * 13_000], "en") == [NoChild("unchanged"), NoChild("too_long")]


def test_groups_are_well_formed(tmp_path: Path) -> None:
    assert sum(len(entries) for entries in english().values()) > 600
    assert sum(len(entries) for entries in chinese().values()) > 400
    bad = tmp_path / "bad.txt"
    for line in ("n movie", "n movie > movie", "x movie > film", "n movie > film | beside: a"):
        bad.write_text(line, "utf-8")
        with pytest.raises(ValueError, match=r"bad\.txt:1"):
            list(read_groups(bad, with_kind=True))
    for name, kind in (("synonyms_en.txt", True), ("synonyms_zh.txt", False)):
        heads = [
            (group.kind, group.left, tuple(group.conditions.items()))
            for group in read_groups(DATA / name, kind)
        ]
        assert len(heads) == len(set(heads)), name


def test_forms_of_words() -> None:
    assert [plural(word) for word in ("city", "box", "child", "grocery store", "hero", "photo")] == [
        *("cities", "boxes", "children", "grocery stores", "heroes", "photos")
    ]
    assert conjugated("stop") == ("stop", "stops", "stopping", "stopped", "stopped")
    assert conjugated("try to") == ("try to", "tries to", "trying to", "tried to", "tried to")
    assert conjugated("choose")[3:] == ("chose", "chosen")
    assert compared("big") == ("big", "bigger", "biggest")
    assert compared("easy") == ("easy", "easier", "easiest")
    assert compared("difficult") == ("difficult", "more difficult", "most difficult")


def test_a_folder_that_is_no_wordnet_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lacks"):
        Synonyms().needs(SynonymsParams(wordnet=str(tmp_path)))
    assert Synonyms().needs(OFF) == ()
