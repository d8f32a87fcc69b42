"""What dedupe measures: fingerprints, bands and vectors of prompts and documents, and pairs of records compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fakes import records
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models import Models
from pipeline.pairs import tiles
from pipeline.stages.dedupe import FLOOR, LEXICAL_FLOOR, Dedupe, DedupeParams
from pipeline.stages.duplicates import rank
from pipeline.stages.protocol import Measure, Tile

STAGE = Dedupe()
PARAMS = DedupeParams()


def measure_named(name: str) -> Measure:
    return next(measure for measure in STAGE.measures(PARAMS) if measure.name == name)


def fingerprints(*rows: dict[str, Any]) -> pa.Table:
    return STAGE.measure(measure_named("fingerprint"), records(*rows), None, Models())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Say it", "say  IT "), ("价格：１２０", "价格:120"), ("ＡＢＣ　ｄ", "abc d"), ("cafe\u0301", "café"),
        ("a\n\nb", "a b"), ("Straße", "STRASSE"),
    ],
)  # fmt: skip
def test_case_width_and_white_space_make_no_difference(one: str, other: str) -> None:
    for field in ("instruction", "input", "output", "system"):
        found = fingerprints({field: one}, {field: other}, {field: one + "x"})["fingerprint"].to_pylist()
        assert found[0] == found[1] != found[2]


def test_a_fingerprint_tells_fields_and_turns_apart() -> None:
    turns = [{"user": "a", "assistant": "b"}]
    rows = [{"instruction": "a", "input": "b"}, {"instruction": "b", "input": "a"}, {"instruction": "a b"}]
    rows += [{"instruction": "a", "history": turns}, {"instruction": "a"}]  # type: ignore[dict-item]
    assert len(set(fingerprints(*rows)["fingerprint"].to_pylist())) == 5


def test_an_answer_is_complete_if_it_ends_like_one() -> None:
    ends = {
        "Done.": True,
        "好了。": True,
        "Really?": True,
        "```\ncode\n```": True,
        "12": True,
        "完成！ ": True,
    }
    ends |= {"and then": False, "然后再": False, "": False, "first,": False}
    found = fingerprints(*({"output": text} for text in ends))["complete"].to_pylist()
    assert found == list(ends.values())


def test_an_answer_caught_in_a_loop_is_not_complete() -> None:
    looping = "The kiln is hot again today. " * 12
    refrain = "Row to the mill, row home again.\nThe wheel turns slow, the sacks are filled.\n" * 2
    texts = {looping: False, "窑今天又很热。" * 12: False, refrain + "And then the miller sleeps.": True}
    assert fingerprints(*({"output": text} for text in texts))["complete"].to_pylist() == list(texts.values())


def test_of_equal_requests_the_one_with_a_looping_answer_is_not_kept() -> None:
    asked = {"instruction": "How hot is the kiln?"}
    rows = [asked | {"output": "The kiln is hot. " * 20}, asked | {"output": "About 1,200 degrees"}]
    facts = fingerprints(*rows, asked | {"output": "About 1,200 degrees."})
    facts = facts.append_column("id", pa.array(["a", "b", "c"])).append_column(
        "flags", pa.array([[], [], []], pa.list_(pa.string()))
    )
    assert rank(facts).tolist() == [2, 1, 0]


def test_the_way_to_reach_a_person_is_counted() -> None:
    texts = [
        "Write to ann@mail.example or call +1 (555) 010-9999.",
        "打13800138000或写信。",
        "In 1999, 3.14159265 was 12.",
    ]
    assert fingerprints(*({"output": text} for text in texts))["contacts"].to_pylist() == [2, 1, 0]


def test_a_prompt_is_the_same_whatever_its_response_and_a_document_has_none() -> None:
    keys = fingerprints(
        {"instruction": "写一首诗", "output": "春"},
        {"instruction": "写一首诗　", "output": "秋"},
        {"output": "春"},
    )["same_prompt"].to_pylist()
    assert keys[0] == keys[1] is not None
    assert keys[2] is None


@given(st.integers(1, 30), st.integers(2, 12), st.integers(0, 99))
def test_every_pair_from_the_floor_on_is_proposed_whatever_the_tiles(rows: int, size: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(rows, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = [
        pair
        for tile in tiles(rows, size)
        for pair in STAGE.link("prompt_cosine", vectors, tile, PARAMS).to_pylist()
    ]
    exact = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    expected = {(a, b) for a in range(rows) for b in range(a + 1, rows) if exact[a, b] >= FLOOR + 1e-9}
    assert {(pair["left"], pair["right"]) for pair in found} >= expected
    assert len(found) == len({(pair["left"], pair["right"]) for pair in found})
    assert all(
        pair["score"] == pytest.approx(min(1, exact[pair["left"], pair["right"]]), abs=1e-12)
        for pair in found
    )
    assert all(pair["score"] >= FLOOR for pair in found)


def test_the_score_of_a_pair_does_not_depend_on_its_tile() -> None:
    vectors = np.random.default_rng(3).normal(size=(9, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whole = STAGE.link("prompt_cosine", vectors, Tile(0, 9, 0, 9), PARAMS).to_pylist()
    parts = [
        pair
        for tile in tiles(9, 2)
        for pair in STAGE.link("prompt_cosine", vectors, tile, PARAMS).to_pylist()
    ]
    assert sorted(parts, key=str) == sorted(whole, key=str)
    assert whole


def joined(texts: list[str], models: Models, **params: Any) -> tuple[dict[tuple[int, int], float], int]:
    table = measured("prompt_bands", records(*({"instruction": text} for text in texts)), models)
    links, crowded = STAGE.join("prompt_bands", table, DedupeParams(**params))
    rows = links.to_pylist()
    return {(row["left"], row["right"]): row["score"] for row in rows}, crowded


def test_texts_that_share_half_of_their_shingles_are_proposed_with_their_true_jaccard(models: Models) -> None:
    texts = [
        "one two three four five six",
        "one two three four five seven",
        "一二三四五六七",
        "一二三四五六八",
    ]
    found, crowded = joined([*texts, "nothing in common with these"], models)
    assert found == {(0, 1): pytest.approx(4 / 6), (2, 3): pytest.approx(4 / 6)}
    assert crowded == 0


def test_many_texts_in_one_block_are_thinned_and_counted(models: Models) -> None:
    texts = [f"a b c d e f g h i j k l {n}" for n in range(12)]
    assert len(joined(texts, models)[0]) == 66
    thinned, crowded = joined(texts, models, max_neighbours=3)
    assert 0 < len(thinned) < 66
    assert crowded == 12


QUESTIONS = [
    "How do I reset my password?", "How can I reset my password?", "What is the capital of France?",
    "怎样重设密码？", "",
]  # fmt: skip


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(threads=1)


def measured(name: str, batch: pa.Table, models: Models) -> pa.Table:
    measure = measure_named(name)
    fit = STAGE.fit(measure, [STAGE.summarise(measure, batch, models)]) if measure.needs_fit else None
    return STAGE.measure(measure, batch, fit, models)


def test_what_is_switched_off_is_not_measured() -> None:
    def names(**off: bool) -> list[str]:
        return [measure.name for measure in STAGE.measures(DedupeParams(**off))]

    assert names(near=False, semantic=False) == ["fingerprint"]
    assert names(semantic=False) == ["fingerprint", "prompt_bands", "document_bands"]
    assert {name.split("_")[-1] for name in names(near=False)} == {"fingerprint", "cosine", "lexical"}
    assert STAGE.needs(DedupeParams(semantic=False)) == ()


def test_prompts_get_vectors_where_the_model_knows_their_language(models: Models) -> None:
    batch = records(*({"instruction": question} for question in QUESTIONS))
    vectors = measured("prompt_cosine", batch, models)["vector"].to_pylist()
    assert [vector is not None for vector in vectors] == [True, True, True, False, False]
    first, second, other = (np.array(vector) for vector in vectors[:3])
    assert first @ second > 0.95 > 0.5 > first @ other


def test_the_lexical_embedder_takes_what_the_model_does_not_cover(models: Models) -> None:
    batch = records(*({"instruction": text} for text in (*QUESTIONS, "怎样重设我的密码？", "今天天气好吗？")))
    vectors = measured("prompt_lexical", batch, models)["vector"].to_pylist()
    assert [vector is not None for vector in vectors] == [False, False, False, True, False, True, True]
    asked, again, other = (np.array(vectors[n]) for n in (3, 5, 6))
    assert asked @ again > LEXICAL_FLOOR > asked @ other


def test_the_vector_covers_system_history_and_input(models: Models) -> None:
    rows: list[dict[str, Any]] = [
        {"instruction": "Go on."},
        {"instruction": "Go on.", "input": "A tale of ships"},
    ]
    rows += [{"instruction": "Go on.", "system": "You are a pirate."}]
    rows += [{"instruction": "Go on.", "history": [{"user": "Who are you?", "assistant": "A pirate."}]}]
    rows += [{"instruction": "Go on.", "output": "Another answer."}]
    for name, column in (("prompt_cosine", "vector"), ("prompt_bands", "bands")):
        found = measured(name, records(*rows), models)[column].to_pylist()
        assert len({tuple(row) for row in found}) == 4
        assert found[0] == found[4]


def test_a_document_is_measured_by_its_text_and_a_record_with_a_prompt_is_no_document(models: Models) -> None:
    batch = records(
        {"output": "The heron stands in the reeds."}, {"instruction": "Who?", "output": "The heron."},
        {"output": "苍鹭站在芦苇丛中。"},
    )  # fmt: skip
    present = {
        name: measured(name, batch, models).column(0).is_valid().to_pylist()
        for name in ("prompt_bands", "prompt_cosine", "document_bands", "document_cosine", "document_lexical")
    }
    assert present == {
        "prompt_bands": [False, True, False], "prompt_cosine": [False, True, False],
        "document_bands": [True, False, True], "document_cosine": [True, False, False],
        "document_lexical": [False, False, True],
    }  # fmt: skip


def test_a_prompt_longer_than_the_model_reads_is_measured_by_its_words_alone(models: Models) -> None:
    long = "Answer by the rules of the house, which are many and are told here at length. " * 40
    batch = records(
        {"system": long, "instruction": "How do I return a lamp?"},
        {"instruction": "How do I return a lamp?"},
    )
    assert measured("prompt_cosine", batch, models)["vector"].is_null().to_pylist() == [True, False]
    assert measured("prompt_bands", batch, models)["bands"].null_count == 0


def compare(
    models: Models, *pairs: tuple[dict[str, Any], dict[str, Any]], cosine: float = 0.95
) -> list[dict[str, Any]]:
    left, right = (records(*(pair[side] for pair in pairs)) for side in (0, 1))
    scores = pa.table({"prompt_bands": [None] * len(pairs), "prompt_cosine": [cosine] * len(pairs)})
    found: list[dict[str, Any]] = STAGE.compare(left, right, scores, PARAMS, models).to_pylist()
    return found


ONE = {"instruction": "Name a red fruit that grows on trees.", "output": "An apple is a red fruit."}


def test_a_pair_is_compared_in_prompts_and_responses(models: Models) -> None:
    found = compare(
        models,
        (ONE, {**ONE, "output": "Apples are a red fruit."}),
        (
            ONE,
            {**ONE, "output": "The war began at dawn in the hills, and by noon the whole valley had fallen."},
        ),
        (ONE, {**ONE, "output": "an  apple is a RED fruit."}),
        (ONE, {**ONE, "output": "苹果是红色的水果。"}),
    )
    assert [row["differs"] for row in found] == [""] * 4
    assert [row["same"] for row in found] == [True] * 4
    assert [row["jaccard"] for row in found] == [1.0] * 4
    assert [row["response_equal"] for row in found] == [False, False, True, False]
    assert found[0]["response_cosine"] > 0.85 > 0.5 > found[1]["response_cosine"]
    assert [row["response_cosine"] for row in found[2:]] == [None, None]
    assert found[0]["response_jaccard"] > found[1]["response_jaccard"] == 0


def test_prompts_that_disagree_are_told_apart_and_their_responses_left_unread(models: Models) -> None:
    found = compare(
        models,
        (ONE, {**ONE, "instruction": "Name 2 red fruits that grow on trees."}),
        (ONE, {**ONE, "instruction": "Name a fruit that grows on trees and is not red."}),
        ({"output": "A red fruit."}, {"instruction": "A red fruit."}),
    )
    assert [bool(row["differs"]) for row in found] == [True] * 3
    assert found[2]["differs"] == "kind"
    assert [row["response_cosine"] for row in found] == [None] * 3


def test_responses_of_prompts_that_are_hardly_alike_cost_no_model_run(models: Models) -> None:
    other = {"instruction": "Which crimson produce hangs from branches?", "output": "Apples are a red fruit."}
    assert compare(models, (ONE, other), cosine=0.8)[0]["response_cosine"] is None
    assert compare(models, (ONE, other), cosine=0.95)[0]["response_cosine"] > 0.85


def test_answers_that_contradict_each_other_in_the_same_words_conflict(models: Models) -> None:
    prompt = "May I return a lamp that was used?"
    contradicting = [
        ("You can return it within 30 days.", "You cannot return it within 30 days."),
        ("Yes, this is allowed.", "No, this is not allowed."),
        ("The battery may be charged outside.", "The battery must not be charged outside."),
        ("可以，拆封后也能退。", "不可以，拆封后不能退。"),
    ]
    pairs = [
        ({"instruction": prompt, "output": one}, {"instruction": prompt, "output": other})
        for one, other in contradicting
    ]
    assert all(row["conflict"] for row in compare(models, *pairs))


def test_documents_are_compared_by_their_text(models: Models) -> None:
    (found,) = compare(models, ({"output": "The heron waits."}, {"output": "the heron waits"}))
    assert (found["same"], found["response_equal"], found["jaccard"]) == (True, True, 1.0)


def test_a_threshold_below_what_is_judged_is_refused() -> None:
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.85"):
        DedupeParams(threshold=0.8)
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.5"):
        DedupeParams(near_threshold=0.4)
