"""Balance in tables and in builds: who goes, in which order, what everybody weighs, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import Corner, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RecipeError
from pipeline.stages.balance import Balance
from pipeline.stages.balance_params import BalanceParams
from pipeline.stages.protocol import Decision

STAGE = Balance()


def facts_of(labels: list[str], prefix: str = "r", **more: list[Any]) -> pa.Table:
    return pa.table({
        "id": [f"{label}{prefix}{n:05}" for n, label in enumerate(labels)],
        "root": [f"{label}{prefix}{n:05}" for n, label in enumerate(labels)],
        "source": labels,
        "meta": [json.dumps({"label": label}) for label in labels],
        **more,
    })  # fmt: skip


def balanced(facts: pa.Table, seed: int = 3, **params: Any) -> Decision:
    return STAGE.decide(facts, None, BalanceParams(**params), seed=seed)


def gone(decision: Decision) -> set[str]:
    return set(decision.changes.table().column("id").to_pylist())


def weights(decision: Decision) -> list[float]:
    assert decision.columns is not None
    return list(decision.columns["weight"].to_pylist())


def test_what_is_over_its_share_goes_and_says_why() -> None:
    decision = balanced(facts_of(["a"] * 90 + ["b"] * 30), by="source", targets="equal", least_kept=0)
    changes = decision.changes.table().to_pylist()
    assert Counter(row["id"][0] for row in changes) == {"a": 60}
    assert {row["reason"] for row in changes} == {"balance.over"}
    assert json.loads(changes[0]["evidence"]) == {
        "by": "source", "group": "a", "share": 0.75, "share_now": 0.5, "target": 0.5,
    }  # fmt: skip
    assert decision.notes["shares_after"] == ["a 30 (50.0%)", "b 30 (50.0%)"]


def test_more_records_of_a_neutral_group_change_nothing() -> None:
    labels = ["pos"] * 10 + ["neg"] * 90
    params = {"by": "meta.label", "targets": "positive_negative"}
    before = gone(balanced(facts_of(labels), **params))
    after = gone(balanced(facts_of(labels + ["neutral"] * 50), **params))
    assert before == after
    assert len(before) == 40


@given(st.permutations(range(30)))
def test_the_order_of_records_changes_nothing(order: list[int]) -> None:
    facts = facts_of(["a"] * 20 + ["b"] * 10)
    params = {"by": "source", "targets": {"a": 0.4}, "least_kept": 0}
    assert gone(balanced(facts.take(pa.array(order)), **params)) == gone(balanced(facts, **params))


def test_fewer_that_stay_are_among_those_that_stayed() -> None:
    facts = facts_of(["a"] * 100 + ["b"] * 100)
    few = gone(balanced(facts, by="source", targets={"a": 0.2}, least_kept=0))
    more = gone(balanced(facts, by="source", targets={"a": 0.4}, least_kept=0))
    assert more < few
    assert gone(balanced(facts, seed=4, by="source", targets={"a": 0.4}, least_kept=0)) != more


def test_records_of_one_root_and_of_a_prior_build_stay_together_and_longest() -> None:
    facts = facts_of(["a"] * 40 + ["b"] * 20)
    roots = [f"root{n // 2}" for n in range(60)]
    prior = [n in (0, 1, 6, 7) for n in range(60)]
    facts = facts.set_column(1, "root", pa.array(roots)).append_column("in_prior", pa.array(prior))
    dropped = gone(balanced(facts, by="source", targets={"a": 0.2, "b": 0.8}, least_kept=0))
    ids = facts.column("id").to_pylist()
    for pair in range(20):
        assert (ids[2 * pair] in dropped) == (ids[2 * pair + 1] in dropped)
    assert not {ids[n] for n in (0, 1, 6, 7)} & dropped


def test_a_tiny_group_is_named_in_the_notes() -> None:
    decision = balanced(facts_of(["a"] * 98 + ["b"] * 2), by="source", targets="equal")
    assert decision.notes["groups_below_their_target"] == ["b"]
    assert len(gone(decision)) == 50


def test_weights_instead_of_drops_and_their_mean_is_one() -> None:
    decision = balanced(facts_of(["a"] * 75 + ["b"] * 25), by="source", targets="equal", how="weight")
    assert not gone(decision)
    found = weights(decision)
    assert found[0] == pytest.approx(2 / 3, abs=1e-5) and found[-1] == pytest.approx(2, abs=1e-5)
    assert sum(found) / 100 == pytest.approx(1, abs=1e-5)


def test_importance_difficulty_and_an_earlier_weight_multiply() -> None:
    facts = facts_of(["a", "a", "b", "b"], ifd=[0.1, 0.9, 0.5, None], weight=[1.0, 1.0, 1.0, 2.0])
    found = weights(balanced(facts, importance={"source": {"b": 3.0}}, difficulty="ifd"))
    raw = [0.5, 1.5, 3.0, 6.0]
    assert found == pytest.approx([value / (sum(raw) / 4) for value in raw], abs=1e-5)


def test_groups_by_length_count_words_and_characters() -> None:
    batch = pa.table({"output": ["one two three", "一二三四五", ""]})
    params = BalanceParams(by="length", targets="equal", length_bins=(4,), least_kept=0)
    (measure,) = STAGE.measures(params)
    table = STAGE.measure(measure, batch, None, None)  # type: ignore[arg-type]
    assert table.column("balance_length").to_pylist() == [3, 5, 0]
    decision = STAGE.decide(
        facts_of(["x"] * 3).append_column("balance_length", table.column(0)), None, params
    )
    assert decision.notes["shares_before"] == ["0-3 2 (66.7%)", "4- 1 (33.3%)"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"by": "meta.topic", "targets": "equal"}, "has a key 'topic'"),
        ({"by": "colour", "targets": "equal"}, "no record has a column 'colour'"),
        ({"by": "source", "targets": {"c": 0.5}}, "no record has source 'c'"),
        ({"by": "source", "targets": {"a": 0.2, "b": 0.2}}, "must add up to 1"),
        ({"by": "source", "targets": "positive_negative"}, "0 positive and 0 negative"),
        ({"importance": {"source": {"z": 2.0}}}, "no record has source 'z'"),
        ({"difficulty": "ifd"}, "'ifd' is no number"),
        ({"difficulty": "source"}, "'source' is no number"),
    ],
)
def test_what_no_record_has_is_a_mistake_in_the_recipe(params: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        balanced(facts_of(["a"] * 5 + ["b"] * 5), **params)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"targets": "equal"}, "needs `by:`"),
        ({"by": "source", "targets": {"a": 0.7, "b": 0.7}}, "add up to 1.4"),
        ({"by": "source", "targets": {"a": -0.1}}, "between 0 and 1"),
        ({"least_ratio": 6}, "is more than most_ratio"),
        ({"positive": ("Good",), "negative": ("good",)}, "both positive and negative"),
        ({"by": "length", "length_bins": (5, 5)}, "must rise"),
        ({"difficulty": "ifd", "difficulty_factors": (0, 1)}, "above 0"),
    ],
)
def test_impossible_parameters_are_told(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BalanceParams(**params)


def test_a_class_of_hundreds_of_values_is_none() -> None:
    with pytest.raises(RecipeError, match="which is no class"):
        balanced(facts_of([f"title {n}" for n in range(300)]), by="source", targets="equal")


ROWS = [
    {"instruction": f"Ask {n}?", "output": f"Told {n}.", "label": "pos" if n < 4 else "neg"}
    for n in range(40)
]
STAGES = "[{stage: balance, by: meta.label, targets: positive_negative}]"


def test_a_build_writes_the_weight_where_it_is_asked_for(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    extra = "exports: [{format: alpaca, weights: true}, {format: messages}]"
    out = corner.build(corner.plan(STAGES, extra=extra))
    rows = pq.read_table(out / "records.parquet").to_pylist()
    assert Counter(row["status"] for row in rows) == {"kept": 24, "dropped": 16}
    assert all(row["weight"] == 1 for row in rows if row["status"] == "kept")
    line = json.loads((out / "data/alpaca/train.jsonl").read_text().split("\n")[0])
    assert list(line) == ["instruction", "input", "output", "weight"]
    assert list(json.loads((out / "data/messages/train.jsonl").read_text().split("\n")[0])) == ["messages"]


def test_lines_stay_as_they_are_without_being_asked(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    out = corner.build(corner.plan("[{stage: balance}]"))
    line = json.loads((out / "data/alpaca/train.jsonl").read_text().split("\n")[0])
    assert list(line) == ["instruction", "input", "output"]


def test_weights_without_balance_and_balance_after_split_are_refused(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    with pytest.raises(RecipeError, match="needs a stage balance"):
        corner.plan("[{stage: split}]", extra="exports: [{format: alpaca, weights: true}]")
    with pytest.raises(RecipeError, match="balance after split"):
        corner.plan("[{stage: split}, {stage: balance}]")
