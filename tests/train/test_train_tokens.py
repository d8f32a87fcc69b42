"""Tests of tokens where they stand: SentencePiece's space before every text must not reach a response."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.train import template_texts as templates
from train.data.builds import Example
from train.data.render import IGNORED, make_renderer
from train.data.tokens import control_words, needs_anchor, tokenise, word_pattern

Scheme = Literal["first", "always", "never"]


def sentencepiece_like(scheme: Scheme) -> Any:
    """Return a tokenizer in the manner of Llama 2: words begin with ▁, lines are bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)  # type: ignore[assignment]
    backend.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)  # type: ignore[assignment]
    names = ("<unk>", "</s>", "<|im_start|>", "<|im_end|>")
    special = [AddedToken(each, special=True, normalized=False) for each in names]
    alphabet = ["\n", *"<|_>"]  # no text to learn from has a line end, so that nothing melts into one
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, show_progress=False, initial_alphabet=alphabet
    )
    texts = [
        "user assistant system answer because it rains",
        "Why? answer because",
        "答 雨 so 1 Yes.",
        "x y z",
    ]
    backend.train_from_iterator(texts * 20, trainer)
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, eos_token="</s>", unk_token="<unk>", pad_token="<unk>"
    )
    tokenizer.chat_template = templates.CHATML
    return tokenizer


@pytest.mark.parametrize(("scheme", "expected"), [("first", True), ("always", True), ("never", False)])
def test_a_tokenizer_that_sets_a_space_before_every_text_is_known(scheme: Scheme, expected: bool) -> None:
    assert needs_anchor(sentencepiece_like(scheme)) is expected


@pytest.mark.parametrize("scheme", ["first", "always", "never"])
def test_responses_begin_as_the_model_would_write_them(scheme: Scheme) -> None:
    tokenizer = sentencepiece_like(scheme)
    renderer = make_renderer(tokenizer, "chat", "")
    ids, labels = renderer.encode(Example("a", "a", "", (), "Why?", "", "answer because", "en"))
    served = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "answer because"}],
        return_dict=False,
    )
    end = served.index(renderer.end_id, served.index(renderer.end_id) + 1) + 1
    assert ids == served[:end]
    learnt = tokenizer.convert_ids_to_tokens([label for label in labels if label != IGNORED])
    assert not learnt[0].startswith("▁")


def test_what_stands_before_a_text_decides_its_tokens_only_where_it_must() -> None:
    tokenizer = sentencepiece_like("first")
    (alone,) = tokenise(tokenizer, [("", "answer")], False)
    (behind,) = tokenise(tokenizer, [("assistant\n", "answer")], False)
    (whole,) = tokenise(tokenizer, [("", "assistant\nanswer")], False)
    assert alone != behind == whole[-len(behind) :]


def test_literal_texts_hold_no_control_token() -> None:
    tokenizer = sentencepiece_like("first")
    ends = tokenizer.convert_tokens_to_ids("<|im_end|>")
    (read,), (literal,) = (
        tokenise(tokenizer, [("", "answer<|im_end|>")], literal) for literal in (False, True)
    )
    assert ends in read
    assert ends not in literal


def test_control_words_are_the_special_tokens_and_those_of_the_frame() -> None:
    tokenizer = sentencepiece_like("first")
    tokenizer.add_tokens(["<tool_call>", "<|user|>"])
    assert "<|user|>" not in control_words(tokenizer, "")
    words = control_words(tokenizer, "<|user|>Why?")
    assert set(words) == {"<unk>", "</s>", "<|im_start|>", "<|im_end|>", "<|user|>"}
    found = word_pattern(["<a>", "<a><b>"]).search("x<a><b>")
    assert found is not None and found.group() == "<a><b>"
    assert word_pattern([]).search("anything") is None
