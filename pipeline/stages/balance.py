"""Gives groups the shares that a recipe asks for, and every record its weight.

Which records of a group stay is a hash of the seed, the step and the root, so that more records of other groups change
the count that stays, never the order in which they go; records of one root go or stay together, those that a prior
build kept go last. The weight (group, importance and difficulty multiplied, 1 on average) stands in records.parquet,
and in an export that asks for it. Before `split`, so that all splits are balanced alike. Rejected: duplicating
records.
"""

from __future__ import annotations

import bisect
import json
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.change import Changes
from pipeline.errors import RecipeError
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.stages.balance_params import BalanceParams
from pipeline.stages.protocol import Decision, Measure
from quality.balance import group_weights, quotas, rank_factors, ratio
from quality.tokens import tokenise

LENGTH = "balance_length"
MOST_GROUPS = 200
"""Groups above which `by` names no class but something like a title."""
NAMED = 10

Notes = dict[str, str | int | float | bool | list[str]]


class Balance:
    """The stage; see the module."""

    name = "balance"
    version = 1

    def needs(self, params: BalanceParams) -> tuple[Need, ...]:
        """Return nothing: no model is needed."""
        return ()

    def measures(self, params: BalanceParams) -> tuple[Measure, ...]:
        """Return the length of the response, if groups or factors are made by it."""
        return (Measure(LENGTH, 1, ("output",)),) if "length" in (params.by, *params.importance) else ()

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the words of each response."""
        counts = [np.diff(tokens.offsets) for tokens in tokenise(batch.column("output").to_pylist())]
        return pa.table({LENGTH: pa.array(np.concatenate(counts) if counts else [], pa.int64())})

    def context(self, params: BalanceParams) -> tuple[str, ...]:
        """Return the columns that groups and weights are made of."""
        named = [
            name.split(".", 1)[0] for name in (params.by, *params.importance) if name and name != "length"
        ]
        difficulty = [params.difficulty] if params.difficulty else []
        return tuple(dict.fromkeys(("root", "in_prior", "weight", *named, *difficulty)))

    def prior(self, params: BalanceParams) -> None:
        """Name no prior build; the engine gives the seed to stages that could."""

    def decide(
        self,
        facts: pa.Table,
        pairs: pa.Table | None,
        params: BalanceParams,
        *,
        seed: int = 0,
        prior: pa.Table | None = None,
    ) -> Decision:
        """Drop what is over, and decide the column `weight`.

        Raises:
            RecipeError: `by`, a target or a factor names what no record has, or targets are out of reach.
        """
        changes = Changes()
        weights = _factors(facts, params)
        groups = _groups(facts, params.by, params)
        notes: Notes = {}
        kept = np.ones(facts.num_rows, np.bool_)
        if params.targets != "keep":
            sizes = dict(sorted(Counter(groups).items()))
            _check_groups(sizes, params)
            if params.how == "weight":
                by_group, bound = _attempt(group_weights, sizes, _targets(sizes, params), params.most_weight)
                weights *= np.array([by_group[group] for group in groups])
                if bound:
                    notes["groups_at_the_greatest_weight"] = list(bound[:NAMED])
            else:
                wanted, short = _counts(sizes, groups, params)
                if short:
                    notes["groups_below_their_target"] = list(short[:NAMED])
                labels = groups if params.targets != "positive_negative" else _sides(groups, params)
                kept = _drawn(facts, labels, wanted, f"{seed}\x1f{params.name or self.name}")
                _drop(changes, facts, groups, labels, kept, params)
            notes["shares_before"] = _shown(groups)
            notes["shares_after"] = _shown([g for g, k in zip(groups, kept.tolist(), strict=True) if k])
        mean = weights[kept].mean() if kept.any() else 1.0
        weights = np.round(weights / float(mean), 6)
        notes |= {"least_weight": float(weights[kept].min()), "greatest_weight": float(weights[kept].max())}
        return Decision(changes, pa.table({"id": facts.column("id"), "weight": weights}), notes)


def _attempt(work: Any, *arguments: Any) -> Any:
    """Return what the arithmetic gives; what it finds impossible is a mistake of the recipe."""
    try:
        return work(*arguments)
    except ValueError as error:
        raise RecipeError(f"balance: impossible targets: {error}", "correct `targets:`") from error


def _groups(facts: pa.Table, by: str, params: BalanceParams) -> list[str]:
    """Return the group of each record, "" where it has no value."""
    column, _, key = by.partition(".")
    if not by:
        return [""] * facts.num_rows
    if by == "length":
        return [_bin(words, params.length_bins) for words in facts.column(LENGTH).to_pylist()]
    if column not in facts.column_names:
        raise RecipeError(
            f"balance: no record has a column {column!r}",
            "groups are made by source, lang, tags, length, meta.<key>, or a column that an earlier stage decides",
        )
    values = facts.column(column).to_pylist()
    if column != "meta":
        return [_text(value) for value in values]
    read = [json.loads(value).get(key) for value in values]
    if all(value is None for value in read):
        raise RecipeError(
            f"balance: the meta of no record has a key {key!r}", "see `meta` in records.parquet for the keys"
        )
    return [_text(value) for value in read]


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(sorted(map(str, value)))
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bin(words: int, bounds: Sequence[int]) -> str:
    at = bisect.bisect_right(bounds, words)
    return f"{bounds[at - 1] if at else 0}-{bounds[at] - 1 if at < len(bounds) else ''}"


def _check_groups(sizes: dict[str, int], params: BalanceParams) -> None:
    if len(sizes) > MOST_GROUPS:
        raise RecipeError(
            f"balance: {params.by} has {len(sizes)} different values, which is no class",
            f"name something with at most {MOST_GROUPS} values",
        )


def _targets(sizes: dict[str, int], params: BalanceParams) -> dict[str, float]:
    if not isinstance(params.targets, dict):
        return {group: 1 / len(sizes) for group in sizes}
    unknown = sorted(set(params.targets) - set(sizes))
    if unknown:
        raise RecipeError(
            f"balance: no record has {params.by} {', '.join(map(repr, unknown[:NAMED]))}",
            f"its values are {', '.join(map(repr, sorted(sizes)[:NAMED]))}",
        )
    return params.targets


def _sides(groups: Sequence[str], params: BalanceParams) -> list[str]:
    """Return `positive`, `negative` or "" for each record."""
    sides = {value.casefold(): "positive" for value in params.positive}
    sides |= {value.casefold(): "negative" for value in params.negative}
    return [sides.get(group.casefold(), "") for group in groups]


def _counts(
    sizes: dict[str, int], groups: Sequence[str], params: BalanceParams
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return how many records of each group stay, and which groups stay below their target."""
    if params.targets == "positive_negative":
        sides = Counter(_sides(groups, params))
        bounds = (params.least_ratio, params.most_ratio)
        positive, negative = _attempt(ratio, sides["positive"], sides["negative"], *bounds)
        return {"positive": positive, "negative": negative, "": sides[""]}, ()
    found = _attempt(quotas, sizes, _targets(sizes, params), params.least_kept)
    return found.kept, found.short


def _drawn(facts: pa.Table, labels: Sequence[str], wanted: dict[str, int], purpose: str) -> NDArray[np.bool_]:
    """Return bool [facts]: the records of each group that stay, the first in the order of their roots' hashes.

    Records of one root stay or go together, so a group may keep a few fewer than it is allowed.
    """
    roots = facts.column("root").to_pylist()
    known = set()
    if "in_prior" in facts.column_names:
        pairs = zip(roots, facts.column("in_prior").to_pylist(), strict=True)
        known = {root for root, held in pairs if held}
    members: dict[tuple[str, str], list[int]] = {}
    for row, (label, root) in enumerate(zip(labels, roots, strict=True)):
        members.setdefault((label, root), []).append(row)
    order = sorted(members, key=lambda key: (key[1] not in known, _hash(purpose, key[1]), key))
    left = dict(wanted)
    kept = np.zeros(len(labels), np.bool_)
    for key in order:
        rows = members[key]
        if len(rows) <= left[key[0]]:
            kept[rows] = True
            left[key[0]] -= len(rows)
    return kept


def _hash(purpose: str, root: str) -> bytes:
    return blake2b(f"{purpose}\x1fbalance\x1f{root}".encode(), digest_size=8).digest()


def _drop(
    changes: Changes,
    facts: pa.Table,
    groups: Sequence[str],
    labels: Sequence[str],
    kept: NDArray[np.bool_],
    params: BalanceParams,
) -> None:
    """Drop what is over, each with the share that its group had and the one that it has now."""
    before, after = (
        Counter(labels),
        Counter(label for label, k in zip(labels, kept.tolist(), strict=True) if k),
    )
    stay = max(1, int(kept.sum()))
    ids = facts.column("id").to_pylist()
    told = params.targets if isinstance(params.targets, dict) else {}
    equal = 1 / len(set(groups))
    for row in np.flatnonzero(~kept).tolist():
        label = labels[row]
        evidence: dict[str, str | float] = {
            "by": params.by,
            "group": label,
            "share": round(before[label] / len(labels), 4),
            "share_now": round(after[label] / stay, 4),
        }
        if params.targets == "positive_negative":
            evidence["target"] = f"{params.least_ratio:g} to {params.most_ratio:g} negative to a positive"
        elif label in told or params.targets == "equal":
            evidence["target"] = round(told.get(label, equal), 4)
        changes.drop(ids[row], "balance.over", evidence)


def _factors(facts: pa.Table, params: BalanceParams) -> NDArray[np.float64]:
    """Return float64 [facts]: weights by importance and difficulty, times what an earlier stage gave."""
    weights = np.ones(facts.num_rows)
    if "weight" in facts.column_names:
        weights *= facts.column("weight").to_numpy()
    for name, factors in params.importance.items():
        values = _groups(facts, name, params)
        unknown = sorted(set(factors) - set(values))
        if unknown:
            raise RecipeError(
                f"balance: no record has {name} {', '.join(map(repr, unknown[:NAMED]))}, which has an importance",
                f"its values are {', '.join(map(repr, sorted(set(values))[:NAMED]))}",
            )
        weights *= np.array([factors.get(value, 1.0) for value in values])
    if params.difficulty:
        weights *= rank_factors(_numbers(facts, params.difficulty), *params.difficulty_factors)
    return weights


def _numbers(facts: pa.Table, name: str) -> NDArray[np.float64]:
    column = facts.column(name) if name in facts.column_names else None
    if column is None or not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
        raise RecipeError(
            f"balance: difficulty {name!r} is no number that an earlier stage decided",
            "put the stage that measures it before, or use `importance:` for classes",
        )
    numbers: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _shown(groups: Sequence[str]) -> list[str]:
    counts = Counter(groups)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:NAMED]
    return [f"{group or '(none)'} {count} ({count / max(1, len(groups)):.1%})" for group, count in ordered]
