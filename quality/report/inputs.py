"""What the report is made from: plain values that know of no file and no table.

Every number on the page stands in one of these, so the page can be drawn, and tested, from values made on the
spot. Rejected: handing the manifest itself to the templates (a template would then decide what a missing key
means, and nobody could say which keys the page needs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DROP, FLAG, EDIT, ADD = "drop", "flag", "edit", "add"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many units and records there were; `splits` counts the kept ones, in the order of the build."""

    units: int
    rejected: int
    records: int
    added: int
    dropped: int
    kept: int
    queued: int
    splits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One input: its source and file, how it was read, its units and how many could not be read."""

    source: str
    file: str
    format: str
    units: int
    rejected: int
    digest: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the build, in order: what kind it is, and how many records came in and went on."""

    name: str
    stage: str
    records_in: int
    records_out: int
    dropped: int
    added: int


@dataclass(frozen=True, slots=True)
class Gate:
    """A dataset gate. `held` is None, and so is `value`, where nothing could be measured."""

    name: str
    value: float | None
    threshold: float
    at_least: bool
    held: bool | None
    sentence: str
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound that a stage decided by: below `low` or above `high` something happens (`action`)."""

    measure: str
    low: float | None
    high: float | None
    action: str
    group: str = ""
    why: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a text, in code points; `cut_before` and `cut_after` count what is not shown.

    Args:
        text: what is shown.
        marks: [start, stop) within `text`, in order, none overlapping.
    """

    text: str
    marks: tuple[tuple[int, int], ...] = ()
    cut_before: int = 0
    cut_after: int = 0


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record as the page shows it: its texts by field, scrubbed as they stand in records.parquet."""

    id: str
    source: str
    place: str
    lang: str
    status: str
    fields: tuple[tuple[str, Passage], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A record to which a reason applied, with the evidence, and the other record that the evidence names."""

    record: ShownRecord
    evidence: tuple[tuple[str, str], ...]
    other: ShownRecord | None = None
    other_is: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """What one stage did to records for one reason, and ten of them."""

    stage: str
    action: str
    reason: str
    count: int
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """How many values of one group fall into each bin of a distribution, with the group's own numbers."""

    group: str
    counts: tuple[int, ...]
    values: int
    median: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram over equal bins (equal in the logarithm if `log`).

    Args:
        measure: column of records.parquet, or the name of a length or similarity.
        edges: one more than there are bins.
        series: one a language, the most frequent first.
        below, above: how many values lie outside of the edges.
        missing: records that have no value.
        thresholds: drawn in, each with its group ("" for all).
    """

    measure: str
    edges: tuple[float, ...]
    series: tuple[Series, ...]
    below: int = 0
    above: int = 0
    missing: int = 0
    log: bool = False
    thresholds: tuple[Threshold, ...] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """How many records of one language were kept and dropped."""

    code: str
    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class PersonalData:
    """One kind of personal data: records that held it, and how many values were replaced."""

    kind: str
    records: int
    values: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model that was used: its kind, name, revision and the SHA-256 of its weights."""

    kind: str
    name: str
    revision: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Fit:
    """What a stage learnt from this corpus, and its digest."""

    stage: str
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Why units could not be read: how many, and some of them as (file:line, what was wrong)."""

    reason: str
    count: int
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """What people's decisions came to, as (what, number or words), in the order to be shown."""

    stage: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What became of the children of one method; `lost` is (reason, how many), the most frequent first."""

    method: str
    made: int
    kept: int
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ShownChild:
    """A child that stays, beside its parent, with what was measured of the pair, as (column, number)."""

    method: str
    child: ShownRecord
    parent: ShownRecord
    numbers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Augmentation:
    """The children that were made: by method, and some of those that stay."""

    methods: tuple[MadeBy, ...]
    children: tuple[ShownChild, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything the page says."""

    name: str
    seed: int
    build_key: str
    counts: Counts
    files: tuple[SourceFile, ...] = ()
    stages: tuple[Stage, ...] = ()
    gates: tuple[Gate, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    reasons: tuple[Reason, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    languages: tuple[Language, ...] = ()
    personal: tuple[PersonalData, ...] = ()
    scrubbed: bool = False
    not_looked_for: tuple[str, ...] = ()
    models: tuple[Model, ...] = ()
    fits: tuple[Fit, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    rejects: tuple[Reject, ...] = ()
    review: tuple[Review, ...] = ()
    augmentation: Augmentation | None = None
