"""Message trees, nested or flat, become a record for each path to an answer; every message is accounted for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ingested import Read, rejects

Row = dict[str, Any]


def message(text: str | None, role: str, *replies: Row, **more: Any) -> Row:
    return {"text": text, "role": role, "replies": list(replies), **more}


def user(text: str | None, *replies: Row, **more: Any) -> Row:
    return message(text, "prompter", *replies, **more)


def bot(text: str | None, *replies: Row, **more: Any) -> Row:
    return message(text, "assistant", *replies, **more)


def lines(*units: Row) -> bytes:
    return b"\n".join(json.dumps(unit, ensure_ascii=False).encode() for unit in units)


def paths(rows: list[Row]) -> list[str]:
    found = []
    for row in rows:
        turns = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
        found.append(">".join([*turns, row["instruction"], row["output"]]))
    return found


TREE = {
    "message_tree_id": "t", "tree_state": "ready",
    "prompt": user(
        "问",
        bot("答一", user("又问", bot("再答"), bot("删了", deleted=True, lang="zh")), user("没人答"), rank=1),
        bot("答二", rank=0, message_id="m2", lang="zh"),
        bot("spam", user("below", bot("below")), review_result=False),
        bot(" "),
    ),
}  # fmt: skip


def test_every_path_to_a_last_answer_is_a_record_and_what_is_unused_is_counted(read: Read) -> None:
    report, rows = read("a.jsonl", lines(TREE), tree_paths="all")
    assert (report.shape, report.units, report.parsed, report.records) == ("oasst_tree", 1, 1, 2)
    assert paths(rows) == ["问>答一>又问>再答", "问>答二"]
    assert [json.loads(row["meta"]) for row in rows] == [
        {"message_tree_id": "t", "tree_state": "ready"},
        {"message_tree_id": "t", "tree_state": "ready", "message_id": "m2", "rank": 0},
    ]
    assert rows[1]["lang"] == "zh"
    assert report.notes == {
        "messages of trees left out, below one left out": 2,
        "messages of trees left out, deleted": 1,
        "messages of trees left out, empty": 1,
        "messages of trees left out, question without an answer": 1,
        "messages of trees left out, refused by reviewers": 1,
    }


def test_only_the_best_ranked_answers_are_followed_unless_all_are_wanted(read: Read) -> None:
    report, rows = read("a.jsonl", lines(TREE))
    assert paths(rows) == ["问>答二"]
    assert report.notes["messages of trees left out, not the best ranked"] == 3
    unranked = {"prompt": user("q", bot("first"), bot("second"))}
    assert paths(read("b.jsonl", lines(unranked))[1]) == ["q>first"]


def test_the_root_message_alone_is_a_tree_too(read: Read) -> None:
    report, rows = read("a.jsonl", lines(user("q", bot("a"), bot("b"), message_id="r")), tree_paths="all")
    assert (report.shape, paths(rows)) == ("oasst_tree", ["q>a", "q>b"])


@pytest.mark.parametrize(
    ("tree", "reason", "says"),
    [
        (user("q"), "ingest.question.unanswered", "among its 1 messages: 1 question without an answer"),
        (user("q", bot("a", deleted=True)), "ingest.question.unanswered", "1 deleted, 1 question"),
        (
            user("q", bot("a"), message("x", "moderator")),
            "ingest.conversation.role",
            "'moderator', not prompter",
        ),
        (user("q", message("a", 5)), "ingest.conversation.role", "message 2 has the role '5'"),  # type: ignore[arg-type]
        (user("q", bot(7)), "ingest.conversation.content", "message 2 has a text that is none"),  # type: ignore[arg-type]
        (
            {**user("q"), "replies": ["a"]},
            "ingest.conversation.content",
            "replies that are no list of messages",
        ),
        (bot("a"), "ingest.answer.no_question", "no turn of a user"),
        (user(None, bot("a")), "ingest.question.unanswered", "1 below one left out, 1 empty"),
    ],
)
def test_a_tree_without_an_answer_is_one_reject(read: Read, tree: Row, reason: str, says: str) -> None:
    report, rows = read("a.jsonl", lines({"prompt": user("问", bot("答"))}, {"prompt": tree}))
    assert (len(rows), rejects(report)) == (1, [(2, reason)])
    assert says in report.rejects[0].detail


def flat(tree: str, own: str, parent: str | None, role: str, text: str) -> Row:
    return {"message_tree_id": tree, "message_id": own, "parent_id": parent, "role": role, "text": text}


ROWS = [
    flat("t", "1", None, "prompter", "问"),
    flat("t", "2", "1", "assistant", "答"),
    flat("t", "4", "3", "assistant", "child before its parent"),
    flat("t", "3", "2", "prompter", "more"),
    flat("u", "5", None, "prompter", "q"),
    flat("u", "6", "5", "assistant", "a"),
    flat("u", "7", "5", "assistant", "b"),
]


def test_the_rows_of_one_tree_are_one_unit(read: Read) -> None:
    report, rows = read("a.jsonl", lines(*ROWS), tree_paths="all")
    assert (report.units, report.parsed, report.records) == (2, 2, 3)
    assert paths(rows) == ["问>答>more>child before its parent", "q>a", "q>b"]
    assert [row["line"] for row in rows] == [1, 5, 5]
    assert json.loads(rows[2]["meta"]) == {"message_id": "7", "message_tree_id": "u"}


def test_rows_whose_tree_or_parent_is_not_there_are_rejects(read: Read) -> None:
    orphans = [flat("w", "8", "nowhere", "assistant", "x"), flat("t", "9", "2", "assistant", "late")]
    stray = flat("u", "10", "404", "assistant", "y")
    report, rows = read("a.jsonl", lines(*ROWS, stray, *orphans), tree_paths="all")
    assert paths(rows)[1:] == ["q>a", "q>b"]
    assert rejects(report) == [(line, "ingest.tree.orphan") for line in (8, 9, 10)]
    assert report.units == 5


def test_rows_without_the_id_of_a_tree_belong_to_the_root_before_them(read: Read) -> None:
    units = [
        {name: held for name, held in row.items() if name != "message_tree_id"} for row in ROWS[:2] + ROWS[4:]
    ]
    report, rows = read("a.jsonl", lines(*units), tree_paths="all")
    assert (report.units, paths(rows)) == (2, ["问>答", "q>a", "q>b"])


def test_a_tree_over_the_limit_is_rejected_row_by_row_and_the_next_one_is_read(read: Read) -> None:
    report, rows = read("a.jsonl", lines(*ROWS), max_unit_bytes=350, tree_paths="all")
    assert paths(rows) == ["q>a", "q>b"]
    assert rejects(report) == [(line, "ingest.unit.too_large") for line in (1, 2, 3, 4)]


def test_a_bad_line_within_a_tree_costs_that_line(read: Read) -> None:
    data = lines(*ROWS[4:6]) + b"\n{broken\n" + lines(ROWS[6])
    report, rows = read("a.jsonl", data)
    assert (paths(rows), rejects(report)) == (["q>a"], [(3, "ingest.json.invalid")])


def test_a_tree_before_the_place_where_a_file_breaks_off_is_kept(read: Read) -> None:
    data = b"[" + b",".join(lines(row) for row in ROWS) + b",{"
    report, rows = read("a.json", data, on_broken_file="keep", tree_paths="all")
    assert (len(rows), rejects(report)) == (3, [(8, "ingest.file.truncated")])
