"""The key of the pseudonyms: from the environment, or from a file that nobody else can read.

It is looked for before any work starts, never written anywhere, and known to the store and the manifest by a
fingerprint alone. Rejected: deriving it from the recipe's seed (whoever has the manifest could try names until
one fits), a key in the recipe.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.errors import RecipeError

_LEAST_BYTES = 16
_MAKE = "python -c 'import secrets; print(secrets.token_hex(32))'"


class KeyRef(BaseModel):
    """Where a key is: `env`, the name of an environment variable, or `file`, a file with mode 0600."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Name of the environment variable that holds the key; by default PII_KEY.",
    )
    file: str | None = Field(
        default=None, description="File that holds the key, relative to the recipe; mode 0600."
    )

    @model_validator(mode="after")
    def _one_place(self) -> KeyRef:
        if self.env and self.file:
            raise ValueError("name one of env and file, not both")
        return self

    @property
    def shown(self) -> str:
        """What a message calls the place."""
        return f"the file {self.file}" if self.file else f"the environment variable {self.env or 'PII_KEY'}"

    def at(self, base: Path) -> KeyRef:
        """Return the reference with its file's path made absolute."""
        return KeyRef(file=str((base / Path(self.file).expanduser()).absolute())) if self.file else self

    def read(self) -> bytes:
        """Return the key.

        Raises:
            RecipeError: there is none, it is short, or others can read the file.
        """
        key = _from_file(Path(self.file)) if self.file else _from_environment(self.env or "PII_KEY")
        if len(key) < _LEAST_BYTES:
            raise RecipeError(
                f"the key in {self.shown} has {len(key)} bytes; pseudonyms need at least {_LEAST_BYTES}",
                f"make one: {_MAKE}",
            )
        return key

    def fingerprint(self) -> str:
        """Return what tells this key from others and nothing about it."""
        return hmac.new(self.read(), b"fingerprint", hashlib.sha256).hexdigest()[:16]


def _from_environment(name: str) -> bytes:
    value = os.environ.get(name, "").strip()
    if not value:
        raise RecipeError(
            f"pseudonyms need a key, and the environment variable {name} is not set",
            f'export {name}="$({_MAKE})" and keep it: the same key gives the same pseudonyms',
        )
    return value.encode()


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & 0o077:
                raise RecipeError(
                    f"the key file {path} can be read by others: its mode is {mode:04o}", f"chmod 600 {path}"
                )
            return stream.read().strip()
    except OSError as error:
        raise RecipeError(
            f"pseudonyms need a key, and the key file {path} cannot be read: {error.strerror}",
            f"(umask 077; {_MAKE} > {path})",
        ) from error
