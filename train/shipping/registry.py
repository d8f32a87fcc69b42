"""The registry of adapters: a folder whose index.json says which adapter came out of which build, and how good it is.

Promotion reads this one file. An entry's id is a digest of what makes an adapter what it is (its files, build, base),
so that registering twice is registering once. Writers take a lock and replace the file whole: concurrent registrations
lose nothing, and a reader never sees half an index. Rejected: a database (a text file can be read, compared and put
under version control), and finding adapters by walking folders, which knows no scores and trusts names.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import TrainError
from pipeline.store import Json, digest, dump_json, file_sha256, storage_error, write_text

FORMAT_VERSION = 1
INDEX = "index.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Entry:
    """One adapter.

    Attributes:
        id: digest of the adapter's files, build and base.
        folder: of the adapter, relative to the registry.
        run: name of the run that made it.
        build: name of the build.
        build_digest: SHA-256 of the build's manifest.
        base: name of the base model.
        base_sha256: of its weights.
        method: that trained it.
        scores: name to number, such as `test.loss.tuned`; what was not measured is absent.
        created: UTC, ISO 8601.
    """

    id: str
    folder: str
    run: str
    build: str
    build_digest: str
    base: str
    base_sha256: str
    method: str
    scores: dict[str, float] = field(default_factory=dict)
    created: str = ""


def register(registry: Path, adapter: Path, run: str, scores: dict[str, float]) -> Entry:
    """Enter an adapter folder, with what its train.json says; entering it again renews its scores.

    Args:
        registry: the folder of the registry, usually `adapters/`; it is made.
        adapter: folder with train.json and weights.
        run: name of the run.
        scores: finite numbers by name.

    Raises:
        TrainError: the folder is no adapter, a score is no number, or the index is damaged.
        StoreError: the registry cannot be written.
    """
    for name, score in scores.items():
        if not math.isfinite(score):
            raise TrainError(f"score {name} of {adapter} is {score}", "leave out what could not be measured")
    told = read_train_json(adapter)
    base, build = _part(told, "base", adapter), _part(told, "build", adapter)
    identity = digest(_files_digest(adapter), build, base)
    made = Entry(
        identity,
        os.path.relpath(adapter.resolve(), registry.resolve()),
        run,
        str(build.get("name", "")),
        str(build.get("digest", "")),
        str(base.get("name", "")),
        str(base.get("sha256", "")),
        str(told.get("method", "")),
        dict(sorted(scores.items())),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with _locked(registry):
        others = [entry for entry in entries(registry) if entry.id != identity]
        _write(registry, [*others, made])
    return made


def entries(registry: Path) -> list[Entry]:
    """Return all entries in the order of their registration; none if there is no registry yet.

    Raises:
        TrainError: the index is damaged or of a later version.
    """
    index = registry / INDEX
    try:
        data = json.loads(index.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise _damaged(index, str(error)) from error
    if not isinstance(data, dict) or not isinstance(data.get("adapters"), list):
        raise _damaged(index, "it has no list of adapters")
    if data.get("format_version") != FORMAT_VERSION:
        raise TrainError(
            f"{index} has format_version {data.get('format_version')!r}, and this program reads {FORMAT_VERSION}",
            "use the version of this program that wrote it",
        )
    return [_entry(item, index) for item in data["adapters"]]


def best(
    registry: Path,
    metric: str,
    higher_is_better: bool,
    build_digest: str | None = None,
    base_sha256: str | None = None,
) -> Entry | None:
    """Return the entry with the best score, or None if none has it; of equals, the one registered first.

    Args:
        registry: its folder.
        metric: name of the score.
        higher_is_better: what best means.
        build_digest: if given, only adapters of this build are compared.
        base_sha256: if given, only adapters of this base model are.
    """
    compared = [
        entry
        for entry in entries(registry)
        if metric in entry.scores
        and build_digest in (None, entry.build_digest)
        and base_sha256 in (None, entry.base_sha256)
    ]
    if not compared:
        return None
    return (max if higher_is_better else min)(compared, key=lambda entry: entry.scores[metric])


def adapter_folder(registry: Path, entry: Entry) -> Path:
    """Return the folder of an entry's adapter, with its files checked against the entry's id.

    Raises:
        TrainError: it is gone, or its files are no longer those that were registered.
    """
    folder = registry / entry.folder
    told = read_train_json(folder)
    found = digest(_files_digest(folder), _part(told, "build", folder), _part(told, "base", folder))
    if found != entry.id:
        raise TrainError(
            f"the adapter in {folder} is not the one that was registered as {entry.id[:12]}: its files changed",
            "register it again, which makes a new entry",
        )
    return folder


def read_train_json(adapter: Path) -> dict[str, Json]:
    """Return what an adapter's train.json says.

    Raises:
        TrainError: there is none, or it is damaged.
    """
    path = adapter / "train.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainError(
            f"{adapter} is no adapter of this program: it has no train.json",
            "name the folder adapter/ of a run, such as runs/<name>/adapter",
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(told, dict):
        raise _damaged(path, "it holds no object")
    return told


def _part(told: dict[str, Json], name: str, adapter: Path) -> dict[str, Json]:
    part = told.get(name)
    if not isinstance(part, dict):
        raise _damaged(adapter / "train.json", f"it does not name its {name}")
    return part


def _files_digest(adapter: Path) -> str:
    """Return a digest of the weight files; cards and tokenizers may be written anew without a new adapter."""
    weights = sorted(adapter.rglob("*.safetensors"))
    if not weights:
        raise TrainError(
            f"{adapter} holds no weights (*.safetensors)", "train again, or copy the whole folder"
        )
    lines = "".join(f"{file_sha256(path)}  {path.relative_to(adapter).as_posix()}\n" for path in weights)
    return hashlib.sha256(lines.encode()).hexdigest()


def _entry(item: Json, index: Path) -> Entry:
    if not isinstance(item, dict) or set(item) != {slot.name for slot in fields(Entry)}:
        raise _damaged(index, "an entry has not the fields that it should have")
    scores = item["scores"]
    texts = {name: value for name, value in item.items() if name != "scores"}
    if not isinstance(scores, dict) or not all(isinstance(value, str) for value in texts.values()):
        raise _damaged(index, "an entry holds a value of the wrong type")
    if not all(isinstance(score, int | float) and math.isfinite(score) for score in scores.values()):
        raise _damaged(index, "a score is no number")
    return Entry(**item)  # type: ignore[arg-type]


def _write(registry: Path, listed: list[Entry]) -> None:
    data: Json = {"format_version": FORMAT_VERSION, "adapters": [asdict(entry) for entry in listed]}
    write_text(registry / INDEX, lambda stream: dump_json(data, stream))


@contextmanager
def _locked(registry: Path) -> Iterator[None]:
    try:
        registry.mkdir(parents=True, exist_ok=True)
        stream = (registry / _LOCK).open("a+")
    except OSError as error:
        raise storage_error(registry / _LOCK, error) from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _damaged(path: Path, why: str) -> TrainError:
    return TrainError(
        f"{path} is damaged: {why}", "restore it from a copy, or move it away and register anew"
    )
