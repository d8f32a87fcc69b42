"""Train, validation and test, by root and by group, so that nothing leaks.

A group (a duplicate cluster, the children of one root, the records of one unit of a file, whatever `group_by`
names) is never divided. Its split is a hash of the seed and its smallest root: deleting or adding other records
moves nothing, which quotas by rank cannot promise. Hashing leaves a stratum off its target by chance, a small one
by several points; only where a large one (`min_stratum`) is off by more than `max_deviation`, which takes big
groups, are whole groups moved. The worst deviation left is reported. Assignments of a `prior` build are fixed.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Literal

import pyarrow as pa
from pydantic import Field, model_validator

from pipeline.change import Changes
from pipeline.errors import RecipeError
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.record import unit_of
from pipeline.stages.clusters import BoundedUnion
from pipeline.stages.protocol import Decision, Measure, StageParams

SPLITS = ("train", "validation", "test")


class SplitParams(StageParams):
    """Parameters of `split`."""

    stage: Literal["split"] = "split"
    train: float = Field(default=0.9, gt=0, le=1, description="Share of the records to train on.")
    validation: float = Field(default=0.05, ge=0, lt=1, description="Share for validation.")
    test: float = Field(default=0.05, ge=0, lt=1, description="Share for the test.")
    strata: tuple[str, ...] = Field(
        default=("source", "lang"),
        description="Columns (or meta.<key>) whose values should have the same shares in every split.",
    )
    group_by: tuple[str, ...] = Field(
        default=(), description="Columns (or meta.<key>) whose equal values must stay in one split."
    )
    min_stratum: int = Field(
        default=1000, ge=2, description="Strata with fewer records are left as the hash drew them."
    )
    reported_stratum: int = Field(
        default=50,
        ge=1,
        description="The worst deviation is reported over strata of at least so many records.",
    )
    max_deviation: float = Field(
        default=0.03,
        gt=0,
        le=1,
        description="Largest distance of a stratum's share from its target.",
    )
    prior: str | None = Field(
        default=None,
        description="Folder of an earlier build whose assignments are kept; records that would join two "
        "of its splits are dropped.",
    )

    @model_validator(mode="after")
    def _shares_add_up(self) -> SplitParams:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-9):
            raise ValueError(f"train, validation and test must add up to 1, not {total:g}")
        return self


class Split:
    """The stage; see the module."""

    name = "split"
    version = 2

    def measures(self, params: SplitParams) -> tuple[Measure, ...]:
        """Return nothing: a split reads what is known, it measures no text."""
        return ()

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Never called: there is nothing to measure."""
        raise AssertionError(measure.name)

    def context(self, params: SplitParams) -> tuple[str, ...]:
        """Return the columns that strata and groups are made of."""
        named = [name.split(".", 1)[0] for name in (*params.strata, *params.group_by)]
        return tuple(dict.fromkeys(("root", "cluster", *named)))

    def needs(self, params: SplitParams) -> tuple[Need, ...]:
        """Return nothing: no model is needed."""
        return ()

    def prior(self, params: SplitParams) -> str | None:
        """Return the folder of the build whose assignments are fixed, if one is named."""
        return params.prior

    def decide(
        self,
        facts: pa.Table,
        pairs: pa.Table | None,
        params: SplitParams,
        *,
        seed: int = 0,
        prior: pa.Table | None = None,
    ) -> Decision:
        """Give every record its split, or drop it where it would bridge two splits of the prior build."""
        _check_columns(facts, (*params.strata, *params.group_by))
        groups = _groups(facts, params)
        fixed = _fixed_splits(prior)
        roots = facts.column("root").to_pylist()
        ids = facts.column("id").to_pylist()
        shares = {name: getattr(params, name) for name in SPLITS}
        assigned: dict[str, str] = {}
        changes = Changes()
        pinned: set[str] = set()
        for group, rows in groups.items():
            known = sorted({fixed[roots[row]] for row in rows if roots[row] in fixed})
            if known:
                pinned.add(group)
            assigned[group] = known[0] if known else _draw(seed, group, shares)
            if len(known) > 1:
                for row in rows:
                    if roots[row] not in fixed:
                        changes.drop(ids[row], f"{self.name}.bridge", {"group": group, "splits": known})
        strata = _values(facts, params.strata)
        moved = _balance(groups, assigned, pinned, strata, shares, params, seed)
        split = [""] * len(ids)
        for group, rows in groups.items():
            for row in rows:
                split[row] = fixed.get(roots[row], assigned[group])
        worst, where = _worst_deviation(split, strata, shares, params.reported_stratum)
        counts = Counter(split)
        notes: dict[str, str | int | float | bool | list[str]] = {
            **{name: counts[name] for name in SPLITS},
            "groups": len(groups),
            "groups_moved_for_balance": moved,
            "worst_deviation": round(worst, 4),
            "worst_stratum": where,
        }
        return Decision(changes, pa.table({"id": ids, "split": split}), notes)


def _draw(seed: int, group: str, shares: Mapping[str, float]) -> str:
    point = _uniform(seed, "split", group)
    for name in ("test", "validation"):
        if point < shares[name]:
            return name
        point -= shares[name]
    return "train"


def _uniform(seed: int, purpose: str, root: str) -> float:
    data = f"{seed}\x1f{purpose}\x1f{root}".encode()
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big") / 2**64


def _groups(facts: pa.Table, params: SplitParams) -> dict[str, list[int]]:
    """Return the rows of every group under its smallest root, in a fixed order."""
    roots = facts.column("root").to_pylist()
    union = BoundedUnion(len(roots), len(roots))
    labels: list[Sequence[str | None]] = [roots, [unit_of(root) for root in roots]]
    if "cluster" in facts.column_names:
        labels.append(facts.column("cluster").to_pylist())
    labels += [[value or None for value in _values(facts, (name,))] for name in params.group_by]
    for column in labels:
        first: dict[str, int] = {}
        for row, label in enumerate(column):
            if label is not None:
                union.join(first.setdefault(label, row), row, bounded=False)
    members: dict[int, list[int]] = defaultdict(list)
    for row in range(len(roots)):
        members[union.find(row)].append(row)
    named = {min(roots[row] for row in rows): rows for rows in members.values()}
    return {name: named[name] for name in sorted(named)}


def _values(facts: pa.Table, names: Sequence[str]) -> list[str]:
    """Return one string a record out of the named columns; `meta.x` is the value of x in `meta`."""
    columns: list[list[str]] = []
    for name in names:
        column, _, key = name.partition(".")
        if column not in facts.column_names:
            columns.append([""] * facts.num_rows)
            continue
        values = facts.column(column).to_pylist()
        columns.append([_text(json.loads(v).get(key)) if key else _text(v) for v in values])
    if len(columns) == 1:
        return columns[0]
    return [" / ".join(parts) for parts in zip(*columns, strict=True)] or [""] * facts.num_rows


def _check_columns(facts: pa.Table, names: Sequence[str]) -> None:
    """Raise RecipeError for a name that no record has: a typo would let groups leak in silence."""
    for name in names:
        column, _, key = name.partition(".")
        if column not in facts.column_names:
            raise RecipeError(
                f"split: no record has a column {column!r}",
                "strata and group_by name columns of records.parquet, such as source, file, lang, or meta.<key>",
            )
        if key and not any(key in json.loads(value) for value in facts.column(column).to_pylist()):
            raise RecipeError(
                f"split: the meta of no record has a key {key!r}",
                "see `meta` in records.parquet for the keys",
            )


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _fixed_splits(prior: pa.Table | None) -> dict[str, str]:
    if prior is None:
        return {}
    pairs = zip(prior.column("root").to_pylist(), prior.column("split").to_pylist(), strict=True)
    return {root: split for root, split in pairs if split}


def _balance(
    groups: Mapping[str, list[int]],
    assigned: dict[str, str],
    pinned: set[str],
    strata: Sequence[str],
    shares: Mapping[str, float],
    params: SplitParams,
    seed: int,
) -> int:
    """Move whole groups until no large stratum is off by more than the bound; return how many moved.

    Groups are tried in the order of a hash, those of the most overfull split first, so the result
    depends on the groups alone.
    """
    by_stratum: dict[str, list[str]] = defaultdict(list)
    sizes: Counter[str] = Counter(strata)
    for group, rows in groups.items():
        own = {strata[row] for row in rows}
        if len(own) == 1 and group not in pinned:
            by_stratum[own.pop()].append(group)
    moved = 0
    for stratum in sorted(name for name, size in sizes.items() if size >= params.min_stratum):
        total = sizes[stratum]
        counts = Counter(
            assigned[group] for group, rows in groups.items() for row in rows if strata[row] == stratum
        )
        order = sorted(by_stratum[stratum], key=lambda group: _uniform(seed, "balance", group))
        for group in order:
            off = {name: counts[name] / total - shares[name] for name in SPLITS}
            source, target = max(off, key=lambda n: off[n]), min(off, key=lambda n: off[n])
            if max(off[source], -off[target]) <= params.max_deviation:
                break
            size = len(groups[group])
            if assigned[group] == source and size / total <= off[source] - off[target]:
                assigned[group] = target
                counts[source] -= size
                counts[target] += size
                moved += 1
    return moved


def _worst_deviation(
    split: Sequence[str], strata: Sequence[str], shares: Mapping[str, float], min_stratum: int
) -> tuple[float, str]:
    sizes = Counter(strata)
    counts = Counter(zip(strata, split, strict=True))
    worst, where = 0.0, ""
    for stratum in sorted(name for name, size in sizes.items() if size >= min_stratum):
        for name in SPLITS:
            deviation = abs(counts[stratum, name] / sizes[stratum] - shares[name])
            if deviation > worst:
                worst, where = deviation, f"{stratum}: {name}"
    return worst, where
