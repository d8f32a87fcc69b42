from __future__ import annotations

import json
from typing import Any

import pytest
from ingested import Read, rejects
from pydantic import ValidationError

from pipeline.errors import SourceError
from pipeline.ingest import Peek, SourceSpec, find_files, peek
from pipeline.ingest.units import canonical
from pipeline.record import record_id


def lines(*units: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(unit, ensure_ascii=False).encode() for unit in units)


@pytest.mark.parametrize(
    ("columns", "shape", "expected"),
    [
        ("instruction input output", "alpaca", "1|2|3|"),
        ("Instruction Output system", "alpaca", "1||2|3"),
        ("指令 输入 输出", "alpaca", "1|2|3|"),
        ("instruction context response category", "dolly", "1|2|3|"),
        ("instruction input response", "dolly", "1|2|3|"),
        ("prompt completion", "prompt_completion", "1||2|"),
        ("prompt response system", "prompt_completion", "1||2|3"),
        ("question answer", "question_answer", "1||2|"),
        ("id question context answer", "question_answer", "2|3|4|"),
        ("Q A", "question_answer", "1||2|"),
        ("问题 回答", "question_answer", "1||2|"),
        ("问题 答案", "question_answer", "1||2|"),
        ("问 答", "question_answer", "1||2|"),
        ("department title ask answer", "question_answer", "2|3|4|"),
        ("title answer", "question_answer", "1||2|"),
        ("question std_answer class", "question_answer", "1||2|"),
        ("query response", "question_answer", "1||2|"),
        ("title_body upvoted_answer", "question_answer", "1||2|"),
        ("患者提问 医生回答", "question_answer", "1||2|"),
        ("text", "document", "||1|"),
        ("title content url date", "document", "||2|"),
        ("标题 正文 来源", "document", "||2|"),
    ],
)
def test_a_shape_is_known_by_its_columns(read: Read, columns: str, shape: str, expected: str) -> None:
    unit = {name: str(place) for place, name in enumerate(columns.split(), 1)}
    report, rows = read("a.jsonl", lines(unit))
    row = rows[0]
    assert report.shape == shape
    found = "|".join(row[name] for name in ("instruction", "input", "output", "system"))
    assert found == expected
    taken = {row[name] for name in ("instruction", "input", "output", "system")}
    assert set(json.loads(row["meta"]).values()) == set(unit.values()) - taken


@pytest.mark.parametrize(
    "columns", ["text category", "文本 标签", "text comment", "numbers", "prompt chosen"]
)
def test_a_file_that_fits_no_shape_is_an_error_that_shows_what_to_write(read: Read, columns: str) -> None:
    unit = {name: [1] if name == "numbers" else "x y z" for name in columns.split()}
    with pytest.raises(SourceError) as caught:
        read("a.jsonl", lines(unit))
    for name in columns.split():
        assert f"{name} (" in caught.value.message
    assert "alpaca: instruction + output" in caught.value.message
    hint = caught.value.hint
    assert ("say which column holds what, for example `columns: {" in hint) == (columns != "numbers")
    assert ("answers.0.text" in hint) == (columns == "numbers")


def test_the_example_in_the_error_is_a_map_that_works(read: Read) -> None:
    data = lines({"id": "7", "prompt": "ask me", "label_text": "the longest text by far", "k": 1})
    with pytest.raises(SourceError, match="no known shape") as caught:
        read("a.jsonl", data)
    assert "columns: {instruction: prompt, output: label_text}" in caught.value.hint
    _, rows = read("a.jsonl", data, columns={"instruction": "prompt", "output": "label_text"})
    assert rows[0]["output"] == "the longest text by far"


def test_a_proposed_map_takes_words_and_no_addresses_codes_or_labels(read: Read, tmp_path: Any) -> None:
    rows = [
        {
            "file": f"set/a{n}/sentences_of_the_first_collection.txt",
            "en": f"Kettle {n} is hot.",
            "note": "https://example.org/a/very/long/address/of/the/text.en",
            "part": "the part of the collection on kettles and pots",
            "zh": f"第{n}个水壶很烫。",
        }
        for n in range(30)
    ]
    assert look(read, tmp_path, lines(*rows)).proposed == {"instruction": "en", "output": "zh"}


def test_a_table_without_a_header_does_not_leak_its_text(read: Read) -> None:
    secret = "my name is nobody and I live nowhere at all, ok"
    with pytest.raises(SourceError) as caught:
        read("a.tsv", f"{secret}\t{secret}!\nx\ty\n".encode())
    assert "nobody" not in str(caught.value)
    assert "name its columns" in caught.value.hint


def test_a_shape_must_fit_half_of_the_units(read: Read) -> None:
    good, bad = {"question": "q", "answer": "a"}, {"colour": "t"}
    report, rows = read("a.jsonl", lines(good, bad))
    assert (len(rows), rejects(report)) == (1, [(2, "ingest.field.missing")])
    with pytest.raises(SourceError, match="no known shape"):
        read("a.jsonl", lines(good, bad, bad))
    report, _ = read("a.jsonl", lines(good, bad, bad), shape="question_answer")
    assert (report.parsed, len(report.rejects)) == (1, 2)


def test_a_declared_shape_that_does_not_fit_is_an_error(read: Read) -> None:
    with pytest.raises(SourceError, match="shape alpaca does not fit"):
        read("a.jsonl", lines({"question": "q", "answer": "a"}), shape="alpaca")


def test_a_declared_map_wins_and_unknown_fields_rename_in_meta(read: Read) -> None:
    unit = {"Text": "t", "label": "l", "lg": "de", "rest": 1}
    columns = {"output": "text", "category": "label", "lang": "lg"}
    report, rows = read("a.jsonl", lines(unit, {"Text": "u"}), columns=columns, lang="en")
    assert report.shape == "columns"
    assert [(row["instruction"], row["output"], row["lang"], row["meta"]) for row in rows] == [
        ("", "t", "de", '{"rest":1,"category":"l"}'),
        ("", "u", "en", "{}"),
    ]


def test_a_mapped_column_that_is_not_there_is_an_error_with_a_suggestion(read: Read) -> None:
    with pytest.raises(SourceError, match=r"'anwser'.*they have question, answer") as caught:
        read(
            "a.jsonl",
            lines({"question": "q", "answer": "a"}),
            columns={"instruction": "question", "output": "anwser"},
        )
    assert "did you mean 'answer'" in caught.value.hint


def test_a_language_column_is_taken_unless_the_source_declares_one(read: Read) -> None:
    data = lines({"question": "q", "answer": "a", "lang": "it"})
    assert read("a.jsonl", data)[1][0]["lang"] == "it"
    row = read("a.jsonl", data, lang="en")[1][0]
    assert (row["lang"], row["meta"]) == ("en", '{"lang":"it"}')


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shape": "columns"}, "needs `columns:`"),
        ({"shape": "alpaca", "columns": {"output": "a"}}, "exclude each other"),
        ({"columns": {"output": "a", "id": "b"}}, "cannot fill id"),
        ({"columns": {"lang": "a"}}, "at least one of"),
        ({"colums": {}}, "Extra inputs"),
        ({"name": "a b"}, "pattern"),
        ({"max_unit_bytes": 0}, "greater than or equal"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SourceSpec.model_validate({"name": "s", "path": "x", **options})


def look(read: Read, tmp_path: Any, data: bytes, rows: int = 50, **options: Any) -> Peek:
    (tmp_path / "p.jsonl").write_bytes(data)
    spec = SourceSpec(name="s", path="p.jsonl", **options)
    return peek(find_files(spec, tmp_path)[0], spec, rows)


def test_peek_tells_shape_confidence_and_map(read: Read, tmp_path: Any) -> None:
    good, other = {"q": "x", "a": "y", "n": 1}, {"q": "x", "m": 2}
    found = look(read, tmp_path, lines(good, good, good, other, *[good] * 99), rows=4)
    assert (found.format, found.shape, found.confidence, found.units) == (
        "jsonl",
        "question_answer",
        0.75,
        4,
    )
    assert found.columns == ("q", "a", "n", "m")
    assert found.proposed == {"instruction": "q", "output": "a"}
    assert found.reason == "3 of the first 4 units have q and a; to meta: n, m"


def test_peek_halves_its_confidence_where_another_shape_fits(read: Read, tmp_path: Any) -> None:
    unit = {"instruction": "i", "output": "o", "prompt": "p", "completion": "c"}
    found = look(read, tmp_path, lines(unit))
    assert (found.shape, found.confidence) == ("alpaca", 0.5)
    assert "prompt_completion would fit as well" in found.reason


def test_the_other_shape_that_fits_is_named_before_the_columns_that_go_to_meta(
    read: Read, tmp_path: Any
) -> None:
    unit = {"instruction": "i", "response": "r", "prompt": "p", "n": 1}
    reason = look(read, tmp_path, lines(unit)).reason
    assert reason.index("prompt_completion would fit as well") < reason.index("; to meta: prompt, n")


@pytest.mark.parametrize(
    "unit",
    [
        {"title": "Is rye safe?", "ask": "none", "answer": "Yes."},
        {"标题": "黑麦安全吗？", "咨询内容": "无", "回答": "安全。"},
    ],
)
def test_a_question_told_in_a_title_and_a_text_keeps_both(read: Read, unit: dict[str, str]) -> None:
    title, asked, answer = unit
    without_title = {asked: "And for her?", answer: "No."}
    _, rows = read("a.jsonl", lines(unit, unit, without_title))
    assert [(row["instruction"], row["input"], row["output"]) for row in rows] == [
        (unit[title], unit[asked], unit[answer]),
        (unit[title], unit[asked], unit[answer]),
        ("And for her?", "", "No."),
    ]


def test_a_title_beside_a_whole_question_stays_in_meta(read: Read) -> None:
    _, (row,) = read("a.jsonl", lines({"title": "Rye", "question": "Is it safe?", "answer": "Yes."}))
    assert (row["instruction"], row["input"], json.loads(row["meta"])) == (
        "Is it safe?",
        "",
        {"title": "Rye"},
    )


def test_peek_says_what_it_saw_where_nothing_fits(read: Read, tmp_path: Any) -> None:
    found = look(read, tmp_path, lines({"tweet": "x", "n": 1}))
    assert (found.shape, found.confidence, found.proposed) == ("", 0.0, {"output": "tweet"})
    assert "tweet (text), n (number)" in found.reason
    found = look(read, tmp_path, b"{\n{\n")
    assert (found.units, found.reason) == (2, "no unit could be read: ingest.json.invalid: 2")
    found = look(read, tmp_path, lines({"text": "x"}), columns={"output": "text"})
    assert (found.shape, found.confidence) == ("columns", 1.0)


PAIR = {"question": "q", "answer": "a"}
TALK = {"messages": [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}]}


def test_each_unit_of_a_mixed_file_goes_to_the_shape_that_fits_it(read: Read, tmp_path: Any) -> None:
    document = {"text": "正文", "title": "t"}
    units = [
        PAIR,
        PAIR,
        PAIR,
        TALK,
        TALK,
        document,
        {"question": "q"},
        {"question": "q", "text": "t"},
        {"x": 1},
    ]
    report, rows = read("a.jsonl", lines(*units))
    assert (report.shape, report.shapes) == (
        "question_answer",
        {"question_answer": 3, "messages": 2, "document": 1},
    )
    assert [row["output"] for row in rows] == ["a", "a", "a", "答", "答", "正文"]
    assert rejects(report) == [(line, "ingest.field.missing") for line in (7, 8, 9)]
    assert report.rejects[1].detail == "no column answer; it has question, text"
    found = look(read, tmp_path, lines(*units))
    assert found.shapes == report.shapes
    assert found.rejected == {"ingest.field.missing": 3}
    assert found.confidence == pytest.approx(6 / 9)
    assert "; mixed with messages: 2, document: 1" in found.reason


def test_a_shape_that_first_comes_after_the_sample_is_read_as_well(read: Read) -> None:
    late = [
        TALK,
        {"prompt": "p", "completion": "c"},
        {"prompt": "p", "chosen": "c", "rejected": "r"},
        {"text": "t"},
    ]
    report, _ = read("a.jsonl", lines(*[PAIR] * 501, *late))
    assert report.shapes == {
        "question_answer": 501, "messages": 1, "prompt_completion": 1, "preference": 1, "document": 1,
    }  # fmt: skip


def test_a_declared_shape_reads_no_other(read: Read) -> None:
    report, _ = read("a.jsonl", lines(PAIR, TALK), shape="question_answer")
    assert (report.shapes, rejects(report)) == ({"question_answer": 1}, [(2, "ingest.field.missing")])
    report, _ = read("a.jsonl", lines(TALK, PAIR), shape="messages")
    assert (
        report.rejects[0].detail == "it is not messages: [{role, content}]; its columns are question, answer"
    )
    report, rows = read("a.jsonl", lines({"text": "t", "label": "l"}), shape="document")
    assert (rows[0]["output"], rows[0]["meta"]) == ("t", '{"label":"l"}')


def test_columns_that_are_null_leave_a_unit_to_the_shape_whose_columns_are_not(read: Read) -> None:
    units = [
        {**PAIR, "messages": None},
        {"question": None, "answer": None, **TALK},
        {"question": "q", "answer": None},
    ]
    report, rows = read("a.jsonl", lines(*units))
    assert report.shapes == {"question_answer": 2, "messages": 1}
    assert [(row["instruction"], row["output"]) for row in rows] == [("q", "a"), ("问", "答"), ("q", "")]


def test_a_dotted_path_reaches_into_a_column_and_takes_only_its_end(read: Read) -> None:
    unit = {"qa": {"question": "问", "n": 1}, "answers": [{"text": "答", "score": 2}, "x"], "a.b": "literal"}
    columns = {"instruction": "qa.question", "output": "answers.0.text", "input": "a.b"}
    _, (row,) = read("a.jsonl", lines(unit), columns=columns)
    assert (row["instruction"], row["input"], row["output"]) == ("问", "literal", "答")
    assert json.loads(row["meta"]) == {"qa": {"n": 1}, "answers": [{"score": 2}, "x"]}
    report, _ = read(
        "a.jsonl", lines(unit, {**unit, "answers": []}, {**unit, "qa": {"question": ["x"]}}), columns=columns
    )
    assert [(line, reason) for line, reason in rejects(report)] == [
        (2, "ingest.field.missing"), (3, "ingest.field.type"),
    ]  # fmt: skip
    assert report.rejects[0].detail.startswith("no column answers.0.text; it has")


def test_a_dotted_path_that_leads_nowhere_is_an_error_with_a_suggestion(read: Read) -> None:
    with pytest.raises(SourceError, match=r"a column 'qa\.qestion'") as caught:
        read("a.jsonl", lines({"qa": {"question": "q", "answer": "a"}}), columns={"output": "qa.qestion"})
    assert "did you mean 'qa.question'" in caught.value.hint


def test_json_within_a_cell_stays_a_text_in_a_map(read: Read) -> None:
    data = b'qa\n"{""question"": ""q""}"\n'
    with pytest.raises(SourceError, match=r"qa\.question"):
        read("a.csv", data, columns={"output": "qa.question"})
    assert read("a.csv", data, columns={"output": "qa"})[1][0]["output"] == '{"question": "q"}'


@pytest.mark.parametrize(
    "text", ["{question}", "{{ prompt }}", "${INPUT}", "$QUESTION", "<%= text %>", " {问题} "]
)
def test_a_variable_that_was_never_filled_in_is_no_text(read: Read, text: str) -> None:
    report, rows = read(
        "a.jsonl", lines(PAIR, {"question": text, "answer": "a"}, {"question": "q", "answer": text})
    )
    assert (len(rows), rejects(report)) == (1, [(line, "ingest.field.template") for line in (2, 3)])


@pytest.mark.parametrize("text", ["{}", "{a b}", "what is {x}?", "$5", "<b>", "{1}"])
def test_a_text_that_only_looks_like_a_variable_stays(read: Read, text: str) -> None:
    assert read("a.jsonl", lines({"question": text, "answer": "a"}))[1][0]["instruction"] == text


@pytest.mark.parametrize(
    ("unit", "turns"),
    [
        ({"instruction": " <user>: 疼 <bot>: 多久? <user>: 一周", "output": "检查"}, "疼>多久?>一周>检查"),
        (
            {"instruction": "Human: hi\nAssistant: yes?\nHuman: help\nAssistant:", "output": "ok"},
            "hi>yes?>help>ok",
        ),
        ({"text": "用户：你好\n助手：您好\n用户：再见\n助手：再见。"}, "你好>您好>再见>再见。"),
        ({"chat": "USER: time? <|endoftext|>\n\nASSISTANT: noon <|endoftext|>"}, "time?>noon"),
        ({"text": "Q: why?\n\nA: because\nof this\n\nA: no, that"}, "why?>because\nof this"),
        ({"text": "问：为什么\n答：因为\n答：不"}, "为什么>因为"),
    ],
)
def test_a_text_with_marks_of_its_speakers_is_a_conversation(
    read: Read, unit: dict[str, Any], turns: str
) -> None:
    report, (row,) = read("a.jsonl", lines(unit))
    history = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
    assert (report.shape, ">".join([*history, row["instruction"], row["output"]])) == ("transcript", turns)
    rivals = [len(json.loads(row["meta"]).get("other_answers", []))]
    assert rivals == [1 if unit.get("text", "").startswith(("Q", "问")) else 0]


def test_a_call_of_a_function_within_a_transcript_is_written_as_every_other(read: Read) -> None:
    call = '<functioncall> {"name": "f", "arguments": \'{"a": 1}\'}'
    text = f"USER: u\n\nASSISTANT: {call} <|endoftext|>\n\nFUNCTION RESPONSE: 5\n\nASSISTANT: five"
    _, (row,) = read("a.jsonl", lines({"system": "SYSTEM: s", "chat": text}))
    assert row["history"][0]["assistant"] == '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    assert (row["instruction"], row["output"]) == ("<tool_response>\n5\n</tool_response>", "five")


def test_marks_in_a_few_units_make_no_transcript_of_a_file(read: Read) -> None:
    quoted = {"instruction": "Human: hi\nAssistant: hello\nHuman: bye", "output": "o"}
    report, rows = read(
        "a.jsonl", lines({"instruction": "i", "output": "o"}, {"instruction": "i", "output": "p"}, quoted)
    )
    assert report.shapes == {"alpaca": 3}
    assert rows[2]["instruction"] == quoted["instruction"]


def test_a_transcript_without_an_answer_is_rejected(read: Read) -> None:
    report, _ = read("a.jsonl", lines({"text": "Q: a\n\nA: b"}, {"text": "Q: why?"}, {"text": "no marks"}))
    assert [reason for _, reason in rejects(report)] == ["ingest.question.unanswered"]
    assert report.shapes == {"transcript": 1, "document": 1}


def test_ids_of_units_with_one_record_are_those_of_the_unit(read: Read) -> None:
    _, (row,) = read("a.jsonl", lines(TALK))
    assert row["id"] == record_id("src", "a.jsonl", canonical(TALK), 0)


def test_a_shape_whose_units_are_all_bad_is_not_the_main_one(read: Read, tmp_path: Any) -> None:
    bad = {"messages": [{"role": "user", "content": "问"}, {"role": "narrator", "content": "x"}]}
    found = look(read, tmp_path, lines(bad, PAIR))
    assert (found.shape, found.shapes) == ("question_answer", {"question_answer": 1, "messages": 0})
    report, _ = read("a.jsonl", lines(bad, PAIR))
    assert (report.shape, rejects(report)) == ("question_answer", [(1, "ingest.conversation.role")])
