"""Gives a folder that appears under its name only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import TrainError
from pipeline.store import storage_error


@contextmanager
def placed_folder(out: Path, replaces: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `out`, and rename it to `out` on success; else nothing is left of it.

    Args:
        out: the folder to be made.
        replaces: whether one that is there gives way, once the new one is whole.

    Raises:
        TrainError: `out` is there already, and may not be replaced.
        StoreError: it cannot be written.
    """
    if out.exists() and not replaces:
        raise TrainError(f"{out} exists already", "name another folder, or move that one away")
    temporary = out.parent / f".tmp-{os.getpid()}-{secrets.token_hex(4)}-{out.name}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if out.exists():
            shutil.rmtree(out)
        temporary.rename(out)
    except OSError as error:
        raise storage_error(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
