"""The evaluation sets that a recipe names: found and digested before any work, read as any source is.

Their files lie beside the corpus and are part of no shard, so their digests stand in the parameters of the measure,
and what was found travels with it. Read once in each process. Rejected: reading them as a source of the recipe (test
items would be records, and a mistake would export them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
from pydantic import Field

from pipeline.errors import SourceError
from pipeline.ingest import SOUND, InputFile, SourceSpec, find_files, ingest_file, input_digest
from pipeline.record import prompt_of
from pipeline.store import digest
from quality.decontamination import Passage, Pieces, cut
from quality.decontamination.passages import is_short, stem

MOST_UNREADABLE = 0.01
"""Share of a test set's units that may be unreadable; with more, what was not looked for would pass as clean."""
_ROWS = 8192


class EvaluationSet(SourceSpec):
    """One evaluation set: a source whose name may be left out."""

    name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="What the set is called in evidence; by default the name of its file, folder or data set.",
    )


@dataclass(frozen=True, slots=True)
class EvaluationFile:
    """One file of an evaluation set, and the digest of its bytes."""

    file: InputFile
    spec: SourceSpec
    digest: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Evaluation sets as they were read.

    Args:
        pieces: what is looked for.
        places: by set and item number, the file and line of each item.
        unreadable: units that could not be read.
    """

    pieces: Pieces
    places: dict[tuple[str, int], tuple[str, int]]
    unreadable: int


@contextmanager
def named_by(key: str) -> Iterator[None]:
    """Say of what goes wrong with a file that it is not a source of the recipe, but named under a stage's key."""
    try:
        yield
    except SourceError as error:
        hint = re.sub(r"`path:` of source \S+ in the recipe", f"`{key}:`", error.hint)
        raise SourceError(f"{key}: {error.message}", hint) from error


def found(against: Sequence[str | EvaluationSet], base: Path) -> tuple[EvaluationFile, ...]:
    """Return the files of evaluation sets, fetched if need be.

    Args:
        against: paths, addresses or sources, as the recipe writes them.
        base: folder that relative paths start from.

    Raises:
        SourceError: one is missing or cannot be opened.
    """
    specs: list[SourceSpec] = []
    for each in against:
        spec = EvaluationSet(path=each) if isinstance(each, str) else each
        names = {known.name for known in specs}
        specs.append(spec.model_copy(update={"name": spec.name or _unique(_called(spec), names)}))
    return tuple(
        EvaluationFile(file, spec, input_digest(file, spec))
        for spec in specs
        for file in find_files(spec, base)
    )


def listed(value: Any) -> Any:
    """Return what a key names as a list: one path or mapping may stand alone.

    Raises:
        ValueError: a path is blank, which would be the folder of the recipe.
    """
    value = (value,) if isinstance(value, str | dict) else value
    if isinstance(value, list | tuple) and any(isinstance(each, str) and not each.strip() for each in value):
        raise ValueError("a path is blank")
    return value


def _called(spec: SourceSpec) -> str:
    written = spec.dataset or (spec.paths[0] if spec.paths else "")
    path = PurePosixPath(written.rstrip("/"))
    stem = path.name.split(".")[0] if "*" not in path.name else path.parent.name
    return re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_") or "evaluation"


def _unique(name: str, taken: set[str]) -> str:
    number = 2
    chosen = name
    while chosen in taken:
        chosen, number = f"{name}_{number}", number + 1
    return chosen


def digest_of(files: Sequence[EvaluationFile]) -> str:
    """Return a digest of all that passages depend on: the bytes, and how they are read; not of where they lie."""
    places = {"path", "dataset", "config", "split", "revision", "storage"}
    return digest([
        (each.spec.model_dump(mode="json", exclude=places), each.file.name, each.digest) for each in files
    ])  # fmt: skip


def loaded(files: Sequence[EvaluationFile], answers: bool) -> Loaded:
    """Return what is looked for, reading the files on the first call of a process.

    Raises:
        SourceError: a file was changed since it was found, or too much of it cannot be read.
    """
    return _loaded(_Key(digest_of(files), tuple(files)), answers)


def rows_of(each: EvaluationFile) -> tuple[list[dict[str, Any]], int]:
    """Return the records of one file beside the corpus, and how many of its units could not be read.

    Raises:
        SourceError: it was changed since it was found, or more than `MOST_UNREADABLE` of it cannot be read.
    """
    tables: list[pa.Table] = []
    report = ingest_file(each.file, each.spec, _ROWS, tables.append)
    if input_digest(each.file, each.spec) != each.digest:
        raise SourceError(f"{each.file.shown} was changed while it was read", "run the same command again")
    bad = sum(reject.reason not in SOUND for reject in report.rejects)
    if bad > MOST_UNREADABLE * report.units:
        raise SourceError(
            f"{each.spec.name}: {bad} of {report.units} units of {each.file.shown} cannot be read",
            "say how it is read (format, columns, encoding), in a mapping as under `sources:`",
        )
    return [row for table in tables for row in table.to_pylist()], bad


class _Key:
    """Files that are equal if their digests are."""

    __slots__ = ("digest", "files")

    def __init__(self, digest: str, files: tuple[EvaluationFile, ...]) -> None:
        self.digest, self.files = digest, files

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@lru_cache(maxsize=2)
def _loaded(key: _Key, answers: bool) -> Loaded:
    passages: list[Passage] = []
    places: dict[tuple[str, int], tuple[str, int]] = {}
    numbers: dict[str, int] = {}
    unreadable = 0
    for each in key.files:
        rows, bad = rows_of(each)
        unreadable += bad
        for row in rows:
            item = numbers[each.spec.name] = numbers.get(each.spec.name, 0) + 1
            places[each.spec.name, item] = (row["file"], row["line"])
            passages += _passages(each.spec.name, item, row, answers)
    return Loaded(cut(passages), places, unreadable)


def _passages(name: str, item: int, row: dict[str, Any], answers: bool) -> list[Passage]:
    """Return the texts of one item: its prompt, in one piece unless both parts can stand alone, and its answer."""
    instruction, input_, output = row["instruction"], row["input"], row["output"]
    turns = [turn["user"] for turn in row["history"]]
    if not (instruction or input_ or turns):
        return [Passage(name, item, "text", output)]
    parts = [instruction, input_]
    if is_short(instruction) or is_short(input_):
        parts = [prompt_of(instruction, input_)]
    asked = [*turns, *parts, *map(stem, parts)]
    found = [Passage(name, item, "prompt", text) for text in asked if text]
    return [*found, Passage(name, item, "response", output)] if answers and output else found
