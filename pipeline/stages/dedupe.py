"""Keeps one of each set of duplicates: one decision over exact, near and semantic edges.

Exact: equal texts but for case, full-width forms and white space. Near: MinHash LSH proposes, the true Jaccard
decides. Semantic: the embedder's fp32 cosine; where the embedder does not cover a text, a lexical one that is
fitted on the corpus. Whatever proposes a pair, what the two requests name must agree (`quality.lookalike`), and
prompts and responses are compared apart: another answer to the same question is a choice of the recipe, the
same input under another instruction is no duplicate. A document (no prompt) is compared by its text.

Rejected: connected components (chains of weak edges once swallowed whole corpora), one vector for prompt and
response together, and merging on similarity alone (look-alikes reach .98).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from pipeline.models import ModelRef, Models
from pipeline.models.need import Need
from pipeline.record import TEXT_COLUMNS
from pipeline.stages.asked import PROMPT, Asked, asked_in, fingerprints, folded, texts_of
from pipeline.stages.duplicates import Thresholds, best_twin, decide, rank
from pipeline.stages.needed import Needed
from pipeline.stages.proposing import bands_table, chosen, close_pairs, joined_pairs, judgeable, vectors_table
from pipeline.stages.protocol import Decision, Measure, StageParams, Tile
from quality import lexical, minhash
from quality.lookalike import (
    REWORDABLE,
    Verdict,
    changed_places,
    compare_requests,
    conflict,
    hardly_differ,
    has_same_topics,
    is_narrowed,
    is_retold,
)

FLOOR = 0.75
"""Cosine from which a pair is proposed and looked at: two wordings of one request may lie so low."""

LEXICAL_FLOOR = 0.5
"""The same for the lexical embedder, in which one changed character of a short text costs much."""

JUDGED, LEXICAL_JUDGED = 0.85, 0.75
"""Cosine, and lexical cosine, from which similarity may decide, so that thresholds can move above them for free."""

REWORDED_FLOOR = 0.75
"""Cosine from which two requests told in other words may be one, so that its threshold can move too."""

NEAR_FLOOR = NEAR_JUDGED = 0.5
"""The same two for the Jaccard similarity."""

_JUDGED = {"cosine": JUDGED, "lexical": LEXICAL_JUDGED}


class DedupeParams(StageParams):
    """Parameters of `dedupe`."""

    stage: Literal["dedupe"] = "dedupe"
    exact: bool = Field(
        default=True,
        description="Drop records equal but for case, full-width forms and white space.",
    )
    near: bool = Field(
        default=True, description="Drop records that share most of their words (characters in Chinese)."
    )
    semantic: bool = Field(default=True, description="Drop records that ask for the same in other words.")
    near_threshold: float = Field(
        default=0.7,
        ge=NEAR_JUDGED,
        le=1,
        description="Least Jaccard similarity of the two prompts' shingles.",
    )
    threshold: float = Field(
        default=0.93,
        ge=JUDGED,
        le=1,
        description="Least cosine of two prompts (fp32) that name nothing different, for one request.",
    )
    lexical_threshold: float = Field(
        default=0.8,
        ge=LEXICAL_JUDGED,
        le=1,
        description="The same where the embedder does not know the language: cosine of the lexical embedder.",
    )
    paraphrase_threshold: float = Field(
        default=0.9,
        ge=JUDGED,
        le=1,
        description="Least cosine of two prompts for one request if their responses say the same.",
    )
    reworded_threshold: float = Field(
        default=0.8,
        ge=REWORDED_FLOOR,
        le=1,
        description="Least cosine of two prompts that hold the same topics in other words, where it was measured.",
    )
    response_threshold: float = Field(
        default=0.94, ge=0, le=1, description="Least cosine of two responses (fp32) that say the same."
    )
    other_responses: Literal["keep_best", "keep_all", "flag"] = Field(
        default="keep_best",
        description="Records with the same request and other responses: keep the best, all, or all with a flag. "
        "Responses that conflict are always kept and flagged for review.",
    )
    max_neighbours: int = Field(
        default=50, ge=1, description="Most pairs proposed for one record; cap hits are reported."
    )
    max_cluster: int = Field(
        default=500, ge=2, description="Most records that similarity may bind into one split."
    )
    model: ModelRef = Field(default=ModelRef(), description="The embedder.")


class Dedupe:
    """The stage; see the module."""

    name = "dedupe"
    version = 13

    def measures(self, params: DedupeParams) -> tuple[Measure, ...]:
        """Return the fingerprint, and for prompts and documents each what proposes pairs of them."""
        measures = [Measure("fingerprint", 5, TEXT_COLUMNS)]
        for part, reads in (("prompt", PROMPT), ("document", TEXT_COLUMNS)):
            if params.near:
                measures.append(Measure(f"{part}_bands", 1, reads))
            if params.semantic:
                measures.append(Measure(f"{part}_cosine", 3, reads, model=params.model))
                lexical_name = f"{part}_lexical"
                measures.append(Measure(lexical_name, 1, reads, model=params.model, needs_fit=True))
        return tuple(measures)

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the fingerprint's columns; or `bands` or `vector`, null where a text is not measured so."""
        if measure.name == "fingerprint":
            return fingerprints(batch)
        texts = texts_of(batch, measure.name.startswith("document_"))
        if measure.name.endswith("_bands"):
            return bands_table(texts)
        assert measure.model is not None
        embedder = models.embedder(measure.model)
        if measure.name.endswith("_lexical"):
            assert fit is not None
            wanted = np.array([bool(text.strip()) for text in texts], bool) & ~embedder.covers(texts)
            return vectors_table(lexical.embed(chosen(texts, wanted), fit), wanted)
        wanted = judgeable(texts, embedder)
        return vectors_table(embedder.encode(chosen(texts, wanted)), wanted)

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return how many of a shard's texts, of those that the embedder does not cover, hold each feature."""
        assert measure.model is not None
        texts = [text for text in texts_of(batch, measure.name.startswith("document_")) if text.strip()]
        covered = models.embedder(measure.model).covers(texts)
        return lexical.summarise(chosen(texts, ~covered))

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the weights of the features."""
        return lexical.fit(partials)

    def context(self, params: DedupeParams) -> tuple[str, ...]:
        """Return the columns that tell the better of two records, and the clusters known so far."""
        return ("flags", "cluster", "in_prior")

    def needs(self, params: DedupeParams) -> tuple[Need, ...]:
        """Return the embedder, if it is used."""
        return (Need("embedder", params.model),) if params.semantic else ()

    def neighbour_cap(self, params: DedupeParams) -> int:
        """Return how many pairs one record may take part in."""
        return params.max_neighbours

    def priority(self, facts: pa.Table, params: DedupeParams) -> NDArray[np.int64]:
        """Return each record's place from the best; only the best of exact duplicates takes part in pairs."""
        ranks = rank(facts)
        twin_of = best_twin(facts, ranks, params.exact)
        return np.where(twin_of == np.arange(facts.num_rows), ranks, -1)

    def link(self, measure: str, vectors: NDArray[np.float32], tile: Tile, params: DedupeParams) -> pa.Table:
        """Propose the pairs of one tile whose cosine reaches the floor."""
        return close_pairs(vectors, tile, LEXICAL_FLOOR if measure.endswith("_lexical") else FLOOR)

    def join(self, measure: str, texts: pa.Table, params: DedupeParams) -> tuple[pa.Table, int]:
        """Propose the pairs that share a band key and whose true Jaccard similarity reaches the floor."""
        return joined_pairs(texts, params.max_neighbours, NEAR_FLOOR)

    def compare(
        self, left: pa.Table, right: pa.Table, scores: pa.Table, params: DedupeParams, models: Models
    ) -> pa.Table:
        """Return what each pair of records has in common, and what speaks against taking them for one.

        `differs` names what the requests disagree on, `places` in how many places where that matters, `same` says
        that nothing of their content differs, `reworded` that they hold the same topics, `narrowed` that one adds
        to the topics of the other, `jaccard` is that of their shingles; `response_equal`, `response_jaccard`,
        `response_cosine` (null where it was not measured), `conflict` and `retold` speak of the responses. What the
        decision cannot depend on is not looked at (`needed`): it is null, false, 0 or "".
        """
        sides = (list(asked_in(left)), list(asked_in(right)))
        jaccard = minhash.jaccard_of([part.text for part in sides[0]], [part.text for part in sides[1]])
        judged = _judged(scores, ("cosine",))
        close = (jaccard >= NEAR_JUDGED) | _judged(scores, tuple(_JUDGED))
        verdicts, reworded = zip(
            *(_verdict(a, b, near) for a, b, near in zip(*sides, close, strict=True)), strict=True
        )
        differs = [verdict.differs for verdict in verdicts]
        same, told = (np.array(values, bool) for values in ([v.same for v in verdicts], reworded))
        needed = Needed(differs, same, told, jaccard, close, judged)
        places, narrowed = np.zeros(len(differs), np.int64), np.zeros(len(differs), bool)
        for n in np.flatnonzero(needed.frame()).tolist():
            one, other = (side[n].request for side in sides)
            places[n], narrowed[n] = changed_places(one, other), is_narrowed(one, other)
        answers = [(a.response, b.response) for a, b in zip(*sides, strict=True)]
        retold = np.zeros(len(differs), bool)
        for n in np.flatnonzero(needed.retold(places, narrowed)).tolist():
            retold[n] = is_retold(sides[0][n].text, sides[1][n].text, *answers[n]) and not _equal(*answers[n])
        read = np.flatnonzero(needed.answers(places, narrowed, retold))
        equal, alike = np.zeros(len(differs), bool), np.full(len(differs), np.nan)
        equal[read] = [_equal(*answers[n]) for n in read.tolist()]
        ours, theirs = ([answers[n][side] for n in read.tolist()] for side in (0, 1))
        alike[read] = minhash.jaccard_of(ours, theirs)
        conflicts = [""] * len(differs)
        for n in read[~equal[read]].tolist():
            conflicts[n] = conflict(*answers[n])
        asked = [n for n in read.tolist() if close[n] and not equal[n] and not conflicts[n]]
        return pa.table({
            "differs": pa.array(differs, pa.string()),
            "places": pa.array(places, pa.int32()),
            "same": pa.array(same, pa.bool_()),
            "reworded": pa.array(told, pa.bool_()),
            "narrowed": pa.array(narrowed, pa.bool_()),
            "jaccard": pa.array(jaccard, pa.float64()),
            "response_equal": pa.array(equal, pa.bool_()),
            "response_jaccard": pa.array(alike, pa.float64(), from_pandas=True),
            "response_cosine": pa.array(_response_cosines(answers, asked, params, models), pa.float64()),
            "conflict": pa.array(conflicts, pa.string()),
            "retold": pa.array(retold, pa.bool_()),
        })  # fmt: skip

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: DedupeParams) -> Decision:
        """Walk the records from the best to the worst and keep one unless it equals one already kept."""
        thresholds = Thresholds(
            near=params.near_threshold if params.near else None,
            cosine=params.threshold if params.semantic else None,
            lexical=params.lexical_threshold if params.semantic else None,
            response=params.response_threshold,
            paraphrase=params.paraphrase_threshold if params.semantic else None,
            reworded=params.reworded_threshold if params.semantic else None,
            other_responses=params.other_responses,
        )
        return decide(facts, pairs, thresholds, exact=params.exact, max_cluster=params.max_cluster)


def _judged(scores: pa.Table, kinds: tuple[str, ...]) -> NDArray[np.bool_]:
    """Return which pairs a similarity of one of some kinds may decide under some threshold."""
    found = np.zeros(scores.num_rows, bool)
    for name in scores.column_names:
        kind = name.rpartition("_")[2]
        if kind in kinds:
            score = scores.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
            found |= np.nan_to_num(score) >= _JUDGED[kind]
    return found


def _equal(left: str, right: str) -> bool:
    return left == right or folded(left) == folded(right)


def _verdict(left: Asked, right: Asked, close: bool) -> tuple[Verdict, bool]:
    """Read two requests, and tell whether they are one in other words.

    Of a pair that is hardly similar the words are compared only if few differ, or if the topics are the same.
    """
    if left.document != right.document:
        return Verdict("kind", False), False
    told = not left.document and has_same_topics(left.request, right.request)
    if not close and not told and not hardly_differ(left.text, right.text):
        return Verdict("far", False), False
    found = compare_requests(left.request, right.request)
    return found, told and not found.same and found.differs in REWORDABLE


def _response_cosines(
    answers: Sequence[tuple[str, str]], asked: Sequence[int], params: DedupeParams, models: Models
) -> list[float | None]:
    """Return the cosines of the pairs asked for; None for the others, and where the model cannot judge a text."""
    cosines: list[float | None] = [None] * len(answers)
    texts = sorted({text for number in asked for text in answers[number] if text.strip()})
    if not texts or not params.semantic:
        return cosines
    embedder = models.embedder(params.model)
    judged = embedder.covers(texts) & ~embedder.truncated(texts)
    known = chosen(texts, judged)
    vectors = embedder.encode(known).astype(np.float64)
    row = {text: number for number, text in enumerate(known)}
    for number in asked:
        a, b = (row.get(text) for text in answers[number])
        if a is not None and b is not None:
            cosines[number] = min(1.0, float((vectors[a] * vectors[b]).sum()))
    return cosines
