"""Children from end to end: whose they are, that nothing but hashes decides on them, and what a recipe may not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, ShuffledRunner, write_jsonl

from pipeline.errors import RecipeError
from pipeline.ledger import describe, life_of

STAGES = "[{{stage: split, train: 0.7, validation: 0.15, test: 0.15}}, {{stage: augment, {0}}}, {{stage: fidelity}}]"
ALL = "methods: [{method: syntax}, {method: templates, children: 2}]"
THINGS = (
    "kettle",
    "ladder",
    "lantern",
    "bucket",
    "hammer",
    "violin",
    "compass",
    "blanket",
    "pencil",
    "saddle",
)
ACTS = ("clean", "store", "repair", "choose", "carry")


def units(count: int = 40) -> list[dict[str, str]]:
    """Return questions and orders, no two alike, every third Chinese."""
    made = []
    for n in range(count):
        thing, act = THINGS[n % len(THINGS)], ACTS[n // len(THINGS) % len(ACTS)]
        if n % 3 == 2:
            made.append(
                {"instruction": f"请列出{act} {thing} 的三个要点。", "output": f"第{n}条：先看说明，再动手。"}
            )
        elif n % 3:
            made.append({"instruction": f"How do you {act} a {thing}?", "output": f"Slowly, in step {n}."})
        else:
            made.append(
                {"instruction": f"List three ways to {act} a {thing}.", "output": f"One, two and {n}."}
            )
    return made


def records(folder: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / "records.parquet").to_pylist())


def children(folder: Path) -> dict[str, tuple[str, str, str]]:
    """Return by id: the root, the status and the prompt of each child."""
    found = [row for row in records(folder) if row["augment_method"]]
    return {row["id"]: (row["root"], row["status"], row["instruction"]) for row in found}


@pytest.fixture
def filled(corner: Corner) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", units())
    return corner


def built(corner: Corner, params: str = ALL, out: str = "out", **more: Any) -> Path:
    return corner.build(corner.plan(STAGES.format(params)), out, **more)


def test_only_training_records_have_children_and_children_stay_in_their_split(filled: Corner) -> None:
    folder = built(filled)
    rows = records(folder)
    by_id = {row["id"]: row for row in rows}
    kept = [row for row in rows if row["augment_method"] and row["status"] == "kept"]
    assert len(kept) > 30
    for row in kept:
        parent = by_id[row["root"]]
        assert parent["split"] == row["split"] == "train"
        assert parent["root"] == parent["id"] != row["id"]
        assert row["instruction"] != parent["instruction"]
        assert (row["output"], row["source"], row["line"]) == (
            parent["output"],
            parent["source"],
            parent["line"],
        )
        assert row["augment_meaning"] >= 0.5
    assert {row["augment_method"] for row in kept} == {"syntax", "templates"}
    assert {row["root"] for row in kept} <= {row["id"] for row in rows if row["split"] == "train"}
    assert any("\u4e00" <= char <= "\u9fff" for row in kept for char in row["instruction"])


def test_every_child_tells_its_life_and_lines_of_exports_lead_to_it(filled: Corner) -> None:
    folder = built(filled)
    lines = (folder / "data" / "alpaca" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    seen = 0
    for number, line in enumerate(lines, start=1):
        life = life_of(folder, f"data/alpaca/train.jsonl:{number}")
        assert life.record["instruction"] == json.loads(line)["instruction"]
        if life.parent is not None:
            seen += 1
            told = "\n".join(describe(life))
            assert f"child of {life.parent['id']}" in told
            assert "augment: add augment." in told
            assert f"parent  {life.parent['id']}" in told
    assert seen > 30


def test_neither_workers_nor_shards_nor_order_of_work_alter_a_child(filled: Corner, tmp_path: Path) -> None:
    one = children(built(filled))
    assert children(built(filled, out="again", runner=ShuffledRunner(3))) == one
    other = Corner(tmp_path / "other")
    other.folder.mkdir()
    write_jsonl(other.folder / "data.jsonl", units())
    assert children(built(other, runner=ShuffledRunner(5))) == one


def test_another_seed_gives_other_children(filled: Corner) -> None:
    one = children(built(filled, "factor: 1.5, " + ALL))
    text = (filled.folder / "data.jsonl").read_text(encoding="utf-8")
    assert text
    planned = filled.plan(STAGES.format("factor: 1.5, " + ALL))
    reseeded = planned.recipe.model_copy(update={"seed": 8})
    from dataclasses import replace

    two = children(filled.build(replace(planned, recipe=reseeded), "seeded"))
    assert one
    assert two
    assert set(one) != set(two)


def test_removing_a_parent_changes_only_its_own_children(filled: Corner) -> None:
    before = children(built(filled))
    gone = next(root for root, _, _ in before.values())
    rows = records(filled.folder / "out")
    line = next(row["line"] for row in rows if row["id"] == gone)
    left = [unit for number, unit in enumerate(units(), start=1) if number != line]
    write_jsonl(filled.folder / "data.jsonl", left)
    after = children(built(filled, out="less"))
    assert {id_: told for id_, told in before.items() if told[0] != gone} == after


def test_a_factor_is_met_to_the_child(filled: Corner) -> None:
    folder = built(filled, "factor: 1.5, " + ALL)
    rows = records(folder)
    train = [row for row in rows if row["split"] == "train" and row["status"] == "kept"]
    own = [row for row in train if not row["augment_method"]]
    assert len(train) == len(own) + round(0.5 * len(own))
    (gate,) = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["gates"]
    assert (gate["name"], gate["held"]) == ("augmentation", True)


def test_a_target_grows_the_small_group_alone(filled: Corner) -> None:
    rows = [
        {**unit, "kind": "order" if unit["instruction"].startswith("List") else "question"}
        for unit in units()
    ]
    write_jsonl(filled.folder / "data.jsonl", rows)
    folder = built(
        filled, "target: {by: meta.kind, ratio: 1}, rounds: 8, " + ALL.replace("children: 2", "children: 5")
    )
    train = [row for row in records(folder) if row["split"] == "train" and row["status"] == "kept"]
    sizes = {
        kind: sum(json.loads(row["meta"])["kind"] == kind for row in train) for kind in ("order", "question")
    }
    assert sizes["order"] == sizes["question"]
    assert {row["augment_group"] for row in train if row["augment_method"]} == {"order"}


def test_a_target_that_cannot_be_met_says_so(filled: Corner) -> None:
    folder = built(filled, "target: {by: lang, size: 500}, " + ALL)
    (gate,) = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["gates"]
    assert gate["held"] is False
    assert "children" in gate["sentence"]


def test_a_text_of_50_000_characters_is_left_alone_with_its_reason(filled: Corner) -> None:
    rows = [{"instruction": "List it. " * 6000, "output": f"It is all listed in part {n}."} for n in range(4)]
    write_jsonl(filled.folder / "data.jsonl", rows)
    found = records(built(filled))
    assert not any(row["augment_method"] for row in found)
    assert {row["instruction"] for row in found} == {rows[0]["instruction"]}
    flagged = [row for row in found if row["split"] == "train"]
    assert flagged
    assert all(row["flags"] == ["augment.too_long"] for row in flagged)


def test_a_language_that_no_method_knows_is_counted(filled: Corner) -> None:
    rows = [
        {
            "instruction": f"Wie reinigt man einen alten Kessel der Sorte {n}?",
            "output": f"Mit Wasser, {n} mal.",
        }
        for n in range(9)
    ]
    write_jsonl(filled.folder / "data.jsonl", rows)
    folder = built(filled)
    assert not children(folder)
    stages = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["stages"]
    notes = next(stage["notes"] for stage in stages if stage["name"] == "augment")
    assert notes["syntax: language"] == notes["syntax: asked"] > 0


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            "[{stage: augment, methods: [{method: syntax}]}, {stage: fidelity}]",
            "augment needs split before it",
        ),
        (
            "[{stage: split}, {stage: augment, methods: [{method: syntax}]}]",
            "augment needs fidelity after it",
        ),
        ("[{stage: split}, {stage: fidelity}]", "fidelity needs augment before it"),
        ("[{stage: split}, {stage: augment, methods: []}, {stage: fidelity}]", "methods"),
        (
            "[{stage: split}, {stage: augment, methods: [{method: translate}]}, {stage: fidelity}]",
            "there is no 'translate'",
        ),
        (
            "[{stage: split}, {stage: augment, methods: [{method: syntax}, {method: syntax}]}, {stage: fidelity}]",
            "stands twice",
        ),
        (
            "[{stage: split}, {stage: augment, factor: 1, methods: [{method: syntax}]}, {stage: fidelity}]",
            "greater than 1",
        ),
        (
            "[{stage: split}, {stage: augment, factor: 2, target: {by: lang, size: 5}, methods: [{method: syntax}]}, "
            "{stage: fidelity}]",
            "one of factor and target",
        ),
        (
            "[{stage: split}, {stage: augment, target: {by: lang}, methods: [{method: syntax}]}, {stage: fidelity}]",
            "size and ratio",
        ),
    ],
)
def test_what_a_recipe_may_not_say(filled: Corner, stages: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        filled.plan(stages)


def test_groups_of_a_column_that_no_record_has(filled: Corner) -> None:
    with pytest.raises(RecipeError, match="no record has a column 'mood'"):
        built(filled, "target: {by: mood, size: 50}, " + ALL)


def test_one_method_may_stand_twice_under_two_names(filled: Corner) -> None:
    folder = built(filled, "methods: [{method: syntax}, {method: templates, name: second}]")
    assert {row["augment_method"] for row in records(folder) if row["augment_method"]} == {"syntax", "second"}


def test_a_second_stage_makes_other_children(filled: Corner) -> None:
    stages = (
        "[{stage: split, train: 0.7, validation: 0.15, test: 0.15}, {stage: augment, methods: [{method: insertion}]}, "
        "{stage: augment, name: more, methods: [{method: insertion}]}, {stage: fidelity}]"
    )
    rows = records(filled.build(filled.plan(stages)))
    assert len({row["id"] for row in rows}) == len(rows)
    children = [row for row in rows if row["augment_method"]]
    roots = {row["root"] for row in children}
    assert len(children) > len(roots)


def test_the_report_counts_children_by_method_and_shows_some_beside_their_parents(filled: Corner) -> None:
    folder = built(filled)
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    made = [row for row in records(folder) if row["augment_method"]]
    for method in ("syntax", "templates"):
        own = [row for row in made if row["augment_method"] == method]
        kept = sum(row["status"] == "kept" for row in own)
        assert f'data-method="{method}" data-made="{len(own)}" data-kept="{kept}"' in page
    shown = page[page.index('id="augmentation"') : page.index('id="personal"')]
    assert shown.count('aria-label="Child ') == 20
    assert shown.count("<b>parent</b>") == 20
    first = min(row["id"] for row in made if row["status"] == "kept")
    assert first in shown
