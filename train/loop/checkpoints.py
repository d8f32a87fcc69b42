"""Checkpoints that are complete or invisible.

A checkpoint is written in a hidden folder, each file synced; then a marker with the SHA-256 of every file, then the
folder gets its name. What has no marker, or whose bytes are not those of the marker, is no checkpoint: half-made ones
are removed, a damaged one is passed over in a sentence for the one before. transformers takes the highest number it
finds, whatever is in it. Only what is trained is kept (a frozen base is named by its digest in the facts), by
parameter name and byte for byte: an adapter file in peft's own format may round, rename or drop.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import TrainError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

MARKER = "complete.json"
WEIGHTS = "trainable.safetensors"
FACTS = "facts.json"
# How torch's writer of files, in C++, tells a disk that is full: a RuntimeError with one of these in it.
_DISK = ("PytorchStreamWriter", "iostream error", "file write failed")
_NAME = re.compile(r"^checkpoint-(\d+)$")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint, its bytes checked."""

    folder: Path
    step: int


@contextmanager
def writing(folder: Path, step: int, writer: bool = True) -> Iterator[Path]:
    """A hidden folder to fill; at the end it is `checkpoint-<step>`, whole.

    Args:
        folder: of all checkpoints.
        step: of this one.
        writer: whether this process is the one that names it (the first of several).

    Raises:
        TrainError: it cannot be written.
    """
    from safetensors import SafetensorError

    hidden = folder / f".checkpoint-{step}.part"
    if writer and hidden.exists():
        shutil.rmtree(hidden)
    try:
        hidden.mkdir(parents=True, exist_ok=True)
        yield hidden
        if writer:
            complete(hidden, folder / f"checkpoint-{step}")
    except (OSError, RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in _DISK):
            raise
        raise TrainError(
            f"checkpoint-{step} cannot be written to {folder}: {error}",
            "make room on the disk and go on by --resume; the checkpoint before is whole",
        ) from error


def complete(hidden: Path, final: Path) -> None:
    """Seal a filled folder with its marker and give it its name."""
    for path in _files(hidden):
        _sync(path)
    files = {path.relative_to(hidden).as_posix(): _digest(path) for path in _files(hidden)}
    marker = hidden / MARKER
    marker.write_text(json.dumps({"format_version": 1, "files": files}, indent=1), encoding="utf-8")
    _sync(marker)
    _sync(hidden)
    if final.exists():
        remove(final)
    hidden.rename(final)
    _sync(final.parent)


def remove(folder: Path) -> None:
    """Remove a checkpoint; it is no checkpoint from the first moment on."""
    gone = folder.with_name(f".{folder.name}.gone")
    if gone.exists():
        shutil.rmtree(gone)
    folder.rename(gone)
    shutil.rmtree(gone)


def sweep(folder: Path) -> int:
    """Remove what was never finished; returns how many folders that were."""
    swept = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        hidden = path.name.startswith(".checkpoint-")
        if path.is_dir() and (hidden or (_NAME.match(path.name) and not (path / MARKER).is_file())):
            shutil.rmtree(path)
            swept += 1
    if swept:
        logger.warning("removed %d unfinished checkpoints in %s", swept, folder)
    return swept


def named(folder: Path) -> list[Checkpoint]:
    """Checkpoints with a marker, oldest first, their bytes not yet checked."""
    found = [
        Checkpoint(path, int(match.group(1)))
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (match := _NAME.match(path.name)) and (path / MARKER).is_file()
    ]
    return sorted(found, key=lambda checkpoint: checkpoint.step)


def newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint; each damaged one above it is named in a warning."""
    for checkpoint in reversed(named(folder)):
        fault = damage(checkpoint.folder)
        if not fault:
            return checkpoint
        logger.warning("%s is passed over for the one before: %s", checkpoint.folder, fault)
    return None


def damage(folder: Path) -> str:
    """What is wrong with a checkpoint's bytes, as a sentence's end; empty if nothing is."""
    try:
        files: dict[str, str] = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{MARKER} cannot be read"
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if _digest(path) != digest:
            return f"{name} is not what was written"
    return ""


def rotate(folder: Path, keep: int, best_step: int | None) -> None:
    """Remove all but the newest `keep` checkpoints and the best."""
    for checkpoint in named(folder)[:-keep]:
        if checkpoint.step != best_step:
            remove(checkpoint.folder)


def save_weights(tensors: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write what is trained, by name, byte for byte."""
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS)


def load_weights(folder: Path) -> dict[str, torch.Tensor]:
    """What `save_weights` wrote, in the CPU's memory."""
    from safetensors.torch import load_file

    return load_file(folder / WEIGHTS)


def write_facts(facts: Mapping[str, Any], folder: Path) -> None:
    """Write what the run stands on: recipe, data, base."""
    text = json.dumps({"format_version": 1, "facts": facts}, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / FACTS).write_text(text, encoding="utf-8")


def check_facts(facts: Mapping[str, Any], folder: Path) -> None:
    """See that a run stands on what the checkpoint stood on.

    Raises:
        TrainError: naming everything that differs, with both values.
    """
    stored: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))["facts"]
    odd = [name for name in sorted(stored.keys() | facts.keys()) if stored.get(name) != facts.get(name)]
    if odd:
        told = "; ".join(
            f"{name}: {_short(stored.get(name))} then, {_short(facts.get(name))} now" for name in odd
        )
        raise TrainError(
            f"{folder} cannot be resumed, for this run differs from it: {told}",
            "restore what differs, or start under another name",
        )


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
