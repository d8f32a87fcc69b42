"""The relevance stage on tables: what it flags or drops, what it leaves alone, and what it says of itself."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from pipeline.models import Models
from pipeline.record import RECORD_SCHEMA
from pipeline.stages.relevance import RelevanceParams, RelevanceStage

STAGE = RelevanceStage()
TOPICS = {
    "volcano": "lava ash crater magma eruption", "orchestra": "violins conductor symphony trumpet concert",
    "bakery": "flour oven yeast loaf pastry", "glacier": "ice snow valley moraine melting",
    "harbour": "ships crane dock cargo lighthouse", "vineyard": "grapes wine barrel harvest cellar",
}  # fmt: skip
CHINESE = {
    "火山": "岩浆火山灰火口喷发熔岩", "乐团": "小提琴指挥交响曲小号音乐会", "面包店": "面粉烤箱酵母吐司糕点",
    "冰川": "积雪山谷冰碛融化寒冷",
    "港口": "轮船吊车码头货物灯塔", "葡萄园": "葡萄美酒木桶采摘酒窖",
}  # fmt: skip


def table(count: int = 240, swapped: int = 0) -> pa.Table:
    """Return records in both languages; the first `swapped` have the response of another topic."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        words = TOPICS if number % 2 else CHINESE
        names = list(words)
        name = names[(number // 2) % 6]
        told = names[(number // 2 + 3) % 6] if number < swapped else name
        if number % 2:
            asked, answer = (
                f"Describe visit {number} to the {name}.",
                f"{number * 7 % 101} people saw the {told} and its {words[told]}.",
            )
        else:
            asked, answer = (
                f"请描述第{number}次参观{name}的情况。",
                f"{number * 7 % 101}个人看到了{told}的{words[told]}。",
            )
        rows.append({"instruction": asked, "output": answer})
    blank = {"system": "", "history": [], "input": "", "cluster": ""}
    names_ = ("system", "history", "instruction", "input", "output", "cluster")
    return pa.table(
        {
            name: pa.array(
                [(blank | row)[name] for row in rows],
                RECORD_SCHEMA.field(name).type if name != "cluster" else pa.string(),
            )
            for name in names_
        }
    )


def decided(batch: pa.Table, **params: Any) -> tuple[list[dict[str, Any]], Any]:
    chosen = RelevanceParams(semantic=False, **params)
    (measure,) = STAGE.measures(chosen)
    fitted = STAGE.fit(measure, [STAGE.summarise(measure, batch, Models())])
    facts = STAGE.measure(measure, batch, fitted, Models())
    facts = facts.append_column("id", pa.array([f"r{row}" for row in range(facts.num_rows)]))
    decision = STAGE.decide(facts, None, chosen)
    return decision.changes.table().to_pylist(), decision


def test_swapped_responses_are_flagged_with_numbers_a_person_can_check() -> None:
    changes, decision = decided(table(480, swapped=12), threshold=0.1)
    flagged = {row["id"] for row in changes}
    swapped = {f"r{number}" for number in range(12)}
    assert len(flagged & swapped) >= 9 and len(flagged - swapped) <= 10
    assert {(row["action"], row["reason"]) for row in changes} == {("flag", "gate.relevance.low")}
    evidence = json.loads(changes[0]["evidence"])
    assert evidence["measure"] == "relevance" and evidence["value"] < evidence["threshold"] == 0.1
    assert {"judged_by", "words", "meaning_odds", "words_odds", "pairs_odds", "form_odds"} <= set(evidence)
    assert decision.columns.column_names == ["id", "relevance"]
    assert decision.thresholds[0].measure == "relevance" and decision.thresholds[0].low == 0.1
    assert decision.notes["measured_by_words"] == 480


@pytest.mark.parametrize(("action", "expected"), [("drop", {"drop"}), ("measure", set())])
def test_the_action_is_the_recipes(action: str, expected: set[str]) -> None:
    changes, _ = decided(table(480, swapped=12), threshold=0.1, action=action)
    assert {row["action"] for row in changes} == expected


def test_one_record_is_not_measured() -> None:
    changes, decision = decided(table(1))
    assert not changes and decision.columns.column("relevance").to_pylist() == [None]
    assert decision.notes["not_measured"] == 1


def test_moving_the_threshold_needs_no_new_measure() -> None:
    assert STAGE.measures(RelevanceParams(threshold=0.2)) == STAGE.measures(
        RelevanceParams(threshold=0.01, action="drop")
    )
    assert STAGE.measures(RelevanceParams(semantic=False)) != STAGE.measures(RelevanceParams())


def test_an_embedder_is_asked_for_only_if_it_is_used() -> None:
    assert [need.kind for need in STAGE.needs(RelevanceParams())] == ["embedder"]
    assert STAGE.needs(RelevanceParams(semantic=False)) == ()
