"""Which adapter is the one to use: promoted.json in the registry's folder, and what decides that it changes.

A tuned model is promoted if it is better than its base on held-out records by more than chance: the 95% interval of
the difference in loss, as the evaluation has it, lies below zero. If the adapter promoted before it was measured on
the same build, the new one must beat that one, too; of another build its number would say nothing. What was not
measured is no reason to promote. Rejected: the newest adapter (it may be worse), generation scores (a night's fifty
answers tell too little).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flows.decisions import Answer
from pipeline.errors import TrainError
from pipeline.store import dump_json, file_sha256, write_text

PROMOTED = "promoted.json"
TRAINED_ON = "trained_on"
METRIC = "loss"
SPLITS = ("test", "validation")
"""The split that decides: the first of these on which loss was measured."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The adapter to use.

    Attributes:
        adapter: its folder, relative to the registry's.
        registered: its id in the registry.
        build_digest: SHA-256 of the manifest of the build it was trained and measured on.
        loss: of the tuned model on held-out records, nats per label token.
        why: in one sentence.
    """

    adapter: str
    registered: str
    build_digest: str
    loss: float
    why: str


def better(evaluation: Mapping[str, Any], promoted: Promoted | None, build_digest: str) -> Answer:
    """Tell whether a tuned model is to be promoted.

    Args:
        evaluation: the content of evaluation/results.json.
        promoted: the adapter that is in use.
        build_digest: SHA-256 of the manifest of the build that was trained on.
    """
    split, told = _deciding(evaluation)
    if told is None:
        return Answer(False, "Not promoted: loss was measured on no held-out split.")
    if told["verdict"] == "not measured":
        return Answer(
            False, f"Not promoted: loss on {split} was not measured ({told['why'] or 'too few records'})."
        )
    numbers = (
        f"loss on {split} {told['tuned']:.4f} against the base's {told['base']:.4f} nats per token, difference"
        f" {told['difference']:+.4f}, 95% interval {told['low']:+.4f} to {told['high']:+.4f}"
    )
    if told["verdict"] != "better":
        why = (
            "is worse than its base" if told["verdict"] == "worse" else "is not better than its base for sure"
        )
        return Answer(False, f"Not promoted: the tuned model {why}: {numbers}.")
    if promoted is not None and promoted.build_digest == build_digest and promoted.loss <= told["tuned"]:
        return Answer(
            False,
            f"Not promoted: the adapter in use has a loss of {promoted.loss:.4f} on the same records; {numbers}.",
        )
    return Answer(True, f"Promoted: the tuned model is better than its base: {numbers}.")


def promote(
    registry: Path, adapter: Path, registered: str, evaluation: Mapping[str, Any], build: Path, why: str
) -> Promoted:
    """Make an adapter the one to use; the file is replaced whole.

    Raises:
        StoreError: the registry cannot be written.
    """
    _, told = _deciding(evaluation)
    assert told is not None
    where = os.path.relpath(adapter.resolve(), registry.resolve())
    made = Promoted(where, registered, manifest_digest(build), float(told["tuned"]), why)
    write_text(registry / PROMOTED, lambda stream: dump_json({"format_version": 1, **asdict(made)}, stream))
    return made


def promoted(registry: Path) -> Promoted | None:
    """Return the adapter to use; None if none was ever promoted.

    Raises:
        TrainError: the file is damaged.
    """
    path = registry / PROMOTED
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        del told["format_version"]
        return Promoted(**told)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainError(
            f"{path} is damaged: {error}", "remove it: the next better adapter is promoted"
        ) from error


def trained_on(registry: Path, build: str) -> dict[str, Any] | None:
    """Return the manifest of the build that was trained on last; None if none was.

    Raises:
        TrainError: the file is damaged.
    """
    path = registry / TRAINED_ON / f"{build}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TrainError(f"{path} is damaged: {error}", "remove it: the next night trains") from error
    return found


def remember_trained(registry: Path, manifest: Mapping[str, Any]) -> None:
    """Keep the manifest of a build that was trained on."""
    path = registry / TRAINED_ON / f"{manifest['name']}.json"
    write_text(path, lambda stream: dump_json(dict(manifest), stream))


def manifest_digest(build: Path) -> str:
    """Return the SHA-256 of a build's manifest, by which adapters name their build."""
    return file_sha256(build / "manifest.json")


def _deciding(evaluation: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    found = {split["name"]: split["scores"] for split in evaluation.get("splits", ())}
    losses = [(name, one) for name in SPLITS for one in found.get(name, ()) if one["metric"] == METRIC]
    measured = [(name, one) for name, one in losses if one["verdict"] != "not measured"]
    return next(iter([*measured, *losses]), ("", None))
