"""Perplexity of a list of records in one call, without a build: learn, score, compare.

The stage does the same in pieces (learn by shard, measure by text, decide once); this is the road for a notebook, a
benchmark or a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quality.perplexity.background import background
from quality.perplexity.counts import FOLDS, Counts, fit, load, summarise
from quality.perplexity.norms import badness, distances, evidence, groups, unended
from quality.perplexity.plausibility import Plausibility
from quality.perplexity.prompts import score_prompts
from quality.perplexity.scores import Scores, score
from quality.perplexity.symbols import fold_of

_SHARD = 8192


@dataclass(frozen=True, slots=True)
class Sample:
    """One record: what was asked ("" for a document), what was answered, its language, and its duplicate cluster.

    Records of one cluster never judge each other; one without a cluster gets its own.
    """

    prompt: str
    response: str
    lang: str = ""
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """Numbers of n records, each float64 [n]; nan: not measured.

    Attributes:
        perplexity, given_prompt: exp of the mean cost of a character, of the response and after its prompt.
        ifd: instruction-following difficulty, mean cost after the prompt over that without (Li et al. 2023).
        far: by measure, how many scales above what is usual in its language and script.
        badness: one number to rank by, the higher the worse.
        scores: all numbers that these come from; prompts: those of the prompts.
    """

    perplexity: NDArray[np.float64]
    given_prompt: NDArray[np.float64]
    ifd: NDArray[np.float64]
    far: dict[str, NDArray[np.float64]]
    badness: NDArray[np.float64]
    scores: Scores
    prompts: Plausibility


def judge(samples: Sequence[Sample], corpus: Sequence[Sample] | None = None, threads: int = 1) -> Judged:
    """Return the numbers of records, each scored by what records of other folds hold.

    Args:
        samples: the records to judge.
        corpus: records to learn from and to compare with; by default the samples themselves. One that shares a
            cluster with a sample takes no part in judging it.
        threads: cores to use.
    """
    reference = samples if corpus is None else corpus
    counts = learn(reference, threads)
    scores = _scored(samples, counts, threads)
    if corpus is None:
        joined, languages = scores, [each.lang for each in samples]
    else:
        theirs = _scored(corpus, counts, threads)
        joined = Scores(
            *(np.concatenate([a, b]) for a, b in zip(_arrays(scores), _arrays(theirs), strict=True))
        )
        languages = [each.lang for each in (*samples, *corpus)]
    group, measured = groups(languages, joined)
    usual = np.ones(len(languages), np.bool_)
    usual[: len(samples)] = corpus is None
    found = evidence(joined) | {"unended": unended(joined, group, usual)}
    far = distances(found, group, measured, usual)
    bad = badness(far, group, measured, usual)
    own = slice(0, len(samples))
    with np.errstate(invalid="ignore"):
        known = np.where(measured[own], 1.0, np.nan)
        return Judged(
            np.exp(scores.nats) * known,
            np.exp(scores.given_prompt) * known,
            scores.given_prompt / scores.nats * known,
            {name: values[own] for name, values in far.items()},
            bad[own],
            scores,
            score_prompts(
                [each.prompt for each in samples], [_fold(each) for each in samples], counts, threads
            ),
        )


def learn(samples: Sequence[Sample], threads: int = 1) -> Counts:
    """Return what records teach, prompts and responses, in folds by cluster."""

    def partial(start: int) -> pa.Table:
        some = samples[start : start + _SHARD]
        folds = [_fold(each) for each in some]
        texts = [each.response for each in some] + [each.prompt for each in some]
        return summarise(texts, folds + folds)

    with ThreadPoolExecutor(threads) as pool:
        partials = list(pool.map(partial, range(0, len(samples), _SHARD)))
    return load(fit([background(), *partials], threads=threads))


def _scored(samples: Sequence[Sample], counts: Counts, threads: int) -> Scores:
    folds = [_fold(each) for each in samples]
    return score(
        [each.prompt for each in samples], [each.response for each in samples], folds, counts, threads
    )


def _fold(sample: Sample) -> int:
    return fold_of(sample.cluster or f"{sample.prompt}\x1f{sample.response}", FOLDS)


def _arrays(scores: Scores) -> list[NDArray[np.float64]]:
    return [getattr(scores, name) for name in Scores.__slots__]
