"""The one fixture of the ingest tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingested import Ingested, Read, ingest


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write bytes to a file, ingest it, and return its report and its records."""

    def run(name: str, data: bytes, shard_rows: int = 1000, **options: Any) -> Ingested:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return ingest(tmp_path, name, shard_rows, **options)

    return run
