"""The files of review decisions that a recipe names: found, read, and combined.

Apart from the stage because the engine asks as well: a text that people accepted is exempt from record gates, also
from those that stand before the review in the recipe.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.errors import RecipeError, ReviewError
from quality.review import Broken, Conflict, Decision, DecisionsError, Outcome, combine, parse

_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Read:
    """What the files of a recipe say: outcomes by (root, text key), rows that say nothing, and contradictions."""

    rows: int
    annotators: int
    outcomes: dict[tuple[str, str], Outcome]
    broken: tuple[Broken, ...]
    conflicts: tuple[Conflict, ...]


def find_decisions(patterns: Sequence[str], base: Path) -> tuple[str, ...]:
    """Return the files that a recipe names, as absolute paths.

    Args:
        patterns: paths relative to `base`; one with a wildcard may match no file yet, in the order of their names.
        base: the folder of the recipe.

    Raises:
        RecipeError: a file that is named without a wildcard is not there.
    """
    found: list[str] = []
    for pattern in patterns:
        path = base / Path(pattern).expanduser()
        if _WILD.intersection(pattern):
            root = Path(path.anchor) if path.is_absolute() else Path()
            matching = root.glob(str(path.relative_to(root)))
            found += sorted(str(each) for each in matching if each.is_file())
        elif path.is_file():
            found.append(str(path))
        else:
            raise RecipeError(
                f"there is no file of decisions {path}",
                "name one that is there, or a pattern such as decisions/*.jsonl, which may match none yet",
            )
    return tuple(dict.fromkeys(str(Path(each).absolute()) for each in found))


def read_decisions(paths: Sequence[str]) -> Read:
    """Return what files of decisions say together, later files after earlier ones.

    Raises:
        ReviewError: one cannot be read, is not UTF-8, or is a table without the columns that it needs.
    """
    files = []
    for path in paths:
        try:
            files.append((Path(path).name, Path(path).read_bytes()))
        except OSError as error:
            raise ReviewError(f"the decisions {path} cannot be read: {error.strerror}") from error
    return _read(tuple(files))


@lru_cache(maxsize=2)
def _read(files: tuple[tuple[str, bytes], ...]) -> Read:
    decisions: list[Decision] = []
    broken: list[Broken] = []
    for name, data in files:
        try:
            good, bad = parse(name, data)
        except DecisionsError as error:
            raise ReviewError(
                str(error), "nothing was applied; mend the file, or take it out of the recipe"
            ) from error
        decisions += good
        broken += bad
    outcomes, conflicts = combine(decisions)
    people = len({each.annotator for each in decisions})
    return Read(len(decisions), people, outcomes, tuple(broken), tuple(conflicts))


def file_digests(paths: Sequence[str]) -> list[str]:
    """Return the SHA-256 of every file, in order: what a result depends on, not where the files lie."""
    return [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]


def accepted_keys(paths: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Return what people accepted by majority, as (root, text key)."""
    outcomes = read_decisions(paths).outcomes
    return frozenset(text for text, outcome in outcomes.items() if outcome.verdict == "accept")
