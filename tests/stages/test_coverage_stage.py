"""The gate in builds: what is covered, what is named as missing, and what is not measured."""

from __future__ import annotations

import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, write_jsonl

from pipeline.errors import RecipeError, SourceError

ROWS = [
    {"instruction": "How do I clean the chain?", "output": "Wipe it, and oil the chains of all bikes."},
    {"instruction": "辐条松了怎么办？", "output": "用扳手把辐条拧紧。"},
    {"instruction": "Which brakes are best?", "output": "Discs, mostly."},
]


def gate(corner: Corner, stage: str, out: str = "out") -> dict[str, Any]:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    folder = corner.build(corner.plan(f"[{stage}]"), out)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (found,) = manifest["gates"]
    return dict(found)


def test_what_is_missing_is_named_and_the_gate_falls_short(corner: Corner) -> None:
    found = gate(corner, "{stage: coverage, keywords: {chain: 3, brake: 2, 辐条: 2, saddle: 2, 变速器: 1}}")
    assert (found["value"], found["held"]) == (0.7, False)
    assert found["sentence"].endswith("the heaviest that are missing: saddle, 变速器")
    rows = pq.read_table(corner.folder / "out" / "records.parquet").to_pylist()
    assert [row["domain_keywords"] for row in rows] == [1, 1, 1]


def test_a_file_of_keywords_is_read_and_its_mistakes_are_told(corner: Corner) -> None:
    words = corner.folder / "words.txt"
    words.write_text("# parts\nchain\t3\nbrake\n\n辐条\t1\n", encoding="utf-8")
    assert gate(corner, "{stage: coverage, file: words.txt}")["value"] == 1
    words.write_text("chain\theavy\n", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"words\.txt:1: the weight 'heavy'"):
        corner.plan("[{stage: coverage, file: words.txt}]")
    words.write_text("# none\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="names no keyword"):
        corner.plan("[{stage: coverage, file: words.txt}]")
    with pytest.raises(RecipeError, match="cannot be read"):
        corner.plan("[{stage: coverage, file: none.txt}]")


def test_keywords_are_taken_from_a_reference(corner: Corner) -> None:
    texts = [
        {"text": f"Clean the chain {n} and test the brakes, then true the derailleur."} for n in range(6)
    ]
    write_jsonl(corner.folder / "reference" / "manual.jsonl", texts)
    found = gate(corner, "{stage: coverage, reference: reference}")
    assert 0 < found["value"] < 1
    assert "derailleur" in found["sentence"] and "chain" not in found["sentence"]
    with pytest.raises(SourceError, match="does not exist"):
        corner.plan("[{stage: coverage, reference: nowhere}]")


def test_a_changed_reference_is_another_step(corner: Corner) -> None:
    write_jsonl(corner.folder / "data.jsonl", ROWS)
    stage = "[{stage: coverage, reference: manual.jsonl}]"
    keys = []
    for word in ("derailleur", "sprocket"):
        write_jsonl(
            corner.folder / "manual.jsonl", [{"text": f"The {word} {n} of a chain."} for n in range(4)]
        )
        keys.append(corner.walk(corner.plan(stage))[1])
    assert keys[0].key != keys[1].key
    assert "derailleur" in keys[0].gates[0].sentence and "sprocket" in keys[1].gates[0].sentence


def test_more_records_may_be_asked_for(corner: Corner) -> None:
    one = gate(corner, "{stage: coverage, keywords: [chain, brake], least_records: 2}")
    assert (one["value"], one["held"]) == (0, False)
    assert "in at least 2 records" in one["sentence"]


def test_without_keywords_it_is_not_measured(corner: Corner) -> None:
    found = gate(corner, "{stage: coverage}")
    assert (found["value"], found["held"], found["required"]) == (None, None, False)
    assert "not measured" in found["sentence"]
    assert gate(corner, "{stage: coverage, required: true}", "again")["required"] is True


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("keywords: [chain], file: words.txt", "name one of keywords, file and reference"),
        ("keywords: ['  ']", "a keyword is blank"),
        ("keywords: {chain: 0}", "must be above 0"),
    ],
)
def test_mistakes_in_the_parameters_are_told(corner: Corner, extra: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        corner.plan(f"[{{stage: coverage, {extra}}}]")
