"""Says whether the set covers its domain: the weighted share of the domain's keywords that records mention.

The keywords are given (in the recipe or a file) or taken from reference texts; the fit holds them, so that workers read
no reference. A dataset gate: no record is condemned for what the set lacks, and the sentence names what is missing.
Without keywords it is not measured. Rejected: a threshold for each record (a good answer has three of two hundred
keywords), the reference as records (it is what the set is held against).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from pipeline.change import Changes
from pipeline.errors import RecipeError, SourceError
from pipeline.models import Models
from pipeline.models.need import Need
from pipeline.record import TEXT_COLUMNS
from pipeline.stages.evaluation_sets import (
    EvaluationFile,
    EvaluationSet,
    digest_of,
    found,
    listed,
    named_by,
    rows_of,
)
from pipeline.stages.gates import DatasetGate
from pipeline.stages.protocol import Decision, Measure, StageParams
from pipeline.store import digest
from quality.coverage import Matcher, coverage, folded
from quality.keywords import Keyword, extract

MEASURE = "coverage"
NAMED = 10


class CoverageParams(StageParams):
    """Parameters of `coverage`: the domain's keywords, and how much of their weight must be mentioned."""

    stage: Literal["coverage"] = "coverage"
    keywords: tuple[str, ...] | dict[str, float] = Field(
        default=(), description="Keywords, or keyword: weight; a phrase may have spaces."
    )
    file: str = Field(
        default="",
        description="A UTF-8 file of keywords, one a line, each with a tab and its weight if it has one; # begins a"
        " comment. Relative to the recipe.",
    )
    reference: tuple[str | EvaluationSet, ...] = Field(
        default=(),
        description="Texts of the domain to take keywords from: files, folders, addresses, or mappings as under"
        " `sources:`.",
    )
    # Two hundred hold what people name of a domain; the weight beyond is in names and rarities.
    most_keywords: int = Field(
        default=200, ge=1, le=5000, description="Keywords that are taken from the reference at most."
    )
    least_records: int = Field(
        default=1, ge=1, description="Records that must mention a keyword for it to be covered."
    )
    threshold: float = Field(
        default=0.85, ge=0, le=1,
        description="Share of the keywords' weight that must be covered; below it the dataset gate falls short.",
    )  # fmt: skip
    required: bool = Field(
        default=False,
        description="Whether a strict build also fails where nothing could be measured.",
    )

    @field_validator("reference", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return listed(value)

    @model_validator(mode="after")
    def _one_origin(self) -> CoverageParams:
        if sum(map(bool, (self.keywords, self.file, self.reference))) > 1:
            raise ValueError("name one of keywords, file and reference")
        named = self.keywords if isinstance(self.keywords, dict) else dict.fromkeys(self.keywords, 1.0)
        for word, weight in named.items():
            if not folded(word):
                raise ValueError("a keyword is blank")
            if not 0 < weight < float("inf"):
                raise ValueError(f"the weight of {word!r} must be above 0")
        return self


class BoundCoverageParams(CoverageParams):
    """Parameters with what they name."""

    given: tuple[tuple[str, float], ...] = Field(
        default=(), description="Keywords and weights, as they were read."
    )
    files: tuple[Any, ...] = Field(default=(), description="The files of the reference, as they were found.")


class CoverageStage:
    """The stage; see the module."""

    name = "coverage"
    version = 1

    def prepared(self, params: CoverageParams, base: Path) -> BoundCoverageParams:
        """Return the parameters with the keywords and the reference read, before any work.

        Raises:
            RecipeError: the file of keywords is missing or broken.
            SourceError: the reference is missing, cannot be read, or has no keywords.
        """
        given = _read(base / Path(params.file).expanduser()) if params.file else _given(params)
        with named_by("reference"):
            bound = BoundCoverageParams.model_validate({
                **params.model_dump(exclude={"reference"}), "reference": params.reference,
                "given": given, "files": found(params.reference, base),
            })  # fmt: skip
            _keywords(bound)
        return bound

    def settings(self, params: CoverageParams) -> dict[str, object]:
        """Return what the result depends on: the keywords, and the content of the reference."""
        told = params.model_dump(mode="json", exclude={"keywords", "file", "reference", "given", "files"})
        return {**told, "keywords": _digest(params)}

    def remarks(self, params: CoverageParams) -> list[str]:
        """Return what the set is held against."""
        if not isinstance(params, BoundCoverageParams) or not (params.given or params.files):
            return ["no keywords and no reference are named: coverage is not measured"]
        if params.given:
            return [f"{len(params.given)} keywords are given"]
        return [f"keywords from {each.spec.name}: {each.file.shown}" for each in params.files]

    def needs(self, params: CoverageParams) -> tuple[Need, ...]:
        """Return nothing: no model is needed."""
        return ()

    def measures(self, params: CoverageParams) -> tuple[Measure, ...]:
        """Return the one measure, or none without keywords."""
        if not isinstance(params, BoundCoverageParams) or not (params.given or params.files):
            return ()
        told = (("keywords", _digest(params)), ("most", params.most_keywords))
        return (Measure(MEASURE, 1, TEXT_COLUMNS, told, needs_fit=True, inputs=(params,)),)

    def summarise(self, measure: Measure, batch: pa.Table, models: Models) -> pa.Table:
        """Return nothing: the keywords do not come from the corpus itself."""
        return pa.table({"keyword": pa.array([], pa.string())})

    def fit(self, measure: Measure, partials: Sequence[pa.Table]) -> pa.Table:
        """Return the keywords and their weights."""
        (params,) = measure.inputs
        assert isinstance(params, BoundCoverageParams)
        chosen = _keywords(params)
        return pa.table({
            "keyword": pa.array([each.text for each in chosen], pa.string()),
            "weight": pa.array([each.weight for each in chosen], pa.float64()),
        })  # fmt: skip

    def measure(self, measure: Measure, batch: pa.Table, fit: pa.Table | None, models: Models) -> pa.Table:
        """Return the numbers of the keywords that each record mentions."""
        assert fit is not None
        matcher = _matcher(tuple(fit.column("keyword").to_pylist()))
        columns = [batch.column(name).to_pylist() for name in TEXT_COLUMNS]
        found_in = []
        for system, history, *others in zip(*columns, strict=True):
            turns = [text for turn in history for text in (turn["user"], turn["assistant"])]
            found_in.append(matcher.find("\n".join([system, *turns, *others])))
        return pa.table({"coverage_keywords": pa.array(found_in, pa.list_(pa.int32()))})

    def context(self, params: CoverageParams) -> tuple[str, ...]:
        """Return nothing: the texts decide."""
        return ()

    def decide(self, facts: pa.Table, pairs: pa.Table | None, params: CoverageParams) -> Decision:
        """Hold the records together against the domain."""
        if not self.measures(params):
            sentence = "no keywords and no reference are named, so coverage is not measured"
            return Decision(Changes(), gates=(_gate(None, sentence, params),))
        assert isinstance(params, BoundCoverageParams)
        chosen = _keywords(params)
        mentioned = facts.column("coverage_keywords")
        numbers = [number for found_in in mentioned.to_pylist() for number in found_in]
        records = np.bincount(np.array(numbers, np.int64), minlength=len(chosen))
        told = coverage(chosen, records, params.least_records)
        missing = [chosen[number].text for number in told.missing[:NAMED]]
        few = "" if params.least_records == 1 else f" in at least {params.least_records} records"
        sentence = (
            f"{len(chosen) - len(told.missing)} of {len(chosen)} keywords of the domain, {told.value:.1%} of their"
            f" weight, are mentioned{few}"
        )
        if missing:
            sentence += f"; the heaviest that are missing: {', '.join(missing)}"
        counts = pa.array([len(found_in) for found_in in mentioned.to_pylist()], pa.int32())
        columns = pa.table({"id": facts.column("id"), "domain_keywords": counts})
        notes: dict[str, str | int | float | bool | list[str]] = {
            "keywords": len(chosen),
            "missing_keywords": missing,
        }
        return Decision(Changes(), columns, notes, gates=(_gate(told.value, sentence, params),))


def _gate(value: float | None, sentence: str, params: CoverageParams) -> DatasetGate:
    return DatasetGate("domain coverage", value, params.threshold, True, sentence, params.required)


def _given(params: CoverageParams) -> tuple[tuple[str, float], ...]:
    named = params.keywords
    return tuple(named.items()) if isinstance(named, dict) else tuple((word, 1.0) for word in named)


def _read(path: Path) -> tuple[tuple[str, float], ...]:
    """Return the keywords of a file.

    Raises:
        RecipeError: it cannot be read, a weight is no number above 0, or it names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"coverage: the keywords {path} cannot be read: {error}", "correct `file:`"
        ) from error
    named: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        word, tab, weight = line.split("#", 1)[0].strip().partition("\t")
        try:
            value = float(weight) if tab else 1.0
        except ValueError:
            value = 0.0
        if word and not 0 < value < float("inf"):
            raise RecipeError(f"coverage: {path}:{number}: the weight {weight!r} is no number above 0")
        if word:
            named[word] = value
    if not named:
        raise RecipeError(f"coverage: {path} names no keyword", "write one a line")
    return tuple(named.items())


def _digest(params: CoverageParams) -> str:
    if not isinstance(params, BoundCoverageParams):
        return ""
    return digest([params.given, digest_of(params.files) if params.files else "", params.most_keywords])


def _keywords(params: BoundCoverageParams) -> list[Keyword]:
    """Return the keywords: those given, equal ones once, or those of the reference."""
    if params.files:
        return _extracted(digest_of(params.files), params.most_keywords, _Files(params.files))
    merged: dict[str, Keyword] = {}
    for word, weight in params.given:
        merged.setdefault(folded(word), Keyword(word, weight))
    return list(merged.values())


class _Files(tuple[EvaluationFile, ...]):
    """Files that no cache looks at: their digest is looked at instead."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Files)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=2)
def _extracted(key: str, most: int, files: _Files) -> list[Keyword]:
    """Return the keywords of the reference.

    Raises:
        SourceError: a file cannot be read, or the texts have no keywords.
    """
    texts: list[str] = []
    for each in files:
        for row in rows_of(each)[0]:
            turns = [text for turn in row["history"] for text in (turn["user"], turn["assistant"])]
            texts.append("\n".join([*turns, row["instruction"], row["input"], row["output"]]))
    chosen = extract(texts, most)
    if not chosen:
        raise SourceError(
            f"coverage: the reference holds no word that {min(3, len(texts))} of its {len(texts)} texts share and that"
            " is frequent there",
            "name more text of the domain, or write `keywords:`",
        )
    return chosen


@lru_cache(maxsize=2)
def _matcher(keywords: tuple[str, ...]) -> Matcher:
    return Matcher(keywords)
