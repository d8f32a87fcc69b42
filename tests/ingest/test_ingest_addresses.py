"""Addresses and data sets of the hub: fetched once, told without secrets, and refused in clear words."""

from __future__ import annotations

import http.server
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.ingest import SourceSpec, addresses, find_files, ingest_file
from pipeline.ingest.credentials import is_address, without_secrets
from pipeline.ingest.files import InputFile

LINE = b'{"instruction": "q", "output": "a"}\n'


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder with ETags; counts what it gives away, and can break off."""

    fetched: ClassVar[list[str]] = []
    break_off: ClassVar[bool] = False

    def do_GET(self) -> None:
        self.fetched.append(self.path.split("?")[0])
        if self.break_off:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(LINE)
            return
        super().do_GET()

    def end_headers(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_file() and not self.break_off:
            self.send_header("ETag", f'"{path.stat().st_mtime_ns}-{path.stat().st_size}"')
        super().end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "www"
    folder.mkdir()
    Handler.fetched.clear()
    Handler.break_off = False
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def find(tmp_path: Path, path: str, **options: Any) -> list[InputFile]:
    return find_files(SourceSpec(name="src", path=path, **options), tmp_path, tmp_path / "cache")


def test_a_file_is_fetched_again_only_when_it_changed(web: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = web
    (folder / "a.jsonl").write_bytes(LINE)
    (file,) = find(tmp_path, f"{url}/a.jsonl")
    assert (file.name, file.shown, file.path.read_bytes()) == ("a.jsonl", f"{url}/a.jsonl", LINE)
    (again,) = find(tmp_path, f"{url}/a.jsonl")
    assert (again, Handler.fetched) == (file, ["/a.jsonl"])
    (folder / "a.jsonl").write_bytes(LINE * 2)
    (changed,) = find(tmp_path, f"{url}/a.jsonl")
    assert (changed.path.read_bytes(), len(Handler.fetched)) == (LINE * 2, 2)


def test_a_folder_of_the_web_gives_its_readable_files(web: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = web
    (folder / "d").mkdir()
    for name in ("d/b 1.jsonl", "d/a.csv", "d/x.pdf"):
        (folder / name).write_bytes(LINE)
    assert [file.name for file in find(tmp_path, f"{url}/d/")] == ["a.csv", "b 1.jsonl"]


SECRETS = ("hunter2", "s3cr3t", "anna")


def test_passwords_and_tokens_serve_to_fetch_and_are_seen_nowhere(
    web: tuple[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url, folder = web
    (folder / "a.jsonl").write_bytes(LINE + b"{\n")
    written = url.replace("http://", "http://anna:hunter2@") + "/a.jsonl?token=s3cr3t#s3cr3t"
    spec = SourceSpec(name="src", path=written)
    (file,) = find_files(spec, tmp_path, tmp_path / "cache")
    report = ingest_file(file, spec, 10, lambda table: None)
    told = [file.name, file.shown, str(file.path), str(report), spec.model_dump_json(), caplog.text]
    Handler.break_off = True
    for address in (written.replace("a.jsonl", "b.jsonl"), written.replace("127.0.0.1", "127.0.0.2")):
        with pytest.raises(SourceError) as caught:
            find(tmp_path, address)
        told += [str(caught.value), str(caught.value.__cause__)]
    assert not [word for word in SECRETS for text in told if word in text]
    assert "a.jsonl" in spec.model_dump_json()


def test_what_is_not_there_or_breaks_off_names_its_address(web: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = web
    with pytest.raises(SourceError, match=r"source src: http://127\.0\.0\.1:\d+/no\.jsonl does not exist"):
        find(tmp_path, f"{url}/no.jsonl")
    (folder / "a.jsonl").write_bytes(LINE)
    Handler.break_off = True
    with pytest.raises(SourceError, match=r"/a\.jsonl could not be fetched whole"):
        find(tmp_path, f"{url}/a.jsonl")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match="could not be fetched whole"):
        find(tmp_path, f"http://127.0.0.1:{port}/a.jsonl")


def test_any_system_that_fsspec_knows_can_be_named(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/box/d/a.jsonl": LINE, "/box/b.csv": b"question,answer\na,b\n", "/box/x.pdf": b""})
    try:
        assert [file.name for file in find(tmp_path, "memory://box")] == ["b.csv", "d/a.jsonl"]
        assert [file.name for file in find(tmp_path, "memory://box/**/*.jsonl")] == ["d/a.jsonl"]
        assert [file.name for file in find(tmp_path, "memory://box/b.csv")] == ["b.csv"]
        with pytest.raises(SourceError, match=r"memory://nothing/a\.jsonl does not exist"):
            find(tmp_path, "memory://nothing/a.jsonl")
    finally:
        memory.rm("/box", recursive=True)


def test_a_file_address_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "ein file.jsonl").write_bytes(LINE)
    (file,) = find(tmp_path, f"file://{tmp_path}/ein%20file.jsonl")
    assert (file.path, file.address) == (tmp_path / "ein file.jsonl", "")


def test_a_missing_package_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(SourceError, match="needs a package that is not installed") as caught:
        find(tmp_path, "gs://bucket/a.jsonl")
    assert caught.value.hint == "pip install gcsfs"
    with pytest.raises(SourceError, match="unknown kind, gopher://"):
        find(tmp_path, "gopher://host/a.jsonl")


def test_secrets_are_cut_out_of_addresses_alone() -> None:
    assert without_secrets("https://u:p@h.org:8/a/b.jsonl?sig=x#y") == "https://h.org:8/a/b.jsonl"
    assert without_secrets("data/a@b?.jsonl") == "data/a@b?.jsonl"
    assert (is_address("C:/data/x"), is_address("s3://b/k"), is_address("zip://a::https://h/x")) == (
        False,
        True,
        True,
    )
    with pytest.raises(ValueError, match="set it in the environment"):
        SourceSpec(name="s", path="s3://b", storage={"secret": "x"})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("moto_server") is None, reason="needs moto[server]")
def test_a_bucket_of_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3fs = pytest.importorskip("s3fs")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [str(shutil.which("moto_server")), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": ""},
    )
    try:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        system = s3fs.S3FileSystem(endpoint_url=url)
        system.mkdir("bucket")
        system.pipe({"bucket/zh/a.jsonl": LINE, "bucket/en/b.jsonl": LINE * 2, "bucket/x.pdf": b""})
        storage = {"endpoint_url": url}
        files = find(tmp_path, "s3://bucket", storage=storage)
        assert [(file.name, file.size) for file in files] == [
            ("en/b.jsonl", 2 * len(LINE)),
            ("zh/a.jsonl", len(LINE)),
        ]
        assert files[0].shown == "s3://bucket/en/b.jsonl"
        assert find(tmp_path, "s3://bucket", storage=storage) == files
        system.pipe({"bucket/zh/a.jsonl": LINE * 3})
        assert find(tmp_path, "s3://bucket/*/a.jsonl", storage=storage)[0].size == 3 * len(LINE)
        with pytest.raises(SourceError, match=r"s3://bucket/no\.jsonl does not exist"):
            find(tmp_path, "s3://bucket/no.jsonl", storage=storage)
    finally:
        server.terminate()
        server.wait()


def test_a_data_set_is_a_file_for_each_split(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for split, rows in (("train", 3), ("test", 2)):
        table = pa.table({"instruction": [f"问{n}" for n in range(rows)], "output": ["答"] * rows})
        pq.write_table(table, tmp_path / "set" / f"{split}.parquet")
    spec = SourceSpec(name="src", dataset="set")
    files = find_files(spec, tmp_path, tmp_path / "cache")
    assert [file.name for file in files] == ["test.parquet", "train.parquet"]
    tables: list[pa.Table] = []
    assert ingest_file(files[1], spec, 10, tables.append).parsed == 3
    assert tables[0]["instruction"].to_pylist() == ["问0", "问1", "问2"]
    one = SourceSpec(name="src", dataset="set", split="test")
    assert [file.name for file in find_files(one, tmp_path, tmp_path / "cache")] == ["test.parquet"]
    with pytest.raises(SourceError, match="has no split 'dev'"):
        find_files(SourceSpec(name="src", dataset="set", split="dev"), tmp_path, tmp_path / "cache")


def test_a_data_set_that_cannot_be_had_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(SourceError, match="the data set 'nobody/nothing' cannot be loaded") as caught:
        find_files(SourceSpec(name="src", dataset="nobody/nothing"), tmp_path, tmp_path / "cache")
    assert "hf download nobody/nothing" in caught.value.hint


@pytest.mark.parametrize("options", [{}, {"path": "a", "dataset": "b/c"}, {"path": "a", "split": "train"}])
def test_a_source_is_either_a_path_or_a_data_set(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"exactly one of|belong to `dataset:`"):
        SourceSpec(name="src", **options)


def test_the_packages_that_are_named_are_those_of_the_extra() -> None:
    assert {"s3fs", "gcsfs", "adlfs", "aiohttp"} <= set(addresses._PACKAGES.values())
