"""Sentence BLEU and chrF of a text against a reference, as sacrebleu computes them.

BLEU is smoothed (`exp`) and takes only the n-gram orders that a short sentence has (effective order), as sacrebleu
does for sentences; Chinese is cut by its `zh` tokeniser. The metric objects are made once a process, and `signatures`
tells how the numbers can be made again. Rejected: nltk's BLEU (another tokeniser, other numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

CHINESE = frozenset(("zh",))


@dataclass(frozen=True, slots=True)
class Overlap:
    """BLEU and chrF by pair, each float64 [n] from 0 to 1."""

    bleu: NDArray[np.float64]
    chrf: NDArray[np.float64]


@cache
def _bleu(chinese: bool) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True, tokenize="zh" if chinese else "13a")


@cache
def _chrf() -> CHRF:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def sentence_bleu(text: str, reference: str, language: str) -> float:
    """Return BLEU of one text against one reference, 0 to 1; an empty one scores 0.

    Args:
        text, reference: the pair.
        language: ISO 639-1; `zh` chooses the Chinese tokeniser.
    """
    if not text.strip() or not reference.strip():
        return 0.0
    return float(_bleu(language in CHINESE).sentence_score(text, [reference]).score) / 100


def measure(texts: Sequence[str], references: Sequence[str], languages: Sequence[str]) -> Overlap:
    """Return sentence BLEU and chrF of each text against its reference; an empty text or reference scores 0.

    Args:
        texts, references: pairs.
        languages: ISO 639-1 of each pair; `zh` chooses the Chinese tokeniser.

    Raises:
        ValueError: the lists are not equally long.
    """
    if not len(texts) == len(references) == len(languages):
        raise ValueError(f"{len(texts)} texts, {len(references)} references, {len(languages)} languages")
    bleu, chrf = np.zeros(len(texts)), np.zeros(len(texts))
    for row, (text, reference, language) in enumerate(zip(texts, references, languages, strict=True)):
        bleu[row] = sentence_bleu(text, reference, language)
        if text.strip() and reference.strip():
            chrf[row] = _chrf().sentence_score(text, [reference]).score / 100
    return Overlap(bleu, chrf)


def signatures() -> dict[str, str]:
    """Return sacrebleu's signature of each metric: `bleu`, `bleu_zh` and `chrf`."""
    found = {}
    for name, metric in (("bleu", _bleu(False)), ("bleu_zh", _bleu(True)), ("chrf", _chrf())):
        metric.sentence_score("a", ["a"])  # a signature counts the references that it saw
        found[name] = str(metric.get_signature())
    return found
