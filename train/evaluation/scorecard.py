"""Puts base and tuned side by side: every score of a split, for all of its records and for each category.

Texts are looked at once; what they give is statistics by record, and a category is a choice of rows. A score that
cannot be told stands there without a number and with the reason, so that its absence is never taken for a good sign.
Rejected: one BLEU over two languages (its tokenisers count differently), and scores of categories with a handful of
records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.evaluation import answer_checks, scores
from train.evaluation.answer_checks import Asked
from train.evaluation.bootstrap import LEAST, Comparison, Floats, Metric, compare, few, not_measured, ratio
from train.evaluation.generate import Answer
from train.evaluation.token_loss import loss_metric, perplexity_metric

Scorer = Callable[[Sequence[str], Sequence[str]], NDArray[np.float64]]
"""BERTScore: from answers and references to float64 [n, 3], NaN where it is not measured."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A record that both models answered.

    Attributes:
        id: of the record.
        asked: its prompt.
        reference: the response that the build has.
        lang: ISO 639-1; decides the tokeniser of BLEU.
        category: by which scores are split.
        base, tuned: what the models wrote.
    """

    id: str
    asked: Asked
    reference: str
    lang: str
    category: str
    base: Answer
    tuned: Answer


@dataclass(frozen=True, slots=True)
class Column:
    """One score's statistics of base and tuned.

    Attributes:
        metric: the score.
        rows: which records have it, int64 [n].
        sides: of base and of tuned, float64 [n, k] each.
        rate: whether the second statistic counts something rarer than records, which there must be enough of.
        why: why there are no statistics; "" where there are.
    """

    metric: Metric
    rows: NDArray[np.int64]
    sides: tuple[Floats, Floats]
    rate: str = ""
    why: str = ""

    def compared(self, members: NDArray[np.int64] | None, draws: int, seed: int) -> Comparison:
        """Return the comparison over some records, or over all."""
        if self.why:
            return not_measured(self.metric, len(self.rows if members is None else members), self.why)
        chosen = np.arange(len(self.rows)) if members is None else np.flatnonzero(np.isin(self.rows, members))
        base, tuned = (side[chosen] for side in self.sides)
        if self.rate and len(chosen) >= LEAST:
            counts = int(base[:, 1].sum()), int(tuned[:, 1].sum())
            if min(counts) < LEAST:
                why = f"{few(min(counts), what=self.rate)} (base {counts[0]}, tuned {counts[1]})"
                return not_measured(self.metric, len(chosen), why)
        return compare(self.metric, base, tuned, draws, seed)


@dataclass(frozen=True, slots=True)
class Category:
    """Scores of the records of one category.

    Attributes:
        name: of the category, "" for records without one.
        records: whose loss was measured.
        answered: that both models answered.
        scores: in the order of the split's.
    """

    name: str
    records: int
    answered: int
    scores: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class SplitScores:
    """Scores of one split.

    Attributes:
        name: of the split.
        records: whose loss was measured.
        answered: that both models answered.
        left_out: how many records were not measured, by reason.
        cut: of how many the response was cut at the maximum length before its loss was measured.
        scores: over all records.
        categories: each with as many scores, in order of name.
        identity_terms: by side and group: terms in words of blame, in neither, in words of praise; {} if not counted.
    """

    name: str
    records: int
    answered: int
    left_out: dict[str, int]
    cut: int
    scores: tuple[Comparison, ...]
    categories: tuple[Category, ...]
    identity_terms: dict[str, dict[str, tuple[int, int, int]]]


def split_scores(
    name: str,
    categories: Sequence[str],
    losses: tuple[Floats, Floats],
    answered: Sequence[Answered],
    scorer: Scorer | str,
    toxicity: bool,
    left_out: dict[str, int],
    cut: int,
    draws: int,
    seed: int,
    why_no_answers: str = "",
) -> SplitScores:
    """Return all scores of a split.

    Args:
        name: of the split.
        categories: of the records whose loss was measured.
        losses: of base and tuned, float64 [n, 2] each, as `token_loss` gives them.
        answered: the records that both models answered.
        scorer: BERTScore, or why there is none.
        toxicity: whether answers are held against the word lists.
        left_out: how many records were not measured, by reason.
        cut: of how many the response was cut.
        draws, seed: of the bootstrap.
        why_no_answers: where none were asked for.
    """
    loss_columns = _loss_columns(losses)
    answer_columns, terms = _answer_columns(answered, scorer, toxicity, why_no_answers)
    of_answers = [each.category for each in answered]

    def told(members: str | None) -> tuple[Comparison, ...]:
        rows = None if members is None else _where(categories, members)
        own = None if members is None else _where(of_answers, members)
        return (
            *(column.compared(rows, draws, seed) for column in loss_columns),
            *(column.compared(own, draws, seed) for column in answer_columns),
        )

    names = sorted({*categories, *of_answers})
    split = tuple(
        Category(each, categories.count(each), of_answers.count(each), told(each))
        for each in (names if len(names) > 1 else [])
    )
    return SplitScores(name, len(categories), len(answered), left_out, cut, told(None), split, terms)


def _where(categories: Sequence[str], wanted: str) -> NDArray[np.int64]:
    return np.array([row for row, each in enumerate(categories) if each == wanted], np.int64)


def _loss_columns(losses: tuple[Floats, Floats]) -> list[Column]:
    rows = np.arange(len(losses[0]))
    return [Column(metric, rows, losses) for metric in (loss_metric(), perplexity_metric())]


def _answer_columns(
    answered: Sequence[Answered], scorer: Scorer | str, toxicity: bool, why: str
) -> tuple[list[Column], dict[str, dict[str, tuple[int, int, int]]]]:
    columns = [*_text_columns(answered), _bert_column(answered, scorer), *_rule_columns(answered)]
    conduct, terms = _conduct_columns(answered, toxicity)
    if why:
        every = [Column(each.metric, each.rows, each.sides, why=why) for each in (*columns, *conduct)]
        return every, {}
    return [*columns, *conduct], terms


def _text_columns(answered: Sequence[Answered]) -> list[Column]:
    """Return BLEU by tokeniser, chrF, ROUGE-L, exact match and F1."""
    base, tuned = ([each.base.text for each in answered], [each.tuned.text for each in answered])
    references = [each.reference for each in answered]
    everyone = np.arange(len(answered))
    columns = []
    by_tokenizer = [scores.bleu_tokenizer(each.lang) for each in answered]
    for tokenizer in [one for one in scores.BLEU_GROUPS if one in by_tokenizer] or ["13a"]:
        rows = _where(by_tokenizer, tokenizer)
        ours, theirs, wanted = ([texts[row] for row in rows] for texts in (base, tuned, references))
        both = (
            scores.bleu_statistics(ours, wanted, tokenizer),
            scores.bleu_statistics(theirs, wanted, tokenizer),
        )
        columns.append(Column(scores.bleu_metric(tokenizer), rows, both))
    chrf = (scores.chrf_statistics(base, references), scores.chrf_statistics(tuned, references))
    columns.append(Column(scores.chrf_metric(), everyone, chrf))
    tokens = {side: scores.words(texts) for side, texts in (("b", base), ("t", tuned), ("r", references))}
    for metric, statistics_of in (
        (scores.rouge_metric(), scores.rouge_statistics),
        (scores.exact_metric(), scores.exact_statistics),
        (scores.f1_metric(), scores.f1_statistics),
    ):
        pair = (statistics_of(tokens["b"], tokens["r"]), statistics_of(tokens["t"], tokens["r"]))
        columns.append(Column(metric, everyone, pair))
    return columns


def _bert_column(answered: Sequence[Answered], scorer: Scorer | str) -> Column:
    everyone, nothing = np.arange(len(answered)), np.zeros((len(answered), 2))
    metric = Metric("bertscore", ratio(), unit="points", signature="bert-score|f1|no baseline rescaling")
    if isinstance(scorer, str):
        return Column(metric, everyone, (nothing, nothing), why=scorer)
    references = [each.reference for each in answered]
    base = scorer([each.base.text for each in answered], references)[:, 2]
    tuned = scorer([each.tuned.text for each in answered], references)[:, 2]
    rows = np.flatnonzero(~np.isnan(base) & ~np.isnan(tuned))
    if not len(rows):
        return Column(metric, everyone, (nothing, nothing), why="the encoder knows the script of no text")
    return Column(metric, rows, (_of_each(100 * base[rows]), _of_each(100 * tuned[rows])))


def _of_each(values: Floats) -> Floats:
    return np.stack([values, np.ones(len(values))], axis=1)


def _rule_columns(answered: Sequence[Answered]) -> list[Column]:
    everyone = np.arange(len(answered))
    asked = [each.asked for each in answered]
    ended = (
        answer_checks.ended_statistics([each.base.ended for each in answered]),
        answer_checks.ended_statistics([each.tuned.ended for each in answered]),
    )
    language = (
        answer_checks.language_statistics(asked, [each.base.text for each in answered]),
        answer_checks.language_statistics(asked, [each.tuned.text for each in answered]),
    )
    return [
        Column(answer_checks.ended_metric(), everyone, ended),
        Column(
            answer_checks.language_metric(), everyone, language, rate="answers whose language can be told"
        ),
    ]


def _conduct_columns(
    answered: Sequence[Answered], toxicity: bool
) -> tuple[list[Column], dict[str, dict[str, tuple[int, int, int]]]]:
    everyone = np.arange(len(answered))
    asked = [each.asked for each in answered]
    metrics = (answer_checks.toxic_metric(), answer_checks.toxicity_metric(), answer_checks.blame_metric())
    if not toxicity:
        nothing = np.zeros((len(answered), 2))
        why = "switched off in the recipe (evaluation.toxicity)"
        return [Column(metric, everyone, (nothing, nothing), why=why) for metric in metrics], {}
    base = answer_checks.conduct(asked, [each.base.text for each in answered])
    tuned = answer_checks.conduct(asked, [each.tuned.text for each in answered])
    columns = [
        Column(metrics[0], everyone, (base.toxic, tuned.toxic)),
        Column(metrics[1], everyone, (base.toxicity, tuned.toxicity)),
        Column(metrics[2], everyone, (base.blame, tuned.blame), rate="identity terms in the answers"),
    ]
    return columns, {"base": base.groups, "tuned": tuned.groups}
