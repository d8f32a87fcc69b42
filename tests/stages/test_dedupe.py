"""Dedupe keeps one of each set of duplicates, and every drop names a kept record that it duplicates."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fakes import records
from hypothesis import given
from hypothesis import strategies as st

from pipeline.models import Models
from pipeline.pairs import expand, tiles
from pipeline.stages.dedupe import FLOOR, Dedupe, DedupeParams
from pipeline.stages.protocol import Decision, Tile

STAGE = Dedupe()
PARAMS = DedupeParams()
SIZE = 8
CORPORA = st.fixed_dictionaries({
    "fingerprint": st.lists(st.integers(0, 5), min_size=SIZE, max_size=SIZE),
    "flags": st.lists(st.integers(0, 2), min_size=SIZE, max_size=SIZE),
    "complete": st.lists(st.booleans(), min_size=SIZE, max_size=SIZE),
    "edges": st.dictionaries(
        st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda e: e[0] < e[1]),
        st.tuples(
            st.sampled_from([0.86, 0.91, 0.92, 0.97]),
            st.sampled_from([0.5, 0.85, 1.0]),
            st.sampled_from(["", "", "numbers"]),
        ),
        max_size=14,
    ),
})  # fmt: skip


def facts_of(corpus: dict[str, Any], order: list[int]) -> pa.Table:
    return pa.table({
        "id": [f"r{n}" for n in order],
        "flags": [["f"] * corpus["flags"][n] for n in order],
        "fingerprint": [f"p{corpus['fingerprint'][n]}" for n in order],
        "complete": [corpus["complete"][n] for n in order],
        "vector_row": pa.array(order, pa.int64()),
    })  # fmt: skip


def pairs_of(corpus: dict[str, Any], facts: pa.Table) -> pa.Table:
    """Return the pairs between the candidates, as the engine would find and compare them."""
    edges = [(f"r{a}", f"r{b}", *values) for (a, b), values in corpus["edges"].items()]
    row = {id_: number for number, id_ in enumerate(facts["id"].to_pylist())}
    candidates = STAGE.candidates(facts, PARAMS)
    listed = [(row[a], row[b], *rest) for a, b, *rest in edges if candidates[row[a]] and candidates[row[b]]]
    names = ("left", "right", "score", "response_score", "differs")
    types = (pa.int64(), pa.int64(), pa.float64(), pa.float64(), pa.string())
    arrays = [pa.array([edge[n] for edge in listed], type_) for n, type_ in enumerate(types)]
    return pa.Table.from_arrays(arrays, names=list(names))


def decide(corpus: dict[str, Any], order: list[int] | None = None, params: DedupeParams = PARAMS) -> Decision:
    facts = facts_of(corpus, order or list(range(SIZE)))
    return STAGE.decide(facts, pairs_of(corpus, facts), params)


def drops_of(decision: Decision) -> dict[str, dict[str, Any]]:
    rows = decision.changes.table().to_pylist()
    return {row["id"]: {"reason": row["reason"], **json.loads(row["evidence"])} for row in rows}


def adjacent(corpus: dict[str, Any], a: str, b: str) -> bool:
    left, right = sorted((int(a[1:]), int(b[1:])))
    edge = corpus["edges"].get((left, right))
    return edge is not None and edge[0] >= 0.92 and edge[1] >= 0.85 and not edge[2]


@given(CORPORA)
def test_every_dropped_record_duplicates_the_kept_record_that_it_names(corpus: dict[str, Any]) -> None:
    drops = drops_of(decide(corpus))
    kept = {f"r{n}" for n in range(SIZE)} - drops.keys()
    for id_, drop in drops.items():
        assert drop["kept"] in kept
        if drop["reason"] == "dedupe.exact":
            assert corpus["fingerprint"][int(id_[1:])] == corpus["fingerprint"][int(drop["kept"][1:])]
        else:
            same = drop.get("exact_twin", id_)
            assert corpus["fingerprint"][int(id_[1:])] == corpus["fingerprint"][int(same[1:])]
            assert adjacent(corpus, same, drop["kept"])
            assert drop["prompt_similarity"] >= drop["threshold"]
            assert drop["response_similarity"] >= drop["response_threshold"]


@given(CORPORA)
def test_no_two_kept_records_are_duplicates(corpus: dict[str, Any]) -> None:
    drops = drops_of(decide(corpus))
    kept = sorted({f"r{n}" for n in range(SIZE)} - drops.keys())
    for a in kept:
        for b in kept:
            if a < b:
                assert corpus["fingerprint"][int(a[1:])] != corpus["fingerprint"][int(b[1:])]
                assert not adjacent(corpus, a, b)


@given(CORPORA, st.permutations(range(SIZE)))
def test_the_order_of_rows_changes_nothing(corpus: dict[str, Any], order: list[int]) -> None:
    one, other = decide(corpus), decide(corpus, order)
    assert drops_of(one) == drops_of(other)
    assert one.notes == other.notes
    assert one.columns is not None
    assert other.columns is not None
    assert one.columns.sort_by("id").equals(other.columns.sort_by("id"))


@given(CORPORA)
def test_exact_dedupe_alone_keeps_the_best_of_each_set(corpus: dict[str, Any]) -> None:
    facts = facts_of(corpus, list(range(SIZE))).drop_columns(["vector_row"])
    decision = STAGE.decide(facts, None, DedupeParams(semantic=False))
    groups: dict[int, list[int]] = {}
    for row, fingerprint in enumerate(corpus["fingerprint"]):
        groups.setdefault(fingerprint, []).append(row)
    best = {min(g, key=lambda n: (not corpus["complete"][n], corpus["flags"][n], n)) for g in groups.values()}
    assert {f"r{n}" for n in range(SIZE)} - drops_of(decision).keys() == {f"r{n}" for n in best}
    assert "semantic_measured" not in decision.notes


def plain(edges: dict[tuple[int, int], tuple[float, float, str]]) -> dict[str, Any]:
    return {"fingerprint": list(range(SIZE)), "flags": [0] * SIZE, "complete": [True] * SIZE, "edges": edges}


def test_a_chain_is_not_closed() -> None:
    same = (0.95, 1.0, "")
    drops = drops_of(decide(plain({(0, 1): same, (1, 2): same})))
    assert drops.keys() == {"r1"}
    assert drops["r1"]["kept"] == "r0"


def test_the_closest_of_several_kept_records_is_named() -> None:
    drops = drops_of(decide(plain({(0, 2): (0.93, 1.0, ""), (1, 2): (0.97, 1.0, "")})))
    assert {id_: drop["kept"] for id_, drop in drops.items()} == {"r2": "r1"}


def test_a_complete_answer_beats_one_cut_off_and_then_the_unflagged_one_wins() -> None:
    corpus = plain({(0, 1): (0.95, 1.0, "")}) | {"complete": [False] + [True] * (SIZE - 1)}
    assert drops_of(decide(corpus)).keys() == {"r0"}
    corpus = plain({(0, 1): (0.95, 1.0, "")}) | {"flags": [1] + [0] * (SIZE - 1)}
    assert drops_of(decide(corpus)).keys() == {"r0"}


@pytest.mark.parametrize(
    "edge", [(0.95, 0.84, ""), (0.95, 1.0, "numbers"), (0.95, 1.0, "negation"), (0.91, 1.0, "")]
)
def test_a_pair_that_is_not_the_same_in_every_respect_stays(edge: tuple[float, float, str]) -> None:
    assert drops_of(decide(plain({(0, 1): edge}))) == {}


def test_a_pair_that_only_a_guard_kept_apart_shares_a_cluster() -> None:
    decision = decide(plain({(0, 1): (0.95, 1.0, "numbers"), (2, 3): (0.9, 1.0, "")}))
    assert decision.columns is not None
    assert decision.columns["cluster"].to_pylist()[:4] == ["r0", "r0", "r2", "r3"]


def test_an_exact_twin_of_a_semantic_loser_goes_with_it() -> None:
    corpus = plain({(0, 1): (0.95, 1.0, "")}) | {"fingerprint": [0, 1, 1, 3, 4, 5, 6, 7]}
    drops = drops_of(decide(corpus))
    assert drops["r2"] == {**drops["r1"], "exact_twin": "r1"}


def test_without_exact_only_similarity_drops() -> None:
    corpus = plain({}) | {"fingerprint": [0] * SIZE}
    assert drops_of(decide(corpus, params=DedupeParams(exact=False))) == {}
    assert len(drops_of(decide(corpus))) == SIZE - 1


def fingerprints(*rows: dict[str, Any]) -> pa.Table:
    (measure, *_) = STAGE.measures(PARAMS)
    return STAGE.measure(measure, records(*rows), None, Models())


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


@given(st.integers(1, 30), st.integers(2, 12), st.integers(0, 99))
def test_every_pair_from_the_floor_on_is_proposed_whatever_the_tiles(rows: int, size: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(rows, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = [pair for tile in tiles(rows, size) for pair in STAGE.link(vectors, tile, PARAMS).to_pylist()]
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
    whole = STAGE.link(vectors, Tile(0, 9, 0, 9), PARAMS).to_pylist()
    parts = [pair for tile in tiles(9, 2) for pair in STAGE.link(vectors, tile, PARAMS).to_pylist()]
    assert sorted(parts, key=str) == sorted(whole, key=str)
    assert whole


QUESTIONS = [
    "How do I reset my password?", "How can I reset my password?", "What is the capital of France?",
    "怎样重设密码？", "",
]  # fmt: skip


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(threads=1)


def test_prompts_get_vectors_where_the_model_knows_their_language(models: Models) -> None:
    (_, measure) = STAGE.measures(PARAMS)
    vectors = STAGE.measure(measure, records(*({"instruction": q} for q in QUESTIONS)), None, models)[
        "vector"
    ]
    assert [vector is not None for vector in vectors.to_pylist()] == [True, True, True, False, False]
    first, second, other = (np.array(vector) for vector in vectors.to_pylist()[:3])
    assert first @ second > 0.95 > 0.5 > first @ other


def test_the_vector_covers_system_history_and_input(models: Models) -> None:
    (_, measure) = STAGE.measures(PARAMS)
    rows: list[dict[str, Any]] = [
        {"instruction": "Go on."},
        {"instruction": "Go on.", "input": "A tale of ships"},
    ]
    rows += [{"instruction": "Go on.", "system": "You are a pirate."}]
    rows += [{"instruction": "Go on.", "history": [{"user": "Who are you?", "assistant": "A pirate."}]}]
    rows += [{"instruction": "Go on.", "output": "Another answer."}]
    vectors = STAGE.measure(measure, records(*rows), None, models)["vector"].to_pylist()
    assert len({tuple(vector) for vector in vectors}) == 4
    assert vectors[0] == vectors[4]


def compare(models: Models, *pairs: tuple[dict[str, str], dict[str, str]]) -> list[dict[str, Any]]:
    left, right = (records(*(pair[side] for pair in pairs)) for side in (0, 1))
    found: list[dict[str, Any]] = STAGE.compare(left, right, PARAMS, models).to_pylist()
    return found


def test_a_pair_is_compared_in_prompts_and_responses(models: Models) -> None:
    one = {"instruction": "Name a red fruit.", "output": "An apple is a red fruit."}
    found = compare(
        models,
        (one, {**one, "output": "Apples are a red fruit."}),
        (one, {**one, "output": "The war began at dawn in the hills."}),
        (one, one),
        (one, {**one, "instruction": "Name 2 red fruits."}),
        (one, {**one, "instruction": "Never name a red fruit."}),
        (one, {**one, "output": "Apples and 3 others."}),
        (one, {**one, "output": ""}),
        (one, {**one, "output": "苹果是红色的水果。"}),
    )
    assert [row["differs"] for row in found] == [
        "",
        "",
        "",
        "numbers",
        "negation",
        "response_numbers",
        "",
        "",
    ]
    assert found[0]["response_score"] > 0.85
    assert found[1]["response_score"] < 0.5
    assert [row["response_score"] for row in found[2:]] == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_records_without_a_vector_are_counted_as_not_measured() -> None:
    facts = pa.table({
        "id": ["a", "b", "c"], "flags": [[""]] * 3, "fingerprint": ["p", "p", "q"], "complete": [True] * 3,
        "vector_row": pa.array([None, None, 4], pa.int64()),
    })  # fmt: skip
    decision = STAGE.decide(facts, None, PARAMS)
    assert drops_of(decision) == {"b": {"reason": "dedupe.exact", "kept": "a"}}
    assert (decision.notes["semantic_measured"], decision.notes["semantic_not_measured"]) == (1, 2)


def test_a_prompt_longer_than_the_model_reads_is_not_measured(models: Models) -> None:
    long = "Answer by the rules of the house, which are many and are told here at length. " * 40
    batch = records(
        {"system": long, "instruction": "How do I return a lamp?"},
        {"instruction": "How do I return a lamp?"},
    )
    measure = STAGE.measures(PARAMS)[1]
    assert STAGE.measure(measure, batch, None, models)["vector"].is_null().to_pylist() == [True, False]


def test_answers_that_contradict_each_other_in_the_same_words_are_kept_apart(models: Models) -> None:
    prompt = "May I return a lamp that was used?"
    contradicting = [
        ("You can return it within 30 days.", "You cannot return it within 30 days."),
        ("Yes, this is allowed.", "No, this is not allowed."),
        ("The battery may be charged outside.", "The battery must not be charged outside."),
    ]
    pairs = [tuple({"instruction": prompt, "output": text} for text in answers) for answers in contradicting]
    assert [row["differs"] for row in compare(models, *pairs)] == ["response_negation"] * 3


def test_records_with_the_same_prompt_share_a_cluster_in_any_language() -> None:
    facts = facts_of(
        {"flags": [0] * 4, "fingerprint": [0, 1, 2, 3], "complete": [True] * 4}, [0, 1, 2, 3]
    ).append_column("same_prompt", pa.array(["x", "y", "x", None], pa.string()))
    decision = STAGE.decide(facts, None, DedupeParams(semantic=False))
    assert decision.columns is not None
    assert decision.columns["cluster"].to_pylist() == ["r0", "r1", "r0", "r3"]
    keys = fingerprints(
        {"instruction": "写一首诗", "output": "春"},
        {"instruction": "写一首诗　", "output": "秋"},
        {"output": "春"},
    )["same_prompt"].to_pylist()
    assert keys[0] == keys[1] is not None
    assert keys[2] is None


def test_what_a_prior_build_kept_wins_over_a_better_twin() -> None:
    corpus = {"flags": [1, 0], "fingerprint": [0, 0], "complete": [False, True]}
    facts = facts_of(corpus, [0, 1])
    assert set(drops_of(STAGE.decide(facts, None, DedupeParams(semantic=False)))) == {"r0"}
    known = facts.append_column("in_prior", pa.array([True, False]))
    assert set(drops_of(STAGE.decide(known, None, DedupeParams(semantic=False)))) == {"r1"}


def test_cap_hits_are_reported() -> None:
    corpus = plain({(0, 1): (0.95, 1.0, "")})
    facts = facts_of(corpus, list(range(SIZE)))
    pairs = pairs_of(corpus, facts).replace_schema_metadata({"capped": "7"})
    assert STAGE.decide(facts, pairs, PARAMS).notes["records_over_neighbour_cap"] == 7
    assert STAGE.neighbour_cap(DedupeParams(max_neighbours=3)) == 3
    links = pa.table({"left": [0], "right": [1], "score": [0.95]})
    assert expand(links, facts, STAGE.candidates(facts, PARAMS), 3)[0].num_rows == 1


def test_a_threshold_below_what_is_proposed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.85"):
        DedupeParams(threshold=0.8)
