"""Keeps one of each set of duplicates: one decision over exact and semantic edges.

Exact: equal texts but for case, full-width forms and white space. Semantic: prompts and responses both close
in the embedder's fp32 cosine, and agreeing on numbers and negations. Records are walked from the best to the
worst; one is kept unless it is adjacent to a record already kept, so every dropped record is itself a
duplicate of the one named, and nothing closes transitively. Rejected: connected components (chains of weak
edges once swallowed whole corpora) and one vector for prompt and response together (another answer to the
same question is not a duplicate, nor is the same input under another instruction).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from pipeline.change import Changes
from pipeline.models import ModelRef, Models
from pipeline.record import TEXT_COLUMNS, prompt_of, text_key
from pipeline.stages.clusters import clusters_of
from pipeline.stages.protocol import Decision, Measure, Need, StageParams, Tile
from quality.lookalike import contradiction, difference

FLOOR = 0.85
"""Cosine from which a pair is proposed and compared, so that a threshold can move above it for free."""

_STRIP_ROWS = 256
"""Rows of a matrix product that is searched while it is still in the cache."""

_PAIRS_AT_ONCE = 16_384
"""Pairs whose vectors are held in double precision at once."""

_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_SPACE = re.compile(r"\s+")
_COMPLETE = re.compile(r"[.!?。！？…\"'”’」』)）\]】}`\d:：;；>]$")


class DedupeParams(StageParams):
    """Parameters of `dedupe`."""

    stage: Literal["dedupe"] = "dedupe"
    exact: bool = Field(
        default=True,
        description="Drop records equal but for case, full-width forms and white space.",
    )
    semantic: bool = Field(
        default=True, description="Drop records whose prompt and response both mean the same."
    )
    threshold: float = Field(
        default=0.92, ge=FLOOR, le=1, description="Least cosine of the two prompts (fp32)."
    )
    response_threshold: float = Field(
        default=0.85, ge=0, le=1, description="Least cosine of the two responses (fp32)."
    )
    max_neighbours: int = Field(
        default=100, ge=1, description="Most pairs proposed for one record; cap hits are reported."
    )
    max_cluster: int = Field(
        default=500, ge=2, description="Most records that similarity may bind into one split."
    )
    model: ModelRef = Field(default=ModelRef(), description="The embedder.")


class Dedupe:
    """The stage; see the module."""

    name = "dedupe"
    version = 3

    def measures(self, params: DedupeParams) -> tuple[Measure, ...]:
        """Return the fingerprint and, if wanted, the prompt's vector."""
        fingerprint = Measure("fingerprint", 2, TEXT_COLUMNS)
        if not params.semantic:
            return (fingerprint,)
        prompt = Measure(
            "prompt_vector", 2, ("system", "history", "instruction", "input"), model=params.model
        )
        return (fingerprint, prompt)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return `fingerprint`, `same_prompt`, `complete`; or `vector`, null where the model cannot judge it."""
        if measure.name == "fingerprint":
            return _fingerprints(batch)
        assert measure.model is not None
        texts = _prompts(batch)
        embedder = models.embedder(measure.model)
        covered = embedder.covers(texts) & np.array([bool(text.strip()) for text in texts], bool)
        covered &= ~embedder.truncated(texts)  # it would judge the beginning only
        found = embedder.encode([text for text, ok in zip(texts, covered, strict=True) if ok])
        vectors = np.zeros((len(texts), embedder.identity.dimension), np.float32)
        vectors[covered] = found
        return pa.table({"vector": _vector_column(vectors, covered)})

    def context(self, params: DedupeParams) -> tuple[str, ...]:
        """Return the columns that tell the better of two records, and the clusters known so far."""
        return ("flags", "cluster", "in_prior")

    def needs(self, params: DedupeParams) -> tuple[Need, ...]:
        """Return the embedder, if it is used."""
        return (Need("embedder", params.model),) if params.semantic else ()

    def neighbour_cap(self, params: DedupeParams) -> int:
        """Return how many pairs one record may take part in."""
        return params.max_neighbours

    def candidates(self, facts: pa.Table, params: DedupeParams) -> NDArray[np.bool_]:
        """Return which records take part in pairs: the best of each set of exact duplicates."""
        twin_of = _best_twin(facts, _rank(facts), params)
        mask: NDArray[np.bool_] = twin_of == np.arange(facts.num_rows)
        return mask

    def link(self, vectors: NDArray[np.float32], tile: Tile, params: DedupeParams) -> pa.Table:
        """Propose the pairs of one tile whose cosine reaches the floor.

        The matrix product only proposes: its last bits depend on the tile. The score is the cosine in
        double precision, a function of the two vectors alone.
        """
        right = np.ascontiguousarray(vectors[tile.right_start : tile.right_stop].T)
        found = []
        for start in range(tile.left_start, tile.left_stop, _STRIP_ROWS):
            stop = min(start + _STRIP_ROWS, tile.left_stop)
            hits = np.flatnonzero(vectors[start:stop] @ right >= FLOOR - 1e-4)
            places = np.stack(np.divmod(hits, right.shape[1]))
            found.append(np.add(places, [[start], [tile.right_start]]))
        rows, columns = np.concatenate(found, axis=1)
        wanted = rows < columns
        rows, columns = rows[wanted], columns[wanted]
        score = np.empty(len(rows), np.float64)
        for at in range(0, len(rows), _PAIRS_AT_ONCE):
            some = slice(at, at + _PAIRS_AT_ONCE)
            products = vectors[rows[some]].astype(np.float64) * vectors[columns[some]].astype(np.float64)
            score[some] = np.minimum(products.sum(axis=1), 1.0)
        near = score >= FLOOR
        return pa.table({"left": rows[near], "right": columns[near], "score": score[near]})

    def compare(self, left: pa.Table, right: pa.Table, params: DedupeParams, models: Models) -> pa.Table:
        """Return for each pair what the prompts or responses disagree on, and the responses' cosine."""
        prompts = zip(_prompts(left), _prompts(right), strict=True)
        answers = list(
            zip(left.column("output").to_pylist(), right.column("output").to_pylist(), strict=True)
        )
        differs = [difference(a, b) for a, b in prompts]
        for number, (a, b) in enumerate(answers):
            if not differs[number] and (found := contradiction(a, b)):
                differs[number] = f"response_{found}"
        similarity = _response_similarity(answers, differs, models, params.model)
        return pa.table({"differs": pa.array(differs, pa.string()), "response_score": pa.array(similarity)})

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: DedupeParams) -> Decision:
        """Walk the records from the best to the worst and keep one unless it equals one already kept."""
        rank = _rank(facts)
        twin_of = _best_twin(facts, rank, params)
        ids = facts.column("id").to_pylist()
        changes = Changes()
        loser_of: dict[int, tuple[int, float, float]] = {}
        if pairs is not None and pairs.num_rows:
            loser_of = _walk(_duplicate_edges(pairs, params), rank)
        for row in np.argsort(rank):
            twin = int(twin_of[row])
            if twin in loser_of:
                kept, score, response = loser_of[twin]
                evidence: dict[str, str | int | float | bool] = {
                    "kept": ids[kept],
                    "prompt_similarity": round(score, 6),
                    "threshold": params.threshold,
                    "response_similarity": round(response, 6),
                    "response_threshold": params.response_threshold,
                }
                if twin != row:
                    evidence["exact_twin"] = ids[twin]
                changes.drop(ids[row], f"{self.name}.semantic", evidence)
            elif twin != row:
                changes.drop(ids[row], f"{self.name}.exact", {"kept": ids[twin]})
        cluster, refused = clusters_of(facts, twin_of, pairs, params.threshold, params.max_cluster)
        notes: dict[str, str | int | float | bool | list[str]] = {"cluster_links_refused": refused}
        if params.semantic:
            vectors = facts.column("vector_row")
            notes["semantic_measured"] = facts.num_rows - vectors.null_count
            notes["semantic_not_measured"] = vectors.null_count
            capped = (pairs.schema.metadata or {}).get(b"capped", b"0") if pairs is not None else b"0"
            notes["records_over_neighbour_cap"] = int(capped)
        return Decision(changes, pa.table({"id": facts.column("id"), "cluster": cluster}), notes)


def _fingerprints(batch: pa.Table) -> pa.Table:
    columns = [batch.column(name).to_pylist() for name in TEXT_COLUMNS]
    keys, prompts, complete = [], [], []
    for system, history, instruction, input_, output in zip(*columns, strict=True):
        turns = [_folded(text) for turn in history for text in (turn["user"], turn["assistant"])]
        prompt = [_folded(text) for text in (system, instruction, input_)] + turns
        prompts.append(text_key(prompt) if any(prompt) else None)
        keys.append(text_key([*prompt, _folded(output)]))
        complete.append(bool(_COMPLETE.search(output.rstrip())))
    return pa.table(
        {"fingerprint": keys, "same_prompt": pa.array(prompts, pa.string()), "complete": complete}
    )


def _folded(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_WIDTH))
    return _SPACE.sub(" ", text).strip().casefold()


def _prompts(batch: pa.Table) -> list[str]:
    names = ("system", "history", "instruction", "input")
    texts = []
    for system, history, instruction, input_ in zip(
        *(batch.column(name).to_pylist() for name in names), strict=True
    ):
        earlier = [text for turn in history for text in (turn["user"], turn["assistant"])]
        parts = [system, *earlier, prompt_of(instruction, input_)]
        texts.append("\n".join(part for part in parts if part))
    return texts


def _vector_column(vectors: NDArray[np.float32], valid: NDArray[np.bool_]) -> pa.Array:
    flat = pa.array(vectors.ravel(), pa.float32())
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1], mask=pa.array(~valid))


def _rank(facts: pa.Table) -> NDArray[np.int64]:
    """Return each record's place from the best (0): kept by the prior build, complete, fewest flags, then id.

    What a prior build kept stays, so that its assignment to a split does too.
    """
    flags = pc.fill_null(pc.list_value_length(facts.column("flags")), 0).to_numpy()
    complete = facts.column("complete").to_numpy()
    ids = np.array(facts.column("id").to_pylist())
    known = (
        facts.column("in_prior").to_numpy() if "in_prior" in facts.column_names else np.zeros(len(ids), bool)
    )
    order = np.lexsort((ids, flags, ~complete, ~known))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _best_twin(facts: pa.Table, rank: NDArray[np.int64], params: DedupeParams) -> NDArray[np.int64]:
    """Return for each record the row of the best record with the same fingerprint (itself, if alone)."""
    own = np.arange(facts.num_rows, dtype=np.int64)
    if not params.exact or not facts.num_rows:
        return own
    groups = facts.column("fingerprint").combine_chunks().dictionary_encode().indices.to_numpy()
    best = np.full(int(groups.max()) + 1, facts.num_rows, np.int64)
    np.minimum.at(best, groups, rank)
    rows: NDArray[np.int64] = np.argsort(rank)[best[groups]]
    return rows


def _response_similarity(
    answers: list[tuple[str, str]], differs: list[str], models: Models, ref: ModelRef
) -> NDArray[np.float64]:
    """Return the cosine of each pair of responses; 1 where equal, 0 where a difference already decides.

    A response that the model does not cover cannot be judged close: its pair gets 0 and stays apart.
    """
    similarity = np.array([float(a == b) for a, b in answers])
    open_ = [n for n, (a, b) in enumerate(answers) if a != b and not differs[n] and a and b]
    texts = sorted({text for number in open_ for text in answers[number]})
    if not texts:
        return similarity
    embedder = models.embedder(ref)
    covered = embedder.covers(texts) & ~embedder.truncated(texts)
    vectors = embedder.encode(texts).astype(np.float64)
    row = {text: number for number, text in enumerate(texts)}
    for number in open_:
        a, b = (row[text] for text in answers[number])
        if covered[a] and covered[b]:
            similarity[number] = min(1.0, float((vectors[a] * vectors[b]).sum()))
    return similarity


def _duplicate_edges(pairs: pa.Table, params: DedupeParams) -> pa.Table:
    same = pc.and_(
        pc.greater_equal(pairs.column("score"), params.threshold),
        pc.greater_equal(pairs.column("response_score"), params.response_threshold),
    )
    return pairs.filter(pc.and_(same, pc.equal(pairs.column("differs"), "")))


def _walk(edges: pa.Table, rank: NDArray[np.int64]) -> dict[int, tuple[int, float, float]]:
    """Return the losing rows: row -> (row kept for it, prompt similarity, response similarity)."""
    neighbours: dict[int, list[tuple[int, float, float]]] = {}
    names = ("left", "right", "score", "response_score")
    for left, right, score, response in zip(*(edges.column(name).to_pylist() for name in names), strict=True):
        neighbours.setdefault(left, []).append((right, score, response))
        neighbours.setdefault(right, []).append((left, score, response))
    kept: set[int] = set()
    losers: dict[int, tuple[int, float, float]] = {}
    for row in sorted(neighbours, key=lambda number: rank[number]):
        closest = [edge for edge in neighbours[row] if edge[0] in kept]
        if closest:
            losers[row] = max(closest, key=lambda edge: (edge[1] + edge[2], -rank[edge[0]]))
        else:
            kept.add(row)
    return losers
