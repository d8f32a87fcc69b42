"""Reads a finished build for training: its records of one split, from the documented files alone.

What is trained on must be what the manifest describes, so the file that is read is checked against its digest first:
an adapter names its build by the manifest's digest, and that would otherwise say nothing. That file is records.parquet,
not an export: exports depend on the recipe's formats, and weights and categories stand only there. Rejected: going
through the engine's own reader, which would tie a training machine to every stage's libraries.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import TrainError
from pipeline.store import file_sha256

FORMAT_VERSION = 1
"""The newest format of a build that is understood here."""

RECORDS = "records.parquet"
_TEXTS = ("id", "root", "system", "history", "instruction", "input", "output", "lang")


@dataclass(frozen=True, slots=True)
class Example:
    """One kept record: texts, earlier (user, assistant) turns, how often an epoch sees it, and its category."""

    id: str
    root: str
    system: str
    history: tuple[tuple[str, str], ...]
    instruction: str
    input: str
    output: str
    lang: str
    weight: float = 1.0
    category: str = ""

    @property
    def is_document(self) -> bool:
        """Whether there is nothing but a text: no system text, turn, instruction or input."""
        return not (self.system or self.history or self.instruction or self.input)


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build whose files are those of its manifest; `digest` is the SHA-256 of manifest.json."""

    folder: Path
    name: str
    digest: str

    def examples(self, split: str, category_column: str = "lang") -> list[Example]:
        """Return the kept records of one split, in file order.

        A build without a split stage has one split, `train`. A record without a weight counts once an epoch.

        Args:
            split: `train`, `validation` or `test`.
            category_column: the column of records.parquet that scores are split by; absent values are "".

        Raises:
            TrainError: there is no such column, no record in the split, or a weight that is none.
        """
        table = _table(self.folder, category_column)
        weights = table["weight"].to_pylist() if "weight" in table.column_names else [None] * table.num_rows
        names = [name or "train" for name in table["split"].to_pylist()]
        chosen = [row for row, name in enumerate(names) if name == split]
        if not chosen:
            raise _empty(self.folder, split, names)
        columns = {name: table[name].to_pylist() for name in _TEXTS}
        categories = table[category_column].to_pylist()
        examples = []
        for row in chosen:
            texts = {name: columns[name][row] for name in _TEXTS if name != "history"}
            history = tuple((turn["user"] or "", turn["assistant"] or "") for turn in columns["history"][row])
            weight = _weight(weights[row], texts["id"], self.folder)
            examples.append(
                Example(**texts, history=history, weight=weight, category=_shown(categories[row]))
            )
        return examples

    def licence(self) -> str:
        """Return the licence that the build's recipe names, as the hub spells it; "" if none."""
        manifest = json.loads((self.folder / "manifest.json").read_bytes())
        return str(manifest.get("recipe", {}).get("card", {}).get("license", ""))

    def count(self, split: str) -> int:
        """Return how many kept records a split has."""
        table = pq.read_table(
            self.folder / RECORDS, columns=["split"], filters=pc.field("status") == "kept", partitioning=None
        )
        return sum((name or "train") == split for name in table["split"].to_pylist())


def open_build(folder: Path) -> Build:
    """Return a finished build after checking the files that training reads against its manifest.

    Raises:
        TrainError: there is no finished build, it is newer than this program, or a file is missing or changed.
    """
    path = folder / "manifest.json"
    try:
        raw = path.read_bytes()
        manifest = json.loads(raw)
    except (OSError, ValueError) as error:
        raise _no_build(folder, "it holds no readable manifest.json") from error
    if not isinstance(manifest, dict) or "build_key" not in manifest or "outputs" not in manifest:
        raise _no_build(folder, "its manifest.json is not a build's")
    if folder.resolve().name.startswith((".tmp-", ".old-")):
        raise _no_build(folder, "its name says that a build was writing it when it was stopped")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise TrainError(
            f"{folder} is a build of format {version}, and this program reads up to {FORMAT_VERSION}",
            "update the program, or build again with this one",
        )
    if RECORDS not in manifest["outputs"]:
        raise _no_build(folder, f"its manifest names no {RECORDS}")
    for name in manifest["outputs"]:
        if name == RECORDS or name.startswith("data/"):  # who changes data/ believes that training reads it
            _check_unchanged(folder, name, manifest["outputs"])
    return Build(folder, str(manifest.get("name", folder.name)), hashlib.sha256(raw).hexdigest())


def _check_unchanged(folder: Path, name: str, outputs: dict[str, str]) -> None:
    again = "training would not be on what the manifest describes: build again, or restore the file"
    if not (folder / name).is_file():
        raise TrainError(f"{folder}: {name} is missing, and the manifest names it", again)
    if file_sha256(folder / name) != outputs[name]:
        raise TrainError(f"{folder}: {name} was changed after its manifest was written", again)


def _no_build(folder: Path, why: str) -> TrainError:
    return TrainError(
        f"{folder} is not a finished build: {why}",
        "name the folder that `python -m pipeline build` wrote, e.g. builds/sample",
    )


def _table(folder: Path, category_column: str) -> pa.Table:
    """Return the kept rows, only the columns that are read."""
    path = folder / RECORDS
    schema = pq.read_schema(path)
    lacking = [name for name in (*_TEXTS, "status", "split") if name not in schema.names]
    if lacking:
        raise TrainError(f"{path} lacks the columns {', '.join(lacking)}", "build again with this program")
    valid = [field.name for field in schema if _is_category(field)]
    if category_column not in valid:
        raise TrainError(
            f"{path} has no column {category_column!r} that scores could be split by",
            f"valid: {', '.join(valid)}",
        )
    names = dict.fromkeys((*_TEXTS, "split", category_column))
    if "weight" in schema.names:
        names["weight"] = None
    return pq.read_table(path, columns=list(names), filters=pc.field("status") == "kept")


def _is_category(field: pa.Field) -> bool:
    """Tell whether a column holds few plain values, not texts, numbers or identities."""
    if field.name in ("id", "root", "status", "split", "dropped_by", "drop_reason", "meta", *_TEXTS[2:-1]):
        return False
    kind = field.type
    return bool(pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind))


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _weight(value: float | None, id_: str, folder: Path) -> float:
    if value is None:
        return 1.0
    if not math.isfinite(value) or value < 0:
        raise TrainError(
            f"{folder}: record {id_} has the weight {value}", "weights are finite and not negative"
        )
    return float(value)


def _empty(folder: Path, split: str, names: list[str]) -> TrainError:
    held = ", ".join(f"{name} ({names.count(name)})" for name in sorted(set(names))) or "no record at all"
    return TrainError(
        f"{folder} has no record in the split {split!r}; it has: {held}",
        "give the build's recipe a stage `split` whose shares fill it, and build again",
    )
