"""Scores are those of sacrebleu, rouge-score and SQuAD; the bootstrap covers a difference that is known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from train.evaluation import scores
from train.evaluation.bootstrap import LEAST, Metric, compare, ratio

ENGLISH = (
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ("It rains in the north of the country today.", "Today it rains in the north of the country."),
    ("No.", "Yes, of course it does, whenever you ask for it."),
    ("", "An answer was expected here."),
    ("Boil the water, then add the tea leaves and wait.", "Boil the water, add tea leaves and wait."),
)
CHINESE = (
    ("今天北方下雨，出门请带伞。", "今天北方有雨，出门记得带伞。"),
    ("茶叶要用热水泡三分钟。", "泡茶要用热水，大约三分钟。"),
    ("不知道", "北京是中国的首都。"),
    ("北京是中国的首都。", "北京是中国的首都。"),
)
MIXED = st.text(alphabet="ab cd 中文的。.,", max_size=30)


@pytest.mark.parametrize(("pairs", "tokenizer"), [(ENGLISH, "13a"), (CHINESE, "zh"), (CHINESE, "char")])
def test_corpus_bleu_is_that_of_sacrebleu(pairs: tuple[tuple[str, str], ...], tokenizer: str) -> None:
    answers, references = zip(*pairs, strict=True)
    expected = BLEU(tokenize=tokenizer).corpus_score(answers, [references]).score
    found = scores.bleu_of(scores.bleu_statistics(answers, references, tokenizer).sum(axis=0))
    assert expected > 1
    assert float(found) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(MIXED, MIXED), min_size=1, max_size=6), st.sampled_from(["13a", "zh", "char"]))
def test_bleu_and_chrf_are_those_of_sacrebleu_for_any_texts(
    pairs: list[tuple[str, str]], tokenizer: str
) -> None:
    answers, references = zip(*pairs, strict=True)
    bleu = scores.bleu_of(scores.bleu_statistics(answers, references, tokenizer).sum(axis=0))
    assert float(bleu) == pytest.approx(
        BLEU(tokenize=tokenizer).corpus_score(answers, [references]).score, abs=1e-9
    )
    chrf = scores.chrf_of(scores.chrf_statistics(answers, references).sum(axis=0))
    assert float(chrf) == pytest.approx(CHRF().corpus_score(answers, [references]).score, abs=1e-9)


def test_signatures_name_tokeniser_and_version() -> None:
    assert "tok:zh" in scores.bleu_metric("zh").signature
    assert "tok:13a" in scores.bleu_metric(scores.bleu_tokenizer("en")).signature
    assert scores.chrf_metric().signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:0")
    assert scores.bleu_tokenizer("zh") == "zh" != scores.bleu_tokenizer("en")


def test_rouge_l_of_english_is_that_of_rouge_score_and_chinese_counts() -> None:
    answers, references = zip(*ENGLISH, strict=True)
    found = scores.rouge_statistics(scores.words(answers), scores.words(references))
    scorer = RougeScorer(["rougeL"])
    expected = [100 * scorer.score(b, a)["rougeL"].fmeasure for a, b in ENGLISH]
    assert found[:, 0] == pytest.approx(expected)
    answers, references = zip(*CHINESE, strict=True)
    chinese = scores.rouge_statistics(scores.words(answers), scores.words(references))[:, 0]
    assert [scorer.score(b, a)["rougeL"].fmeasure for a, b in CHINESE] == [0, 0, 0, 0]
    # 今天北方雨出门带伞 of 11 and 12 characters; the last is the same text
    assert chinese[0] == pytest.approx(100 * 2 * 9 / (11 + 12))
    assert chinese[3] == 100


@pytest.mark.parametrize(
    ("answer", "reference", "exact", "f1"),
    [
        ("The Eiffel Tower!", "eiffel tower", 100, 100),
        ("It is the tower", "a tall tower", 0, 200 / 5),
        ("北京。", "北京", 100, 100),
        ("北京是首都", "首都是北京", 0, 100),
        ("上海", "北京", 0, 0),
        ("１２ 个", "12个", 100, 100),
        ("1.5", "15", 0, 0),
        ("-5", "5", 0, 200 / 3),
        ("", "something", 0, 0),
        ("!", "?", 0, 0),
        ("The", "the", 100, 100),
        ("", "", 100, 100),
    ],
)
def test_exact_match_and_token_f1(answer: str, reference: str, exact: float, f1: float) -> None:
    ours, theirs = scores.words([answer, reference])
    assert scores.exact_statistics([ours], [theirs])[0, 0] == exact
    assert scores.f1_statistics([ours], [theirs])[0, 0] == pytest.approx(f1)


def squad_f1(prediction: str, truth: str) -> float:
    """F1 as the evaluation script of SQuAD 1.1 computes it, for texts without punctuation and articles."""
    ours, theirs = prediction.lower().split(), truth.lower().split()
    same = sum((Counter(ours) & Counter(theirs)).values())
    if not same:
        return 0.0
    precision, recall = same / len(ours), same / len(theirs)
    return 2 * precision * recall / (precision + recall)


@given(
    st.lists(st.sampled_from(["Red", "green", "blue"]), min_size=1),
    st.lists(st.sampled_from(["red", "Blue"]), min_size=1),
)
def test_token_f1_is_squads(ours: list[str], theirs: list[str]) -> None:
    one, other = " ".join(ours), " ".join(theirs)
    tokens = scores.words([one, other])
    assert scores.f1_statistics([tokens[0]], [tokens[1]])[0, 0] == pytest.approx(100 * squad_f1(one, other))


MEAN = Metric("mean", ratio())


def of(values: np.ndarray) -> np.ndarray:
    return np.stack([values, np.ones(len(values))], axis=1)


def test_the_interval_covers_a_known_difference_as_often_as_it_says() -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    covered = 0
    for seed in range(200):
        hard = generator.normal(
            0, 3, 80
        )  # what base and tuned share: an unpaired interval would be far wider
        base, tuned = hard + generator.normal(0, 1, 80), hard + 0.5 + generator.normal(0, 1, 80)
        found = compare(MEAN, of(base), of(tuned), 200, seed)
        assert found.low is not None and found.high is not None
        covered += found.low <= 0.5 <= found.high
        assert found.high - found.low < 1
    assert 178 <= covered <= 199


def test_equal_seeds_give_equal_intervals_and_others_do_not() -> None:
    values = np.random.Generator(np.random.PCG64(1)).normal(size=(2, 50))
    once, again, other = (compare(MEAN, of(values[0]), of(values[1]), 100, seed) for seed in (4, 4, 5))
    assert once == again
    assert (once.low, once.high) != (other.low, other.high)


def test_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(60.0).reshape(2, 30) ** 1.5
    whole = compare(MEAN, of(values[0]), of(values[1]), 100, 0)
    monkeypatch.setattr("train.evaluation.bootstrap._CELLS", 30 * 7)
    assert compare(MEAN, of(values[0]), of(values[1]), 100, 0) == whole


def test_bleu_has_an_interval_and_a_verdict() -> None:
    answers, references = zip(*(CHINESE * 8), strict=True)
    metric = scores.bleu_metric("zh")
    perfect = scores.bleu_statistics(references, references, "zh")
    found = compare(metric, scores.bleu_statistics(answers, references, "zh"), perfect, 200, 0)
    assert found.tuned == pytest.approx(100)
    assert found.verdict == "better" and found.won == 1.0
    assert compare(metric, perfect, perfect, 200, 0).verdict == "open"


def test_what_lower_is_better_for_is_judged_the_other_way_round() -> None:
    loss = Metric("loss", ratio(), better="lower")
    values = np.linspace(1, 2, 40)
    assert compare(loss, of(values), of(values - 0.5), 100, 0).verdict == "better"
    assert compare(loss, of(values), of(values + 0.5), 100, 0).verdict == "worse"


def test_few_records_and_nothing_to_divide_by_are_not_measured() -> None:
    few = np.ones((LEAST - 1, 2))
    found = compare(MEAN, few, few, 100, 0)
    assert (
        found.base is None
        and found.verdict == "not measured"
        and f"{LEAST - 1} records, and a score asks for {LEAST}" in found.why
    )
    nothing = np.zeros((LEAST, 2))
    assert "no record" in compare(MEAN, nothing, nothing, 100, 0).why
    with pytest.raises(ValueError, match="shapes"):
        compare(MEAN, few, nothing, 100, 0)
