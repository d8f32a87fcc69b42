"""Children beside their parents: what is measured of the texts that differ, taken together.

A child that changes one field is judged by that field alone: an input of a page beside it would drown every difference.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.augment.protect import Guard
from pipeline.models import ModelRef, Models
from pipeline.models.bert_scorer import match
from pipeline.stages.proposing import judgeable
from quality import fidelity, overlap, perplexity
from quality.language import identify

TEXTS = ("system", "instruction", "input", "output")
BOTH = (*(f"parent.{name}" for name in TEXTS), *TEXTS)
FOLDS = 5
_DIGITS = 6
"""Digits of a number that are kept: what is finer may differ from machine to machine."""
_EXACT = ("code", "url", "placeholder", "quote", "name")
"""Kinds of protected text that a child must hold just as its parent does, but for width and case."""
_READ = ("en", "zh")
"""Languages whose numbers the meaning judge reads ("ten" is 10); in others they must stand as they are, too."""
_SURE = 0.9
"""Confidence from which a child is taken to be in another language."""

Floats = NDArray[np.float64]


class Families:
    """The children of a batch beside their parents: the texts that differ, taken together."""

    def __init__(self, batch: pa.Table) -> None:
        self.size = batch.num_rows
        methods, languages = (batch.column(name).to_pylist() for name in ("augment_method", "lang"))
        self.rows: list[int] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self.languages: list[str] = []
        for row, texts in enumerate(rows_of(batch, BOTH)):
            parent, child = texts[: len(TEXTS)], texts[len(TEXTS) :]
            if not methods[row] or not any(parent):
                continue
            changed = [(a, b) for a, b in zip(parent, child, strict=True) if a != b]
            self.rows.append(row)
            self.before.append("\n".join(a for a, _ in changed if a))
            self.after.append("\n".join(b for _, b in changed if b))
            self.languages.append(languages[row].partition("-")[0])
        unknown = [n for n, code in enumerate(self.languages) if not code]
        for n, found in zip(
            unknown, identify([self.before[n] for n in unknown]) if unknown else [], strict=True
        ):
            self.languages[n] = found.code.partition("-")[0]

    def spread(self, values: Floats) -> pa.Array:
        """Return values at their rows, null elsewhere and where nothing was measured."""
        column = np.full(self.size, np.nan)
        column[self.rows] = np.round(values, _DIGITS)
        return pa.array(column, pa.float64(), mask=np.isnan(column))

    def _words(self, values: Sequence[str]) -> pa.Array:
        column: list[str | None] = [None] * self.size
        for row, value in zip(self.rows, values, strict=True):
            column[row] = value
        return pa.array(column, pa.string())

    def texts(self) -> pa.Table:
        """Return `copy` (BLEU), `lost` (a kind of protected text that differs) and `other_language`, or ""."""
        guard = Guard()
        pairs = list(zip(self.before, self.after, self.languages, strict=True))
        lost = [_lost(*pair, guard) for pair in pairs]
        copy = np.array(
            [1.0 if b == a else overlap.sentence_bleu(a, b, lang) for b, a, lang in pairs], np.float64
        )
        other = _other_languages(self.before, self.after, self.languages)
        return pa.table(
            {"copy": self.spread(copy), "lost": self._words(lost), "other_language": self._words(other)}
        )

    def meaning(self, models: Models, ref: ModelRef) -> pa.Table:
        """Return `meaning`, `meaning_difference`, `similarity` (cosine) and `bertscore`, the last two of one pass."""
        embedder = models.embedder(ref)
        cosine, words = np.full(len(self.rows), np.nan), np.full(len(self.rows), np.nan)
        use = np.flatnonzero(judgeable(self.before, embedder) & judgeable(self.after, embedder)).tolist()
        texts = sorted({side[n] for n in use for side in (self.before, self.after)})
        vectors, tokens = embedder.encode_tokens(texts)
        at = {text: row for row, text in enumerate(texts)}
        for n in use:
            one, other = at[self.after[n]], at[self.before[n]]
            cosine[n] = vectors[one].astype(np.float64) @ vectors[other].astype(np.float64)
            words[n] = match(tokens[one], tokens[other])[2]
        # Asked for after the tokens were: the embedder remembers these vectors.
        found = fidelity.measure(self.before, self.after, self.languages, embedder.encode)
        return pa.table({
            "meaning": self.spread(found.scores),
            "meaning_difference": self._words(found.kinds),
            "similarity": self.spread(cosine),
            "bertscore": self.spread(words),
        })  # fmt: skip

    def perplexity(self, fit: pa.Table, folds: list[int], prompts: Sequence[str], models: Models) -> pa.Table:
        """Return `perplexity_factor`: of a character beside the parent's, less the standard error of both.

        And of every record `characters`, which tell whether the model has read enough to judge by.
        """
        counts, own = perplexity.load(fit), [folds[row] for row in self.rows]
        asked = [""] * len(own)
        child, parent = (
            perplexity.score(asked, side, own, counts, models.threads or 1)
            for side in (self.after, self.before)
        )
        error = np.sqrt(np.nan_to_num(child.error) ** 2 + np.nan_to_num(parent.error) ** 2)
        gap = child.nats - parent.nats
        factor = np.exp(np.sign(gap) * np.maximum(np.abs(gap) - error, 0))
        return pa.table({
            "perplexity_factor": self.spread(factor), "characters": pa.array(map(len, prompts), pa.int64())
        })  # fmt: skip


def rows_of(batch: pa.Table, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return some string columns, row by row."""
    return list(zip(*(batch.column(name).to_pylist() for name in names), strict=True))


def prompts_of(batch: pa.Table) -> list[str]:
    """Return system message, instruction and input of each record as one text."""
    return ["\n".join(part for part in row if part) for row in rows_of(batch, TEXTS[:-1])]


def folds_of(batch: pa.Table) -> list[int]:
    """Return the fold of each record: that of its cluster, or of its root, so that a child is in its parent's."""
    return [
        perplexity.fold_of(cluster or root, FOLDS) for cluster, root in rows_of(batch, ("cluster", "root"))
    ]


def _other_languages(before: Sequence[str], after: Sequence[str], declared: Sequence[str]) -> list[str]:
    """Return the language of each child where that is surely neither its parent's nor the declared one; else ""."""
    if not before:
        return []
    told = zip(identify(before, library="none"), identify(after, library="none"), declared, strict=True)
    return [
        child.code if child.confidence >= _SURE and child.code not in (parent.code, language, "und") else ""
        for parent, child, language in told
    ]


def _lost(before: str, after: str, language: str, guard: Guard) -> str:
    """Return the kind of the first protected text that one side has and the other has not; "" if there is none."""
    kinds = _EXACT if language in _READ else (*_EXACT, "number")
    for one, other in ((before, after), (after, before)):
        low = _folded(other)
        for (kind, text), count in guard.protect(one).values().items():
            if kind in kinds and low.count(_folded(text)) < count:
                return kind
    return ""


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
