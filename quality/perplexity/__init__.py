"""Perplexity of responses by a model that never saw them, and what is unusual about them."""

from quality.perplexity.background import background
from quality.perplexity.counts import FOLDS, Counts, fit, load, summarise
from quality.perplexity.judge import Judged, Sample, judge, learn
from quality.perplexity.norms import (
    MIN_CHARACTERS,
    MIN_RECORDS,
    Evidence,
    Norm,
    badness,
    distances,
    ends_in_prose,
    evidence,
    groups,
    norm,
)
from quality.perplexity.scores import Scores, score
from quality.perplexity.symbols import SCRIPTS, fold_of

__all__ = [
    "FOLDS",
    "MIN_CHARACTERS",
    "MIN_RECORDS",
    "SCRIPTS",
    "Counts",
    "Evidence",
    "Judged",
    "Norm",
    "Sample",
    "Scores",
    "background",
    "badness",
    "distances",
    "ends_in_prose",
    "evidence",
    "fit",
    "fold_of",
    "groups",
    "judge",
    "learn",
    "load",
    "norm",
    "score",
    "summarise",
]
