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
def placed_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder beside `out`, and rename it to `out` on success; else nothing is left of it.

    Raises:
        TrainError: `out` is there already.
        StoreError: it cannot be written.
    """
    if out.exists():
        raise TrainError(f"{out} exists already", "name another folder, or move that one away")
    temporary = out.parent / f".tmp-{os.getpid()}-{secrets.token_hex(4)}-{out.name}"
    try:
        temporary.mkdir(parents=True)
        yield temporary
        temporary.rename(out)
    except OSError as error:
        raise storage_error(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
