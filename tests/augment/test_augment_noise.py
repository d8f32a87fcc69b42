from __future__ import annotations

import re

from pipeline.augment.noise import Noise, NoiseParams
from pipeline.augment.noise_en import _is_clear, _table, _typo
from pipeline.augment.noise_zh import _taken_for, _typed
from pipeline.augment.protect import Guard
from pipeline.augment.protocol import Answer, Ask, Child, NoChild, random_of
from pipeline.models import Models
from quality.lookalike.chinese import chinese_words
from quality.lookalike.words import known_words, one_edit_apart

LETTERS = NoiseParams(kinds=("letters",))


def answered(
    texts: list[str], lang: str, params: NoiseParams, seed: str = "1", guard: Guard | None = None
) -> list[Answer]:
    asks = [
        Ask({"system": "", "instruction": t, "input": "", "output": ""}, (), lang, f"{seed}{t}", 0)
        for t in texts
    ]
    return Noise().children(asks, params, guard or Guard(), Models())


def over_seeds(
    text: str, lang: str, params: NoiseParams, count: int = 60, guard: Guard | None = None
) -> set[str]:
    answers = [answered([text], lang, params, str(seed), guard)[0] for seed in range(count)]
    return {answer.texts["instruction"] if isinstance(answer, Child) else answer.why for answer in answers}


def test_an_english_typo_is_one_edit_from_its_word_and_no_other_word() -> None:
    found = over_seeds("Please explain gravity", "en", LETTERS)
    assert len(found) > 15
    for text in found:
        pairs = [
            (a, b) for a, b in zip(["Please", "explain", "gravity"], text.split(), strict=True) if a != b
        ]
        assert len(pairs) == 1, text
        word, typo = (part.lower() for part in pairs[0])
        assert one_edit_apart(word, typo) and typo not in known_words() and word[0] == typo[0]


def test_a_typo_that_two_common_words_could_mean_is_refused() -> None:
    assert not _is_clear("which", "witch")
    assert not _is_clear("there", "thre")
    assert _is_clear("important", "imporant")


def test_keys_have_their_neighbours() -> None:
    assert sorted(_table().near["g"]) == sorted("ftyhvb")
    assert sorted(_table().near["q"]) == sorted("wa")


def test_negations_numbers_quantities_and_order_never_slip() -> None:
    never = "Which seven before without least between maximum second increase"
    assert over_seeds(f"{never} 25 400", "en", LETTERS) <= {
        f"{typo} {never.partition(' ')[2]} 25 400" for typo in _all_typos("which")
    } | {"unchanged"}
    zh = "没有不超过最少之前减少"
    assert over_seeds(zh, "zh", LETTERS) == {"unchanged"}


def _all_typos(word: str) -> set[str]:
    typos = {_typo(word, random_of(str(seed))) for seed in range(400)}
    return {typo.capitalize() for typo in typos if typo is not None}


def test_protected_spans_and_answer_choices_stay() -> None:
    text = 'Please explain `should_wait` and "should wait" to Sarah Johnson at https://example.org/should'
    for child in over_seeds(text, "en", NoiseParams(rate=0.3)):
        assert all(
            part in child
            for part in ("`should_wait`", '"should wait"', "Sarah Johnson", "https://example.org/should")
        ), child
    assert over_seeds("Is it water or fruit", "en", LETTERS) == {"unchanged"}
    guard = Guard(["gravity", "explain"])
    guarded = over_seeds("Please explain gravity", "en", LETTERS, guard=guard) - {"unchanged"}
    assert guarded and all(child.endswith(" explain gravity") for child in guarded)


def test_what_is_asked_about_stays() -> None:
    typed = over_seeds("Please classify: water, bread, stone", "en", LETTERS) - {"unchanged"}
    assert typed and all(child.endswith(": water, bread, stone") for child in typed)
    for child in over_seeds("请总结以下文章：我们应该保护环境。", "zh", LETTERS):
        assert child.endswith("：我们应该保护环境。") and child != "请总结以下文章：我们应该保护环境。"


def test_case_and_marks_in_english() -> None:
    assert over_seeds("What's a mole?", "en", NoiseParams(kinds=("case",))) == {"what's a mole?"}
    assert over_seeds("Paris is in France?", "en", NoiseParams(kinds=("marks",))) == {"Paris is in France"}
    assert over_seeds("NASA?", "en", NoiseParams(kinds=("case",))) == {"unchanged"}
    assert over_seeds("What's a mole?", "en", NoiseParams(kinds=("marks",))) == {
        "Whats a mole?",
        "What's a mole",
    }
    assert over_seeds("Don't we're", "en", NoiseParams(kinds=("marks",))) == {"unchanged"}


def test_chinese_slips_sound_or_look_alike_and_are_no_other_word() -> None:
    found = over_seeds("请根据文章解释原因", "zh", LETTERS)
    assert {"请跟据文章解释原因", "请根据文张解释原因"} <= found
    for child in found:
        assert len(child) == 9 and sum(a != b for a, b in zip("请根据文章解释原因", child, strict=True)) == 1
    assert "折" in _taken_for("析")
    for word in ("增强", "购买", "撰写"):
        assert all(typed not in chinese_words() for typed in _typed(word))


def test_near_sounds_are_taken_for_one_another() -> None:
    assert "进" in _taken_for("京") and "老" in _taken_for("脑")
    assert not {"不", "没", "死"} & {*_taken_for("部"), *_taken_for("美"), *_taken_for("思")}


def test_chinese_marks_are_lost_or_typed_in_half_width() -> None:
    found = over_seeds("写诗，好吗？", "zh", NoiseParams(kinds=("marks",)))
    assert found == {"写诗,好吗？", "写诗 好吗？", "写诗，好吗?", "写诗，好吗"}
    assert over_seeds("更好地写诗", "zh", LETTERS) == {"更好的写诗"}


def test_traditional_chinese_gets_traditional_slips() -> None:
    for child in over_seeds("請根據這篇文章解釋原因", "zh", LETTERS):
        assert not re.search("[请据这释张说为]", child), child


def test_slips_are_few() -> None:
    text = (
        "Please explain " + "something important about people ".strip() * 1 + " and their daily language" * 30
    )
    for child in over_seeds(text, "en", LETTERS, 10):
        changed = sum(a != b for a, b in zip(text.split(), child.split(), strict=True))
        assert 1 <= changed <= 3


def test_children_depend_on_their_ask_alone() -> None:
    texts = ["Please explain gravity", "What is the main reason?", "", "Tell me something interesting"]
    together = answered(texts, "en", NoiseParams())
    assert together == [answered([text], "en", NoiseParams())[0] for text in texts]
    assert together == answered(texts[::-1], "en", NoiseParams())[::-1]
    assert together[2] == NoChild("unchanged")


def test_prompts_about_spelling_have_no_child() -> None:
    assert answered(["Fix the spelling: teh cat"], "en", NoiseParams()) == [NoChild("wording")]
    assert answered(["改正句子里的错别字"], "zh", NoiseParams()) == [NoChild("wording")]
