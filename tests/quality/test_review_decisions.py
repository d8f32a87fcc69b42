"""Files of decisions: what is read, what is listed as broken, what is refused, and how answers are combined."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.review import Decision, DecisionsError, agreement, combine, consistency, draw, parse
from quality.review.sample import allocate

ROOT, KEY = "a" * 24, "b" * 32
HEADING = "root,text_key,annotator,decision,reason,new_text\n"


def line(**fields: object) -> str:
    return json.dumps(
        {"root": ROOT, "text_key": KEY, "annotator": "one", "decision": "accept", **fields},
        ensure_ascii=False,
    )


def read(*lines: str) -> tuple[list[Decision], list[str]]:
    good, bad = parse("d.jsonl", "\n".join(lines).encode())
    return good, [f"{each.where}: {each.why}" for each in bad]


def test_a_line_of_the_queue_with_an_answer_is_a_decision() -> None:
    good, bad = read(line(why=["drawn"], sample=True, instruction="hello", output="x", reason=" 很好 "))
    assert bad == []
    assert good == [Decision(ROOT, KEY, "one", "accept", "很好", (), True, "d.jsonl:1")]


@pytest.mark.parametrize(
    ("said", "meant"), [("Accept", "accept"), ("接受", "accept"), ("拒绝", "reject"), (" reject ", "reject")]
)
def test_decisions_are_understood_in_english_and_chinese(said: str, meant: str) -> None:
    (decision,), _ = read(line(decision=said))
    assert decision.verdict == meant


def test_an_edit_brings_its_new_texts() -> None:
    good, bad = read(
        line(decision="edit", new_text="新的回答"),
        line(decision="修改", new={"instruction": "问", "input": ""}),
        line(decision="edit", new_output="a", new_instruction="b"),
    )
    assert bad == []
    assert [each.fields for each in good] == [
        (("output", "新的回答"),),
        (("instruction", "问"), ("input", "")),
        (("instruction", "b"), ("output", "a")),
    ]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        (line(root=""), "root is missing"),
        (line(root=None, annotator=" "), "root, annotator are missing"),
        (line(annotator=7), "annotator is no text"),
        (line(root="张三的记录"), "root: not the hexadecimal digits"),
        (line(decision="maybe"), "none of accept, reject, edit"),
        (line(decision="edit"), "an edit without a new text"),
        (line(decision="accept", new_text="x"), "a new text beside the decision"),
        (line(decision="edit", new={"meta": "x"}), "what no edit may touch"),
        (line(decision="edit", new="x"), "new is no object"),
        (line(decision="edit", new_text="a", new_output="b"), "differ"),
        (line(decision="edit").replace("}", ', "new_text": "\\ud83d"}'), "surrogate"),
    ],
)
def test_a_broken_row_is_listed_with_its_line_and_stops_no_other(broken: str, why: str) -> None:
    good, bad = read(line(), "", broken, line(annotator="two"))
    assert [each.annotator for each in good] == ["one", "two"]
    (told,) = bad
    assert told.startswith("d.jsonl:3: ")
    assert why in told


def test_what_is_said_of_a_broken_row_repeats_nothing_of_it() -> None:
    secret = "王小明 13912345678"
    rows = (
        line(root=secret),
        line(decision=secret),
        line(decision="edit", new={secret: "x"}),
        line(text_key=secret),
    )
    _, bad = read(*rows)
    assert len(bad) == 4
    assert not any("王小明" in told or "139" in told for told in bad)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_is_read_whatever_program_saved_it(mark: bytes, delimiter: str) -> None:
    rows = [HEADING.strip(), f'{ROOT},{KEY},一,接受,"两行\n理由",', f"{ROOT},{KEY},二,修改,,新的回答"]
    data = "\r\n".join(row.replace(",", delimiter) for row in rows)
    good, bad = parse("d.csv", mark + data.encode())
    assert bad == []
    assert [(each.annotator, each.verdict, each.reason, each.where) for each in good] == [
        ("一", "accept", "两行\n理由", "d.csv:2"),
        ("二", "edit", "", "d.csv:4"),
    ]
    assert good[1].fields == (("output", "新的回答"),)


def test_a_row_of_a_table_with_too_few_cells_or_a_stray_quote_is_broken() -> None:
    text = f'{HEADING}a,b\n{ROOT},"{KEY}"x,one,accept,,\n\n{ROOT},{KEY},one,accept,,\n'
    good, bad = parse("d.csv", text.encode())
    assert [each.where for each in good] == ["d.csv:5"]
    assert [each.where for each in bad] == ["d.csv:2", "d.csv:3"]


@pytest.mark.parametrize("name", ["d.jsonl", "d.csv"])
@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_holds_no_decisions(name: str, data: bytes) -> None:
    assert parse(name, data) == ([], [])


@pytest.mark.parametrize(
    ("encoding", "hint"), [("gb18030", "iconv -f GB18030"), ("utf-16", "iconv -f UTF-16")]
)
@pytest.mark.parametrize("name", ["d.jsonl", "d.csv"])
def test_a_file_in_another_encoding_is_refused_with_the_command_that_mends_it(
    name: str, encoding: str, hint: str
) -> None:
    text = line(reason="回答不完整") if name == "d.jsonl" else f"{HEADING}{ROOT},{KEY},一,拒绝,回答不完整,\n"
    with pytest.raises(DecisionsError, match=hint):
        parse(name, text.encode(encoding))


def test_a_table_without_the_columns_that_it_needs_is_refused() -> None:
    with pytest.raises(DecisionsError, match="no column text_key, annotator"):
        parse("d.csv", b"root,decision\nx,accept\n")


def said(who: str, verdict: str = "accept", text: str = "k", **more: object) -> Decision:
    fields = tuple(more.pop("fields", ()))  # type: ignore[arg-type]
    where = str(more.pop("where", f"{who}:{verdict}"))
    return Decision("r", text, who, verdict, "", fields, bool(more.pop("sample", False)), where)  # type: ignore[arg-type]


def test_the_majority_decides_and_a_tie_decides_nothing() -> None:
    votes = [
        *(said(who, "reject", "majority") for who in "ab"),
        said("c", "accept", "majority"),
        said("a", "reject", "tie"),
        said("b", "accept", "tie"),
    ]
    outcomes, conflicts = combine(votes)
    assert {key: each.verdict for (_, key), each in outcomes.items()} == {"majority": "reject", "tie": "tie"}
    assert outcomes["r", "majority"].votes == (("accept", 1), ("reject", 2))
    assert conflicts == []


def test_edits_agree_only_if_their_texts_do() -> None:
    one, other = (("output", "x"),), (("output", "y"),)
    apart, _ = combine([said("a", "edit", fields=one), said("b", "edit", fields=other)])
    assert apart["r", "k"].verdict == "tie"
    together, _ = combine(
        [said("a", "edit", fields=one), said("b", "edit", fields=one), said("c", "edit", fields=other)]
    )
    assert (together["r", "k"].verdict, together["r", "k"].fields) == ("edit", one)


def test_of_two_answers_of_one_person_the_later_counts_and_the_conflict_is_listed() -> None:
    outcomes, conflicts = combine([said("a"), said("b", "reject"), said("a", "reject", where="later")])
    assert outcomes["r", "k"].votes == (("reject", 2),)
    assert [(each.earlier, each.later) for each in conflicts] == [("a:accept", "later")]


def test_the_same_answer_twice_counts_once() -> None:
    outcomes, conflicts = combine([said("a", sample=True), said("a"), said("b", "reject")])
    assert outcomes["r", "k"].verdict == "tie"
    assert outcomes["r", "k"].sample
    assert conflicts == []


def test_label_consistency_is_that_of_the_random_sample_alone() -> None:
    votes = [said("a", "accept", str(n), sample=True) for n in range(43)]
    votes += [said("a", "reject", f"x{n}", sample=True) for n in range(6)]
    votes += [said(who, verdict, "tie", sample=True) for who, verdict in (("a", "accept"), ("b", "reject"))]
    votes += [said("a", "reject", f"flagged{n}") for n in range(100)]
    found = consistency(combine(votes)[0].values())
    assert found is not None
    assert (found.accepted, found.judged) == (43, 50)
    assert (found.low, found.high) == pytest.approx((0.7381, 0.9305), abs=1e-4)
    assert consistency(combine([said("a")])[0].values()) is None


def test_agreement_counts_a_person_once_for_each_text() -> None:
    split = [
        said("a", "accept", "1"),
        said("b", "reject", "1"),
        said("a", "reject", "2"),
        said("b", "reject", "2"),
    ]
    twice = [*split, said("a", "reject", "2")]
    assert (
        agreement(combine(split)[0].values()) == agreement(combine(twice)[0].values()) == pytest.approx(0.0)
    )


def test_the_draw_is_stratified_and_needs_no_order() -> None:
    roots = [f"{n:04x}" for n in range(1000)]
    strata = ["big" if n < 900 else "small" if n < 995 else "tiny" for n in range(1000)]
    drawn = draw(roots, strata, 100, 7)
    assert Counter(strata[at] for at in drawn) == {"big": 90, "small": 9, "tiny": 1}
    backwards = draw(roots[::-1], strata[::-1], 100, 7)
    assert {roots[::-1][at] for at in backwards} == {roots[at] for at in drawn}
    assert {roots[at] for at in draw(roots, strata, 100, 8)} != {roots[at] for at in drawn}


def test_the_draw_takes_a_root_once_and_all_where_there_are_few() -> None:
    assert draw(["a", "a", "b"], ["x", "y", "x"], 10, 0) == [0, 2]
    assert draw([], [], 10, 0) == []


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 50), max_size=8), st.integers(0, 200))
def test_an_allocation_adds_up_and_asks_no_stratum_for_more_than_it_has(
    sizes: dict[str, int], total: int
) -> None:
    given_ = allocate(dict(sizes), total)
    assert sum(given_.values()) == min(total, sum(sizes.values()))
    assert all(0 <= given_[name] <= size for name, size in sizes.items())
    if total >= len(sizes):
        assert all(count >= 1 for count in given_.values())
