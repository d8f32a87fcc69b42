"""Tests of encoding whole sets: cutting, rejecting, counting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from train.data.builds import Example
from train.data.encodings import Encodings, Reject, encode_examples, write_rejects
from train.data.pad import ensure_pad
from train.data.render import IGNORED, Renderer, make_renderer


@pytest.fixture(scope="module")
def renderer(tiny_llama: Path) -> Renderer:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    ensure_pad(tokenizer)
    return make_renderer(tokenizer, "chat", "")


def record(id_: str, instruction: str, output: str, history: tuple[tuple[str, str], ...] = ()) -> Example:
    return Example(id_, id_, "", history, instruction, "", output, "en")


def test_a_long_response_is_cut_and_its_end_is_not_learnt(renderer: Renderer) -> None:
    one = record("a", "Why?", "because it rains " * 40)
    whole_ids, whole_labels = renderer.encode(one)
    told = encode_examples([one], renderer, 64, "cut")
    assert (told.cut, told.rejects) == (1, [])
    assert told.examples[0].input_ids == tuple(whole_ids[:64])
    assert told.examples[0].labels == tuple(whole_labels[:64])
    assert renderer.end_id in whole_labels
    assert renderer.end_id not in told.examples[0].labels


def test_the_prompt_of_a_cut_record_is_whole(renderer: Renderer) -> None:
    one = record("a", "Why is it that it rains today?", "because it rains " * 40)
    prompt = renderer.prompt_ids(one)
    (cut,) = encode_examples([one], renderer, len(prompt) + 1, "cut").examples
    assert cut.input_ids[:-1] == tuple(prompt)
    assert set(cut.labels[:-1]) == {IGNORED}
    assert cut.labels[-1] == cut.input_ids[-1]


def test_a_record_without_a_label_left_is_rejected_by_name(renderer: Renderer) -> None:
    one = record("a", "Why is it that it rains today?", "Because.")
    length = len(renderer.prompt_ids(one))
    told = encode_examples([one], renderer, length, "cut")
    assert told.examples == []
    assert told.rejects == [
        Reject(
            "a", "train.no_labels", f"{length} tokens stand before the response, and max_length is {length}"
        )
    ]


def test_a_long_conversation_keeps_the_turns_that_fit(renderer: Renderer) -> None:
    one = record("a", "And then?", "Home. " * 100, (("Where?", "Out."),))
    length = len(renderer.prompt_ids(one))
    (cut,) = encode_examples([one], renderer, length, "cut").examples
    assert cut.labels[-1] == renderer.end_id  # and not the half of a question that is left of what follows
    learnt = renderer.tokenizer.decode([label for label in cut.labels if label != IGNORED])
    assert learnt == "Out.<|im_end|>"


def test_overlong_records_can_be_rejected_instead(renderer: Renderer) -> None:
    told = encode_examples(
        [record("a", "Why?", "so " * 100), record("b", "Why?", "So.")], renderer, 64, "reject"
    )
    assert [one.id for one in told.examples] == ["b"]
    assert (told.cut, [reject.reason for reject in told.rejects]) == (0, ["train.too_long"])


def test_an_example_of_just_the_length_is_not_cut(renderer: Renderer) -> None:
    one = record("a", "Why?", "Because.")
    length = len(renderer.encode(one)[0])
    for overlong in ("cut", "reject"):
        told = encode_examples([one], renderer, length, overlong)  # type: ignore[arg-type]
        assert (told.cut, told.rejects) == (0, [])
        assert told.examples[0].labels[-1] == renderer.end_id


@pytest.mark.parametrize("output", ["", " \n\t", "　"])
def test_an_empty_response_is_rejected(renderer: Renderer, output: str) -> None:
    told = encode_examples([record("a", "Why?", output)], renderer, 64, "cut")
    assert [(one.id, one.reason) for one in told.rejects] == [("a", "train.empty_response")]


def test_a_document_of_one_word_is_learnt(renderer: Renderer) -> None:
    told = encode_examples([record("a", "", "rain")], renderer, 64, "cut")
    assert [label for label in told.examples[0].labels if label != IGNORED][-1] == renderer.end_id


def test_many_at_once_are_encoded_as_one_by_one(renderer: Renderer) -> None:
    texts = ["Why?", "为什么？", "<|im_end|> is a token", "", "a\n\nb", " x "]
    some = [record(f"{one}{two}", one, two) for one in texts for two in texts]
    told = encode_examples(some, renderer, 200, "cut")
    alone: list[Encodings] = [encode_examples([one], renderer, 200, "cut") for one in some]
    assert told.examples == [example for one in alone for example in one.examples]
    assert told.rejects == [reject for one in alone for reject in one.rejects]
    assert {reject.reason for reject in told.rejects} == {"train.empty_response"}


WORDS = st.text(alphabet="ab 猫\n", max_size=60)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=8),
    st.integers(8, 80),
    st.sampled_from(["cut", "reject"]),
)
def test_every_record_is_encoded_or_rejected(
    renderer: Renderer, texts: list[tuple[str, str, str]], length: int, overlong: str
) -> None:
    some = [
        record(str(place), asked, said, (("Hi", earlier),) if earlier else ())
        for place, (asked, said, earlier) in enumerate(texts)
    ]
    told = encode_examples(some, renderer, length, overlong)  # type: ignore[arg-type]
    ids = [one.id for one in told.examples] + [one.id for one in told.rejects]
    assert sorted(ids, key=int) == [one.id for one in some]
    assert all(len(one.input_ids) == len(one.labels) <= length for one in told.examples)
    assert all(any(label != IGNORED for label in one.labels[1:]) for one in told.examples)
    assert all(
        label in (IGNORED, id_)
        for one in told.examples
        for id_, label in zip(one.input_ids, one.labels, strict=True)
    )


def test_rejects_are_listed_a_line_each(tmp_path: Path) -> None:
    write_rejects(tmp_path / "run" / "train_rejects.jsonl", [Reject("a", "train.too_long", "900 tokens, 猫")])
    lines = (tmp_path / "run" / "train_rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": "a", "reason": "train.too_long", "detail": "900 tokens, 猫"}
    ]
    write_rejects(tmp_path / "none.jsonl", [])
    assert (tmp_path / "none.jsonl").read_bytes() == b""
