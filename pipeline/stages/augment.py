"""Makes children of training records: variants by the methods that the recipe names, each a record of its own.

A child carries its parent's root, split and every text that was not changed; the gate `fidelity` after it holds each
child against its parent, and the plan refuses a recipe without it. Only records of the training split that are no
children themselves have any, so validation and test hold originals. Which children are asked for is a matter of hashes
of the seed, the root, the method and the child's number. Rejected: filling a quota by walking the records in order
(the first ones would be copied most), and children of children (faults add up).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.augment import METHODS, Answer, Ask, Child, Guard, MethodParams, NoChild
from pipeline.augment.protocol import LANGUAGE, MOST_CHARACTERS, TOO_LONG, seed_of
from pipeline.change import Changes
from pipeline.errors import RecipeError, StageError
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.stages.augment_params import AugmentParams
from quality.language import identify

METHOD, ROUND, GROUP, WANTED, KEEPS = (
    "augment_method", "augment_round", "augment_group", "augment_wanted", "augment_keeps"
)  # fmt: skip
"""Columns of a child: the method, the round and rank of its ask (a rising number), the group that shall grow, how many
children that group wants (-1: all), and whether it must say what its parent says (`same` or `free`)."""

TRAIN = "train"
_TEXTS = ("system", "instruction", "input", "output")
_ID_DIGITS = 24


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One ask, and where its child goes."""

    row: int
    params: MethodParams
    place: float
    ask: Ask


class Augment:
    """The stage; see the module."""

    name = "augment"
    version = 1
    columns = pa.schema({
        METHOD: pa.string(), ROUND: pa.float64(), GROUP: pa.string(), WANTED: pa.int64(), KEEPS: pa.string()
    })  # fmt: skip

    def needs(self, params: AugmentParams) -> tuple[Need, ...]:
        """Return what the methods need."""
        found = [need for method in params.methods for need in METHODS[method.method_name()].needs(method)]
        return tuple(dict.fromkeys(found))

    def remarks(self, params: AugmentParams) -> list[str]:
        """Return what a reader of the plan should know of each method."""
        lines = []
        for method in params.methods:
            known = METHODS[method.method_name()]
            told: list[str] = known.remarks(method) if hasattr(known, "remarks") else []
            covered = known.covers(method) if hasattr(known, "covers") else known.languages
            languages = ", ".join(sorted(covered)) if covered is not None else "any language"
            lines.append("; ".join([f"{method.label()}: {method.children} a record, {languages}", *told]))
        return lines

    def surveys(self, params: AugmentParams) -> tuple[str, ...]:
        """Return the columns that tell how many records each group has."""
        by = params.target.by.partition(".")[0] if params.target else "source"
        return ("id", "root", "split", "flags", by)

    def survey(self, table: pa.Table | None, params: AugmentParams, seed: int) -> dict[str, Any]:
        """Return the seed, and by group how many children it wants (-1: all) and the share of its asks in a round.

        Raises:
            StageError: no stage before has decided a split.
            RecipeError: the groups are made of a column that no record has.
        """
        if table is None or not table.num_rows:
            return {"seed": seed, "groups": {}}
        if "split" not in table.column_names:
            raise StageError("augment: no record has a split", "put the stage split before augment")
        sizes: Counter[str] = Counter()
        parents: Counter[str] = Counter()
        for row in table.to_pylist():
            if row["split"] == TRAIN:
                group = _group(row, params)
                sizes[group] += 1
                parents[group] += _is_parent(row, params)
        total = sum(method.children for method in params.methods)
        groups = {}
        for group, size in sorted(sizes.items()):
            wanted = _missing(size, max(sizes.values()), params)
            asked = max(1, parents[group] * total)
            groups[group] = [wanted, 1.0 if wanted < 0 else wanted / asked]
        return {"seed": seed, "groups": groups}

    def edit(
        self, batch: pa.Table, params: AugmentParams, models: Models, survey: Mapping[str, Any]
    ) -> Changes:
        """Return the children of one batch, in the order of parents, methods and numbers."""
        changes = Changes()
        rows = batch.to_pylist()
        wanted = list(_wanted(rows, params, survey))
        guard = Guard(params.protect)
        answered: dict[int, Answer] = {}
        for method in params.methods:
            mine = [number for number, one in enumerate(wanted) if one.params is method]
            answers = _ask(method, [wanted[number].ask for number in mine], guard, models, changes)
            answered |= dict(zip(mine, answers, strict=True))
        long: set[int] = set()
        for number, one in enumerate(wanted):
            answer = answered[number]
            if isinstance(answer, Child):
                _add(changes, rows[one.row], one, answer, params, survey)
                continue
            changes.counts[f"{one.params.label()}: {answer.why}"] += 1
            if answer.why == TOO_LONG and one.row not in long:
                long.add(one.row)
                size = max(map(len, one.ask.texts.values()))
                changes.flag(
                    rows[one.row]["id"],
                    "augment.too_long",
                    {"method": one.params.label(), "characters": size},
                )
        return changes


def _is_parent(row: Mapping[str, Any], params: AugmentParams) -> bool:
    return row["split"] == TRAIN and row["id"] == row["root"] and (params.flagged or not row["flags"])


def _missing(size: int, largest: int, params: AugmentParams) -> int:
    """Return how many children a group wants; -1 for all that are asked for."""
    if params.target is not None:
        aim = (
            params.target.size
            if params.target.size is not None
            else round((params.target.ratio or 0) * largest)
        )
        return max(0, aim - size)
    return -1 if params.factor is None else round((params.factor - 1) * size)


def _group(row: Mapping[str, Any], params: AugmentParams) -> str:
    """Return the group of a record: "" where the whole split is one.

    Raises:
        RecipeError: there is no such column.
    """
    if params.target is None:
        return ""
    column, _, key = params.target.by.partition(".")
    if column not in row:
        raise RecipeError(
            f"augment: no record has a column {column!r}",
            "groups are made by source, lang, tags, meta.<key>, or a column that an earlier stage decides",
        )
    value = json.loads(row["meta"] or "{}").get(key) if column == "meta" and key else row[column]
    if isinstance(value, list):
        return " ".join(sorted(map(str, value)))
    return "" if value is None else str(value)


def _wanted(
    rows: Sequence[Mapping[str, Any]], params: AugmentParams, survey: Mapping[str, Any]
) -> Iterator[_Wanted]:
    """Yield the asks of a batch: child k of a method stands at the place k + hash, and rounds take it in that order."""
    parents = [number for number, row in enumerate(rows) if _is_parent(row, params)]
    languages = dict(zip(parents, _languages([rows[number] for number in parents]), strict=True))
    for number in parents:
        row = rows[number]
        limit, share = survey["groups"][_group(row, params)]
        last = float("inf") if limit < 0 else share * params.rounds
        texts = {name: row[name] for name in _TEXTS}
        for method in params.methods:
            for child in range(method.children):
                # A second stage has a name, so its children are others.
                seed = seed_of(
                    survey["seed"], row["root"], method.label(), child, *filter(None, [params.name])
                )
                place = child + int(seed[:12], 16) / 16**12
                if place < last:
                    ask = Ask(texts, tuple(row["history"]), languages[number], seed, child)
                    yield _Wanted(number, method, place if limit < 0 else place / share, ask)


def _languages(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the language of each prompt: as it was decided, or as the prompt reads."""
    unknown = [number for number, row in enumerate(rows) if not row["lang"]]
    found = identify([rows[number]["instruction"] for number in unknown]) if unknown else []
    languages = [row["lang"].partition("-")[0] for row in rows]
    for number, language in zip(unknown, found, strict=True):
        languages[number] = language.code.partition("-")[0]
    return languages


def _ask(
    params: MethodParams, asks: Sequence[Ask], guard: Guard, models: Models, changes: Changes
) -> list[Answer]:
    """Return the answers of one method; what is in a language that it lacks is not asked."""
    method = METHODS[params.method_name()]
    answers: list[Answer] = [_refused(ask, params) or NoChild(LANGUAGE) for ask in asks]
    able = [
        n
        for n, ask in enumerate(asks)
        if not _refused(ask, params) and (method.languages is None or ask.lang in method.languages)
    ]
    for n, answer in zip(able, method.children([asks[n] for n in able], params, guard, models), strict=True):
        answers[n] = answer
    changes.counts[f"{params.label()}: asked"] += len(asks)
    return answers


def _refused(ask: Ask, params: MethodParams) -> NoChild | None:
    """Return why no method takes this ask on: a text that it would change is too long."""
    long = any(len(ask.texts[name]) > MOST_CHARACTERS for name in params.fields)
    return NoChild(TOO_LONG) if long else None


def _add(
    changes: Changes,
    parent: Mapping[str, Any],
    one: _Wanted,
    child: Child,
    params: AugmentParams,
    survey: Mapping[str, Any],
) -> None:
    group = _group(parent, params)
    method = METHODS[one.params.method_name()]
    label = one.params.label()
    changes.counts[f"{label}: made"] += 1
    changes.add(
        one.ask.seed[:_ID_DIGITS],
        parent["id"],
        f"augment.{one.params.method_name()}",
        {"method": label, "parent": parent["id"], "number": one.ask.number, **child.evidence},
        {str(name): text for name, text in child.texts.items()},
        {
            METHOD: label,
            ROUND: one.place,
            GROUP: group,
            WANTED: survey["groups"][group][0],
            KEEPS: "same" if method.keeps(one.params) else "free",
        },
    )
