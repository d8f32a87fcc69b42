"""Gates: a record is dropped once or flagged, a set holds or not, and a person's word stands above a gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import Corner, stages_added, tasks, write_jsonl
from pydantic import Field

from pipeline.change import Changes
from pipeline.models.need import Need
from pipeline.record import text_keys
from pipeline.run import fell_short
from pipeline.stages import StageKind
from pipeline.stages.gates import DatasetGate, Excess, GateAction, Threshold, reached
from pipeline.stages.protocol import Decision, Measure, StageParams
from pipeline.steps import Step


class ShortParams(StageParams):
    """Parameters of `Short`."""

    stage: Literal["short"] = "short"
    least: int = Field(default=60, description="Least characters of an output.")
    action: GateAction = Field(default="drop", description="What happens below.")
    wanted: float = Field(default=0.25, description="Least share of records that are long enough.")


class Short:
    """A gate over the length of the outputs, of the records and of the whole set."""

    name = "short"
    version = 1

    def needs(self, params: ShortParams) -> tuple[Need, ...]:
        """Return nothing."""
        return ()

    def measures(self, params: ShortParams) -> tuple[Measure, ...]:
        """Return the length; it also reads a column that no stage of these recipes decides."""
        return (Measure("length", 1, ("output", "cluster")),)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: object) -> pa.Table:
        """Return the characters of the output and of the cluster's name."""
        outputs, clusters = (batch.column(name).to_pylist() for name in measure.reads)
        return pa.table({"length": list(map(len, outputs)), "named": list(map(len, clusters))})

    def context(self, params: ShortParams) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: ShortParams) -> Decision:
        """Condemn what is short."""
        changes = Changes()
        lengths = facts.column("length").to_pylist()
        assert set(facts.column("named").to_pylist()) == {0}
        for id_, length in zip(facts.column("id").to_pylist(), lengths, strict=True):
            if length < params.least:
                why = Excess("gate.length.low", params.action, "length", length, params.least)
                reached(changes, id_, [why])
        share = sum(length >= params.least for length in lengths) / len(lengths)
        gate = DatasetGate("long enough", share, params.wanted, True, f"{share:.0%} are long enough")
        limit = Threshold("length", params.least, None, params.action, why="short answers teach little")
        return Decision(changes, facts.select(["id", "length"]), {}, (limit,), (gate,))


class PeopleParams(StageParams):
    """Parameters of `People`."""

    stage: Literal["people"] = "people"
    said: tuple[tuple[str, str], ...] = Field(default=(), description="What was accepted.")


class People:
    """An edit stage that changes nothing and knows what people accepted."""

    name = "people"
    version = 1

    def needs(self, params: PeopleParams) -> tuple[Need, ...]:
        """Return nothing."""
        return ()

    def edit(self, batch: pa.Table, params: PeopleParams, models: object) -> Changes:
        """Change nothing."""
        return Changes()

    def accepted(self, params: PeopleParams) -> frozenset[tuple[str, str]]:
        """Return what was accepted."""
        return frozenset(params.said)


@pytest.fixture
def gated(corner: Corner) -> Iterator[Corner]:
    write_jsonl(
        corner.folder / "data.jsonl", [*tasks(8), {"instruction": "Name a kettle.", "output": "Copper."}]
    )
    with stages_added(
        short=StageKind("judge", Short(), ShortParams, "condemns what is short", gate=True),
        people=StageKind("edit", People(), PeopleParams, "knows what people accepted"),
    ):
        yield corner


def build(corner: Corner, params: ShortParams, said: tuple[tuple[str, str], ...] = ()) -> tuple[Path, dict]:  # type: ignore[type-arg]
    steps = [Step("short", "judge", "short", params, ())]
    steps.append(Step("people", "edit", "people", PeopleParams(said=said), ()))
    out = corner.build(corner.plan("[]", steps=steps))
    return out, json.loads((out / "manifest.json").read_text(encoding="utf-8"))


def short_ones(out: Path) -> pa.Table:
    table = pq.read_table(out / "records.parquet")
    return table.filter(pa.compute.less(table["length"], 60))


def test_a_gates_thresholds_and_the_sets_gates_are_in_the_manifest(gated: Corner) -> None:
    out, manifest = build(gated, ShortParams())
    assert manifest["thresholds"] == [
        {
            "stage": "short", "measure": "length", "low": 60, "high": None, "action": "drop", "group": "",
            "why": "short answers teach little",
        }
    ]  # fmt: skip
    [gate] = manifest["gates"]
    assert (gate["stage"], gate["held"], gate["threshold"]) == ("short", True, 0.25)
    assert "| long enough | " in (out / "README.md").read_text(encoding="utf-8")
    again = json.loads((build(gated, ShortParams())[0] / "manifest.json").read_text(encoding="utf-8"))
    assert again == manifest, "a step found in the store tells the same"


def test_a_gate_that_falls_short_fails_a_strict_build_only_if_it_was_measured_or_is_required() -> None:
    assert fell_short({"held": False, "required": False})
    assert not fell_short({"held": True, "required": True})
    assert not fell_short({"held": None, "required": False})
    assert fell_short({"held": None, "required": True})


def test_what_was_not_measured_is_not_held() -> None:
    assert DatasetGate("x", None, 0.9, True, "").held is None
    assert DatasetGate("x", 0.9, 0.9, True, "").held is True
    assert DatasetGate("x", 0.91, 0.9, False, "").held is False


def test_a_record_is_dropped_once_or_flagged_for_every_reason() -> None:
    low = Excess("gate.a.low", "flag", "a", 0.123456, 0.5, (("start", 3),))
    high, gone = Excess("gate.b.high", "flag", "b", 9.0, 5.0), Excess("gate.c.low", "drop", "c", 0.0, 1.0)
    numbers = Excess("gate.d.low", "measure", "d", 0.0, 1.0)
    changes = Changes()
    reached(changes, "1", [low, high, numbers])
    reached(changes, "2", [low, gone, high])
    reached(changes, "3", [numbers])
    rows = changes.table().to_pylist()
    assert [(row["id"], row["action"], row["reason"]) for row in rows] == [
        ("1", "flag", "gate.a.low"), ("1", "flag", "gate.b.high"), ("2", "drop", "gate.c.low"),
    ]  # fmt: skip
    assert json.loads(rows[0]["evidence"]) == {"measure": "a", "value": 0.1235, "threshold": 0.5, "start": 3}


@pytest.mark.parametrize("action", ["drop", "flag"])
def test_a_text_that_a_person_accepted_is_exempt_and_only_that_text(
    gated: Corner, action: GateAction
) -> None:
    out, manifest = build(gated, ShortParams(action=action))
    condemned = short_ones(out)
    assert manifest["stages"][1]["reasons"][action]["gate.length.low"] == condemned.num_rows > 1
    pairs = list(zip(condemned["root"].to_pylist(), text_keys(condemned), strict=True))
    out, manifest = build(gated, ShortParams(action=action), (pairs[0], (pairs[1][0], "another text")))
    assert manifest["stages"][1]["reasons"][action]["gate.length.low"] == condemned.num_rows - 1
    assert manifest["stages"][1]["notes"] == {"accepted_by_people": 1}
    [exempt] = [row for row in short_ones(out).to_pylist() if row["root"] == pairs[0][0]]
    assert (exempt["status"], exempt["flags"]) == ("kept", [])


def test_a_stage_that_is_no_gate_is_not_overruled(gated: Corner) -> None:
    with stages_added(short=StageKind("judge", Short(), ShortParams, "no gate")):
        out, manifest = build(gated, ShortParams())
        condemned = short_ones(out)
        pairs = tuple(zip(condemned["root"].to_pylist(), text_keys(condemned), strict=True))
        _, again = build(gated, ShortParams(), pairs)
    assert again["stages"][1]["reasons"] == manifest["stages"][1]["reasons"]
