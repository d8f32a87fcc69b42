"""The store: a file that is there is whole, a lock keeps gc away, and a failed write says what to do."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import StoreError
from pipeline.store import Store, digest, file_sha256, replacing, storage_error, write_text

TABLE = pa.table({"id": ["a", "b"], "n": [1, 2]})
HOLD = """
import sys
from pathlib import Path
from pipeline.store import Store
with Store(Path(sys.argv[1])).lock(exclusive=sys.argv[2] == "alone"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".build")


class Holder:
    """A process that holds the store's lock until it is let go."""

    def __init__(self, store: Store, how: str) -> None:
        root = Path(__file__).resolve().parents[1]
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(store.root), how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)},
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._process.communicate("")


def test_a_digest_depends_on_values_and_their_order_and_not_on_the_order_of_keys() -> None:
    assert digest("a", {"x": 1, "y": 2}) == digest("a", {"y": 2, "x": 1})
    assert len({digest("a", "b"), digest("b", "a"), digest("ab"), digest(["a", "b"])}) == 4


@pytest.mark.parametrize(("kind", "suffix"), [("shards", ".parquet"), ("ledgers", ".arrow")])
def test_a_table_comes_back_as_it_was_written(store: Store, kind: str, suffix: str) -> None:
    assert not store.has_table(kind, "abcd")
    store.write_table(kind, "abcd", TABLE)
    assert store.has_table(kind, "abcd")
    assert store.table_path(kind, "abcd") == store.root / kind / "ab" / f"abcd{suffix}"
    assert store.read_table(kind, "abcd").equals(TABLE)
    assert store.read_table(kind, "abcd", columns=["n"]).column_names == ["n"]


def test_a_table_that_is_there_is_not_written_again(store: Store) -> None:
    store.write_table("shards", "abcd", TABLE)
    store.write_table("shards", "abcd", TABLE.slice(0, 1))
    assert store.read_table("shards", "abcd").num_rows == 2


@pytest.mark.parametrize("kind", ["shards", "ledgers"])
@pytest.mark.parametrize("content", [b"", b"not a table", None])
def test_a_damaged_or_missing_table_says_what_to_do(store: Store, kind: str, content: bytes | None) -> None:
    store.write_table(kind, "abcd", TABLE)
    path = store.table_path(kind, "abcd")
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(StoreError, match="missing or damaged") as caught:
        store.read_table(kind, "abcd")
    assert str(path) in caught.value.message
    assert f"delete {store.root} and build again" in caught.value.hint


def test_a_table_cut_off_in_the_middle_is_damaged(store: Store) -> None:
    for kind in ("shards", "ledgers"):
        store.write_table(kind, "abcd", TABLE)
        path = store.table_path(kind, "abcd")
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(StoreError, match="damaged"):
            store.read_table(kind, "abcd")


def test_json_comes_back_and_is_replaced(store: Store) -> None:
    assert store.read_json("steps", "abcd") is None
    store.write_json("steps", "abcd", {"词": [1, 2.5, None]})
    store.write_json("steps", "abcd", {"词": [3]})
    assert store.read_json("steps", "abcd") == {"词": [3]}
    assert store.path("steps", "abcd", ".json").read_text(encoding="utf-8") == '{\n  "词": [\n    3\n  ]\n}\n'


def test_damaged_json_says_what_to_do(store: Store) -> None:
    store.write_json("steps", "abcd", 1)
    store.path("steps", "abcd", ".json").write_text("{")
    with pytest.raises(StoreError, match="damaged") as caught:
        store.read_json("steps", "abcd")
    assert "delete it and build again" in caught.value.hint


def test_a_file_under_its_name_is_never_half_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.name.startswith(".tmp-")
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as temporary:
        temporary.write_text("new")
        raise KeyError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_text_is_written_whole_with_plain_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    write_text(path, lambda stream: print("a\nb", file=stream))
    assert path.read_bytes() == b"a\nb\n"


def test_a_full_disk_says_how_to_get_space(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="no space left") as caught,
        replacing(tmp_path / "a" / "x") as temporary,
    ):
        # Whatever is written through this link meets ENOSPC from the kernel.
        temporary.symlink_to("/dev/full")
        temporary.write_text("text")
    assert str(tmp_path / "a") in caught.value.message
    assert "free some space" in caught.value.hint
    assert list((tmp_path / "a").iterdir()) == []


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file grow beyond 64 KiB; for a moment only, because the limit holds for the test's output too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["shards", "ledgers"])
def test_a_table_that_cannot_be_written_to_its_end_is_not_there(store: Store, kind: str) -> None:
    noise = pa.table({"bytes": [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20_000)]})
    with small_files(), pytest.raises(StoreError, match="cannot be written"):
        store.write_table(kind, "abcd", noise)
    assert not store.has_table(kind, "abcd")
    assert list(store.files()) == []


def test_a_folder_that_cannot_be_written_is_told_apart_from_a_full_disk(tmp_path: Path) -> None:
    for number in (errno.EACCES, errno.EROFS, errno.EPERM):
        error = storage_error(tmp_path / "x", OSError(number, os.strerror(number)))
        assert f"{tmp_path} cannot be written: {os.strerror(number)}" == error.message
        assert "--out or --store" in error.hint
    assert "no space left" in storage_error(tmp_path / "x", OSError(errno.EDQUOT, "")).message
    assert storage_error(tmp_path / "x", OSError(errno.EIO, "broken")).message.endswith(
        "x cannot be written: broken"
    )


def test_a_store_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / ".build")
    with pytest.raises(StoreError, match="cannot be written"), store.lock(exclusive=False):
        pass
    with pytest.raises(StoreError, match="cannot be written"):
        store.write_json("steps", "abcd", 1)


def leave_half(store: Store) -> Path:
    path = store.root / "shards" / "ab" / ".tmp-1-half-abcd.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    return path


def test_a_build_in_an_idle_store_sweeps_away_what_a_killed_one_left(store: Store) -> None:
    store.write_json("steps", "abcd", 1)
    half = leave_half(store)
    with store.lock(exclusive=False):
        assert not half.exists()
    assert [path.name for path in store.files()] == ["abcd.json"]


def test_a_second_build_shares_the_store_and_leaves_the_firsts_files_alone(store: Store) -> None:
    half = leave_half(store)
    with Holder(store, "shared"):
        half.write_bytes(b"half again")
        with store.lock(exclusive=False):
            assert half.exists()


def test_gc_is_refused_while_a_build_holds_the_store(store: Store) -> None:
    with (
        Holder(store, "shared"),
        pytest.raises(StoreError, match="in use by a build"),
        store.lock(exclusive=True),
    ):
        pass
    with store.lock(exclusive=True):
        pass


def test_gc_alone_keeps_a_second_gc_out(store: Store) -> None:
    with Holder(store, "alone"), pytest.raises(StoreError, match="in use"), store.lock(exclusive=True):
        pass


def test_the_sha256_of_a_file_is_the_known_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
