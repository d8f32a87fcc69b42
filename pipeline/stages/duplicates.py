"""What the dedupe stage decides: which records ask for the same, which of them is kept, what is flagged.

A pair of records is the same request if nothing of content differs between the two prompts, or if they are
similar enough and nothing speaks against it; then the responses decide. Records are walked from the best to the
worst and one is kept unless it duplicates a record already kept: every dropped record duplicates the one that its
ledger row names, and nothing closes transitively.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.change import Changes, Scalar
from pipeline.stages.clusters import clusters_of
from pipeline.stages.protocol import Decision

WORDING = ("words", "detail", "order", "question")
"""What two requests may disagree on and yet be paraphrases, if answers that were written apart say the same.

An answer that was copied along with the request proves nothing: so the responses must be retold."""

LOOSE, PLACES = ("words", "detail"), 2
"""Wording in which requests that differ in so many places may be alike enough for similarity to decide.

One place is another matter: there the difference is most often what the request is about."""

NEARLY_ALL = 0.95
"""Jaccard similarity from which one place in a long text does not matter, if nothing is known against it."""

KINDS = ("cosine", "lexical")
"""What a vector measure's name ends in."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a pair must reach.

    Args:
        near: Jaccard similarity of the prompts; None: near duplicates are not looked for.
        cosine: cosine of the prompts by the embedder; None: meaning is not looked at.
        lexical: the same by the lexical embedder.
        response: cosine of the responses.
        paraphrase: cosine of the prompts from which responses that say the same make them one request.
        reworded: cosine, where there is one, of prompts that hold the same topics in other words.
        other_responses: what becomes of the same request with other responses.
    """

    near: float | None
    cosine: float | None
    lexical: float | None
    response: float
    paraphrase: float | None
    reworded: float | None
    other_responses: Literal["keep_best", "keep_all", "flag"]


@dataclass(frozen=True, slots=True)
class Relations:
    """What every proposed pair is: bool or float64 [pairs], null similarities as NaN."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    jaccard: NDArray[np.float64]
    cosine: NDArray[np.float64]
    lexical: NDArray[np.float64]
    response_cosine: NDArray[np.float64]
    response_jaccard: NDArray[np.float64]
    response_equal: Flags
    conflict: list[str]
    near: Flags
    semantic: Flags
    paraphrase: Flags
    same: Flags
    reworded: Flags
    duplicate: Flags
    other: Flags
    contradiction: Flags


def rank(facts: pa.Table) -> NDArray[np.int64]:
    """Return each record's place from the best (0).

    Kept by the prior build (so that its split stays), not caught in a loop, complete, fewest flags, fewest
    personal data, then id.
    """
    ids = np.array(facts.column("id").to_pylist())
    flags = pc.fill_null(pc.list_value_length(facts.column("flags")), 0).to_numpy()
    complete = facts.column("complete").to_numpy()
    contacts = facts.column("contacts").to_numpy()
    known, looping = (
        facts.column(name).to_numpy() if name in facts.column_names else np.zeros(len(ids), bool)
        for name in ("in_prior", "looping")
    )
    order = np.lexsort((ids, contacts, flags, ~complete, looping, ~known))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def best_twin(facts: pa.Table, ranks: NDArray[np.int64], exact: bool) -> NDArray[np.int64]:
    """Return for each record the row of the best record with the same fingerprint (itself, if alone)."""
    if not exact or not facts.num_rows:
        return np.arange(facts.num_rows, dtype=np.int64)
    groups = facts.column("fingerprint").combine_chunks().dictionary_encode().indices.to_numpy()
    best = np.full(int(groups.max()) + 1, facts.num_rows, np.int64)
    np.minimum.at(best, groups, ranks)
    rows: NDArray[np.int64] = np.argsort(ranks)[best[groups]]
    return rows


def decide(
    facts: pa.Table, pairs: pa.Table | None, thresholds: Thresholds, exact: bool, max_cluster: int
) -> Decision:
    """Return the drops and flags, every record's cluster, and what could not be measured."""
    ranks = rank(facts)
    twin_of = best_twin(facts, ranks, exact)
    ids = facts.column("id").to_pylist()
    changes = Changes()
    edges: list[tuple[float, int, int]] = []
    losers: dict[int, int] = {}
    found = relate(pairs, thresholds) if pairs is not None and pairs.num_rows else None
    if found is not None:
        losers = _walk(found, ranks)
        edges = _bound(found, thresholds)
    for row in np.argsort(ranks):
        twin = int(twin_of[row])
        if twin in losers:
            assert found is not None
            pair = losers[twin]
            kept = int(found.left[pair] + found.right[pair]) - twin
            reason, evidence = _because(found, pair, thresholds)
            evidence = {"kept": ids[kept], **evidence}
            if twin != row:
                evidence["exact_twin"] = ids[twin]
            changes.drop(ids[row], f"dedupe.{reason}", evidence)
        elif twin != row:
            changes.drop(ids[row], "dedupe.exact", {"kept": ids[twin]})
    if found is not None:
        _flag(changes, found, losers, ids, thresholds)
    cluster, refused = clusters_of(facts, twin_of, edges, max_cluster)
    notes: dict[str, str | int | float | bool | list[str]] = {"cluster_links_refused": refused}
    notes |= _measured(facts)
    capped = (pairs.schema.metadata or {}).get(b"capped", b"0") if pairs is not None else b"0"
    notes["records_over_neighbour_cap"] = int(capped)
    return Decision(changes, pa.table({"id": facts.column("id"), "cluster": cluster}), notes)


def relate(pairs: pa.Table, thresholds: Thresholds) -> Relations:
    """Return what each proposed pair is under these thresholds."""
    rows = pairs.num_rows
    jaccard, response_cosine, response_jaccard = (
        _numbers(pairs, (name,), rows) for name in ("jaccard", "response_cosine", "response_jaccard")
    )
    cosine, lexical = (
        _numbers(pairs, tuple(f"{p}_{kind}" for p in ("prompt", "document")), rows) for kind in KINDS
    )
    equal, same, retold, told, narrowed = (
        pairs.column(name).to_numpy(zero_copy_only=False)
        for name in ("response_equal", "same", "retold", "reworded", "narrowed")
    )
    named = np.array(pairs.column("differs").to_pylist(), object).astype(str)
    places = pairs.column("places").to_numpy()
    open_, wording = named == "", np.isin(named, WORDING)
    spread = places >= PLACES
    nearly_all = None if thresholds.near is None else max(thresholds.near, NEARLY_ALL)
    loose = spread & (open_ | np.isin(named, LOOSE)) & ~narrowed
    conflict = pairs.column("conflict").to_pylist()
    same = same & open_
    clash = np.array([bool(what) for what in conflict], bool) & ~equal
    agree = equal | (
        ~clash
        & (_reaches(response_cosine, thresholds.response) | _reaches(response_jaccard, thresholds.near))
    )
    alike = same | (open_ & spread & ~narrowed)
    near = (alike & _reaches(jaccard, thresholds.near)) | (open_ & _reaches(jaccard, nearly_all))
    semantic = ((alike | loose) & _reaches(cosine, thresholds.cosine)) | (
        alike & _reaches(lexical, thresholds.lexical)
    )
    paraphrase = (
        ~clash & ~narrowed & (loose | open_ | (wording & retold))
        & _reaches(cosine, thresholds.paraphrase) & _reaches(response_cosine, thresholds.response)
    )  # fmt: skip
    reworded = told & (
        _reaches(cosine, thresholds.reworded) | (np.isnan(cosine) & (thresholds.reworded is not None))
    )
    request = same | near | semantic | reworded
    other = request & ~agree & ~clash
    duplicate = (request & agree) | paraphrase
    if thresholds.other_responses == "keep_best":
        duplicate |= other
    return Relations(
        left=pairs.column("left").to_numpy(), right=pairs.column("right").to_numpy(),
        jaccard=jaccard, cosine=cosine, lexical=lexical,
        response_cosine=response_cosine, response_jaccard=response_jaccard, response_equal=equal,
        conflict=conflict, near=near, semantic=semantic, paraphrase=paraphrase, same=same, reworded=reworded,
        duplicate=duplicate, other=other, contradiction=same & clash,
    )  # fmt: skip


def _numbers(pairs: pa.Table, names: tuple[str, ...], rows: int) -> NDArray[np.float64]:
    """Return the first of these columns that holds a number, row by row; NaN where none does."""
    values = np.full(rows, np.nan)
    for name in names:
        if name in pairs.column_names:
            column = pairs.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
            values = np.where(np.isnan(values), column, values)
    return values


def _reaches(values: NDArray[np.float64], threshold: float | None) -> Flags:
    if threshold is None:
        return np.zeros(len(values), bool)
    reached: Flags = np.nan_to_num(values, nan=-1.0) >= threshold
    return reached


def _closeness(found: Relations) -> NDArray[np.float64]:
    scores = np.stack([found.jaccard, found.cosine, found.lexical])
    best: NDArray[np.float64] = np.nan_to_num(scores, nan=0.0).max(axis=0)
    return best


def _walk(found: Relations, ranks: NDArray[np.int64]) -> dict[int, int]:
    """Return the losing rows: row -> number of the pair with the row kept for it."""
    neighbours: dict[int, list[int]] = {}
    for pair in np.flatnonzero(found.duplicate).tolist():
        for row in (int(found.left[pair]), int(found.right[pair])):
            neighbours.setdefault(row, []).append(pair)
    closeness = _closeness(found)
    kept: set[int] = set()
    losers: dict[int, int] = {}
    for row in sorted(neighbours, key=lambda number: ranks[number]):
        of = {pair: int(found.left[pair] + found.right[pair]) - row for pair in neighbours[row]}
        closest = [pair for pair, partner in of.items() if partner in kept]
        if closest:
            losers[row] = max(closest, key=lambda pair: (closeness[pair], -ranks[of[pair]]))
        else:
            kept.add(row)
    return losers


def _because(found: Relations, pair: int, thresholds: Thresholds) -> tuple[str, dict[str, Scalar]]:
    """Return the reason of a drop and the numbers that it rests on."""
    reason = (
        "near" if found.near[pair]
        else "semantic" if found.semantic[pair] or found.paraphrase[pair] or found.reworded[pair]
        else "rewrite"
    )  # fmt: skip
    evidence: dict[str, Scalar] = {"jaccard": round(float(found.jaccard[pair]), 6)}
    for name, values, threshold in (
        ("cosine", found.cosine, thresholds.cosine),
        ("lexical_cosine", found.lexical, thresholds.lexical),
    ):
        if not np.isnan(values[pair]):
            evidence[name] = round(float(values[pair]), 6)
            if found.semantic[pair] and reason == "semantic" and threshold is not None:
                evidence["threshold"] = threshold
    if reason == "near" and thresholds.near is not None:
        evidence["threshold"] = thresholds.near
    evidence["same_content"] = bool(found.same[pair])
    if reason == "semantic" and not found.semantic[pair]:
        evidence |= _wording(found, pair, thresholds)
    evidence["responses"] = (
        "equal" if found.response_equal[pair] else "other" if found.other[pair] else "alike"
    )
    if not found.response_equal[pair]:
        evidence["response_jaccard"] = round(float(found.response_jaccard[pair]), 6)
        if not np.isnan(found.response_cosine[pair]):
            evidence["response_cosine"] = round(float(found.response_cosine[pair]), 6)
    return reason, evidence


def _wording(found: Relations, pair: int, thresholds: Thresholds) -> dict[str, Scalar]:
    """Return what a drop for its meaning rests on where the prompts alone are not similar enough."""
    if found.paraphrase[pair] and thresholds.paraphrase is not None:
        return {"threshold": thresholds.paraphrase, "response_threshold": thresholds.response}
    if np.isnan(found.cosine[pair]) or thresholds.reworded is None:
        return {"reworded": True}
    return {"reworded": True, "threshold": thresholds.reworded}


def _flag(
    changes: Changes, found: Relations, losers: dict[int, int], ids: list[str], thresholds: Thresholds
) -> None:
    """Flag records that stay and answer the same request as another that stays: in conflict, or otherwise."""
    told: set[tuple[int, str]] = set()
    for pair in np.flatnonzero(found.contradiction | found.other).tolist():
        if found.contradiction[pair]:
            reason, what = "dedupe.contradiction", found.conflict[pair]
        elif thresholds.other_responses == "flag":
            reason, what = "dedupe.other_response", "response"
        else:
            continue
        rows = (int(found.left[pair]), int(found.right[pair]))
        if any(row in losers for row in rows):
            continue
        for row, partner in (rows, rows[::-1]):
            if (row, reason) not in told:
                told.add((row, reason))
                evidence: dict[str, Scalar] = {
                    "other": ids[partner],
                    "differs": what,
                    "jaccard": round(float(found.jaccard[pair]), 6),
                }
                changes.flag(ids[row], reason, evidence)


def _bound(found: Relations, thresholds: Thresholds) -> list[tuple[float, int, int]]:
    """Return the pairs too alike to stand in two splits, whatever kept them apart: (closeness, left, right)."""
    alike = (
        found.same | _reaches(found.jaccard, thresholds.near)
        | _reaches(found.cosine, thresholds.cosine) | _reaches(found.lexical, thresholds.lexical)
    )  # fmt: skip
    closeness = _closeness(found)
    return [
        (float(closeness[pair]), int(found.left[pair]), int(found.right[pair]))
        for pair in np.flatnonzero(alike).tolist()
    ]


def _measured(facts: pa.Table) -> dict[str, int]:
    """Return how many records each way of looking has measured, and how many none that looks at meaning."""
    seen: dict[str, Flags] = {}
    for kind in (*KINDS, "bands"):
        valid = [
            pc.is_valid(facts.column(name)).to_numpy(zero_copy_only=False)
            for name in (f"prompt_{kind}_row", f"document_{kind}_row")
            if name in facts.column_names
        ]
        if valid:
            seen[kind] = np.logical_or.reduce(valid)
    names = {
        "bands": "near_measured",
        "cosine": "semantic_measured",
        "lexical": "semantic_by_lexical_embedder",
    }
    notes = {name: int(seen[kind].sum()) for kind, name in names.items() if kind in seen}
    if "cosine" in seen:
        by_any = seen["cosine"] | seen.get("lexical", np.zeros(facts.num_rows, bool))
        notes["semantic_not_measured"] = int((~by_any).sum())
    return notes
