"""Learns to tell a prompt's own response from a stranger's, from nothing but the corpus.

Every record is an example of belonging together; with the response of another record, far in topic or near, one of not.
Both are of one fold, so neither record's own traces are in the tables that judge them. Two models: with vectors, for
texts an embedder can judge, and by words alone for all others; a group of fewer than `LEAST_RECORDS` is not measured.
Rejected: strangers only from far away (what tells them apart is the topic alone) and labels (nobody has them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from quality import lexical
from quality.relevance.associated import Associated, learn_associated
from quality.relevance.canonical import Canonical, learn_canonical
from quality.relevance.copied import Copied, learn_copied
from quality.relevance.draw import FOLDS, MOST_EMBEDDED, MOST_LEARNT, Exchange, Vectors
from quality.relevance.features import Texts, texts_of, word_features
from quality.relevance.form import Form, common_openings, learn_form
from quality.relevance.logistic import Logistic, fit_logistic
from quality.relevance.meaning import Strangers, meaning_features, rounded, sample_strangers
from quality.relevance.words import F64
from quality.tokens import I64

LEAST_RECORDS = 200
"""Records of a group from which relevance is measured; with fewer, a fold teaches the others nothing."""
GROUPS = ("vectors", "words")
NEAR = 4
"""A near stranger is one of so many nearest prompts of the same fold, a quarter of the corpus."""
ALIKE = 0.9
"""Prompts more alike than this (cosine) are one request, and their responses no strangers."""
_MOST_FITTED = 3_000
_BLOCK = 512
_TRIMS = 2


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that was learnt; a group without a model is not measured."""

    copied: Copied
    contexts: Copied
    associated: Associated
    canonical: Canonical
    form: Form
    strangers: Strangers
    models: dict[str, Logistic]
    records: dict[str, int]


def fit(partials: Sequence[pa.Table]) -> pa.Table:
    """Return what the summaries of all shards teach, whatever their order, as named arrays (see `load`)."""
    table = pa.concat_tables(partials).sort_by(
        [("hash", "ascending"), ("request", "ascending"), ("response", "ascending"), ("fold", "ascending")]
    )
    table = table.slice(0, MOST_LEARNT)
    exchanges = [
        Exchange(row["request"], row["context"], row["response"], row["fold"])
        for row in table.select(["request", "context", "response", "fold"]).to_pylist()
    ]
    folds = np.array([one.fold for one in exchanges], np.int64)
    openings = common_openings(form_hashes(exchanges))
    texts = texts_of(exchanges, openings)
    draft = Fitted(
        learn_copied(texts.requests, texts.responses, folds), learn_copied(texts.contexts, texts.responses, folds),
        learn_associated(texts.requests, texts.responses, folds),
        learn_canonical(texts.requests, texts.responses, folds),
        learn_form(texts.requests, texts.forms, folds, openings), Strangers(*_nothing()), {}, {},
    )  # fmt: skip
    looked = np.array(table.column("looked").to_pylist(), bool)[:MOST_EMBEDDED]
    vectors = _vectors(table.slice(0, MOST_EMBEDDED))
    known = np.flatnonzero(vectors.known)
    strangers = sample_strangers(vectors.take(known), folds[known]) if len(known) else draft.strangers
    words_only = np.flatnonzero(looked & ~vectors.known)
    models: dict[str, Logistic] = {}
    records = {"vectors": len(known), "words": len(words_only)}
    for group, rows in (("vectors", known), ("words", words_only)):
        if len(rows) >= LEAST_RECORDS:
            use = vectors if group == "vectors" else None
            models[group] = _model(draft, strangers, texts, exchanges, folds, rows[:_MOST_FITTED], use)
    return _dump(
        Fitted(
            draft.copied,
            draft.contexts,
            draft.associated,
            draft.canonical,
            draft.form,
            strangers,
            models,
            records,
        )
    )


def form_hashes(exchanges: Sequence[Exchange]) -> NDArray[np.uint64]:
    """Return the hashes of the first words of responses."""
    from quality.relevance.features import opening_hashes

    return opening_hashes([one.response for one in exchanges])


def _nothing() -> tuple[NDArray[np.float32], NDArray[np.float32], I64]:
    return np.zeros((0, 1), np.float32), np.zeros((0, 1), np.float32), np.zeros(0, np.int64)


def _vectors(table: pa.Table) -> Vectors:
    lists = {name: table.column(f"{name}_vector").to_pylist() for name in ("request", "whole", "response")}
    known = np.array([value is not None for value in lists["request"]], bool)
    width = next((len(value) for value in lists["request"] if value is not None), 1)
    blank = [0.0] * width
    arrays = {
        name: np.array([blank if value is None else value for value in values], np.float32).reshape(-1, width)
        for name, values in lists.items()
    }
    return Vectors(arrays["request"], arrays["whole"], arrays["response"], known)


def _model(
    learnt: Fitted, strangers: Strangers, texts: Texts, exchanges: Sequence[Exchange], folds: I64, rows: I64,
    vectors: Vectors | None,
) -> Logistic:  # fmt: skip
    """Fit the model of one group: its records, each once with a far and once with a near stranger's response."""
    asked = [exchanges[row].request for row in rows.tolist()]
    sights = vectors.request[rows] if vectors is not None else _lexical(asked)
    far, near = _strange(sights, folds[rows], [exchanges[row].response for row in rows.tolist()])
    parts = []
    for partner in (np.arange(len(rows)), far, near):
        j = rows[partner]
        found = word_features(learnt, texts, rows, texts, j, folds[rows])
        if vectors is not None:
            found = np.column_stack(
                [found, meaning_features(strangers, vectors, rows, vectors, j, folds[rows])]
            )
        parts.append(found)
    same = [(partner == np.arange(len(rows))) for partner in (far, near)]
    truth = np.concatenate([np.ones(len(rows)), np.zeros(2 * len(rows))])
    share = np.concatenate([np.ones(len(rows)), *(np.where(one, 0.0, 0.5) for one in same)])
    return _trimmed(np.concatenate(parts), truth, share)


def _trimmed(found: F64, truth: F64, share: F64) -> Logistic:
    """Fit a model, then again without the records that look like strangers: some are, and would blunt it."""
    model = fit_logistic(found, truth, share)
    for _ in range(_TRIMS):
        odds = model.log_odds(found)
        usual = np.median(odds[(truth == 0) & (share > 0)])
        model = fit_logistic(found, truth, np.where((truth == 1) & (odds < usual), 0.0, share))
    return model


def _lexical(texts: Sequence[str]) -> NDArray[np.float32]:
    return lexical.embed(texts, lexical.fit([lexical.summarise(texts)]))


def _strange(sights: NDArray[np.float32], folds: I64, responses: Sequence[str]) -> tuple[I64, I64]:
    """Return for each record a far and a near one of its fold, or itself where there is none.

    Which of the nearest it is goes round with the number of the record, so that no random number is drawn.
    """
    far, near = np.arange(len(folds)), np.arange(len(folds))
    for fold in range(FOLDS):
        own = np.flatnonzero(folds == fold)
        if len(own) < NEAR + 2:
            continue
        far[own] = np.roll(own, len(own) // 2)
        whole = rounded(sights[own])
        for start in range(0, len(own), _BLOCK):
            products = whole[start : start + _BLOCK] @ whole.T
            norm = np.sqrt((whole * whole).sum(axis=1))
            cosine = np.round(products / np.maximum(norm[start : start + _BLOCK, None] * norm, 1), 5)
            for n, row in enumerate(cosine):
                here = start + n
                order = np.argsort(-row, kind="stable")[: 8 * NEAR]
                fit_ = [
                    at
                    for at in order.tolist()
                    if at != here and row[at] < ALIKE and responses[own[at]] != responses[own[here]]
                ]
                if fit_:
                    near[own[here]] = own[fit_[here % min(NEAR, len(fit_))]]
    return far, near


_TABLES: dict[str, Any] = {
    "copied": Copied, "contexts": Copied, "associated": Associated, "canonical": Canonical, "form": Form,
    "strangers": Strangers,
}  # fmt: skip


def _dump(fitted: Fitted) -> pa.Table:
    """Return all arrays by name: columns name, kind (of number), shape and data."""
    arrays: dict[str, NDArray[Any]] = {}
    for table, kind in _TABLES.items():
        for field in fields(kind):
            value = np.asarray(getattr(getattr(fitted, table), field.name))
            whole = value.dtype == np.float64 and bool(np.all(value == np.rint(value))) and value.size > 1
            small = whole and bool(np.abs(value).max() < 1 << 15)
            arrays[f"{table}.{field.name}"] = (
                value.astype(np.int16 if small else np.int32) if whole else value
            )
    for group, model in fitted.models.items():
        for name in ("mean", "spread", "weights"):
            arrays[f"{group}.{name}"] = getattr(model, name)
        arrays[f"{group}.bias"] = np.asarray(model.bias)
    for group, count in fitted.records.items():
        arrays[f"{group}.records"] = np.asarray(count)
    return pa.table(
        {
            "name": list(arrays),
            "kind": [str(value.dtype) for value in arrays.values()],
            "shape": [list(value.shape) for value in arrays.values()],
            "data": pa.array([value.tobytes() for value in arrays.values()], pa.large_binary()),
        }
    )


def load(table: pa.Table) -> Fitted:
    """Return what `fit` wrote."""
    arrays: dict[str, NDArray[Any]] = {}
    for row in table.to_pylist():
        value = np.frombuffer(row["data"], row["kind"]).reshape(row["shape"])
        arrays[row["name"]] = value.astype(np.float64) if value.dtype in (np.int16, np.int32) else value
    tables = {}
    for name, kind in _TABLES.items():
        held = {field.name: arrays[f"{name}.{field.name}"] for field in fields(kind)}
        scalars = {key: float(value) if value.ndim == 0 else value for key, value in held.items()}
        tables[name] = kind(**scalars)
    models = {
        group: Logistic(
            mean=arrays[f"{group}.mean"],
            spread=arrays[f"{group}.spread"],
            weights=arrays[f"{group}.weights"],
            bias=float(arrays[f"{group}.bias"]),
        )
        for group in GROUPS
        if f"{group}.bias" in arrays
    }
    records = {group: int(arrays[f"{group}.records"]) for group in GROUPS}
    return Fitted(models=models, records=records, **tables)
