"""train.json: what must be known of an adapter to use it as it was trained, beside its weights.

The renderer's hash is checked wherever the adapter is loaded: words put otherwise around a request are the commonest
reason why a good adapter answers badly. Rejected: peft's own configuration for this (other loaders rewrite it).
"""

from __future__ import annotations

import contextlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict

from pipeline.errors import TrainError
from pipeline.store import replacing

FILE = "train.json"
FORMAT_VERSION = 1
_LIBRARIES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "tokenizers")


class AdapterFacts(BaseModel):
    """What train.json holds.

    Attributes:
        base: name, revision and sha256 of the model that was tuned.
        renderer: name, hash, system text and the recipe's template.
        build: name and digest of the build, and where it was.
        best_step: the step whose adapter this is.
        validation_loss: then, nats per label token; None where nothing was validated.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: int = FORMAT_VERSION
    method: str
    quantisation: str
    base: dict[str, str]
    renderer: dict[str, str]
    build: dict[str, str]
    max_length: int
    seed: int
    best_step: int
    validation_loss: float | None
    versions: dict[str, str]


def write_facts(folder: Path, facts: AdapterFacts) -> None:
    """Write train.json into an adapter's folder."""
    with replacing(folder / FILE) as path:
        path.write_bytes(orjson.dumps(facts.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


def adapter_folder(path: Path) -> Path:
    """Return the adapter's folder: the one named, or the adapter/ of the run that is named.

    Raises:
        TrainError: there is none.
    """
    for folder in (path, path / "adapter"):
        if (folder / FILE).is_file():
            return folder
    raise TrainError(f"there is no adapter in {path}", "name a run (runs/<name>) or its folder adapter/")


def versions() -> dict[str, str]:
    """Return the versions of the installed libraries that make an adapter."""
    found = {}
    for name in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
