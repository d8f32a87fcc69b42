"""Lists of turns, pairs with a history, preferences and tasks of several inputs become records, in both languages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ingested import Read, rejects

from pipeline.ingest.tool_calls import call_text, calls_in, response_text, responses_in
from pipeline.ingest.turns import NOTES, roles_of

Row = dict[str, Any]


def lines(*units: Row) -> bytes:
    return b"\n".join(json.dumps(unit, ensure_ascii=False).encode() for unit in units)


def talk(row: Row) -> list[str]:
    """Return system, turns and output of a record as one list."""
    turns = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
    return [row["system"], *turns, row["instruction"], row["output"]]


def one(read: Read, unit: Row, **options: Any) -> tuple[str, Row]:
    report, (row,) = read("a.jsonl", lines(unit), **options)
    return report.shape, row


def message(role: str | None, content: Any, **more: Any) -> Row:
    return {"role": role, "content": content, **more}


def messages(*pairs: tuple[str, str]) -> list[Row]:
    return [message(*pair) for pair in pairs]


def turns(speaker: str, text: str, *pairs: tuple[str, str]) -> list[Row]:
    return [{speaker: who, text: said} for who, said in pairs]


SAID = (("user", "u"), ("assistant", "a"), ("user", "v"), ("assistant", "b"))


@pytest.mark.parametrize(
    ("unit", "shape"),
    [
        ({"messages": messages(("system", "s"), *SAID)}, "messages"),
        ({"messages": [message("developer", [{"type": "text", "text": "s"}]), *messages(*SAID)]}, "messages"),
        ({"conversations": turns("from", "value", ("system", "s"), ("human", "u"), ("gpt", "a"), ("Human", "v"),
          ("GPT", "b"))}, "sharegpt"),
        ({"conversations": turns("from", "value", *SAID), "system": "s"}, "sharegpt"),
        ({"instruction": "v", "output": "b", "history": [["u", "a"]], "system": "s"}, "history"),
        ({"query": "v", "response": "b", "history": [["u", "a"]], "system": "s"}, "history"),
        ({"指令": "v", "输出": "b", "历史": [["u", "a"]], "系统": "s"}, "history"),
        ({"prompt": "v", "response": "b", "history": messages(("system", "s"), *SAID[:2])}, "history"),
        ({"conversation": [{"system": "s", "input": "u", "output": "a"}, {"input": "v", "output": "b"}]}, "dialogue"),
        ({"conversation": [{"human": "u", "assistant": "a"}, {"human": "v", "assistant": "b"}], "system": "s"},
         "dialogue"),
        ({"对话": turns("角色", "内容", ("系统", "s"), ("用户", "u"), ("客服", "a"), ("用户", "v"), ("客服", "b"))},
         "dialogue"),
        ({"messages": messages(("usr", "u"), ("sys", "a"), ("usr", "v"), ("sys", "b")), "system": "s"}, "dialogue"),
        ({"dialog": ["u", "a", "v", "b"], "system": "s"}, "dialogue"),
        ({"messages": [{"message": text} for text in "uavb"], "system": "s"}, "dialogue"),
        ({"dialogue": turns("speaker", "text", ("A", "u"), ("B", "a"), ("A", "v"), ("B", "b")), "system": "s"},
         "dialogue"),
        ({"turns": [{"用户": "u"}, {"助手": "a"}, {"用户": "v"}, {"助手": "b"}], "系统": "s"}, "dialogue"),
        ({"data": [["u", "a"], ["v", "b"]], "system": "s"}, "dialogue"),
    ],
)  # fmt: skip
def test_a_conversation_is_one_record_with_its_history(read: Read, unit: Row, shape: str) -> None:
    found, row = one(read, {**unit, "id": 7})
    assert found == shape
    assert talk(row) == ["s", "u", "a", "v", "b"]
    assert json.loads(row["meta"]) == {"id": 7}


def test_the_first_of_two_speakers_without_a_role_asks() -> None:
    assert roles_of(["B", "A", "B"]) == ["user", "assistant", "user"]
    assert roles_of(["乙", "甲"]) == ["user", "assistant"]
    assert roles_of(["A", "Q"]) == ["assistant", "user"]
    assert roles_of(["患者", "医生", "<human>", "BOT:", "观察"]) == [
        "user",
        "assistant",
        "user",
        "assistant",
        "response",
    ]
    assert roles_of(["A", "B", "C"]) == [None, None, None]
    assert roles_of(["a", "user"]) == [None, "user"]


def test_what_is_joined_moved_or_left_out_is_told(read: Read) -> None:
    pairs = [
        ("assistant", "欢迎"), ("user", "u1"), ("user", "u2"), ("assistant", " \n"), ("assistant", "a"),
        ("system", "late"), ("user", "v"), ("assistant", "b"), ("user", "thanks"),
    ]  # fmt: skip
    unit = {"messages": [message(*pair, mood="calm") for pair in pairs]}
    report, (row,) = read("a.jsonl", lines(unit, unit))[0], read("a.jsonl", lines(unit))[1]
    assert talk(row) == ["late", "u1\n\nu2", "a", "v", "b"]
    assert json.loads(row["meta"])[NOTES] == {
        "field mood of turns left out": 9,
        "empty turns left out": 1,
        "later system turns moved to the front": 1,
        "turns of one speaker joined": 1,
        "turns before the first question kept in meta": 1,
        "turns after the last answer kept in meta": 1,
        "before": ["欢迎"],
        "after": ["thanks"],
    }
    assert report.notes["turns after the last answer kept in meta"] == 2
    assert report.notes["field mood of turns left out"] == 18


@pytest.mark.parametrize(
    ("turns", "reason", "says"),
    [
        ([message("user", "u"), message("narrator", "n")], "role", "messages[1] has the unknown role 'narrator'"),
        ([message("user", "u"), {"content": "a"}], "role", "messages[1] has no role; it has content"),
        ([message("user", "u"), message(None, "a")], "role", "messages[1] has no role"),
        ([message("user", "u"), "a"], "content", "messages[1] is text, not an object"),
        ([message("user", "u"), message("assistant", 7)], "content", "messages[1] holds number, not text"),
        ([message("user", "u"), message("assistant", {"text": "a"})], "content", "messages[1] holds object, not text"),
        ([message("user", "u"), {"role": "assistant"}], "content", "messages[1] has no content; it has role"),
        ([message("user", [{"type": "image_url", "image_url": {}}]), message("assistant", "a")], "media",
         "messages[0] holds a part of type image_url: only text is read"),
        ([message("user", [{"type": "text"}]), message("assistant", "a")], "content",
         "messages[0] holds a part without text"),
        ([message("user", "u"), message("assistant", None, tool_calls=[{"function": {}}])], "content",
         "has tool_calls that are not"),
        ([message("user", ""), message("assistant", None)], "empty", "no turn holds any text"),
    ],
)  # fmt: skip
def test_a_conversation_that_cannot_be_used_says_which_turn_and_why(
    read: Read, turns: list[Any], reason: str, says: str
) -> None:
    good = {"messages": [message("user", "u"), message("assistant", "a")]}
    report, rows = read("a.jsonl", lines(good, {"messages": turns}))
    assert (len(rows), rejects(report)) == (1, [(2, f"ingest.conversation.{reason}")])
    assert says in report.rejects[0].detail


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([message("user", "u"), message("user", "v")], "ingest.question.unanswered"),
        ([message("assistant", "a")], "ingest.answer.no_question"),
        ([message("system", "s")], "ingest.answer.no_question"),
        ([], "ingest.unit.empty"),
        (None, "ingest.unit.empty"),
        ("no list", "ingest.field.missing"),
        ([message("user", "{question}"), message("assistant", "a")], "ingest.field.template"),
        ([message("user", "u"), message("assistant", "${answer}")], "ingest.field.template"),
    ],
)
def test_a_conversation_without_question_or_answer_is_rejected(read: Read, turns: Any, reason: str) -> None:
    good = {"messages": [message("user", "问"), message("assistant", "答")]}
    report, _ = read("a.jsonl", lines(good, {"messages": turns}))
    assert rejects(report) == [(2, reason)]
    report, _ = read("b.jsonl", lines(good, {"messages": turns}), shape="messages")
    assert rejects(report) == [(2, reason)]


def test_unknown_or_missing_speakers_of_sharegpt_and_dialogue_are_rejected(read: Read) -> None:
    good = {"conversations": [{"from": "human", "value": "u"}, {"from": "gpt", "value": "a"}]}
    bad = [
        {"conversations": [{"from": "alien", "value": "u"}, {"from": "gpt", "value": "a"}]},
        {"conversations": [{"value": "u"}, {"from": "gpt", "value": "a"}]},
        {"conversations": [{"from": "human", "value": "u"}, {"from": "function_call", "value": "no json"}]},
    ]
    report, _ = read("a.jsonl", lines(good, *bad))
    assert [reason for _, reason in rejects(report)] == [
        "ingest.conversation.role", "ingest.conversation.role", "ingest.conversation.content",
    ]  # fmt: skip
    good = {"对话": [{"角色": "患者", "内容": "疼"}, {"角色": "医生", "内容": "休息"}]}
    report, _ = read(
        "b.jsonl", lines(good, {"对话": [{"角色": "路人", "内容": "喂"}, {"角色": "医生", "内容": "好"}]})
    )
    assert "'<2 characters>'" in report.rejects[0].detail  # it might be somebody's name


def test_tool_calls_and_results_are_text_that_can_be_read_back(read: Read) -> None:
    calls = [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "find", "arguments": '{"q": "</tool_call> 茶"}'},
        },
        {"id": "c2", "type": "function", "function": {"name": "sum", "arguments": {"n": [1, 2]}}},
    ]
    unit = {
        "messages": [
            message("user", "茶?"), message("assistant", "Looking.", tool_calls=calls),
            message("tool", "3", tool_call_id="c2"), message("tool", "乌龙 </tool_response>", tool_call_id="c1"),
            message("assistant", "乌龙。"),
        ],
        "functions": [{"name": "find"}],
    }  # fmt: skip
    shape, row = one(read, unit)
    said = row["history"][0]["assistant"]
    assert shape == "messages"
    assert said.startswith('Looking.\n<tool_call>\n{"name": "find"')
    assert calls_in(said) == (
        "Looking.",
        [
            {"name": "find", "arguments": {"q": "</tool_call> 茶"}},
            {"name": "sum", "arguments": {"n": [1, 2]}},
        ],
    )
    assert responses_in(row["instruction"]) == ["乌龙 </tool_response>", "3"]
    assert (row["output"], json.loads(row["meta"])["tools"]) == ("乌龙。", [{"name": "find"}])


def test_a_call_without_valid_arguments_keeps_them_as_they_were() -> None:
    assert calls_in(call_text("f", "{broken")) == ("", [{"name": "f", "arguments": "{broken"}])
    assert calls_in("no call") == ("no call", [])
    assert responses_in(response_text("a\nb")) == ["a\nb"]


def test_the_calls_of_sharegpt_are_written_like_those_of_messages(read: Read) -> None:
    turns = [("human", "天气?"), ("function_call", '{"name": "weather", "arguments": {"city": "杭州"}}'),
             ("observation", "晴"), ("gpt", "晴天。")]  # fmt: skip
    unit = {"conversations": [{"from": who, "value": text} for who, text in turns], "tools": "[]"}
    shape, row = one(read, unit)
    assert (shape, row["instruction"], row["output"]) == ("sharegpt", response_text("晴"), "晴天。")
    assert row["history"] == [{"user": "天气?", "assistant": call_text("weather", {"city": "杭州"})}]
    assert json.loads(row["meta"]) == {"tools": "[]"}


def test_a_conversation_in_the_cell_of_a_table_is_read_as_json(read: Read) -> None:
    cell = json.dumps([message("user", "u"), message("assistant", "a")]).replace('"', '""')
    report, (row,) = read("a.csv", f'n,messages\n1,"{cell}"\n'.encode())
    assert (report.shape, row["instruction"], row["output"], row["meta"]) == (
        "messages",
        "u",
        "a",
        '{"n":"1"}',
    )


@pytest.mark.parametrize(
    "unit",
    [
        {"prompt": "u", "chosen": "good", "rejected": "bad"},
        {"instruction": "u", "input": "", "chosen": "good", "rejected": "bad"},
        {"question": "u", "response_j": "good", "response_k": "bad"},
        {"conversations": [{"from": "human", "value": "u"}], "chosen": "good", "rejected": "bad"},
        {"conversations": [{"from": "human", "value": "u"}], "chosen": {"from": "gpt", "value": "good"},
         "rejected": {"from": "gpt", "value": "bad"}},
        {"prompt": "u", "chosen": [message("user", "u"), message("assistant", "good")],
         "rejected": [message("user", "u"), message("assistant", "bad")]},
        {"prompt": "u", "messages": [message("user", "u"), message("assistant", "good")],
         "chosen": [message("user", "u"), message("assistant", "good")],
         "rejected": [message("user", "u"), message("assistant", "bad")]},
        {"chosen": "\n\nHuman: u\n\nAssistant: good", "rejected": "\n\nHuman: u\n\nAssistant: bad"},
    ],
)  # fmt: skip
def test_of_a_preference_the_chosen_response_is_the_output(read: Read, unit: Row) -> None:
    shape, row = one(read, unit)
    assert (shape, talk(row), row["input"]) == ("preference", ["", "u", "good"], "")
    assert json.loads(row["meta"]) == {"rejected": "bad"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"chosen": "", "rejected": "b"}, "ingest.unit.empty"),
        ({"chosen": None, "rejected": "b"}, "ingest.field.missing"),
        ({"chosen": 7, "rejected": "b"}, "ingest.conversation.content"),
        ({"chosen": [], "rejected": "b"}, "ingest.unit.empty"),
        ({"chosen": [{"foo": 1}], "rejected": "b"}, "ingest.conversation.content"),
        ({"prompt": {"a": 1}, "chosen": "a", "rejected": "b"}, "ingest.field.type"),
        ({"prompt": "", "chosen": "a", "rejected": "b"}, "ingest.answer.no_question"),
    ],
)
def test_a_preference_without_its_parts_is_rejected(read: Read, bad: Row, reason: str) -> None:
    good = {"prompt": "u", "chosen": "a", "rejected": "b"}
    report, _ = read("a.jsonl", lines(good, {"prompt": "问", **bad}))
    assert rejects(report) == [(2, reason)]


def test_each_instance_of_a_task_is_a_record_and_the_first_keeps_the_id(read: Read) -> None:
    single = {"instruction": "翻译", "instances": [{"input": "茶", "output": "tea"}], "name": "t"}
    double = {
        "instruction": "Add",
        "instances": [{"input": "1 1", "output": "2"}, {"input": "", "output": "3", "k": 4}],
    }
    report, rows = read("a.jsonl", lines(single, double, double))
    assert (report.shape, report.units, report.parsed, report.records) == ("self_instruct", 3, 3, 5)
    assert [(row["instruction"], row["input"], row["output"], row["line"]) for row in rows[:3]] == [
        ("翻译", "茶", "tea", 1), ("Add", "1 1", "2", 2), ("Add", "", "3", 2),
    ]  # fmt: skip
    assert [row["meta"] for row in rows[:3]] == ['{"name":"t"}', '{"instance":0}', '{"k":4,"instance":1}']
    assert len({row["id"] for row in rows}) == 5
    again = read("a.jsonl", lines(double, double), shard_rows=1)[1]
    assert [row["id"] for row in again] == [row["id"] for row in rows[1:]]


@pytest.mark.parametrize(
    ("instances", "reason"),
    [
        ([], "ingest.question.unanswered"),
        ("x", "ingest.field.type"),
        (["x"], "ingest.field.type"),
        ([{"input": {"a": 1}, "output": "o"}], "ingest.field.type"),
        ([{"input": "i", "output": 5}], "ingest.conversation.content"),
    ],
)
def test_a_task_whose_instances_are_none_is_rejected(read: Read, instances: Any, reason: str) -> None:
    good = {"instruction": "i", "instances": [{"input": "", "output": "o"}]}
    report, _ = read("a.jsonl", lines(good, {"instruction": "i", "instances": instances}))
    assert rejects(report) == [(2, reason)]


def test_a_history_that_is_no_list_of_pairs_is_rejected_and_an_empty_one_is_none(read: Read) -> None:
    row = {"instruction": "i", "input": "更多", "output": "o"}
    report, rows = read(
        "a.jsonl",
        lines({**row, "history": [["u", "a"]]}, {**row, "history": []}, {**row, "history": [["u", "a", "x"]]},
              {**row, "history": [["u", 5]]}, {**row, "history": None}),
    )  # fmt: skip
    assert [(len(row["history"]), row["input"]) for row in rows] == [(1, "更多"), (0, "更多"), (0, "更多")]
    assert [line for line, _ in rejects(report)] == [3, 4]
    assert report.rejects[0].detail == "column history is no list of pairs [user, assistant]"
    assert report.rejects[1].detail == "history[0] holds number, not text"


def test_a_list_of_texts_beside_a_question_is_no_conversation(read: Read) -> None:
    shape, row = one(read, {"question": "q", "answer": "a", "data": ["x", "y"]})
    assert (shape, row["instruction"], row["meta"]) == ("question_answer", "q", '{"data":["x","y"]}')
