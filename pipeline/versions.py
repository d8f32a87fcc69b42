"""Which versions of which packages a result depends on."""

from __future__ import annotations

import sys
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline import __version__
from pipeline.store import digest

PACKAGES = (
    "chardet", "ftfy", "numpy", "orjson", "pyarrow", "sentence-transformers", "tokenizers", "torch", "transformers",
    "xxhash",
)  # fmt: skip
"""What can alter the bytes of a build: it goes into every key of the store and into the manifest. Kept short, because
another version of any of these makes everything anew; models are identified by their own digests."""


@lru_cache(maxsize=1)
def installed_versions() -> dict[str, str]:
    """Return the version of Python, of this project and of every package that results depend on."""
    found = {"python": ".".join(map(str, sys.version_info[:3])), "pipeline": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def page_versions() -> dict[str, str]:
    """Return the versions of what draws the report: they alter its bytes, and no other result."""
    return {name: version(name) for name in ("jinja2", "plotly")}


@lru_cache(maxsize=1)
def environment_digest() -> str:
    """Return one digest of all these versions."""
    return digest(installed_versions())


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return one digest of this project's own code and rules, so that no result outlives the code it came from."""
    root = Path(__file__).resolve().parent.parent
    files = sorted(
        path
        for room in ("pipeline", "quality")
        for path in (root / room).rglob("*")
        if path.suffix in (".py", ".json", ".txt", ".npz", ".gz", ".jinja", ".css", ".js")
    )
    whole = blake2b(digest_size=16)
    for path in files:
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()
