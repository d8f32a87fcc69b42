"""Texts that cost much to make (translations, answers of an endpoint), remembered by what they were made from.

A cache is a folder of small files of JSON lines, each whole under a digest of its content, so that workers write side
by side without a lock and a killed build keeps what it paid for. Rejected: caching by shard (one new record would
translate thousands again), and a database (a lock for every text).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store import digest, replacing


class TextCache:
    """What one kind of work made of texts.

    Args:
        folder: where it is kept; None remembers for this process only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}
        self._read: set[Path] = set()

    def get(self, keys: Iterable[str]) -> dict[str, str]:
        """Return what is known of these keys.

        Raises:
            StoreError: a file of the cache is damaged.
        """
        wanted = set(keys)
        if wanted - self._known.keys():
            self._refresh()
        return {key: self._known[key] for key in wanted & self._known.keys()}

    def put(self, made: Mapping[str, str]) -> None:
        """Remember texts by their keys.

        Raises:
            StoreError: the folder cannot be written.
        """
        fresh = {key: text for key, text in made.items() if key not in self._known}
        self._known.update(fresh)
        if not fresh or self._folder is None:
            return
        lines = [json.dumps([key, fresh[key]], ensure_ascii=False) for key in sorted(fresh)]
        path = self._folder / f"{digest(*lines)}.jsonl"
        with replacing(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._read.add(path)

    def _refresh(self) -> None:
        if self._folder is None or not self._folder.is_dir():
            return
        for path in sorted(set(self._folder.glob("*.jsonl")) - self._read):
            if path.name.startswith("."):
                continue
            try:
                pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
                self._known.update((str(key), str(text)) for key, text in pairs)
            except (OSError, ValueError, TypeError) as error:
                raise StoreError(f"{path} is damaged", "delete it and build again") from error
            self._read.add(path)
