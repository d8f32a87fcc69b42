"""Perplexity of responses by a model that never saw them, and what is unusual about them."""

from quality.perplexity.background import background
from quality.perplexity.counts import FOLDS, Counts, fit, load, summarise
from quality.perplexity.excuses import REQUESTED, excuses
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
    has_keys,
    has_strange_words,
    has_wording,
    keyboard_evidence,
    norm,
    unended,
    wording_evidence,
)
from quality.perplexity.plausibility import Plausibility
from quality.perplexity.prompts import score_prompts
from quality.perplexity.scores import Scores, score
from quality.perplexity.symbols import SCRIPTS, fold_of

__all__ = [
    "FOLDS",
    "MIN_CHARACTERS",
    "MIN_RECORDS",
    "REQUESTED",
    "SCRIPTS",
    "Counts",
    "Evidence",
    "Judged",
    "Norm",
    "Plausibility",
    "Sample",
    "Scores",
    "background",
    "badness",
    "distances",
    "ends_in_prose",
    "evidence",
    "excuses",
    "fit",
    "fold_of",
    "groups",
    "has_keys",
    "has_strange_words",
    "has_wording",
    "judge",
    "keyboard_evidence",
    "learn",
    "load",
    "norm",
    "score",
    "score_prompts",
    "summarise",
    "unended",
    "wording_evidence",
]
