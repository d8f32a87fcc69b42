"""What dedupe decides: one of each set of duplicates stays, and every drop names a kept record that it duplicates."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.stages.dedupe import JUDGED, LEXICAL_JUDGED, NEAR_JUDGED, Dedupe, DedupeParams
from pipeline.stages.duplicates import WORDING
from pipeline.stages.needed import Needed
from pipeline.stages.protocol import Decision

STAGE = Dedupe()
PARAMS = DedupeParams()
SIZE = 8
PAIR: dict[str, Any] = {
    "prompt_cosine": None, "prompt_lexical": None, "jaccard": 0.3, "differs": "", "places": 2,
    "same": False, "retold": False, "reworded": False, "narrowed": False,
    "response_equal": False, "response_jaccard": 0.0, "response_cosine": None, "conflict": "",
}  # fmt: skip
ALIKE = {"prompt_cosine": 0.95, "response_equal": True}
EDGES = st.fixed_dictionaries({
    "prompt_cosine": st.sampled_from([None, 0.8, 0.89, 0.9, 0.93, 0.97]),
    "prompt_lexical": st.sampled_from([None, None, 0.6, 0.95]),
    "places": st.integers(1, 3),
    "retold": st.booleans(),
    "reworded": st.booleans(),
    "narrowed": st.booleans(),
    "jaccard": st.sampled_from([0.2, 0.69, 0.7, 0.96]),
    "same": st.booleans(),
    "differs": st.sampled_from(["", "", "numbers", "words", "order"]),
    "response_equal": st.booleans(),
    "response_cosine": st.sampled_from([None, 0.5, 0.94]),
    "response_jaccard": st.sampled_from([0.1, 0.8]),
    "conflict": st.sampled_from(["", "", "polarity"]),
})  # fmt: skip
CORPORA = st.fixed_dictionaries({
    "fingerprint": st.lists(st.integers(0, 5), min_size=SIZE, max_size=SIZE),
    "flags": st.lists(st.integers(0, 2), min_size=SIZE, max_size=SIZE),
    "complete": st.lists(st.booleans(), min_size=SIZE, max_size=SIZE),
    "contacts": st.lists(st.integers(0, 1), min_size=SIZE, max_size=SIZE),
    "edges": st.dictionaries(
        st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda e: e[0] < e[1]),
        EDGES,
        max_size=14,
    ),
})  # fmt: skip
POLICIES = st.sampled_from(["keep_best", "keep_all", "flag"])


def facts_of(corpus: dict[str, Any], order: list[int]) -> pa.Table:
    size = len(corpus["fingerprint"])
    contacts = corpus.get("contacts", [0] * size)
    return pa.table({
        "id": [f"r{n}" for n in order],
        "flags": [["f"] * corpus["flags"][n] for n in order],
        "fingerprint": [f"p{corpus['fingerprint'][n]}" for n in order],
        "complete": [corpus["complete"][n] for n in order],
        "contacts": [contacts[n] for n in order],
        "prompt_cosine_row": pa.array(order, pa.int64()),
        "prompt_lexical_row": pa.array([None] * len(order), pa.int64()),
    })  # fmt: skip


def pairs_of(corpus: dict[str, Any], facts: pa.Table) -> pa.Table:
    """Return the pairs between the records that take part, as the engine would find and compare them."""
    row = {id_: number for number, id_ in enumerate(facts["id"].to_pylist())}
    priority = STAGE.priority(facts, PARAMS)
    listed: list[dict[str, Any]] = []
    for (a, b), values in corpus["edges"].items():
        left, right = row[f"r{a}"], row[f"r{b}"]
        if priority[left] >= 0 and priority[right] >= 0:
            listed.append({"left": left, "right": right, **PAIR, **values})
    types = {"left": pa.int64(), "right": pa.int64(), "differs": pa.string(), "conflict": pa.string()}
    types |= {"same": pa.bool_(), "response_equal": pa.bool_(), "retold": pa.bool_(), "places": pa.int32()}
    types |= {"reworded": pa.bool_(), "narrowed": pa.bool_()}
    columns = {
        name: pa.array([pair[name] for pair in listed], types.get(name, pa.float64()))
        for name in ("left", "right", *PAIR)
    }
    return pa.table(columns)


def decide(corpus: dict[str, Any], order: list[int] | None = None, params: DedupeParams = PARAMS) -> Decision:
    facts = facts_of(corpus, order or list(range(len(corpus["fingerprint"]))))
    return STAGE.decide(facts, pairs_of(corpus, facts), params)


def rows_of(decision: Decision, action: str) -> dict[str, dict[str, Any]]:
    rows = decision.changes.table().to_pylist()
    return {
        row["id"]: {"reason": row["reason"], **json.loads(row["evidence"])}
        for row in rows
        if row["action"] == action
    }


def drops_of(decision: Decision) -> dict[str, dict[str, Any]]:
    return rows_of(decision, "drop")


def duplicates(corpus: dict[str, Any], a: str, b: str, policy: str) -> bool:
    """Tell by the rule, said once more in plain words, whether two records are duplicates."""
    left, right = sorted((int(a[1:]), int(b[1:])))
    if (left, right) not in corpus["edges"]:
        return False
    edge = {**PAIR, **corpus["edges"][left, right]}
    same = edge["same"] and not edge["differs"]
    loose = edge["differs"] in ("", "words") and edge["places"] >= 2 and not edge["narrowed"]
    alike = loose and edge["differs"] == ""
    request = (
        same
        or (alike and edge["jaccard"] >= PARAMS.near_threshold)
        or (edge["differs"] == "" and edge["jaccard"] >= 0.95)
        or (alike and (edge["prompt_lexical"] or 0) >= PARAMS.lexical_threshold)
        or (loose and (edge["prompt_cosine"] or 0) >= PARAMS.threshold)
        or (edge["reworded"] and (edge["prompt_cosine"] or 1) >= PARAMS.reworded_threshold)
    )
    if edge["response_equal"]:
        return bool(request)
    if edge["conflict"]:
        return False
    told_again = edge["differs"] == "" or loose or (edge["differs"] in ("words", "order") and edge["retold"])
    told_again = told_again and not edge["narrowed"]
    agree = (edge["response_cosine"] or 0) >= PARAMS.response_threshold
    if told_again and agree and (edge["prompt_cosine"] or 0) >= PARAMS.paraphrase_threshold:
        return True
    return bool(request and (agree or edge["response_jaccard"] >= 0.7 or policy == "keep_best"))


@given(CORPORA, POLICIES)
def test_every_dropped_record_duplicates_the_kept_record_that_it_names(
    corpus: dict[str, Any], policy: Any
) -> None:
    drops = drops_of(decide(corpus, params=DedupeParams(other_responses=policy)))
    kept = {f"r{n}" for n in range(SIZE)} - drops.keys()
    for id_, drop in drops.items():
        assert drop["kept"] in kept
        if drop["reason"] == "dedupe.exact":
            assert corpus["fingerprint"][int(id_[1:])] == corpus["fingerprint"][int(drop["kept"][1:])]
        else:
            twin = drop.get("exact_twin", id_)
            assert corpus["fingerprint"][int(id_[1:])] == corpus["fingerprint"][int(twin[1:])]
            assert duplicates(corpus, twin, drop["kept"], policy)
            if drop["reason"] == "dedupe.near":
                assert drop["jaccard"] >= drop["threshold"]
            elif drop["reason"] == "dedupe.semantic":
                closest = max(drop.get("cosine", 0), drop.get("lexical_cosine", 0))
                assert closest >= drop.get("threshold", 0)
                assert "threshold" in drop or (drop["reworded"] and "cosine" not in drop)
                assert drop.get("response_cosine", 1) >= drop.get("response_threshold", 0)
            else:
                assert (drop["reason"], drop["same_content"]) == ("dedupe.rewrite", True)


@given(CORPORA, POLICIES)
def test_no_two_kept_records_are_duplicates(corpus: dict[str, Any], policy: Any) -> None:
    drops = drops_of(decide(corpus, params=DedupeParams(other_responses=policy)))
    kept = sorted({f"r{n}" for n in range(SIZE)} - drops.keys())
    for a in kept:
        for b in kept:
            if a < b:
                assert corpus["fingerprint"][int(a[1:])] != corpus["fingerprint"][int(b[1:])]
                assert not duplicates(corpus, a, b, policy)


@given(CORPORA, st.permutations(range(SIZE)))
def test_the_order_of_rows_changes_nothing(corpus: dict[str, Any], order: list[int]) -> None:
    one, other = decide(corpus), decide(corpus, order)
    assert drops_of(one) == drops_of(other)
    assert rows_of(one, "flag").keys() == rows_of(other, "flag").keys()
    assert one.notes == other.notes
    assert one.columns is not None
    assert other.columns is not None
    assert one.columns.sort_by("id").equals(other.columns.sort_by("id"))


@given(CORPORA)
def test_exact_dedupe_alone_keeps_the_best_of_each_set(corpus: dict[str, Any]) -> None:
    facts = facts_of(corpus, list(range(SIZE))).drop_columns(["prompt_cosine_row", "prompt_lexical_row"])
    decision = STAGE.decide(facts, None, DedupeParams(semantic=False, near=False))
    groups: dict[int, list[int]] = {}
    for row, fingerprint in enumerate(corpus["fingerprint"]):
        groups.setdefault(fingerprint, []).append(row)

    def order(n: int) -> tuple[bool, int, int, int]:
        return (not corpus["complete"][n], corpus["flags"][n], corpus["contacts"][n], n)

    best = {min(group, key=order) for group in groups.values()}
    assert {f"r{n}" for n in range(SIZE)} - drops_of(decision).keys() == {f"r{n}" for n in best}
    assert "semantic_measured" not in decision.notes


def consistent(edge: dict[str, Any]) -> dict[str, Any]:
    """Return an edge as two records may have it: what is measured only of other pairs is not there."""
    edge = {**PAIR, **edge}
    edge["same"] &= not edge["differs"]
    edge["reworded"] &= not edge["same"]
    edge["retold"] &= edge["differs"] in WORDING and not edge["response_equal"]
    if edge["response_equal"] or not (edge["differs"] in ("", *WORDING) or edge["reworded"]):
        edge |= {"conflict": "", "response_cosine": None}
    if edge["conflict"]:
        edge["response_cosine"] = None
    return edge


def only_needed(edge: dict[str, Any]) -> dict[str, Any]:
    """Return an edge without the numbers that `Needed` says no decision depends on."""
    judged = (edge["prompt_cosine"] or 0) >= JUDGED
    close = judged or (edge["prompt_lexical"] or 0) >= LEXICAL_JUDGED or edge["jaccard"] >= NEAR_JUDGED
    told, same, close_, judged_ = (np.array([v]) for v in (edge["reworded"], edge["same"], close, judged))
    needed = Needed([edge["differs"]], same, told, np.array([edge["jaccard"]]), close_, judged_)
    if not needed.frame()[0]:
        edge = {**edge, "places": 0, "narrowed": False}
    places, narrowed = np.array([edge["places"]]), np.array([edge["narrowed"]])
    if not needed.retold(places, narrowed)[0]:
        edge = {**edge, "retold": False}
    if not needed.answers(places, narrowed, np.array([edge["retold"]]))[0]:
        edge = {**edge, "response_equal": False, "response_jaccard": None, "conflict": ""}
        edge["response_cosine"] = None
    elif not close:
        edge = {**edge, "response_cosine": None}
    return edge


@given(CORPORA, POLICIES, st.sampled_from([0.5, 0.7, 0.96]), st.sampled_from([0.85, 0.93]), st.booleans())
@settings(max_examples=400)
def test_no_decision_depends_on_what_is_not_looked_at(
    corpus: dict[str, Any], policy: Any, near: float, cosine: float, semantic: bool
) -> None:
    params = DedupeParams(
        other_responses=policy, near_threshold=near, threshold=cosine, paraphrase_threshold=cosine,
        lexical_threshold=0.75, reworded_threshold=0.75, response_threshold=0.5, semantic=semantic,
    )  # fmt: skip
    full = corpus | {"edges": {pair: consistent(edge) for pair, edge in corpus["edges"].items()}}
    lean = corpus | {"edges": {pair: only_needed(edge) for pair, edge in full["edges"].items()}}
    one, other = decide(full, params=params), decide(lean, params=params)
    assert one.changes.table().equals(other.changes.table())
    assert one.columns is not None
    assert other.columns is not None
    assert one.columns.equals(other.columns)
    assert one.notes == other.notes


def plain(edges: dict[tuple[int, int], dict[str, Any]]) -> dict[str, Any]:
    return {"fingerprint": list(range(SIZE)), "flags": [0] * SIZE, "complete": [True] * SIZE, "edges": edges}


def test_a_chain_is_not_closed() -> None:
    drops = drops_of(decide(plain({(0, 1): ALIKE, (1, 2): ALIKE})))
    assert drops.keys() == {"r1"}
    assert drops["r1"]["kept"] == "r0"


def test_the_closest_of_several_kept_records_is_named() -> None:
    edges = {(0, 2): {**ALIKE, "prompt_cosine": 0.94}, (1, 2): {**ALIKE, "prompt_cosine": 0.97}}
    assert {id_: drop["kept"] for id_, drop in drops_of(decide(plain(edges))).items()} == {"r2": "r1"}


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("complete", [False] + [True] * (SIZE - 1)),
        ("flags", [1] + [0] * (SIZE - 1)),
        ("contacts", [1] + [0] * (SIZE - 1)),
    ],
)
def test_the_best_is_kept_not_the_first(column: str, values: list[Any]) -> None:
    corpus = plain({(0, 1): ALIKE}) | {column: values}
    assert drops_of(decide(corpus)).keys() == {"r0"}
    assert drops_of(decide(plain({(0, 1): ALIKE}))).keys() == {"r1"}


@pytest.mark.parametrize(
    ("edge", "reason"),
    [
        ({"jaccard": 0.7, "prompt_cosine": 0.99}, "dedupe.near"),
        ({"prompt_cosine": 0.93}, "dedupe.semantic"),
        ({"prompt_lexical": 0.99}, "dedupe.semantic"),
        ({"prompt_cosine": 0.8, "same": True}, "dedupe.rewrite"),
        ({"prompt_cosine": 0.97, "differs": "words", "places": 2}, "dedupe.semantic"),
        ({"prompt_cosine": 0.97, "differs": "words", "places": 1}, None),
        ({"prompt_cosine": 0.99, "jaccard": 0.94, "places": 1}, None),
        ({"prompt_cosine": 0.99, "jaccard": 0.95, "places": 1}, "dedupe.near"),
        ({"prompt_cosine": 0.97, "differs": "order", "places": 3}, None),
        ({"prompt_cosine": 0.929, "jaccard": 0.699}, None),
        ({"jaccard": 0.9, "same": False, "differs": "numbers"}, None),
        ({"prompt_cosine": 0.99, "differs": "negation"}, None),
    ],
)
def test_the_reason_says_what_the_drop_rests_on(edge: dict[str, Any], reason: str | None) -> None:
    drops = drops_of(decide(plain({(0, 1): {**edge, "response_equal": True}})))
    assert [drop["reason"] for drop in drops.values()] == ([reason] if reason else [])


def test_responses_that_say_the_same_let_less_similar_prompts_be_one_request() -> None:
    def dropped(**edge: Any) -> bool:
        return bool(drops_of(decide(plain({(0, 1): edge}))))

    assert dropped(prompt_cosine=0.9, response_cosine=0.94)
    assert not dropped(prompt_cosine=0.9, response_cosine=0.93)
    assert not dropped(prompt_cosine=0.89, response_cosine=0.99)
    assert not dropped(prompt_cosine=0.9, response_equal=True)


def test_a_replaced_word_is_a_paraphrase_only_if_the_answers_were_told_apart() -> None:
    edge = {"prompt_cosine": 0.97, "differs": "words", "places": 1, "response_cosine": 0.97}
    assert drops_of(decide(plain({(0, 1): {**edge, "retold": False}}))) == {}
    drops = drops_of(decide(plain({(0, 1): {**edge, "retold": True}})))
    assert drops["r1"]["reason"] == "dedupe.semantic"
    assert (drops["r1"]["threshold"], drops["r1"]["response_threshold"]) == (0.9, 0.94)


def test_alike_prompts_with_other_responses_are_no_duplicates_where_the_recipe_keeps_all() -> None:
    edge = {"prompt_cosine": 0.97, "response_cosine": 0.5, "response_jaccard": 0.2}
    assert drops_of(decide(plain({(0, 1): edge})))["r1"]["responses"] == "other"
    assert drops_of(decide(plain({(0, 1): edge}), params=DedupeParams(other_responses="keep_all"))) == {}


def test_other_responses_to_one_request_are_kept_dropped_or_flagged_as_the_recipe_says() -> None:
    corpus = plain({(0, 1): {"jaccard": 1.0, "same": True}})
    best = decide(corpus)
    assert (drops_of(best).keys(), rows_of(best, "flag")) == ({"r1"}, {})
    every = decide(corpus, params=DedupeParams(other_responses="keep_all"))
    assert (drops_of(every), rows_of(every, "flag")) == ({}, {})
    flagged = decide(corpus, params=DedupeParams(other_responses="flag"))
    assert drops_of(flagged) == {}
    assert {id_: row["other"] for id_, row in rows_of(flagged, "flag").items()} == {"r0": "r1", "r1": "r0"}
    assert {row["reason"] for row in rows_of(flagged, "flag").values()} == {"dedupe.other_response"}


@given(POLICIES)
def test_answers_that_conflict_are_kept_and_flagged_under_every_policy(policy: Any) -> None:
    corpus = plain({(0, 1): {"jaccard": 1.0, "same": True, "conflict": "polarity", "response_cosine": 0.99}})
    decision = decide(corpus, params=DedupeParams(other_responses=policy))
    assert drops_of(decision) == {}
    flags = rows_of(decision, "flag")
    assert {id_: (row["reason"], row["other"], row["differs"]) for id_, row in flags.items()} == {
        "r0": ("dedupe.contradiction", "r1", "polarity"),
        "r1": ("dedupe.contradiction", "r0", "polarity"),
    }


def test_a_pair_that_only_a_guard_kept_apart_shares_a_cluster() -> None:
    edges = {(0, 1): {**ALIKE, "differs": "numbers"}, (2, 3): {"prompt_cosine": 0.9}}
    decision = decide(plain(edges))
    assert decision.columns is not None
    assert decision.columns["cluster"].to_pylist()[:4] == ["r0", "r0", "r2", "r3"]


def test_an_exact_twin_of_a_loser_goes_with_it() -> None:
    corpus = plain({(0, 1): ALIKE}) | {"fingerprint": [0, 1, 1, 3, 4, 5, 6, 7]}
    drops = drops_of(decide(corpus))
    assert drops["r2"] == {**drops["r1"], "exact_twin": "r1"}


def test_without_exact_only_similarity_drops() -> None:
    corpus = plain({}) | {"fingerprint": [0] * SIZE}
    assert drops_of(decide(corpus, params=DedupeParams(exact=False))) == {}
    assert len(drops_of(decide(corpus))) == SIZE - 1


def test_a_way_of_looking_that_is_switched_off_drops_nothing() -> None:
    near = plain({(0, 1): {"jaccard": 0.9, "response_equal": True}})
    assert drops_of(decide(near, params=DedupeParams(near=False))) == {}
    meaning = plain({(0, 1): ALIKE})
    assert drops_of(decide(meaning, params=DedupeParams(semantic=False))) == {}


def test_what_was_measured_how_is_told() -> None:
    facts = pa.table({
        "id": ["a", "b", "c", "d"], "flags": [[""]] * 4, "fingerprint": ["p", "p", "q", "r"],
        "complete": [True] * 4, "contacts": [0] * 4,
        "prompt_cosine_row": pa.array([None, None, 4, None], pa.int64()),
        "document_cosine_row": pa.array([None, None, None, 1], pa.int64()),
        "prompt_lexical_row": pa.array([7, None, None, None], pa.int64()),
        "prompt_bands_row": pa.array([1, 2, 3, None], pa.int64()),
    })  # fmt: skip
    decision = STAGE.decide(facts, None, PARAMS)
    assert drops_of(decision) == {"b": {"reason": "dedupe.exact", "kept": "a"}}
    assert decision.notes == {
        "cluster_links_refused": 0, "near_measured": 3, "semantic_measured": 2,
        "semantic_by_lexical_embedder": 1, "semantic_not_measured": 1, "records_over_neighbour_cap": 0,
    }  # fmt: skip


def test_records_with_the_same_prompt_share_a_cluster() -> None:
    facts = facts_of(
        {"flags": [0] * 4, "fingerprint": [0, 1, 2, 3], "complete": [True] * 4}, [0, 1, 2, 3]
    ).append_column("same_prompt", pa.array(["x", "y", "x", None], pa.string()))
    decision = STAGE.decide(facts, None, DedupeParams(semantic=False))
    assert decision.columns is not None
    assert decision.columns["cluster"].to_pylist() == ["r0", "r1", "r0", "r3"]


def test_what_a_prior_build_kept_wins_over_a_better_twin() -> None:
    corpus = {"flags": [1, 0], "fingerprint": [0, 0], "complete": [False, True]}
    facts = facts_of(corpus, [0, 1])
    assert set(drops_of(STAGE.decide(facts, None, DedupeParams(semantic=False)))) == {"r0"}
    known = facts.append_column("in_prior", pa.array([True, False]))
    assert set(drops_of(STAGE.decide(known, None, DedupeParams(semantic=False)))) == {"r1"}


def test_cap_hits_are_reported() -> None:
    facts = facts_of(plain({}), list(range(SIZE)))
    pairs = pairs_of(plain({(0, 1): ALIKE}), facts).replace_schema_metadata({"capped": "7"})
    assert STAGE.decide(facts, pairs, PARAMS).notes["records_over_neighbour_cap"] == 7
    assert STAGE.neighbour_cap(DedupeParams(max_neighbours=3)) == 3
