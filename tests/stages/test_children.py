"""Which children stay: every limit, every twin, and how many are wanted."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from pipeline.stages.children import judge
from pipeline.stages.fidelity_params import FidelityParams
from pipeline.stages.protocol import Decision

PARAMS = FidelityParams()


def original(id_: str, split: str = "train") -> dict[str, Any]:
    return {"id": id_, "root": id_, "split": split, "lang": "en", "characters": 30_000}


def child(id_: str, root: str = "p", **differs: Any) -> dict[str, Any]:
    """Return a child that passes, but for what differs."""
    return {
        "id": id_, "root": root, "split": "train", "augment_method": "syntax", "augment_round": 0.5,
        "augment_group": "", "augment_wanted": -1, "augment_keeps": "same", "copy": 0.4, "lost": "",
        "other_language": "", "meaning": 0.9, "meaning_difference": "", "similarity": 0.95, "bertscore": 0.9,
        "perplexity_factor": 1.0, "lang": "en", "characters": 50,
    } | differs  # fmt: skip


def decided(rows: list[dict[str, Any]], pairs: list[dict[str, Any]] | None = None) -> Decision:
    names = dict.fromkeys(name for row in (child("c"), *rows) for name in row)
    facts = pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    kinds = ("prompt_bands", "prompt_cosine", "prompt_lexical")
    table = None
    if pairs is not None:
        full = [dict.fromkeys(kinds) | {"differs": ""} | pair for pair in pairs]
        table = pa.Table.from_pylist(full)
    return judge(facts, table, PARAMS)


def drops(decision: Decision) -> dict[str, tuple[str, dict[str, Any]]]:
    rows = decision.changes.table().to_pylist()
    assert {row["action"] for row in rows} <= {"drop"}
    return {row["id"]: (row["reason"], json.loads(row["evidence"])) for row in rows}


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        ({"copy": 0.95}, "augment.copy"),
        ({"lost": "code"}, "augment.code_changed"),
        ({"lost": "url"}, "augment.code_changed"),
        ({"lost": "name"}, "augment.entity_changed"),
        ({"lost": "number"}, "augment.number_changed"),
        ({"other_language": "es"}, "augment.language"),
        ({"meaning": 0.1}, "augment.fidelity"),
        ({"meaning": 0.1, "meaning_difference": "number"}, "augment.number_changed"),
        ({"meaning": 0.1, "meaning_difference": "negation"}, "augment.negation_changed"),
        ({"meaning": 0.1, "meaning_difference": "entity"}, "augment.entity_changed"),
        ({"similarity": 0.2}, "augment.fidelity"),
        ({"bertscore": 0.2}, "augment.fidelity"),
        ({"perplexity_factor": 9.0}, "augment.perplexity"),
        ({"meaning": None, "similarity": None}, "augment.not_measured"),
        ({"copy": None}, "augment.not_measured"),
    ],
)
def test_each_limit_drops_with_its_own_reason(differs: dict[str, Any], reason: str) -> None:
    found = drops(decided([original("p"), child("good"), child("bad", **differs)]))
    assert {id_: told[0] for id_, told in found.items()} == {"bad": reason}
    assert found["bad"][1]["method"] == "syntax"
    assert found["bad"][1]["parent"] == "p"


def test_a_limit_names_measure_value_and_threshold() -> None:
    evidence = drops(decided([original("p"), child("bad", meaning=0.12345)]))["bad"][1]
    assert (evidence["measure"], evidence["value"], evidence["threshold"]) == ("meaning", 0.1235, 0.5)


def test_a_child_that_may_say_something_new_is_not_held_to_its_parents_meaning() -> None:
    free = child(
        "free", augment_keeps="free", meaning=0.0, similarity=0.1, bertscore=0.1, copy=0.0, lost="number"
    )
    assert not drops(decided([original("p"), free]))
    spanish = child("es", augment_keeps="free", other_language="es")
    assert drops(decided([original("p"), spanish]))["es"][0] == "augment.language"


def test_a_number_that_was_not_measured_passes_no_limit_and_fails_none() -> None:
    chinese = child("zh", similarity=None, bertscore=None, perplexity_factor=None)
    assert not drops(decided([original("p"), chinese]))


def test_perplexity_is_not_measured_where_there_is_too_little_to_learn_from() -> None:
    rows = [original("p"), original("q") | {"lang": "zh", "characters": 19_999}]
    rows += [child("en", perplexity_factor=9.0), child("zh", "q", perplexity_factor=9.0, lang="zh")]
    decision = decided(rows)
    assert set(drops(decision)) == {"en"}
    assert decision.columns is not None
    assert decision.columns["augment_perplexity_factor"].to_pylist() == [None, None, 9.0, None]


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ({"prompt_cosine": 0.95}, "augment.other_root"),
        ({"prompt_lexical": 0.9}, "augment.other_root"),
        ({"prompt_bands": 0.95}, "augment.other_root"),
        ({"prompt_cosine": 0.95, "differs": "number"}, ""),
        ({"prompt_bands": 1.0, "differs": "kind"}, "augment.other_root"),
        ({"prompt_cosine": 0.91}, ""),
    ],
)
def test_a_child_that_asks_what_another_root_asks_goes(pair: dict[str, Any], reason: str) -> None:
    rows = [original("p"), original("q"), child("c")]
    found = drops(decided(rows, [{"left": 1, "right": 2, **pair}]))
    assert found.get("c", ("",))[0] == reason
    assert not reason or found["c"][1]["other"] == "q"


def test_closeness_to_another_split_is_a_leak_whatever_they_differ_in() -> None:
    rows = [original("p"), original("q", "test"), child("c")]
    found = drops(decided(rows, [{"left": 1, "right": 2, "prompt_cosine": 0.95, "differs": "number"}]))
    assert found["c"][0] == "augment.other_split"


def test_its_parent_is_no_other_record() -> None:
    assert not drops(decided([original("p"), child("c")], [{"left": 0, "right": 1, "prompt_cosine": 0.99}]))


def test_of_twins_the_earlier_ask_stays() -> None:
    rows = [original("p"), child("late", augment_round=0.9), child("early", augment_round=0.1)]
    found = drops(decided(rows, [{"left": 2, "right": 1, "prompt_bands": 0.97}]))
    assert found == {"late": ("augment.duplicate", found["late"][1])}
    assert found["late"][1]["other"] == "early"


def test_a_twin_that_went_itself_takes_nobody_along() -> None:
    rows = [original("p"), child("late", augment_round=0.9), child("early", augment_round=0.1, meaning=0.0)]
    assert set(drops(decided(rows, [{"left": 2, "right": 1, "prompt_bands": 0.97}]))) == {"early"}


def test_a_group_takes_as_many_as_it_wants_in_the_order_of_asks() -> None:
    rows = [
        original("p"),
        *(child(f"c{n}", augment_round=n / 10, augment_wanted=3) for n in range(9, -1, -1)),
    ]
    decision = decided(rows)
    assert sorted(drops(decision)) == [f"c{n}" for n in range(3, 10)]
    assert {reason for reason, _ in drops(decision).values()} == {"augment.surplus"}
    assert [(gate.value, gate.held) for gate in decision.gates] == [(1.0, True)]


def test_after_a_round_that_lost_more_than_it_won_no_more_are_taken() -> None:
    first = [child(f"bad{n}", augment_round=n / 10, augment_wanted=9, meaning=0.0) for n in range(5)]
    rows = [original("p"), *first, child("won", augment_round=0.9, augment_wanted=9)]
    rows.append(child("later", augment_round=1.1, augment_wanted=9))
    decision = decided(rows)
    found = drops(decision)
    assert found["later"] == ("augment.stopped", found["later"][1])
    assert found["later"][1]["after_round"] == 1
    assert "won" not in found
    (gate,) = decision.gates
    assert gate.held is False
    assert "stopped after round 1" in gate.sentence


def test_groups_are_counted_apart() -> None:
    rows = [original("p")]
    rows += [child(f"en{n}", augment_group="en", augment_wanted=1, augment_round=n / 10) for n in range(3)]
    rows += [child(f"zh{n}", augment_group="zh", augment_wanted=2, augment_round=n / 10) for n in range(3)]
    assert sorted(drops(decided(rows))) == ["en1", "en2", "zh2"]


def test_a_set_without_children_is_left_alone() -> None:
    decision = decided([original("a"), original("b", "test")])
    assert not drops(decision)
    assert decision.gates == ()
    assert decision.columns is not None
    assert decision.columns["augment_meaning"].null_count == 2
