"""Properties of the repairs over hostile texts: they settle, stay linear and touch nothing clean."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from quality.normalise import STEPS, Subject, cut_points, is_suspicious, most_tokens, placeholder_of

PIECES = [
    'hello', 'World', '你好', '，', '。', 'الله', 'नमस्ते', '한국어', '👩', '🏽', '❤', '️', '\u200d',
    '\u200c', '\u200b', '\ufeff', '\u202e', '\x00', '\x1b[31m', '\x1b', '\x85', '\u2028', '\x0b',
    '\xa0', '\u3000', '\xad', '�', ' ', '  ', '\t', '\n', '\n\n\n', '\r\n', '\r', '<br>', '<p>',
    '</p>', '<b>', '</b>', '<li>', '</li>', '<pre>', '</pre>', '<code>', '</code>', '<script>',
    '</script>', '<!--', '-->', '<name>', "<a href='x'>", '</a>', '<sup>2</sup>', '<td>', '<',
    '>', '&', ';', '&amp;', '&amp;lt;', '&lt;', '&gt;', '&nbsp;', '&#13;', '&#8203;', 'br', 'lt;',
    'amp;', '```', '`', '~~~', '| a | b |', '- ', '1. ', 'ｆｕｌｌ', '１２', '．', 'é', 'e\u0301', 'Ã©',
    'â€™', '\xe4\xbd\xa0\xe5\xa5\xbd', 'Ã', '©', 'html', '"', "'", '．', 'def f():',
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=24).map("".join),
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(PIECES), st.characters()), max_size=16).map("".join),
)


def settle(text: str) -> str:
    """Run the steps as the stage does: after one that alters the text, those before it again."""
    names = list(STEPS)
    for number in range(len(names)):
        if run(text, names[number]) == text:
            continue
        for _ in range(12):
            before = text
            for name in names[: number + 1]:
                text = run(text, name)
            if text == before:
                break
    return text


def run(text: str, name: str) -> str:
    return STEPS[name](text, Subject("", [text])).text


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = settle(text)
    assert settle(once) == once


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_a_text_that_is_not_suspicious_is_left_by_every_step(text: str) -> None:
    if not is_suspicious(text):
        assert [run(text, name) for name in STEPS] == [text] * len(STEPS)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_a_step_counts_something_exactly_when_it_alters_the_text(text: str) -> None:
    for name, step in STEPS.items():
        repair = step(text, Subject("", [text]))
        if repair.text != text:
            assert sum(repair.counts.values()) > 0, name


HOSTILE = [
    "<",
    "&amp;",
    "<!--",
    "<script>",
    "<pre>",
    "`",
    "```",
    "~~~",
    "\x1b]",
    "<a ",
    "<a b",
    " \n",
    "\u3000",
    "（ ",
]
HOSTILE += [
    "word  ",
    "<b>",
    "<p>",
    "e\u0301",
    "Ã©",
    "😀\u200d",
    "A. ",
    "。",
    "a.b.c.",
    "def x(",
    "if (",
    "</",
    "&#",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_repetition_costs_linear_time(piece: str) -> None:
    text = piece * (30_000 // len(piece))
    subject = Subject(text[:9999], [text])
    began = time.process_time()
    for step in STEPS.values():
        step(text, Subject())
    is_suspicious(text)
    cut_points(text)
    placeholder_of("none", text)
    assert subject.is_markup() in (True, False)
    assert time.process_time() - began < 1.5


def byte_level(vocabulary: int = 300) -> Tokenizer:
    """Return a byte-level BPE tokenizer that knows hardly more than the bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(["the cat"], trainer)
    return tokenizer


def word_piece() -> Tokenizer:
    """Return BERT's WordPiece over single characters, with its normaliser."""
    pieces = sorted({*(chr(code) for code in range(33, 0x3000)), *"的一是不了人我在有他"})
    vocabulary = {"[UNK]": 0}
    for piece in pieces:
        vocabulary[piece] = len(vocabulary)
        vocabulary[f"##{piece}"] = len(vocabulary)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


TOKENIZERS = [byte_level(), word_piece()]


@settings(max_examples=200, deadline=None)
@given(TEXTS.filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text)))
@example("한국어 각각")
@example("ﷺ㍿ǕΐỄ")
def test_no_tokenizer_exceeds_the_bound_that_spares_counting(text: str) -> None:
    for tokenizer in TOKENIZERS:
        assert len(tokenizer.encode(text, add_special_tokens=False).ids) <= most_tokens(text)


def test_the_bound_counts_what_hangul_decomposes_into() -> None:
    assert len(word_piece().encode("각", add_special_tokens=False).ids) == 3
    assert most_tokens("각") >= 3
