"""Scores of answers against references: BLEU, chrF, ROUGE-L, exact match and token F1, in English and Chinese alike.

Each is given as statistics by record whose sums make the score (see `bootstrap`), so that corpus scores, scores by
category and their intervals come from one look at the texts. BLEU and chrF count as sacrebleu counts, each language
with a tokeniser of its own and never two in one number; ROUGE-L is rouge-score's with the tokens of `quality.tokens`,
because its own keep nothing but a–z and 0–9 and give every Chinese answer 0. The same tokens decide exact match and F1
(SQuAD's definition, Rajpurkar et al. 2016): case, width, punctuation and English articles do not count, but 1.5 is not
15 and -5 not 5. All run from 0 to 100. Rejected: sentence BLEU averaged (another, higher number than papers report).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from quality.tokens import tokenise
from train.evaluation.bootstrap import Floats, Metric, ratio

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

ORDERS = 4
CHARACTER_ORDERS = 6
_BETA = 2
TOKENIZERS = {"zh": "zh", "ja": "char", "th": "char", "lo": "char", "my": "char", "km": "char"}
"""sacrebleu's tokeniser by language; all others are cut by `13a`, the one of mteval."""
ARTICLES = ("a", "an", "the")

BLEU_GROUPS = {"13a": "bleu", "zh": "bleu_zh", "char": "bleu_char"}
"""Name of the score by tokeniser."""


def bleu_tokenizer(language: str) -> str:
    """Return the sacrebleu tokeniser for a language, ISO 639-1."""
    return TOKENIZERS.get(language, "13a")


@cache
def _bleu(tokenizer: str, corpus: bool = False) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=tokenizer, effective_order=not corpus)


def bleu_metric(tokenizer: str) -> Metric:
    """Return corpus BLEU of texts cut by one of sacrebleu's tokenisers."""
    return Metric(BLEU_GROUPS[tokenizer], bleu_of, unit="points", signature=_signature("bleu", tokenizer))


def bleu_statistics(answers: Sequence[str], references: Sequence[str], tokenizer: str) -> Floats:
    """Return float64 [n, 10]: tokens of the answer, of the reference, matches by order, n-grams by order."""
    rows = np.zeros((len(answers), 2 + 2 * ORDERS))
    for row, (answer, reference) in enumerate(zip(answers, references, strict=True)):
        found = _bleu(tokenizer).sentence_score(answer, [reference])
        rows[row] = [found.sys_len, found.ref_len, *found.counts, *found.totals]
    return rows


def bleu_of(sums: Floats) -> Floats:
    """Return corpus BLEU with `exp` smoothing, as sacrebleu computes it, 0 to 100, of sums [..., 10]."""
    own, other = sums[..., 0], sums[..., 1]
    matches, totals = sums[..., 2 : 2 + ORDERS], sums[..., 2 + ORDERS :]
    halved = np.cumsum(matches == 0, axis=-1)
    counted = np.where(matches == 0, 0.5**halved, matches)
    defined = (totals > 0).all(axis=-1) & (matches > 0).any(axis=-1)
    logs = np.log(counted / np.where(totals > 0, totals, 1)).mean(axis=-1)
    short = np.minimum(0.0, 1 - other / np.where(own > 0, own, 1))
    return np.where(defined, 100 * np.exp(logs + short), 0.0)


def chrf_metric() -> Metric:
    """Return corpus chrF2 (Popović 2015), which needs no tokeniser and suits every language."""
    return Metric("chrf", chrf_of, unit="points", signature=_signature("chrf", ""))


def chrf_statistics(answers: Sequence[str], references: Sequence[str]) -> Floats:
    """Return float64 [n, 18]: n-grams of the answer, of the reference, and matches, for each of six orders."""
    from sacrebleu.metrics.helpers import extract_all_char_ngrams

    rows = np.zeros((len(answers), 3 * CHARACTER_ORDERS))
    for row, (answer, reference) in enumerate(zip(answers, references, strict=True)):
        ours = extract_all_char_ngrams(answer, CHARACTER_ORDERS, False)
        theirs = extract_all_char_ngrams(reference, CHARACTER_ORDERS, False)
        for order, (own, other) in enumerate(zip(ours, theirs, strict=True)):
            same = sum(min(times, other[gram]) for gram, times in own.items() if gram in other)
            # as sacrebleu: what has no reference of an order cannot miss it
            rows[row, 3 * order : 3 * order + 3] = [own.total() if other else 0, other.total(), same]
    return rows


def chrf_of(sums: Floats) -> Floats:
    """Return corpus chrF2, as sacrebleu computes it, 0 to 100, of sums [..., 18]."""
    own, other, same = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    counted = (own > 0) & (other > 0)
    orders = np.maximum(counted.sum(axis=-1), 1)
    precision = np.where(counted, same / np.where(own > 0, own, 1), 0).sum(axis=-1) / orders
    recall = np.where(counted, same / np.where(other > 0, other, 1), 0).sum(axis=-1) / orders
    factor = _BETA**2
    below = factor * precision + recall
    return np.where(below > 0, 100 * (1 + factor) * precision * recall / np.where(below > 0, below, 1), 0.0)


def _signature(kind: str, tokenizer: str) -> str:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF() if kind == "chrf" else _bleu(tokenizer, corpus=True)
    metric.corpus_score(["a"], [["a"]])  # a signature counts the references that it saw
    return str(metric.get_signature())


def words(texts: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each text as numbers: words, single characters where a script writes no spaces."""
    found: list[list[int]] = []
    for chunk in tokenise(texts):
        values, bounds, whole = chunk.values.tolist(), chunk.offsets.tolist(), chunk.whole.tolist()
        for row, sign in enumerate(whole):
            # a text of signs only is one token, so that `!` is not the same answer as `?`
            found.append(values[bounds[row] : bounds[row + 1]] or ([sign] if sign else []))
    return found


TOKENS = "quality.tokens"


def rouge_metric() -> Metric:
    """Return ROUGE-L (Lin 2004), F1 over the longest common subsequence, averaged over records."""
    signature = f"rougeL|f1|stem:no|tok:{TOKENS}|version:{version('rouge-score')}"
    return Metric("rouge_l", ratio(), unit="points", signature=signature)


def rouge_statistics(answers: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> Floats:
    """Return float64 [n, 2]: ROUGE-L of each answer, 0 to 100, and 1.

    Args:
        answers, references: tokens, as `words` gives them.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"], tokenizer=_AsIs())
    rows = np.ones((len(answers), 2))
    for row, (answer, reference) in enumerate(zip(answers, references, strict=True)):
        rows[row, 0] = 100 * scorer.score(reference, answer)["rougeL"].fmeasure
    return rows


class _AsIs:
    """A tokeniser for rouge-score that is given tokens."""

    def tokenize(self, tokens: Sequence[int]) -> list[int]:
        return list(tokens)


def exact_metric() -> Metric:
    """Return the share of answers that are the reference, but for case, width, punctuation and articles."""
    return Metric("exact_match", ratio(), unit="%", signature=f"exact|squad|tok:{TOKENS}|articles:no")


def f1_metric() -> Metric:
    """Return SQuAD's token F1, averaged over records."""
    return Metric("token_f1", ratio(), unit="points", signature=f"f1|squad|tok:{TOKENS}|articles:no")


@cache
def _articles() -> frozenset[int]:
    return frozenset(token for row in words(ARTICLES) for token in row)


def answer_tokens(tokens: Sequence[int]) -> list[int]:
    """Return tokens without English articles; those of a text that is articles only stay."""
    return [token for token in tokens if token not in _articles()] or list(tokens)


def exact_statistics(answers: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> Floats:
    """Return float64 [n, 2]: 100 where the tokens are equal, else 0; and 1."""
    same = [answer_tokens(a) == answer_tokens(b) for a, b in zip(answers, references, strict=True)]
    return np.array([[100.0 * each, 1.0] for each in same]).reshape(-1, 2)


def f1_statistics(answers: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> Floats:
    """Return float64 [n, 2]: token F1 of each answer, 0 to 100, and 1; of two empty texts 100."""
    rows = np.ones((len(answers), 2))
    for row, pair in enumerate(zip(answers, references, strict=True)):
        ours, theirs = (answer_tokens(each) for each in pair)
        same = (Counter(ours) & Counter(theirs)).total()
        size = len(ours) + len(theirs)
        rows[row, 0] = 200 * same / size if size else 100.0
    return rows
