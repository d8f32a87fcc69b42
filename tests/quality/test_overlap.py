"""Sentence BLEU and chrF: sacrebleu's numbers, the Chinese tokeniser, and empty texts."""

from __future__ import annotations

import pytest
import sacrebleu

from quality import overlap

EN = ("The cat sat on the mat.", "The cat is sitting on the mat.")
ZH = ("猫坐在垫子上。", "猫正坐在垫子上。")


def test_the_numbers_are_sacrebleus() -> None:
    found = overlap.measure([EN[0], ZH[0]], [EN[1], ZH[1]], ["en", "zh"])
    english = sacrebleu.sentence_bleu(EN[0], [EN[1]], use_effective_order=True).score / 100
    chinese = sacrebleu.sentence_bleu(ZH[0], [ZH[1]], tokenize="zh", use_effective_order=True).score / 100
    assert found.bleu.tolist() == pytest.approx([english, chinese])
    assert found.chrf.tolist() == pytest.approx(
        [sacrebleu.sentence_chrf(*pair).score / 100 for pair in ((EN[0], [EN[1]]), (ZH[0], [ZH[1]]))]
    )


def test_chinese_is_cut_into_characters() -> None:
    as_chinese, as_english = (overlap.measure([ZH[0]], [ZH[1]], [code]).bleu[0] for code in ("zh", "en"))
    assert as_chinese > 0.5 > as_english


def test_equal_short_texts_score_1_and_empty_ones_0() -> None:
    found = overlap.measure(["Yes", "", "Yes", " "], ["Yes", "Yes", "", ""], ["en"] * 4)
    assert found.bleu.tolist() == pytest.approx([1, 0, 0, 0])
    assert found.chrf.tolist() == pytest.approx([1, 0, 0, 0])


def test_lists_of_other_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="2 texts, 1 references"):
        overlap.measure(["a", "b"], ["a"], ["en"])


def test_the_signatures_name_tokeniser_and_version() -> None:
    found = overlap.signatures()
    assert "tok:13a" in found["bleu"] and "tok:zh" in found["bleu_zh"] and "eff:yes" in found["bleu"]
    assert all(f"version:{sacrebleu.__version__}" in text for text in found.values())
