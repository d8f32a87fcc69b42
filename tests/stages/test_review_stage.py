"""Decisions applied to the very texts they were made on, over several builds; what cannot be applied is listed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from fakes import Corner, tasks, write_jsonl

from pipeline.errors import RecipeError, ReviewError
from pipeline.record import TEXT_COLUMNS, record_key
from pipeline.stages.decisions import accepted_keys, find_decisions, read_decisions
from pipeline.stages.review import Review, ReviewParams

STAGES = (
    "[{stage: normalise}, {stage: heuristics, response_refusal: drop}, {stage: scrub},"
    " {stage: review, decisions: [decisions/*.jsonl, decisions/*.csv], sample: 20, nearest: 3},"
    " {stage: scrub, name: scrub_again}, {stage: split}]"
)
REFUSAL = {"instruction": "Tell me how to pick a lock.", "output": "I'm sorry, but I can't help with that."}

Row = dict[str, Any]


@pytest.fixture
def made(corner: Corner) -> Corner:
    write_jsonl(corner.folder / "data.jsonl", [*tasks(40), REFUSAL])
    return corner


def build(corner: Corner) -> tuple[dict[int, Row], list[Row], Row, list[Row]]:
    """Return the records by line, the queue, the manifest's entry of the stage, and the ledger."""
    out = corner.build(corner.plan(STAGES))
    records = {row["line"]: row for row in pq.read_table(out / "records.parquet").to_pylist()}
    queue = [
        json.loads(line)
        for line in (out / "review" / "queue.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    ]
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    (stage,) = [each for each in manifest["stages"] if each["name"] == "review"]
    return (
        records,
        queue,
        {**stage, "gates": manifest["gates"]},
        pq.read_table(out / "ledger.parquet").to_pylist(),
    )


def answer(record: Row, decision: str, annotator: str = "one", **more: Any) -> Row:
    key = record_key({name: record[name] for name in TEXT_COLUMNS})
    return {"root": record["root"], "text_key": key, "annotator": annotator, "decision": decision, **more}


def decide(corner: Corner, *rows: Row | str, name: str = "a.jsonl") -> None:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (corner.folder / "decisions").mkdir(exist_ok=True)
    (corner.folder / "decisions" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_without_decisions_nothing_is_applied_and_nothing_is_measured(made: Corner) -> None:
    records, queue, stage, _ = build(made)
    assert (stage["reasons"], stage["notes"]["decisions"]) == ({}, 0)
    (gate,) = stage["gates"]
    assert (gate["name"], gate["value"], gate["held"]) == ("label consistency", None, None)
    assert sum(row["sample"] for row in queue) == 20
    assert len(records) == 41


def test_fifty_decisions_of_two_annotators_are_applied(made: Corner) -> None:
    records, queue, _, _ = build(made)
    sampled = [row for row in queue if row["sample"]]
    verdicts = ["reject", "修改", "edit", *["accept"] * 17]
    ones = [
        {**row, "annotator": "one", "decision": said, "new_text": f"新的回答 {n}。"}
        for n, (row, said) in enumerate(zip(sampled, verdicts, strict=True))
    ]
    for row in ones[3:] + ones[:1]:
        del row["new_text"]
    decide(made, *ones)
    with (made.folder / "decisions" / "b.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["root", "text_key", "annotator", "decision", "reason", "new_text", "sample"])
        for row in ones:
            writer.writerow(
                [
                    row["root"],
                    row["text_key"],
                    "二号",
                    row["decision"],
                    "理由",
                    row.get("new_text", ""),
                    "true",
                ]
            )
        for record in [
            records[n] for n in range(1, 41) if records[n]["id"] not in {row["id"] for row in sampled}
        ][:10]:
            told = answer(record, "接受", "二号")
            writer.writerow([told["root"], told["text_key"], told["annotator"], told["decision"], "", "", ""])
    after, _, stage, ledger = build(made)
    assert stage["reasons"] == {"drop": {"review.reject": 1}, "edit": {"review.edit": 2}}
    notes = stage["notes"]
    assert (notes["decisions"], notes["annotators"], notes["texts_judged"]) == (50, 2, 30)
    assert [notes[f"outcome_{what}"] for what in ("accept", "reject", "edit", "tie")] == [27, 1, 2, 0]
    assert (notes["stale_decisions"], notes["records_not_here"], notes["broken_rows"]) == (0, 0, 0)
    assert notes["agreement_alpha"] == 1.0
    (gate,) = stage["gates"]
    assert (gate["value"], gate["held"]) == (0.85, False)
    assert "17 of 20" in gate["sentence"]
    by_id = {row["id"]: row for row in after.values()}
    assert (by_id[ones[0]["id"]]["status"], by_id[ones[0]["id"]]["drop_reason"]) == (
        "dropped",
        "review.reject",
    )
    assert by_id[ones[1]["id"]]["output"] == "新的回答 1。"
    assert by_id[ones[1]["id"]]["review"] == "edited"
    assert by_id[ones[9]["id"]]["review"] == "accepted"
    told = [row for row in ledger if row["stage"] == "review"]
    assert {json.dumps(json.loads(row["evidence"])["votes"]) for row in told} == {
        '["reject 2"]',
        '["edit 2"]',
    }
    assert not any("二号" in row["evidence"] or "理由" in row["evidence"] for row in ledger)


def test_an_edited_text_is_scrubbed_again_and_can_be_judged_in_its_turn(made: Corner) -> None:
    records, _, _, _ = build(made)
    first = answer(records[1], "edit", new={"output": "请写信到 li.na@mail.example.cn 。"})
    plain = answer(
        records[3], "edit", new={"instruction": "Explain the lantern.", "output": "It gives light."}
    )
    decide(made, first, plain)
    edited, queue, _, _ = build(made)
    assert edited[1]["output"] == "请写信到 <EMAIL> 。"
    assert (edited[3]["instruction"], edited[3]["output"]) == ("Explain the lantern.", "It gives light.")
    keys = {row["id"]: row["text_key"] for row in queue}
    assert keys.get(edited[3]["id"]) in (None, record_key(edited[3]))
    decide(made, first, plain, answer(edited[3], "reject", "two"))
    last, _, stage, ledger = build(made)
    assert (last[3]["status"], last[3]["output"]) == ("dropped", "It gives light.")
    assert [row["reason"] for row in ledger if row["id"] == last[3]["id"]] == ["review.edit", "review.reject"]
    assert stage["notes"]["stale_decisions"] == 0


def test_a_decision_on_another_text_is_stale_listed_and_not_applied(made: Corner) -> None:
    records, _, _, _ = build(made)
    old = answer({**records[2], "output": "以前的回答"}, "reject")
    nobody = {**answer(records[4], "reject"), "root": "feed" * 6}
    decide(made, old, nobody, "{broken", answer(records[5], "accept"), answer(records[5], "reject"))
    after, _, stage, _ = build(made)
    assert after[2]["status"] == "kept"
    notes = stage["notes"]
    assert notes["stale_decisions_listed"] == [f"{old['root']} {old['text_key']}"]
    assert notes["records_not_here_listed"] == ["feed" * 6]
    assert notes["broken_rows_listed"][0].startswith("a.jsonl:3: not valid JSON")
    assert notes["changed_their_mind_listed"] == ["a.jsonl:4, then a.jsonl:5"]
    assert after[5]["drop_reason"] == "review.reject"


def test_a_tie_is_flagged_and_goes_back_to_the_queue(made: Corner) -> None:
    records, _, _, _ = build(made)
    decide(made, answer(records[6], "accept", "one"), answer(records[6], "reject", "two"))
    after, queue, stage, _ = build(made)
    assert (after[6]["status"], after[6]["flags"], after[6]["review"]) == ("kept", ["review.tie"], "tie")
    (row,) = [row for row in queue if row["id"] == after[6]["id"]]
    assert row["why"][0].startswith("review.tie: As many annotators")
    assert stage["notes"]["outcome_tie"] == 1


def test_an_accepted_text_is_exempt_from_the_gates(made: Corner) -> None:
    records, _, _, _ = build(made)
    assert records[41]["drop_reason"] == "heuristics.response.refusal"
    decide(made, answer(records[41], "accept"))
    after, _, _, _ = build(made)
    assert (after[41]["status"], after[41]["review"]) == ("kept", "accepted")


def test_what_an_unchanged_file_decides_is_known_already(made: Corner) -> None:
    records, _, _, _ = build(made)
    decide(made, answer(records[7], "reject"))
    out = made.build(made.plan(STAGES), "first")
    (made.folder / "decisions" / "a.jsonl").rename(made.folder / "decisions" / "moved.jsonl")
    decide(made, answer(records[7], "reject"))
    (made.folder / "decisions" / "moved.jsonl").unlink()
    again = made.walk(made.plan(STAGES))
    assert all(result.cached for result in again)
    assert (out / "manifest.json").is_file()


def test_an_edit_that_changes_nothing_ends(made: Corner) -> None:
    records, _, _, _ = build(made)
    decide(made, answer(records[8], "edit", new_text=records[8]["output"]))
    after, _, stage, _ = build(made)
    assert (after[8]["output"], stage["reasons"]) == (records[8]["output"], {"edit": {"review.edit": 1}})


def test_a_review_after_the_last_scrub_is_refused(made: Corner) -> None:
    with pytest.raises(
        RecipeError, match="review after scrub: a text that people wrote may hold personal data"
    ):
        made.recipe("[{stage: scrub}, {stage: review}]")
    assert made.recipe("[{stage: scrub}, {stage: review}, {stage: scrub, name: again}]").stages
    assert made.recipe("[{stage: review}]").stages


def test_a_file_that_is_named_must_be_there_and_a_pattern_may_match_none(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"there is no file of decisions .*missing\.jsonl"):
        find_decisions(["missing.jsonl"], tmp_path)
    assert find_decisions(["decisions/*.jsonl"], tmp_path) == ()
    for name in ("b.jsonl", "a.jsonl", "c.csv"):
        (tmp_path / name).touch()
    found = find_decisions(["*.jsonl", "b.jsonl", str(tmp_path / "*.csv")], tmp_path)
    assert [Path(each).name for each in found] == ["a.jsonl", "b.jsonl", "c.csv"]


def test_a_file_that_cannot_be_read_stops_the_plan_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes("root,text_key,annotator,decision\n理由,,,\n".encode("gb18030"))
    params = ReviewParams(decisions=("d.csv",))
    with pytest.raises(ReviewError, match="iconv -f GB18030"):
        Review().prepared(params, tmp_path)
    with pytest.raises(ReviewError, match="cannot be read"):
        read_decisions([str(tmp_path)])


def test_accepted_texts_are_those_of_the_majority(tmp_path: Path) -> None:
    keys = {verdict: verdict.encode().hex().ljust(24, "0") for verdict in ("accept", "reject", "tied")}
    rows = [
        {"root": keys[text], "text_key": "0" * 32, "annotator": who, "decision": said}
        for text, who, said in (
            ("accept", "a", "accept"),
            ("reject", "a", "reject"),
            ("tied", "a", "accept"),
            ("tied", "b", "reject"),
        )
    ]
    path = write_jsonl(tmp_path / "d.jsonl", rows)
    assert accepted_keys([str(path)]) == {(keys["accept"], "0" * 32)}
