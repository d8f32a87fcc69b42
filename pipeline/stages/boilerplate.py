"""Drops replies that answer nothing in particular: nearly one and the same, given to many different prompts.

Replies are held against each other without names, dates and numbers (MinHash proposes, the true Jaccard decides), in
groups. A group is condemned where its prompts have little in common with each other, the reply speaks of none of them,
and it holds few words of any subject. So labels, variants of one question, thanks and a diagnosis that fits many
patients stay. Rejected: counting equal replies alone (of the groups of real corpora nearly all are
right), and a list of stock phrases. A stage of its own, since it needs pairs, which `heuristics` does not look at, and
neither a model nor a corpus to learn from, as `relevance` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from pipeline.change import Changes
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.record import prompt_of
from pipeline.stages.clusters import BoundedUnion
from pipeline.stages.gates import DIGITS, Excess, GateAction, Threshold, reached
from pipeline.stages.proposing import bands_table, joined_pairs
from pipeline.stages.protocol import Decision, Measure, StageParams
from quality.boilerplate import likeness, numbers, replies, skeleton

_READS = ("instruction", "input", "output")
FLOOR = 0.7
"""Jaccard similarity of two replies from which a pair is looked at, so that its threshold can move above for free."""
MOST_LIKENESS = 0.3
"""Prompts that share more of their content than this ask for the same, or are one task on two texts."""
LEAST_DIFFERENT = 0.75
"""Of the pairs of prompts of a group, how many must have less in common than that."""
MOST_SPOKEN_OF = 0.2
"""Of the content of a reply, how much its prompts speak of at most (median over the group)."""
MOST_SUBJECT = 0.2
"""Of the content of a reply, how much is words of a subject at most."""
MOST_WORDS = 80
"""A longer reply says something, be it the same to everyone: a leaflet, the rules of a treatment."""
WITH_NUMBERS = 1.5
"""How many times longer than `min_words` replies must be whose numbers differ: short ones may be results."""
REASON, COLUMN = "gate.boilerplate", "boilerplate_prompts"
NEIGHBOURS = 12
"""Pairs that one record takes part in, beside those with the best of its own text."""


class BoilerplateParams(StageParams):
    """Parameters of `boilerplate`: what to do, and from when on a reply counts as one that is given to everyone."""

    stage: Literal["boilerplate"] = "boilerplate"

    action: GateAction = Field(
        default="drop",
        description="What to do with a reply given to many prompts: drop, flag or only measure.",
    )
    # Two prompts may share an answer by chance; at three that have nothing in common, all groups read were canned.
    min_prompts: int = Field(
        default=3, ge=2, description="Different prompts that share a reply from which it is boilerplate."
    )
    # Labels, titles, "Yes, that is correct." and one-line results are shorter.
    min_words: int = Field(
        default=8, ge=1, le=1_000,
        description="Words (two Chinese characters are one) below which a reply is never boilerplate. Replies whose "
        "numbers differ must be half as long again: they may be results.",
    )  # fmt: skip
    # One word in a sentence of nineteen costs .2.
    threshold: float = Field(
        default=0.8, ge=FLOOR, le=1,
        description="Least Jaccard similarity of two replies, without names, dates and numbers, for one reply.",
    )  # fmt: skip


class Boilerplate:
    """The stage; see the module."""

    name = "boilerplate"
    version = 1

    def needs(self, params: BoilerplateParams) -> tuple[Need, ...]:
        """Return nothing: no model is needed."""
        return ()

    def measures(self, params: BoilerplateParams) -> tuple[Measure, ...]:
        """Return what is measured of a reply beside its prompt, and what proposes pairs of replies."""
        return Measure("boilerplate", 1, _READS), Measure("reply_bands", 1, ("output",))

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return length, what the prompt speaks of and words of a subject; or the bands of the bare reply."""
        outputs = batch.column("output").to_pylist()
        if measure.name == "reply_bands":
            return bands_table([skeleton(text) for text in outputs])
        asked = [
            prompt_of(*row) for row in zip(*(batch.column(n).to_pylist() for n in _READS[:2]), strict=True)
        ]
        found = replies(asked, outputs)
        return pa.table({
            "boilerplate_words": pa.array([one.words if text else 0.0 for one, text in zip(found, asked, strict=True)]),
            "boilerplate_spoken_of": pa.array([one.spoken_of for one in found], pa.float64()),
            "boilerplate_subject": pa.array([one.subject for one in found], pa.float64()),
        })  # fmt: skip

    def context(self, params: BoilerplateParams) -> tuple[str, ...]:
        """Return nothing: replies and prompts are all that counts."""
        return ()

    def priority(self, facts: pa.Table, params: BoilerplateParams) -> NDArray[np.int64]:
        """Return each record's place by id; a short or a long reply and a document take part in no pair."""
        order = np.argsort(np.array(facts.column("id").to_pylist()), kind="stable")
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        words = facts.column("boilerplate_words").to_numpy()
        long_enough = (words >= params.min_words) & (words <= MOST_WORDS)
        general = facts.column("boilerplate_subject").to_numpy() <= MOST_SUBJECT
        return np.where(long_enough & general, places, -1)

    def neighbour_cap(self, params: BoilerplateParams) -> int:
        """Return how many pairs one record may take part in."""
        return NEIGHBOURS

    def join(self, measure: str, texts: pa.Table, params: BoilerplateParams) -> tuple[pa.Table, int]:
        """Propose the replies that share a band key and whose true Jaccard similarity reaches the floor."""
        return joined_pairs(texts, NEIGHBOURS, FLOOR)

    def compare(
        self, left: pa.Table, right: pa.Table, scores: pa.Table, params: BoilerplateParams, models: Models
    ) -> pa.Table:
        """Return what two prompts have in common (null: one is too short), and whether the replies' numbers differ."""
        sides = [side.select(list(_READS)).to_pylist() for side in (left, right)]
        pairs = list(zip(*sides, strict=True))
        alike = [likeness(*((one["instruction"], one["input"]) for one in pair)) for pair in pairs]
        results = [numbers(a["output"]) != numbers(b["output"]) for a, b in pairs]
        return pa.table(
            {"likeness": pa.array(alike, pa.float64()), "numbers_differ": pa.array(results, pa.bool_())}
        )

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: BoilerplateParams) -> Decision:
        """Drop or flag the groups of records that share a reply though their prompts share nothing."""
        changes = Changes()
        ids = facts.column("id").to_pylist()
        prompts: list[int | None] = [None] * facts.num_rows
        groups = _groups(facts, pairs, params)
        condemned = 0
        for group in groups:
            if not _says_nothing(group, facts):
                continue
            for row in group.rows:
                prompts[row] = group.prompts
            if group.prompts < params.min_prompts:
                continue
            condemned += 1
            evidence = (
                ("shared_by_records", len(group.rows)),
                ("shared_by_prompts", group.prompts),
                ("different_pairs", round(group.different, DIGITS)),
                ("first_record", ids[group.rows[0]]),
            )
            for row in group.rows:
                excess = Excess(REASON, params.action, COLUMN, group.prompts, params.min_prompts, evidence)
                reached(changes, ids[row], [excess])
        columns = facts.select(["id"]).append_column(COLUMN, pa.array(prompts, pa.int64()))
        notes: dict[str, str | int | float | bool | list[str]] = {
            "groups_of_equal_replies": len(groups),
            "replies_given_to_many_prompts": condemned,
        }
        why = "one reply to so many prompts that have nothing in common, and it speaks of none of them"
        limit = Threshold(COLUMN, None, params.min_prompts - 1, params.action, why=why)
        return Decision(changes, columns, notes, (limit,))


@dataclass(frozen=True, slots=True)
class Group:
    """Records that share a reply: rows of facts by id, how many different prompts, the share of pairs that differ."""

    rows: tuple[int, ...]
    prompts: int
    different: float


def _groups(facts: pa.Table, pairs: pa.Table | None, params: BoilerplateParams) -> list[Group]:
    """Return the groups of two records or more that share a reply, in the order of their smallest id."""
    if pairs is None or not pairs.num_rows:
        return []
    words = facts.column("boilerplate_words").to_numpy()
    left, right = (pairs.column(side).to_numpy() for side in ("left", "right"))
    results = pairs.column("numbers_differ").to_numpy(zero_copy_only=False)
    long_enough = ~results | (np.minimum(words[left], words[right]) >= WITH_NUMBERS * params.min_words)
    one = (pairs.column("reply_bands").to_numpy(zero_copy_only=False) >= params.threshold) & long_enough
    alike = pairs.column("likeness").to_pylist()
    union = BoundedUnion(facts.num_rows, facts.num_rows)
    kin: dict[int, dict[int, bool | None]] = defaultdict(dict)
    for number in np.flatnonzero(one).tolist():
        a, b, shared = int(left[number]), int(right[number]), alike[number]
        kin[a][b] = kin[b][a] = None if shared is None else shared <= MOST_LIKENESS
        union.join(a, b)
    ids = facts.column("id").to_pylist()
    members: dict[int, list[int]] = defaultdict(list)
    for row in sorted(kin, key=lambda row: str(ids[row])):
        members[union.find(row)].append(row)
    return [_group(rows, kin) for rows in members.values()]


def _group(rows: Sequence[int], kin: dict[int, dict[int, bool | None]]) -> Group:
    """Count the prompts that differ from all counted before, of those that they were held against."""
    counted: set[int] = set()
    known = [value for row in rows for value in kin[row].values() if value is not None]
    for row in rows:
        told = [kin[row][other] for other in counted & kin[row].keys()]
        if all(told) and any(kin[row].values()):
            counted.add(row)
    return Group(tuple(rows), len(counted), sum(known) / max(len(known), 1))


def _says_nothing(group: Group, facts: pa.Table) -> bool:
    spoken_of = facts.column("boilerplate_spoken_of").take(pa.array(group.rows)).to_numpy()
    return group.different >= LEAST_DIFFERENT and float(np.median(spoken_of)) <= MOST_SPOKEN_OF
