"""The stage `scrub`: one edit a kind, evidence without values, meta included; parameters checked before any work."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fakes import records
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.apply import apply
from pipeline.errors import RecipeError
from pipeline.keys import KeyRef
from pipeline.models import Models
from pipeline.recipe import parse_recipe
from pipeline.record import EDITABLE
from pipeline.stages import STAGES, remarks
from pipeline.stages.scrub import Scrub
from pipeline.stages.scrub_params import ScrubParams
from quality.pii import KINDS, RECOGNISERS

KEY = "0123456789abcdef0123456789abcdef"
MAIL, PHONE, CARD = "jo.fenwick@firm.test", "13812345678", "4111 1111 1111 1111"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_KEY", KEY)


def run(table: pa.Table, **params: object) -> tuple[list[dict[str, Any]], pa.Table, pa.Table]:
    """Return the changes, the records that are kept, and those dropped."""
    made = Scrub().edit(table, ScrubParams.model_validate(params), Models()).table()
    applied = apply(table, made, "scrub")
    rows = made.to_pylist()
    for row in rows:
        row["evidence"] = json.loads(row["evidence"])
    return rows, applied.kept, applied.dropped


def one(**fields: object) -> pa.Table:
    return records(fields)


def test_every_text_of_a_record_is_scrubbed() -> None:
    table = one(
        system=f"Reports go to {MAIL}.",
        history=[{"user": f"我的手机号是{PHONE}", "assistant": f"Sent to {MAIL}"}],
        instruction=f"Call {PHONE}",
        input=f"mail: {MAIL}",
        output=f"Done, {MAIL}.",
        meta=json.dumps({"from": MAIL, "deep": [{"phone": 13812345678, MAIL: "x"}], "n": 3, "ok": True}),
    )
    rows, kept, _ = run(table)
    record = kept.to_pylist()[0]
    assert record["system"] == "Reports go to <EMAIL>."
    assert record["history"] == [{"user": "我的手机号是<PHONE>", "assistant": "Sent to <EMAIL>"}]
    assert (record["instruction"], record["input"]) == ("Call <PHONE>", "mail: <EMAIL>")
    assert record["output"] == "Done, <EMAIL>."
    assert json.loads(record["meta"]) == {
        "from": "<EMAIL>", "deep": [{"phone": "<PHONE>", "<EMAIL>": "x"}], "n": 3, "ok": True,
    }  # fmt: skip
    assert [(row["action"], row["reason"]) for row in rows] == [("edit", "pii.email"), ("edit", "pii.phone")]


def test_the_evidence_tells_kind_field_place_count_and_recogniser_and_no_value() -> None:
    rows, kept, _ = run(one(instruction=f"Mail {MAIL} or {MAIL}", output=f"Call {PHONE} and {CARD}"))
    told = {row["reason"]: row["evidence"] for row in rows}
    assert told["pii.email"] == {
        "count": 2, "fields": ["instruction"], "at": ["instruction 5-12", "instruction 16-23"],
        "by": ["mail"], "replaced_by": "tag",
    }  # fmt: skip
    assert told["pii.phone"]["at"] == ["output 5-12"]
    record = kept.to_pylist()[0]
    for evidence in told.values():
        for place in evidence["at"]:
            field, _, span = place.partition(" ")
            start, _, end = span.partition("-")
            assert record[field][int(start) : int(end)] in ("<EMAIL>", "<PHONE>", "<BANK_CARD>")
    assert not any(value in json.dumps(told) for value in (MAIL, PHONE, CARD, "4111"))


def test_edits_of_several_kinds_follow_each_other_and_end_at_the_scrubbed_text() -> None:
    rows, kept, _ = run(one(output=f"{MAIL}, call {PHONE}, card {CARD}"))
    assert [row["output"] for row in rows] == [
        f"<EMAIL>, call {PHONE}, card {CARD}", f"<EMAIL>, call <PHONE>, card {CARD}",
        "<EMAIL>, call <PHONE>, card <BANK_CARD>",
    ]  # fmt: skip
    assert kept["output"].to_pylist() == ["<EMAIL>, call <PHONE>, card <BANK_CARD>"]


def test_a_record_without_personal_data_is_not_touched() -> None:
    table = one(
        instruction="Order 20240315-778812, ISBN 978-3-16-148410-0, version 10.4.2.1, price $1,299.00",
        output="def f(x): return x[1:20240101]  # 2019-2024, 60 % of 1234567",
        meta='{"n":1234,"t":"plain"}',
    )
    rows, kept, _ = run(table)
    assert rows == [] and kept.equals(table)


def test_pseudonyms_agree_over_the_fields_of_a_record_and_over_records() -> None:
    rows, kept, _ = run(
        records({"instruction": f"Mail {MAIL}", "output": MAIL.upper()}, {"input": f"cc {MAIL}."}),
        replace="pseudonym",
    )
    first, second = kept.to_pylist()
    made = first["output"]
    assert made.endswith((".com", ".org", ".net")) and "@example." in made
    assert first["instruction"] == f"Mail {made}" and second["input"] == f"cc {made}."
    assert {row["evidence"]["replaced_by"] for row in rows} == {"pseudonym"}


def test_a_record_may_be_dropped_for_a_kind_and_its_text_is_scrubbed_all_the_same() -> None:
    rows, kept, dropped = run(
        records({"output": f"{MAIL} {CARD}"}, {"output": MAIL}), replace={"bank_card": "drop_record"}
    )
    assert [(row["action"], row["reason"]) for row in rows] == [
        ("edit", "pii.email"), ("edit", "pii.bank_card"), ("drop", "pii.bank_card"), ("edit", "pii.email"),
    ]  # fmt: skip
    assert dropped["output"].to_pylist() == ["<EMAIL> <BANK_CARD>"]
    assert kept["output"].to_pylist() == ["<EMAIL>"]


def test_kinds_that_are_not_wanted_stay() -> None:
    _, kept, _ = run(one(output=f"{MAIL} call {PHONE}"), kinds=["phone"])
    assert kept["output"].to_pylist() == [f"{MAIL} call <PHONE>"]


def test_patterns_and_lists_of_the_recipe() -> None:
    _, kept, _ = run(
        one(output=f"EMP-12345 of Umbrel Corp, write to {MAIL} or help@firm.test", meta='{"who":"EMP-1"}'),
        patterns={"staff_no": r"EMP-\d+"},
        deny={"firm": ["umbrel corp"]},
        allow=["Help@Firm.test"],
        replace={"firm": "mask"},
    )
    record = kept.to_pylist()[0]
    assert record["output"] == "<STAFF_NO> of ****** ****, write to <EMAIL> or help@firm.test"
    assert json.loads(record["meta"]) == {"who": "<STAFF_NO>"}


def test_a_denied_value_inside_a_longer_one_leaves_no_part_of_it() -> None:
    _, kept, _ = run(one(output=f"Write to {MAIL} today"), deny={"firm": ["firm"]})
    assert kept["output"].to_pylist() == ["Write to <FIRM> today"]


def test_loose_sentences_are_cleaned() -> None:
    params = ScrubParams()
    assert Scrub().clean([f"no column a; it has {MAIL}", "2 fields"], params, Models()) == [
        "no column a; it has <EMAIL>", "2 fields",
    ]  # fmt: skip


_PIECES = [
    MAIL, PHONE, CARD, "+86 138 1234 5678", "我叫王伟明，", "My name is Jo Fenwick", "住在北京市海淀区中关村大街27号",
    "12 High Street, Springfield", "11010519491231002X", "10.1.2.3", "<EMAIL>", " ", ",", "。", "tel: ", "x", "1",
    "QQ：12345678", "born 1987-03-05 ", "DE89 3704 0044 0532 0130 00", "https://a:b@c.test/", "sk-0123456789abcdef0123",
    "***-***", "555-0134",
]  # fmt: skip
_texts = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)


@given(instruction=_texts, output=_texts, meta=_texts, replace=st.sampled_from(["tag", "pseudonym", "mask"]))
def test_scrubbing_twice_changes_nothing(instruction: str, output: str, meta: str, replace: str) -> None:
    os.environ["PII_KEY"] = KEY
    table = one(instruction=instruction, output=output, meta=json.dumps({"note": meta}))
    _, kept, _ = run(table, replace=replace)
    rows, again, _ = run(kept, replace=replace)
    assert rows == []
    assert again.equals(kept)


def test_every_kind_is_looked_for() -> None:
    assert set().union(*(kinds for kinds, _ in RECOGNISERS.values())) == set(KINDS)
    assert not any("NOT looked for" in line for line in remarks(ScrubParams()))


def test_the_plan_is_told_what_runs_and_what_does_not() -> None:
    told = "\n".join(remarks(ScrubParams(replace={"default": "tag", "email": "pseudonym"})))
    assert "pseudonym: email" in told and "tag: phone, " in told
    assert "no model is named" in told
    assert "the environment variable PII_KEY (fingerprint " in told
    assert KEY not in told


def mistakes(scrub: str, stages: str = "") -> str:
    text = f"name: x\nsources: [{{name: a, path: b}}]\nstages:\n  - {{stage: scrub, {scrub}}}\n{stages}"
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "recipe.yaml")
    return caught.value.message


@pytest.mark.parametrize(
    ("scrub", "said"),
    [
        ("kinds: [email, fax]", "there is no kind 'fax'. Valid: email, phone, name, "),
        ("replace: {fax: mask}", "there is no kind 'fax'. Valid: email, phone, "),
        ("replace: shred", "shred"),
        ("patterns: {staff: '['}", "the pattern of 'staff' does not compile: missing ]"),
        (r"patterns: {staff: '(a+)\1'}", "cannot backtrack"),
        ("patterns: {'Staff No': a}", "'Staff No' is no name of a kind"),
        ("patterns: {staff: 'a*'}", "matches the empty text"),
        ("deny: {firm: ['--']}", "holds no letter and no digit"),
        ("deny: {firm: [Acme]}, allow: [ACME]", "both under allow and under deny"),
        ("key: {env: A, file: b}", "not both"),
        ("ner: {model: {folder: x}, labels: {PER: person}}", "there is no kind 'person'. Valid: "),
        ("ner: {model: {}}", "a model that finds entities"),
    ],
)
def test_a_mistake_in_the_recipe_is_told_before_any_work(scrub: str, said: str) -> None:
    assert said in mistakes(scrub)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (["split", "scrub"], "split before scrub: scrubbing makes twins"),
        (["scrub", "normalise"], "normalise after scrub: a repaired text may hold personal data"),
    ],
)
def test_an_order_that_leaks_is_refused(order: list[str], said: str) -> None:
    stages = "".join(f"  - stage: {name}\n" for name in order)
    with pytest.raises(RecipeError, match=said):
        parse_recipe(f"name: x\nsources: [{{name: a, path: b}}]\nstages:\n{stages}", "recipe.yaml")


def test_a_second_scrub_mends_the_order() -> None:
    stages = "[{stage: scrub}, {stage: normalise}, {stage: scrub, name: again}]"
    parse_recipe(f"name: x\nsources: [{{name: a, path: b}}]\nstages: {stages}", "recipe.yaml")


def test_a_stage_that_knows_its_place_names_stages_that_exist() -> None:
    for kind in STAGES.values():
        for rule in (kind.never_after, kind.never_before):
            assert rule is None or (rule[0] in STAGES and rule[1])


def test_without_pseudonyms_no_key_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PII_KEY")
    params = ScrubParams(replace={"email": "mask"})
    assert Scrub().prepared(params, tmp_path) == params
    assert Scrub().settings(params)["key"] == ""


def test_a_missing_key_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PII_KEY")
    with pytest.raises(RecipeError, match="environment variable PII_KEY is not set") as caught:
        Scrub().prepared(ScrubParams(replace="pseudonym"), tmp_path)
    assert "secrets.token_hex" in caught.value.hint
    with pytest.raises(RecipeError, match="nowhere"):
        Scrub().prepared(ScrubParams(replace="pseudonym", key=KeyRef(file="nowhere")), tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_an_error(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    with pytest.raises(RecipeError, match=f"can be read by others: its mode is {mode:04o}") as caught:
        Scrub().prepared(ScrubParams(replace="pseudonym", key=KeyRef(file="key")), tmp_path)
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_short_key_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PII_KEY", "secret")
    with pytest.raises(RecipeError, match="has 6 bytes"):
        Scrub().prepared(ScrubParams(replace="pseudonym"), tmp_path)


def test_a_key_is_known_by_what_it_is_not_by_where_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    stage = Scrub()
    by_file = stage.prepared(ScrubParams(replace="pseudonym", key=KeyRef(file="key")), tmp_path)
    by_name = stage.prepared(ScrubParams(replace="pseudonym"), tmp_path)
    assert stage.settings(by_file) == stage.settings(by_name)
    assert KEY not in json.dumps(stage.settings(by_name))
    path.write_text("another key, of thirty-two bytes")
    assert stage.settings(by_file) != stage.settings(by_name)


def test_numbers_and_keys_of_meta_keep_their_kind_unless_they_are_personal() -> None:
    meta: Mapping[str, object] = {"id": 123456, "score": 0.123456, "none": None, "list": [1, "a", [MAIL]]}
    _, kept, _ = run(one(output="x", meta=json.dumps(meta)))
    assert json.loads(kept["meta"][0].as_py()) == {**meta, "list": [1, "a", ["<EMAIL>"]]}


def test_meta_is_among_what_a_change_may_edit() -> None:
    assert EDITABLE[-1] == "meta"
    with pytest.raises(ValidationError):
        ScrubParams.model_validate({"kinds": ["email"], "unknown": 1})
